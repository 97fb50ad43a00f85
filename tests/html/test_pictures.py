"""
Thirty newsletters in Chromium, before and after: the picture differs by the
footer only, and the footer is seen.

One phone's width and a dark screen as well with CM_LONG; CM_KEEP=1 keeps the
pictures and says where.
"""
import base64
import email
import io
import os
import quopri
import tempfile

import pytest
from chromium import PROGRAM, Browser
from newsletters import NEWSLETTERS, PLAIN

Image = pytest.importorskip("PIL.Image", reason="python3-pil is missing")
ImageChops = pytest.importorskip("PIL.ImageChops")

pytestmark = pytest.mark.skipif(PROGRAM is None,
                                reason="chromium is not installed")
# Begins the footer's link in each language of the newsletters.
WAY_OUT = "Stop these e-mails", "Odhl", "Спиране на тези имейли"
SCREENS = {"usual": (640, False)}
if os.environ.get("CM_LONG"):
    SCREENS.update({"phone": (360, False), "dark": (640, True),
                    "dark phone": (360, True)})

# Where the link is, what is on top of it, and how it differs from what is
# behind it (WCAG 2.1, 1.4.3).
LOOK = """(() => {
    const link = [...document.querySelectorAll('a')].find(
        a => a.href.includes('/u/'));
    if (!link) return null;
    const table = link.closest('table');
    const paint = document.createElement('canvas').getContext('2d');
    const rgb = color => {
        paint.clearRect(0, 0, 1, 1);
        paint.fillStyle = color;
        paint.fillRect(0, 0, 1, 1);
        return [...paint.getImageData(0, 0, 1, 1).data];
    };
    const light = c => {
        const [r, g, b] = c.slice(0, 3).map(v => v / 255).map(
            v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = element => {
        let behind = element;
        while (behind && rgb(getComputedStyle(behind).backgroundColor)[3] == 0)
            behind = behind.parentElement;
        const a = light(rgb(getComputedStyle(element).color));
        const b = light(behind ?
            rgb(getComputedStyle(behind).backgroundColor) : [255, 255, 255]);
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    link.scrollIntoView({block: 'center'});
    const box = link.getClientRects()[0];
    const at = box && document.elementFromPoint(
        box.left + box.width / 2, box.top + box.height / 2);
    const block = table.getBoundingClientRect();
    return {
        top: block.top + scrollY, height: block.height, left: block.left,
        right: block.right,
        page: document.documentElement.scrollHeight,
        shown: !!at && (at == link || link.contains(at)),
        size: parseFloat(getComputedStyle(link).fontSize),
        text: link.innerText, all: table.innerText,
        contrast: Math.min(contrast(link), contrast(link.parentElement)),
        links: [...document.querySelectorAll('a')].filter(
            a => a.href.includes('/u/')).length,
    };
})()"""


SIZE = """[document.documentElement.scrollWidth,
           document.documentElement.scrollHeight]"""


def message(name):
    charset, encoding = PLAIN.get(name, ("utf-8", "quoted-printable"))
    octets = NEWSLETTERS[name].encode(charset).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        octets = quopri.encodestring(octets.replace(b"\r\n", b"\n")) \
            .replace(b"\n", b"\r\n")
    elif encoding == "base64":
        octets = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    html = (f"Content-Type: text/html; charset={charset}\r\n"
            f"Content-Transfer-Encoding: {encoding}\r\n\r\n").encode() + octets
    head = (b"From: news@acme.example\r\nTo: ann@example.org\r\n"
            b"Subject: Spring\r\nMIME-Version: 1.0\r\n")
    if name != "with-amp":
        return head + html
    amp = (b"Content-Type: text/x-amp-html; charset=utf-8\r\n\r\n"
           b"<!doctype html><html amp4email><body>Hi</body></html>\r\n")
    return (head + b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
            b"--b\r\nContent-Type: text/plain\r\n\r\nHi\r\n--b\r\n" + amp +
            b"--b\r\n" + html + b"\r\n--b--\r\n")


def leaf(octets):
    """The HTML of a message, as a mail program hands it on."""
    for part in email.message_from_bytes(octets).walk():
        if part.get_content_type() == "text/html":
            charset = part.get_content_charset()
            return part.get_payload(decode=True).decode(charset)
    raise AssertionError("no HTML")


@pytest.fixture(name="pages", scope="module")
def make_pages(ctl, tmp_path_factory):
    """{name: (file before, file after)}, as `consentctl try` has them."""
    ctl.load("email,purpose,status,time,language\n"
             "ann@example.org,acme/newsletter,granted,2026-01-01T00:00:00Z,\n")
    folder = tmp_path_factory.mktemp("pages")
    pages = {}
    for name in NEWSLETTERS:
        old = message(name)
        done = ctl.run("try", ctl.file(old, f"{name}.eml"), "--from",
                       "news@acme.example", "--rcpt", "ann@example.org",
                       text=False)
        files = []
        for when, octets in (("before", old), ("after", done.stdout)):
            path = folder / f"{name}.{when}.html"
            # As decoded text: the <meta charset> in it may be another one.
            path.write_bytes(b"\xef\xbb\xbf" + leaf(octets).encode())
            files.append(path)
        pages[name] = files
    return pages


@pytest.fixture(name="browser", scope="module")
def start_browser():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture(name="album", scope="module")
def keep_pictures():
    folder = None
    if os.environ.get("CM_KEEP"):
        folder = tempfile.mkdtemp(prefix="cm-pictures.")
        print(f"pictures are in {folder}")
    return folder


def taken(browser, height):
    return Image.open(io.BytesIO(browser.picture(height))).convert("RGB")


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", NEWSLETTERS)
def test_newsletter(name, screen, pages, browser, album):
    """RMIME-8, FT-1: nothing else moved, the way out is in sight."""
    width, dark = SCREENS[screen]
    before, after = pages[name]
    browser.show(before, width, dark)
    old_width, old_height = browser.ask(SIZE)
    old = taken(browser, old_height)
    browser.show(after, width, dark)
    seen = browser.ask(LOOK)
    assert seen, "no footer"
    browser.ask("scrollTo(0, 0)")
    new = taken(browser, seen["page"])
    if album:
        old.save(f"{album}/{name}.{screen}.before.png".replace(" ", "-"))
        new.save(f"{album}/{name}.{screen}.after.png".replace(" ", "-"))
    top = int(seen["top"])
    assert seen["links"] == 1 and seen["shown"], seen
    assert any(words in seen["text"] for words in WAY_OUT)
    for said in ("Acme GmbH", "Main Street 1, Berlin", "privacy@acme.example"):
        assert said in seen["all"]
    assert seen["size"] >= 12 and seen["contrast"] >= 4.5, seen
    assert seen["left"] >= 0 and seen["right"] <= old_width, seen
    assert seen["height"] < 400, seen
    # Old rows stay; behind the footer comes nothing but the margin.
    rows = min(top, old.height, new.height)
    box = (0, 0, old.width, rows)
    differs = ImageChops.difference(old.crop(box), new.crop(box)).getbbox()
    assert differs is None, f"the picture changed at {differs}"
    rest = old.crop((0, rows, old.width, old.height))
    assert rest.height == 0 or len(rest.getcolors(16) or "x" * 9) <= 2, \
        "something of the old picture is below the footer's place"
