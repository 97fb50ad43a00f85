"""The next hop: takes mail and keeps it as it came over the wire.

    sink = Sink().start()
    sink.rcpt_reply["later@x.test"] = "451 4.2.0 mailbox busy"
    sink.wait(3)
    sink.to("anna@x.test").data     # bytes, CRLF, dots removed
"""
import re
import socket
import threading

from .proc import Waited, wait_until

MAX_LINE = 1 << 26      # far above any test message


class Mail:
    """One transaction: envelope, parameters and the bytes of the message."""

    def __init__(self, sender, params):
        self.sender = sender
        self.params = params
        self.rcpts = []
        self.rcpt_params = {}
        self.data = b""

    def __repr__(self):
        return f"<Mail {self.sender} -> {self.rcpts}, {len(self.data)} octets>"


class Sink:
    def __init__(self, *, eightbit=True, smtputf8=True, name="sink.test"):
        self.eightbit = eightbit
        self.smtputf8 = smtputf8
        self.name = name
        self.mails = []         # taken with 250, in order
        self.seen_rcpts = []    # every RCPT, taken or not
        self.mail_reply = {}    # sender or "*" -> reply
        self.rcpt_reply = {}    # recipient or "*" -> reply
        self.data_reply = None  # reply at the end of data
        self._lock = threading.Lock()
        self._listen = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listen.getsockname()[1]
        self._closing = False

    def start(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self):
        self._closing = True
        # accept() does not notice a close: knock once.
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            pass
        self._listen.close()

    def clear(self):
        with self._lock:
            self.mails.clear()
            self.seen_rcpts.clear()

    def take(self):
        """The mails, which are then no longer here."""
        with self._lock:
            mails = self.mails[:]
            self.mails.clear()
            return mails

    def wait(self, count, timeout=30.0):
        """The mails, once there are at least count."""
        try:
            wait_until("", lambda: len(self.mails) >= count, timeout)
        except Waited:
            raise Waited(f"{len(self.mails)} of {count} mails at the next "
                         f"hop after {timeout} s: {self.mails}") from None
        return list(self.mails)

    def all_to(self, rcpt):
        return [m for m in list(self.mails) if rcpt in m.rcpts]

    def to(self, rcpt, timeout=30.0):
        """The only mail for this recipient."""
        wait_until(f"mail to {rcpt}", lambda: self.all_to(rcpt), timeout)
        found = self.all_to(rcpt)
        assert len(found) == 1, f"{len(found)} mails to {rcpt}"
        return found[0]

    @property
    def delivered(self):
        """Every recipient of every mail taken, sorted."""
        return sorted(r for m in list(self.mails) for r in m.rcpts)

    def _accept(self):
        while not self._closing:
            try:
                conn, _ = self._listen.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(conn,),
                             daemon=True).start()

    def _serve(self, conn):
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with conn, conn.makefile("rb", 1 << 16) as lines:
            try:
                _Session(self, conn, lines).run()
            except OSError:
                pass


class _Session:
    """One SMTP connection."""

    def __init__(self, sink, conn, lines):
        self.sink = sink
        self.conn = conn
        self.lines = lines
        self.mail = None

    def say(self, text):
        self.conn.sendall(text.encode() + b"\r\n")

    def run(self):
        self.say(f"220 {self.sink.name} ESMTP")
        while True:
            line = self.lines.readline(MAX_LINE)
            if not line:
                return
            text = line.rstrip(b"\r\n").decode(errors="surrogateescape")
            verb = text[:4].upper()
            if verb == "QUIT":
                self.say("221 2.0.0 bye")
                return
            getattr(self, "do_" + verb.lower(), self.unknown)(text)

    def unknown(self, text):
        self.say("502 5.5.2 not here")

    def do_ehlo(self, text):
        offers = ["PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "SIZE"]
        if self.sink.eightbit:
            offers.append("8BITMIME")
        if self.sink.smtputf8:
            offers.append("SMTPUTF8")
        self.say("\r\n".join([f"250-{self.sink.name}"] +
                             [f"250-{o}" for o in offers[:-1]] +
                             [f"250 {offers[-1]}"]))

    def do_helo(self, text):
        self.say(f"250 {self.sink.name}")

    def do_rset(self, text):
        self.mail = None
        self.say("250 2.0.0 ok")

    def do_noop(self, text):
        self.say("250 2.0.0 ok")

    @staticmethod
    def path(text):
        m = re.match(r"(?i)(?:MAIL FROM|RCPT TO):\s*<(.*?)>\s*(.*)", text)
        return (m[1], m[2].split()) if m else (None, [])

    def do_mail(self, text):
        sender, params = self.path(text)
        replies = self.sink.mail_reply
        reply = replies.get(sender, replies.get("*", "250 2.1.0 ok"))
        if reply.startswith("250"):
            self.mail = Mail(sender, params)
        self.say(reply)

    def do_rcpt(self, text):
        rcpt, params = self.path(text)
        if self.mail is None:
            self.say("503 5.5.1 MAIL first")
            return
        replies = self.sink.rcpt_reply
        reply = replies.get(rcpt, replies.get("*", "250 2.1.5 ok"))
        with self.sink._lock:
            self.sink.seen_rcpts.append(rcpt)
        if reply.startswith("250"):
            self.mail.rcpts.append(rcpt)
            self.mail.rcpt_params[rcpt] = params
        self.say(reply)

    def do_data(self, text):
        if self.mail is None or not self.mail.rcpts:
            self.say("554 5.5.1 no recipients")
            return
        self.say("354 go on")
        taken = []
        while True:
            line = self.lines.readline(MAX_LINE)
            if not line:
                return
            if line == b".\r\n":
                break
            taken.append(line[1:] if line.startswith(b".") else line)
        self.mail.data = b"".join(taken)
        reply = self.sink.data_reply or "250 2.0.0 taken"
        if reply.startswith("250"):
            with self.sink._lock:
                self.sink.mails.append(self.mail)
        self.mail = None
        self.say(reply)
