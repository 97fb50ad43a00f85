"""What persons ask consent-web for becomes letters, over real Postfix, and
events, whatever dies on the way."""
import email
import email.policy
import fcntl
import os
import random
import re
import signal
import time
import urllib.parse

import people
import pytest

from harness import messages, tokens
from harness.certificates import Authority
from harness.proc import wait_until
from harness.world import PURPOSES, STREAMS

FORM = """\
form "shop" { purpose = {"acme/newsletter", "acme/magazine"} }
"""
NOWHERE = "smtp://127.0.0.1:1"
POST = {"Content-Type": "application/x-www-form-urlencoded"}
SERVICE = """\
stream "letters" {
    type = service
    sender = {"consent@m.acme.example"}
    client = {"127.0.0.1"}
    approved-by = "Test"
}
"""


def mail(more="", submit=NOWHERE):
    return (f'mail {{ domain = "m.acme.example" submit = "{submit}" '
            f'{more} }}\n')


def make(new_world, more="", **kw):
    return new_world(settings=mail(more), purposes=PURPOSES + FORM,
                     streams=SERVICE + STREAMS, **kw)


def hand_in_at(world, port, host="127.0.0.1"):
    world.write_config(world.config.replace(
        NOWHERE, f"smtp://{host}:{port}"))


@pytest.fixture(name="world")
def make_world(new_world):
    world = make(new_world)
    hand_in_at(world, world.postfix.port())
    world.start()
    return world


def subscribe(world, token, address, purposes=("acme/newsletter",),
              language="en", network="192.0.2"):
    body = urllib.parse.urlencode(
        [("form", token), ("email", address), ("website", ""),
         ("act", "subscribe"), *(("purpose", p) for p in purposes)])
    return world.http("POST", f"{world.base_url}/s/shop", body.encode(), {
        **POST, "Accept-Language": language,
        "X-Forwarded-For": f"{network}.7"})


def letter_to(world, address):
    """The first: a killed consent-web may have sent it twice."""
    wait_until(f"a letter to {address}", lambda: world.sink.all_to(address))
    return email.message_from_bytes(world.sink.all_to(address)[0].data,
                                    policy=email.policy.default)


def link_in(letter, place):
    text = letter.get_body(("plain",)).get_content()
    link = re.search(rf"https://\S+/{place}/\S+", text)[0]
    assert link in letter.get_body(("html",)).get_content()
    return link


def press(world, link, button):
    return world.http("POST", link, button.encode(), POST)


def history(world, address):
    return [(e["type"], e["purpose"]) for e in world.ctl_json(
        "history", address)["events"]]


def test_a_letter_asks(world):
    """DOI-1, DOI-2, DE-2, R8058-15: nothing but what was asked for, in the
    language of the page; nothing else is mailed until the button was pressed,
    and then at once."""
    token = tokens.form(world, "s/shop")
    answer = subscribe(world, token, "anna@x.test",
                       ["acme/newsletter", "acme/magazine"], "cs")
    assert answer.status == 200
    letter = letter_to(world, "anna@x.test")
    assert letter["From"] == "Acme GmbH <consent@m.acme.example>"
    assert letter["To"] == "anna@x.test"
    assert letter["Subject"].startswith("Potvrďte prosím")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Content-Language"] == "cs"
    assert letter["Message-ID"].endswith("@m.acme.example>")
    assert not [n for n in letter.keys() if n.startswith("List-")]
    assert not letter.defects
    text = letter.get_body(("plain",)).get_content()
    assert "Zpravodaj Acme" in text and "Magazine" in text
    assert "<img" not in letter.get_body(("html",)).get_content()
    assert max(map(len, world.sink.to("anna@x.test").data.split(b"\n"))) < 80
    assert world.sink.to("anna@x.test").sender == "consent@m.acme.example"
    refused = world.send("news@acme.example", "anna@x.test",
                         messages.newsletter())
    assert refused.rcpts["anna@x.test"][0] == 550
    link = link_in(letter, "c")
    assert world.http("GET", link).status == 200
    assert world.why("anna@x.test", "newsletter")[0] == "refuse"
    assert press(world, link, "act=confirm").status == 200
    wait_until("the confirmation", lambda: world.why(
        "anna@x.test", "newsletter")[0] == "allow")
    assert press(world, link, "act=confirm").status == 200
    told = world.send("news@acme.example", "anna@x.test",
                      messages.newsletter())
    assert told.accepted == ["anna@x.test"]
    assert history(world, "anna@x.test") == [
        (t, p) for t in ("requested", "confirmed")
        for p in ("acme/newsletter", "acme/magazine")]


def test_i_did_not_ask(world):
    """DOI-5: then no form makes us write to them again; what they had stays."""
    token = tokens.form(world, "s/shop")
    subscribe(world, token, "anna@x.test")
    link = link_in(letter_to(world, "anna@x.test"), "c")
    assert press(world, link, "act=cancel").status == 200
    wait_until("the cancellation", lambda: ("corrected", "acme/newsletter") in
               history(world, "anna@x.test"))
    world.sink.clear()
    subscribe(world, token, "anna@x.test", ["acme/magazine"])
    subscribe(world, token, "bob@x.test")
    letter_to(world, "bob@x.test")
    assert world.sink.all_to("anna@x.test") == []
    press(world, link, "act=confirm")
    subscribe(world, token, "carl@x.test")
    letter_to(world, "carl@x.test")
    assert world.why("anna@x.test", "newsletter")[0] == "refuse"


def test_a_list_bomb(world):
    """DOI-5: one letter however often an address is typed, thirty for one
    network, one answer and the same for everybody (DOI-4)."""
    token = tokens.form(world, "s/shop")
    pages = {subscribe(world, token, "anna@x.test").body for _ in range(5)}
    pages |= {subscribe(world, token, f"p{n}@x.test").body for n in range(32)}
    pages |= {subscribe(world, token, "bob@x.test", network="10.1.1").body}
    assert len(pages) == 1
    letter_to(world, "bob@x.test")
    wait_until("all is done", lambda: world.web.output().count(
        "act: kind=request") == 38)
    assert len(world.sink.all_to("anna@x.test")) == 1
    assert len(re.findall(r"act: .* outcome=asked",
                          world.web.output())) == 31
    assert world.ctl("show", "p31@x.test", ok=False).returncode == 1
    assert "@x.test" not in world.web.output()


def test_whose_address_is_no_good(new_world):
    """RFC 3463: what a server says of the recipient ends a letter, what it
    says of us (5.1.0, 5.1.7, 5.1.8) does not."""
    world = make(new_world)
    hand_in_at(world, world.sink.port)
    says = {"gone@x.test": "550 5.1.1 No such user here",
            "null@x.test": "556 5.1.10 Domain does not accept mail",
            "other@x.test": "550 5.1.0 Sender address rejected",
            "syntax@x.test": "553 5.1.7 Sender address rejected",
            "domain@x.test": "550 5.1.8 Sender address rejected"}
    world.sink.rcpt_reply.update(says)
    world.start()
    token = tokens.form(world, "s/shop")
    for who, reply in says.items():
        ours = "Sender" in reply
        result = f"result={'later' if ours else 'no-address'}"
        before = world.web.output().count(result)
        subscribe(world, token, who)
        wait_until(f"{result} for {who}", lambda: world.web.output().count(
            result) > before)
    assert "@x.test" not in world.web.output()


def test_erased_and_back(new_world):
    """Erasure lasts until the person asks again; who then does not confirm
    goes again, address and all (DOI-3, FR-2)."""
    world = make(new_world)
    world.write_config(world.config + 'retention { unconfirmed = "1s" }\n')
    hand_in_at(world, world.postfix.port())
    world.import_csv(people.granted("anna@x.test", "bob@x.test"))
    for who in ("anna@x.test", "bob@x.test"):
        world.ctl("erase", who, "--yes")
    world.start()
    token = tokens.form(world, "s/shop")
    for who in ("anna@x.test", "bob@x.test"):
        subscribe(world, token, who)
    assert world.why("anna@x.test", "newsletter") == ("refuse", "erased")
    press(world, link_in(letter_to(world, "anna@x.test"), "c"), "act=confirm")
    letter_to(world, "bob@x.test")
    wait_until("the confirmation", lambda: world.why(
        "anna@x.test", "newsletter")[0] == "allow")
    time.sleep(1.1)
    assert world.ctl_json("retention", ok=True)["unconfirmed"] == 1
    kept = [world.ctl_json("access", who)["email_kept"] is not None
            for who in ("anna@x.test", "bob@x.test")]
    assert kept == [True, False]
    assert world.why("anna@x.test", "newsletter")[0] == "allow"


@pytest.fixture(name="tls")
def make_tls(new_world, folder):
    """Postfix that knows STARTTLS, one that does not, and one with somebody
    else's certificate."""
    good, other = Authority(folder / "good", "root"), Authority(
        folder / "other", "root")
    good.issue("localhost")
    other.issue("localhost")
    world = make(new_world, f'submit-tls = required '
                 f'submit-ca = "{good.root}"', postfix={
        "milters": {"good": "", "plain": "", "wrong": ""},
        "main": {"smtpd_tls_cert_file": good.chain,
                 "smtpd_tls_key_file": good.key,
                 "smtpd_tls_received_header": "yes"},
        "options": {
            "good": ["-o", "smtpd_tls_security_level=may"],
            "plain": ["-o", "smtpd_tls_security_level=none"],
            "wrong": ["-o", "smtpd_tls_security_level=may",
                      "-o", f"smtpd_tls_cert_file={other.chain}",
                      "-o", f"smtpd_tls_key_file={other.key}"]}})
    return world


def test_no_letter_without_tls(tls):
    """PEER: what goes over a network goes to the right server, encrypted, or
    waits; and leaves when that server is there."""
    text = tls.config
    for n, (port, why) in enumerate([("plain", "STARTTLS"),
                                     ("wrong", "certificate")]):
        tls.write_config(text)
        hand_in_at(tls, tls.postfix.port(port), "localhost")
        if n == 0:
            tls.start()
            token = tokens.form(tls, "s/shop")
        else:
            tls.web.signal(signal.SIGHUP)
            wait_until("the reload", lambda: "reloaded" in tls.web.output())
        before = tls.web.output().count("result=later")
        subscribe(tls, token, f"p{n}@x.test")
        wait_until("a failure", lambda: tls.web.output().count(
            "result=later") > before)
        assert why in tls.web.output()
    assert tls.sink.seen_rcpts == []
    tls.write_config(text)
    hand_in_at(tls, tls.postfix.port("good"), "localhost")
    tls.web.signal(signal.SIGHUP)
    for n in range(2):
        assert re.search(rb"with ESMTPS id",
                         tls.sink.to(f"p{n}@x.test").data)
    assert "@x.test" not in tls.web.output()


class Stalls(dict):
    """Replies to RCPT; with the first, nobody can write the queue any more."""

    def __init__(self, lock):
        super().__init__()
        self.lock = lock

    def get(self, key, default=None):
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        return super().get(key, default)


def test_once_though_the_queue_stalls(new_world):
    """DOI-4: a letter that left while the queue could not be written is not
    sent again for that; and the next one leaves when it can be."""
    world = make(new_world, postfix=False)
    hand_in_at(world, world.sink.port)
    world.start()
    token = tokens.form(world, "s/shop")
    assert world.http("GET", f"{world.base_url}/s/shop").status == 200
    with open(world.dir / "store/web/writer.lock", "rb") as lock:
        world.sink.rcpt_reply = Stalls(lock)
        assert subscribe(world, token, "anna@x.test").status == 200
        wait_until("the queue is missed", lambda:
                   "letters cannot be sent now" in world.web.output())
        world.sink.rcpt_reply = {}
    assert subscribe(world, token, "bea@x.test").status == 200
    letter_to(world, "bea@x.test")
    assert len(world.sink.all_to("anna@x.test")) == 1


def test_killed_on_the_way(world):
    """D7, DOI-1: whatever was answered with 200 is done, once, wherever
    consent-web died."""
    # One domain gets 300 letters an hour (policy/limits.c).
    rounds = 280 if os.environ.get("CM_LONG") else 20
    chance = random.Random(int(os.environ.get("CM_SEED", "5")))
    token = tokens.form(world, "s/shop")
    asked, links = [], {}
    for n in range(rounds):
        address = f"p{n}@x.test"
        answers = [subscribe(world, token, address,
                             network=f"10.{n // 250}.{n % 250}")]
        if n % 2 and asked:
            answers.append(press(world, link_in(letter_to(
                world, asked[-1]), "c"), "act=confirm"))
            links[asked[-1]] = True
        asked.append(address)
        assert [a.status for a in answers] == [200] * len(answers)
        time.sleep(chance.random() * 0.04)
        world.web.signal(signal.SIGKILL)
        world.web.popen.wait()
        world.start_web()
    letters = {a: {email.message_from_bytes(m.data)["Message-ID"]
                   for m in world.sink.all_to(a)} for a in asked
               if letter_to(world, a)}
    assert all(len(names) == 1 for names in letters.values())
    wait_until("nothing waits", lambda: all(
        ("confirmed", "acme/newsletter") in history(world, a)
        for a in links))
    for address in asked:
        assert history(world, address) == [
            (t, "acme/newsletter") for t in ["requested"]
            + ["confirmed"] * (address in links)]
