"""consentctl try: the message as it would be released, and why."""
import base64
import re

import pytest
from conftest import BUILD

REPO = BUILD.parent
PEOPLE = """email,purpose,status,time,language
ann@example.org,acme/newsletter,granted,2026-01-01T00:00:00Z,en
"""
ANN = ("--from", "news@acme.example", "--rcpt", "ann@example.org")

# The example of consentctl(1).
SPRING = b"""\
From: Acme <news@acme.example>
To: ann@example.org
Subject: Spring is here
List-Unsubscribe: <https://tool.example/leave?user=17>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b1"

--b1
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Hello, gr=C3=BC=C3=9F dich: boots are half the price this week.

--b1
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<html><body><p>Hello, <b>gr=C3=BC=C3=9F dich</b></p></body></html>

--b1--
"""
PLAIN = b"From: a@b.example\nSubject: x\n\nHello\n"


@pytest.fixture
def desk(ctl):
    """A store with Ann, and our own texts."""
    ctl.config.write_text(ctl.config.read_text() +
                          f'\ntemplates = "{REPO}/conf/templates"\n')
    ctl.load(PEOPLE)
    return ctl


def tried(ctl, message, *args, code=0):
    """(what goes out as bytes, what a person is told)."""
    file = ctl.file(message, "spring.eml")
    done = ctl.run("try", file, *(args or ANN), code=code, text=False)
    return done.stdout, done.stderr.decode()


def normal(text, ctl=None):
    """Links are other ones each time; the folder is the installed one."""
    text = re.sub(r"/u/[\w.-]+", "/u/T", text)
    return text.replace(f"{REPO}/conf/templates",
                        "/usr/share/consent-milter/templates")


def test_the_manuals_example(desk):
    """What the manual shows is what the program prints."""
    page = (REPO / "tools" / "consentctl.1").read_text()
    shown = re.search(r"(?s)\$ consentctl try spring.eml(.*?)\.Ed", page)[1]
    shown = shown.replace("\\e\n", "").replace("\\-", "-")
    command, _, said = shown.partition("\n")
    assert command.split() == [*ANN, "bob@example.org", ">out.eml"]
    _, told = tried(desk, SPRING, *ANN, "bob@example.org")
    assert normal(told) == normal(said)


def test_the_message_goes_to_standard_output(desk):
    out, told = tried(desk, SPRING)
    head, _, body = out.partition(b"\n\n")
    # R2369-1, R8058-2
    assert head.count(b"List-Unsubscribe:") == 1
    assert b"\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n" in head
    assert b"tool.example" not in head
    assert b"\r" not in out, "line ends stay what they were"
    # Every piece that the plan names stands where the plan says.
    before = SPRING.partition(b"\n\n")[2].replace(b"\n", b"\r\n")
    after = body.replace(b"\n", b"\r\n")
    moved = 0
    for size, at in re.findall(r"insert ([\d,]+) bytes at ([\d,]+)", told):
        size, at = (int(n.replace(",", "")) for n in (size, at))
        after = after[:at] + after[at + size:]
        moved += 1
    assert moved == 2 and after == before


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_line_ends_stay(desk, end):
    message = SPRING.replace(b"\n", end)
    out, _ = tried(desk, message)
    assert out.count(b"\n") == out.count(end) > 20


def test_standard_input(desk):
    done = desk.run("try", "-", *ANN, input=SPRING.decode())
    assert "List-Unsubscribe-Post" in done.stdout


def test_a_length_that_is_not_true_any_more(desk):
    """RMIME-10: fields that say how long an edited part is go, in words."""
    field = b"Content-Length: 66\n"
    out, told = tried(desk, SPRING.replace(
        b"--b1\nContent-Type: text/plain", b"--b1\n" + field +
        b"Content-Type: text/plain"))
    plain, html = [line for line in told.splitlines() if " text/" in line]
    assert plain.startswith("  part 1 text/plain ")
    assert html.startswith("  part 2 text/html ")
    assert ("  part 1 Content-Length: not true any more, remove 20 bytes "
            "at 6\n  part 1 text/plain") in told
    assert b"Content-Length" not in out
    # Its twin: what is beside the text keeps its own.
    message = SPRING.replace(b"alternative", b"mixed").replace(
        b"--b1\nContent-Type: text/html", b"--b1\n" + field +
        b"Content-Disposition: attachment\nContent-Type: text/html")
    out, told = tried(desk, message)
    assert "Content-Length" not in told and field in out
    changes = desk.json("try", desk.file(SPRING.replace(
        b"Content-Type: text/html", field + b"Content-Type: text/html")),
        *ANN)["body"]["changes"]
    assert [(c["part"], c["what"], c["remove"], c["insert"] > 0)
            for c in changes] == [
        ("1", "text/plain quoted-printable utf-8", 0, True),
        ("2", "Content-Length", 20, False),
        ("2", "text/html quoted-printable utf-8", 0, True)]


def test_json_is_the_same(desk):
    """One document: plan and message."""
    out, told = tried(desk, SPRING)
    file = desk.file(SPRING)
    answer = desk.json("try", file, *ANN, "bob@example.org")
    assert answer["result"] == "accepted" and answer["rule"] == "sender"
    assert answer["stream"] == {"name": "newsletter", "type": "marketing",
                                "mode": "enforce"}
    assert [(r["recipient"], r["fate"], r["reason"])
            for r in answer["recipients"]] == [
                ("ann@example.org", "allowed", "consent"),
                ("bob@example.org", "refused", "no-record")]
    body = answer["body"]
    assert (body["outcome"], body["language"]) == ("footer", "en")
    assert body["readers"] == ["scanner", "gmime"]
    for change in body["changes"]:
        assert (f"part {change['part']} {change['what']}: insert "
                f"{change['insert']:,} bytes at {change['at']:,}\n") in told
    assert [(h["do"], h["name"]) for h in answer["headers"]] == [
        ("remove", "List-Unsubscribe"), ("insert", "List-Unsubscribe"),
        ("insert", "List-Unsubscribe-Post")]
    # Another link each time, so compare what is around it.
    sent = base64.b64decode(answer["message"])
    assert len(sent) == len(out)
    assert sent[-100:] == out[-100:]


def test_nobody_may_get_it(desk):
    out, told = tried(desk, SPRING, "--from", "news@acme.example", "--rcpt",
                      "bob@example.org", code=1)
    assert out == b""
    assert "bob@example.org: refused, no record of consent\n" in told
    assert "reply: 550 5.7.1 No consent" in told
    answer = desk.json("try", desk.file(SPRING), "--from",
                       "news@acme.example", "--rcpt", "bob@example.org",
                       code=1)
    assert answer["message"] is None and answer["body"] is None


def test_deferred(desk):
    """Without a store: 75, and nobody is said to be allowed."""
    (desk.dir / "lib").rename(desk.dir / "gone")
    out, told = tried(desk, SPRING, code=75)
    assert out == b"" and "allowed" not in told
    assert "ann@example.org: deferred" in told


def test_service_is_untouched(desk):
    out, told = tried(desk, SPRING, "--from", "shop@acme.example", "--rcpt",
                      "bob@example.org")
    assert out == SPRING
    assert "service: untouched\n" in told


def test_observe_only_plans(desk):
    out, told = tried(desk, SPRING, "--from", "offers@acme.example", "--rcpt",
                      "bob@example.org")
    assert out == SPRING
    assert "would be refused" in told
    assert "mode observe: what follows is not done\n" in told


def test_a_body_left_alone_says_why(desk):
    """The sentence of milter/edit_word.c, not the word alone."""
    out, told = tried(desk, PLAIN.replace(
        b"Subject: x", b"Subject: x\nContent-Type: multipart/signed; "
        b"protocol=\"application/pgp-signature\"; boundary=b"))
    assert "body: left as it came\n  " in told
    assert re.search(r"\n  [a-z]+: [A-Z][^\n]+\.\n", told), told
    answer = desk.json("try", desk.dir / "spring.eml", *ANN)
    assert answer["body"]["outcome"] == "uneditable"
    assert answer["body"]["sentence"] in told
    assert out.endswith(b"\n\nHello\n")


def test_small_changes_are_shown(desk):
    """A charset that must change is in the plan, letter for letter."""
    desk.load(PEOPLE.replace(",en", ",cs").replace("ann@", "jan@"))
    part = SPRING.replace(b"plain; charset=utf-8", b"plain").replace(
        b"quoted-printable\n\nHello, gr=C3=BC=C3=9F dich", b"7bit\n\nHello")
    _, told = tried(desk, part, "--from", "news@acme.example", "--rcpt",
                    "jan@example.org")
    assert ': "; charset=utf-8"\n' in told
    assert "7bit us-ascii: put 16 bytes in place of 4 at" in told


@pytest.mark.parametrize("message, code, says", [
    (b"", 65, "is empty: no message"),
    (b"From ann Mon Nov 23\n" + PLAIN, 0, 'note: the first line, "From "'),
    (b"Hello there\n\n", 0, "does not begin with a header field"),
    (b"\xef\xbb\xbf" + PLAIN, 0, "does not begin with a header field"),
    (b"Subject: x\nno header\n\nHello\n", 0, "ends without an empty line"),
    (b"Subject: x", 0, "result: accepted"),
    (b"\n", 0, "result: accepted"),
    (b"\n\n\n", 0, "result: accepted"),
    (b"Subject: \0\nX: \xff\n\n\0\xff\n", 0, "left as it came"),
    (b"\0" * 5000, 0, "does not begin with a header field"),
    (b"From: x\r\n\r\na\rb\nc\r\n", 0, "result: accepted"),
    (b"X" * 200000, 0, "does not begin with a header field"),
], ids=range(12))
def test_odd_files(desk, message, code, says):
    """Bad input is normal input: said, and never a crash."""
    out, told = tried(desk, message, code=code)
    assert says in told
    if code == 0:
        assert b"List-Unsubscribe: <" in out
        assert b"\nFrom ann" not in out and not out.startswith(b"From ann")


def test_what_is_no_file(desk):
    desk.fails("try", desk.dir, *ANN, code=64, says="is a folder")
    desk.fails("try", desk.dir / "nix", *ANN, code=64, says="No such file")
    desk.fails("try", desk.file(PLAIN), "--from", "a@b.example", code=64,
               says="--rcpt")
    desk.fails("try", desk.file(PLAIN), *ANN, "--stream", "newsleter",
               code=64, says='did you mean "newsletter"?')


def test_too_large(desk):
    """A hole in a file costs no disk: 64 if it cannot be, never a crash."""
    file = desk.file(PLAIN, "large.eml")
    with open(file, "r+b") as f:
        f.truncate(300 << 20)
    desk.fails("try", file, *ANN, code=65, says="too large")


def test_the_terminal_is_safe(desk):
    """What a message holds cannot write to the admin's terminal."""
    out, told = tried(desk, PLAIN, "--from", "news@acme.example", "--rcpt",
                      "ann@example.org", "\x1b[2Jx@example.org")
    assert "\x1b" not in told


def test_nothing_is_written(desk):
    before = desk.snapshot()
    tried(desk, SPRING)
    after = desk.snapshot()
    after.pop(desk.dir / "spring.eml")
    assert after == before
