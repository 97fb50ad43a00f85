"""The systemd units that come with us: systemd takes them as they are, and
leaves the daemons little to do harm with."""
import re
import shutil
import subprocess

import pytest

from conftest import BUILD

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"),
                                reason="systemd-analyze is not here")
UNITS = sorted(f.name for f in (BUILD / "conf" / "systemd").glob("*.service"))


def analyze(*args):
    return subprocess.run(["systemd-analyze", *args], capture_output=True,
                          text=True, timeout=60)


def test_systemd_takes_them(tmp_path):
    """As installed: the programs are there."""
    for name in UNITS:
        text = (BUILD / "conf" / "systemd" / name).read_text()
        text = re.sub(r"(?m)^(Exec\w+)=\S+", r"\1=/bin/true", text)
        text = re.sub(r"(?m)^Documentation=.*\n", "", text)
        (tmp_path / name).write_text(text)
    done = analyze("verify", *(str(tmp_path / n) for n in UNITS
                               if "@" not in n))
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) not in done.stderr, done.stderr


@pytest.mark.parametrize("name", ["consent-web.service",
                                  "consent-milter.service"])
def test_daemons_may_do_little(name):
    """2.0 of 10, where 10 is a unit that says nothing; who serves the public
    writes nowhere but the store."""
    done = analyze("security", "--offline=true", "--threshold=20",
                   "--no-pager", str(BUILD / "conf" / "systemd" / name))
    assert done.returncode == 0, done.stdout
    text = (BUILD / "conf" / "systemd" / name).read_text()
    if "web" in name:
        assert re.findall(r"(?m)^ReadWritePaths=(.*)$", text) == [
            "/var/lib/consent-milter"]
