"""consentctl try says the very bytes that Postfix and the daemon deliver."""
import os
import pathlib
import shutil
import tempfile

import people
import pytest

from harness import messages
from harness.world import REPO, World

CORPUS = REPO / "tests" / "corpus"

# What Postfix adds to a message that has it not, when it comes from a client
# of its own network.
HEAD = (b"From: Acme <news@acme.example>\r\nTo: anna@x.test\r\n"
        b"Date: Sat, 21 Nov 2026 10:00:00 +0100\r\n"
        b"Message-ID: <%s@acme.example>\r\n")
THEIRS = (b"from", b"to", b"date", b"message-id", b"bcc", b"return-path",
          b"received")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """One world for all messages: Postfix, the daemon, and our link."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cm-e2e-"))
    folder.chmod(0o711)
    world = World(folder / "w").init()
    world.import_csv(people.granted("anna@x.test"))
    world.start()
    try:
        world.link = link_of(delivered(world, messages.newsletter()))
        yield world
    finally:
        world.stop()
        shutil.rmtree(folder, ignore_errors=True)


def delivered(world, message):
    world.sink.clear()
    told = world.send("news@acme.example", ["anna@x.test"], message)
    assert told.data[0] == 250, told
    world.settled()
    return messages.without_trace(world.sink.to("anna@x.test").data)


def link_of(data):
    """Our own List-Unsubscribe.  A message that brings it keeps its link,
    and then the footer's link is known, too: no run has another one."""
    return data[data.index(b"List-Unsubscribe: "):].partition(b"\r\n")[0]


def tried(world, message):
    file = world.dir / "try.eml"
    file.write_bytes(message)
    return world.ctl("try", file, "--from", "news@acme.example", "--rcpt",
                     "anna@x.test").stdout


def corpus_message(path, link):
    """As a tool would hand it in: complete, and with our link."""
    data = path.read_bytes()
    if b"\r\n" not in data:
        data = data.replace(b"\n", b"\r\n")
    head, _, body = data.partition(b"\r\n\r\n")
    kept = []
    skip = False
    for line in head.split(b"\r\n"):
        if not line.startswith((b" ", b"\t")):
            skip = line.partition(b":")[0].strip().lower() in THEIRS
        if not skip:
            kept.append(line)
    return (HEAD % path.stem.encode() + link + b"\r\n" +
            b"".join(line + b"\r\n" for line in kept) + b"\r\n" + body)


@pytest.mark.parametrize("more", [
    b"",
    b"LIST-UNSUBSCRIBE : <https://tool.example/>\r\nX-A: 1\r\n"
    b"list-unsubscribe-post:\tx\r\n",
    b"X-Folded: a\r\n\tb\r\nX-Eight: \xfc\r\nX-Consent-Purpose: x\r\n",
], ids=["plain", "list", "odd"])
def test_bytes_of_a_newsletter(desk, more):
    message = desk.link + b"\r\n" + more + messages.newsletter()
    assert tried(desk, message) == delivered(desk, message)


def is_mail(path):
    """Not what Postfix mends on its own: long lines, bare CR and LF, NUL."""
    data = path.read_bytes()
    return (len(data) < 200000 and b"\0" not in data and
            b"\r" not in data.replace(b"\r\n", b"") and
            b"\n" not in data.replace(b"\r\n", b"") and
            data.endswith(b"\r\n") and b"\r\n\r\n" in data and
            max(map(len, data.split(b"\r\n"))) <= 990)


def test_bytes_of_the_corpus(desk):
    """Every third trap of tests/corpus, in the nightly run every one."""
    step = 1 if os.environ.get("CM_LONG") else 3
    paths = [p for p in sorted(CORPUS.glob("*.eml")) if is_mail(p)][::step]
    assert len(paths) > 30
    differ = []
    for path in paths:
        message = corpus_message(path, desk.link)
        if tried(desk, message) != delivered(desk, message):
            differ.append(path.stem)
    assert differ == []
