"""consentctl duplicates, merge (issue 4, item 3; pitfall 28)."""
import pytest

from conftest import PROVEN

HEADER = "email,purpose,status,source,time\n"
GRANTED = "acme/newsletter,granted,web-form,2026-02-01T00:00:00Z\n"
LEFT = "acme/newsletter,withdrawn,,2026-01-01T00:00:00Z\n"


@pytest.fixture
def people(ctl):
    ctl.load(HEADER + "ann@example.org," + GRANTED
             + "Ann@EXAMPLE.org," + GRANTED
             + "ann+shop@example.org," + LEFT
             + "j.doe@gmail.com," + GRANTED + "jdoe@gmail.com," + GRANTED
             + "bob@example.org," + GRANTED + "b.ob@example.org," + LEFT
             + "eva@gmial.com," + LEFT + "eva@gmail.com," + GRANTED
             + "fay@gmial.com," + GRANTED)
    return ctl


def test_duplicates(people):
    out = people.json("duplicates")
    group, = out["groups"]
    assert [a["address"] for a in group["addresses"]] == [
        "ann+shop@example.org", "ann@example.org"]
    assert [a["purposes"]["acme/newsletter"] for a in group["addresses"]] == [
        "withdrawn", "consent"]
    # Dots count but where dots-ignored says not; case never does.
    assert (out["different"], out["same"]) == (1, 1)
    assert out["hints"] == [{"address": "eva@gmial.com",
                             "domain": "gmail.com"}]
    all_groups = people.json("duplicates", "--all")["groups"]
    assert [g["same"] for g in all_groups].count(True) == 1
    text = people.run("duplicates").stdout
    assert "different states:\n  ann+shop@example.org\n" in text
    assert "eva@gmial.com  for gmail.com?" in text
    assert "2 groups of addresses that are one person's, 4 addresses" in text
    assert "j.doe" not in text
    assert "j.doe" in people.run("duplicates", "--all").stdout


def test_no_duplicates(ctl):
    ctl.load(HEADER + "ann@example.org," + GRANTED)
    done = ctl.run("duplicates", code=1)
    assert "0 groups" in done.stdout
    assert ctl.json("duplicates", code=1)["groups"] == []


def test_merge(people):
    """The most restrictive wins; the evidence of both is kept."""
    before = people.events()
    dry = people.run("merge", "eva@gmial.com", "into", "eva@gmail.com",
                     "--dry-run")
    assert "dry run" in dry.stdout and people.events() == before
    people.run("merge", "eva@gmial.com", "into", "eva@gmail.com", "--note",
               "she called")
    assert people.why("eva@gmail.com") == "withdrawn"
    assert people.why("eva@gmial.com") == "withdrawn"
    old = people.json("history", "eva@gmail.com")["events"]
    assert [e["type"] for e in old] == ["granted", "withdrawn"]
    assert old[1]["channel"] == "merge" and old[1]["evidence"]
    old = people.json("history", "eva@gmial.com")["events"]
    assert [e["type"] for e in old] == ["withdrawn", "withdrawn"]
    # Nobody else (pitfall 31); again: nothing to do.
    assert people.why("fay@gmial.com") == "consent"
    assert people.why("bob@example.org") == "consent"
    done = people.run("merge", "eva@gmial.com", "into", "eva@gmail.com")
    assert "nothing to write" in done.stdout
    # What gave the address up was not the person's word.
    people.run("merge", "eva@gmial.com", "into", "fay@gmial.com")
    assert people.why("fay@gmial.com") == "withdrawn"
    out = people.json("merge", "eva@gmial.com", "into", "bob@example.org")
    assert [e["purpose"] for e in out["events"]] == ["acme/newsletter"]
    assert people.json("verify")["good"] is True


def test_merge_never_moves_a_consent(people):
    """G16: an address change needs a new confirmation."""
    people.run("withdraw", "eva@gmail.com")
    out = people.json("merge", "fay@gmial.com", "into", "eva@gmail.com")
    assert {e["type"] for e in out["events"]} == {"withdrawn"}
    assert people.why("fay@gmial.com") == "withdrawn"
    assert people.why("eva@gmail.com") == "withdrawn"


@pytest.mark.parametrize("act,reason", [
    (("object",), "objected"), (("restrict",), "restricted")])
def test_merge_carries_marks(people, act, reason):
    """G21."""
    people.run(*act, "bob@example.org")
    people.run("merge", "bob@example.org", "into", "fay@gmial.com")
    assert people.why("fay@gmial.com") == reason
    # The person's own withdrawal stays beside a mark that is cleared.
    if reason == "restricted":
        people.run("clear", "fay@gmial.com", "restricted", "--note", "x")
        assert people.why("fay@gmial.com") == "consent"


def test_merge_of_a_dead_mailbox(people):
    """The mailbox is dead, not the person."""
    people.load("email,status\nbob@example.org,undeliverable\n")
    people.run("merge", "bob@example.org", "into", "fay@gmial.com")
    assert people.why("fay@gmial.com") == "consent"
    assert people.why("bob@example.org") != "consent"


@pytest.mark.parametrize("args,code,says", [
    (["ann@example.org", "to", "eva@gmail.com"], 64, "ADDR into ADDR"),
    (["ann@example.org", "into"], 64, "usage: consentctl merge ADDR into"),
    (["ann@example.org", "into", "ANN@Example.ORG"], 64,
     "these are one address already"),
    (["new@example.org", "into", "ann@example.org"], 1,
     "nothing is on record for new@example.org"),
    (["ann@example.org", "into", "x"], 65, "x"),
])
def test_wrong_merges(people, args, code, says):
    before = people.events()
    people.fails("merge", *args, code=code, says=says)
    assert people.events() == before
