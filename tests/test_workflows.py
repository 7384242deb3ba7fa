"""The workflows: whose code they run, what it may do, and that they test what is promised."""

import re
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from tests.gates import ROOT, workflow

FLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FAULTS = {
    "actions/checkout@v6 is not pinned": ("@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2", "@v6"),
    "is not pinned": (" # v6.2.0", ""),
    "every job is given permissions": ("permissions: {}\n", "permissions: write-all\n"),
    "deploy: {'pages': 'write'}": ("      id-token: write # how Pages knows who deploys\n", ""),
    "build: {'contents': 'write'}": ("contents: read\n    env:", "contents: write\n    env:"),
    "deploy: a job with more": (
        "      - id: deployment\n",
        "      - run: make book\n      - id: deployment\n",
    ),
    "credentials": ("persist-credentials: false", "fetch-depth: 1"),
    "an expression in a script": ("run: make book", "run: make book ${{ github.ref }}"),
    "no timeout": ("    timeout-minutes: 30\n", ""),
    "two runs at once": ("concurrency:\n  group: pages\n  cancel-in-progress: false\n", ""),
}


def flow(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows" / name).read_text(encoding="utf-8"))
    return read


def makefile(variable: str) -> str:
    found = re.search(rf"^{variable}\s*:= (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert found, variable
    return found[1]


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.name)
def test_workflow(path: Path) -> None:
    assert workflow.problems(path) == []


@pytest.mark.parametrize("said", FAULTS)
def test_workflow_fault(said: str, tmp_path: Path) -> None:
    sound, faulty = FAULTS[said]
    text = (ROOT / ".github/workflows/book.yml").read_text(encoding="utf-8")
    assert sound in text
    path = tmp_path / "book.yml"
    path.write_text(text.replace(sound, faulty), encoding="utf-8")
    assert any(said in line for line in workflow.problems(path)), workflow.problems(path)


def test_an_action_has_one_pin() -> None:
    pins = set(chain.from_iterable(workflow.uses(path.read_text(encoding="utf-8")) for path in FLOWS))
    actions = [pin.partition("@")[0] for pin in pins if not pin.startswith("./")]
    assert len(actions) == len(set(actions)), sorted(pins)


def test_nothing_is_published_that_was_not_tested() -> None:
    assert set(flow("book.yml")["jobs"]["deploy"]["needs"]) == {"tests", "build"}
    assert set(flow("release.yml")["jobs"]["publish"]["needs"]) == {"tests", "build", "try"}
    for name in ("book.yml", "release.yml"):
        assert flow(name)["jobs"]["tests"]["uses"] == "./.github/workflows/tests.yml"


def test_the_same_pythons_everywhere() -> None:
    pythons = makefile("PYTHONS").split()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    prefix = "Programming Language :: Python :: 3."
    classifiers = [line for line in settings["project"]["classifiers"] if line.startswith(prefix)]
    assert [line.rpartition(" ")[2] for line in classifiers] == pythons
    assert settings["project"]["requires-python"] == f">={pythons[0]}"
    assert settings["tool"]["mypy"]["python_version"] == pythons[0]
    assert settings["tool"]["ruff"]["target-version"] == "py" + pythons[0].replace(".", "")
    jobs = flow("tests.yml")["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == pythons
    ends = [pythons[0], pythons[-1]]
    for job in (jobs["units"], flow("release.yml")["jobs"]["try"]):
        assert job["strategy"]["matrix"]["python"] == ends
        assert {"macos-latest", "windows-latest"} <= set(job["strategy"]["matrix"]["os"])
    for name in ("README.md", "CONTRIBUTING.md"):
        assert f"With Python {ends[0]} to {ends[1]}, git" in (ROOT / name).read_text(encoding="utf-8"), name


def test_the_oldest_is_tested_with_the_oldest() -> None:
    (oldest,) = re.findall(r"^torch==(.*)$", (ROOT / "tests/lowest/requirements.txt").read_text(), re.M)
    (torch,) = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert SpecifierSet(torch.removeprefix("torch")).contains(oldest)
    assert torch.removeprefix("torch>=") + ".0" == oldest
    steps = flow("tests.yml")["jobs"]["lowest"]["steps"]
    assert {"run": "make lowest"} in steps
    assert any(step.get("with", {}).get("python-version") == "3.11" for step in steps)


@pytest.mark.parametrize(("name", "job"), [("tests.yml", "units"), ("release.yml", "try")])
def test_units_are_the_units_of_the_makefile(name: str, job: str) -> None:
    around = re.search(r"test_%\.py,(.*)\)", makefile("AROUND"))
    assert around
    command = flow(name)["jobs"][job]["steps"][-1]["run"]
    left_out = re.findall(r"--ignore=tests/test_(\w+)\.py", command)
    assert left_out == around[1].split()


def test_addresses_are_those_of_the_repository_that_publishes() -> None:
    build = [flow(name)["jobs"]["build"]["env"] for name in ("book.yml", "release.yml")]
    for environment in build:
        assert environment["REPOSITORY_URL"] == "${{ github.server_url }}/${{ github.repository }}"
        assert "github.repository_owner" in environment["BOOK_URL"]
    for name in ("pyproject.toml", "setup.py", "_config.yml", "CITATION.cff", "README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"github\.com/\w|\w\.github\.io", text), f"{name} names an address"
