"""The cases of ranking."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
from torch import Generator, Tensor

from lossfns.verify import linspace
from tests.cases.case import Claims, LossCase
from tests.cases.layouts import Layout, Shape, elementwise, uniform, vectors
from tests.cases.references import log_share


def pair(target: bool) -> Layout:
    """Two scores, and perhaps a target of 1 or −1."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        scores = [uniform(generator, shape, low, high) for _ in range(2)]
        sign = 2.0 * torch.randint(2, shape, generator=generator) - 1
        return [*scores, sign.double()] if target else scores

    def predictions(x: Tensor, sign: Any) -> list[Tensor]:
        return [x[:, 0], x[:, 1], torch.full_like(x[:, 0], sign)] if target else [x[:, 0], x[:, 1]]

    symbols = ("s", "t", "y") if target else ("s", "t")
    return dataclasses.replace(elementwise(*symbols), draw=draw, predictions=predictions, dim=2)


def preferences() -> Layout:
    """Log-probabilities of two answers by a policy, which predicts, and by a reference."""

    def predictions(x: Tensor, target: Any) -> list[Tensor]:
        zero = torch.zeros_like(x[:, 0])
        return [x[:, 0], x[:, 1], zero, zero]

    return dataclasses.replace(elementwise("p", "q", "c", "r"), predictions=predictions, dim=2)


def lists(n: int) -> Layout:
    """Rows of scores against rows of relevance, of which only the order counts."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        relevance = torch.randint(3, (*shape, n), generator=generator)
        return [uniform(generator, (*shape, n), low, high), relevance]

    return dataclasses.replace(
        vectors(2, dim=n),
        draw=draw,
        predictions=lambda x, target: [x, torch.tensor(target, dtype=x.dtype).expand_as(x)],
        dim=n,
    )


def listmle(m: Any, s: Any, y: Any) -> Any:
    order = sorted(range(len(y)), key=lambda i: (-y[i], i))
    left = [s[i] for i in order]
    return sum(log_share(m, left[k:], 0) for k in range(len(left)))


OPPOSED = torch.stack([linspace(-6, 6, 12001), -linspace(-6, 6, 12001)], 1)
CASES = (
    LossCase(
        "margin_ranking_loss",
        lambda m, s, t, y, margin=0.0: max(margin - y * (s - t), 0),
        layout=pair(target=True),
        hypers=({}, {"margin": 1.0}, {"margin": -0.5}),
        extremes=tuple((s, t, y) for s, t in ((0.25, -1.0), (1e15, 0.0), (0.0, 1e-30)) for y in (1.0, -1.0)),
        rejected=(
            ("input1", (math.nan, 0.0, 1.0)),
            ("input2", (0.0, math.inf, 1.0)),
            ("target", (0.0, 0.0, 0.5)),
        ),
        claims=Claims(
            targets=(1.0, -1.0),
            kinks=lambda margin=0.0: (margin / 2, -margin / 2),
            kink_direction=(1.0, -1.0),
            tex_values=lambda margin=0.0: {"m": margin},
            minimiser=(1e3, 0.0, 1.0),
        ),
    ),
    LossCase(
        "bpr_loss",
        lambda m, s, t: log_share(m, [s, t], 0),
        layout=pair(target=False),
        extremes=((0.0, 0.0), (0.3, -20.0), (-20.0, 20.0), (1000.0, -1000.0), (1e-30, 0.0), (-1e15, 1e15)),
        rejected=(("positive", (math.nan, 0.0)), ("negative", (0.0, math.inf))),
        claims=Claims(
            worst_curvature=lambda: OPPOSED,
            minimiser=(800.0, 0.0),
        ),
    ),
    LossCase(
        "listmle_loss",
        listmle,
        layout=lists(3),
        extremes=(
            ([0.0, 0.0, 0.0], [1, 2, 3]),
            ([400.0, 200.0, 0.0], [3, 2, 1]),
            ([400.0, 200.0, 0.0], [1, 2, 3]),
            ([1.0, -2.5, 0.25], [2, 2, 2]),
        ),
        absolute_floor=1e-80,  # the reference subtracts numbers of a hundred digits
        rejected=(
            ("input", ([0.0, math.nan, 0.0], [1, 2, 3])),
            ("input", ([0.0, math.inf, 0.0], [1, 2, 3])),
            ("target", ([0.0, 0.0, 0.0], [math.nan, 0.0, 0.0])),
        ),
        claims=Claims(
            targets=([3.0, 2.0, 1.0],),
            worst_curvature=lambda: torch.cat([torch.full((12001, 1), -100.0), OPPOSED], 1),
            evaluates_formula=False,
            minimiser=([800.0, 0.0, -800.0], [3, 2, 1]),
        ),
    ),
    LossCase(
        "dpo_loss",
        lambda m, p, q, c, r, beta=0.1: log_share(m, [beta * (p - c), beta * (q - r)], 0),
        layout=preferences(),
        hypers=({}, {"beta": 0.5}),
        extremes=(
            (0.0, 0.0, 0.0, 0.0),
            (-10.0, -12.0, -13.0, -9.0),
            (-1e4, 0.0, 0.0, 1e4),
            (0.0, -100.0, 0.0, 0.0),
        ),
        rejected=tuple(
            (name, tuple(math.nan if i == j else 0.0 for j in range(4)))
            for i, name in enumerate(
                ("policy_chosen", "policy_rejected", "reference_chosen", "reference_rejected")
            )
        ),
        claims=Claims(
            worst_curvature=lambda beta=0.1: OPPOSED,
            minimiser=(1e4, 0.0, 0.0, 0.0),
        ),
    ),
)
