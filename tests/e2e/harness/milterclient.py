"""The MTA's side of the milter protocol, version 6, byte by byte.

For what no MTA does on command: odd negotiations, closing the connection in
the middle, macros of one's own, packets that are not well formed.

    with MilterClient("/run/x.sock") as m:
        m.negotiate()
        m.connect(); m.helo()
        m.mail("<news@acme.example>", macros={"i": "4ABC"})
        m.rcpt("<anna@x.test>")
        m.message(headers=[("Subject", "x")], body=b"hello\\r\\n")
        m.reply.final, m.reply.changes
"""
import socket
import struct

ACTIONS_ALL = 0x1FF
# What Postfix 3.7 offers: no-steps, no-replies, skip, leading blank.
STEPS_ALL = 0x1FFFFF
CHUNK = 65535

NO_REPLY = {b"C": 0x1000, b"H": 0x2000, b"M": 0x4000, b"R": 0x8000,
            b"T": 0x10000, b"U": 0x20000, b"N": 0x40000, b"B": 0x80000,
            b"L": 0x80}
NO_STEP = {b"C": 0x01, b"H": 0x02, b"M": 0x04, b"R": 0x08, b"B": 0x10,
           b"L": 0x20, b"N": 0x40, b"U": 0x100, b"T": 0x200}
FINAL = {b"a": "accept", b"c": "continue", b"d": "discard", b"r": "reject",
         b"t": "tempfail", b"y": "replycode", b"s": "skip", b"f": "fail",
         b"4": "shutdown"}


class Closed(Exception):
    """The milter closed the connection."""


class Reply:
    """One answer: final word, text of a replycode, changes before it."""

    def __init__(self):
        self.final = None
        self.text = ""
        self.changes = []       # ("delrcpt", "<a@b>"), ("body", bytes) ...
        self.progress = 0

    def of(self, kind):
        return [c[1:] for c in self.changes if c[0] == kind]

    @property
    def deleted(self):
        return [c[0] for c in self.of("delrcpt")]

    @property
    def added(self):
        return [c[0] for c in self.of("addrcpt")]

    @property
    def body(self):
        """The new body, or None if it was not replaced."""
        parts = [c[0] for c in self.of("body")]
        return b"".join(parts) if parts else None

    def __repr__(self):
        return f"<Reply {self.final} {self.text} {self.changes}>"


def _strings(data):
    return [s.decode(errors="surrogateescape")
            for s in data.split(b"\0")[:-1]]


def _bytes(text):
    if isinstance(text, bytes):
        return text
    return text.encode(errors="surrogateescape")


class MilterClient:
    def __init__(self, where, timeout=30):
        """where: path of a unix socket, or (host, port)."""
        family = socket.AF_INET if isinstance(where, tuple) else socket.AF_UNIX
        self.sock = socket.socket(family)
        self.sock.settimeout(timeout)
        self.sock.connect(where if isinstance(where, tuple) else str(where))
        self.version = self.actions = self.steps = None
        self.macro_lists = {}
        self.reply = Reply()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    # -- packets ---------------------------------------------------------

    def send(self, command, data=b""):
        self.sock.sendall(struct.pack(">I", len(data) + 1) + command + data)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                raise Closed
            data += more
        return data

    def receive(self):
        """One packet: (letter, data)."""
        n, = struct.unpack(">I", self._exactly(4))
        packet = self._exactly(n)
        return packet[:1], packet[1:]

    # -- steps -----------------------------------------------------------

    def negotiate(self, version=6, actions=ACTIONS_ALL, steps=STEPS_ALL):
        self.send(b"O", struct.pack(">III", version, actions, steps))
        letter, data = self.receive()
        assert letter == b"O", f"answer to negotiation: {letter}"
        self.version, self.actions, self.steps = struct.unpack(
            ">III", data[:12])
        data = data[12:]
        while data:
            stage, = struct.unpack(">I", data[:4])
            names, _, data = data[4:].partition(b"\0")
            self.macro_lists[stage] = names.decode().split()
        return self

    def macros(self, command, values):
        data = command
        for name, value in values.items():
            data += _bytes(name) + b"\0" + _bytes(value) + b"\0"
        self.send(b"D", data)

    def command(self, command, data=b"", macros=None):
        """Send unless switched off; the answer unless NR says none comes."""
        if self.steps & NO_STEP.get(command, 0):
            return None
        if macros:
            self.macros(command, macros)
        self.send(command, data)
        if self.steps & NO_REPLY.get(command, 0):
            return None
        return self.answer()

    def answer(self):
        reply = self.reply = Reply()
        while True:
            letter, data = self.receive()
            if letter == b"p":
                reply.progress += 1
            elif letter in FINAL:
                reply.final = FINAL[letter]
                reply.text = data.rstrip(b"\0").decode(errors="replace")
                return reply
            else:
                reply.changes.append(self._change(letter, data))

    @staticmethod
    def _change(letter, data):
        if letter == b"b":
            return ("body", data)
        if letter in b"im":
            index, = struct.unpack(">I", data[:4])
            return ("insheader" if letter == b"i" else "chgheader", index,
                    *_strings(data[4:]))
        names = {b"+": "addrcpt", b"2": "addrcpt", b"-": "delrcpt",
                 b"h": "addheader", b"e": "chgfrom", b"q": "quarantine"}
        return (names.get(letter, letter.decode()), *_strings(data))

    def connect(self, name="localhost", address="127.0.0.1", port=40000,
                macros=None):
        family = b"6" if ":" in address else b"4"
        return self.command(b"C", _bytes(name) + b"\0" + family + struct.pack(
            ">H", port) + _bytes(address) + b"\0", macros or
            {"j": "mta.test", "{client_addr}": address})

    def helo(self, name="client.test"):
        return self.command(b"H", _bytes(name) + b"\0")

    def mail(self, path, *params, macros=None):
        return self.command(b"M", b"".join(
            _bytes(p) + b"\0" for p in (path, *params)), macros)

    def rcpt(self, path, *params, macros=None):
        return self.command(b"R", b"".join(
            _bytes(p) + b"\0" for p in (path, *params)), macros)

    def data(self, macros=None):
        return self.command(b"T", b"", macros or {"i": "4ABCDEF"})

    def header(self, name, value):
        return self.command(b"L", _bytes(name) + b"\0" + _bytes(value) +
                            b"\0")

    def eoh(self):
        return self.command(b"N")

    def body(self, body):
        reply = None
        for at in range(0, len(body), CHUNK):
            reply = self.command(b"B", body[at:at + CHUNK])
            if reply is not None and reply.final != "continue":
                return reply
        return reply

    def eom(self, macros=None):
        self.macros(b"E", macros or {"i": "4ABCDEF"})
        self.send(b"E")
        return self.answer()

    def message(self, headers, body):
        """DATA to end of message; the last answer, also in self.reply."""
        self.data()
        for name, value in headers:
            self.header(name, value)
        self.eoh()
        self.body(body)
        return self.eom()

    def abort(self):
        self.send(b"A")

    def quit(self):
        self.send(b"Q")
