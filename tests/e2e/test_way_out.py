"""The link in a delivered mail: a POST acts at once, looking never does."""
import people
import pytest

from harness import messages

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def mailed(new_world):
    """A world where anna got the newsletter; .uri is her link."""
    world = new_world()
    world.import_csv(people.granted("anna@x.test", "bob@x.test"))
    world.start()
    world.send("news@acme.example", ["anna@x.test"], messages.newsletter())
    world.settled()
    world.uri, _ = messages.unsubscribe_uris(
        world.sink.to("anna@x.test").data)
    return world


def reaches(world, *rcpts):
    """Who of them the next newsletter reaches."""
    world.sink.clear()
    world.send("news@acme.example", list(rcpts), messages.newsletter())
    world.settled()
    return world.sink.delivered


def test_one_click_refuses_the_next_mail(mailed):
    """R8058-3, R8058-6, R8058-18: bare POST, done when it says 200."""
    answer = mailed.one_click(mailed.uri)
    assert answer.status == 200
    assert answer.headers.get("Set-Cookie") is None
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert reaches(mailed, "anna@x.test", "bob@x.test") == ["bob@x.test"]
    assert mailed.why("anna@x.test", "newsletter") == ("refuse", "withdrawn")


def test_looking_changes_nothing(mailed):
    """R8058-8, pitfall 1: 100 GETs, HEADs and OPTIONS write nothing."""
    before = mailed.ctl_json("status", ok=True)
    for i in range(100):
        assert mailed.http("GET", mailed.uri).status == 200
        if i % 10 == 0:
            assert mailed.http("HEAD", mailed.uri).status == 200
            assert mailed.http("OPTIONS", mailed.uri).status < 500
    assert mailed.ctl_json("status", ok=True) == before
    assert reaches(mailed, "anna@x.test") == ["anna@x.test"]


def test_page_with_one_button(mailed):
    """R8058-9: a form that posts, without script, login or third parties."""
    page = mailed.http("GET", mailed.uri).text
    forms = page.count("<form")
    assert page.lower().count('<form method="post"') == forms == 2
    assert page.count('value="stop"') == page.count('value="stop-all"') == 1
    assert "<script" not in page.lower()
    assert "anna@x.test" not in page, "the address is masked at most"
    assert page.count("http://") == 0


def test_the_footer_link_opens_a_page(mailed):
    """Pitfall 14 of section 2: the footer's link never acts by itself."""
    before = mailed.ctl_json("status", ok=True)
    text = messages.texts(mailed.sink.to("anna@x.test").data)["text/plain"]
    uri = [w.strip("<>.,") for w in text.split()
           if w.strip("<>").startswith(mailed.base_url)][0]
    page = mailed.http("GET", uri)
    assert page.status == 200 and 'method="post"' in page.text.lower()
    assert mailed.ctl_json("status", ok=True) == before
    assert reaches(mailed, "anna@x.test") == ["anna@x.test"]


@pytest.mark.parametrize("body, headers", [
    (b"List-Unsubscribe=One-Click", FORM),
    (b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n'
     b"\r\nOne-Click\r\n--b--\r\n",
     {"Content-Type": 'multipart/form-data; boundary="b"'}),
])
def test_both_encodings(mailed, body, headers):
    """R8058-5."""
    assert mailed.http("POST", mailed.uri, body, headers).status == 200
    assert reaches(mailed, "anna@x.test", "bob@x.test") == ["bob@x.test"]


def test_twice_is_as_good_as_once(mailed):
    """R8058-13: a repeat is 200 and changes nothing."""
    assert mailed.one_click(mailed.uri).status == 200
    mailed.http("GET", mailed.uri)
    assert mailed.one_click(mailed.uri).status == 200
    assert reaches(mailed, "anna@x.test") == []


def test_forged_links(mailed):
    """R8058-4: any other bit is somebody else's, and all sound the same."""
    base, _, token = mailed.uri.rpartition("/")
    answers = set()
    for i in range(0, len(token), 7):
        other = "A" if token[i] != "A" else "B"
        answer = mailed.one_click(f"{base}/{token[:i]}{other}{token[i + 1:]}")
        answers.add((answer.status, answer.body))
    assert len(answers) == 1
    assert answers.pop()[0] == 404
    assert reaches(mailed, "anna@x.test") == ["anna@x.test"]


def test_never_a_redirect(mailed):
    """R8058-7: 200 or 4xx, whatever the spelling."""
    for uri in (mailed.uri, mailed.uri + "/", mailed.uri + "?a=b",
                mailed.uri.replace("/u/", "//u/")):
        status = mailed.one_click(uri).status
        assert status == 200 or 400 <= status < 500, uri


def test_token_of_one_list_ends_that_list(mailed):
    """R8058-4: list A's token never touches list B."""
    mailed.import_csv(people.granted("anna@x.test", purpose="acme/offers"))
    mailed.one_click(mailed.uri)
    assert mailed.why("anna@x.test", "offers") == ("allow", "consent")
    assert mailed.why("anna@x.test", "newsletter") == ("refuse", "withdrawn")


def test_healthz(mailed):
    assert mailed.http("GET", "/healthz").status == 200


def test_withdrawal_does_not_wait_for_an_import(mailed):
    """R8058-18: another writer holds the store; the click still counts."""
    import fcntl
    lock = mailed.dir / "store/store/writer.lock"
    with open(lock, "r+b") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        # It is held until after the answer: who waits for it says 503.
        assert mailed.one_click(mailed.uri).status == 200
        assert reaches(mailed, "anna@x.test", "bob@x.test") == ["bob@x.test"]
