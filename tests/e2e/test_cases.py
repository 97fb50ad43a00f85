"""Requirements D: the campaigns that companies were fined for, each sent by
its tool through a real Postfix, once as what it is and once labelled as
service mail.  Nobody gets it; and whoever has agreed gets theirs (CONTROL).
What the cases are stands in cases.py.
"""
import collections
import concurrent.futures
import os
import re
import shutil

import pytest
from cases import CARD, CASES, CLUB, GROCERY, NEWS, table

from harness import messages
from harness.clients import Dialogue
from harness.dkim import OpenDkim
from harness.proc import wait_until

PURPOSES = f"""\
purpose "acme"     {{ title = "Everything from Acme"  lifetime = "3y" }}
purpose "{NEWS}"   {{ title = "Acme newsletter" }}
purpose "{CARD}"   {{ title = "Loyalty card" }}
purpose "{GROCERY}" {{ title = "Groceries" }}
purpose "{CLUB}"   {{ title = "Club news"  lifetime = none  idle = "4y" }}
"""
# A tool that names its campaigns in a header is answered at the end of the
# message, when what it claims has been read; others as they name recipients.
STREAMS = f"""\
stream "card-survey" {{ type = marketing  sender = {{"cardtool@acme.example"}}
    header = {{"X-Campaign: survey"}}  purpose = {{"{CARD}"}} }}
stream "card"     {{ type = marketing  purpose = {{"{CARD}"}}
    sender = {{"card@acme.example", "cardtool@acme.example"}} }}
stream "club-survey" {{ type = marketing  sender = {{"clubtool@acme.example"}}
    header = {{"X-Campaign: survey"}}  purpose = {{"{CLUB}"}} }}
stream "club"     {{ type = marketing  purpose = {{"{CLUB}"}}
    sender = {{"club@acme.example", "clubtool@acme.example"}} }}
stream "survey"   {{ type = marketing  sender = {{"tool@acme.example"}}
    header = {{"X-Campaign: survey"}}  purpose = {{"{NEWS}"}} }}
stream "newsletter" {{ type = marketing  purpose = {{"{NEWS}"}}
    sender = {{"news@acme.example", "tool@acme.example"}} }}
stream "invoices" {{ type = service  sender = {{"shop@acme.example"}}
    header = {{"X-Mail-Class: service"}}  client = {{"127.0.0.1"}}
    approved-by = "Data protection officer, 2026-01-10" }}
"""
AS_SERVICE = ("X-Mail-Class: service\nX-Transactional: yes\n"
              "Auto-Submitted: auto-generated\n")


def campaign(sender, subject, to="undisclosed-recipients:;", headers=""):
    return messages.newsletter(to, headers=headers).replace(
        b"news@acme.example", sender.encode()).replace(
        b"News of November", subject.encode())


def given(world, case):
    """The company's files, each by consentctl import."""
    for text, args, says in case.lists():
        rejected = str(world.dir / f"{case.name}.rejected")
        done = world.import_csv(text, *(a.replace("@REJECTED@", rejected)
                                        for a in args))
        report = (done.stdout + done.stderr).decode()
        assert says in report, report


def said(world, count):
    """Of so many refusals since it was asked last, (reasons, sums)."""
    def lines():
        return re.findall(r"(?m) refused contact=[0-9a-f]{24} "
                          r"reason=([\w-]+) stage=.*$",
                          world.milter_log()[world.read:])
    wait_until("a line for each refusal", lambda: len(lines()) >= count)
    sums = collections.Counter()
    for key, value in re.findall(
            r"\b(rcpts|allowed|refused|deferred|unsent)=(\d+)",
            world.milter_log()[world.read:]):
        sums[key] += int(value)
    reasons = dict(collections.Counter(lines()))
    world.read = len(world.milter_log())
    return reasons, dict(sums)


def nobody_gets_it(world, case):
    """0 leave, every denial is logged with its reason, the sums are right."""
    assert world.settled() == {}
    count = len(case.everybody())
    reasons, sums = said(world, count)
    assert reasons == case.refused
    assert sums == {"rcpts": count, "allowed": 0, "refused": count,
                    "deferred": 0}             # R5321-4


@pytest.mark.parametrize("case", [c() for c in CASES],
                         ids=lambda case: case.name)
def test_case(new_world, case):
    world = new_world(purposes=PURPOSES, streams=STREAMS, web=False)
    given(world, case)
    world.start()
    world.read = 0
    # As what it is: refused person by person.
    told = world.send(case.sender, case.everybody(), campaign(
        case.sender, case.subject))
    assert {(code, text[:5]) for code, text in told.rcpts.values()} == {
        (550, "5.7.1")}
    assert told.data is None
    nobody_gets_it(world, case)
    # As service mail, by a header: refused as a whole.
    told = world.send(case.labelled, case.everybody(), campaign(
        case.labelled, case.subject, headers=AS_SERVICE + case.headers))
    assert told.data[0] == 550 and told.data[1].startswith("5.7.1"), told
    nobody_gets_it(world, case)


# ---- AT-CONTROL ------------------------------------------------------------

FULL = [f"c{i}@control.test" for i in range(1000)]


def send_each(world, people):
    """One message a person, by four clients of the tool; who was taken."""
    def client(some):
        taken = []
        with Dialogue(world.postfix.port()) as d:
            for who in some:
                d.mail("news@acme.example")
                if d.rcpt(who)[0] == 550:
                    d.smtp.rset()
                    continue
                assert d.data(campaign("news@acme.example", "Boots",
                                       who))[0] == 250
                taken.append(who)
        return taken
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return sorted(who for taken in pool.map(
            client, (people[i::4] for i in range(4))) for who in taken)


def link_counts(data, base_url):
    """How often each of the two texts has a link that ends it."""
    texts = data.replace(b"=\r\n", b"").split(b"\r\n--b1")[1:-1]
    return [len(re.findall(base_url.encode() + rb"/u/[\w-]{40,}", text))
            for text in texts]


def test_control(new_world, folder):
    """AT-CONTROL: all these databases, and a thousand people who agreed and
    whose agreement is on record: exactly those get the campaign, each with a
    way out of their own, signed; and whoever objects gets their invoice."""
    signer = OpenDkim(folder / "dkim").start()
    try:
        world = new_world(purposes=PURPOSES, streams=STREAMS, web=False,
                          after=signer.milter)
        everybody = list(FULL)
        for case in (c() for c in CASES):
            given(world, case)
            everybody += case.everybody()
        world.import_csv(table("email,purpose,status,time", FULL, NEWS,
                               "confirmed", "2026-01-10T12:00:00Z"))
        world.start()
        assert send_each(world, everybody) == sorted(FULL)
        assert world.settled() == {who: 1 for who in FULL}
        uris = set()
        for mail in world.sink.take():
            uris.add(messages.unsubscribe_uris(mail.data)[0])
            assert messages.header_lines(
                mail.data, "List-Unsubscribe-Post") == [
                "List-Unsubscribe=One-Click"]
            assert link_counts(mail.data, world.base_url) == [1, 1]
            assert signer.verify(mail.data)
        assert len(uris) == len(FULL)
        assert all(uri.startswith(world.base_url) for uri in uris)
        objected = CASES[0]().everybody()[0]
        invoice = messages.password_reset(objected).replace(
            b"MIME-Version", b"X-Mail-Class: service\r\nMIME-Version")
        assert world.send("shop@acme.example", [objected],
                          invoice).data[0] == 250
        world.settled()
        data = world.sink.to(objected).data
        assert data.endswith(invoice) and signer.verify(data)
        assert messages.header_lines(data, "List-Unsubscribe-Post") == []
    finally:
        signer.stop()


# ---- AT-ROYALMAIL ----------------------------------------------------------

CHECKPOINT = """\
checkpoint { origin = "acme.example/consent"  key = "@DIR@/checkpoint.key"
             path = "@DIR@/heads"  user = "root"  syslog = no }
"""


def lost(world):
    shutil.rmtree(world.dir / "store" / "store")


def truncated(world):
    ledger = world.dir / "store" / "store" / "ledger" / "data.mdb"
    os.truncate(ledger, 3 * 4096)


def restored(world):
    """Yesterday's files, put back by hand."""
    for name in ("ledger", "private", "stop"):
        shutil.copyfile(world.dir / "backup" / "store" / name / "data.mdb",
                        world.dir / "store" / "store" / name / "data.mdb")


@pytest.fixture
def mailroom(new_world):
    """400 agreed, then came the backup, then all but one of them left."""
    world = new_world(purposes=PURPOSES, streams=STREAMS, web=False,
                      settings=CHECKPOINT)
    world.crowd = [f"c{i}@royalmail.test" for i in range(400)]
    world.ctl("keys", "checkpoint")
    world.import_csv(table("email,purpose,status,time", world.crowd, NEWS,
                           "granted", "2026-01-01T12:00:00Z"))
    world.ctl("backup", world.dir / "backup")
    world.import_csv(table("email,status,time", world.crowd[1:], "withdrawn",
                           "2026-06-01T12:00:00Z"))
    world.ctl("checkpoint")
    world.ctl("backup", "--refusals-only", world.dir / "refusals")
    return world.start()


def price_cut(world):
    """What each of the crowd is told."""
    told = world.send("news@acme.example", world.crowd, campaign(
        "news@acme.example", "Lower prices for parcels"))
    world.settled()
    return told


@pytest.mark.parametrize("restarted", [False, True],
                         ids=["running", "restarted"])
@pytest.mark.parametrize("harm", [lost, truncated, restored],
                         ids=lambda harm: harm.__name__)
def test_royalmail(mailroom, harm, restarted):
    """AT-ROYALMAIL: a price cut was announced to 327,014 people who had
    opted out, for the file that said so was not the right one."""
    assert price_cut(mailroom).accepted == mailroom.crowd[:1]
    mailroom.sink.clear()
    harm(mailroom)
    if restarted:
        mailroom.restart_milter()
    told = price_cut(mailroom)
    assert {code for code, _ in told.rcpts.values()} == {451}
    assert mailroom.sink.delivered == []
    # Who left since is put back, and mail flows to whom it may.
    mailroom.ctl("restore", mailroom.dir / "backup", "--yes", "--refusals",
                 mailroom.dir / "refusals")
    mailroom.restart_milter()
    assert price_cut(mailroom).accepted == mailroom.crowd[:1]
    assert mailroom.sink.delivered == mailroom.crowd[:1]
