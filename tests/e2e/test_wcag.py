"""WCAG 2.1 A and AA on every page there is: axe-core over consent-web's pages
in Chromium, dark on a phone and light on a desk.

What a page is, conf/templates says: a template with a heading.  A new one has
to be a row of PAGES here, and every part has to be on one of the pages.
CM_LONG tries both on both, and hard colours.  tools/setup fetches axe-core.
"""
import fcntl
import json
import os

import people
import pytest
from test_letters import letter_to, link_in, subscribe

from harness import tokens
from harness.milterclient import MilterClient
from harness.person import CHROMIUM, SCREENS, Person, new_browser
from harness.world import PURPOSES, REPO

AXE = REPO / "build/unpacked/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa",
         "best-practice"]
RUN = """axe.run(document, {runOnly: %s, resultTypes: ['violations']}).then(
    r => r.violations.map(v => [v.id, v.help, v.nodes.map(
        n => n.html + ' ' + n.failureSummary)]))""" % json.dumps(RULES)

RENEWAL = """
stream "keep" {
    type = renewal
    sender = {"keep@acme.example"}
    purpose = {"acme/newsletter"}
}
"""
ASKING = """
mail { domain = "m.acme.example"  submit = "smtp://127.0.0.1:1" }
form "shop" {
    purpose = {"acme/newsletter", "acme/offers"}
    intro = "New shoes, and what they cost."
}
"""
ABOUT = PURPOSES.replace('purpose "acme/offers"     {',
                         'purpose "acme/offers" { about = "Once a week" ')
LONG = os.environ.get("CM_LONG")
LOOKS = [(screen, light) for screen in SCREENS for light in ("light", "dark")
         if LONG or (screen == "phone") == (light == "dark")]
COLOURS = ["", 'colour = "#767676"\n    colour-dark = "#7f868e"\n',
           'colour = "#000000"\n    colour-dark = "#ffffff"\n']


class Visitor(Person):
    """Comes to each page from the links in mail, and keeps what was there."""

    def __init__(self, world, browser):
        super().__init__(world, browser, "phone", "wcag")
        self.seen = ""

    def link(self, name, kind="footer", **kw):
        return tokens.link(self.world, f"{name}@x.test", kind=kind, **kw)

    def at(self, name, **kw):
        self.go(self.link(name, **kw))

    def left(self, name):
        self.at(name)
        self.enter("button[value=stop]")

    def at_preferences(self, name):
        self.go(self.link(name).replace("/u/", "/p/"))

    def at_my_data(self, name, **kw):
        self.go(self.link(name, kind="mailed", **kw).replace("/u/", "/m/"))

    def violations(self):
        self.browser.ask(AXE.read_text() + ";0")
        bad = []
        for screen, light in LOOKS:
            self.browser.window(SCREENS[screen], light == "dark")
            bad += [(screen, light, *found)
                    for found in self.browser.ask(RUN)]
        return bad

    def judge(self, name):
        """What is wrong with the page, as text."""
        self.seen += self.browser.ask("document.documentElement.outerHTML")
        self.keep_picture(name, CHROMIUM.HEIGHT)
        return [f"{name}: {bad}" for bad in self.violations()]


def prepare(world):
    """Everybody whom the pages are about; templates say what they are."""
    for template in templates(world.dir / "templates"):
        template.write_text(mark(template) + "\n" + template.read_text())
    world.import_csv(people.granted(
        *(f"{n}@x.test" for n in ("ask", "done", "back", "thanks", "all"))))
    world.import_csv(people.granted("again@x.test", time=people.ago(1)))
    world.import_csv(people.granted("keep@x.test", "kept@x.test",
                                    time=people.ago(3 * 365 - 20)))
    world.start_milter()
    for name in ("keep", "kept"):
        with MilterClient(world.socket()) as m:
            m.negotiate()
            m.connect()
            m.helo()
            m.mail("<keep@acme.example>")
            m.rcpt(f"<{name}@x.test>")
            assert m.message([("From", "keep@acme.example")],
                             b"Still?\r\n").final == "continue"
    world.write_config(world.config.replace(
        "127.0.0.1:1\"", f"127.0.0.1:{world.sink.port}\""))
    world.start_web()


def kept(visitor):
    visitor.at("kept")
    visitor.enter("button[value=keep]")


def back(visitor):
    visitor.left("back")
    visitor.enter("button[value=undo]")


def thanks(visitor):
    visitor.left("thanks")
    visitor.tab_to("input[value=too-many]")
    visitor.press("Space")
    visitor.enter("button[value=why]")


def stopped_all(visitor):
    visitor.at_preferences("all")
    visitor.enter("button[value=stop-all]")


def taken_back(visitor):
    visitor.at_preferences("ask")
    visitor.enter("button[name=stop]")
    visitor.enter("button[value=undo]")


def too_late(visitor):
    visitor.at_preferences("ask")
    visitor.browser.ask("document.querySelectorAll('[name=ticket]').forEach("
                        "t => { t.value = 'old' })")
    visitor.enter("button[name=stop]")


def at_form(visitor):
    visitor.go(visitor.world.base_url + "/s")


def fill_in(visitor, address, ticked):
    """What is there by chance goes: the form may be the last one."""
    visitor.browser.ask(
        f"document.querySelector('#email').value = {address!r};"
        f"document.querySelector('[name=purpose]').checked = {ticked};0")


def send(visitor, template, button="subscribe"):
    """As often as it takes: who is faster than a person is asked again."""
    visitor.enter(f"button[value={button}]")
    while f"<!-- {template} -->" not in visitor.browser.ask(
            "document.documentElement.outerHTML"):
        visitor.enter(f"button[value={button}]")


def asked(visitor):
    at_form(visitor)
    fill_in(visitor, "ask@x.test", "true")
    send(visitor, "asked")


def check(visitor):
    at_form(visitor)
    fill_in(visitor, "nobody", "true")
    send(visitor, "said-check")


def no_address(visitor):
    send(visitor, "said-no-address")


def no_box(visitor):
    fill_in(visitor, "ask@x.test", "false")
    send(visitor, "said-no-box")


def asked_by_letter(visitor, name):
    """Whoever typed the address."""
    world = visitor.world
    subscribe(world, tokens.form(world, "s/shop"), f"{name}@x.test")
    visitor.go(link_in(letter_to(world, f"{name}@x.test"), "c"))


def confirmed(visitor):
    asked_by_letter(visitor, "yes")
    visitor.enter("button[value=confirm]")


def cancelled(visitor):
    asked_by_letter(visitor, "no")
    visitor.enter("button[value=cancel]")


def over(visitor):
    """The same link, when the ledger has it that they did not ask."""
    link = visitor.browser.ask("location.href")
    while "<!-- confirm-over -->" not in visitor.browser.ask(
            "document.documentElement.outerHTML"):
        visitor.go(link)


def a_week_later(visitor):
    """A picture of it: weeks do not pass here."""
    folder = visitor.world.dir / "templates"
    old = (folder / "confirm-old.html").read_text()
    (folder / "confirm-over.html").write_text(old)
    restart(visitor.world, visitor.world.config)
    visitor.go(visitor.browser.ask("location.href"))


def wanted(visitor):
    visitor.at_preferences("ask")
    visitor.enter("button[name=more]")


def about_to_erase(visitor):
    visitor.at_my_data("thanks")
    visitor.enter("button[value=erase-ask]")


def erased(visitor):
    about_to_erase(visitor)
    visitor.enter("button[value=erase]")


def restricted(visitor):
    visitor.at_my_data("all")
    visitor.world.ctl("restrict", "all@x.test")
    visitor.enter("button[value=erase-ask]")


def sent_data(visitor):
    visitor.at_preferences("ask")
    visitor.enter("button[value=data]")


def lost(visitor):
    visitor.go(visitor.world.base_url + "/lost")


def sent_lost(visitor):
    lost(visitor)
    visitor.browser.ask(
        "document.querySelector('#email').value = 'ask@x.test';0")
    send(visitor, "lost-sent", "lost")


def restart(world, config):
    world.write_config(config)
    world.web.stop()
    world.start_web()


def without_mail(visitor):
    config = visitor.world.config
    restart(visitor.world, config.replace(ASKING, ""))
    visitor.at_preferences("none")
    visitor.world.config = config


def with_logo(visitor):
    world = visitor.world
    logo = world.dir / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="90" '
                    'height="30"><rect width="90" height="30"/></svg>')
    restart(world, world.config.replace(
        "web {\n", f'web {{\n    logo = "{logo}"\n').replace(
        '    country', '    privacy-notice = "https://acme.example/privacy"\n'
        '    country'))
    visitor.at("ask")


# Template, and how somebody comes to see it.
PAGES = {
    "ask": lambda v: v.at("ask"),
    "ask-again": lambda v: v.at("again", days_ago=30),
    "done": lambda v: v.left("done"),
    "back": back,
    "thanks": thanks,
    "keep": lambda v: v.at("keep"),
    "kept": kept,
    "preferences": lambda v: v.at_preferences("ask"),
    "invalid": lambda v: v.go(v.link("ask") + "x"),
    "no-token": lambda v: v.go(v.world.base_url + "/u"),
    "subscribe": at_form,
    "asked": asked,
    "confirm": lambda v: asked_by_letter(v, "yes"),
    "confirmed": confirmed,
    "cancelled": cancelled,
    "confirm-over": over,
    "confirm-old": a_week_later,
    "lost": lost,
    "lost-sent": sent_lost,
    "my-data": lambda v: v.at_my_data("keep"),
    "my-data-ended": lambda v: v.at_my_data("keep", days_ago=2),
    "my-data-none": lambda v: v.at_my_data("nobody"),
    "erase": about_to_erase,
    "my-data-gone": erased,
}
# For pages of others: consentctl form prints these.
NO_PAGE = {"embed", "frame"}
# The same templates with other parts.
MORE = {
    "preferences-nothing": stopped_all,
    "preferences-back": taken_back,
    "preferences-again": too_late,
    "preferences-more": wanted,
    "preferences-data": sent_data,
    "my-data-restricted": restricted,
    "subscribe-check": check,
    "subscribe-no-address": no_address,
    "subscribe-no-box": no_box,
    "preferences-no-mail": without_mail,
    "ask-logo": with_logo,
}


def mark(template):
    return f"<!-- {template.stem} -->"


def templates(folder):
    """All but the frame, and what is for mail."""
    return [f for f in sorted(folder.glob("*.html"))
            if f.stem != "layout" and not f.stem.startswith("letter")]


def test_no_page_is_forgotten():
    assert {*PAGES, "later", "later-form"} == {
        f.stem for f in templates(REPO / "conf/templates")
        if "<h1" in f.read_text()}


@pytest.mark.slow
@pytest.mark.parametrize("colours", COLOURS if LONG else COLOURS[:1])
def test_every_page(new_world, colours):
    assert AXE.is_file(), f"no {AXE}: tools/setup test fetches it"
    world = new_world(postfix=False, settings=RENEWAL + ASKING,
                      purposes=ABOUT,
                      replace={"web {\n": f"web {{\n    {colours}"})
    prepare(world)
    browser = new_browser(script=True)
    try:
        visitor = Visitor(world, browser)
        bad = []
        for name, come in {**PAGES, **MORE}.items():
            come(visitor)
            bad += visitor.judge(name)
        ledger = world.dir / "store/store/ledger"
        ledger.rename(ledger.with_name("away"))
        visitor.at("ask")
        bad += visitor.judge("later")
        with open(world.dir / "store/web/writer.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            at_form(visitor)
            fill_in(visitor, "ask@x.test", "true")
            send(visitor, "later-form")
            bad += visitor.judge("later-form")
        # And would it have been said?
        browser.ask("document.documentElement.lang = '';"
                    "document.querySelector('h1').style.color = '#aaa'")
        found = {rule for _, _, rule, *_ in visitor.violations()}
    finally:
        browser.close()
    assert not bad, "\n".join(bad)
    assert found == {"html-has-lang", "color-contrast"}
    unseen = [f.stem for f in templates(world.dir / "templates")
              if mark(f) not in visitor.seen
              and f.stem not in NO_PAGE]
    assert not unseen, "templates on none of the pages above"
