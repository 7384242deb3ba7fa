"""Inputs on which some libraries differ from ours, and what the right number is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)  # each is asked once
class Difference:
    """One input, the calls of all, and the right answer, derived without any of them."""

    title: str
    given: str
    """Statements that make the input."""
    theirs: Mapping[str, str]
    """The call of each library that has the loss and is asked: some are right."""
    ours: str
    right: str
    """The value as an expression for mpmath, or the error that should be raised."""
    why: str
    slope: str = ""
    """An input whose gradient belongs to the answer."""
    right_slope: str = ""
    """That gradient, as an expression for mpmath."""
    convention: bool = False
    """Whether it is agreed, not derived: 0/0 has no value of its own."""

    @property
    def loss(self) -> str:
        return self.ours.split("(")[0]


def everything() -> Mapping[str, tuple[Difference, ...]]:
    """The differences by the kind of error."""
    from tests.peers.differences import boxes, embeddings, extremes, focal, overlap, reductions

    kinds = (reductions, extremes, focal, overlap, boxes, embeddings)
    return {kind.TITLE: kind.DIFFERENCES for kind in kinds}
