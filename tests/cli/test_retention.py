"""consentctl retention: what may no longer be kept goes, refusals stay."""
import datetime

import pytest

from conftest import PROVEN

HEADER = "email,purpose,status,source,time\n"
NOW = datetime.datetime.now(datetime.timezone.utc)


def ago(**kw):
    return (NOW - datetime.timedelta(**kw)).strftime("%Y-%m-%dT%H:%M:%SZ")


def people(ctl, *rows):
    ctl.load(HEADER + "".join(
        f"{who}@example.com,acme/newsletter,{status},web-form,{at}\n"
        for who, status, at in rows))


def kept(ctl, who):
    return ctl.json("access", f"{who}@example.com")["email_kept"] is not None


@pytest.fixture
def keeping(ctl):
    ctl.config.write_text(ctl.config.read_text() +
                          'retention { unconfirmed = "7d"  ended = "1y" }\n')
    return ctl


# lifetime of the newsletter: three years
ROWS = [
    ("pending-old", "pending", ago(days=8)),
    ("pending-new", "pending", ago(days=6)),
    ("pending-again", "pending", ago(days=30)),
    ("pending-again", "pending", ago(days=2)),
    ("agreed", "confirmed", ago(days=900)),
    ("agreed-after", "pending", ago(days=900)),
    ("agreed-after", "confirmed", ago(days=899)),
    ("expired-old", "granted", ago(days=3 * 366 + 367)),
    ("expired-new", "granted", ago(days=3 * 366 + 300)),
    ("left-old", "withdrawn", ago(days=367)),
    ("left-new", "withdrawn", ago(days=360)),
    ("objected-old", "objected", ago(days=900)),
    ("back", "withdrawn", ago(days=900)),
    ("back", "confirmed", ago(days=800)),
]
GONE = {"pending-old", "expired-old", "left-old", "objected-old"}
EVERYBODY = sorted({row[0] for row in ROWS})


def test_what_is_due_goes_and_nothing_else(keeping):
    """G7-1b, FR-1, FR-2, DOI-3: by reason; who was allowed stays allowed,
    nobody who was refused is allowed, and no import brings them back."""
    ctl = keeping
    people(ctl, *ROWS)
    before = {who: ctl.why(f"{who}@example.com") for who in EVERYBODY}
    dry = ctl.json("retention", "--dry-run")
    assert (dry["unconfirmed"], dry["ended"], dry["addresses"]) == (1, 3, 0)
    assert all(kept(ctl, who) for who in EVERYBODY)
    said = ctl.run("retention").stdout
    assert "1 contact never confirmed" in said
    assert "3 contacts have had no consent" in said
    assert {who for who in EVERYBODY if not kept(ctl, who)} == GONE
    for who in EVERYBODY:
        now = ctl.why(f"{who}@example.com")
        assert now == before[who] if who not in GONE else now in (
            "erased", "objected"), who
    event = ctl.json("history", "left-old@example.com")["events"][-1]
    assert (event["type"], event["channel"], event["actor"]) == \
        ("erased", "retention", "system")
    ctl.any("import", ctl.file(HEADER + "left-old@example.com,acme/newsletter,"
                               f"confirmed,web-form,{ago(minutes=1)}\n"),
            *PROVEN)
    assert ctl.why("left-old@example.com") == "erased"
    assert ctl.json("verify")["good"] is True
    events = ctl.events()
    assert "nothing is kept for too long" in ctl.run("retention").stdout
    assert ctl.events() == events


def test_who_is_kept_is_named(keeping):
    """G18: restricted, or waiting for an answer; cleared, they go."""
    ctl = keeping
    people(ctl, ("joe", "pending", ago(days=30)),
           ("eva", "pending", ago(days=30)), ("bob", "pending", ago(days=30)))
    ctl.run("restrict", "joe@example.com")
    ctl.run("requests", "open", "eva@example.com", "access")
    out = ctl.json("retention")
    assert out["unconfirmed"] == 1 and not kept(ctl, "bob")
    assert {k["address"]: k["why"] for k in out["kept"]} == {
        "eva@example.com": "request_open", "joe@example.com": "restricted"}
    said = ctl.run("retention").stdout
    assert "  eva@example.com" in said and "  joe@example.com" in said
    ctl.run("requests", "done", "eva@example.com", "access")
    assert ctl.json("retention")["unconfirmed"] == 1
    assert kept(ctl, "joe") and not kept(ctl, "eva")


def test_restricted_for_years(keeping):
    """G18: however long ago; cleared, its time begins."""
    ctl = keeping
    people(ctl, ("joe", "granted", ago(days=9 * 366)))
    ctl.run("restrict", "joe@example.com")
    ctl.config.write_text(ctl.config.read_text().replace('"1y"', '"1s"'))
    out = ctl.json("retention")
    while out["restricted"] == 0:  # a second after the restriction
        out = ctl.json("retention")
    assert out["kept"][0]["why"] == "restricted" and kept(ctl, "joe")
    ctl.run("clear", "joe@example.com", "restricted", "--note", "x")
    while ctl.json("retention")["ended"] == 0:
        pass
    assert not kept(ctl, "joe")


def test_who_must_be_told(keeping):
    """G19: an erasure is one whoever wanted it."""
    ctl = keeping
    people(ctl, ("joe", "pending", ago(days=30)))
    ctl.run("evidence", "joe@example.com", "-o", ctl.dir / "ev", "--to",
            "Court", "--reason", "x")
    assert "Court: evidence of" in ctl.run("retention").stdout


def test_only_what_the_settings_say(ctl):
    """Without the section: a week for what is unconfirmed, else nothing."""
    people(ctl, *ROWS)
    assert ctl.json("retention", "--dry-run")["ended"] == 0
    assert ctl.json("retention", "--dry-run")["unconfirmed"] == 1
    ctl.config.write_text(ctl.config.read_text() +
                          'retention { unconfirmed = none }\n')
    assert ctl.json("retention")["unconfirmed"] == 0
    assert all(kept(ctl, who) for who in EVERYBODY)
    ctl.config.write_text(ctl.config.read_text().replace(
        "unconfirmed = none", "ende = none"))
    ctl.fails("retention", code=78, says="did you mean \"ended\"")
