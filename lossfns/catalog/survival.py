"""Cards of the losses of the time to an event."""

from __future__ import annotations

import math

from lossfns.catalog.card import (
    ANY,
    HALF,
    NO_LAW,
    NON_NEGATIVE,
    REAL,
    ROOT_TWO,
    UNBOUNDED,
    YES,
    Claim,
    LossCard,
    always,
    law,
)

CARDS = (
    LossCard(
        name="cox_loss",
        title="Cox's partial likelihood",
        gradient=r"\frac{\partial \ell_i}{\partial s_j} = \delta_i \Big(\frac{[t_j \ge t_i] e^{s_j}}"
        r"{\sum_{t_k \ge t_i} e^{s_k}} - [j = i]\Big)",
        domain=ANY,
        range=Claim(
            r"$[0, \infty)$ if Breslow, else $(-1, \infty)$",
            lambda ties, **_: (0.0 if ties == "breslow" else -1.0, math.inf),
        ),
        estimates="logarithm of the hazard, up to a function of time",
        likelihood=NO_LAW,
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=ROOT_TWO,
        smoothness=HALF,
    ),
    LossCard(
        name="hazard_loss",
        title="Likelihood of discrete hazards",
        gradient=r"[j \le k] \sigma(z_j) - \delta [j = k]",
        domain="real logits, indices of intervals",
        range=NON_NEGATIVE,
        estimates="logits of the hazards",
        likelihood=law("discrete time"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(r"$\sqrt{n}$ for $n$ intervals", lambda n=3, **_: math.sqrt(n)),
        smoothness=always(0.25, "$1/4$"),
    ),
    LossCard(
        name="weibull_nll_loss",
        title="Weibull negative log-likelihood",
        gradient=r"k (\delta - e^u), \qquad u = k (\log t - x)",
        domain="real log-scales, times at least 0",
        range=REAL,
        estimates="logarithm of the scale",
        likelihood=law("Weibull"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
)
