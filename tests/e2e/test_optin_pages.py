"""The way in, in Chromium, as a person goes it: without script, by keyboard,
on a phone and on a desk, in every language.

CM_PICTURES=FOLDER keeps a picture of each page; CM_LONG has every language on
both screens."""
import email
import email.policy
import http.server
import os
import re
import threading
import time

import people

from harness import messages, tokens
from harness.person import SCREENS, Person
from harness.proc import wait_until
from harness.world import PURPOSES, STREAMS

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
LETTERS = """\
stream "letters" {
    type   = optin
    sender = {"consent@m.acme.example"}
    client = {"127.0.0.1"}
}
"""


def make_world(new_world):
    world = new_world(settings=MAIL, purposes=ABOUT + FORM,
                      streams=LETTERS + STREAMS)
    world.write_config(world.config.replace(
        "mail {", f'mail {{ submit = "smtp://127.0.0.1:{world.postfix.port()}"'
                  " "))
    world.start()
    return world


def fill_in(person, address):
    person.tab_to("input[value='acme/newsletter']")
    person.press("Space")
    person.tab_to("input[name=email]")
    person.type(address)


def took_their_time(person, place="s/shop"):
    """As if the form had been opened a minute ago."""
    token = tokens.form(person.world, place)
    person.browser.ask("document.querySelector('[name=form]').value = "
                       f"{token!r}")


def subscribe(person, address, where="shop"):
    person.go(f"{person.world.base_url}/s/{where}")
    fill_in(person, address)
    took_their_time(person)
    person.enter("button[value=subscribe]")


def link_in_letter(world, address):
    letter = email.message_from_bytes(world.sink.to(address).data,
                                      policy=email.policy.default)
    text = letter.get_body(("plain",)).get_content()
    return re.search(r"https://\S+/c/\S+", text)[0]


def newsletter_to(world, address):
    """What the tool is told: accepted, or refused."""
    told = world.send("news@acme.example", address,
                      messages.newsletter(to=address))
    return "accepted" if address in told.accepted else told.rcpts[address][0]


def test_from_the_form_to_the_way_out(new_world, browser):
    """DOI-1, PREF-1, PREF-2, R8058-9: a person subscribes, confirms by the
    link in a letter, gets the newsletter, and leaves by its footer."""
    world = make_world(new_world)
    person = Person(world, browser, "phone", "cs")
    address = "petra@x.test"
    subscribe(person, address, "shop/cs")
    assert newsletter_to(world, address) == 550
    link = link_in_letter(world, address)
    person.go(link)
    seen = person.look("3-confirm")
    assert seen["lang"] == "cs" and "Zatím nejste přihlášeni" in seen["text"]
    assert address not in seen["raw"]
    assert newsletter_to(world, address) == 550
    person.enter("button[value=confirm]")
    assert person.look("5-confirmed")["heading"] == "Jste přihlášeni"
    may_be_sent(world, address, "newsletter")
    world.sink.clear()
    assert newsletter_to(world, address) == "accepted"
    mail = email.message_from_bytes(world.sink.to(address).data,
                                    policy=email.policy.default)
    footer = mail.get_body(("plain",)).get_content()
    person.go(re.search(r"https://\S+/u/\S+", footer)[0])
    person.enter("button[value=stop]")
    assert newsletter_to(world, address) == 550
    # The letter's link gives nothing back; its page says so.
    person.go(link)
    assert "už neplatí" in person.look("6-over")["heading"]
    person.enter("a[href='/s']")
    more_is_a_letter(world, Person(world, browser, "phone", "en"))
    world.ctl("verify")


def more_is_a_letter(world, person):
    """PREF-1: in the preferences, by who gets something already."""
    address = "hana@x.test"
    world.import_csv(people.granted(address))
    person.go(tokens.link(world, address, kind="footer").replace(
        "/u/", "/p/"))
    person.enter("button[name=more][value='acme/offers']")
    seen = person.look("7-more")
    assert "h\u2022" in seen["text"] and address not in seen["raw"]
    person.go(link_in_letter(world, address))
    person.enter("button[value=confirm]")
    may_be_sent(world, address, "offers")


def may_be_sent(world, address, stream):
    wait_until("the confirmation", lambda: world.why(
        address, stream)[0] == "allow")


def test_every_language(new_world, browser):
    """PREF-2, DOI-5: from the form, where nothing is ticked before, to "I did
    not ask for this"; the letter and its page are in the form's language."""
    world = make_world(new_world)
    for language in LANGUAGES:
        for screen in SCREENS:
            if screen == "desk" and language not in ON_A_DESK:
                continue
            person = Person(world, browser, screen, language)
            address = f"{language}-{screen}@x.test"
            person.go(f"{world.base_url}/s/shop/{language}")
            seen = person.look("1-form")
            assert seen["lang"] == language
            assert "checked" not in seen["raw"]
            fill_in(person, address)
            took_their_time(person)
            person.enter("button[value=subscribe]")
            assert address not in person.look("2-asked")["raw"]
            person.go(link_in_letter(world, address), dark=language == "ru")
            assert person.look("3-confirm")["lang"] == language
            person.enter("button[value=cancel]")
            person.look("4-cancelled")
    person.go(f"{world.base_url}/s", dark=True)
    person.look("1-dark")


class Shop(http.server.BaseHTTPRequestHandler):
    """A site of somebody else's, with what consentctl form prints."""
    page = b""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *args):
        pass


def test_on_a_site_of_the_shop(new_world, browser):
    """G4, PREF-3: its form brings an address and no choice; its frame shows
    ours, and no other site's does."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site = f"http://127.0.0.1:{server.server_port}"
    world = new_world(postfix=False, settings=MAIL, purposes=ABOUT + FORM,
                      replace={"https://shop.example": site})
    world.start_web()
    person = Person(world, browser, "desk", "shop")

    def put(*how):
        snippet = world.ctl("form", "shop", *how).stdout.decode().replace(
            world.base_url, f"http://127.0.0.1:{world.web_port}")
        Shop.page = f"<!DOCTYPE html><h1>Shop</h1>{snippet}".encode()
        browser.go(site + "/", 1000)

    try:
        put("--html", "--language", "cs")
        person.tab_to("input[name=email]")
        person.type("petra@x.test")
        person.enter("button")
        seen = person.look("form")
        assert seen["lang"] == "cs" and "checked" not in seen["raw"]
        assert "petra@x.test" in seen["raw"]
        assert "Vše prosím zkontrolujte" in seen["text"]
        put("--frame")
        framed = frame_of(browser)
        person.keep_picture("frame", 800)
        assert framed.endswith("/s/shop"), framed
        world.write_config(world.config.replace(site, "https://x.example"))
        world.web.stop()
        world.start_web()
        put("--frame")
        assert not frame_of(browser).endswith("/s/shop")
    finally:
        server.shutdown()


def frame_of(browser):
    """Where the page's frame came to; an error's page if it was not let."""
    deadline = time.monotonic() + 30
    while True:
        tree = browser.call("Page.getFrameTree")["frameTree"]
        for child in tree.get("childFrames", []):
            frame = child["frame"]
            url = frame.get("unreachableUrl") and "" or frame["url"]
            if frame["url"] != "about:blank":
                return url
        assert time.monotonic() < deadline
