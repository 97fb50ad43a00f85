"""consent-milter with no MTA at all: what it says on its socket, and what
becomes of conversations when it reloads or ends."""
import concurrent.futures
import os
import signal
import time

import people
import pytest

from harness.milterclient import NO_REPLY, NO_STEP, Closed, MilterClient
from harness.proc import wait_until

NEWS = "<news@acme.example>"
HEADERS = [("From", "news@acme.example"), ("To", "list@acme.example"),
           ("Subject", "Autumn")]
BODY = b"Hello\r\n"
# All that SMFIP_NOCONNECT .. SMFIP_NOEOH say: what version 2 knew.
STEPS_V2 = 0x7F
ACTIONS_V2 = 0x1F
DROP = {"refuse = reject": "refuse = drop"}


@pytest.fixture
def small(new_world):
    """A milter and its store, no Postfix, no web."""
    def make(**kw):
        world = new_world(postfix=False, web=False, **kw)
        world.import_csv(people.granted("anna@x.test", "bert@x.test"))
        return world.start()
    return make


def dial(world, listener="main", **kw):
    m = MilterClient(world.socket(listener))
    m.negotiate(**kw)
    m.connect()
    return m


def converse(m, rcpts, headers=None, body=BODY, sender=NEWS):
    """(answers at RCPT, answer at the end)."""
    m.helo()
    m.mail(sender)
    answers = [m.rcpt(r) for r in rcpts]
    return answers, m.message(HEADERS if headers is None else headers, body)


def names(changes):
    return sorted({c[0] for c in changes})


# -- negotiation ---------------------------------------------------------

def test_silent_steps_are_negotiated_away(small):
    """perf.md: no answer where none is ever given, unused steps off."""
    with dial(small()) as m:
        for step in (b"C", b"M", b"L", b"B"):
            assert m.steps & NO_REPLY[step], step
        for step in (b"H", b"N", b"T", b"U"):
            assert m.steps & NO_STEP[step], step
        # A stream refuses at RCPT, so RCPT is answered.
        assert not m.steps & NO_REPLY[b"R"]
        assert m.steps & (NO_STEP[b"R"] | NO_STEP[b"L"] | NO_STEP[b"B"]) == 0
        assert m.macro_lists[2] == ["i", "{auth_authen}"]
        assert m.macro_lists[5] == ["i"]
        assert converse(m, ["<anna@x.test>"])[1].final == "continue"


def test_rcpt_too_where_nothing_refuses_there(small):
    world = small(replace=DROP | {
        'sender = {"tips@acme.example"}':
        'sender = {"tips@acme.example"} refuse = drop'})
    with dial(world) as m:
        assert m.steps & NO_REPLY[b"R"]
        answers, end = converse(m, ["<anna@x.test>", "<nobody@x.test>"])
        assert answers == [None, None]
        assert end.final == "continue"
        assert end.deleted == ["<nobody@x.test>"]


def test_version_2_peer(small):
    """No NR, no switched-off steps, no macro lists, no ADDRCPT_PAR."""
    with dial(small(), version=2, actions=ACTIONS_V2, steps=STEPS_V2) as m:
        assert m.version == 2
        assert m.steps & ~STEPS_V2 == 0
        assert m.actions & ~ACTIONS_V2 == 0
        assert m.macro_lists == {}
        m.macros(b"M", {"i": "4ABC"})
        assert m.mail(NEWS).final == "continue"
        assert m.rcpt("<anna@x.test>").final == "continue"
        assert m.rcpt("<nobody@x.test>").text.startswith("550 5.7.1 ")
        for name, value in HEADERS:
            assert m.header(name, value).final == "continue"
        assert m.body(BODY).final == "continue"
        end = m.eom()
        assert end.final == "continue"
        assert b"consent.acme.example/u/" in end.body
        m.abort()
        # Rewrite has no parameters to give then, and goes on without.
        m.mail("<magazine@acme.example>")
        m.rcpt("<anna@x.test>")
        m.header("Subject", "x")
        m.body(BODY)
        end = m.eom()
        assert end.final == "continue"
        assert end.added == ["audit@acme.example"]


def test_an_mta_that_lets_nothing_be_changed(small):
    """Better no mail than unfiltered mail."""
    m = MilterClient(small().socket())
    with m, pytest.raises((Closed, ConnectionError)):
        m.negotiate(actions=0x01)


# -- changes -------------------------------------------------------------

def test_changes_in_their_order(small):
    with dial(small()) as m:
        _, end = converse(m, ["<bob@x.test>", "<anna@x.test>", "anna@X.test"],
                          sender="<magazine@acme.example>")
        assert [c[0] for c in end.changes][:4] == (
            ["delrcpt"] * 3 + ["addrcpt"])
        assert end.deleted == ["<bob@x.test>", "<anna@x.test>", "anna@X.test"]
        m.abort()
        _, end = converse(m, ["<Anna@X.TEST>"], HEADERS + [
            ("List-Unsubscribe", "<https://tool.test/1>"),
            ("X-Consent-Purpose", "acme/newsletter"),
            ("List-Unsubscribe", "<https://tool.test/2>")])
        kinds = [c[0] for c in end.changes]
        assert kinds == sorted(kinds, key=[
            "delrcpt", "addrcpt", "chgheader", "insheader", "body"].index)
        removed = [(c[1], c[0]) for c in end.of("chgheader")]
        assert removed.index(("List-Unsubscribe", 2)) < removed.index(
            ("List-Unsubscribe", 1))
        assert ("X-Consent-Purpose", 1) in removed


def test_unchanged_means_no_change_at_all(small):
    """An unchanged body is never replaced: Postfix pays 5 ms per MB."""
    with dial(small()) as m:
        _, end = converse(m, ["<anna@x.test>"], sender="<shop@acme.example>")
        assert (end.final, end.changes) == ("continue", [])
        m.abort()
        _, end = converse(m, ["<anna@x.test>"], sender="<me@acme.example>")
        assert (end.final, end.changes) == ("continue", [])


def test_many_messages_on_one_connection(small):
    """State of one message never reaches the next."""
    with dial(small()) as m:
        for i in range(50):
            answers, end = converse(m, ["<anna@x.test>"])
            assert end.body.count(b"consent.acme.example/u/") == 1
            assert len(end.of("insheader")) >= 2
            m.abort()
            answers, _ = converse(m, ["<nobody@x.test>"])
            assert answers[0].final == "replycode"
            m.abort()


def test_many_connections_at_once(small):
    """Run under TSan: sessions share nothing that changes unguarded."""
    world = small()

    def one(n):
        with dial(world, "main" if n % 2 else "marketing") as m:
            ends = []
            for _ in range(10):
                ends.append(converse(m, ["<anna@x.test>"])[1].final)
                m.abort()
                converse(m, ["<anna@x.test>", "<bert@x.test>"],
                         sender="<offers@acme.example>")
                m.abort()
            m.quit()
            return ends

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        jobs = [pool.submit(one, n) for n in range(32)]
        time.sleep(0.2)
        world.milter.signal(signal.SIGUSR1)
        time.sleep(0.2)
        (world.dir / "store").rename(world.dir / "away")
        (world.dir / "away").rename(world.dir / "store")
        ends = [e for job in jobs for e in job.result()]
    assert len(ends) == 320
    assert set(ends) <= {"continue", "replycode"}
    # 451 only in the moment without a store.
    assert ends.count("continue") > 160


# -- reload --------------------------------------------------------------

def test_reload_is_for_the_next_message(small):
    world = small()
    with dial(world) as m:
        m.mail(NEWS)
        assert m.rcpt("<anna@x.test>").final == "continue"
        world.write_config(world.config.replace(
            "refuse = reject\n    mode = enforce",
            "refuse = reject\n    mode = observe"))
        world.milter.signal(signal.SIGHUP)
        wait_until("the reload", lambda: world.milter_log().count(
            "configuration reloaded") == 2)
        # The one that had begun keeps its config.
        assert m.rcpt("<nobody@x.test>").final == "replycode"
        assert m.message(HEADERS, BODY).changes != []
        m.abort()
        answers, end = converse(m, ["<nobody@x.test>"])
        assert answers[0].final == "continue"
        assert (end.final, end.changes) == ("continue", [])


def test_a_bad_reload_changes_nothing(small):
    world = small()
    good = world.config
    for old, new in (("refuse = reject", "refuse = rejekt"),
                     ('listener "main"', 'listener "other"'),
                     ("/templates", "/no-such-folder")):
        before = world.milter_log().count("the old configuration stays")
        world.write_config(good.replace(old, new, 1))
        world.milter.signal(signal.SIGUSR1)
        wait_until("the complaint", lambda: world.milter_log().count(
            "the old configuration stays") > before)
        with dial(world) as m:
            answers, _ = converse(m, ["<nobody@x.test>"])
            assert answers[0].text.startswith("550 5.7.1 ")


# -- the end -------------------------------------------------------------

def gone(world):
    return world.milter.popen.poll() is not None


def test_sigterm_waits_for_messages_alone(small):
    world = small()
    idle = dial(world)
    with dial(world) as m, idle:
        m.mail(NEWS)
        m.rcpt("<anna@x.test>")
        world.milter.signal(signal.SIGTERM)
        wait_until("the socket to close", lambda: not connects(world))
        assert not gone(world)
        end = m.message(HEADERS, BODY)
        assert end.final == "continue"
        assert end.body is not None
        # An idle connection holds nobody up.
        wait_until("its end", lambda: gone(world))
    assert world.milter.popen.returncode == 0
    assert "result=accepted" in world.milter_log()


def connects(world):
    try:
        MilterClient(world.socket()).close()
    except OSError:
        return False
    return True


def test_a_second_sigterm_ends_it_at_once(small):
    world = small()
    with dial(world) as m:
        m.mail(NEWS)
        m.rcpt("<anna@x.test>")
        world.milter.signal(signal.SIGTERM)
        wait_until("the socket to close", lambda: not connects(world))
        world.milter.signal(signal.SIGTERM)
        wait_until("its end", lambda: gone(world))
        with pytest.raises((Closed, OSError)):
            m.message(HEADERS, BODY)


def test_idle_it_ends(small):
    world = small()
    world.milter.signal(signal.SIGTERM)
    wait_until("its end", lambda: gone(world))
    assert world.milter.popen.returncode == 0


def test_workers_do_not_outlive_their_supervisor(small):
    world = small()
    wait_until("two workers", lambda: len(world.workers()) == 2)
    workers = world.workers()
    os.kill(world.milter.popen.pid, signal.SIGKILL)
    wait_until("the workers' end", lambda: not any(
        os.path.exists(f"/proc/{pid}/exe") for pid in workers))
    world.milter.popen.wait()
    world.start_milter()        # the locks are free, the sockets stale


def test_what_stands_in_the_way_is_not_removed(small):
    world = small()
    world.milter.stop()
    world.socket().unlink()
    world.socket().write_text("somebody's")
    refused = world._daemon("consent-milter")
    wait_until("its end", lambda: refused.popen.poll() is not None)
    assert refused.popen.returncode == 78
    assert "is no socket" in refused.output()
    assert world.socket().read_text() == "somebody's"


def test_header_and_footer_carry_different_tokens(small):
    """Pitfalls 2.14: the log shows which of the two was used."""
    with dial(small()) as m:
        _, end = converse(m, ["<anna@x.test>"])
        header = [c for c in end.of("insheader")
                  if c[1] == "List-Unsubscribe"][0]
        assert header[0] == 1
        uri = header[2].strip("<>")
        assert uri.startswith("https://consent.acme.example/u/")
        assert uri.encode() not in end.body     # the footer's is another
        assert names(end.changes) == ["body", "insheader"]
