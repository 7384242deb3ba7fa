"""What each rule for a hyper-parameter refuses, by the words in which it says what it admits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lossfns._rules import Rule

_NOT_NUMBERS = (math.nan, "1", None, True, np.True_, [0.5], 1j)
_NUMBERS = {
    "a positive finite number": (0.0, -1.0, math.inf),
    "a positive number or inf": (0.0, -1.0, -math.inf),
    "a non-negative finite number": (-1e-9, math.inf),
    "a number strictly between 0 and 1": (0.0, 1.0, -0.5),
    "a number from 0 to 1": (-0.1, 1.1, math.inf),
    "a number from 0 up to, but not, 1": (-0.1, 1.0),
    "a number from 0 up to, but not, 1/2": (-0.1, 0.5),
    "a finite number": (math.inf, -math.inf),
    "a real number, inf and -inf included": (),
    "a finite number, at most 0 or at least 1": (0.5, 1e-9, math.inf, -math.inf),
    "a finite number, at most 0": (0.1, -math.inf),
    "a finite number, at least -1": (-1.1, math.inf),
}
_OTHERS: dict[str, tuple[Any, ...]] = {
    "an integer": (None, 0.5, "0", True, 2**63, -(2**63) - 1),
    "a non-negative integer": (-1, None, 0.5, "0", True, 2**63),
    "None or a positive integer": (0, -1, 0.5, "2", True),
    "True or False": (1, 0, "yes", None, np.ones(1, dtype=bool)),
    "a tensor of shape (C,)": (None, 1.0, [1.0, 2.0], np.ones(2)),
    "None or a tensor of shape (C,)": (1.0, "balanced", [1.0], np.ones(2)),
}
_TENSOR = (
    ", or a tensor of one number",
    ", or a tensor of shape (Q,) of such numbers",
    ", or a tensor of shape (A,) of such numbers",
    ", or a tensor that broadcasts to input",
)


def refused(rule: Rule) -> tuple[Any, ...]:
    """Values that the rule is to refuse."""
    words = rule.words
    for tail in _TENSOR:
        words = words.removesuffix(tail)
    if words in _OTHERS:
        return _OTHERS[words]
    if words.startswith("one of "):
        return ("avg", "", None, 1)
    if words.startswith("None or "):
        return tuple(v for v in _NUMBERS[words.removeprefix("None or ")] + _NOT_NUMBERS if v is not None)
    return _NUMBERS[words] + _NOT_NUMBERS
