"""Cards of the losses for labels of unequal frequency."""

from __future__ import annotations

import math
from typing import Any

import torch

from lossfns.catalog.card import (
    BINARY,
    HALF,
    LOGITS,
    MAXIMUM,
    NON_NEGATIVE,
    ROOT_TWO,
    YES,
    Claim,
    LossCard,
    P,
    largest,
    law,
)


def focal_slope(gamma: float) -> float:
    """Of the binary loss."""
    return largest(lambda p: (1 - p) ** gamma * (gamma * p * math.log(p) - (1 - p)))


def focal_curvature(gamma: float) -> float:
    """Of the binary loss."""

    def curvature(p: float) -> float:
        bend = gamma * math.log(p) * (1 - p - gamma * p) + (2 * gamma + 1) * (1 - p)
        return float(p * (1 - p) ** gamma * bend)

    return largest(curvature)


def _side(alpha: Any) -> float:
    return 1.0 if alpha is None else float(torch.as_tensor(alpha).sub(0.5).abs().max()) + 0.5


def _alike(alpha: Any) -> bool:
    return alpha is None or bool((torch.as_tensor(alpha) == 0.5).all())


def _heaviest(class_weight: Any) -> float:
    return 1.0 if class_weight is None else float(class_weight.max())


def _asymmetric_slope(gamma_pos: float, gamma_neg: float, clip: float) -> float:
    def negative(p: float) -> float:
        q, rest = p - clip, 1 - p + clip
        if q <= 0:
            return 0.0
        bend = gamma_neg * q ** (gamma_neg - 1) * math.log(rest)
        return float(p * (1 - p) * (q**gamma_neg / rest - bend))

    return max(focal_slope(gamma_pos), largest(negative))


def _asymmetric_curvature(gamma_pos: float, gamma_neg: float, clip: float) -> float:
    b = gamma_neg

    def negative(p: float) -> float:
        q, rest, s = p - clip, 1 - p + clip, p * (1 - p)
        if q <= 0:
            return 0.0
        cost = -math.log(rest)
        first = b * q ** (b - 1) * cost + q**b / rest
        second = b * (b - 1) * q ** (b - 2) * cost + 2 * b * q ** (b - 1) / rest + q**b / rest**2
        return float(second * s**2 + first * s * (1 - 2 * p))

    if clip and b < 1:
        return math.inf
    return max(focal_curvature(gamma_pos), largest(negative))


CARDS = (
    LossCard(
        name="focal_loss",
        title="Focal loss",
        gradient=r"((1 - p_y)^\gamma - \gamma p_y (1 - p_y)^{\gamma - 1} \log p_y) (p_j - [j = y])" + P,
        domain=LOGITS,
        range=NON_NEGATIVE,
        estimates="class probabilities, distorted",
        likelihood=Claim(
            r"categorical if $\gamma = 0$ and without class weights",
            lambda gamma, class_weight, **_: gamma == 0 and class_weight is None,
        ),
        convex=Claim(r"iff $\gamma = 0$", lambda gamma, **_: gamma == 0),
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            MAXIMUM,
            lambda gamma, class_weight, **_: math.sqrt(2) * _heaviest(class_weight) * focal_slope(gamma),
        ),
        smoothness=Claim(
            MAXIMUM, lambda gamma, class_weight, **_: 2 * _heaviest(class_weight) * focal_curvature(gamma)
        ),
        proper=Claim(
            r"iff $\gamma = 0$ and without class weights",
            lambda gamma, class_weight, **_: gamma == 0 and class_weight is None,
        ),
        calibrated=Claim("without class weights", lambda class_weight, **_: class_weight is None),
    ),
    LossCard(
        name="binary_focal_loss",
        title="Binary focal loss",
        gradient=r"y (1 - p)^\gamma (\gamma p \log p - (1 - p)) - (1 - y) p^\gamma "
        r"(\gamma (1 - p) \log(1 - p) - p), \qquad p = \sigma(z)",
        domain=BINARY,
        range=NON_NEGATIVE,
        estimates="probability, flattened",
        likelihood=Claim(
            r"Bernoulli if $\gamma = 0$ and without $\alpha$",
            lambda gamma, alpha, **_: gamma == 0 and alpha is None,
        ),
        convex=Claim(r"iff $\gamma = 0$", lambda gamma, **_: gamma == 0),
        c1=YES,
        c2=YES,
        lipschitz=Claim(MAXIMUM, lambda gamma, alpha, **_: _side(alpha) * focal_slope(gamma)),
        smoothness=Claim(MAXIMUM, lambda gamma, alpha, **_: _side(alpha) * focal_curvature(gamma)),
        proper=Claim(
            r"iff $\gamma = 0$ and both labels weigh alike",
            lambda gamma, alpha, **_: gamma == 0 and _alike(alpha),
        ),
        calibrated=Claim("iff both labels weigh alike", lambda alpha, **_: _alike(alpha)),
    ),
    LossCard(
        name="asymmetric_loss",
        title="Asymmetric loss",
        gradient=r"\begin{cases} y (1 - p)^a (a p \log p - (1 - p)) + (1 - y) p (1 - p) "
        r"\left(\frac{q^b}{1 - q} - b q^{b - 1} \log(1 - q)\right) & p > m "
        r"\\ y (1 - p)^a (a p \log p - (1 - p)) & \text{otherwise} "
        r"\end{cases}, \qquad q = \max(0, p - m), \quad p = \sigma(z)",
        domain=BINARY,
        range=NON_NEGATIVE,
        estimates="a probability, distorted",
        likelihood=Claim(
            "Bernoulli if $a = 0$ and $b = 0$ and $m = 0$",
            lambda gamma_pos, gamma_neg, clip, **_: gamma_pos == gamma_neg == clip == 0,
        ),
        convex=Claim(
            "iff $a = 0$ and $b = 0$ and $m = 0$",
            lambda gamma_pos, gamma_neg, clip, **_: gamma_pos == gamma_neg == clip == 0,
        ),
        c1=Claim("iff $b > 0$ or $m = 0$", lambda gamma_neg, clip, **_: gamma_neg > 0 or clip == 0),
        c2=Claim("iff $b > 1$ or $m = 0$", lambda gamma_neg, clip, **_: gamma_neg > 1 or clip == 0),
        lipschitz=Claim(MAXIMUM, _asymmetric_slope),
        smoothness=Claim(r"$\infty$ if $b < 1$ and $m > 0$, else " + MAXIMUM, _asymmetric_curvature),
        proper=Claim(
            "iff $a = 0$ and $b = 0$ and $m = 0$",
            lambda gamma_pos, gamma_neg, clip, **_: gamma_pos == gamma_neg == clip == 0,
        ),
        calibrated=Claim(
            "iff $a = b$ and $m = 0$",
            lambda gamma_pos, gamma_neg, clip, **_: gamma_pos == gamma_neg and clip == 0,
        ),
    ),
    LossCard(
        name="logit_adjusted_loss",
        title="Logit-adjusted cross-entropy",
        gradient=r"\frac{\pi_j^\tau e^{z_j}}{\sum_k \pi_k^\tau e^{z_k}} - [j = y]",
        domain=LOGITS,
        range=NON_NEGATIVE,
        estimates="class probabilities over π^τ, rescaled",
        likelihood=law("categorical"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=ROOT_TWO,
        smoothness=HALF,
        proper=Claim(
            r"iff $\pi^\tau$ is uniform",
            lambda class_prior, tau, **_: tau == 0 or float(class_prior.min()) == float(class_prior.max()),
        ),
        calibrated=Claim(
            r"iff $\pi^\tau$ is uniform; always for the balanced error",
            lambda class_prior, tau, **_: tau == 0 or float(class_prior.min()) == float(class_prior.max()),
        ),
    ),
    LossCard(
        name="ldam_loss",
        title="LDAM loss",
        gradient=r"s \left(\frac{\exp(s (z_j - \Delta_y [j = y]))}{\sum_k \exp(s (z_k - \Delta_y [k = y]))} "
        r"- [j = y]\right)",
        domain=LOGITS,
        range=NON_NEGATIVE,
        estimates="scores with margins",
        likelihood=Claim("categorical if without margin", lambda max_margin, **_: max_margin == 0),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(r"$\sqrt{2} s$", lambda scale, **_: math.sqrt(2) * scale),
        smoothness=Claim("$s^2/2$", lambda scale, **_: scale**2 / 2),
        proper=Claim(
            "without margin and with $s = 1$", lambda max_margin, scale, **_: max_margin == 0 and scale == 1
        ),
        calibrated=Claim("without margin", lambda max_margin, **_: max_margin == 0),
    ),
)
