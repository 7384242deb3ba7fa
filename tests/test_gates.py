"""Every gate holds for this repository, and fails on a planted fault."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from book._tools.build import build
from book._tools.execute import FRAMEWORKS, execute, normalise, process
from book._tools.pages import pages
from book._tools.register import propositions
from tests.gates import ROOT, claims, html, labels, notebook, prose, toc

BOOK = ROOT / "book"
NOTEBOOK_GATES = (
    notebook.executed,
    notebook.stored_errors,
    notebook.stderr,
    notebook.machine_traces,
    notebook.figures,
    notebook.unchecked_cells,
    notebook.normal_form,
)
NO_CHAPTERS = {"reference"}

Cells = list[dict[str, Any]]
Doctored = Callable[[Callable[[Cells], object]], Path]


def report(problems: list[str]) -> None:
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def chapters() -> list[Path]:
    """The pages of the parts of the book that teach."""
    return [p for p in pages(BOOK) if p.parent != BOOK and p.relative_to(BOOK).parts[0] not in NO_CHAPTERS]


def code(cells: Cells, containing: str) -> dict[str, Any]:
    """The one code cell whose source contains the text."""
    (cell,) = [c for c in cells if c["cell_type"] == "code" and containing in "".join(c["source"])]
    return cell


def rewrite(cells: Cells, old: str, new: str) -> None:
    """Replace text in the sources of all cells; it has to be there."""
    sources = ["".join(cell["source"]) for cell in cells]
    assert any(old in source for source in sources)
    for cell, source in zip(cells, sources, strict=True):
        cell["source"] = source.replace(old, new)


# The repository


@pytest.mark.parametrize("gate", NOTEBOOK_GATES, ids=lambda gate: gate.__name__)
def test_notebooks(gate: Callable[[Path], list[str]]) -> None:
    report([line for page in pages(BOOK) if page.suffix == ".ipynb" for line in gate(page)])


@pytest.mark.parametrize("gate", [prose.word_count, prose.exercises], ids=lambda gate: gate.__name__)
def test_chapters(gate: Callable[[Path], list[str]]) -> None:
    report([line for page in chapters() for line in gate(page)])


def test_claims() -> None:
    report(claims.register(BOOK))


def test_labels() -> None:
    report(labels.duplicates(BOOK))


def test_table_of_contents() -> None:
    report(toc.agreement(ROOT))


# Planted faults in a notebook


def test_fixture_chapter_is_sound(chapter: Path) -> None:
    """So that each fault below is the only one."""
    problems = [line for gate in NOTEBOOK_GATES for line in gate(chapter)]
    report(problems + prose.exercises(chapter) + claims.register(chapter.parent))


def strip(cells: Cells) -> None:
    for cell in cells:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)


def store(cells: Cells, output: dict[str, Any]) -> None:
    code(cells, "loss there")["outputs"].append(output)


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": [text]}


ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
NOTEBOOK_FAULTS: dict[str, tuple[Callable[[Path], list[str]], Callable[[Cells], object], str]] = {
    "not executed": (notebook.executed, strip, "no stored output"),
    "out of order": (
        notebook.executed,
        lambda cells: code(cells, "import torch").update(execution_count=9),
        "execution count 9 where 1",
    ),
    "stored error": (notebook.stored_errors, lambda cells: store(cells, ERROR), "stored error (ValueError)"),
    "stored traceback": (
        notebook.stored_errors,
        lambda cells: store(cells, stream("Traceback (most recent call last):\n")),
        "traceback in the stored output",
    ),
    "stderr": (notebook.stderr, lambda cells: store(cells, stream("warning", "stderr")), "stderr is stored"),
    "path in an output": (
        notebook.machine_traces,
        lambda cells: store(cells, stream("/" + "home/me/x.csv")),
        "path of a machine",
    ),
    "path in the source": (
        notebook.machine_traces,
        lambda cells: rewrite(cells, "import torch", "import torch  # /" + "tmp/x"),
        "path of a machine",
    ),
    "address": (
        notebook.machine_traces,
        lambda cells: store(cells, stream("<object at 0x7f3a5c0b2d30>")),
        "memory address",
    ),
    "timestamp": (
        notebook.normal_form,
        lambda cells: code(cells, "import torch")["metadata"].update(execution={"iopub.status.idle": "2026"}),
        "not as `make notebooks` writes it",
    ),
    "no alt text": (
        notebook.figures,
        lambda cells: code(cells, "subplots")["metadata"]["mystnb"].pop("image"),
        "without alt text",
    ),
    "no caption": (
        notebook.figures,
        lambda cells: code(cells, "subplots")["metadata"]["mystnb"]["figure"].pop("caption"),
        "without a caption",
    ),
    "no name": (
        notebook.figures,
        lambda cells: code(cells, "subplots")["metadata"]["mystnb"]["figure"].update(name="parabola"),
        "without a name",
    ),
    "image lost": (
        notebook.figures,
        lambda cells: code(cells, "subplots")["outputs"][0]["data"].pop("image/png"),
        "without its image",
    ),
    "two figures": (
        notebook.figures,
        lambda cells: code(cells, "subplots")["outputs"].append(code(cells, "subplots")["outputs"][0]),
        "more than one figure",
    ),
    "tagged out of nbval": (
        notebook.unchecked_cells,
        lambda cells: code(cells, "import torch")["metadata"].update(tags=["nbval-skip"]),
        "marked nbval-skip",
    ),
    "commented out of nbval": (
        notebook.unchecked_cells,
        lambda cells: rewrite(cells, "import torch", "# NBVAL_IGNORE_OUTPUT\nimport torch"),
        "marked NBVAL_IGNORE_OUTPUT",
    ),
    "too short": (prose.word_count, lambda cells: None, "fewer than 2000"),
    "too long": (
        prose.word_count,
        lambda cells: cells[0].update(source="# Title\n\n" + "word " * 4001),
        "more than 4000",
    ),
    "no solution": (
        prose.exercises,
        lambda cells: rewrite(cells, "{solution-start} ex-squared-error-scale", "{note}"),
        "has 0 solutions",
    ),
    "two solutions": (
        prose.exercises,
        lambda cells: cells.append(
            {"cell_type": "markdown", "source": "```{solution} ex-squared-error-scale\n```"}
        ),
        "has 2 solutions",
    ),
    "solution of nothing": (
        prose.exercises,
        lambda cells: rewrite(cells, "{solution-start} ex-squared-error-scale", "{solution-start} ex-other"),
        "ex-other, which is no exercise",
    ),
    "exercise without a label": (
        prose.exercises,
        lambda cells: rewrite(cells, ":label: ex-squared-error-scale\n", ""),
        "exercise without a label",
    ),
}


@pytest.mark.parametrize("fault", NOTEBOOK_FAULTS)
def test_notebook_fault(fault: str, doctored: Doctored) -> None:
    gate, change, said = NOTEBOOK_FAULTS[fault]
    path = doctored(change)
    found = [line for line in gate(path) if said in line]
    assert len(found) == 1
    assert found[0].startswith("doctored.ipynb")


def test_word_count_leaves_out_code_and_solutions(doctored: Doctored) -> None:
    path = doctored(lambda cells: None)
    text = prose.prose(path)
    assert "The parabola of" in text
    assert "The derivative" in text  # a proof is read
    for left_out in ("import numpy", "It is multiplied by 100", "prop-mean-minimises:", ":label:", "ell("):
        assert left_out not in text


# Planted faults in the claims


CHECK = "# Checks prop-mean-minimises"
OTHER_PROVED = "```{prf:lemma} Other\n:label: prop-other\n```\n\n```{prf:proof}\n```\n\n"
CLAIM_FAULTS: dict[str, tuple[Callable[[Cells], object], str]] = {
    "no check": (
        lambda cells: cells.remove(code(cells, CHECK)),
        "prop-mean-minimises has no check",
    ),
    "unknown proposition": (
        lambda cells: rewrite(cells, CHECK, CHECK + ", prop-other"),
        "checks prop-other, which no page states",
    ),
    "no tag": (lambda cells: code(cells, CHECK)["metadata"].clear(), "without its tag or its first line"),
    "no first line": (lambda cells: rewrite(cells, CHECK, "# A check"), "without its tag or its first line"),
    "no rejection": (lambda cells: rewrite(cells, "assert not ", "assert "), "shows no rejection"),
    "only a rejection": (
        lambda cells: rewrite(cells, "assert is_stationary", "is_stationary"),
        "asserts nothing true",
    ),
    "no label": (lambda cells: rewrite(cells, ":label: prop-mean-minimises\n", ""), "without a label prop-"),
    "no title": (lambda cells: rewrite(cells, " The mean minimises the squared error", ""), "has no title"),
    "no proof": (
        lambda cells: rewrite(cells, "{prf:proof}", "{note}"),
        "prop-mean-minimises has no proof",
    ),
    "two proofs of another": (
        lambda cells: rewrite(cells, "````{prf:proof}", OTHER_PROVED + "````{prf:proof}"),
        "prop-mean-minimises has no proof",
    ),
}


@pytest.mark.parametrize("fault", CLAIM_FAULTS)
def test_claim_fault(fault: str, doctored: Doctored) -> None:
    change, said = CLAIM_FAULTS[fault]
    path = doctored(change)
    assert said in "\n".join(claims.register(path.parent))


def test_label_used_twice(doctored: Doctored) -> None:
    path = doctored(lambda cells: None)
    shutil.copy(path, path.with_name("again.ipynb"))
    doubled = "\n".join(labels.duplicates(path.parent))
    for label in ("eq-squared-error", "fig-squared-error", "prop-mean-minimises", "ex-squared-error-scale"):
        assert f"label {label} is already in again.ipynb" in doubled
    assert "prop-mean-minimises is already in" in "\n".join(claims.register(path.parent))


# The reader of pages

PAGE = """
(sec-start)=
# A page

::::{grid} 1 2
:gutter: 2
:::{grid-item}
```{prf:theorem} With a *title* and $x^2$
:label: prop-nested

$$ x $$ (eq-nested)
```
:::
::::

{#tab-named}
| a | b |
|---|---|
| c | d |

```{figure} cover.png
---
name: fig-yaml
---
A caption of {term}`losses <loss>` in {cite:t}`gauss1809`.
```

```{math}
:label: eq-directive
x
```

1. Item

   ```{note}
   A note of $a + b$ words<br>here.
   ```

```text
:label: ex-in-code
(sec-in-code)=
$$ x $$ (eq-in-code)
```

````text
```{prf:lemma} Shown, not stated
:label: prop-shown
```
````

`(sec-in-span)=`

% (sec-in-comment)=
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_propositions_are_found_where_the_build_finds_them(page: Path) -> None:
    (theorem,) = propositions(page)
    assert (theorem.name, theorem.argument) == ("prf:theorem", "With a *title* and $x^2$")
    assert (theorem.cell, theorem.label) == (None, "prop-nested")


def test_labels_are_those_that_the_build_knows(page: Path) -> None:
    known = ["sec-start", "prop-nested", "eq-nested", "tab-named", "fig-yaml", "eq-directive"]
    assert list(labels.defined(page)) == [(None, label) for label in known]


def test_prose_is_what_is_read(page: Path) -> None:
    read = ["A page", *"abcd", "A caption of losses in gauss1809.", "Item", "A note of  x  words here."]
    assert [line for line in prose.prose(page).splitlines() if line] == [*read, "(sec-in-span)="]


# The executor


def test_executing_again_changes_no_byte(chapter: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(chapter, tmp_path))
    before = path.read_bytes()
    assert not execute(path)
    assert path.read_bytes() == before


def write_notebook(path: Path, *sources: str) -> Path:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    normalise(notebook)
    nbformat.write(notebook, path)
    return path


def test_failing_notebook_is_reported_and_left_alone(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "failing.ipynb", "1 / 0")
    before = path.read_bytes()
    said = process(path)
    assert said is not None
    assert "failing.ipynb: not written" in said
    assert "ZeroDivisionError" in said
    assert path.read_bytes() == before


# nbval


def collected(**environment: str) -> set[str]:
    """The notebooks of the book whose cells pytest finds."""
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-qq", "--collect-only", "-p", "no:cacheprovider", "book"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**{k: v for k, v in os.environ.items() if k != "BOOK_FRAMEWORKS"}, **environment},
    )
    assert result.returncode == 0, result.stdout
    return set(re.findall(r"^(book/\S+\.ipynb)", result.stdout, re.M))


def test_every_notebook_is_executed_by_one_of_two_targets() -> None:
    every = {page.relative_to(ROOT).as_posix() for page in pages(BOOK) if page.suffix == ".ipynb"}
    special = collected(BOOK_FRAMEWORKS="folder")
    assert special == set(FRAMEWORKS)
    assert collected() == every - special


def test_continuous_integration_runs_both_targets() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    made = re.findall(r"^(?:make |beside=\()([a-z ]+)", script, re.M)
    assert {"test", "frameworks"} <= set(" ".join(made).split())


def test_a_notebook_of_the_other_target_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOK_FRAMEWORKS", raising=False)
    said = process(ROOT / FRAMEWORKS[0])
    assert said is not None
    assert "make frameworks WRITE=1" in said


def test_nbval_sees_a_changed_number(tmp_path: Path) -> None:
    sound = write_notebook(tmp_path / "sound.ipynb", "x = 1.25", "print(2 * x)", "x")
    assert execute(sound)
    changed = json.loads(sound.read_text())
    changed["cells"][1]["outputs"][0]["text"] = ["2.51\n"]
    (tmp_path / "changed.ipynb").write_text(json.dumps(changed))
    raising = json.loads(sound.read_text())
    raising["cells"][2]["source"] = ["1 / 0"]
    (tmp_path / "raising.ipynb").write_text(json.dumps(raising))
    settings = ["-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert result.returncode == 1, result.stdout
    failed = set(re.findall(r"^FAILED (\w+\.ipynb::Cell \d)", result.stdout, re.M))
    assert failed == {"changed.ipynb::Cell 1", "raising.ipynb::Cell 2"}
    assert "7 passed" in result.stdout


# The strict build


def write_book(folder: Path, chapter: Path, intro: str) -> Path:
    """A book of three pages with this book's own settings."""
    (folder / "book" / "reference").mkdir(parents=True)
    shutil.copytree(BOOK / "_static", folder / "book" / "_static")
    shutil.copy(ROOT / "_config.yml", folder)
    shutil.copy(Path(__file__).parent / "fixtures" / "references.bib", folder / "book")
    shutil.copy(BOOK / "reference" / "claims.md", folder / "book" / "reference")
    shutil.copy(chapter, folder / "book" / "chapter.ipynb")
    glossary = ":::{glossary}\nloss\n  A number.\n:::\n\n```{bibliography}\n```\n"
    (folder / "book" / "intro.md").write_text(f"# A small book\n\n{intro}\n\n{glossary}")
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters:\n"
        "- file: book/chapter\n- file: book/reference/claims\n- url: generated://genindex\n  title: Index\n"
    )
    return folder


def test_strict_build_of_a_sound_book(chapter: Path, tmp_path: Path) -> None:
    source = write_book(
        tmp_path, chapter, "See {prf:ref}`prop-mean-minimises` and {numref}`fig-squared-error`."
    )
    result = build(source)
    assert result.returncode == 0, result.stdout
    built = source / "_build" / "html"
    entries = toc.entries(source / "_toc.yml")
    assert entries == ["book/intro", "book/chapter", "book/reference/claims"]
    report(html.missing_pages(built, entries) + html.tracebacks(built) + html.outside_loads(built))
    report(html.dead_links(built))
    register = html.parse(built / "book/reference/claims.html")
    (row,) = register.select("table.claims tbody tr")
    assert "The mean minimises the squared error" in row.get_text()
    links = [(str(a["href"]), a.get_text()) for a in row.select("a")]
    assert ("../chapter.html#prop-mean-minimises", "Proposition 1") in links
    assert links[1:] == [("../chapter.html", "The squared error")]


def test_strict_build_fails_on_dangling_references(chapter: Path, tmp_path: Path) -> None:
    dangling = (
        "{ref}`sec-none` {cite:t}`nobody1900` {eq}`eq-none` {prf:ref}`prop-none` {term}`no such term` "
        "{doc}`none/page` {numref}`fig-none` [text](none.md) {nosuchrole}`x`"
    )
    result = build(write_book(tmp_path, chapter, dangling))
    assert result.returncode != 0
    for name in (
        "sec-none",
        "nobody1900",
        "eq-none",
        "prop-none",
        "no such term",
        "none/page",
        "fig-none",
        "none.md",
        "nosuchrole",
    ):
        assert name in result.stdout, f"no warning names {name}:\n{result.stdout}"


# The table of contents and the built pages


def test_contents_fault(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    for page in ("intro.md", "unlisted.md", "twice.md", "twice.ipynb"):
        (tmp_path / "book" / page).write_text("# Page\n")
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nparts:\n- caption: A\n  chapters:\n"
        "  - file: book/absent\n  - file: book/twice\n  - file: book/twice\n"
    )
    found = "\n".join(toc.agreement(tmp_path))
    assert "_toc.yml: book/absent has no page" in found
    assert "book/twice is listed twice" in found
    assert "book/twice is both .md and .ipynb" in found
    assert "unlisted.md: a page that the table of contents does not list" in found


HTML_FAULTS: dict[str, tuple[Callable[[Path], list[str]], str, str]] = {
    "dead link": (html.dead_links, '<a href="none.html">x</a>', "none.html leads nowhere"),
    "dead anchor": (html.dead_links, '<a href="other.html#none">x</a>', "no anchor for other.html#none"),
    "dead own anchor": (html.dead_links, '<a href="#none">x</a>', "no anchor for #none"),
    "traceback": (html.tracebacks, "<pre>Traceback (most recent call last):</pre>", "a traceback"),
    "script": (html.outside_loads, '<script src="https://a.example/x.js"></script>', "a.example/x.js"),
    "style": (html.outside_loads, '<link rel="stylesheet" href="//a.example/x.css">', "a.example/x.css"),
    "image": (html.outside_loads, '<img src="https://a.example/x.png">', "a.example/x.png"),
    "font": (
        html.outside_loads,
        "<style>@font-face {src: url('https://a.example/x.woff')}</style>",
        "a.example/x.woff",
    ),
}


@pytest.mark.parametrize("fault", HTML_FAULTS)
def test_html_fault(fault: str, tmp_path: Path) -> None:
    gate, body, said = HTML_FAULTS[fault]
    (tmp_path / "other.html").write_text('<p id="there">x</p>')
    page = tmp_path / "page.html"
    page.write_text('<a href="other.html#there">x</a> <a href="https://a.example/">outside</a>')
    assert gate(tmp_path) == []
    page.write_text(page.read_text() + body)
    (line,) = gate(tmp_path)
    assert line.startswith("page.html: ")
    assert said in line


def test_style_sheet_fault(tmp_path: Path) -> None:
    (tmp_path / "x.css").write_text("@import 'https://a.example/y.css';")
    (line,) = html.outside_loads(tmp_path)
    assert "a.example/y.css" in line


def test_missing_page_fault(tmp_path: Path) -> None:
    (line,) = html.missing_pages(tmp_path, ["book/intro"])
    assert "intro.html: listed, but not built" in line


def test_the_sample_chapter_cites_books_that_the_bibliography_has() -> None:
    """Who copies it gets no error."""
    sample = (ROOT / "tests" / "fixtures" / "chapter.md").read_text(encoding="utf-8")
    bibliography = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    keys = re.findall(r"\{cite:[pt]\}`(\w+)`", sample)
    assert keys
    assert all(f"{{{key}," in bibliography for key in keys)
