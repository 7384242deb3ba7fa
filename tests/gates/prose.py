"""The length of a chapter, and its exercises with their solutions."""

import re
from collections.abc import Iterator
from pathlib import Path

from markdown_it.token import Token

from book._tools.pages import MARKDOWN, Block, Directive, blocks, directives
from tests.gates import problem

WORDS = (2000, 4000)
WORD = re.compile(r"[^\W\d_][\w'’-]*|\d[\d.,]*")
ADMONITIONS = {"admonition", "note", "tip", "warning", "important", "seealso", "dropdown", "margin"}
ROLE_TARGET = re.compile(r"\s*<[^<>]*>$")


def prose(page: Path) -> str:
    """What is read as text: no code, no displayed mathematics, no solutions, no markup."""
    kept: list[str] = []
    in_solution = False
    for _, block in blocks(page):
        if isinstance(block, Directive) and block.name in ("solution-start", "solution-end"):
            in_solution = block.name == "solution-start"
        elif not in_solution:
            kept += paragraphs(block)
    return "\n".join(kept)


def paragraphs(block: Block) -> Iterator[str]:
    if isinstance(block, Token):
        if block.type == "inline":
            yield "".join(map(spoken, block.children or ()))
    elif block.name.startswith("prf:") or block.name in ADMONITIONS | {"exercise", "figure"}:
        heading = "" if block.name == "figure" else block.argument
        for inner in (*MARKDOWN.parseInline(heading), *block.content):
            yield from paragraphs(inner)


def spoken(token: Token) -> str:
    """A formula in a sentence reads as one word."""
    if token.type in ("softbreak", "hardbreak", "html_inline"):
        return " "
    if token.type.startswith("math_inline"):
        return " x "
    if token.type == "myst_role":
        return ROLE_TARGET.sub("", token.content)
    return token.content


def word_count(page: Path, limits: tuple[int, int] = WORDS) -> list[str]:
    words = len(WORD.findall(prose(page)))
    if words < limits[0]:
        what, mend = (
            f"{words} words of prose, fewer than {limits[0]}",
            "Teach more, or join it to another chapter",
        )
    elif words > limits[1]:
        what, mend = f"{words} words of prose, more than {limits[1]}", "Shorten the chapter or split it"
    else:
        return []
    return [problem(page, None, what, mend)]


def exercises(page: Path) -> list[str]:
    found = []
    asked: list[str] = []
    for exercise in directives(page, "exercise", "exercise-start"):
        if exercise.label and exercise.label.startswith("ex-"):
            asked.append(exercise.label)
        else:
            what = "an exercise without a label ex-..."
            found.append(problem(page, exercise.cell, what, "Add `:label: ex-...`"))
    solutions = directives(page, "solution", "solution-start")
    answers = [solution.argument for solution in solutions]
    for label in asked:
        if answers.count(label) != 1:
            what = f"exercise {label} has {answers.count(label)} solutions"
            mend = f"Put one {{solution-start}} {label} ... {{solution-end}} on the same page"
            found.append(problem(page, None, what, mend))
    for solution in solutions:
        if solution.argument not in asked:
            what = f"a solution of {solution.argument}, which is no exercise here"
            found.append(problem(page, solution.cell, what, "Name an exercise of the same page"))
    return found
