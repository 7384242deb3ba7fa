"""Cards of the losses of a predicted distribution."""

from __future__ import annotations

import math
from typing import Any

from lossfns.catalog.card import ANY, NO, NO_LAW, NON_NEGATIVE, REAL, UNBOUNDED, YES, Claim, LossCard, law


def _ensemble_lipschitz(fair: bool, n: int = 4, **_: Any) -> float:
    return math.sqrt((4 * n - 2) / (3 * n * (n - 1)) if fair else (4 * n**2 - 1) / (3 * n**3))


CARDS = (
    LossCard(
        name="poisson_nll_loss",
        title="Poisson negative log-likelihood",
        gradient=r"e^{\hat y} - y",
        domain=r"log-rates real or $-\infty$, targets at least 0",
        range=REAL,
        estimates="logarithm of the mean",
        likelihood=law("Poisson"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="negative_binomial_nll_loss",
        title="Negative binomial negative log-likelihood",
        gradient=r"\frac{e^{\hat y} - y}{1 + \alpha e^{\hat y}}",
        domain=r"log-means real or $-\infty$, targets at least 0",
        range=Claim(
            r"$[0, \infty)$ if $\alpha \ge 1$, else $(-\infty, \infty)$",
            lambda dispersion, **_: (0.0 if dispersion >= 1 else -math.inf, math.inf),
        ),
        estimates="logarithm of the mean",
        likelihood=law("negative binomial"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="gamma_nll_loss",
        title="Gamma negative log-likelihood",
        gradient=r"k (1 - y e^{-\hat y})",
        domain="real log-means, positive targets",
        range=REAL,
        estimates="logarithm of the mean",
        likelihood=law("gamma"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="tweedie_loss",
        title="Tweedie deviance",
        gradient=r"e^{(2 - p) \hat y} - y e^{(1 - p) \hat y}",
        domain="real log-means; targets real if $p \\le 0$, at least 0 if $1 \\le p < 2$, else positive",
        range=NON_NEGATIVE,
        estimates="logarithm of the mean",
        likelihood=law("Tweedie, dispersion 1"),
        convex=Claim(r"iff $p \ge 1$ and $p \le 2$", lambda power, **_: 1 <= power <= 2),
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="gaussian_nll_loss",
        title="Gaussian negative log-likelihood",
        gradient=r"(\mu - y) e^{(\beta - 1) s}",
        domain=ANY,
        range=Claim(
            r"$[-\frac{1}{2 e \beta}, \infty)$ if $\beta > 0$, else $(-\infty, \infty)$",
            lambda beta, **_: (-1 / (2 * math.e * beta) if beta else -math.inf, math.inf),
        ),
        estimates="mean and log-variance",
        likelihood=Claim(r"normal if $\beta = 0$", lambda beta, **_: beta == 0),
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="student_t_nll_loss",
        title="Student's t negative log-likelihood",
        gradient=r"\frac{(\nu + 1) (\mu - y)}{\nu e^{2 s} + (y - \mu)^2}",
        domain=ANY,
        range=REAL,
        estimates="centre and log-scale",
        likelihood=law("Student's t"),
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="gaussian_crps_loss",
        title="Gaussian CRPS",
        gradient=r"1 - 2 \Phi((y - \mu) e^{-s / 2})",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="mean and log-variance of a normal law",
        likelihood=NO_LAW,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="gaussian_kl_loss",
        title="Kullback–Leibler divergence of Gaussians",
        gradient=r"(\mu - m) e^{-t}",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="mean and log-variance of the other law",
        likelihood=NO_LAW,
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="ensemble_crps_loss",
        title="Ensemble CRPS",
        gradient=r"\frac{1}{M} \operatorname{sign}(x_j - y) - \frac{1}{M (M - 1)} "
        r"\sum_k \operatorname{sign}(x_j - x_k)",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="the law of the members",
        likelihood=NO_LAW,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=Claim(
            r"$\sqrt{\frac{2 (2 n - 1)}{3 n (n - 1)}}$ for $n$ members if fair, "
            r"else $\sqrt{\frac{4 n^2 - 1}{3 n^3}}$ for $n$ members",
            _ensemble_lipschitz,
        ),
        smoothness=UNBOUNDED,
    ),
)
