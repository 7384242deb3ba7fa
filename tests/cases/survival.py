"""The cases of the time to an event."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
from torch import Generator, Tensor

from lossfns.verify import linspace
from tests.cases.case import Claims, LossCase
from tests.cases.layouts import Layout, Shape, batch, elementwise, several, uniform, zip_rows


def events(generator: Generator, shape: Shape) -> Tensor:
    """1 mostly: 0 for one in four."""
    return (torch.rand(shape, generator=generator) < 0.75).long()


def competing(rows: int) -> Layout:
    """A batch of scores, of times with ties, and of events."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        scores = uniform(generator, shape, low, high)
        return [scores, torch.randint(3, shape, generator=generator), events(generator, shape)]

    return dataclasses.replace(
        batch(rows, 1, dim=1),
        draw=draw,
        predictions=lambda x, target: [x, *map(torch.tensor, target)],
    )


def intervals(n: int) -> Layout:
    """Logits of hazards, the last axis, against the index of an interval and whether it ended in an event."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        logits = uniform(generator, (*shape, n), low, high)
        return [logits, torch.randint(n, shape, generator=generator), events(generator, shape)]

    return dataclasses.replace(
        several(n, lambda z, k, event: {"z": z, "k": k, "delta": event}),
        draw=draw,
        units=lambda z, k, event: zip_rows(z.reshape(-1, n), k.reshape(-1), event.reshape(-1)),
        predictions=lambda x, target: [x, *(torch.full((len(x),), v) for v in target)],
    )


def durations() -> Layout:
    """Log-scales, times and events."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        return [*(uniform(generator, shape, low, high) for _ in range(2)), events(generator, shape)]

    return dataclasses.replace(
        elementwise("x", "t", "delta"),
        draw=draw,
        predictions=lambda x, target: [
            x,
            torch.full_like(x, target[0]),
            torch.full(x.shape, target[1], dtype=torch.long),
        ],
        dim=1,
    )


def cox(m: Any, s: Any, t: Any, event: Any, ties: str = "efron") -> Any:
    """Over the risk sets, one by one."""

    def of_row(i: int) -> Any:
        risk = sum(m.exp(s[j]) for j in range(len(s)) if t[j] >= t[i])
        tied = [m.exp(s[j]) for j in range(len(s)) if t[j] == t[i] and event[j]]
        if ties == "breslow":
            return m.log(risk) - s[i]
        d = len(tied)
        return sum(m.log(risk - sum(tied) * gone / d) for gone in range(d)) / d - s[i]

    return [of_row(i) if event[i] else 0 for i in range(len(s))]


def hazard(m: Any, z: Any, k: Any, event: Any) -> Any:
    """−log of the product of the probabilities to survive, and of the hazard at the end."""
    survive = [1 / (1 + m.exp(v)) for v in z]
    end = m.exp(z[k]) * survive[k] if event else survive[k]
    return -sum(map(m.log, survive[:k])) - m.log(end)


def weibull(m: Any, x: Any, t: Any, event: Any, log_shape: Any = 0.0) -> Any:
    """By the cumulative hazard and the hazard."""
    k, scale = m.exp(log_shape.item() if isinstance(log_shape, Tensor) else log_shape), m.exp(x)
    log_hazard = m.log(k / scale) + (k - 1) * m.log(t / scale) if event else 0
    return (t / scale) ** k - log_hazard


SHORT_AND_LONG = ((0.0, 2.0), (-20.0, 1e-8), (20.0, 1e8), (10.0, 1e-8))
OPPOSED = torch.stack([linspace(-6, 6, 12001), -linspace(-6, 6, 12001)], 1)
COX = LossCase(
    "cox_loss",
    cox,
    layout=competing(4),
    denominator=lambda s, t, event, **hyper: [int(bool(e)) for e in event],
    extremes=((0.0, 2, 1), (1e4, 2, 1), (-3.0, 5, 0)),
    rejected=(
        ("input", (math.nan, 0.0, 1)),
        ("input", (math.inf, 0.0, 1)),
        ("time", (0.0, math.nan, 1)),
        ("event", (0.0, 1.0, 2)),
    ),
    claims=Claims(
        targets=(((1, 1, 2, 3), (1, 1, 0, 1)), ((1, 2, 3, 4), (1, 0, 1, 1))),
        worst_curvature=lambda **hyper: torch.cat([torch.full((12001, 2), -100.0), OPPOSED], 1),
        evaluates_formula=False,
        minimiser=(0.0, 1, 1),
        reaches_lower_end=False,
    ),
)
CASES = (
    COX,
    dataclasses.replace(
        COX,
        form="breslow",
        hypers=({"ties": "breslow"},),
        claims=dataclasses.replace(COX.claims, reaches_lower_end=True),
    ),
    LossCase(
        "hazard_loss",
        hazard,
        layout=intervals(3),
        extremes=(
            ([0.0, 0.0, 0.0], 2, 1),
            ([-30.0, 20.0, -7.5], 2, 1),
            ([-30.0, -20.0, 7.5], 2, 0),
            ([40.0, 1e3, -1e3], 0, 1),
            ([-1e3, 1e3, 5.0], 1, 0),
            ([-1e3, 1e3, 5.0], 1, 1),
        ),
        absolute_floor=1e-80,  # the reference subtracts numbers of a hundred digits
        rejected=(
            ("input", ([0.0, math.nan, 0.0], 2, 1)),
            ("input", ([math.inf, 0.0, 0.0], 0, 1)),
            ("time", ([0.0, 0.0, 0.0], 3, 1)),
            ("time", ([0.0, 0.0, 0.0], -1, 0)),
            ("event", ([0.0, 0.0, 0.0], 1, 2)),
        ),
        claims=Claims(
            targets=((2, 1), (2, 0), (0, 1)),
            worst_curvature=lambda **hyper: linspace(-6, 6, 12001).unsqueeze(1).expand(-1, 3),
            minimiser=([-800.0, -800.0, 800.0], 2, 1),
        ),
    ),
    LossCase(
        "weibull_nll_loss",
        weibull,
        layout=durations(),
        hypers=(
            {},
            {"log_shape": 0.5},
            {"log_shape": torch.tensor([-1.0], dtype=torch.float64)},
        ),
        extremes=(
            *((x, t, 0) for x, t in SHORT_AND_LONG),
            *((x, t, 1) for x, t in SHORT_AND_LONG),
            (0.5, 1e-30, 1),
            (-30.0, 1.0, 0),
            (3.0, 0.0, 0),
        ),
        low=0.6,
        high=4.0,
        rejected=(
            ("input", (math.nan, 1.0, 1)),
            ("time", (0.0, -1.0, 0)),
            ("time", (0.0, math.inf, 0)),
            ("event", (0.0, 1.0, 2)),
        ),
        claims=Claims(
            targets=((1.0, 1), (1e15, 1), (1e15, 0)),
            unbounded_range=(0.0, 50.0),
            tex_values=lambda log_shape=0.0: {"k": math.exp(float(log_shape))},
            minimiser=(-18.0, 1.5e-8, 1),
        ),
    ),
)
