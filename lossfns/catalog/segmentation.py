"""Cards of the losses for masks."""

from __future__ import annotations

import math

from lossfns.catalog.card import FINITE, NO, NO_LAW, NON_NEGATIVE, ONE, REAL, UNBOUNDED, YES, LossCard, always

MASKS = "real logits, masks"
PROBABILITY = always((0.0, 1.0), "$[0, 1]$")
ERRORS = r", \qquad E = \sum_i \lvert p_i - t_i \rvert, \quad "


def _of_region(name: str, title: str, gradient: str) -> LossCard:
    """A ratio of soft counts. The claims are those for 0/1 masks; soft ones have kinks at p = t."""
    return LossCard(
        name=name,
        title=title,
        gradient="p_j (1 - p_j) " + gradient,
        domain=MASKS,
        range=PROBABILITY,
        estimates="a mask",
        likelihood=NO_LAW,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=FINITE,
        smoothness=FINITE,
    )


TVERSKY_TERMS = (
    r", \qquad D = \sum_i \min(p_i, t_i) + E + s (\alpha + \beta) / 2, \quad "
    r"E = \sum_i (\alpha \max(0, p_i - t_i) + \beta \max(0, t_i - p_i)), \quad "
    r"r = \alpha [t_j < p_j] - \beta [p_j < t_j]"
)


CARDS = (
    _of_region(
        "dice_loss",
        "Dice loss",
        r"\frac{\operatorname{sign}(p_j - t_j) S - E}{S^2}" + ERRORS + r"S = \sum_i (p_i + t_i) + s",
    ),
    _of_region(
        "jaccard_loss",
        "Jaccard (IoU) loss",
        r"\frac{\operatorname{sign}(p_j - t_j) S - [t_j < p_j] E}{S^2}"
        + ERRORS
        + r"S = \sum_i \max(p_i, t_i) + s",
    ),
    _of_region("tversky_loss", "Tversky loss", r"\frac{r D - (r + [p_j < t_j]) E}{D^2}" + TVERSKY_TERMS),
    _of_region(
        "focal_tversky_loss",
        "Focal Tversky loss",
        r"\frac{1}{\gamma} \left(\frac{E}{D}\right)^{1 / \gamma - 1} \frac{r D - (r + [p_j < t_j]) E}{D^2}"
        + TVERSKY_TERMS,
    ),
    _of_region(
        "generalized_dice_loss",
        "Generalised Dice loss",
        r"w_k \frac{\operatorname{sign}(p_{kj} - t_{kj}) - \ell}{\sum_c w_c (\sum_i (p_{ci} + t_{ci}) + s)}",
    ),
    LossCard(
        name="cl_dice_loss",
        title="Centre-line Dice loss",
        gradient=r"-\frac{2 (b^2 \nabla a + a^2 \nabla b)}{(a + b)^2}",
        domain=MASKS,
        range=PROBABILITY,
        estimates="a mask, by its centre-line",
        likelihood=NO_LAW,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=FINITE,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="boundary_loss",
        title="Boundary loss",
        gradient="p (1 - p) d",
        domain="real logits, signed distances",
        range=REAL,
        estimates="a mask",
        likelihood=NO_LAW,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=FINITE,
        smoothness=FINITE,
    ),
    LossCard(
        name="lovasz_softmax_loss",
        title="Lovász-softmax loss",
        gradient=r"g_j \operatorname{sign}(p_j - t_j) \nabla p_j",
        domain="real logits, class indices",
        range=PROBABILITY,
        estimates="a mask",
        likelihood=NO_LAW,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=always(math.sqrt(2) / 4, r"$\frac{\sqrt{2}}{4}$"),
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="lovasz_hinge_loss",
        title="Lovász hinge",
        gradient=r"-(2 y_j - 1) g_j [m_j > 0]",
        domain="real logits, labels 0 and 1",
        range=NON_NEGATIVE,
        estimates="a mask",
        likelihood=NO_LAW,
        convex=YES,
        c1=NO,
        c2=NO,
        lipschitz=ONE,
        smoothness=UNBOUNDED,
    ),
)
