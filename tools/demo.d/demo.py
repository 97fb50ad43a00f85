#!/usr/bin/python3
"""What tools/demo shows once everything is built; see there.

It is also a test: its exit status is 1 if anybody got what they should not
have got, or did not get what they should have.
"""
import csv
import email
import email.policy
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parents[1]
sys.path.insert(0, str(REPO / "tests" / "e2e"))

from harness import clients, messages, tokens  # noqa: E402
from harness.proc import run, wait_until  # noqa: E402
from harness.world import PURPOSES, STREAMS, World  # noqa: E402

STRANGER = "stranger@web.example"
# What must come out; the table shows what did.
CONSENTING = {"anna@mail.example", "zdenek@mail.example",
              "maria@mail.example", "petr@mail.example"}
MAIL = 'mail { domain = "m.acme.example"  submit = "smtp://127.0.0.1:1" }\n'
FORM = """\
form "shop" { purpose = {"acme/newsletter", "acme/offers"} }
"""
LETTERS = """\
stream "letters" {
    type = optin
    sender = {"consent@m.acme.example"}
    client = {"127.0.0.1"}
}
"""
BOLD, GREEN, RED, DIM, PLAIN = (
    ("\033[1m", "\033[32m", "\033[31m", "\033[2m", "\033[0m")
    if sys.stdout.isatty() else ("",) * 5)

MEANS = {
    "consent": "consent on record",
    "withdrawn": "withdrew it",
    "objected": "objects to marketing",
    "complained": "complained of spam",
    "unconfirmed": "has not confirmed yet",
    "no-evidence": "nothing proves it",
    "expired": "older than three years",
    "no-record": "nobody ever asked",
}


def heading(text):
    print(f"\n{BOLD}{text}{PLAIN}", flush=True)


def people():
    """Who is on the sample list: address -> what its newest row says."""
    said = {}
    with open(HERE / "people.csv", newline="") as f:
        for row in csv.DictReader(f):
            address = row["email"].lower()
            words = f"{row['status']} {row['time'][:4]}".rstrip()
            if row["source"]:
                words += f", {row['source']}"
            # The same status again is a duplicate, not a change of mind.
            if said.get(address, "").startswith(row["status"]):
                words += " (2)"
            said[address] = words
    said[STRANGER] = "not on the list"
    return said


def link_in(letter):
    """That of our own letters: to confirm, or to what is on record."""
    text = email.message_from_bytes(
        letter, policy=email.policy.default).get_body(("plain",))
    return re.search(r"https://\S+/[cpm]/\S+", text.get_content())[0]


class Demo:
    def __init__(self, world):
        self.world = world
        self.people = people()
        self.newsletter = messages.crlf(
            (HERE / "newsletter.eml").read_bytes())
        self.reset = messages.crlf((HERE / "password-reset.eml").read_bytes())
        self.delivered = world.dir / "delivered"
        self.delivered.mkdir()
        self.count = 0
        self.wrong = []

    def expect(self, ok, what):
        if not ok:
            self.wrong.append(what)

    def keep(self):
        """Move what arrived from the next hop to files; their names."""
        names = []
        for mail in self.world.sink.take():
            self.count += 1
            who = "+".join(r.partition("@")[0] for r in mail.rcpts)
            names.append(f"{self.count:02}-{who[:40]}.eml")
            (self.delivered / names[-1]).write_bytes(mail.data)
        return names

    def arrived(self):
        """Recipients that the next hop got mail for just now."""
        got = set(self.world.settled())
        self.keep()
        return got

    def why(self, address):
        answer = self.world.ctl_json("why", address, "--stream",
                                     "newsletter")
        reason = answer["reason"]
        other = " (as j.r.smith)" if answer.get("by_family") else ""
        return MEANS.get(reason, reason) + other

    def row(self, address, code, got, why):
        colour, word = (GREEN, "got it ") if got else (RED, "nothing")
        print(f"  {address:<21}{self.people[address]:<27}{code} "
              f"{colour}{word}{PLAIN}  {why}", flush=True)

    def swaks(self, address):
        """One message to one person; the server's word about them."""
        _, text = clients.swaks(self.world.postfix.port(), "news@acme.example",
                                [address], self.newsletter, self.world.dir)
        answers = re.findall(r"(?m)^<(?:-|\*\*)\s+(\d{3})",
                             text.partition("RCPT TO")[2])
        return answers[0] if answers else "?"

    def one_each(self):
        heading("swaks sends the newsletter to each of them")
        print(f"{DIM}  {'who':<21}{'on the list':<27}{'SMTP said':<13}"
              f"why{PLAIN}")
        said = {a: self.swaks(a) for a in self.people}
        got = self.arrived()
        for address in sorted(self.people, key=lambda a: a not in got):
            self.row(address, said[address], address in got,
                     self.why(address))
            self.expect((address in got) == (address in CONSENTING),
                        f"newsletter to {address}")

    def several(self):
        heading("Python's smtplib sends one message to five of them at once")
        some = [f"{n}@mail.example" for n in ("anna", "ben", "pia", "maria")]
        some.append(STRANGER)
        told = self.world.send("news@acme.example", some, self.newsletter)
        got = self.arrived()
        for address in some:
            self.row(address, told.rcpts[address][0], address in got,
                     self.why(address))
            self.expect((address in got) == (address in CONSENTING),
                        f"shared newsletter to {address}")
        line = self.world.line(self.world.queue_id(told))
        print("  the log sums it up: " + " ".join(
            f"{k}={line[k]}" for k in ("rcpts", "allowed", "refused",
                                       "deferred")))

    def password_reset(self):
        heading("The shop sends a password reset to ben, who withdrew")
        to = "ben@mail.example"
        told = self.world.send("shop@acme.example", [to], self.reset)
        self.world.settled()
        same = messages.without_trace(
            self.world.sink.to(to).data) == self.reset
        self.keep()
        self.row(to, told.data[0], True, "service mail, not a byte differs"
                 if same else "ALTERED")
        self.expect(same, "password reset")

    def mail_of(self, name):
        return next(self.delivered.glob(f"*-{name}.eml")).read_bytes()

    def excerpt(self):
        heading("What anna found in her mail, and zdenek, who reads Czech")
        data = self.mail_of("anna")
        for name in ("List-Unsubscribe", "List-Unsubscribe-Post"):
            value = messages.header_lines(data, name)[0]
            print(f"  {name}: {value[:54]}"
                  f"{'...' if len(value) > 54 else ''}")
        for data, start in ((data, 0), (self.mail_of("zdenek"), 4)):
            text = messages.texts(data)["text/plain"].rstrip()
            for line in text.splitlines()[start:]:
                print(f"  | {line}"[:78])

    def click(self):
        heading("anna clicks `unsubscribe` in her mail program, which sends")
        world = self.world
        anna = "anna@mail.example"
        uri, _ = messages.unsubscribe_uris(self.mail_of("anna"))
        status = run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                      "-d", "List-Unsubscribe=One-Click",
                      self.page_of("anna")]).stdout.decode()
        print(f"  POST {uri[:60]}...\n"
              f"  List-Unsubscribe=One-Click\n"
              f"  consent-web: {status}, the withdrawal is on disk")
        heading("The next newsletter, a moment later")
        said = self.swaks(anna)
        self.people[anna] = "granted, then one click"
        got = self.arrived()
        self.row(anna, said, anna in got, self.why(anna))
        self.expect(status == "200" and said == "550" and anna not in got,
                    "one click")

    def post(self, uri, **pairs):
        return self.world.http(
            "POST", uri, urllib.parse.urlencode(pairs).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"}).status

    def subscribe(self):
        heading("The stranger fills in the form, and gets a letter")
        world = self.world
        self.post(f"{world.base_url}/s/shop",
                  form=tokens.form(world, "s/shop"), email=STRANGER,
                  purpose="acme/newsletter", act="subscribe")
        letter = world.sink.to(STRANGER).data
        subject = email.message_from_bytes(
            letter, policy=email.policy.default)["Subject"]
        print(f"  Subject: {subject}\n  {link_in(letter)[:72]}...")
        self.people[STRANGER] = "asked, not confirmed"
        self.row(STRANGER, self.swaks(STRANGER), False, self.why(STRANGER))
        self.keep()
        heading("... and presses the button behind its link")
        self.post(link_in(letter), act="confirm")
        wait_until("the confirmation", lambda: world.why(
            STRANGER, "newsletter")[0] == "allow")
        self.people[STRANGER] = "confirmed"
        said = self.swaks(STRANGER)
        got = self.arrived()
        self.row(STRANGER, said, STRANGER in got, self.why(STRANGER))
        self.expect(STRANGER in got, "subscription")

    def by_hand(self):
        world = self.world
        ctl = f"build/consentctl -c {world.config_file}"
        heading(f"Try it by hand, in another terminal, in {REPO}")
        print(f"""\
  C="{ctl}"
  $C why ben@mail.example --stream newsletter
  $C show olga@mail.example
  $C history anna@mail.example
  $C check tools/demo.d/people.csv --stream newsletter
  $C withdraw maria@mail.example
  swaks --server 127.0.0.1:{world.postfix.port()} --from news@acme.example \\
    --to maria@mail.example --data @tools/demo.d/newsletter.eml

  delivered mails        {self.delivered}/
  consent-milter's log   {world.milter.log}
  Postfix's log          {world.postfix.log_file}

Subscribe, any address will do; the letter's link comes up here:
  the form               http://127.0.0.1:{world.web_port}/s/shop

Click, then send petr the newsletter again:
  stop it                {self.footer_of("petr")}
  all that he gets       {self.footer_of("petr").replace("/u/", "/p/")}
  swaks --server 127.0.0.1:{world.postfix.port()} --from news@acme.example \\
    --to petr@mail.example --data @tools/demo.d/newsletter.eml""")

    def local(self, uri):
        """As one gets there without the web server in front."""
        return uri.replace(self.world.base_url,
                           f"http://127.0.0.1:{self.world.web_port}")

    def footer_of(self, name):
        """The link in the text that a person reads."""
        text = messages.texts(self.mail_of(name))["text/plain"]
        return self.local(re.search(
            rf"{re.escape(self.world.base_url)}/u/[\w-]+", text)[0])

    def page_of(self, name):
        uri, _ = messages.unsubscribe_uris(self.mail_of(name))
        return self.local(uri)

    def stay(self):
        print(f"\n{BOLD}Ctrl-C ends it and removes {self.world.dir}.{PLAIN}",
              flush=True)
        while True:
            time.sleep(0.3)
            for name in self.keep():
                print(f"  arrived: {name}", flush=True)
                data = (self.delivered / name).read_bytes()
                if b"consent@m.acme.example" in data:
                    print(f"    confirm by {self.local(link_in(data))}",
                          flush=True)


def show(once):
    began = time.monotonic()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="consent-demo-"))
    folder.chmod(0o711)
    world = None
    try:
        world = World(folder, settings=MAIL, purposes=PURPOSES + FORM,
                      streams=LETTERS + STREAMS)
        world.write_config(world.config.replace(
            "127.0.0.1:1\"", f"127.0.0.1:{world.postfix.port()}\""))
        world.init()
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
              f"  {len(people()) - 1} people imported from "
              "tools/demo.d/people.csv")
        demo = Demo(world)
        demo.one_each()
        demo.several()
        demo.password_reset()
        demo.excerpt()
        demo.click()
        demo.subscribe()
        if demo.wrong:
            print(f"\n{RED}Not as it should be:{PLAIN} "
                  f"{'; '.join(demo.wrong)}\n{world.milter_log()}")
        print(f"\n{DIM}{time.monotonic() - began:.1f} s{PLAIN}")
        if not once:
            demo.by_hand()
            demo.stay()
        return 1 if demo.wrong else 0
    finally:
        if world is not None:
            world.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def leave(*_):
        for end in ends:  # a second Ctrl-C must not cut the cleaning short
            signal.signal(end, signal.SIG_IGN)
        raise KeyboardInterrupt
    for end in ends:
        signal.signal(end, leave)
    try:
        return show("--once" in sys.argv[1:])
    except KeyboardInterrupt:
        print("\ndemo: ended; nothing is left running")
        return 0


if __name__ == "__main__":
    sys.exit(main())
