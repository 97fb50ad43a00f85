"""keys checkpoint --rotate: a new key that the old one vouches for; F-14."""
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

import pytest

from test_proofs import (ORIGIN, exported, grant, mend, note_of, signing,
                         two_users, verify, with_checkpoints)

assert exported and signing  # fixtures

NOTE = "0000000001.rotation"


def rotate(ctl):
    done = ctl.run("keys", "checkpoint", "--rotate")
    assert "give the line above to whoever checks" in done.stderr
    return done.stdout.strip()


@pytest.fixture
def rotated(exported):
    """Heads of 2 and 5 events by the old key, of 7 by the new one."""
    ctl = exported
    ctl.secret = ctl.key.read_text().strip()
    ctl.new = rotate(ctl)
    for n in range(2):
        grant(ctl, f"q{n}@b.example")
    ctl.run("checkpoint")
    ctl.out = ctl.dir / "after"
    ctl.run("export-proof", "-o", ctl.out)
    return ctl


def test_the_key_changes(exported):
    """F-4, F-14: both keys sign the head and the note; the old one goes."""
    ctl = exported
    grant(ctl, "late@b.example")  # not signed yet: rotating signs it
    old_secret = ctl.key.read_text().strip()
    link = ctl.dir / "a-name-of-the-old-file"
    os.link(ctl.key, link)
    new = rotate(ctl)
    assert new != ctl.vkey and new.startswith(f"{ORIGIN}+")
    assert (ctl.heads / "vkey").read_text().strip() == new
    assert ctl.key.read_text().startswith(f"PRIVATE+KEY+{ORIGIN}+")
    assert ctl.key.read_text().strip() != old_secret
    assert ctl.key.stat().st_mode & 0o777 == 0o600
    assert not link.read_bytes().strip(b"\0\n"), "the old key is wiped"
    assert not list(ctl.dir.glob("checkpoint.key.*"))
    head, note = note_of(ctl).decode(), (ctl.heads / NOTE).read_text()
    assert head.split("\n")[1] == "6"
    assert note.split("\n")[:5] == ["consent-milter rotation 1", ctl.vkey,
                                    new, *head.split("\n")[1:3]]
    for text in (head, note):
        assert text.count(f"\n\u2014 {ORIGIN} ") == 2
        for vkey in (ctl.vkey, new):
            kept = ctl.dir / ("kept.rotation" if text == note else "kept")
            kept.write_text(text)
            assert "NOT" not in verify("-k", vkey, kept)
    assert ctl.run("keys", "checkpoint").stdout.strip() == new


def test_all_goes_on_after_it(rotated):
    """F-6: signs, agrees with the ledger, refuses what does not extend."""
    ctl = rotated
    assert ctl.json("verify")["good"] is True
    assert ctl.json("verify")["checkpoints"]["count"] == 4
    assert note_of(ctl).decode().count(f"\u2014 {ORIGIN} ") == 1
    assert ctl.json("checkpoint")["new"] is False
    done = subprocess.run(ctl.command("doctor"), capture_output=True,
                          text=True)
    assert "not signed by" not in done.stdout + done.stderr
    before = note_of(ctl)
    shutil.move(ctl.dir / "lib", ctl.dir / "away")
    ctl.run("init", code=0)
    grant(ctl, "other@b.example")
    for command in (["checkpoint"], ["keys", "checkpoint", "--rotate"]):
        ctl.fails(*command, code=65, says=["nothing was signed", "cut off"])
    assert note_of(ctl) == before
    assert not (ctl.heads / "0000000002.rotation").exists()


def test_each_key_leads_to_the_other(rotated):
    """With the old key, with the new one; what it says and when it changed."""
    ctl = rotated
    for vkey in (ctl.vkey, ctl.new):
        said = verify("-k", vkey, ctl.out, *ctl.heads.glob("*.checkpoint"))
        assert "NOT" not in said and "all 7 events" in said
        assert f"the key changed at 5 events: from then on it is {ctl.new}" \
            in said
    early = ctl.dir / "export"  # made before, knows nothing of the new key
    verify("-k", ctl.vkey, early)
    assert "not the key that you trust" in verify("-k", ctl.new, early, code=1)
    verify("-k", ctl.new, early, ctl.heads / NOTE)
    head = ctl.heads / "0000000007.checkpoint"
    verify("-k", ctl.new, head)
    verify("-k", ctl.vkey, head, code=1)
    verify("-k", ctl.vkey, head, ctl.heads / NOTE)


def test_evidence_for_openssl(rotated):
    """F-16: check.sh takes the key that signed each head."""
    ctl = rotated
    ctl.run("evidence", "p0@b.example", "-o", ctl.dir / "ev")
    for vkey in (ctl.vkey, ctl.new):
        assert "NOT" not in verify("-k", vkey, ctl.dir / "ev")
    done = subprocess.run(["sh", "check.sh"], cwd=ctl.dir / "ev",
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "signed with public.pem" in done.stdout
    assert "was signed with heads/0000000002.pem" in done.stdout


def test_every_octet_of_the_note(rotated):
    """Changed, it is refused and named, in a folder and alone."""
    ctl = rotated
    kept = ctl.dir / "kept.rotation"
    was = (ctl.heads / NOTE).read_bytes()
    for at in range(len(was)):
        kept.write_bytes(was[:at] + bytes([was[at] ^ 1]) + was[at + 1:])
        said = verify("-k", ctl.vkey, kept, code=1)
        assert "kept.rotation: NOT VALID" in said
    note = ctl.out / "keys" / NOTE
    for at in range(0, len(was), 31):
        note.write_bytes(was[:at] + bytes([was[at] ^ 1]) + was[at + 1:])
        mend(ctl.out)
        for vkey in (ctl.vkey, ctl.new):
            assert f"keys/{NOTE}, a change of the key, does not hold" in \
                verify("-k", vkey, ctl.out, code=1)
    lines = was.decode().split("\n")
    for gone in (6, 7):
        note.write_text("\n".join(lines[:gone] + lines[gone + 1:]))
        mend(ctl.out)
        said = verify("-k", ctl.vkey, ctl.out, code=1)
        assert f"keys/{NOTE}" in said and "not signed by the key" in said
    note.unlink()
    mend(ctl.out)
    verify("-k", ctl.vkey, ctl.out, code=1)


def test_the_old_key_is_over(rotated):
    """Who stole it after the change cannot sign for what came since."""
    ctl = rotated
    new = ctl.key.read_text()
    for path in ctl.heads.glob("*.rotation"):
        path.rename(ctl.dir / path.name)
    for size in ("checkpoint", "0000000007.checkpoint"):
        (ctl.heads / size).unlink()
    (ctl.heads / "checkpoint").write_bytes(
        (ctl.heads / "0000000005.checkpoint").read_bytes())
    ctl.key.write_text(ctl.secret + "\n")
    ctl.run("checkpoint")
    ctl.key.write_text(new)
    forged = ctl.heads / "0000000007.checkpoint"
    verify("-k", ctl.vkey, forged)
    said = verify("-k", ctl.vkey, forged, ctl.dir / NOTE, code=1)
    assert "its key signed up to 5 only" in said


def test_again_and_again(exported):
    """Three keys in a line, two of them at one size; any of them will do."""
    ctl = exported
    keys = [ctl.vkey, rotate(ctl), rotate(ctl)]
    grant(ctl, "q@b.example")
    ctl.run("checkpoint")
    keys.append(rotate(ctl))
    ctl.run("export-proof", "-o", ctl.dir / "after")
    for vkey in keys:
        said = verify("-k", vkey, ctl.dir / "after")
        assert said.count("the key changed at ") == 3
    assert ctl.json("verify")["good"] is True


def test_killed_in_the_middle(exported):
    """Before the renaming the old key goes on, after it the new one."""
    ctl = exported
    was = {p: p.read_bytes() for p in [ctl.key, *ctl.heads.iterdir()]}
    rotate(ctl)
    both = {name: (ctl.heads / name).read_bytes()
            for name in ("checkpoint", NOTE)}
    new = ctl.key.read_bytes()

    def state(**files):
        for path in ctl.heads.iterdir():
            path.unlink()
        for path, content in was.items():
            path.write_bytes(content)
        for name, content in files.items():
            (ctl.heads / name).write_bytes(content)

    state(**both)  # killed before the renaming
    (ctl.dir / "checkpoint.key.next").write_bytes(new)
    assert ctl.json("verify")["good"] is True
    assert ctl.run("keys", "checkpoint").stdout.strip() == ctl.vkey
    ctl.run("checkpoint")
    again = rotate(ctl)
    assert again in (ctl.heads / NOTE).read_text()
    assert not (ctl.heads / "0000000002.rotation").exists()
    state(**both)  # killed after it: vkey is still the old one
    ctl.key.write_bytes(new)
    assert ctl.json("verify")["good"] is True
    ctl.run("checkpoint")
    assert (ctl.heads / "vkey").read_text().split("+")[2] in \
        both[NOTE].decode()
    assert (ctl.heads / "vkey").read_text().strip() != ctl.vkey
    assert ctl.json("verify")["good"] is True


def test_a_stamp_and_a_copy_stay_good(ctl, tmp_path):
    """What has a name is not signed anew; the note is copied as heads are."""
    drop = tmp_path / "drop"
    drop.mkdir()
    with_checkpoints(ctl, f'drop = "{drop}"')
    grant(ctl, "a@b.example")
    ctl.run("checkpoint")
    head = ctl.heads / "0000000001.checkpoint"
    before = head.read_bytes()
    rotate(ctl)
    ctl.run("checkpoint")
    assert head.read_bytes() == before == (drop / head.name).read_bytes()
    assert (drop / NOTE).read_bytes() == (ctl.heads / NOTE).read_bytes()


def test_two_at_once_make_one_key(ctl):
    """Who comes second finds the first one's key; vkey is the key's."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    heads, key = ctl.dir / "heads", ctl.dir / "checkpoint.key"
    ctl.config.write_text(ctl.config.read_text() + f'''
checkpoint {{ origin = "{ORIGIN}"  key = "{key}"  path = "{heads}"
             user = "{user}" }}
''')
    runs = [subprocess.Popen(ctl.command("keys", "checkpoint"),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True) for _ in range(6)]
    said = {run.communicate()[0].strip() for run in runs}
    assert {run.returncode for run in runs} == {0}
    assert said == {(heads / "vkey").read_text().strip()}
    grant(ctl, "a@b.example")
    ctl.run("checkpoint")


@pytest.mark.parametrize("words, code, says", [
    (["--rotate"], 64, "is for \"keys checkpoint --rotate\""),
    (["rotate", "--rotate"], 64, "is for \"keys checkpoint --rotate\""),
    (["checkpoint", "--rotate"], 78, "no checkpoint section"),
])
def test_refused(ctl, words, code, says):
    before = ctl.snapshot()
    ctl.fails("keys", *words, code=code, says=says)
    assert ctl.snapshot() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
def test_all_stays_the_signers():
    """F-6: root rotates, checkpoint.user goes on signing."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cm-rotate-"))
    try:
        ctl = two_users(folder)
        ctl.fails("keys", "checkpoint", "--rotate", code=78,
                  says="there is no key")
        ctl.run("keys", "checkpoint")
        grant(ctl, "a@b.example")
        rotate(ctl)
        nobody = pwd.getpwnam("nobody").pw_uid
        for path in [folder / "etc" / "checkpoint.key",
                     *(folder / "heads").iterdir()]:
            assert path.stat().st_uid == nobody, path
        grant(ctl, "b@b.example")
        assert ctl.json("checkpoint")["size"] == 2
        assert ctl.json("verify")["good"] is True
    finally:
        shutil.rmtree(folder)
