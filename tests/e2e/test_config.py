"""Ten ways to get the config wrong: status 78, the line, and what to do."""
import subprocess

import pytest

from harness.world import World, program

# What is replaced by what, words that the one-line answer must have, and what
# stands in the line it names, if not the replacement.
MISTAKES = {
    "unknown-setting": ("lock-wait = 2", "lock-wiat = 2", ["lock-wiat"]),
    "syntax": ("lock-wait = 2", "lock-wait = = 2", []),
    "bad-word": ("refuse = drop", "refuse = bounce", ["bounce", "drop"]),
    "unknown-purpose": ('purpose = {"acme/offers"}',
                        'purpose = {"acme/offer"}', ["acme/offer"]),
    "bad-address": ('contact = "privacy@acme.example"',
                    'contact = "privacy"', ["privacy"]),
    "no-https": ('base-url = "https://', 'base-url = "http://', ["https"]),
    "rewrite-without-address": ('    rewrite-to = "audit@acme.example"\n', "",
                                ["rewrite-to"], 'stream "magazine"'),
    "service-without-approval": (
        '    approved-by = "Data protection officer, 2026-01-10"\n', "",
        ["approved-by"], 'stream "receipts"'),
    "stream-twice": ('stream "offers"', 'stream "newsletter"',
                     ["newsletter"]),
    "unknown-stream": ('unmatched = "newsletter"', 'unmatched = "newslettr"',
                       ["newslettr"]),
    "bad-lifetime": ('lifetime = "3y"', 'lifetime = "3 years or so"',
                     ["3 years or so"]),
    "service-by-sender-only": ('    client = {"127.0.0.1"}\n', "",
                               ["receipts"], 'stream "receipts"'),
}


@pytest.mark.parametrize("name", MISTAKES)
@pytest.mark.parametrize("prog", ["consent-milter", "consent-web",
                                  "consentctl"])
def test_mistake(folder, name, prog):
    old, new, words, *place = MISTAKES[name]
    world = World(folder / "w", postfix=False, replace={old: new})
    argv = {"consent-milter": ["-t"], "consent-web": ["-f"],
            "consentctl": ["status"]}[prog]
    done = subprocess.run([program(prog), "-c", world.config_file, *argv],
                          capture_output=True, text=True, timeout=20)
    world.sink.stop()
    assert done.returncode == 78, done
    lines = done.stderr.strip().split("\n")
    assert len(lines) == 1, done.stderr
    number = int(lines[0].partition(f"{world.config_file}:")[2].split(":")[0])
    assert (place or [new])[0] in world.config.split("\n")[number - 1]
    for word in words:
        assert word in lines[0]


def test_right_config(folder):
    """The positive twin: the same config without a mistake."""
    world = World(folder / "w", postfix=False)
    done = subprocess.run([program("consent-milter"), "-c",
                           world.config_file, "-t"], capture_output=True)
    world.sink.stop()
    assert done.returncode == 0, done.stderr


def test_missing_file(folder):
    done = subprocess.run([program("consent-milter"), "-c", folder / "no",
                           "-t"], capture_output=True, text=True)
    assert done.returncode == 78
    assert str(folder / "no") in done.stderr
