"""Labels are unique in the whole book, whatever they name."""

from collections.abc import Iterator
from pathlib import Path

from book._tools.pages import Block, Directive, cells, pages, walk
from tests.gates import problem


def names(block: Block) -> list[str | None]:
    """What a block of markdown is called: a directive, a target, an equation, a paragraph with ``{#...}``."""
    if isinstance(block, Directive):
        return [block.label, block.options.get("name")]
    match block.type:
        case "myst_target":
            return [block.content]
        case "math_block_label":
            return [block.info]
    identifier = block.attrs.get("id")
    return [str(identifier) if identifier else None]


def defined(page: Path) -> Iterator[tuple[int | None, str]]:
    for cell, block in walk(page):
        yield from ((cell, name) for name in names(block) if name)
    for number, settings in enumerate(cells(page)):
        if name := settings["metadata"].get("mystnb", {}).get("figure", {}).get("name"):
            yield number, name


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
