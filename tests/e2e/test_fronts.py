"""consent-web behind the web servers whose snippets we ship, with TLS: clicks
arrive whatever shape a client gives them, from whom they really are, and the
servers' logs hold nobody's link."""
import concurrent.futures
import json
import re

import people
import pytest

from harness import tokens
from harness.certificates import Authority
from harness.front import HOST, Caddy, Nginx
from harness.proc import run, wait_until

FRONTS = {"nginx": Nginx, "caddy": Caddy}
PAIR = "List-Unsubscribe=One-Click"


@pytest.fixture(params=FRONTS)
def front(request, new_world, folder):
    kind = FRONTS[request.param]
    if not kind.PROGRAM.exists():
        pytest.skip(f"{kind.PROGRAM} is not there: tools/setup unpacks it")
    authority = Authority(folder / "tls")
    authority.issue(HOST)
    world = new_world(postfix=False, replace={
        'listen = "127.0.0.1:':
            'trusted-proxies = {"127.0.0.1"}\n    listen = "127.0.0.1:'})
    world.start_web()
    made = kind(world, authority).start()
    yield made
    made.process.stop()


def statuses(output):
    """Of all answers but "go on"."""
    return [int(s) for s in re.findall(r"(?m)^HTTP/[\d.]+ (\d+)", output)
            if s != "100"]


def click(front, url, *args):
    return statuses(run(front.curl(url, "-i", *args)).stdout.decode())


SHAPES = {
    "data": ["-d", PAIR],
    "form": ["-F", PAIR],
    "chunked": ["-H", "Transfer-Encoding: chunked", "-d", PAIR],
    "chunked-form": ["-H", "Transfer-Encoding: chunked", "-F", PAIR],
    "expect": ["-H", "Expect: 100-continue", "-d", PAIR],
    "http-1.0": ["-0", "--no-alpn", "-d", PAIR],
    "http-2": ["--http2", "-d", PAIR],
    "http-2-form": ["--http2", "-F", PAIR],
    "tls-1.2": ["--tls-max", "1.2", "-d", PAIR],
    "cookies-and-origin": ["-H", "Cookie: a=b", "-H", "Origin: null",
                           "-d", PAIR],
}


def test_every_shape_of_a_click(front):
    """R8058-5, R8058-6, R8058-7, R8058-17: through a real proxy, over TLS;
    and no URL of ours is ever redirected, by http or https."""
    world = front.world
    crowd = {how: f"{how}@x.test" for how in SHAPES}
    crowd["plain"] = "plain@x.test"
    world.import_csv(people.granted(*crowd.values(), "anna@x.test"))
    for how, args in SHAPES.items():
        args = args if "--http2" in args else ["--http1.1", *args]
        assert click(front, tokens.link(world, crowd[how]), *args) == [200]
    plain = tokens.link(world, crowd["plain"]).replace("https:", "http:")
    assert click(front, plain, "-d", PAIR) == [200]
    for address in crowd.values():
        assert world.why(address, "newsletter") == ("refuse", "withdrawn")
    assert world.why("anna@x.test", "newsletter")[0] == "allow"
    spellings(front, tokens.link(world, "anna@x.test"))
    # A key's secret in clear is sent away before it comes to us.
    for scheme, status in (("http", 403), ("https", 401)):
        assert click(front, f"{scheme}://{HOST}/api/v1/lookups", "-d",
                     "{}") == [status]
    # One connection for many.
    twice = run(front.curl(plain, "-i", "-v", "-d", PAIR, plain))
    assert statuses(twice.stdout.decode()) == [200, 200]
    assert b"Re-using existing connection" in twice.stderr
    assert front.process.running()


def spellings(front, link):
    """R8058-7: 200 or 4xx for each, and never a way to somewhere else."""
    path = link.removeprefix(f"https://{HOST}")
    for base in (f"https://{HOST}", f"http://{HOST}"):
        urls = [base + p for p in (
            path, path + "/", path + "?a=b", path + "?", "/" + path,
            path.replace("/u/", "/u//"), path.replace("/u/", "/./u/"),
            path + "%20", path.upper(), "/u", "/u/", "/", "/healthz",
            "/nothing", "/u/..%2fx")]
        for method in ("POST", "GET"):
            out = run(front.curl(urls[0], "-i", "--path-as-is", "-X", method,
                                 *urls[1:])).stdout.decode()
            seen = statuses(out)
            assert len(seen) == len(urls)
            assert all(s == 200 or 400 <= s < 500 for s in seen), seen
            assert "location:" not in out.lower()


def test_a_forged_origin_and_the_logs(front):
    """Pitfall 34: the network on record is the client's, whatever it says.
    R8058-16: neither proxy nor consent-web logs a link, even in trouble."""
    world = front.world
    world.import_csv(people.granted("anna@x.test"))
    link = tokens.link(world, "anna@x.test")
    assert click(front, link, "--interface", "127.0.5.9",
                 "-H", "X-Forwarded-For: 6.6.6.6", "-H",
                 "Forwarded: for=6.6.6.6", "-H", f"Referer: {link}",
                 "-d", PAIR) == [200]
    wait_until("stop is folded", lambda: not world.ctl_json(
        "status", ok=True)["stop_pending"])
    world.ctl("evidence", "anna@x.test", "-o", world.dir / "evidence")
    kept = "".join(f.read_text(errors="replace") for f in
                   (world.dir / "evidence").rglob("*") if f.is_file())
    assert "127.0.5.0/24" in kept and "6.6.6" not in kept
    # Nobody behind it, and much too much: its own errors.
    (world.dir / "much").write_text("x" * 200_000)
    run(front.curl(link, "--data-binary", f"@{world.dir}/much"), ok=False)
    world.web.stop()
    down = run(front.curl(link, "-i", "-d", PAIR), ok=False)
    assert all(s >= 500 for s in statuses(down.stdout.decode()))
    front.process.stop()
    token = link.rpartition("/")[2]
    assert "/u" in front.access_log.read_text()
    for text in (front.logs(), world.web.output()):
        assert token not in text and token[:20] not in text


def test_a_burst_is_let_through(front):
    """R8058-17: 150 clicks from one address at once, 150 times 200."""
    world = front.world
    crowd = [f"p{i}@x.test" for i in range(150)]
    world.import_csv(people.granted(*crowd))
    links = [tokens.link(world, a) for a in crowd]

    def some(n):
        return click(front, links[n], "-d", PAIR, *links[n + 1:n + 15])

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        seen = [s for part in pool.map(some, range(0, 150, 15)) for s in part]
    assert seen == [200] * 150
    assert json.loads(world.ctl("status", "--json").stdout)["events"] >= 150
