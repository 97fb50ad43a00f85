"""When something breaks, marketing waits and the password reset goes out."""
import os
import shutil
import signal
import subprocess
import threading

import people
import pytest

from harness import messages
from harness.clients import Dialogue
from harness.proc import wait_until


@pytest.fixture
def busy(new_world):
    world = new_world()
    world.import_csv(people.granted("anna@x.test", "bob@x.test"))
    return world.start()


def withdraw(world, address):
    world.ctl("withdraw", address, "--purpose", people.NEWS)


def marketing_waits(world, rcpt="anna@x.test"):
    """451 somewhere in the dialogue, and nothing left."""
    world.sink.clear()
    told = world.send("news@acme.example", [rcpt], messages.newsletter())
    codes = {told.mail[0], *(c for c, _ in told.rcpts.values()),
             *([told.data[0]] if told.data else [])}
    assert 451 in codes, told
    world.settled()
    assert world.sink.all_to(rcpt) == []


def reset_passes(world):
    """Byte for byte, whatever the state of the store."""
    world.sink.clear()
    message = messages.password_reset()
    told = world.send("shop@acme.example", ["anna@x.test"], message)
    assert told.data[0] == 250, told
    data = world.sink.to("anna@x.test").data
    assert messages.without_trace(data) == message


def test_withdrawn_between_rcpt_and_end_of_data(busy):
    """D7: decided again at the end of the message."""
    with Dialogue(busy.postfix.port("main")) as d:
        d.mail("news@acme.example")
        assert d.rcpt("anna@x.test")[0] == 250
        assert d.rcpt("bob@x.test")[0] == 250
        withdraw(busy, "anna@x.test")
        assert d.data(messages.newsletter())[0] == 250
        queue_id = busy.queue_id(d.result)
    busy.settled()
    assert busy.sink.delivered == ["bob@x.test"]
    line = busy.line(queue_id)
    assert (line["rcpts"], line["allowed"], line["refused"]) == (
        "2", "1", "1")


def test_all_withdrawn_before_the_end_of_data(busy):
    """R5321-3: then the whole message is refused, not swallowed."""
    with Dialogue(busy.postfix.port("main")) as d:
        d.mail("news@acme.example")
        assert d.rcpt("anna@x.test")[0] == 250
        withdraw(busy, "anna@x.test")
        code, text = d.data(messages.newsletter())
    assert code == 550 and "5.7.1" in text
    assert busy.settled() == {}


def test_clicked_between_rcpt_and_end_of_data(busy):
    """D7: the same through the way out."""
    busy.send("news@acme.example", ["anna@x.test"], messages.newsletter())
    busy.settled()
    uri, _ = messages.unsubscribe_uris(busy.sink.to("anna@x.test").data)
    busy.sink.clear()
    with Dialogue(busy.postfix.port("main")) as d:
        d.mail("news@acme.example")
        assert d.rcpt("anna@x.test")[0] == 250
        assert busy.one_click(uri).status == 200
        assert d.data(messages.newsletter())[0] == 550
    assert busy.settled() == {}


@pytest.mark.parametrize("when", ["before", "rcpt", "data"])
def test_killed(busy, when):
    """kill -9 at each stage: 451, nothing unfiltered leaves."""
    if when == "before":
        busy.kill_milter()
    with Dialogue(busy.postfix.port("main")) as d:
        code, _ = d.mail("news@acme.example")
        if when == "before":
            assert code == 451
        else:
            assert d.rcpt("anna@x.test")[0] == 250
            if when == "rcpt":
                busy.kill_milter()
                assert d.rcpt("bob@x.test")[0] == 451
            else:
                busy.kill_milter()
                assert d.data(messages.newsletter())[0] == 451
    assert busy.settled() == {}
    busy.start_milter()
    told = busy.send("news@acme.example", ["anna@x.test"],
                     messages.newsletter())
    assert told.data[0] == 250


ROUNDS = 40 if os.environ.get("CM_LONG") else 8


def test_killed_while_it_answers(busy):
    """kill -9 at random points of the end of message: the client's 250 and
    the next hop agree, and what leaves has been filtered."""
    body = "x" * 70 + "\n"
    message = messages.plain("news@acme.example", "anna@x.test",
                             body * 20000)
    for i in range(ROUNDS):
        busy.sink.clear()
        with Dialogue(busy.postfix.port("main")) as d:
            d.mail("news@acme.example")
            assert d.rcpt("anna@x.test")[0] == 250
            timer = threading.Timer(0.002 * i, busy.kill_milter)
            timer.start()
            code, _ = d.data(message)
            timer.join()
        assert code in (250, 451)
        # Clears what the queue has; the milter is not asked again.
        busy.settled()
        got = busy.sink.all_to("anna@x.test")
        assert len(got) == (code == 250)
        for mail in got:
            assert messages.unsubscribe_uris(mail.data)[0]
        assert busy.postfix.corrupt() == []
        busy.start_milter()


def test_hung(new_world):
    """SIGSTOP: Postfix's patience ends, 451."""
    world = new_world(postfix={"main": {"milter_command_timeout": "2s",
                                        "milter_content_timeout": "2s"}})
    world.import_csv(people.granted("anna@x.test"))
    world.start()
    for pid in world.workers():
        os.kill(pid, signal.SIGSTOP)
    try:
        marketing_waits(world)
    finally:
        for pid in world.workers():
            os.kill(pid, signal.SIGCONT)
    told = world.send("news@acme.example", ["anna@x.test"],
                      messages.newsletter())
    assert told.data[0] == 250


def test_crashed_worker_is_started_again(busy):
    """A crash costs the messages of that moment a 451, no more."""
    with Dialogue(busy.postfix.port("main")) as d:
        d.mail("news@acme.example")
        d.rcpt("anna@x.test")
        busy.kill_workers()
        assert d.data(messages.newsletter())[0] == 451
    assert busy.settled() == {}
    told = busy.send("news@acme.example", ["anna@x.test"],
                     messages.newsletter())
    assert told.data[0] == 250


def store_file(world):
    return max(world.dir.glob("store/**/ledger/data.mdb"),
               key=lambda f: f.stat().st_size)


def remove_store(world):
    shutil.rmtree(world.dir / "store")


def rename_store(world):
    (world.dir / "store").rename(world.dir / "gone")


def truncate_store(world):
    with open(store_file(world), "r+b") as f:
        f.truncate(3 * 4096)    # the two meta pages and one more


def empty_store(world):
    with open(store_file(world), "r+b") as f:
        f.truncate(0)


def overwrite_store(world):
    with open(store_file(world), "r+b") as f:
        size = f.seek(0, 2)
        f.seek(0)
        f.write(b"\xa5" * size)


def replace_store(world):
    """Another controller's store, of other keys, in the same place."""
    (world.dir / "store").rename(world.dir / "store.old")
    (world.dir / "keys").rename(world.dir / "keys.old")
    world.ctl("init")
    shutil.rmtree(world.dir / "keys")
    (world.dir / "keys.old").rename(world.dir / "keys")


@pytest.mark.parametrize("harm", [
    remove_store, rename_store, truncate_store, empty_store, overwrite_store,
    replace_store], ids=lambda f: f.__name__)
def test_store_breaks_between_messages(busy, harm):
    """D3, design 12: marketing 451, service untouched, no crash loop."""
    busy.send("news@acme.example", ["anna@x.test"], messages.newsletter())
    assert busy.settled() == {"anna@x.test": 1}
    harm(busy)
    # A truncated file may end a worker with SIGBUS; it is started again.
    # Whatever the client hears is 451.
    for _ in range(2):
        marketing_waits(busy)
        reset_passes(busy)
    assert busy.milter.running()


def test_milter_starts_without_a_store(busy):
    """A reset must not wait for a restore of the store."""
    busy.milter.stop()
    rename_store(busy)
    busy.start_milter()
    reset_passes(busy)
    marketing_waits(busy)
    (busy.dir / "gone").rename(busy.dir / "store")
    busy.restart_milter()
    told = busy.send("news@acme.example", ["anna@x.test"],
                     messages.newsletter())
    assert told.data[0] == 250


def test_store_may_not_be_written_by_the_milter(busy):
    """Design 2: it cannot forge a consent; file modes see to that."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    for pid in busy.workers():
        with open(f"/proc/{pid}/status") as f:
            status = {k: v.split() for k, _, v in (
                line.partition(":") for line in f)}
        assert "0" not in status["Uid"] + status["Gid"]
        assert status["CapEff"] == ["0000000000000000"]
        tried = subprocess.run(
            ["setpriv", f"--reuid={status['Uid'][0]}",
             f"--regid={status['Gid'][0]}",
             "--groups=" + ",".join(status["Groups"]), "sh", "-c",
             f"head -c 1 {store_file(busy)} && : >>{store_file(busy)}"],
            capture_output=True)
        assert len(tried.stdout) == 1, "it may read"
        assert b"Permission denied" in tried.stderr, "and not write"


def test_second_instance_is_refused(busy):
    """Design 12: the running one keeps its socket."""
    second = busy._daemon("consent-milter")
    assert second.popen.wait(20) != 0
    assert "main.sock" in second.output()
    told = busy.send("news@acme.example", ["anna@x.test"],
                     messages.newsletter())
    assert told.data[0] == 250


def test_terminate_lets_the_message_finish(busy):
    """SIGTERM drains: a message in flight gets its answer."""
    with Dialogue(busy.postfix.port("main")) as d:
        d.mail("news@acme.example")
        d.rcpt("anna@x.test")
        busy.milter.signal(signal.SIGTERM)
        assert d.data(messages.newsletter())[0] == 250
    assert busy.milter.popen.wait(20) == 0
    assert busy.settled() == {"anna@x.test": 1}


def test_reload(busy):
    """Another signal reads the config again; a wrong one keeps the old."""
    busy.write_config(busy.config.replace("refuse = reject", "refuse = drop"))
    busy.milter.signal(signal.SIGUSR1)

    def dropped():
        told = busy.send("news@acme.example", ["anna@x.test", "c@x.test"],
                         messages.newsletter())
        return not told.refused
    wait_until("the new config", dropped, 10, 0.2)
    busy.write_config("stream {")
    busy.milter.signal(signal.SIGUSR1)
    wait_until("a complaint", lambda: "consent-milter.conf" in
               busy.milter.output(), 10)
    assert dropped()
