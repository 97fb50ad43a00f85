"""End-to-end tests: real programs, real Postfix, nothing outside 127.0.0.1.

How to write one
----------------
    def test_refused_in_the_dialogue(world):          # R5321-3
        world.import_csv("email,purpose,status,time\\n"
                         "anna@x.test,acme/newsletter,granted,"
                         "2026-01-01T00:00:00Z\\n")
        world.start()
        told = world.send("news@acme.example", ["anna@x.test", "bob@x.test"],
                          messages.newsletter())
        assert told.accepted == ["anna@x.test"]
        assert told.rcpts["bob@x.test"][0] == 550
        world.settled()
        assert world.sink.delivered == ["anna@x.test"]

- world: config written, `consentctl init` done, nothing started; start() runs
  consent-milter, consent-web and a Postfix with the ports "main" (mixed mail)
  and "marketing" (everything is the newsletter).  What goes out lands in
  world.sink as it came over the wire.  harness/world.py has the config.
- new_world(streams=..., replace={...}, after=...): a world of your own.
- folder: a temporary folder that every user may pass through.
- world.http(), world.one_click(uri): consent-web; messages.unsubscribe_uris()
  takes the links out of a delivered mail.
- MilterClient(world.socket()): no MTA at all, see harness/milterclient.py.
- OpenDkim, Sendmail: harness/dkim.py, harness/sendmail.py.

Run one:  /usr/bin/python3 -m pytest tests/e2e -k dialogue
Programs come from ./build, or from the folder that CM_BUILD names.  Everything
ends with the test; CM_KEEP=1 keeps the folder and says where it is.
"""
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness.person import new_browser  # noqa: E402
from harness.world import World  # noqa: E402


@pytest.fixture(scope="module")
def browser():
    """One Chromium for all pages of a file; harness/person.py goes there."""
    chromium = new_browser()
    yield chromium
    chromium.close()


@pytest.fixture
def folder():
    """Like tmp_path, but passable: Postfix and our daemons drop root."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="cm-e2e-"))
    path.chmod(0o711)
    yield path
    if os.environ.get("CM_KEEP"):
        print(f"kept: {path}")
    else:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def new_world(folder):
    """Make worlds; they end with the test."""
    made = []

    def make(**kw):
        made.append(World(folder / f"w{len(made)}", **kw).init())
        return made[-1]
    yield make
    for world in made:
        world.stop()


@pytest.fixture
def world(new_world):
    return new_world()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the logs of its daemons."""
    report = (yield).get_result()
    folder = getattr(item, "funcargs", {}).get("folder")
    if report.failed and folder is not None and folder.exists():
        for log in sorted(folder.rglob("*.log")) + sorted(
                folder.rglob("maillog")):
            text = log.read_text(errors="replace")
            if text:
                report.sections.append((str(log.relative_to(folder)),
                                        text[-6000:]))
