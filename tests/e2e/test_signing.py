"""A signer behind us covers what we added, and it verifies at the next
hop."""
import people
import pytest

from harness import messages
from harness.dkim import OpenDkim
from harness.sink import Sink


@pytest.fixture
def signer(folder):
    signer = OpenDkim(folder / "dkim").start()
    yield signer
    signer.stop()


def signed_newsletter(new_world, signer, sink=None):
    world = new_world(after=signer.milter, sink=sink)
    world.import_csv(people.granted("anna@x.test"))
    world.start()
    told = world.send("news@acme.example", ["anna@x.test"],
                      messages.newsletter())
    assert told.data[0] == 250, told
    world.settled()
    return world, world.sink.to("anna@x.test").data


def test_both_list_headers_are_signed(new_world, signer):
    """R8058-11, R6376-1, D4."""
    world, data = signed_newsletter(new_world, signer)
    assert signer.verify(data)
    names = signer.signed_headers(data)
    assert {"list-unsubscribe", "list-unsubscribe-post"} <= set(names)
    assert world.base_url in messages.texts(data)["text/plain"]
    assert not signer.verify(data.replace(b"/u/", b"/v/", 1))


def test_signature_survives_a_seven_bit_hop(new_world, signer):
    """R6376-3: what we add never makes a later hop re-encode."""
    _, data = signed_newsletter(new_world, signer, Sink(
        eightbit=False).start())
    assert signer.verify(data)


def test_service_mail_is_signed_as_it_came(new_world, signer):
    world = new_world(after=signer.milter).start()
    world.send("shop@acme.example", ["anna@x.test"],
               messages.password_reset())
    world.settled()
    data = world.sink.to("anna@x.test").data
    assert signer.verify(data)
    assert data.endswith(messages.password_reset())
