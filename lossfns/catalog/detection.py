"""Cards of the losses for boxes and their scores."""

from __future__ import annotations

import math

from lossfns.catalog.card import (
    BINARY,
    HALF,
    MAXIMUM,
    NO,
    NO_LAW,
    NON_NEGATIVE,
    ROOT_TWO,
    UNBOUNDED,
    YES,
    Claim,
    LossCard,
    P,
    always,
    law,
)
from lossfns.catalog.imbalance import focal_curvature, focal_slope

IOU_SLOPE = r"\frac{I \partial_j U - U \partial_j I}{U^2}"
DIOU_SLOPE = IOU_SLOPE + r" + \frac{2 \rho \partial_j \rho}{d^2} - \frac{2 \rho^2 \partial_j d}{d^3}"


def _of_boxes(name: str, title: str, gradient: str, high: float) -> LossCard:
    return LossCard(
        name=name,
        title=title,
        gradient=gradient,
        domain=r"boxes with $x_1 \le x_2$, $y_1 \le y_2$",
        range=always((0.0, high), f"$[0, {high:g}]$"),
        estimates="a box",
        likelihood=NO_LAW,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    )


CARDS = (
    _of_boxes("iou_loss", "IoU loss", IOU_SLOPE, 1),
    _of_boxes("giou_loss", "GIoU loss", IOU_SLOPE + r" + \frac{U \partial_j C - C \partial_j U}{C^2}", 2),
    _of_boxes("diou_loss", "DIoU loss", DIOU_SLOPE, 2),
    _of_boxes(
        "ciou_loss",
        "CIoU loss",
        DIOU_SLOPE + r" + \alpha \partial_j v, \qquad \alpha = \frac{v}{1 - \frac{I}{U} + v}",
        2.5,
    ),
    _of_boxes(
        "eiou_loss",
        "EIoU loss",
        DIOU_SLOPE + r" + \frac{2 \omega \partial_j \omega}{W^2} - \frac{2 \omega^2 \partial_j W}{W^3}"
        r" + \frac{2 \eta \partial_j \eta}{H^2} - \frac{2 \eta^2 \partial_j H}{H^3}",
        3.25,
    ),
    LossCard(
        name="distribution_focal_loss",
        title="Distribution focal loss",
        gradient="p_j - (l + 1 - y) [j = l] - (y - l) [j = l + 1]" + P,
        domain=r"logits real or $-\infty$, targets from $0$ to $n - 1$",
        range=NON_NEGATIVE,
        estimates="a distribution with the right mean",
        likelihood=law("categorical"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=ROOT_TWO,
        smoothness=HALF,
    ),
    LossCard(
        name="quality_focal_loss",
        title="Quality focal loss",
        gradient=r"\lvert p - y \rvert^\beta (p - y) - \beta \lvert p - y \rvert^{\beta - 1} "
        r"\operatorname{sign}(p - y) p (1 - p) (y \log p + (1 - y) \log(1 - p)), \qquad p = \sigma(z)",
        domain=BINARY,
        range=NON_NEGATIVE,
        estimates="a quality from 0 to 1",
        likelihood=Claim(r"Bernoulli if $\beta = 0$", lambda beta, **_: beta == 0),
        convex=Claim(r"iff $\beta = 0$", lambda beta, **_: beta == 0),
        c1=Claim(r"iff $\beta = 0$ or $\beta > 1$", lambda beta, **_: beta == 0 or beta > 1),
        c2=Claim(r"iff $\beta = 0$ or $\beta \ge 2$", lambda beta, **_: beta == 0 or beta >= 2),
        lipschitz=Claim(
            r"$\infty$ if $\beta > 0$ and $\beta < 1$, else " + MAXIMUM,
            lambda beta, **_: math.inf if 0 < beta < 1 else focal_slope(beta),
        ),
        smoothness=Claim(
            r"$\infty$ if $\beta > 0$ and $\beta < 2$, else " + MAXIMUM,
            lambda beta, **_: math.inf if 0 < beta < 2 else focal_curvature(beta),
        ),
    ),
    LossCard(
        name="varifocal_loss",
        title="Varifocal loss",
        gradient=r"\begin{cases} y (p - y) & y > 0 "
        r"\\ \alpha p^\gamma (p - \gamma (1 - p) \log(1 - p)) & \text{otherwise} \end{cases}, "
        r"\qquad p = \sigma(z)",
        domain=BINARY,
        range=NON_NEGATIVE,
        estimates="a quality from 0 to 1",
        likelihood=Claim(
            r"Bernoulli if $\alpha = 1$ and $\gamma = 0$", lambda alpha, gamma, **_: alpha == 1 and gamma == 0
        ),
        convex=Claim(r"iff $\alpha = 0$ or $\gamma = 0$", lambda alpha, gamma, **_: alpha == 0 or gamma == 0),
        c1=YES,
        c2=YES,
        lipschitz=Claim(MAXIMUM, lambda alpha, gamma, **_: max(1.0, alpha * focal_slope(gamma))),
        smoothness=Claim(MAXIMUM, lambda alpha, gamma, **_: max(0.25, alpha * focal_curvature(gamma))),
    ),
)
