"""A Chromium spoken to over a pipe: one process for all pages of a test."""
import base64
import json
import os
import re
import shutil
import subprocess
import tempfile

PROGRAM = shutil.which("chromium")
HEIGHT = 800  # of the window


class PageWent(Exception):
    """Another page came while this one was asked."""


class Browser:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="cm-chromium.")
        to_it, self.write_end = os.pipe()
        self.read_end, from_it = os.pipe()
        # It reads from descriptor 3 and writes to 4.
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec 3<&{to_it} 4>&{from_it}; exec "$@"', "-",
             PROGRAM, "--headless", "--no-sandbox", "--disable-gpu",
             "--remote-debugging-pipe", "--hide-scrollbars",
             "--disable-dev-shm-usage", "--no-first-run",
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
             f"--user-data-dir={self.folder}", "about:blank"],
            pass_fds=(to_it, from_it), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_it)
        os.close(from_it)
        self.reader = os.fdopen(self.read_end, "rb")
        self.number = 0
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")
        self.session = self.call("Target.attachToTarget", flatten=True,
                                 targetId=target["targetId"])["sessionId"]
        self.call("Page.enable")

    def close(self):
        os.close(self.write_end)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def message(self):
        octets = b""
        while not octets.endswith(b"\0"):
            more = self.reader.read1(1 << 20)
            assert more, "Chromium has gone"
            octets += more
        return [json.loads(m) for m in octets.split(b"\0") if m]

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        while True:
            for answer in self.message():
                if answer.get("id") == self.number:
                    if re.search("navigated|context", str(
                            answer.get("error", ""))):
                        raise PageWent(answer)
                    assert "error" not in answer, answer
                    return answer["result"]

    def ask(self, script):
        """What it comes to; of a promise, what that comes to."""
        result = self.call("Runtime.evaluate", expression=script,
                           returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def has_come(self, script):
        """The same, while one page may go and another come."""
        try:
            return self.ask(script)
        except PageWent:
            return False

    def show(self, path, width, dark=False):
        """Load a file as a mail program shows a message."""
        self.go(f"file://{path}", width, dark)

    def window(self, width, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=HEIGHT, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme",
             "value": "dark" if dark else "light"}])

    def go(self, url, width, dark=False):
        self.window(width, dark)
        self.call("Page.navigate", url=url)
        wanted = f"document.readyState == 'complete' && " \
            f"location.href == {json.dumps(url)}"
        while not self.has_come(wanted):
            pass

    def picture(self, height):
        """PNG of the page down to there, at least of the window."""
        if height <= HEIGHT:
            # What is beyond is taken from another place in "rtl" pages.
            shot = self.call("Page.captureScreenshot", format="png")
        else:
            shot = self.call("Page.captureScreenshot", format="png",
                             captureBeyondViewport=True,
                             clip={"x": 0, "y": 0, "scale": 1,
                                   "width": self.ask("innerWidth"),
                                   "height": height})
        return base64.b64decode(shot["data"])
