"""A full disk, no file descriptors left, a crowd at the door."""
import os
import resource
import socket
import subprocess
import time

import people
import pytest

from harness import tokens
from harness.milterclient import Closed, MilterClient
from harness.proc import wait_until

ONE_CLICK = b"List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NEWS = "<news@acme.example>"


@pytest.fixture
def alone(new_world):
    """Milter and web without an MTA; anna and bob want the newsletter."""
    world = new_world(postfix=False)
    world.import_csv(people.granted("anna@x.test", "bob@x.test"))
    return world


def begin(world, rcpt="<anna@x.test>"):
    m = MilterClient(world.socket())
    m.negotiate()
    m.connect()
    m.helo()
    m.mail(NEWS)
    m.rcpt(rcpt)
    return m


def finish(m):
    reply = m.message([("From", "news@acme.example"), ("Subject", "x")],
                      b"Hello\r\n")
    m.close()
    return reply


@pytest.fixture
def small_disk(alone):
    """The store on a file system of its own, 8 MB."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    store, was = alone.dir / "store", alone.dir / "was"
    store.rename(was)
    store.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m",
                              "tmpfs", store], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mount is not allowed here")
    try:
        subprocess.run(["cp", "-a", "--sparse=always", f"{was}/.", store],
                       check=True)
        alone.start_milter()
        alone.start_web()
        yield alone
        alone.stop()
    finally:
        subprocess.run(["umount", "-l", store], check=True)


def test_full_disk(small_disk):
    """R8058-18: 200 only for what is on the disk; all is well afterwards."""
    world = small_disk
    workers = world.workers()
    filler = world.dir / "store" / "filler"
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4k"],
                   capture_output=True)
    answers = {}
    for who in "anna@x.test", "bob@x.test":
        link = tokens.link(world, who)
        answers[who] = [world.http("POST", link, ONE_CLICK, FORM).status
                        for _ in range(3)]
        assert set(answers[who]) <= {200, 503}
        left = world.why(who, "newsletter") == ("refuse", "withdrawn")
        assert left == (200 in answers[who]), answers
        reply = finish(begin(world, f"<{who}>"))
        assert reply.final == ("replycode" if left else "continue"), reply
    crowd = people.granted(*(f"p{i}@x.test" for i in range(100000)))
    assert world.import_csv(crowd, ok=False).returncode != 0
    filler.unlink()
    for who in "anna@x.test", "bob@x.test":
        link = tokens.link(world, who)
        assert world.http("POST", link, ONE_CLICK, FORM).status == 200
        assert world.why(who, "newsletter") == ("refuse", "withdrawn")
    assert world.workers() == workers and world.web.running()
    world.ctl("verify")


# Of a worker at rest: log, locks, its socket, the store, libmilter's pipe.
OWN_FDS = 20


def fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_five_hundred_at_once(alone):
    """Each gets its own answer, and nothing stays behind."""
    alone.start_milter()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    finish(begin(alone))
    crowd = [begin(alone, "<anna@x.test>" if i % 2 else "<carl@x.test>")
             for i in range(500)]
    for i, m in enumerate(crowd):
        if m.reply.final == "replycode":
            assert i % 2 == 0
            m.abort()
            m.close()
        else:
            reply = finish(m)
            assert i % 2 == 1 and reply.final == "continue"
            assert any(c[0] == "insheader" and "List-Unsubscribe" in c
                       for c in reply.changes)
    wait_until("all is closed", lambda: all(
        fds(pid) <= OWN_FDS for pid in alone.workers()))


def test_no_file_descriptors_left(alone):
    """Whoever is in gets an answer; when there are some again, all do."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
    try:
        alone.start_milter()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    finish(begin(alone))
    early = begin(alone)
    waiting = []
    for _ in range(150):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(str(alone.socket()))
        except BlockingIOError:
            pass                # the queue is full
        waiting.append(s)
    time.sleep(2)
    try:
        assert finish(early).final in ("continue", "tempfail")
    except (Closed, OSError):
        pass                    # the MTA says 451 then
    for s in waiting:
        s.close()

    def served():
        try:
            return finish(begin(alone)).final == "continue"
        except (Closed, OSError):
            return False
    wait_until("it serves again", served, 60)


@pytest.mark.slow
def test_slow_clients_do_not_keep_others_out(alone):
    """More of them than there are places, an octet a second each."""
    alone.start_web()
    link = tokens.link(alone, "anna@x.test")
    slow = []
    for _ in range(600):
        s = socket.create_connection(("127.0.0.1", alone.web_port))
        s.sendall(b"POST /u/")
        slow.append(s)

    def goes():
        for s in slow:
            try:
                s.send(b"a")
            except OSError:
                pass
        try:
            return alone.http("POST", link, ONE_CLICK, FORM).status == 200
        except OSError:
            return False
    wait_until("a click is taken", goes, 90)
    for s in slow:
        s.close()
    assert alone.why("anna@x.test", "newsletter") == ("refuse", "withdrawn")
