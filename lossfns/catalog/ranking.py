"""Cards of the losses on pairs and lists of scores."""

from __future__ import annotations

import math

from lossfns.catalog.card import (
    ANY,
    HALF,
    NO,
    NO_LAW,
    NON_NEGATIVE,
    UNBOUNDED,
    YES,
    Claim,
    LossCard,
    always,
    law,
)

HALF_SQUARE = Claim(r"$\beta^2/2$", lambda beta, **_: beta**2 / 2)
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
        estimates="log(p/q) of positives and negatives, up to a constant",
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
        name="listnet_loss",
        title="ListNet",
        gradient=r"\operatorname{softmax}(s)_j - p_j, \qquad p = \operatorname{softmax}(y)",
        domain=r"real scores, $-\infty$ off the list",
        range=NON_NEGATIVE,
        estimates="logarithms of the probabilities to come first, up to a constant",
        likelihood=NO_LAW,
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=SQRT_2,
        smoothness=HALF,
    ),
    LossCard(
        name="lambda_loss",
        title="LambdaRank",
        gradient=r"\frac{\partial \ell}{\partial s_i} = \sum_{j \colon y_j > y_i} "
        r"\frac{\sigma |\Delta_{ij}|}{1 + e^{\sigma (s_j - s_i)}} "
        r"- \sum_{j \colon y_i > y_j} \frac{\sigma |\Delta_{ij}|}{1 + e^{\sigma (s_i - s_j)}}",
        domain=r"real scores, $-\infty$ off the list; relevances from 0 on",
        range=NON_NEGATIVE,
        estimates="an order of scores",
        likelihood=NO_LAW,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="dpo_loss",
        title="Direct preference optimisation",
        gradient=r"-\beta \sigma(\beta ((q - r) - (p - c)))",
        domain="log-probabilities of answers",
        range=NON_NEGATIVE,
        estimates="the reference tilted by exp(reward/β)",
        likelihood=Claim(
            r"Bradley–Terry if $\varepsilon = 0$", lambda label_smoothing, **_: label_smoothing == 0
        ),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$\sqrt{2} \beta (1 - \varepsilon)$",
            lambda beta, label_smoothing, **_: math.sqrt(2) * beta * (1 - label_smoothing),
        ),
        smoothness=HALF_SQUARE,
    ),
    LossCard(
        name="ipo_loss",
        title="Identity preference optimisation",
        gradient=r"2 \left((p - c) - (q - r) - \frac{1}{2 \beta}\right)",
        domain="log-probabilities of answers",
        range=NON_NEGATIVE,
        estimates="margin (2π − 1)/(2β) of answers preferred with probability π",
        likelihood=NO_LAW,
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=always(4.0, "$4$"),
    ),
    LossCard(
        name="simpo_loss",
        title="Simple preference optimisation",
        gradient=r"-\beta \sigma(\gamma - \beta (s - t))",
        domain="average log-probabilities of tokens",
        range=NON_NEGATIVE,
        estimates="an order of answers",
        likelihood=Claim(r"Bradley–Terry if $\gamma = 0$", lambda gamma, **_: gamma == 0),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(r"$\sqrt{2} \beta$", lambda beta, **_: math.sqrt(2) * beta),
        smoothness=HALF_SQUARE,
    ),
    LossCard(
        name="kto_loss",
        title="Kahneman–Tversky optimisation",
        gradient=r"\beta ((1 - y) \lambda_U - y \lambda_D) \sigma(u) \sigma(-u), "
        r"\qquad u = \beta ((p - c) - \max(0, z))",
        domain="log-probabilities of answers, labels from 0 to 1",
        range=Claim(
            r"$[0, \lambda_D]$ if $\lambda_D \ge \lambda_U$, else $[0, \lambda_U]$",
            lambda desirable_weight, undesirable_weight, **_: (
                0.0,
                max(desirable_weight, undesirable_weight),
            ),
        ),
        estimates="whether an answer is desirable with probability above λ_U/(λ_D + λ_U)",
        likelihood=NO_LAW,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$\frac{\beta}{4} \max(\lambda_D, \lambda_U)$",
            lambda beta, desirable_weight, undesirable_weight, **_: (
                beta * max(desirable_weight, undesirable_weight) / 4
            ),
        ),
        smoothness=Claim(
            r"$\frac{\beta^2}{6 \sqrt{3}} \max(\lambda_D, \lambda_U)$",
            lambda beta, desirable_weight, undesirable_weight, **_: (
                beta**2 * max(desirable_weight, undesirable_weight) / (6 * math.sqrt(3))
            ),
        ),
    ),
)
