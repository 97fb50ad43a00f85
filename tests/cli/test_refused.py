"""consentctl refused: the mail log, read again."""
import csv
import gzip
import os
import subprocess
import time

import pytest

ANN, BOB = "ann@b.example", "bob@b.example"


@pytest.fixture
def ids(ctl):
    """Two people on record, by the ids that a log has."""
    ctl.load("email,purpose,status,time\n" + "".join(
        f"{who},acme/newsletter,granted,2026-01-01T00:00:00Z\n"
        for who in (ANN, BOB)))
    return {who: ctl.json("show", who)["contact"] for who in (ANN, BOB)}


def told(contact, reason="withdrawn", queue="4ABC", stream="newsletter"):
    return (f"{queue}: refused contact={contact} reason={reason} stage=rcpt "
            f"event=17" + (f" stream={stream}" if stream else ""))


def iso(at, text, program="consent-milter[12]"):
    return f"{at} mx1 {program}: {text}\n"


def refused(ctl, log, *args, code=0, since="2026-11-01"):
    return ctl.json("refused", "--since", since, "--log", log, *args,
                    code=code)


def test_who_when_why(ctl, ids):
    log = ctl.file(
        iso("2026-11-02T10:00:00+01:00", told(ids[ANN])) +
        iso("2026-11-02T10:00:00.123456+01:00", told(ids[BOB], "no-record",
                                                     "NOQUEUE", "offers")) +
        iso("2026-11-02T10:00:01Z", "4ABC: stream=newsletter type=marketing "
            "mode=enforce result=rejected rcpts=1") +
        iso("2026-11-02T10:00:02Z", "connect from x", "postfix/smtpd[9]") +
        iso("2026-11-02T10:00:03Z", told("unreadable", "bad-address")) +
        iso("2026-10-31T23:59:59Z", told(ids[ANN])) +
        iso("2026-11-03T00:00:00Z", told("0" * 24, stream="")), "mail.log")
    got = refused(ctl, log)
    assert [(r["time"], r["stream"], r["address"], r["reason"]) for r in
            got["refused"]] == [
        ("2026-11-02T09:00:00Z", "newsletter", ANN, "withdrawn"),
        ("2026-11-02T09:00:00.123Z", "offers", BOB, "no-record"),
        ("2026-11-02T10:00:03Z", "newsletter", None, "bad-address"),
        ("2026-11-03T00:00:00Z", None, None, "withdrawn")]
    assert got["refused"][0]["contact"] == ids[ANN]
    assert got["refused"][2]["contact"] is None
    assert got["reasons"] == {"withdrawn": 2, "no-record": 1,
                              "bad-address": 1}
    assert (got["lines"], got["of_consent_milter"], got["damaged"]) == \
        (7, 6, 0)
    # Less of it.
    assert len(refused(ctl, log, "--until", "2026-11-03")["refused"]) == 3
    one = refused(ctl, log, "--stream", "offers")["refused"]
    assert [r["address"] for r in one] == [BOB]
    assert refused(ctl, log, code=1, since="2026-12-01")["refused"] == []
    text = ctl.run("refused", "--since", "2026-11-01", "--log", log).stdout
    assert f"{ANN}\n" in text and "4 refusals in " in text
    assert "2  withdrawn " in text


@pytest.mark.parametrize("line,want", [
    ("<22>1 2026-11-02T09:00:00.5Z mx1 consent-milter 12 - - {}",
     "2026-11-02T09:00:00.500Z"),
    ('<22>1 2026-11-02T09:00:00Z mx1 consent-milter 12 - [a b="c d"][e] {}',
     "2026-11-02T09:00:00Z"),
    ("<22>2026-11-02T09:00:00Z mx1 consent-milter[12]: {}",
     "2026-11-02T09:00:00Z"),
    ("2026-11-02T09:00:00Z mx1 consent-milter: {}", "2026-11-02T09:00:00Z"),
])
def test_forms_of_lines(ctl, ids, line, want):
    log = ctl.file(line.format(told(ids[ANN])) + "\n", "mail.log")
    got = refused(ctl, log)["refused"]
    assert [(r["time"], r["address"]) for r in got] == [(want, ANN)]


def test_no_year_and_no_zone(ctl, ids):
    """RFC 3164: the last such time before now, by the clocks named."""
    now = time.time()
    stamps = []
    for days in (0, 3, 40, 300):
        at = time.gmtime(now - days * 86400 - 3600)
        stamps.append((time.strftime("%Y-%m-%dT%H:%M:%SZ", at),
                       time.strftime("%b ", at) + f"{at.tm_mday:2d}" +
                       time.strftime(" %H:%M:%S", at)))
    log = ctl.file("".join(f"{s} mx1 consent-milter[1]: {told(ids[ANN])}\n"
                           for _, s in stamps), "mail.log")
    got = refused(ctl, log, "--zone", "UTC", since="2020-01-01")["refused"]
    assert [r["time"] for r in got] == [t for t, _ in stamps]
    log = ctl.file(f"Jul  1 12:00:00 mx1 consent-milter[1]: "
                   f"{told(ids[ANN])}\n"
                   "Feb 29 12:00:00 mx1 consent-milter[1]: "
                   f"{told(ids[ANN])}\n", "other.log")
    got = refused(ctl, log, "--zone", "Europe/Berlin",
                  since="2015-01-01")["refused"]
    assert got[0]["time"].endswith("-07-01T10:00:00Z")
    assert got[1]["time"].endswith("-02-29T11:00:00Z")
    ctl.fails("refused", "--since", "2026-01-01", "--log", log, "--zone",
              "Mars/North", code=64, says="Mars/North")


@pytest.mark.parametrize("bad", [
    "4ABC: refused contact=12 reason=withdrawn",
    "4ABC: refused contact=" + "0" * 24,
    "4ABC: refused contact=" + "0" * 24 + " reason=because",
    "4ABC: refused contact=" + "z" * 24 + " reason=withdrawn",
])
def test_damaged_lines_are_counted(ctl, ids, bad):
    log = ctl.file(b"\x00\xff\n\n" + iso("2026-11-02T10:00:00Z", bad).encode() +
                   b"v 2 10:00:00 mx1 consent-milter[1]: 4ABC: refused "
                   b"contact=\n" +
                   iso("2026-11-02T10:00:00Z", told(ids[ANN])).encode()[:-1],
                   "mail.log")
    got = refused(ctl, log)
    assert (len(got["refused"]), got["damaged"]) == (1, 2)
    done = ctl.run("refused", "--since", "2026-11-01", "--log", log)
    assert "2 damaged lines" in done.stderr


def test_csv(ctl, ids):
    """E-9: nothing that a spreadsheet would run."""
    log = ctl.file(iso("2026-11-02T10:00:00Z",
                       told(ids[ANN], queue="=1+1")), "mail.log")
    out = ctl.dir / "out.csv"
    ctl.run("refused", "--since", "2026-11-01", "--log", log, "-o", out)
    rows = list(csv.DictReader(out.open(newline="")))
    assert rows == [{"time": "2026-11-02T10:00:00Z", "queue_id": "'=1+1",
                     "stream": "newsletter", "address": ANN,
                     "contact": ids[ANN], "reason": "withdrawn",
                     "stage": "rcpt"}]
    ctl.fails("refused", "--since", "2026-11-01", "--log", log, "-o", out,
              code=64, says="exists; name a new file")


def test_where_the_log_comes_from(ctl, ids):
    text = iso("2026-11-02T10:00:00Z", told(ids[ANN])).encode()
    packed = ctl.file(gzip.compress(text), "mail.log.2.gz")
    ctl.fails("refused", "--since", "2026-11-01", "--log", packed, code=65,
              says=["is compressed: zcat", "--log -"])
    done = subprocess.run(ctl.command("refused", "--since", "2026-11-01",
                                      "--log", "-"), input=text,
                          capture_output=True)
    assert done.returncode == 0 and ANN.encode() in done.stdout
    ctl.fails("refused", "--since", "2026-11-01", "--log", "/nowhere", code=64,
              says=["journalctl -t consent-milter", "--log FILE"])
    empty = ctl.file("", "empty.log")
    assert "is it the right log?" in ctl.run(
        "refused", "--since", "2026-11-01", "--log", empty, code=1).stderr
    for args, says in ((["--since", "yesterday"], "is no time"),
                       (["--since", "2026-11-02", "--until", "2026-11-01"],
                        "is not after"),
                       (["--since", "2026-11-02", "--stream", "newletter"],
                        'did you mean "newsletter"')):
        ctl.fails("refused", *args, "--log", empty, code=64, says=says)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_without_the_right_to_addresses(ctl, ids):
    """Who may only read the ledger sees ids."""
    log = ctl.file(iso("2026-11-02T10:00:00Z", told(ids[ANN])), "mail.log")
    for folder in (ctl.dir, *ctl.dir.parents):
        if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    done = subprocess.run(ctl.command("refused", "--since", "2026-11-01",
                                      "--log", "-"), input=log.read_text(),
                          capture_output=True, text=True, user=65534,
                          group=65534, extra_groups=[])
    assert ids[ANN] in done.stdout and ANN not in done.stdout, done.stderr
    assert "people are named by their ids" in done.stderr
