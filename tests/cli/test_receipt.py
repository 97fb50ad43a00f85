"""consentctl receipt: consents in the formats of others (E-6)."""
import json
import pathlib

import jsonschema
import pytest

from conftest import PROVEN

HERE = pathlib.Path(__file__).parent
JOE = "Joe@Example.com"
NOTICE = "Yes, send me the newsletter.\n"


def schema(name):
    text = json.loads((HERE / f"{name}.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(text)
    return jsonschema.Draft7Validator(text)


KANTARA, RECORD = schema("kantara-1.1"), schema("record-27560")


@pytest.fixture
def joe(ctl):
    ctl.run("grant", JOE, "--purpose", "acme/newsletter", "--source",
            "web-form", "--notice", ctl.file(NOTICE, "notice.txt"),
            "--language", "cs")
    ctl.run("grant", JOE, "--purpose", "acme/offers", *PROVEN)
    return ctl


def receipt(ctl, *args):
    return json.loads(ctl.run("receipt", JOE, *args).stdout)


def statuses(record):
    return [s["@type"][0] for s in
            record["dpv:hasProcess"][0]["dpv:hasConsentStatus"]]


def test_both_formats_hold_to_their_schemas(joe):
    """E-1 to E-6: each consent in both, with all mandatory fields."""
    done = joe.run("receipt", JOE, "-o", joe.dir / "out")
    assert "2 consents of joe@example.com" in done.stdout
    names = sorted(p.name for p in (joe.dir / "out").iterdir())
    assert names == ["SHA256SUMS", "kantara-0000000000.json",
                     "kantara-0000000001.json",
                     "record-27560-0000000000.jsonld",
                     "record-27560-0000000001.jsonld"]
    ids = set()
    for name in names[1:]:
        text = json.loads((joe.dir / "out" / name).read_text())
        (KANTARA if name.startswith("kantara") else RECORD).validate(text)
        ids.add(text.get("consentReceiptID") or text["dpv:hasIdentifier"])
        again = receipt(joe, "--format", "27560")
    assert len(ids) == 2  # one of each consent, the same in both formats
    assert again["dpv:hasIdentifier"] in ids
    k = json.loads((joe.dir / "out" / names[1]).read_text())
    assert (k["language"], k["piiPrincipalId"]) == ("cs", "joe@example.com")
    assert k["collectionMethod"] == "web-form, recorded by cli"
    event = joe.json("history", JOE)["events"][-1]
    assert (event["type"], event["to"], event["channel"]) == \
        ("disclosed", "the person", "receipt")


def test_unknown_is_said(joe):
    """E-6: what nobody said is not made up; what was said stands there."""
    k, r = receipt(joe), receipt(joe, "--format", "27560")
    purpose = k["services"][0]["purposes"][0]
    controller = k["piiControllers"][0]
    assert k["policyUrl"] == controller["phone"] == "unknown"
    assert controller["contact"] == "unknown"
    assert (k["language"], k["jurisdiction"]) == ("und", "DE")
    assert purpose["thirdPartyName"] == "unknown"
    assert purpose["termination"] == "until it is taken back"
    process = r["dpv:hasProcess"][0]
    assert process["dpv:hasStorageCondition"][0]["dpv:hasLocation"] == \
        "unknown"
    assert "entity:unknown" in process["dpv:hasRecipient"]
    assert r["dpv:hasNotice"][0]["rdf:value"] == "unknown"
    joe.config.write_text(joe.config.read_text().replace(
        'country = "DE"', 'country = "DE"  contact-name = "J. Doe, DPO"  '
        'phone = "+49 30 1"  jurisdiction = "EU"  '
        'privacy-notice = "https://acme.example/privacy"  '
        'storage-location = {"DE", "NL"}  third-parties = {"Mailer, Ltd"}'))
    k, r = receipt(joe), receipt(joe, "--format", "27560")
    KANTARA.validate(k)
    RECORD.validate(r)
    text = json.dumps([k, r])
    assert "loc:NL" in text and "Mailer, Ltd" in text
    assert k["jurisdiction"] == "EU" and k["policyUrl"].endswith("/privacy")
    assert "entity:unknown" not in text
    controller = k["piiControllers"][0]
    assert (controller["contact"], controller["phone"]) == \
        ("J. Doe, DPO", "+49 30 1")


def test_what_became_of_it(joe):
    """E-5: given, taken back; only this consent's; the text shown."""
    joe.run("withdraw", JOE, "--purpose", "acme/newsletter")
    joe.run("receipt", JOE, "-o", joe.dir / "out")
    news, offers = (json.loads(
        (joe.dir / "out" / f"record-27560-000000000{n}.jsonld").read_text())
        for n in (0, 1))
    assert statuses(news) == ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"]
    assert statuses(offers) == ["dpv:ConsentGiven"]
    assert news["dpv:hasNotice"][0]["rdf:value"] == NOTICE
    joe.run("object", JOE)
    assert statuses(receipt(joe, "--format", "27560")) == \
        ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"]


def test_an_old_consent_has_expired(ctl):
    ctl.load("email,purpose,status,time\n"
             f"{JOE},acme/newsletter,confirmed,2020-01-31T00:00:00Z\n")
    r = receipt(ctl, "--format", "27560")
    RECORD.validate(r)
    assert statuses(r) == ["dpv:ConsentGiven", "dpv:ConsentExpired"]
    assert receipt(ctl)["services"][0]["purposes"][0]["termination"] == \
        "2023-01-31T00:00:00Z"


def test_the_schemas_are_strict(joe):
    """A field taken out is found: the tests above say something."""
    for validator, text in ((KANTARA, receipt(joe)),
                            (RECORD, receipt(joe, "--format", "27560"))):
        for name in validator.schema["required"]:
            less = {k: v for k, v in text.items() if k != name}
            assert not validator.is_valid(less), name


def test_no_receipt(ctl):
    """No consent that counts: nothing is written."""
    ctl.run("object", JOE)
    ctl.fails("receipt", JOE, "-o", ctl.dir / "out", code=1,
              says="no consent that counts")
    assert not (ctl.dir / "out").exists() and ctl.events() == 1
    ctl.fails("receipt", "nobody@example.com", code=1, says="nothing is on")
    ctl.fails("receipt", JOE, "--format", "pdf", code=64, says="not kantara")
