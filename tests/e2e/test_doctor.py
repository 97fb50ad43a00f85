"""consentctl doctor: a machine on which all is well, and each thing that is
not, as an admin would get it wrong."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading

import pytest

from harness.proc import wait_until
from harness.world import program

GOOD = {"milter_macro_daemon_name": "NON_SMTPD",
        "enable_long_queue_ids": "yes"}
NAMED = ["-o", "milter_macro_daemon_name=smtpd"]


class Doctor:
    def __init__(self, world):
        self.world = world

    def run(self, *args, code=None, conf=None):
        done = subprocess.run(
            [program("consentctl"), "-c", self.world.config_file, "doctor",
             "--postfix", conf or self.world.postfix.conf, "--json", *args],
            capture_output=True, text=True, timeout=60)
        assert code is None or done.returncode == code, \
            done.stdout + done.stderr
        return {c["check"]: c for c in json.loads(done.stdout)["checks"]}

    def results(self, *args, **kw):
        return {k: c["result"] for k, c in self.run(*args, **kw).items()}

    def says(self, check, result, *words, **kw):
        """That check, and no other, is not as it was when all was well."""
        found = self.run(**kw)[check]
        assert found["result"] == result, found
        text = "\n".join(s["text"] for s in found["said"])
        for word in words:
            assert word in text, text


@pytest.fixture
def doctor(new_world):
    world = new_world(
        replace={'country = "DE"': 'country = "AT"'},
        postfix={"main": GOOD, "options": {"main": NAMED, "marketing": NAMED}})
    world.import_csv("email,purpose,status,time\n" + "".join(
        f"u{i}@x.test,acme/newsletter,granted,2026-01-01T00:00:00Z\n"
        for i in range(50)))
    return Doctor(world)


@contextlib.contextmanager
def changed(path, change):
    """A file, otherwise for a moment."""
    before = path.read_text()
    path.write_text(change(before))
    os.utime(path, (1, 1))  # Postfix waits for a file that may still change
    yield
    path.write_text(before)
    os.utime(path, (1, 1))


def replaced(old, new):
    def change(text):
        assert old in text
        return text.replace(old, new)
    return change


def added(more):
    return lambda text: text + more + "\n"


@contextlib.contextmanager
def moded(path, mode=None, owner=None, group=None):
    st = path.stat()
    if mode is not None:
        path.chmod(mode)
    if owner or group:
        shutil.chown(path, owner, group)
    yield
    os.chown(path, st.st_uid, st.st_gid)
    path.chmod(st.st_mode & 0o7777)


# What is wrong in main.cf or master.cf: check, result, words, how.
MAIN, MASTER = "main.cf", "master.cf"
SOCKET = "unix:@DIR@/main.sock"
POSTFIX = [
    ("postfix-asked", "wrong", "no smtpd of Postfix asks",
     [(MASTER, replaced("smtpd_milters", "smtpd_proxy_options"))]),
    ("postfix-ports", "warning", "2526/inet does not ask",
     [(MASTER, added("2526 inet n - n - - smtpd"))]),
    ("postfix-sendmail", "wrong", "non_smtpd_milters = $smtpd_milters",
     [(MAIN, added("non_smtpd_milters ="))]),
    ("postfix-chroot", "wrong", "is chrooted, so it looks for the socket at",
     [(MASTER, replaced("inet n - n - - smtpd", "inet n - y - - smtpd"))]),
    ("postfix-action", "wrong", "goes out to everybody",
     [(MAIN, added("milter_default_action = accept"))]),
    ("postfix-action", "wrong", "is not put off",
     [(MAIN, added(f"non_smtpd_milters = {{ {SOCKET}, "
                   "default_action=quarantine }"))]),
    ("postfix-protocol", "warning", "milter_protocol is 2",
     [(MAIN, added("milter_protocol = 2"))]),
    ("postfix-order", "wrong", "put consent-milter first",
     [(MAIN, added(f"non_smtpd_milters = inet:127.0.0.1:8891, {SOCKET}"))]),
    ("postfix-order", "unknown", "if inet:127.0.0.1:7357 signs",
     [(MAIN, added(f"non_smtpd_milters = inet:127.0.0.1:7357, {SOCKET}"))]),
    ("postfix-timeouts", "warning", "command_timeout is 3s",
     [(MAIN, added("milter_command_timeout = 3s"))]),
    ("postfix-timeouts", "warning", "gives up after ten minutes",
     [(MAIN, added("milter_content_timeout = 1h"))]),
    ("postfix-disabled", "warning", "smtpd_milter_maps",
     [(MAIN, added("smtpd_milter_maps = cidr:{{127.0.0.1/32 DISABLE}}"))]),
    ("postfix-original", "warning", "enable_original_recipient = no",
     [(MAIN, added("enable_original_recipient = no"))]),
    ("postfix-copies", "warning", "always_bcc = archive@x.test",
     [(MAIN, added("always_bcc = archive@x.test"))]),
    ("postfix-copies", "warning", "recipient_bcc_maps",
     [(MAIN, added("recipient_bcc_maps = inline:{{a@b.test=c@d.test}}"))]),
    ("postfix-copies", "good", "",
     [(MAIN, added("always_bcc = archive@x.test")),
      (MASTER, replaced("-o syslog_name", "-o receive_override_options="
                        "no_address_mappings -o syslog_name"))]),
    ("postfix-aliases", "warning", "virtual_alias_maps = inline",
     [(MAIN, added("virtual_alias_maps = inline:{{a@b.test=c@d.test}}"))]),
    ("postfix-errors", "warning", "smtpd_hard_error_limit is 20:",
     [(MAIN, added("smtpd_hard_error_limit = 20"))]),
    ("postfix-utf8", "warning", "smtputf8_enable = no",
     [(MAIN, added("smtputf8_enable = no"))]),
    ("postfix-ids", "warning", "enable_long_queue_ids = no",
     [(MAIN, added("enable_long_queue_ids = no"))]),
    ("postfix-names", "warning", "cannot tell them apart",
     [(MAIN, added("milter_macro_daemon_name = smtpd"))]),
]


def test_postfix(doctor):
    """Every wrong setting is named; with the right ones all is good."""
    world = doctor.world
    conf = world.postfix.conf
    good = doctor.results()
    assert {k: v for k, v in good.items() if k.startswith("postfix-") and
            v != "good"} == {"postfix-order": "unknown"}  # nobody signs
    tried = set()
    for check, result, words, changes in POSTFIX:
        with contextlib.ExitStack() as stack:
            for file, change in changes:
                stack.enter_context(changed(
                    conf / file, lambda t, c=change: c(t).replace(
                        "@DIR@", str(world.dir))))
            doctor.says(check, result, words)
        tried.add(check)
    assert doctor.results() == good
    # A configuration that Postfix itself cannot read.
    shutil.copytree(conf, world.dir / "none", dirs_exist_ok=True)
    (world.dir / "none" / "main.cf").write_text("x = {{{")
    (world.dir / "none" / "master.cf").unlink()
    doctor.says("mail-server", "warning", "postconf cannot read",
                conf=world.dir / "none")
    assert tried == {k for k in good if k.startswith("postfix-")} - {
        "postfix-socket"}


CF = """\
# a comment
O InputMailFilters=consent, opendkim
O DaemonPortOptions=Name=MTA, Addr=127.0.0.1
Xconsent, S=local:@DIR@/main.sock, F=T, T=C:10s;S:10s;R:30s;E:60s
Xopendkim, S=inet:8891@127.0.0.1, F=T, T=R:2m
"""


SENDMAIL = [
    ("sendmail-asked", "good", "", lambda t: t),
    ("sendmail-asked", "wrong", "names no InputMailFilters",
     replaced("O InputMailFilters", "#O InputMailFilters")),
    ("sendmail-asked", "wrong", 'of MSA has no filter',
     added("O DaemonPortOptions=Name=MSA, InputMailFilters=opendkim")),
    ("sendmail-asked", "wrong", "no filter on a listener's socket",
     replaced("main.sock", "other.sock")),
    ("sendmail-flags", "wrong", "goes out to everybody",
     replaced("F=T, T=C", "T=C")),
    ("sendmail-flags", "wrong", "F=R", replaced("F=T, T=C", "F=R, T=C")),
    ("sendmail-order", "wrong", "put consent-milter first",
     replaced("consent, opendkim", "opendkim, consent")),
    ("sendmail-order", "good", "", lambda t: t),
    ("sendmail-timeouts", "warning", "T=R:5s",
     replaced("R:30s", "R:5s")),
    ("sendmail-timeouts", "warning", "T=E:20s", replaced("E:60s", "E:20s")),
    ("sendmail-timeouts", "good", "", replaced("E:60s", "E:5m")),
]


def test_sendmail(doctor):
    cf = doctor.world.dir / "sendmail.cf"
    for check, result, words, change in SENDMAIL:
        cf.write_text(change(CF).replace("@DIR@", str(doctor.world.dir)))
        found = doctor.run("--sendmail", cf)[check]
        assert found["result"] == result, found
        assert words in "\n".join(s["text"] for s in found["said"])


# ---- modes, owners, groups ---------------------------------------------------

MODES = [
    ("store-modes", "lets others in: chmod 0664", "store/ledger/data.mdb",
     {"mode": 0o666}),
    ("store-modes", "keeps our own programs out: chmod 0660",
     "store/stop/lock.mdb", {"mode": 0o600}),
    ("store-modes", "chmod 0770", "store/private", {"mode": 0o750}),
    ("store-modes", "who may change its mode: chown root",
     "store/ledger/data.mdb", {"owner": "list"}),
    ("store-modes", 'not to "staff": chgrp staff', "store/writer.lock",
     {"group": "operator"}),
    ("store-modes", "anybody may replace what is in", "",
     {"mode": 0o777}),
    ("store-modes", "who may replace", "", {"owner": "www-data"}),
    ("milter-reach", '"list" can write the ledger', "store/ledger/data.mdb",
     {"mode": 0o666}),
    ("milter-reach", '"list" can write the ledger', "store/ledger/data.mdb",
     {"group": "operator"}),
    ("milter-reach", '"list" cannot read the ledger', "",
     {"mode": 0o700}),
    ("key-modes", "chmod 0640", "../keys/header.key", {"mode": 0o644}),
    ("key-modes", 'not to "staff"', "../keys/confirm.key",
     {"group": "operator"}),
    ("key-modes", "chmod 0640", "../keys/api", {"mode": 0o644}),
    ("key-modes", 'not to "staff"', "../keys/api", {"group": "operator"}),
    ("key-modes", "chmod 0750", "../keys", {"mode": 0o755}),
]


def test_modes(doctor):
    """G32: who may read and who may write, file by file."""
    doctor.world.ctl("api-key", "add", "shop", "--may", "grant")
    good = doctor.results()
    for check, words, path, how in MODES:
        assert good[check] == "good"
        with moded(doctor.world.dir / "store" / path, **how):
            doctor.says(check, "wrong", words)
    assert doctor.results() == good


def test_missing_and_odd_files(doctor):
    store = doctor.world.dir / "store" / "store"
    (store / "stop.lock").unlink()
    doctor.says("store-modes", "wrong", "stop.lock: No such file")
    (store / "stop.lock").mkdir()
    doctor.says("store-modes", "wrong", "stop.lock is no file")


# ---- what runs ---------------------------------------------------------------

def test_daemons(doctor):
    """They answer, they are ours, and they serve by what is on disk."""
    world = doctor.world
    found = doctor.results(code=1)
    assert (found["listeners"], found["web"]) == ("wrong", "wrong")
    assert found["ours"] == found["process"] == "unknown"
    world.start_milter()
    world.start_web()
    good = doctor.results(code=0)
    for check in ("listeners", "ours", "reload", "process", "sockets", "web",
                  "postfix-socket"):
        assert good[check] == "good", check
    # A comment is no change; a setting is, until it is read.
    text = world.config
    world.write_config("# said differently\n" + text)
    assert doctor.results()["reload"] == "good"
    world.write_config(text.replace("proof = 1", "proof = 7"))
    doctor.says("reload", "warning", "systemctl reload consent-milter")
    world.milter.signal(10)
    wait_until("the reload", lambda: doctor.results()["reload"] == "good")
    # What cannot be read is the only answer there is.
    world.write_config(text + "proof = 8\n")
    only = doctor.run(code=78)
    assert list(only) == ["config"]
    assert '"proof" is set twice' in only["config"]["said"][0]["text"]
    world.write_config(text)
    # Somebody else on our socket, then nobody.
    with moded(world.socket(), mode=0o666):
        doctor.says("sockets", "wrong", "any program of this machine")
    with moded(world.socket(), group="root"):
        doctor.says("postfix-socket", "wrong", "main.sock is in the way")
    world.milter.stop()
    stranger = socket.socket(socket.AF_UNIX)
    world.socket().unlink()
    stranger.bind(str(world.socket()))
    stranger.listen()
    doctor.says("ours", "wrong", "is served by another program")
    stranger.close()
    doctor.says("listeners", "wrong", "does consent-milter run?")
    world.web.stop()
    doctor.says("web", "wrong", "does consent-web run?")
    assert len(doctor.run()["web"]["said"]) == 1  # not for each page


def test_another_web_server(doctor):
    with socket.socket() as other:
        other.bind(("127.0.0.1", doctor.world.web_port))
        other.listen()

        def answer():
            for _ in range(3):
                with other.accept()[0] as peer:
                    peer.recv(4096)
                    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        thread = threading.Thread(target=answer)
        thread.start()
        doctor.says("web", "wrong", "not as consent-web does (404)")
        thread.join()


def test_timers(doctor, tmp_path, monkeypatch):
    """systemd's word about its timers, and none where there is no systemd."""
    fake = tmp_path / "systemctl"
    fake.write_text('#!/bin/sh\necho "$*" >>"$0.log"\n'
                    'test "$1" = is-active || { echo running; exit; }\n'
                    'cat "$0.says"; exit $(cat "$0.exit")\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for says, status, result in (("active", 0, "good"),
                                 ("inactive", 3, "warning")):
        (tmp_path / "systemctl.says").write_text(says + "\n")
        (tmp_path / "systemctl.exit").write_text(str(status))
        doctor.says("timers", result, *([] if status == 0 else [
            "consent-refusals.timer is inactive", "systemctl enable --now"]))
    fake.write_text("#!/bin/sh\necho offline\nexit 1\n")
    doctor.says("timers", "unknown", "systemd does not run this machine")
