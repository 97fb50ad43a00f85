"""Mail whose body must stay: signed and encrypted for real, and what real
programs say of it before and after."""
import re
import shutil

import dkim
import people
import pytest

from harness import clients, messages
from harness.dkim import OpenDkim
from harness.proc import run, wait_until
from harness.sendmail import Sendmail
from harness.world import MILTER_USER, program

HEAD = ("From: news@acme.example\nTo: anna@x.test\nSubject: x\n"
        "Date: Sat, 21 Nov 2026 10:00:00 +0100\n"
        "Message-ID: <m@acme.example>\n")
ENTITY = (b"Content-Type: text/plain; charset=utf-8\r\n"
          b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
          b"Gr=C3=BC=C3=9Fe, boots are cheap. \t=\r\n\r\n  Bye\r\n")
LETTER = b"Boots are half the price.\r\n- dashes\r\n\r\nBye\r\n"


def world_with(new_world, settings, more="", **kw):
    world = new_world(replace={
        'sender = {"news@acme.example"}':
        'sender = {"news@acme.example"}\n    ' + settings},
        settings=more, **kw)
    world.import_csv(people.granted("anna@x.test"))
    return world.start()


def sent(world, message):
    """(what arrived, the line of the log)"""
    told = world.send("news@acme.example", ["anna@x.test"], message)
    assert told.data[0] == 250, told
    world.settled()
    return (messages.without_trace(world.sink.to("anna@x.test").data),
            world.line(world.queue_id(told)))


def inner(data):
    """The first part of a wrapped message, as a message of its own."""
    head, _, body = data.partition(b"\r\n\r\n")
    boundary = re.search(rb'boundary="(=_cm_[0-9a-f]+)"', head)[1]
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert len(parts) == 4 and parts[3] == b"--\r\n", parts
    return b"X-First: 1\r\n" + parts[1][2:]


# ---- signers that are not ours ---------------------------------------------

class Smime:
    def __init__(self, folder):
        self.dir = folder / "smime"
        self.dir.mkdir()
        self.key, self.cert = self.dir / "key", self.dir / "cert"
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-subj", "/CN=Acme/emailAddress=news@acme.example", "-days", "9",
             "-keyout", self.key, "-out", self.cert])

    def sign(self, *args):
        (self.dir / "entity").write_bytes(ENTITY)
        text = run(["openssl", "cms", "-sign", "-crlfeol", "-binary", "-md",
                    "sha256", "-in", self.dir / "entity", "-signer",
                    self.cert, "-inkey", self.key, *args]).stdout
        return HEAD.replace("\n", "\r\n").encode() + messages.crlf(text)

    def verified(self, data):
        """What was signed, if the signature holds."""
        file = self.dir / "received.eml"
        file.write_bytes(data)
        return run(["openssl", "cms", "-verify", "-in", file, "-CAfile",
                    self.cert, "-purpose", "any"]).stdout


class SmimeOpaque(Smime):
    def sign(self):
        return super().sign("-nodetach")


class Gpg:
    def __init__(self, folder):
        self.dir = folder / "gpg"
        self.dir.mkdir(mode=0o700)
        self._gpg("--passphrase", "", "--quick-gen-key", "news@acme.example",
                  "ed25519", "sign", "never")

    def _gpg(self, *args, **kw):
        return run(["gpg", "--homedir", self.dir, "--batch", "-q", *args],
                   **kw)

    def close(self):
        run(["gpgconf", "--homedir", self.dir, "--kill", "all"])


class PgpMime(Gpg):
    def sign(self):
        signature = self._gpg("--armor", "--detach-sign", input=ENTITY,
                              stdin=None).stdout
        return (messages.crlf(HEAD) +
                b"MIME-Version: 1.0\r\nContent-Type: multipart/signed; "
                b"micalg=pgp-sha512;\r\n"
                b"\tprotocol=\"application/pgp-signature\"; boundary=\"s\"\r\n"
                b"\r\n--s\r\n" + ENTITY + b"\r\n--s\r\n"
                b"Content-Type: application/pgp-signature\r\n\r\n" +
                messages.crlf(signature) + b"\r\n--s--\r\n")

    def verified(self, data):
        parts = re.split(rb"\r\n--s(?:--)?\r\n", data)
        (self.dir / "sig").write_bytes(parts[2].partition(b"\r\n\r\n")[2])
        (self.dir / "data").write_bytes(parts[1])
        self._gpg("--verify", self.dir / "sig", self.dir / "data")
        return parts[1]


class PgpInline(Gpg):
    def sign(self):
        text = self._gpg("--clearsign", input=LETTER, stdin=None).stdout
        return messages.crlf(HEAD) + b"\r\n" + messages.crlf(text)

    def verified(self, data):
        return self._gpg("--decrypt", input=data.partition(b"\r\n\r\n")[2],
                         stdin=None).stdout


SIGNERS = {"smime": (Smime, "signed"), "smime-opaque": (SmimeOpaque, "smime"),
           "pgp-mime": (PgpMime, "signed"), "pgp-inline": (PgpInline, "pgp")}


@pytest.mark.parametrize("name", SIGNERS)
def test_signatures_hold(new_world, folder, name):
    """R1847-1, R8551-1, RPGP-1, R5322-5: before = after, the list headers on
    top; wrapped: the same of the first part, and a footer beside it."""
    kind, word = SIGNERS[name]
    signer = kind(folder)
    message = signer.sign()
    before = signer.verified(message)
    # Twins of one program, so that one Postfix is enough.
    world = world_with(new_world, 'uneditable = headers-only')
    data, line = sent(world, message)
    assert line["edit"] == word and line["result"] == "accepted"
    assert data.endswith(message)
    assert signer.verified(data) == before
    assert messages.unsubscribe_uris(data)[0]
    world.sink.clear()
    world.write_config(world.config.replace("headers-only", "wrap"))
    world.restart_milter()
    data, line = sent(world, message)
    assert (line["edit"], line["word"]) == ("wrapped", word)
    assert signer.verified(inner(data)) == before
    root = messages.parse(data)
    footer = root.get_payload()[1]
    assert root.get_content_type() == "multipart/mixed" and not root.defects
    assert world.base_url in footer.get_content()
    assert footer.get_content_charset() == "utf-8"
    # Through us once more: nothing to do (RMIME-11).
    world.sink.clear()
    again, line = sent(world, data)
    assert again == data and line["edit"] == "headers"
    if hasattr(signer, "close"):
        signer.close()


# ---- hold ------------------------------------------------------------------

PGP = "\n-----BEGIN PGP MESSAGE-----\n\nx\n-----END PGP MESSAGE-----\n"


def test_held_in_postfix(new_world):
    """The refused are out of it; who releases it delivers it as it is."""
    world = world_with(new_world, "uneditable = hold", postfix={
        "main": {"smtpd_delay_reject": "no"}})
    world.ctl("withdraw", "anna@x.test")
    world.import_csv(people.granted("bob@x.test", "carl@x.test"))
    told = world.send("news@acme.example",
                      ["bob@x.test", "anna@x.test", "carl@x.test"],
                      messages.crlf(HEAD + PGP))
    assert told.refused == ["anna@x.test"] and told.data[0] == 250
    queue_id = world.queue_id(told)
    line = world.line(queue_id)
    assert (line["result"], line["edit"]) == ("held", "pgp")
    (held,) = world.settled() or world.postfix.queue_json()
    assert held["queue_name"] == "hold"
    assert sorted(r["address"] for r in held["recipients"]) == [
        "bob@x.test", "carl@x.test"]
    # Postfix does not keep our reason; our own line has it.
    assert f"{queue_id}: milter-hold: " in world.postfix.log()
    assert world.sink.delivered == []
    # What can be edited is not held.
    world.send("news@acme.example", ["bob@x.test"], messages.newsletter())
    assert world.settled() == {"bob@x.test": 1}
    world.sink.clear()
    # As the manual says: nothing is decided again.
    world.ctl("withdraw", "carl@x.test")
    run(["postsuper", "-c", world.postfix.conf, "-H", queue_id])
    world.postfix.flush()
    wait_until("both", lambda: len(world.sink.delivered) == 2)
    data = world.sink.to("carl@x.test").data
    assert messages.header_lines(data, "List-Unsubscribe")
    assert data.endswith(messages.crlf(PGP))


def test_held_in_sendmail(new_world, folder):
    world = new_world(postfix=False, replace={
        'socket-group = "postfix"': 'socket-mode = "0660"',
        'sender = {"offers@acme.example"}':
        'sender = {"offers@acme.example"}\n    uneditable = hold'})
    world.import_csv(people.granted("anna@x.test", purpose="acme/offers"))
    world.start()
    mta = Sendmail(folder / "sm", world.sink.port, world.socket()).start()
    try:
        told = clients.submit(mta.port, "offers@acme.example",
                              ["anna@x.test", "stranger@x.test"],
                              messages.crlf(HEAD + PGP))
        assert told.data[0] == 250, told
        (held,) = (mta.dir / "mq").glob("hf*")
        text = held.read_text(errors="replace")
        assert "no footer (pgp)" in text and "anna@x.test" in text
        assert "stranger@x.test" not in text
        assert "List-Unsubscribe" in text
        assert world.sink.delivered == []
    finally:
        mta.stop()


# ---- DKIM ------------------------------------------------------------------

@pytest.fixture
def signer(folder):
    signer = OpenDkim(folder / "dkim").start()
    yield signer
    signer.stop()


def presigned(signer, names, domain=b"acme.example"):
    """As a tool's own signer in front of us does it."""
    message = messages.newsletter()
    key = (signer.folder / "dkim.pem").read_bytes()
    return dkim.sign(message, b"s1", domain, key, include_headers=names,
                     canonicalize=(b"relaxed", b"relaxed")) + message


def signatures(data):
    return len(messages.header_lines(data, "DKIM-Signature"))


def test_kept_signature_holds(new_world, signer):
    """R8058-12: no octet of the body, no header that it covers."""
    world = world_with(new_world, "presigned = keep\n    uneditable = wrap")
    message = presigned(signer, [b"from", b"to", b"subject", b"date"])
    data, line = sent(world, message)
    assert line["edit"] == "dkim" and data.endswith(message)
    assert signer.verify(data) and signatures(data) == 1
    assert messages.unsubscribe_uris(data)[0].startswith(world.base_url)
    # Nobody may add what it names.
    world.sink.clear()
    message = presigned(signer, [b"from", b"from", b"list-unsubscribe"])
    data, line = sent(world, message)
    assert line["edit"] == "dkim-list" and data == message
    assert signer.verify(data)


def test_no_way_out_is_the_streams_choice(new_world, signer):
    world = world_with(new_world, "uneditable = reject")
    told = world.send("news@acme.example", ["anna@x.test"], presigned(
        signer, [b"from", b"list-unsubscribe"]))
    assert told.data[0] == 554 and told.data[1].startswith("5.6.0")
    told = world.send("news@acme.example", ["anna@x.test"],
                      messages.newsletter())
    assert told.data[0] == 250
    world.settled()


def test_resigned(new_world, signer):
    """R8058-11, R8058-12: ours goes, the new one covers what we added."""
    world = world_with(new_world, "presigned = resign",
                       'dkim-domains = {"acme.example"}\n',
                       after=signer.milter)
    data, line = sent(world, presigned(signer, [b"from", b"subject"]))
    assert line["edit"] == "footer"
    assert signatures(data) == 1 and signer.verify(data)
    assert {"list-unsubscribe", "list-unsubscribe-post"} <= set(
        signer.signed_headers(data))
    for text in messages.texts(data).values():
        assert world.base_url in text
    # A second hop has nothing to do, and the signature stays.
    world.sink.clear()
    again, line = sent(world, data)
    assert line["edit"] == "headers" and data in again


def test_foreign_signature_is_not_given_up(new_world, signer):
    world = world_with(new_world, "presigned = resign",
                       'dkim-domains = {"other.example"}\n')
    message = presigned(signer, [b"from", b"subject"])
    data, line = sent(world, message)
    assert line["edit"] == "dkim" and data.endswith(message)
    assert signer.verify(data)


# ---- samples ---------------------------------------------------------------

def test_samples_folder_is_checked_at_start(new_world):
    """What would hold people's mail must be closed to others."""
    world = new_world(postfix=False, web=False,
                      settings='samples { path = "@DIR@/samples" }\n')
    folder = world.dir / "samples"
    for mode, said in ((None, "cannot be used"), (0o755, "has mode 0755")):
        if mode is not None:
            folder.mkdir()
            shutil.chown(folder, MILTER_USER)
            folder.chmod(mode)
        done = run([program("consent-milter"), "-c", world.config_file, "-f"],
                   ok=False)
        assert done.returncode == 78 and said in done.stderr.decode()
    folder.chmod(0o700)
    world.start()
