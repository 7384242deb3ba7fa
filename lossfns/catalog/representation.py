"""Cards of the losses on embeddings."""

from __future__ import annotations

import math

from lossfns.catalog.card import NO, NO_LAW, NON_NEGATIVE, ONE, UNBOUNDED, YES, Claim, LossCard, always, law

VECTORS, DIRECTIONS = "vectors", "vectors other than 0, of which the direction counts"
TRIPLET_DOMAIN = "vectors; for cosines other than 0"
STEEPEST_TRIPLET = Claim(
    r"$\sqrt{6}$ if Euclidean, else $\infty$",
    lambda distance, **_: math.sqrt(6) if distance == "euclidean" else math.inf,
)
SMOOTH_TRIPLET = Claim(
    "iff soft and not Euclidean", lambda soft, distance, **_: soft and distance != "euclidean"
)
LOWEST, HIGHEST = math.log1p(math.exp(-2)), math.log1p(math.exp(2))
ABOVE_A_PAIR = Claim(
    r"$[\log(1 + e^{-t - b}), \infty)$",
    lambda logit_scale, logit_bias, **_: (math.log1p(math.exp(-logit_scale - logit_bias)), math.inf),
)

SMOOTH = Claim("iff not monotone", lambda monotone, **_: not monotone)


def _direction_card(
    name: str,
    title: str,
    gradient: str,
    range: Claim[tuple[float, float]] = NON_NEGATIVE,
    estimates: str = "log density ratio of pairs, up to a constant",
) -> LossCard:
    """A loss of cosines: smooth, but ever steeper towards 0, where a vector has no direction."""
    return LossCard(
        name=name,
        title=title,
        gradient=gradient,
        domain=DIRECTIONS,
        likelihood=NO_LAW,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
        range=range,
        estimates=estimates,
    )


CARDS = (
    LossCard(
        name="contrastive_loss",
        title="Contrastive loss",
        gradient=r"(y - (1 - y) \frac{\max(0, m - d)}{d}) (u - v)",
        domain=VECTORS,
        range=NON_NEGATIVE,
        estimates="an embedding of pairs",
        likelihood=NO_LAW,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="triplet_loss",
        title="Triplet loss",
        gradient=r"\frac{a - p}{\lVert a - p \rVert} - \frac{a - n}{\lVert a - n \rVert} "
        r"\text{ if } \ell > 0",
        domain=TRIPLET_DOMAIN,
        range=Claim(
            r"$[\max(0, m - 2), m + 2]$ if a hinge of cosines, else "
            r"$[\log(1 + e^{-2}), \log(1 + e^2)]$ if cosines, else $[0, \infty)$",
            lambda margin, soft, distance, **_: (
                (0.0, math.inf)
                if distance != "cosine"
                else (LOWEST, HIGHEST)
                if soft
                else (max(0.0, margin - 2), margin + 2)
            ),
        ),
        estimates="an embedding of triplets",
        likelihood=NO_LAW,
        convex=NO,
        c1=SMOOTH_TRIPLET,
        c2=SMOOTH_TRIPLET,
        lipschitz=STEEPEST_TRIPLET,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="batch_hard_triplet_loss",
        title="Batch-hard triplet loss",
        gradient=r"\frac{x_i - x_p}{\lVert x_i - x_p \rVert} - \frac{x_i - x_n}{\lVert x_i - x_n \rVert} "
        r"\text{ if } \ell_i > 0",
        domain=TRIPLET_DOMAIN,
        range=Claim(
            r"$[0, m + 2]$ if a hinge of cosines, else $[0, \log(1 + e^2)]$ if cosines, "
            r"else $[0, \infty)$",
            lambda margin, soft, distance, **_: (
                0.0,
                math.inf if distance != "cosine" else HIGHEST if soft else margin + 2,
            ),
        ),
        estimates="an embedding of classes",
        likelihood=NO_LAW,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=STEEPEST_TRIPLET,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="batch_all_triplet_loss",
        title="Batch-all triplet loss",
        gradient=r"\sum_{p, n} \left(\frac{x_i - x_p}{\lVert x_i - x_p \rVert} "
        r"- \frac{x_i - x_n}{\lVert x_i - x_n \rVert}\right) "
        r"[\lVert x_i - x_n \rVert < \lVert x_i - x_p \rVert + m]",
        domain=TRIPLET_DOMAIN,
        range=NON_NEGATIVE,
        estimates="an embedding of classes",
        likelihood=NO_LAW,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="batch_semi_hard_triplet_loss",
        title="Batch-semi-hard triplet loss",
        gradient=r"\sum_p \left(\frac{x_i - x_p}{\lVert x_i - x_p \rVert} "
        r"- \frac{x_i - x_{n(p)}}{\lVert x_i - x_{n(p)} \rVert}\right) "
        r"[\lVert x_i - x_{n(p)} \rVert < \lVert x_i - x_p \rVert + m]",
        domain=TRIPLET_DOMAIN,
        range=NON_NEGATIVE,
        estimates="an embedding of classes",
        likelihood=NO_LAW,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="circle_loss",
        title="Circle loss",
        gradient=r"\frac{\partial \ell_i}{\partial s_{in}} = (1 - e^{-\ell_i}) \gamma \alpha_n "
        r"\frac{\exp(\gamma \alpha_n (s_{in} - m))}{\sum_k \exp(\gamma \alpha_k (s_{ik} - m))}, \quad "
        r"\frac{\partial \ell_i}{\partial s_{ip}} = -(1 - e^{-\ell_i}) \gamma \alpha_p "
        r"\frac{\exp(-\gamma \alpha_p (s_{ip} - 1 + m))}{\sum_k \exp(-\gamma \alpha_k (s_{ik} - 1 + m))}",
        domain=DIRECTIONS,
        range=NON_NEGATIVE,
        estimates="an embedding of classes",
        likelihood=NO_LAW,
        convex=NO,
        c1=Claim("iff $m = 0$", lambda margin, **_: margin == 0),
        c2=NO,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    _direction_card(
        "multi_similarity_loss",
        "Multi-similarity loss",
        r"\frac{\partial \ell_i}{\partial s_{ip}} = "
        r"-\frac{\exp(-\alpha (s_{ip} - \lambda))}{1 + \sum_k \exp(-\alpha (s_{ik} - \lambda))}, \quad "
        r"\frac{\partial \ell_i}{\partial s_{in}} = "
        r"\frac{\exp(\beta (s_{in} - \lambda))}{1 + \sum_k \exp(\beta (s_{ik} - \lambda))}",
        estimates="an embedding of classes",
    ),
    _direction_card(
        "info_nce_loss",
        "InfoNCE, CLIP",
        r"\frac{\partial \ell_i}{\partial \cos(q_i, k_j)} = \frac{1}{\tau} (p_{ij} - [j = t_i])",
    ),
    _direction_card(
        "nt_xent_loss",
        "NT-Xent",
        r"\frac{\partial \ell}{\partial \cos(z_i, z_k)} = \frac{1}{\tau} (p_{ik} - [k = j])",
    ),
    _direction_card(
        "siglip_loss",
        "SigLIP",
        r"\frac{\partial \ell_i}{\partial \cos(u_i, v_j)} = "
        r"-t y_{ij} \sigma(-y_{ij} (t \cos(u_i, v_j) + b))",
        range=ABOVE_A_PAIR,
    ),
    _direction_card(
        "supcon_loss",
        "SupCon",
        r"\frac{\partial \ell_i}{\partial \cos(z_i, z_k)} = \frac{1}{\tau} "
        r"(p_{ik} - \frac{1}{\lvert P_i \rvert} [k \in P_i])",
        estimates="an embedding of classes",
    ),
    LossCard(
        name="arcface_loss",
        title="ArcFace",
        gradient=r"s \begin{cases} "
        r"-(1 - \frac{1}{r}) (\cos(m) + \frac{z_y \sin(m)}{\sqrt{1 - z_y^2}}) & j = y "
        r"\\ \frac{\exp(s (z_j - u))}{r} & \text{otherwise} \end{cases}, \qquad "
        r"r = 1 + \sum_{k \ne y} \exp(s (z_k - u)), \qquad u = z_y \cos(m) - \sqrt{1 - z_y^2} \sin(m)",
        domain=r"cosines in $[-1, 1]$",
        range=NON_NEGATIVE,
        estimates="scores with an angular margin",
        likelihood=NO_LAW,
        convex=NO,
        c1=SMOOTH,
        c2=SMOOTH,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="cosface_loss",
        title="CosFace",
        gradient=r"s \left(\frac{\exp(s (z_j - m [j = y]))}{\sum_k \exp(s (z_k - m [k = y]))} "
        r"- [j = y]\right)",
        domain=r"cosines in $[-1, 1]$",
        range=NON_NEGATIVE,
        estimates="scores with a margin",
        likelihood=NO_LAW,
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(r"$\sqrt{2} s$", lambda scale, **_: math.sqrt(2) * scale),
        smoothness=Claim("$s^2/2$", lambda scale, **_: scale**2 / 2),
    ),
    LossCard(
        name="barlow_twins_loss",
        title="Barlow Twins",
        gradient=r"\frac{\partial \ell}{\partial C_{ij}} = "
        r"2 (C_{ij} - 1) [i = j] + 2 \lambda C_{ij} [i \ne j]",
        domain="two views of a batch",
        range=NON_NEGATIVE,
        estimates="features that agree and do not repeat one another",
        likelihood=NO_LAW,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="vicreg_loss",
        title="VICReg",
        gradient=r"\frac{\partial \ell}{\partial C_{ij}} = \frac{2 c}{D} C_{ij} [i \ne j] - \frac{v [i = j]}"
        r"{4 D \sqrt{C_{ii} + 10^{-4}}} [C_{ii} + 10^{-4} < 1]",
        domain="two views of a batch",
        range=NON_NEGATIVE,
        estimates="features that agree, vary and are not correlated",
        likelihood=NO_LAW,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    _direction_card(
        "negative_cosine_loss",
        "Negative cosine",
        r"\frac{1}{\lVert p \rVert} \left(\cos(p, z) \frac{p}{\lVert p \rVert} - "
        r"\frac{z}{\lVert z \rVert}\right)",
        range=always((-1.0, 1.0), "$[-1, 1]$"),
        estimates="direction of the mean of the unit targets",
    ),
    _direction_card(
        "proxy_anchor_loss",
        "Proxy anchor",
        r"\frac{\partial \ell}{\partial \cos(x, p)} = \begin{cases} -\frac{\alpha}{\lvert P^+ \rvert} "
        r"\frac{e^{-\alpha (\cos(x, p) - \delta)}}"
        r"{1 + \sum_{x' \in X_p^+} e^{-\alpha (\cos(x', p) - \delta)}} "
        r"& x \in X_p^+ \\ \frac{\alpha}{\lvert P \rvert} \frac{e^{\alpha (\cos(x, p) + \delta)}}"
        r"{1 + \sum_{x' \in X_p^-} e^{\alpha (\cos(x', p) + \delta)}} & \text{otherwise} \end{cases}",
        estimates="an embedding of classes",
    ),
    LossCard(
        name="center_loss",
        title="Center loss",
        gradient="x - c_y",
        domain=VECTORS,
        range=NON_NEGATIVE,
        estimates="mean of each class",
        likelihood=law("Gaussian with unit variances"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=ONE,
    ),
)
