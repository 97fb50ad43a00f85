"""keys checkpoint --compromised: what a stolen key signed is not believed;
F-14, second half."""
import datetime
import re
import shutil
import time

import pytest

import outside
from conftest import Ctl
from test_proofs import (ORIGIN, grant, mend, signing, verify,
                         with_checkpoints)
from test_rotation import rotate

assert signing  # a fixture
LONG_AGO = "2026-01-31T12:00:00Z"
ROTATION, NOTE = "0000000001.rotation", "0000000001.compromise"


def compromised(ctl, since=LONG_AGO, *words):
    return ctl.run("keys", "checkpoint", *words, "--compromised", since)


@pytest.fixture
def stolen(signing, tmp_path_factory):
    """Exports of 2 and 5 events by the old key, then a new one; and what a
    thief made of the first 2: five events, too."""
    ctl = signing
    for n in range(2):
        grant(ctl, f"p{n}@b.example")
    ctl.run("checkpoint")
    ctl.run("export-proof", "-o", ctl.dir / "of-2")
    place = tmp_path_factory.mktemp("thief") / "all"
    shutil.copytree(ctl.dir, place)
    thief = Ctl.__new__(Ctl)
    thief.dir, thief.config, thief.files = place, place / "c.conf", 0
    thief.config.write_text(ctl.config.read_text().replace(
        str(ctl.dir), str(place)))
    for who, n in ((ctl, "q"), (thief, "forged")):
        for i in range(3):
            grant(who, f"{n}{i}@b.example")
        who.run("checkpoint")
        who.run("export-proof", "-o", who.dir / "of-5")
    ctl.new = rotate(ctl)
    ctl.forged = place / "of-5"
    return ctl


def test_what_a_thief_signed(stolen):
    """Believed as long as nobody says that the key was stolen; then only what
    something else bears out, and everything that is genuine is."""
    ctl = stolen
    rotation, note = ctl.heads / ROTATION, ctl.heads / NOTE
    assert "all 5 events" in verify("-k", ctl.new, ctl.forged, rotation)
    done = compromised(ctl)
    assert f"others may have had {ctl.vkey} since {LONG_AGO}" in done.stderr
    lines = note.read_text().split("\n")
    assert lines[:5] == ["consent-milter compromise 1", ctl.vkey, ctl.new,
                         LONG_AGO, "5"]
    assert note.read_text().count(f"\n\u2014 {ORIGIN} ") == 1
    known = ("-k", ctl.new, rotation, note)
    said = verify(*known, ctl.forged, code=1)
    assert "0000000005.checkpoint is signed by a key that others may have had" \
        f" since {LONG_AGO}" in said
    assert "two histories" in verify(
        *known, ctl.forged, ctl.dir / "of-5" / "heads" /
        "0000000005.checkpoint", code=1)
    # A checkpoint of another size that was kept bears nothing of it out.
    said = verify(*known, ctl.forged, ctl.heads / "0000000002.checkpoint",
                  code=1)
    assert "nothing else bears it out" in said and "histories" not in said
    # The new key signed the same head when it took over.
    said = verify(*known, ctl.dir / "of-5")
    assert "counts only where something else bears it out" in said
    # A head of before that: only if the reader had it.
    early = ctl.dir / "of-2"
    kept = ctl.heads / "0000000002.checkpoint"
    verify(*known, early, code=1)
    said = verify(*known, early, kept)
    assert "it counts only if you have had this checkpoint since" in said
    assert "NOT" not in said
    # By a later key, of which the old heads are a part; with the old key too.
    grant(ctl, "late@b.example")
    ctl.run("checkpoint")
    ctl.run("export-proof", "-o", ctl.dir / "after")
    ctl.run("evidence", "p0@b.example", "-o", ctl.dir / "ev")
    for folder in ("after", "ev"):
        assert (ctl.dir / folder / "keys" / NOTE).exists()
        for vkey in (ctl.new, ctl.vkey):
            verify("-k", vkey, ctl.dir / folder)
    assert ctl.json("verify")["good"] is True


def test_every_octet_of_the_note(stolen):
    ctl = stolen
    compromised(ctl)
    grant(ctl, "late@b.example")
    ctl.run("checkpoint")
    ctl.run("export-proof", "-o", ctl.dir / "after")
    was = (ctl.heads / NOTE).read_bytes()
    kept, within = ctl.dir / "kept.compromise", ctl.dir / "after/keys" / NOTE
    for at in range(0, len(was), 9):
        bad = was[:at] + bytes([was[at] ^ 1]) + was[at + 1:]
        kept.write_bytes(bad)
        said = verify("-k", ctl.new, kept, ctl.heads / ROTATION, code=1)
        assert "this note that a key was stolen does not hold" in said
        if at % 63:
            continue
        within.write_bytes(bad)
        mend(ctl.dir / "after")
        assert f"keys/{NOTE}, a note that a key was stolen, does not hold" in \
            verify("-k", ctl.new, ctl.dir / "after", code=1)
        (ctl.heads / NOTE).write_bytes(bad)
        ctl.fails("export-proof", "-o", ctl.dir / "no", code=65, says=NOTE)
    # Without the change nobody knows that the key is of this ledger.
    kept.write_bytes(was)
    assert "a key that you know" in verify("-k", ctl.vkey, kept, code=1)
    verify("-k", ctl.vkey, kept, ctl.heads / ROTATION)


@pytest.mark.parametrize("before", [True, False])
def test_a_time_stamp_decides(ctl, tmp_path, before):
    """F-9: what had a stamp before the key was stolen was signed before."""
    tsa = outside.Authority(tmp_path / "tsa")
    try:
        with_checkpoints(ctl, f'tsa-url = "{tsa.url}"  tsa-ca = "{tsa.ca}"')
        grant(ctl, "a@b.example")
        assert ctl.json("checkpoint")["stamped"]
    finally:
        tsa.stop()
    ctl.config.write_text(re.sub(r'tsa-\w+ = "[^"]*"', "",
                                 ctl.config.read_text()))
    ctl.run("export-proof", "-o", ctl.dir / "of-1")
    grant(ctl, "b@b.example")
    since = LONG_AGO
    if before:
        time.sleep(2)
        since = datetime.datetime.now(datetime.timezone.utc).strftime(
            "%Y-%m-%dT%H:%M:%SZ")
    done = compromised(ctl, since, "--rotate")
    new = done.stdout.strip()
    known = ("-k", new, ctl.heads / ROTATION, ctl.heads / NOTE,
             ctl.dir / "of-1")
    verify(*known, code=1)  # nobody looked at the stamp
    verify("-t", tsa.ca, *known, code=0 if before else 1)


def test_copies_go_out(ctl):
    drop = ctl.dir / "drop"
    drop.mkdir()
    with_checkpoints(ctl, f'drop = "{drop}"')
    grant(ctl, "a@b.example")
    compromised(ctl, LONG_AGO, "--rotate")
    ctl.run("checkpoint")
    assert (drop / NOTE).read_bytes() == (ctl.heads / NOTE).read_bytes()


@pytest.mark.parametrize("words, code, says", [
    (["checkpoint", "--compromised", LONG_AGO], 1, "no key before the one in"),
    (["checkpoint", "--compromised", "lately"], 64,
     '"lately" is not a time like 2026'),
    (["checkpoint", "--compromised", "2999-01-01T00:00:00Z"], 64,
     "yet to come"),
    (["rotate", "--compromised", LONG_AGO], 64,
     'is for "keys checkpoint"'),
])
def test_refused(signing, words, code, says):
    signing.run("checkpoint")
    before = signing.snapshot()
    signing.fails("keys", *words, code=code, says=says)
    assert signing.snapshot() == before


def test_said_once(stolen):
    compromised(stolen)
    stolen.fails("keys", "checkpoint", "--compromised", LONG_AGO, code=1,
                 says="that was said already")
    compromised(stolen, LONG_AGO, "--rotate")  # of the next one
    assert (stolen.heads / "0000000002.compromise").exists()
    assert stolen.json("verify")["good"] is True
