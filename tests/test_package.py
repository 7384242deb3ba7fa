"""The wheel that users install: what is in it, what importing it costs, and that README's example is true."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from book._tools.execute import executable
from book._tools.pages import cells, pages, texts
from lossfns.catalog import cards
from tests.gates import ROOT

SAID = ("CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md")
BUILT_BY = ("MANIFEST.in", "pyproject.toml", "setup.py")
REPOSITORY = "https://github.com/owner/repository"
BOOK = "https://book.example/"
NOT_ON_IMPORT = ("matplotlib", "scipy", "sklearn", "skimage", "pandas", "statsmodels", "IPython", "pytest")
EXAMPLE = re.compile(r"^```python\n(?P<code>.*?)^```\n+```text\n(?P<output>.*?)^```", re.S | re.M)


def run(python: Path, *arguments: str, cwd: Path) -> str:
    """Run that Python without this checkout on its path; the answer is what it printed."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([python, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a source distribution and of the wheel that is made of it, from a copy without git."""
    source = tmp_path_factory.mktemp("source")
    for name in ("book", "lossfns", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.ipynb"))
    for name in (*SAID, *BUILT_BY):
        shutil.copy(ROOT / name, source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPOSITORY_URL", REPOSITORY)
        patch.setenv("BOOK_URL", BOOK)
        run(Path(sys.executable), "-m", "build", "--sdist", "--no-isolation", "--outdir", "dist", cwd=source)
    (archive,) = (source / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(source / "again", filter="data")
    (again,) = (source / "again").iterdir()
    command = ["build", "--wheel", "--no-isolation", "--outdir", str(source / "dist")]
    run(Path(sys.executable), "-m", *command, cwd=again)
    return source / "dist"


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


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


def test_source_holds_the_package_and_what_is_said_of_it(built: Path) -> None:
    """All of the tests, or none: they need the book, so none."""
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        names = {member.name.partition("/")[2] for member in files if member.isfile()}
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "lossfns").rglob("*.py")}
    package |= {"lossfns/book.mplstyle", "lossfns/py.typed"}
    generated = {name for name in names if name in ("PKG-INFO", "setup.cfg") or ".egg-info/" in name}
    assert names - generated == package | {*SAID, *BUILT_BY}


def told(wheel: Path) -> str:
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith("METADATA")]
    return archive.read(name).decode()


def test_source_remembers_the_addresses(wheel: Path) -> None:
    """The wheel was made of the source distribution, where nothing named them any more."""
    metadata = told(wheel)
    for line in (f"Homepage, {BOOK}", f"Repository, {REPOSITORY}"):
        assert f"Project-URL: {line}\n" in metadata
    assert f"({REPOSITORY}/raw/HEAD/book/_static/cover.png)" in metadata
    assert f"({REPOSITORY}/blob/HEAD/LICENSE)" in metadata


def setup_py() -> ModuleType:
    found = importlib.util.spec_from_file_location("setup_py", ROOT / "setup.py")
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_no_address_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REPOSITORY_URL", "BOOK_URL"):
        monkeypatch.delenv(name, raising=False)
    urls, description = setup_py().addresses()
    assert urls == {}
    links = set(re.findall(r"\]\(([^)]*)\)", description))
    assert links == {"https://creativecommons.org/licenses/by/4.0/"}
    assert "see LICENSE." in description


def test_every_relative_link_of_readme_leads_to_a_file() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = [link["target"] for link in setup_py().LINK.finditer(readme)]
    assert "book/_static/cover.png" in targets
    assert all((ROOT / target).is_file() for target in targets)


def test_metadata(wheel: Path) -> None:
    metadata = told(wheel)
    assert "License-Expression: BSD-3-Clause" in metadata
    assert "Requires-Python: >=3.11" in metadata
    needed = re.findall(r"^Requires-Dist: (\w+)[^;\n]*$", metadata, re.M)
    assert needed == ["torch"]


def test_what_is_released_is_built_by_what_is_tested() -> None:
    pins = set((ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines())
    release = (ROOT / "tests/release/requirements.txt").read_text(encoding="utf-8").splitlines()
    assert {line for line in release if line.startswith(("build=", "setuptools"))} <= pins


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


def fallback() -> str:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(settings["tool"]["setuptools_scm"]["fallback_version"])


def test_versions_agree() -> None:
    """The newest release of the changelog is the one that is cited; what comes next counts on from it."""
    releases = re.findall(r"^## (\d+)\.(\d+)\.(\d+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    numbers = [tuple(map(int, release)) for release in releases]
    assert numbers == sorted(set(numbers), reverse=True)
    major, minor, patch = numbers[0]
    assert f"\nversion: {major}.{minor}.{patch}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert fallback() == f"{major}.{minor}.{patch + 1}.dev0"


def test_version_without_git(wheel: Path) -> None:
    assert wheel.name == f"lossfns-{fallback()}-py3-none-any.whl"


@pytest.mark.parametrize(
    ("tags", "depth", "version"),
    [
        (["v7.8.9"], None, r"7\.8\.9"),
        ([], None, r"{fallback}2\+g\w+"),
        (["v7.8.9", "later"], None, r"7\.8\.10\.dev1\+g\w+"),
        (["v7.8.9", "later"], 1, r"{fallback}1\+g\w+"),
    ],
    ids=["at a tag", "no tags", "after a tag", "shallow"],
)
def test_version_in_git(tags: list[str], depth: int | None, version: str, tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        named = ["-c", "user.name=a", "-c", "user.email=a@a.example", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *named, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--quiet", "first")
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "first")
    git("-C", "first", "add", ".")
    git("-C", "first", "commit", "--quiet", "--message=1")
    git("-C", "first", "commit", "--quiet", "--allow-empty", "--message=2")
    for tag in tags:
        if tag == "later":
            git("-C", "first", "commit", "--quiet", "--allow-empty", "--message=3")
        else:
            git("-C", "first", "tag", tag)
    shallow = [f"--depth={depth}"] if depth else []
    git("clone", "--quiet", *shallow, (tmp_path / "first").as_uri(), "clone")
    said = run(Path(sys.executable), "-m", "setuptools_scm", cwd=tmp_path / "clone").strip()
    expected = version.replace("{fallback}", re.escape(fallback().removesuffix("0")))
    assert re.fullmatch(expected, said), said


def pythons() -> list[str]:
    found = re.search("^PYTHONS := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert found
    return found[1].split()


@pytest.mark.parametrize("python", [f"{python}.0" for python in pythons()])
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
