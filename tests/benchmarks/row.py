"""A row of the measurements: our call, what one would write instead, calls of others, four sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from tests.peers.agreements import everything
from tests.peers.libraries import LIBRARIES, namespace

Inputs = dict[str, Any]
Sizes = dict[str, Callable[[], Inputs]]


@dataclass(frozen=True)
class Failure:
    """Inputs on which the composite is wrong, in float32, and the right answer there."""

    words: str
    """What happens, to whom: ``"inf from a logit of 104 on"``."""
    inputs: str
    """Assignments to the names in the calls: ``"x = torch.tensor([104.0]); b = torch.zeros(1)"``."""
    right: str
    """The right value, from another formula, in float64 where it is computed: ``"104.0"``."""
    gradient: str = ""
    """The input whose gradient is meant instead of the value."""


@dataclass(frozen=True)
class Row:
    """A loss at some sizes. The calls differentiate with respect to the inputs that need a gradient."""

    ours: str
    composite: str
    """What a user writes in one line of torch; it has the value of ours on ordinary inputs."""
    sizes: Sizes
    fails: Failure | None = None
    """Where the composite is wrong; None if it is as right as ours."""
    theirs: dict[str, str] = field(default_factory=dict)
    skip: tuple[tuple[str, str], ...] = ()
    """(library or "composite", size) where the other takes too long, or more memory than a laptop has."""

    @property
    def loss(self) -> str:
        return self.ours.split("(")[0]


def row(ours: str, composite: str, sizes: Sizes, fails: Failure | None = None, *skip: tuple[str, str]) -> Row:
    """A row with the calls of the libraries that agree with ours."""
    return Row(ours, composite, sizes, fails, agreed(ours), skip)


def agreed(ours: str) -> dict[str, str]:
    """The first call of each library that takes tensors, from the table that the peers are tested with."""
    found: dict[str, str] = {}
    for agreement in everything():
        if agreement.ours.replace(", reduction=r", "") == ours:
            for peer in agreement.peers:
                if LIBRARIES[peer.library].arrays == "torch":
                    found.setdefault(peer.library, peer.call.replace("reduction=r", "reduction='mean'"))
    assert found, f"no library is said to agree with {ours}"
    return found


def leaf(*shape: int, scale: float = 1.0) -> Tensor:
    return (scale * torch.randn(shape)).requires_grad_()


def number(n: int) -> str:
    return f"{n:,}".replace(",", " ")


def elements(*sizes: int) -> Sizes:
    """Predictions ``x`` and numbers ``y``, bits ``b``, counts ``n``, positive ``a``; ``s`` a second leaf."""

    def inputs(n: int) -> Inputs:
        shape = (n // 10, 10)
        bits, counts = torch.randint(2, shape).float(), torch.randint(9, shape).float()
        y = torch.randn(shape)
        return {"x": leaf(*shape), "y": y, "b": bits, "n": counts, "s": leaf(*shape), "a": y.exp()}

    return {number(n): partial(inputs, n) for n in sizes}


def classes(*sizes: tuple[int, int]) -> Sizes:
    """Logits ``z`` and ``q`` of classes ``k`` or probabilities ``t``, class weights ``c``."""

    def inputs(n: int, c: int) -> Inputs:
        return {
            "z": leaf(n, c),
            "k": torch.arange(n) % c,
            "t": torch.randn(n, c).softmax(1),
            "q": leaf(n, c),
            "c": torch.rand(c) + 0.5,
        }

    return {f"{number(n)} × {number(c)}": partial(inputs, n, c) for n, c in sizes}


def maps(*sizes: tuple[int, int, int]) -> Sizes:
    """Maps of logits ``Z`` and of classes ``K``, of masks ``M``, or of distances ``D``."""

    def inputs(n: int, c: int, side: int) -> Inputs:
        index = torch.randint(c, (n, side, side))
        return {
            "Z": leaf(n, c, side, side),
            "K": index,
            "L": index,
            "M": torch.randint(2, (n, c, side, side)).float(),
            "D": torch.randn(n, c, side, side),
        }

    return {f"{n} × {c} × {side}²": partial(inputs, n, c, side) for n, c, side in sizes}


def boxes(*sizes: int) -> Sizes:
    """Boxes ``p``, predicted, and ``g``."""

    def some(n: int) -> Tensor:
        corner = torch.rand(n, 2)
        return torch.cat([corner, corner + 0.1 + torch.rand(n, 2)], 1)

    def inputs(n: int) -> Inputs:
        return {"p": some(n).requires_grad_(), "g": some(n)}

    return {number(n): partial(inputs, n) for n in sizes}


def bins(*sizes: tuple[int, int]) -> Sizes:
    """Logits ``z`` of bins 0, 1, 2, … and numbers ``y`` between them."""

    def inputs(n: int, c: int) -> Inputs:
        return {"z": leaf(n, c), "y": (c - 1) * torch.rand(n)}

    return {f"{number(n)} × {c}": partial(inputs, n, c) for n, c in sizes}


def patients(*sizes: int) -> Sizes:
    """Scores ``x``, times ``a`` and events ``b``."""

    def inputs(n: int) -> Inputs:
        return {"x": leaf(n), "a": torch.rand(n), "b": torch.randint(2, (n,)).float()}

    return {number(n): partial(inputs, n) for n in sizes}


def intervals(*sizes: tuple[int, int]) -> Sizes:
    """Logits ``z`` of intervals, the last one ``k`` that was watched, and events ``b``."""

    def inputs(n: int, c: int) -> Inputs:
        return {"z": leaf(n, c), "k": torch.arange(n) % c, "b": torch.randint(2, (n,)).float()}

    return {f"{number(n)} × {c}": partial(inputs, n, c) for n, c in sizes}


def embeddings(*sizes: tuple[int, int]) -> Sizes:
    """Embeddings ``e``, ``f`` and ``h``, two of each class in ``k``; bits ``b``, same or not."""

    def inputs(n: int, d: int) -> Inputs:
        pairs, bits = torch.arange(n // 2).repeat(2), torch.randint(2, (n,)).float()
        return {"e": leaf(n, d), "f": leaf(n, d), "h": leaf(n, d), "k": pairs, "b": bits}

    return {f"{number(n)} × {number(d)}": partial(inputs, n, d) for n, d in sizes}


def prototypes(*sizes: tuple[int, int, int]) -> Sizes:
    """Embeddings ``e`` of classes ``k``; class vectors: columns ``C``, rows ``P``, or those of PML."""

    def inputs(n: int, d: int, c: int) -> Inputs:
        return {
            "e": leaf(n, d),
            "C": leaf(d, c),
            "P": leaf(c, d),
            "k": torch.arange(n) % c,
            "arcface": lambda: namespace()["losses"].ArcFaceLoss(c, d),
            "cosface": lambda: namespace()["losses"].CosFaceLoss(c, d),
            "anchor": lambda: namespace()["losses"].ProxyAnchorLoss(c, d),
        }

    return {f"{number(n)} × {d}, {number(c)} classes": partial(inputs, n, d, c) for n, d, c in sizes}


ELEMENTS = elements(1000, 100_000, 1_000_000, 10_000_000)
ROWS = classes((32, 10), (256, 1000), (2048, 2000), (4096, 10_000))
MAPS = maps((2, 4, 64), (4, 8, 192), (8, 4, 256), (2, 21, 512))
BOXES = boxes(16, 10_000, 100_000, 1_000_000)
BINS = bins((64, 16), (10_000, 16), (100_000, 16), (1_000_000, 16))
PATIENTS = patients(1000, 10_000, 100_000, 1_000_000)
INTERVALS = intervals((64, 16), (10_000, 16), (100_000, 16), (1_000_000, 16))
TRIPLES = embeddings((32, 128), (1000, 128), (8192, 128), (65_536, 128))
PAIRS = embeddings((32, 128), (512, 128), (2048, 128), (4096, 128))
PROTOTYPES = prototypes((32, 128, 10), (256, 128, 1000), (512, 128, 10_000), (2048, 128, 10_000))
STATISTICS = embeddings((32, 128), (2048, 128), (2048, 512), (256, 8192))
