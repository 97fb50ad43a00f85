"""Messages that tests send, and reading what came out."""
import email
import email.policy
import re

NEWSLETTER = """\
From: Acme <news@acme.example>
To: {to}
Subject: News of November
Date: Sat, 21 Nov 2026 10:00:00 +0100
Message-ID: <{id}@acme.example>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b1"

This is a multi-part message.
--b1
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Hello, gr=C3=BC=C3=9F dich: boots are half the price this week.

--b1
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<html><body><p>Hello, <b>gr=C3=BC=C3=9F dich</b>: boots are half the =
price this week.</p></body></html>

--b1--
"""

PASSWORD_RESET = """\
From: Acme shop <shop@acme.example>
To: {to}
Subject: Your new password
Date: Sat, 21 Nov 2026 10:00:01 +0100
Message-ID: <{id}@acme.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Choose a new password: https://shop.acme.example/reset/4711
"""


def crlf(text):
    data = text.encode() if isinstance(text, str) else text
    return re.sub(rb"\r?\n", b"\r\n", data)


def newsletter(to="anna@x.test", id="n1", headers=""):
    """A multipart newsletter; headers: more lines, each with its \\n."""
    return crlf(headers + NEWSLETTER.format(to=to, id=id))


def password_reset(to="anna@x.test", id="p1"):
    return crlf(PASSWORD_RESET.format(to=to, id=id))


def plain(sender, to, body="Hello.\n", id="t1", headers=""):
    return crlf(f"From: {sender}\nTo: {to}\nSubject: x\n"
                "Date: Sat, 21 Nov 2026 10:00:02 +0100\n"
                f"Message-ID: <{id}@acme.example>\n{headers}\n{body}")


def parse(data):
    return email.message_from_bytes(data, policy=email.policy.SMTP)


def header_lines(data, name):
    """Values of a header as they stand in the bytes, folding included."""
    head = data.partition(b"\r\n\r\n")[0] + b"\r\n"
    return [m[1].decode(errors="surrogateescape") for m in re.finditer(
        rb"(?im)^" + re.escape(name.encode()) +
        rb":[ \t]?((?:[^\r\n]|\r\n[ \t])*)", head)]


def unsubscribe_uris(data):
    """(https or None, mailto or None) of the only List-Unsubscribe."""
    values = header_lines(data, "List-Unsubscribe")
    assert len(values) == 1, f"{len(values)} List-Unsubscribe: {values[:3]}"
    uris = re.findall(r"<([^>\s]+)>", values[0])
    https = [u for u in uris if u.startswith("http")]
    mailto = [u for u in uris if u.startswith("mailto:")]
    assert len(https) <= 1 and len(mailto) <= 1, uris
    return (https or [None])[0], (mailto or [None])[0]


def texts(data):
    """content type -> decoded text of each text part."""
    return {p.get_content_type(): p.get_content()
            for p in parse(data).walk() if p.get_content_maintype() == "text"}


def without_trace(data):
    """The message without what each hop adds on top (Received)."""
    return re.sub(rb"(?im)\A(?:(?:Received|X-[\w-]*Trace):"
                  rb"(?:[^\r\n]|\r\n[ \t])*\r\n)+", b"", data)
