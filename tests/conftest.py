"""What several test files need: the book built once, and a small chapter that passes every gate."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from book._tools.build import build
from book._tools.execute import main as execute
from tests.gates import ROOT

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session")
def built_book() -> Path:
    """The folder of the built HTML, from a cold strict build."""
    result = build(ROOT)
    if result.returncode:
        pytest.fail(f"the strict build failed:\n{result.stdout}", pytrace=False)
    return ROOT / "_build" / "html"


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
