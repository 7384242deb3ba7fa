"""The length of a chapter, and its exercises with their solutions."""

import re
from pathlib import Path

from book._tools.register import texts
from tests.gates import problem

WORDS = (2000, 4000)
EXERCISE = re.compile(
    r"^(?:`{3,}|:{3,})\{exercise(?:-start)?\}[^\n]*\n(?P<options>(?:[ \t]*:[\w-]+:[^\n]*\n)*)", re.M
)
SOLUTION = re.compile(r"^(?:`{3,}|:{3,})\{solution(?:-start)?\}[ \t]*(?P<of>\S+)", re.M)
LABEL = re.compile(r"^[ \t]*:label:[ \t]*(\S+)", re.M)

FENCE = re.compile(r"^\s*(?P<fence>`{3,}|:{3,})(?P<info>.*)$")
OPTION = re.compile(r"^\s*:[\w-]+:(\s|$)")
WORD = re.compile(r"[^\W\d_][\w'’-]*|\d[\d.,]*")
PROSE = re.compile(
    r"\{(?:prf:\w+|exercise|admonition|note|tip|warning|important|seealso|dropdown|margin|figure)\}"
)


def prose(page: Path) -> str:
    """What is read as text: no code, no displayed mathematics, no solutions, no markup."""
    kept: list[str] = []
    in_solution = False
    for _, text in texts(page):
        skipping = ""  # the fence that ends what is being skipped
        for line in re.sub(r"\$\$.*?\$\$(?:\s*\([\w-]+\))?", "", text, flags=re.S).splitlines():
            fence = FENCE.match(line)
            if skipping:
                if fence and not fence["info"].strip() and fence["fence"].startswith(skipping):
                    skipping = ""
            elif fence and "{solution-start}" in fence["info"]:
                in_solution = True
            elif fence and "{solution-end}" in fence["info"]:
                in_solution = False
            elif fence:
                info = fence["info"].strip()
                # a directive of prose is read on; every other fence holds code or mathematics
                if info and not PROSE.match(info):
                    skipping = fence["fence"]
                elif title := PROSE.sub("", info):
                    kept.append(title)
            elif not in_solution and not OPTION.match(line) and not line.startswith("%"):
                kept.append(line)
    text = "\n".join(kept)
    text = re.sub(r"\$[^$]+\$", " x ", text)  # a formula in a sentence reads as one word
    text = re.sub(r"\]\([^)]*\)", "] ", text)
    return re.sub(r"\{[\w:]+\}", " ", text)


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
    solved: list[tuple[int | None, str]] = []
    for cell, text in texts(page):
        for match in EXERCISE.finditer(text):
            label = LABEL.search(match["options"])
            if label and label[1].startswith("ex-"):
                asked.append(label[1])
            else:
                found.append(
                    problem(page, cell, "an exercise without a label ex-...", "Add `:label: ex-...`")
                )
        solved += [(cell, match["of"]) for match in SOLUTION.finditer(text)]
    answers = [answer for _, answer in solved]
    for exercise in asked:
        if answers.count(exercise) != 1:
            what = f"exercise {exercise} has {answers.count(exercise)} solutions"
            mend = f"Put one {{solution-start}} {exercise} ... {{solution-end}} on the same page"
            found.append(problem(page, None, what, mend))
    for cell, answer in solved:
        if answer not in asked:
            mend = "Name an exercise of the same page"
            found.append(problem(page, cell, f"a solution of {answer}, which is no exercise here", mend))
    return found
