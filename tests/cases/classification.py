"""The cases of classification."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from lossfns.verify import linspace
from tests.cases.case import Array, Claims, LossCase
from tests.cases.labels import (
    BOTH_LABELS,
    INF,
    LABEL_ROWS,
    ONE_HOT,
    REJECTED_LABELS,
    REJECTED_SOFT,
    ROWS,
    SOFT_ROWS,
    WEIGHTS,
    both_forms,
    proportional,
    smoothed_class_weight,
    two_class_edge,
)
from tests.cases.layouts import BINARY, PROBABILITIES, QUESTIONS, TWO_LOGITS
from tests.cases.references import log_softmax, softmax, softplus, two_sided


def bce(m: Any, z: Any, y: Any, pos_weight: float | None = None, label_smoothing: float = 0) -> Any:
    y = (1 - label_smoothing) * y + label_smoothing / 2
    return (pos_weight or 1) * y * softplus(m, -z) + (1 - y) * softplus(m, z)


def hinge_side(m: Any, z: Any, yes: bool, margin: float = 1.0, squared: bool = False) -> Any:
    return max(margin - (z if yes else -z), 0) ** (2 if squared else 1)


def kl(m: Any, z: Any, t: Any) -> Any:
    return sum(t_c * (m.log(t_c) - v) for t_c, v in zip(t, log_softmax(m, z), strict=True) if t_c)


def js(m: Any, z: Any, s: Any) -> Any:
    p, q = softmax(m, z), softmax(m, s)
    both = [(a, (a + b) / 2) for u, v in ((p, q), (q, p)) for a, b in zip(u, v, strict=True)]
    return sum(a * m.log(a / middle) for a, middle in both if a) / 2


def brier(m: Any, z: Any, y: int) -> Any:
    return sum((p - (k == y)) ** 2 for k, p in enumerate(softmax(m, z)))


def multiclass_hinge(m: Any, z: Any, y: int, margin: float = 1.0, variant: str = "crammer-singer") -> Any:
    gaps = [max(margin + v - z[y], 0) for k, v in enumerate(z) if k != y]
    return max(gaps) if variant == "crammer-singer" else sum(gaps)


def gce(m: Any, z: Any, y: int, q: float = 0.7) -> Any:
    log_p = log_softmax(m, z)[y]
    return (1 - m.exp(q * log_p)) / q if q else -log_p


def sce(m: Any, z: Any, y: int, alpha: float = 1.0, beta: float = 1.0, log_zero: float = -4.0) -> Any:
    log_p = log_softmax(m, z)[y]
    return -alpha * log_p - beta * log_zero * (1 - m.exp(log_p))


def sce_soft(
    m: Any, z: Any, t: Any, alpha: float = 1.0, beta: float = 1.0, log_zero: float = -4.0, **hyper: Any
) -> Any:
    forward = -sum(t_c * v for t_c, v in zip(t, log_softmax(m, z), strict=True) if t_c)
    cut = [max(m.log(t_c), log_zero) if t_c else log_zero for t_c in t]
    return alpha * forward - beta * sum(p * c for p, c in zip(softmax(m, z), cut, strict=True))


def poly(m: Any, z: Any, y: int, epsilon: float = 1.0) -> Any:
    log_p = log_softmax(m, z)[y]
    return -log_p + epsilon * (1 - m.exp(log_p))


def spherical(m: Any, z: Any, y: int) -> Any:
    p = softmax(m, z)
    return 1 - p[y] / m.sqrt(sum(v**2 for v in p))


def sparsemax(z: Any) -> tuple[Any, list[Any]]:
    """The threshold τ and the point of the simplex nearest to z."""
    ordered = sorted(z, reverse=True)
    sums = [sum(ordered[: n + 1]) - 1 for n in range(len(z))]
    tau = next(s / (n + 1) for n, s in reversed(list(enumerate(sums))) if ordered[n] * (n + 1) > s)
    return tau, [max(v - tau, 0) for v in z]


def sparsemax_soft(m: Any, z: Any, t: Any, **hyper: Any) -> Any:
    """½ |t|² + ⟨z, p⟩ − ½ |p|² − ⟨z, t⟩, the Fenchel–Young loss of ½ |p|² on the simplex."""
    _, p = sparsemax(z)
    dot = sum(v * (a - b) for v, a, b in zip(z, p, t, strict=True) if a or b)
    return (sum(b**2 for b in t) - sum(a**2 for a in p)) / 2 + dot


def ordinal(m: Any, z: Any, y: int, variant: str = "coral", ignore_index: int = -100) -> Any:
    if y == ignore_index:
        return 0
    asked = z if variant == "coral" else z[: y + 1]
    return sum(softplus(m, -v if y > k else v) for k, v in enumerate(asked))


def ranked_probability_soft(m: Any, z: Any, t: Any, **hyper: Any) -> Any:
    p = softmax(m, z)
    return sum((sum(p[:k]) - sum(t[:k])) ** 2 for k in range(1, len(z)))


def ranked_probability(m: Any, z: Any, y: int) -> Any:
    p = softmax(m, z)
    return sum(sum(p[:k] if k <= y else p[k:]) ** 2 for k in range(1, len(z)))


def smoothed(p: Array, class_weight: Any = None, label_smoothing: float = 0, ignore_index: int = -100) -> Any:
    t = (1 - label_smoothing) * p + label_smoothing / len(p)
    t = t if class_weight is None else t * class_weight.numpy()
    return t / t.sum()


def weighted_odds(p: float, pos_weight: float | None = None, label_smoothing: float = 0) -> float:
    t = (1 - label_smoothing) * p + label_smoothing / 2
    return (pos_weight or 1) * t / ((pos_weight or 1) * t + 1 - t)


CASES = (
    *both_forms(
        "cross_entropy",
        lambda m, z, y: -log_softmax(m, z)[y],
        denominator=smoothed_class_weight,
        hypers=(
            {},
            {"class_weight": WEIGHTS},
            {"label_smoothing": 0.1},
            {"class_weight": WEIGHTS, "label_smoothing": 0.1},
        ),
        statistic=smoothed,
    ),
    LossCase(
        "binary_cross_entropy",
        bce,
        layout=BINARY,
        hypers=(
            {},
            {"pos_weight": 3.0},
            {"label_smoothing": 0.1},
            {"pos_weight": 0.5, "label_smoothing": 0.2},
        ),
        extremes=LABEL_ROWS,
        rejected=REJECTED_LABELS,
        claims=Claims(
            targets=BOTH_LABELS,
            statistic=weighted_odds,
            minimiser=(800.0, 1.0),
        ),
    ),
    LossCase(
        "kl_divergence",
        kl,
        layout=PROBABILITIES,
        extremes=SOFT_ROWS,
        absolute_floor=1.0,
        rejected=REJECTED_SOFT,
        claims=Claims(
            targets=((0.2, 0.5, 0.3), *ONE_HOT),
            worst_curvature=two_class_edge,
            statistic=lambda p: p,
            minimiser=([0.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]),
        ),
    ),
    LossCase(
        "js_divergence",
        js,
        layout=TWO_LOGITS,
        extremes=tuple((z, s) for z in ROWS[:4] for s in ([-1.0, 2.0, 0.0], [0.0, -2000.0, 0.0])),
        absolute_floor=1.0,
        rejected=(
            ("input", ([math.nan, 0.0, 0.0], [0.0, 0.0, 0.0])),
            ("target", ([0.0, 0.0, 0.0], [0.0, INF, 0.0])),
        ),
        claims=Claims(
            targets=([-2000.0, 0.0, -2000.0], [0.0, 0.0, 0.0]),
            worst_curvature=two_class_edge,
            minimiser=([0.0, 1.0, 3.0], [0.0, 1.0, 3.0]),
        ),
    ),
    *both_forms(
        "brier_loss",
        brier,
        soft=lambda m, z, t: sum((p - t_c) ** 2 for p, t_c in zip(softmax(m, z), t, strict=True)),
        statistic=lambda p, **hyper: p,
    ),
    LossCase(
        "hinge_loss",
        two_sided(hinge_side),
        layout=BINARY,
        hypers=({}, {"margin": 0.5}, {"squared": True}),
        extremes=LABEL_ROWS,
        rejected=REJECTED_LABELS,
        claims=Claims(
            targets=BOTH_LABELS,
            kinks=lambda margin=1.0, squared=False: (margin, -margin),
            tex_values=lambda margin=1.0, squared=False: {"m": margin},
            minimiser=(800.0, 1.0),
        ),
    ),
    *both_forms(
        "multiclass_hinge_loss",
        multiclass_hinge,
        hypers=({}, {"margin": 0.5}, {"variant": "weston-watkins"}),
        kinks=lambda margin=1.0, **hyper: (margin, -margin, 0.0),
        kink_direction=(1.0, 0.0, 0.0),
        tex_values=lambda margin=1.0, **hyper: {"m": margin},
    ),
    *both_forms(
        "generalized_cross_entropy",
        gce,
        hypers=({}, {"q": 0.0}, {"q": 1.0}, {"q": 0.2}),
        statistic=proportional(
            lambda p, q=0.7, **hyper: p ** (1 / (1 - q)) if q < 1 else (p == p.max()) * 1.0
        ),
    ),
    *both_forms(
        "symmetric_cross_entropy",
        sce,
        soft=sce_soft,
        hypers=({}, {"alpha": 0.5, "beta": 2.0}, {"alpha": 0.0, "log_zero": -6.0}, {"beta": 0.1}),
        tex_values=lambda log_zero=-4.0, **hyper: {"A": log_zero},
    ),
    *both_forms("poly_loss", poly, hypers=({}, {"epsilon": 0.0}, {"epsilon": -1.0}, {"epsilon": 2.5})),
    *both_forms("spherical_loss", spherical, statistic=lambda p, **hyper: p, evaluates_formula=False),
    *both_forms(
        "sparsemax_loss",
        lambda m, z, y: sparsemax_soft(m, z, [float(k == y) for k in range(len(z))]),
        soft=sparsemax_soft,
        kinks=lambda **hyper: (1.0, -0.5),
        kink_direction=(1.0, 0.0, 0.0),
        evaluates_formula=False,
        statistic=proportional(lambda p, **hyper: np.exp(p)),
    ),
    LossCase(
        "ordinal_loss",
        ordinal,
        layout=QUESTIONS,
        hypers=({}, {"variant": "corn"}, {"ignore_index": 1}),
        denominator=lambda z, y, ignore_index=-100, **hyper: float(y != ignore_index),
        extremes=tuple(
            ([a, b], y) for a in (0.0, 1e-4, 7.5, -25.0, 1000.0) for b in (0.3, -1e15) for y in range(3)
        ),
        rejected=(
            ("input", ([math.nan, 0.0], 0)),
            ("input", ([0.0, INF], 0)),
            ("target", ([0.0, 0.0], 3)),
            ("target", ([0.0, 0.0], -1)),
        ),
        claims=Claims(
            targets=(0, 1, 2),
            minimiser=([800.0, 800.0], 2),
            worst_curvature=lambda **hyper: torch.stack([linspace(-6, 6, 24001), torch.zeros(24001)], 1),
            evaluates_formula=False,
        ),
    ),
    *both_forms(
        "ranked_probability_loss",
        ranked_probability,
        soft=ranked_probability_soft,
        statistic=lambda p, **hyper: p,
        evaluates_formula=False,
    ),
)
