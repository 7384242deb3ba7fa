"""Cards of the losses on pairs and lists of scores."""

from __future__ import annotations

import math

from lossfns.catalog.card import ANY, NO, NO_LAW, NON_NEGATIVE, UNBOUNDED, YES, Claim, LossCard, always, law

SQRT_2 = always(math.sqrt(2), r"$\sqrt{2}$")
CARDS = (
    LossCard(
        name="margin_ranking_loss",
        title="Margin ranking loss",
        gradient=r"\begin{cases} -y & y (s - t) < m \\ 0 & \text{otherwise} \end{cases}",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="an order of scores",
        likelihood=NO_LAW,
        convex=YES,
        c1=NO,
        c2=NO,
        lipschitz=SQRT_2,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="bpr_loss",
        title="Bayesian personalised ranking",
        gradient=r"-\sigma(t - s)",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="logit of the probability of a hit, up to a constant",
        likelihood=law("Bradley–Terry"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=SQRT_2,
        smoothness=always(0.5, r"$\frac{1}{2}$"),
    ),
    LossCard(
        name="listmle_loss",
        title="ListMLE",
        gradient=r"\frac{\partial \ell}{\partial s_{(i)}} = \sum_{k \le i} \frac{e^{s_{(i)}}}"
        r"{\sum_{j \ge k} e^{s_{(j)}}} - 1",
        domain=r"real scores, $-\infty$ off the list",
        range=NON_NEGATIVE,
        estimates="logarithms of Plackett–Luce strengths, up to a constant",
        likelihood=law("Plackett–Luce"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(r"$\sqrt{n (n - 1)}$ for $n$ items", lambda n=3, **_: math.sqrt(n * (n - 1))),
        smoothness=Claim("$(n - 1)/2$ for $n$ items", lambda n=3, **_: (n - 1) / 2),
    ),
    LossCard(
        name="dpo_loss",
        title="Direct preference optimisation",
        gradient=r"-\beta \sigma(\beta ((q - r) - (p - c)))",
        domain="log-probabilities of answers",
        range=NON_NEGATIVE,
        estimates="the reference tilted by exp(reward/β)",
        likelihood=law("Bradley–Terry"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(r"$\sqrt{2} \beta$", lambda beta, **_: math.sqrt(2) * beta),
        smoothness=Claim(r"$\beta^2/2$", lambda beta, **_: beta**2 / 2),
    ),
)
