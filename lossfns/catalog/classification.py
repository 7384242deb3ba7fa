"""Cards of the losses for labels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from lossfns.catalog.card import (
    BINARY,
    FINITE,
    HALF,
    LOGITS,
    MAXIMUM,
    NO,
    NO_LAW,
    NON_NEGATIVE,
    ONE,
    ROOT_TWO,
    UNBOUNDED,
    YES,
    Claim,
    LossCard,
    P,
    always,
    largest,
    law,
)


def _positive_weights(pos_weight: Any) -> list[float]:
    return [1.0] if pos_weight is None else torch.as_tensor(pos_weight).flatten().tolist()


def _poly_slope(epsilon: float) -> float:
    return math.sqrt(2) * ((1 + epsilon) ** 2 / (4 * epsilon) if epsilon > 1 else 1.0)


def _poly_curvature(epsilon: float) -> float:
    return 2 * largest(lambda p: p * (1 - p) * (1 - epsilon + 2 * epsilon * p))


def _symmetric(constant: Callable[..., float], alpha: float, beta: float, log_zero: float) -> float:
    reverse = -beta * log_zero
    if alpha == 0:  # reverse (1 - p) alone
        return reverse * (math.sqrt(2) / 4 if constant is _poly_slope else math.sqrt(3) / 9)
    return alpha * constant(reverse / alpha)


def _gce_slope(q: float) -> float:
    return float(math.sqrt(2) * (q / (1 + q)) ** q / (1 + q))


def _gce_curvature(q: float) -> float:
    return 2 * largest(lambda p: p**q * (1 - p) * (p - q * (1 - p)))


def _weights(class_weight: Any, label_smoothing: float, classes: int, y: int) -> list[float]:
    """Class weight times smoothed label, for each class."""
    w = [1.0] * classes if class_weight is None else class_weight.tolist()
    return [w[c] * ((1 - label_smoothing) * (c == y) + label_smoothing / classes) for c in range(classes)]


def _ce_slope(class_weight: Any, label_smoothing: float, classes: int = 3, **_: Any) -> float:
    """The gradient (Σ w) p - w is longest where p is sure of one class."""
    slopes = []
    for y in range(classes):
        w = _weights(class_weight, label_smoothing, classes, y)
        slopes += [math.dist([sum(w) * (c == k) for c in range(classes)], w) for k in range(classes)]
    return max(slopes)


def _ce_curvature(class_weight: Any, label_smoothing: float, classes: int = 3, **_: Any) -> float:
    return max(sum(_weights(class_weight, label_smoothing, classes, y)) for y in range(classes)) / 2


def _js_slope() -> float:
    """Against a target that is sure of another class."""
    return math.sqrt(2) * largest(lambda p: p * (1 - p) * math.log((2 - p) / (1 - p)) / 2)


def _js_curvature() -> float:
    def curvature(p: float) -> float:
        log = math.log((2 - p) / (1 - p))
        return p * (1 - p) * ((1 - 2 * p) * log + p / (2 - p)) / 2

    return 2 * largest(curvature)


CARDS = (
    LossCard(
        name="cross_entropy",
        title="Cross-entropy",
        gradient="p_j - [j = y]" + P,
        domain=LOGITS,
        range=NON_NEGATIVE,
        estimates="class probabilities",
        likelihood=Claim(
            "categorical if without class weights and with $\\varepsilon = 0$",
            lambda class_weight, label_smoothing, **_: class_weight is None and label_smoothing == 0,
        ),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$\sqrt{2}$, times the largest class weight; with smoothing at most this", _ce_slope
        ),
        smoothness=Claim("$1/2$, times the largest class weight; with smoothing at most this", _ce_curvature),
        proper=Claim(
            "without class weights and with $\\varepsilon = 0$",
            lambda class_weight, label_smoothing, **_: class_weight is None and label_smoothing == 0,
        ),
        calibrated=Claim("without class weights", lambda class_weight, **_: class_weight is None),
    ),
    LossCard(
        name="binary_cross_entropy",
        title="Binary cross-entropy",
        gradient=r"\sigma(z) - y",
        domain=BINARY,
        range=NON_NEGATIVE,
        estimates="probability",
        likelihood=Claim(
            "Bernoulli if without positive weight and with $\\varepsilon = 0$",
            lambda pos_weight, label_smoothing, **_: pos_weight is None and label_smoothing == 0,
        ),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$(1 - \varepsilon/2) \max(1, w)$, of the positive weight $w$",
            lambda pos_weight, label_smoothing, **_: (
                max(1.0, *_positive_weights(pos_weight)) * (1 - label_smoothing / 2)
            ),
        ),
        smoothness=Claim(
            r"$((1 - \varepsilon/2) \max(1, w) + \varepsilon/2 \min(1, w))/4$",
            lambda pos_weight, label_smoothing, **_: (
                max(
                    1 + (w - 1) * y
                    for w in _positive_weights(pos_weight)
                    for y in (1 - label_smoothing / 2, label_smoothing / 2)
                )
                / 4
            ),
        ),
        proper=Claim(
            "without positive weight and with $\\varepsilon = 0$",
            lambda pos_weight, label_smoothing, **_: pos_weight is None and label_smoothing == 0,
        ),
        calibrated=Claim("without positive weight", lambda pos_weight, **_: pos_weight is None),
    ),
    LossCard(
        name="kl_divergence",
        title="Kullback–Leibler divergence",
        gradient="p_j - t_j" + P,
        domain=r"logits real or $-\infty$, probabilities",
        range=NON_NEGATIVE,
        estimates="class probabilities",
        likelihood=law("categorical"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=ROOT_TWO,
        smoothness=HALF,
        proper=YES,
        calibrated=YES,
    ),
    LossCard(
        name="js_divergence",
        title="Jensen–Shannon divergence",
        gradient=r"\frac{1}{2} p_j \left(\log \frac{2 p_j}{p_j + q_j} - \sum_k p_k \log \frac{2 p_k}"
        r"{p_k + q_k}\right)" + P + r", \quad q = \operatorname{softmax}(s)",
        domain=r"two sets of logits, real or $-\infty$",
        range=always((0.0, math.log(2)), r"$[0, \log 2]$"),
        estimates="a distribution near those of the targets",
        likelihood=NO_LAW,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=Claim(MAXIMUM, _js_slope),
        smoothness=Claim(MAXIMUM, _js_curvature),
    ),
    LossCard(
        name="brier_loss",
        title="Brier score",
        gradient=r"2 p_j \left(p_j - [j = y] - \sum_k p_k (p_k - [k = y])\right)" + P,
        domain=LOGITS,
        range=always((0.0, 2.0), "$[0, 2]$"),
        estimates="class probabilities",
        likelihood=NO_LAW,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=always(16 * math.sqrt(2) / 27, r"$\frac{16 \sqrt{2}}{27}$"),
        smoothness=Claim(MAXIMUM, lambda **_: 2 * largest(lambda p: 4 * p * (1 - p) ** 2 * (1 - 3 * p))),
        proper=YES,
        calibrated=YES,
    ),
    LossCard(
        name="hinge_loss",
        title="Hinge loss",
        gradient="(1 - y) [z > -m] - y [z < m]",
        domain=BINARY,
        range=NON_NEGATIVE,
        estimates="the more probable label",
        likelihood=NO_LAW,
        convex=YES,
        c1=Claim("if squared", lambda squared, **_: squared),
        c2=NO,
        lipschitz=Claim(r"$\infty$ if squared, else $1$", lambda squared, **_: math.inf if squared else 1.0),
        smoothness=Claim(r"$2$ if squared, else $\infty$", lambda squared, **_: 2.0 if squared else math.inf),
        proper=NO,
        calibrated=YES,
    ),
    LossCard(
        name="multiclass_hinge_loss",
        title="Multi-class hinge loss",
        gradient=r"([z_j = \max_{k \ne y} z_k] - [j = y]) [m + \max_{k \ne y} z_k > z_y]",
        domain=LOGITS,
        range=NON_NEGATIVE,
        estimates="the most probable label, if its probability is above ½",
        likelihood=NO_LAW,
        convex=YES,
        c1=NO,
        c2=NO,
        lipschitz=Claim(
            r"$\sqrt{C (C - 1)}$ if Weston–Watkins, else $\sqrt{2}$",
            lambda variant, classes=3, **_: math.sqrt(
                2 if variant == "crammer-singer" else classes * (classes - 1)
            ),
        ),
        smoothness=UNBOUNDED,
        proper=NO,
        calibrated=NO,
    ),
    LossCard(
        name="generalized_cross_entropy",
        title="Generalised cross-entropy",
        gradient="p_y^q (p_j - [j = y])" + P,
        domain=LOGITS,
        range=Claim(
            r"$[0, 1/q]$ if $q > 0$, else $[0, \infty)$", lambda q, **_: (0.0, 1 / q if q else math.inf)
        ),
        estimates="class probabilities to the power 1/(1 − q)",
        likelihood=Claim("categorical if $q = 0$", lambda q, **_: q == 0),
        convex=Claim("iff $q = 0$", lambda q, **_: q == 0),
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$\frac{\sqrt{2}}{1 + q} \left(\frac{q}{1 + q}\right)^q$", lambda q, **_: _gce_slope(q)
        ),
        smoothness=Claim(MAXIMUM, lambda q, **_: _gce_curvature(q)),
        proper=Claim("iff $q = 0$", lambda q, **_: q == 0),
        calibrated=YES,
    ),
    LossCard(
        name="symmetric_cross_entropy",
        title="Symmetric cross-entropy",
        gradient=r"(\alpha - \beta A p_y) (p_j - [j = y])" + P,
        domain=LOGITS,
        range=Claim(
            r"$[0, -\beta A]$ if $\alpha = 0$, else $[0, \infty)$",
            lambda alpha, beta, log_zero, **_: (0.0, math.inf if alpha else -beta * log_zero),
        ),
        estimates="sharpened class probabilities",
        likelihood=Claim(
            r"categorical if $\alpha = 1$ and $\beta A = 0$",
            lambda alpha, beta, log_zero, **_: alpha == 1 and beta * log_zero == 0,
        ),
        convex=Claim(
            r"iff $-\beta A \le \alpha$", lambda alpha, beta, log_zero, **_: -beta * log_zero <= alpha
        ),
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$\sqrt{2} \frac{(\alpha - \beta A)^2}{-4 \beta A}$ if $-\beta A > \alpha$, else "
            r"$\sqrt{2} \alpha$",
            lambda alpha, beta, log_zero, **_: _symmetric(_poly_slope, alpha, beta, log_zero),
        ),
        smoothness=Claim(
            MAXIMUM, lambda alpha, beta, log_zero, **_: _symmetric(_poly_curvature, alpha, beta, log_zero)
        ),
        proper=Claim(r"iff $\beta A = 0$", lambda beta, log_zero, **_: beta * log_zero == 0),
        calibrated=YES,
    ),
    LossCard(
        name="poly_loss",
        title="Poly-1 loss",
        gradient=r"(1 + \varepsilon p_y) (p_j - [j = y])" + P,
        domain=LOGITS,
        range=NON_NEGATIVE,
        estimates="class probabilities, sharpened for ε > 0",
        likelihood=Claim(r"categorical if $\varepsilon = 0$", lambda epsilon, **_: epsilon == 0),
        convex=Claim(r"iff $\varepsilon \le 1$", lambda epsilon, **_: epsilon <= 1),
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$\sqrt{2}$ if $\varepsilon \le 1$, else $\sqrt{2} \frac{(1 + \varepsilon)^2}{4 \varepsilon}$",
            lambda epsilon, **_: _poly_slope(epsilon),
        ),
        smoothness=Claim(MAXIMUM, lambda epsilon, **_: _poly_curvature(epsilon)),
        proper=Claim(r"iff $\varepsilon = 0$", lambda epsilon, **_: epsilon == 0),
        calibrated=YES,
    ),
    LossCard(
        name="spherical_loss",
        title="Spherical score",
        gradient=r"\frac{p_y}{\lVert p \rVert} \left(\frac{p_j^2}{\lVert p \rVert^2} - [j = y]\right)" + P,
        domain=LOGITS,
        range=always((0.0, 1.0), "$[0, 1]$"),
        estimates="class probabilities",
        likelihood=NO_LAW,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=always(2 * math.sqrt(6) / 9, r"$\frac{2 \sqrt{6}}{9}$"),
        smoothness=Claim(MAXIMUM, lambda **_: 2 * _gce_curvature(0.5)),
        proper=YES,
        calibrated=YES,
    ),
    LossCard(
        name="sparsemax_loss",
        title="Sparsemax loss",
        gradient=r"\max(0, z_j - \tau) - t_j",
        domain=LOGITS,
        range=NON_NEGATIVE,
        estimates="class probabilities, by sparsemax",
        likelihood=NO_LAW,
        convex=YES,
        c1=YES,
        c2=NO,
        lipschitz=ROOT_TWO,
        smoothness=ONE,
        proper=NO,
        calibrated=YES,
    ),
    LossCard(
        name="ordinal_loss",
        title="Ordinal regression",
        gradient=r"\sigma(z_k) - [y > k]",
        domain="real logits of C − 1 questions, class indices or probabilities of C classes",
        range=NON_NEGATIVE,
        estimates="cumulative probabilities",
        likelihood=NO_LAW,
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(r"$\sqrt{C - 1}$", lambda classes=3, **_: math.sqrt(classes - 1)),
        smoothness=always(0.25, "$1/4$"),
    ),
    LossCard(
        name="ranked_probability_loss",
        title="Ranked probability score",
        gradient=r"2 p_j \sum_{k < C - 1} (F_k - [y \le k]) ([j \le k] - F_k)" + P,
        domain=LOGITS,
        range=Claim("$[0, C - 1]$", lambda classes=3, **_: (0.0, classes - 1.0)),
        estimates="class probabilities",
        likelihood=NO_LAW,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=FINITE,
        smoothness=FINITE,
        proper=YES,
        calibrated=YES,
    ),
)
