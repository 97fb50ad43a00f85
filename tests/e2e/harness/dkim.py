"""OpenDKIM as a milter behind ours, and a verifier that is not OpenDKIM."""
import base64
import re
import shutil

import dkim

from .proc import Process, run, unix_answers
from .world import REPO

# Set by tools/setup: unpacked, not installed.
OPENDKIM = REPO / "build" / "unpacked" / "usr" / "sbin" / "opendkim"

# What an admin is told to write: which headers are signed.
SNIPPET = REPO / "conf" / "postfix" / "opendkim.conf.snippet"

CONFIG = """\
Mode s
Domain acme.example
Selector s1
KeyFile {folder}/dkim.pem
Socket local:{folder}/dkim.sock
Canonicalization relaxed/relaxed
InternalHosts {folder}/hosts
UserID postfix
UMask 007
RequireSafeKeys no
Syslog no
"""


class OpenDkim:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        shutil.chown(folder, "postfix", "postfix")
        key = folder / "dkim.pem"
        run(["openssl", "genrsa", "-out", key, "2048"])
        shutil.chown(key, "postfix", "postfix")
        (folder / "hosts").write_text("127.0.0.1\n")
        (folder / "conf").write_text(CONFIG.format(folder=folder) +
                                     SNIPPET.read_text())
        public = run(["openssl", "rsa", "-in", key, "-pubout", "-outform",
                      "DER"]).stdout
        self.record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
        self.socket = folder / "dkim.sock"
        self.milter = f"unix:{self.socket}"
        self.process = None

    def start(self):
        self.process = Process([OPENDKIM, "-f", "-x", self.folder / "conf"],
                               self.folder / "log")
        self.process.wait_ready("opendkim",
                                lambda: unix_answers(self.socket))
        return self

    def stop(self):
        # Nothing of its is worth the five seconds that SIGTERM takes.
        if self.process is not None:
            self.process.kill()

    def verify(self, data):
        """True if the only signature of the message holds."""
        def dns(name, timeout=5):
            assert name == b"s1._domainkey.acme.example.", name
            return self.record
        return dkim.verify(data, dnsfunc=dns)

    @staticmethod
    def signed_headers(data):
        """h= of the signature, lower case, as a list."""
        head = data.partition(b"\r\n\r\n")[0] + b"\r\n"
        value = re.search(rb"(?im)^DKIM-Signature:((?:[^\r\n]|\r\n[ \t])*)",
                          head)
        assert value, "no DKIM-Signature"
        tag = re.search(rb"[;\s]h=([^;]*)", value[1])[1].decode()
        return [h.strip().lower() for h in re.sub(r"\s", "", tag).split(":")]
