"""consentctl import of what other tools export (requirements E2, E-7, E-8).

The files of dialects/ are written by hand in each tool's documented columns.
"""
import datetime
import pathlib

import pytest

from conftest import PROVEN

DIALECTS = pathlib.Path(__file__).parent / "dialects"
NEWS = ("--purpose", "acme/newsletter", *PROVEN)
JUNE = "2025-06-30T06:00:00Z"

# File, its format, and what the store says of each person afterwards.
EXPORTS = [
    ("subscribed_members_export_1a2b.csv", "mailchimp",
     {"ann": "consent", "bob": "no-evidence"}),
    ("unsubscribed_members_export_1a2b.csv", "mailchimp-unsubscribed",
     {"cal": "withdrawn"}),
    ("cleaned_members_export_1a2b.csv", "mailchimp-cleaned",
     {"dan": "undeliverable"}),
    ("hubspot-unsubscribes.csv", "hubspot-unsubscribes",
     {"ann": "withdrawn", "bob": "undeliverable", "cal": "complained",
      "dan": "undeliverable", "eva": "withdrawn", "fay": "undeliverable"}),
    ("hubspot-contacts.csv", "hubspot",
     {"ann": "withdrawn", "bob": "no-evidence", "cal": "withdrawn",
      "dan": "undeliverable"}),
    ("listmonk.csv", "listmonk",
     {"ann": "no-evidence", "bob": "withdrawn", "cal": "objected"}),
    ("mautic.csv", "mautic", {"ann": "withdrawn", "bob": "no-evidence"}),
    ("mautic-export.csv", "mautic", {"bob": "no-evidence"}),
    ("phplist.csv", "phplist",
     {"ann": "no-evidence", "bob": "unconfirmed", "cal": "objected"}),
    ("brevo.csv", "brevo", {"ann": "withdrawn", "bob": "no-evidence"}),
    ("suppression_bounces.csv", "sendgrid-bounces",
     {"ann": "undeliverable", "bob": "no-evidence", "cal": "undeliverable"}),
    ("suppression_spam_reports.csv", "sendgrid-spam-reports",
     {"ann": "complained"}),
    ("suppression_unsubscribes.csv", "sendgrid-unsubscribes",
     {"ann": "withdrawn"}),
    ("suppression_invalid_emails.csv", "sendgrid-invalid",
     {"ann": "undeliverable"}),
    ("sendgrid-contacts.csv", "sendgrid", {"ann": "no-evidence"}),
    ("mailgun-bounces.csv", "mailgun-bounces",
     {"ann": "undeliverable", "bob": "no-evidence"}),
    ("mailgun-unsubscribes.csv", "mailgun-unsubscribes",
     {"ann": "withdrawn", "bob": "withdrawn", "cal": "withdrawn",
      "dan": "withdrawn"}),
    ("mailgun-complaints.csv", "mailgun-complaints", {"ann": "complained"}),
    ("ses.csv", "ses", {"ann": "undeliverable", "bob": "complained"}),
    ("ses.json", "ses", {"ann": "undeliverable", "bob": "complained"}),
    ("ses-suppress-list.csv", "ses-list",
     {"ann": "undeliverable", "bob": "complained"}),
    ("klaviyo.csv", "klaviyo",
     {"ann": "consent", "bob": "no-evidence", "cal": "withdrawn",
      "dan": "withdrawn"}),
    ("constant-contact.csv", "constant-contact",
     {"ann": "no-evidence", "bob": "withdrawn", "cal": "unconfirmed"}),
    ("ghost.csv", "ghost", {"ann": "no-evidence", "bob": "withdrawn"}),
    ("substack.csv", "substack", {"ann": "no-evidence", "bob": "withdrawn"}),
    ("shopify.csv", "shopify", {"ann": "no-evidence", "bob": "withdrawn"}),
    ("salesforce.csv", "salesforce",
     {"ann": "withdrawn", "bob": "no-evidence", "cal": "undeliverable"}),
    ("vtiger.csv", "vtiger", {"ann": "withdrawn", "bob": "no-evidence"}),
    ("kit.csv", "kit",
     {"ann": "no-evidence", "bob": "withdrawn", "cal": "complained"}),
    ("activecampaign.csv", "activecampaign",
     {"ann": "no-evidence", "bob": "withdrawn"}),
    ("mailman.txt", "lines",
     {"ann": "no-evidence", "bob": "no-evidence", "cal": "no-evidence"}),
    ("sympa.txt", "lines", {"ann": "no-evidence", "bob": "no-evidence"}),
    ("sympa.dump", "lines", {"ann": "no-evidence", "bob": "no-evidence"}),
]


@pytest.mark.parametrize("file,fmt,people", EXPORTS,
                         ids=[e[0] for e in EXPORTS])
def test_export(ctl, file, fmt, people):
    """E2: recognised by its columns; opt-outs win; "subscribed" is none."""
    out = ctl.json("import", DIALECTS / file, *NEWS)
    assert out["format"] == fmt
    assert out["people"] == len(people)
    for who, reason in people.items():
        assert ctl.why(f"{who}@example.org") == reason, who
    # Again: nothing new.  By name: the same.
    again = ctl.json("import", DIALECTS / file, *NEWS, "--format", fmt)
    assert (again["events"], again["format"]) == (0, fmt)


def test_every_dialect_has_a_file(ctl):
    done = ctl.run("import", DIALECTS / "ghost.csv", "--format", "?",
                     code=64)
    words = set(done.stderr.split("auto plain lines")[1].split())
    assert words - {e[1] for e in EXPORTS} == {"mailchimp-nonsubscribed"}


def test_times_of_exports(ctl):
    """E-7: a documented zone is used; a refusal without a time counts now."""
    for file, who in [("unsubscribed_members_export_1a2b.csv", "cal"),
                      ("cleaned_members_export_1a2b.csv", "dan"),
                      ("suppression_bounces.csv", "ann"),
                      ("mailgun-unsubscribes.csv", "bob"),
                      ("constant-contact.csv", "bob")]:
        ctl.run("import", DIALECTS / file, *NEWS)
        event = ctl.json("history", f"{who}@example.org")["events"][-1]
        assert (event["at"], event["untimed"]) == (JUNE, False), file
    ctl.run("import", DIALECTS / "listmonk.csv", *NEWS)
    event = ctl.json("history", "cal@example.org")["events"][-1]
    assert event["untimed"] is True and event["type"] == "objected"


def test_mailchimp_by_name_where_columns_do_not_tell(ctl):
    """A cut-down export still has its kind in the file's name."""
    text = ("Email Address,OPTIN_TIME,LEID\n"
            "ann@example.org,2025-01-01 10:00:00,1\n")
    for name, says in [("subscribed_x.csv", "consent"),
                       ("unsubscribed_x.csv", "withdrawn"),
                       ("cleaned_x.csv", "undeliverable")]:
        ctl.run("import", ctl.file(text, name), *NEWS)
        assert ctl.why("ann@example.org") == says


SES = '{"SuppressedDestinationSummaries": %s}'


@pytest.mark.parametrize("text, says", [
    (SES % '[{"EmailAddress": "a@example.org"}], "NextToken": "x"',
     "one page of a longer list"),
    (SES % '[{"EmailAddress": "a@example.org"}, {"Reason": "BOUNCE"}]',
     "entry 2 has no EmailAddress"),
    (SES % "[1]", "entry 1 has no EmailAddress"),
    (SES % "{}", "export it as CSV"),
    ('{"email": "a@example.org"}', "export it as CSV"),
    (SES % '[{"EmailAddress": "a@example.org", "LastUpdateTime": 1.5}]',
     "--cli-timestamp-format iso8601"),
    ((SES % '[{"EmailAddress": "a@example.org"}]')[:-3], "is no JSON"),
    (SES % '[{"EmailAddress": "nonsense", "Reason": "BOUNCE"}]', "row 2"),
    (SES % '[{"EmailAddress": "a@example.org", "Reason": "MOOD"}]', "row 2"),
])
def test_json_that_is_not_a_whole_list(ctl, text, says):
    """Half a list of refusals must not look like all of it."""
    before = ctl.snapshot()
    ctl.fails("import", ctl.file(text, "l.json"), *NEWS, code=65, says=says)
    (ctl.dir / "l.json").unlink()
    assert ctl.snapshot() == before


def test_json_in_utf_16_and_of_nobody(ctl):
    """As PowerShell's ">" writes it; and a list of nobody."""
    text = (DIALECTS / "ses.json").read_text()
    for raw in (text.encode("utf-16"), text.encode("utf-8-sig")):
        out = ctl.json("import", ctl.file(raw), *NEWS, "--dry-run")
        assert (out["format"], out["people"]) == ("ses", 2)
    ctl.fails("import", ctl.file(SES % "[]"), *NEWS, code=1, says="no rows")


def test_two_things_at_once(ctl):
    """Pitfall 35: a bounce and an opt-out are two facts."""
    ctl.run("import", DIALECTS / "hubspot-unsubscribes.csv", *NEWS)
    shown = ctl.json("show", "fay@example.org")
    assert [f["flag"] if isinstance(f, dict) else f
            for f in shown["flags"]] != []
    types = {e["type"]
             for e in ctl.json("history", "fay@example.org")["events"]}
    assert types == {"withdrawn", "undeliverable"}


def test_charset_of_an_export(ctl):
    text = (DIALECTS / "mautic.csv").read_text("utf-8-sig")
    for raw in (text.encode("utf-16"), text.encode("utf-8-sig")):
        out = ctl.json("import", ctl.file(raw), *NEWS, "--dry-run")
        assert out["format"] == "mautic" and out["people"] == 2


# ---- lists that nobody knows ------------------------------------------------

GERMAN = ("Name|E-Mail|Anmeldedatum|Status|Abgemeldet am\n"
          "Ann|ann@example.org|01.02.2025 10:00|ja|\n"
          "Bob|bob@example.org|01.02.2025 10:00|ja|03.02.2025\n"
          "Cal|cal@example.org||nein|\n")


def test_unknown_columns_get_a_map(ctl):
    """Issue 4: a helpful message with the --map line to use."""
    file = ctl.file(GERMAN)
    done = ctl.fails("import", file, *NEWS, code=65, says=[
        "these are not the columns of an export that consentctl knows; say "
        "which is what: --map 'email=E-Mail,time=Anmeldedatum,status=Status,"
        "withdrawn=Abgemeldet am'"])
    line = done.stderr.split("--map '")[1].split("'")[0]
    ctl.fails("import", file, *NEWS, "--map", line, code=65, says=[
        '"ja" is not a status; say what it means at the end of --map: '
        '...,ja=unknown'])
    line += ",ja=granted,nein=unknown"
    ctl.fails("import", file, *NEWS, "--map", line, code=65, says=[
        'column "Anmeldedatum": "01.02.2025 10:00" has no zone; say --zone '
        'Europe/Berlin'])
    ctl.run("import", file, *NEWS, "--zone", "Europe/Berlin", "--map", line)
    assert ctl.why("ann@example.org") == "consent"
    assert ctl.why("bob@example.org") == "withdrawn"
    assert ctl.why("cal@example.org") == "no-evidence"
    event = ctl.json("history", "ann@example.org")["events"][0]
    assert event["at"] == "2025-02-01T09:00:00Z"


def test_map_with_a_time_for_each(ctl):
    file = ctl.file("Mail;Since;Left;Why\nann@example.org;2025-01-01;"
                    "2025-03-01;x\nbob@example.org;2025-01-01;;\n")
    ctl.run("import", file, *NEWS, "--status", "granted", "--zone", "+00:00",
            "--map", "email=Mail,granted-time=Since,withdrawn=Left,"
            "withdrawn-time=Left")
    event = ctl.json("history", "ann@example.org")["events"][0]
    assert event["type"] == "withdrawn"
    assert event["at"] == "2025-03-01T23:59:59.999Z"
    event = ctl.json("history", "bob@example.org")["events"][0]
    assert (event["type"], event["at"]) == ("granted", "2025-01-01T00:00:00Z")


def test_columns_of_one_name(ctl):
    """E-8: an error, unless it is said by number which one counts."""
    file = ctl.file("Email,Status,Email\nx,granted,ann@example.org\n")
    ctl.fails("import", file, *NEWS, code=65,
              says='column "Email" stands twice (as number 1 and 3)')
    ctl.fails("import", file, *NEWS, "--map", "email=Email", code=64,
              says='column "Email" stands twice; say which one: #1 or #3')
    ctl.run("import", file, *NEWS, "--map", "email=#3,status=Status")
    assert ctl.why("ann@example.org") == "no-evidence"


@pytest.mark.parametrize("args,code,says", [
    (["--map", "status=State"], 64, "say which column has the addresses"),
    (["--map", "email=Mails"], 64,
     'has no column "Mails"; did you mean "Mail"?'),
    (["--map", "email=#9"], 64, "has no column number 9 (it has 3)"),
    (["--map", "email"], 64, '"email" should be ROLE=COLUMN'),
    (["--map", "email=Mail,yes=great"], 64,
     '"yes" is neither a role (email, purpose'),
    (["--map", "email=Mail,yes=granted"], 64, '"yes" is a word of which'),
    (["--map", '"email=Mail'], 64, "a quote is opened here and never"),
    (["--map", "email=Mail", "--format", "ghost"], 64, "give one of them"),
    (["--format", "gohst"], 64, '"gohst" is not one of auto plain lines'),
    (["--format", "ghost"], 65,
     'is not Ghost, members: it would have the columns "email", '
     '"subscribed_to_emails"'),
    (["--format", "plain"], 65, 'no column is named "email"'),
    (["--dates", "ymd"], 64, '"ymd" is neither dmy (31/12/2026) nor mdy'),
    (["--zone", "Mars/Base"], 64, '"Mars/Base" is not a zone'),
    (["--zone", "../../etc/passwd"], 64, "is not a zone"),
    (["--status", "maybe"], 64, '--status: "maybe" is not a status'),
])
def test_wrong_options(ctl, args, code, says):
    file = ctl.file("Mail,State,When\nann@example.org,on,2025-01-01\n")
    ctl.fails("import", file, *NEWS, *args, code=code, says=says)
    assert ctl.events() == 0


def test_unread_opt_outs_are_an_error(ctl):
    """E-7: a plain list with a column that sounds like an opt-out."""
    file = ctl.file("email,status,time,opt_out\n"
                    "ann@example.org,granted,2025-01-01T00:00:00Z,1\n")
    done = ctl.fails("import", file, *NEWS, code=65, says=[
        'column "opt_out" sounds like people who said no; say what it is '
        "with --map 'email=email,status=status,time=time,withdrawn=opt_out'",
        "or --format plain to leave it out"])
    ctl.run("import", file, *NEWS, "--map",
            done.stderr.split("--map '")[1].split("'")[0])
    assert ctl.why("ann@example.org") == "withdrawn"
    done = ctl.run("import", file, *NEWS, "--format", "plain", "--dry-run")
    assert "not imported" in done.stderr and "opt_out" in done.stderr


def test_a_list_of_the_unsubscribed(ctl):
    """One address a line, and what they all say."""
    file = ctl.file("ann@example.org\nBob <bob@example.org>\n\n# the end\n")
    ctl.run("import", file, "--status", "withdrawn")
    assert ctl.why("ann@example.org") == "withdrawn"
    assert ctl.why("bob@example.org") == "withdrawn"
    ctl.fails("import", DIALECTS / "ghost.csv", "--status", "granted", *NEWS,
              code=64, says="this list (Ghost, members) says it itself")


# ---- reading ----------------------------------------------------------------

SPRING_GAP = "2025-03-30 02:30:00"   # Berlin's clocks never showed it
AUTUMN_TWICE = "2025-10-26 02:30:00"  # ... and twice this one
TIMES = [
    ("2025-06-30T08:00:00+02:00", [], JUNE),
    ("2025-06-30 06:00:00 +0000 UTC", [], JUNE),
    ("2025-06-30 06:00:00.5 +0000 UTC", [], "2025-06-30T06:00:00.500Z"),
    ("\"Mon, 30 Jun 2025 06:00:00 GMT\"", [], JUNE),
    ("\"Mon, 30 Jun 2025 08:00:00 +0200\"", [], JUNE),
    ("1751263200", [], JUNE),
    ("1751263200000", [], JUNE),
    ("2025-06-30 08:00:00", ["--zone", "Europe/Berlin"], JUNE),
    ("2025-06-30 08:00", ["--zone", "+02:00"], JUNE),
    ("2025/06/30 08:00", ["--zone", "+0200"], JUNE),
    ("30.6.2025 08:00", ["--zone", "Europe/Berlin"], JUNE),
    ("30/06/2025 06:00", ["--zone", "UTC"], JUNE),
    ("06/30/2025 6:00 AM", ["--zone", "UTC"], JUNE),
    ("\"Jun 30, 2025 6:00 AM\"", ["--zone", "UTC"], JUNE),
    ("30-Jun-2025 06:00:00", ["--zone", "UTC"], JUNE),
    ("06/07/2025", ["--zone", "UTC", "--dates", "dmy"],
     "2025-07-06T00:00:00Z"),
    ("06/07/2025", ["--zone", "UTC", "--dates", "mdy"],
     "2025-06-07T00:00:00Z"),
    ("07/07/2025 12:00 AM", ["--zone", "UTC"], "2025-07-07T00:00:00Z"),
    ("07/07/2025 12:30 PM", ["--zone", "UTC"], "2025-07-07T12:30:00Z"),
    # A consent is taken for as early as the clocks allow.
    (AUTUMN_TWICE, ["--zone", "Europe/Berlin"], "2025-10-26T00:30:00Z"),
    (SPRING_GAP, ["--zone", "Europe/Berlin"], "2025-03-30T00:30:00Z"),
    ("2025-01-15 12:00:00", ["--zone", "America/New_York"],
     "2025-01-15T17:00:00Z"),
    ("=\"2025-06-30T06:00:00Z\"", [], JUNE),
    ("'2025-06-30T06:00:00Z", [], JUNE),
]


@pytest.mark.parametrize("text,args,want", TIMES)
def test_times(ctl, text, args, want):
    """E-7, E-8: the forms that exports have."""
    if text.startswith("="):
        text = '"' + text.replace('"', '""') + '"'
    file = ctl.file("email,status,time\nann@example.org,granted," + text
                    + "\n")
    ctl.run("import", file, *NEWS, *args, env={"TZ": "Asia/Tokyo"})
    event = ctl.json("history", "ann@example.org")["events"][0]
    assert event["at"] == want


@pytest.mark.parametrize("text,args,says", [
    ("2025-06-30 08:00:00", [], "has no zone; say --zone Europe/Berlin"),
    ("31/12/2024 10:00", [], "has no zone"),
    ("2025-06-30", [], "has no zone"),
    ("06/07/2025", ["--zone", "UTC"],
     "could be day/month or month/day; say --dates dmy"),
    ("06/30/2025", ["--zone", "UTC", "--dates", "dmy"],
     "is not a date of the calendar"),
    ("2025-02-30 10:00", ["--zone", "UTC"], "is not a date of the calendar"),
    ("1.75126E+09", [], "is a number that a spreadsheet shortened"),
    ("2025-06-30 25:00", ["--zone", "UTC"], "is not a time"),
    ("2025-06-30 08:00 CEST", [], "is not a time"),
    ("yesterday", [], "is not a time (write it as 2026-01-31T12:00:00Z)"),
    ("175126320", [], "is not a time"),
    ("2199-01-01", ["--zone", "UTC"], "is yet to come"),
])
def test_bad_times(ctl, text, args, says):
    file = ctl.file("email,status,time\nann@example.org,granted," + text
                    + "\n")
    ctl.fails("import", file, *NEWS, *args, code=65, says=[
        f'row 2, column "time": "{text}"', says])


def test_a_day_without_a_time(ctl):
    """Of one day, the refusal wins, in whatever order the rows stand."""
    ctl.run("import", ctl.file(
        "email,status,time\n"
        "ann@example.org,withdrawn,2025-06-30\n"
        "ann@example.org,granted,2025-06-30T18:00:00Z\n"
        "bob@example.org,granted,2025-06-30\n"
        "bob@example.org,withdrawn,2025-06-30T03:00:00Z\n"),
        *NEWS, "--zone", "UTC")
    assert ctl.why("ann@example.org") == "withdrawn"
    assert ctl.why("bob@example.org") == "withdrawn"
    # Today is not over yet, but nothing is written in the future.
    today = datetime.datetime.now(datetime.timezone.utc).date()
    ctl.run("import", ctl.file("email,status,time\ncal@example.org,objected,"
                               f"{today}\n"), "--zone", "UTC")
    assert ctl.why("cal@example.org") == "objected"


@pytest.mark.parametrize("text", [
    "email|status\nann@example.org|objected\n",
    "sep=;\r\nemail;status\r\nann@example.org;objected\r\n",
    "\ufeffsep=,\nemail,status\nann@example.org,objected\n",
    "a,b;c|email\n1,2;3|ann@example.org\n4|bob@example.org\n",
    "email,status\n'ann@example.org,objected\n",
    "email,status\n\"=\"\"ann@example.org\"\"\",objected\n",
])
def test_delimiters_and_guards(ctl, text):
    """E-8."""
    args = () if "status" in text else ("--status", "objected",
                                        "--format", "plain")
    ctl.run("import", ctl.file(text), *args)
    assert ctl.why("ann@example.org") == "objected"


def test_check_reads_exports(ctl):
    ctl.run("import", DIALECTS / "subscribed_members_export_1a2b.csv", *NEWS)
    out = ctl.json("check", DIALECTS / "subscribed_members_export_1a2b.csv",
                   "--stream", "newsletter")
    assert (out["allow"], out["refuse"]) == (1, 1)
