"""The register of claims: which propositions the sources state, and which check cells verify them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KINDS = ("proposition", "theorem", "lemma", "corollary")
DIRECTIVE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{prf:(?P<kind>" + "|".join(KINDS) + r")\}[ \t]*(?P<title>[^\n]*)\n"
    r"(?P<options>(?:[ \t]*:[\w-]+:[^\n]*\n)*)",
    re.MULTILINE,
)
LABEL = re.compile(r"^[ \t]*:label:[ \t]*(\S+)", re.MULTILINE)
CHECK_LINE = re.compile(r"^# Checks (?P<labels>prop-[\w-]+(?:, ?prop-[\w-]+)*)\s*$")
CHECK_TAG = "check"


@dataclass(frozen=True)
class Proposition:
    path: Path
    cell: int | None  # counted from 0; None in a markdown page
    kind: str
    title: str
    label: str | None


@dataclass(frozen=True)
class Check:
    path: Path
    cell: int
    labels: tuple[str, ...]  # empty if the first line does not name them
    source: str


def pages(book: Path) -> list[Path]:
    """Every page below ``book``; folders and files whose name starts with ``_`` or ``.`` hold none."""
    found = (path for path in book.rglob("*") if path.suffix in {".md", ".ipynb"})
    return sorted(p for p in found if not any(part[0] in "_." for part in p.relative_to(book).parts))


def cells(notebook: Path) -> list[dict[str, Any]]:
    """The cells of a notebook, their source as one string."""
    found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in found]


def texts(page: Path) -> Iterator[tuple[int | None, str]]:
    """The markdown of a page as (cell, text) pairs; cell is None in a markdown page."""
    if page.suffix == ".md":
        yield None, page.read_text(encoding="utf-8")
        return
    for number, cell in enumerate(cells(page)):
        if cell["cell_type"] == "markdown":
            yield number, cell["source"]


def propositions(page: Path) -> list[Proposition]:
    found = []
    for cell, text in texts(page):
        for match in DIRECTIVE.finditer(text):
            label = LABEL.search(match["options"])
            found.append(
                Proposition(page, cell, match["kind"], match["title"].strip(), label[1] if label else None)
            )
    return found


def checks(page: Path) -> list[Check]:
    if page.suffix != ".ipynb":
        return []
    found = []
    for number, cell in enumerate(cells(page)):
        if cell["cell_type"] != "code":
            continue
        tags, source = cell["metadata"].get("tags", []), cell["source"]
        first = CHECK_LINE.match(source.split("\n", 1)[0])
        if CHECK_TAG in tags or first:
            labels = tuple(re.split(", ?", first["labels"])) if first and CHECK_TAG in tags else ()
            found.append(Check(page, number, labels, source))
    return found
