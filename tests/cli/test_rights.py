"""What people may ask of us: erasure, restriction, correction, access."""
import json
import os
import pty
import subprocess

import pytest

from conftest import Ctl, PROVEN

GIVEN = "Petr.Novak+Shop@Example.COM"
CANONICAL = "petr.novak+shop@example.com"
IDN = "Jiří@Příklad.example"


def spellings(address):
    """As typed, as compared, in UTF-16 of either order; case does not count."""
    lower = address.lower()
    local, domain = lower.split("@")
    forms = {lower, f"{local}@{domain.encode('idna').decode()}"}
    for form in sorted(forms):
        for codec in ("utf-8", "utf-16-le", "utf-16-be"):
            yield form.encode(codec)


def files_with(folder, address):
    """Byte search of every file in lower case; its holes are left out."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes().replace(bytes(64), b"").lower()
            if any(spelling in content for spelling in spellings(address)):
                found.append(path.name)
    return found


def known(ctl, address, *more):
    ctl.run("grant", address, "--purpose", "acme/newsletter", "--source",
            "web-form", "--attest", f"Eva, who phoned {address}", *more)


# ---- erase ------------------------------------------------------------------

def test_erased_from_every_file(ctl):
    """G17-1, F-11: found before, in none after; proofs still hold."""
    store = ctl.dir / "lib"
    for address in (GIVEN, IDN, "eva@example.com"):
        known(ctl, address)
    ctl.run("withdraw", GIVEN)
    ctl.run("grant", GIVEN, "--purpose", "acme", "--source", "phone",
            "--attest", "Bob of the " + GIVEN + " desk")
    for address in (GIVEN, IDN):
        assert files_with(store, address) == ["data.mdb"]
    done = ctl.run("erase", GIVEN, "--yes")
    assert f"erased {CANONICAL} (event " in done.stdout
    assert "address of 1 contact, 2 pieces of evidence" in done.stdout
    assert "not reached: backups" in done.stdout
    assert files_with(store, GIVEN) == []
    assert files_with(store, IDN) and files_with(store, "eva@example.com")
    ctl.run("erase", IDN, "--yes")
    assert files_with(store, IDN) == []
    assert "good: " in ctl.run("verify").stdout
    before = ctl.run("history", GIVEN).stdout
    ctl.run("rebuild")
    assert ctl.run("history", GIVEN).stdout == before
    assert ctl.why("eva@example.com") == "consent"


def test_erased_means_no_mail(ctl):
    """G17-2: not to them, nor the mailbox; an import changes nothing."""
    known(ctl, "joe@example.com")
    known(ctl, "eva@example.com")
    assert ctl.why("joe@example.com") == "consent"
    ctl.run("erase", "joe@example.com", "--yes")
    assert ctl.why("joe@example.com") == "erased"
    assert ctl.why("joe+shop@example.com") == "erased"
    assert ctl.why("eva@example.com") == "consent"
    out = ctl.load("email,purpose,status,time\n"
                   "Joe@Example.com,acme/newsletter,confirmed,"
                   "2026-11-21T10:00:00Z\n"
                   "new@example.com,acme/newsletter,confirmed,"
                   "2026-11-21T10:00:00Z\n").stdout
    assert "had their data erased" in out
    assert ctl.why("joe@example.com") == "erased"
    assert ctl.why("new@example.com") == "consent"
    ctl.fails("grant", "joe@example.com", "--purpose", "acme/newsletter",
              *PROVEN, code=1, says="erased since")
    ctl.fails("clear", "joe@example.com", "erased", "--note", "x", code=1,
              says="only the person")
    # Refusals are still recorded, without the address.
    ctl.run("object", "joe@example.com")
    assert files_with(ctl.dir / "lib", "joe@example.com") == []
    assert "good: " in ctl.run("verify").stdout


def test_erase_says_what_it_does_not(ctl):
    known(ctl, "joe@example.com")
    before = ctl.snapshot()
    ctl.fails("erase", "joe@example.com", code=64, says="--yes",
              stdin=subprocess.DEVNULL)
    ctl.fails("erase", "nobody@example.com", "--yes", code=1,
              says="nothing is on record for nobody@example.com")
    ctl.fails("erase", "--yes", code=64, says="whom?")
    ctl.fails("erase", "joe", "--yes", code=65, says="not a mail address")
    assert ctl.snapshot() == before
    ctl.run("erase", "joe@example.com", "--yes")
    events = ctl.events()
    assert "was erased already" in \
        ctl.run("erase", "joe@example.com", "--yes").stdout
    assert ctl.events() == events


def test_restricted_is_kept(ctl):
    """G18: no mail, no erasure; cleared, both again."""
    known(ctl, "joe@example.com")
    ctl.run("restrict", "joe@example.com")
    assert ctl.why("joe@example.com") == "restricted"
    ctl.fails("erase", "joe@example.com", "--yes", code=1,
              says=["is restricted since", "clear joe@example.com restricted"])
    assert files_with(ctl.dir / "lib", "joe@example.com")
    ctl.run("clear", "joe@example.com", "restricted", "--note", "settled")
    assert ctl.why("joe@example.com") == "consent"
    ctl.run("erase", "joe@example.com", "--yes")
    assert files_with(ctl.dir / "lib", "joe@example.com") == []


def test_many_at_once(ctl):
    """One copy for all; whoever cannot be erased is counted."""
    people = [f"p{n}@example.com" for n in range(5)]
    for address in people:
        known(ctl, address)
    ctl.run("restrict", people[3])
    listed = ctl.file("# asked in May\n" + "\n".join(
        people[:4] + ["P0@EXAMPLE.com", "stranger@example.com"]) + "\n")
    out = ctl.json("erase", "--from", listed, "--yes", code=1)
    assert (out["erased"], out["unknown"], out["already_erased"],
            out["restricted"]) == (3, 1, 0, 1)
    assert (out["addresses"], out["evidence"], len(out["contacts"])) \
        == (3, 3, 3)
    left = [bool(files_with(ctl.dir / "lib", p)) for p in people]
    assert left == [False, False, False, True, True]
    bad = ctl.file("email,name\np4@example.com,x\nnobody,y\n")
    ctl.fails("erase", "--from", bad, "--yes", code=65, says="row 3")
    assert ctl.why(people[4]) == "consent"
    again = ctl.run("erase", "--from", listed, "--yes", code=1).stdout
    assert "3 contacts erased already" in again
    assert "1 contact left as they are" in again


@pytest.mark.parametrize("typed,code", [("yes", 0), ("y", 1), ("", 1)])
def test_asked_on_a_terminal(ctl, typed, code):
    known(ctl, "joe@example.com")
    master, slave = pty.openpty()
    os.write(master, (typed + "\n").encode())
    done = ctl.run("erase", "joe@example.com", code=code, stdin=slave)
    os.close(slave)
    os.close(master)
    assert "Type yes" in done.stderr
    assert bool(files_with(ctl.dir / "lib", "joe@example.com")) == (code != 0)


def test_an_erasure_that_cannot_be_finished(ctl):
    """The refusal stands at once; status warns; the next command finishes."""
    known(ctl, "joe@example.com")
    block = ctl.dir / "lib" / "store" / "private" / "new"
    block.mkdir()
    (block / "stranger").touch()
    ctl.fails("erase", "joe@example.com", "--yes", code=75,
              says=["no marketing goes there", "not erased yet"])
    assert ctl.why("joe@example.com") == "erased"
    assert "1 erasures were interrupted" in ctl.run("status").stdout
    assert "could not be finished" in ctl.run("status").stderr
    (block / "stranger").unlink()
    assert ctl.json("status")["erase_pending"] == 0
    assert files_with(ctl.dir / "lib", "joe@example.com") == []


# ---- correct ----------------------------------------------------------------

def test_corrected_address(ctl):
    """G16: refusals go along, a consent does not; nobody else changes."""
    for address in ("old@example.com", "eva@example.com", "bob@example.com"):
        known(ctl, address)
    ctl.run("withdraw", "old@example.com", "--purpose", "acme/offers")
    before = ctl.events()
    args = ("correct", "old@example.com", "--to", "New@Example.org",
            "--note", "she wrote")
    assert "dry run" in ctl.run(*args, "--dry-run").stdout
    assert ctl.events() == before
    assert "no consent moves: new@example.org" in ctl.run(*args).stdout
    assert ctl.why("old@example.com") == "withdrawn"
    assert ctl.why("new@example.org") == "no-record"
    assert ctl.why("new@example.org", "offers") == "withdrawn"
    assert ctl.why("eva@example.com") == "consent"
    assert files_with(ctl.dir / "lib", "new@example.org")
    known(ctl, "new@example.org")
    assert ctl.why("new@example.org") == "consent"
    # The right address is known already: the most restrictive counts.
    ctl.run("object", "bob@example.com")
    ctl.run("correct", "bob@example.com", "--to", "eva@example.com")
    assert ctl.why("eva@example.com") == "objected"
    # Each is forgotten by itself; refusals stay where they went.
    ctl.run("erase", "old@example.com", "--yes")
    assert ctl.why("new@example.org", "offers") == "withdrawn"
    assert files_with(ctl.dir / "lib", "old@example.com") == []
    page = ctl.json("access", "new@example.org")
    assert all("corrected_from" not in str(e) for e in page["events"])
    assert "good: " in ctl.run("verify").stdout


@pytest.mark.parametrize("args,code,says", [
    (["nobody@example.com", "--to", "joe@example.com"], 1, "nothing is on"),
    (["joe@example.com", "--to", "JOE@example.com"], 64, "one address"),
    (["joe@example.com", "--to", "joe"], 65, "not a mail address"),
    (["joe@example.com", "--to", "gone@example.com"], 1, "erased"),
    (["gone@example.com", "--to", "joe@example.com"], 1, "erased"),
    (["joe@example.com"], 64, "--to"),
])
def test_wrong_corrections(ctl, args, code, says):
    known(ctl, "joe@example.com")
    known(ctl, "gone@example.com")
    ctl.run("erase", "gone@example.com", "--yes")
    before = ctl.events()
    ctl.fails("correct", *args, code=code, says=says)
    assert ctl.events() == before


# ---- access -----------------------------------------------------------------

def plant(ctl):
    """One person in all places, and others beside."""
    notice = ctl.file("I want <b>news</b> & offers.\n", "notice.txt")
    ctl.load("email,purpose,status,time,source\n"
             "Joe@Example.com,acme/newsletter,confirmed,"
             "2026-11-01T10:00:00Z,contest\n"
             "joe+shop@example.com,acme/offers,confirmed,"
             "2026-11-02T10:00:00Z,order\n", "--attest", "The officer")
    ctl.run("grant", "JOE@example.com", "--purpose", "acme/offers", "--source",
            "phone", "--notice", notice, "--language", "cs")
    ctl.run("object", "JOE@example.com")
    ctl.run("restrict", "eva@example.com")


def test_access_has_all_and_nothing_of_others(ctl):
    """G15: address, events, text shown, proof, standing; no login, no other
    address of the mailbox."""
    plant(ctl)
    out = ctl.dir / "out"
    done = ctl.run("access", "joe@example.com", "-o", out)
    assert "3 events of joe@example.com" in done.stdout
    assert {p.name for p in out.iterdir()} == \
        {"index.html", "data.json", "data.csv", "SHA256SUMS"}
    assert all(p.stat().st_mode & 0o77 == 0 for p in [out, *out.iterdir()])
    page = (out / "index.html").read_text()
    data = (out / "data.json").read_text()
    table = (out / "data.csv").read_text()
    for text in (page, data, table):
        assert "joe@example.com" in text and "The officer" in text
        assert "contest" in text and "phone" in text
        assert "joe+shop" not in text and "tester" not in text
        assert "eva@" not in text and "family" not in text
    assert "I want &lt;b&gt;news&lt;/b&gt; &amp; offers." in page
    assert "JOE@example.com" in page and "JOE@example.com" in data
    assert "Acme GmbH" in page and "privacy@acme.example" in page
    assert "You objected to all marketing" in page
    for never in ("<script", "http://", "https://", "src=", "@import"):
        assert never not in page
    out = json.loads(data)
    assert [e["event"] for e in out["events"]] == \
        ["confirmed", "granted", "objected"]
    assert {p["purpose"]: p["state"] for p in out["purposes"]} == \
        dict.fromkeys(("acme", "acme/newsletter", "acme/offers"), "objected")
    printed = ctl.json("access", "joe@example.com")
    assert printed["events"][:-1] == out["events"]
    assert printed["events"][-1]["to"] == "the person"  # G19


def test_access_comes_back_by_import(ctl, tmp_path_factory):
    """G20: what the person was given another system takes in."""
    plant(ctl)
    ctl.run("access", "joe@example.com", "-o", ctl.dir / "out")
    other = Ctl(tmp_path_factory.mktemp("other"))
    other.run("init")
    other.run("import", ctl.dir / "out" / "data.csv", "--attest", "Joe")
    assert other.why("joe@example.com") == "objected"
    assert other.events() == 3


def test_access_after_erasure(ctl):
    """G17-2: the keyed id is shown; nothing else is there to show."""
    plant(ctl)
    ctl.run("erase", "joe@example.com", "--yes")
    out = ctl.json("access", "joe@example.com")
    assert out["email_kept"] is None and out["email_as_given"] is None
    assert len(out["keyed_id"]) == 24
    assert [e["evidence"] for e in out["events"]] == [None] * 4
    assert [e["evidence_erased"] for e in out["events"]] == \
        [True, True, False, False]
    ctl.fails("access", "nobody@example.com", code=1,
              says="nothing is on record for nobody@example.com")
    ctl.fails("access", "nobody@example.com", "-o", ctl.dir / "no", code=1,
              says="nothing is on record")
    assert not (ctl.dir / "no").exists()
    (ctl.dir / "full").mkdir()
    (ctl.dir / "full" / "x").touch()
    ctl.fails("access", "joe@example.com", "-o", ctl.dir / "full", code=64,
              says="full")


# ---- ropa -------------------------------------------------------------------

def test_ropa_follows_the_configuration(ctl):
    """G30: change the configuration, and the report changes."""
    known(ctl, "joe@example.com")
    text = ctl.run("ropa").stdout
    assert "Newsletter (acme/newsletter)" in text and "36 months" in text
    assert "1 contacts, of whom 1 have an address kept" in text
    assert "audit@acme.example" not in text and "joe@" not in text
    assert "For you to fill in" in text
    before = ctl.json("ropa")
    news = before["purposes"][1]
    assert (news["purpose"], news["opt_in"], news["streams"]) == \
        ("acme/newsletter", "single", ["newsletter"])
    ctl.config.write_text(ctl.config.read_text()
                          .replace('lifetime = "3y"', 'lifetime = "1y"')
                          .replace("mode = enforce }",
                                   "mode = enforce  refuse = rewrite\n"
                                   'rewrite-to = "audit@acme.example" }'))
    assert "12 months" in ctl.run("ropa").stdout
    after = ctl.json("ropa")
    assert after["purposes"][1]["term"].startswith("12 months")
    assert after["recipients"][1:] == ["audit@acme.example"]
    ctl.run("erase", "joe@example.com", "--yes")
    assert ctl.json("ropa")["addresses"] == before["addresses"] - 1


# ---- breach-scope -----------------------------------------------------------

def test_breach_scope(ctl):
    """G33: who was written to in that time, and nobody else."""
    known(ctl, "early@example.com")
    start = ctl.json("history", "early@example.com")["events"][0]["recorded"]
    for address in ("joe@example.com", "eva@example.com"):
        known(ctl, address)
    ctl.run("object", "joe@example.com")
    end = ctl.json("history", "joe@example.com")["events"][1]["recorded"]
    known(ctl, "late@example.com")
    ids = {a: ctl.json("show", a)["contact"] for a in (
        "early@example.com", "joe@example.com", "eva@example.com")}
    out = ctl.json("breach-scope", "--from", start, "--to", end)
    assert (out["people"], out["events"], out["evidence"]) == (3, 3, 3)
    assert out["events_until_then"] == 3 and out["by_type"]["granted"] == 3
    assert {c["contact"] for c in out["contacts"]} == set(ids.values())
    assert not any("address" in c for c in out["contacts"])
    text = ctl.run("breach-scope", "--from", start, "--to",
                   "2999-01-01T00:00:00Z").stdout
    assert "4 contacts and 5 events were written" in text
    assert "objected       1" in text and "@" not in text
    out = ctl.json("breach-scope", "--from", start, "--to", end,
                   "--addresses")
    assert {c["address"] for c in out["contacts"]} == set(ids)
    ctl.run("breach-scope", "--from", "2001-01-01T00:00:00Z", "--to", start,
            code=1)
    ctl.fails("breach-scope", "--from", end, "--to", start, code=64,
              says="--from must be before --to")
    ctl.fails("breach-scope", "--from", "yesterday", "--to", start, code=64,
              says="not a time like")
