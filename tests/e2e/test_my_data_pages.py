"""What is on record, for the person it is about: the page behind a mailed link
in Chromium, by keyboard, without script; taken along, erased, gone from every
file.

CM_PICTURES=FOLDER keeps a picture of each page; CM_LONG has every language on
both screens."""
import json
import os
import time
import urllib.parse

import pytest

from harness import tokens
from harness.person import SCREENS, Person, new_browser

LANGUAGES = ["bg", "cs", "en", "pl", "ru", "sv"]
ON_A_DESK = LANGUAGES if os.environ.get("CM_LONG") else ["cs"]
MAIL = 'mail { domain = "m.acme.example" }\n'
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TEXT = "Yes, send me <b>news</b> & offers.\n"


@pytest.fixture(scope="module", name="browser")
def make_browser():
    browser = new_browser()
    yield browser
    browser.close()


@pytest.fixture(name="world")
def make_world(new_world):
    world = new_world(postfix=False, settings=MAIL)
    rows = [f"{n}-{s}@x.test,{p},granted,2026-01-01T00:00:00Z,{n}"
            for n in LANGUAGES + ["one", "two"] for s in SCREENS
            for p in ("acme/newsletter", "acme/offers")]
    world.import_csv("email,purpose,status,time,language\n"
                     + "\n".join(rows).replace(",one", ",en")
                     .replace(",two", ",en") + "\n")
    world.start_web()
    return world


def mailed(world, address, place="m", **kw):
    kw.setdefault("kind", "mailed")
    return f"{world.base_url}/{place}/{tokens.token(world, address, **kw)}"


def events(world, address):
    return world.ctl_json("access", address, ok=True)["events"]


def post(world, uri, **pairs):
    return world.http("POST", uri, urllib.parse.urlencode(pairs), FORM)


def ticket(answer):
    """The hidden field of the page's first form."""
    return answer.body.decode().split('name="ticket" value="')[1] \
        .split('"')[0]


def files_with(world, address):
    """Every file of the store, in any case; its holes are left out."""
    found = []
    for path in sorted((world.dir / "lib").rglob("*")):
        if path.is_file():
            content = path.read_bytes().replace(bytes(64), b"").lower()
            if address.lower().encode() in content:
                found.append(path.name)
    return found


def gone_from_files(world, address):
    deadline = time.monotonic() + 30
    while files_with(world, address):
        assert time.monotonic() < deadline, files_with(world, address)
        time.sleep(0.1)


def test_a_person_sees_takes_and_erases(world, browser):
    """G15, G17-1, PREF-2: three pages, by keyboard and without script."""
    for language in LANGUAGES:
        for screen in SCREENS:
            if screen == "desk" and language not in ON_A_DESK:
                continue
            address = f"{language}-{screen}@x.test"
            person = Person(world, browser, screen, language)
            person.go(mailed(world, address))
            seen = person.look("1-my-data")
            assert seen["lang"] == language
            assert address in seen["text"]
            person.tab_to("button[value=take-page]")
            person.tab_to("button[value=take-file]")
            person.enter("button[value=erase-ask]")
            person.look("2-erase")
            assert world.why(address, "newsletter")[0] == "allow"
            person.enter("button[value=erase]")
            seen = person.look("3-gone")
            assert address not in seen["raw"]
            assert world.why(address, "newsletter") == ("refuse", "erased")
            gone_from_files(world, address)
    person.go(mailed(world, "one-desk@x.test"), dark=True)
    person.look("4-dark")
    person.go(mailed(world, "one-desk@x.test", days_ago=2))
    person.look("5-ended")
    person.go(mailed(world, "nobody@x.test"))
    person.look("6-none")
    person.go(world.base_url + "/lost")
    person.look("7-lost")
