"""What companies were fined for, as their files were (requirements D).

A class is a case: lists() are the files its marketing had, as consentctl
import is given them; refused says why nobody on them may get the campaign,
reason by reason.  test_cases.py sends it.  The figures in the docstrings are
those of the penalty notices; the files are ours, a few hundred rows each.
"""

PROVEN = ("--source", "web-form", "--attest", "Data protection officer")
NEWS = "acme/newsletter"
CARD, GROCERY, CLUB = "acme/card", "acme/grocery", "acme/club"


class Case:
    """A list, and nobody on it may get mail."""
    name = ""
    count = 400
    subject = ""
    # Of the streams in test_cases.py: who sends it.
    sender, labelled = "news@acme.example", "tool@acme.example"
    headers = ""    # by which the campaign claims more than it may
    refused = {}    # reason -> how many

    def who(self, first=0, last=None):
        """Addresses of customers; every case has its own."""
        return [f"c{i}@{self.name}.test"
                for i in range(first, self.count if last is None else last)]

    def lists(self):
        """[(file's text, arguments of import, words of its report)]"""
        raise NotImplementedError

    def everybody(self):
        return self.who()


def table(columns, people, *cells):
    """CSV: an address and the same cells for each of them."""
    return columns + "\n" + "".join(
        ",".join((address, *cells)) + "\n" for address in people)


class Flybe(Case):
    """AT-FLYBE: "Are your details correct?", with a prize draw, went to 3.3
    million people who had objected, to clean the data."""
    name = "flybe"
    count = 2000
    subject = "Are your details correct?"
    refused = {"objected": 2000}

    def lists(self):
        return [(table("email,status,time", self.who(), "objected",
                       "2015-06-01T12:00:00Z"), PROVEN,
                 "2,000")]


class Honda(Case):
    """AT-HONDA: "Would you like to hear from Honda?" went to 289,790 people
    whose consent field the dealers' form had left empty."""
    name = "honda"
    count = 500
    subject = "Would you like to hear from us?"
    refused = {"no-evidence": 400, "no-record": 100}

    def lists(self):
        empty = dict(zip(self.who(last=400),
                         100 * ("", "NULL", "N/A", "\0")))
        return [("email,status,time\n" + "".join(
                    f"{who},{cell},2026-05-01T12:00:00Z\n"
                    for who, cell in empty.items()),
                 (*PROVEN, "--purpose", NEWS, "--reject-to", "@REJECTED@"),
                 "100  left out"),
                # One dealer has no such column.
                (table("email", self.who(400)),
                 (*PROVEN, "--purpose", NEWS), "no  no-evidence")]


class Morrisons(Case):
    """AT-MORRISONS: "Your Account Details", with points to win, went to
    130,671 holders of the card who took mail about groceries and had left
    that about the card."""
    name = "morrisons"
    subject = "Your Account Details"
    sender, labelled = "card@acme.example", "cardtool@acme.example"
    # The template of the card under the list of the groceries.
    headers = ("List-Id: Groceries <grocery.acme.example>\n"
               f"X-Consent-Purpose: {GROCERY}\n")
    refused = {"withdrawn": 400}

    def lists(self):
        columns = "email,purpose,status,time"
        return [(table(columns, self.who(), GROCERY, "granted",
                       "2026-03-01T12:00:00Z"), PROVEN, "400"),
                (table(columns, self.who(), CARD, "granted",
                       "2026-01-01T12:00:00Z"), PROVEN, "400"),
                (table(columns, self.who(), CARD, "withdrawn",
                       "2026-02-01T12:00:00Z"), PROVEN, "400")]


class Virgin(Case):
    """AT-VIRGIN: "price freeze" went to 451,217 people who had objected a
    year ago and might have changed their minds."""
    name = "virgin"
    subject = "Price freeze in 2021"
    refused = {"objected": 400}

    def lists(self):
        return [(table("email,purpose,status,time", self.who(), NEWS,
                       "granted", "2025-01-01T12:00:00Z"), PROVEN, "400"),
                # 13 months ago, and more with every day
                (table("email,status,time", self.who(), "objected",
                       "2025-10-20T12:00:00Z"), PROVEN, "400")]


class SportsDirect(Case):
    """AT-SPORTSDIRECT: 2.6 million mails went to old records that said
    "subscribed", and nobody could say who had subscribed where."""
    name = "sportsdirect"
    subject = "We miss you"
    refused = {"no-evidence": 400}

    def lists(self):
        return [(table("Mail,subscribed,created", self.who(), "1",
                       "2024-06-01 12:00:00"),
                 ("--map", "email=Mail,status=subscribed,1=granted,"
                  "time=created", "--zone", "Europe/London", "--purpose",
                  NEWS, "--source", "web-form"),
                 "nobody answers for this list")]


class Halfords(Case):
    """AT-HALFORDS: "Fix Your Bike" went to 498,179 people as service mail on
    legitimate interest: no consent, and not asked whether they mind."""
    name = "halfords"
    subject = "Your voucher of the Fix Your Bike scheme"
    refused = {"no-record": 400}

    def lists(self):
        columns = "email,purpose,status,source,basis,time"
        when = "2026-05-01T12:00:00Z"
        return [(table(columns, self.who(last=200), NEWS, "granted", "order",
                       "legitimate_interest", when) +
                 # Customers, where soft opt-in is not allowed at all.
                 table(columns, self.who(200), NEWS, "granted", "order",
                       "soft-opt-in", when).partition("\n")[2],
                 (*PROVEN, "--reject-to", "@REJECTED@"), "200  left out")]


class HelloFresh(Case):
    """AT-HELLOFRESH: 79 million mails, some to customers who had cancelled
    two years before and had never been told that mail goes on."""
    name = "hellofresh"
    subject = "Come back for a box"
    refused = {"expired": 400}

    def lists(self):
        return [(table("email,purpose,status,source,time", self.who(), NEWS,
                       "granted", "order", "2021-08-01T12:00:00Z"), PROVEN,
                 "400")]


class Triboo(Case):
    """AT-TRIBOO, AT-ZMLUK: 107 million mails to addresses bought from sites
    where people had agreed to "our partners"."""
    name = "triboo"
    subject = "Top jobs near you"
    refused = {"no-evidence": 400}

    def lists(self):
        return [(table("email,purpose,status,source,time", self.who(), NEWS,
                       "granted", "purchased", "2026-04-01T12:00:00Z"),
                 PROVEN, "400 grants without proof")]


class Golf(Case):
    """AT-GOLF: the club's newsletter went to somebody who had agreed, and had
    not been written to for four years (AG Muenchen, 161 C 12736/22)."""
    name = "golf"
    subject = "Our trial course"
    sender, labelled = "club@acme.example", "clubtool@acme.example"
    refused = {"idle": 400}

    def lists(self):
        return [(table("email,purpose,status,time", self.who(), CLUB,
                       "granted", "2021-11-01T12:00:00Z"), PROVEN, "idle")]


class Import(Case):
    """AT-IMPORT: the tool's list still says "subscribed" of people who have
    left; it is imported, and the campaign is sent."""
    name = "import"
    subject = "News of November"
    refused = {"withdrawn": 400}

    def lists(self):
        columns = "email,purpose,status,time"
        return [(table(columns, self.who(), NEWS, "granted",
                       "2026-01-01T12:00:00Z"), PROVEN, "400"),
                (table(columns, self.who(), NEWS, "withdrawn",
                       "2026-06-01T12:00:00Z"), PROVEN, "400"),
                # Mailchimp still has them.
                (table("Email Address,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,"
                       "LEID,EUID", self.who(), "2", "2026-01-01 12:00:00",
                       "192.0.2.1", "1", "a1"),
                 (*PROVEN, "--purpose", NEWS), "conflict")]


CASES = [Flybe, Honda, Morrisons, Virgin, SportsDirect, Halfords, HelloFresh,
         Triboo, Golf, Import]
