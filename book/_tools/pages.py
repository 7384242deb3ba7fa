"""The book's pages as data: their cells and their markdown, parsed as the build parses it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from docutils.parsers.rst.directives.misc import TestDirective
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.directives import parse_directive_text
from myst_parser.parsers.mdit import create_md_parser

CONFIG = Path(__file__).resolve().parents[2] / "_config.yml"
EXTENSIONS = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["parse"]["myst_enable_extensions"]
MARKDOWN = create_md_parser(MdParserConfig(enable_extensions=set(EXTENSIONS)), RendererHTML)

LITERAL = {"code", "code-block", "code-cell", "eval-rst", "math", "raw"}
"""The directives whose content is no markdown."""


@dataclass(frozen=True)
class Directive:
    """``{name} argument``, its lines ``:key: value``, and the blocks of its content."""

    path: Path
    cell: int | None  # counted from 0; None in a markdown page
    name: str
    argument: str
    options: dict[str, str]
    content: "tuple[Block, ...]"

    @property
    def label(self) -> str | None:
        return self.options.get("label")


Block = Token | Directive


def pages(book: Path) -> list[Path]:
    """Every page below ``book``; folders and files whose name starts with ``_`` or ``.`` hold none."""
    found = (path for path in book.rglob("*") if path.suffix in {".md", ".ipynb"})
    return sorted(p for p in found if not any(part[0] in "_." for part in p.relative_to(book).parts))


def cells(page: Path) -> list[dict[str, Any]]:
    """The cells of a notebook, their source as one string; a markdown page has none."""
    if page.suffix != ".ipynb":
        return []
    found = json.loads(page.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in found]


def texts(page: Path) -> Iterator[tuple[int | None, str]]:
    """The markdown of a page as (cell, text) pairs."""
    if page.suffix == ".md":
        yield None, page.read_text(encoding="utf-8")
    for number, cell in enumerate(cells(page)):
        if cell["cell_type"] == "markdown":
            yield number, cell["source"]


def blocks(page: Path) -> Iterator[tuple[int | None, Block]]:
    """The markdown of a page as (cell, block) pairs."""
    for cell, text in texts(page):
        for block in parse(text, page, cell):
            yield cell, block


def parse(text: str, path: Path, cell: int | None) -> Iterator[Block]:
    for token in MARKDOWN.parse(text):
        name, *argument = token.info.split(maxsplit=1) or [""]
        if token.type in ("fence", "colon_fence") and name.startswith("{") and name.endswith("}"):
            yield directive(name[1:-1], "".join(argument), token.content, path, cell)
        else:
            yield token


def directive(name: str, argument: str, text: str, path: Path, cell: int | None) -> Directive:
    if text.startswith(":::"):  # a directive in a directive, no option
        text = "\n" + text
    read = parse_directive_text(TestDirective, "", text)  # that class takes every option
    content = () if name in LITERAL else tuple(parse("\n".join(read.body), path, cell))
    return Directive(path, cell, name, argument.strip(), read.options, content)


def walk(page: Path) -> Iterator[tuple[int | None, Block]]:
    """Every block of a page, each directive before the blocks of its content."""

    def with_content(block: Block) -> Iterator[Block]:
        yield block
        for inner in block.content if isinstance(block, Directive) else ():
            yield from with_content(inner)

    for cell, block in blocks(page):
        for found in with_content(block):
            yield cell, found


def directives(page: Path, *names: str) -> list[Directive]:
    """The directives of these names, wherever on the page."""
    return [block for _, block in walk(page) if isinstance(block, Directive) and block.name in names]
