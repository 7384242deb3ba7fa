"""The random inputs that the calls name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor


@dataclass(frozen=True)
class Input:
    """An input: its meaning, its shape in words, and how it is drawn."""

    words: str
    shape: str
    draw: Callable[[Generator], Tensor]
    constant: bool = False
    """Labels and weights: one does not differentiate with respect to them."""


def normal(*shape: int, scale: float = 1.0) -> Callable[[Generator], Tensor]:
    return lambda g: scale * torch.randn(shape, generator=g, dtype=torch.float64)


def uniform(*shape: int, low: float, high: float) -> Callable[[Generator], Tensor]:
    return lambda g: low + (high - low) * torch.rand(shape, generator=g, dtype=torch.float64)


def labels(*shape: int) -> Callable[[Generator], Tensor]:
    """Indices of three classes. Each class is in each row."""

    def draw(g: Generator) -> Tensor:
        images, pixels = (1, shape[0]) if len(shape) == 1 else (shape[0], math.prod(shape[1:]))
        return torch.stack([torch.randperm(pixels, generator=g) % 3 for _ in range(images)]).view(shape)

    return draw


def ignoring(g: Generator) -> Tensor:
    some = labels(2, 4, 5)(g)
    return torch.where(torch.arange(5) == 2, 255, some)


def bits(*shape: int) -> Callable[[Generator], Tensor]:
    return lambda g: torch.randint(2, shape, generator=g).double()


def boxes(g: Generator) -> Tensor:
    corner = 4 * torch.rand(8, 2, generator=g, dtype=torch.float64)
    return torch.cat([corner, corner + 1 + 4 * torch.rand(8, 2, generator=g, dtype=torch.float64)], 1)


INPUTS = {
    "x": Input("predictions", "(4, 5)", normal(4, 5, scale=2)),
    "y": Input("targets", "(4, 5)", normal(4, 5, scale=2)),
    "s": Input("predicted log-variances", "(4, 5)", normal(4, 5)),
    "n": Input(
        "counts", "(4, 5)", lambda g: torch.randint(0, 9, (4, 5), generator=g).double(), constant=True
    ),
    "w": Input("weights of elements", "(4, 5)", uniform(4, 5, low=0.2, high=2), constant=True),
    "b": Input("labels 0 and 1", "(4, 5)", bits(4, 5), constant=True),
    "z": Input("logits of three classes", "(6, 3)", normal(6, 3, scale=2)),
    "k": Input("class indices", "(6,)", labels(6)),
    "t": Input("class probabilities", "(6, 3)", lambda g: normal(6, 3)(g).softmax(1)),
    "c": Input("class weights", "(3,)", uniform(3, low=0.2, high=2), constant=True),
    "v": Input("weights of rows", "(6,)", uniform(6, low=0.2, high=2), constant=True),
    "Z": Input("maps of logits", "(2, 3, 4, 5)", normal(2, 3, 4, 5, scale=2)),
    "K": Input("maps of class indices", "(2, 4, 5)", labels(2, 4, 5)),
    "L": Input("maps of class indices, or 255", "(2, 4, 5)", ignoring),
    "M": Input("masks of 0 and 1", "(2, 3, 4, 5)", bits(2, 3, 4, 5), constant=True),
    "p": Input("predicted boxes", "(8, 4)", boxes),
    "g": Input("true boxes", "(8, 4)", boxes),
    "e": Input("embeddings", "(6, 4)", normal(6, 4)),
    "f": Input("embeddings", "(6, 4)", normal(6, 4)),
    "h": Input("embeddings", "(6, 4)", normal(6, 4)),
    "q": Input("cosines", "(6, 3)", uniform(6, 3, low=-0.9, high=0.8)),
}


def draw(seed: int) -> dict[str, Tensor]:
    g = Generator().manual_seed(seed)
    return {name: one.draw(g) for name, one in INPUTS.items()}
