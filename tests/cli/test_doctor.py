"""consentctl doctor: configuration, accounts, store; the daemons and mail
servers are in tests/e2e/test_doctor.py."""
import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading

import pytest

from conftest import PROVEN, Ctl

REPO = pathlib.Path(__file__).resolve().parents[2]
# Users and groups that every Debian has.
USERS = '''
milter { user = "list" }
'''
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: files belong to several users")


class Doctor(Ctl):
    def __init__(self, folder):
        super().__init__(folder)
        text = self.config.read_text()
        text = text.replace('group = "root"  write-group = "root"',
                            'group = "operator"  write-group = "staff"')
        text = text.replace('listen = "127.0.0.1:8025"',
                            'listen = "127.0.0.1:8025"  user = "www-data"')
        self.config.write_text(text + USERS)

    def doctor(self, *args):
        """{check: (result, what was said)}."""
        done = self.run("doctor", "--json", *args, code=1)  # no daemon runs
        return {c["check"]: (c["result"], "\n".join(
            s["text"] for s in c["said"]))
            for c in json.loads(done.stdout)["checks"]}

    def says(self, check, result, *words, args=()):
        got, text = self.doctor(*args)[check]
        assert got == result, text
        for word in words:
            assert word in text, text

    def change(self, old, new):
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))


@pytest.fixture
def ctl(tmp_path):
    ctl = Doctor(tmp_path)
    ctl.run("init")
    return ctl


# ---- the command -------------------------------------------------------------

def test_the_answer(ctl):
    done = ctl.run("doctor", code=1)
    assert re.search(r"(?m)^good +accounts  ", done.stdout)
    assert re.search(r"(?m)^WRONG +listeners +listener \"main\"", done.stdout)
    last = done.stdout.rstrip().split("\n")[-1]
    assert re.fullmatch(r"\d+ wrong, \d+ warnings?, \d+ not checked, "
                        r"\d+ good", last)
    assert max(map(len, done.stdout.split("\n"))) <= 79 or \
        str(ctl.dir) in done.stdout
    answer = json.loads(ctl.run("doctor", "--json", code=1).stdout)
    found = [c["result"] for c in answer["checks"]]
    for result in ("good", "unknown", "warning", "wrong"):
        assert answer[result] == found.count(result)
    assert [int(n) for n in re.findall(r"\d+", last)] == [
        answer[r] for r in ("wrong", "warning", "unknown", "good")]


def test_it_changes_nothing(ctl):
    before = ctl.snapshot()
    ctl.doctor()
    assert ctl.snapshot() == before


def test_list_is_the_table(ctl):
    """Every check that runs is in the list, and in the manual made of it."""
    rows = json.loads(ctl.run("doctor", "--list", "--json").stdout)
    ids = [r["check"] for r in rows]
    assert len(set(ids)) == len(ids)
    assert {r["severity"] for r in rows} == {"wrong", "warning"}
    assert set(ctl.doctor()) <= set(ids)
    text = ctl.run("doctor", "--list").stdout
    for row in rows:
        assert re.search(rf"(?m)^(WRONG|warning) +{row['check']} ", text)


def test_a_config_that_cannot_be_read(ctl):
    ctl.change("mode = observe", "mode = obsrve")
    done = ctl.run("doctor", code=78)
    assert 'did you mean "observe"?' in re.sub(r"\s+", " ", done.stdout)
    assert "WRONG   config" in done.stdout
    assert json.loads(ctl.run("doctor", "--json", code=78).stdout)[
        "checks"][0]["result"] == "wrong"


def test_a_config_that_cannot_be_served(ctl):
    """As consent-milter -t has it: it reads well, but names no texts."""
    ctl.change("\nstore ", '\ntemplates = "/nowhere"\nstore ')
    ctl.says("config", "wrong", "/nowhere")


# ---- configuration -----------------------------------------------------------

def test_modes_of_streams(ctl):
    ctl.says("modes", "warning", 'stream "offers" is in mode observe')
    ctl.change("mode = observe", "mode = edit")
    ctl.says("modes", "warning", "mode edit: it refuses nobody")
    ctl.change("mode = edit", "mode = enforce")
    ctl.says("modes", "good")


def test_languages(ctl):
    templates = ctl.dir / "templates"
    shutil.copytree(REPO / "conf" / "templates", templates)
    ctl.change("\nstore ", f'\ntemplates = "{templates}"\nstore ')
    ctl.says("languages", "good")
    ctl.change("mode = observe", 'mode = observe  language = "de"')
    ctl.change('title = "Newsletter"',
               'title = "Newsletter" title-fr = "Nouvelles"')
    ctl.says("languages", "warning", 'stream "offers" names language "de"',
             'people get "en"', 'purpose "acme/newsletter" names language '
             '"fr"', f"make {templates}/de")
    (templates / "cs" / "pages.txt").unlink()
    ctl.says("languages", "warning", "pages.txt")


def test_country(ctl):
    ctl.says("country", "warning", 'purpose "acme/newsletter": the profile of '
             "DE asks for level = double")
    ctl.change('"3y"', '"3y" level = double')
    ctl.change('title = "Offers"', 'title = "Offers" lifetime = "3y"')
    ctl.says("country", "good")
    ctl.change('"3y" level = double', '"5y" level = double')
    ctl.says("country", "warning", "ends a consent after 4 years without use")
    ctl.change('"5y" level = double', '"5y" idle = "4y" level = double')
    ctl.says("country", "good")
    ctl.change('"5y" idle = "4y" level',
               '"3y" soft-opt-in = yes product-category = {"x"} level')
    ctl.says("country", "warning", "soft-opt-in is on")
    ctl.change('soft-opt-in = yes product-category = {"x"}', "")
    ctl.change("mode = observe", "mode = observe footer = no")
    ctl.says("country", "warning", "footer = no")
    ctl.change('country = "DE"', 'country = "IT"')
    ctl.change('"3y"  level', '"4y" level')
    ctl.says("country", "warning", "(set lifetime = 3y)")
    ctl.change('country = "IT"', 'country = "AT"')
    ctl.says("country", "unknown", "no profile of AT")
    ctl.change('country = "AT"', "")
    ctl.says("country", "unknown", "controller.country is not set")


def test_footers(ctl):
    """FT-1: what is missing, in which file, by which law."""
    templates = ctl.dir / "templates"
    shutil.copytree(REPO / "conf" / "templates", templates)
    ctl.change("\nstore ", f'\ntemplates = "{templates}"\nstore ')
    ctl.says("footers", "warning", "controller.privacy-notice is not set",
             "GDPR")
    ctl.change('country = "DE"', 'country = "DE" '
               'privacy-notice = "https://acme.example/privacy"')
    ctl.says("footers", "good")
    footer = templates / "bg" / "footer.txt"
    footer.write_text(footer.read_text().replace("{{address}}", ""))
    ctl.says("footers", "warning",
             f"{footer} does not show {{{{address}}}}, the postal address: "
             "E-Commerce Directive", "DE: Act against Unfair Competition")
    ctl.change("mode = observe", 'mode = observe country = "CZ"')
    ctl.says("footers", "warning", 'stream "offers" has no marker',
             "CZ: Act No. 480/2004, section 7")


def test_opt_in(ctl):
    """A form whose letters no stream takes: refused where unknown mail is
    marketing."""
    ctl.config.write_text(ctl.config.read_text() + """
mail { domain = "m.acme.example" }
form "news" { purpose = {"acme/newsletter"} }
""")
    ctl.says("opt-in", "warning", "no stream of type optin has the sender",
             "consent@m.acme.example")
    ctl.config.write_text(ctl.config.read_text() + """
stream "confirm" { type = optin  sender = {"consent@m.acme.example"}
                   client = {"127.0.0.1"} }
""")
    ctl.says("opt-in", "good")
    ctl.change('mail { domain = "m.acme.example" }',
               'mail { domain = "m.acme.example" '
               'from = "Acme <hello@m.acme.example>" }')
    ctl.says("opt-in", "warning", "hello@m.acme.example")


def test_profiles_are_those_of_conf():
    """What doctor asks for is what the profiles say."""
    source = (REPO / "tools" / "doctor_config.c").read_text()
    rows = re.findall(r'\{"([A-Z]{2})",\s*(\d+),\s*(\w+)\}', source)
    want = []
    for file in (REPO / "conf" / "countries").glob("*.conf"):
        root = re.search(r"purpose \"acme/..\" \{.*?\n\}", file.read_text(),
                         re.S)[0]
        assert re.search(r"(?m)^    level +\= double$", root)
        assert re.search(r"(?m)^    soft-opt-in = no$", root)
        lifetime = re.search(r"(?m)^    lifetime += (\w+)$", root)[1]
        idle = re.search(r"(?m)^    idle += (\d+)y$", root)
        years = int(idle[1]) if idle else \
            0 if lifetime == "none" else int(lifetime.rstrip("y"))
        want.append((file.stem.upper(), str(years * 12),
                     "true" if idle else "false"))
    assert sorted(rows) == sorted(want)


def test_accounts(ctl):
    ctl.says("accounts", "good")
    ctl.change('user = "list"', 'user = "www-data"')
    ctl.says("accounts", "wrong", "are one user")
    ctl.change('milter { user = "www-data" }', 'milter { user = "root" }')
    ctl.says("accounts", "wrong", "who may do everything")
    ctl.change('milter { user = "root" }', 'milter { user = "nosuchuser" }')
    ctl.says("accounts", "wrong", 'there is no user "nosuchuser"')
    # list's own group is called list: the milter would be a writer.
    ctl.change('milter { user = "nosuchuser" }', 'milter { user = "list" }')
    ctl.change('write-group = "staff"', 'write-group = "list"')
    ctl.says("accounts", "wrong", '"list" is in group "list" and could forge')
    ctl.change('write-group = "list"', 'write-group = "nosuchgroup"')
    ctl.says("accounts", "wrong", 'there is no group "nosuchgroup"')
    ctl.change('write-group = "nosuchgroup"', 'write-group = "operator"')
    ctl.says("accounts", "wrong", "whoever reads could write")


def test_keys_apart(ctl):
    """G32: a copy of the store must not hold the keys."""
    ctl.says("keys-apart", "good")
    shutil.copytree(ctl.dir / "keys", ctl.dir / "lib" / "keys")
    ctl.change(f'"{ctl.dir}/keys"', f'"{ctl.dir}/lib/keys"')
    ctl.says("keys-apart", "wrong", "would hold the key to it")
    # By a link, too.
    (ctl.dir / "k").symlink_to(ctl.dir / "lib" / "keys")
    ctl.change(f'"{ctl.dir}/lib/keys"', f'"{ctl.dir}/k"')
    ctl.says("keys-apart", "wrong", "would hold the key to it")


def test_submission(ctl):
    """A password is its users' alone, and consent-web's user is one."""
    ctl.says("submission", "good")
    secret = ctl.dir / "submit.password"
    ctl.config.write_text(
        re.sub(r"mail \{[^}]*\}", "", ctl.config.read_text())
        + 'mail { domain = "m.acme.example"  submit-user = "consent" '
          f'submit-password-file = "{secret}" }}\n')
    ctl.says("submission", "wrong", "cannot read", str(secret))
    secret.write_text("secret\n")
    secret.chmod(0o644)
    ctl.says("submission", "wrong", "0644", "0640")
    secret.chmod(0o640)
    ctl.says("submission", "wrong", '"www-data" cannot read')
    shutil.chown(secret, group="staff")
    for above in (ctl.dir, *ctl.dir.parents[:2]):
        above.chmod(above.stat().st_mode | 0o011)
    ctl.says("submission", "good")


def test_web_name(ctl):
    """The name in base-url, in a network of our own that has no DNS."""
    ctl.says("web-name", "unknown", "--dns")
    hosts = ctl.dir / "hosts"
    hosts.write_text("127.0.0.1 consent.acme.example\n")
    for name, result in (("consent.acme.example", "good"),
                         ("other.acme.example:8443/x", "wrong")):
        ctl.change("https://consent.acme.example", f"https://{name}")
        done = subprocess.run(
            ["unshare", "-mn", "sh", "-c",
             'mount --bind "$0" /etc/hosts && exec "$@"', hosts,
             *ctl.command("doctor", "--dns", "--json")],
            capture_output=True, text=True, timeout=60)
        assert {c["check"]: c["result"] for c in json.loads(done.stdout)[
            "checks"]}["web-name"] == result


# ---- store -------------------------------------------------------------------

def grants(count, source="web-form"):
    return "email,purpose,status,source,time\n" + "".join(
        f"p{i}@b.example,acme/newsletter,granted,{source},"
        "2026-01-01T00:00:00Z\n" for i in range(count))


def test_no_store(tmp_path):
    ctl = Doctor(tmp_path)
    ctl.says("store", "wrong", "consentctl init")
    ctl.says("sample", "unknown", "consentctl init")
    ctl.says("store-modes", "wrong", "No such file")


def test_another_key(ctl, tmp_path_factory):
    other = Doctor(tmp_path_factory.mktemp("other"))
    other.run("init")
    shutil.copy(other.dir / "keys" / "store.key", ctl.dir / "keys")
    ctl.says("store", "wrong", "made with another store key")


def test_sample(ctl):
    """A changed octet of an event, in a sample that has all of them."""
    ctl.load(grants(20))
    ctl.says("sample", "good")
    data = ctl.dir / "lib" / "store" / "ledger" / "data.mdb"
    octets = data.read_bytes()
    assert octets.count(b'"source":"web-form"') >= 20
    data.write_bytes(octets.replace(b'"source":"web-form"',
                                    b'"source":"web-farm"'))
    ctl.says("sample", "wrong", "is not the one that was recorded")


def with_checkpoints(ctl):
    ctl.config.write_text(ctl.config.read_text() + f'''
checkpoint {{ origin = "acme.example/c"  key = "{ctl.dir}/checkpoint.key"
             path = "{ctl.dir}/heads"  user = "root" }}
''')


def test_checkpoint(ctl):
    """A store put back from a copy is older than what was signed."""
    ctl.says("signed", "warning", "there is no checkpoint section")
    with_checkpoints(ctl)
    ctl.says("signed", "unknown", "consentctl keys checkpoint")
    ctl.run("keys", "checkpoint")
    shutil.copytree(ctl.dir / "lib", ctl.dir / "copy")
    ctl.load(grants(3))
    ctl.run("checkpoint")
    ctl.says("checkpoint", "good")
    ctl.says("signed", "good")
    (ctl.dir / "checkpoint.key").chmod(0o644)
    ctl.says("keys-apart", "wrong", "others could sign")
    # Not signed for long.
    ctl.run("withdraw", "p1@b.example")
    ctl.says("signed", "good")
    for head in (ctl.dir / "heads").iterdir():
        os.utime(head, (1, 1))
    ctl.says("signed", "warning", "1 events are not signed yet")
    # Another ledger of more events, then an older copy of this one.
    now = ctl.dir / "lib"
    now.rename(ctl.dir / "later")
    shutil.copytree(ctl.dir / "copy", now)
    ctl.load(grants(9, source="order"))
    ctl.says("checkpoint", "wrong", "are not those that were signed")
    shutil.rmtree(now)
    shutil.copytree(ctl.dir / "copy", now)
    ctl.says("checkpoint", "wrong", "has 0 events, the last checkpoint 3",
             "refusals since are lost")


def test_waiting(ctl):
    ctl.says("waiting", "good")
    ctl.change("map-size", "lock-wait = 1  map-size")
    with open(ctl.dir / "lib" / "store" / "writer.lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ctl.run("withdraw", "p1@b.example")
        ctl.says("waiting", "warning", "1 refusals wait", "consent-web")


def test_attested_and_sources(ctl):
    ctl.load(grants(3))
    ctl.says("attested", "good")
    ctl.says("sources", "good")
    ctl.run("import", ctl.file(grants(2).replace("\np", "\nq")))
    ctl.says("attested", "warning", "nobody answers for 2 consents")
    ctl.run("import", ctl.file(grants(4, source="").replace("\np", "\nr")),
            "--attest", "DPO")
    ctl.says("sources", "warning", "4 consents are of unknown source")
    ctl.run("import", ctl.file(grants(5, source="purchased").replace(
        "\np", "\ns")), "--attest", "DPO")
    ctl.says("sources", "warning", "5 consents come from purchased lists")
    ctl.says("sources", "unknown", "--quick", args=["--quick"])
    # Undone, it is not held against anybody.
    for batch in ctl.json("batches"):
        if not batch["attested_by"]:
            ctl.any("undo", batch["batch"], "--yes")
    ctl.says("attested", "good")


def test_map(ctl):
    ctl.says("map", "good")
    ctl.load(grants(8000))
    data = ctl.dir / "lib" / "store" / "ledger" / "data.mdb"
    used = data.stat().st_blocks * 512 >> 20
    ctl.change('map-size = "2G"', f'map-size = "{used + 1}M"')
    ctl.says("map", "warning", "store.map-size allows")


def mounted(folder, size):
    """A small disk of its own in that place, with what was there."""
    kept = folder.with_name(folder.name + ".kept")
    folder.rename(kept)
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}",
                           "none", folder])
    if done.returncode != 0:
        pytest.skip("mount is not allowed here")
    shutil.copytree(kept, folder, dirs_exist_ok=True)


def test_disk(ctl):
    """A disk of less than a GB is too small for an erasure to be safe."""
    store = ctl.dir / "lib" / "store"
    if shutil.disk_usage(store).free > 2 << 30:
        ctl.says("disk", "good")
    mounted(store, "64m")
    try:
        ctl.says("disk", "warning", "MB left", "nobody can unsubscribe")
    finally:
        subprocess.run(["umount", "-l", store], check=True)


def test_clock(ctl):
    """Behind by more than a minute, nothing may be decided (design 5)."""
    ctl.run("withdraw", "p1@b.example")
    ctl.says("clock", "good")
    shim = ctl.dir / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", shim],
                   input=BEHIND, text=True, check=True)
    env = {"LD_PRELOAD": str(shim),
           "ASAN_OPTIONS": "verify_asan_link_order=0:" +
                           os.environ.get("ASAN_OPTIONS", "")}
    done = ctl.run("doctor", "--json", code=1, env=env)
    found, = [c for c in json.loads(done.stdout)["checks"]
              if c["check"] == "clock"]
    assert found["result"] == "wrong"
    assert re.match(r"the clock is 1(1\d|20) s behind the newest event",
                    found["said"][0]["text"])


BEHIND = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *at)
{
	int (*next)(clockid_t, struct timespec *) =
		(int (*)(clockid_t, struct timespec *))dlsym(
			RTLD_NEXT, "clock_gettime");
	int rc = next(id, at);

	if (id == CLOCK_REALTIME)
		at->tv_sec -= 120;
	return rc;
}
"""


def test_what_the_milter_writes(ctl):
    """G32: PATH/milter is the milter's user's alone; others read."""
    folder = ctl.dir / "lib" / "milter"
    ctl.says("store-modes", "good")  # it is made when the milter starts
    folder.mkdir(0o750)
    shutil.chown(folder, "list", "operator")
    data = folder / "data.mdb"
    data.touch(0o640)
    data.chmod(0o640)
    shutil.chown(data, "list", "operator")
    ctl.says("store-modes", "good")
    for path, change, words in (
            (folder, lambda p: p.chmod(0o770), "lets others in: chmod 0750"),
            (folder, lambda p: shutil.chown(p, "root"),
             f'not to "list", who writes it: chown list {folder}'),
            (data, lambda p: p.chmod(0o644), "lets others in: chmod 0640"),
            (data, lambda p: shutil.chown(p, group="staff"),
             'not to "operator": chgrp operator')):
        st = path.stat()
        change(path)
        ctl.says("store-modes", "wrong", words)
        os.chown(path, st.st_uid, st.st_gid)
        path.chmod(st.st_mode & 0o7777)
    data.unlink()
    data.symlink_to("/etc/passwd")
    ctl.says("store-modes", "wrong", "data.mdb is no file")


def test_readers(ctl):
    """Slots of readers that are nearly all taken are told in time."""
    ctl.says("readers", "good")
    lmdb = ctypes.CDLL("liblmdb.so.0")
    env, txn = ctypes.c_void_p(), ctypes.c_void_p()
    read_only, no_tls = 0x20000, 0x200000
    assert lmdb.mdb_env_create(ctypes.byref(env)) == 0
    assert lmdb.mdb_env_open(
        env, str(ctl.dir / "lib" / "store" / "ledger").encode(),
        read_only | no_tls, 0o600) == 0
    try:
        for _ in range(801):
            assert lmdb.mdb_txn_begin(env, None, read_only,
                                      ctypes.byref(txn)) == 0
        ctl.says("readers", "warning", "ledger: 80", "of 1024 readers' slots")
    finally:
        lmdb.mdb_env_close(env)


def test_erasures(ctl):
    """Killed while the data is written anew without the person: said, until
    any command that writes has finished it."""
    ctl.load(grants(3))
    ctl.says("erasures", "good")
    private = ctl.dir / "lib" / "store" / "private"
    done = subprocess.run(
        # The new file is at first larger than that.
        ["prlimit", f"--fsize={1 << 20}", *map(str, ctl.command(
            "erase", "p1@b.example", "--yes"))], capture_output=True)
    assert done.returncode != 0
    ctl.says("erasures", "wrong", "the data of 1 people is not erased yet")
    ctl.run("object", "p2@b.example")
    ctl.says("erasures", "good")
    assert b"p1@b.example" not in (private / "data.mdb").read_bytes()


def hang_up(sock):
    with contextlib.suppress(OSError):
        while True:
            sock.accept()[0].close()


def test_process(ctl):
    """Who serves a listener is neither root nor among those who write."""
    path = ctl.dir / "main.sock"
    with socket.socket(socket.AF_UNIX) as sock, \
            open(f"{path}.lock", "w") as lock:
        sock.bind(str(path))
        sock.listen()
        threading.Thread(target=hang_up, args=(sock,), daemon=True).start()
        fcntl.flock(lock, fcntl.LOCK_EX)
        for user, groups, result, words in (
                ("root", "", "wrong", "runs as root"),
                ("list", "staff", "wrong", 'is in group "staff" and could '
                                           "forge consent"),
                ("list", "operator", "good", "")):
            served = subprocess.Popen(
                ["setpriv", f"--reuid={user}", "--regid=nogroup",
                 f"--groups={groups}" if groups else "--clear-groups",
                 "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE)
            served.stdout.readline()
            lock.seek(0)
            lock.truncate()
            lock.write(f"{served.pid}\n")
            lock.flush()
            ctl.says("process", result, words)
            served.stdin.close()
            served.wait()
        lock.seek(0)
        lock.truncate()
        lock.write("nobody\n")
        lock.flush()
        ctl.says("process", "unknown", 'process "nobody" cannot be looked at')


def test_strict(ctl):
    """Warnings alone are no failure, unless asked."""
    assert ctl.doctor()["modes"][0] == "warning"
    ctl.fails("doctor", "--strikt", code=64, says="did you mean --strict?")
