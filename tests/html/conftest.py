"""A desk with consentctl on it, as tests/cli has it."""
import importlib.util
import os

import pytest
from html_end import TREE

SPEC = importlib.util.spec_from_file_location(
    "cli", os.path.join(TREE, "tests/cli/conftest.py"))
CLI = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(CLI)


@pytest.fixture(scope="module")
def ctl(tmp_path_factory):
    desk = CLI.Ctl(tmp_path_factory.mktemp("desk"))
    desk.run("init")
    desk.config.write_text(desk.config.read_text() +
                           f'\ntemplates = "{TREE}/conf/templates"\n')
    return desk
