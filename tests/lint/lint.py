#!/usr/bin/python3
"""House rules that a compiler does not know (HACKING, "Rules of the code").

    tests/lint/lint.py [BUILD-FOLDER]

One line a rule, "ok - rule" or "not ok - rule" with what breaks it below.
With --files, only the names of our files.
"""
import fnmatch
import functools
import pathlib
import re
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path((sys.argv[1:] or ["build"])[0]).resolve()

LAYERS = {"lib": (), "policy": ("lib",), "milter": ("lib", "policy"),
          "web": ("lib", "policy"), "intake": ("lib", "policy"),
          "tools": ("lib", "policy", "milter")}
THIRD_PARTY = ("libmilter/mfapi.h", "lmdb.h", "openssl/", "gmime/", "iconv.h",
               "jansson.h", "microhttpd.h", "spf2/", "confuse.h", "libpq-fe.h",
               "curl/curl.h", "idn2.h")
BANNED = ("strcpy", "strcat", "sprintf", "vsprintf", "strncpy", "strtok",
          "sscanf", "atoi", "atol", "atoll", "atof", "strtol", "strtoul",
          "strtoll", "strtoull", "localtime", "gmtime", "gets", "alloca",
          "setlocale")
FUNCTION_MAX, FILE_MAX, COLUMNS_MAX, TAB = 100, 1000, 80, 8


def in_git():
    """Files of the clone, new ones included; None outside of one."""
    # The clone may be another user's: that is no danger to a list of names.
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-co",
         "--exclude-standard"], cwd=REPO, text=True, capture_output=True)
    return done.stdout.split("\n") if done.returncode == 0 else None


def in_tree():
    """Files of an unpacked release: all but what a build adds."""
    for path in REPO.rglob("*"):
        name = str(path.relative_to(REPO))
        if not re.match(r"build|autom4te\.cache", name):
            yield name


@functools.cache
def all_files():
    return sorted(n for n in in_git() or in_tree()
                  if n and (REPO / n).is_file())


def tracked(*patterns):
    """Names of our files, of all or of those that match."""
    return [n for n in all_files() if not patterns or any(
        fnmatch.fnmatch(n, p) for p in patterns)]


def read(name):
    return (REPO / name).read_text(errors="replace")


def sources():
    return [n for n in tracked("*.c", "*.h") if n.split("/")[0] in LAYERS]


def without_comments(text):
    """Comments and strings blanked, lines kept."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m[0])
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'
                  r"'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S)


def includes(name):
    return re.findall(r'(?m)^\s*#\s*include\s+([<"])([^>"]+)[>"]', read(name))


def layers_point_down():
    for name in sources():
        layer = name.split("/")[0]
        for kind, path in includes(name):
            other = path.split("/")[0]
            if kind == '"' and other in LAYERS and other != layer \
                    and other not in LAYERS[layer]:
                yield f"{name} includes {path}"


def one_owner_per_library():
    for header in THIRD_PARTY:
        owners = [n for n in sources() if any(
            k == "<" and p.startswith(header) for k, p in includes(n))]
        if len(owners) > 1:
            yield f"<{header}> in {', '.join(owners)}"


def no_banned_functions():
    ban = re.compile(r"\b(" + "|".join(BANNED) + r")\s*\(")
    for name in sources():
        for n, line in enumerate(without_comments(read(name)).split("\n"), 1):
            found = ban.search(line)
            if found:
                yield f"{name}:{n}: {found[1]}()"


def functions_are_short():
    for name in tracked("*.c"):
        start = 0
        for n, line in enumerate(read(name).split("\n"), 1):
            if line.startswith("{"):
                start = n
            elif line.startswith("}") and start:
                if n - start > FUNCTION_MAX:
                    yield f"{name}:{start}: {n - start} lines"
                start = 0


def files_are_short():
    for name in tracked("*.c", "*.h", "*.py", "tools/*"):
        lines = read(name).count("\n")
        if lines > FILE_MAX:
            yield f"{name}: {lines} lines"


def lines_are_short():
    # clang-format looks after C.
    for name in tracked("*.py", "tools/*"):
        if name.endswith((".csv", ".eml")):
            continue
        for n, line in enumerate(read(name).split("\n"), 1):
            if len(line.expandtabs(TAB)) > COLUMNS_MAX:
                yield f"{name}:{n}: {len(line.expandtabs(TAB))} columns"


def headers_have_a_manual():
    for name in sources():
        if name.endswith(".h") and not read(name).startswith("/*"):
            yield f"{name}: no manual on top"


def symbols_are_prefixed():
    for lib in sorted(BUILD.glob("*/lib*.a")):
        out = subprocess.run(["nm", "-g", "--defined-only", lib], text=True,
                             capture_output=True, check=True).stdout
        for symbol in re.findall(r"(?m)^[0-9a-f]+ [A-Z] (\w+)$", out):
            # Compilers and sanitizers add names with two underscores.
            if not symbol.startswith(("cm_", "__", "_")):
                yield f"{lib.name}: {symbol}"


def symbols_are_defined_once():
    """A program's own object silently hides a library's of that name."""
    owners = {}
    for lib in ("lib", "policy", "milter", "web", "intake", "tools"):
        for file in sorted((BUILD / lib).glob("*.o")):
            if file.name.startswith("tests_"):  # the same, built for fuzzing
                continue
            out = subprocess.run(["nm", "-g", "--defined-only", file],
                                 text=True, capture_output=True,
                                 check=True).stdout
            for symbol in re.findall(r"(?m)^[0-9a-f]+ [A-Z] (cm_\w+)$", out):
                owners.setdefault(symbol, []).append(f"{lib}/{file.name}")
    for symbol, files in sorted(owners.items()):
        # The daemons are never in one program.
        folders = [f.partition("/")[0] for f in files]
        apart = len(set(folders)) == len(folders) and \
            set(folders) <= {"milter", "web", "intake"}
        if len(files) > 1 and not apart:
            yield f"{symbol}: {' '.join(files)}"


def no_mutable_globals():
    """Nothing in .data or .bss of our libraries (style 5.2)."""
    libs = sorted(BUILD.glob("*/lib*.a"))
    if not libs:
        yield f"no libraries in {BUILD}"
    for lib in libs:
        out = subprocess.run(["nm", "--format=sysv", lib], text=True,
                             capture_output=True, check=True).stdout
        for line in out.split("\n"):
            cells = [c.strip() for c in line.split("|")]
            # Constants with pointers in them are in .data.rel.ro; a
            # pthread_once_t is how a library that has a start is started.
            if len(cells) == 7 and re.match(
                    r"\.(data|bss|tdata|tbss)|\*COM\*", cells[6]) and \
                    ".ro" not in cells[6] and \
                    not re.match(r"__|once(\.\d+)?$", cells[0]):
                yield f"{lib.name}: {cells[0]} in {cells[6]}"


def every_command_is_in_its_manual():
    manuals = [p for p in (REPO / "conf").rglob("consentctl.1*")] + \
              [p for p in (REPO / "tools").rglob("consentctl.1*")]
    if not manuals:
        yield "no consentctl.1"
        return
    text = "".join(m.read_text() for m in manuals)
    for table in ("tools/ctl_table.c", "tools/ctl_store_table.c"):
        commands = re.findall(r'(?m)^\t*\.name = "([\w-]+)",\n\t*\.usage',
                              read(table))
        if not commands:
            yield f"{table}: no command is found in it"
        for command in commands:
            if not re.search(rf"\b{re.escape(command)}\b", text):
                yield f"{table}: {command}"


def every_setting_is_in_the_sample():
    sample = REPO / "conf" / "consent-milter.conf.sample"
    if not sample.exists():
        yield "no conf/consent-milter.conf.sample"
        return
    text = sample.read_text()
    settings = re.findall(r'\{CM_SECTION_\w+, "([a-z][\w-]*)"',
                          read("policy/settings.c"))
    if not settings:
        yield "policy/settings.c: no setting is found in it"
    for name in settings:
        word = re.escape(name).replace("XX", r"\w+")
        if not re.search(rf"(?m)^[#\s]*.*\b{word}\s*=", text):
            yield name


def no_registry_hosts():
    """Packages are named, never the places they come from."""
    host = re.compile(r"\b(?:deb|security|ftp|archive)\.debian\.org|"
                      r"registry\.npmjs|pypi\.org|files\.pythonhosted|"
                      r"proxy\.golang|crates\.io")
    for name in tracked():
        if name == "tests/lint/lint.py":
            continue
        for n, line in enumerate(read(name).split("\n"), 1):
            if host.search(line):
                yield f"{name}:{n}: {line.strip()[:60]}"


def nothing_generated_is_tracked():
    if in_git() is None:
        return
    for name in tracked():
        if re.search(r"(^|/)(configure|Makefile\.in|config\.h\.in|aclocal\.m4|"
                     r"core)$|\.(o|a|so|pyc|log)$", name):
            yield name


def every_unit_test_runs_once():
    programs = re.findall(r"(?m)^check_PROGRAMS \+= (\S+)$",
                          "".join(read(n) for n in tracked("*.inc")))
    for name in sorted(set(programs)):
        if programs.count(name) > 1:
            yield f"{name}: registered twice"
    for name in tracked("tests/unit/t_*.c"):
        if name[:-2] not in programs:
            yield f"{name}: not registered"


def a_release_has_every_file():
    """Named by a make file, or in a folder that one names."""
    made = {w.strip("/") for w in re.findall(r"[\w./@%*-]+", "".join(
        read(n) for n in tracked("*Makefile.am", "*Makefile.inc")))}
    globs = [w for w in made if re.search(r"/\*\.", w)]
    for name in tracked():
        parts = name.split("/")
        if name.startswith(".") or parts[-1].startswith((".", "Makefile.")) \
                or parts[0] in ("configure.ac", "m4"):
            continue
        folders = ["/".join(parts[:n]) for n in range(2, len(parts))]
        if not made.intersection([name, *folders]) and not any(
                fnmatch.fnmatch(name, g) for g in globs):
            yield name


def nothing_sounds_unfinished():
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|not implemented|for now")
    for name in tracked("*.c", "*.h"):
        for n, line in enumerate(read(name).split("\n"), 1):
            if words.search(line):
                yield f"{name}:{n}: {line.strip()[:60]}"


def scripts_are_sound():
    for name in tracked("tools/*", ".ci/*", "tests/*.sh", "tests/*/run",
                        "tests/*/fresh"):
        head = read(name).split("\n")[0]
        if not head.startswith("#!") or "sh" not in head:
            continue
        if subprocess.run(["bash", "-n", REPO / name]).returncode != 0:
            yield f"{name}: syntax"
        if not (REPO / name).stat().st_mode & 0o100:
            yield f"{name}: not executable"


RULES = (layers_point_down, one_owner_per_library, no_banned_functions,
         functions_are_short, files_are_short, lines_are_short,
         headers_have_a_manual, symbols_are_prefixed,
         symbols_are_defined_once, no_mutable_globals,
         every_command_is_in_its_manual, every_setting_is_in_the_sample,
         no_registry_hosts, nothing_generated_is_tracked,
         every_unit_test_runs_once, a_release_has_every_file,
         nothing_sounds_unfinished, scripts_are_sound)


def main():
    if sys.argv[1:] == ["--files"]:
        print("\n".join(all_files()))
        return 0
    bad = 0
    for rule in RULES:
        found = list(rule())
        bad += bool(found)
        print("not ok" if found else "ok", "-",
              rule.__name__.replace("_", " "))
        for line in found[:50]:
            print(f"  {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
