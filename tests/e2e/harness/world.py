"""One controller with its store, consent-milter, consent-web, a Postfix in
front and a next hop behind, all in one temporary folder."""
import collections
import http.client
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import urllib.parse

from . import clients
from .postfix import Postfix
from .proc import (Process, free_port, port_answers, run, unix_answers,
                   wait_until)
from .sink import Sink

REPO = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("CM_BUILD", REPO / "build")).resolve()

# Users and groups that every Debian has: nothing is added to the machine.
# Without root, everything is the caller's.
MILTER_USER, WEB_USER = "list", "www-data"
READ_GROUP, WRITE_GROUP = "operator", "staff"

BASE_URL = "https://consent.acme.example"

CONFIG = """\
controller "acme" {
    name = "Acme GmbH"
    address = "Main Street 1, 10115 Berlin"
    contact = "privacy@acme.example"
    country = "DE"
}
store {
    path = "@DIR@/store"
    @GROUPS@
    lock-wait = 2
    map-size = "1G"
}
keys { path = "@DIR@/keys" }
milter { @MILTER_USER@ }
own-networks = {"127.0.0.0/8", "::1"}
templates = "@TEMPLATES@"
proof = 1
listener "main" {
    socket = "unix:@DIR@/main.sock"
    unmatched = pass
    @SOCKET_GROUP@
}
listener "marketing" {
    socket = "unix:@DIR@/marketing.sock"
    unmatched = "newsletter"
    @SOCKET_GROUP@
}
web {
    base-url = "@BASE_URL@"
    listen = "127.0.0.1:@WEB_PORT@"
    @WEB_USER@
}
"""

PURPOSES = """\
purpose "acme"            { title = "Everything from Acme" }
purpose "acme/newsletter" { title = "Acme newsletter"
                            title-cs = "Zpravodaj Acme"
                            lifetime = "3y" }
purpose "acme/offers"     { title = "Offers" }
purpose "acme/magazine"   { title = "Magazine"  level = double }
purpose "acme/shop"       { title = "The shop's own"  soft-opt-in = true
                            product-category = {"bicycles"} }
"""

STREAMS = """\
stream "newsletter" {
    type = marketing
    sender = {"news@acme.example"}
    purpose = {"acme/newsletter"}
    refuse = reject
    mode = enforce
}
stream "offers" {
    type = marketing
    sender = {"offers@acme.example"}
    purpose = {"acme/offers"}
    refuse = drop
    mode = enforce
}
stream "magazine" {
    type = marketing
    sender = {"magazine@acme.example"}
    purpose = {"acme/magazine"}
    refuse = rewrite
    rewrite-to = "audit@acme.example"
    mode = enforce
}
stream "shop-tips" {
    type = marketing
    sender = {"tips@acme.example"}
    purpose = {"acme/shop"}
    mode = enforce
}
stream "receipts" {
    type = service
    sender = {"shop@acme.example"}
    client = {"127.0.0.1"}
    approved-by = "Data protection officer, 2026-01-10"
}
"""


def program(name):
    """A built program, wherever make put it."""
    for sub in ("", "milter", "web", "tools"):
        path = BUILD / sub / name
        if path.is_file() and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(f"{name} is not built in {BUILD}: "
                            "run tools/test, or set CM_BUILD")


class Response:
    """What consent-web answered."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self):
        return self.body.decode()


class World:
    """
    streams, purposes: other text for those parts of the config
    config: other text for all of it, with the same @PLACES@
    settings: text put at the config's end
    replace: {"text of the config": "other text"}, last of all
    postfix: False = none; a dict = keywords of Postfix, as main={...}
    after: a milter behind ours, as "unix:/x/opendkim.sock"
    """

    def __init__(self, folder, *, streams=STREAMS, purposes=PURPOSES,
                 settings="", config=None, replace=None, postfix=True,
                 web=True, after="", sink=None):
        self.dir = pathlib.Path(folder)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.dir.chmod(0o711)
        self.config_file = self.dir / "consent-milter.conf"
        # Our daemons could not read a clone in somebody's home.
        templates = self.dir / "templates"
        shutil.copytree(REPO / "conf" / "templates", templates,
                        copy_function=shutil.copyfile)
        for place in (templates, *templates.rglob("*")):
            place.chmod(0o755 if place.is_dir() else 0o644)
        self.web_port = free_port()
        self.with_web = web
        self.base_url = BASE_URL
        self.milter = self.web = None
        self.sink = sink or Sink().start()
        self.own_sink = sink is None
        self.runs = 0
        self.config = self._config(
            config or CONFIG + settings + purposes + streams, replace or {})
        self.write_config()
        self.postfix = None
        if postfix:
            keywords = dict(postfix) if isinstance(postfix, dict) else {}
            keywords.setdefault("milters", {
                name: self._milters(name, after)
                for name in ("main", "marketing")})
            keywords["main"] = {
                "non_smtpd_milters": self._milters("main", after),
                **keywords.get("main", {})}
            self.postfix = Postfix(self.dir / "mta", self.sink.port,
                                   **keywords)

    def _milters(self, name, after):
        return f"unix:{self.dir}/{name}.sock {after}".rstrip()

    def _config(self, text, replace):
        root = os.geteuid() == 0
        values = {
            "DIR": str(self.dir),
            "TEMPLATES": str(self.dir / "templates"),
            "BASE_URL": BASE_URL,
            "WEB_PORT": str(self.web_port),
            "GROUPS": (f'group = "{READ_GROUP}"\n'
                       f'    write-group = "{WRITE_GROUP}"') if root else "",
            "MILTER_USER": f'user = "{MILTER_USER}"' if root else "",
            "WEB_USER": f'user = "{WEB_USER}"' if root else "",
            "SOCKET_GROUP": 'socket-group = "postfix"' if root else "",
        }
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        for old, new in replace.items():
            assert old in text, f"{old!r} is not in the config"
            text = text.replace(old, new)
        return text

    def write_config(self, text=None):
        if text is not None:
            self.config = text
        self.config_file.write_text(self.config)

    # -- consentctl ------------------------------------------------------

    def ctl(self, *args, ok=True, **kw):
        """consentctl with our config; ok: any other status is an error."""
        return run([program("consentctl"), "-c", self.config_file, *args],
                   ok=ok, **kw)

    def ctl_json(self, *args, ok=False):
        return json.loads(self.ctl(*args, "--json", ok=ok).stdout)

    def init(self):
        self.ctl("init")
        return self

    def import_csv(self, text, *args, ok=True):
        """A list, as `consentctl import`; defaults make it proven."""
        self.runs += 1
        file = self.dir / f"import-{self.runs}.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        if not args:
            args = ("--source", "web-form", "--attest", "Test, 2026")
        return self.ctl("import", file, *args, ok=ok)

    def why(self, address, stream):
        """(decision, reason)."""
        answer = self.ctl_json("why", address, "--stream", stream)
        return answer["decision"], answer["reason"]

    # -- daemons ---------------------------------------------------------

    def start(self):
        self.start_milter()
        if self.with_web:
            self.start_web()
        if self.postfix:
            self.postfix.start()
        return self

    def _daemon(self, name):
        self.runs += 1
        return Process([program(name), "-c", self.config_file, "-f"],
                       self.dir / f"{name}.{self.runs}.log")

    def socket(self, listener="main"):
        return self.dir / f"{listener}.sock"

    def start_milter(self):
        self.milter = self._daemon("consent-milter")
        listeners = re.findall(rf"unix:{re.escape(str(self.dir))}/([\w-]+)"
                               r"\.sock", self.config)
        # The sockets take connections before anybody serves them, so that
        # none is lost; its own word is what a test may build on.
        self.milter.wait_ready(
            "consent-milter",
            lambda: " is ready\n" in self.milter.output() and all(
                unix_answers(self.socket(n)) for n in listeners))

    def start_web(self):
        self.web = self._daemon("consent-web")
        self.web.wait_ready("consent-web",
                            lambda: port_answers(self.web_port))

    def restart_milter(self):
        self.milter.stop()
        self.start_milter()

    def milter_log(self):
        """Everything that consent-milter said, over all its runs."""
        return "".join(f.read_text(errors="replace") for f in sorted(
            self.dir.glob("consent-milter.*.log"),
            key=lambda f: int(f.name.split(".")[1])))

    def lines(self, queue_id):
        """The milter's lines of a message, the one with its result last."""
        found = [dict(w.partition("=")[::2] for w in shlex.split(text)
                      if "=" in w)
                 for text in re.findall(rf"(?m)\b{re.escape(queue_id)}: (.*)$",
                                        self.milter_log())]
        return sorted(found, key=lambda line: "result" in line)

    def line(self, queue_id):
        """The one line that sums the message up, as {key: value}."""
        found = [n for n in self.lines(queue_id) if "result" in n]
        assert len(found) == 1, (
            f"{len(found)} lines for {queue_id}:\n{self.milter_log()}")
        return found[0]

    def stop(self):
        """End all; the milter and the web must end well on SIGTERM."""
        bad = []
        for name, daemon in (("consent-milter", self.milter),
                             ("consent-web", self.web)):
            if daemon is not None and daemon.running():
                status = daemon.stop()
                if status != 0:
                    bad.append(f"{name} ended with {status}:\n"
                               f"{daemon.output()}")
        if self.postfix:
            self.postfix.stop()
        if self.own_sink:
            self.sink.stop()
        bad += self._sanitizer_reports()
        assert not bad, "\n".join(bad)

    def _sanitizer_reports(self):
        return [f"{f.name}:\n{f.read_text(errors='replace')}"
                for f in self.dir.glob("*.log")
                if re.search(r"ERROR: \w+Sanitizer|runtime error:",
                             f.read_text(errors="replace"))]

    def kill_milter(self):
        """All of it at once: its workers do not outlive it."""
        workers = self.workers()
        self.milter.signal(signal.SIGKILL)
        self.milter.popen.wait()
        wait_until("the workers' end", lambda: not any(
            os.path.exists(f"/proc/{p}/exe") for p in workers))

    def workers(self):
        """Process ids of those that serve a listener."""
        return self.milter.children()

    def kill_workers(self):
        """As a crash would: who supervises them starts others."""
        for pid in self.workers():
            os.kill(pid, signal.SIGKILL)

    # -- mail ------------------------------------------------------------

    def send(self, sender, rcpts, message, listener="main", **kw):
        """Through Postfix; what the client was told, as clients.Result."""
        return clients.submit(self.postfix.port(listener), sender,
                              [rcpts] if isinstance(rcpts, str) else rcpts,
                              message, **kw)

    def queue_id(self, result):
        """Of a message that Postfix took."""
        return re.search(r"queued as (\w+)", result.data[1])[1]

    def settled(self):
        """Wait for the queue; {recipient: mails} at the next hop."""
        self.postfix.settle()
        return collections.Counter(self.sink.delivered)

    # -- the way out -----------------------------------------------------

    def http(self, method, uri, body=None, headers=None):
        """A request to consent-web as its TLS front hands it on."""
        parts = urllib.parse.urlsplit(uri)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        conn = http.client.HTTPConnection("127.0.0.1", self.web_port,
                                          timeout=30)
        try:
            conn.request(method, path, body, headers or {})
            answer = conn.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        finally:
            conn.close()

    def one_click(self, uri):
        """RFC 8058: what a mail provider sends."""
        return self.http("POST", uri, b"List-Unsubscribe=One-Click", {
            "Content-Type": "application/x-www-form-urlencoded"})
