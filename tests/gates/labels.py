"""Labels are unique in the whole book, whatever they name."""

import re
from pathlib import Path

from book._tools.register import cells, pages, texts
from tests.gates import problem

DEFINITIONS = (
    re.compile(r"^[ \t]*:(?:label|name):[ \t]*(\S+)", re.M),
    re.compile(r"^\(([\w:-]+)\)=[ \t]*$", re.M),
    re.compile(r"\$\$[ \t]*\(([\w:-]+)\)[ \t]*$", re.M),
)


def defined(page: Path) -> list[tuple[int | None, str]]:
    found = [(cell, label) for cell, text in texts(page) for p in DEFINITIONS for label in p.findall(text)]
    if page.suffix == ".ipynb":
        for number, cell in enumerate(cells(page)):
            name = cell["metadata"].get("mystnb", {}).get("figure", {}).get("name")
            if name:
                found.append((number, name))
    return found


def duplicates(book: Path) -> list[str]:
    first: dict[str, Path] = {}
    found = []
    for page in pages(book):
        for cell, label in defined(page):
            if label in first:
                what = f"label {label} is already in {first[label].name}"
                found.append(problem(page, cell, what, "Choose another"))
            first.setdefault(label, page)
    return found
