"""The register of claims: which propositions the sources state, and which check cells verify them."""

import re
from dataclasses import dataclass
from pathlib import Path

from book._tools.pages import Directive, cells, directives

KINDS = ("prf:proposition", "prf:theorem", "prf:lemma", "prf:corollary")
CHECK_LINE = re.compile(r"^# Checks (?P<labels>prop-[\w-]+(?:, ?prop-[\w-]+)*)\s*$")
CHECK_TAG = "check"


@dataclass(frozen=True)
class Check:
    path: Path
    cell: int
    labels: tuple[str, ...]  # empty if the first line does not name them
    source: str


def propositions(page: Path) -> list[Directive]:
    return directives(page, *KINDS)


def checks(page: Path) -> list[Check]:
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
