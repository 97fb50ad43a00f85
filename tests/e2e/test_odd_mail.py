"""Bad input is normal input: safe passage or a clear error, no crash."""

import people
import pytest

from harness import messages
from harness.clients import Dialogue
from harness.milterclient import Closed, MilterClient

MEGABYTE = 1 << 20


@pytest.fixture
def tough(new_world):
    world = new_world()
    world.import_csv(people.granted("anna@x.test"))
    world.start()
    workers = world.workers()
    yield world
    # Whatever came, they are the same processes and still answer.
    assert world.workers() == workers, world.milter.output()
    told = world.send("news@acme.example", ["anna@x.test"],
                      messages.newsletter())
    assert told.data[0] == 250, told


def head(body, extra=b""):
    return (b"From: news@acme.example\r\nTo: anna@x.test\r\nSubject: x\r\n" +
            extra + b"\r\n" + body)


ODD = {
    "nuls": head(b"a\0b\0\0c\r\n"),
    "nul-in-header": head(b"x\r\n", b"X-A: a\0b\r\n"),
    "bare-cr": head(b"a\rb\r\rc\r\n"),
    "bare-cr-in-header": head(b"x\r\n", b"X-A: a\rb\r\n"),
    "no-body": b"From: news@acme.example\r\nSubject: x\r\n",
    "empty": b"",
    "only-body": b"\r\nhello\r\n",
    "no-final-newline": head(b"hello"),
    "eight-bit": head(bytes(range(128, 256)) + b"\r\n"),
    "colon-less-header": head(b"x\r\n", b"this is no header\r\n"),
    "ten-content-types": head(b"x\r\n", b"Content-Type: text/plain\r\n" * 10),
    "deep": head(b"".join(
        b'--b%d\r\nContent-Type: multipart/mixed; boundary="b%d"\r\n\r\n' %
        (i, i + 1) for i in range(500)) + b"--b500\r\n\r\nx\r\n",
        b'MIME-Version: 1.0\r\n'
        b'Content-Type: multipart/mixed; boundary="b0"\r\n'),
    "many-parts": head(b"--b\r\n\r\nx\r\n" * 20000 + b"--b--\r\n",
                       b"MIME-Version: 1.0\r\n"
                       b"Content-Type: multipart/mixed; boundary=b\r\n"),
    "long-boundary": head(b"x\r\n", b"MIME-Version: 1.0\r\nContent-Type: "
                          b"multipart/mixed; boundary=" + b"b" * 5000 +
                          b"\r\n"),
    "megabyte-line": head(b"x" * MEGABYTE + b"\r\n"),
    "megabyte-line-html": head(
        b"<html><body>" + b"<p>x</p>" * (MEGABYTE // 8) + b"</body></html>",
        b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n"),
    "megabyte-header": head(b"x\r\n", b"X-A: " + b"x" * MEGABYTE + b"\r\n"),
    "ten-thousand-headers": head(b"x\r\n", b"X-A: b\r\n" * 10000),
    "ten-thousand-list-headers": head(
        b"x\r\n", b"List-Unsubscribe: <https://x/>\r\n" * 3000),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_messages(tough, name):
    """RMIME-1: taken with a way out, or refused clearly; never half done."""
    told = tough.send("news@acme.example", ["anna@x.test", "bob@x.test"],
                      ODD[name])
    assert told.refused == ["bob@x.test"]
    assert told.data[0] in (250, 451, 550, 552, 554), told
    tough.settled()
    if told.data[0] == 250:
        data = tough.sink.to("anna@x.test").data
        assert messages.unsubscribe_uris(data)[0].startswith(tough.base_url)
    else:
        assert tough.sink.delivered == []


@pytest.mark.parametrize("name", ["nuls", "bare-cr", "megabyte-line", "deep"])
def test_odd_messages_of_people_are_left_alone(tough, name):
    """What Postfix makes of them without us, it makes of them with us."""
    told = tough.send("vera@acme.example", ["bob@x.test"], ODD[name])
    assert told.data[0] == 250
    tough.settled()
    data = tough.sink.to("bob@x.test").data
    assert tough.base_url.encode() not in data


def memory(world):
    """Highest resident memory of any worker so far, in octets."""
    highest = 0
    for pid in world.workers():
        with open(f"/proc/{pid}/status") as f:
            highest = max(highest, int(
                f.read().split("VmHWM:")[1].split()[0]) * 1024)
    return highest


def test_twenty_five_megabytes(tough):
    """R5321-7, memory bounded: a body is held about twice at most."""
    tough.send("news@acme.example", ["anna@x.test"], messages.newsletter())
    before = memory(tough)
    body = (b"0123456789" * 7 + b"\r\n") * (25 * MEGABYTE // 72)
    told = tough.send("news@acme.example", ["anna@x.test"], head(body))
    assert told.data[0] == 250, told
    tough.settled()
    mail = tough.sink.all_to("anna@x.test")[-1]
    assert messages.unsubscribe_uris(mail.data)[0]
    assert memory(tough) - before < 120 * MEGABYTE


def test_twenty_five_megabytes_of_service(tough):
    """Not ours: nothing of it is kept."""
    tough.send("shop@acme.example", ["anna@x.test"],
               messages.password_reset())
    before = memory(tough)
    body = (b"0123456789" * 7 + b"\r\n") * (25 * MEGABYTE // 72)
    message = messages.password_reset() + body
    told = tough.send("shop@acme.example", ["bob@x.test"], message)
    assert told.data[0] == 250
    tough.settled()
    assert messages.without_trace(
        tough.sink.to("bob@x.test").data) == message
    assert memory(tough) - before < 60 * MEGABYTE


def test_five_thousand_recipients(tough):
    """Every one decided, every one counted, at the next hop too."""
    # Postfix reads all recipients again for each that is deleted: with half
    # of them gone it would be busy for half a minute.
    yes = [f"r{i}@x.test" for i in range(5000) if i % 10]
    no = [f"r{i}@x.test" for i in range(0, 5000, 10)]
    tough.import_csv(people.granted(*yes))
    tough.import_csv(people.granted(*yes, purpose="acme/offers"))
    # Refused one by one in the dialogue
    told = tough.send("news@acme.example", sorted(yes + no),
                      messages.newsletter())
    assert told.refused == sorted(no)
    assert told.data[0] == 250
    tough.settled()
    assert tough.sink.delivered == sorted(yes)
    # and deleted at the end of the message.
    tough.sink.clear()
    told = tough.send("offers@acme.example", sorted(yes + no),
                      messages.newsletter())
    assert told.data[0] == 250
    tough.settled()
    assert tough.sink.delivered == sorted(yes)
    line = tough.line(tough.queue_id(told))
    assert (line["rcpts"], line["allowed"], line["refused"]) == (
        "5000", "4500", "500")


def test_smtputf8(tough):
    """R6532-1: one person, whichever way the domain is written."""
    tough.import_csv(people.granted("jürgen@bücher.example"))
    with Dialogue(tough.postfix.port("main")) as d:
        d.mail("news@acme.example", "SMTPUTF8")
        assert d.rcpt("jürgen@bücher.example")[0] == 250
        assert d.rcpt("jürgen@xn--bcher-kva.example")[0] == 250
        assert d.rcpt("hans@bücher.example")[0] == 550
        assert d.data(messages.newsletter())[0] == 250
    assert set(tough.settled()) <= {"jürgen@bücher.example",
                                    "jürgen@xn--bcher-kva.example"}
    assert tough.sink.mails != []


def test_garbage_on_the_milter_socket(tough):
    """Whoever may connect may also send rubbish; others are not bothered."""
    for rubbish in (b"", b"\0", b"\0\0\0\0", b"\xff\xff\xff\xffO",
                    b"GET / HTTP/1.0\r\n\r\n", b"\0\0\0\x01Z",
                    b"\0\0\0\x0dO" + b"\xff" * 12):
        client = MilterClient(tough.socket())
        client.sock.sendall(rubbish)
        client.close()
    with MilterClient(tough.socket()) as m:
        m.negotiate()
        m.connect()
        try:
            m.mail("<news@acme.example>")
            m.rcpt("")
            m.rcpt("<>")
            m.rcpt("\0\0")
        except Closed:
            pass


def test_commands_out_of_order(tough):
    """End of message before any recipient, twice, after an abort."""
    for commands in (["eom"], ["mail", "eom"], ["mail", "abort", "eom"],
                     ["data", "eom", "eom"], ["mail", "mail", "rcpt", "eom"]):
        # libmilter answers some of these with silence.
        with MilterClient(tough.socket(), timeout=1) as m:
            m.negotiate()
            m.connect()
            for name in commands:
                try:
                    if name == "mail":
                        m.mail("<news@acme.example>")
                    elif name == "rcpt":
                        m.rcpt("<anna@x.test>")
                    else:
                        getattr(m, name)()
                except (Closed, OSError):
                    break
