"""What type checkers say of right and wrong uses: mypy and pyright report the marked lines and no other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.gates import ROOT

USES = ROOT / "tests" / "fixtures" / "uses.py"
MARK = re.compile(r"# error: (?P<mypy>[\w-]+), (?P<pyright>\w+)$")

Report = dict[int, str]


def marks(checker: str) -> Report:
    """The lines that are wrong, and what the checker calls it."""
    lines = enumerate(USES.read_text(encoding="utf-8").splitlines(), start=1)
    return {number: found[checker] for number, line in lines if (found := MARK.search(line))}


def run(*command: str) -> str:
    environment = os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command, str(USES)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def mypy() -> Report:
    said = run("mypy", "--config-file", str(ROOT / "pyproject.toml"), "--no-pretty", "--show-error-codes")
    found = re.findall(r"^(.+?):(\d+): error: .*\[([\w-]+)\]$", said, re.M)
    return {int(line): code for path, line, code in found if (ROOT / path) == USES}


def pyright() -> Report:
    said = json.loads(run("pyright", "--outputjson", "--pythonpath", sys.executable))
    return {
        one["range"]["start"]["line"] + 1: one["rule"]
        for one in said["generalDiagnostics"]
        if one["file"] == str(USES)
    }


@pytest.mark.parametrize("checker", [mypy, pyright], ids=lambda checker: checker.__name__)
def test_checkers_report_what_is_wrong(checker: Callable[[], Report]) -> None:
    due = marks(checker.__name__)
    assert len(due) > 20
    assert checker() == due
