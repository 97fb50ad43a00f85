"""Web servers in front of consent-web, with the snippets that we ship: no more
is changed in them than ports, folders and the certificate."""
import os
import re
import socket

from .proc import Process, free_port, port_answers
from .world import REPO

UNPACKED = REPO / "build" / "unpacked"  # by tools/setup, not installed
HOST = "consent.acme.example"


def _has_ipv6():
    with socket.socket(socket.AF_INET6) as s:
        try:
            s.bind(("::1", 0))
        except OSError:
            return False
    return True


def _snippet(name, changes):
    text = (REPO / "conf" / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{old!r} is not in {name}"
        text = text.replace(old, new)
    return text


class Front:
    """http, https: its ports on 127.0.0.1."""

    def __init__(self, world, authority):
        self.dir = world.dir / type(self).__name__.lower()
        self.dir.mkdir()
        self.http, self.https = free_port(), free_port()
        self.world = world
        self.authority = authority
        self.access_log = self.dir / "access.log"

    def start(self):
        self.process = Process(self.argv(), self.dir / "output.log", env={
            **os.environ, "HOME": str(self.dir),
            "XDG_DATA_HOME": str(self.dir), "XDG_CONFIG_HOME": str(self.dir)})
        self.process.wait_ready(type(self).__name__, lambda: all(
            port_answers(p) for p in (self.http, self.https)))
        return self

    def logs(self):
        """All that it wrote anywhere."""
        return "".join(f.read_text(errors="replace")
                       for f in self.dir.rglob("*.log"))

    def curl(self, url, *args):
        """Arguments of curl to reach a URL of ours through it."""
        port = self.https if url.startswith("https:") else self.http
        return ["curl", "-sS", "--cacert", self.authority.root, "--connect-to",
                f"::127.0.0.1:{port}", *args, url]


class Nginx(Front):
    PROGRAM = UNPACKED / "usr" / "sbin" / "nginx"

    def argv(self):
        folders = "".join(
            f"{kind}_temp_path {self.dir}/{kind};" for kind in (
                "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        snippet = _snippet("nginx/consent-web.conf.snippet", {
            "listen 80;": f"listen 127.0.0.1:{self.http};",
            "listen [::]:80;":
                f"listen [::1]:{self.http};" if _has_ipv6() else "",
            "listen 443 ssl": f"listen 127.0.0.1:{self.https} ssl",
            "listen [::]:443 ssl http2;":
                f"listen [::1]:{self.https} ssl http2;" if _has_ipv6()
                else "",
            f"/etc/letsencrypt/live/{HOST}/fullchain.pem":
                str(self.authority.chain),
            f"/etc/letsencrypt/live/{HOST}/privkey.pem":
                str(self.authority.key),
            "/var/log/nginx/consent-web.log": str(self.access_log),
            "/var/log/nginx": str(self.dir),
            "127.0.0.1:8025": f"127.0.0.1:{self.world.web_port}"})
        conf = self.dir / "nginx.conf"
        user = "user www-data;" if os.geteuid() == 0 else ""
        conf.write_text(
            f"{user} daemon off; pid {self.dir}/pid; worker_processes 1;\n"
            f"error_log {self.dir}/main.log;\nevents {{}}\n"
            f"http {{ {folders} access_log off;\n{snippet}\n}}\n")
        return [self.PROGRAM, "-p", self.dir, "-c", conf, "-e",
                self.dir / "start.log"]


class Caddy(Front):
    PROGRAM = UNPACKED / "usr" / "bin" / "caddy"

    def argv(self):
        snippet = _snippet("caddy/Caddyfile.snippet", {
            f"https://{HOST} {{":
                f"https://{HOST} {{\n"
                f"tls {self.authority.chain} {self.authority.key}",
            "/var/log/caddy/consent-web.log": str(self.access_log),
            "127.0.0.1:8025": f"127.0.0.1:{self.world.web_port}"})
        # The global options that it asks for, and what a test must not have.
        advice = re.search(r"(?ms)^#     \{\n(.*?)^#     \}\n", snippet)[1]
        options = re.sub(r"(?m)^#     ", "", advice)
        (self.dir / "Caddyfile").write_text(
            f"{{\n{options}\nadmin off\nskip_install_trust\n"
            f"http_port {self.http}\nhttps_port {self.https}\n"
            f"}}\n{snippet}")
        return [self.PROGRAM, "run", "--adapter", "caddyfile", "--config",
                self.dir / "Caddyfile"]
