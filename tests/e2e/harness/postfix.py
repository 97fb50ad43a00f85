"""A Postfix of our own: own configuration, queue and log, on the loopback.

/etc/postfix and the machine's own Postfix are neither read nor touched.
"""
import json
import os
import pathlib
import re
import shutil
import signal

from .proc import (Process, Waited, free_port, port_answers, run, wait_until)

MAIN_CF = """\
compatibility_level = 3.6
multi_instance_enable = no
queue_directory = {queue}
data_directory = {data}
maillog_file = {log}
maillog_file_prefixes = {folder}
myhostname = mta.test
mydomain = test
myorigin = test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
local_transport = error:no local mail here
disable_dns_lookups = yes
biff = no
relayhost = [127.0.0.1]:{relay}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_recipient_limit = 20000
smtpd_client_connection_count_limit = 0
smtpd_soft_error_limit = 20000
smtpd_hard_error_limit = 20000
smtpd_error_sleep_time = 0
message_size_limit = 60000000
line_length_limit = 2048
smtp_line_length_limit = 998
minimal_backoff_time = 1h
maximal_backoff_time = 1h
queue_run_delay = 1h
milter_default_action = tempfail
milter_protocol = 6
milter_content_timeout = 60s
"""

MASTER_CF = """\
postlog   unix-dgram n - n - 1 postlogd
pickup    unix  n - n 1 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
local     unix  - n n - - local
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
tlsmgr    unix  - - n 1000? 1 tlsmgr
"""

QUEUE = [
    ("pid", "root:root", 0o755),
    *((name, "postfix:root", 0o700) for name in (
        "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
        "incoming", "private", "saved", "trace")),
    ("maildrop", "postfix:postdrop", 0o1730),
    ("public", "postfix:postdrop", 0o2710),
]


class Postfix:
    """
    milters: name of a listening port -> its smtpd_milters, e.g.
        {"main": "unix:/x/main.sock", "marketing": "unix:/x/m.sock"}
    main: more settings of main.cf, over the ones above.
    options: name of a listening port -> ["-o", "x=y", ...] for it alone.
    """

    def __init__(self, folder, relay, milters, main=None, options=None):
        self.folder = pathlib.Path(folder)
        self.conf = self.folder / "conf"
        self.queue = self.folder / "queue"
        self.log_file = self.folder / "maillog"
        self.relay = relay
        self.ports = {name: free_port() for name in milters}
        self.process = None
        self._write(milters, main or {}, options or {})

    def _write(self, milters, main, options):
        for d in (self.folder, self.conf, self.queue):
            d.mkdir(parents=True, exist_ok=True)
            d.chmod(0o755)
        data = self.folder / "data"
        data.mkdir()
        shutil.chown(data, "postfix", "postfix")
        self._make_queue()
        text = MAIN_CF.format(folder=self.folder, queue=self.queue, data=data,
                              log=self.log_file, relay=self.relay)
        # Comments and empty values are fine; the last line of a name holds.
        names = set(main)
        text = "".join(l + "\n" for l in text.splitlines()
                       if l.split(" ")[0] not in names)
        text += "".join(f"{k} = {v}\n" for k, v in main.items())
        (self.conf / "main.cf").write_text(text)
        master = MASTER_CF
        for name, value in milters.items():
            more = "".join(f"\n  {o}" for o in options.get(name, []))
            master += (f"127.0.0.1:{self.ports[name]} inet n - n - - smtpd\n"
                       f"  -o syslog_name=postfix/{name}\n"
                       f"  -o {{ smtpd_milters = {value} }}{more}\n")
        (self.conf / "master.cf").write_text(master)
        self._age()

    def _age(self):
        # Postfix reads a file that is younger than 2 s again and again.
        for name in ("main.cf", "master.cf"):
            os.utime(self.conf / name, (1, 1))

    def append(self, main="", master=""):
        """More lines for the two files, before start()."""
        for name, text in (("main.cf", main), ("master.cf", master)):
            with open(self.conf / name, "a") as f:
                f.write(text)
        self._age()

    def _make_queue(self):
        # What `postfix check` would make, in a twentieth of its time.
        for name, owner, mode in QUEUE:
            (self.queue / name).mkdir(mode=mode)
            shutil.chown(self.queue / name, *owner.split(":"))
            (self.queue / name).chmod(mode)

    def start(self):
        self.process = Process(
            ["/usr/lib/postfix/sbin/master", "-s", "-c", self.conf],
            self.folder / "out", group=True)
        self.process.wait_ready("Postfix", lambda: (
            "daemon started" in self.log() and
            all(port_answers(p) for p in self.ports.values())))
        return self

    def stop(self):
        if self.process is not None and self.process.running():
            # The master alone would take a second to tell its children.
            self.process.signal_group(signal.SIGTERM)
            self.process.stop()

    def port(self, name="main"):
        return self.ports[name]

    def log(self):
        try:
            return self.log_file.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def set_milters(self, value):
        """Other non_smtpd_milters; takes effect on new mail."""
        run(["postconf", "-c", self.conf, f"non_smtpd_milters={value}"])
        run(["postfix", "-c", self.conf, "reload"])

    def queue_json(self):
        out = run(["postqueue", "-c", self.conf, "-j"]).stdout.decode()
        return [json.loads(line) for line in out.splitlines()]

    def flush(self):
        """Try deferred mail again; it is not tried by itself."""
        run(["postqueue", "-c", self.conf, "-f"])

    def _busy(self):
        # Deferred mail rests; everything else is on its way.
        for name in ("maildrop", "incoming", "active"):
            for _, _, files in os.walk(self.queue / name):
                if files:
                    return True
        return False

    def settle(self, timeout=60.0):
        """Wait until nothing moves, return what is deferred (postqueue -j)."""
        try:
            wait_until("an idle queue", lambda: not self._busy(), timeout)
        except Waited as e:
            raise Waited(f"{e}\n{self.log()[-3000:]}") from None
        return self.queue_json()

    def corrupt(self):
        return [f for d in ("corrupt", "saved")
                for f in (self.queue / d).glob("*")]

    def sendmail(self, sender, rcpts, data, args=()):
        """The sendmail(1) way in: maildrop, pickup, non_smtpd_milters."""
        return run(["/usr/sbin/sendmail", "-C", self.conf, "-i", "-f", sender,
                    *args, "--", *rcpts], input=data, stdin=None, ok=False)

    def nrcpt(self):
        """queue-id -> recipients that qmgr saw."""
        return {m[1]: int(m[2]) for m in re.finditer(
            r"postfix/qmgr\[\d+\]: (\w+): from=<.*?>, size=\d+, nrcpt=(\d+)",
            self.log())}
