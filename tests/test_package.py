"""The wheel that users install: what is in it, what importing it costs, and that README's example is true."""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from book._tools.execute import executable
from book._tools.pages import cells, pages, texts
from lossfns.catalog import cards
from tests.gates import ROOT

SOURCES = ("lossfns", "pyproject.toml", "README.md", "LICENSE")
NOT_ON_IMPORT = ("matplotlib", "scipy", "sklearn", "skimage", "pandas", "statsmodels", "IPython", "pytest")
EXAMPLE = re.compile(r"^```python\n(?P<code>.*?)^```\n+```text\n(?P<output>.*?)^```", re.S | re.M)


def run(python: Path, *arguments: str, cwd: Path) -> str:
    """Run that Python without this checkout on its path; the answer is what it printed."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([python, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source)
    run(Path(sys.executable), "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", cwd=source)
    (built,) = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the wheel, and borrows torch and numpy from the one that runs the tests."""
    folder = tmp_path_factory.mktemp("user")
    run(Path(sys.executable), "-m", "venv", "--without-pip", "venv", cwd=folder)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    run(Path(sys.executable), *install, cwd=folder)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    # the .pth files of a borrowed folder are not read, so its editable lossfns stays out of sight
    (Path(site) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_wheel_holds_the_package_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "lossfns").rglob("*.py")}
    data = {"lossfns/book.mplstyle", "lossfns/py.typed"}
    assert package | data == {name for name in names if ".dist-info/" not in name}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_metadata(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith("METADATA")]
    metadata = archive.read(name).decode()
    assert "License-Expression: BSD-3-Clause" in metadata
    assert "Requires-Python: >=3.11" in metadata
    needed = re.findall(r"^Requires-Dist: (\w+)[^;\n]*$", metadata, re.M)
    assert needed == ["torch"]


def test_import_brings_nothing_heavy(python: Path, tmp_path: Path) -> None:
    code = (
        "import sys, lossfns; print(lossfns.__file__); print(*{name.split('.')[0] for name in sys.modules})"
    )
    where, modules = run(python, "-c", code, cwd=tmp_path).splitlines()
    assert Path(where).is_relative_to(python.parents[1]), "not the installed package"
    assert set(NOT_ON_IMPORT).isdisjoint(modules.split())


def test_readme_prints_what_it_says(python: Path, tmp_path: Path) -> None:
    examples = list(EXAMPLE.finditer((ROOT / "README.md").read_text(encoding="utf-8")))
    assert examples, "README has no ```python block followed by a ```text block"
    for number, example in enumerate(examples):
        script = tmp_path / f"example{number}.py"
        script.write_text(example["code"], encoding="utf-8")
        assert run(python, str(script), cwd=tmp_path) == example["output"]


def project() -> dict[str, Any]:
    settings: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return settings


def imported(notebook: Path) -> set[str]:
    """The modules that the cells of a notebook import, by their first names."""
    code = "\n".join(cell["source"] for cell in cells(notebook) if cell["cell_type"] == "code")
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name.partition(".")[0] for name in found}


def test_the_extra_for_the_book_brings_what_the_notebooks_import() -> None:
    needed = project()["dependencies"] + project()["optional-dependencies"]["book"]
    brought = {canonicalize_name(Requirement(line).name) for line in needed} | {"lossfns"}
    distributions = metadata.packages_distributions()
    notebooks = (page for page in pages(ROOT / "book") if page.suffix == ".ipynb")
    for notebook in filter(executable, notebooks):
        for module in imported(notebook) - sys.stdlib_module_names:
            (name, *_) = map(canonicalize_name, distributions[module])
            assert name in brought, (
                f"{notebook.name} imports {module}, which pip install .[book] does not bring"
            )


def test_versions_agree() -> None:
    version = project()["version"]
    for file, line in (
        ("CITATION.cff", f"version: {version}"),
        ("CHANGELOG.md", f"## {version}"),
    ):
        assert line in (ROOT / file).read_text(encoding="utf-8"), f"{file} does not say {line}"


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
def test_every_pin_takes_every_python_that_the_makefile_takes(python: str) -> None:
    """The first patch of each: Debian's 3.11 is 3.11.2, and a pin may ask for 3.11.5."""
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pin = Requirement(line)
        installed = metadata.metadata(pin.name)
        assert pin.specifier.contains(installed["Version"]), f"{line}, not installed: run make"
        takes = SpecifierSet(str(installed.json.get("requires_python", "")))
        assert takes.contains(python), f"{line} needs Python {takes}, not {python}"


def test_docstrings_name_a_chapter_that_uses_the_loss() -> None:
    chapters = {}
    for page in pages(ROOT / "book"):
        _, first = next(texts(page))
        title = re.search("^# (.*)", first, re.M)
        assert title, page
        chapters[title[1]] = page
    for name, card in cards().items():
        assert card.chapter, name
        assert card.chapter in chapters, f"{name} names the chapter {card.chapter!r}, which there is not"
        code = "\n".join(c["source"] for c in cells(chapters[card.chapter]) if c["cell_type"] == "code")
        assert re.search(rf"\b{name}\b", code), f"{card.chapter} does not use {name}"
