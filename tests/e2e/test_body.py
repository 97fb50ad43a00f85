"""The footer: in every display leaf, nothing else changed."""
import email
import re

import people
import pytest

from harness import messages


@pytest.fixture
def press(new_world):
    world = new_world()
    world.import_csv(people.granted("anna@x.test"))
    return world.start()


def sent(world, message):
    told = world.send("news@acme.example", ["anna@x.test"], message)
    assert told.data[0] == 250, told
    world.settled()
    return messages.without_trace(world.sink.to("anna@x.test").data)


HEAD = ("From: news@acme.example\nTo: anna@x.test\nSubject: x\n"
        "Date: Sat, 21 Nov 2026 10:00:00 +0100\n"
        "Message-ID: <m@acme.example>\nMIME-Version: 1.0\n")
RELATED = """\
Content-Type: multipart/mixed; boundary="m"
Content-Length: 520

--m
Content-Type: multipart/related; boundary="r"

--r
Content-Length: 66
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64
Lines: 1

PGh0bWw+PGJvZHk+PHA+SGVsbG8gZ3LDvMOfPC9wPjwvYm9keT48L2h0bWw+
--r
Content-Type: image/png
Content-ID: <i@acme>
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--r--
--m
Content-Type: text/plain; name="terms.txt"
Content-Disposition: attachment; filename="terms.txt"
Content-Length: 8

Terms.
--m--
"""
BODIES = {
    "no-mime": "\nHello.\n",
    "ascii-7bit": "Content-Type: text/plain; charset=us-ascii\n\nHello.\n",
    "utf-8-8bit": "Content-Type: text/plain; charset=utf-8\n"
                  "Content-Transfer-Encoding: 8bit\n\nHello grüß.\n",
    "html-base64": "Content-Type: text/html; charset=utf-8\n"
                   "Content-Transfer-Encoding: base64\n\n"
                   "PGh0bWw+PGJvZHk+PHA+SGk8L3A+PC9ib2R5PjwvaHRtbD4=\n",
}


@pytest.mark.parametrize("name", BODIES)
def test_footer_in_single_parts(press, name):
    """RMIME-1, RMIME-2: decoded, the old text is still there, and a link."""
    text = BODIES[name]
    message = messages.crlf(HEAD + text if not text.startswith("\n")
                            else HEAD.replace("MIME-Version: 1.0\n", "") +
                            text)
    data = sent(press, message)
    (old,) = messages.texts(message).values()
    (new,) = messages.texts(data).values()
    assert press.base_url in new
    probe = re.split(r"[.<\n]", old.strip())[0] or "Hi"
    assert probe in new
    assert all(len(line) < 998 for line in data.split(b"\r\n"))


def test_alternative_has_it_in_both(press):
    """RMIME-5."""
    data = sent(press, messages.newsletter())
    texts = messages.texts(data)
    assert set(texts) == {"text/plain", "text/html"}
    for text in texts.values():
        assert press.base_url in text
        assert "grüß dich" in text


def test_attachments_and_pictures_stay(press):
    """RMIME-6, RMIME-7: only the html root; the rest bit for bit.

    RMIME-10: what measured the text and the message is gone.
    """
    message = messages.crlf(HEAD + RELATED)
    data = sent(press, message)
    old, new = email.message_from_bytes(message), email.message_from_bytes(
        data)
    leaves = [(p, q) for p, q in zip(old.walk(), new.walk())
              if not p.is_multipart()]
    assert len(leaves) == 3
    for before, after in leaves:
        if before.get_content_type() == "text/html":
            assert press.base_url.encode() in after.get_payload(decode=True)
            assert after.keys() == ["Content-Type",
                                    "Content-Transfer-Encoding"]
        else:
            assert before.as_bytes() == after.as_bytes()
    assert "Content-Length" not in new


SIGNED = """\
Content-Type: multipart/signed; micalg=pgp-sha256; \
protocol="application/pgp-signature"; boundary="s"

--s
Content-Type: text/plain

Hello.
--s
Content-Type: application/pgp-signature

-----BEGIN PGP SIGNATURE-----
-----END PGP SIGNATURE-----
--s--
"""
UNEDITABLE = {
    "signed": SIGNED,
    "inline-pgp": "\n-----BEGIN PGP SIGNED MESSAGE-----\n\nHello.\n",
    "unknown-charset": "Content-Type: text/plain; charset=x-klingon\n\nqa\n",
    "no-end-boundary": 'Content-Type: multipart/mixed; boundary="m"\n\n'
                       "--m\n\nHello.\n",
    "attachment-only": "Content-Type: application/pdf\n"
                       "Content-Transfer-Encoding: base64\n\nJVBERi0=\n",
}


@pytest.mark.parametrize("name", UNEDITABLE)
def test_what_is_not_surely_editable_keeps_its_body(press, name):
    """R1847-1, RPGP-1, RMIME-1: the body bit for bit, headers all the
    same."""
    text = UNEDITABLE[name]
    message = messages.crlf(HEAD + text if not text.startswith("\n")
                            else HEAD.replace("MIME-Version: 1.0\n", "") +
                            text)
    data = sent(press, message)
    assert data.partition(b"\r\n\r\n")[2] == message.partition(
        b"\r\n\r\n")[2]
    assert messages.unsubscribe_uris(data)[0]


def test_footer_speaks_the_persons_language(new_world):
    """Language of the contact, then of the message, then the default."""
    world = new_world()
    world.import_csv(
        "email,purpose,status,source,time,language\n"
        "anna@x.test,acme/newsletter,granted,web-form,"
        "2026-01-01T00:00:00Z,cs\n")
    world.start()
    text = messages.texts(sent(world, messages.newsletter()))["text/plain"]
    assert "Zpravodaj Acme" in text


def test_second_pass_changes_nothing(press):
    """RMIME-11: through us twice, one footer, one header."""
    once = sent(press, messages.newsletter())
    press.sink.clear()
    again = sent(press, once)
    assert again == once


def test_url_is_one_line_and_short(press):
    """R5322-1, R8058-2: URI at most 200 octets, never folded inside."""
    data = sent(press, messages.newsletter())
    uri, _ = messages.unsubscribe_uris(data)
    assert len(uri) <= 200
    assert f"<{uri}>".encode() in data
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in (
        data)


def blind(data):
    """Tokens made alike: each message has its own."""
    return re.sub(rb"/u/[\w-]{58}", b"/u/TOKEN",
                  data.replace(b"=\r\n", b""))


@pytest.mark.parametrize("text", [
    None, RELATED, SIGNED, BODIES["html-base64"], BODIES["utf-8-8bit"]],
    ids=["newsletter", "related", "signed", "html", "8bit"])
def test_try_shows_what_leaves(press, text):
    """consentctl try runs the daemon's own code."""
    message = messages.newsletter() if text is None else messages.crlf(
        HEAD + text)
    data = sent(press, message)
    file = press.dir / "try.eml"
    file.write_bytes(message)
    done = press.ctl("try", file, "--from", "news@acme.example", "--rcpt",
                     "anna@x.test")
    # Base64 hides the token, so there the decoded texts are compared.
    if b"base64" in message:
        assert [blind(t.encode()) for t in messages.texts(
            done.stdout).values()] == [
            blind(t.encode()) for t in messages.texts(data).values()]
    else:
        assert blind(done.stdout) == blind(data)


def test_try_says_no(press):
    file = press.dir / "try.eml"
    file.write_bytes(messages.newsletter())
    done = press.ctl("try", file, "--from", "news@acme.example", "--rcpt",
                     "stranger@x.test", ok=False)
    assert done.returncode == 1
    assert b"no-record" in done.stderr or b"no record" in done.stderr
