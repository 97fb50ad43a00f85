"""What both tests of this folder share: the program, the footer, the DOM."""
import os
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TREE, os.environ.get("CM_BUILD", "build"))


class Places:
    """cm_html_end() in a process of its own."""

    def __init__(self):
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "tests/html/place")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, text):
        """(offset, None) or (offset, why not) for some octets."""
        self.process.stdin.write(struct.pack(">I", len(text)) + text)
        self.process.stdin.flush()
        line = self.process.stdout.readline().decode("latin-1")
        assert line, f"the program died of {text!r}"
        at, why = line.split(" ", 2)[:2]
        return int(at), None if why == "-" else why
