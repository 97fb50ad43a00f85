"""Processes that end with us, free ports, and waiting for things."""
import ctypes
import functools
import itertools
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class Waited(AssertionError):
    """Something did not come about in time."""


def wait_until(what, check, timeout=20.0, pause=0.02):
    """Return check()'s first true value; Waited(what) after the timeout."""
    end = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise Waited(f"{what}: not within {timeout} s")
        time.sleep(pause)


class _Ports:
    """A hundred ports that no other run of the tests takes from.

    Below those that the kernel gives to whoever asks for any: a port must
    still be free when the program that it is for comes to take it.
    """
    LOWEST, HIGHEST, SIZE = 10000, 32000, 100

    def __init__(self):
        # An abstract name is a lock that ends with its process.
        self.lock = socket.socket(socket.AF_UNIX)
        starts = range(self.LOWEST, self.HIGHEST, self.SIZE)
        for start in random.sample(starts, len(starts)):
            try:
                self.lock.bind(f"\0consent-milter tests {start}")
            except OSError:
                continue
            self.turn = itertools.cycle(range(start, start + self.SIZE))
            return
        raise Waited("every port is taken by other runs of the tests")

    def free(self):
        for port in self.turn:
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port


@functools.cache
def _ports():
    return _Ports()


def free_port():
    """A port of 127.0.0.1 that nobody listens on just now."""
    return _ports().free()


def port_answers(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def unix_answers(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(1)
        try:
            return s.connect_ex(str(path)) == 0
        except OSError:
            return False


class Process:
    """A program in the foreground, its output in a file, ended with us.

    group: it has children of its own, and has ended when they have.
    """

    def __init__(self, argv, log, env=None, cwd=None, group=False):
        self.group = group
        self.argv = [str(a) for a in argv]
        self.log = log
        self._out = open(log, "ab")
        self.popen = subprocess.Popen(
            self.argv, stdin=subprocess.DEVNULL, stdout=self._out,
            stderr=subprocess.STDOUT, env=env, cwd=cwd,
            start_new_session=group,
            preexec_fn=_die_with_parent)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def output(self):
        with open(self.log, "rb") as f:
            return f.read().decode(errors="replace")

    def wait_ready(self, what, check, timeout=30.0):
        def ready():
            if not self.running():
                raise Waited(f"{self.argv[0]} ended with "
                             f"{self.popen.returncode}:\n{self.output()}")
            return check()
        try:
            wait_until(what, ready, timeout)
        except Waited as e:
            self.kill()
            raise Waited(f"{e}\n{self.output()}") from None

    def signal(self, sig):
        if self.running():
            self.popen.send_signal(sig)

    def signal_group(self, sig):
        if not self._alone():
            os.killpg(self.pid, sig)

    def children(self):
        """Process ids of its direct children."""
        path = f"/proc/{self.pid}/task/{self.pid}/children"
        with open(path) as f:
            return [int(p) for p in f.read().split()]

    def stop(self, timeout=20.0):
        """SIGTERM, and the exit status; SIGKILL and Waited if it hangs."""
        self.signal(signal.SIGTERM)
        try:
            status = self.popen.wait(timeout)
            if self.group:
                wait_until("the end of its children", self._alone, timeout)
            return status
        except (subprocess.TimeoutExpired, Waited):
            self.kill()
            raise Waited(f"{self.argv[0]} did not end on SIGTERM:\n"
                         f"{self.output()}") from None
        finally:
            self._out.close()

    def _alone(self):
        """No process of its group is left, but for unreaped ones."""
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _, pgrp = stat.read_text().rpartition(
                    ")")[2].split()[:3]
            except OSError:
                continue
            if int(pgrp) == self.pid and state != "Z":
                return False
        return True

    def kill(self):
        if self.group:
            self.signal_group(signal.SIGKILL)
        self.signal(signal.SIGKILL)
        self.popen.wait()
        self._out.close()


def run(argv, *, ok=True, timeout=120, **kw):
    """A command to its end; with ok, anything but status 0 is an error."""
    done = subprocess.run([str(a) for a in argv], stdin=kw.pop(
        "stdin", subprocess.DEVNULL), capture_output=True, timeout=timeout,
        **kw)
    if ok and done.returncode != 0:
        raise AssertionError(
            f"{' '.join(str(a) for a in argv)}: status {done.returncode}\n"
            f"{done.stdout.decode(errors='replace')}"
            f"{done.stderr.decode(errors='replace')}")
    return done

