"""conf/countries: what each profile decides; issue 4, requirements C2-C4.

Who may be written to stands beside who may not: a day before the end of a
lifetime and a day after, confirmed and not, soft opt-in on and off.
"""
import calendar
import datetime
import pathlib

import pytest

COUNTRIES = pathlib.Path(__file__).resolve().parents[2] / "conf" / "countries"

# Months that a consent lasts; 0: it does not end.  DE-3 4 years, FR-1 3 years,
# C-CA2 no end; the others are silent: the strict default.
MONTHS = {"bg": 36, "ca": 0, "cz": 36, "de": 48, "es": 36, "fr": 36, "gb": 36,
          "it": 36, "pl": 36, "se": 36, "us": 36}
# Where it is not use that counts, but time alone.
IDLE = {"de", "fr"}
DAY = datetime.timedelta(days=1)


def ago(months, more=DAY * 0):
    """RFC 3339; where a month has no such day, its last."""
    now = datetime.datetime.now(datetime.timezone.utc)
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    day = min(now.day, calendar.monthrange(year, month + 1)[1])
    then = now.replace(year=year, month=month + 1, day=day)
    return (then - more).strftime("%Y-%m-%dT%H:%M:%SZ")


def with_country(ctl, *countries):
    text = ctl.config.read_text()
    for country in countries:
        text += f'\ninclude("{COUNTRIES / country}.conf")\n'
    ctl.config.write_text(text)
    return ctl


def load(ctl, rows):
    """Rows of (who, purpose, status, basis, time), proven."""
    text = "email,purpose,status,source,basis,time\n"
    text += "".join(f"{who}@example.org,{purpose},{status},web-form,"
                    f"{basis},{at}\n" for who, purpose, status, basis, at
                    in rows)
    return ctl.load(text)


def decided(ctl, stream, names):
    """{who: reason}, and whom `check` would let through."""
    reasons = {who: ctl.why(f"{who}@example.org", stream) for who in names}
    out = ctl.dir / f"out-{stream}.csv"
    allowed = sum(r in ("consent", "soft-opt-in") for r in reasons.values())
    ctl.run("check", ctl.file("".join(f"{n}@example.org\n" for n in names)),
            "--stream", stream, "-o", out, code=0 if allowed else 1)
    left = {line.split("@")[0] for line in out.read_text().split()
            if "@" in line} if allowed else set()
    assert left == {who for who, r in reasons.items()
                    if r in ("consent", "soft-opt-in")}
    return reasons


def test_every_profile_is_tested():
    assert {p.stem for p in COUNTRIES.glob("*.conf")} == set(MONTHS)


@pytest.mark.parametrize("country", sorted(MONTHS))
def test_country(ctl, country):
    """DE-1, DE-3, FR-1, EP13-2, N-*, C-CA2, C-US: confirmed consents of that
    country, within their lifetime, and nothing else."""
    with_country(ctl, country)
    months = MONTHS[country]
    here, news = f"acme/{country}", f"acme/{country}/newsletter"
    rows = [
        ("confirmed", news, "confirmed", "consent", ago(1)),
        ("country", here, "confirmed", "consent", ago(1)),
        ("all-of-acme", "acme", "confirmed", "consent", ago(1)),
        ("in-time", news, "confirmed", "consent",
         ago(months or 20 * 12, -DAY)),
        ("single", news, "granted", "consent", ago(1)),
        ("customer", news, "granted", "soft-opt-in", ago(1)),
        ("elsewhere", "acme/newsletter", "confirmed", "consent", ago(1)),
        ("left", news, "withdrawn", "", ago(1)),
    ]
    want = {"confirmed": "consent", "country": "consent",
            "all-of-acme": "consent", "in-time": "consent",
            "single": "unconfirmed", "elsewhere": "no-record",
            "left": "withdrawn", "stranger": "no-record"}
    if months:
        rows.append(("too-old", news, "confirmed", "consent",
                     ago(months, DAY)))
        want["too-old"] = "idle" if country in IDLE else "expired"
    load(ctl, rows)
    got = decided(ctl, f"newsletter-{country}", [*want, "customer"])
    assert got.pop("customer") not in ("consent", "soft-opt-in")
    assert got == want


@pytest.mark.parametrize("kind, months", [("customers", 24),
                                          ("inquiries", 6)])
def test_canada_implied_consent(ctl, kind, months):
    """C-CA2: two years from a purchase, six months from an inquiry."""
    with_country(ctl, "ca")
    purpose = f"acme/ca/{kind}"
    text = ("email,purpose,status,basis,time,seller,sale-ref,sale-date,"
            "product-category,opt-out-offered\n")
    for who, where, sold in (("fresh", purpose, ago(1)),
                             ("last-day", purpose, ago(months, -DAY)),
                             ("too-late", purpose, ago(months, DAY)),
                             ("left", purpose, ago(1)),
                             ("undated", purpose, ""),
                             ("other", "acme/ca/newsletter", ago(1))):
        text += (f"{who}@example.org,{where},granted,soft-opt-in,{ago(0)},"
                 f"acme,R-{who},{sold},shoes,yes\n")
    ctl.load(text)
    load(ctl, [("left", purpose, "withdrawn", "", ago(0))])
    assert decided(ctl, f"{kind}-ca", ["fresh", "last-day", "too-late",
                                       "left", "undated", "other"]) == {
        "fresh": "soft-opt-in", "last-day": "soft-opt-in",
        "too-late": "expired", "left": "withdrawn",
        "undated": "no-sale-date", "other": "no-record"}


@pytest.mark.parametrize("sold, until", [
    ("2024-12-05T12:00:00Z", "2026-12-05T12:00:00Z"),
    ("2024-02-29T12:00:00Z", "2026-02-28T12:00:00Z")])
def test_canada_ends_on_the_day(ctl, sold, until):
    """C-CA2: two calendar years, and a leap day ends on 28 February."""
    with_country(ctl, "ca")
    done = ctl.any("grant", "ann@example.org", "--purpose",
                   "acme/ca/customers", "--source", "order", "--attest", "DPO",
                   "--basis", "soft-opt-in", "--seller", "acme", "--sale-ref",
                   "R-1", "--sale-date", sold, "--product-category", "shoes",
                   "--opt-out-offered", "yes")
    now = datetime.datetime.now(datetime.timezone.utc)
    if now.strftime("%Y-%m-%dT%H:%M:%SZ") < until:
        assert f"until {until}" in done.stdout
    else:
        assert ctl.why("ann@example.org", "customers-ca") == "expired"


@pytest.mark.parametrize("country, who", [("bg", "KZP register"),
                                          ("es", "Robinson list")])
def test_a_register_of_objections(ctl, country, who):
    """N-BG, N-ES: who stands on the register gets nothing, consent or not."""
    with_country(ctl, country)
    news = f"acme/{country}/newsletter"
    load(ctl, [(name, news, "confirmed", "consent", ago(1))
               for name in ("listed", "free")])
    ctl.load("email\nlisted@example.org\n", "--status", "objected",
             "--attest", who)
    assert decided(ctl, f"newsletter-{country}", ["listed", "free"]) == {
        "listed": "objected", "free": "consent"}


def test_all_together(ctl):
    with_country(ctl, *MONTHS)
    load(ctl, [("ann", "acme/fr/newsletter", "confirmed", "consent", ago(37)),
               ("bob", "acme/de/newsletter", "confirmed", "consent", ago(37))])
    assert decided(ctl, "newsletter-fr", ["ann", "bob"]) == {
        "ann": "idle", "bob": "no-record"}
    assert decided(ctl, "newsletter-de", ["ann", "bob"]) == {
        "ann": "no-record", "bob": "consent"}
