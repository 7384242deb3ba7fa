"""Cards of the losses for real-valued targets."""

from __future__ import annotations

import math
from typing import Any

from lossfns.catalog.card import (
    ANY,
    NO,
    NO_LAW,
    NON_NEGATIVE,
    ONE,
    TWO,
    UNBOUNDED,
    YES,
    Claim,
    LossCard,
    law,
)


def _barron_lipschitz(alpha: float, scale: float, **_: Any) -> float:
    if alpha > 1:
        return math.inf
    if alpha == 1:
        return 1 / scale
    if alpha == -math.inf:
        return math.exp(-0.5) / scale
    return float(((alpha - 2) / (alpha - 1)) ** ((alpha - 1) / 2)) / scale


def _barron_range(alpha: float, **_: Any) -> tuple[float, float]:
    return 0.0, 1 - 2 / alpha if alpha < 0 else math.inf


def _inverse(beta: float) -> float:
    return 1 / beta if beta else math.inf


CARDS = (
    LossCard(
        name="mse_loss",
        title="Squared error",
        gradient=r"2 (\hat y - y)",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="mean",
        likelihood=law("normal, variance ½"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=TWO,
    ),
    LossCard(
        name="l1_loss",
        title="Absolute error",
        gradient=r"\operatorname{sign}(\hat y - y)",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="median",
        likelihood=law("Laplace"),
        convex=YES,
        c1=NO,
        c2=NO,
        lipschitz=ONE,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="huber_loss",
        title="Huber loss",
        gradient=r"\max(-\delta, \min(\delta, \hat y - y))",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="M-estimate",
        likelihood=law("normal core, exponential tails"),
        convex=YES,
        c1=YES,
        c2=NO,
        lipschitz=Claim(r"$\delta$", lambda delta, **_: delta),
        smoothness=ONE,
    ),
    LossCard(
        name="smooth_l1_loss",
        title="Smooth L1 loss",
        gradient=r"\max(-1, \min(1, \frac{\hat y - y}{\beta}))",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="M-estimate",
        likelihood=law("normal core, exponential tails"),
        convex=YES,
        c1=Claim(r"iff $\beta > 0$", lambda beta, **_: beta > 0),
        c2=NO,
        lipschitz=ONE,
        smoothness=Claim(r"$1/\beta$ if $\beta > 0$, else $\infty$", _inverse),
    ),
    LossCard(
        name="log_cosh_loss",
        title="Log-cosh loss",
        gradient=r"\frac{1}{c} \tanh(\frac{\hat y - y}{c})",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="M-estimate",
        likelihood=law("hyperbolic secant"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim("$1/c$", lambda scale, **_: 1 / scale),
        smoothness=Claim("$1/c^2$", lambda scale, **_: scale**-2),
    ),
    LossCard(
        name="msle_loss",
        title="Squared logarithmic error",
        gradient=r"\frac{2}{1 + \hat y} (\log(1 + \hat y) - \log(1 + y))",
        domain=r"predictions and targets above $-1$",
        range=NON_NEGATIVE,
        estimates="exp E log(1 + Y) − 1",
        likelihood=law("log-normal of 1 + Y"),
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="quantile_loss",
        title="Quantile (pinball) loss",
        gradient=r"\begin{cases} -q & y > \hat y \\ 0 & y = \hat y \\ 1 - q & \text{otherwise} \end{cases}",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="q-quantile",
        likelihood=law("asymmetric Laplace"),
        convex=YES,
        c1=NO,
        c2=NO,
        lipschitz=Claim(r"$\max(q, 1 - q)$", lambda q, **_: max(q, 1 - q)),
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="interval_loss",
        title="Interval (Winkler) score",
        gradient=r"(\frac{2}{\alpha} [y < l] - 1) \partial_j l + (1 - \frac{2}{\alpha} [y > u]) \partial_j u",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="quantiles α/2 and 1 − α/2",
        likelihood=NO_LAW,
        convex=YES,
        c1=NO,
        c2=NO,
        lipschitz=Claim(
            r"$\sqrt{2} (\frac{2}{\alpha} - 1)$", lambda alpha, **_: math.sqrt(2) * (2 / alpha - 1)
        ),
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="expectile_loss",
        title="Expectile loss",
        gradient=r"\begin{cases} 2 (1 - \tau) (\hat y - y) & y < \hat y \\ 2 \tau (\hat y - y) & "
        r"\text{otherwise} \end{cases}",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="τ-expectile",
        likelihood=law("two-piece normal"),
        convex=YES,
        c1=YES,
        c2=Claim(r"iff $\tau = \frac{1}{2}$", lambda tau, **_: tau == 0.5),
        lipschitz=UNBOUNDED,
        smoothness=Claim(r"$2 \max(\tau, 1 - \tau)$", lambda tau, **_: 2 * max(tau, 1 - tau)),
    ),
    LossCard(
        name="epsilon_insensitive_loss",
        title="ε-insensitive loss",
        gradient=r"\begin{cases} \operatorname{sign}(\hat y - y) & \lvert \hat y - y \rvert > \varepsilon \\ "
        r"0 & \text{otherwise} \end{cases}",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="point with equal mass beyond ε on either side",
        likelihood=law("flat-topped Laplace"),
        convex=YES,
        c1=NO,
        c2=NO,
        lipschitz=ONE,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="general_robust_loss",
        title="General robust loss (Barron)",
        gradient=r"\frac{\hat y - y}{c^2} \left(\frac{(\hat y - y)^2}{c^2 \lvert \alpha - 2 \rvert} + 1"
        r"\right)^{\alpha / 2 - 1}",
        domain=ANY,
        range=Claim(r"$[0, 1 - 2/\alpha)$ if $\alpha < 0$, else $[0, \infty)$", _barron_range),
        estimates="M-estimate",
        likelihood=Claim(r"Barron's law if $\alpha \ge 0$", lambda alpha, **_: alpha >= 0),
        convex=Claim(r"iff $\alpha \ge 1$", lambda alpha, **_: alpha >= 1),
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$\frac{1}{c} \left(\frac{\alpha - 2}{\alpha - 1}\right)^{(\alpha - 1)/2}$ if $\alpha \le 1$, "
            r"else $\infty$",
            _barron_lipschitz,
        ),
        smoothness=Claim(
            r"$1/c^2$ if $\alpha \le 2$, else $\infty$",
            lambda alpha, scale, **_: scale**-2 if alpha <= 2 else math.inf,
        ),
    ),
    LossCard(
        name="tukey_loss",
        title="Tukey's biweight loss",
        gradient=r"\begin{cases} (\hat y - y) (1 - (\frac{\hat y - y}{c})^2)^2 & "
        r"\lvert \hat y - y \rvert \le c \\ 0 & \text{otherwise} \end{cases}",
        domain=ANY,
        range=Claim(r"$[0, c^2/6]$", lambda c, **_: (0.0, c**2 / 6)),
        estimates="M-estimate",
        likelihood=NO_LAW,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=Claim(r"$\frac{16}{25 \sqrt{5}} c$", lambda c, **_: 16 * c / (25 * math.sqrt(5))),
        smoothness=ONE,
    ),
)
