"""consent-web alone: what clients really send, what a crash leaves, and that
looking is free.  Links come from harness/tokens.py, no mail is needed; the
way from a delivered mail to the next refusal is in test_way_out.py."""
import concurrent.futures
import hashlib
import html.parser
import http.client
import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess
import time

import people
import pytest

from harness import tokens
from harness.proc import free_port, run, wait_until
from harness.world import WEB_USER, WRITE_GROUP, program

ONE_CLICK = b"List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def web(new_world):
    """consent-web over a store where anna and bob want the newsletter."""
    world = new_world(postfix=False)
    world.import_csv(people.granted("anna@x.test", "bob@x.test"))
    world.start_web()
    assert world.http("GET", "/healthz").text == "ok\n"
    world.uri = tokens.link(world, "anna@x.test")
    return world


def withdrawn(world, address="anna@x.test"):
    return world.why(address, "newsletter") == ("refuse", "withdrawn")


def store_bytes(world):
    """Digest of all data of the store: its size and LMDB's transaction ids
    are in it, the table of readers is not."""
    return {str(f): hashlib.sha256(f.read_bytes()).hexdigest()
            for f in sorted((world.dir / "store").rglob("data.mdb"))}


def settled(world):
    """Nothing stands in stop any more."""
    wait_until("stop is folded", lambda: not world.ctl_json(
        "status", ok=True)["stop_pending"])


def raw(world, data, timeout=2):
    """Octets in, octets out, until the server closes or says no more."""
    with socket.create_connection(("127.0.0.1", world.web_port)) as s:
        s.settimeout(timeout)
        s.sendall(data)
        answer = b""
        try:
            while chunk := s.recv(65536):
                answer += chunk
        except TimeoutError:
            pass
        return answer


def answers(host, port):
    try:
        socket.create_connection((host, port)).close()
        return True
    except OSError:
        return False


def local(world, uri):
    return uri.replace(world.base_url, f"http://127.0.0.1:{world.web_port}")


CURL = {
    "data": ["-d", "List-Unsubscribe=One-Click"],
    "form": ["-F", "List-Unsubscribe=One-Click"],
    "two-fields": ["-F", "other=x", "-F", "List-Unsubscribe=One-Click"],
    "chunked": ["-H", "Transfer-Encoding: chunked",
                "-d", "List-Unsubscribe=One-Click"],
    "chunked-form": ["-H", "Transfer-Encoding: chunked",
                     "-F", "List-Unsubscribe=One-Click"],
    "expect": ["-H", "Expect: 100-continue",
               "-d", "List-Unsubscribe=One-Click"],
    "http-1.0": ["-0", "-d", "List-Unsubscribe=One-Click"],
    "no-type": ["-H", "Content-Type:", "-d", "List-Unsubscribe=One-Click"],
    "quoted-boundary": [
        "-H", 'Content-Type: multipart/form-data; boundary="a b\'()+_,./:=?"',
        "--data-binary",
        "--a b'()+_,./:=?\r\nContent-Disposition: form-data; "
        'name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--a b\'()+_,./:=?--'],
    "query": ["-d", "List-Unsubscribe=One-Click"],
    "cookies-and-origin": ["-H", "Cookie: a=b", "-H", "Origin: null",
                           "-H", "Referer: https://other.example/",
                           "-d", "List-Unsubscribe=One-Click"],
}


@pytest.mark.parametrize("how", CURL)
def test_what_curl_sends(web, how):
    """R8058-5, R8058-6: every encoding, no cookie or origin needed."""
    url = local(web, web.uri) + ("?utm=1" if how == "query" else "")
    done = run(["curl", "-sS", "-i", "-o", "-", *CURL[how], url])
    head = done.stdout.decode().replace("HTTP/1.1 100 Continue\r\n\r\n", "")
    assert re.match(r"HTTP/1\.[01] 200 ", head), head
    assert "set-cookie:" not in head.lower()
    assert withdrawn(web)
    assert not withdrawn(web, "bob@x.test")


@pytest.mark.parametrize("body, headers, status", [
    (b"", FORM, 400),
    (b"", {}, 400),
    (b"List-Unsubscribe=", FORM, 400),
    (b"List-Unsubscribe=One-Clickx", FORM, 400),
    (b"--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n"
     b"One-Click\r\n--b--", {"Content-Type":
                             "multipart/form-data; boundary=b"}, 400),
    (b"\0" * 4096, FORM, 400),
    (b"x" * 4097, FORM, 413),
    (b"x" * 60000, FORM, 413),
    (b"x" * 3_000_000, FORM, 413),
], ids=range(9))
def test_bodies_that_do_not_ask(web, body, headers, status):
    """R8058-10, R8058-17, pitfall 14: the page, and nothing is written."""
    before = store_bytes(web)
    try:
        answer = web.http("POST", web.uri, body, headers)
        assert answer.status == status
        assert 'value="stop"' in answer.text
    except (BrokenPipeError, ConnectionResetError):
        assert len(body) > 65536, "only a huge body may be cut off"
    assert store_bytes(web) == before


def test_a_thousand_looks_write_nothing(web):
    """R8058-8, pitfall 1: a thousand of each method, at the way out and the
    preferences; not one octet of the store changes."""
    before = store_bytes(web)
    conn = http.client.HTTPConnection("127.0.0.1", web.web_port, timeout=30)
    path = web.uri.removeprefix(web.base_url)
    footer = tokens.link(web, "anna@x.test", kind="footer").removeprefix(
        web.base_url)
    paths = (path, footer, footer.replace("/u/", "/p/"))
    for i in range(3000):
        conn.request(("GET", "HEAD", "OPTIONS")[i % 3], paths[i // 3 % 3])
        answer = conn.getresponse()
        answer.read()
        assert answer.status == (204 if i % 3 == 2 else 200)
    conn.close()
    assert store_bytes(web) == before
    assert not withdrawn(web)


def test_every_flipped_character(web):
    """R8058-4, R8058-13: 404, one body, no write."""
    before = store_bytes(web)
    base, _, token = web.uri.rpartition("/")
    seen = set()
    for i, was in enumerate(token):
        for other in "A_9" if was not in "A_9" else "BCz":
            answer = web.one_click(
                f"{base}/{token[:i]}{other}{token[i + 1:]}")
            seen.add((answer.status, answer.body))
    assert len(seen) == 1 and seen.pop()[0] == 404
    assert store_bytes(web) == before
    assert web.one_click(web.uri).status == 200


def test_what_is_wrong_with_a_link_is_not_said(web):
    """R8058-4: whatever kind of no token, to whoever: the same status, fields
    and octets, by GET and by POST.  Times are compared by bench-web."""
    for method, body in (("GET", None), ("POST", ONE_CLICK)):
        seen = set()
        for address in ("anna@x.test", "nobody@x.test"):
            for token in tokens.none(web, address).values():
                answer = web.http(method, f"{web.base_url}/u/{token}", body,
                                  FORM)
                seen.add((answer.status, answer.body, tuple(
                    (k, v) for k, v in answer.headers.items()
                    if k != "Date")))
        assert len(seen) == 1 and seen.pop()[0] == 404
    assert not withdrawn(web)


def test_never_a_redirect_or_a_cookie(web):
    """R8058-6, R8058-7, R8058-16: over spellings and methods."""
    path = web.uri.removeprefix(web.base_url)
    paths = [path, path + "/", path + "?", path + "?a=b", "/" + path,
             path.upper(), path.replace("/u/", "/u//"), path + "%20",
             path.replace("/u/", "/./u/"), "/u", "/u/", "/healthz", "/",
             "/index.html", "/favicon.ico", "/u/" + "A" * 5000]
    for method in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE"):
        for p in paths:
            answer = web.http(method, web.base_url + p,
                              ONE_CLICK if method == "POST" else None,
                              FORM)
            assert answer.status == 503 or not (
                300 <= answer.status < 400), (method, p)
            assert answer.status < 500, (method, p)
            assert answer.headers.get("Set-Cookie") is None
            assert answer.headers.get("Location") is None
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            if method in ("PUT", "DELETE") and p == path:
                assert answer.status == 405
                assert answer.headers["Allow"] == "GET, HEAD, POST, OPTIONS"


def test_a_busy_ledger_does_not_delay_the_answer(web):
    """R8058-18, and then the event gets to the ledger, once."""
    import fcntl
    lock = web.dir / "store/store/writer.lock"
    with open(lock, "r+b") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        # It is held until after the answers: who waits for it says 503.
        assert web.one_click(web.uri).status == 200
        assert web.one_click(web.uri).status == 200
        assert withdrawn(web)
        time.sleep(1.5)
        assert withdrawn(web)
    settled(web)
    events = web.ctl("history", "anna@x.test").stdout.decode()
    assert events.count("withdrawn") == 1, events
    assert "one-click" in events


def test_the_button_is_another_channel(web):
    uri = tokens.link(web, "bob@x.test", kind="footer")
    assert web.http("POST", uri, b"act=stop", FORM).status == 200
    assert withdrawn(web, "bob@x.test")
    settled(web)
    events = web.ctl("history", "bob@x.test").stdout.decode()
    assert "page" in events and "one-click" not in events


def test_a_burst_from_one_address(web):
    """R8058-17: 5000 valid posts from one address, 5000 times 200."""
    crowd = [f"p{i}@x.test" for i in range(250)]
    web.import_csv(people.granted(*crowd))
    paths = ["/u/" + tokens.token(web, a) for a in crowd]

    def client(n):
        conn = http.client.HTTPConnection("127.0.0.1", web.web_port,
                                          timeout=60)
        good = 0
        for i in range(500):
            conn.request("POST", paths[(i * 10 + n) % len(paths)], ONE_CLICK,
                         FORM)
            answer = conn.getresponse()
            answer.read()
            good += answer.status == 200
        conn.close()
        return good

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(client, range(10))) == 5000
    settled(web)
    status = web.ctl_json("status", ok=True)
    assert status["events"] == 2 + 250 + 250, "one event for each person"


@pytest.mark.slow
def test_slow_clients_are_let_go(web):
    """R8058-17: who sends an octet now and then does not stay for ever, and
    keeps nobody else out."""
    slow = [socket.create_connection(("127.0.0.1", web.web_port))
            for _ in range(200)]
    for i, s in enumerate(slow):
        # One half dribbles its header, the other its body.
        s.sendall(b"POST /u/x HTTP/1.1\r\nHost: x\r\n" + (
            b"X-Slow: " if i % 2 else b"Content-Length: 4000\r\n\r\n"))
    began = time.monotonic()
    open_ones = list(slow)
    while open_ones and time.monotonic() - began < 40:
        time.sleep(1)
        assert web.http("GET", "/healthz").status == 200
        for s in list(open_ones):
            try:
                s.sendall(b"x")
                s.setblocking(False)
                if s.recv(1) == b"":
                    open_ones.remove(s)
            except BlockingIOError:
                pass
            except OSError:
                open_ones.remove(s)
            finally:
                s.setblocking(True)
    assert not open_ones
    for s in slow:
        s.close()


@pytest.mark.parametrize("data", [
    b"\0\0\0\0\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /u/x\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /u/x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n"
    b"Connection: close\r\n\r\n",
    b"POST /u/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    b"Connection: close\r\n\r\nzz\r\n",
    b"GET /u/%00%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 10000 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nAccept-Language: " + b",;q=" * 2000
    + b"\r\nConnection: close\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),  # TLS
], ids=range(11))
def test_what_is_not_http(web, data):
    """A refusal or nothing; the next one is served as if nothing had been."""
    try:
        answer = raw(web, data)
        assert answer == b"" or re.match(rb"HTTP/1\.[01] (4\d\d|505) ",
                                          answer)
    except (ConnectionResetError, BrokenPipeError):
        pass
    assert web.http("GET", "/healthz").text == "ok\n"


SECOND = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


TWO_ENDS = [
    (b"Content-Length: 40\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
    (b"Transfer-Encoding: chunked\r\nContent-Length: 4", b"0\r\n\r\n"),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
     b"0\r\n\r\n"),
    (b"Transfer-Encoding: xchunked", b""),
    (b"Transfer-Encoding: gzip, chunked", b"0\r\n\r\n"),
    (b"Content-Length: 5\r\nContent-Length: 0", b""),
    (b"Content-Length: 0\r\nContent-Length: 0", b""),
    (b"Content-Length: 0, 5", b""),
    (b"Content-Length: +5", b""),
    (b"Content-Length: 0x5", b""),
    (b"Content-Length : 5", b""),
    (b"Content-Length\t: 5", b""),
    (b"Content-Length: 5\0", b""),
    (b"X\0: y", b""),
    (b"Transfer-Encoding: chunked", b"5;a=\n\r\nGET /\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: chunked", b"-1\r\n"),
    (b"Transfer-Encoding: chunked", b"fffffffffffffffff\r\n"),
]


def test_nothing_is_smuggled(web):
    """Whose end two servers can see in two places is refused, and what
    follows is no request of its own (RFC 9112, 11.2)."""
    path = web.uri.removeprefix(web.base_url).encode()
    for head, body in TWO_ENDS:
        answer = raw(web, b"POST " + path + b" HTTP/1.1\r\nHost: x\r\n"
                     + head + b"\r\n\r\n" + body + SECOND, timeout=0.3)
        assert b"\r\n\r\nok\n" not in answer, (head, "the second one, too")
        assert re.findall(rb"HTTP/1\.[01] (\d+)", answer)[:1] in (
            [], [b"400"], [b"413"]), head
    assert not withdrawn(web)
    assert web.http("GET", "/healthz").text == "ok\n"


def test_plain_pipelining_is_answered(web):
    """The twin: two requests whose ends are plain are both answered, with a
    folded field between, bare line feeds, or a body in chunks."""
    chunks = b"1a\r\n" + ONE_CLICK + b"\r\n0\r\n\r\n"
    path = web.uri.removeprefix(web.base_url).encode()
    for first in (
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
            b"GET /healthz HTTP/1.1\nHost: x\n\n",
            b"POST " + path + b" HTTP/1.1\r\nHost: x\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + chunks):
        answer = raw(web, first + SECOND)
        assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200"] * 2
    assert withdrawn(web)


def test_over_ipv6(new_world):
    """R8058-17: both families."""
    port = free_port()
    world = new_world(postfix=False, replace={
        'listen = "127.0.0.1:': f'listen = "[::1]:{port}"  #'})
    world.import_csv(people.granted("anna@x.test"))
    world.web = world._daemon("consent-web")

    def post(path):
        conn = http.client.HTTPConnection("::1", port, timeout=10)
        conn.request("POST", path, ONE_CLICK, FORM)
        return conn.getresponse().status

    path = tokens.link(world, "anna@x.test").removeprefix(world.base_url)
    wait_until("it answers", lambda: answers("::1", port))
    assert post(path) == 200
    assert withdrawn(world)


@pytest.mark.parametrize("eol", ["\r\n", "\n"])
@pytest.mark.parametrize("version, host", [
    ("1.1", "Host: x@EOL@"), ("1.1", ""), ("1.0", ""),
    ("1.1", "host:other.example:443@EOL@")])
def test_a_sloppy_client_still_leaves(web, eol, version, host):
    """Nothing here depends on the host, so nobody stays for want of it."""
    path = web.uri.removeprefix(web.base_url)
    answer = raw(web, (f"POST {path} HTTP/{version}@EOL@{host}"
                       f"Content-Length: {len(ONE_CLICK)}@EOL@"
                       "Connection: close@EOL@@EOL@"
                       ).replace("@EOL@", eol).encode() + ONE_CLICK)
    assert re.match(rb"HTTP/1\.[01] 200 ", answer), answer
    assert withdrawn(web)


def test_no_token_or_address_in_the_log(web):
    """R8058-16."""
    web.http("GET", web.uri)
    web.one_click(web.uri)
    web.http("GET", web.uri + "x")
    web.http("GET", "/u/anna@x.test?anna@x.test")
    settled(web)
    log = web.web.output()
    assert "outcome=withdrawn" in log
    assert web.uri.rpartition("/")[2] not in log
    assert "anna" not in log


def test_a_store_that_is_away(web):
    """503 and no promise; back again, all is well."""
    ledger = web.dir / "store" / "store" / "ledger"
    if not ledger.exists():
        ledger = next((web.dir / "store").rglob("ledger"))
    away = ledger.with_name("away")
    ledger.rename(away)
    assert web.http("GET", "/healthz").status == 503
    answer = web.http("GET", web.uri)
    assert answer.status == 503 and answer.headers["Retry-After"]
    away.rename(ledger)
    assert web.http("GET", "/healthz").status == 200
    assert web.one_click(web.uri).status == 200
    assert withdrawn(web)


def test_a_store_from_a_backup(web):
    """It is followed without a restart; no 200 is given for the old one."""
    folder = next((web.dir / "store").rglob("ledger")).parent
    run(["cp", "-a", folder, f"{folder}.copy"])
    web.one_click(tokens.link(web, "bob@x.test"))
    folder.rename(f"{folder}.old")
    pathlib.Path(f"{folder}.copy").rename(folder)
    done = wait_until("the new store is in use", lambda: web.one_click(
        web.uri).status == 200, timeout=10)
    assert done and withdrawn(web)
    assert not withdrawn(web, "bob@x.test"), "the backup is older than that"
    settled(web)
    web.ctl("verify")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to drop it")
def test_root_is_dropped(web):
    status = pathlib.Path(f"/proc/{web.web.pid}/status").read_text()
    uid = pwd.getpwnam(WEB_USER).pw_uid
    assert re.search(rf"^Uid:\t{uid}\t{uid}\t{uid}\t{uid}$", status, re.M)
    groups = {int(g) for g in
              re.search(r"^Groups:\t(.*)$", status, re.M)[1].split()}
    import grp
    assert grp.getgrnam(WRITE_GROUP).gr_gid in groups
    assert 0 not in groups
    assert re.search(r"^CapEff:\t0+$", status, re.M)


def test_options_of_the_program(web):
    web_program = program("consent-web")
    ok = run([web_program, "-c", web.config_file, "-t"])
    assert (ok.stdout, ok.stderr) == (b"", b"")
    for args, status, text in (
            (["-t", "-c", "/nonexistent"], 78, "/nonexistent"),
            (["-x"], 64, "usage:"),
            (["extra"], 64, "usage:"),
            (["-c", web.config_file, "-f"], None, "is another program")):
        done = run([web_program, *args], ok=False)
        assert done.returncode == status or (status is None
                                             and done.returncode != 0)
        assert text in done.stderr.decode()


def test_ends_in_good_order(web):
    """SIGTERM: the answer under way still comes."""
    with socket.create_connection(("127.0.0.1", web.web_port)) as s:
        s.settimeout(10)
        path = web.uri.removeprefix(web.base_url)
        s.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                  f"Content-Length: {len(ONE_CLICK)}\r\n\r\n".encode())
        time.sleep(0.2)
        web.web.signal(signal.SIGTERM)
        time.sleep(0.2)
        s.sendall(ONE_CLICK)
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert web.web.popen.wait(10) == 0
    assert withdrawn(web)


class Page(html.parser.HTMLParser):
    """The little that a page must be for everybody."""

    VOID = {"meta", "br", "link", "img", "input", "hr"}

    def __init__(self, text):
        super().__init__()
        self.stack, self.seen, self.attrs = [], [], {}
        self.feed(text)
        assert not self.stack, self.stack

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attrs.setdefault(tag, []).append(dict(attrs))
        for name, value in attrs:
            assert not name.startswith("on"), "no script"
            assert name != "style", "the policy would drop it"
            assert name not in ("src", "action"), "nothing is loaded"
            assert name != "href" or value.startswith("mailto:")
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag


@pytest.mark.parametrize("language", ["bg", "cs", "en", "pl", "ru", "sv"])
def test_pages_for_everybody(web, language):
    """PREF-2: language, title, one heading, one main, a real button."""
    headers = {"Accept-Language": language}
    pages = [web.http("GET", u, None, headers) for u in (
        tokens.link(web, "nobody@x.test"), "/u", "/nothing")]
    pages.append(web.http("POST", tokens.link(web, "nobody@x.test"),
                          ONE_CLICK, {**FORM, **headers}))
    for answer in pages:
        page = Page(answer.text)
        assert answer.headers["Content-Language"] == language
        assert page.attrs["html"] == [{"lang": language, "dir": "ltr"}]
        for tag in ("title", "main", "h1"):
            assert page.seen.count(tag) == 1, tag
        assert "script" not in page.seen
        assert {"name": "viewport", "content":
                "width=device-width, initial-scale=1"} in page.attrs["meta"]
        # The policy allows the page's own style, by its hash, and no more.
        policy = answer.headers["Content-Security-Policy"]
        style = re.search("<style>(.*?)</style>", answer.text, re.S)[1]
        import base64
        digest = base64.b64encode(
            hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in policy
        assert "default-src 'none'" in policy and "unsafe" not in policy
    # One unmistakable button, and a plain one for everything.
    first = Page(pages[0].text)
    assert [b.get("class") for b in first.attrs["button"]] == [None, "plain"]
    assert all(f["method"] == "post" for f in first.attrs["form"])


@pytest.mark.skipif(not os.path.exists("/usr/bin/chromium"),
                    reason="chromium is not installed")
def test_a_browser_shows_the_page(web, folder):
    """The style gets past the policy: the button has its colour."""
    shot = folder / "page.png"
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
         f"--user-data-dir={folder}/chromium", "--dump-dom",
         "--virtual-time-budget=2000", local(web, web.uri)],
        capture_output=True, timeout=120)
    assert b"value=\"stop\"" in done.stdout
    subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
         f"--user-data-dir={folder}/chromium", f"--screenshot={shot}",
         "--window-size=390,700", local(web, web.uri)],
        capture_output=True, timeout=120)
    assert shot.stat().st_size > 8000, "an unstyled page is smaller"
    assert not withdrawn(web)


def test_keys_and_purposes_made_while_it_serves(web):
    """A link of a new key, and of a new purpose, works after a reload, and
    one of the old key, even if 400 days old, does as before (R8058-14)."""
    old = tokens.link(web, "bob@x.test", days_ago=400)
    web.ctl("keys", "rotate", "header")
    web.write_config(web.config + '\npurpose "acme/new" { title = "New" }\n')
    fresh = tokens.link(web, "anna@x.test")
    other = tokens.link(web, "anna@x.test", "acme/new")
    for uri in fresh, other:
        assert web.http("POST", uri, ONE_CLICK, FORM).status == 404
    web.web.signal(signal.SIGHUP)
    wait_until("the new key is read", lambda: web.http(
        "GET", fresh).status == 200)
    for uri in old, fresh, other:
        assert web.http("POST", uri, ONE_CLICK, FORM).status == 200
    assert withdrawn(web) and withdrawn(web, "bob@x.test")


def test_a_bad_config_is_not_taken(web):
    web.write_config("nonsense {")
    web.web.signal(signal.SIGHUP)
    wait_until("it says so", lambda: "reload failed" in web.web.output())
    assert web.http("POST", web.uri, ONE_CLICK, FORM).status == 200


def test_a_store_that_is_gone_is_told_of_once(web):
    """And it is used again when it is back."""
    store = web.dir / "store" / "store"
    store.rename(web.dir / "store" / "away")
    wait_until("its word", lambda: "not be opened" in web.web.output())
    time.sleep(2.5)  # two looks more
    assert web.web.output().count("not be opened") == 1
    (web.dir / "store" / "away").rename(store)
    assert web.http("GET", "/healthz").status == 200
    assert web.one_click(web.uri).status == 200
    assert withdrawn(web)
