"""The cases of predicted distributions."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special
import scipy.stats
import torch
from torch import Tensor

from tests.cases.case import Claims, LossCase
from tests.cases.layouts import COUNT_AND_ZERO_LOGIT, ENSEMBLE, MEAN_AND_LOG_VARIANCE, elementwise


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
    return loss + full * (log_gamma(m, df / 2) - log_gamma(m, (df + 1) / 2) + m.log(df * m.pi) / 2)


def log_gamma(m: Any, z: Any) -> Any:
    return m.loggamma(z) if m is not math else math.lgamma(z)


def negative_binomial(m: Any, x: Any, y: Any, dispersion: Any = 1.0, full: bool = False) -> Any:
    """By the number of failures r and the probability of success of the textbooks."""
    r = 1 / (
        dispersion.item()
        if isinstance(dispersion, Tensor)
        else m.mpf(dispersion)
        if m is not math
        else dispersion
    )
    mean = m.exp(x)
    loss = r * m.log(1 + mean / r) + y * m.log(1 + mean / r) - y * m.log(mean / r)
    if full:
        return loss + log_gamma(m, y + 1) + log_gamma(m, r) - log_gamma(m, y + r)
    return loss - y * m.log(r)


def zero_inflated(of: Callable[..., Any]) -> Callable[..., Any]:
    """−log of (1 − π) p(y), and of π + (1 − π) p(0), with π = σ(z)."""

    def mixture(m: Any, x: Any, y: Any, z: Any, **hyper: Any) -> Any:
        loss = of(m, x, y, **hyper) + m.log(1 + m.exp(z))
        return loss if y else loss - m.log(1 + m.exp(z + of(m, x, 0, **hyper)))

    return mixture


def zero_inflated_law(counts: Callable[..., Any]) -> Callable[..., Any]:
    def neg_log_density(x: float, y: float, z: float, full: bool = False, **hyper: Any) -> Any:
        share = scipy.special.expit(z)
        return -math.log(share * (y == 0) + (1 - share) * counts(x, **hyper).pmf(y))

    return neg_log_density


def gamma(m: Any, x: Any, y: Any, concentration: Any = 1.0, full: bool = False) -> Any:
    k = concentration.item() if isinstance(concentration, Tensor) else concentration
    mean = m.exp(x)
    constant = log_gamma(m, k) - k * m.log(k) - (k - 1) * m.log(y) if full else 0
    return k * (m.log(mean) + y / mean) + constant


def tweedie(m: Any, x: Any, y: Any, power: float = 1.5) -> Any:
    mean = m.exp(x)
    if power == 1:
        return (y * m.log(y / mean) if y else 0) - y + mean
    if power == 2:
        return y / mean - 1 - m.log(y / mean)
    a, b = (1 - power, 2 - power) if m is math else (1 - m.mpf(power), 2 - m.mpf(power))
    return y**b / (a * b) - y * mean**a / a + mean**b / b


def tweedie_law(x: float, y: float, power: float) -> Any:
    """−log of the density at dispersion 1; between 1 and 2 a Poisson number of gamma-distributed amounts."""
    mean = math.exp(x)
    if power == 0:
        return -scipy.stats.norm(mean).logpdf(y)
    if power == 1:
        return -scipy.stats.poisson(mean).logpmf(y)
    if power >= 2 and not y:  # outside: the loss is inf
        return 0.0
    if power == 2:
        return -scipy.stats.gamma(1, scale=mean).logpdf(y)
    if power == 3:
        return -scipy.stats.invgauss(mean).logpdf(y)
    number = scipy.stats.poisson(mean ** (2 - power) / (2 - power))
    shape, scale = (2 - power) / (power - 1), (power - 1) * mean ** (power - 1)
    n = np.arange(1, 200)
    parts = number.pmf(n) * scipy.stats.gamma(n * shape, scale=scale).pdf(y)
    return -math.log(parts.sum() if y else number.pmf(0))


def crps(m: Any, mean: Any, y: Any, s: Any) -> Any:
    """The integral of (F − 1{y ≤ ·})², by the closed form in Φ and φ."""
    sigma = m.exp(s / 2)
    z = (y - mean) / sigma
    erf, density = m.erf(z / m.sqrt(2)), m.exp(-z * z / 2) / m.sqrt(2 * m.pi)
    return sigma * (z * erf + 2 * density - 1 / m.sqrt(m.pi))


def gaussian_kl(m: Any, mean: Any, s: Any, other: Any = 0, t: Any = 0) -> Any:
    """By the variances."""
    v, w = m.exp(s), m.exp(t)
    return ((v + (mean - other) ** 2) / w - 1 - m.log(v / w)) / 2


SCALES = (-60.0, -2.0, 0.0, 3.0, 60.0)
MEAN_AND_SCALE = tuple((mean, 0.0, s) for mean in (0.0, 1e-6, 0.5, -3.0, 1e6) for s in SCALES)
REJECTED_GAUSSIAN = (
    ("input", (math.nan, 0.0, 0.0)),
    ("target", (0.0, math.inf, 0.0)),
    ("log_var", (0.0, 0.0, math.nan)),
)
TWO_GAUSSIANS = dataclasses.replace(
    elementwise("mu", "s", "m", "t"),
    predictions=lambda x, target: [*x.unbind(1), torch.full_like(x[:, 0], target), x[:, 0] * 0 - 0.5],
    dim=2,
)
REJECTED_COUNT = (
    ("target", (0.0, -1.0)),
    ("input", (math.inf, 0.0)),
    ("input", (math.nan, 0.0)),
    ("target", (0.0, math.inf)),
)
REJECTED_ZERO_INFLATED = (
    ("target", (0.0, -1, 0.0)),
    ("input", (math.nan, 0, 0.0)),
    ("zero_logit", (0.0, 0, math.nan)),
)
ZERO_INFLATED = (
    (-5.0, 0, 3.0),
    (3.0, 0, -2.0),
    (4.0, 0, -30.0),
    (-20.0, 0, 20.0),
    (4.0, 0, 30.0),
    (0.0, 0, 0.0),
    (-18.0, 0, -18.0),
    (1.0, 2, -4.0),
    (2.0, 7, 50.0),
)
CASES = (
    LossCase(
        "poisson_nll_loss",
        poisson,
        hypers=({}, {"full": True}),
        extremes=((-50.0, 0.0), (-50.0, 3.0), (0.0, 0.0), (3.0, 20.0), (60.0, 1e6), (-1e4, 0.0), (1e-6, 1.0)),
        low=0.0,
        high=4.0,
        rejected=REJECTED_COUNT,
        claims=Claims(
            unbounded_range=(0.0, 50.0),
            statistic=lambda sample, full=False: math.log(sample.mean()),
            neg_log_density=lambda x, y, full=False: -scipy.stats.poisson(math.exp(x)).logpmf(y),
            minimiser=(3.0, 20.0),
        ),
    ),
    LossCase(
        "negative_binomial_nll_loss",
        negative_binomial,
        hypers=(
            {},
            {"dispersion": 3.0, "full": True},
            {"dispersion": torch.tensor([1.5], dtype=torch.float64), "full": True},
        ),
        extremes=((-50.0, 0.0), (-50.0, 3.0), (0.0, 0.0), (3.0, 20.0), (60.0, 50.0), (-1e-6, 1.0)),
        low=0.0,
        high=4.0,
        rejected=REJECTED_COUNT,
        claims=Claims(
            targets=(0.0, 1e5),
            unbounded_range=(0.0, 50.0),
            statistic=lambda sample, **hyper: math.log(sample.mean()),
            neg_log_density=lambda x, y, dispersion=1.0, full=False: (
                -scipy.stats.nbinom(1 / float(dispersion), 1 / (1 + float(dispersion) * math.exp(x))).logpmf(
                    y
                )
            ),
            tex_values=lambda dispersion=1.0, **hyper: {"alpha": float(dispersion)},
            minimiser=(-60.0, 0.0),
        ),
    ),
    LossCase(
        "poisson_nll_loss",
        zero_inflated(poisson),
        layout=COUNT_AND_ZERO_LOGIT,
        form="zero-inflated",
        hypers=({}, {"full": True}),
        extremes=ZERO_INFLATED,
        low=0.0,
        high=3.0,
        rejected=REJECTED_ZERO_INFLATED,
        claims=Claims(
            targets=(),
            neg_log_density=zero_inflated_law(lambda x: scipy.stats.poisson(math.exp(x))),
            minimiser=(-60.0, 0.0, 0.0),
        ),
    ),
    LossCase(
        "negative_binomial_nll_loss",
        zero_inflated(negative_binomial),
        layout=COUNT_AND_ZERO_LOGIT,
        form="zero-inflated",
        hypers=({}, {"dispersion": torch.tensor([0.7], dtype=torch.float64), "full": True}),
        extremes=ZERO_INFLATED,
        low=0.0,
        high=3.0,
        rejected=REJECTED_ZERO_INFLATED,
        claims=Claims(
            targets=(),
            neg_log_density=zero_inflated_law(
                lambda x, dispersion=1.0: scipy.stats.nbinom(
                    1 / float(dispersion), 1 / (1 + float(dispersion) * math.exp(x))
                )
            ),
            tex_values=lambda dispersion=1.0, **hyper: {"alpha": float(dispersion)},
            minimiser=(-60.0, 0.0, 0.0),
        ),
    ),
    LossCase(
        "gamma_nll_loss",
        gamma,
        hypers=(
            {},
            {"concentration": 0.3},
            {"concentration": 2.5, "full": True},
            {"concentration": torch.tensor([4.0], dtype=torch.float64), "full": True},
        ),
        extremes=((-50.0, 1.0), (50.0, 1.0), (0.5, 1e-30), (3.0, 2.0), (-30.0, 1e15), (1e-6, 7.0)),
        low=0.6,
        high=4.0,
        rejected=(
            ("target", (0.0, 0.0)),
            ("target", (0.0, -1.0)),
            ("input", (math.inf, 1.0)),
            ("input", (math.nan, 1.0)),
            ("target", (0.0, math.inf)),
        ),
        claims=Claims(
            targets=(1.0, 1e5),
            unbounded_range=(0.0, 50.0),
            statistic=lambda sample, **hyper: math.log(sample.mean()),
            neg_log_density=lambda x, y, concentration=1.0, full=False: (
                -scipy.stats.gamma(float(concentration), scale=math.exp(x) / float(concentration)).logpdf(y)
            ),
            tex_values=lambda concentration=1.0, **hyper: {"k": float(concentration)},
            minimiser=(-30.0, 1e-14),
        ),
    ),
    LossCase(
        "tweedie_loss",
        tweedie,
        hypers=tuple({"power": p} for p in (1.5, 0.0, 1.0, 1.1, 2.0, 3.0)),
        extremes=((-30.0, 1.0), (30.0, 1.0), (0.5, 1e-8), (0.0, 1.0), (3.0, 2.0), (0.25, 1.3), (2.0, 1e4)),
        absolute_floor=1e-80,
        low=0.6,
        high=4.0,
        rejected=(
            ("target", (0.0, -1.0)),
            ("input", (math.inf, 1.0)),
            ("input", (math.nan, 1.0)),
            ("target", (0.0, math.inf)),
        ),
        claims=Claims(
            targets=(2.0, 1e5),
            unbounded_range=(0.0, 50.0),
            statistic=lambda sample, power=1.5: math.log(sample.mean()),
            neg_log_density=lambda x, y, power=1.5: tweedie_law(x, y, power),
            tex_values=lambda power=1.5: {"p": power},
            minimiser=(0.0, 1.0),
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
        "gaussian_kl_loss",
        gaussian_kl,
        layout=TWO_GAUSSIANS,
        extremes=(
            *((1e-6, s, 1e-6, t) for s, t in ((60.0, 2.0), (-60.0, 2.0), (2.0, 60.0), (-40.0, -80.0))),
            *((0.0, 0.25 + d, 0.0, 0.25) for d in (0.0, 2.0**-20, -(2.0**-10), 0.4375, -0.5, 0.5625)),
            (1e6, 0.0, 0.0, -30.0),
            (-3.0, 0.5, 1e6, 60.0),
            (-2.0, -1e4, 1.0, -2.0),
        ),
        rejected=(
            ("input", (math.nan, 0.0, 0.0, 0.0)),
            ("log_var", (0.0, -math.inf, 0.0, 0.0)),
            ("target", (0.0, 0.0, math.inf, 0.0)),
            ("target_log_var", (0.0, 0.0, 0.0, math.nan)),
        ),
        claims=Claims(targets=(0.0, 1.0), unbounded_range=(-20.0, 20.0), minimiser=(0.5, -2.0, 0.5, -2.0)),
    ),
    LossCase(
        "gaussian_kl_loss",
        gaussian_kl,
        layout=dataclasses.replace(
            MEAN_AND_LOG_VARIANCE,
            draw=elementwise("mu", "s").draw,
            predictions=lambda x, target: list(x.unbind(1)),
        ),
        form="standard",
        extremes=tuple((mean, s) for mean in (0.0, 1e-6, 1e6) for s in (-1e4, -2.0, 0.0, 2.0**-12, 60.0)),
        rejected=(("input", (math.nan, 0.0)), ("log_var", (0.0, math.inf))),
        claims=Claims(unbounded_range=(-20.0, 20.0), minimiser=(0.0, 0.0)),
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
