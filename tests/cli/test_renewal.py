"""consentctl renewal: whom to ask, in which wave; UK-2, issue 4.

What the milter remembers, and what status and record make of it, stands in
tests/e2e/test_renewal.py: only the daemon writes there.
"""
import csv
import datetime

NOW = datetime.datetime.now(datetime.timezone.utc)
STREAM = """
stream "keep" { type = renewal  sender = {"keep@acme.example"}
                purpose = {"acme/newsletter"}  wave-size = 2
                wave-every = 7d  %s }
"""


def ago(days):
    return (NOW - datetime.timedelta(days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def load(ctl, extra=""):
    with ctl.config.open("a") as config:
        config.write(STREAM % extra)
    rows = [("soon", 1070, "granted"), ("sooner", 1080, "granted"),
            ("soonest", 1090, "granted"), ("fresh", 10, "granted"),
            ("over", 1200, "granted"), ("left", 1080, "withdrawn"),
            ("unknown", 1080, "unknown")]
    ctl.load("email,purpose,status,source,time\n" + "".join(
        f"{who}@example.org,acme/newsletter,{status},web-form,{ago(days)}\n"
        for who, days, status in rows))
    return ctl


def test_plan(ctl):
    """Three of seven, the one that ends first in the first wave."""
    load(ctl)
    out = ctl.dir / "ask.csv"
    plan = ctl.json("renewal", "plan", "--stream", "keep", "-o", out)
    assert plan["stream"] == "keep" and not plan["stopped"]
    assert plan["reasons"] == {"renewal": 3, "not-due": 1, "expired": 1,
                               "withdrawn": 1, "no-evidence": 1}
    assert [w["people"] for w in plan["waves"]] == [2, 1]
    assert len(plan["contacts"]) == 7
    assert "example.org" not in str(plan)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["email"].split("@")[0], r["wave"]) for r in rows] == [
        ("soonest", "1"), ("sooner", "1"), ("soon", "2")]
    assert rows[0]["until"] < rows[1]["until"] < rows[2]["until"]
    text = ctl.run("renewal", "plan", "--stream", "keep").stdout
    assert "3 contacts of 7 may be asked" in text
    assert "not-due" in text and "wave 2" in text
    # A list that is there is never overwritten.
    ctl.fails("renewal", "plan", "--stream", "keep", "-o", out, code=64,
              says="ask.csv")


def test_a_cap_and_unknown_people(ctl):
    load(ctl, 'cap = 1  ask-unknown = yes  approved-by = "DPO"'
              '  legal-note = "x"  ask-until = "2999-12-31"')
    plan = ctl.json("renewal", "plan", "--stream", "keep")
    assert plan["reasons"]["cap-reached"] == 3
    assert plan["reasons"]["renewal"] == 1
    assert "no-evidence" not in plan["reasons"]
    assert ctl.why("unknown@example.org", "keep") == "ask-unknown"


def test_nobody_and_nothing(ctl):
    ctl.fails("renewal", "status", code=1, says="of type renewal")
    with ctl.config.open("a") as config:
        config.write(STREAM % "")
    assert ctl.json("renewal", "plan", "--stream", "keep",
                    code=1)["waves"] == []
    assert "nobody was asked yet" in ctl.run("renewal", "status").stdout
    status, = ctl.json("renewal", "status")
    assert (status["state"], status["asked"]) == ("asking", 0)
    assert ctl.json("renewal", "record")["recorded"] == 0


def test_wrong_words(ctl):
    load(ctl)
    ctl.fails("renewal", "plan", code=64, says="--stream NAME")
    ctl.fails("renewal", "plan", "--stream", "newsletter", code=64,
              says="is of type marketing")
    ctl.fails("renewal", "go", code=64, says="plan, status, record")
