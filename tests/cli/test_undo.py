"""consentctl batches, undo: a list that should not have been taken in."""
import hashlib
import os
import random
import re

import pytest

from conftest import PROVEN

HEADER = "email,purpose,status,source,time\n"
WHEN = "2026-02-01T00:00:00Z"


def rows(*people):
    return HEADER + "".join(
        f"{who}@example.org,{purpose},{status},web-form,{at}\n"
        for who, purpose, status, at in people)


def granted(*names, at=WHEN):
    return rows(*((n, "acme/newsletter", "granted", at) for n in names))


def batch_of(ctl, text, *args):
    out = ctl.json("import", ctl.file(text), *(args or PROVEN))
    return out["batch"]


def test_undo(ctl):
    """Issue 4: one corrected event a contact; the state is the one before."""
    ctl.load(granted("ann", at="2026-01-01T00:00:00Z"))
    before = ctl.json("show", "ann@example.org")
    batch = batch_of(ctl, granted("ann", "bob", "cal"))
    assert ctl.json("show", "ann@example.org") != before
    done = ctl.fails("undo", batch, code=1, says="again with --yes")
    assert re.search(r"taken back +3  granted", done.stdout)
    assert "3 corrected events would be" in done.stdout
    dry = ctl.json("undo", batch, "--dry-run")
    assert (dry["events"], dry["dry_run"], dry["people"]) == (3, True, 3)
    assert ctl.events() == 4
    done = ctl.run("undo", batch, "--yes", "--note", "wrong list")
    assert "3 corrected events written" in done.stdout
    assert ctl.events() == 7
    after = ctl.json("show", "ann@example.org")
    assert after["purposes"] == before["purposes"]
    assert ctl.why("ann@example.org") == "consent"
    assert ctl.why("bob@example.org") == "no-record"
    event = ctl.json("history", "bob@example.org")["events"][-1]
    assert (event["type"], event["batch"], event["who"]) == \
        ("corrected", batch, "tester")
    assert ctl.json("verify")["good"] is True
    # Everything made anew from the ledger says the same.
    ctl.run("rebuild")
    assert ctl.json("verify")["good"] is True
    assert ctl.why("bob@example.org") == "no-record"
    # The past stays as it was.
    assert ctl.run("why", "bob@example.org", "--stream", "newsletter",
                   code=1)
    ctl.fails("undo", batch, "--yes", code=1,
              says=f"batch {batch} was undone already, by tester on 20")
    assert ctl.events() == 7


def test_why_in_the_past(ctl):
    batch = batch_of(ctl, granted("ann"))
    at = ctl.json("history", "ann@example.org")["events"][0]["recorded"]
    ctl.run("undo", batch, "--yes")
    said = ctl.json("why", "ann@example.org", "--stream", "newsletter",
                    "--at", at)
    assert said["reason"] == "consent"
    assert ctl.why("ann@example.org") == "no-record"


def test_people_who_acted_since_are_left(ctl):
    batch = batch_of(ctl, granted("ann", "bob", "cal"))
    ctl.run("withdraw", "ann@example.org")
    ctl.run("grant", "bob@example.org", "--purpose", "acme/newsletter",
            "--source", "phone", "--attest", "J. Doe")
    text = ctl.run("undo", batch, "--dry-run").stdout
    assert re.search(r"taken back +1  granted", text)
    out = ctl.json("undo", batch, "--yes")
    assert (out["people"], out["events"], out["left_alone"]) == (3, 1, 2)
    assert out["taken_back"] == {"granted": 1}
    assert ctl.why("ann@example.org") == "withdrawn"
    assert ctl.why("bob@example.org") == "consent"
    assert ctl.why("cal@example.org") == "no-record"


def test_opt_outs_stay(ctl):
    """G21, pitfall 30: staff do not lift what a person may have said."""
    ctl.load(granted("ann", "bob", "cal", "dan", at="2026-01-01T00:00:00Z"))
    batch = batch_of(ctl, rows(
        ("ann", "acme/newsletter", "withdrawn", WHEN),
        ("bob", "", "objected", WHEN), ("cal", "", "complained", WHEN),
        ("dan", "", "undeliverable", WHEN), ("eva", "acme", "granted", WHEN)))
    states = ["withdrawn", "objected", "complained", "undeliverable"]
    ctl.run("undo", batch, "--yes")
    people = [f"{w}@example.org" for w in ("ann", "bob", "cal", "dan")]
    assert [ctl.why(p) for p in people] == states
    ctl.fails("undo", batch, "--refusals", "--yes", code=64,
              says="say why, with --note TEXT")
    out = ctl.json("undo", batch, "--refusals", "--checked", "--note",
                   "wrong list", "--yes")
    assert out["taken_back"] == {"granted": 1, "withdrawn": 1,
                                 "undeliverable": 1}
    assert out["stays"] == {"objected": 1, "complained": 1}
    assert [ctl.why(p) for p in people] == \
        ["consent", "objected", "complained", "consent"]
    assert ctl.json("verify")["good"] is True


def test_family(ctl):
    """What a relative's row refused goes with it, and nothing else."""
    ctl.load(granted("ann"))
    left = ("", "withdrawn")
    one = batch_of(ctl, rows(("ann+a", *left, "2026-03-01T00:00:00Z")))
    two = batch_of(ctl, rows(("ann+b", *left, "2026-04-01T00:00:00Z")))
    assert ctl.why("ann@example.org") == "withdrawn"
    args = ("--refusals", "--checked", "--note", "wrong", "--yes")
    ctl.run("undo", two, *args)
    assert ctl.why("ann@example.org") == "withdrawn"
    ctl.run("undo", one, *args)
    assert ctl.why("ann@example.org") == "consent"
    assert ctl.json("verify")["good"] is True


def test_batches(ctl):
    ctl.fails("batches", code=1, says="no list was imported yet")
    file = ctl.file(granted("ann", "bob"), "people.csv")
    batch = ctl.json("import", file, *PROVEN)["batch"]
    ctl.run("object", "x@example.org")
    listed, = ctl.json("batches")
    assert listed == {
        "batch": batch, "at": listed["at"], "who": "tester", "events": 2,
        "undone": 0, "file": "people.csv",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "attested_by": "Data protection officer"}
    ctl.run("undo", batch, "--yes")
    text = ctl.run("batches").stdout
    assert batch in text and "undone for 2 people" in text
    assert "people.csv, Data protection officer answers for it" in text


@pytest.mark.parametrize("args,code,says", [
    (["20200101T000000-00000000", "--yes"], 1, "no event is of a batch"),
    (["x" * 60], 64, "is not the name of a batch"),
    ([""], 64, "is not the name of a batch"),
    ([], 64, "usage: consentctl undo BATCH"),
])
def test_no_such_batch(ctl, args, code, says):
    ctl.fails("undo", *args, code=code, says=says)


def test_a_later_list_stands(ctl):
    """What another list said since stays, and what it said before."""
    ann, bob, cal = (f"{n}@example.org" for n in ("ann", "bob", "cal"))
    first = batch_of(ctl, rows(
        ("ann", "acme/newsletter", "granted", "2026-02-01T00:00:00Z"),
        ("bob", "acme/newsletter", "granted", "2026-02-01T00:00:00Z"),
        ("cal", "acme/newsletter", "granted", "2026-02-01T00:00:00Z")))
    second = batch_of(ctl, rows(
        ("ann", "acme/newsletter", "granted", "2026-03-01T00:00:00Z"),
        ("bob", "acme/newsletter", "withdrawn", "2026-03-01T00:00:00Z"),
        ("ann", "acme", "granted", "2026-01-01T00:00:00Z")))
    out = ctl.json("undo", first, "--yes")
    assert (out["events"], out["left_alone"]) == (3, 0)
    assert [ctl.why(p) for p in (ann, bob, cal)] == \
        ["consent", "withdrawn", "no-record"]
    ctl.run("undo", second, "--yes", "--refusals", "--checked", "--note",
            "wrong")
    assert [ctl.why(p) for p in (ann, bob, cal)] == ["no-record"] * 3
    assert ctl.json("verify")["good"] is True


def test_what_two_lists_say(ctl):
    """G21: the second list's rows were known, so they are not on record: an
    undo of the first asks for the second, and lifts nobody who is on it."""
    ctl.load(granted("ann", "bob", at="2026-01-01T00:00:00Z"))
    ann, bob = "ann@example.org", "bob@example.org"
    left = rows(*((n, "acme/newsletter", "withdrawn", WHEN)
                  for n in ("ann", "bob")))
    holds = rows(("ann", "acme/newsletter", "withdrawn",
                  "2026-01-15T00:00:00Z"))
    first = batch_of(ctl, left)
    assert batch_of(ctl, holds) is None
    lift = ("undo", first, "--refusals", "--note", "wrong")
    before = ctl.snapshot()
    done = ctl.fails(*lift, "--yes", code=1, says=[
        "nothing was written: other lists may say the same",
        "with import --repeat, then say --checked"])
    assert "imported since" not in done.stderr
    assert ctl.snapshot() == before
    assert "then say --checked" in ctl.run(*lift, "--dry-run").stderr
    batches = [batch_of(ctl, holds, *PROVEN, "--repeat") for _ in range(6)]
    assert None not in batches
    ctl.fails(*lift, "--yes", code=1, says="; imported since: " + ", ".join(
        batches[:1:-1]) + " and 2 before")
    out = ctl.json(*lift, "--checked", "--yes")
    assert out["taken_back"] == {"withdrawn": 2}
    assert [ctl.why(p) for p in (ann, bob)] == ["withdrawn", "consent"]
    ctl.run("rebuild")
    assert [ctl.why(p) for p in (ann, bob)] == ["withdrawn", "consent"]


def test_repeat_is_for_opt_outs(ctl):
    """A grant that is known is never written twice; nor is anything asked of
    who undoes a list without opt-outs."""
    batch = batch_of(ctl, granted("ann"))
    assert batch_of(ctl, granted("ann"), *PROVEN, "--repeat") is None
    out = ctl.json("undo", batch, "--refusals", "--note", "wrong", "--yes")
    assert out["taken_back"] == {"granted": 1}


class Dice(random.Random):
    """The acts of test_no_sequence_lifts_an_objection(), by chance."""

    NAMES = ["ann", "bob", "cal", "dan"]
    ACTS = ["import", "import", "undo", "grant", "object", "withdraw",
            "clear", "rebuild", "backup", "restore"]

    def __init__(self, ctl, seed):
        super().__init__(seed)
        self.ctl = ctl
        self.objected = set()
        self.batches, self.backups = {}, []

    def act(self):
        """Do something; whom it may have changed (None: anybody)."""
        who = self.choice(self.NAMES)
        act = self.choice(self.ACTS)
        return getattr(self, f"do_{act}")(who, f"{who}@example.org")

    def do_import(self, who, address):
        status = self.choice(["granted", "confirmed", "objected",
                              "withdrawn", "complained", "unknown"])
        at = f"2026-0{self.randint(1, 9)}-01T00:00:00Z"
        out = self.ctl.json("import", self.ctl.file(rows(
            (who, "acme/newsletter", status, at))), *PROVEN)
        if status in ("objected", "complained"):
            self.objected.add(who)
        if out["batch"]:
            self.batches[out["batch"]] = who
        return {who}

    def do_undo(self, who, address):
        if not self.batches:
            return set()
        batch = self.choice(list(self.batches))
        self.ctl.any("undo", batch, "--refusals", "--checked", "--note",
                     "x", "--yes")
        return {self.batches[batch]}

    def do_grant(self, who, address):
        self.ctl.any("grant", address, "--purpose", "acme/newsletter",
                     "--source", "phone", "--attest", "J. Doe")
        return {who}

    def do_object(self, who, address):
        self.ctl.run("object", address)
        self.objected.add(who)
        return {who}

    def do_withdraw(self, who, address):
        self.ctl.run("withdraw", address)
        return {who}

    def do_clear(self, who, address):
        self.ctl.any("clear", address, "restricted", "--note", "x")
        return set()

    def do_rebuild(self, who, address):
        self.ctl.run("rebuild")
        return set()

    def do_backup(self, who, address):
        folder = self.ctl.dir / f"backup-{len(self.backups)}"
        self.ctl.run("backup", folder)
        self.backups.append(folder)
        return set()

    def do_restore(self, who, address):
        if not self.backups:
            return set()
        self.ctl.run("restore", self.choice(self.backups), "--yes")
        return None


def test_no_sequence_lifts_an_objection(ctl):
    """G21: imports, acts of the admin, undo and restores, by chance: who
    objected stays out; and nobody else is touched (pitfall 31)."""
    dice = Dice(ctl, int(os.environ.get("CM_SEED", "21")))
    ctl.load(granted("witness"))
    ctl.run("backup", ctl.dir / "backup-first")
    dice.backups.append(ctl.dir / "backup-first")
    was = {}
    for i in range(int(os.environ.get("CM_LONG", "1")) * 40):
        touched = dice.act()
        now = {n: ctl.why(f"{n}@example.org")
               for n in [*dice.NAMES, "witness"]}
        for name in dice.objected:
            assert now[name] in ("objected", "complained"), (i, name, now)
        assert now["witness"] == "consent"
        if touched is not None and was:
            assert {n for n in now if now[n] != was[n]} <= touched, (i, now)
        was = now
    assert ctl.json("verify")["good"] is True
    assert dice.objected and len(dice.backups) > 1
