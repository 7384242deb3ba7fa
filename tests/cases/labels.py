"""What losses of labels share: logits, targets, and a case for each form that a target over classes has."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lossfns.verify import linspace
from tests.cases.case import NOT_FINITE, Array, Claims, Hyper, LossCase
from tests.cases.layouts import INDEX, PROBABILITIES

INF = math.inf
LABEL_ROWS = tuple(
    (x, y) for x in (0.0, 1e-30, 1e-4, 0.3, 7.5, -7.5, 25.0, -25.0, 1000.0, -1e15) for y in (0.0, 1.0, 0.3)
)
REJECTED_LABELS = (*NOT_FINITE, ("target", (0.0, -0.5)), ("target", (0.0, 2.0)))
ROWS = (
    [0.0, 0.0, 0.0],
    [3.0, 1.0, -2.0],
    [-2.0, 7.5, 1.0],
    [1000.0, 0.0, -5.0],
    [10001.0, 10000.0, 9998.0],
    [0.0, -INF, 1.0],
    [-1e15, 0.0, 0.5],
)
ONE_HOT = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0])
INDEX_ROWS = tuple((z, y) for z in ROWS for y in range(3) if z[y] > -1e4 and max(z) - z[y] not in (1000.0,))
SOFT_ROWS = tuple((z, ONE_HOT[y]) for z, y in INDEX_ROWS) + (([0.0, -INF, 1.0], [0.75, 0.0, 0.25]),)
REJECTED_INDEX = (
    ("input", ([math.nan, 0.0, 0.0], 0)),
    ("input", ([0.0, INF, 0.0], 0)),
    ("target", ([0.0, 0.0, 0.0], 3)),
    ("target", ([0.0, 0.0, 0.0], -1)),
)
REJECTED_SOFT = (
    ("input", ([0.0, 0.0, math.nan], [1.0, 0.0, 0.0])),
    ("target", ([0.0, 0.0, 0.0], [0.5, 0.5, 0.5])),
    ("target", ([0.0, 0.0, 0.0], [1.5, -0.5, 0.0])),
    ("target", ([0.0, 0.0, 0.0], [math.nan, 0.5, 0.5])),
)
WEIGHTS = torch.tensor([1.0, 3.0, 0.5], dtype=torch.float64)
BOTH_LABELS = (0.0, 1.0)


def two_class_edge(**hyper: Any) -> Tensor:
    """Logits of two classes, the third impossible: there the softmax losses bend most."""
    t = linspace(-12, 12, 24001) / 2
    return torch.stack([t, -t, torch.full_like(t, -200)], 1)


def of_probabilities(reference: Callable[..., Any]) -> Callable[..., Any]:
    """The loss against probabilities, from the loss against an index, which nothing ignores."""

    def against(m: Any, z: Any, t: Any, **hyper: Any) -> Any:
        hyper["ignore_index"] = -100
        return sum(t_c * reference(m, z, c, **hyper) for c, t_c in enumerate(t) if t_c)

    return against


def smoothed_class_weight(
    z: Any,
    y: int,
    class_weight: Tensor | None = None,
    label_smoothing: float = 0,
    ignore_index: int = -100,
    **hyper: Any,
) -> float:
    """The denominator of a loss that weighs its classes: the mean of their weights under smoothed labels."""
    if y == ignore_index:
        return 0.0
    w = [1.0] * len(z) if class_weight is None else class_weight.tolist()
    return (1 - label_smoothing) * w[y] + label_smoothing * sum(w) / len(w)


def ignore_smooth_and_weigh(loss: Callable[..., Any]) -> Callable[..., Any]:
    """A loss of (m, z, y) that knows of ignored indices, label smoothing and class weights."""

    def reference(
        m: Any,
        z: Any,
        y: int,
        ignore_index: int = -100,
        label_smoothing: float = 0,
        class_weight: Tensor | None = None,
        **hyper: Any,
    ) -> Any:
        if y == ignore_index:
            return 0
        w = [1.0] * len(z) if class_weight is None else class_weight.tolist()
        if not label_smoothing:
            return w[y] * loss(m, z, y, **hyper)
        losses = [w_c * loss(m, z, c, **hyper) for c, w_c in enumerate(w)]
        return (1 - label_smoothing) * losses[y] + label_smoothing * sum(losses) / len(z)

    return reference


def both_forms(
    name: str,
    loss: Callable[..., Any],
    soft: Callable[..., Any] | None = None,
    denominator: Callable[..., float] | None = None,
    required: Hyper | None = None,
    hypers: tuple[Hyper, ...] = ({},),
    index_rows: tuple[Any, ...] = INDEX_ROWS,
    **claims: Any,
) -> tuple[LossCase, LossCase]:
    """The cases of a loss over classes: against indices, and against probabilities.

    ``loss(m, z, y, **hyper)`` is the loss of an index, ``soft(m, z, t, **hyper)`` that of probabilities t, by
    default Σ t_c loss. Class weights, label smoothing and ignored entries are seen to here.
    """
    claims = {"worst_curvature": two_class_edge} | claims
    denominator = denominator or (lambda z, y, ignore_index=-100, **hyper: float(y != ignore_index))
    reference = ignore_smooth_and_weigh(loss)
    index = LossCase(
        name,
        reference,
        layout=INDEX,
        required=required or {},
        hypers=(*hypers, {"ignore_index": 1}),
        denominator=denominator,
        extremes=index_rows,
        absolute_floor=1.0,
        rejected=REJECTED_INDEX,
        claims=Claims(targets=(0, 1, 2), minimiser=([800.0, 0.0, 0.0], 0), **claims),
    )
    soft_denominator = of_probabilities(lambda m, z, c, **hyper: denominator(z, c, **hyper))
    probabilities = dataclasses.replace(
        index,
        reference=soft or of_probabilities(reference),
        layout=PROBABILITIES,
        form="probabilities",
        hypers=hypers,
        denominator=lambda z, t, **hyper: soft_denominator(math, z, t, **hyper),
        extremes=tuple((z, list(ONE_HOT[y])) for z, y in index_rows) + SOFT_ROWS[-1:],
        rejected=REJECTED_SOFT,
        claims=Claims(targets=ONE_HOT, minimiser=([800.0, 0.0, 0.0], [1.0, 0.0, 0.0]), **claims),
    )
    return index, probabilities


def proportional(f: Callable[..., Any]) -> Callable[..., Any]:
    """Probabilities in proportion to f(p, **hyper)."""

    def statistic(p: Array, **hyper: Any) -> Any:
        value = f(p, **hyper)
        return value / value.sum()

    return statistic
