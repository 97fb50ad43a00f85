"""Commands on one person, the store's upkeep, help, exit codes."""
import os
import pathlib
import re
import subprocess

import pytest

from conftest import Ctl, PROGRAM

REPO = pathlib.Path(__file__).resolve().parents[2]
COMMANDS = ["init", "import", "grant", "withdraw", "object", "restrict",
            "clear", "correct", "access", "erase", "show", "history", "why",
            "check", "breach-scope", "ropa", "status", "refused", "doctor",
            "verify", "rebuild", "keys", "checkpoint", "evidence",
            "export-proof", "help"]


def plain(*args, code):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done


# ---- the command line -------------------------------------------------------

def test_help():
    everything = plain("help", code=0).stdout
    assert plain("--help", code=0).stdout == everything
    assert plain(code=64).stderr == everything
    for name in COMMANDS:
        assert re.search(rf"(?m)^  {name} +[A-Z]", everything), name
        own = plain("help", name, code=0).stdout
        assert own.startswith("usage: consentctl [-c FILE] " + name)
        assert plain(name, "--help", code=0).stdout == own
        assert plain(name, "-h", code=0).stdout == own
        assert max(map(len, own.split("\n"))) <= 100


def test_manual_names_every_command_and_option():
    manual = (REPO / "tools" / "consentctl.1").read_text().replace("\\-", "-")
    for name in COMMANDS:
        assert f".It Cm {name}" in manual, name
        for option in re.findall(r"(?m)^  .*?--([a-z-]+)",
                                 plain("help", name, code=0).stdout):
            assert f"Fl -{option}" in manual, (name, option)


def test_version():
    assert re.fullmatch(r"consentctl \d+\.\d+\.\d+\n",
                        plain("--version", code=0).stdout)


@pytest.mark.parametrize("args,says", [
    (["histroy"], 'unknown command "histroy"; did you mean history?'),
    (["xyzzy"], 'unknown command "xyzzy" (see: consentctl help)'),
    (["help", "imprt"], "did you mean import?"),
    (["-c"], "-c needs a FILE"),
    (["show"], "usage: consentctl show ADDR"),
    (["show", "a@b.example", "c"], '"c" is one word too many'),
    (["show", "a@b.example", "--jsno"], "unknown option --jsno"),
    (["why", "a@b.example"], "--stream S is missing"),
    (["why", "a@b.example", "--straem", "x"], "did you mean --stream?"),
    (["why", "a@b.example", "--stream"], "--stream needs a value"),
    (["why", "a", "--stream", "x", "--stream", "y"], "is given twice"),
    (["import", "f", "--dry-run=yes"], "--dry-run takes no value"),
    (["grant", "a@b.example"], "--purpose P is missing"),
    (["clear", "a@b.example", "restricted"], "--note TEXT is missing"),
    (["status", "now"], "one word too many"),
])
def test_usage(args, says):
    done = plain(*args, code=64)
    assert says in done.stderr
    assert done.stdout == ""


def test_options_in_any_place(ctl):
    ctl.run("why", "--stream", "newsletter", "a@b.example", code=1)
    ctl.run("why", "--stream=newsletter", "a@b.example", code=1)
    ctl.run("why", "--stream=newsletter", "--", "a@b.example", code=1)
    done = subprocess.run([PROGRAM, "status", "-c", ctl.config],
                          capture_output=True)
    assert done.returncode == 0


def test_config_errors(tmp_path):
    done = plain("-c", tmp_path / "none.conf", "status", code=78)
    assert "none.conf" in done.stderr
    bad = tmp_path / "bad.conf"
    bad.write_text("store { pth = 1 }\n")
    done = plain("-c", bad, "status", code=78)
    assert "bad.conf:1:" in done.stderr


def test_full_disk_is_an_error(ctl):
    with open("/dev/full", "w") as full:
        done = subprocess.run(ctl.command("status"), stdout=full,
                              stderr=subprocess.PIPE, text=True)
    assert done.returncode == 75
    assert "could not be written" in done.stderr


# ---- init -------------------------------------------------------------------

def test_init_twice_changes_nothing(empty):
    out = empty.run("init").stdout
    assert re.search(r"keys +\S+/keys +made", out)
    assert re.search(r"store +\S+/lib/store +made", out)
    assert re.search(r"web +\S+/lib/web +made", out)
    assert (empty.dir / "lib" / "web").stat().st_mode & 0o7777 == 0o2770
    before = empty.snapshot()
    done = empty.run("init", code=1)
    assert done.stdout.count("is there already") == 3
    assert empty.snapshot() == before
    (empty.dir / "lib" / "web").rmdir()
    done = empty.run("init")
    assert done.stdout.count("is there already") == 2
    assert empty.snapshot() == before


def test_commands_before_init(empty):
    empty.fails("status", code=78, says="consentctl init")
    empty.fails("show", "a@b.example", code=78, says="consentctl init")


def test_no_new_key_for_an_old_store(ctl):
    """A new store key could not read the store: people's refusals lost."""
    (ctl.dir / "keys" / "store.key").unlink()
    ctl.fails("init", code=78, says=["store.key", "backup"])
    assert not (ctl.dir / "keys" / "store.key").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs the groups")
def test_init_names_the_missing_group(empty):
    text = empty.config.read_text().replace('"root"', '"no-such-group"', 1)
    empty.config.write_text(text)
    empty.fails("init", code=78, says="groupadd --system no-such-group")
    assert not (empty.dir / "keys").exists()


# ---- one person -------------------------------------------------------------

def test_nobody_is_nobody(ctl):
    """G5-2: default deny, and it never says "nothing forbade it"."""
    done = ctl.run("show", "ann@example.org", code=1)
    assert "nothing is on record" in done.stdout
    shown = ctl.json("show", "ann@example.org", code=1)
    assert shown["known"] is False
    assert {p["state"] for p in shown["purposes"].values()} == {"no-record"}
    ctl.fails("history", "ann@example.org", code=1,
              says="nothing is on record")
    assert ctl.json("history", "ann@example.org", code=1)["events"] == []
    answer = ctl.json("why", "ann@example.org", "--stream", "newsletter",
                      code=1)
    assert (answer["decision"], answer["reason"]) == ("refuse", "no-record")


def grant(ctl, address, *more, purpose="acme/newsletter", code=0):
    return ctl.run("grant", address, "--purpose", purpose, "--source", "phone",
                   *(more or ("--attest", "J. Doe")), code=code)


def test_grant_to_withdrawal_and_back(ctl):
    out = grant(ctl, "Ann@Example.org").stdout
    assert "granted acme/newsletter for ann@example.org (event 0)" in out
    assert re.search(r"acme/newsletter +yes  consent on record", out)
    shown = ctl.json("show", "ann@example.org")
    state = shown["purposes"]["acme/newsletter"]
    assert state["state"] == "consent" and state["allowed"] is True
    assert state["basis"] == "consent" and state["source"] == "phone"
    assert state["seq"] == 0 and state["until"] > state["at"]
    assert shown["purposes"]["acme"]["state"] == "no-record"
    assert shown["flags"] == [] and len(shown["contact"]) == 24
    answer = ctl.json("why", "ann@example.org", "--stream", "newsletter")
    assert answer["purposes"] == [{
        "purpose": "acme/newsletter", "basis": "consent", "seq": 0,
        "at": state["at"], "until": state["until"]}]

    out = ctl.run("withdraw", "ann@example.org").stdout
    assert "withdrawn acme for ann@example.org (event 1)" in out
    assert ctl.why("ann@example.org") == "withdrawn"
    grant(ctl, "ann@example.org")
    assert ctl.why("ann@example.org") == "consent"
    ctl.run("withdraw", "ann@example.org", "--purpose", "acme/offers")
    assert ctl.why("ann@example.org") == "consent"
    ctl.run("withdraw", "ann@example.org", "--purpose", "acme/newsletter")
    assert ctl.why("ann@example.org") == "withdrawn"

    events = ctl.json("history", "ann@example.org")["events"]
    assert [e["type"] for e in events] == [
        "granted", "withdrawn", "granted", "withdrawn", "withdrawn"]
    assert {e["actor"] for e in events} == {"admin"}
    assert {e["who"] for e in events} == {"tester"}
    assert events[0]["proven"] is True
    text = ctl.run("history", "ann@example.org").stdout
    assert "by admin:tester (cli)" in text


def test_who_did_it(ctl):
    grant(ctl, "a@example.org")
    ctl.run("withdraw", "a@example.org", env={"SUDO_USER": "root\nx"})
    if os.geteuid() == 0:
        ctl.run("withdraw", "a@example.org", env={"SUDO_USER": "carla"})
    who = [e["who"] for e in ctl.json("history", "a@example.org")["events"]]
    assert who[:2] == ["tester", "tester"]
    if os.geteuid() == 0:
        assert who[2] == "carla"


def test_grant_needs_proof(ctl):
    base = ["grant", "a@example.org", "--purpose", "acme/newsletter",
            "--source", "phone"]
    ctl.fails(*base, code=64, says=["--notice FILE", "--attest WHO"])
    ctl.fails(*base, "--attest", " ", code=64, says="name somebody")
    ctl.fails(*base, "--notice", ctl.dir / "none", code=64,
              says="No such file")
    ctl.fails(*base, "--notice", ctl.file(b""), code=65, says="not empty")
    ctl.fails(*base, "--notice", ctl.file(b"J\xfcrgen"), code=65, says="UTF-8")
    assert ctl.events() == 0
    ctl.run(*base, "--notice", ctl.file("Yes, send me your newsletter.\n"))
    event = ctl.json("history", "a@example.org")["events"][0]
    assert event["proven"] and not event["attested"]
    assert len(event["notice"]) == 64


@pytest.mark.parametrize("option,value,code,says", [
    ("--source", "purchased", 1, 'may not rest on the source "purchased"'),
    ("--source", "unknown", 1, 'may not rest on the source "unknown"'),
    ("--source", "", 1, "may not rest"),
    ("--source", "web form", 64, '--source: "web form" may only have'),
    ("--purpose", "acme/newsleter", 64, 'did you mean "acme/newsletter"?'),
    ("--basis", "legitimate-interest", 64, "is not a basis"),
    ("--language", "klingon!", 64, "--language: language \"klingon!\""),
])
def test_grant_words(ctl, option, value, code, says):
    words = {"--purpose": "acme/newsletter", "--source": "phone",
             "--attest": "J. Doe"}
    words[option] = value
    ctl.fails("grant", "a@example.org", *sum(words.items(), ()), code=code,
              says=says)
    assert ctl.events() == 0


def test_language_is_kept(ctl):
    grant(ctl, "a@example.org", "--attest", "J", "--language", "pt_BR")
    assert ctl.json("show", "a@example.org")["language"] == "pt-br"


def test_level_double_needs_more(ctl):
    out = grant(ctl, "a@example.org", purpose="acme/offers").stdout
    assert re.search(r"acme/offers +no +the person has not confirmed", out)


@pytest.mark.parametrize("mark", ["objected", "complained"])
def test_only_the_person_lifts(ctl, mark):
    """Rule 2; pitfall 30: staff cannot raise what a person said."""
    ctl.load(f"email,status\nann@example.org,{mark}\n")
    grant(ctl, "bob@example.org")
    done = grant(ctl, "ann@example.org", code=1)
    assert "only the person can lift that" in done.stderr
    ctl.fails("clear", "ann@example.org", mark, "--note", "please", code=1,
              says="only the person can lift")
    shown = ctl.json("show", "ann@example.org")
    assert shown["flags"] == [mark]
    assert ctl.why("ann@example.org") == mark
    assert ctl.why("bob@example.org") == "consent"


def test_object(ctl):
    grant(ctl, "ann@example.org")
    out = ctl.run("object", "ann@example.org").stdout
    assert "objected for ann@example.org (event 1)" in out
    assert "marked     objected since" in out
    assert ctl.why("ann@example.org") == "objected"
    # The family of an address is reached, other people are not.
    assert ctl.why("ann+news@example.org") == "objected"
    assert ctl.why("anne@example.org") == "no-record"


@pytest.mark.parametrize("mark", ["restricted", "undeliverable"])
def test_restrict_and_clear(ctl, mark):
    grant(ctl, "ann@example.org")
    ctl.fails("clear", "ann@example.org", mark, "--note", "x", code=1,
              says=f"is not marked {mark}")
    if mark == "restricted":
        ctl.run("restrict", "ann@example.org")
    else:
        ctl.load("email,status\nann@example.org,undeliverable\n")
    assert ctl.why("ann@example.org") == mark
    assert ctl.json("show", "ann@example.org")["flags"] == [mark]
    ctl.fails("clear", "ann@example.org", mark, "--note", " ", code=64,
              says="say why")
    ctl.fails("clear", "ann@example.org", "banned", "--note", "x", code=64,
              says='no mark "banned"')
    out = ctl.run("clear", "ann@example.org", mark, "--note", "settled").stdout
    assert f"cleared {mark} for ann@example.org" in out
    assert ctl.why("ann@example.org") == "consent"


@pytest.mark.parametrize("bad", ["", "ann", "@example.org", "a b@example.org",
                                 "a@[192.0.2.1]", "a@b..example"])
def test_bad_addresses(ctl, bad):
    ctl.fails("show", bad, code=65, says="is not a mail address")
    ctl.fails("withdraw", bad, code=65, says="is not a mail address")
    answer = ctl.json("why", bad, "--stream", "newsletter", code=1)
    assert answer["reason"] == "bad-address" and answer["contact"] is None


def test_terminal_is_safe(ctl):
    done = ctl.run("show", "a\x1b[31m@example.org", code=65)
    assert "\x1b" not in done.stderr


def test_same_person_in_any_spelling(ctl):
    grant(ctl, "Ann <ANN@B\u00fccher.example.>")
    assert ctl.why("ann@xn--bcher-kva.example") == "consent"


# ---- why --------------------------------------------------------------------

def test_why_at(ctl):
    """What the milter would have said then: AT-ROYALMAIL needs it, too."""
    grant(ctl, "ann@example.org")
    t0 = ctl.json("history", "ann@example.org")["events"][0]["recorded"]
    ctl.run("object", "a.nn+x@gmail.com")
    ctl.run("withdraw", "ann@example.org")
    ask = ["why", "ann@example.org", "--stream", "newsletter"]
    assert ctl.json(*ask, code=1)["reason"] == "withdrawn"
    assert ctl.json(*ask, "--at", t0)["reason"] == "consent"
    assert ctl.json(*ask, "--at", "2020-01-01T00:00:00Z",
                    code=1)["reason"] == "no-record"
    ctl.fails(*ask, "--at", "yesterday", code=64, says="RFC 3339")
    ctl.fails(*ask, "--at", "2200-01-01T00:00:00Z", code=64,
              says="yet to come")


def test_why_at_of_the_family(ctl):
    """A refusal by another address counts from when it was written."""
    grant(ctl, "ann@gmail.com")
    then = ctl.json("history", "ann@gmail.com")["events"][0]["recorded"]
    ask = ["why", "ann@gmail.com", "--stream", "newsletter"]
    ctl.run("withdraw", "a.n.n@gmail.com")
    first = ctl.json("history", "a.n.n@gmail.com")["events"][0]["recorded"]
    ctl.run("withdraw", "ann+x@gmail.com")
    answer = ctl.json(*ask, code=1)
    assert answer["reason"] == "withdrawn" and answer["by_family"] is True
    assert ctl.json(*ask, "--at", then)["reason"] == "consent"
    # The second withdrawal hides the first in today's view, not in why.
    assert ctl.json(*ask, "--at", first, code=1)["reason"] == "withdrawn"


def test_why_of_streams(ctl):
    grant(ctl, "ann@example.org", purpose="acme")
    assert ctl.why("ann@example.org", "receipts") == "service"
    text = ctl.run("why", "ann@example.org", "--stream", "offers",
                   code=1).stdout
    assert "not in mode enforce" in text
    text = ctl.run("why", "ann@example.org", "--stream", "newsletter").stdout
    assert "allow: consent on record" in text
    assert "event 0 of" in text and "admin:tester" in text
    ctl.fails("why", "ann@example.org", "--stream", "newsleter", code=64,
              says='did you mean "newsletter"?')


# ---- upkeep -----------------------------------------------------------------

def test_status(ctl):
    grant(ctl, "ann@example.org")
    status = ctl.json("status")
    assert (status["events"], status["contacts"]) == (1, 1)
    assert status["streams_not_enforced"] == {"offers": "observe"}
    assert len(status["root"]) == 64 and status["clock_behind"] is False
    text = ctl.run("status").stdout
    assert 'stream "offers" is in mode observe' in text


def test_verify_and_rebuild(ctl):
    grant(ctl, "ann@example.org")
    root = ctl.json("status")["root"]
    assert ctl.json("verify")["good"] is True
    assert "1 event: 1 contact" in ctl.run("rebuild").stdout
    assert ctl.json("status")["root"] == root
    assert "good: " in ctl.run("verify").stdout


def test_broken_store(ctl):
    grant(ctl, "ann@example.org")
    (ctl.dir / "lib" / "store" / "ledger" / "data.mdb").unlink()
    done = subprocess.run(ctl.command("show", "ann@example.org"),
                          capture_output=True, text=True)
    assert done.returncode in (65, 75)
    assert done.stderr.startswith("consentctl: ")


def test_another_key(ctl, tmp_path_factory):
    grant(ctl, "ann@example.org")
    other = Ctl(tmp_path_factory.mktemp("other"))
    other.run("init")
    key = other.dir / "keys" / "store.key"
    (ctl.dir / "keys" / "store.key").write_bytes(key.read_bytes())
    done = subprocess.run(ctl.command("show", "ann@example.org"),
                          capture_output=True, text=True)
    assert done.returncode == 65, done.stderr


def test_refusal_while_another_writes(ctl):
    """A refusal never waits for a long import: it goes to stop."""
    import fcntl
    text = ctl.config.read_text().replace('map-size', 'lock-wait = 1 map-size')
    ctl.config.write_text(text)
    grant(ctl, "ann@example.org")
    with open(ctl.dir / "lib" / "store" / "writer.lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = grant(ctl, "bob@example.org", code=75)
        out = ctl.run("withdraw", "ann@example.org").stdout
        assert "it is obeyed already" in out
        assert ctl.why("ann@example.org") == "withdrawn"
    ctl.run("object", "carl@example.org")
    events = ctl.json("history", "ann@example.org")["events"]
    assert [e["type"] for e in events] == ["granted", "withdrawn"]
    assert done.stderr != ""
