"""What nbval cannot see: executed in order, no errors, no traces of a machine, figures described."""

import copy
import re
from pathlib import Path
from typing import Any

import nbformat

from book._tools.execute import normalise
from book._tools.pages import cells
from tests.gates import problem

RERUN = "Run `make notebooks`"
MACHINE_PATH = re.compile(
    r"(?<![\w./:])/(?:home|root|tmp|Users|usr|opt|var|mnt|work|private)/[\w.]|\b[A-Z]:\\\\?\w"
)
ADDRESS = re.compile(r"\b0x[0-9a-f]{7,16}\b")
UNCHECKED_TAGS = {"nbval-skip", "nbval-ignore-output", "raises-exception", "nbval-raises-exception"}
UNCHECKED_COMMENT = re.compile(r"^\s*#\s*(NBVAL_SKIP|NBVAL_IGNORE_OUTPUT|NBVAL_RAISES_EXCEPTION)\s*$", re.M)


def code_cells(path: Path) -> list[tuple[int, dict[str, Any]]]:
    return [(number, cell) for number, cell in enumerate(cells(path)) if cell["cell_type"] == "code"]


def output_text(output: dict[str, Any]) -> str:
    """All text of an output; figures are left out."""
    bundle = output.get("data", {})
    parts = [bundle[kind] for kind in bundle if not kind.startswith("image/")]
    parts += [output.get("text", ""), output.get("traceback", "")]
    return "\n".join(part if isinstance(part, str) else "".join(map(str, part)) for part in parts)


def executed(path: Path) -> list[str]:
    found = []
    code = code_cells(path)
    for expected, (number, cell) in enumerate(code, start=1):
        if cell["execution_count"] != expected:
            what = f"execution count {cell['execution_count']} where {expected} was due"
            found.append(problem(path, number, what, RERUN))
    if code and not any(cell["outputs"] for _, cell in code):
        found.append(problem(path, None, "no stored output, so nothing of it is checked", RERUN))
    return found


def stored_errors(path: Path) -> list[str]:
    found = []
    for number, cell in code_cells(path):
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                what = f"a stored error ({output['ename']})"
            elif "Traceback (most recent call last)" in output_text(output):
                what = "a traceback in the stored output"
            else:
                continue
            mend = "Mend the cell; to show an error, catch it and print its message"
            found.append(problem(path, number, what, mend))
    return found


def stderr(path: Path) -> list[str]:
    mend = "Mend what it warns of, or filter that one warning in the cell"
    return [
        problem(path, number, "stderr is stored", mend)
        for number, cell in code_cells(path)
        if any(output.get("name") == "stderr" for output in cell["outputs"])
    ]


def machine_traces(path: Path) -> list[str]:
    found = []
    for number, cell in code_cells(path):
        for text in (cell["source"], *map(output_text, cell["outputs"])):
            for what, pattern in (("the path of a machine", MACHINE_PATH), ("a memory address", ADDRESS)):
                if match := pattern.search(text):
                    mend = "Print something that is the same on every machine"
                    found.append(problem(path, number, f"{what} ({match[0]})", mend))
    return found


def figures(path: Path) -> list[str]:
    found = []
    for number, cell in code_cells(path):
        images = [o for o in cell["outputs"] if any(k.startswith("image/") for k in o.get("data", {}))]
        lost = [o for o in cell["outputs"] if output_text(o).startswith("<Figure ") and o not in images]
        if lost:
            found.append(problem(path, number, "a figure without its image", RERUN))
        if not images:
            continue
        settings = cell["metadata"].get("mystnb", {})
        figure, image = settings.get("figure", {}), settings.get("image", {})
        if len(images) > 1:
            found.append(problem(path, number, "more than one figure", "Give each figure a cell of its own"))
        if not str(image.get("alt", "")).strip():
            mend = "Describe the figure in the cell metadata mystnb.image.alt"
            found.append(problem(path, number, "a figure without alt text", mend))
        if not str(figure.get("caption", "")).strip():
            mend = "Write one in the cell metadata mystnb.figure.caption"
            found.append(problem(path, number, "a figure without a caption", mend))
        if not str(figure.get("name", "")).startswith("fig-"):
            mend = "Name it fig-... in the cell metadata mystnb.figure.name"
            found.append(problem(path, number, "a figure without a name", mend))
    return found


def unchecked_cells(path: Path) -> list[str]:
    found = []
    for number, cell in code_cells(path):
        tags = UNCHECKED_TAGS & set(cell["metadata"].get("tags", []))
        if comment := UNCHECKED_COMMENT.search(cell["source"]):
            tags.add(comment[1])
        mend = "Let every cell run and every output be compared"
        found += [problem(path, number, f"marked {tag}", mend) for tag in sorted(tags)]
    return found


def normal_form(path: Path) -> list[str]:
    """Byte for byte what ``make notebooks`` writes: no timestamps, no editor's metadata, ids from content."""
    notebook = nbformat.read(path, as_version=4)
    canonical = copy.deepcopy(notebook)
    normalise(canonical)
    text = nbformat.writes(canonical, version=nbformat.NO_CONVERT) + "\n"
    if text == path.read_text(encoding="utf-8"):
        return []
    return [problem(path, None, "not as `make notebooks` writes it (metadata, timestamps or ids)", RERUN)]
