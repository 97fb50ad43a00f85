"""Mail that asks to renew a consent: to whom, and once; UK-2, issue 4.

AT-FLYBE, AT-HONDA, AT-MORRISONS, AT-VIRGIN, AT-SPORTSDIRECT: the campaigns
that were fined, sent as what they were, reach nobody of those people.
"""
import concurrent.futures
import datetime
import re
import shutil

import people
import pytest

from harness import messages
from harness.clients import Dialogue
from harness.proc import wait_until
from harness.world import BASE_URL

NEWS = people.NEWS
REFUSED = (550, "5.7.1 No consent on record for this recipient")
LATER = (451, "4.3.0 Consent cannot be checked now, try again later")

RENEWAL = """
stream "keep" {
    type = renewal
    sender = {"keep@acme.example"}
    purpose = {"acme/newsletter"}
    wave-size = 3
    %s
}
"""
UNKNOWN = """ask-unknown = yes
    approved-by = "DPO, 2026-10-01"
    legal-note = "opinion 17/2026"
    ask-until = "%s"
"""


# The newsletter's lifetime is three years.
SOON = people.ago(3 * 365 - 20)


def keep_world(new_world, extra="", start=True):
    world = new_world(settings=RENEWAL % extra)
    world.import_csv(people.csv())
    world.import_csv(people.granted("soon@x.test", "soon2@x.test",
                                    "soon3@x.test", "soon4@x.test", time=SOON))
    return world.start() if start else world


def ask(world, *rcpts, sender="keep@acme.example"):
    return world.send(sender, list(rcpts), messages.newsletter())


def test_an_ask_leaves_once(new_world):
    """G7-4: who is asked is asked once; who may not be never is."""
    world = keep_world(new_world)
    told = ask(world, "soon@x.test")
    assert told.data[0] == 250
    told = ask(world, "soon@x.test")
    assert told.rcpts["soon@x.test"] == REFUSED
    told = ask(world, *people.EVERYBODY)
    assert {told.rcpts[a] for a in people.EVERYBODY} == {REFUSED}
    assert world.settled() == {"soon@x.test": 1}
    # It has a way out, as all marketing.
    mail = world.sink.to("soon@x.test")
    assert messages.unsubscribe_uris(mail.data)
    assert world.why("soon@x.test", "keep") == ("refuse", "asked-before")
    assert world.why("soon2@x.test", "keep") == ("allow", "renewal")
    assert world.why("consent@x.test", "keep") == ("refuse", "not-due")
    # Ordinary mail still goes out: the consent is valid to its end.
    assert world.send("news@acme.example", ["soon@x.test"],
                      messages.newsletter()).data[0] == 250


def test_a_message_that_is_given_up_costs_no_ask(new_world):
    """RCPT only looks; and what mode observe lets pass is not counted."""
    world = keep_world(new_world, start=False)
    world.write_config(world.config.replace("wave-size = 3",
                                            "wave-size = 3 mode = observe"))
    world.start()
    for _ in range(2):
        assert ask(world, "soon@x.test").data[0] == 250
    world.write_config(world.config.replace("mode = observe", ""))
    world.restart_milter()
    with Dialogue(world.postfix.port("main")) as dialogue:
        dialogue.mail("keep@acme.example")
        dialogue.rcpt("soon@x.test")
        assert dialogue.result.rcpts["soon@x.test"][0] == 250
    assert ask(world, "soon@x.test").data[0] == 250
    assert ask(world, "soon@x.test").rcpts["soon@x.test"] == REFUSED
    assert world.settled() == {"soon@x.test": 3}


def test_two_workers_ask_once(new_world):
    """The same people, at the same time, by two listeners: one mail each."""
    world = keep_world(new_world)
    world.write_config(world.config.replace("wave-size = 3",
                                            "wave-size = 300"))
    world.restart_milter()
    crowd = [f"soon{n}@x.test" for n in ("", 2, 3, 4)]

    def one(n):
        return world.send("keep@acme.example", crowd, messages.newsletter(),
                          listener=("main", "marketing")[n % 2])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(16)))
    assert world.settled() == {a: 1 for a in crowd}
    # Nor after a crash, nor by mail of another spelling.
    world.kill_milter()
    world.start_milter()
    assert ask(world, "SOON@X.test").rcpts["SOON@X.test"] == REFUSED


def test_waves(new_world):
    """pitfall 15: a wave's people, and the rest hears 451."""
    world = keep_world(new_world)
    told = ask(world, "soon@x.test", "soon2@x.test", "soon3@x.test",
               "soon4@x.test")
    assert told.rcpts["soon4@x.test"] == LATER
    assert ask(world, "soon4@x.test").rcpts["soon4@x.test"] == LATER
    assert "deferred=1 wave-full=1" in world.milter_log()
    assert len(world.settled()) == 3
    world.write_config(world.config.replace("wave-size = 3",
                                            "wave-size = 3 wave-every = 1s"))
    world.restart_milter()
    wait_until("the next wave",
               lambda: ask(world, "soon4@x.test").data is not None)
    assert world.settled()["soon4@x.test"] == 1


def test_a_cap(new_world):
    world = keep_world(new_world, "cap = 1")
    told = ask(world, "soon@x.test", "soon2@x.test")
    assert told.rcpts["soon2@x.test"] == REFUSED
    assert world.settled() == {"soon@x.test": 1}


def test_complaints_stop_it(new_world):
    """One of two complains: no more, and the log says what to do."""
    world = keep_world(new_world)
    for name in ("soon", "soon2"):
        assert ask(world, f"{name}@x.test").data[0] == 250
    world.ctl("object", "soon@x.test")
    told = ask(world, "soon3@x.test")
    assert told.data[0] == 451
    assert ask(world, "soon3@x.test").rcpts["soon3@x.test"] == LATER
    assert 'stream "keep" is stopped' in world.milter_log()
    assert "stop-complaints" in world.milter_log()
    assert set(world.settled()) == {"soon@x.test", "soon2@x.test"}
    world.write_config(world.config.replace(
        "wave-size = 3", "wave-size = 3 stop-complaints = 1000"))
    world.restart_milter()
    assert ask(world, "soon3@x.test").data[0] == 250


@pytest.mark.parametrize("until, asked", [(people.ago(-1)[:10], True),
                                          (people.ago(2)[:10], False)])
def test_unknown_people(new_world, until, asked):
    """AT-HONDA: only by a switch with a name, a reason and an end."""
    world = keep_world(new_world, UNKNOWN % until)
    told = ask(world, "unknown@x.test", *people.OTHERS)
    allowed = {a for a, answer in told.rcpts.items() if answer[0] == 250}
    assert allowed == ({"unknown@x.test"} if asked else set())
    assert ask(world, "unknown@x.test").rcpts["unknown@x.test"] == REFUSED
    assert set(world.settled()) == allowed
    assert world.why("purchased@x.test", "keep") == ("refuse", "purchased")
    log = world.milter_log()
    assert 'approved by "DPO, 2026-10-01"' in log
    assert ("ended on" in log) is not asked


def test_without_its_memory(new_world):
    """What cannot be remembered is not asked; other mail goes out."""
    world = keep_world(new_world)
    world.milter.stop()
    folder = world.dir / "store" / "milter"
    for file in folder.iterdir():
        file.unlink()
    (folder / "data.mdb").write_bytes(b"no database")
    world.start_milter()
    assert ask(world, "soon@x.test").rcpts["soon@x.test"] == LATER
    assert world.send("news@acme.example", ["consent@x.test"],
                      messages.newsletter()).data[0] == 250
    assert "what was sent cannot be remembered" in world.milter_log()


def test_status_and_record(new_world):
    """What they did since; the ledger knows, even without the memory."""
    world = keep_world(new_world)
    ask(world, "soon@x.test", "soon2@x.test")
    status, = world.ctl_json("renewal", "status", ok=True)
    assert (status["asked"], status["silent"]) == (2, 2)
    plan = world.ctl_json("renewal", "plan", "--stream", "keep", ok=True)
    assert plan["reasons"]["asked-before"] == 2
    # Of the wave's three one is left; the next one is the next wave's.
    assert [w["people"] for w in plan["waves"]] == [1, 1]
    world.ctl("withdraw", "soon2@x.test", "--purpose", "acme/newsletter")
    world.ctl("grant", "soon@x.test", "--purpose", "acme/newsletter",
              "--source", "web-form", "--attest", "Test")
    status, = world.ctl_json("renewal", "status", ok=True)
    assert (status["kept"], status["left"], status["silent"]) == (1, 1, 0)
    assert b"2 asks recorded" in world.ctl("renewal", "record").stdout
    assert b"0 asks recorded" in world.ctl("renewal", "record").stdout
    assert b"asked" in world.ctl("history", "soon2@x.test").stdout
    world.ctl("verify")
    world.milter.stop()
    for file in (world.dir / "store" / "milter").iterdir():
        file.unlink()
    world.start_milter()
    assert world.why("soon2@x.test", "keep") == ("refuse", "withdrawn")
    assert world.why("soon@x.test", "keep") == ("refuse", "not-due")


def press(world, uri, act):
    return world.http("POST", uri, f"act={act}".encode(), {
        "Content-Type": "application/x-www-form-urlencoded"})


def footer_link(world, address):
    texts = messages.texts(world.sink.to(address).data)
    return re.search(rf"{BASE_URL}/u/[\w-]+", "".join(texts.values()))[0]


def test_the_answer(new_world):
    """Issue 4: yes is a POST, a new consent with what they saw as evidence;
    GET and the header's token never say it."""
    world = keep_world(new_world)
    ask(world, "soon@x.test", "soon2@x.test")
    for name in ("soon", "soon3"):
        ask(world, f"{name}@x.test")
    world.settled()
    assert ask(world, "soon4@x.test").rcpts["soon4@x.test"] == LATER
    uri = footer_link(world, "soon3@x.test")
    page = world.http("GET", uri, headers={"Accept-Language": "cs"})
    assert page.status == 200 and 'value="keep"' in page.text
    assert "Chcete dál dostávat" in page.text
    assert world.ctl_json("renewal", "status")[0]["silent"] == 3
    header, _ = messages.unsubscribe_uris(
        world.sink.to("soon3@x.test").data)
    assert press(world, header, "keep").status == 400
    assert world.ctl_json("renewal", "status")[0]["kept"] == 0
    assert press(world, uri, "keep").status == 200
    assert press(world, uri, "keep").status == 200
    assert world.ctl_json("renewal", "status")[0]["kept"] == 1
    assert world.why("soon3@x.test", "keep") == ("refuse", "not-due")
    history = world.ctl("history", "soon3@x.test").stdout.decode()
    assert history.count("granted") == 2
    folder = world.dir / "evidence"
    world.ctl("evidence", "soon3@x.test", "-o", folder)
    everything = "".join(f.read_text(errors="replace")
                         for f in folder.rglob("*") if f.is_file())
    assert 'pressed \\"keep\\" on our page' in everything or \
        'pressed "keep" on our page' in everything
    assert "Do you want to keep getting" in everything
    # Stop stays stop, and then nothing is offered any more.
    assert press(world, uri, "stop").status == 200
    assert 'value="keep"' not in world.http("GET", uri).text
    assert world.why("soon3@x.test", "keep") == ("refuse", "withdrawn")


def test_no_answer_where_nobody_asked(new_world):
    """The footer of ordinary mail cannot renew anything."""
    world = keep_world(new_world)
    world.send("news@acme.example", ["soon@x.test"], messages.newsletter())
    world.settled()
    uri = footer_link(world, "soon@x.test")
    assert 'value="keep"' not in world.http("GET", uri).text
    assert press(world, uri, "keep").status == 200  # the page, no act
    assert world.why("soon@x.test", "keep") == ("allow", "renewal")


def test_backup_and_restore(new_world):
    """Who was asked stays asked, on a new machine too."""
    world = keep_world(new_world)
    assert ask(world, "soon@x.test").data[0] == 250
    world.send("news@acme.example", ["soon2@x.test"], messages.newsletter())
    world.settled()
    world.milter.stop()
    before = world.ctl_json("access", "soon2@x.test", ok=True)
    assert before["last_mailed"][0]["purpose"] == NEWS
    folder = world.dir / "backup"
    world.ctl("backup", folder)
    shutil.rmtree(world.dir / "store" / "milter")
    assert world.why("soon@x.test", "keep") == ("allow", "renewal")
    world.ctl("restore", folder, "--yes")
    assert world.why("soon@x.test", "keep") == ("refuse", "asked-before")
    assert world.ctl_json("access", "soon2@x.test", ok=True)[
        "last_mailed"] == before["last_mailed"]
    world.start_milter()
    assert ask(world, "soon@x.test").rcpts["soon@x.test"] == REFUSED
    assert ask(world, "soon2@x.test").data[0] == 250
    mine = world.ctl_json("access", "soon2@x.test", ok=True)["asked"]
    assert [a["stream"] for a in mine] == ["keep"]


def test_mail_keeps_a_consent_from_going_idle(new_world):
    """DE-3, AT-GOLF: unused is over; mail that left is use, an ask is not."""
    world = keep_world(new_world, "renew-before = 400d", start=False)
    world.import_csv(people.granted("golf@x.test", "used@x.test",
                                    "asked@x.test", time=people.ago(3)))
    world.start()
    for _ in range(2):
        assert world.send("news@acme.example", ["used@x.test"],
                          messages.newsletter()).data[0] == 250
    world.write_config(world.config.replace('lifetime = "3y"',
                                            'lifetime = "1y" idle = "2d"'))
    assert ask(world, "asked@x.test").rcpts["asked@x.test"] == REFUSED
    world.write_config(world.config.replace('idle = "2d"', ""))
    world.restart_milter()
    assert ask(world, "asked@x.test").data[0] == 250
    world.write_config(world.config.replace('lifetime = "1y"',
                                            'lifetime = "1y" idle = "2d"'))
    world.restart_milter()
    told = world.send("news@acme.example",
                      ["golf@x.test", "used@x.test", "asked@x.test"],
                      messages.newsletter())
    assert told.accepted == ["used@x.test"]
    assert {told.rcpts[a] for a in ("golf@x.test", "asked@x.test")} == {
        REFUSED}
    assert world.why("golf@x.test", "newsletter") == ("refuse", "idle")
    assert world.why("used@x.test", "newsletter") == ("allow", "consent")
    # G7-1b: who is not used any more may be forgotten; who is, stays.
    world.write_config(world.config + 'retention { ended = "1h" }\n')
    world.ctl("retention")
    assert [a for a in ("golf", "used", "asked") if world.ctl_json(
        "access", f"{a}@x.test")["email_kept"]] == ["used"]
    # Its memory gone, nothing is known of use: 451, not a bounce, and nobody
    # is forgotten.
    world.milter.stop()
    (world.dir / "store" / "milter" / "data.mdb").write_bytes(b"no database")
    events = world.ctl_json("status")["events"]
    assert world.ctl("retention", ok=False).returncode == 65
    assert world.ctl_json("status")["events"] == events
    world.start_milter()
    assert world.send("news@acme.example", ["used@x.test"],
                      messages.newsletter()).rcpts["used@x.test"] == LATER
