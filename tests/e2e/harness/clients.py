"""Clients that people use: swaks, smtplib, and a dialogue step by step."""
import smtplib

from .proc import run


class Result:
    """What the server said, command by command: (code, text)."""

    def __init__(self):
        self.mail = None
        self.rcpts = {}
        self.data = None

    @property
    def accepted(self):
        return sorted(a for a, (code, _) in self.rcpts.items() if code < 300)

    @property
    def refused(self):
        return sorted(a for a, (code, _) in self.rcpts.items() if code >= 500)

    @property
    def deferred(self):
        return sorted(a for a, (code, _) in self.rcpts.items()
                      if 400 <= code < 500)

    def __repr__(self):
        return f"<Result mail={self.mail} rcpts={self.rcpts} data={self.data}>"


class Dialogue:
    """One SMTP connection that a test drives itself.

        with Dialogue(port) as d:
            d.mail("news@acme.example")
            d.rcpt("anna@x.test")
            ...
            d.data(message)
            d.result.data           # (250, "2.0.0 Ok: queued as ...")
    """

    def __init__(self, port, timeout=120, helo="client.test"):
        self.smtp = smtplib.SMTP(local_hostname=helo, timeout=timeout)
        self.smtp.connect("127.0.0.1", port)
        self.smtp.ehlo()
        self.result = Result()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.smtp.quit()
        except (OSError, smtplib.SMTPException):
            self.smtp.close()

    def xclient(self, **attributes):
        """Pretend to be another client: xclient(addr="192.0.2.1")."""
        code, text = self.smtp.docmd("XCLIENT " + " ".join(
            f"{k.upper()}={v}" for k, v in attributes.items()))
        assert code == 220, text
        self.smtp.ehlo()

    @staticmethod
    def _reply(pair):
        code, text = pair
        return code, text.decode(errors="replace")

    def _command(self, text):
        self.smtp.putcmd(text)
        return self._reply(self.smtp.getreply())

    def mail(self, sender, params=""):
        self.result = Result()
        if not sender.isascii():
            self.smtp.command_encoding = "utf-8"
        self.result.mail = self._command(
            f"MAIL FROM:<{sender}> {params}".rstrip())
        return self.result.mail

    def rcpt(self, address, raw=None):
        """raw: the path as it is typed, if not <address>."""
        if not address.isascii():
            self.smtp.command_encoding = "utf-8"
        reply = self._command(f"RCPT TO:{raw or '<' + address + '>'}")
        self.result.rcpts[address] = reply
        return reply

    def data(self, message):
        try:
            self.result.data = self._reply(self.smtp.data(message))
        except smtplib.SMTPDataError as e:
            self.result.data = self._reply((e.smtp_code, e.smtp_error))
        return self.result.data


def submit(port, sender, rcpts, message, params="", xclient=None):
    """One message; goes on with DATA as long as one RCPT was taken."""
    with Dialogue(port) as d:
        if xclient:
            d.xclient(**xclient)
        d.mail(sender, params)
        if d.result.mail[0] != 250:
            return d.result
        for r in rcpts:
            d.rcpt(r)
        if d.result.accepted:
            d.data(message)
        return d.result


def swaks(port, sender, rcpts, message, folder, *args):
    """The tool as a marketer's script calls it; (status, dialogue)."""
    file = folder / "swaks.eml"
    file.write_bytes(message)
    done = run(["swaks", "--server", f"127.0.0.1:{port}", "--from", sender,
                "--to", ",".join(rcpts), "--helo", "client.test",
                "--data", f"@{file}", *args], ok=False)
    return done.returncode, done.stdout.decode(errors="replace")
