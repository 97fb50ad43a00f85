"""The instruments themselves, without any program of ours: if these fail,
look here before looking at consent-milter."""
import pytest

from harness import clients, messages
from harness.dkim import OpenDkim
from harness.milterclient import MilterClient
from harness.postfix import Postfix
from harness.sendmail import Sendmail
from harness.sink import Sink


@pytest.fixture
def sink():
    s = Sink().start()
    yield s
    s.stop()


@pytest.fixture
def started():
    """Start things; they end with the test, last first."""
    running = []

    def start(thing):
        running.append(thing)
        return thing.start()
    yield start
    for thing in reversed(running):
        thing.stop()


def test_postfix_relays_what_it_gets(folder, sink, started):
    mta = started(Postfix(folder / "mta", sink.port, {"main": ""}))
    message = messages.newsletter()
    told = clients.submit(mta.port(), "news@acme.example",
                          ["anna@x.test", "bob@x.test"], message)
    assert told.accepted == ["anna@x.test", "bob@x.test"]
    assert mta.settle() == []
    mail = sink.to("anna@x.test")
    assert mail.sender == "news@acme.example"
    assert messages.without_trace(mail.data) == message
    assert sink.delivered == ["anna@x.test", "bob@x.test"]


def test_sendmail_command_and_swaks(folder, sink, started):
    mta = started(Postfix(folder / "mta", sink.port, {"main": ""}))
    done = mta.sendmail("a@acme.example", ["anna@x.test"],
                        messages.plain("a@acme.example", "anna@x.test"))
    assert done.returncode == 0
    status, text = clients.swaks(mta.port(), "b@acme.example",
                                 ["bob@x.test"], messages.password_reset(),
                                 folder)
    assert status == 0, text
    mta.settle()
    sink.wait(2)
    assert sink.delivered == ["anna@x.test", "bob@x.test"]


def test_deferred_mail_is_seen(folder, sink, started):
    mta = started(Postfix(folder / "mta", sink.port, {"main": ""}))
    sink.rcpt_reply["bob@x.test"] = "451 4.2.0 later"
    clients.submit(mta.port(), "a@acme.example",
                   ["anna@x.test", "bob@x.test"],
                   messages.plain("a@acme.example", "anna@x.test"))
    sink.wait(1)
    left = mta.settle()
    assert [r["address"] for r in left[0]["recipients"]] == ["bob@x.test"]


def test_signature_verifies_at_the_next_hop(folder, sink, started):
    signer = started(OpenDkim(folder / "dkim"))
    mta = started(Postfix(folder / "mta", sink.port,
                          {"main": signer.milter}))
    clients.submit(mta.port(), "news@acme.example", ["anna@x.test"],
                   messages.newsletter())
    data = sink.to("anna@x.test").data
    assert signer.verify(data)
    assert not signer.verify(data.replace(b"Subject: ", b"Subject: No "))
    # Oversigned: a second one cannot be put on top of it.
    assert not signer.verify(b"List-Unsubscribe: <https://x/>\r\n" + data)


def test_sendmail_relays(folder, sink, started):
    signer = started(OpenDkim(folder / "dkim"))
    mta = started(Sendmail(folder / "sm", sink.port, signer.socket))
    told = clients.submit(mta.port, "news@acme.example", ["anna@x.test"],
                          messages.newsletter())
    assert told.data[0] == 250
    mta.settle()
    assert signer.verify(sink.to("anna@x.test").data)


def test_milter_client_speaks_to_a_milter(folder, started):
    signer = started(OpenDkim(folder / "dkim"))
    with MilterClient(signer.socket) as m:
        m.negotiate()
        m.connect()
        m.helo()
        m.mail("<news@acme.example>", macros={"i": "4ABC"})
        m.rcpt("<anna@x.test>")
        reply = m.message([("From", " news@acme.example"),
                           ("Subject", " x")], b"hello\r\n")
        assert reply.final in ("continue", "accept")
        assert [c[1] for c in reply.of("insheader")] == ["DKIM-Signature"]
        assert reply.body is None and reply.deleted == []
