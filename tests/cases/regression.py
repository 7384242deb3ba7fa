"""The cases of regression."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import scipy.stats
import torch
from scipy.optimize import brentq
from torch import Tensor

from tests.cases.case import ANYWHERE, Array, Claims, LossCase
from tests.cases.layouts import INTERVAL


def m_estimate(psi: Callable[..., Array]) -> Callable[..., Any]:
    """The root of the mean of ψ(a − y), for a ψ that does not decrease."""

    def statistic(sample: Array, **hyper: Any) -> Any:
        root: float = brentq(
            lambda a: psi(a - sample, **hyper).mean(), sample.min(), sample.max(), xtol=1e-13
        )
        return root

    return statistic


def global_m_estimate(rho: Callable[..., Array]) -> Callable[..., Any]:
    """The best of a fine grid, for a ρ that is not convex."""

    def statistic(sample: Array, **hyper: Any) -> Any:
        low, high = sample.min(), sample.max()
        for _ in range(6):
            grid = np.linspace(low, high, 2001)
            best = grid[np.argmin([rho(a - sample, **hyper).mean() for a in grid])]
            low, high = best - (high - low) / 1000, best + (high - low) / 1000
        return best

    return statistic


def expectile(sample: Array, tau: float = 0.5) -> Any:
    def balance(a: float) -> Any:
        return tau * np.maximum(sample - a, 0).mean() - (1 - tau) * np.maximum(a - sample, 0).mean()

    return brentq(balance, sample.min(), sample.max(), xtol=1e-13)


def barron(m: Any, x: Any, y: Any, alpha: Any = 1.0, scale: Any = 1.0, full: bool = False) -> Any:
    alpha, scale = (v.item() if isinstance(v, Tensor) else v for v in (alpha, scale))
    if full:
        log = mpmath.log if m is mpmath.mp else math.log
        return barron(m, x, y, alpha, scale) + log(BARRON_NORMALISER[alpha]() * scale)
    z = ((x - y) / scale) ** 2
    if alpha == 2:
        return z / 2
    if alpha == 0:
        return m.log1p(z / 2)
    if math.isinf(alpha):
        return m.expm1(z / 2) if alpha > 0 else -m.expm1(-z / 2)
    return abs(alpha - 2) / alpha * ((z / abs(alpha - 2) + 1) ** (alpha / 2) - 1)


BARRON_NORMALISER: dict[float, Callable[[], Any]] = {
    0.0: lambda: mpmath.pi * mpmath.sqrt(2),
    1.0: lambda: 2 * mpmath.e * mpmath.besselk(1, 1),
    2.0: lambda: mpmath.sqrt(2 * mpmath.pi),
}
"""∫ exp(−loss) at scale 1, where it has a closed form."""


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def barron_rho(r: Array, alpha: float = 1.0, scale: float = 1.0, full: bool = False) -> Any:
    with np.errstate(over="ignore"):
        return barron(np, r, 0.0, alpha, scale)


def huber(m: Any, x: Any, y: Any, delta: float = 1.0) -> Any:
    r = abs(x - y)
    return r * r / 2 if r <= delta else delta * (r - delta / 2)


def smooth_l1(m: Any, x: Any, y: Any, beta: float = 1.0) -> Any:
    return huber(m, x, y, beta) / beta if beta else abs(x - y)


def tukey(m: Any, x: Any, y: Any, c: float = 4.685) -> Any:
    r = abs(x - y)
    return c**2 / 6 * (1 - (1 - (r / c) ** 2) ** 3) if r < c else c**2 / 6


def winkler(m: Any, ends: Any, y: Any, alpha: Any = 0.1) -> Any:
    """As the quantile losses of both ends."""
    pinballs = [
        max(q * (y - x), (q - 1) * (y - x)) for x, q in zip(ends, (alpha / 2, 1 - alpha / 2), strict=True)
    ]
    return sum(pinballs) * 2 / alpha


def asymmetric_laplace(v: float, q: float) -> Any:
    kappa = math.sqrt(q / (1 - q))
    return scipy.stats.laplace_asymmetric(kappa, scale=1 / math.sqrt(q * (1 - q))).logpdf(v)


def two_piece_normal(v: float, tau: float) -> Any:
    weight = tau if v >= 0 else 1 - tau
    return scipy.stats.norm(0, math.sqrt(0.5 / weight)).logpdf(v) - math.log(math.sqrt(weight))


CASES = (
    LossCase(
        "mse_loss",
        lambda m, x, y: (x - y) ** 2,
        claims=Claims(
            statistic=lambda sample: sample.mean(),
            neg_log_density=lambda x, y: -scipy.stats.norm(x, math.sqrt(0.5)).logpdf(y),
        ),
    ),
    LossCase(
        "l1_loss",
        lambda m, x, y: abs(x - y),
        claims=Claims(
            statistic=lambda sample: np.median(sample),
            neg_log_density=lambda x, y: -scipy.stats.laplace(x).logpdf(y),
        ),
    ),
    LossCase(
        "huber_loss",
        huber,
        hypers=({}, {"delta": 0.25}, {"delta": 2.5}),
        claims=Claims(
            kinks=lambda delta=1.0: (0.0, delta, -delta),
            statistic=m_estimate(lambda r, delta=1.0: np.clip(r, -delta, delta)),
        ),
    ),
    LossCase(
        "smooth_l1_loss",
        smooth_l1,
        hypers=({}, {"beta": 0.25}, {"beta": 2.5}, {"beta": 0.0}),
        claims=Claims(
            kinks=lambda beta=1.0: (0.0, beta, -beta),
            statistic=m_estimate(lambda r, beta=1.0: np.clip(r / beta, -1, 1) if beta else np.sign(r)),
        ),
    ),
    LossCase(
        "log_cosh_loss",
        lambda m, x, y, scale=1.0: m.log(m.cosh((x - y) / scale)),
        hypers=({}, {"scale": 0.4}, {"scale": 2.5}),
        extremes=tuple((s * r, 0.0) for r in (*ANYWHERE[1:-1], 19.99, 20.01) for s in (1, -1)),
        claims=Claims(
            statistic=m_estimate(lambda r, scale=1.0: np.tanh(r / scale)),
            neg_log_density=lambda x, y, scale=1.0: -scipy.stats.hypsecant(x, scale).logpdf(y),
        ),
    ),
    LossCase(
        "msle_loss",
        lambda m, x, y: (m.log(1 + x) - m.log(1 + y)) ** 2,
        extremes=(
            (-0.999, 0.0),
            (0.0, -0.999),
            (1e-8, 0.0),
            (1e-8, 2e-8),
            (1e6 + 1, 1e6),
            (1e6, 1e6 + 0.5),
            (1e12, 3.0),
            (0.0, 1e12),
            (7.0, 7.0),
        ),
        low=-0.9,
        high=8.0,
        rejected=(
            ("input", (-1.0, 0.0)),
            ("target", (0.0, -1.5)),
            ("input", (math.nan, 0.0)),
            ("target", (0.0, math.inf)),
        ),
        claims=Claims(
            unbounded_range=(-1 + 1e-9, 0.0),
            statistic=lambda sample: np.exp(np.log(1 + sample).mean()) - 1,
            neg_log_density=lambda x, y: (
                -scipy.stats.norm(math.log1p(x), math.sqrt(0.5)).logpdf(math.log1p(y))
            ),
        ),
    ),
    LossCase(
        "quantile_loss",
        lambda m, x, y, q=0.5: max(q * (y - x), (q - 1) * (y - x)),
        hypers=({}, {"q": 0.9}, {"q": 0.05}),
        claims=Claims(
            statistic=lambda sample, q=0.5: np.quantile(sample, q, method="inverted_cdf"),
            neg_log_density=lambda x, y, q=0.5: -asymmetric_laplace(y - x, q),
        ),
    ),
    LossCase(
        "interval_loss",
        winkler,
        layout=INTERVAL,
        hypers=({}, {"alpha": 0.5}, {"alpha": 0.02}),
        extremes=tuple(
            ([low, high], y)
            for low, high in ((0.0, 0.0), (-1e-30, 1e-8), (-1.0, 20.0), (3.0, -7.5), (1e15, 2e15))
            for y in (0.0, 1e-4, -20.0, 1e3, -1e15)
        ),
        rejected=(
            ("input", ([math.nan, 0.0], 0.0)),
            ("input", ([0.0, math.inf], 0.0)),
            ("target", ([0.0, 1.0], math.nan)),
        ),
        claims=Claims(
            kink_direction=(1.0, 1.0),
            minimiser=([0.0, 0.0], 0.0),
        ),
    ),
    LossCase(
        "expectile_loss",
        lambda m, x, y, tau=0.5: (tau if y >= x else 1 - tau) * (x - y) ** 2,
        hypers=({}, {"tau": 0.9}, {"tau": 0.05}),
        claims=Claims(
            statistic=expectile,
            neg_log_density=lambda x, y, tau=0.5: -two_piece_normal(y - x, tau),
        ),
    ),
    LossCase(
        "epsilon_insensitive_loss",
        lambda m, x, y, epsilon=0.1: max(abs(x - y) - epsilon, 0),
        hypers=({}, {"epsilon": 0.0}, {"epsilon": 1.5}),
        extremes=tuple((s * r, 0.0) for r in ANYWHERE if r > 0.2 for s in (1, -1)) + ((0.05, 0.0),),
        claims=Claims(
            kinks=lambda epsilon=0.1: (0.0, epsilon, -epsilon),
            statistic=m_estimate(lambda r, epsilon=0.1: np.sign(r) * (abs(r) > epsilon)),
        ),
    ),
    LossCase(
        "general_robust_loss",
        barron,
        hypers=tuple({"alpha": a} for a in (1.0, 2.0, 0.0, -2.0, -math.inf, 0.5, 1.5, -0.3))
        + ({"alpha": 1.0, "scale": 2.5}, {"alpha": -2.0, "scale": 0.4}, {"alpha": 3.0}, {"alpha": math.inf})
        + ({"alpha": 1.0, "full": True}, {"alpha": 0.0, "scale": 2.5, "full": True})
        + tuple({"alpha": number(a), "scale": number(2.5)} for a in (1.5, -0.3)),
        extremes=tuple((s * r, 0.0) for r in (*ANYWHERE[1:-2], 30.0) for s in (1, -1)),
        claims=Claims(
            statistic=global_m_estimate(barron_rho),
        ),
    ),
    LossCase(
        "tukey_loss",
        tukey,
        hypers=({}, {"c": 1.0}, {"c": 20.0}),
        low=-6.0,
        high=6.0,
        claims=Claims(
            kinks=lambda c=4.685: (0.0, c, -c),
            statistic=global_m_estimate(
                lambda r, c=4.685: np.where(abs(r) < c, 1 - (1 - (r / c) ** 2) ** 3, 1.0)
            ),
        ),
    ),
)
