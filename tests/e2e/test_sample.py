"""What is shipped in conf/, as it stands, in a real Postfix: only places and
users differ."""
import re

import people
import pytest

from harness import messages
from harness.dkim import OpenDkim
from harness.postfix import Postfix
from harness.proc import free_port
from harness.world import REPO

CONF = REPO / "conf"

PLACES = {
    "/var/spool/postfix/consent-milter/": "@DIR@/",
    '"/var/lib/consent-milter"': '"@DIR@/store"',
    '"/etc/consent-milter/keys"': '"@DIR@/keys"',
    '#group       = "consent"': "@GROUPS@",
    '#user = "consent-milter"': "@MILTER_USER@",
    '#user     = "consent-web"': "@WEB_USER@",
    '#listen   = "127.0.0.1:8025"': 'listen = "127.0.0.1:@WEB_PORT@"',
    '#templates = "/usr/share/consent-milter/templates"':
        'templates = "@TEMPLATES@"',
}


def sample(mode):
    text = (CONF / "consent-milter.conf.sample").read_text()
    for old, new in PLACES.items():
        assert old in text, old
        text = text.replace(old, new)
    assert "mode    = observe" in text
    return text.replace("mode    = observe", f"mode    = {mode}")


def snippet(name, world, signer):
    """A snippet with our sockets in it, and nothing else changed."""
    text = (CONF / "postfix" / name).read_text()
    assert "unix:consent-milter/" in text
    return text.replace("unix:consent-milter/", f"unix:{world.dir}/").replace(
        "inet:127.0.0.1:8891", signer.milter)


@pytest.fixture
def shipped(new_world, folder):
    """Make a world from what is shipped; mode: of its marketing stream."""
    running = []

    def make(mode):
        signer = OpenDkim(folder / "dkim").start()
        running.append(signer)
        world = new_world(config=sample(mode), postfix=False)
        world.signer = signer
        mta = Postfix(folder / "mta", world.sink.port, {})
        running.append(mta)
        # Of its own the harness has limits that the snippet must set.
        lines = [line for line in (mta.conf / "main.cf").read_text(
            ).splitlines() if "_error_" not in line]
        (mta.conf / "main.cf").write_text("\n".join(lines) + "\n")
        master = snippet("master.cf.snippet", world, signer)
        # Not chrooted, and on ports that are free.
        master, changed = re.subn(r"(?m)^(\S+ +inet +n +- +)y", r"\1n", master)
        assert changed == 3
        for service, name in (("smtp ", "main"), ("2587 ", "marketing"),
                              ("127.0.0.1:2526 ", "service")):
            mta.ports[name] = free_port()
            assert f"\n{service}" in master
            master = master.replace(f"\n{service}",
                                    f"\n127.0.0.1:{mta.ports[name]} ")
        mta.append(snippet("main.cf.snippet", world, signer), master)
        world.import_csv(people.granted("anna@x.test", "bob@x.test"))
        world.start()
        world.postfix = mta.start()
        return world
    yield make
    for thing in reversed(running):
        thing.stop()


def test_enforce(shipped):
    """Issue 2: real Postfix with the sample config."""
    world = shipped("enforce")
    told = world.send("news+nov@acme.example",
                      ["anna@x.test", "stranger@x.test"],
                      messages.newsletter())
    assert told.accepted == ["anna@x.test"]
    assert told.rcpts["stranger@x.test"][0] == 550
    world.settled()
    data = world.sink.to("anna@x.test").data
    assert messages.unsubscribe_uris(data)[0].startswith(world.base_url)
    assert world.signer.verify(data)
    assert "list-unsubscribe-post" in world.signer.signed_headers(data)
    message = messages.password_reset()
    for port in ("main", "service"):
        world.sink.clear()
        told = world.send("shop@acme.example", ["carl@x.test"], message,
                          listener=port)
        assert told.data[0] == 250
        world.settled()
        assert world.sink.to("carl@x.test").data.endswith(message)


def test_observe_is_what_is_shipped(shipped):
    """Nobody is refused on the first day."""
    world = shipped("observe")
    told = world.send("news@acme.example", ["anna@x.test", "carl@x.test"],
                      messages.newsletter())
    assert told.accepted == ["anna@x.test", "carl@x.test"]
    world.settled()
    assert world.line(world.queue_id(told))["would-refuse"] == "1"


def test_marketing_port_takes_a_mailing_with_many_refusals(shipped):
    """Refusals are errors to Postfix, which hangs up after 20 by default."""
    world = shipped("enforce")
    strangers = [f"s{i}@x.test" for i in range(200)]
    told = world.send("whoever@acme.example", strangers + ["anna@x.test"],
                      messages.newsletter(), listener="marketing")
    assert told.refused == sorted(strangers)
    assert told.data[0] == 250
    world.settled()
    assert world.sink.delivered == ["anna@x.test"]


def test_service_port_is_for_the_shop_alone(shipped):
    world = shipped("enforce")
    told = world.send("news@acme.example", ["anna@x.test"],
                      messages.newsletter(), listener="service")
    assert told.accepted == []


def test_service_port_does_not_wait_for_the_milter(shipped):
    world = shipped("enforce")
    world.kill_milter()
    told = world.send("shop@acme.example", ["carl@x.test"],
                      messages.password_reset(), listener="service")
    assert told.data[0] == 250
    told = world.send("shop@acme.example", ["carl@x.test"],
                      messages.password_reset())
    assert told.mail[0] == 451 or told.data is None


def test_sendmail_command_is_told_apart(shipped):
    """milter_macro_daemon_name = NON_SMTPD: no refusal at RCPT."""
    world = shipped("enforce")
    world.postfix.sendmail("news@acme.example",
                           ["anna@x.test", "stranger@x.test"],
                           messages.newsletter())
    world.sink.wait(1)
    assert world.postfix.settle() == []
    assert world.sink.delivered == ["anna@x.test"]


@pytest.mark.parametrize("file", sorted(
    f.name for f in (CONF / "streams").glob("*.conf")))
def test_streams_for_tools(new_world, folder, file):
    """Each example loads beside the sample, included as it says."""
    world = new_world(config=sample("enforce"), postfix=False)
    text = (CONF / "streams" / file).read_text()
    (world.dir / file).write_text(text)
    # Purposes are the admin's: name those that the example asks for.
    asked = set(re.findall(r'"(acme/[\w/-]+)"', text)) - set(
        re.findall(r'purpose "([\w/-]+)"', text + world.config))
    world.write_config(world.config + "".join(
        f'\npurpose "{p}" {{ title = "{p}" }}' for p in sorted(asked)) +
        f'\ninclude("{world.dir}/{file}")\n')
    done = world.ctl("status", ok=False)
    assert done.returncode == 0, done.stderr.decode()
