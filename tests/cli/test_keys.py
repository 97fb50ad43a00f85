"""consentctl keys: what there is, and new keys; R8058-14."""
import os

import pytest

KINDS = ["header", "footer", "verp", "confirm", "preference", "mailed"]


def listed(ctl):
    """{kind: ids, the current one last}; every key has a date."""
    kinds = {}
    for key in ctl.json("keys")["keys"]:
        assert key["made"][:2] == "20" and len(key["made"]) == 10
        ids = kinds.setdefault(key["kind"], [])
        assert key["current"] == (not ids)
        ids.insert(0, key["id"])
    return kinds


def secrets(ctl):
    return {word for p in (ctl.dir / "keys").iterdir()
            for line in p.read_text().splitlines() for word in line.split()
            if len(word) >= 64}


def test_list(ctl):
    assert listed(ctl) == {kind: [1] for kind in ["store", *KINDS]}
    text = ctl.run("keys").stdout
    assert text.count("in use") == 7 and "store" in text
    ctl.run("keys", "rotate", "header")
    text = ctl.run("keys").stdout
    assert text.count("in use") == 7 and text.count("for older links") == 1


def test_no_secret_is_shown(ctl):
    shown = [ctl.run("keys", "rotate"), ctl.run("keys"),
             ctl.run("keys", "--json"), ctl.run("keys", "rotate", "--json")]
    assert len(secrets(ctl)) == 1 + 3 * len(KINDS)
    for secret in secrets(ctl):
        assert not any(secret[:16] in d.stdout + d.stderr for d in shown)


def test_rotate_all(ctl):
    """All but the store key; old keys stay, and nobody else may read."""
    before = {p.name: p.read_text() for p in (ctl.dir / "keys").iterdir()}
    done = ctl.run("keys", "rotate")
    assert [line.split()[:2] for line in done.stdout.splitlines()] == \
        [[kind, "2"] for kind in KINDS]
    web, milter = (done.stderr.index(f"reload {name}")
                   for name in ("consent-web", "consent-milter"))
    assert web < milter and "back the keys up" in done.stderr
    after = {p.name: p.read_text() for p in (ctl.dir / "keys").iterdir()}
    assert after.keys() == before.keys()
    assert after["store.key"] == before["store.key"]
    for name in before.keys() - {"store.key"}:
        assert after[name].startswith(before[name])
        assert after[name].count("\n") == 2
        assert (ctl.dir / "keys" / name).stat().st_mode & 0o7777 == 0o640
    assert listed(ctl) == {"store": [1], **{kind: [1, 2] for kind in KINDS}}


def test_rotate_named(ctl):
    ctl.run("keys", "rotate", "verp", "mailed", "verp")
    ids = listed(ctl)
    assert ids["verp"] == ids["mailed"] == [1, 2] and ids["header"] == [1]


@pytest.mark.parametrize("words, code, says", [
    (["rotate", "store"], 1, "the store key never changes"),
    (["rotate", "header", "store"], 1, "the store key never changes"),
    (["rotate", "headr"], 64, "did you mean header?"),
    (["rotate", "header", "xyzzy"], 64, "is no kind of key (header, footer"),
    (["rotat"], 64, "rotate makes new ones"),
    (["checkpoint", "now"], 64, "one word too many"),
])
def test_refused(ctl, words, code, says):
    before = ctl.snapshot()
    ctl.fails("keys", *words, code=code, says=says)
    assert ctl.snapshot() == before


def test_no_keys_yet(empty):
    for words in (["keys"], ["keys", "rotate"]):
        empty.fails(*words, code=75, says="is `consentctl init` done")
    assert not (empty.dir / "keys").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_groups(empty):
    """Links that only consent-web reads stay out of the milter's reach."""
    text = empty.config.read_text()
    empty.config.write_text(text.replace(
        'group = "root"  write-group = "root"',
        'group = "daemon"  write-group = "mail"'))
    empty.run("init")
    empty.run("keys", "rotate")
    groups = {p.name: p.group() for p in (empty.dir / "keys").iterdir()}
    assert groups == {"store.key": "daemon", "header.key": "daemon",
                      "footer.key": "daemon", "verp.key": "daemon",
                      "confirm.key": "mail", "preference.key": "mail",
                      "mailed.key": "mail"}
