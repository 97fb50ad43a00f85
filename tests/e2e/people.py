"""A list with every state a person can be in, and what each state means.

One row a person: address, rows of the CSV that make the state, and the reason
`why` gives for the stream "newsletter".
"""
import datetime

NEWS = "acme/newsletter"
NOW = datetime.datetime.now(datetime.timezone.utc)
HEADER = "email,purpose,status,source,basis,time,language\n"

# (purpose, status, source, basis, time)
PEOPLE = {
    "consent@x.test": ("consent", [
        (NEWS, "granted", "web-form", "", "2026-01-10T09:00:00Z")]),
    "confirmed@x.test": ("consent", [
        (NEWS, "confirmed", "web-form", "", "2026-01-10T09:00:00Z")]),
    "all-of-acme@x.test": ("consent", [
        ("acme", "granted", "event", "", "2026-02-10T09:00:00Z")]),
    "came-back@x.test": ("consent", [
        (NEWS, "granted", "web-form", "", "2025-01-10T09:00:00Z"),
        (NEWS, "withdrawn", "", "", "2026-01-10T09:00:00Z"),
        (NEWS, "granted", "web-form", "", "2026-05-10T09:00:00Z")]),
    "withdrawn@x.test": ("withdrawn", [
        (NEWS, "granted", "web-form", "", "2026-01-10T09:00:00Z"),
        (NEWS, "withdrawn", "", "", "2026-03-10T09:00:00Z")]),
    "left-acme@x.test": ("withdrawn", [
        (NEWS, "granted", "web-form", "", "2026-01-10T09:00:00Z"),
        ("acme", "withdrawn", "", "", "2026-03-10T09:00:00Z")]),
    "objected@x.test": ("objected", [
        (NEWS, "granted", "web-form", "", "2026-01-10T09:00:00Z"),
        ("", "objected", "", "", "2026-03-10T09:00:00Z")]),
    "complained@x.test": ("complained", [
        (NEWS, "granted", "web-form", "", "2026-01-10T09:00:00Z"),
        ("", "complained", "", "", "2026-03-10T09:00:00Z")]),
    "undeliverable@x.test": ("undeliverable", [
        (NEWS, "granted", "web-form", "", "2026-01-10T09:00:00Z"),
        ("", "undeliverable", "", "", "2026-03-10T09:00:00Z")]),
    "pending@x.test": ("unconfirmed", [
        (NEWS, "pending", "web-form", "", "2026-11-10T09:00:00Z")]),
    "unknown@x.test": ("no-evidence", [
        (NEWS, "unknown", "", "", "")]),
    "purchased@x.test": ("no-evidence", [
        (NEWS, "granted", "purchased", "", "2026-01-10T09:00:00Z")]),
    "expired@x.test": ("expired", [
        (NEWS, "granted", "web-form", "", "2021-01-10T09:00:00Z")]),
    "other-purpose@x.test": ("no-record", [
        ("acme/offers", "granted", "web-form", "", "2026-01-10T09:00:00Z")]),
    # Twice in the list, in another case: one person.
    "Twice@x.test": ("consent", [
        (NEWS, "granted", "web-form", "", "2026-01-10T09:00:00Z")]),
    "twice@X.test": ("consent", [
        (NEWS, "granted", "web-form", "", "2026-02-10T09:00:00Z")]),
    # At gmail.com a refusal reaches all spellings of the mailbox.
    "j.doe@gmail.com": ("withdrawn", [
        (NEWS, "granted", "web-form", "", "2026-01-10T09:00:00Z"),
        (NEWS, "withdrawn", "", "", "2026-03-10T09:00:00Z")]),
    "jdoe@gmail.com": ("withdrawn", [
        (NEWS, "granted", "web-form", "", "2026-01-10T09:00:00Z")]),
    "anna+news@x.test": ("consent", [
        (NEWS, "granted", "web-form", "", "2026-01-10T09:00:00Z")]),
}
# Not in the list at all.
STRANGERS = {"stranger@x.test": "no-record", "anna@x.test": "no-record"}

REASONS = {**{a: reason for a, (reason, _) in PEOPLE.items()}, **STRANGERS}
# One spelling each: Postfix delivers once to what differs only in case.
EVERYBODY = sorted(set(REASONS) - {"Twice@x.test"})
CONSENTING = [a for a in EVERYBODY if REASONS[a] == "consent"]
OTHERS = [a for a in EVERYBODY if REASONS[a] != "consent"]


def ago(days):
    """A time for a list."""
    return (NOW - datetime.timedelta(days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def csv():
    return HEADER + "".join(
        f"{address},{purpose},{status},{source},{basis},{time},\n"
        for address, (_, rows) in PEOPLE.items()
        for purpose, status, source, basis, time in rows)


def customer(address, purpose="acme/shop", category="bicycles",
             offered="yes"):
    """A list of one customer, and the sale that a soft opt-in rests on."""
    return ("email,purpose,status,source,basis,time,seller,sale-ref,"
            "sale-date,product-category,opt-out-offered\n"
            f"{address},{purpose},granted,order,soft-opt-in,"
            "2026-01-10T09:00:00Z,acme,R-4711,2026-01-09,"
            f"{category},{offered}\n")


def granted(*addresses, purpose=NEWS, status="granted",
            time="2026-01-10T09:00:00Z", source="web-form"):
    """A list of people in one state."""
    return HEADER + "".join(
        f"{a},{purpose},{status},{source},,{time},\n"
        for a in addresses)
