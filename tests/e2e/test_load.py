"""Withdrawals by web while other things go on: an import has the ledger,
consent-web is killed.  How fast all that is, tests/bench/web.py tells."""
import concurrent.futures
import contextlib
import fcntl
import http.client
import os
import random
import signal
import subprocess
import time

import people
import pytest

from harness import tokens
from harness.milterclient import MilterClient
from harness.proc import wait_until
from harness.world import program

ONE_CLICK = b"List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NEWS = "<news@acme.example>"
CLIENTS = 4


def refused(world, address):
    """At RCPT, by the milter."""
    with MilterClient(world.socket()) as m:
        m.negotiate()
        m.connect()
        m.helo()
        m.mail(NEWS)
        m.rcpt(f"<{address}>")
        return m.reply.final == "replycode"


def is_held(lock):
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(lock, fcntl.LOCK_UN)
    return False


@contextlib.contextmanager
def import_with_the_lock(world, rows):
    """A running import of so many people, stopped where it has the lock."""
    crowd = world.dir / "crowd.csv"
    crowd.write_text(people.granted(*(f"p{i}@y.test" for i in range(rows))))
    path = world.dir / "store/store/writer.lock"
    with open(path, "r+b") as lock, subprocess.Popen(
            [program("consentctl"), "-c", world.config_file, "import", crowd,
             "--source", "web-form", "--attest", "Test, 2026"],
            stdout=subprocess.DEVNULL) as ctl:
        while not is_held(lock):
            assert ctl.poll() is None, "the import ended unseen"
        ctl.send_signal(signal.SIGSTOP)
        try:
            yield ctl
            assert ctl.poll() is None and is_held(lock)
        finally:
            ctl.send_signal(signal.SIGCONT)
            ctl.wait()


def test_the_milter_obeys_during_an_import(new_world):
    """R8058-18, design 6: a withdrawal is answered, and obeyed at the next
    RCPT, while a running import has the ledger; it outlives the import."""
    world = new_world(postfix=False)
    crowd = [f"a{i}@x.test" for i in range(10)]
    world.import_csv(people.granted(*crowd, "stays@x.test"))
    world.start_milter()
    world.start_web()
    with import_with_the_lock(world, 30000) as ctl:
        for address in crowd:
            assert not refused(world, address)
            assert world.one_click(tokens.link(world, address)).status == 200
            assert refused(world, address)
        assert not refused(world, "stays@x.test")
    assert ctl.returncode == 0
    assert not refused(world, "p7@y.test")
    assert all(refused(world, address) for address in crowd)
    wait_until("stop is folded", lambda: not world.ctl_json(
        "status", ok=True)["stop_pending"])
    assert all(refused(world, address) for address in crowd)
    assert world.ctl_json("status", ok=True)["events"] == 30000 + 11 + 10


class Crowd:
    """Clients that leave one after the other, whoever dies meanwhile."""

    def __init__(self, world, addresses):
        self.port = world.web_port
        self.paths = iter([(a, "/u/" + tokens.token(world, a))
                           for a in addresses])
        self.answered = []
        self.over = False

    def leave(self, path):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(conn):
            conn.request("POST", path, ONE_CLICK, FORM)
            return conn.getresponse().status

    def client(self):
        for address, path in self.paths:
            while not self.over:
                try:
                    status = self.leave(path)
                except (OSError, http.client.HTTPException):
                    time.sleep(0.005)   # dead, or not there yet
                    continue
                assert status == 200, status
                self.answered.append(address)
                break


def allowed(world, people_csv):
    """Who of a list would get the newsletter."""
    out = world.dir / "allowed.csv"
    world.ctl("check", "--stream", "newsletter", people_csv, "-o", out)
    return {line.split(",")[0] for line in out.read_text().splitlines()[1:]}


@pytest.mark.slow
def test_killed_at_random(new_world):
    """R8058-18: 50 times kill -9 under load (CM_LONG: 1,000): what was
    answered is in the store, and once, however often it was asked again."""
    world = new_world(postfix=False)
    rounds = 50 * int(os.environ.get("CM_LONG", 1))
    chance = random.Random(int(os.environ.get("CM_SEED", 1)))
    everybody = [f"p{i}@x.test" for i in range(200 * rounds)]
    world.import_csv(people.granted(*everybody))
    before = world.ctl_json("status", ok=True)["events"]
    crowd = Crowd(world, everybody)
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(crowd.client) for _ in range(CLIENTS)]
        try:
            for _ in range(rounds):
                world.start_web()
                answered = len(crowd.answered)
                wait_until("somebody is answered",
                           lambda: len(crowd.answered) > answered, pause=.002)
                time.sleep(chance.uniform(0, 0.03))
                world.web.signal(signal.SIGKILL)
                world.web.popen.wait()
            world.start_web()
        finally:
            crowd.over = True
        for client in clients:
            client.result()
    wait_until("stop is folded", lambda: not world.ctl_json(
        "status", ok=True)["stop_pending"])
    left = set(everybody) - allowed(world, world.dir / "import-1.csv")
    assert set(crowd.answered) <= left
    # Those killed before their answer may be there, too; nobody twice.
    assert len(left) <= len(crowd.answered) + CLIENTS
    assert world.ctl_json("status", ok=True)["events"] - before == len(left)
    world.ctl("verify")
