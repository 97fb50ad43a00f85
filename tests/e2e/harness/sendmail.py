"""A Sendmail of our own, from packages that are unpacked, not installed.

It needs a host name with a dot and somewhere to log to, so it runs in its own
UTS and mount namespaces, with a /dev of its own.
"""
import os
import pathlib
import re
import signal

from .proc import Process, free_port, port_answers, run, wait_until
from .world import REPO

UNPACKED = REPO / "build" / "unpacked"
CF = UNPACKED / "usr" / "share" / "sendmail" / "cf"

MC = """\
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME',`sm.test.invalid')dnl
define(`confCW_FILE',`@D@/empty')define(`ALIAS_FILE',`@D@/empty')dnl
define(`STATUS_FILE',`@D@/empty')define(`HELP_FILE',`@D@/empty')dnl
define(`QUEUE_DIR',`@D@/mq')define(`confPID_FILE',`@D@/sendmail.pid')dnl
define(`confCONTROL_SOCKET_NAME',`')dnl
define(`confHOST_STATUS_DIRECTORY',`')dnl
define(`confSERVICE_SWITCH_FILE',`@D@/svc')dnl
define(`confDONT_PROBE_INTERFACES',`True')define(`confTO_IDENT',`0')dnl
define(`confDEF_USER_ID',`65534:65534')dnl
define(`SMART_HOST',`relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS',`TCP $h @RELAY@')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`nocanonify')FEATURE(`no_default_msa')RELAY_DOMAIN(`127.0.0.1')dnl
DAEMON_OPTIONS(`Name=MTA, Addr=127.0.0.1, Port=@PORT@')dnl
INPUT_MAIL_FILTER(`consent', `S=@MILTER@, F=T, T=C:10s;S:10s;R:20s;E:60s')dnl
define(`confINPUT_MAIL_FILTERS',`consent')dnl
define(`confMILTER_LOG_LEVEL',`14')define(`confLOG_LEVEL',`14')dnl
QUEUE_GROUP(`mqueue', `P=@D@/mq, F=f')dnl
MAILER(`smtp')dnl
"""

LOGD = """\
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("@D@/dev/log")
with open("@D@/log", "ab", 0) as f:
    while True:
        f.write(s.recv(65536).rstrip(b"\\n\\0") + b"\\n")
"""

RUN = """\
hostname sm.test.invalid
mount --bind @SOCKETS@ /mnt
mount -t tmpfs tmpfs @D@/dev
cp -a /dev/null /dev/zero /dev/random /dev/urandom @D@/dev/
/usr/bin/python3 @D@/logd.py &
while [ ! -S @D@/dev/log ]; do sleep 0.02; done
mount --bind @D@/dev /dev
exec @SENDMAIL@ -C @D@/sendmail.cf -bD -q5s
"""


class Sendmail:
    """socket: path of the milter's.  Sendmail trusts none below /tmp, so it
    sees the folder as /mnt."""

    def __init__(self, folder, relay, socket):
        socket = pathlib.Path(socket)
        self.dir = pathlib.Path(folder)
        self.port = free_port()
        self.process = None
        for sub in ("mq", "dev"):
            (self.dir / sub).mkdir(parents=True)
        (self.dir / "mq").chmod(0o700)
        self.dir.chmod(0o755)
        self._write("empty", "")
        self._write("svc", "hosts files\naliases files\n")
        self._write("t.mc", MC, RELAY=relay, PORT=self.port, 
                    MILTER=f"local:/mnt/{socket.name}")
        self._write("logd.py", LOGD)
        self._write("run", RUN, SOCKETS=socket.parent,
                    SENDMAIL=UNPACKED / "usr/libexec/sendmail/sendmail")
        cf = run(["m4", f"-D_CF_DIR_={CF}/", CF / "m4" / "cf.m4",
                  self.dir / "t.mc"]).stdout
        (self.dir / "sendmail.cf").write_bytes(cf)

    def _write(self, name, text, **values):
        text = text.replace("@D@", str(self.dir))
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        (self.dir / name).write_text(text)

    def start(self):
        self.process = Process(
            ["unshare", "-m", "-u", "bash", self.dir / "run"],
            self.dir / "out", group=True)
        self.process.wait_ready("Sendmail", lambda: port_answers(self.port))
        return self

    def stop(self):
        if self.process is not None:
            self.process.signal_group(signal.SIGTERM)
            self.process.stop()

    def log(self):
        try:
            return (self.dir / "log").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def settle(self, timeout=60):
        wait_until("an empty Sendmail queue", lambda: not any(
            f.startswith(("qf", "df")) for f in os.listdir(self.dir / "mq")),
            timeout)

    def deferred(self):
        return re.findall(r"to=<?([^>,]+)>?,.*stat=Deferred", self.log())
