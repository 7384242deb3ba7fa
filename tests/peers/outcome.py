"""What a call of the table of differences comes to: a number and a gradient, or an error."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from tests.peers.differences import Difference
from tests.peers.evaluate import Array, evaluate
from tests.peers.libraries import namespace

RTOL = 1e-5
"""The inputs are in float32."""
ZERO = 1e-9
"""Smaller numbers count as 0."""


@dataclass(frozen=True)
class Outcome:
    value: Array | None = None
    slope: Array | None = None
    error: str = ""

    def agrees(self, other: Outcome) -> bool:
        """Whether both say the same, to the digits of float32."""
        if self.error or other.error:
            return self.error == other.error
        return close(self.value, other.value) and close(self.slope, other.slope)


def close(a: Array | None, b: Array | None) -> bool:
    if a is None or b is None:  # a library without gradients says nothing about them
        return True
    if a.size != b.size:
        return False
    return bool(
        np.all(np.isclose(a.ravel(), b.ravel(), rtol=RTOL, atol=np.where(np.abs(b.ravel()) < ZERO, ZERO, 0)))
    )


def inputs(difference: Difference) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(difference.given, dict(namespace()), names)
    return names


def call(code: str, difference: Difference, library: str) -> Outcome:
    slopes = [difference.slope] if difference.slope else []
    try:
        result = evaluate(code, inputs(difference), library=library, slopes=slopes)
    except (RuntimeError, ValueError, AssertionError, IndexError) as error:  # a misspelt call raises another
        return Outcome(error=type(error).__name__)
    return Outcome(result.value, result.slopes.get(difference.slope))


@functools.cache
def ours(difference: Difference) -> Outcome:
    return call(difference.ours, difference, "PyTorch")


@functools.cache
def theirs(difference: Difference) -> dict[str, Outcome]:
    return {library: call(code, difference, library) for library, code in difference.theirs.items()}


@functools.cache
def right(difference: Difference) -> Outcome:
    """The right answer, from its expression, in fifty digits."""
    with mpmath.workdps(50):
        value = eval(difference.right, dict(vars(mpmath)))
        if isinstance(value, type):
            return Outcome(error=value.__name__)
        slope = eval(difference.right_slope, dict(vars(mpmath))) if difference.slope else None
    return Outcome(np.array(value, dtype=float), None if slope is None else np.array(slope, dtype=float))


def differing(difference: Difference) -> list[str]:
    """The libraries that are not right."""
    due = right(difference)
    return [library for library, found in theirs(difference).items() if not found.agrees(due)]
