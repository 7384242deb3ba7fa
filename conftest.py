"""How pytest runs here: this checkout's ``lossfns``, one thread, fast tests first."""

from pathlib import Path

import pytest

from book._tools.execute import executable, set_environment

pytest_plugins = ["tests.book_fixtures"]

# What is not named comes second: after the checks of style, before what builds and executes.
ORDER = ("test_style.py", "", "test_gates.py", "test_package.py", "test_book.py", "test_browser.py", ".ipynb")

set_environment()  # before anything imports torch, and for every kernel started from here


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Notebooks that another target executes."""
    return True if collection_path.suffix == ".ipynb" and not executable(collection_path) else None


def stage(item: pytest.Item) -> int:
    ends = (n for n, name in enumerate(ORDER) if name and item.path.name.endswith(name))
    return next(ends, ORDER.index(""))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=stage)
