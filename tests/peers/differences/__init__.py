"""Inputs on which another library and ours differ, and what the right number is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """One input, two calls, and the right answer, derived without either."""

    title: str
    library: str
    given: str
    """Statements that make the input."""
    theirs: str
    ours: str
    right: str
    """The value as an expression for mpmath, or the error that should be raised."""
    why: str
    slope: str = ""
    """An input whose gradient belongs to the answer."""
    right_slope: str = ""
    """That gradient, as an expression for mpmath."""

    @property
    def loss(self) -> str:
        return self.ours.split("(")[0]


def everything() -> Mapping[str, tuple[Difference, ...]]:
    """The differences by the kind of error."""
    from tests.peers.differences import boxes, embeddings, extremes, focal, overlap, reductions

    kinds = (reductions, extremes, focal, overlap, boxes, embeddings)
    return {kind.TITLE: kind.DIFFERENCES for kind in kinds}
