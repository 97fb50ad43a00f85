"""RMIME-11, pitfalls 20 and 21: through us more than once, one footer."""
import email
import pathlib
import re

import people
import pytest

from harness import clients, messages
from harness.postfix import Postfix

CORPUS = pathlib.Path(__file__).resolve().parent.parent / "corpus"
ONE = ["anna@x.test"]
TWO = ["anna@x.test", "emil@x.test"]
# Leaves that are each written in another way.
MESSAGES = ["alt", "alt-related-html", "html-b64-tail", "mixed-alt-pdf",
            "plain-7bit", "plain-flowed", "plain-qp-softend",
            "upgrade-7bit-utf8", "charset-alt-windows-1250",
            "charset-iso-2022-jp-html-7bit", "charset-koi8-r-html-b64",
            "charset-shift-jis-plain-qp", "charset-utf-16le-plain-b64"]


@pytest.fixture
def hops(new_world):
    """Two Postfixes in a row, both with our milter."""
    world = new_world()
    world.import_csv(people.granted(*TWO))
    world.start()
    first = Postfix(world.dir / "first", world.postfix.port("main"),
                    {"main": f"unix:{world.socket()}"})
    first.start()
    yield world, first
    first.stop()


def through_both(hops, message, rcpts):
    """What the last hop hands on, and what became of the body at each."""
    world, first = hops
    world.sink.clear()
    logged = len(world.milter_log())
    told = clients.submit(first.port(), "news@acme.example", rcpts, message)
    assert told.data[0] == 250, told
    for mta in (first, world.postfix):
        assert mta.settle() == []
    edits = re.findall(r"\bedit=\S+", world.milter_log()[logged:])
    return messages.without_trace(world.sink.to(rcpts[0]).data), edits


def links(data):
    """How often each text that is no attachment has a link of ours."""
    parts = [p for p in email.message_from_bytes(data).walk()
             if p.get_content_maintype() == "text" and
             p.get_content_disposition() != "attachment"]
    return [len(re.findall(
        r"https://[^\s\"]+/u(?:/[\w-]+)?(?![\w/-])", p.get_payload(
            decode=True).decode(p.get_content_charset("us-ascii"))))
        for p in parts]


@pytest.mark.parametrize("rcpts, names", [(ONE, MESSAGES),
                                          (TWO, MESSAGES[::4])],
                         ids=["one", "two"])
def test_one_footer_after_two_hops_and_a_loop(hops, rcpts, names):
    """The first hop edits; no later one changes an octet."""
    for name in names:
        message = (CORPUS / f"{name}.eml").read_bytes()
        once, edits = through_both(hops, message, rcpts)
        assert edits == ["edit=footer", "edit=headers"], name
        assert set(links(once)) == {1}, name
        messages.unsubscribe_uris(once)  # there is one header
        again, edits = through_both(hops, once, rcpts)
        assert edits == ["edit=headers"] * 2, name
        assert again == once, name
