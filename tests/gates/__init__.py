"""The gates: functions that look at a page, a notebook or the built book and return a list of problems.

A problem is one line: where it is (cells are counted from 1, all kinds), what is wrong, and how to mend it.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def problem(path: Path, cell: int | None, what: str, mend: str) -> str:
    """One line of a gate's answer; ``cell`` is an index from 0, or None."""
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(path.name)
    where = shown.as_posix() if cell is None else f"{shown.as_posix()}, cell {cell + 1}"
    return f"{where}: {what}. {mend}."
