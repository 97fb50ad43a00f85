#!/usr/bin/python3
"""corpus: Python's email package as the third reader of every edit.

Runs t_corpus (from the build folder, the current one under make check) and
reads its results: each edited display leaf must show the link once and its
old text otherwise, every other leaf must be the same, and the tree too.  The
splices that were declared are applied here once more, to the original: that
must give the very octets.  Then the same for messages by chance, which
t_edit_random makes (CM_ROUNDS of them, from CM_SEED on).
"""
import codecs
import email
import email.policy
import html
import os
import subprocess
import sys
import tempfile
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
LINK = "https://consent.acme.example/u/AQIDBAUGBwgJCgsMDQ4PEBESExQV"


def read_expect(path):
    expect = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                key, _, value = line.partition(":")
                expect[key] = value.strip()
    return expect


def leaves(message, path=""):
    """(path, part) in order, IMAP's numbering; messages are leaves."""
    if message.get_content_maintype() == "multipart" and \
            isinstance(message.get_payload(), list):
        for i, part in enumerate(message.get_payload(), 1):
            yield from leaves(part, f"{path}.{i}" if path else str(i))
    else:
        yield path or "1", message


def decoded(part):
    if part.get_content_maintype() == "message":
        return b"".join(p.as_bytes() for p in part.get_payload())
    return part.get_payload(decode=True)


# Where Python's codec of that name is narrower than what mail means by it.
WIDER = {"iso-8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030",
         "big5": "big5hkscs", "shift_jis": "cp932", "x-sjis": "cp932",
         "euc-kr": "cp949", "ks_c_5601-1987": "cp949",
         "iso-8859-8-i": "iso8859_8", "windows-949": "cp949",
         "windows-874": "cp874", "x-mac-ce": "mac_latin2"}


def codec_of(part):
    """How a reader takes its octets; a lie is read as what shows them all."""
    label = part.get_content_charset() or "us-ascii"
    for codec in (WIDER.get(label, label), label, "utf-8", "latin-1"):
        try:
            decoded(part).decode(codec)
            return codec
        except (UnicodeDecodeError, LookupError):
            continue
    return None


def text_of(part, codec):
    text = decoded(part).decode(codec).replace("\r\n", "\n")
    return unicodedata.normalize("NFC", text)


def is_known(part):
    label = part.get_content_charset() or "us-ascii"
    try:
        return bool(codecs.lookup(WIDER.get(label, label)))
    except LookupError:
        return False


def check_edited(old, new, expect):
    """The footer once, and nothing but the footer, as its label says."""
    if not is_known(old):
        return None  # Python has no opinion of x-mac-cyrillic and its like
    link = expect.get("link", LINK)
    label = new.get_content_charset()
    kept = label == old.get_content_charset()
    codec = codec_of(old)
    before, after = text_of(old, codec), \
        text_of(new, codec if kept else label)
    if expect.get("charset", label) != label:
        return f"is {label} now"
    if expect.get("controller", "") not in html.unescape(after):
        return "does not name the controller"
    shown = after.replace("&amp;", "&") if \
        new.get_content_subtype() == "html" else after
    if shown.count(link) != 1:
        return f"shows the link {shown.count(link)} times"
    start = 0
    while start < min(len(before), len(after)) and \
            before[start] == after[start]:
        start += 1
    rest = len(before) - start
    if rest and not after.endswith(before[start:]):
        return "lost text"
    if old.get_content_type() != new.get_content_type():
        return "changed its type"
    return None


def check_lines(raw_old, raw_new):
    longest = max(map(len, raw_old.split(b"\r\n")))
    for line in raw_new.split(b"\r\n"):
        if len(line) > max(998, longest):
            return f"has a line of {len(line)} octets"
    return None


def content_fields(message):
    return [(k, v) for k, v in message.items()
            if k.lower().startswith("content-")]


def check_wrapped(name, folder):
    """R1847-1, RMIME-9: the message as it was, and the footer beside it."""
    file = os.path.join(folder, name + ".wrapped.new")
    if not os.path.exists(file):
        return None
    with open(os.path.join(HERE, name + ".eml"), "rb") as f:
        raw_old = f.read()
    with open(file, "rb") as f:
        raw_new = f.read()
    old, new = email.message_from_bytes(raw_old), email.message_from_bytes(
        raw_new)
    if new.get_content_type() != "multipart/mixed" or len(
            new.get_payload()) != 2 or new.defects:
        return "wrapped: no mixed of two parts"
    inner, footer = new.get_payload()
    if content_fields(inner) != content_fields(old) or inner.keys() != [
            k for k, _ in content_fields(old)]:
        return "wrapped: other fields"
    if raw_old.split(b"\r\n\r\n", 1)[1] not in raw_new:
        return "wrapped: another body"
    if [(p, decoded(m)) for p, m in leaves(inner)] != [
            (p, decoded(m)) for p, m in leaves(old)]:
        return "wrapped: other parts"
    if text_of(footer, "utf-8").count(read_expect(os.path.join(
            HERE, name + ".expect")).get("link", LINK)) != 1:
        return "wrapped: no footer"
    if not raw_new.isascii() and raw_old.isascii():
        return "wrapped: 8-bit"
    return None


def body_of(raw):
    return raw[2:] if raw.startswith(b"\r\n") else \
        raw.partition(b"\r\n\r\n")[2]


def check_splices(raw_old, raw_new, declared):
    """Byte-exact outside the declared splices, and in them."""
    old, out, start = body_of(raw_old), [], 0
    for line in declared.split("\n")[:-1]:
        at, remove, insert = line.split(" ")
        out += [old[start:int(at)], bytes.fromhex(insert)]
        start = int(at) + int(remove)
    if b"".join(out) + old[start:] != body_of(raw_new):
        return "is not the original with the declared splices"
    return None


MEASURES = ("content-md5", "content-length", "lines")


def headers(message, path=""):
    """(path, fields) of every part, multiparts too; not the message's own."""
    if message.get_content_maintype() != "multipart" or \
            not isinstance(message.get_payload(), list):
        return
    for i, part in enumerate(message.get_payload(), 1):
        below = f"{path}.{i}" if path else str(i)
        yield below, [(k.lower(), v) for k, v in part.items()]
        yield from headers(part, below)


def check_headers(old, new, edited):
    """RMIME-10: gone from an edited part up, kept elsewhere; the others stay.

    An edited part may say another charset and encoding.
    """
    if any(new.get(field) is not None for field in MEASURES):
        return "the message is not as long any more"
    for (path, was), (_, now) in zip(headers(old), headers(new)):
        holds = any((e + ".").startswith(path + ".") for e in edited)
        free = ("content-type", "content-transfer-encoding") \
            if path in edited else ()
        want = [(k, v) for k, v in was if k not in free
                and not (holds and k in MEASURES)]
        if [(k, v) for k, v in now if k not in free] != want:
            return f"part {path} has another header"
    return None


def check_message(name, folder, here=HERE):
    expect = read_expect(os.path.join(here, name + ".expect"))
    with open(os.path.join(here, name + ".eml"), "rb") as file:
        raw_old = file.read()
    with open(os.path.join(folder, name + ".new"), "rb") as file:
        raw_new = file.read()
    with open(os.path.join(folder, name + ".splices"),
              encoding="ascii") as file:
        declared = file.read()
    old = email.message_from_bytes(raw_old, policy=email.policy.compat32)
    new = email.message_from_bytes(raw_new, policy=email.policy.compat32)
    edited = expect.get("parts", "").split()
    if not edited:
        body = raw_old.split(b"\r\n\r\n", 1)[1]
        return None if raw_new.endswith(b"\r\n\r\n" + body) else "changed"
    why = check_splices(raw_old, raw_new, declared)
    if why:
        return why
    before, after = list(leaves(old)), list(leaves(new))
    if [p for p, _ in before] != [p for p, _ in after]:
        return "another tree"
    for (path, was), (_, now) in zip(before, after):
        if path in edited:
            why = check_edited(was, now, expect)
        else:
            why = None if decoded(was) == decoded(now) else "changed"
        if why:
            return f"part {path} {why}"
    why = check_headers(old, new, edited)
    if why:
        return why
    for header in ("From", "To", "Subject", "Date", "Message-ID"):
        if old.get_all(header) != new.get_all(header):
            return f"changed {header}"
    return check_lines(raw_old, raw_new)


def run(program, **environment):
    """Its results, in a folder that goes with the program's end."""
    subprocess.run([program], check=True, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, **environment))


def complain(name, why):
    if why:
        print(f"{name}: {why}")
    return bool(why)


def corpus(program):
    names = sorted(f[:-4] for f in os.listdir(HERE) if f.endswith(".eml"))
    with tempfile.TemporaryDirectory() as folder:
        run(program, CM_CORPUS_OUT=folder)
        return len(names), sum(complain(
            name, check_message(name, folder) or check_wrapped(name, folder))
            for name in names)


def by_chance(program):
    with tempfile.TemporaryDirectory() as folder:
        run(program, CM_EDIT_OUT=folder,
            CM_ROUNDS=os.environ.get("CM_ROUNDS", "300"),
            CM_SEED=os.environ.get("CM_SEED", "1000000"))
        names = sorted(f[:-4] for f in os.listdir(folder)
                       if f.endswith(".new"))
        return len(names), sum(complain(
            f"CM_SEED={name}", check_message(name, folder, folder))
            for name in names)


def main():
    program = os.path.abspath(
        sys.argv[1] if len(sys.argv) > 1 else "tests/corpus/t_corpus")
    unit = os.path.join(os.path.dirname(program), "..", "unit")
    known, bad = corpus(program)
    made, also = by_chance(os.path.join(unit, "t_edit_random"))
    print(f"{known} messages and {made} by chance, {bad + also} that Python "
          "reads otherwise")
    return 1 if bad or also or not known or not made else 0


if __name__ == "__main__":
    sys.exit(main())
