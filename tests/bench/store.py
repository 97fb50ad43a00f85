#!/usr/bin/python3
"""What the store costs, beside what others need for the same rows.

    store.py --build FOLDER [--sizes 200000,1000000]

BENCH_LARGE=1 adds 10,000,000 contacts: some 20 GB of disk below TMPDIR, 8 GB
of memory and half an hour.

For each size, in one run: the import of a list, `sqlite3 .import` of the same
list into a table with the address as its key, and `mdb_load` of address and
row; then lookups beside mdb_get, verify and rebuild.  At the end durable acts
one at a time, beside the disk's own rate.  Ratios are to the line named.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

CONFIG = """\
controller "acme" {{
    name = "Acme GmbH"  address = "Main Street 1, 10115 Berlin"
    contact = "privacy@acme.example"  country = "DE"
}}
store {{ path = "{dir}/store"  map-size = "64G" {groups} }}
keys {{ path = "{dir}/keys" }}
own-networks = {{"127.0.0.0/8"}}
listener "main" {{ socket = "unix:{dir}/main.sock"  unmatched = pass }}
web {{ base-url = "https://consent.acme.example"  listen = "127.0.0.1:8025" }}
purpose "acme"            {{ title = "Everything from Acme" }}
purpose "acme/newsletter" {{ title = "Acme newsletter"  lifetime = "3y" }}
stream "newsletter" {{
    type = marketing  sender = {{"news@acme.example"}}
    purpose = {{"acme/newsletter"}}  mode = enforce
}}
"""
LARGE = 10_000_000
COLUMNS = ["email", "purpose", "status", "source", "time"]


def rows(count):
    for i in range(count):
        status = "withdrawn" if i % 10 == 0 else "granted"
        yield (f"user{i}@example.com", "acme/newsletter", status, "web-form",
               "2026-06-01T10:00:00Z")


class Ran:
    """A command to its end: wall, CPU and peak memory of it alone."""

    def __init__(self, argv, stdin=None):
        start = time.monotonic()
        with subprocess.Popen([str(a) for a in argv],
                              stdin=stdin or subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as process:
            self.text = process.stdout.read().decode(errors="replace")
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.wall = time.monotonic() - start
        self.cpu = usage.ru_utime + usage.ru_stime
        self.mib = usage.ru_maxrss / 1024
        if process.returncode != 0:
            sys.exit(f"{argv[0]}: status {process.returncode}\n{self.text}")


def octets(*paths):
    return sum(p.stat().st_blocks * 512 for p in paths)


class Size:
    """One size, in a folder of its own."""

    def __init__(self, build, folder, count):
        self.build, self.dir, self.count = build, folder, count
        self.config = folder / "bench.conf"
        groups = 'group = "root"  write-group = "root"' \
            if os.geteuid() == 0 else ""
        self.config.write_text(CONFIG.format(dir=folder, groups=groups))
        self.list = folder / "people.csv"
        with open(self.list, "w") as f:
            f.write(",".join(COLUMNS) + "\n")
            f.writelines(",".join(row) + "\n" for row in rows(count))
        self.ours = None

    def ctl(self, *args):
        return Ran([self.build / "consentctl", "-c", self.config, *args])

    def row(self, name, ran, size=None, other=None):
        line = (f"  {name:26}{self.count / ran.wall:12,.0f}/s"
                f"{ran.cpu * 1e6 / self.count:9.2f} us CPU"
                f"{ran.mib:8,.0f} MiB")
        if size is not None:
            line += f"{size / self.count:7.0f} octets each"
        if other is not None:
            line += (f"  (ours: {other.wall / self.ours.wall:.2f} of its "
                     f"rate, {self.ours.cpu / other.cpu:.1f} x its CPU)")
        print(line, flush=True)

    def run(self):
        print(f"\n{self.count:,} contacts", flush=True)
        self.ctl("init")
        self.ours = self.ctl("import", self.list, "--attest", "bench")
        parts = {name: octets(self.dir / f"store/store/{name}/data.mdb")
                 for name in ("ledger", "private")}
        self.row("consentctl import", self.ours, sum(parts.values()))
        print("    of these octets: " + ", ".join(
            f"{name} {n / self.count:.0f}" for name, n in parts.items()))
        self.sqlite()
        self.mdb_load()
        self.row("consentctl verify", self.ctl("verify"))
        self.row("consentctl rebuild", self.ctl("rebuild"))
        lookup = Ran([self.build / "tests/bench/lookup", self.config,
                      self.count])
        print("  " + lookup.text.strip().replace("\n", "\n  "), flush=True)

    def sqlite(self):
        if shutil.which("sqlite3") is None:
            print("  sqlite3: not installed (package sqlite3)")
            return
        db = self.dir / "people.db"
        ran = Ran(["sqlite3", db,
                   "CREATE TABLE people(email TEXT PRIMARY KEY, purpose TEXT, "
                   "status TEXT, source TEXT, time TEXT) WITHOUT ROWID",
                   f".import --csv --skip 1 {self.list} people"])
        self.row("sqlite3 .import", ran, octets(db), ran)
        db.unlink()

    def mdb_load(self):
        if shutil.which("mdb_load") is None:
            print("  mdb_load: not installed (package lmdb-utils)")
            return
        dump, db = self.dir / "people.dump", self.dir / "people.mdb"
        with open(dump, "w") as f:
            f.write("VERSION=3\nformat=print\ntype=btree\n"
                    f"mapsize={64 << 30}\nHEADER=END\n")
            f.writelines(f" {row[0]}\n {','.join(row[1:])}\n"
                         for row in rows(self.count))
            f.write("DATA=END\n")
        ran = Ran(["mdb_load", "-n", "-f", dump, db])
        self.row("mdb_load", ran, octets(db), ran)
        db.unlink()
        dump.unlink()


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--build", required=True)
    p.add_argument("--sizes", default="200000,1000000")
    args = p.parse_args()
    args.sizes = [int(n) for n in args.sizes.split(",")]
    if os.environ.get("BENCH_LARGE"):
        args.sizes.append(LARGE)
    return args


def main():
    args = options()
    build = pathlib.Path(args.build).resolve()
    if not os.environ.get("BENCH_LARGE"):
        print(f"({LARGE:,} contacts, too: BENCH_LARGE=1, which takes 20 GB "
              "of disk, 8 GB of memory and half an hour)")
    for count in args.sizes:
        with tempfile.TemporaryDirectory(prefix="cm-bench-") as folder:
            Size(build, pathlib.Path(folder), count).run()
    print("\ndurable acts, in a store of 20,000")
    ran = Ran([build / "tests/bench/bench_store", "20000"])
    for line in ran.text.splitlines():
        if "durable" in line or "disk" in line or "at once" in line:
            print("  " + line)


if __name__ == "__main__":
    main()
