"""How the arguments of a loss hang together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

Shape = tuple[int, ...]

CLASSES = 3


def uniform(generator: Generator, shape: Shape, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64)


def zip_rows(*arguments: Tensor) -> Iterable[tuple[Any, ...]]:
    """The rows of all arguments, side by side, as nested lists."""
    return zip(*(a.tolist() for a in arguments), strict=True)


@dataclass(frozen=True)
class Layout:
    """How the arguments of a loss hang together. Shapes are those of the loss under ``reduction="none"``."""

    draw: Callable[[Generator, Shape, float, float], list[Tensor]]
    """draw(generator, shape, low, high): random float64 arguments (indices: int64) for that shape."""
    units: Callable[..., Iterable[tuple[Any, ...]]]
    """units(*arguments): what ``reference`` is called with, one call after another; its values, numbers or
    lists, laid end to end are the unreduced loss. One unit may be an element, a row, or the whole batch."""
    predictions: Callable[[Tensor, Any], list[Tensor]]
    """predictions(x, target): arguments that predict the rows of ``x``, (n, dim), or (n,) if dim is 1."""
    symbols: Callable[..., dict[str, Any]]
    """symbols(*unit): what the letters of the printed formula stand for."""
    dim: int = 1
    """How many predictions one target has."""
    tail: Shape = ()
    """The shape is (N, *tail) for N rows."""
    shape: Shape = (4, 5)
    """A shape to try, with more than one dimension if there is one."""
    empty: tuple[Shape, ...] = ((0,), (0, 3), (2, 0))
    """Shapes without elements."""
    scalars: bool = False
    """Whether the shape may be ()."""
    coupled_rows: bool = False
    """Whether the loss of a row depends on the others; a row of weight 0 is left out. One unit is the batch.
    As a function of its predictions it is then the loss of the first row, and ``predictions`` takes one
    batch, flattened."""

    def batch_shape(self, n: int) -> Shape:
        """The shape of the loss of n rows."""
        return (n, *self.tail)


def elementwise(*symbols: str) -> Layout:
    """Tensors of one shape, the second of them the target, named as in the printed formula."""
    n = len(symbols)

    def predictions(x: Tensor, target: Any) -> list[Tensor]:
        first, *rest = [x] if n == 2 else x.unbind(1)
        return [first, torch.full_like(first, target), *rest]

    return Layout(
        draw=lambda generator, shape, low, high: [uniform(generator, shape, low, high) for _ in symbols],
        units=lambda *arguments: zip_rows(*(a.reshape(-1) for a in arguments)),
        predictions=predictions,
        symbols=lambda *unit: dict(zip(symbols, unit, strict=True)),
        dim=n - 1,
        scalars=True,
    )


def several(dim: int, symbols: Callable[..., dict[str, Any]]) -> Layout:
    """Several numbers, the last axis, that predict one target."""
    return Layout(
        draw=lambda generator, shape, low, high: [
            uniform(generator, (*shape, dim), low, high),
            uniform(generator, shape, low, high),
        ],
        units=lambda x, y: zip_rows(x.reshape(-1, dim), y.reshape(-1)),
        predictions=lambda x, target: [x, torch.full_like(x[:, 0], target)],
        symbols=symbols,
        dim=dim,
    )


def draw_probabilities(generator: Generator, shape: Shape) -> Tensor:
    return uniform(generator, (shape[0], CLASSES, *shape[1:]), -1, 1).softmax(1)


def draw_logits(generator: Generator, shape: Shape, low: float, high: float) -> Tensor:
    return uniform(generator, (shape[0], CLASSES, *shape[1:]), low, high)


def class_rows(a: Tensor) -> Tensor:
    """(N, C, *) with what belongs to one value of the loss in a row."""
    return a.movedim(1, -1).reshape(-1, a.shape[1])


def classes(second: str) -> Layout:
    """Logits (N, C, *) against an index (N, *) if ``second`` is y, probabilities if t, or logits if s."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        logits = draw_logits(generator, shape, low, high)
        if second == "y":
            return [logits, torch.randint(CLASSES, shape, generator=generator)]
        if second == "t":
            return [logits, draw_probabilities(generator, shape)]
        return [logits, draw_logits(generator, shape, low, high)]

    def predictions(x: Tensor, target: Any) -> list[Tensor]:
        if second == "y":
            return [x, torch.full((len(x),), target)]
        return [x, torch.tensor(target, dtype=x.dtype).expand_as(x)]

    return Layout(
        draw=draw,
        units=lambda input, target: zip_rows(
            class_rows(input), target.reshape(-1) if second == "y" else class_rows(target)
        ),
        predictions=predictions,
        symbols=lambda z, target: {"z": z, second: target},
        dim=CLASSES,
    )


def questions() -> Layout:
    """Logits (N, C − 1, *) of questions about ordered classes, against an index (N, *)."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        return [
            uniform(generator, (shape[0], CLASSES - 1, *shape[1:]), low, high),
            torch.randint(CLASSES, shape, generator=generator),
        ]

    return dataclasses.replace(classes("y"), draw=draw, dim=CLASSES - 1)


def binary() -> Layout:
    """Logits against labels, soft ones too."""
    plain = elementwise("z", "y")
    return dataclasses.replace(
        plain,
        draw=lambda generator, shape, low, high: [
            uniform(generator, shape, low, high),
            uniform(generator, shape, 0, 1),
        ],
    )


def vectors(count: int, dim: int = 2, real_target: bool = False) -> Layout:
    """Rows of vectors that stand for themselves, and perhaps a target between 0 and 1 for each."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        rows = [uniform(generator, (*shape, dim), low, high) for _ in range(count)]
        return [*rows, uniform(generator, shape, 0, 1)] if real_target else rows

    def predictions(x: Tensor, target: Any) -> list[Tensor]:
        rows = list(torch.split(x, dim, 1))
        return [*rows, torch.full((len(x),), target, dtype=x.dtype)] if real_target else rows

    return Layout(
        draw=draw,
        units=lambda *arguments: zip_rows(*(a.flatten(0, arguments[0].ndim - 2) for a in arguments)),
        predictions=predictions,
        symbols=lambda *unit: {},
        dim=count * dim,
    )


def batch(rows: int, inputs: int, labelled: bool = False, dim: int = 2) -> Layout:
    """Rows that compete: one unit is the whole batch."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        vectors = [uniform(generator, (*shape, dim), low, high) for _ in range(inputs)]
        return [*vectors, torch.randint(3, shape, generator=generator)] if labelled else vectors

    def predictions(x: Tensor, target: Any) -> list[Tensor]:
        vectors = list(x.reshape(inputs, rows, dim))
        return [*vectors, torch.tensor(target)] if labelled else vectors

    return Layout(
        draw=draw,
        units=lambda *arguments: [tuple(a.tolist() for a in arguments)],
        predictions=predictions,
        symbols=lambda *unit: {},
        dim=rows * inputs * dim,
        shape=(7,),
        empty=((0,),),
        coupled_rows=True,
    )


YHAT_AND_Y = elementwise("yhat", "y")
BINARY = binary()
INDEX, PROBABILITIES, TWO_LOGITS = classes("y"), classes("t"), classes("s")
QUESTIONS = questions()
MEAN_AND_LOG_VARIANCE = elementwise("mu", "y", "s")  # or the logarithm of a scale
INTERVAL = several(2, lambda x, y: {"l": x[0], "u": x[1], "y": y, "partiall": [1, 0], "partialu": [0, 1]})
ENSEMBLE = several(4, lambda x, y: {"x": x, "y": y, "M": len(x)})
COUNT_AND_ZERO_LOGIT = dataclasses.replace(
    elementwise("yhat", "y", "z"),
    draw=lambda generator, shape, low, high: [
        uniform(generator, shape, low, high),
        torch.randint(4, shape, generator=generator),
        uniform(generator, shape, -3, 3),
    ],
)
