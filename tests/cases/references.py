"""Functions that several references are made of, in those of a module ``m``: ``math`` or ``mpmath.mp``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def softmax(m: Any, z: list[Any]) -> list[Any]:
    powers = [m.exp(v - max(z)) for v in z]
    return [v / sum(powers) for v in powers]


def log_softmax(m: Any, z: list[Any]) -> list[Any]:
    total = sum(m.exp(v - max(z)) for v in z)
    return [v - max(z) - m.log(total) for v in z]


def softplus(m: Any, z: Any) -> Any:
    return m.log1p(m.exp(-abs(z))) + max(z, 0)


def two_sided(side: Callable[..., Any]) -> Callable[..., Any]:
    """y · side(m, z, True) + (1 − y) · side(m, z, False), where 0 · anything is 0."""

    def reference(m: Any, z: Any, y: Any, **hyper: Any) -> Any:
        yes = y * side(m, z, True, **hyper) if y else 0
        return yes + ((1 - y) * side(m, z, False, **hyper) if y != 1 else 0)

    return reference


def log_share(m: Any, s: Any, j: int) -> Any:
    """−log of the share of entry j in the softmax of s."""
    top = max(s)
    return top + m.log(sum(m.exp(v - top) for v in s)) - s[j]
