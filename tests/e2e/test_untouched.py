"""What is not marketing passes byte for byte; observe and edit modes."""
import people
import pytest

from harness import messages
from harness.proc import wait_until

PERSON = "vera@acme.example"


@pytest.fixture
def quiet(new_world):
    world = new_world()
    world.import_csv(people.granted("anna@x.test"))
    return world.start()


def passes(world, sender, message, rcpts=("stranger@x.test",), **kw):
    """The message as it left, trace headers taken off."""
    world.sink.clear()
    told = world.send(sender, list(rcpts), message, **kw)
    assert told.accepted == sorted(rcpts), told
    assert told.data[0] == 250, told
    world.settled()
    assert world.sink.delivered == sorted(rcpts)
    return messages.without_trace(world.sink.mails[0].data)


ODD_BUT_PRIVATE = {
    "plain": b"",
    "list-headers-spelled-oddly": b"X-List-Unsubscribe: <https://x/>\r\n",
    "eight-bit": b"X-Note: gr\xc3\xbc\xc3\x9f\r\n",
    "folded": b"X-Long: a\r\n b\r\n\tc\r\n",
    "no-space": b"X-Tight:a\r\n",
    "many-spaces": b"X-Wide:    a  \r\n",
}


@pytest.mark.parametrize("name", ODD_BUT_PRIVATE)
def test_people_write_to_people(quiet, name):
    """unmatched = pass: not a byte differs."""
    message = ODD_BUT_PRIVATE[name] + messages.newsletter()
    assert passes(quiet, PERSON, message) == message


def test_password_reset(quiet):
    """R8058-15, S-rules: service mail is untouched, whoever it goes to."""
    message = messages.password_reset()
    assert passes(quiet, "shop@acme.example", message,
                  ["anna@x.test", "stranger@x.test"]) == message


def test_service_sender_from_elsewhere_is_not_service(quiet):
    """A service stream needs its client: 192.0.2.1 is not ours, and may
    not pretend to be the shop on the marketing listener."""
    told = quiet.send("shop@acme.example", ["stranger@x.test"],
                      messages.password_reset(), listener="marketing",
                      xclient={"addr": "192.0.2.1", "name": "[UNAVAILABLE]",
                               "login": "tool"})
    assert told.accepted == []
    # From its own client it is, on that listener, too.
    message = messages.password_reset()
    assert passes(quiet, "shop@acme.example", message,
                  listener="marketing") == message


def test_bounces_pass(quiet):
    """R5321-5: MAIL FROM:<> with a real report is never marketing."""
    report = messages.crlf(
        "From: MAILER-DAEMON@acme.example\nTo: anna@x.test\n"
        "Subject: Undelivered\nAuto-Submitted: auto-replied\n"
        "MIME-Version: 1.0\nDate: Sat, 21 Nov 2026 10:00:00 +0100\n"
        "Message-ID: <b@acme.example>\n"
        'Content-Type: multipart/report; report-type=delivery-status; '
        'boundary="r"\n\n--r\n\nIt did not arrive.\n--r\n'
        "Content-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; x.test\n\nFinal-Recipient: rfc822; c@x.test\n"
        "Action: failed\nStatus: 5.1.1\n\n--r--\n")
    assert passes(quiet, "", report) == report


def test_mailing_that_no_stream_knows_is_reported(quiet):
    """unmatched-bulk = report: the main leak is at least in the log."""
    passes(quiet, "other@acme.example", messages.newsletter())
    assert "class=bulk" not in quiet.milter_log()
    message = messages.newsletter(headers="Precedence: bulk\n")
    assert passes(quiet, "other@acme.example", message) == message
    assert "class=bulk" in quiet.milter_log()


def test_mailing_that_no_stream_knows_can_be_stopped(new_world):
    world = new_world(settings='unmatched-bulk = tempfail\n').start()
    told = world.send("other@acme.example", ["stranger@x.test"],
                      messages.newsletter(headers="Precedence: bulk\n"))
    assert told.data[0] == 451
    told = world.send("other@acme.example", ["stranger@x.test"],
                      messages.newsletter())
    assert told.data[0] == 250
    assert world.settled() == {"stranger@x.test": 1}


def test_observe_changes_nothing(new_world):
    """mode = observe: decides and logs; refuses nobody, edits nothing."""
    world = new_world(replace={"mode = enforce": "mode = observe"})
    world.import_csv(people.granted("anna@x.test"))
    world.start()
    message = messages.newsletter()
    rcpts = ["anna@x.test", "stranger@x.test"]
    assert passes(world, "news@acme.example", message, rcpts) == message
    assert "would-refuse=1" in world.milter_log()


def test_observe_passes_without_a_store(new_world):
    world = new_world(replace={"mode = enforce": "mode = observe"})
    world.start()
    (world.dir / "store").rename(world.dir / "gone")
    message = messages.newsletter()
    assert passes(world, "news@acme.example", message) == message


def test_edit_mode_refuses_nobody(new_world):
    """mode = edit: everybody gets it, with a way out."""
    world = new_world(replace={"mode = enforce": "mode = edit"})
    world.start()
    data = passes(world, "news@acme.example", messages.newsletter())
    assert messages.unsubscribe_uris(data)[0].startswith(world.base_url)
    assert world.base_url in messages.texts(data)["text/html"]
    assert "would-refuse=1" in world.milter_log()


def test_streams_not_in_enforce_are_named(new_world):
    """Nobody forgets that a stream only observes, or only edits; the others
    are not named."""
    modes = {"refuse = reject\n    mode = enforce":
             "refuse = reject\n    mode = observe",
             "refuse = drop\n    mode = enforce":
             "refuse = drop\n    mode = edit"}
    world = new_world(replace=modes, postfix=False)
    world.start_milter()
    wait_until("the names of streams", lambda: all(
        line in world.milter_log() for line in (
            'stream "newsletter": mode is observe: nothing is refused or '
            "changed", 'stream "offers": mode is edit: nothing is refused')))
    assert 'stream "magazine": mode is' not in world.milter_log()
    assert 'stream "receipts": mode is' not in world.milter_log()


def test_purpose_header_never_leaves(quiet):
    """X-Consent-Purpose chooses a purpose and is removed."""
    quiet.send("news@acme.example", ["anna@x.test"], messages.newsletter(
        headers="X-Consent-Purpose: acme/newsletter\n"))
    quiet.settled()
    assert b"X-Consent-Purpose" not in quiet.sink.to("anna@x.test").data
