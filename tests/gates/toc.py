"""The table of contents and the pages on disk are the same set."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from book._tools.pages import pages
from tests.gates import problem

SUFFIXES = (".md", ".ipynb")


def entries(toc: Path) -> list[str]:
    """Every page that the table of contents names, in its order, without suffix."""

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("root", "file"):
                    yield str(value)
                else:
                    yield from walk(value)
        elif isinstance(node, list):
            for item in node:
                yield from walk(item)

    return [
        entry.removesuffix(".md").removesuffix(".ipynb") for entry in walk(yaml.safe_load(toc.read_text()))
    ]


def agreement(source: Path) -> list[str]:
    """Judge ``_toc.yml`` in ``source`` against the pages in ``source/book``."""
    toc = source / "_toc.yml"
    listed = entries(toc)
    found = []
    for entry in dict.fromkeys(listed):
        if listed.count(entry) > 1:
            found.append(problem(toc, None, f"{entry} is listed twice", "Remove one entry"))
        there = [suffix for suffix in SUFFIXES if (source / (entry + suffix)).is_file()]
        if not there:
            found.append(problem(toc, None, f"{entry} has no page", "Remove the entry or write the page"))
        elif len(there) > 1:
            found.append(problem(toc, None, f"{entry} is both .md and .ipynb", "Commit the notebook alone"))
    for page in pages(source / "book"):
        name = page.relative_to(source).with_suffix("").as_posix()
        if name not in listed:
            mend = "Add it to _toc.yml, or delete it"
            found.append(problem(page, None, "a page that the table of contents does not list", mend))
    return found
