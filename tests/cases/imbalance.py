"""The cases of class imbalance."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from tests.cases.case import Claims, LossCase
from tests.cases.labels import (
    BOTH_LABELS,
    INDEX_ROWS,
    LABEL_ROWS,
    REJECTED_LABELS,
    WEIGHTS,
    both_forms,
    proportional,
    smoothed_class_weight,
)
from tests.cases.layouts import BINARY
from tests.cases.references import log_softmax, softmax, softplus, two_sided

PRIOR = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
COUNTS = torch.tensor([400.0, 50.0, 10.0], dtype=torch.float64)


def focal_side(m: Any, z: Any, yes: bool, gamma: float = 2.0, alpha: float | None = None) -> Any:
    share = 1 if alpha is None else alpha if yes else 1 - alpha
    z = z if yes else -z
    return share * m.exp(-gamma * softplus(m, z)) * softplus(m, -z)


def asymmetric_side(
    m: Any, z: Any, yes: bool, gamma_pos: float = 0.0, gamma_neg: float = 4.0, clip: float = 0.05
) -> Any:
    if yes:
        return focal_side(m, z, True, gamma_pos)
    if not clip:
        return focal_side(m, z, False, gamma_neg)
    q = max(m.exp(-softplus(m, -z)) - clip, 0)
    return -(q**gamma_neg) * m.log(1 - q)


def focal(m: Any, z: Any, y: int, gamma: float = 2.0) -> Any:
    others = sum(p for k, p in enumerate(softmax(m, z)) if k != y)
    return others**gamma * -log_softmax(m, z)[y]


def logit_adjusted(m: Any, z: Any, y: int, class_prior: Tensor, tau: float = 1.0) -> Any:
    return -log_softmax(m, [v + tau * m.log(p) for v, p in zip(z, class_prior.tolist(), strict=True)])[y]


def margins(counts: Tensor, max_margin: float = 0.5, **hyper: Any) -> list[float]:
    roots = [n**-0.25 for n in counts.tolist()]
    return [max_margin * r / max(roots) for r in roots]


def ldam(
    m: Any, z: Any, t: Any, class_count: Tensor, max_margin: float = 0.5, scale: float = 30.0, **hyper: Any
) -> Any:
    t = [float(k == t) for k in range(len(z))] if isinstance(t, int) else t
    shift = zip(z, t, margins(class_count, max_margin), strict=True)
    log_p = log_softmax(m, [scale * (v - t_c * margin) for v, t_c, margin in shift])
    return -sum(t_c * v for t_c, v in zip(t, log_p, strict=True) if t_c)


CASES = (
    *both_forms(
        "focal_loss",
        focal,
        denominator=smoothed_class_weight,
        hypers=({}, {"gamma": 0.0}, {"gamma": 0.5}, {"gamma": 5.0}, {"class_weight": WEIGHTS}),
    ),
    LossCase(
        "binary_focal_loss",
        two_sided(focal_side),
        layout=BINARY,
        hypers=({}, {"gamma": 0.0}, {"gamma": 0.5}, {"gamma": 1.0, "alpha": 0.25}),
        extremes=LABEL_ROWS,
        rejected=REJECTED_LABELS,
        claims=Claims(
            targets=BOTH_LABELS,
            minimiser=(800.0, 1.0),
        ),
    ),
    LossCase(
        "asymmetric_loss",
        two_sided(asymmetric_side),
        layout=BINARY,
        hypers=(
            {},
            {"gamma_neg": 0.0},
            {"gamma_neg": 0.5, "clip": 0.2},
            {"gamma_neg": 1.0},
            {"gamma_pos": 1.0, "gamma_neg": 1.0, "clip": 0.0},
            {"gamma_neg": 2.0, "clip": 0.002},  # here the negative side is the steeper one
            {"gamma_neg": 0.0, "clip": 0.0},
        ),
        extremes=LABEL_ROWS,
        rejected=REJECTED_LABELS,
        claims=Claims(
            targets=BOTH_LABELS,
            kinks=lambda clip=0.05, **hyper: (0.0, math.log(clip / (1 - clip)) if clip else 0.0),
            tex_values=lambda gamma_pos=0.0, gamma_neg=4.0, clip=0.05: {
                "a": gamma_pos,
                "b": gamma_neg,
                "m": clip,
            },
            minimiser=(800.0, 1.0),
        ),
    ),
    *both_forms(
        "logit_adjusted_loss",
        logit_adjusted,
        required={"class_prior": PRIOR},
        index_rows=tuple(row for row in INDEX_ROWS if 10001.0 not in row[0]),  # + log π rounds at 10001
        hypers=({}, {"tau": 0.0}, {"tau": 1.5}),
        tex_values=lambda class_prior, **hyper: {"pi": class_prior.tolist()},
        statistic=proportional(lambda p, class_prior, tau=1.0, **hyper: p * class_prior.numpy() ** -tau),
    ),
    *both_forms(
        "ldam_loss",
        ldam,
        soft=ldam,
        required={"class_count": COUNTS},
        hypers=({}, {"max_margin": 0.0}, {"scale": 2.0}),
        index_rows=INDEX_ROWS[:8],
        tex_values=lambda class_count, max_margin=0.5, scale=30.0, **hyper: {
            "s": scale,
            "Delta": margins(class_count, max_margin),
        },
    ),
)
