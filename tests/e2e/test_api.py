"""The API of consent-web for programs, as shops and CRMs use it
(consent-web-api(7)): over HTTP, to the answer of Postfix."""
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import people
import pytest

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


def reload(world):
    world.web.signal(1)
    before = world.web.output().count("configuration reloaded")
    wait_until("reload", lambda: world.web.output().count(
        "configuration reloaded") > before - 1 and
        "configuration reloaded" in world.web.output())


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
