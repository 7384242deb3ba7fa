"""The cases of ranking."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import torch
from torch import Generator, Tensor

from lossfns.verify import linspace
from tests.cases.case import Claims, LossCase
from tests.cases.layouts import Layout, Shape, elementwise, uniform, vectors
from tests.cases.references import log_share, log_softmax, softmax, softplus


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


def labelled_answers() -> Layout:
    """Log-probabilities of an answer by a policy, which predicts, and by a reference; label; divergence."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        policy, reference = (uniform(generator, shape, low, high) for _ in range(2))
        return [policy, reference, uniform(generator, shape, 0, 1), uniform(generator, shape, -1, 2)]

    def predictions(x: Tensor, target: Any) -> list[Tensor]:
        zero = torch.zeros_like(x)
        return [x, zero, torch.full_like(x, target), zero]

    return dataclasses.replace(elementwise("p", "c", "y", "z"), draw=draw, predictions=predictions, dim=1)


def lists(n: int) -> Layout:
    """Rows of scores against rows of relevance, in whole numbers."""

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


def scored_lists(n: int) -> Layout:
    """Rows of scores against rows of real targets."""

    def predictions(x: Tensor, target: Any) -> list[Tensor]:
        return [x, torch.tensor(target, dtype=x.dtype).expand_as(x)]

    return dataclasses.replace(
        vectors(2, dim=n), predictions=predictions, symbols=lambda s, y: {"s": s, "y": y}, dim=n
    )


def listnet(m: Any, s: Any, y: Any) -> Any:
    return -sum(p * log_q for p, log_q in zip(softmax(m, y), log_softmax(m, s), strict=True))


def lambdarank(m: Any, s: Any, y: Any, k: int | None = None, sigma: float = 1.0) -> Any:
    """Pair by pair, each swapped for once to see what becomes of the DCG."""

    def dcg(order: list[int]) -> Any:
        return sum((2 ** y[i] - 1) * m.log(2) / m.log(r + 2) for r, i in enumerate(order[:k]))

    ranking = sorted(range(len(s)), key=lambda i: (-s[i], i))
    total = 0
    for i, j in itertools.permutations(range(len(s)), 2):
        if y[i] > y[j]:
            swapped = [{i: j, j: i}.get(item, item) for item in ranking]
            total += abs(dcg(swapped) - dcg(ranking)) * softplus(m, -sigma * (s[i] - s[j]))
    return total and total / dcg(sorted(range(len(s)), key=lambda i: -y[i]))


def dpo(m: Any, p: Any, q: Any, c: Any, r: Any, beta: float = 0.1, label_smoothing: float = 0.0) -> Any:
    rewards = [beta * (p - c), beta * (q - r)]
    right, wrong = (log_share(m, rewards, j) for j in range(2))
    return (1 - label_smoothing) * right + label_smoothing * wrong


def kto(
    m: Any,
    p: Any,
    c: Any,
    y: Any,
    z: Any,
    beta: float = 0.1,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
) -> Any:
    undesired, desired = softmax(m, [0, beta * (p - c - max(z, 0))])
    return desirable_weight * y * (1 - desired) + undesirable_weight * (1 - y) * (1 - undesired)


def each_not_finite(*names: str) -> Any:
    """One argument NaN, the others 0."""
    return tuple(
        (name, tuple(math.nan if i == j else 0.0 for j in range(len(names)))) for i, name in enumerate(names)
    )


FOUR = each_not_finite("policy_chosen", "policy_rejected", "reference_chosen", "reference_rejected")
OPPOSED = torch.stack([linspace(-6, 6, 12001), -linspace(-6, 6, 12001)], 1)
# Either side of a tie, often, since chance decides which points a chord joins.
TIED = torch.tensor([[1e-9, -1e-9, -0.5], [-1e-9, 1e-9, -0.5]] * 300, dtype=torch.float64)
ANSWERS = (
    (0.0, 0.0, 0.0, 0.0),
    (-10.0, -12.0, -13.0, -9.0),
    (-1e4, 0.0, 0.0, 1e4),
    (0.0, -100.0, 0.0, 0.0),
)
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
        "listnet_loss",
        listnet,
        layout=scored_lists(3),
        extremes=(
            ([0.0, 0.0, 0.0], [1.0, 2.0, 3.0]),
            ([400.0, 200.0, 0.0], [3.0, 2.0, 1.0]),
            ([400.0, 200.0, 0.0], [-1e9, 0.0, 1e9]),
            ([1.0, -2.5, 0.25], [2.0, 2.0, 2.0]),
        ),
        absolute_floor=1.0,
        rejected=(
            ("input", ([0.0, math.nan, 0.0], [1.0, 2.0, 3.0])),
            ("input", ([0.0, math.inf, 0.0], [1.0, 2.0, 3.0])),
            ("target", ([0.0, 0.0, 0.0], [math.nan, 0.0, 0.0])),
            ("target", ([0.0, 0.0, 0.0], [-math.inf, 0.0, 0.0])),
        ),
        claims=Claims(
            targets=([60.0, 0.0, -60.0], [1.0, 0.0, 2.0]),
            worst_curvature=lambda: torch.cat([torch.full((12001, 1), -100.0), OPPOSED], 1),
            minimiser=([800.0, 0.0, -800.0], [800.0, 0.0, -800.0]),
        ),
    ),
    LossCase(
        "lambda_loss",
        lambdarank,
        layout=lists(3),
        hypers=({}, {"k": 1}, {"k": 2, "sigma": 2.0}),
        extremes=(
            ([0.0, 0.0, 0.0], [1, 2, 3]),
            ([400.0, 200.0, 0.0], [3, 2, 1]),
            ([400.0, 200.0, 0.0], [0, 0, 300]),
            ([1.0, -2.5, 0.25], [2, 2, 2]),
            ([1.0, -2.5, 0.25], [0, 0, 0]),
        ),
        rejected=(
            ("input", ([0.0, math.nan, 0.0], [1, 2, 3])),
            ("input", ([0.0, math.inf, 0.0], [1, 2, 3])),
            ("target", ([0.0, 0.0, 0.0], [math.nan, 0.0, 0.0])),
            ("target", ([0.0, 0.0, 0.0], [0, -1, 0])),
        ),
        claims=Claims(
            targets=([2.0, 1.0, 0.0],),
            steep=lambda **hyper: TIED,
            kink_direction=(1.0, -1.0, 0.5),
            evaluates_formula=False,
            minimiser=([800.0, 0.0, -800.0], [3, 2, 1]),
        ),
    ),
    LossCase(
        "dpo_loss",
        dpo,
        layout=preferences(),
        hypers=({}, {"beta": 0.5}, {"label_smoothing": 0.1}),
        extremes=ANSWERS,
        rejected=FOUR,
        claims=Claims(
            worst_curvature=lambda **hyper: OPPOSED,
            minimiser=(1e4, 0.0, 0.0, 0.0),
        ),
    ),
    LossCase(
        "ipo_loss",
        lambda m, p, q, c, r, beta=0.1: (p - c - (q - r) - 0.5 / beta) ** 2,
        layout=preferences(),
        extremes=ANSWERS,
        rejected=FOUR,
        claims=Claims(
            worst_curvature=lambda **hyper: OPPOSED,
            minimiser=(5.0, 0.0, 0.0, 0.0),
        ),
    ),
    LossCase(
        "simpo_loss",
        lambda m, s, t, beta=2.0, gamma=1.0: log_share(m, [beta * (s - t), gamma], 0),
        layout=pair(target=False),
        hypers=({}, {"beta": 0.5, "gamma": 0.0}),
        extremes=((0.0, 0.0), (0.5, 0.0), (-20.0, 20.0), (1000.0, -1000.0), (1e-30, 0.0), (-1e15, 1e15)),
        rejected=each_not_finite("chosen", "rejected"),
        claims=Claims(worst_curvature=lambda **hyper: OPPOSED, minimiser=(800.0, 0.0)),
    ),
    LossCase(
        "kto_loss",
        kto,
        layout=labelled_answers(),
        hypers=({}, {"beta": 0.5, "desirable_weight": 1.5, "undesirable_weight": 0.25}),
        extremes=(
            (0.0, 0.0, 1.0, 0.0),
            (0.0, 0.0, 0.25, -1e9),
            (-10.0, -12.0, 0.0, 1.5),
            (-60.0, 30.0, 0.0, 10.0),
            (-1e4, 0.0, 1.0, 0.0),
        ),
        exact_gradient=False,
        rejected=(*each_not_finite("policy", "reference", "target", "kl"), ("target", (0.0, 0.0, 1.5, 0.0))),
        claims=Claims(
            targets=(1.0, 0.0),
            worst_curvature=lambda beta=0.1, **hyper: linspace(-6, 6, 12001) / beta,
            tex_values=lambda desirable_weight=1.0, undesirable_weight=1.0, **hyper: {
                "lambda": [desirable_weight, undesirable_weight],
                "D": 0,
                "U": 1,
            },
            minimiser=(1e4, 0.0, 1.0, 0.0),
        ),
    ),
)
