"""One of each list header at the next hop, octet by octet, through both MTAs
and in both kinds of transaction."""
import email.header
import re
import smtplib

import people
import pytest

from harness import clients, messages
from harness.dkim import OpenDkim
from harness.sendmail import Sendmail
from harness.sink import Sink

NAME = "Zpravodaj pro všechny Ž"

# Settings of the stream "newsletter", besides the harness' own.
FIELDS = f'''purpose = {{"acme/newsletter"}}
    list-id = "news.acme.example"
    list-name = "{NAME}"
    feedback-id = "spring:newsletter:acme1"
    cfbl-address = "fbl@acme.example; report=arf"'''

ONCE = (b"List-Unsubscribe", b"List-Unsubscribe-Post", b"List-Id",
        b"Feedback-ID", b"CFBL-Address")

# R2369-1: three copies and none, odd case, folded, blanks before the colon
# (RFC 5322, 4.5), 8-bit, empty.  X-* are somebody else's.
ODD = (b"LIST-UNSUBSCRIBE:<https://tool.example/1>\r\n"
       b"X-First: 1\r\n"
       b"list-unsubscribe :\r\n\t<mailto:leave@tool.example>,\r\n"
       b" <https://tool.example/2>\r\n"
       b"List-Unsubscribe\t: <https://t\xfcl.example/>\r\n"
       b"List-Unsubscribe-Post:  List-Unsubscribe=One-Click\r\n"
       b"X-Folded: a\r\n\tb\r\n   c\r\n"
       b"List-ID: <a.tool.example>\r\n"
       b"list-id: Tool <b.tool.example>\r\n"
       b"feedback-id:\r\n"
       b"CFBL-ADDRESS: fbl@tool.example\r\n"
       b"CFBL-Feedback-ID: 17\r\n"
       b"X-Consent-Purpose: acme/newsletter\r\n"
       b"X-Last: 1\r\n")


@pytest.fixture
def listed(new_world):
    """Make a world whose newsletter sets all there is to set."""
    def make(**kw):
        replace = {'purpose = {"acme/newsletter"}': FIELDS,
                   **kw.pop("replace", {})}
        world = new_world(replace=replace, **kw)
        world.import_csv(people.granted("anna@x.test"))
        return world.start()
    return make


def fields(data):
    """[(name, value)] as the wire has them, values with their folds."""
    head = data.partition(b"\r\n\r\n")[0] + b"\r\n"
    return re.findall(rb"(?m)^([!-9;-~]+)[ \t]*:((?:[^\r\n]|\r\n[ \t])*)\r\n",
                      head)


def one_of_each(data, base_url):
    """Every field of ours once, as it must be; returns the others."""
    found = fields(data)
    for name in ONCE:
        assert [n.lower() for n, _ in found].count(name.lower()) == 1, data
    value = dict(found)
    # R8058-1, R2369-2: one https URI, in one piece
    assert re.fullmatch(rb" <" + base_url.encode() + rb"/u/[\w-]+>",
                        value[b"List-Unsubscribe"])
    # R8058-2, R6532-2
    assert data.count(b"\r\nList-Unsubscribe-Post: "
                      b"List-Unsubscribe=One-Click\r\n") == 1
    assert value[b"Feedback-ID"] == b" spring:newsletter:acme1"
    assert value[b"CFBL-Address"] == b" fbl@acme.example; report=arf"
    name, _, rest = value[b"List-Id"].decode("ascii").rpartition(" <")
    assert rest == "news.acme.example>"
    assert str(email.header.make_header(
        email.header.decode_header(name.strip()))) == NAME
    for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        assert len(line) <= 998
    return [(n, v) for n, v in found if n.lower() not in
            {x.lower() for x in ONCE} | {b"received"}]


def others(message):
    mine = {n.lower() for n in ONCE} | {b"x-consent-purpose"}
    return [(n, v) for n, v in fields(message) if n.lower() not in mine]


def sendmail_world(listed, folder):
    world = listed(postfix=False, replace={
        'socket-group = "postfix"': 'socket-mode = "0660"'})
    return world, Sendmail(folder / "sm", world.sink.port, world.socket())


@pytest.mark.parametrize("head", [b"", ODD], ids=["none", "three"])
def test_one_of_each_by_postfix(listed, head):
    """R2369-1, R2919-1, R5322-1, R5322-3."""
    world = listed()
    message = head + messages.newsletter()
    assert world.send("news@acme.example", ["anna@x.test"],
                      message).data[0] == 250
    world.settled()
    data = world.sink.to("anna@x.test").data
    assert one_of_each(data, world.base_url) == others(message)


def test_one_of_each_by_sendmail(listed, folder):
    """The same by the MTA that counts deleted headers otherwise."""
    world, mta = sendmail_world(listed, folder)
    mta.start()
    try:
        message = ODD + messages.newsletter()
        told = clients.submit(mta.port, "news@acme.example", ["anna@x.test"],
                              message)
        assert told.data[0] == 250, told
        mta.settle()
        data = world.sink.to("anna@x.test").data
        assert one_of_each(data, world.base_url) == others(message)
    finally:
        mta.stop()


def submit_utf8(world, message, sender="news@acme.example",
                rcpt="anna@x.test"):
    with smtplib.SMTP("127.0.0.1", world.postfix.port("main")) as smtp:
        smtp.sendmail(sender, [rcpt], message, mail_options=["SMTPUTF8"])
    world.settled()


def test_smtputf8_transaction(listed):
    """R6532-2: the client says SMTPUTF8 and means it; ours stays ASCII."""
    world = listed()
    message = messages.newsletter().replace(
        b"Subject: News of November",
        "Subject: Novinky Žluťoučké".encode())
    submit_utf8(world, message)
    data = world.sink.to("anna@x.test").data
    assert one_of_each(data, world.base_url) == others(message)


def test_smtputf8_reaches_a_hop_without_it(listed):
    """R6532-2: we never make a message need SMTPUTF8 that did not before:
    with raw UTF-8 in a header of ours it would bounce here."""
    world = listed(sink=Sink(smtputf8=False).start())
    submit_utf8(world, messages.newsletter())
    data = world.sink.to("anna@x.test").data
    one_of_each(data, world.base_url)
    assert data.partition(b"\r\n\r\n")[0].isascii()
    world.sink.stop()


def test_all_of_them_are_signed(listed, folder):
    """R6376-1, R8058-11: conf/postfix/opendkim.conf.snippet names them all,
    and one more of any breaks the signature."""
    signer = OpenDkim(folder / "dkim").start()
    try:
        world = listed(after=signer.milter)
        world.send("news@acme.example", ["anna@x.test"],
                   messages.newsletter())
        world.settled()
        data = world.sink.to("anna@x.test").data
        assert signer.verify(data)
        signed = signer.signed_headers(data)
        for name in (n.decode().lower() for n in ONCE):
            assert signed.count(name) == 2, (name, signed)
            assert not signer.verify(f"{name}: x\r\n".encode() + data)
    finally:
        signer.stop()
