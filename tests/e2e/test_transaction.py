"""What the client's transaction said about the message still holds."""
import people

from harness import messages
from harness.clients import Dialogue

ASCII = b"""From: Acme <news@acme.example>\r
To: jan@x.test\r
Subject: News\r
Date: Sat, 21 Nov 2026 10:00:00 +0100\r
Message-ID: <a1@acme.example>\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary="b1"\r
\r
--b1\r
Content-Type: text/plain\r
\r
Hello\r
\r
--b1\r
Content-Type: text/html\r
\r
<p>Hello</p>\r
\r
--b1--\r
"""

CZECH = """email,purpose,status,source,time,language
jan@x.test,acme/newsletter,granted,web-form,2026-01-10T09:00:00Z,cs
"""


def test_seven_bit_mail_stays_seven_bit(world):
    """R6152-1: no BODY=8BITMIME, so nothing of ours has an eighth bit, in
    whatever language."""
    world.import_csv(CZECH, "--attest", "Test, 2026")
    world.start()
    told = world.send("news@acme.example", ["jan@x.test"], ASCII)
    assert told.data[0] == 250
    world.settled()
    mail = world.sink.to("jan@x.test")
    assert mail.data.isascii()
    assert "BODY=8BITMIME" not in mail.params
    texts = messages.texts(mail.data)
    assert not texts["text/plain"].isascii(), "it is in Czech"
    assert all(world.base_url in text for text in texts.values())


def test_notify_of_the_others_survives(world):
    """R5321-6: who stays keeps NOTIFY and ORCPT when another is deleted."""
    world.import_csv(people.granted("anna@x.test", purpose="acme/offers"))
    world.start()
    with Dialogue(world.postfix.port("main")) as d:
        d.mail("offers@acme.example", "RET=HDRS ENVID=e17")
        d.rcpt("anna@x.test", "<anna@x.test> NOTIFY=SUCCESS,FAILURE "
               "ORCPT=rfc822;anna.first@x.test")
        d.rcpt("stranger@x.test", "<stranger@x.test> NOTIFY=SUCCESS")
        assert d.data(messages.newsletter())[0] == 250
    assert world.settled() == {"anna@x.test": 1}
    mail = world.sink.to("anna@x.test")
    said = mail.rcpt_params["anna@x.test"]
    assert "NOTIFY=SUCCESS,FAILURE" in said
    assert "ORCPT=rfc822;anna.first@x.test" in said
    assert "ENVID=e17" in mail.params and "RET=HDRS" in mail.params


def test_the_auditor_tells_nobody(world):
    """R5321-6, RFC 3461, 4.1: the recipient we add comes with NOTIFY=NEVER."""
    world.start()
    told = world.send("magazine@acme.example", ["stranger@x.test"],
                      messages.newsletter())
    assert told.data[0] == 250
    world.settled()
    mail = world.sink.to("audit@acme.example")
    assert "NOTIFY=NEVER" in mail.rcpt_params["audit@acme.example"]
