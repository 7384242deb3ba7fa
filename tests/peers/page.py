"""The page on other libraries, and the box on the API page: ``python -m tests.peers.page`` writes them."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from lossfns.catalog import LossCard, cards
from tests.peers import agreements, differences, from_torch
from tests.peers.agreements import NO_PEER, Agreement
from tests.peers.differences import Difference
from tests.peers.evaluate import Array
from tests.peers.inputs import INPUTS
from tests.peers.libraries import LIBRARIES, OURS
from tests.peers.outcome import differing, ours, right, theirs

PAGE = Path(__file__).parents[2] / "book" / "reference" / "peers.md"
DIGITS = 4

TEXT = """\
# Other libraries

Most losses of this book are also elsewhere, under other names and with other conventions. This page says
which call of which library returns the numbers of `lossfns`, and on which inputs none does. `make peers`
runs every call on this page as it is printed here, and fails if an answer is another one.

## Versions

{versions}

SMP is segmentation-models-pytorch, PML is pytorch-metric-learning. Nothing is said about other versions.
The calls below use these names:

{imports}

## Who has what

A library is named if, after the translation below, it returns the same values on random inputs, and, if it
has gradients, the same gradients with respect to every input that is no label and no weight. A star says that
it differs on some of the inputs at the end of this page; a cross, that its loss of this kind is another one.

{coverage}

## The same numbers

Each block gives a call of `lossfns` and the calls of others that return the same. A comment says what one
has to know to translate. `r` stands for `"mean"`, `"sum"` and `"none"`; the other letters are random
tensors:

{inputs}

{agreements}

## Different numbers

On the inputs below some libraries return something else. The right answer is derived without any of them,
from the expression below the table, which mpmath evaluates to fifty digits (`mpf` is its number); the
gradient likewise. ✓ marks who returns it, ✗ who does not: `lossfns` is tested to return it everywhere.
A mean over nothing is 0/0: what it should be can only be agreed. We take 0, and ○ marks who takes
something else, which is no error. Nor are other defaults and conventions; they are in the translations above.

{differences}
"""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *map(list, rows)])


def python(*lines: str) -> str:
    return "\n".join(["```python", *lines, "```"])


def number(value: float) -> str:
    """Four significant digits, the same on every machine."""
    if not np.isfinite(value):
        return str(value).replace("-", "−").replace("inf", "∞").replace("nan", "NaN")
    mantissa, _, exponent = f"{value + 0.0:.{DIGITS}g}".replace("-", "−").partition("e")
    power = str(int(exponent.replace("−", "-"))) if exponent else ""
    return (
        f"{mantissa} · 10{power.translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
        if power
        else mantissa
    )


def numbers(values: Array | None) -> str:
    if values is None:
        return ""
    entries = [number(float(value)) for value in values.ravel()]
    if len(entries) > 1 and len(set(entries)) == 1:
        return f"{len(entries)} times {entries[0]}"
    return ", ".join(entries) or "an empty tensor"


def versions() -> str:
    rows = ([name, library.version, library.note] for name, library in LIBRARIES.items())
    return table(["Library", "Version", ""], rows)


def families() -> dict[str, list[LossCard]]:
    return {
        name: list(group) for name, group in itertools.groupby(cards().values(), lambda card: card.family)
    }


def coverage() -> str:
    same = {(a.loss, peer.library) for a in agreements.everything() for peer in a.peers}
    kinds = differences.everything().values()
    other = {(d.loss, library) for kind in kinds for d in kind for library in differing(d)}
    marks = {(True, False): "", (True, True): "\\*", (False, True): " ✗"}

    def row(card: LossCard) -> list[str]:
        judged = {name: ((card.name, name) in same, (card.name, name) in other) for name in LIBRARIES}
        return [f"`{card.name}`", ", ".join(n + marks[j] for n, j in judged.items() if any(j)) or "–"]

    parts = [
        f"**{name.capitalize()}**\n\n" + table(["Loss", "Found in"], map(row, family))
        for name, family in families().items()
    ]
    without = [f"`{name}`" + (f" ({why})" if why else "") for name, why in NO_PEER.items()]
    return "\n\n".join([*parts, f"None of them has an equal of {', '.join(without)}."])


def agreement(one: Agreement) -> str:
    lines = [one.ours]
    for peer in one.peers:
        lines += ["", f"# {peer.library}" + (f": {peer.mapping}" if peer.mapping else ""), peer.call]
    return python(*lines)


def all_agreements() -> str:
    found: dict[str, list[Agreement]] = {}
    for one in agreements.everything():
        found.setdefault(one.loss, []).append(one)
    parts = []
    for name, family in families().items():
        parts.append(f"### {name.capitalize()}")
        for card in family:
            if card.name in found:
                parts += [f"**`{card.name}`**", *map(agreement, found[card.name])]
    return "\n\n".join(parts)


def mark(one: Difference, library: str) -> str:
    if library not in differing(one):
        return "✓"
    return "○" if one.convention else "✗"


def difference(one: Difference) -> str:
    calls = [*one.theirs.items(), ("lossfns", one.ours)]
    outcomes = {**theirs(one), "lossfns": ours(one)}
    head = ["", "Value", *([f"Gradient in `{one.slope}`"] if one.slope else []), ""]

    def row(library: str) -> list[str]:
        found = outcomes[library]
        value = f"`{found.error}`" if found.error else numbers(found.value)
        slope = [numbers(found.slope)] if one.slope else []
        return [library, value, *slope, mark(one, library)]

    code = python(
        *one.given.splitlines(), *(line for name, call in calls for line in ("", f"# {name}", call))
    )
    due = "" if right(one).error or one.right.isdigit() else f"Right is `{one.right}`. "
    return "\n\n".join([f"**{one.title}**", code, table(head, map(row, outcomes)), due + one.why])


def all_differences() -> str:
    kinds = differences.everything().items()
    return "\n\n".join(f"### {title}\n\n" + "\n\n".join(map(difference, kind)) for title, kind in kinds)


def formatted(text: str) -> str:
    """The code in the text as the gate of style wants it."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", PAGE.name, "-"]
    return subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=True).stdout


def render() -> str:
    text = TEXT.format(
        versions=versions(),
        imports=python(
            OURS,
            "import jax",
            "import jax.numpy as jnp",
            "import numpy as np",
            "import torch",
            "from torch import tensor",
            *(library.imports for library in LIBRARIES.values()),
        ),
        coverage=coverage(),
        inputs=table(
            ["Name", "Meaning", "Shape"], ([f"`{n}`", i.words, f"`{i.shape}`"] for n, i in INPUTS.items())
        ),
        agreements=all_agreements(),
        differences=all_differences(),
    )
    return formatted(text)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    from_torch.write()
