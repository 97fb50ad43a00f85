"""consentctl as a user has it: the built program, a config, a store.

CM_BUILD is the build folder.  Nothing else is needed; as root the store's
groups are root's own.
"""
import json
import os
import pathlib
import subprocess

import pytest

BUILD = pathlib.Path(os.environ.get("CM_BUILD", "build")).resolve()
PROGRAM = BUILD / "consentctl"

CONFIG = """
controller "acme" {{ name = "Acme GmbH"  address = "Main Street 1, Berlin"
                     contact = "privacy@acme.example"  country = "DE" }}
store  {{ path = "{dir}/lib"  {groups}  map-size = "2G" }}
keys   {{ path = "{dir}/keys" }}
own-networks = {{"127.0.0.0/8"}}
dots-ignored = {{"gmail.com"}}
listener "main" {{ socket = "unix:{dir}/main.sock"  unmatched = pass }}
web {{ base-url = "https://consent.acme.example"  listen = "127.0.0.1:8025" }}
purpose "acme"            {{ title = "Everything from Acme" }}
purpose "acme/newsletter" {{ title = "Newsletter"  lifetime = "3y" }}
purpose "acme/offers"     {{ title = "Offers"  level = double }}
stream "newsletter" {{ type = marketing  sender = {{"news@acme.example"}}
                       purpose = {{"acme/newsletter"}}  mode = enforce }}
stream "offers" {{ type = marketing  sender = {{"offers@acme.example"}}
                   purpose = {{"acme/offers"}}  mode = observe }}
stream "receipts" {{ type = service  sender = {{"shop@acme.example"}}
                     client = {{"127.0.0.1"}}
                     approved-by = "Data protection officer, 2026-01-10" }}
"""

PROVEN = ("--source", "web-form", "--attest", "Data protection officer")


class Ctl:
    def __init__(self, folder):
        self.dir = folder
        self.config = folder / "c.conf"
        groups = ""
        if os.geteuid() == 0:
            groups = 'group = "root"  write-group = "root"'
        self.config.write_text(CONFIG.format(dir=folder, groups=groups))
        self.files = 0

    def command(self, *args):
        return [PROGRAM, "-c", self.config, *map(str, args)]

    def run(self, *args, code=0, **kw):
        """Run one command; its exit code is part of what is asserted."""
        env = dict(os.environ, LOGNAME="tester")
        env.pop("SUDO_USER", None)
        env.update(kw.pop("env", {}))
        done = subprocess.run(self.command(*args), capture_output=True,
                              text=kw.pop("text", True), env=env,
                              timeout=300, **kw)
        assert done.returncode == code, \
            f"exit {done.returncode}, not {code}\n{done.stdout}{done.stderr}"
        return done

    def any(self, *args):
        """Run one command that may as well be refused."""
        done = subprocess.run(self.command(*args), capture_output=True,
                              text=True, timeout=300)
        assert done.returncode in (0, 1), done.stderr
        return done

    def json(self, *args, code=0):
        return json.loads(self.run(*args, "--json", code=code).stdout)

    def fails(self, *args, code, says, **kw):
        """A refusal: exit code, and words on stderr; nothing on stdout."""
        done = self.run(*args, code=code, **kw)
        for word in [says] if isinstance(says, str) else says:
            assert word in done.stderr, done.stderr
        return done

    def file(self, content, name=None):
        self.files += 1
        path = self.dir / (name or f"list-{self.files}.csv")
        path.write_bytes(content if isinstance(content, bytes)
                         else content.encode())
        return path

    def load(self, content, *args, code=0):
        """Import a list, by default proven."""
        return self.run("import", self.file(content), *(args or PROVEN),
                        code=code)

    def why(self, address, stream="newsletter"):
        done = subprocess.run(self.command("why", address, "--stream", stream,
                                           "--json"),
                              capture_output=True, text=True)
        return json.loads(done.stdout)["reason"]

    def events(self):
        return self.json("status")["events"]

    def snapshot(self):
        """What must stay as it is: bytes of every file of the store."""
        return {p: p.read_bytes() for p in sorted(self.dir.rglob("*"))
                if p.is_file() and p.name != "lock.mdb"
                and p.suffix != ".csv"}


@pytest.fixture
def empty(tmp_path):
    return Ctl(tmp_path)


@pytest.fixture
def ctl(empty):
    empty.run("init")
    return empty
