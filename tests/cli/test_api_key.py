"""consentctl api-key: which programs may use the API."""
import hashlib

import pytest


def lines(ctl):
    path = ctl.dir / "keys" / "api"
    return path.read_text().splitlines() if path.exists() else []


def test_add_list_remove(ctl):
    assert ctl.run("api-key").stdout == "nobody may use the API\n"
    assert ctl.json("api-key") == {"keys": []}
    made = ctl.run("api-key", "add", "shop", "--may", "withdraw,grant")
    secret = made.stdout.strip()
    assert len(secret) == 55 and secret.startswith("consent-api-")
    assert "shown once" in made.stderr and "reload" in made.stderr
    assert "Authorization: Bearer" in made.stderr
    crm = ctl.json("api-key", "add", "crm-2", "--may", "look-up",
                   "--purpose", "acme/offers", "acme/newsletter")
    assert crm["name"] == "crm-2" and crm["secret"] != secret

    hashed = hashlib.sha256(secret.encode()).hexdigest()
    name, have, rights, _ = lines(ctl)[0].split()
    assert (name, have, rights) == ("shop", hashed, "grant,withdraw")
    path = ctl.dir / "keys" / "api"
    assert path.stat().st_mode & 0o7777 == 0o640
    assert secret not in path.read_text()
    keys = ctl.json("api-key", "list")["keys"]
    assert [(k["name"], k["may"], k["purposes"]) for k in keys] == [
        ("shop", ["grant", "withdraw"], []),
        ("crm-2", ["look-up"], ["acme/offers", "acme/newsletter"])]
    text = ctl.run("api-key", "list").stdout
    assert "all purposes" in text and "only acme/offers acme/new" in text
    assert hashed[:12] not in text

    ctl.run("api-key", "remove", "shop")
    assert [line.split()[0] for line in lines(ctl)] == ["crm-2"]
    ctl.run("api-key", "add", "shop", "--may", "grant")
    assert hashed not in path.read_text()


@pytest.mark.parametrize("words, code, says", [
    (["add", "shop", "--may", "grant"], 1, "there is a key \"shop\" already"),
    (["add", "new"], 64, "Give --may grant,request,withdraw,look-up"),
    (["add", "--may", "grant"], 64, "cannot be the name of a key"),
    (["add", "A b", "--may", "grant"], 64, "cannot be the name of a key"),
    (["add", "x" * 33, "--may", "grant"], 64, "cannot be the name of a key"),
    (["add", "new", "--may", "grand"], 64, "did you mean \"grant\"?"),
    (["add", "new", "--may", "everything"], 64, "is no right (grant, "),
    (["add", "new", "--may", ""], 64, "name a right"),
    (["add", "new", "--may", "grant", "--purpose", "acme/offer"], 64,
     "did you mean \"acme/offers\"?"),
    (["remove", "shops"], 1, "did you mean \"shop\"?"),
    (["remove", "shop", "--may", "grant"], 64, "not understood here"),
    (["list", "shop"], 64, "not understood here"),
    (["ad", "shop"], 64, "api-key add NAME --may RIGHTS"),
])
def test_refused(ctl, words, code, says):
    ctl.run("api-key", "add", "shop", "--may", "grant")
    before = ctl.snapshot()
    ctl.fails("api-key", *words, code=code, says=says)
    assert ctl.snapshot() == before


@pytest.mark.parametrize("line, says", [
    ("shop", "line 2 is not"),
    ("shop 00 grant 2026-01-01", "line 2 is not"),
    (f"shop {'0' * 64} grand 2026-01-01", "line 2 is not"),
    (f"shop {'0' * 64} grant yesterday", "line 2 is not"),
    (f"shop {'0' * 64} grant 2026-01-01 ACME", "line 2 is not"),
    (f"crm {'0' * 64} grant 2026-01-01", "line 2 repeats the name"),
])
def test_damaged_file(ctl, line, says):
    ctl.run("api-key", "add", "crm", "--may", "grant")
    path = ctl.dir / "keys" / "api"
    path.write_text(path.read_text() + line + "\n")
    done = ctl.fails("api-key", code=78, says=says)
    assert "0" * 64 not in done.stderr
    ctl.fails("api-key", "add", "new", "--may", "grant", code=78, says=says)


def test_open_file(ctl):
    ctl.run("api-key", "add", "crm", "--may", "grant")
    (ctl.dir / "keys" / "api").chmod(0o644)
    ctl.fails("api-key", code=78, says="which lets others in")
