"""consent-web's pages in Chromium, as a person uses them: without script, by
keyboard, on a phone and on a desk, in every language.

CM_PICTURES=FOLDER keeps a picture of each; look at them after a change of
conf/templates.  CM_LONG has every language on both screens."""
import os

import pytest

from harness import tokens
from harness.person import SCREENS, Person

LANGUAGES = ["bg", "cs", "en", "pl", "ru", "sv"]
ON_A_DESK = LANGUAGES if os.environ.get("CM_LONG") else ["ru"]


@pytest.fixture(name="world")
def make_world(new_world):
    world = new_world(postfix=False)
    rows = [f"{n}-{s}@x.test,{p},granted,2026-01-01T00:00:00Z,{n}"
            for n in LANGUAGES for s in SCREENS
            for p in ("acme/newsletter", "acme/offers")]
    world.import_csv("email,purpose,status,time,language\n"
                     + "\n".join(rows) + "\n")
    world.start_web()
    return world


def withdrawn(world, address):
    return world.why(address, "newsletter") == ("refuse", "withdrawn")


def test_a_person_leaves_and_comes_back(world, browser):
    """G7-3, PREF-1, PREF-2: two keys stop, two more take it back."""
    for language in LANGUAGES:
        for screen in SCREENS:
            if screen == "desk" and language not in ON_A_DESK:
                continue
            address = f"{language}-{screen}@x.test"
            person = Person(world, browser, screen, language)
            person.go(tokens.link(world, address, kind="footer"))
            assert person.look("1-ask")["lang"] == language
            assert not withdrawn(world, address)
            person.tab_to("button[value=stop]")
            person.enter("button[value=stop-all]")
            done = person.look("2-done-all")
            assert withdrawn(world, address)
            assert address not in done["raw"]
            person.enter("button[value=undo]")
            person.look("3-back")
            assert not withdrawn(world, address)
            person.enter("a[href^='/p/']")
            person.look("4-preferences")
            person.enter("button[name=stop]")
            seen = person.look("5-stopped")
            assert address not in seen["raw"]
            assert address[0] + "\u2022" in seen["text"]
            assert withdrawn(world, address)
            assert world.why(address, "offers")[0] == "allow"
            person.enter("button[value=undo]")
            assert not withdrawn(world, address)
    world.ctl("verify")


def test_pages_in_the_dark(world, browser):
    """Where people want it dark, it is, and can be read."""
    person = Person(world, browser, "phone", "dark")
    uri = tokens.link(world, "en-phone@x.test", kind="footer")
    for name, place in (("1", uri), ("2", uri.replace("/u/", "/p/")),
                        ("3", uri + "x"), ("4", world.base_url + "/u")):
        person.go(place, dark=True)
        person.look(name)
