"""The page of the book on time and memory, written from the results of a run on a CPU and one on a GPU."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lossfns.catalog import cards
from tests.benchmarks.picture import Dot, draw
from tests.benchmarks.row import Row
from tests.benchmarks.rows import table as rows_of_table
from tests.peers.page import formatted, python, table

REFERENCE = Path(__file__).parents[2] / "book" / "reference"
PAGE = REFERENCE / "benchmarks.md"
PICTURE = REFERENCE / "benchmarks.svg"
OURS, COMPOSITE = "lossfns", "composite"
DEVICES = {"cpu": "a CPU", "cuda": "a GPU"}
SLOWER = 0.9
"""Below this ratio another is faster by more than a tenth."""

INTRODUCTION = """\
# Time and memory

How long a loss and its gradient take, and how much memory, beside the same loss of other libraries and
beside the *composite*: the line of torch that one would write instead. What was measured is shown, also where
`lossfns` loses.

```{{figure}} benchmarks.svg
:name: fig-benchmarks
:width: 460px
:alt: {alt}

The time of others divided by that of `lossfns`, which stands at 1: right of it `lossfns` is faster. One dot
for each call and size; {dots} in all, on {devices}.
```

{summary}

*Slower*: where `lossfns` takes longer by more than a tenth, the smallest inputs included; *mean*: the
geometric mean of the ratios.

**How it was measured.** {machines} Float32; {versions}. A step is a call and its
`backward()`. The calls of a row take turns in one process, in another order each round. *Compiled* means
`torch.compile(fullgraph=True)` of the call, for `lossfns` and for the composite. Memory is the most that a
step holds beyond its arguments: 1 is the size of the gradients, which nobody can do without. `make bench`
measures anew and writes this page, `make bench DEVICE=cuda` on a GPU.

**What to make of it.** Small inputs measure the overhead of Python: `lossfns` checks its arguments, which
takes some microseconds a call. Large inputs measure memory: on a CPU `lossfns` takes a large loss in chunks
that fit the cache and finds the gradient on the way. In between, others are sometimes faster because they
keep fewer digits ([the differences](peers.md)). On a GPU nothing is cut into chunks: tried there, chunks took
several times as long as the plain form, while `torch.compile` gets the same memory in less time. On another
machine the ratios will differ.

## Where others are faster

By more than a tenth, the quartiles included, the worst first: the time of the other divided by that of
`lossfns`. The smallest sizes are not listed, where nearly every line of torch is faster than a call that
checks its arguments and looks for what is to be left out. With its backward pass such a call takes longer
than the composite: {tiny}. On a GPU no loss looks at the values of its arguments, since it would have to
wait for them, so in eager mode it takes its general form, of many small operations. Compiled, as one trains
there, these are merged.

{lost}

## What exactness costs

The composite is what most training code contains. It is given here with an input on which it is wrong
(a test holds that it is, and that `lossfns` is right there), and with the time of the composite divided by
that of `lossfns` at the four sizes: above 1 the exact loss is also the faster one. Most
composites lose more: an empty batch gives NaN, arguments of different shapes are broadcast, a NaN of weight 0
comes through, half precision is computed in half precision.

{costs}

## All rows

The first line of a table has the time of `lossfns`. A line below it says how many times *as long* the other
takes: the median over the rounds, and the quartiles in brackets; **bold** is faster than `lossfns`, beyond
the quartiles. After the dot stands the memory.

{rows}
"""

Size = Mapping[str, Any]
Results = Mapping[str, Any]


def stored(device: str) -> Path:
    return Path(__file__).with_name(f"{device}.json")


def results() -> dict[str, Results]:
    """Those of each device that there are."""
    paths = {device: stored(device) for device in DEVICES}
    return {d: json.loads(path.read_text(encoding="utf-8")) for d, path in paths.items() if path.is_file()}


def entries(
    results: Mapping[str, Results],
) -> Iterator[tuple[str, Mapping[str, Any], str, str, str, list[float]]]:
    """(device, row, size, mode, other, quartiles) of everything that was compared."""
    for device, found in results.items():
        for row in found["rows"]:
            for size, modes in row["sizes"].items():
                for mode, one in modes.items():
                    for other, quartiles in one["ratios"].items():
                        yield device, row, size, mode, other, quartiles


def machine(results: Results) -> str:
    """Where it was measured, with what, and how many of the rows."""
    rows, all_rows = len(results["rows"]), len(rows_of_table())
    part = "" if rows == all_rows else f", {rows} of the {all_rows} rows"
    return f"{results['machine']}, PyTorch {results['versions']['PyTorch']}{part}"


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
    """A table of a row: eager the libraries, compiled the composite alone."""
    sizes: Mapping[str, Mapping[str, Size]] = row["sizes"]
    others = {COMPOSITE: row["composite"], **row["theirs"]}
    calls = [row["ours"], *(line for name, call in others.items() for line in (f"# {name}", call))]
    body = [
        [
            name if mode == "eager" else f"{name}, compiled",
            *(cell(size[mode], name) for size in sizes.values()),
        ]
        for mode, names in (("eager", [OURS, *others]), ("compiled", [OURS, COMPOSITE]))
        for name in names
    ]
    return "\n\n".join([python(*calls), table(["", *map(unbroken, sizes)], body)])


def lost(results: Results) -> list[str]:
    """A line for each call that another is faster than by more than a tenth, the worst first."""
    found: dict[str, dict[str, dict[str, list[tuple[float, str]]]]] = {}
    for _, row, size, mode, other, (_, ratio, high) in entries({"": results}):
        if ratio < SLOWER and high < 1 and size != next(iter(row["sizes"])):
            modes = found.setdefault(row["ours"], {"eager": {}, "compiled": {}})
            modes[mode].setdefault(other, []).append((ratio, size))

    def worst(modes: Mapping[str, Mapping[str, list[tuple[float, str]]]]) -> tuple[float, str]:
        return min(one for others in modes.values() for ratios in others.values() for one in ratios)

    def words(mode: str, others: Mapping[str, list[tuple[float, str]]]) -> list[str]:
        each = (
            f"{other} " + ", ".join(f"{ratio:.2f} at {unbroken(size)}" for ratio, size in ratios)
            for other, ratios in others.items()
        )
        return [f"{mode}: " + "; ".join(each)] if others else []

    return [
        "\\\n  ".join([f"- `{call}`", *(line for mode in modes for line in words(mode, modes[mode]))])
        for call, modes in sorted(found.items(), key=lambda one: worst(one[1]))
    ]


def all_lost(results: Mapping[str, Results]) -> str:
    """Those on each device, folded."""
    parts = []
    for device, found in results.items():
        calls = lost(found)
        title = f"On {DEVICES[device]}: {len(calls)} of {len(found['rows'])} calls"
        parts.append("\n".join([f"````{{dropdown}} {title}\n", *calls, "````"]))
    return "\n\n".join(parts)


def tiny(results: Mapping[str, Results]) -> str:
    """What a call of ours costs more than the composite at the smallest size of a row, in microseconds."""
    lines = []
    for device, found in results.items():
        more = sorted(
            1e6 * one["seconds"] * (1 - one["ratios"][COMPOSITE][1])
            for row in found["rows"]
            for one in [next(iter(row["sizes"].values()))["eager"]]
        )
        middle, most = more[len(more) // 2], more[-len(more) // 10]
        lines.append(
            f"on {DEVICES[device]} {middle:.0f} µs in the middle of the rows, {most:.0f} in a tenth of them"
        )
    return "; ".join(lines)


def summary(results: Mapping[str, Results]) -> str:
    """How often ours is not slower, and by how much in the middle, for each device and mode."""
    counted: dict[tuple[str, str], list[float]] = {}
    for device, _, _, mode, other, ratio in entries(results):
        against = COMPOSITE if other == COMPOSITE else "libraries"
        counted.setdefault((f"{DEVICES[device]}, {mode}", against), []).append(ratio[1])

    def line(head: tuple[str, str], ratios: list[float]) -> list[str]:
        behind = sum(ratio < SLOWER for ratio in ratios)
        middle = math.exp(sum(map(math.log, ratios)) / len(ratios))
        return [*head, f"{behind} of {len(ratios)}", f"{middle:.2f}"]

    return table(
        ["On", "Beside", "Slower", "Mean"],
        (line(head, ratios) for head, ratios in counted.items()),
    )


def span(row: Mapping[str, Any], mode: str) -> str:
    ratios = (size[mode]["ratios"].get(COMPOSITE) for size in row["sizes"].values())
    return ", ".join(f"{ratio[1]:.2g}" for ratio in ratios if ratio)


def costs(results: Mapping[str, Results]) -> str:
    """A list for each family: the composite, where it is wrong, and its time at the sizes."""
    measured = {d: {row["ours"]: row for row in found["rows"]} for d, found in results.items()}

    def item(row: Row) -> str:
        lines = [f"- `{row.ours}`, or `{row.composite}`"]
        lines.append(f"Wrong: {row.fails.words}." if row.fails else "As right, by value.")
        for device, rows in measured.items():
            if found := rows.get(row.ours):
                eager, compiled = span(found, "eager"), span(found, "compiled")
                lines.append(f"On {DEVICES[device]} {eager}; compiled {compiled}.")
        return "\\\n  ".join(lines)

    parts = []
    for family, rows in itertools.groupby(rows_of_table(), lambda row: _family(row.loss)):
        parts += [f"### {family.capitalize()}: what exactness costs", "\n".join(map(item, rows))]
    return "\n\n".join(parts)


def all_rows(results: Mapping[str, Results]) -> str:
    parts = []
    for device, found in results.items():
        for family, rows in itertools.groupby(found["rows"], lambda row: _family(row["loss"])):
            tables = itertools.chain.from_iterable((f"**`{row['loss']}`**", one(row)) for row in rows)
            parts += [f"### {family.capitalize()}, on {DEVICES[device]}", *tables]
    return "\n\n".join(parts)


def _family(loss: str) -> str:
    return cards()[loss].family


def dots() -> list[Dot]:
    return [
        Dot(_family(row["loss"]), other if other == COMPOSITE else "library", device, mode, ratio[1])
        for device, row, _, mode, other, ratio in entries(results())
    ]


def picture() -> str:
    return draw(dots())


def render() -> str:
    found = results()
    versions = {k: v for one in reversed(found.values()) for k, v in one["versions"].items()}
    text = INTRODUCTION.format(
        machines=" ".join(f"On {DEVICES[d]}: {machine(one)}." for d, one in found.items()),
        versions=", ".join(f"{name} {version}" for name, version in versions.items()),
        dots=len(dots()),
        devices=" and ".join(DEVICES[d] for d in found),
        alt="A dot for each call and size on a logarithmic axis, a band for each family of losses",
        summary=summary(found),
        lost=all_lost(found),
        tiny=tiny(found),
        costs=costs(found),
        rows=all_rows(found),
    )
    return formatted(text)
