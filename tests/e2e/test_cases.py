"""Requirements D: the campaigns that companies were fined for, each sent by
its tool through a real Postfix, once as what it is and once labelled as
service mail.  Nobody gets it; and whoever has agreed gets theirs (CONTROL).
What the cases are stands in cases.py.
"""
import collections
import concurrent.futures
import hashlib
import os
import re
import shutil

import pytest
from cases import AGREED, CASES, MAILINGS, TEXTS, rows

from harness import messages
from harness.clients import Dialogue
from harness.dkim import OpenDkim
from harness.proc import wait_until

PURPOSES = 'purpose "acme" { title = "All of Acme"  lifetime = "3y" }\n' + (
    "".join(f'purpose "acme/{name}" {{ {settings} }}\n'
            for name, settings in MAILINGS.items()))
NOTICES = "".join(
    f'notice "{hashlib.sha256(text.encode()).hexdigest()}" {{ {known} }}\n'
    for text, known in TEXTS.values())
# A tool that names its campaigns in a header is answered at the end of the
# message, when what it claims has been read; others as they name recipients.
STREAMS = "".join(f"""\
stream "{name}-survey" {{ type = marketing  purpose = {{"acme/{name}"}}
    sender = {{"{name}-tool@acme.example"}}
    header = {{"X-Campaign: survey"}} }}
stream "{name}" {{ type = marketing  purpose = {{"acme/{name}"}}
    sender = {{"{name}@acme.example", "{name}-tool@acme.example"}} }}
""" for name in MAILINGS) + """\
stream "invoices" { type = service  sender = {"shop@acme.example"}
    header = {"X-Mail-Class: service"}  client = {"127.0.0.1"}
    approved-by = "Data protection officer, 2026-01-10" }
"""
AS_SERVICE = ("X-Mail-Class: service\nX-Transactional: yes\n"
              "Auto-Submitted: auto-generated\n")


def campaign(sender, subject, to="undisclosed-recipients:;", headers=""):
    return messages.newsletter(to, headers=headers).replace(
        b"news@acme.example", sender.encode()).replace(
        b"News of November", subject.encode())


@pytest.fixture
def company(new_world):
    """Make a world in which Acme sends all these mailings."""
    def make(**kw):
        world = new_world(purposes=PURPOSES, streams=STREAMS, web=False,
                          settings=NOTICES + kw.pop("settings", ""), **kw)
        for name, (text, _) in TEXTS.items():
            (world.dir / f"{name}.txt").write_text(text)
        world.read = 0
        return world
    return make


def given(world, case):
    """The company's files, each by consentctl import."""
    for text, args, says in case.lists():
        done = world.import_csv(text, *(a.replace("@DIR@", str(world.dir))
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
    reasons, sums = said(world, case.count)
    assert reasons == case.refused
    assert sums == {"rcpts": case.count, "allowed": 0,
                    "refused": case.count, "deferred": 0}       # R5321-4


@pytest.mark.parametrize("case", [c() for c in CASES],
                         ids=lambda case: case.name)
def test_case(company, case):
    world = company()
    given(world, case)
    world.start()
    # As what it is: refused person by person.
    sender = f"{case.mailing}@acme.example"
    told = world.send(sender, case.who(), campaign(sender, case.subject))
    assert {(code, text[:5]) for code, text in told.rcpts.values()} == {
        (550, "5.7.1")}
    assert told.data is None
    nobody_gets_it(world, case)
    # As service mail, by a header: refused as a whole.
    sender = f"{case.mailing}-tool@acme.example"
    told = world.send(sender, case.who(), campaign(
        sender, case.subject, headers=AS_SERVICE + case.headers))
    assert told.data[0] == 550 and told.data[1].startswith("5.7.1"), told
    nobody_gets_it(world, case)


# ---- AT-CONTROL ------------------------------------------------------------

def send_each(world, databases):
    """One message a person, by four clients of the tool; who was taken."""
    mails = [(f"{db.mailing}@acme.example", db.subject, who)
             for db in databases for who in db.who()]

    def client(some):
        taken = []
        with Dialogue(world.postfix.port()) as d:
            for sender, subject, who in some:
                d.mail(sender)
                if d.rcpt(who)[0] == 550:
                    d.smtp.rset()
                    continue
                assert d.data(campaign(sender, subject, who))[0] == 250
                taken.append(who)
        return taken
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return sorted(who for taken in pool.map(
            client, (mails[i::4] for i in range(4))) for who in taken)


def link_counts(data, base_url):
    """How often each of the two texts has a link that ends it."""
    texts = data.replace(b"=\r\n", b"").split(b"\r\n--b1")[1:-1]
    return [len(re.findall(base_url.encode() + rb"/u/[\w-]{40,}", text))
            for text in texts]


def test_control(company, folder):
    """AT-CONTROL: all these databases, and a thousand people who agreed and
    whose agreement is on record: exactly those get the campaign, each with a
    way out of their own, signed; and whoever objects gets their invoice."""
    signer = OpenDkim(folder / "dkim").start()
    try:
        world = company(after=signer.milter)
        databases = [c() for c in CASES] + AGREED
        for database in databases:
            given(world, database)
        agreed = sorted(who for database in AGREED for who in database.who())
        assert len(agreed) == 1000
        world.start()
        assert send_each(world, databases) == agreed
        assert world.settled() == {who: 1 for who in agreed}
        uris = set()
        for mail in world.sink.take():
            uris.add(messages.unsubscribe_uris(mail.data)[0])
            assert messages.header_lines(
                mail.data, "List-Unsubscribe-Post") == [
                "List-Unsubscribe=One-Click"]
            assert link_counts(mail.data, world.base_url) == [1, 1]
            assert signer.verify(mail.data)
        assert len(uris) == len(agreed)
        assert all(uri.startswith(world.base_url) for uri in uris)
        objected = CASES[0]().who()[0]
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


@pytest.fixture(params=[True], ids=["signed"])
def mailroom(company, request):
    """400 agreed, then came the backup, then all but one of them left; with
    checkpoints, or without."""
    world = company(settings=CHECKPOINT if request.param else "")
    world.crowd = [f"c{i}@royalmail.test" for i in range(400)]
    if request.param:
        world.ctl("keys", "checkpoint")
    world.import_csv(rows(world.crowd, purpose="acme/newsletter",
                          status="granted", time="2026-01-01T12:00:00Z"))
    world.ctl("backup", world.dir / "backup")
    world.import_csv(rows(world.crowd[1:], status="withdrawn",
                          time="2026-06-01T12:00:00Z"))
    if request.param:
        world.ctl("checkpoint")
    world.ctl("backup", "--refusals-only", world.dir / "refusals")
    return world.start()


def price_cut(world):
    """What each of the crowd is told."""
    told = world.send("newsletter@acme.example", world.crowd, campaign(
        "newsletter@acme.example", "Lower prices for parcels"))
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


@pytest.mark.parametrize("mailroom", [False], indirect=True, ids=["unsigned"])
def test_royalmail_without_checkpoints(mailroom):
    """The milter itself remembers how long the ledger was, and a restart does
    not make it forget; a restore does, for it brings the refusals back."""
    test_royalmail(mailroom, restored, True)
    # So does a store that is made anew.
    shutil.rmtree(mailroom.dir / "store" / "store")
    mailroom.ctl("init")
    mailroom.import_csv(rows(mailroom.crowd[1:2], purpose="acme/newsletter",
                             status="granted", time="2026-01-01T12:00:00Z"))
    mailroom.restart_milter()
    assert price_cut(mailroom).accepted == mailroom.crowd[1:2]
