#!/usr/bin/python3
"""consent-milter beside the cheapest milters there can be (`make bench`).

    bench.py --build FOLDER [--contacts N] [--rounds N] [--ms N] [--flybe N]
             [--only import,edit,milter,postfix,lookup,flybe] [--cell TEXT]
             [--long]

In one run and interleaved, in random order inside each round, because a
shared machine is half as fast from one minute to the next: only ratios of
the same round mean anything.  Shown are medians.  At the end each goal is told
by name, reached or missed; what a missed one waits for stands in HACKING.

noop     libmilter with every callback, does nothing
copy     the cheapest milter of our kind: (b-nr) of shared/perf.md
proof1   consent-milter, GMime reads every result again
proof100 consent-milter, GMime reads every hundredth
drop100  as proof100, refusals at end of message (no reply at RCPT)
"""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parents[1]
sys.path.insert(0, str(REPO / "tests" / "e2e"))

from harness.postfix import Postfix  # noqa: E402
from harness.proc import (Process, free_port, run, unix_answers,  # noqa: E402
                          wait_until)
from harness.world import MILTER_USER, READ_GROUP, WRITE_GROUP  # noqa: E402

import flybe  # noqa: E402

CONFIG = """\
controller "acme" {{
    name = "Acme GmbH"
    address = "Main Street 1, 10115 Berlin"
    contact = "privacy@acme.example"
    country = "DE"
}}
store {{
    path = "{folder}/store"
    map-size = "8G"
    group = "{group}"
    write-group = "{write_group}"
}}
milter {{ user = "{user}" }}
keys {{ path = "{folder}/keys" }}
own-networks = {{"127.0.0.0/8", "::1"}}
templates = "{templates}"
proof = {proof}
listener "main" {{ socket = "unix:{folder}/{name}.sock"  unmatched = pass }}
web {{ base-url = "https://consent.acme.example"  listen = "127.0.0.1:{port}" }}
purpose "acme"            {{ title = "Everything from Acme" }}
purpose "acme/newsletter" {{ title = "Acme newsletter"  lifetime = "3y" }}
stream "newsletter" {{
    type = marketing
    sender = {{"news@acme.example"}}
    purpose = {{"acme/newsletter"}}
    refuse = {refuse}
    mode = enforce
}}
"""

OURS = {"proof1": (1, "reject"), "proof100": (100, "reject"),
        "drop100": (100, "drop")}
PEERS = ["noop", "copy", *OURS]
SIZES = {"4 KB": 4000, "50 KB": 50000}

# shared/perf.md: what a milter that parses and edits may cost.
BODY_AIM = 15        # times faster than GMime
MEMORY_AIM = 2       # times the message, itself not counted
COPY_RATE_AIM = 0.80
COPY_CPU_AIM = 1.35
NOOP_AIM = 1.5
POSTFIX_AIM = 0.97
GOAL_CELL = "50 KB, 1 recipients, {} connections"
GOAL_CONNECTIONS = (1, 10)
GOAL_MILTERS = {"proof100": "refuse = reject", "drop100": "refuse = drop"}

HEADERS = """\
Received: from app.acme.example (app.acme.example [192.0.2.7])
\tby tool.acme.example with ESMTP id 7Q2x; Sat, 21 Nov 2026 10:00:00 +0000
Date: Sat, 21 Nov 2026 10:00:00 +0000
From: "Acme News" <news@acme.example>
Reply-To: service@acme.example
To: someone@example.com
Subject: Winter boots, and a word about the new shop in Brno
Message-ID: <20261121100000.7Q2x@tool.acme.example>
MIME-Version: 1.0
Content-Type: multipart/alternative;
\tboundary="=_alt_20261121_7Q2x"
List-Id: Acme News <news.acme.example>
List-Unsubscribe: <https://tool.acme.example/unsubscribe/7Q2x>
Precedence: bulk
X-Mailer: NewsTool 4.2
X-Campaign: winter-2026
"""

SENTENCE = ("Warm boots for cold days: the new collection is here, and the "
            "first hundred pairs come with wool socks. ")


def newsletter(size):
    """multipart/alternative, text and quoted-printable HTML, about size."""
    def paragraphs(octets, line):
        return "".join(line for _ in range(max(1, octets // len(line))))
    boundary = "--=_alt_20261121_7Q2x"
    text = paragraphs(size // 5, SENTENCE.strip() + "\r\n")
    html = paragraphs(
        size * 4 // 5 - 400,
        '<p style=3D"margin:0;color:#222">Warm boots for cold days: the=\r\n'
        ' new <a href=3D"https://acme.example/x">collection</a> is here.'
        "</p>\r\n")
    body = (f"{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
            f"{boundary}\r\nContent-Type: text/html; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
            f"<html><head><title>Acme</title></head><body>\r\n{html}"
            f"</body></html>\r\n\r\n{boundary}--\r\n")
    return HEADERS.replace("\n", "\r\n") + "\r\n" + body


def is_refused(i):
    """Every tenth contact has withdrawn; milterload knows that too."""
    return i % 10 == 0


def worker_of(pid):
    """consent-milter watches over a child that does the work."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    below = children.read_text().split()
    return int(below[0]) if below else None


def show(*columns, widths=(26, 11, 12, 9, 9, 9, 9, 9)):
    print(" ".join(f"{c:<{w}}" if i == 0 else f"{c:>{w}}"
                   for i, (c, w) in enumerate(zip(columns, widths))),
          flush=True)


def paired(results, name, other, key):
    """The median of the ratios within rounds."""
    return statistics.median(
        a[key] / max(b[key], 1e-9)
        for a, b in zip(results[name], results[other]))


class Bench:
    def __init__(self, args, folder):
        self.args = args
        self.build = pathlib.Path(args.build).resolve()
        self.folder = pathlib.Path(folder)
        self.running = {}
        self.pids = {}
        self.seed = random.Random(20261121)
        self.cells = {}
        self.goals = []

    def beside(self, folder):
        """Another store, the same list of goals."""
        other = Bench(self.args, folder)
        other.goals = self.goals
        return other

    def program(self, name):
        for sub in ("", "milter", "tools", "web"):
            path = self.build / sub / name
            if path.is_file():
                return path
        raise SystemExit(f"bench: {name} is not built in {self.build}")

    def socket(self, name):
        return self.folder / f"{name}.sock"

    def config(self, name):
        proof, refuse = OURS[name]
        path = self.folder / f"{name}.conf"
        path.write_text(CONFIG.format(
            folder=self.folder, name=name, proof=proof, refuse=refuse,
            user=MILTER_USER, group=READ_GROUP, write_group=WRITE_GROUP,
            templates=REPO / "conf" / "templates", port=free_port()))
        return path

    # ---- the store -----------------------------------------------------

    def write_lists(self):
        count = self.args.contacts
        csv, table = self.folder / "people.csv", self.folder / "table"
        with open(csv, "w") as f, open(table, "w") as t:
            f.write("email,purpose,status,source,time,language\n")
            for i in range(count):
                status = "withdrawn" if is_refused(i) else "granted"
                f.write(f"user{i}@example.com,acme/newsletter,{status},"
                        "web-form,2026-06-01T10:00:00Z,en\n")
                t.write(f"user{i}@example.com OK\n")
            # smtp-source sends to 50user@ ... 2user@ and user@
            for i in ("", *range(2, 51)):
                f.write(f"{i}user@example.com,acme/newsletter,granted,"
                        "web-form,2026-06-01T10:00:00Z,en\n")
        return csv, table

    def store(self):
        conf = self.config("proof1")
        ctl = self.program("consentctl")
        csv, table = self.write_lists()
        run([ctl, "-c", conf, "init"])
        start = time.monotonic()
        run([ctl, "-c", conf, "import", csv, "--attest", "bench"],
            timeout=3600)
        ours = self.args.contacts / (time.monotonic() - start)
        size = sum(f.stat().st_blocks * 512
                   for f in (self.folder / "store").rglob("*.mdb"))
        print(f"import of {self.args.contacts} contacts: "
              f"{ours:,.0f} rows/s, {size / self.args.contacts:.0f} octets a "
              "contact on disk, all environments")
        if "import" in self.args.only and shutil.which("postmap"):
            self.postmap(table, ours)

    def postmap(self, table, ours):
        """Postfix's own way to the same addresses, without proof of any."""
        conf = self.folder / "postmap.d"
        conf.mkdir()
        (conf / "main.cf").write_text(
            "compatibility_level = 3.6\nlmdb_map_size = 4294967296\n"
            f"meta_directory = {conf}\n")
        # /etc/postfix may not list it; nothing there is touched.
        (conf / "dynamicmaps.cf").write_text(
            "lmdb postfix-lmdb.so dict_lmdb_open mkmap_lmdb_open\n")
        start = time.monotonic()
        done = run(["postmap", "-c", conf, f"lmdb:{table}"], ok=False,
                   timeout=3600)
        if done.returncode != 0:
            print("postmap lmdb: not to be had here (package postfix-lmdb)")
            return
        theirs = self.args.contacts / (time.monotonic() - start)
        print(f"postmap lmdb: of the same addresses: {theirs:,.0f} rows/s; "
              f"we are at {ours / theirs:.2f} of it")

    def lookups(self):
        print(run([self.build / "tests" / "bench" / "lookup",
                   self.folder / "proof1.conf", self.args.contacts],
                  timeout=600).stdout.decode().strip(), flush=True)

    # ---- the milters ---------------------------------------------------

    def start(self, names=PEERS):
        for name in names:
            if name in OURS:
                argv = [self.program("consent-milter"), "-f", "-c",
                        self.config(name)]
            else:
                argv = [self.build / "tests" / "bench" / "peer", name,
                        f"unix:{self.socket(name)}"]
            process = Process(argv, self.folder / f"{name}.out")
            process.wait_ready(name,
                               lambda: unix_answers(self.socket(name)))
            self.socket(name).chmod(0o666)
            self.running[name] = process
            self.pids[name] = process.pid if name not in OURS else \
                wait_until(name, lambda: worker_of(process.pid))

    def stop(self):
        for process in self.running.values():
            if process.running():
                process.stop()

    def load(self, name, message, rcpts, connections, more=()):
        drop = 10 if rcpts > 1 else 0
        out = run([self.build / "tests" / "bench" / "milterload",
                   "-u", self.socket(name), "-m", message, "-n", rcpts,
                   "-c", connections, "-t", self.args.ms, "-d", drop,
                   "-k", self.args.contacts,
                   "-p", self.pids[name], *more], timeout=3600)
        result = json.loads(out.stdout)
        if result["deferred"] or (name != "noop" and not result["bodies"]
                                  and "-a" not in more):
            raise SystemExit(f"bench: {name} did not do its work: {result}")
        n = max(1, result["messages"])
        result["rate"] = n / result["elapsed_us"] * 1e6
        result["cpu"] = result["cpu_us"] / n
        return result

    def cell(self, title, message, rcpts, connections, more=()):
        if self.args.cell not in title:
            return
        results = {name: [] for name in PEERS}
        for _ in range(self.args.rounds):
            order = PEERS[:]
            self.seed.shuffle(order)
            for name in order:
                results[name].append(self.load(name, message, rcpts,
                                               connections, more))
        self.cells[title] = results
        print(f"\n{title}")
        show("milter", "messages/s", "CPU us/msg", "p50 us", "p99 us",
             "x copy", "x noop", "CPU/copy")
        for name in PEERS:
            self.row(name, results)

    def row(self, name, results):
        def middle(key):
            return statistics.median(r[key] for r in results[name])

        def ratio(key, other):
            return paired(results, name, other, key)
        show(name, f"{middle('rate'):,.0f}", f"{middle('cpu'):,.0f}",
             f"{middle('p50_us'):,.0f}", f"{middle('p99_us'):,.0f}",
             f"{ratio('rate', 'copy'):.2f}", f"{ratio('rate', 'noop'):.2f}",
             f"{ratio('cpu', 'copy'):.2f}")

    # ---- the body step -------------------------------------------------

    def body_step(self):
        found = json.loads(run([self.build / "tests" / "bench" / "bench_edit"],
                               timeout=600).stdout)
        times = found["gmime_ns"] / found["ours_ns"]
        memory = found["memory_percent"] / 100
        print(f"body step, {found['octets']} octets, median CPU: "
              f"{found['ours_ns'] / 1000:.1f} us, with GMime's proof "
              f"{found['proved_ns'] / 1000:.1f} us; GMime parse, footer and "
              f"write: {found['gmime_ns'] / 1000:.1f} us")
        self.goal(f"body step 1/{times:.1f} of GMime parse, footer and write "
                  f"(aim 1/{BODY_AIM})", times >= BODY_AIM)
        self.goal(f"memory for the body step at 25 MB {memory:.2f} of the "
                  f"message, {memory + 1:.2f} with it (aim under {MEMORY_AIM})",
                  memory + 1 < MEMORY_AIM)

    # ---- goals ---------------------------------------------------------

    def goal(self, what, reached):
        self.goals.append(f"goal: {what}: {'reached' if reached else 'missed'}")

    def milter_goals(self):
        for name, setting in GOAL_MILTERS.items():
            self.milter_goal(name, setting, "messages/s of copy", "rate",
                             "copy", COPY_RATE_AIM, "at least")
            self.milter_goal(name, setting, "CPU of copy", "cpu",
                             "copy", COPY_CPU_AIM, "at most")
            self.milter_goal(name, setting, "messages/s of noop", "rate",
                             "noop", NOOP_AIM, "at least")

    def milter_goal(self, name, setting, what, key, other, aim, side):
        found = {c: paired(self.cells[GOAL_CELL.format(c)], name, other, key)
                 for c in GOAL_CONNECTIONS
                 if GOAL_CELL.format(c) in self.cells}
        if not found:
            return
        values = ", ".join(f"{ratio:.2f} with {c} connections"
                           for c, ratio in found.items())
        good = (lambda r: r >= aim) if side == "at least" else \
            (lambda r: r <= aim)
        self.goal(f"{what}, 50 KB, 1 recipient, {setting}: {values} "
                  f"(aim {side} {aim})", all(map(good, found.values())))

    def messages(self):
        for octets in SIZES.values():
            (self.folder / f"{octets}.eml").write_bytes(
                newsletter(octets).encode())

    def milters(self):
        self.messages()
        for size, octets in SIZES.items():
            path = self.folder / f"{octets}.eml"
            for rcpts in (1, 50):
                for connections in (1, 10):
                    self.cell(f"{size}, {rcpts} recipients, {connections} "
                              "connections", path, rcpts, connections)
        path = self.folder / "50000.eml"
        self.cell("50 KB, 1 recipient, 1 connection, 2 ms between commands "
                  "(an SMTP client's pace)", path, 1, 1, ["-y", "2000"])
        self.cell("50 KB, 1 recipient, 32 connections, open loop of "
                  f"{self.args.rate} messages/s", path, 1, 32,
                  ["-r", str(self.args.rate)])
        self.milter_goals()

    # ---- through Postfix -----------------------------------------------

    def postfix(self):
        """Messages a second until smtp-sink has them all."""
        names = ["none", *PEERS]
        sink_port = free_port()
        self.messages()
        sink = Process(["smtp-sink", "-c", "-u", "nobody",
                        f"127.0.0.1:{sink_port}", "1000"],
                       self.folder / "sink.out")
        mta = Postfix(self.folder / "mta", sink_port, {
            name: "" if name == "none" else f"unix:{self.socket(name)}"
            for name in names})
        mta.start()
        try:
            for rcpts in (1, 50):
                self.postfix_cell(mta, names, rcpts)
        finally:
            mta.stop()
            sink.stop()

    def postfix_cell(self, mta, names, rcpts):
        rates = {name: [] for name in names}
        count = self.args.mails if rcpts == 1 else self.args.mails // 5
        for _ in range(self.args.rounds):
            order = names[:]
            self.seed.shuffle(order)
            for name in order:
                rates[name].append(self.send_mails(mta, name, rcpts, count))
        if rcpts == 1:
            ratio = statistics.median(
                a / b for a, b in zip(rates["proof100"], rates["noop"]))
            self.goal(f"Postfix throughput {ratio:.2f} of noop (aim at least "
                      f"{POSTFIX_AIM})", ratio >= POSTFIX_AIM)
        print(f"\nthrough Postfix: {count} mails of 50 KB, {rcpts} "
              "recipients, smtp-source with 10 sessions, until the queue is "
              "empty")
        show("milter", "messages/s", "x none", "x noop")
        for name in names:
            show(name, f"{statistics.median(rates[name]):,.0f}",
                 *(f"""{statistics.median(
                     a / b for a, b in zip(rates[name], rates[other])):.2f}"""
                   for other in ("none", "noop")))

    def send_mails(self, mta, name, rcpts, count):
        start = time.monotonic()
        run(["smtp-source", "-c", "-s", "10", "-m", count, "-r", rcpts,
             "-f", "news@acme.example", "-t", "user@example.com",
             "-F", self.folder / "50000.eml",
             f"127.0.0.1:{mta.port(name)}"], timeout=600)
        mta.settle(600)
        return count / (time.monotonic() - start)


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--build", required=True)
    p.add_argument("--contacts", type=int, default=1000000)
    p.add_argument("--rounds", type=int, default=9)
    p.add_argument("--ms", type=int, default=400)
    p.add_argument("--rate", type=int, default=500)
    p.add_argument("--mails", type=int, default=300)
    p.add_argument("--only",
                   default="import,edit,milter,postfix,lookup,flybe")
    p.add_argument("--flybe", type=int, default=flybe.PEOPLE)
    p.add_argument("--cell", default="", help="only titles with this in them")
    p.add_argument("--long", action="store_true")
    args = p.parse_args()
    args.only = args.only.split(",")
    if args.long:
        args.rounds *= 4
    return args


def main():
    args = options()
    with tempfile.TemporaryDirectory(prefix="cm-bench-") as folder:
        os.chmod(folder, 0o755)
        bench = Bench(args, folder)
        if "edit" in args.only:
            bench.body_step()
        measure(bench, args)
        if "flybe" in args.only:
            below = pathlib.Path(folder) / "flybe"
            below.mkdir(mode=0o755)
            flybe.run_case(bench.beside(below))
        print("\n" + "\n".join(bench.goals))


def measure(bench, args):
    if set(args.only) & {"import", "lookup", "milter", "postfix"}:
        bench.store()
    if "lookup" in args.only:
        bench.lookups()
    if not {"milter", "postfix"} & set(args.only):
        return
    try:
        bench.start()
        if "milter" in args.only:
            bench.milters()
        if "postfix" in args.only:
            bench.postfix()
    finally:
        bench.stop()


if __name__ == "__main__":
    main()
