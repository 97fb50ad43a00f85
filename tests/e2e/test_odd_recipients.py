"""However a recipient is typed: who did not consent gets nothing, above all
not a message made for somebody else."""
import people
import pytest

from harness import messages
from harness.clients import Dialogue
from harness.sendmail import Sendmail

# All of them mean carl, or nobody; he never consented, anna did.
FORMS = r"""
<CARL@X.TEST>
<carl@x.test.>
<"carl"@x.test>
<"c\arl"@x.test>
carl@x.test
<@relay.test:carl@x.test>
<@a.test,@b.test:carl@x.test>
@relay.test:carl@x.test
<@a.test:friends: carl@x.test;>
<@a.test:carl@x.test>>
<@a.test:anna@x.test:carl@x.test>
<@a.test:anna@x.test,carl@x.test>
<@[:anna@x.test]:carl@x.test>
<@":anna@x.test":carl@x.test>
<@a.test(:anna@x.test):carl@x.test>
<@a.test:@b.test:carl@x.test>
 <@a.test:carl@x.test>
<@a.test:<anna@x.test>carl@x.test>
<@a.test:carl@x.test:anna@x.test>
<carl%x.test@x.test>
<x.test!carl>
Carl <carl@x.test>
"Carl, C" <carl@x.test>
"anna@x.test" <carl@x.test>
"<anna@x.test>" <carl@x.test>
(<anna@x.test>) <carl@x.test>
anna@x.test <carl@x.test>
<carl@x.test> <anna@x.test>
<anna@x.test> <carl@x.test>
<anna@x.test>carl@x.test
<carl@x.test>anna@x.test
friends:<carl@x.test>
<carl@[127.0.0.1]>
<carl@[IPv6:::1]>
<carl@#1234>
<carl@x.test >
< carl@x.test>
<(c)carl@x.test>
<carl(c)@x.test>
<carl@(c)x.test>
<carl@x . test>
<carl@x.test> NOTIFY=NEVER
<carl@x.test> ORCPT=rfc822;anna@x.test
<"">
<@x.test>
<carl@>
<carl>
<>
<carl. x@x.test>
<"ca rl"@x.test>
<carl+tag@x.test>
<"carl"+tag@x.test>
<carl@x.test,anna@x.test>
<anna@x.test,carl@x.test>
<anna@x.test>,<carl@x.test>
<carl@x.test;anna@x.test>
<anna@x.test;carl@x.test>
<"@relay.test:carl"@x.test>
<carl@x..test>
<.carl@x.test>
<carl.@x.test>
<carl@@x.test>
<carl@x.test@x.test>
<carl'@x.test>
<carl\@x.test>
<carl\@x.test@x.test>
<"carl@x.test"@x.test>
<Postmaster@x.test>
<friends: carl@x.test;>
<friends: anna@x.test, carl@x.test;>
friends: carl@x.test;
<carl@x.test>>
<carl@x.test>>>
<<carl@x.test>
<<carl@x.test>>
carl@x.test>
<carl@x.test
carl@x.test (Carl)
(Carl) carl@x.test
<ca\rl@x.test>
<cärl@x.test>
<carl@bücher.test>
<carl@BÜCHER.test>
<carl@xn--bcher-kva.test>
""".strip().splitlines() + ["<\x01carl@x.test>", "<ca\x7frl@x.test>",
                            '<"carl\x01"@x.test>', "<carl@x.test\t>"]
EARLY = 'purpose = {"acme/offers"}'
LATE = 'purpose = {"acme/offers", "acme/newsletter"}'


@pytest.mark.parametrize("refuse, purpose, port", [
    ("drop", EARLY, "main"), ("drop", LATE, "main"),
    ("reject", LATE, "marketing")], ids=["early", "late", "default"])
def test_odd_recipients(new_world, refuse, purpose, port):
    """Deleted as typed, or the message does not go; refused at RCPT where
    the envelope tells the stream, at its end where the headers must."""
    world = new_world(replace={EARLY: purpose,
                               "refuse = drop": f"refuse = {refuse}"})
    world.import_csv(people.granted("anna@x.test", purpose="acme"))
    world.start()
    check(world, world.postfix.port(port), world.settled)


@pytest.mark.parametrize("purpose", [EARLY, LATE], ids=["early", "late"])
def test_odd_recipients_of_sendmail(new_world, folder, purpose):
    """It deletes by what it made of the address."""
    world = new_world(postfix=False, replace={
        EARLY: purpose, 'socket-group = "postfix"': 'socket-mode = "0660"'})
    world.import_csv(people.granted("anna@x.test", purpose="acme"))
    world.start()
    mta = Sendmail(folder / "sm", world.sink.port, world.socket()).start()
    try:
        check(world, mta.port, mta.settle)
    finally:
        mta.stop()


def check(world, port, settle):
    """With anna, each form in turn: only she gets the message."""
    leaks = []
    for form in FORMS:
        for order in (1, -1):
            world.sink.clear()
            with Dialogue(port) as d:
                d.smtp.command_encoding = "utf-8"
                d.mail("offers@acme.example", "SMTPUTF8"
                       if d.smtp.has_extn("smtputf8") else "")
                for who, raw in (("anna", "<anna@x.test>"),
                                 ("odd", form))[::order]:
                    d.rcpt(who, raw=raw)
                d.data(messages.newsletter())
            settle()
            if set(world.sink.delivered) - {"anna@x.test"}:
                leaks.append((form, world.sink.delivered))
    assert leaks == []
