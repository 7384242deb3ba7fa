"""What several test files need: the book built once, and a small chapter that passes every gate."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from book._tools.build import HTML, build
from book._tools.execute import main as execute
from tests.gates import ROOT

FIXTURES = Path(__file__).parent / "fixtures"
# The book is built as a workflow builds it; where it says them, they need not be there.
REPOSITORY_URL = "https://github.com/owner/repository"
BOOK_URL = "https://book.example/"


@pytest.fixture(scope="session")
def built_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built HTML, from one cold strict build for all workers of this run."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    warnings = shared / "strict-build.txt"
    with FileLock(shared / "strict-build.lock"):
        if not warnings.exists():
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("REPOSITORY_URL", REPOSITORY_URL)
                patch.setenv("BOOK_URL", BOOK_URL)
                result = build(ROOT)
            warnings.write_text(result.stdout if result.returncode else "", encoding="utf-8")
    if said := warnings.read_text(encoding="utf-8"):
        pytest.fail(f"the strict build failed:\n{said}", pytrace=False)
    return HTML


@pytest.fixture(scope="session")
def chapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture chapter as an executed notebook; not to be changed."""
    draft = tmp_path_factory.mktemp("chapter") / "chapter.md"
    shutil.copy(FIXTURES / "chapter.md", draft)
    assert execute(["--from-md", str(draft)]) == 0
    draft.unlink()  # so that the folder holds one page
    return draft.with_suffix(".ipynb")


@pytest.fixture
def doctored(chapter: Path, tmp_path: Path) -> Callable[[Callable[[list[dict[str, Any]]], object]], Path]:
    """Write a copy of the chapter whose cells a given function has changed."""

    def write(change: Callable[[list[dict[str, Any]]], object]) -> Path:
        notebook = json.loads(chapter.read_text(encoding="utf-8"))
        change(notebook["cells"])
        path = tmp_path / "doctored.ipynb"
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

    return write
