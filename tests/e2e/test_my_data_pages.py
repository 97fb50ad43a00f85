"""What is on record, for the person it is about: the page behind a mailed link
in Chromium, by keyboard, without script; taken along, erased, gone from every
file.

CM_PICTURES=FOLDER keeps a picture of each page; CM_LONG has every language on
both screens."""
import fcntl
import json
import os
import re
import time
import urllib.parse

import pytest

from harness import messages, tokens
from harness.person import SCREENS, Person
from test_letters import hand_in_at, letter_to, link_in, make

LANGUAGES = ["bg", "cs", "en", "pl", "ru", "sv"]
ON_A_DESK = LANGUAGES if os.environ.get("CM_LONG") else []
MAIL = 'mail { domain = "m.acme.example" }\n'
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ACTS = ("take-page", "take-file", "erase-ask", "erase")


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


def history(world, address):
    return [(e["type"], e["actor"], e["channel"])
            for e in world.ctl_json("history", address)["events"]]


def post(world, uri, **pairs):
    return world.http("POST", uri, urllib.parse.urlencode(pairs).encode(),
                      FORM)


def ticket(answer):
    """The hidden field of the page's first form."""
    return re.search(rb'name="ticket" value="([^"]+)"', answer.body)[1]


def erase(world, uri):
    """Both steps, as the buttons do them; the second answer, its ticket."""
    asked = post(world, uri, act="erase-ask",
                 ticket=ticket(world.http("GET", uri)))
    assert asked.status == 200
    return post(world, uri, act="erase", ticket=ticket(asked)), ticket(asked)


def files_with(world, address):
    """Every file of the store, in any case; its holes are left out."""
    found = []
    for path in sorted((world.dir / "store").rglob("*")):
        if path.is_file():
            content = path.read_bytes().replace(bytes(64), b"").lower()
            if address.lower().encode() in content:
                found.append(path.name)
    return found


def handed_out(world, address):
    world.ctl("access", address, "-o", world.dir / "copy", "--to",
              "The court", "--reason", "it asked")


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
    for language in LANGUAGES:
        gone_from_files(world, f"{language}-phone@x.test")
    person.go(mailed(world, "one-desk@x.test"), dark=True)
    person.look("4-dark")
    person.go(mailed(world, "one-desk@x.test", days_ago=2))
    person.look("5-ended")
    person.go(mailed(world, "nobody@x.test"))
    person.look("6-none")
    person.go(world.base_url + "/lost")
    person.look("7-lost")


def test_a_mailed_link_and_no_other(world):
    """Pitfall 10, PREF-3: links of mail that was sent open neither data nor
    erasure, whatever is posted there; nor does a mailed one of another, an
    altered or an old one, or a form of another page."""
    address = "one-phone@x.test"
    good = mailed(world, address)
    taken = ticket(world.http("GET", good))
    asked = ticket(post(world, good, act="erase-ask", ticket=taken))
    before = history(world, address)
    others = {kind: mailed(world, address, kind=kind) for kind in (
        "header", "footer", "preference", "verp", "confirm")}
    others["altered"] = good[:-8] + ("A" if good[-8] != "A" else "B") \
        + good[-7:]
    for name, uri in others.items():
        for place in ("m", "p", "u"):
            at = uri.replace("/m/", f"/{place}/")
            for act in ACTS:
                for form in (taken, asked):
                    answer = post(world, at, act=act, ticket=form)
                    assert answer.status in (400, 404), (name, place, act)
                    assert address.encode() not in answer.body
        assert world.http("GET", uri).status == 404, name
    preferences = ticket(world.http("GET", mailed(world, address, "p",
                                                  kind="footer")))
    theirs = ticket(world.http("GET", mailed(world, "two-phone@x.test")))
    for form in (preferences, theirs, asked, b"", b"x"):
        for act in ("take-page", "take-file", "erase-ask"):
            assert post(world, good, act=act, ticket=form).status == 400
    for form in (preferences, theirs, taken, b""):
        assert post(world, good, act="erase", ticket=form).status == 400
    for uri in (mailed(world, address, days_ago=2),
                mailed(world, address, days_ago=-1)):
        assert world.http("GET", uri).status == 410
        for act, form in (("take-file", taken), ("erase", asked)):
            assert post(world, uri, act=act, ticket=form).status == 410
    assert history(world, address) == before
    yesterday = mailed(world, address, days_ago=1)
    assert world.http("GET", yesterday).status == 200
    assert post(world, yesterday, act="take-file", ticket=taken).status == 200
    assert post(world, yesterday, act="erase", ticket=asked).status == 200
    assert history(world, address)[len(before):][0] == \
        ("disclosed", "person", "page")
    assert world.why(address, "newsletter") == ("refuse", "erased")


def test_what_is_taken_along(world):
    """G15, G20: as a page that needs nothing else, and as a file; what others
    said of the person is in both, what is about others is in none; that it was
    taken is on record, and an open request is answered."""
    address = "one-desk@x.test"
    world.ctl("requests", "open", address, "access")
    handed_out(world, address)
    uri = mailed(world, address)
    form = ticket(world.http("GET", uri))
    page = post(world, uri, act="take-page", ticket=form)
    file = post(world, uri, act="take-file", ticket=form)
    for answer, name in ((page, "my-data.html"), (file, "my-data.json")):
        assert answer.status == 200
        assert answer.headers["Content-Disposition"] == \
            f'attachment; filename="{name}"'
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert address.encode() in answer.body
        assert b"one-phone" not in answer.body
        assert b"Test, 2026" in answer.body and b"The court" in answer.body
    for never in (b"<form", b"<script", b"src=", b"http://"):
        assert never not in page.body
    data = json.loads(file.body)
    assert data["email"] == data["email_kept"] == address
    assert {p["purpose"]: p["state"] for p in data["purposes"]}[
        "acme/newsletter"] == "consent"
    assert history(world, address)[-3:] == [
        ("disclosed", "person", "page"),
        ("request-closed", "person", "page"),
        ("disclosed", "person", "page")]
    world.ctl("verify")


def test_a_thousand_looks_write_nothing(world):
    """R8058-8: as of every page of ours."""
    uri = mailed(world, "one-phone@x.test")
    world.http("GET", uri)
    path = world.dir / "store/store/ledger/data.mdb"
    before = path.read_bytes()
    for n in range(1000):
        method = ("GET", "HEAD", "OPTIONS")[n % 3]
        assert world.http(method, uri).status in (200, 204)
    assert path.read_bytes() == before


def test_restricted_is_seen_and_kept(world):
    """G18: access, yes; erasure, no; both again when it is cleared."""
    address = "two-phone@x.test"
    uri = mailed(world, address)
    asked = ticket(post(world, uri, act="erase-ask",
                        ticket=ticket(world.http("GET", uri))))
    world.ctl("restrict", address)
    seen = world.http("GET", uri)
    assert seen.status == 200 and b'value="erase-ask"' not in seen.body
    assert post(world, uri, act="take-file",
                ticket=ticket(seen)).status == 200
    assert post(world, uri, act="erase", ticket=asked).status == 409
    assert world.why(address, "newsletter") == ("refuse", "restricted")
    world.ctl("clear", address, "restricted", "--note", "settled")
    assert b'value="erase-ask"' in world.http("GET", uri).body
    assert post(world, uri, act="erase", ticket=asked).status == 200
    gone_from_files(world, address)


def test_erased_whoever_holds_the_ledger(world):
    """G17-1, G17-2, G19: refused when the answer comes, while an import holds
    the ledger; a killed consent-web finishes at the next start; said again, it
    is done once; no list brings them back; no log knows the address."""
    address = "two-desk@x.test"
    uri = mailed(world, address)
    handed_out(world, address)
    with open(world.dir / "store/store/writer.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer, asked = erase(world, uri)
        assert answer.status == 200 and address.encode() not in answer.body
        assert world.why(address, "newsletter") == ("refuse", "erased")
        assert files_with(world, address)
        seen = world.http("GET", uri)
        assert address.encode() not in seen.body
        world.web.kill()
    assert files_with(world, address)
    world.start_web()
    gone_from_files(world, address)
    before = history(world, address)
    assert [e for e in before if e[0] == "erased"] == [
        ("erased", "person", "page")]
    again = post(world, uri, act="erase", ticket=asked)
    assert again.status == 200 and history(world, address) == before
    gone = world.http("GET", uri)
    assert b'value="erase-ask"' not in gone.body
    assert b'value="take-file"' in gone.body
    world.import_csv(f"email,purpose,status,time\n{address},acme/newsletter,"
                     "granted,2026-02-01T00:00:00Z\n")
    assert world.why(address, "newsletter") == ("refuse", "erased")
    assert not files_with(world, address)
    logs = "".join(f.read_text() for f in world.dir.glob("consent-web.*.log"))
    assert "outcome=erased" in logs and "x.test" not in logs
    assert logs.count('data "The court" was given: tell them') == 1  # G19
    assert uri.rsplit("/", 1)[1] not in logs
    world.ctl("verify")


def test_who_lost_the_mail(new_world):
    """Pitfall 18, DOI-4, G15: over real Postfix.  One page for known, unknown
    and erased addresses, and nothing on record; only who is known gets a
    letter, whose link leads to the preferences, from there to a letter that
    opens what is on record, and to the end of it."""
    world = make(new_world)
    hand_in_at(world, world.postfix.port())
    world.import_csv("email,purpose,status,time\n"
                     "anna@x.test,acme/newsletter,granted,"
                     "2026-01-01T00:00:00Z\n"
                     "gone@x.test,acme/newsletter,granted,"
                     "2026-01-01T00:00:00Z\n")
    world.ctl("erase", "gone@x.test", "--yes")
    world.start()
    lost = world.base_url + "/lost"
    for link in (mailed(world, "anna@x.test") + "x", world.base_url + "/u"):
        assert b'href="/lost"' in world.http("GET", link).body
    form = tokens.form(world, "lost")
    before = world.ctl_json("status", ok=True)["events"]
    answers = {(a.status, a.body) for a in (
        post(world, lost, form=form, act="lost", email=address)
        for address in ("gone@x.test", "new@x.test", "anna@x.test"))}
    assert len(answers) == 1 and answers.pop()[0] == 200
    trapped = post(world, lost, form=form, act="lost", email="eva@x.test",
                   website="http://x")
    assert trapped.status == 200
    for wrong in ({"form": form, "email": "anna"},
                  {"form": "x", "email": "anna@x.test"},
                  {"form": tokens.form(world, "s/shop"),
                   "email": "anna@x.test"}, {}):
        answer = post(world, lost, act="lost", **wrong)
        assert b'name="form"' in answer.body
    letter = letter_to(world, "anna@x.test")
    assert world.ctl_json("status", ok=True)["events"] == before
    assert world.sink.all_to("new@x.test") == []
    assert world.sink.all_to("gone@x.test") == []
    preferences = link_in(letter, "p")
    world.sink.clear()
    answer = post(world, preferences, act="data",
                  ticket=ticket(world.http("GET", preferences)))
    assert answer.status == 200 and b"anna@" not in answer.body
    assert "a\u2022\u2022\u2022@x\u2022\u2022\u2022.test".encode() \
        in answer.body
    uri = link_in(letter_to(world, "anna@x.test"), "m")
    assert b"anna@x.test" in world.http("GET", uri).body
    got = world.send("news@acme.example", "anna@x.test", messages.newsletter())
    assert got.accepted == ["anna@x.test"]
    assert erase(world, uri)[0].status == 200
    refused = world.send("news@acme.example", "anna@x.test",
                         messages.newsletter())
    assert refused.rcpts["anna@x.test"][0] == 550
    gone_from_files(world, "anna@x.test")
    # The letter was sent; what it leads to is still there to be seen.
    assert b"anna@x.test" not in world.http("GET", uri).body
    assert b'value="data"' not in world.http("GET", preferences).body
