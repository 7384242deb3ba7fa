"""The environment of the chapter in Keras and JAX, and that the chapter is executed in it."""

import os
import re
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from book._tools.execute import FRAMEWORKS
from tests.gates import ROOT

FOLDER = Path(os.environ["BOOK_FRAMEWORKS"])
ASKED = {"jax", "keras", "optax", "tensorflow-cpu"}


def spelling(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def pins(file: Path) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {spelling(name): version for name, version in pairs}


PINS = pins(Path(__file__).with_name("requirements.txt"))


def installed() -> dict[str, Distribution]:
    return {spelling(d.name): d for d in distributions(path=[str(FOLDER)])}


def test_the_folder_holds_what_is_pinned() -> None:
    assert {name: d.version for name, d in installed().items()} == PINS


def test_a_pin_is_asked_for_and_in_the_range_that_was_asked_for() -> None:
    needed = [Requirement(line) for d in installed().values() for line in d.requires or ()]
    needed = [r for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
    unasked = ASKED | {spelling(r.name) for r in needed}
    assert [name for name in PINS if name not in unasked] == []
    here = {**pins(ROOT / "requirements.txt"), **PINS}
    for r in needed:
        if version := here.get(spelling(r.name)):
            assert r.specifier.contains(version.split("+")[0]), f"{r}, not {version}"


def test_no_other_chapter_sees_another_version() -> None:
    """Only the kernel of this chapter gets the folder, but before the environment's own packages."""
    assert not PINS.keys() & pins(ROOT / "requirements.txt").keys()


def test_the_chapter_is_executed_in_this_run(request: pytest.FixtureRequest) -> None:
    executed = {item.path for item in request.session.items if item.path.suffix == ".ipynb"}
    assert executed == {ROOT / name for name in FRAMEWORKS}
    assert all(path.is_file() for path in executed)
