"""One person's whole way, in Czech, at the keyboard of a phone's width: ask,
confirm, get the newsletter through Postfix and the milter, leave by its
footer, come back, choose, lose the mail, see what is on record, be erased.
The parts are tested elsewhere."""
import re

import pytest
from test_letters import SERVICE, hand_in_at, letter_to, link_in, mail
from test_optin_pages import fill_in, took_their_time

from harness import messages
from harness.person import Person, new_browser
from harness.proc import wait_until
from harness.world import PURPOSES, STREAMS

JANA = "jana@x.test"
FORM = """\
form "shop" { purpose = {"acme/newsletter", "acme/offers"} }
"""


@pytest.fixture(name="jana")
def make_person(new_world):
    world = new_world(settings=mail(), purposes=PURPOSES + FORM,
                      streams=SERVICE + STREAMS)
    hand_in_at(world, world.postfix.port())
    world.start()
    browser = new_browser()
    yield Person(world, browser, "phone", "journey")
    browser.close()


def newsletter(world):
    """The next one, as she gets it; None if the milter refused."""
    world.sink.clear()
    told = world.send("news@acme.example", JANA, messages.newsletter(JANA))
    if told.rcpts[JANA][0] == 550:
        return None
    world.settled()
    return world.sink.to(JANA).data


def footer_link(data):
    text = messages.texts(data)["text/plain"]
    return re.search(r"https://\S+/u/[\w-]+", text)[0]


def test_all_the_way(jana):
    """DOI-1, DOI-2, G7-3, PREF-1, PREF-2: what she sees is what is done."""
    world = jana.world
    jana.go(f"{world.base_url}/s/shop/cs")
    assert jana.look("1-subscribe")["lang"] == "cs"
    fill_in(jana, JANA)
    took_their_time(jana)
    jana.enter("button[value=subscribe]")
    jana.look("2-asked")
    letter = letter_to(world, JANA)
    assert letter["Content-Language"] == "cs"
    assert newsletter(world) is None, "not before the button"

    jana.go(link_in(letter, "c"))
    assert jana.look("3-confirm")["lang"] == "cs"
    jana.enter("button[value=confirm]")
    jana.look("4-confirmed")
    wait_until("the consent", lambda: world.why(
        JANA, "newsletter")[0] == "allow")
    assert world.why(JANA, "offers") == ("refuse", "no-record")

    first = newsletter(world)
    assert messages.header_lines(first, "List-Unsubscribe-Post")
    assert "Odhlásit" in messages.texts(first)["text/html"]
    jana.go(footer_link(first))
    assert "Zpravodaj Acme" in jana.look("5-ask")["heading"]
    assert newsletter(world) is not None, "looking is free"
    jana.enter("button[value=stop]")
    jana.look("6-done")
    assert newsletter(world) is None
    jana.enter("button[value=undo]")
    jana.look("7-back")
    assert newsletter(world) is not None

    jana.enter("a[href^='/p/']")
    seen = jana.look("8-preferences")
    assert JANA not in seen["raw"] and "j\u2022" in seen["text"]
    jana.enter("button[name=more][value='acme/offers']")
    jana.look("9-more")
    assert world.why(JANA, "offers")[0] == "refuse", "a letter asks first"
    jana.enter("button[name=stop][value='acme/newsletter']")
    jana.look("10-stopped")
    assert newsletter(world) is None

    world.sink.clear()
    jana.go(f"{world.base_url}/lost")
    jana.look("11-lost")
    jana.tab_to("input[name=email]")
    jana.type(JANA)
    took_their_time(jana, "lost")
    jana.enter("button[value=lost]")
    jana.look("12-lost-sent")
    jana.go(link_in(letter_to(world, JANA), "p"))
    world.sink.clear()
    jana.enter("button[value=data]")
    jana.look("13-data-sent")
    jana.go(link_in(letter_to(world, JANA), "m"))
    seen = jana.look("14-my-data")
    assert JANA in seen["text"] and seen["lang"] == "cs"
    jana.enter("button[value=erase-ask]")
    jana.look("15-erase")
    jana.enter("button[value=erase]")
    assert JANA not in jana.look("16-gone")["raw"]
    assert newsletter(world) is None
    wait_until("nothing is left", lambda: JANA.encode() not in b"".join(
        f.read_bytes() for f in (world.dir / "store").rglob("data.mdb")))
    world.ctl("verify")
