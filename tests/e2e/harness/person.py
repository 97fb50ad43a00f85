"""A person at consent-web's pages, in Chromium: eyes, keys, no mouse."""
import importlib.util
import os
import pathlib
import time

from .world import REPO

SPEC = importlib.util.spec_from_file_location(
    "chromium", REPO / "tests/html/chromium.py")
CHROMIUM = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(CHROMIUM)
SCREENS = {"phone": 390, "desk": 1200}

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


def new_browser(script=False):
    """A Chromium; without script, as some people have it, if not told."""
    browser = CHROMIUM.Browser()
    browser.call("Emulation.setScriptExecutionDisabled", value=not script)
    return browser


class Person:
    """At a browser, with a keyboard and no mouse."""

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
        self.keep_picture(name, seen["height"])
        assert seen["over"] <= 0, f"{name} is wider than the window"
        assert seen["contrast"] >= 4.5, name
        assert seen["target"] >= 44, name
        assert seen["font"] >= 14, name
        assert "{{" not in seen["raw"], name
        return seen

    def keep_picture(self, name, height):
        """In the folder that CM_PICTURES names."""
        folder = os.environ.get("CM_PICTURES")
        if folder:
            path = pathlib.Path(folder)
            path.mkdir(parents=True, exist_ok=True)
            (path / f"{self.name}-{name}.png").write_bytes(
                self.browser.picture(height))

    def press(self, key):
        code, text = KEYS[key]
        kind = {"key": " " if key == "Space" else key, "code": key,
                "windowsVirtualKeyCode": code}
        self.browser.call("Input.dispatchKeyEvent", type="keyDown",
                          **kind, **({"text": text} if text else {}))
        self.browser.call("Input.dispatchKeyEvent", type="keyUp", **kind)

    def type(self, text):
        self.browser.call("Input.insertText", text=text)

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
        while not self.browser.has_come("document.readyState == 'complete' && "
                                        "document.body.dataset.old != '1'"):
            assert time.monotonic() < deadline, f"no page behind {selector}"
