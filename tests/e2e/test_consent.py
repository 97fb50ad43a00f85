"""Of a list with every state, exactly the consenting people get the mail."""
import concurrent.futures

import people
import pytest

from harness import messages
from harness.clients import Dialogue, swaks

REFUSED = (550, "5.7.1 No consent on record for this recipient")


@pytest.fixture
def crowd(new_world):
    world = new_world()
    world.import_csv(people.csv())
    return world.start()


def counts_add_up(line):
    """R5321-4: every recipient is delivered, refused or deferred."""
    return int(line["rcpts"]) == sum(
        int(line[k]) for k in ("allowed", "refused", "deferred"))


def test_why_names_each_state(new_world):
    """D8, E-5: the reasons, before any mail is sent."""
    world = new_world(postfix=False)
    world.import_csv(people.csv())
    told = {a: world.why(a, "newsletter")[1] for a in people.REASONS}
    assert told == people.REASONS


def test_reject_in_the_dialogue(crowd):
    """D2, R5321-3, R3463-1: one 5.7.1 text for all, at RCPT."""
    told = crowd.send("news@acme.example", people.EVERYBODY,
                      messages.newsletter())
    assert told.accepted == people.CONSENTING
    assert {told.rcpts[a] for a in people.OTHERS} == {REFUSED}
    assert told.data[0] == 250
    crowd.settled()
    assert crowd.sink.delivered == people.CONSENTING
    line = crowd.line(crowd.queue_id(told))
    assert counts_add_up(line)
    assert line["stream"] == "newsletter"
    assert int(line["rcpts"]) == len(people.EVERYBODY)
    assert int(line["allowed"]) == len(people.CONSENTING)
    for reason in set(people.REASONS.values()) - {"consent"}:
        assert int(line[reason]) == sum(
            people.REASONS[a] == reason for a in people.OTHERS), reason


def test_same_person_twice(crowd):
    """Two spellings of one mailbox: one decision, one copy."""
    told = crowd.send("news@acme.example", ["Twice@x.test", "twice@X.test"],
                      messages.newsletter())
    assert len(told.accepted) == 2
    crowd.settled()
    assert len(crowd.sink.delivered) == 1


def test_nobody_consents(crowd):
    """R5321-3: all refused is a 550, never a silent discard."""
    told = crowd.send("news@acme.example",
                      ["withdrawn@x.test", "stranger@x.test"],
                      messages.newsletter())
    assert told.rcpts == {"withdrawn@x.test": REFUSED,
                          "stranger@x.test": REFUSED}
    assert told.data is None
    assert crowd.settled() == {}


def test_no_address_in_the_log(crowd):
    """The log names people by contact id, never by address or token."""
    crowd.send("news@acme.example", ["consent@x.test", "stranger@x.test"],
               messages.newsletter())
    crowd.settled()
    log = crowd.milter_log()
    assert "stranger@" not in log and "consent@x" not in log
    uri, _ = messages.unsubscribe_uris(crowd.sink.to("consent@x.test").data)
    assert uri.rpartition("/")[2] not in log


def test_drop(crowd):
    """Stream with refuse = drop: everybody is taken, some get nothing."""
    crowd.import_csv(people.granted("anna@x.test", "bob@x.test",
                                    purpose="acme/offers"))
    told = crowd.send("offers@acme.example",
                      ["anna@x.test", "stranger@x.test", "bob@x.test"],
                      messages.newsletter())
    assert told.accepted == ["anna@x.test", "bob@x.test", "stranger@x.test"]
    assert told.data[0] == 250
    crowd.settled()
    assert crowd.sink.delivered == ["anna@x.test", "bob@x.test"]
    line = crowd.line(crowd.queue_id(told))
    assert (line["allowed"], line["refused"]) == ("2", "1")
    assert counts_add_up(line)


def test_drop_of_all(crowd):
    """All refused on a drop stream: accepted, discarded and counted."""
    told = crowd.send("offers@acme.example", ["stranger@x.test"],
                      messages.newsletter())
    assert told.data[0] == 250
    assert crowd.settled() == {}
    line = crowd.line(crowd.queue_id(told))
    assert (line["result"], line["refused"]) == ("discarded", "1")


def test_rewrite(crowd):
    """refuse = rewrite: as drop, and one copy for the audit address."""
    crowd.import_csv(people.granted("anna@x.test", purpose="acme/magazine",
                                    status="confirmed"))
    crowd.import_csv(people.granted("bob@x.test", purpose="acme/magazine"))
    told = crowd.send("magazine@acme.example",
                      ["anna@x.test", "bob@x.test", "stranger@x.test"],
                      messages.newsletter())
    assert len(told.accepted) == 3
    crowd.settled()
    assert crowd.sink.delivered == ["anna@x.test", "audit@acme.example"]
    line = crowd.line(crowd.queue_id(told))
    assert (line["allowed"], line["refused"]) == ("1", "2")
    assert counts_add_up(line)


def test_double_opt_in_is_asked_for(crowd):
    """level = double: a single opt-in is not enough."""
    crowd.import_csv(people.granted("bob@x.test", purpose="acme/magazine"))
    assert crowd.why("bob@x.test", "magazine") == ("refuse", "unconfirmed")


def test_soft_opt_in_only_where_allowed(crowd):
    """ePrivacy 13(2), AT-PAPAJOHNS: existing customers, for the shop's own
    purpose, and only who could refuse when they bought."""
    crowd.import_csv(people.customer("carl@x.test"))
    crowd.import_csv(people.customer("papa@x.test", offered="no"))
    crowd.import_csv(people.customer("wine@x.test", category="wine"))
    told = crowd.send("tips@acme.example",
                      ["carl@x.test", "bob@x.test", "papa@x.test",
                       "wine@x.test"], messages.newsletter())
    assert told.accepted == ["carl@x.test"]
    assert crowd.why("papa@x.test", "shop-tips") == ("refuse", "no-opt-out")
    assert crowd.why("wine@x.test", "shop-tips") == ("refuse",
                                                     "other-category")
    assert crowd.why("carl@x.test", "shop-tips") == ("allow", "soft-opt-in")
    assert crowd.why("carl@x.test", "newsletter")[0] == "refuse"


def test_own_token_each(crowd):
    """D1, R8058-3: each single-recipient message names its reader alone."""
    readers = ["consent@x.test", "confirmed@x.test", "anna+news@x.test"]
    for reader in readers:
        crowd.send("news@acme.example", [reader], messages.newsletter(reader))
    crowd.settled()
    uris = {}
    for reader in readers:
        data = crowd.sink.to(reader).data
        uris[reader], _ = messages.unsubscribe_uris(data)
        assert messages.header_lines(data, "List-Unsubscribe-Post") == [
            "List-Unsubscribe=One-Click"]
        for kind, text in messages.texts(data).items():
            assert crowd.base_url in text, kind
            assert uris[reader] not in text, "header and footer differ"
    assert len(set(uris.values())) == len(readers)
    # The token is its reader's: one click ends this one and no other.
    assert crowd.one_click(uris["consent@x.test"]).status == 200
    told = crowd.send("news@acme.example", readers, messages.newsletter())
    assert told.refused == ["consent@x.test"]


def test_several_readers_share_no_token(crowd):
    """D1, pitfall 11: several readers get a link that names nobody."""
    readers = ["confirmed@x.test", "consent@x.test"]
    told = crowd.send("news@acme.example", readers + ["stranger@x.test"],
                      messages.newsletter())
    assert told.accepted == readers
    crowd.settled()
    assert crowd.sink.delivered == readers
    data = crowd.sink.mails[0].data
    uri, _ = messages.unsubscribe_uris(data)
    assert messages.header_lines(data, "List-Unsubscribe-Post") == []
    page = crowd.http("GET", uri)
    assert page.status == 200
    # Nobody leaves by it, whatever is sent there.
    assert crowd.one_click(uri).status != 302
    told = crowd.send("news@acme.example", readers, messages.newsletter())
    assert told.accepted == readers


def test_one_left_of_several_gets_their_token(crowd):
    """Personal = exactly one recipient left after refusals."""
    told = crowd.send("news@acme.example",
                      ["consent@x.test", "withdrawn@x.test"],
                      messages.newsletter())
    assert told.accepted == ["consent@x.test"]
    crowd.settled()
    data = crowd.sink.to("consent@x.test").data
    assert messages.header_lines(data, "List-Unsubscribe-Post")
    crowd.one_click(messages.unsubscribe_uris(data)[0])
    assert crowd.why("consent@x.test", "newsletter") == (
        "refuse", "withdrawn")


def test_the_tools_own_header_is_replaced(crowd):
    """R2369-1, R8058-1: exactly one List-Unsubscribe leaves, ours."""
    told = crowd.send("news@acme.example", ["consent@x.test"],
                      messages.newsletter(headers=(
                          "list-unsubscribe: <https://tool.test/u/1>\n"
                          "List-UNSUBSCRIBE: <https://tool.test/u/2>\n"
                          "List-Unsubscribe-Post: "
                          "List-Unsubscribe=One-Click\n")))
    assert told.data[0] == 250
    crowd.settled()
    data = crowd.sink.to("consent@x.test").data
    uri, _ = messages.unsubscribe_uris(data)
    assert uri.startswith(crowd.base_url)
    assert b"tool.test" not in data
    assert len(messages.header_lines(data, "List-Unsubscribe-Post")) == 1


def test_marketing_listener(crowd):
    """unmatched = "newsletter": on this port unknown mail is marketing."""
    told = crowd.send("vera@acme.example",
                      ["consent@x.test", "stranger@x.test"],
                      messages.newsletter(), listener="marketing")
    assert told.rcpts["stranger@x.test"] == REFUSED
    crowd.settled()
    assert crowd.sink.delivered == ["consent@x.test"]
    told = crowd.send("vera@acme.example", ["stranger@x.test"],
                      messages.plain("vera@acme.example", "stranger@x.test"))
    assert told.data[0] == 250, "on the mixed listener people write to people"


def test_addresses_as_people_type_them(crowd):
    """R5321-1, D2: looked up canonical, deleted exactly as typed."""
    with Dialogue(crowd.postfix.port("main")) as d:
        d.mail("offers@acme.example")
        crowd.import_csv(people.granted("consent@x.test",
                                        purpose="acme/offers"))
        typed = {"consent": "<CONSENT@X.TEST>", "a": "<Stranger@x.test>",
                 "b": '<"stranger"@X.test>', "c": "<stranger+a@x.test.>"}
        for name, raw in typed.items():
            assert d.rcpt(name, raw=raw)[0] == 250, raw
        assert d.data(messages.newsletter())[0] == 250
    crowd.settled()
    assert [a.lower() for a in crowd.sink.delivered] == ["consent@x.test"]


def test_source_route_is_refused(crowd):
    """mta.md 1: a source route cannot be deleted, so it is not taken."""
    with Dialogue(crowd.postfix.port("main")) as d:
        d.mail("news@acme.example")
        code, _ = d.rcpt("r", raw="<@relay.test:consent@x.test>")
        assert code == 553
        assert d.rcpt("consent@x.test")[0] == 250
        assert d.data(messages.newsletter())[0] == 250
    crowd.settled()
    assert crowd.sink.delivered == ["consent@x.test"]


def test_swaks_sends_the_newsletter(crowd, folder):
    """The tool people already use, unchanged."""
    status, text = swaks(crowd.postfix.port("main"), "news@acme.example",
                         ["consent@x.test", "pending@x.test"],
                         messages.newsletter(), folder)
    assert status == 0
    assert "<** 550 5.7.1 No consent on record" in text
    crowd.settled()
    assert crowd.sink.delivered == ["consent@x.test"]


def test_fifty_refused_in_one_session(crowd):
    """Refusals must not cost the tool its connection (smtpd_hard_error_limit
    counts them): with the settings of our snippet all get their answer."""
    strangers = [f"s{i}@x.test" for i in range(50)]
    told = crowd.send("news@acme.example", strangers + ["consent@x.test"],
                      messages.newsletter())
    assert set(map(told.rcpts.get, strangers)) == {REFUSED}
    assert told.data[0] == 250


def test_refused_delivered_and_deferred_add_up(crowd):
    """R5321-4: every RCPT ends in one of three places, also when the next
    hop takes some later."""
    crowd.sink.rcpt_reply["confirmed@x.test"] = "451 4.2.0 mailbox busy"
    told = crowd.send("news@acme.example", people.EVERYBODY,
                      messages.newsletter())
    crowd.sink.wait(1)
    waiting = [r["address"] for mail in crowd.postfix.settle()
               for r in mail["recipients"]]
    assert waiting == ["confirmed@x.test"]
    assert sorted(crowd.sink.delivered + waiting + told.refused) == (
        people.EVERYBODY)
    line = crowd.line(crowd.queue_id(told))
    assert int(line["allowed"]) == len(crowd.sink.delivered + waiting)
    assert int(line["refused"]) == len(told.refused)
    # It is the same message that leaves later, way out and all.
    crowd.sink.rcpt_reply.clear()
    crowd.postfix.flush()
    data = crowd.sink.to("confirmed@x.test").data
    assert messages.unsubscribe_uris(data)[0]


def test_many_clients_at_once(crowd):
    """Twenty sessions: everybody hears their own answer."""
    readers = [f"r{i}@x.test" for i in range(100)]
    crowd.import_csv(people.granted(*readers[::2]))

    def one(i):
        pair = readers[2 * i:2 * i + 2]
        return pair, crowd.send("news@acme.example", pair,
                                messages.newsletter(pair[0], id=f"n{i}"))
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        for (yes, no), told in pool.map(one, range(50)):
            assert (told.accepted, told.refused) == ([yes], [no])
            assert told.data[0] == 250
    crowd.settled()
    assert crowd.sink.delivered == sorted(readers[::2])
    uris = {messages.unsubscribe_uris(m.data)[0] for m in crowd.sink.mails}
    assert len(uris) == 50
