"""The page of the book on time and memory, written from the results of a run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lossfns.catalog import cards
from tests.peers.page import formatted, python, table

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[2] / "book" / "reference" / "benchmarks.md"
OURS = "lossfns"

INTRODUCTION = """\
# Time and memory

How long a loss and its gradient take, and how much memory, beside the same loss of other libraries. Every
row is measured, also those in which `lossfns` loses. `make bench` measures them anew and writes this page.

**How it was measured.** {machine}; one thread; {versions}. Eager mode, float32. A step is a call and its
`backward()`. The calls of a row take turns in one process, in another order each round. The first line of a
table has the time of `lossfns`. A line below it says how many times *as long* the other library takes: the
median over the rounds, and the quartiles in brackets. So above 1 is slower than `lossfns`; **bold** is
faster, beyond the quartiles. After the dot stands the memory that a step holds at most, beyond its
arguments: 1 is the size of the gradients, which nobody can do without.

**What to make of it.** Small inputs measure the overhead of Python: `lossfns` checks its arguments, which
takes some microseconds. Large inputs measure memory: on a CPU `lossfns` takes a large loss in chunks that
fit the cache and finds the gradient on the way. In between, others are sometimes faster because they keep
fewer digits: a library that drops the tail of a logarithm, or takes 1 − p for a small number, saves an
operation ([the differences](peers.md)). On a GPU and inside `torch.compile` the losses use their plain
form, about which this page says nothing. On another machine the ratios will differ.

## Where others are faster

{lost}

## All rows

{rows}
"""

Size = Mapping[str, Any]


def milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"


def memory(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def unbroken(text: str) -> str:
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def cell(size: Size, library: str) -> str:
    if library == OURS:
        return f"{milliseconds(size['seconds'])} · {memory(size['memory'][OURS])}"
    if library not in size["ratios"]:
        return "–"
    low, middle, high = size["ratios"][library]
    ratio = f"**{middle:.2f}**" if high < 1 else f"{middle:.2f}"
    return f"{ratio} ({low:.2f}–{high:.2f}) · {memory(size['memory'][library])}"


def one(row: Mapping[str, Any]) -> str:
    sizes: Mapping[str, Size] = row["sizes"]
    libraries = [OURS, *row["theirs"]]
    calls = [row["ours"], *(line for name, call in row["theirs"].items() for line in (f"# {name}", call))]
    body = ([library, *(cell(size, library) for size in sizes.values())] for library in libraries)
    return "\n\n".join([f"**`{row['loss']}`**", python(*calls), table(["", *map(unbroken, sizes)], body)])


def lost(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows in which another library is faster, the worst first."""
    found = [
        (size["ratios"][library][1], row["ours"], name, library)
        for row in rows
        for name, size in row["sizes"].items()
        for library in size["ratios"]
        if size["ratios"][library][2] < 1
    ]
    return table(
        ["Time", "Library", "Size", "Call"],
        (
            [f"{ratio:.2f}", library, unbroken(size), f"`{call}`"]
            for ratio, call, size, library in sorted(found)
        ),
    )


def render(results: Mapping[str, Any]) -> str:
    family = {name: card.family for name, card in cards().items()}
    groups = itertools.groupby(results["rows"], lambda row: family[row["loss"]])
    parts = [[f"### {name.capitalize()}", *map(one, rows)] for name, rows in groups]
    text = INTRODUCTION.format(
        machine=results["machine"],
        versions=", ".join(f"{name} {version}" for name, version in results["versions"].items()),
        lost=lost(results["rows"]),
        rows="\n\n".join(itertools.chain.from_iterable(parts)),
    )
    return formatted(text)
