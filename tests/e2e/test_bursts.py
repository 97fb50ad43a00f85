"""Many people of one network or company leave at once: told of, listed, and,
when it was a scanner, taken back; nothing else is (pitfall row 2, R8058-8)."""
import json
import re

import people
import pytest

from harness import messages, tokens
from harness.proc import wait_until

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RULE = 'burst-people = 5\n    burst-minutes = 10\n    listen = "127.0.0.1:'
STAFF = [f"p{i}@firm.test" for i in range(6)]


def click(world, address, network="198.51.100", how=b"act=stop", **kw):
    """As a proxy hands it on: one click from a host of a network."""
    link = tokens.link(world, address, **{"kind": "footer", **kw})
    answer = world.http("POST", link, how, {
        **FORM, "X-Forwarded-For": f"{network}.{len(address)}"})
    assert answer.status == 200
    return answer


def leave(world, address, **kw):
    click(world, address, how=b"List-Unsubscribe=One-Click", kind="header",
          **kw)


def settled(world):
    wait_until("stop is folded", lambda: not world.ctl_json(
        "status", ok=True)["stop_pending"])


def bursts(world):
    return json.loads(world.ctl("bursts", "--json", ok=False).stdout)


def alarms(world):
    return re.findall(r"burst: (\d+) people of (\w+) (\S+) unsubscribed",
                      world.web.output())


def gets(world, address):
    return world.why(address, "newsletter")[0] == "allow"


@pytest.fixture
def firm(new_world):
    """Six people of one firm and three others get the newsletter."""
    world = new_world(postfix=False,
                      replace={'listen = "127.0.0.1:': RULE})
    world.import_csv(people.granted(*STAFF, "anna@x.test", "bob@y.test",
                                    "cyril@z.test"))
    world.start_web()
    return world


def test_a_scanner_is_undone_and_people_stay_out(new_world):
    """The whole way: a gateway follows every link of one mail, the admin is
    told, takes it back, and the next mail goes to all but who meant it."""
    world = new_world(replace={'listen = "127.0.0.1:': RULE})
    world.import_csv(people.granted(*STAFF, "anna@x.test", "bob@y.test"))
    world.start()
    world.send("news@acme.example", STAFF + ["anna@x.test", "bob@y.test"],
               messages.newsletter())
    world.settled()
    leave(world, "anna@x.test", network="192.0.2")
    for address in STAFF[:3]:
        leave(world, address)
    for address in STAFF[3:]:
        click(world, address)
    settled(world)
    # p0 means it, and says so otherwise; p1 objects to everything.
    world.http("POST", tokens.link(world, STAFF[2], purpose="acme/offers",
                                   kind="header"),
               b"List-Unsubscribe=One-Click",
               {**FORM, "X-Forwarded-For": "203.0.113.9"})
    settled(world)
    world.ctl("object", STAFF[1])
    wait_until("both alarms", lambda: len(alarms(world)) == 2)
    assert sorted(a[1:] for a in alarms(world)) == [
        ("domain", "firm.test"), ("network", "198.51.100.0/24")]
    found = {b["of"]: b for b in bursts(world)}
    assert set(found) == {"network", "domain"}
    burst = found["network"]
    assert (burst["people"], burst["withdrawals"]) == (6, 6)
    assert burst["channels"] == {"one-click": 3, "page": 3}
    assert burst["purposes"] == {"acme/newsletter": 6}
    name = burst["burst"]
    # Nothing without --yes, nor without a reason.
    before = world.ctl_json("status", ok=True)["events"]
    dry = world.ctl("undo", "--burst", name, "--dry-run").stdout.decode()
    assert "4 corrected events would be" in dry
    done = world.ctl("undo", "--burst", name, "--yes", ok=False)
    assert done.returncode == 64 and b"say why, with --note" in done.stderr
    assert world.ctl("undo", "--burst", name, ok=False).returncode == 1
    assert world.ctl_json("status", ok=True)["events"] == before
    out = world.ctl_json("undo", "--burst", name, "--yes", "--note",
                         "gateway of firm.test, ticket 4711", ok=True)
    assert (out["events"], out["left_alone"]) == (4, 2)
    world.sink.clear()
    world.send("news@acme.example", STAFF + ["anna@x.test", "bob@y.test"],
               messages.newsletter())
    world.settled()
    assert sorted(world.sink.delivered) == sorted(
        [STAFF[0], *STAFF[3:], "bob@y.test"])
    world.ctl("verify")
    # Who decided it is on record, and shown.
    why = world.ctl("why", STAFF[3], "--stream", "newsletter").stdout.decode()
    assert "came in a burst was taken back by" in why
    assert len(world.ctl_json("why", STAFF[3], "--stream",
                              "newsletter")["taken_back"]) == 1
    history = world.ctl("history", STAFF[3]).stdout.decode()
    assert "corrected" in history and "burst" in history
    world.ctl("evidence", STAFF[3], "-o", world.dir / "evidence")
    kept = "".join(f.read_text(errors="replace") for f in
                   (world.dir / "evidence").rglob("*") if f.is_file())
    assert "ticket 4711" in kept and name in kept
    # It stands however the store was made; a second time there is nothing.
    world.ctl("rebuild")
    world.ctl("verify")
    assert gets(world, STAFF[3]) and not gets(world, STAFF[1])
    assert world.ctl("undo", "--burst", name, "--yes", "--note", "x",
                     ok=False).returncode == 1
    assert {b["undone"] for b in bursts(world)} == {4}
    assert b"no list" not in world.ctl("batches").stdout
    assert name.encode() not in world.ctl("batches").stdout


def test_who_leaves_again_stays_out(firm):
    """A click an hour after the scanner's is the person's own, and a click
    after the undo is one anyway."""
    for address in STAFF:
        leave(firm, address)
    settled(firm)
    name = bursts(firm)[0]["burst"]
    firm.ctl("undo", "--burst", name, "--yes", "--note", "scanner")
    assert all(gets(firm, a) for a in STAFF)
    leave(firm, STAFF[0], network="203.0.113")
    settled(firm)
    assert not gets(firm, STAFF[0])
    firm.ctl("undo", "--burst", name, "--yes", "--note", "again", ok=False)
    assert not gets(firm, STAFF[0])
    assert gets(firm, STAFF[1])


def test_two_links_of_each_are_one_burst(firm):
    """What the burst itself did is nothing that the person did since."""
    for address in STAFF:
        leave(firm, address)
        leave(firm, address, purpose="acme/offers")
    settled(firm)
    burst = bursts(firm)[0]
    assert (burst["people"], burst["withdrawals"]) == (6, 12)
    out = firm.ctl_json("undo", "--burst", burst["burst"], "--yes", "--note",
                        "scanner", ok=True)
    assert (out["events"], out["left_alone"]) == (12, 0)
    assert all(gets(firm, a) for a in STAFF)


def test_few_or_scattered_people_are_no_burst(firm):
    """The twin: four of a network, and one of each of many."""
    for address in STAFF[:4]:
        leave(firm, address)
    for i, address in enumerate(("anna@x.test", "bob@y.test",
                                 "cyril@z.test")):
        leave(firm, address, network=f"203.0.{i}")
    for _ in range(5):  # one person, many times
        leave(firm, STAFF[0])
    settled(firm)
    assert bursts(firm) == []
    done = firm.ctl("bursts", ok=False)
    assert done.returncode == 1
    assert b"no burst of 5 people within 10 minutes" in done.stderr
    assert alarms(firm) == []
    assert not any(gets(firm, a) for a in STAFF[:4])


def test_preferences_are_never_part_of_one(firm):
    """Who had to look for the button meant it."""
    for address in STAFF:
        link = tokens.link(firm, address, kind="footer").replace("/u/", "/p/")
        page = firm.http("GET", link).text
        ticket = re.search(r'name="ticket" value="([^"]+)"', page)[1]
        answer = firm.http(
            "POST", link, f"act=stop-all&ticket={ticket}".encode(),
            {**FORM, "X-Forwarded-For": "198.51.100.1"})
        assert answer.status == 200
    settled(firm)
    assert bursts(firm) == []
    assert not any(gets(firm, a) for a in STAFF)


def test_an_old_backup(firm):
    """Put back, it gets the refusals since then, but not those undone."""
    firm.ctl("backup", firm.dir / "backup")
    for address in STAFF:
        leave(firm, address)
    leave(firm, "anna@x.test", network="192.0.2")
    settled(firm)
    name = bursts(firm)[0]["burst"]
    firm.ctl("undo", "--burst", name, "--yes", "--note", "scanner")
    firm.web.stop()
    firm.ctl("restore", firm.dir / "backup", "--yes")
    firm.ctl("verify")
    assert all(gets(firm, a) for a in STAFF)
    assert not gets(firm, "anna@x.test")


def test_a_list_taken_in_since(firm):
    """What it only repeated was not written: the admin has to think of it."""
    for address in STAFF:
        leave(firm, address)
    settled(firm)
    name = bursts(firm)[0]["burst"]
    opt_outs = ("email,purpose,status,time\n"
                f"{STAFF[0]},acme/newsletter,withdrawn,2026-02-02T00:00:00Z\n"
                "new@x.test,acme/newsletter,withdrawn,2026-02-02T00:00:00Z\n"
                )
    firm.import_csv(opt_outs)
    undo = ("undo", "--burst", name, "--yes", "--note", "scanner")
    done = firm.ctl(*undo, ok=False)
    assert done.returncode == 1 and b"say --checked" in done.stderr
    firm.import_csv(opt_outs, "--source", "web-form", "--attest", "Test",
                    "--repeat")
    firm.ctl(*undo, "--checked")
    assert not gets(firm, STAFF[0])
    assert gets(firm, STAFF[1])


@pytest.mark.parametrize("args, status, says", [
    (["--burst", "20260101T000000-00000000", "--yes", "--note", "x"], 1,
     "there is no burst"),
    (["--burst", "x", "y"], 64, "BATCH, or undo --burst"),
    ([], 64, "BATCH, or undo --burst"),
    (["--burst", "x", "--refusals"], 64, "about a list"),
], ids=range(4))
def test_what_undo_does_not_take(firm, args, status, says):
    done = firm.ctl("undo", *args, ok=False)
    assert done.returncode == status, done.stderr
    assert says in done.stderr.decode()
