"""What is pinned is what is installed, and what is imported."""

import sys
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

from tests.peers.libraries import FOLDER, namespace

PINS = Path(__file__).with_name("requirements.txt").read_text(encoding="utf-8").splitlines()


def spelling(name: str) -> str:
    return name.lower().replace("_", "-")


def test_the_folder_holds_what_is_pinned() -> None:
    installed = {f"{spelling(d.name)}=={d.version.split('+')[0]}" for d in distributions(path=[str(FOLDER)])}
    assert installed == {pin for pin in PINS if "==" in pin}


def test_nothing_is_pinned_that_is_not_imported() -> None:
    namespace()
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    names = {
        n.split(".")[0] for n, file in files.items() if file and Path(file).is_relative_to(FOLDER.resolve())
    }
    imported = {spelling(d) for name in names for d in packages_distributions().get(name, [])}
    assert imported == {pin.split("==")[0] for pin in PINS if "==" in pin}
