"""The API of consent-web for programs, as shops and CRMs use it
(consent-web-api(7)): over HTTP, to the answer of Postfix."""
import concurrent.futures
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import test_letters as letters

from harness import messages
from harness.proc import wait_until
from harness.world import REPO

NOTICE = "Yes, send me the Acme newsletter."
RIGHTS = "grant,request,withdraw,look-up"


def ago(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ",
                         time.gmtime(time.time() - seconds))


class Shop:
    """A program with a key."""

    def __init__(self, world, name="shop", may=RIGHTS, purposes=()):
        self.world = world
        only = ["--purpose", *purposes] if purposes else []
        self.secret = world.ctl_json("api-key", "add", name, "--may", may,
                                     *only)["secret"]

    def raw(self, name, body, **headers):
        sent = {"Authorization": f"Bearer {self.secret}",
                "Content-Type": "application/json"}
        sent.update({k.replace("_", "-"): v for k, v in headers.items()})
        return self.world.http(
            "POST", f"{self.world.base_url}/api/v1/{name}", body,
            {k: v for k, v in sent.items() if v is not None})

    def call(self, name, status=200, **members):
        answer = self.raw(name, json.dumps(members).encode())
        assert answer.status == status, answer.text
        kind = "json" if status < 300 else "problem+json"
        assert answer.headers["Content-Type"] == f"application/{kind}"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
        assert not [h for h in answer.headers if h.startswith("Access-")]
        told = json.loads(answer.text)
        if status >= 300:
            assert told["status"] == status and told["title"]
        return told

    def grant(self, address, status=200, purposes=("acme/newsletter",), **kw):
        members = {"source": "order", "at": ago(60), "notice": NOTICE, **kw}
        if "notice_sha256" in kw:
            del members["notice"]
        return self.call("grants", status, address=address,
                         purposes=list(purposes), **members)


def reload(world, says="configuration reloaded"):
    before = world.web.output().count(says)
    world.web.signal(signal.SIGHUP)
    wait_until(says, lambda: world.web.output().count(says) > before)


@pytest.fixture(name="api")
def make_api(new_world):
    world = new_world(postfix=False)
    shop = Shop(world)
    world.start_web()
    return shop


def test_to_the_mta(world):
    """A grant opens the door and a withdrawal closes it, at once."""
    shop = Shop(world)
    world.start()

    def told(address="anna@x.test"):
        return world.send("news@acme.example", [address],
                          messages.newsletter()).rcpts[address][0]

    assert told() == 550
    shop.grant("anna@x.test")
    assert told() == 250
    assert shop.call("withdrawals", address="anna@x.test")["recorded"] == 1
    assert told() == 550
    assert shop.grant("anna@x.test", 409)["code"] == "withdrawn"
    assert told() == 550


def test_a_request_ends_in_a_confirmation(new_world):
    """DOI-1, DOI-4: the letter has what was asked for, in that language; who
    refused gets the same answer.  The person's button counts where a grant of
    ours does not, and even after they had left."""
    world = letters.make(new_world)
    letters.hand_in_at(world, world.postfix.port())
    shop = Shop(world)
    world.start()
    ask = {"purposes": ["acme/magazine"], "source": "order",
           "language": "cs", "notice": NOTICE, "evidence": {"order": 4711}}
    shop.call("withdrawals", address="anna@x.test")
    told = shop.grant("anna@x.test", 409, ["acme/magazine"])
    assert told["code"] == "withdrawn"
    for address in ("anna@x.test", "never-heard-of@x.test"):
        assert shop.call("requests", 202, address=address,
                         **ask) == {"status": "asked"}
    letter = letters.letter_to(world, "anna@x.test")
    assert letter["Content-Language"] == "cs"
    assert "Magazine" in letter.get_body(("plain",)).get_content()
    assert world.why("anna@x.test", "magazine")[0] == "refuse"
    letters.press(world, letters.link_in(letter, "c"), "act=confirm")
    wait_until("the confirmation", lambda: world.why(
        "anna@x.test", "magazine")[0] == "allow")
    events = world.ctl_json("history", "anna@x.test")["events"]
    asked, confirmed = (next(e for e in events if e["type"] == kind)
                        for kind in ("requested", "confirmed"))
    assert asked["channel"] == "api" and asked["source"] == "order"
    assert confirmed["actor"] == "person" and confirmed["proven"] is True


def test_what_is_recorded(api):
    """By the key, on what was shown, with its evidence; never the person's
    own word, so a double opt-in stays open."""
    told = api.grant("Anna <anna@x.test>", purposes=[
        "acme/newsletter", "acme/magazine"], language="cs",
        evidence={"order": 4711})
    assert told["recorded"] == 2
    assert told["purposes"]["acme/newsletter"]["allowed"] is True
    assert told["purposes"]["acme/magazine"]["state"] == "unconfirmed"
    shown = api.world.ctl_json("show", "anna@x.test")
    assert api.call("lookups", address="ANNA@x.test") == shown
    history = api.world.ctl_json("history", "anna@x.test")["events"]
    assert [(e["type"], e["actor"], e["who"], e["channel"])
            for e in history] == [("granted", "admin", "shop", "api")] * 2
    folder = api.world.dir / "evidence"
    api.world.ctl("evidence", "anna@x.test", "-o", folder)
    record = (folder / "record.json").read_text()
    assert NOTICE in record and '\\"order\\":4711' in record
    assert '\\"network\\":\\"127.0.0.0/24\\"' in record
    log = api.world.web.output()
    assert "x.test" not in log and api.secret not in log
    assert f"contact={shown['contact']}" in log and "key=shop" in log


def test_the_text_is_kept_once(api):
    """Its hash will do from then on; an unknown one will not."""
    told = api.grant("anna@x.test", 422, notice_sha256="0" * 64)
    assert told["field"] == "notice_sha256"
    api.grant("anna@x.test")
    event = api.world.ctl_json("history", "anna@x.test")["events"][0]
    assert api.grant("bob@x.test",
                     notice_sha256=event["notice"])["recorded"] == 1


def test_keys_come_and_go_with_a_reload(api):
    world = api.world
    crm = Shop(world, "crm", "look-up", ["acme/offers"])
    assert crm.call("lookups", 401, address="a@x.test")["code"] == "no-key"
    reload(world)
    told = crm.call("lookups", address="a@x.test")
    assert list(told["purposes"]) == ["acme/offers"]
    assert crm.call("withdrawals", 403,
                    address="a@x.test")["code"] == "right-missing"
    world.ctl("api-key", "remove", "crm")
    crm.call("lookups", address="a@x.test")
    reload(world)
    crm.call("lookups", 401, address="a@x.test")
    keys = world.dir / "keys" / "api"
    keys.write_text(keys.read_text() + "nonsense\n")
    reload(world, "reload failed, the old configuration stays")
    assert "line 2 is not" in world.web.output()
    api.call("lookups", address="a@x.test")


def test_a_busy_ledger(api):
    """Grants are told to come again, at once when many are; withdrawals and
    look-ups never wait."""
    path = api.world.dir / "store/store/writer.lock"
    with open(path, "r+b") as lock, \
            concurrent.futures.ThreadPoolExecutor(12) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        grants = [pool.submit(api.grant, f"g{n}@x.test", 503)
                  for n in range(12)]
        assert api.call("withdrawals",
                        address="anna@x.test")["recorded"] == 1
        assert {g.result()["code"] for g in grants} == {"busy"}
        answer = api.raw("grants", json.dumps({
            "address": "anna@x.test", "purposes": ["acme/newsletter"],
            "source": "order", "at": ago(60), "notice": NOTICE}))
        assert int(answer.headers["Retry-After"]) > 0
        assert api.world.why("anna@x.test", "newsletter")[1] == "withdrawn"
    wait_until("the gate is open", lambda: api.raw("grants", json.dumps({
        "address": "bob@x.test", "purposes": ["acme/newsletter"],
        "source": "order", "at": ago(60),
        "notice": NOTICE})).status == 200)


def test_many_at_once(api):
    """Whoever is told to come again and does is recorded, once."""
    def insist(number):
        for _ in range(50):
            answer = api.raw("grants", json.dumps({
                "address": f"p{number % 16}@x.test",
                "purposes": ["acme/newsletter"], "source": "order",
                "at": "2026-01-31T12:00:00Z", "notice": NOTICE}))
            if answer.status == 200:
                return json.loads(answer.text)["recorded"]
            assert answer.status == 503
            time.sleep(0.1)
        raise AssertionError("never recorded")

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(insist, range(32))) == 16
    assert api.world.ctl_json("status")["events"] == 16


def test_bodies(api):
    """As long as may be, a little longer, far too long, in chunks."""
    body = json.dumps({"address": "anna@x.test"}).encode()
    room = 64 * 1024 - len(body)
    assert api.raw("lookups", body + b" " * room).status == 200
    assert api.raw("lookups", iter([body[:5], body[5:]])).status == 200
    for extra in (1, 10_000_000):
        answer = api.raw("lookups", body + b" " * (room + extra)
                         if extra == 1 else body,
                         **({} if extra == 1 else
                            {"Content_Length": str(extra)}))
        assert answer.status == 413, answer.text
    assert api.raw("lookups", body, Authorization=None).status == 401
    assert api.raw("lookups", body, Content_Type=None).status == 415
    url = f"{api.world.base_url}/api/v1/lookups"
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = api.world.http(method, url)
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST, OPTIONS"
    answer = api.world.http("OPTIONS", url, headers={
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST"})
    assert answer.status == 204
    assert not [h for h in answer.headers if h.startswith("Access-")]


def examples():
    """The literal blocks of the manual, as a reader would copy them."""
    page = (REPO / "web" / "consent-web-api.7").read_text()
    blocks = re.findall(r"(?s)\.Bd -literal[^\n]*\n(.*?)\.Ed\n", page)
    return [block.replace("\\e\n", "\\\n") for block in blocks]


def test_the_examples_of_the_manual(api):
    assert shutil.which("curl")
    shell, stop, python = (
        e.replace(api.world.base_url,
                  f"http://127.0.0.1:{api.world.web_port}")
        for e in examples())

    def run(*command):
        return subprocess.run(command, capture_output=True, text=True,
                              timeout=60, check=True,
                              env={**os.environ,
                                   "SECRET": api.secret}).stdout

    assert json.loads(run("sh", "-c", shell))["purposes"][
        "acme/newsletter"]["allowed"] is True
    assert json.loads(run("sh", "-c", stop))["recorded"] == 1
    recorded, purposes = run(sys.executable, "-c", python).splitlines()
    assert recorded == "0" and "withdrawn" in purposes
