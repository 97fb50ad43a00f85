"""Who was given people's data, and what people asked for: on record."""
import calendar
import datetime
import json

import pytest

from conftest import PROVEN

JOE, EVA = "joe@example.com", "eva@example.com"
TODAY = datetime.datetime.now(datetime.timezone.utc).date()


def known(ctl, *people):
    for who in people:
        ctl.run("grant", who, "--purpose", "acme/newsletter", *PROVEN)


def types(ctl, who):
    return [e["type"] for e in ctl.json("history", who)["events"]]


def standing(ctl, who):
    return ctl.json("show", who)["purposes"]


# ---- who was given what -----------------------------------------------------

def test_each_hand_out_is_an_event(ctl):
    """G19: kind, name and reason; history and access show it; erase and
    correct say whom to tell; no consent changes."""
    known(ctl, JOE, EVA)
    before = standing(ctl, JOE)
    ctl.run("evidence", JOE, "-o", ctl.dir / "ev", "--to", "Grün Court",
            "--reason", "case 7 of Joe")
    ctl.run("access", JOE, "-o", ctl.dir / "ac")
    ctl.run("access", JOE, "--to", "Police", "--reason", "order 12")
    ctl.run("access", JOE)
    assert types(ctl, JOE) == ["granted"] + 3 * ["disclosed"]
    assert standing(ctl, JOE) == before
    assert types(ctl, EVA) == ["granted"]
    events = ctl.json("history", JOE)["events"][1:]
    assert [(e["channel"], e["to"]) for e in events] == [
        ("evidence", "Grün Court"), ("access", "the person"),
        ("access", "Police")]
    assert "to Grün Court" in ctl.run("history", JOE).stdout
    data = ctl.json("access", JOE)
    assert "case 7 of Joe" in data["events"][1]["evidence"]
    assert ctl.json("verify")["good"] is True
    ledger = (ctl.dir / "lib" / "store" / "ledger" / "data.mdb").read_bytes()
    assert b"case 7" not in ledger and "Grün".encode() in ledger
    said = ctl.run("erase", JOE, "--yes").stdout
    assert "tell them, too" in said and "Grün Court: evidence of 2" in said
    assert "Police: access of" in said and "the person:" not in said
    assert "tell them" not in ctl.run("erase", EVA, "--yes").stdout


def test_a_correction_names_them(ctl):
    """G19: rectification, too."""
    known(ctl, JOE)
    ctl.run("evidence", JOE, "-o", ctl.dir / "ev", "--to", "Court",
            "--reason", "x")
    dry = ctl.run("correct", JOE, "--to", "new@example.com", "--dry-run")
    assert "Court" not in dry.stdout
    assert "Court: evidence of" in ctl.run(
        "correct", JOE, "--to", "new@example.com").stdout


def test_a_list_that_is_handed_out(ctl):
    """G19: everybody in it, one batch; nobody else, nothing without --to."""
    known(ctl, JOE, EVA)
    ctl.run("grant", "out@example.com", "--purpose", "acme/offers", *PROVEN)
    listed = ctl.file("email\njoe@example.com\nEVA@example.com\n"
                      "out@example.com\nstranger@example.com\n")
    args = ("check", listed, "--stream", "newsletter", "-o")
    ctl.run(*args, ctl.dir / "quiet.csv")
    assert ctl.events() == 3
    ctl.run(*args, ctl.dir / "agency.csv", "--to", "Agency", "--reason",
            "printing")
    assert ctl.events() == 5
    batches = {ctl.json("history", who)["events"][-1]["batch"]
               for who in (JOE, EVA)}
    assert len(batches) == 1 and types(ctl, "out@example.com") == ["granted"]
    batch = batches.pop()
    assert ctl.json("batches", code=1) == []  # no import
    out = ctl.json("erase", "--from", listed, "--yes")
    assert [(r["to"], r["kind"], r["people"], r["list"])
            for r in out["recipients"]] == [("Agency", "check", 2, batch)]


@pytest.mark.parametrize("args,says", [
    (["--to", "Court"], "go together"),
    (["--reason", "x"], "go together"),
    (["--to", "clerk@court.example", "--reason", "x"], "not an address"),
    (["--to", " ", "--reason", "x"], "name who gets it"),
    (["--to", "C" * 65, "--reason", "x"], "at most 64 octets"),
    (["--to", "Court\n", "--reason", "x"], "one line"),
    (["--to", "Court", "--reason", " "], "say why"),
])
def test_hand_outs_that_say_too_little(ctl, args, says):
    known(ctl, JOE)
    ctl.fails("evidence", JOE, "-o", ctl.dir / "ev", *args, code=64, says=says)
    assert not (ctl.dir / "ev").exists() and ctl.events() == 1
    ctl.fails("check", ctl.file(JOE + "\n"), "--stream", "newsletter", "--to",
              "A", "--reason", "x", code=64, says="-o FILE")


def test_an_undo_does_not_mind(ctl):
    """A hand-out is no act of the person: the list is taken back."""
    batch = json.loads(ctl.load(
        "email,purpose,status,time\n"
        f"{JOE},acme/newsletter,granted,2026-01-01T00:00:00Z\n",
        *PROVEN, "--json").stdout)["batch"]
    ctl.run("access", JOE, "-o", ctl.dir / "ac")
    ctl.run("undo", batch, "--yes", "--note", "x")
    assert ctl.why(JOE) == "no-record"


# ---- requests ---------------------------------------------------------------

def months_on(day, months):
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    last = calendar.monthrange(year, month)[1]
    return datetime.date(year, month, min(day.day, last))


@pytest.mark.parametrize("received,due,extended", [
    ("2026-01-31", "2026-02-28", None),
    ("2024-01-31", "2024-02-29", None),
    ("2024-02-29", "2024-03-29", None),
    ("2025-12-15T23:59:59Z", "2026-01-15", None),
])
def test_a_month_is_a_month(ctl, received, due, extended):
    """G12: to the same day, or the last of a shorter month; all are late."""
    ctl.run("requests", "open", JOE, "access", "--received", received)
    out = ctl.json("requests", code=1)
    assert (out["open"], out["overdue"]) == (1, 1)
    assert out["requests"][0]["due"] == due
    assert f"OVERDUE  {due}  access" in ctl.run("requests", code=1).stdout
    ctl.fails("requests", "extend", JOE, "access", "--note", "x", code=1,
              says=f"had to be told by {due}")


def test_the_last_day_still_counts(ctl):
    """G12: due today is not late; received a day earlier is."""
    due_today = months_on(TODAY, -1)
    while months_on(due_today, 1) != TODAY:  # the 31st of a month, say
        due_today += datetime.timedelta(days=1)
        if due_today >= TODAY:
            pytest.skip("no month ends today")
    ctl.run("requests", "open", JOE, "access", "--received", due_today)
    assert ctl.json("requests")["overdue"] == 0
    early = months_on(TODAY, -1) - datetime.timedelta(days=4)
    ctl.run("requests", "open", EVA, "erasure", "--received", early)
    out = ctl.json("requests", code=1)
    assert [r["overdue"] for r in out["requests"]] == [True, False]
    assert out["requests"][0]["address"] == EVA


def test_two_months_more(ctl):
    """G12: once, with a reason, which stays private."""
    ctl.run("requests", "open", JOE, "erasure")
    ctl.fails("requests", "extend", JOE, "erasure", code=64, says="--note")
    done = ctl.run("requests", "extend", JOE, "erasure", "--note",
                   "many of them")
    assert str(months_on(TODAY, 3)) in done.stdout
    ctl.fails("requests", "extend", JOE, "erasure", "--note", "y", code=1,
              says="extended already")
    assert "extended" in ctl.run("requests").stdout
    assert "many of them" in ctl.json("access", JOE)["events"][1]["evidence"]


@pytest.mark.parametrize("right,command", [
    ("access", ["access", JOE, "-o", "{}/ac"]),
    ("portability", ["access", JOE, "-o", "{}/ac"]),
    ("erasure", ["erase", JOE, "--yes"]),
    ("correction", ["correct", JOE, "--to", "new@example.com"]),
    ("objection", ["object", JOE]),
    ("restriction", ["restrict", JOE]),
])
def test_an_answer_closes_its_request(ctl, right, command):
    """G12: only of this person and right."""
    known(ctl, JOE, EVA)
    other = "access" if right == "erasure" else "erasure"
    for who, what in ((JOE, right), (JOE, other), (EVA, right)):
        ctl.run("requests", "open", who, what)
    before = standing(ctl, EVA)
    done = ctl.run(*(word.format(ctl.dir) for word in command))
    assert f"the request for {right} is closed" in done.stderr
    left = {(r["address"], r["right"])
            for r in ctl.json("requests")["requests"]}
    gone = None if right == "erasure" else JOE
    assert left == {(gone, other), (EVA, right)}
    assert standing(ctl, EVA) == before
    assert ctl.json("verify")["good"] is True


def test_access_for_others_is_no_answer(ctl):
    known(ctl, JOE)
    ctl.run("requests", "open", JOE, "access")
    ctl.run("access", JOE, "-o", ctl.dir / "ac", "--to", "Police",
            "--reason", "x")
    ctl.run("access", JOE)
    assert ctl.json("requests")["open"] == 1


def test_opened_closed_and_opened_again(ctl):
    """Also of who is not on record: the answer is that nothing is."""
    ctl.run("requests", "open", JOE, "access", "--note", "by letter")
    ctl.fails("requests", "open", JOE, "access", code=1, says="open already")
    ctl.run("requests", "done", JOE, "access")
    ctl.fails("requests", "done", JOE, "access", code=1, says="no request")
    assert "no request is open" in ctl.run("requests").stdout
    ctl.run("requests", "open", JOE, "access")
    assert ctl.json("requests")["open"] == 1
    assert types(ctl, JOE) == ["request-opened", "request-closed",
                               "request-opened"]
    assert ctl.why(JOE) == "no-record"


@pytest.mark.parametrize("args,code,says", [
    (["opn", JOE, "access"], 64, "did you mean open?"),
    (["open", JOE, "acess"], 64, "did you mean access?"),
    (["open", JOE, "money"], 64, "it is access, correction"),
    (["open", JOE], 64, "requests open ADDR RIGHT"),
    (["open", "joe", "access"], 65, "not a mail address"),
    (["open", JOE, "access", "--received", "soon"], 64, "not a day"),
    (["open", JOE, "access", "--received", "2999-01-01"], 64, "yet to come"),
    (["open", JOE, "access", "--note", " "], 64, "--note"),
    (["extend", JOE, "access", "--note", "x"], 1, "no request"),
])
def test_wrong_requests(ctl, args, code, says):
    ctl.fails("requests", *args, code=code, says=says)
    assert ctl.events() == 0
    ctl.fails("request", code=64, says="did you mean requests?")
