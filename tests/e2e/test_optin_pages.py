"""The way in, in Chromium, as a person goes it: without script, by keyboard,
on a phone and on a desk, in every language.

CM_PICTURES=FOLDER keeps a picture of each page; CM_LONG has every language on
both screens."""
import os
import time

import pytest

from harness.person import SCREENS, Person, new_browser
from harness.world import PURPOSES

LANGUAGES = ["bg", "cs", "en", "pl", "ru", "sv"]
ON_A_DESK = LANGUAGES if os.environ.get("CM_LONG") else ["cs"]

MAIL = 'mail { domain = "m.acme.example" }\n'
FORM = """\
form "shop" {
    purpose  = {"acme/newsletter", "acme/offers"}
    intro    = "New shoes, and what they cost."
    intro-cs = "Nové boty a kolik stojí."
    embed-on = {"https://shop.example"}
}
"""
ABOUT = PURPOSES.replace(
    'title-cs = "Zpravodaj Acme"',
    'title-cs = "Zpravodaj Acme"  about = "Once a month: shoes and offers"  '
    'about-cs = "Jednou měsíčně: boty a nabídky"')


@pytest.fixture(scope="module", name="browser")
def make_browser():
    browser = new_browser()
    yield browser
    browser.close()


@pytest.fixture(name="world")
def make_world(new_world):
    world = new_world(postfix=False, settings=MAIL, purposes=ABOUT + FORM)
    world.start_web()
    return world


def old_enough(since):
    """A form that is sent sooner than a person could is shown again."""
    time.sleep(max(0, since + 2.1 - time.monotonic()))


def fill_in(person, address):
    person.tab_to("input[value='acme/newsletter']")
    person.press("Space")
    person.tab_to("input[name=email]")
    person.type(address)


def test_a_person_asks_for_mail(world, browser):
    """PREF-2, DOI-4: by keyboard, without script; nothing ticked before."""
    for language in LANGUAGES:
        for screen in SCREENS:
            if screen == "desk" and language not in ON_A_DESK:
                continue
            person = Person(world, browser, screen, language)
            person.go(f"{world.base_url}/s/shop/{language}")
            opened = time.monotonic()
            seen = person.look("1-subscribe")
            assert seen["lang"] == language
            assert "checked" not in seen["raw"]
            fill_in(person, "person@x.test")
            old_enough(opened)
            person.enter("button[value=subscribe]")
            asked = person.look("2-asked")
            assert "person@" not in asked["raw"]
    person.go(f"{world.base_url}/s", dark=True)
    person.look("3-dark")
