"""AT-FLYBE at its size: 3.4 million people who object, and one campaign.

Their list is imported, every one of them is named to the milter as a
recipient, and nobody may get anything.  Also how long that takes.
"""
import collections
import re
import time

from harness.proc import run

PEOPLE = 3400000
RCPTS = 5000         # of a message; what Postfix hands on at a time is less
CONNECTIONS = 2


def write_list(path, count):
    with open(path, "w") as f:
        f.write("email,status,time\n")
        for i in range(count):
            f.write(f"user{i}@example.com,objected,2015-06-01T12:00:00Z\n")


def logged(path):
    """Reasons of all refusals, and the sums of all messages."""
    reasons, sums = collections.Counter(), collections.Counter()
    with open(path, errors="replace") as f:
        for line in f:
            refused = re.search(r" refused contact=[0-9a-f]{24} "
                                r"reason=([\w-]+)", line)
            if refused:
                reasons[refused[1]] += 1
                continue
            for key, value in re.findall(
                    r"\b(rcpts|allowed|refused|deferred)=(\d+)", line):
                sums[key] += int(value)
    return dict(reasons), dict(sums)


def given(bench, count):
    """A store of them; seconds of the import."""
    people = bench.folder / "flybe.csv"
    write_list(people, count)
    command = [bench.program("consentctl"), "-c", bench.config("proof100")]
    run([*command, "init"])
    start = time.monotonic()
    run([*command, "import", people, "--attest", "bench"], timeout=3600)
    people.unlink()
    return time.monotonic() - start


def sent(bench, count):
    """What became of the campaign, as the MTA's side counts it."""
    bench.messages()
    bench.start(["proof100"])
    try:
        return bench.load("proof100", bench.folder / "4000.eml", RCPTS,
                          CONNECTIONS, ["-a", "-k", count])
    finally:
        bench.stop()


def run_case(bench):
    count = bench.args.flybe
    imported = given(bench, count)
    print(f"\nAT-FLYBE: {count:,} people who object imported in "
          f"{imported:.0f} s", flush=True)
    result = sent(bench, count)
    took = result["elapsed_us"] / 1e6
    print(f"their campaign: {count:,} recipients in {took:.0f} s, "
          f"{count / took:,.0f}/s; the milter's CPU "
          f"{result['cpu_us'] / count:.1f} us each")
    reasons, sums = logged(bench.folder / "proof100.out")
    bench.goal(
        f"AT-FLYBE: of {count:,} recipients {result['rcpts_refused']:,} "
        f"were refused, {reasons.get('objected', 0):,} logged as objected, "
        f"{result['passed']} messages left",
        result["rcpts_refused"] == count and result["rcpts_later"] == 0 and
        result["passed"] == 0 and reasons == {"objected": count} and
        sums == {"rcpts": count, "allowed": 0, "refused": count,
                 "deferred": 0})
