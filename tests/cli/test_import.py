"""consentctl import and check: lists as people really have them."""
import collections
import csv
import hashlib
import io
import json
import os
import random
import re
import resource
import signal
import subprocess
import time

import pytest

from conftest import BUILD, Ctl, PROVEN

HEADER = "email,purpose,status,source,time\n"
GRANTED = "acme/newsletter,granted,web-form,2026-01-10T09:12:00+01:00\n"


def rows_of(n, status="granted", start=0):
    return HEADER + "".join(
        f"user{i}@example.org,acme/newsletter,{status},web-form,"
        f"2026-01-10T09:12:00Z\n" for i in range(start, start + n))


# ---- what a list may look like ----------------------------------------------

@pytest.mark.parametrize("text", [
    HEADER + "ann@example.org," + GRANTED,
    (HEADER + "ann@example.org," + GRANTED).replace("\n", "\r\n"),
    (HEADER + "ann@example.org," + GRANTED).replace("\n", "\r"),
    (HEADER + "ann@example.org," + GRANTED).rstrip("\n"),
    (HEADER + "ann@example.org," + GRANTED).replace(",", ";"),
    (HEADER + "ann@example.org," + GRANTED).replace(",", "\t"),
    "\ufeff" + HEADER + "ann@example.org," + GRANTED,
    "\ufeff" + HEADER.replace(",", ";") +
    "ann@example.org;" + GRANTED.replace(",", ";") + ";;;;\n",
    "\n" + HEADER + "\n\nann@example.org," + GRANTED + "\n\n",
    HEADER.upper() + "ann@example.org," + GRANTED,
    "Time, Source ,STATUS,Purpose,eMail\n2026-01-10T08:12:00Z,WEB-FORM,"
    "Granted, acme/newsletter,\"Ann <Ann@Example.org>\"\n",
    '"email","purpose","status","source","time"\n"ann@example.org",'
    '"acme/newsletter","granted","web-form","2026-01-10T09:12:00+01:00"\n',
])
def test_forms(ctl, text):
    """E-8: delimiters, BOM, line ends, quotes, order and case of columns."""
    ctl.load(text)
    assert ctl.why("ann@example.org") == "consent"
    event = ctl.json("history", "ann@example.org")["events"][0]
    assert event["at"] == "2026-01-10T08:12:00Z"
    assert event["source"] == "web-form"


def test_cells_with_newlines_and_quotes(ctl):
    ctl.load('email,purpose,status,time,note\n'
             '"ann@example.org",acme/newsletter,granted,2026-01-10T00:00:00Z,'
             '"said ""yes""\nat the fair, twice"\n'
             'bob@example.org,acme/newsletter,granted,2026-01-10T00:00:00Z,\n')
    assert ctl.why("ann@example.org") == "consent"
    assert ctl.why("bob@example.org") == "consent"


def test_standard_input(ctl):
    ctl.run("import", "-", *PROVEN, input=rows_of(3))
    assert ctl.why("user2@example.org") == "consent"


def test_unknown_columns_are_named(ctl):
    done = ctl.load("email,status,First Name,Score\x1b[2J\n"
                    "ann@example.org,objected,Ann,7\n")
    assert "First Name, Score" in done.stderr and "\x1b" not in done.stderr
    assert ctl.why("ann@example.org") == "objected"


def test_options_for_missing_columns(ctl):
    ctl.load("email,status,time\nann@example.org,granted,2026-01-10T00:00:00Z"
             "\n", "--purpose", "acme/newsletter", "--source", "event",
             "--basis", "soft-opt-in", "--attest", "J. Doe")
    event = ctl.json("history", "ann@example.org")["events"][0]
    assert (event["source"], event["basis"]) == ("event", "soft-opt-in")


@pytest.mark.parametrize("charset,encoding", [
    ("windows-1252", "cp1252"), ("WINDOWS-1250", "cp1250"),
    ("utf-16le", "utf-16-le"), ("iso-8859-1", "latin-1")])
def test_charsets(ctl, charset, encoding):
    text = ("email,purpose,status,source,time,name\nann@example.org,"
            + GRANTED.strip() + ",J\u00fcrgen\n")
    file = ctl.file(text.encode(encoding))
    done = ctl.run("import", file, *PROVEN, code=65)
    if encoding == "utf-16-le":
        assert "is NUL (is this UTF-16? then give --charset utf-16)" \
            in done.stderr
    else:
        assert re.search(r'list-1.csv:row 2, column "name": byte 2 of the '
                         r'cell, 0xFC, is not UTF-8 .*--charset windows-1252',
                         done.stderr)
    assert ctl.events() == 0
    ctl.run("import", file, *PROVEN, "--charset", charset)
    assert ctl.why("ann@example.org") == "consent"


def test_bad_charset(ctl):
    file = ctl.file(b"email,status\na@example.org,granted\n\x81\n")
    ctl.fails("import", file, "--charset", "klingon-8", code=64,
              says='"klingon-8" is not an encoding that consentctl')
    ctl.fails("import", file, "--charset", "utf-8", code=65,
              says="line 3 of the file is not utf-8")
    ctl.fails("import", file, "--charset", "utf-16", code=65,
              says="has no byte order mark: give --charset utf-16le, or")
    ctl.fails("import", file, "--charset", "us-ascii", code=65,
              says="line 3")


@pytest.mark.parametrize("content,code,says", [
    (b"", 65, "is empty: it needs a header row"),
    (b"\n\n", 65, "has no rows"),
    (b"\xef\xbb\xbf", 65, "has no rows"),
    (b"email,status\n", 1, "has a header, but no rows"),
    (b"name,status\nann,granted\n", 65, "say which is what: --map"),
    (b"ann@example.org,x\nbob@example.org,y\n", 65,
     "say which is what: --map"),
    (b"email,name,Email\na,b,c\n", 65,
     'column "Email" stands twice (as number 1 and 3)'),
    (b"email,x,x\na,b,c\n", 65, 'column "x" stands twice'),
    (b"PK\x03\x04rest of a spreadsheet", 65, "is a spreadsheet or archive"),
    (b"email,\"status\n", 65, "row 1, column 2: a quote is opened here and"),
])
def test_not_a_list(ctl, content, code, says):
    ctl.fails("import", ctl.file(content), *PROVEN, code=code, says=says)
    assert ctl.events() == 0


def test_no_such_list(ctl):
    ctl.fails("import", ctl.dir / "none.csv", code=64,
              says="none.csv: No such file")
    ctl.fails("import", ctl.dir, code=64, says="is a folder")


# ---- bad rows ---------------------------------------------------------------

GOOD = "ann@example.org,acme/newsletter,granted,web-form,2026-01-10T09:12:00Z\n"
BAD_ROWS = [
    ("x,acme/newsletter,granted,web-form,",
     'row 2, column "email": "x" is not a mail address: '),
    ("a@b.example,acme/newsletter,granted,web-form,2026-13-01",
     'row 2, column "time": "2026-13-01" is not a date of the calendar'),
    ("a@b.example,acme/newsletter,granted,web-form,2026-01-31",
     'column "time": "2026-01-31" has no zone; say --zone Europe/Berlin'),
    ("a@b.example,acme/newsletter,granted,web-form,2026-01-31T12:00:00",
     'column "time": "2026-01-31T12:00:00" has no zone; say --zone Eur'),
    ("a@b.example,acme/newsletter,granted,web-form,2199-01-31T12:00:00Z",
     'column "time": "2199-01-31T12:00:00Z" is yet to come'),
    ("a@b.example,acme/newsletter,enabled,web-form,",
     'column "status": "enabled" does not say that the person consented'),
    ("a@b.example,acme/newsletter,yes,web-form,", '"yes" does not say'),
    ("a@b.example,acme/newsletter,1,web-form,", '"1" does not say'),
    ("a@b.example,acme/newsletter,grantd,web-form,",
     '"grantd" is not a status; did you mean "granted"?'),
    ("a@b.example,acme/newsleter,granted,web-form,",
     'column "purpose": "acme/newsleter" is not a purpose of the config; '
     'did you mean "acme/newsletter"?'),
    ("a@b.example,,granted,web-form,", "no purpose is given"),
    ("a@b.example,acme/newsletter,granted,web form,",
     'column "source": source "web form" may only have letters'),
    ("a@b.example,acme/newsletter,granted",
     "row 2: the row has 3 cells, the header has 5"),
    ("a@b.example,acme/newsletter,granted,web-form,,,",
     "row 2: the row has 7 cells, the header has 5"),
    ('"a@b.example"x,acme/newsletter,granted,web-form,',
     'row 2, column "email": text follows the closing quote'),
    ("a@b.example,acme/newsletter,gran\0ted,web-form,",
     'row 2, column "status": byte 5 of the cell is NUL'),
]


@pytest.mark.parametrize("row,says", BAD_ROWS)
def test_bad_row(ctl, row, says):
    """All or nothing; each error names row, column and value."""
    file = ctl.file(HEADER + row + "\n" + GOOD)
    before = ctl.snapshot()
    done = ctl.fails("import", file, *PROVEN, code=65, says=[
        f"{file}:", says, "1 bad row: nothing was imported", "--reject-to"])
    assert done.stdout == ""
    assert ctl.snapshot() == before


def test_all_bad_rows_are_named(ctl):
    text = HEADER + "".join(row + "\n" for row, _ in BAD_ROWS) + GOOD
    done = ctl.fails("import", ctl.file(text), *PROVEN, code=65,
                     says=f"{len(BAD_ROWS)} bad rows")
    for n in range(2, len(BAD_ROWS) + 2):
        assert f":row {n}" in done.stderr
    done = ctl.fails("import", ctl.file(HEADER + "x,,,,\n" * 1000), code=65,
                     says=["1,000 bad rows", "... and 980 more"])
    assert done.stderr.count("\n") < 30


def test_reject_to(ctl):
    text = HEADER + "".join(row + "\n" for row, _ in BAD_ROWS) + GOOD
    rejects = ctl.dir / "bad-rows.csv"
    done = ctl.run("import", ctl.file(text), *PROVEN, "--reject-to", rejects)
    assert f"bad rows are in {rejects}" in done.stdout
    assert rejects.stat().st_mode & 0o777 == 0o600
    read = list(csv.reader(io.StringIO(rejects.read_text(), newline="")))
    assert read[0] == ["reason"] + HEADER.strip().split(",")
    assert len(read) == len(BAD_ROWS) + 1
    for row, (_, says) in zip(read[1:], BAD_ROWS):
        assert re.sub(r"^row 2,? ?", "", says) in row[0]
    assert read[2][1:] == ["a@b.example", "acme/newsletter", "granted",
                           "web-form", "2026-13-01"]
    assert ctl.why("ann@example.org") == "consent"
    # The file is never overwritten, and the list itself least of all.
    list_file = ctl.file(text)
    for path in (rejects, list_file):
        ctl.fails("import", list_file, "--reject-to", path, code=64,
                  says="exists; name a new file")
    assert list_file.read_text() == text


def test_rejects_are_no_formulas(ctl):
    """E-9."""
    text = ("email,status,note\n"
            "=cmd|'/c calc'!A1,granted,+1\n-2,granted,@SUM(A1)\n"
            "ann@example.org,objected,=1\n")
    rejects = ctl.dir / "bad-rows.csv"
    ctl.run("import", ctl.file(text), "--reject-to", rejects)
    read = list(csv.reader(io.StringIO(rejects.read_text(), newline="")))
    assert read[1][1:] == ["'=cmd|'/c calc'!A1", "granted", "'+1"]
    assert read[2][1:] == ["'-2", "granted", "'@SUM(A1)"]


def test_nothing_but_bad_rows(ctl):
    rejects = ctl.dir / "bad-rows.csv"
    ctl.fails("import", ctl.file(HEADER + "x,,,,\n"), "--reject-to", rejects,
              code=65, says="every row is bad")
    assert not rejects.exists()


def test_unclosed_quote_is_fatal(ctl):
    """Nobody knows where the rows after it begin, so --reject-to is no way
    out."""
    text = HEADER + GOOD + '"bob@example.org,' + GRANTED + GOOD
    done = ctl.fails("import", ctl.file(text), *PROVEN, "--reject-to",
                     ctl.dir / "bad.csv", code=65, says=[
                         'row 3, column "email": a quote is opened here'])
    assert done.stdout == "" and ctl.events() == 0


def test_huge_cells(ctl):
    fits = "x" * (1024 * 1024)
    head = "email,status,note\n"
    ctl.load(f'{head}ann@example.org,objected,{fits}\n'
             f'bob@example.org,objected,"{fits}"\n')
    for cell in (fits + "x", f'"{fits}x"'):
        ctl.fails("import", ctl.file(f"{head}a@example.org,objected,{cell}\n"),
                  code=65, says='row 2, column "note": the cell is longer '
                                'than 1 MiB')
    done = ctl.fails("import", ctl.file(f"{head}{fits},objected,\n"),
                     code=65, says='column "email": "xxx')
    assert len(done.stderr) < 2000


# ---- what rows mean ---------------------------------------------------------

def test_statuses(ctl):
    want = {"granted": "consent", "confirmed": "consent",
            "pending": "unconfirmed", "withdrawn": "withdrawn",
            "objected": "objected", "complained": "complained",
            "undeliverable": "undeliverable", "unknown": "no-evidence",
            "": "no-evidence", "NULL": "no-evidence", "N/A": "no-evidence"}
    ctl.load(HEADER + "".join(
        f"u{i}@example.org,acme/newsletter,{status},web-form,"
        "2026-01-10T00:00:00Z\n" for i, status in enumerate(want)))
    for i, status in enumerate(want):
        assert ctl.why(f"u{i}@example.org") == want[status], status
    assert ctl.json("verify")["good"] is True


def test_no_status_column_is_no_consent(ctl):
    """G4-11: a bare list of addresses says nothing."""
    done = ctl.load("email,time\nann@example.org,2026-01-10T00:00:00Z\n",
                    "--purpose", "acme/newsletter", *PROVEN)
    assert ctl.why("ann@example.org") == "no-evidence"
    assert re.search(r"unknown +1", done.stdout)


@pytest.mark.parametrize("row,args,says", [
    ("granted,web-form,", PROVEN, "1 grant without proof"),
    ("granted,,2026-01-10T00:00:00Z", PROVEN, "1 grant without proof"),
    ("granted,unknown,2026-01-10T00:00:00Z", PROVEN, "without proof"),
    ("granted,purchased,2026-01-10T00:00:00Z", PROVEN, "without proof"),
    ("granted,web-form,2026-01-10T00:00:00Z", ["--source", "web-form"],
     "nobody answers for this list (--attest WHO)"),
    ("confirmed,web-form,", PROVEN, "1 grant without proof"),
])
def test_unproven_grants_do_not_count(ctl, row, args, says):
    """Rule 4; E-7: a missing time stays missing."""
    done = ctl.load(HEADER + f"ann@example.org,acme/newsletter,{row}\n", *args)
    assert says in done.stdout
    assert ctl.why("ann@example.org") == "no-evidence"
    event = ctl.json("history", "ann@example.org")["events"][0]
    assert event["proven"] is False
    assert event["untimed"] is row.endswith(",")


def test_withdrawn_without_purpose_or_time(ctl):
    ctl.load(rows_of(1))
    ctl.load("email,status\nuser0@example.org,withdrawn\n")
    shown = ctl.json("show", "user0@example.org")
    assert {p["state"] for p in shown["purposes"].values()} == {"withdrawn"}
    event = ctl.json("history", "user0@example.org")["events"][-1]
    assert event["untimed"] and event["purpose"] == "acme"


def test_import_never_raises(ctl):
    """AT-IMPORT, B9: the store says withdrawn, the list says granted."""
    ctl.load(rows_of(3))
    ctl.run("withdraw", "user0@example.org")
    ctl.run("object", "user1@example.org")
    for text, names in [(rows_of(3), 2),
                        (re.sub("web-form,.*", "web-form,", rows_of(3)), 2)]:
        done = ctl.load(text)
        assert ctl.why("user0@example.org") == "withdrawn"
        assert ctl.why("user1@example.org") == "objected"
        assert ctl.why("user2@example.org") == "consent"
        assert f"conflicts: {names} rows asking for more" in done.stdout
        assert re.search(r"user0@example.org  acme/newsletter  row 2 says "
                         r"granted .*; on record: withdrawn since 20",
                         done.stdout)
        assert re.search(r"user1@example.org .*on record: objected",
                         done.stdout)


def test_newer_proof_lifts_a_withdrawal_only(ctl):
    old = "2026-02-01T00:00:00Z"
    new = "2026-03-01T00:00:00Z"
    ctl.load(HEADER + f"ann@example.org,acme/newsletter,withdrawn,,{old}\n"
             f"bob@example.org,,objected,,{old}\n")
    done = ctl.load(HEADER + "".join(
        f"{who}@example.org,acme/newsletter,granted,web-form,{new}\n"
        for who in ("ann", "bob")))
    assert ctl.why("ann@example.org") == "consent"
    assert ctl.why("bob@example.org") == "objected"
    assert re.search(r"1  no  withdrawn +->  yes consent", done.stdout)
    assert "conflicts: 1 row asking" in done.stdout


def test_family_refusals_are_previewed(ctl):
    """Pitfall 28: an opt-out reaches the widest match."""
    done = ctl.load(HEADER + "j.doe@gmail.com," + GRANTED
                    + "jdoe+x@gmail.com,,withdrawn,,2026-02-01T00:00:00Z\n")
    assert re.search(r"2  no  no-record +->  no  withdrawn", done.stdout)
    assert "consent" not in re.sub("web-form", "", done.stdout)
    assert ctl.why("j.doe@gmail.com") == "withdrawn"


def test_same_person_twice(ctl):
    """Reported; at the same time the most restrictive; all are kept."""
    when = "2026-02-01T00:00:00Z"
    done = ctl.load(
        HEADER + f"Ann@Example.org,acme/newsletter,granted,web-form,{when}\n"
        f"ann@example.org,acme/newsletter,withdrawn,,{when}\n"
        f"bob@example.org,acme/newsletter,withdrawn,,{when}\n"
        f"bob@example.org,acme/offers,confirmed,web-form,{when}\n")
    assert "twice in the list: 1 row;" in done.stdout
    assert f"row 2 granted of {when}, row 3 withdrawn of {when}" \
        in done.stdout
    assert ctl.why("ann@example.org") == "withdrawn"
    assert ctl.why("bob@example.org", "offers") == "consent"
    assert len(ctl.json("history", "ann@example.org")["events"]) == 2


def test_twice_the_same_list(ctl):
    """What says nothing new is not written again."""
    text = (rows_of(50) + "x@example.org,,withdrawn,,\n"
            + "y@example.org,acme/newsletter,unknown,,\n")
    done = ctl.load(text)
    assert "52 events written, batch 2" in done.stdout
    before = ctl.snapshot()
    done = ctl.load(text)
    assert "nothing new: nothing was written" in done.stdout
    assert re.search(r"known already +52", done.stdout)
    assert ctl.snapshot() == before
    # ... but a refusal without a time is news after a new consent.
    ctl.run("grant", "x@example.org", "--purpose", "acme", "--source",
            "phone", "--attest", "J. Doe")
    assert ctl.why("x@example.org") == "consent"
    ctl.load(text)
    assert ctl.why("x@example.org") == "withdrawn"


def test_batch_and_evidence(ctl):
    file = ctl.file(rows_of(2), "people.csv")
    out = ctl.json("import", file, *PROVEN)
    assert out["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{8}", out["batch"])
    event = ctl.json("history", "user1@example.org")["events"][0]
    assert event["batch"] == out["batch"]
    assert event["actor"] == "import" and event["who"] == "tester"
    assert event["attested"] is True and len(event["evidence"]) == 64
    assert "batch " + out["batch"] in \
        ctl.run("history", "user1@example.org").stdout
    # What identifies people stands in private only.
    ledger = (ctl.dir / "lib/store/ledger/data.mdb").read_bytes()
    private = (ctl.dir / "lib/store/private/data.mdb").read_bytes()
    for word in (b"user1@example.org", b"Data protection officer",
                 b"people.csv", out["sha256"].encode()):
        assert word not in ledger
        assert word in private


def test_json(ctl):
    ctl.load(rows_of(3))
    ctl.run("object", "user0@example.org")
    file = ctl.file(rows_of(4) + "bad,,,,\n" + "user3@example.org," + GRANTED)
    out = ctl.json("import", file, *PROVEN, "--reject-to",
                   ctl.dir / "bad.csv", "--dry-run")
    assert out["dry_run"] is True and out["batch"] is None
    assert (out["rows"], out["people"], out["bad"]) == (5, 4, 1)
    assert (out["new"], out["known"], out["erased"]) == (2, 3, 0)
    assert out["status"] == {"granted": 5}
    assert {"before": "no-record", "after": "consent", "count": 1} \
        in out["changes"]
    assert out["conflicts"] == 1
    row = out["conflict_rows"][0]
    assert row["row"] == 2 and row["on_record"] == "objected"
    assert row["address"] == "user0@example.org"
    assert out["doubles"] == 1
    assert out["double_rows"][0]["first_row"] == 5
    assert not (ctl.dir / "bad.csv").exists()


def test_dry_run_writes_nothing(ctl):
    ctl.load(rows_of(10))
    before = ctl.snapshot()
    done = ctl.run("import", ctl.file(rows_of(2000)), *PROVEN, "--dry-run")
    assert "dry run: nothing was written; 1,990 events would be" in done.stdout
    assert ctl.snapshot() == before


@pytest.mark.parametrize("args,says", [
    (["--purpose", "acme/newsleter"], 'did you mean "acme/newsletter"?'),
    (["--source", "web form"], "--source:"),
    (["--basis", "interest"], "--basis:"),
    (["--attest", ""], "--attest: name who"),
])
def test_bad_options(ctl, args, says):
    ctl.fails("import", ctl.file(rows_of(1)), *args, code=64, says=says)
    assert ctl.events() == 0


def test_no_smtp_probe():
    """B8: an import asks nobody outside; only doctor can even connect."""
    archives = [*BUILD.glob("*/lib*.a")]
    names = subprocess.run(["nm", "-A", "--undefined-only", *archives],
                           capture_output=True, text=True, check=True).stdout
    assert re.search(r"cmd_import\.o: +U cm_store_\w+$", names, re.M)
    assert not re.search(r"import\w*\.o: +U cm_transfer", names)
    # (lib/proc.c tells systemd by sendto(2), for the daemons.)
    callers = re.findall(r"lib(?:cm|policy|message|ctl)\.a:(\w+)\.o: +U "
                         r"(?:connect|getaddrinfo|res_\w+)$", names, re.M)
    assert all(c.startswith("doctor_") for c in callers), callers


# ---- size, speed, sudden death ----------------------------------------------

@pytest.mark.slow
def test_200000_rows(ctl):
    file = ctl.file(rows_of(200_000))
    done = ctl.run("import", file, *PROVEN)
    assert "200,000 events written" in done.stdout
    assert done.stderr == ""  # a pipe is shown no progress
    status = ctl.json("status")
    assert (status["events"], status["contacts"]) == (200_000, 200_000)
    out = ctl.json("check", file, "--stream", "newsletter")
    assert out["allow"] == 200_000
    assert ctl.json("verify")["good"] is True


@pytest.mark.slow
def test_progress_on_a_terminal(ctl):
    """A person sees how far it is; the line is gone at the end."""
    import pty
    file = ctl.file(rows_of(100_000))
    master, slave = pty.openpty()
    with subprocess.Popen(ctl.command("import", file, *PROVEN, "--dry-run"),
                          stdout=subprocess.DEVNULL, stderr=slave) as process:
        os.close(slave)
        seen = b""
        try:
            while chunk := os.read(master, 4096):
                seen += chunk
        except OSError:
            pass
    os.close(master)
    assert process.returncode == 0
    assert re.search(rb"\r\x1b\[K[a-z ()]+: [\d,]+ of [\d,]+ \(\d+ %\)", seen)
    assert seen.endswith(b"\r\x1b[K")


@pytest.mark.slow
def test_killed_at_any_moment(ctl):
    """kill -9 leaves the old state or the new one, whole."""
    rounds = 50 if os.environ.get("CM_LONG") else 6
    ctl.load(rows_of(100))
    file = ctl.file(rows_of(60_000))
    began = time.monotonic()
    ctl.run("import", file, *PROVEN, "--dry-run")
    whole = 2.5 * (time.monotonic() - began)
    dice = random.Random(58)
    for _ in range(rounds):
        with subprocess.Popen(ctl.command("import", file, *PROVEN),
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            time.sleep(whole * dice.random())
            process.send_signal(signal.SIGKILL)
        status = ctl.json("status")
        assert status["events"] in (100, 60_000)
        assert ctl.why("user7@example.org") == "consent"
    assert ctl.json("verify")["good"] is True
    ctl.run("import", file, *PROVEN)
    assert ctl.events() == 60_000
    assert ctl.json("verify")["good"] is True


# ---- check ------------------------------------------------------------------

def test_check(ctl):
    ctl.load(rows_of(3) + "gone@example.org,,objected,,\n")
    rows = ["user0@example.org,Ann,+49 30", "gone@example.org,Bob,",
            '"user1@example.org","O""Hara",=1', "new@example.org,,", "bad,,"]
    file = ctl.file("\ufeffemail,name,phone\r\n" + "\r\n".join(rows) + "\r\n")
    out = ctl.dir / "may.csv"
    done = ctl.run("check", file, "--stream", "newsletter", "--raw", "-o", out)
    assert '2 rows of 5 would get stream "newsletter"' in done.stdout
    assert "' in front" not in done.stdout
    for reason in ("consent", "objected", "no-record", "bad-address"):
        assert reason in done.stdout
    # The tool it is for gets its own rows back, octet for octet.
    assert out.read_bytes().decode() == "\r\n".join(
        ["email,name,phone", rows[0], rows[2], ""])
    ctl.fails("check", file, "--stream", "newsletter", "-o", out, code=64,
              says="exists; name a new file")
    answer = ctl.json("check", file, "--stream", "newsletter")
    assert (answer["rows"], answer["allow"], answer["refuse"]) == (5, 2, 3)
    assert answer["reasons"] == {"consent": 2, "objected": 1, "no-record": 1,
                                 "bad-address": 1}
    assert answer["tempfail"] == 0


def test_check_gives_no_formulas(ctl):
    """E-9: a spreadsheet runs no cell of the list; the others stay as they
    came, and what has none of these stays octet for octet."""
    people = ["=1+1@example.org", "+49@example.org", "-2@example.org", "ann"]
    ctl.load(HEADER + "".join(
        f"{who if '@' in who else who + '@example.org'},acme/newsletter,"
        "granted,web-form,2026-02-01T00:00:00Z\n" for who in people))
    rows = [';"=1+1@example.org";ok', 'x;+49@example.org;"a;""b"',
            "@SUM(A1);-2@example.org;\ty", '"as it"; ann@example.org;came']
    out = ctl.dir / "may.csv"
    list_file = ctl.file("=note;email;+phone\n" + "\n".join(rows))
    done = ctl.run("check", list_file,
                   "--stream", "newsletter", "-o", out)
    assert "stay texts: 7 (--raw leaves all" in done.stdout
    assert out.read_bytes().decode() == "\r\n".join([
        "'=note;email;'+phone", ";'=1+1@example.org;ok",
        "x;'+49@example.org;\"a;\"\"b\"",
        "'@SUM(A1);'-2@example.org;'\ty", rows[3], ""])
    # What we wrote we read again, as the same people.
    assert ctl.json("check", out, "--stream", "newsletter")["allow"] == 4
    bare = ctl.dir / "bare.csv"
    list_file = ctl.file("-2@example.org\n=Ann <ann@example.org>\n")
    done = ctl.run("check", list_file,
                   "--stream", "newsletter", "-o", bare)
    assert bare.read_bytes() == \
        b"'-2@example.org\r\n'=Ann <ann@example.org>\r\n"
    ctl.fails("check", bare, "--stream", "newsletter", "--raw", code=64,
              says="--raw goes with -o FILE")


def test_check_bare_list(ctl):
    ctl.load(rows_of(2))
    file = ctl.file("user0@example.org\nuser1@example.org\nx@example.org\n")
    out = ctl.dir / "may.csv"
    ctl.run("check", file, "--stream", "newsletter", "--output", out)
    assert out.read_bytes() == b"user0@example.org\r\nuser1@example.org\r\n"


def test_check_says_no(ctl):
    file = ctl.file("email\nann@example.org\n")
    before = ctl.snapshot()
    done = ctl.run("check", file, "--stream", "newsletter", code=1)
    assert "0 rows of 1 would get" in done.stdout
    ctl.fails("check", file, "--stream", "x", code=64, says='no stream "x"')
    ctl.fails("check", ctl.file(b""), "--stream", "newsletter", code=65,
              says="is empty")
    ctl.fails("check", ctl.file(b"email\nJ\xfc@example.org\n"), "--stream",
              "newsletter", code=65, says="row 2")
    done = ctl.run("check", file, "--stream", "offers", code=1)
    assert "not in mode enforce" in done.stdout
    assert ctl.snapshot() == before


def test_two_instances_do_not_mix(ctl, tmp_path_factory):
    other = Ctl(tmp_path_factory.mktemp("other"))
    other.run("init")
    ctl.load(rows_of(1))
    assert other.why("user0@example.org") == "no-record"
    assert ctl.json("show", "user0@example.org")["contact"] != \
        other.json("show", "user0@example.org", code=1)["contact"]


# ---- the preview, whole -----------------------------------------------------

PREVIEW = """\
{file} (plain list): 10 rows, 10 different people
  granted                   7
  withdrawn                 1
  undeliverable             1
  unknown                   1
of these rows
  new                       9
  known already             1  not written again
may they be sent marketing, by person and purpose
             1  yes consent        ->  no  withdrawn
             1  no  no-record      ->  yes consent
             1  no  no-record      ->  no  undeliverable
             1  no  no-record      ->  no  unconfirmed
             3  no  no-record      ->  no  no-evidence
             3  as before
2 grants without proof: kept, but not counted as consent
  proof is: a source that may send, the time, and who answers for it
conflicts: 2 rows asking for more than the person allows; what the person \
said stands
  stopped@example.org  acme/newsletter  row 4 says granted of \
2026-01-10T00:00:00Z; on record: withdrawn since 2026-02-10T00:00:00Z
  object@example.org  acme/newsletter  row 5 says granted of \
2026-03-10T00:00:00Z; on record: objected since 2026-02-10T00:00:00Z
dry run: nothing was written; 9 events would be
"""

# Who, what was on record, what the list says, and what comes of it.
CHANGES = [
    ("kept", "granted,web-form,2026-01-10", "granted,web-form,2026-01-10",
     "consent"),
    ("lowered", "granted,web-form,2026-01-10",
     "withdrawn,web-form,2026-03-10", "withdrawn"),
    ("stopped", "withdrawn,web-form,2026-02-10",
     "granted,web-form,2026-01-10", "withdrawn"),
    ("object", "objected,web-form,2026-02-10", "granted,web-form,2026-03-10",
     "objected"),
    ("new", None, "granted,web-form,2026-03-10", "consent"),
    ("timeless", None, "granted,web-form,", "no-evidence"),
    ("bought", None, "granted,purchased,2026-03-10", "no-evidence"),
    ("silent", None, "unknown,web-form,", "no-evidence"),
    ("half", None, "granted,web-form,2026-03-10", "unconfirmed"),
    ("dead", None, "undeliverable,web-form,2026-03-10", "undeliverable"),
]


def of_changes(which):
    text = "email,purpose,status,source,time\n"
    for row in CHANGES:
        if row[which] is not None:
            purpose = "acme/offers" if row[0] == "half" else "acme/newsletter"
            if "objected" in row[which]:
                purpose = ""
            time = "" if row[which].endswith(",") else "T00:00:00Z"
            text += f"{row[0]}@example.org,{purpose},{row[which]}{time}\n"
    return text


def test_a_preview_is_what_comes_of_it(ctl):
    """Every line of it; then the import, and each person is as it said."""
    ctl.load(of_changes(1))
    file = ctl.file(of_changes(2))
    before = ctl.snapshot()
    done = ctl.run("import", file, *PROVEN, "--dry-run")
    assert done.stdout == PREVIEW.format(file=file)
    assert ctl.snapshot() == before
    events = ctl.events()
    ctl.run("import", file, *PROVEN)
    assert ctl.events() == events + 9
    assert {row[0]: ctl.why(f"{row[0]}@example.org",
                            "offers" if row[0] == "half" else "newsletter")
            for row in CHANGES} == {row[0]: row[3] for row in CHANGES}


def random_list(dice):
    """Rows that meet, repeat and contradict each other."""
    text = HEADER
    for _ in range(dice.randint(1, 25)):
        purpose = dice.choice(["acme/newsletter", "acme/offers", "acme"])
        status = dice.choice(["granted", "confirmed", "pending", "withdrawn",
                              "objected", "complained", "undeliverable",
                              "unknown", ""])
        at = dice.choice(["", f"2026-0{dice.randint(1, 9)}-01T00:00:00Z"])
        who = dice.choice(["ann", "ANN", "ann+x", "bob", "cal", "dan"])
        text += (f"{who}@example.org,{purpose},{status},"
                 f"{dice.choice(['web-form', 'purchased', ''])},{at}\n")
    return text


def states(ctl, text):
    """{(person, purpose): reason} of everybody in the list."""
    people = {line.split(",")[0].lower() for line in text.split("\n")[1:-1]}
    return {(who, purpose): p["state"] for who in people
            for purpose, p in json.loads(ctl.any(
                "show", who, "--json").stdout)["purposes"].items()}


def test_any_preview_is_what_comes_of_it(ctl):
    """The dry run's numbers are the import's, and both are what happened."""
    dice = random.Random(int(os.environ.get("CM_SEED", "4")))
    for _ in range(int(os.environ.get("CM_LONG", "1")) * 8):
        text = random_list(dice)
        file = ctl.file(text)
        args = PROVEN if dice.random() < 0.7 else ()
        events = ctl.events()
        before = states(ctl, text)
        dry = ctl.json("import", file, *args, "--dry-run")
        assert ctl.events() == events
        real = ctl.json("import", file, *args)
        after = states(ctl, text)
        for name in ("dry_run", "batch"):
            del dry[name], real[name]
        assert dry == real
        assert ctl.events() == events + real["events"]
        happened, said = collections.Counter(), collections.Counter()
        for pair, reason in before.items():
            if reason != after[pair]:
                happened[reason, after[pair]] += 1
        for row in real["changes"]:
            if row["before"] != row["after"]:
                said[row["before"], row["after"]] = row["count"]
        # It counts the purposes that a row names; others may follow them.
        assert not said - happened
        if dice.random() < 0.3:
            ctl.run("object", "bob@example.org")
    assert ctl.json("verify")["good"] is True


# ---- no room ----------------------------------------------------------------

def limited(octets):
    """No file may grow beyond this: what a full disk is to a program."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets))
    return limit


@pytest.mark.parametrize("part,octets", [("ledger", 2500000),
                                         ("private", 600000)])
def test_no_room(ctl, part, octets):
    """Said, and where; the old state whole; then it works."""
    ctl.load(rows_of(200))
    before = ctl.events()
    file = ctl.file(rows_of(6000, start=1000))
    done = ctl.run("import", file, *PROVEN, code=75,
                   preexec_fn=limited(octets))
    assert f"lib/store/{part}: cannot write" in done.stderr
    assert "(is the disk full?)" in done.stderr or \
        "File too large" in done.stderr
    assert done.stdout == ""
    assert ctl.events() == before
    assert ctl.why("user7@example.org") == "consent"
    assert ctl.json("verify")["good"] is True
    ctl.run("import", file, *PROVEN)
    assert ctl.events() == before + 6000
    assert ctl.json("verify")["good"] is True


def test_no_room_for_a_backup(ctl):
    ctl.load(rows_of(2000))
    folder = ctl.dir / "copy"
    done = ctl.run("backup", folder, code=75, preexec_fn=limited(65536))
    assert "File too large" in done.stderr and str(folder) in done.stderr
    assert not folder.exists()
    ctl.run("backup", folder)
    assert ctl.json("verify")["good"] is True
