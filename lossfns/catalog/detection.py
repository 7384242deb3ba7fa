"""Cards of the losses for boxes."""

from __future__ import annotations

from lossfns.catalog.card import (
    HALF,
    NO,
    NO_LAW,
    NON_NEGATIVE,
    ROOT_TWO,
    UNBOUNDED,
    YES,
    LossCard,
    P,
    always,
    law,
)

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
        3,
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
)
