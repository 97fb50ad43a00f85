"""What companies were fined for, as their files were (requirements D).

A class is a case: lists() are the files that its marketing had, as consentctl
import is given them; refused says why nobody on them may get the campaign,
reason by reason.  test_cases.py sends it.  The figures in the docstrings are
those of the penalty notices; the files are ours, some hundred rows each.
"""

PROVEN = ("--source", "web-form", "--attest", "Data protection officer")

# What the company sends, by the name of the stream, and what that needs.
MAILINGS = {
    "newsletter": 'title = "Newsletter"',
    "card": 'title = "Loyalty card"',
    "groceries": 'title = "Groceries"',
    "club": 'title = "Club news"  lifetime = none  idle = "4y"',
    "pizza": 'title = "Offers"  soft-opt-in = yes\n'
             '    product-category = {"pizza"}',
}
# Texts that stood beside the box that people ticked.
TEXTS = {
    "bundled": ("I am 18 or older and agree to offers by mail and text.\n",
                "bundled = yes"),
    "with-end": ("Offers by mail, until three months after I cancel.\n",
                 'after-contract = "3m"'),
}


def rows(people, **cells):
    """CSV: the same cells for each address; a column's "_" is a "-"."""
    names = [name.replace("_", "-") for name in ("email", *cells)]
    return "".join(",".join(row) + "\n" for row in (
        names, *((who, *cells.values()) for who in people)))


class Case:
    """A company, and a campaign that nobody on its lists may get."""
    name = ""
    count = 400
    mailing = "newsletter"
    subject = ""
    headers = ""    # in which the campaign claims more than it may
    refused = {}    # reason -> how many

    def who(self, first=0, last=None):
        """Addresses of its customers; each case has its own."""
        return [f"c{i}@{self.name}.test"
                for i in range(first, self.count if last is None else last)]

    def lists(self):
        """[(file's text, arguments of import, words of its report)]"""
        raise NotImplementedError

    @property
    def purpose(self):
        return f"acme/{self.mailing}"

    def granted(self, time, says="events written", **cells):
        """One list that claims consent for all of them."""
        return [(rows(self.who(), purpose=self.purpose, status="granted",
                      time=time, **cells), PROVEN, says)]

    def refusal(self, status, time, **cells):
        return [(rows(self.who(), status=status, time=time, **cells), PROVEN,
                 "events written")]


class Flybe(Case):
    """AT-FLYBE: "Are your details correct?", with a prize draw, went to 3.3
    million people who had objected, to clean the data."""
    name = "flybe"
    count = 2000
    subject = "Are your details correct?"
    refused = {"objected": 2000}

    def lists(self):
        return self.refusal("objected", "2015-06-01T12:00:00Z")


class Honda(Case):
    """AT-HONDA: "Would you like to hear from Honda?" went to 289,790 people
    for whom the dealers' form had left the question open."""
    name = "honda"
    count = 500
    subject = "Would you like to hear from us?"
    refused = {"no-evidence": 400, "no-record": 100}

    def lists(self):
        args = (*PROVEN, "--purpose", self.purpose)
        answers = zip(self.who(0, 400), 100 * ("", "NULL", "N/A", "\0"))
        return [("email,status,time\n" + "".join(
                    f"{who},{answer},2026-05-01T12:00:00Z\n"
                    for who, answer in answers),
                 # NUL is no text at all: those rows are left out.
                 (*args, "--reject-to", "@DIR@/honda.rejected"),
                 "100  left out"),
                # One dealer's list has no such column.
                (rows(self.who(400)), args, "no  no-evidence")]


class Morrisons(Case):
    """AT-MORRISONS: "Your Account Details", with points to win, went to
    130,671 holders of the card who took mail about groceries and had left
    that about the card."""
    name = "morrisons"
    mailing = "card"
    subject = "Your Account Details"
    # The card's template under the groceries' list.
    headers = ("List-Id: Groceries <groceries.acme.example>\n"
               "X-Consent-Purpose: acme/groceries\n")
    refused = {"withdrawn": 400}

    def lists(self):
        return [(rows(self.who(), purpose="acme/groceries", status="granted",
                      time="2026-03-01T12:00:00Z"), PROVEN,
                 "no-record      ->  yes consent"),
                *self.granted("2026-01-01T12:00:00Z"),
                *self.refusal("withdrawn", "2026-02-01T12:00:00Z",
                              purpose=self.purpose)]


class Virgin(Case):
    """AT-VIRGIN: "price freeze" went to 451,217 people who had objected a
    year before and might have changed their minds."""
    name = "virgin"
    subject = "Price freeze"
    refused = {"objected": 400}

    def lists(self):
        # 13 months ago, and more with every day
        return (self.granted("2025-01-01T12:00:00Z") +
                self.refusal("objected", "2025-10-20T12:00:00Z"))


class SportsDirect(Case):
    """AT-SPORTSDIRECT: 2.6 million mails went to old records that said
    "subscribed", and nobody could say who had agreed where."""
    name = "sportsdirect"
    subject = "We miss you"
    refused = {"no-evidence": 400}

    def lists(self):
        return [(rows(self.who(), subscribed="1",
                      created="2024-06-01 12:00:00"),
                 ("--map", "email=email,status=subscribed,1=granted,"
                  "time=created", "--zone", "Europe/London", "--purpose",
                  self.purpose, "--source", "web-form"),
                 "nobody answers for this list")]


class Halfords(Case):
    """AT-HALFORDS: "Fix Your Bike" went to 498,179 people as service mail on
    legitimate interest: they had neither agreed nor been asked."""
    name = "halfords"
    subject = "Your voucher of the Fix Your Bike scheme"
    refused = {"no-record": 400}

    def lists(self):
        claim = {"purpose": self.purpose, "status": "granted",
                 "time": "2026-05-01T12:00:00Z", "source": "order"}
        interest = rows(self.who(0, 200), **claim, basis="legitimate-interest")
        # Customers, for mail that soft opt-in is not allowed for.
        soft = rows(self.who(200), **claim, basis="soft-opt-in")
        return [(interest + soft.partition("\n")[2],
                 (*PROVEN, "--reject-to", "@DIR@/halfords.rejected"),
                 "200  left out")]


class HelloFresh(Case):
    """AT-HELLOFRESH: 79 million mails, on a consent tied to a statement of
    age, and to customers long after they had cancelled."""
    name = "hellofresh"
    subject = "Come back for a box"
    refused = {"bundled": 200, "contract-ended": 200}

    def lists(self):
        claim = {"purpose": self.purpose, "status": "granted",
                 "time": "2026-01-10T12:00:00Z", "source": "order"}
        return [(rows(self.who(0, 200), **claim),
                 (*PROVEN, "--notice", "@DIR@/bundled.txt"), "no  bundled"),
                (rows(self.who(200), **claim,
                      contract_end="2026-03-31T12:00:00Z"),
                 (*PROVEN, "--notice", "@DIR@/with-end.txt"),
                 "no  contract-ended")]


class Triboo(Case):
    """AT-TRIBOO: 107 million mails to people who had agreed, on other
    companies' sites, to offers of "third parties"."""
    name = "triboo"
    subject = "Top jobs near you"
    refused = {"other-controller": 400}

    def lists(self):
        return self.granted("2026-04-01T12:00:00Z", says="other-controller",
                            controller="Jobs and Partners Ltd")


class Zmluk(Case):
    """AT-ZMLUK: 67 million mails to bought addresses, whose people had been
    shown a list of 361 partners and no choice."""
    name = "zmluk"
    subject = "Cut your energy bill"
    refused = {"no-evidence": 400}

    def lists(self):
        return self.granted("2026-04-01T12:00:00Z", source="purchased",
                            says="grants without proof")


class Golf(Case):
    """AT-GOLF: the club's newsletter went to somebody who had agreed, and had
    not been written to for four years (AG Muenchen, 161 C 12736/22)."""
    name = "golf"
    mailing = "club"
    subject = "Our trial course"
    refused = {"idle": 400}

    def lists(self):
        return self.granted("2021-11-01T12:00:00Z")


class PapaJohns(Case):
    """AT-PAPAJOHNS: customers who had ordered by phone got offers, and had
    never been offered a way to refuse them."""
    name = "papajohns"
    mailing = "pizza"
    subject = "Two for one"
    refused = {"no-opt-out": 400}
    # How it was offered: not, or nobody wrote it down.
    offered = ("no", "")

    def lists(self):
        return [(rows(who, purpose=self.purpose, status="granted",
                      source="phone", basis="soft-opt-in",
                      time="2026-05-01T12:00:00Z", seller="Acme GmbH",
                      sale_ref="T-4711", sale_date="2026-05-01",
                      product_category="pizza", opt_out_offered=offered),
                 PROVEN, "events written")
                for who, offered in zip((self.who()[::2], self.who()[1::2]),
                                        self.offered)]


class Import(Case):
    """AT-IMPORT: the tool's list says "subscribed" of people who have left;
    it is imported, and the campaign is sent."""
    name = "import"
    subject = "News of November"
    refused = {"withdrawn": 400}

    def lists(self):
        return (self.granted("2026-01-01T12:00:00Z") +
                self.refusal("withdrawn", "2026-06-01T12:00:00Z",
                             purpose=self.purpose) +
                # Mailchimp still has them.
                [("Email Address,MEMBER_RATING,OPTIN_TIME,LEID,EUID\n" +
                  "".join(f"{who},2,2026-01-01 12:00:00,1,a1\n"
                          for who in self.who()),
                  (*PROVEN, "--purpose", self.purpose), "conflicts: 400 rows")])


CASES = [Flybe, Honda, Morrisons, Virgin, SportsDirect, Halfords, HelloFresh,
         Triboo, Zmluk, Golf, PapaJohns, Import]


class Agreed(Case):
    """AT-CONTROL: people whose agreement is on record, for every mailing."""
    name = "agreed"
    count = 200

    def __init__(self, mailing):
        self.mailing = mailing
        self.name = f"agreed-{mailing}"

    def lists(self):
        return self.granted("2026-01-10T12:00:00Z")


class Customers(PapaJohns):
    """AT-CONTROL: customers who were asked, and did not refuse."""
    name = "agreed-pizza"
    count = 200
    offered = ("yes", "yes")


AGREED = [Agreed("newsletter"), Agreed("card"), Agreed("groceries"),
          Agreed("club"), Customers()]
