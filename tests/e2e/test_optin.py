"""Streams of type optin, over real Postfix: the letter that asks people to
confirm goes to who asked for it at a form, and to nobody else."""
import people
import pytest
from test_letters import (FORM, hand_in_at, letter_to, link_in, mail, press,
                          subscribe)

from harness import messages, tokens
from harness.proc import wait_until
from harness.world import PURPOSES, STREAMS

FROM = "consent@m.acme.example"
OPTIN = f"""\
stream "confirm" {{
    type = optin
    sender = {{"{FROM}"}}
    client = {{"127.0.0.1"}}
}}
"""
REFUSED = (550, "5.7.1 No consent on record for this recipient")
OBJECTED = ("email,purpose,status,source,time\n"
            "olga@x.test,acme/newsletter,objected,web-form,"
            "2026-01-01T00:00:00Z\n"
            "petr@x.test,acme/newsletter,pending,web-form,"
            "2026-11-21T00:00:00Z\n")


@pytest.fixture(name="world")
def make_world(new_world):
    world = new_world(settings=mail(), purposes=PURPOSES + FORM,
                      streams=OPTIN + STREAMS)
    hand_in_at(world, world.postfix.port("marketing"))
    world.import_csv(people.granted("gita@x.test"))
    world.import_csv(OBJECTED)
    return world.start()


def letter(world, *rcpts):
    """The same mail from somewhere else: what is refused, and why."""
    told = world.send(FROM, list(rcpts),
                      messages.plain(FROM, rcpts[0], "https://x/c/T\n"))
    return {r: told.rcpts[r] for r in rcpts}, told.data


def log_has(world, *words):
    wait_until(" ".join(words), lambda: any(
        all(w in line for w in words)
        for line in world.milter_log().splitlines()))


def test_who_asked_gets_the_letter(world):
    """DOI-3, DOI-5, R8058-15, AT-HONDA: on a listener where unknown mail is
    marketing, whoever objected before; and not after they answered."""
    token = tokens.form(world, "s/shop")
    links = {}
    for who in ["anna@x.test", "olga@x.test"]:
        subscribe(world, token, who)
        got = letter_to(world, who)
        assert "List-Unsubscribe" not in got
        links[who] = link_in(got, "c")
    log_has(world, "stream=confirm type=optin", "result=accepted", "allowed=1")
    # Nobody else: on no list, on one as pending, on one with a consent.
    for who in ["eve@x.test", "petr@x.test", "gita@x.test"]:
        assert letter(world, who)[0] == {who: REFUSED}
    log_has(world, "refused", "reason=no-request", "stream=confirm")
    # An open request lets one letter more go (we try again), to one person.
    rcpts, data = letter(world, "anna@x.test")
    assert rcpts["anna@x.test"][0] == 250 and data[0] == 250
    rcpts, data = letter(world, "anna@x.test", "olga@x.test")
    assert rcpts["olga@x.test"] == REFUSED and data[0] == 550
    # Confirmed, cancelled: no more.
    for who, act, reason in [("anna@x.test", "confirm", "request-confirmed"),
                             ("olga@x.test", "cancel", "no-request")]:
        press(world, links[who], f"act={act}")
        wait_until(reason, lambda: world.why(who, "confirm")[1] == reason)
        assert letter(world, who)[0] == {who: REFUSED}
    assert world.why("anna@x.test", "newsletter")[0] == "allow"
    assert world.why("olga@x.test", "newsletter")[0] == "refuse"
