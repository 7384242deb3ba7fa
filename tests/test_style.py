"""Style, types and spelling; each tool is also shown to reject a planted fault."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.gates import ROOT

SETTINGS = str(ROOT / "pyproject.toml")
TOOLS = {
    "ruff check": ["ruff", "check", "--no-cache", "--config", SETTINGS],
    "ruff format": ["ruff", "format", "--no-cache", "--check", "--diff", "--config", SETTINGS],
    "codespell": ["codespell_lib", "--toml", SETTINGS],
    "mypy": ["mypy", "--config-file", SETTINGS],
}
FAULTS = {
    "ruff check": ("fault.py", "import os\n", "F401"),
    "ruff format": ("fault.py", "x = {  'a':1 }\n", "would be reformatted"),
    "codespell": ("fault.md", "This is t" + "eh loss.\n", "==> the"),
    "mypy": ("fault.py", "def f(x):\n    return x\n", "no-untyped-def"),
}


def run(tool: str, *paths: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *TOOLS[tool], *paths]
    return subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.parametrize("tool", TOOLS)
def test_repository(tool: str) -> None:
    paths = [] if tool == "mypy" else ["."]  # mypy's files are in its settings
    result = run(tool, *paths)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("tool", TOOLS)
def test_planted_fault(tool: str, tmp_path: Path) -> None:
    name, content, said = FAULTS[tool]
    (tmp_path / name).write_text(content)
    result = run(tool, str(tmp_path / name))
    assert result.returncode != 0
    assert said in result.stdout
