"""Checkpoints, proofs, evidence: what outsiders can hold us to."""
import base64
import email
import email.policy
import hashlib
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile

import pytest

import outside
from conftest import BUILD, Ctl, PROVEN

REPO = pathlib.Path(__file__).resolve().parents[2]
VERIFY = BUILD / "consent-verify"
ORIGIN = "acme.example/consent"


def with_checkpoints(ctl, more=""):
    user = pwd.getpwuid(os.geteuid()).pw_name
    ctl.heads = ctl.dir / "heads"
    ctl.key = ctl.dir / "checkpoint.key"
    ctl.config.write_text(ctl.config.read_text() + f'''
checkpoint {{ origin = "{ORIGIN}"  key = "{ctl.key}"  path = "{ctl.heads}"
             user = "{user}"  {more} }}
''')
    ctl.vkey = ctl.run("keys", "checkpoint").stdout.strip()
    return ctl


@pytest.fixture
def signing(ctl):
    return with_checkpoints(ctl)


def grant(ctl, who, **kw):
    ctl.run("grant", who, "--purpose", "acme/newsletter", *PROVEN, **kw)


def shots(ctl):
    """Copies of the store and of the heads, to put back later."""
    to = pathlib.Path(tempfile.mkdtemp(dir=ctl.dir))
    shutil.copytree(ctl.dir / "lib", to / "lib")
    return to


def put_back(ctl, shot):
    shutil.rmtree(ctl.dir / "lib")
    shutil.copytree(shot / "lib", ctl.dir / "lib")


def note_of(ctl):
    return (ctl.heads / "checkpoint").read_bytes()


# ---- keys, checkpoint -------------------------------------------------------

def test_no_section_no_key(ctl):
    for command in (["checkpoint"], ["keys", "checkpoint"]):
        ctl.fails(*command, code=78, says="no checkpoint section")
    assert "NONE: nothing outside" in ctl.run("verify").stdout
    assert "no checkpoint section" in \
        ctl.json("verify")["checkpoints"]["why_none"]


def test_the_key_is_made_once(signing):
    """The key is the signer's alone; asked again, it only shows itself."""
    assert signing.vkey.startswith(f"{ORIGIN}+")
    assert signing.key.stat().st_mode & 0o777 == 0o600
    assert signing.key.read_text().startswith(f"PRIVATE+KEY+{ORIGIN}+")
    before = signing.key.read_bytes()
    done = signing.run("keys", "checkpoint")
    assert done.stdout.strip() == signing.vkey and done.stderr == ""
    assert signing.key.read_bytes() == before
    signing.fails("keys", "rotat", code=64, says="rotat")


def test_bytes_of_a_checkpoint(signing):
    """F-4: exactly the format; the signature holds under plain openssl."""
    for n in range(3):
        grant(signing, f"p{n}@b.example")
    note = signing.run("checkpoint").stdout.encode()
    assert note == note_of(signing)
    text, line = note.split(b"\n\n")
    text += b"\n"
    origin, size, root = text.decode().split("\n")[:3]
    assert (origin, size) == (ORIGIN, "3")
    assert base64.b64decode(root).hex() == signing.json("status")["root"]
    dash, name, sig = line.decode().rstrip("\n").split(" ")
    assert (dash, name) == ("\u2014", ORIGIN)
    sig = base64.b64decode(sig)
    public = base64.b64decode(signing.vkey.split("+", 2)[2])
    assert public[0] == 1 and len(public) == 33 and len(sig) == 68
    assert sig[:4] == hashlib.sha256(
        ORIGIN.encode() + b"\n" + public).digest()[:4]
    assert sig[:4].hex() == signing.vkey.split("+")[1]
    files = {"text": text, "sig": sig[4:], "key": bytes.fromhex(
        "302a300506032b6570032100") + public[1:]}
    for name, content in files.items():
        (signing.dir / name).write_bytes(content)
    check = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform",
             "DER", "-inkey", "key", "-in", "text", "-sigfile", "sig"]
    assert subprocess.run(check, cwd=signing.dir).returncode == 0
    (signing.dir / "text").write_bytes(text.replace(b"3", b"4", 1))
    assert subprocess.run(check, cwd=signing.dir).returncode != 0


def test_nothing_new_is_not_signed_again(signing):
    grant(signing, "a@b.example")
    assert signing.json("checkpoint")["new"] is True
    again = signing.json("checkpoint")
    assert again["new"] is False and again["size"] == 1
    assert sorted(p.name for p in signing.heads.glob("*.checkpoint")) == \
        ["0000000000.checkpoint", "0000000001.checkpoint"]


def test_a_cut_ledger_is_not_signed(signing):
    """F-6, F-10: an old copy of the store in the place of the new one."""
    grant(signing, "a@b.example")
    old = shots(signing)
    grant(signing, "b@b.example")
    signing.run("checkpoint")
    before = note_of(signing)
    put_back(signing, old)
    signing.fails("checkpoint", code=65, says=["nothing was signed",
                                               "cut off"])
    assert note_of(signing) == before
    done = signing.run("verify", code=65)
    assert "checkpoint of 2 events: the ledger has only 1" in done.stdout
    assert "NOT GOOD" in done.stdout
    report = signing.json("verify", code=65)
    assert report["good"] is False
    assert report["checkpoints"]["not_extended"] == 1


def test_a_fork_is_not_signed(signing):
    """F-6: as many events, but others; then more of them."""
    grant(signing, "a@b.example")
    old = shots(signing)
    grant(signing, "b@b.example")
    signing.run("checkpoint")
    put_back(signing, old)
    for who in ("c@b.example", "d@b.example"):
        grant(signing, who)
        signing.fails("checkpoint", code=65, says="does not extend")
    done = signing.run("verify", code=65)
    assert "checkpoint of 2 events: the ledger does not extend it" in \
        done.stdout
    put_back(signing, old)
    grant(signing, "b@b.example")
    signing.fails("checkpoint", code=65, says="does not extend")


def test_the_memory_may_not_be_lost(signing):
    """Without what it signed last it signs nothing, and makes no new key."""
    grant(signing, "a@b.example")
    signing.run("checkpoint")
    newest = signing.heads / "checkpoint"
    note = newest.read_bytes()
    newest.unlink()
    signing.fails("checkpoint", code=65, says=["nothing was signed", "gone"])
    signing.fails("keys", "checkpoint", code=65, says="what it signed")
    newest.write_bytes(note.replace(b"\n1\n", b"\n0\n"))
    signing.fails("checkpoint", code=65, says="changed")
    newest.write_bytes(note)
    signing.run("checkpoint")
    signing.key.rename(signing.dir / "away")
    signing.fails("keys", "checkpoint", code=65, says="bring the key back")
    signing.fails("checkpoint", code=78, says="there is no key")


def test_killed_between_two_files(signing):
    """The newest is written first; the next run makes up for the rest."""
    grant(signing, "a@b.example")
    signing.run("checkpoint")
    own = signing.heads / "0000000001.checkpoint"
    note = own.read_bytes()
    own.unlink()
    assert signing.json("checkpoint")["new"] is False
    assert own.read_bytes() == note == note_of(signing)


def test_a_key_that_others_may_read(signing):
    signing.key.chmod(0o640)
    signing.fails("checkpoint", code=78, says="lets others in")


def test_copies_go_out_until_they_are_there(ctl, tmp_path):
    """F-10: a drop that is not mounted today gets all tomorrow."""
    drop = tmp_path / "drop"
    with_checkpoints(ctl, f'drop = "{drop}"')
    for n in range(2):
        grant(ctl, f"p{n}@b.example")
        done = ctl.run("checkpoint", code=75)
        assert "signed, but not copied" in done.stderr
        assert done.stdout.startswith(ORIGIN)
    drop.mkdir()
    assert ctl.json("checkpoint")["copied"] == 3
    assert ctl.json("checkpoint")["copied"] == 0
    for head in ctl.heads.glob("*.checkpoint"):
        assert (drop / head.name).read_bytes() == head.read_bytes()


def two_users(folder):
    """A store of root's, which "nobody" reads and signs for."""
    folder.chmod(0o755)
    ctl = Ctl(folder)
    ctl.config.write_text(ctl.config.read_text().replace(
        'group = "root"', 'group = "nogroup"', 1))
    (folder / "lib").mkdir()
    ctl.run("init")
    (folder / "etc").mkdir()
    ctl.config.write_text(ctl.config.read_text() + f'''
checkpoint {{ origin = "{ORIGIN}"  key = "{folder}/etc/checkpoint.key"
             path = "{folder}/heads"  user = "nobody" }}
''')
    return ctl


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
def test_the_signer_is_a_user_of_its_own():
    """F-6: it reads the store and cannot write; others cannot sign."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cm-signer-"))
    try:
        ctl = two_users(folder)
        ctl.run("keys", "checkpoint")
        grant(ctl, "a@b.example")
        assert ctl.json("checkpoint")["size"] == 1
        nobody = pwd.getpwnam("nobody").pw_uid
        for path in (folder / "heads" / "checkpoint",
                     folder / "etc" / "checkpoint.key"):
            assert path.stat().st_uid == nobody
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534",
                     "--clear-groups", *map(str, ctl.command(
                         "object", "a@b.example"))]
        done = subprocess.run(as_nobody, capture_output=True, text=True)
        assert done.returncode == 75 and "this needs root" in done.stderr
        assert ctl.json("status")["events"] == 1
        other = ["setpriv", "--reuid=1", "--regid=65534", "--clear-groups",
                 *map(str, ctl.command("checkpoint"))]
        grant(ctl, "b@b.example")
        done = subprocess.run(other, capture_output=True, text=True)
        assert done.returncode != 0 and "checkpoint.key" in done.stderr
        assert done.stdout == ""
    finally:
        shutil.rmtree(folder)


# ---- export-proof, consent-verify -------------------------------------------

def verify(*args, code=0):
    done = subprocess.run([VERIFY, *map(str, args)], capture_output=True,
                          text=True)
    assert done.returncode == code, \
        f"exit {done.returncode}, not {code}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def mend(folder):
    """What a forger does: make the list of hashes anew."""
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*")
                   if p.is_file() and p.name != "SHA256SUMS")
    (folder / "SHA256SUMS").write_text("".join(
        f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n"
        for n in files))


@pytest.fixture
def exported(signing):
    for n in range(5):
        grant(signing, f"p{n}@b.example")
        if n in (1, 4):
            signing.run("checkpoint")
    signing.out = signing.dir / "export"
    signing.run("export-proof", "-o", signing.out)
    return signing


def test_an_export_is_valid(exported):
    """F-15: with the key alone, and against every head that was kept."""
    out, vkey = exported.out, exported.vkey
    said = verify("-k", vkey, out)
    assert "VALID" in said and "NOT" not in said and "all 5 events" in said
    assert "no time stamp" in said
    (exported.dir / "key").write_text(vkey)
    verify("-k", exported.dir / "key", out,
           *exported.heads.glob("*.checkpoint"))
    assert not any(b"@b.example" in p.read_bytes()
                   for p in out.rglob("*") if p.is_file())
    for path in out.rglob("*"):
        assert path.stat().st_mode & 0o77 == 0
    sums = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"],
                          cwd=out)
    assert sums.returncode == 0


def test_a_verifier_needs_no_store():
    """Design 2: it links no database and nothing that opens a socket."""
    libs = subprocess.run(["ldd", VERIFY], capture_output=True,
                          text=True).stdout
    for name in ("lmdb", "curl", "milter", "confuse", "microhttpd", "gmime"):
        assert f"lib{name}" not in libs


def test_usage_of_the_verifier(exported, tmp_path):
    verify(code=64)
    verify(exported.out, code=64)
    verify("-k", exported.vkey, code=64)
    assert "not a key" in verify("-k", "nonsense", exported.out, code=64)
    assert "private key" in verify("-k", exported.key, exported.out, code=64)
    verify("-k", exported.vkey, tmp_path / "nowhere", code=65)
    (tmp_path / "empty").mkdir()
    assert "not a proof" in verify("-k", exported.vkey, tmp_path / "empty",
                                   code=65)
    (exported.out / "link").symlink_to("/etc/passwd")
    assert "no plain file" in verify("-k", exported.vkey, exported.out, code=1)


@pytest.mark.parametrize("what,says", [
    ("cut", "events are missing: there are 4 of the 5"),
    ("swap", "what stands as event 1 was recorded as event 2"),
    ("change", "event 3 was changed"),
    ("add", "events were added: there are 6, and 5"),
    ("rewrite", "the ledger was rewritten"),
])
def test_what_a_forger_does_is_named(exported, what, says):
    """He mends the list of hashes, and cannot mend the signature."""
    events = exported.out / "ledger" / "events.jsonl"
    leaves = exported.out / "ledger" / "leaves.txt"
    lines = events.read_bytes().splitlines(keepends=True)
    if what == "cut":
        lines.pop()
    elif what == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    elif what == "add":
        lines.append(lines[0])
    else:
        lines[3] = lines[3].replace(b"granted", b"requested")
    events.write_bytes(b"".join(lines))
    if what == "rewrite":
        leaves.write_text("".join(base64.b64encode(hashlib.sha256(
            b"\0" + line.rstrip(b"\n")).digest()).decode() + "\n"
            for line in lines))
    mend(exported.out)
    said = verify("-k", exported.vkey, exported.out, code=1)
    assert "NOT VALID" in said and says in said


def test_every_octet_of_an_export(exported):
    """One in 61, that is; t_verify takes all."""
    for path in sorted(exported.out.rglob("*")):
        if not path.is_file():
            continue
        was = path.read_bytes()
        for at in range(0, len(was), 61):
            path.write_bytes(was[:at] + bytes([was[at] ^ 0x20])
                             + was[at + 1:])
            assert "NOT VALID" in verify("-k", exported.vkey, exported.out,
                                         code=1)
        path.write_bytes(was)
    verify("-k", exported.vkey, exported.out)


def test_a_head_that_was_kept(exported):
    """F-10: yesterday's store and key come back; a kept head names it."""
    kept = exported.dir / "kept.checkpoint"
    kept.write_bytes(note_of(exported))
    rest = exported.dir / "early"
    ctl = exported
    shutil.copytree(ctl.out, rest)
    for path in list(rest.glob("heads/*5*")):
        path.unlink()
    (rest / "heads" / "0000000002.consistency").unlink()
    for name in ("events.jsonl", "leaves.txt"):
        path = rest / "ledger" / name
        path.write_text("".join(path.read_text().splitlines(True)[:2]))
    mend(rest)
    verify("-k", ctl.vkey, rest)
    said = verify("-k", ctl.vkey, rest, kept, code=1)
    assert "the end was cut off: the checkpoint that you kept" in said
    kept.write_bytes(note_of(exported).replace(b"\n5\n", b"\n6\n"))
    assert "not genuine" in verify("-k", ctl.vkey, kept, code=1)


def test_nothing_to_export(signing):
    out = signing.dir / "export"
    grant(signing, "a@b.example")
    signing.fails("export-proof", "-o", out, code=1,
                  says="sign the ledger first")
    assert not out.exists()
    signing.run("checkpoint")
    out.mkdir()
    (out / "mine").write_text("x")
    signing.fails("export-proof", "-o", out, code=64, says="not empty")
    assert [p.name for p in out.iterdir()] == ["mine"]


# ---- evidence ---------------------------------------------------------------

NOTICE = ("Yes, I want the newsletter, once a week.\n"
          "<script>alert(1)</script> Gr\u00fc\u00dfe & more\n").encode()
ANN = "ann+news@b.example"
STEPS = (f"email,status,time,source,purpose\n"
         f"{ANN},pending,2025-01-31T12:00:00Z,web-form,acme/offers\n"
         f"{ANN},confirmed,2025-01-31T12:05:00Z,web-form,acme/offers\n")


@pytest.fixture
def judged(signing):
    """Both steps of an opt-in, a text shown, a refusal, a note; others."""
    ctl = signing
    grant(ctl, "other@b.example")
    ctl.load(STEPS)
    notice = ctl.file(NOTICE, "notice.txt")
    ctl.run("grant", ANN, "--purpose", "acme/newsletter", "--source",
            "order", "--notice", notice)
    ctl.run("checkpoint")
    grant(ctl, "another@b.example")
    ctl.run("withdraw", ANN, "--purpose", "acme/newsletter")
    ctl.run("restrict", ANN)
    ctl.run("clear", ANN, "restricted", "--note", "asked <us> by phone")
    ctl.run("checkpoint")
    ctl.out = ctl.dir / "evidence"
    ctl.said = ctl.run("evidence", ANN, "-o", ctl.out).stdout
    return ctl


def test_evidence_holds(judged):
    """F-16, G7-1, DE-1: all of one person, proven, and of nobody else."""
    said = verify("-k", judged.vkey, judged.out)
    assert "these 6 events stand" in said
    assert "texts shown: 1, letter for letter" in said
    assert "evidence of 4 of them" in said
    notice = judged.out / "notices" / \
        f"{hashlib.sha256(NOTICE).hexdigest()}.txt"
    assert notice.read_bytes() == NOTICE
    record = json.loads((judged.out / "record.json").read_text())
    assert record["address"] == ANN
    assert [e["type"] for e in record["events"]] == [
        "requested", "confirmed", "granted", "withdrawn", "restricted",
        "cleared"]
    assert record["events"][2]["text_shown"] == NOTICE.decode()
    assert "asked <us> by phone" in record["events"][5]["evidence"]
    for path in judged.out.rglob("*"):
        assert path.stat().st_mode & 0o77 == 0
        if path.is_file():
            assert b"other@b.example" not in path.read_bytes()


def test_what_followed(judged):
    """The history of what might be sent, event by event."""
    record = json.loads((judged.out / "record.json").read_text())
    followed = [[(s["purpose"], s["state"]) for s in e["followed"]]
                for e in record["events"]]
    assert followed[0] == [("acme/offers", "unconfirmed")]
    assert followed[1] == [("acme/offers", "consent")]
    assert followed[2] == [("acme/newsletter", "consent")]
    assert followed[3] == [("acme/newsletter", "withdrawn")]
    assert ("acme/offers", "restricted") in followed[4]
    assert ("acme/newsletter", "withdrawn") in followed[5]


def test_an_undone_list_is_no_consent_any_more(ctl):
    """E5: the record of an undo says what stood then, as `show` does."""
    ctl.load("email,purpose,status,time\n"
             f"{ANN},acme/newsletter,granted,2026-01-01T00:00:00Z\n")
    batch = ctl.json("batches")[0]["batch"]
    ctl.run("undo", batch, "--yes", "--note", "wrong list")
    ctl.run("object", ANN)
    ctl.run("evidence", ANN, "-o", ctl.dir / "ev")
    events = json.loads((ctl.dir / "ev/record.json").read_text())["events"]
    followed = [{s["purpose"]: s["state"] for s in e["followed"]}
                for e in events]
    assert followed[:2] == [{"acme/newsletter": "consent"},
                            {"acme/newsletter": "no-record"}]
    assert set(followed[2].values()) == {"objected"}


def test_what_is_missing_is_said(judged):
    """Plainly: on the command line, the page, in README and JSON."""
    page = (judged.out / "index.html").read_text()
    readme = (judged.out / "README.txt").read_text()
    record = json.loads((judged.out / "record.json").read_text())
    for text in (page, readme, judged.said, "\n".join(record["missing"])):
        assert "No. 1 (event 1): no record of the text shown" in text
        assert "No. 3" not in text


def test_the_page_is_harmless(judged):
    """No script, nothing remote; what people wrote is escaped."""
    page = (judged.out / "index.html").read_text()
    assert "<script" not in page and "http:" not in page
    assert not re.search(r"(?:src|href)=", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; Gr\u00fc\u00dfe" in page
    assert "asked &lt;us&gt; by phone" in page
    assert "first step of the opt-in" in page
    assert "second step of the opt-in" in page


def readme_commands(folder):
    return [line[4:] for line in
            (folder / "README.txt").read_text().split("\n")
            if re.match(r"    \S", line)]


def test_commands_of_the_readme_work(judged):
    """Each as it stands, with sh and openssl alone; and they do refuse."""
    commands = readme_commands(judged.out)
    assert len(commands) == 7
    for command in commands:
        done = subprocess.run(["sh", "-c", command], cwd=judged.out,
                              capture_output=True, text=True)
        assert done.returncode == 0, command + done.stdout + done.stderr
    assert "NOT" not in done.stdout and done.stdout.count("good:") == 14
    changes = {"events/*.json": "stands in the ledger",
               "events/*.tlog-proof": "stands in the ledger",
               "events/*.opening": "is the evidence",
               "heads/*.text": "was signed with",
               "heads/*.sig": "was signed with",
               "notices/*.txt": "is the text"}
    for pattern, says in changes.items():
        path = sorted(judged.out.glob(pattern))[0]
        was = path.read_bytes()
        path.write_bytes(was[:-9] + bytes([was[-9] ^ 1]) + was[-8:])
        mend(judged.out)
        done = subprocess.run(["sh", "check.sh"], cwd=judged.out,
                              capture_output=True, text=True)
        assert done.returncode == 1, pattern
        assert re.search(rf"NOT GOOD: .*{says}", done.stdout), done.stdout
        assert "NOT VALID" in verify("-k", judged.vkey, judged.out, code=1)
        path.write_bytes(was)
        mend(judged.out)
    verify("-k", judged.vkey, judged.out)


def test_what_cannot_be_compared_is_said(judged):
    """Evidence has not all heads: a kept one of another size shows nothing
    about it, and nobody shall think that it did."""
    ctl = judged
    heads = sorted(ctl.heads.glob("*.checkpoint"))[-1:]
    assert "was not compared" not in verify("-k", ctl.vkey, ctl.out, *heads)
    grant(ctl, "late@b.example")
    ctl.run("checkpoint")
    newest = sorted(ctl.heads.glob("*.checkpoint"))[-1]
    said = verify("-k", ctl.vkey, ctl.out, newest)
    assert f"{newest}, which you kept, was not compared: nothing here is of " \
        "10 events" in said
    ctl.run("export-proof", "-o", ctl.dir / "all")
    assert "was not compared" not in verify("-k", ctl.vkey, ctl.dir / "all",
                                            newest, *heads)


def test_evidence_refuses(judged):
    before = sorted(judged.out.rglob("*"))
    judged.fails("evidence", ANN, "-o", judged.out, code=64,
                 says="not empty")
    assert sorted(judged.out.rglob("*")) == before
    nowhere = judged.dir / "new"
    judged.fails("evidence", "nobody@b.example", "-o", nowhere, code=1,
                 says="nothing is on record")
    assert not nowhere.exists()
    judged.fails("evidence", ANN, code=64, says="--output")


def test_evidence_before_it_is_signed(judged):
    """What no head covers is not proven, and says so."""
    judged.run("object", ANN)
    out = judged.dir / "later"
    said = judged.run("evidence", ANN, "-o", out).stdout
    assert "recorded after the last signed head" in said
    assert "these 6 events" in verify("-k", judged.vkey, out)
    assert sorted(p.name for p in (out / "unsigned").iterdir()) == \
        ["0000000008.json", "0000000009.json"]  # the first is the hand-out
    assert "not signed for yet" in (out / "index.html").read_text()


def test_evidence_without_a_signer(ctl):
    grant(ctl, "a@b.example")
    out = ctl.dir / "out"
    said = ctl.run("evidence", "a@b.example", "-o", out).stdout
    assert "No signed head of the ledger" in said
    assert "Nothing here is signed" in (out / "README.txt").read_text()
    for command in readme_commands(out):
        subprocess.run(["sh", "-c", command], cwd=out, check=True,
                       capture_output=True)


# ---- time stamps, mail ------------------------------------------------------

@pytest.fixture
def tsa(tmp_path):
    authority = outside.Authority(tmp_path / "tsa")
    yield authority
    authority.stop()


@pytest.fixture
def stamping(ctl, tsa):
    with_checkpoints(ctl, f'tsa-url = "{tsa.url}"  tsa-ca = "{tsa.ca}"  '
                          f'tsa-every = none  drop = "{ctl.dir}"')
    grant(ctl, "a@b.example")
    return ctl


def test_a_head_is_stamped(stamping, tsa):
    """F-9: kept beside the head, copied, handed out, checked by all."""
    ctl = stamping
    assert ctl.json("checkpoint")["stamped"].endswith("Z")
    token = ctl.heads / "0000000001.tsr"
    assert (ctl.dir / token.name).read_bytes() == token.read_bytes()
    check = ["openssl", "ts", "-verify", "-data", "0000000001.checkpoint",
             "-in", token.name, "-CAfile", tsa.ca]
    subprocess.run(check, cwd=ctl.heads, check=True, capture_output=True)
    assert ctl.json("checkpoint")["stamped"] is None and tsa.asked == 1
    grant(ctl, "b@b.example")
    ctl.run("evidence", "a@b.example", "-o", ctl.dir / "ev")
    ctl.run("export-proof", "-o", ctl.dir / "ex")
    for folder in (ctl.dir / "ev", ctl.dir / "ex"):
        assert "give -t CA.pem" in verify("-k", ctl.vkey, folder)
        said = verify("-k", ctl.vkey, "-t", tsa.ca, folder)
        assert re.search(r"the first 1 event was recorded before 20", said)
    assert "bears a time stamp" in (ctl.dir / "ev/index.html").read_text()
    done = subprocess.run(["sh", "check.sh", tsa.ca], cwd=ctl.dir / "ev",
                          capture_output=True, text=True)
    assert done.returncode == 0 and "bears a time stamp: " in done.stdout
    said = verify("-k", ctl.vkey, "-t", ctl.config, ctl.dir / "ev", code=64)
    assert "no certificate" in said


def test_a_stamp_of_something_else(stamping, tsa, tmp_path):
    """Another head, another authority, a changed octet: said, not believed."""
    ctl = stamping
    ctl.run("checkpoint")
    grant(ctl, "b@b.example")
    ctl.run("checkpoint")
    ctl.run("export-proof", "-o", ctl.dir / "ex")
    first = ctl.dir / "ex/heads/0000000001.tsr"
    second = ctl.dir / "ex/heads/0000000002.tsr"
    was = second.read_bytes()
    other = outside.Authority(tmp_path / "other")
    other.stop()
    for content, ca, says in (
            (first.read_bytes(), tsa.ca, "imprint mismatch"),
            (was, other.ca, "certificate verify error"),
            (was[:-20], tsa.ca, "not an answer"),
            (was + b"x", tsa.ca, "not an answer"),
            (b"", tsa.ca, "not an answer")):
        second.write_bytes(content)
        mend(ctl.dir / "ex")
        said = verify("-k", ctl.vkey, "-t", ca, ctl.dir / "ex", code=1)
        assert says in said, said
    for at in range(0, len(was), 23):
        second.write_bytes(was[:at] + bytes([was[at] ^ 1]) + was[at + 1:])
        assert "NOT VALID" in verify("-k", ctl.vkey, "-t", tsa.ca,
                                     ctl.dir / "ex", code=1)


def test_an_authority_that_does_not_answer(stamping, tsa):
    """F-9: its outage stops nothing; what it says wrongly is not kept."""
    ctl = stamping
    replies = []
    for answer in (503, lambda reply: reply[:-1], lambda _: b"<html>"):
        tsa.answer = answer
        done = ctl.run("checkpoint", code=75)
        assert "signed, but not stamped" in done.stderr
    tsa.answer = lambda reply: replies.append(reply) or reply
    ctl.run("checkpoint")
    (ctl.heads / "0000000001.tsr").unlink()
    # A replay of the stamp that it gave before: the nonce is another.
    tsa.answer = lambda _: replies[0]
    assert "nonce" in ctl.run("checkpoint", code=75).stderr
    tsa.answer = None
    tsa.certificate("plain")
    assert "not stamped" in ctl.run("checkpoint", code=75).stderr
    assert not list(ctl.heads.glob("*.tsr"))
    tsa.certificate("ext")
    assert ctl.json("checkpoint")["stamped"]


def test_stamps_are_not_asked_for_too_often(ctl, tsa):
    with_checkpoints(ctl, f'tsa-url = "{tsa.url}"  tsa-ca = "{tsa.ca}"')
    for n in range(3):
        grant(ctl, f"p{n}@b.example")
        ctl.run("checkpoint")
    assert tsa.asked == 1
    stamp = ctl.heads / "0000000001.tsr"
    os.utime(stamp, (stamp.stat().st_mtime - 86401,) * 2)
    assert ctl.json("checkpoint")["stamped"] and tsa.asked == 2
    assert (ctl.heads / "0000000003.tsr").exists()


def test_a_head_goes_out_by_mail(ctl):
    """F-10, R3834-1: the very octets, as a file; once; again if it failed."""
    server = outside.MailServer()
    ctl.config.write_text(ctl.config.read_text() + f"""
mail {{ domain = "m.acme.example"  submit = "smtp://127.0.0.1:{server.port}" }}
""")
    with_checkpoints(ctl, 'mail-to = "auditor@law.example"')
    ctl.run("checkpoint")
    assert server.mails == []  # of no events: nobody needs that
    grant(ctl, "a@b.example")
    assert ctl.json("checkpoint")["mailed"] is True
    assert ctl.json("checkpoint")["mailed"] is False
    (sender, rcpts, data), = server.mails
    assert (sender, rcpts) == ("checkpoint@m.acme.example",
                               ["auditor@law.example"])
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime and not message.defects
    kept, = message.iter_attachments()
    assert kept.get_filename() == "0000000001.checkpoint"
    assert kept.get_content() == note_of(ctl)
    assert all(len(line) < 998 for line in data.split(b"\r\n"))
    server.stop()
    grant(ctl, "b@b.example")
    assert "not mailed" in ctl.run("checkpoint", code=75).stderr


@pytest.mark.parametrize("more,says", [
    ('tsa-url = "http://tsa.example/"', "tsa-url needs tsa-ca"),
    ('tsa-url = "ftp://tsa.example/"', "is not a URL"),
    ('tsa-url = "http://me:pw@tsa.example/"', "is not a URL"),
    ('mail-to = "a@b.example"', "mail-to needs a mail section"),
    ('tsa-uri = "x"', "did you mean \"tsa-url\""),
])
def test_settings_that_do_not_fit(ctl, more, says):
    ctl.config.write_text(ctl.config.read_text() +
                          f'checkpoint {{ origin = "a.example"  {more} }}\n')
    ctl.fails("status", code=78, says=says)


def test_an_origin_is_a_name(ctl):
    ctl.config.write_text(ctl.config.read_text() +
                          'checkpoint { origin = "https://a.example" }\n')
    ctl.fails("status", code=78, says="is not an origin")
