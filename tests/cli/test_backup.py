"""consentctl backup, restore: a copy that could have been, and nobody who
left since comes back with it (AT-ROYALMAIL)."""
import json
import os
import shutil
import signal
import stat
import subprocess
import time

import pytest

from conftest import PROGRAM, PROVEN, Ctl

WHEN = "2026-02-01T00:00:00Z"
PEOPLE = ["ann", "bob", "cal", "dan", "eve", "fay", "gus"]


def at(name):
    return f"{name}@example.org"


def granted(*names):
    return "email,purpose,status,source,time\n" + "".join(
        f"{at(n)},acme/newsletter,granted,web-form,{WHEN}\n" for n in names)


def copy_ctl(ctl, folder):
    """consentctl with the backup's folder for its store."""
    other = Ctl.__new__(Ctl)
    other.dir, other.files = ctl.dir, 0
    other.config = ctl.dir / f"{folder.name}.conf"
    other.config.write_text(ctl.config.read_text().replace(
        f'"{ctl.dir}/lib"', f'"{folder}"'))
    return other



def sent(ctl, *names):
    """Who of them would get the newsletter, by why and by check alike."""
    by_why = {n for n in names if ctl.why(at(n)) == "consent"}
    out = ctl.dir / "would.csv"
    out.unlink(missing_ok=True)
    ctl.any("check", ctl.file("email\n" + "".join(f"{at(n)}\n"
                                                  for n in names)),
            "--stream", "newsletter", "-o", out)
    by_check = {line.split("@")[0] for line in
                (out.read_text() if out.exists() else "").splitlines()[1:]}
    assert by_why == by_check
    return by_why


def leave(ctl):
    """Everyone but ann and gus leaves, each in another way."""
    ctl.run("withdraw", at("bob"))
    ctl.run("object", at("cal"))
    ctl.run("restrict", at("dan"))
    ctl.run("erase", at("eve"), "--yes")
    ctl.load(f"email,status,time\n{at('fay')},undeliverable,{WHEN}\n",
             *PROVEN)


STAYED = {"ann", "gus"}


def test_backup(ctl):
    """A folder that is a store: verified as one, mode 0600, hashed."""
    ctl.load(granted(*PEOPLE))
    folder = ctl.dir / "copy"
    done = ctl.run("backup", folder)
    assert "7 events" in done.stdout
    assert "The keys are not in it" in done.stdout
    assert done.stderr == ""  # progress on a terminal only
    manifest = json.loads((folder / "manifest.json").read_text())
    status = ctl.json("status")
    assert (manifest["events"], manifest["root"]) == (7, status["root"])
    for entry in manifest["files"]:
        path = folder / entry["name"]
        assert path.stat().st_size == entry["octets"]
        out = subprocess.run(["sha256sum", path], capture_output=True,
                             text=True, check=True).stdout
        assert out.split()[0] == entry["sha256"]
    for path in [folder, *folder.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    copy = copy_ctl(ctl, folder)
    assert copy.json("verify")["good"] is True
    assert sent(copy, *PEOPLE) == set(PEOPLE)
    assert not list(folder.rglob("*.key"))


def test_backup_refuses(ctl):
    folder = ctl.dir / "copy"
    folder.mkdir()
    (folder / "mine").write_text("x")
    ctl.fails("backup", folder, code=64, says=[str(folder), "not empty"])
    assert [p.name for p in folder.iterdir()] == ["mine"]
    (folder / "mine").unlink()
    ctl.run("backup", folder)  # the twin: an empty one
    ctl.fails("backup", code=64, says="usage: consentctl backup")
    ctl.fails("backup", ctl.dir / "no" / "where", code=64, says="No such")
    ctl.fails("backup", "a", "--refusals-only", "b", code=64, says="usage")


def test_backup_json(ctl):
    made = ctl.json("backup", ctl.dir / "copy")
    assert made["format"] == 1 and len(made["files"]) == 3
    made = ctl.json("backup", "--refusals-only", ctl.dir / "r")
    assert made["refusals"] == 0


def test_hot(ctl):
    """Somebody writes all the time; each copy is a state that was."""
    ctl.load(granted(*PEOPLE))
    script = " ; ".join(
        f'"{PROGRAM}" -c "{ctl.config}" {c}' for c in
        (f"grant {at('n$i')} --purpose acme/newsletter --source order "
         f"--attest DPO >/dev/null", f"withdraw {at('bob')} >/dev/null",
         f"erase {at('n$i')} --yes >/dev/null"))
    writer = subprocess.Popen(
        ["sh", "-c", f"i=0; while i=$((i+1)); do {script} ; done"],
        start_new_session=True)
    sizes = []
    try:
        for i in range(int(os.environ.get("CM_LONG", "0")) * 200 or 8):
            folder = ctl.dir / f"copy-{i}"
            sizes.append(ctl.json("backup", folder)["events"])
            copy = copy_ctl(ctl, folder)
            verified = copy.json("verify")
            assert verified["good"] is True, verified
            assert copy.json("status")["events"] >= sizes[-1]
            shutil.rmtree(folder)
    finally:
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait()
    assert sizes == sorted(sizes) and sizes[-1] > sizes[0]
    assert ctl.json("verify")["good"] is True


def test_restore_over(ctl):
    """AT-ROYALMAIL: yesterday's backup, and who left since stays left."""
    ctl.load(granted(*PEOPLE))
    ctl.run("backup", ctl.dir / "copy")
    leave(ctl)
    ctl.load(granted("new"))
    assert sent(ctl, *PEOPLE, "new") == STAYED | {"new"}
    before = ctl.snapshot()
    ctl.fails("restore", ctl.dir / "copy", code=1,
              says=["is there", "--yes", "nothing was changed"])
    assert ctl.snapshot() == before
    done = ctl.run("restore", ctl.dir / "copy", "--yes")
    assert "put back: 5 refusals of the store" in done.stdout
    assert "Restart consent-milter" in done.stdout
    assert sent(ctl, *PEOPLE, "new") == STAYED
    assert ctl.why(at("eve")) == "erased"
    # Erased is erased: the backup had the address.
    private = (ctl.dir / "lib/store/private/data.mdb").read_bytes()
    assert b"eve@example.org" not in private
    assert b"ann@example.org" in private
    assert ctl.json("verify")["good"] is True
    ctl.run("rebuild")
    assert ctl.json("verify")["good"] is True
    assert sent(ctl, *PEOPLE) == STAYED
    # No row that is imported brings them back, nor a second restore.
    ctl.load(granted(*PEOPLE))
    assert sent(ctl, *PEOPLE) == STAYED
    ctl.run("restore", ctl.dir / "copy", "--yes")
    assert sent(ctl, *PEOPLE) == STAYED
    # The store before is aside, whole.
    old = [p for p in (ctl.dir / "lib").iterdir()
           if p.name.startswith("replaced-")]
    assert old and not list((ctl.dir / "lib").glob("restore-*"))


def test_restore_of_a_dead_disk(ctl):
    """Nothing left but a backup and the file of refusals."""
    ctl.load(granted(*PEOPLE))
    ctl.run("backup", ctl.dir / "copy")
    leave(ctl)
    done = ctl.run("backup", "--refusals-only", ctl.dir / "refusals")
    assert "5 refusals" in done.stdout
    text = (ctl.dir / "refusals").read_text()
    assert "@" not in text
    assert stat.S_IMODE((ctl.dir / "refusals").stat().st_mode) == 0o600
    shutil.rmtree(ctl.dir / "lib")
    ctl.fails("restore", ctl.dir / "copy", code=1,
              says=["would get mail again", "--refusals FILE"])
    assert not list((ctl.dir / "lib").iterdir())
    out = ctl.json("restore", ctl.dir / "copy", "--refusals",
                   ctl.dir / "refusals")
    assert (out["put_back_from_file"], out["replaced"]) == (5, None)
    assert sent(ctl, *PEOPLE) == STAYED
    private = (ctl.dir / "lib/store/private/data.mdb").read_bytes()
    assert b"eve@example.org" not in private
    assert ctl.json("verify")["good"] is True


def test_restore_as_it_was(ctl):
    """The twin: nobody left, so nobody is kept from mail."""
    ctl.load(granted(*PEOPLE))
    root = ctl.json("backup", ctl.dir / "copy")["root"]
    shutil.rmtree(ctl.dir / "lib")
    ctl.run("restore", ctl.dir / "copy", "--without-refusals")
    assert sent(ctl, *PEOPLE) == set(PEOPLE)
    assert ctl.json("status")["root"] == root
    # And goes on: it is a store like any other.
    ctl.run("withdraw", at("ann"))
    assert sent(ctl, *PEOPLE) == set(PEOPLE) - {"ann"}


def test_restore_over_a_broken_store(ctl):
    """An old store that cannot be read is no reason to forget refusals."""
    ctl.load(granted(*PEOPLE))
    ctl.run("backup", ctl.dir / "copy")
    leave(ctl)
    ctl.run("backup", "--refusals-only", ctl.dir / "refusals")
    data = ctl.dir / "lib/store/ledger/data.mdb"
    os.truncate(data, 8192)
    before = ctl.snapshot()
    ctl.fails("restore", ctl.dir / "copy", "--yes", code=1,
              says=["data.mdb", "--refusals FILE"])
    assert ctl.snapshot() == before
    done = ctl.run("restore", ctl.dir / "copy", "--yes", "--refusals",
                   ctl.dir / "refusals")
    assert "cannot be read" in done.stderr
    assert sent(ctl, *PEOPLE) == STAYED


@pytest.mark.parametrize("damage", ["cut", "line", "octet", "empty", "other"])
def test_refusals_file_damaged(ctl, damage):
    """A list with an end that is missing would bring people back."""
    ctl.load(granted(*PEOPLE))
    ctl.run("backup", ctl.dir / "copy")
    leave(ctl)
    path = ctl.dir / "refusals"
    ctl.run("backup", "--refusals-only", path)
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    path.write_text({"cut": text[:len(text) // 2],
                     "line": "".join(lines[:2] + lines[3:]),
                     "octet": text.replace("withdrawn", "withdrawm", 1),
                     "empty": "",
                     "other": "hello\n"}[damage])
    shutil.rmtree(ctl.dir / "lib")
    ctl.fails("restore", ctl.dir / "copy", "--refusals", path, code=65,
              says="not a whole list of refusals")
    assert not list((ctl.dir / "lib").iterdir())
    path.write_text(text)
    ctl.run("restore", ctl.dir / "copy", "--refusals", path)
    assert sent(ctl, *PEOPLE) == STAYED


def test_damaged_backup(ctl):
    """A flipped octet, a missing manifest, a newer format: old state."""
    ctl.load(granted(*PEOPLE))
    folder = ctl.dir / "copy"
    ctl.run("backup", folder)
    manifest = folder / "manifest.json"
    text = manifest.read_text()
    before = ctl.snapshot()
    manifest.write_text(text.replace('"format": 1', '"format": 2'))
    ctl.fails("restore", folder, "--yes", code=65, says="newer consentctl")
    manifest.write_text("{}")
    ctl.fails("restore", folder, "--yes", code=65, says="no manifest")
    manifest.unlink()
    ctl.fails("restore", folder, "--yes", code=64, says="no backup")
    manifest.write_text(text)
    data = folder / "store/ledger/data.mdb"
    octets = bytearray(data.read_bytes())
    octets[len(octets) // 2] ^= 1
    good = data.read_bytes()
    data.write_bytes(octets)
    ctl.fails("restore", folder, "--yes", code=65,
              says=["ledger/data.mdb", "manifest"])
    data.write_bytes(good)
    after = {p: b for p, b in ctl.snapshot().items() if folder not in
             p.parents}
    assert after == {p: b for p, b in before.items() if folder not in
                     p.parents}
    ctl.run("restore", folder, "--yes")


def test_undone_refusals_stay_undone(ctl):
    """The wrong list, taken back with its opt-outs, is not put back."""
    ctl.load(granted("ann", "bob"))
    batch = ctl.json("import", ctl.file(
        f"email,status,time\n{at('ann')},withdrawn,2026-03-01T00:00:00Z\n"),
        *PROVEN)["batch"]
    ctl.run("backup", "--refusals-only", ctl.dir / "before")
    ctl.run("undo", batch, "--yes", "--refusals", "--checked", "--note",
            "wrong list")
    ctl.run("withdraw", at("bob"))
    ctl.run("backup", ctl.dir / "copy")
    ctl.run("restore", ctl.dir / "copy", "--yes")
    assert sent(ctl, "ann", "bob") == {"ann"}
    # A list of before the undo is taken at its word; the store agrees.
    ctl.run("restore", ctl.dir / "copy", "--yes", "--refusals",
            ctl.dir / "before")
    assert sent(ctl, "ann", "bob") == set()
    assert ctl.json("verify")["good"] is True


def test_killed(ctl):
    """kill -9 at any moment: the store before or the one after."""
    ctl.load(granted(*PEOPLE))
    ctl.run("backup", ctl.dir / "copy")
    ctl.load(granted("new"))
    ctl.run("withdraw", at("bob"))
    command = ctl.command("restore", ctl.dir / "copy", "--yes")
    begin = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    took = time.monotonic() - begin
    rounds = int(os.environ.get("CM_LONG", "0")) * 500 or 12
    seen = set()
    for i in range(rounds):
        # Anew: the old state has "new", the restored one has not.
        ctl.load(granted("new"))
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        if i == rounds - 1:
            assert process.wait() == 0
        time.sleep(took * 1.1 * i / rounds)
        process.kill()
        process.wait()
        verified = ctl.json("verify")
        assert verified["good"] is True, verified
        state = frozenset(sent(ctl, *PEOPLE, "new"))
        assert state in ({*PEOPLE, "new"} - {"bob"}, {*PEOPLE} - {"bob"})
        seen.add(len(state))
        for left in (ctl.dir / "lib").iterdir():
            if left.name != "store":
                shutil.rmtree(left)
        time.sleep(0.01)
    assert len(seen) == 2  # the first and the last, whatever the machine
