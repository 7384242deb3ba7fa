"""How pytest runs here: this checkout's ``lossfns``, one thread, fast tests first."""

import gc
from pathlib import Path

import pytest

from book._tools.execute import executable, set_environment
from tests import kernels

pytest_plugins = ["tests.book_fixtures"]

# By a part of the path, the longest that fits. What is not named comes second: after the checks of style,
# before what builds and executes. While one process builds the book the other has notebooks and need not
# wait for it; short notebooks come last, so that both end together.
ORDER = (
    "test_style.py",
    "",
    "test_gates.py",
    "test_package.py",
    "test_book.py",
    "book/classification/",
    "test_browser.py",
    ".ipynb",
    "book/regression/",
    "book/foundations/",
)

set_environment()  # before anything imports torch, and for every kernel started from here
kernels.install()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Notebooks that another target executes."""
    return True if collection_path.suffix == ".ipynb" and not executable(collection_path) else None


def stage(item: pytest.Item) -> int:
    path = item.nodeid.split("::")[0]
    return ORDER.index(max((part for part in ORDER if part in path), key=len))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=stage)


def pytest_collection_finish() -> None:
    gc.freeze()  # what is there by now stays: a collection need not walk through it
