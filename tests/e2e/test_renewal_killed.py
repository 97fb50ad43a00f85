"""kill -9 while people are asked to renew: nobody is asked twice, and who was
asked is on record.  20 kills; CM_LONG: 1,000."""
import collections
import os
import random
import threading
import time

import people
from test_renewal import RENEWAL, SOON

from harness import messages
from harness.milterclient import Closed, MilterClient

KILLS = 1000 if os.environ.get("CM_LONG") else 20
PEOPLE = 10 * KILLS
LIFE_S = 0.04           # of the milter, at most
SENDERS = 2
HEADERS, BODY = messages.newsletter().split(b"\r\n\r\n", 1)
HEADERS = [line.partition(b":")[::2] for line in HEADERS.split(b"\r\n")
           if not line.startswith((b" ", b"\t"))]


class Asking:
    """What the mail server was told: who may get a mail, how often."""

    def __init__(self, world):
        self.socket = world.socket()
        self.told_yes = collections.Counter()

    def ask(self, milter, *addresses):
        """One message; those that were let go, once the milter said so."""
        milter.mail("<keep@acme.example>", macros={"i": "4ABCDEF"})
        left = [a for a in addresses
                if milter.rcpt(f"<{a}>").final == "continue"]
        if not left:
            milter.abort()
            return
        reply = milter.message(HEADERS, BODY)
        if reply.final in ("continue", "accept"):
            gone = {a.strip("<>") for a in reply.deleted}
            self.told_yes.update(a for a in left if a not in gone)

    def until_killed(self, crowd, seed):
        chance = random.Random(seed)
        try:
            with MilterClient(self.socket) as milter:
                milter.negotiate()
                milter.connect()
                milter.helo()
                while True:
                    self.ask(milter, *chance.sample(
                        crowd, chance.randint(1, 3)))
        except (Closed, OSError):
            pass


def test_nobody_is_asked_twice(new_world):
    """Issue 4: the ask is on disk before the mail server hears of it."""
    world = new_world(settings=RENEWAL.replace(
        "wave-size = 3", "wave-size = 1000000") % "", postfix=False)
    crowd = [f"soon{n}@x.test" for n in range(PEOPLE)]
    world.import_csv(people.granted(*crowd, time=SOON))
    asking = Asking(world)
    seed = int(os.environ.get("CM_SEED", time.time()))
    print(f"CM_SEED={seed}")
    chance = random.Random(seed)
    for kill in range(KILLS):
        world.start_milter()
        # Some of them for the first time, some were asked before.
        some = crowd[:10 * (kill + 1)]
        senders = [threading.Thread(target=asking.until_killed,
                                    args=(some, chance.random()))
                   for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        time.sleep(chance.random() * LIFE_S)
        world.kill_milter()
        for sender in senders:
            sender.join()
    asked = sorted(asking.told_yes)
    assert asked and max(asking.told_yes.values()) == 1
    world.start_milter()
    # On record, each of them, as the commands read it and the milter.
    listed = world.dir / "asked.csv"
    listed.write_text("email\n" + "\n".join(asked) + "\n")
    told = world.ctl_json("check", listed, "--stream", "keep")
    assert told["reasons"] == {"asked-before": len(asked)}
    status, = world.ctl_json("renewal", "status", ok=True)
    assert status["asked"] >= len(asked)
    with MilterClient(asking.socket) as milter:
        milter.negotiate()
        milter.connect()
        milter.helo()
        for who in crowd:
            asking.ask(milter, who)
    assert max(asking.told_yes.values()) == 1
    # What a kill cost is an ask that was spent and not sent: a few, no more.
    unsent = PEOPLE - len(asking.told_yes)
    assert unsent <= 3 * SENDERS * KILLS
    status, = world.ctl_json("renewal", "status", ok=True)
    assert status["asked"] == PEOPLE
