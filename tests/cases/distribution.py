"""The cases of predicted distributions."""

from __future__ import annotations

import math
from typing import Any

import scipy.stats
import torch
from torch import Tensor

from tests.cases.case import Claims, LossCase
from tests.cases.layouts import ENSEMBLE, MEAN_AND_LOG_VARIANCE


def poisson(m: Any, x: Any, y: Any, full: bool = False) -> Any:
    loss = m.exp(x) - (y * x if y else 0)
    return loss + (m.loggamma(y + 1) if m is not math else math.lgamma(y + 1)) if full else loss


def gaussian(m: Any, mean: Any, y: Any, s: Any, beta: float = 0.0, full: bool = False) -> Any:
    return m.exp(beta * s) * (s + (y - mean) ** 2 * m.exp(-s) + full * m.log(2 * m.pi)) / 2


def ensemble(m: Any, x: Any, y: Any, fair: bool = True) -> Any:
    distance, pairs = sum(abs(v - y) for v in x), sum(abs(v - w) for v in x for w in x)
    return distance / len(x) - pairs / (2 * len(x) * (len(x) - 1 if fair else len(x)))


def student_t(m: Any, mean: Any, y: Any, s: Any, df: Any = 4.0, full: bool = False) -> Any:
    df = df.item() if isinstance(df, Tensor) else df
    loss = s + (df + 1) / 2 * m.log1p((y - mean) ** 2 * m.exp(-2 * s) / df)
    log_gamma = math.lgamma if m is math else m.loggamma
    return loss + full * (log_gamma(df / 2) - log_gamma((df + 1) / 2) + m.log(df * m.pi) / 2)


def crps(m: Any, mean: Any, y: Any, s: Any) -> Any:
    """The integral of (F − 1{y ≤ ·})², by the closed form in Φ and φ."""
    sigma = m.exp(s / 2)
    z = (y - mean) / sigma
    erf, density = m.erf(z / m.sqrt(2)), m.exp(-z * z / 2) / m.sqrt(2 * m.pi)
    return sigma * (z * erf + 2 * density - 1 / m.sqrt(m.pi))


SCALES = (-60.0, -2.0, 0.0, 3.0, 60.0)
MEAN_AND_SCALE = tuple((mean, 0.0, s) for mean in (0.0, 1e-6, 0.5, -3.0, 1e6) for s in SCALES)
REJECTED_GAUSSIAN = (
    ("input", (math.nan, 0.0, 0.0)),
    ("target", (0.0, math.inf, 0.0)),
    ("log_var", (0.0, 0.0, math.nan)),
)
CASES = (
    LossCase(
        "poisson_nll_loss",
        poisson,
        hypers=({}, {"full": True}),
        extremes=((-50.0, 0.0), (-50.0, 3.0), (0.0, 0.0), (3.0, 20.0), (60.0, 1e6), (-1e4, 0.0), (1e-6, 1.0)),
        low=0.0,
        high=4.0,
        rejected=(
            ("target", (0.0, -1.0)),
            ("input", (math.inf, 0.0)),
            ("input", (math.nan, 0.0)),
            ("target", (0.0, math.inf)),
        ),
        claims=Claims(
            unbounded_range=(0.0, 50.0),
            statistic=lambda sample, full=False: math.log(sample.mean()),
            neg_log_density=lambda x, y, full=False: -scipy.stats.poisson(math.exp(x)).logpmf(y),
            minimiser=(3.0, 20.0),
        ),
    ),
    LossCase(
        "gaussian_nll_loss",
        gaussian,
        layout=MEAN_AND_LOG_VARIANCE,
        hypers=({}, {"full": True}),
        extremes=MEAN_AND_SCALE,
        rejected=REJECTED_GAUSSIAN,
        claims=Claims(
            unbounded_range=(-20.0, 20.0),
            neg_log_density=lambda mean, y, s, full=False: -scipy.stats.norm(mean, math.exp(s / 2)).logpdf(y),
            minimiser=(0.0, 0.0, -80.0),
        ),
    ),
    LossCase(
        "gaussian_nll_loss",
        gaussian,
        layout=MEAN_AND_LOG_VARIANCE,
        form="beta",
        hypers=({"beta": 0.5}, {"beta": 1.0, "full": True}),
        extremes=MEAN_AND_SCALE,
        exact_gradient=False,
        rejected=REJECTED_GAUSSIAN,
        claims=Claims(targets=(), minimiser=(0.0, 0.0, -1.0)),
    ),
    LossCase(
        "student_t_nll_loss",
        student_t,
        layout=MEAN_AND_LOG_VARIANCE,
        hypers=(
            {},
            {"full": True},
            {"df": 1.0},
            {"df": torch.tensor(2.5, dtype=torch.float64), "full": True},
        ),
        extremes=MEAN_AND_SCALE,
        rejected=tuple((name.replace("var", "scale"), row) for name, row in REJECTED_GAUSSIAN),
        claims=Claims(
            unbounded_range=(-20.0, 20.0),
            steep=lambda **hyper: torch.tensor([[1e-6, -14.0], [1.1e-6, -14.0]], dtype=torch.float64),
            neg_log_density=lambda mean, y, s, df=4.0, full=False: (
                -scipy.stats.t(float(df), mean, math.exp(s)).logpdf(y)
            ),
            minimiser=(0.0, 0.0, -80.0),
        ),
    ),
    LossCase(
        "gaussian_crps_loss",
        crps,
        layout=MEAN_AND_LOG_VARIANCE,
        extremes=MEAN_AND_SCALE,
        rejected=REJECTED_GAUSSIAN,
        claims=Claims(
            unbounded_range=(-30.0, 30.0),
            minimiser=(0.0, 0.0, -80.0),
        ),
    ),
    LossCase(
        "ensemble_crps_loss",
        ensemble,
        layout=ENSEMBLE,
        hypers=({}, {"fair": False}),
        extremes=tuple(
            (x, y)
            for x in ([1.0] * 4, [0.0, 1e-30, 1e-8, 1.0], [-7.5, 20.0, 3.0, 20.0], [1e15, -1e15, 1e6, 2e15])
            for y in (0.0, 1.0, -20.0, 3e15)
        ),
        rejected=(
            ("input", ([0.0, math.nan, 0.0, 0.0], 0.0)),
            ("input", ([0.0, 0.0, 0.0, math.inf], 0.0)),
            ("target", ([0.0] * 4, -math.inf)),
        ),
        claims=Claims(kink_direction=(1.0, 1.0, 1.0, 1.0), minimiser=([0.0] * 4, 0.0)),
    ),
)
