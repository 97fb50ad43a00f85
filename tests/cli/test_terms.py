"""On what terms a consent was given: whom to, for which sale, on which text;
issue 4, item 1.  Each flaw stands beside a grant without it.
"""
import hashlib

import pytest

# A purpose for customers, who may be written to about bicycles.
CUSTOMERS = """
purpose "acme/customers" { title = "News for customers"  soft-opt-in = yes
                           product-category = {"Bicycles", "spare parts"} }
stream "customers" { type = marketing  sender = {"shop-news@acme.example"}
                     purpose = {"acme/customers"}  mode = enforce }
"""
HEADER = ("email,purpose,status,source,basis,time,seller,sale-ref,sale-date,"
          "product-category,opt-out-offered\n")
GOOD = {"seller": "Acme GmbH", "ref": "R-4711", "sold": "2026-03-01",
        "category": "bicycles", "offered": "yes"}
SEEN = "2026-03-02T10:00:00Z"


def sale(who, **other):
    s = {**GOOD, **other}
    return (f"{who}@example.org,acme/customers,granted,order,soft-opt-in,"
            f"{SEEN},{s['seller']},{s['ref']},{s['sold']},{s['category']},"
            f"{s['offered']}\n")


def configure(ctl, text):
    ctl.config.write_text(ctl.config.read_text() + text)


@pytest.fixture
def shop(ctl):
    configure(ctl, CUSTOMERS)
    return ctl


# What is not as in GOOD, and why nothing is sent then.
FLAWS = {
    "good": ({}, "soft-opt-in"),
    "by-id": ({"seller": "ACME"}, "soft-opt-in"),
    "other-word": ({"category": "Spare Parts"}, "soft-opt-in"),
    "oui": ({"offered": "oui"}, "soft-opt-in"),
    "no-seller": ({"seller": ""}, "no-seller"),
    "other-seller": ({"seller": "Bikes Ltd"}, "other-seller"),
    "no-ref": ({"ref": "N/A"}, "no-sale-ref"),
    "no-date": ({"sold": ""}, "no-sale-date"),
    "no-category": ({"category": ""}, "no-category"),
    "other-category": ({"category": "wine"}, "other-category"),
    "not-offered": ({"offered": "no"}, "no-opt-out"),
    "not-said": ({"offered": ""}, "no-opt-out"),
}


def test_each_condition_of_a_soft_opt_in(shop):
    """EP13-2, AT-HALFORDS, AT-PAPAJOHNS: one missing, and nobody is written
    to; the grant is kept as it came."""
    shop.load(HEADER + "".join(sale(who, **other)
                               for who, (other, _) in FLAWS.items()),
              "--attest", "DPO")
    assert {who: shop.why(f"{who}@example.org", "customers")
            for who in FLAWS} == {who: want
                                  for who, (_, want) in FLAWS.items()}
    for who in FLAWS:
        event, = shop.json("history", f"{who}@example.org")["events"]
        assert event["basis"] == "soft-opt-in" and event["proven"]
    assert "who sold is not on record" in shop.run(
        "why", "no-seller@example.org", "--stream", "customers",
        code=1).stdout
    # the preview says it before anything is written
    out = shop.run("import", shop.file(HEADER + sale("new", offered="0")),
                   "--attest", "DPO", "--dry-run").stdout
    assert "no-opt-out" in out


def test_a_list_may_say_it_for_all(shop):
    """The same by options, where a list has no such columns."""
    text = ("email,purpose,status,source,basis,time,sale-ref,sale-date\n"
            f"ann@example.org,acme/customers,granted,order,soft-opt-in,{SEEN},"
            "R-1,2026-03-01\n")
    args = ("--attest", "DPO", "--seller", "acme", "--product-category",
            "bicycles")
    shop.load(text, *args)
    assert shop.why("ann@example.org", "customers") == "no-opt-out"
    shop.load(text, *args, "--opt-out-offered", "yes")
    assert shop.why("ann@example.org", "customers") == "soft-opt-in"
    shop.fails("import", shop.file(text), *args, "--opt-out-offered", "maybe",
               code=64, says=["--opt-out-offered", "neither yes nor no"])


def test_by_map(shop):
    """A shop's own names of columns."""
    shop.load("E-Mail,Order,Order date,Group,Opt-out offered\n"
              "ann@example.org,R-1,2026-03-01,bicycles,1\n",
              "--map", "email=E-Mail,sale-ref=Order,sale-date=Order date,"
              "product-category=Group,opt-out-offered=Opt-out offered,"
              "time=Order date", "--zone", "UTC", "--status", "granted",
              "--purpose", "acme/customers", "--basis", "soft-opt-in",
              "--seller", "acme", "--source", "order", "--attest", "DPO")
    assert shop.why("ann@example.org", "customers") == "soft-opt-in"


def test_bad_cells(shop):
    for other, says in (({"sold": "2999-01-01"}, "yet to come"),
                        ({"sold": "soon"}, "sale-date"),
                        ({"offered": "perhaps"}, "neither yes nor no"),
                        ({"seller": "x" * 65}, "too long")):
        shop.fails("import", shop.file(HEADER + sale("ann", **other)),
                   "--attest", "DPO", code=65, says=says)
    assert shop.events() == 0


def test_the_newest_sale_counts_and_nothing_is_written_twice(shop):
    """FR-1: a customer is one as of their last purchase."""
    shop.load(HEADER + sale("ann", sold="2026-03-01"), "--attest", "DPO")
    shop.load(HEADER + sale("ann", sold="2025-01-01"), "--attest", "DPO")
    shop.load(HEADER + sale("ann", sold="2026-05-01"), "--attest", "DPO")
    assert shop.events() == 2
    assert shop.json("history", "ann@example.org")["events"][1][
        "sale_date"].startswith("2026-0")


def test_the_reference_is_private(shop):
    """Art. 13(2)'s sale can be shown, and is gone after an erasure: only a
    salted hash of it is in the ledger."""
    shop.load(HEADER + sale("ann", ref='Q"9\\\\'), "--attest", "DPO")
    ledger = (shop.dir / "store/store/ledger/data.mdb")
    ledger = ledger if ledger.exists() else next(
        p for p in shop.dir.rglob("data.mdb") if p.parent.name == "ledger")
    assert b'Q"9' not in ledger.read_bytes()
    out = shop.dir / "folder"
    shop.run("access", "ann@example.org", "-o", out)
    text = "".join(p.read_text() for p in out.rglob("*") if p.is_file())
    assert "sale_ref" in text and "bicycles" in text and "Acme GmbH" in text
    shop.run("erase", "ann@example.org", "--yes")
    assert all(b"sale_ref" not in p.read_bytes()
               for p in shop.dir.rglob("data.mdb"))


def test_grant_by_hand(shop):
    """grant takes the same, and says at once what is missing."""
    start = ("grant", "ann@example.org", "--purpose", "acme/customers",
             "--source", "phone", "--attest", "DPO", "--basis", "soft-opt-in")
    out = shop.run(*start).stdout
    assert "who sold is not on record" in out
    out = shop.run(*start, "--seller", "acme", "--sale-ref", "R-1",
                   "--sale-date", "2026-03-01", "--product-category",
                   "bicycles", "--opt-out-offered", "yes").stdout
    assert "existing customer" in out
    event = shop.json("history", "ann@example.org")["events"][1]
    assert (event["seller"], event["product_category"],
            event["opt_out_offered"]) == ("acme", "bicycles", "yes")
    shown = shop.json("show", "ann@example.org")["purposes"]
    assert shown["acme/customers"]["sale_date"] == "2026-03-01T00:00:00Z"
    assert "seller acme" in shop.run("show", "ann@example.org").stdout
    text = shop.run("history", "ann@example.org").stdout
    assert "seller acme" in text and "opt-out-offered yes" in text
    shop.fails(*start, "--sale-date", "2999-01-01", code=64,
               says="yet to come")


def test_a_soft_opt_in_needs_something_to_advertise(ctl):
    """The config says so, before anybody is refused for it."""
    configure(ctl, CUSTOMERS.replace(
        'product-category = {"Bicycles", "spare parts"}', ""))
    ctl.fails("status", code=78, says=["soft-opt-in = yes needs",
                                       "product-category"])


def test_given_to_another_controller(ctl):
    """AT-TRIBOO, E-2: "selected partners" are not us."""
    text = "email,purpose,status,source,time,controller\n"
    for who, name in (("us", "Acme GmbH"), ("id", "acme"), ("blank", ""),
                      ("triboo", "Selected partners")):
        text += (f"{who}@example.org,acme/newsletter,granted,web-form,{SEEN},"
                 f"{name}\n")
    ctl.load(text, "--attest", "DPO")
    assert [ctl.why(f"{who}@example.org") for who in
            ("us", "id", "blank", "triboo")] == ["consent"] * 3 + [
        "other-controller"]
    # a whole list of theirs; and it lifts no withdrawal either
    ctl.run("withdraw", "us@example.org")
    ctl.load("email,purpose,status,source,time\n"
             "us@example.org,acme/newsletter,granted,web-form,"
             "2026-11-21T10:00:00Z\n", "--attest", "DPO", "--controller",
             "Partner Ltd")
    assert ctl.why("us@example.org") == "withdrawn"


FORMS = {"good": "May we write to you?", "bundled": "I am 18 and want news.",
         "children": "Want our comic?", "asked": "Ask your parents first.",
         "period": "Also for 12 months after you leave."}


def shown(ctl, who, form, *columns):
    """Import somebody who was shown a form."""
    head, row = "email,status,time", f"{who}@example.org,granted,{SEEN}"
    for column, cell in columns:
        head, row = f"{head},{column}", f"{row},{cell}"
    ctl.load(f"{head}\n{row}\n", "--purpose", "acme/newsletter", "--source",
             "web-form", "--notice", ctl.file(FORMS[form], f"{form}.txt"))


def test_a_text_that_is_no_consent(ctl):
    """AT-HELLOFRESH, G4-11, G8: registered by its hash, a form stops what
    rests on it; one that is as it should be stops nothing."""
    for form in FORMS:
        shown(ctl, form, form)
        assert ctl.why(f"{form}@example.org") == "consent"
    sha = {form: hashlib.sha256(text.encode()).hexdigest()
           for form, text in FORMS.items()}
    configure(ctl, f"""
notice "{sha['good']}" {{ bundled = no }}
notice "{sha['bundled']}" {{ bundled = yes }}
notice "{sha['children']}" {{ for-children = yes }}
notice "{sha['asked']}" {{ for-children = yes  age-check = yes }}
notice "{sha['period']}" {{ after-contract = 12m }}
""")
    assert {form: ctl.why(f"{form}@example.org") for form in FORMS} == {
        "good": "consent", "bundled": "bundled", "children": "no-age-check",
        "asked": "consent", "period": "consent"}
    # cancelled: the period that was told counts from there
    shown(ctl, "gone", "period", ("contract-end", "2025-01-31T10:00:00Z"))
    shown(ctl, "going", "period", ("contract-end", "2026-10-31T10:00:00Z"))
    shown(ctl, "untold", "good", ("contract-end", "2025-01-31T10:00:00Z"))
    shown(ctl, "period", "period", ("contract-end", "2025-06-30T10:00:00Z"))
    assert [ctl.why(f"{who}@example.org") for who in
            ("gone", "going", "untold", "period")] == [
        "contract-ended", "consent", "consent", "contract-ended"]
    assert "contract-end 2025-01-31" in ctl.run(
        "history", "gone@example.org").stdout


def test_a_hash_that_is_none(ctl):
    configure(ctl, '\nnotice "form-7" { bundled = yes }\n')
    ctl.fails("status", code=78, says=["form-7", "SHA-256"])


def test_a_material_change_asks_again(ctl):
    """G7-4: consents from before the change no longer count."""
    ctl.load("email,purpose,status,time\n"
             "old@example.org,acme/newsletter,granted,2026-04-30T23:00:00Z\n"
             "new@example.org,acme/newsletter,granted,2026-05-01T00:00:00Z\n"
             "all@example.org,acme,granted,2026-04-30T23:00:00Z\n",
             "--source", "web-form", "--attest", "DPO")
    names = [f"{who}@example.org" for who in ("old", "new", "all")]
    assert [ctl.why(n) for n in names] == ["consent"] * 3
    text = ctl.config.read_text()
    ctl.config.write_text(text.replace(
        'title = "Newsletter"',
        'title = "Newsletter"  changed = "2026-05-01"'))
    assert [ctl.why(n) for n in names] == ["text-changed", "consent",
                                           "text-changed"]
    ctl.config.write_text(text.replace(
        'title = "Newsletter"', 'title = "Newsletter"  changed = "May"'))
    ctl.fails("status", code=78, says="is not a date")


def test_a_batch_without_a_source_is_no_consent(ctl):
    """G14, E-3: kept as evidence that is incomplete, and named as such."""
    text = ("email,purpose,status,time\n"
            f"ann@example.org,acme/newsletter,granted,{SEEN}\n")
    out = ctl.load(text, "--attest", "DPO").stdout
    assert "without proof" in out and "--source" in out
    assert ctl.why("ann@example.org") == "no-evidence"
    ctl.load(text, "--attest", "DPO", "--source", "web-form")
    assert ctl.why("ann@example.org") == "consent"
