"""Streams of type optin, as consentctl tells them; DOI-3, DOI-5, AT-HONDA.

Who does get such a letter stands in tests/unit/t_decide.c and, by a person at
the form, in tests/e2e/test_optin.py.
"""
import datetime
import pathlib

REPO = pathlib.Path(__file__).resolve().parents[2]
NOW = datetime.datetime.now(datetime.timezone.utc)
STREAM = """
stream "confirm" { type = optin  sender = {"consent@acme.example"}
                   client = {"127.0.0.1"}  %s }
"""


def load(ctl, extra=""):
    with ctl.config.open("a") as config:
        config.write(STREAM % extra)
    today = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    ctl.load("email,purpose,status,source,time\n" + "".join(
        f"{who}@example.org,acme/newsletter,{status},web-form,{today}\n"
        for who, status in [("pending", "pending"), ("in", "granted"),
                            ("out", "objected")]))
    return ctl


def test_nobody_is_asked_from_a_list(ctl):
    """Rows "pending" of a list are nobody's own request: to write to those
    with no answer on record is what Honda did."""
    load(ctl)
    for who in ["pending", "in", "out", "stranger"]:
        assert ctl.why(f"{who}@example.org", stream="confirm") == "no-request"
    # The newsletter goes on saying why not.
    assert ctl.why("pending@example.org") == "unconfirmed"
    assert ctl.why("in@example.org") == "consent"
    told = ctl.json("check", ctl.file("email\npending@example.org\n"),
                    "--stream", "confirm", code=1)
    assert told["reasons"] == {"no-request": 1}
    assert ctl.why("no address", stream="confirm") == "bad-address"


def test_try_says_that_it_stays_untouched(ctl, tmp_path):
    load(ctl, "mode = observe")
    with ctl.config.open("a") as config:
        config.write(f'templates = "{REPO}/conf/templates"\n')
    letter = tmp_path / "letter.eml"
    letter.write_bytes(b"From: consent@acme.example\r\n"
                       b"Subject: Please confirm\r\n\r\nhttps://x/c/T\r\n")
    args = ["try", letter, "--from", "consent@acme.example",
            "--rcpt", "pending@example.org", "--stream", "confirm"]
    done = ctl.run(*args)
    assert done.stdout == letter.read_text()
    assert "stream: confirm (rule: named), optin: untouched, mode observe" \
        in done.stderr
    assert "has not asked" in done.stderr
    text = ctl.config.read_text().replace("mode = observe", "")
    ctl.config.write_text(text)
    done = ctl.run(*args, code=1)
    assert done.stdout == ""
    assert "result: rejected" in done.stderr
