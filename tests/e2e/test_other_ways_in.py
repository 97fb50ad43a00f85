"""sendmail(1) and Sendmail as the MTA: the same decisions (D5)."""
import people
import pytest

from harness import clients, messages
from harness.proc import wait_until
from harness.sendmail import Sendmail


@pytest.fixture
def local(new_world):
    world = new_world()
    world.import_csv(people.granted("anna@x.test", "bob@x.test"))
    return world.start()


def test_sendmail_command_with_refused_people(local):
    """non_smtpd_milters: no RCPT reply, or it sticks in maildrop; decided at
    the end of the message."""
    done = local.postfix.sendmail(
        "news@acme.example", ["anna@x.test", "stranger@x.test"],
        messages.newsletter())
    assert done.returncode == 0
    local.sink.wait(1)
    assert local.postfix.settle() == []
    assert local.sink.delivered == ["anna@x.test"]
    assert "can't reject recipient in non-smtpd" not in local.postfix.log()


def test_sendmail_command_nobody_consents(local):
    """All refused: it bounces to the sender, it does not stick."""
    local.postfix.sendmail("news@acme.example", ["stranger@x.test"],
                           messages.newsletter())
    wait_until("the bounce", lambda: local.sink.all_to("news@acme.example"))
    assert local.postfix.settle() == []
    assert local.sink.delivered == ["news@acme.example"]
    bounce = local.sink.to("news@acme.example").data
    assert b"No consent on record" in bounce


def test_sendmail_command_service(local):
    message = messages.password_reset("stranger@x.test")
    local.postfix.sendmail("shop@acme.example", ["stranger@x.test"], message)
    data = local.sink.to("stranger@x.test").data
    assert messages.without_trace(data) == message


@pytest.fixture
def other_mta(new_world, folder):
    """Sendmail in front of consent-milter; (world, mta)."""
    world = new_world(postfix=False, replace={
        'socket-group = "postfix"': 'socket-mode = "0660"'})
    world.import_csv(people.csv())
    world.start()
    mta = Sendmail(folder / "sm", world.sink.port, world.socket()).start()
    yield world, mta
    mta.stop()


def test_sendmail_refuses_in_the_dialogue(other_mta):
    world, mta = other_mta
    told = clients.submit(mta.port, "news@acme.example", people.EVERYBODY,
                          messages.newsletter())
    assert told.accepted == people.CONSENTING
    for address in people.OTHERS:
        code, text = told.rcpts[address]
        assert code == 550 and text.startswith("5.7.1 "), text
        assert text.endswith("No consent on record for this recipient")
    assert told.data[0] == 250
    mta.settle()
    assert world.sink.delivered == people.CONSENTING


def test_sendmail_drops(other_mta):
    """Deleted exactly as typed."""
    world, mta = other_mta
    world.import_csv(people.granted("anna@x.test", purpose="acme/offers"))
    told = clients.submit(mta.port, "offers@acme.example",
                          ["anna@x.test", "Stranger@X.test"],
                          messages.newsletter())
    assert told.data[0] == 250
    mta.settle()
    assert world.sink.delivered == ["anna@x.test"]


def test_sendmail_gives_a_way_out(other_mta):
    world, mta = other_mta
    clients.submit(mta.port, "news@acme.example", ["consent@x.test"],
                   messages.newsletter())
    mta.settle()
    data = world.sink.to("consent@x.test").data
    uri, _ = messages.unsubscribe_uris(data)
    # R8058-2: the blank after the colon is Sendmail's business; one of it.
    assert b"\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in data
    for text in messages.texts(data).values():
        assert world.base_url in text
    assert world.one_click(uri).status == 200
    told = clients.submit(mta.port, "news@acme.example", ["consent@x.test"],
                          messages.newsletter())
    assert told.refused == ["consent@x.test"]


def test_sendmail_service_untouched(other_mta):
    world, mta = other_mta
    message = messages.password_reset()
    told = clients.submit(mta.port, "shop@acme.example", ["stranger@x.test"],
                          message)
    assert told.data[0] == 250
    mta.settle()
    data = world.sink.to("stranger@x.test").data
    assert messages.without_trace(data) == message


def test_sendmail_waits_without_the_milter(other_mta):
    """F=T: 451 when the filter is down."""
    world, mta = other_mta
    world.kill_milter()
    told = clients.submit(mta.port, "news@acme.example", ["consent@x.test"],
                          messages.newsletter())
    assert 451 in {told.mail[0], *(c for c, _ in told.rcpts.values())}, told
    assert world.sink.delivered == []
