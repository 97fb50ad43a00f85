"""consent-web's pages in Chromium, as a person uses them: without script, by
keyboard, on a phone and on a desk, in every language.

CM_PICTURES=FOLDER keeps a picture of each; look at them after a change of
conf/templates.  CM_LONG has every language on both screens."""
import importlib.util
import os
import pathlib
import time

import pytest

from harness import tokens
from harness.world import REPO

SPEC = importlib.util.spec_from_file_location(
    "chromium", REPO / "tests/html/chromium.py")
CHROMIUM = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(CHROMIUM)

pytestmark = pytest.mark.skipif(CHROMIUM.PROGRAM is None,
                                reason="chromium is not installed")
LANGUAGES = ["bg", "cs", "en", "pl", "ru", "sv"]
SCREENS = {"phone": 390, "desk": 1200}
ON_A_DESK = LANGUAGES if os.environ.get("CM_LONG") else ["ru"]

# WCAG 2.1: names, order of headings, targets, contrast; nothing beyond the
# window's right edge.
LOOK = """(() => {
    const rgb = c => c.match(/[0-9.]+/g).map(Number);
    const light = c => {
        const [r, g, b] = c.slice(0, 3).map(v => v / 255).map(
            v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = e => {
        while (e && rgb(getComputedStyle(e).backgroundColor)[3] === 0)
            e = e.parentElement;
        return e ? rgb(getComputedStyle(e).backgroundColor) : [255, 255, 255];
    };
    const contrast = e => {
        const a = light(rgb(getComputedStyle(e).color)), b = light(behind(e));
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    const all = [...document.querySelectorAll(
        'h1, p, a, button, legend, label, footer')];
    const targets = [...document.querySelectorAll('button, label')].map(
        e => e.getBoundingClientRect().height);
    return {
        over: document.documentElement.scrollWidth - innerWidth,
        height: document.documentElement.scrollHeight,
        contrast: Math.min(...all.map(contrast)),
        target: Math.min(44, ...targets),
        font: Math.min(...all.map(
            e => parseFloat(getComputedStyle(e).fontSize))),
        heading: document.querySelector('h1').innerText,
        lang: document.documentElement.lang,
        text: document.body.innerText,
        raw: document.documentElement.outerHTML,
    };
})()"""

KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), "Space": (32, " ")}


class Person:
    """At a browser that runs no script, with a keyboard and no mouse."""

    def __init__(self, world, browser, screen, language):
        self.world = world
        self.browser = browser
        self.width = SCREENS[screen]
        self.name = f"{language}-{screen}"

    def go(self, uri, dark=False):
        self.browser.go(uri.replace(
            self.world.base_url, f"http://127.0.0.1:{self.world.web_port}"),
            self.width, dark)

    def look(self, name):
        seen = self.browser.ask(LOOK)
        folder = os.environ.get("CM_PICTURES")
        if folder:
            path = pathlib.Path(folder)
            path.mkdir(parents=True, exist_ok=True)
            (path / f"{self.name}-{name}.png").write_bytes(
                self.browser.picture(seen["height"]))
        assert seen["over"] <= 0, f"{name} is wider than the window"
        assert seen["contrast"] >= 4.5, name
        assert seen["target"] >= 44, name
        assert seen["font"] >= 14, name
        assert "{{" not in seen["raw"], name
        return seen

    def press(self, key):
        code, text = KEYS[key]
        kind = {"key": " " if key == "Space" else key, "code": key,
                "windowsVirtualKeyCode": code}
        self.browser.call("Input.dispatchKeyEvent", type="keyDown",
                          **kind, **({"text": text} if text else {}))
        self.browser.call("Input.dispatchKeyEvent", type="keyUp", **kind)

    def tab_to(self, selector):
        for _ in range(20):
            self.press("Tab")
            if self.browser.ask(
                    f"document.activeElement.matches({selector!r})"):
                outline = self.browser.ask(
                    "getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", "focus is seen"
                return
        raise AssertionError(f"Tab never comes to {selector}")

    def enter(self, selector):
        """Tab there, Enter, and wait for the next page."""
        self.tab_to(selector)
        self.browser.ask("document.body.dataset.old = 1")
        self.press("Enter")
        deadline = time.monotonic() + 30
        while self.browser.ask(
                "document.readyState != 'complete' || "
                "document.body.dataset.old == '1'"):
            assert time.monotonic() < deadline, f"no page behind {selector}"


@pytest.fixture(scope="module", name="browser")
def make_browser():
    browser = CHROMIUM.Browser()
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    yield browser
    browser.close()


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
