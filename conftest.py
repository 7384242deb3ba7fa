"""How pytest runs here: own ``lossfns``, one thread, each notebook on one worker, fast tests first."""

import pytest

from book._tools.execute import set_environment

# What is not named comes second: after the checks of style, before what builds and executes.
ORDER = ("test_style.py", "", "test_gates.py", "test_package.py", "test_book.py", "test_browser.py", ".ipynb")

set_environment()  # before anything imports torch, and for every kernel started from here


def stage(item: pytest.Item) -> int:
    return next(
        (n for n, name in enumerate(ORDER) if name and item.path.name.endswith(name)), ORDER.index("")
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.suffix == ".ipynb":  # its cells share a kernel
            item.add_marker(pytest.mark.xdist_group(item.path.as_posix()))
    items.sort(key=stage)
