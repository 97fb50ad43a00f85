"""Programs that people and providers leave with; curl is in test_web.py."""
import os
import re
import socket

import people
import pytest
import requests
from test_optin_pages import ABOUT, FORM, MAIL

from harness import tokens
from harness.proc import run

ONE_CLICK = "List-Unsubscribe=One-Click"
GMAIL = ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/1.0 "
         "(KHTML, like Gecko; Gmail Actions)")
# Where each shape comes from:
SHAPES = {
    # Gmail names itself so in the logs of those who get its requests
    # ("what does the Gmail Actions user agent indicate", Email Geeks).
    "gmail": f"""\
POST @PATH@ HTTP/1.1
Host: consent.acme.example
User-Agent: {GMAIL}
Content-Type: application/x-www-form-urlencoded
Accept-Encoding: gzip, deflate, br
Connection: keep-alive
Content-Length: 26

{ONE_CLICK}""",
    # Thunderbird leaves it to add-ons.  thunderbird-list-unsubscribe-addon
    # has fetch(url, {method: 'POST', body: text}): a string's type is
    # text/plain (fetch.spec.whatwg.org, "extract a body"), and the origin is
    # the extension's.
    "thunderbird": f"""\
POST @PATH@ HTTP/1.1
Host: consent.acme.example
User-Agent: Mozilla/5.0 (X11; rv:128.0) Gecko/20100101 Thunderbird/128.5.0
Accept: */*
Accept-Language: cs,en;q=0.5
Accept-Encoding: gzip, deflate, br, zstd
Content-Type: text/plain;charset=UTF-8
Content-Length: 26
Origin: moz-extension://5f2c0f0e-7a71-4d2b-9a55-1d0c3f1f8a01
Connection: keep-alive
Sec-Fetch-Dest: empty
Sec-Fetch-Mode: cors
Sec-Fetch-Site: cross-site
Priority: u=0

{ONE_CLICK}""",
    # RFC 8058, 8.1 and 8.2, as printed there but for the path.
    "rfc-form": f"""\
POST @PATH@ HTTP/1.1
Host: example.com
Content-Type: multipart/form-data; boundary=---FormBoundaryjWmhtjORrn
Content-Length: 130

-----FormBoundaryjWmhtjORrn
Content-Disposition: form-data; name="List-Unsubscribe"

One-Click
-----FormBoundaryjWmhtjORrn--
""",
    "rfc-pairs": f"""\
POST @PATH@ HTTP/1.1
Host: example.com
Content-Type: application/x-www-form-urlencoded
Content-Length: 26

{ONE_CLICK}""",
}


def send_shape(world, name):
    head, body = SHAPES[name].split("\n\n", 1)
    body = body.replace("\n", "\r\n").encode()
    head = re.sub(r"Content-Length: \d+", f"Content-Length: {len(body)}",
                  head.replace("@PATH@", path(world, name)))
    with socket.create_connection(("127.0.0.1", world.web_port), 30) as s:
        s.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        return s.recv(4096).startswith(b"HTTP/1.1 200 ")


def path(world, name, kind="header"):
    return tokens.link(world, f"{name}@x.test", kind=kind).removeprefix(
        world.base_url)


def url(world, name, **kw):
    return f"http://127.0.0.1:{world.web_port}{path(world, name, **kw)}"


def with_requests(world, name, **body):
    with requests.Session() as session:
        session.trust_env = False
        # What was there first does not matter: no cookie, no state.
        session.get(url(world, name), timeout=30)
        answer = session.post(url(world, name), timeout=30,
                              allow_redirects=False, **body)
        return answer.status_code == 200 and not session.cookies


REQUESTS = {
    "requests-data": {"data": {"List-Unsubscribe": "One-Click"}},
    "requests-text": {"data": ONE_CLICK},
    "requests-form": {"files": {"List-Unsubscribe": (None, "One-Click")}},
    "requests-chunked": {"data": iter([b"List-Unsubscribe", b"=One-Click"])},
}


def lynx(world, place, *keys, delay="0"):
    """A text browser: what it draws while these keys are pressed; it waits
    after each of its own messages."""
    script = world.dir / "lynx.keys"
    script.write_text("".join(f"key {key}\n" for key in keys))
    return run(["lynx", f"-cmd_script={script}", "-term=vt100",
                f"-delay={delay}", place],
               env={**os.environ, "HOME": str(world.dir), "LINES": "60",
                    "COLUMNS": "80"}).stdout.decode(errors="replace")


def lynx_text(world, place):
    return run(["lynx", "-dump", "-width=80", "-assume_charset=utf-8",
                "-display_charset=utf-8", place],
               env={**os.environ, "HOME": str(world.dir)}).stdout.decode()


@pytest.fixture
def web(new_world):
    world = new_world(postfix=False)
    world.import_csv(people.granted(*(
        f"{name}@x.test" for name in (*SHAPES, *REQUESTS, "lynx", "stays"))))
    world.start_web()
    return world


def withdrawn(world, name):
    return world.why(f"{name}@x.test", "newsletter") == ("refuse",
                                                          "withdrawn")


def test_everybody_leaves(web):
    """R8058-5, R8058-6, R8058-7: as each of them asks."""
    done = {name: send_shape(web, name) for name in SHAPES}
    done |= {name: with_requests(web, name, **body)
             for name, body in REQUESTS.items()}
    assert [name for name, ok in done.items() if not ok] == []
    assert [name for name in done if not withdrawn(web, name)] == []
    assert not withdrawn(web, "stays")


def test_a_text_browser(web):
    """G7-3: all of the page can be read as text, and its button pressed."""
    place = url(web, "lynx", kind="footer")
    page = lynx_text(web, place)
    for text in ("Stop “Acme newsletter”?", "Stop these e-mails",
                 "Stop everything from Acme GmbH", "privacy@acme.example"):
        assert text in page
    assert not withdrawn(web, "lynx")
    # The first thing one comes to is the button; then q, y: quit.
    seen = lynx(web, place, "^J", "q", "y")
    assert "Done: no more" in seen and "Take it back" in seen
    assert withdrawn(web, "lynx")
    assert web.why("lynx@x.test", "offers") == ("refuse", "no-record")
    assert "Done: no more" in lynx(web, place, "q", "y")


@pytest.mark.slow
def test_a_text_browser_subscribes(new_world):
    """Words stand apart, and who is too fast for a person presses again."""
    world = new_world(postfix=False, settings=MAIL, purposes=ABOUT + FORM)
    world.start_web()
    place = f"http://127.0.0.1:{world.web_port}/s/shop"
    page = " ".join(lynx_text(world, place).split())
    assert "[ ] Acme newsletter Once a month: shoes and offers" in page
    assert "You are not subscribed yet." in lynx(
        world, place, "^J", "Down Arrow", "Down Arrow", *"petr@x.test",
        "Down Arrow", "Down Arrow", "^J", *4 * ["Down Arrow"], "^J", "q", "y",
        delay="0.2")
    assert "outcome=asked" in world.web.output()
