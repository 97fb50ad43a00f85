"""What monitors read of consent-web: /metrics and /healthz on an address of
their own, and the certificate that it serves by itself."""
import http.client
import re
import signal
import socket
import ssl
import time

import people
import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness import tokens
from harness.certificates import Authority
from harness.proc import free_port, run, wait_until
from harness.world import program

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ONE_CLICK = b"List-Unsubscribe=One-Click"
LISTEN = 'listen = "127.0.0.1:'


@pytest.fixture
def admin(new_world):
    """A world with an admin address, .admin_port; anna and bob get mail."""
    port = free_port()
    world = new_world(postfix=False, replace={
        LISTEN: f'admin-listen = "127.0.0.1:{port}"\n    {LISTEN}'})
    world.admin_port = port
    world.import_csv(people.granted("anna@x.test", "bob@x.test"))
    world.start_web()
    assert get(port, "/healthz")[1] == "ok\n"
    return world


def get(port, path, method="GET"):
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    conn.request(method, path)
    answer = conn.getresponse()
    return answer, answer.read().decode()


SAMPLE = re.compile(r'[a-z_]+(\{[a-z]+="[^"\\\n]*"(,[a-z]+="[^"\\\n]*")*\})?'
                    r' \d+(\.\d+)?')


def scrape(world):
    """{family: {sample with labels: value}}, read strictly: Prometheus' own
    reader takes much that promtool would complain of."""
    answer, text = get(world.admin_port, "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == (
        "text/plain; version=0.0.4; charset=utf-8")
    assert text.endswith("\n") and "\r" not in text
    for line in text.splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or SAMPLE.fullmatch(
            line), line
    families = {}
    for family in text_string_to_metric_families(text):
        assert family.name not in families, "a family stands once"
        assert family.name.startswith("consent_web_") and family.documentation
        assert family.type in ("counter", "gauge", "histogram"), family.name
        assert "_ms" not in family.name and "milli" not in family.name
        samples = {(s.name, *sorted(s.labels.items())): s.value
                   for s in family.samples}
        assert len(samples) == len(family.samples), "twice the same labels"
        if family.type == "counter":
            assert all(name[0].endswith("_total") for name in samples)
        families[family.name] = samples
    return families


def value(families, name, **labels):
    family = name.removesuffix("_total")
    return families[family].get((name, *sorted(labels.items())), 0)


def test_what_is_counted(admin):
    """Requests, withdrawals by channel, bad links, rows that wait."""
    anna = tokens.link(admin, "anna@x.test")
    bob = tokens.link(admin, "bob@x.test", kind="footer")
    admin.http("GET", anna)
    for _ in range(3):
        assert admin.one_click(anna).status == 200
    assert admin.http("POST", bob, b"act=stop", FORM).status == 200
    admin.one_click(anna[:-3] + "AAA")
    wait_until("stop is folded", lambda: value(
        scrape(admin), "consent_web_folded_total") == 2)
    seen = scrape(admin)
    requests = "consent_web_requests_total"
    assert value(seen, requests, place="token", method="POST",
                 status="2xx") == 4
    assert value(seen, requests, place="token", method="POST",
                 status="4xx") == 1
    assert value(seen, requests, place="token", method="GET",
                 status="2xx") == 1
    for channel, n in (("one-click", 1), ("page", 1), ("preferences", 0)):
        assert value(seen, "consent_web_withdrawals_total",
                     channel=channel) == n
    for name, n in (("invalid_tokens_total", 1), ("store_failures_total", 0),
                    ("stop_waiting", 0), ("ledger_events", 4),
                    ("store_up", 1), ("connections_cut_total", 0)):
        assert value(seen, f"consent_web_{name}") == n, name
    assert abs(value(seen, "consent_web_last_fold_timestamp_seconds")
               - time.time()) < 60
    took = seen["consent_web_request_duration_seconds"]
    name = "consent_web_request_duration_seconds"
    buckets = [v for k, v in took.items() if k[0] == f"{name}_bucket"
               and ("method", "POST") in k]
    assert buckets == sorted(buckets) and buckets[-1] == 5
    assert took[f"{name}_count", ("method", "POST")] == 5
    assert seen["consent_web_build_info"]


def test_metrics_hold_nothing_of_persons(admin):
    anna = tokens.link(admin, "anna@x.test")
    admin.one_click(anna)
    _, text = get(admin.admin_port, "/metrics")
    assert anna.rpartition("/")[2] not in text
    assert "anna" not in text and "127.0.0" not in text
    assert "place=metrics" not in admin.web.output(), "a line a scrape"


def test_two_addresses(admin):
    """The public reaches no metrics, and monitors no links."""
    path = tokens.link(admin, "anna@x.test").removeprefix(admin.base_url)
    assert get(admin.web_port, "/metrics")[0].status == 404
    assert get(admin.web_port, path)[0].status == 200
    assert get(admin.admin_port, path)[0].status == 404
    assert get(admin.admin_port, "/healthz")[1] == "ok\n"
    assert get(admin.admin_port, "/metrics", "POST")[0].status == 405
    assert get(admin.admin_port, "/metrics", "HEAD")[1] == ""


def test_a_store_that_is_away_is_counted(admin):
    ledger = next((admin.dir / "store").rglob("ledger"))
    ledger.rename(ledger.with_name("away"))
    assert get(admin.admin_port, "/healthz")[0].status == 503
    seen = scrape(admin)
    assert value(seen, "consent_web_store_up") == 0
    assert value(seen, "consent_web_store_failures_total") == 1
    ledger.with_name("away").rename(ledger)
    assert value(scrape(admin), "consent_web_store_up") == 1


# ---- its own certificate ----------------------------------------------------

@pytest.fixture
def secure(new_world, folder):
    """consent-web with a certificate of its own; .authority made it."""
    authority = Authority(folder / "tls")
    authority.issue("consent.acme.example")
    port = free_port()
    world = new_world(postfix=False, replace={
        LISTEN: f'certificate = "{authority.chain}"\n'
                f'    certificate-key = "{authority.key}"\n'
                f'    admin-listen = "127.0.0.1:{port}"\n    {LISTEN}'})
    world.authority, world.admin_port = authority, port
    world.import_csv(people.granted("anna@x.test", "bob@x.test"))
    world.start_web()
    assert get(port, "/healthz")[1] == "ok\n"
    return world


def handshake(world, **versions):
    """The served certificate's serial number."""
    context = world.authority.context()
    for name, version in versions.items():
        setattr(context, name, version)
    with socket.create_connection(("127.0.0.1", world.web_port)) as s:
        with context.wrap_socket(
                s, server_hostname="consent.acme.example") as tls:
            return tls.getpeercert()["serialNumber"], tls.version()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of old TLS
def test_its_own_certificate(secure):
    """A click over TLS, 1.2 and 1.3 and nothing older."""
    url = tokens.link(secure, "anna@x.test")
    done = run(["curl", "-sS", "-i", "--cacert", secure.authority.root,
                "--connect-to", f"::127.0.0.1:{secure.web_port}",
                "-d", ONE_CLICK.decode(), url])
    assert done.stdout.startswith(b"HTTP/1.1 200 "), done.stdout
    assert secure.why("anna@x.test", "newsletter") == ("refuse", "withdrawn")
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
                          (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        assert handshake(secure, minimum_version=version,
                         maximum_version=version)[1] == name
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(secure, minimum_version=ssl.TLSVersion.TLSv1,
                  maximum_version=ssl.TLSVersion.TLSv1_1)
    # R8058-7: what is sent without TLS gets no redirect, but nothing at all.
    with socket.create_connection(("127.0.0.1", secure.web_port)) as s:
        s.sendall(b"POST /u/x HTTP/1.1\r\nHost: x\r\n\r\n")
        s.settimeout(15)
        try:
            assert b"30" not in s.recv(100)[:15]
        except ConnectionResetError:
            pass


def test_a_renewed_certificate(secure):
    """SIGHUP takes it; one that does not fit leaves the old one in use."""
    first, _ = handshake(secure)
    secure.authority.issue("consent.acme.example", days=99)
    secure.web.signal(signal.SIGHUP)
    wait_until("the new one is served",
               lambda: handshake(secure)[0] != first)
    second, _ = handshake(secure)
    ends = value(scrape(secure), "consent_web_certificate_not_after_"
                 "timestamp_seconds")
    assert 98 < (ends - time.time()) / 86400 < 100
    secure.authority.issue("other.example")
    secure.web.signal(signal.SIGHUP)
    wait_until("it says so", lambda: "not for consent.acme.example"
               in secure.web.output())
    assert handshake(secure)[0] == second
    assert value(scrape(secure), "consent_web_reloads_total",
                 result="failed") == 1


def test_a_failed_reload_renews_nothing(secure):
    """What else is wrong keeps the old certificate, too, until it is right."""
    first, _ = handshake(secure)
    secure.authority.issue("consent.acme.example", days=99)
    config = secure.config
    (secure.dir / "store/web").rmdir()
    (secure.dir / "store/web").touch()
    secure.write_config(secure.config + 'mail { domain = "m.acme.example" '
                        'submit = "smtp://127.0.0.1:1" }\n')
    secure.web.signal(signal.SIGHUP)
    wait_until("it says so",
               lambda: "reload failed" in secure.web.output())
    assert handshake(secure)[0] == first
    secure.write_config(config)
    secure.web.signal(signal.SIGHUP)
    wait_until("the new one is served",
               lambda: handshake(secure)[0] != first)


@pytest.mark.parametrize("spoil, text", [
    (lambda a: a.key.chmod(0o644), "has mode 0644"),
    (lambda a: a.key.write_text("nothing"), "without a passphrase"),
    (lambda a: a.chain.write_text("nothing"), "no PEM certificate"),
    (lambda a: a.chain.unlink(), "cannot read"),
    (lambda a: a.issue("x.example"), "not for consent.acme.example"),
    (lambda a: a.new_key(), "not that of the certificate"),
], ids=["mode", "key", "chain", "gone", "host", "pair"])
def test_a_certificate_that_cannot_be_served(secure, spoil, text):
    """-t says which file and why, and so does a start."""
    secure.web.stop()
    spoil(secure.authority)
    for args in (["-t"], ["-f"]):
        done = run([program("consent-web"), "-c", secure.config_file, *args],
                   ok=False)
        assert done.returncode in (75, 78)
        assert text in done.stderr.decode(), done.stderr


def test_half_a_certificate(new_world):
    world = new_world(postfix=False, replace={
        LISTEN: f'certificate = "/x.pem"\n    {LISTEN}'})
    done = run([program("consent-web"), "-c", world.config_file, "-t"],
               ok=False)
    assert done.returncode == 78
    assert b"add certificate-key" in done.stderr
