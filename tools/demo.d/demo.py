#!/usr/bin/python3
"""What tools/demo shows once everything is built; see there.

It is also a test: its exit status is 1 if anybody got what they should not
have got, or did not get what they should have.
"""
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parents[1]
sys.path.insert(0, str(REPO / "tests" / "e2e"))

from harness import clients, messages  # noqa: E402
from harness.proc import run  # noqa: E402
from harness.world import World  # noqa: E402

STRANGER = "stranger@elsewhere.example"
# What must come out; the table shows what did.
CONSENTING = {"anna@customers.example", "zdenek@customers.example",
              "maria@customers.example", "petr@customers.example"}
BOLD, GREEN, RED, DIM, PLAIN = (
    ("\033[1m", "\033[32m", "\033[31m", "\033[2m", "\033[0m")
    if sys.stdout.isatty() else ("",) * 5)

MEANS = {
    "consent": "consent on record",
    "withdrawn": "withdrew the consent",
    "objected": "objects to all marketing",
    "complained": "complained of spam",
    "unconfirmed": "asked, but has not confirmed yet",
    "no-evidence": "a consent is claimed, nothing proves it",
    "expired": "consent older than three years",
    "no-record": "nobody ever asked them",
}


def heading(text):
    print(f"\n{BOLD}{text}{PLAIN}")


def people():
    """Everybody in the sample list once, as first written, and a stranger."""
    seen = {}
    for row in (HERE / "people.csv").read_text().splitlines()[1:]:
        address = row.split(",")[0]
        seen.setdefault(address.lower(), address)
    return list(seen) + [STRANGER]


class Demo:
    def __init__(self, world):
        self.world = world
        self.newsletter = messages.crlf(
            (HERE / "newsletter.eml").read_bytes())
        self.reset = messages.crlf((HERE / "password-reset.eml").read_bytes())
        self.delivered = world.dir / "delivered"
        self.delivered.mkdir()
        self.saved = 0
        self.wrong = []

    def expect(self, ok, what):
        if not ok:
            self.wrong.append(what)

    def save(self):
        """Write what the next hop has, newest names last."""
        for mail in self.world.sink.mails[self.saved:]:
            self.saved += 1
            name = "+".join(r.partition("@")[0] for r in mail.rcpts[:3])
            (self.delivered / f"{self.saved:02}-{name}.eml").write_bytes(
                mail.data)

    def why(self, address):
        _, reason = self.world.why(address, "newsletter")
        return MEANS.get(reason, reason)

    def row(self, address, said, got, why):
        colour, word = (GREEN, "got it") if got else (RED, "nothing")
        print(f"  {address:<27} {said:<12} {colour}{word:<8}{PLAIN} {why}")

    def swaks(self, address):
        """One message to one person; the server's word about them."""
        _, text = clients.swaks(self.world.postfix.port(), "news@acme.example",
                                [address], self.newsletter, self.world.dir)
        answers = re.findall(r"(?m)^<(?:-|\*\*)\s+(\d{3}(?: \d\.\d\.\d)?)",
                             text.partition("RCPT TO")[2])
        return answers[0] if answers else "?"

    def one_each(self):
        heading("swaks sends the newsletter to each person on the list")
        print(f"{DIM}  {'who':<27} {'Postfix said':<12} {'':<8} "
              f"why{PLAIN}")
        said = {a: self.swaks(a) for a in people()}
        got = self.world.settled()
        self.save()
        for address in people():
            self.row(address, said[address], got[address], self.why(address))
            self.expect(bool(got[address]) == (address in CONSENTING),
                        f"newsletter to {address}")

    def several(self):
        heading("Python's smtplib sends one message to five people at once")
        self.world.sink.clear()
        self.saved, before = 0, len(list(self.delivered.iterdir()))
        some = ["anna@customers.example", "ben@customers.example",
                "pia@customers.example", "maria@customers.example", STRANGER]
        told = self.world.send("news@acme.example", some, self.newsletter)
        got = self.world.settled()
        for address in some:
            code, text = told.rcpts[address]
            self.row(address, f"{code} {text.split()[0]}", got[address],
                     self.why(address))
            self.expect(bool(got[address]) == (address in CONSENTING),
                        f"shared newsletter to {address}")
        self.saved = 0
        for mail in self.world.sink.mails:
            (self.delivered / f"{before + 1:02}-several.eml").write_bytes(
                mail.data)
        self.saved = len(self.world.sink.mails)
        line = self.world.line(self.world.queue_id(told))
        print("  the log says: " + " ".join(
            f"{k}={line[k]}" for k in ("rcpts", "allowed", "refused",
                                       "deferred")))

    def password_reset(self):
        heading("The shop sends a password reset to ben, who withdrew")
        self.world.sink.clear()
        self.saved = 0
        to = "ben@customers.example"
        told = self.world.send("shop@acme.example", [to], self.reset)
        self.world.settled()
        same = messages.without_trace(
            self.world.sink.to(to).data) == self.reset
        self.row(to, str(told.data[0]), True, "service mail: untouched, "
                 "not a byte differs" if same else "ALTERED")
        self.expect(same, "password reset")

    def click(self):
        heading("anna clicks `unsubscribe` in her mail program")
        world = self.world
        data = next(self.delivered.glob("*-anna.eml")).read_bytes()
        uri, _ = messages.unsubscribe_uris(data)
        local = uri.replace(world.base_url, f"http://127.0.0.1:"
                            f"{world.web_port}")
        print(f"  List-Unsubscribe: <{uri[:60]}...>")
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                   "-d", "List-Unsubscribe=One-Click", local]
        print(f"  curl -d List-Unsubscribe=One-Click {local[:48]}...")
        status = run(command).stdout.decode()
        print(f"  consent-web: {status}, the withdrawal is on disk")
        said = self.swaks("anna@customers.example")
        heading("The next newsletter, a moment later")
        world.sink.clear()
        got = world.settled()
        self.row("anna@customers.example", said,
                 got["anna@customers.example"],
                 self.why("anna@customers.example"))
        self.expect(status == "200" and said.startswith("550"),
                    "one click")
        return local

    def excerpt(self):
        heading("What anna found in her mail")
        data = next(self.delivered.glob("*-anna.eml")).read_bytes()
        for name in ("List-Unsubscribe", "List-Unsubscribe-Post"):
            value = messages.header_lines(data, name)[0]
            print(f"  {name}: {value[:54]}"
                  f"{'...' if len(value) > 54 else ''}")
        for line in messages.texts(data)["text/plain"].splitlines():
            print(f"  | {line}"[:78])

    def by_hand(self, local):
        world = self.world
        ctl = f"build/consentctl -c {world.config_file}"
        heading("Try it by hand, in another terminal, in " + str(REPO))
        print(f"""\
  {ctl} \\
      why ben@customers.example --stream newsletter
  {ctl} \\
      show olga@customers.example
  {ctl} \\
      history anna@customers.example
  {ctl} \\
      withdraw maria@customers.example
  swaks --server 127.0.0.1:{world.postfix.port()} --from news@acme.example \\
      --to maria@customers.example --data tools/demo.d/newsletter.eml

  the mails that were delivered   {self.delivered}/
  what consent-milter logged      {world.milter.log}
  what Postfix logged             {world.postfix.log_file}
  anna's page                     {local}""")


def show(once):
    began = time.monotonic()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="consent-demo-"))
    folder.chmod(0o711)
    world = None
    try:
        world = World(folder).init()
        world.import_csv((HERE / "people.csv").read_bytes(),
                         "--source", "web-form", "--attest",
                         "Demo, 2026-11-21")
        world.start()
        heading("Running, all on 127.0.0.1")
        print(f"  Postfix on port {world.postfix.port()}, asks consent-milter "
              f"about every message\n"
              f"  consent-web on port {world.web_port}, where unsubscribe "
              f"links lead\n"
              f"  the next hop on port {world.sink.port}, keeps what arrives\n"
              f"  {len(people()) - 1} people from tools/demo.d/people.csv")
        demo = Demo(world)
        demo.one_each()
        demo.several()
        demo.password_reset()
        demo.excerpt()
        local = demo.click()
        if demo.wrong:
            print(f"\n{RED}Not as it should be:{PLAIN} "
                  f"{'; '.join(demo.wrong)}\n{world.milter_log()}")
        print(f"\n{DIM}{time.monotonic() - began:.1f} s{PLAIN}")
        if not once:
            demo.by_hand(local)
            print(f"\n{BOLD}Ctrl-C ends it and removes {folder}.{PLAIN}",
                  flush=True)
            while True:
                signal.pause()
        return 1 if demo.wrong else 0
    finally:
        if world is not None:
            world.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    def leave(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
    try:
        return show("--once" in sys.argv[1:])
    except KeyboardInterrupt:
        print("\ndemo: ended; nothing is left running")
        return 0


if __name__ == "__main__":
    sys.exit(main())
