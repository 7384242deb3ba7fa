"""Losses for labels of unequal frequency, and class weights from counts.

Arguments as in :mod:`lossfns.classification`: classes in dimension 1 with indices or probabilities as target,
or element-wise scores with binary labels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _check
from lossfns import _rules as rules
from lossfns._binary import binary_loss, mix, sides
from lossfns._classes import (
    add_to_own,
    broadcast_classes,
    class_loss,
    hard_cross_entropy,
    log_probability_loss,
    soft_cross_entropy,
)
from lossfns._module import LossModule
from lossfns._numerics import one_minus_exp, softplus
from lossfns._rules import Reduction, checked
from lossfns._similarity import to_float64

__all__ = [
    "AsymmetricLoss",
    "BinaryFocalLoss",
    "FocalLoss",
    "LDAMLoss",
    "LogitAdjustedLoss",
    "asymmetric_loss",
    "balanced_weights",
    "binary_focal_loss",
    "effective_number_weights",
    "focal_loss",
    "ldam_loss",
    "logit_adjusted_loss",
]


def balanced_weights(class_count: Tensor) -> Tensor:
    """Class weights n / (C n_c) that let every class weigh the same: on average over the samples they are 1.

    ``class_count`` has shape (C,); a class without samples gets weight 0. float32, or float64 if it is.

    >>> balanced_weights(torch.tensor([90, 10]))
    tensor([0.5556, 5.0000])
    """
    count = _counts(class_count)
    return torch.where(count == 0, 0.0, count.sum() / (len(count) * count)).to(
        _check.promote(class_count)[0].dtype
    )


def effective_number_weights(class_count: Tensor, beta: float = 0.999) -> Tensor:
    """Class weights (1 − β)/(1 − β^n_c), scaled to sum to C: from none (β = 0) to inverse frequency (β → 1).

    ``class_count`` has shape (C,); a class without samples gets weight 0. float32, or float64 if it is.
    Cui et al. (2019), *Class-balanced loss based on effective number of samples*.

    >>> effective_number_weights(torch.tensor([5000, 50]))
    tensor([0.0936, 1.9064])
    """
    beta = rules.half_open_unit_interval("beta", beta)
    count = _counts(class_count)
    effective = one_minus_exp(count * count.new_tensor(beta).log())
    weight = torch.where(count == 0, 0.0, effective.reciprocal())
    total = weight.sum()
    return (weight * len(count) / torch.where(total == 0, 1.0, total)).to(
        _check.promote(class_count)[0].dtype
    )


def _counts(class_count: Tensor) -> Tensor:
    """The counts in float64: 1 − β^n has no digits in float32 where β is nearly 1."""
    _check.is_tensor(class_count=class_count)
    if class_count.ndim != 1:
        raise ValueError(f"class_count must have shape (C,), got {tuple(class_count.shape)}")
    count = to_float64(class_count)
    _check.finite_non_negative("class_count", count)
    return count


@checked(gamma=rules.non_negative, class_weight=rules.optional_class_vector, ignore_index=rules.integer)
def focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma: float = 2.0,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Focal loss over a softmax: cross-entropy that turns away from what is already right.

    .. math:: \ell(z, y) = -(1 - p_y)^\gamma \log p_y, \qquad p = \operatorname{softmax}(z)

    Args:
        gamma: γ, a number from 0 on: the larger, the less what is already right counts. At 0 it is
            cross-entropy.
        class_weight: weights of the classes, shape (C,), as in :func:`lossfns.cross_entropy`.
        ignore_index: targets equal to it are left out.
        weight: of the samples; broadcasts to (N, *). Those of weight 0 are left out.

    Conventions:
        Value and gradient are 0, never NaN, where p_y rounds to 1. Not proper: for γ > 0 it estimates other
        probabilities. For probabilities t the loss is Σ t_c ℓ_c. Classes are dimension 1, as in
        :func:`lossfns.cross_entropy`, whose absolute accuracy for right and sure examples it shares.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers or (N, C, *) probabilities. ``"none"``: (N, *).

    Source:
        Lin et al. (2017), *Focal loss for dense object detection*. Chapter: Focal loss and its relatives.

    Example:
        >>> focal_loss(torch.tensor([[0.0, 0.0], [200.0, 0.0]]), torch.tensor([0, 0]), reduction="none")
        tensor([0.1733, 0.0000])
    """

    def f(log_p: Tensor) -> Tensor:
        if gamma == 0:
            return -log_p
        log_p = log_p.clamp(max=-torch.finfo(log_p.dtype).tiny)  # at 0 a power may have no derivative
        return (-torch.expm1(log_p)).pow(gamma) * -log_p

    return log_probability_loss(
        f,
        input,
        target,
        class_weight=class_weight,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
    )


def _focal(x: Tensor, gamma: float) -> Tensor:
    """(1 − p)^γ (−log p) at p = σ(x), in logarithms: nothing to cancel, nothing to divide by."""
    return torch.exp(-gamma * softplus(x)) * softplus(-x) if gamma else softplus(-x)


def _mixed_focal(x: Tensor, yes: Tensor, no: Tensor, gamma: float) -> Tensor:
    """yes · focal(x) + no · focal(−x)."""
    size, rest, against = sides(x, yes, no)
    if gamma == 2:
        smaller = torch.exp(-size)
        focus, shrink = (1 / (1 + smaller)).square(), smaller.square()
    else:
        focus, shrink = torch.exp(-gamma * rest), torch.exp(-gamma * size)
    return focus * (against * (size + rest) + (yes + no - against) * shrink * rest)


@checked(gamma=rules.non_negative, alpha=rules.optional(rules.or_broadcast(rules.unit_interval)))
def binary_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Focal loss of a sigmoid: cross-entropy that turns away from what is already right.

    .. math:: \ell(z, y) = -y (1 - p)^\gamma \log p - (1 - y) p^\gamma \log(1 - p), \qquad p = \sigma(z)

    Args:
        gamma: γ, a number from 0 on: the larger, the less what is already right counts.
        alpha: multiplies the positives, 1 − ``alpha`` the negatives; a number from 0 to 1, a tensor of such
            numbers that broadcasts to ``input``, one for each class, or None for neither.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        ``alpha`` is part of the loss, not of the denominator of the mean. To divide by the number of
        positives, take ``reduction="sum"`` and divide by max(n, 1). Soft labels mix the two terms.

    Shape:
        ``input``, ``target``: any, equal; labels bool, integer or in [0, 1]. ``weight``: broadcasts to it;
        0 deletes. ``"none"``: the same.

    Raises:
        ValueError: a tensor ``alpha`` that does not fit; under ``strict()`` values or labels outside [0, 1].

    Source:
        Lin et al. (2017), *Focal loss for dense object detection*. Chapter: Focal loss and its relatives.

    Example:
        >>> binary_focal_loss(torch.zeros(2), torch.tensor([1, 0]), gamma=0.0, alpha=0.25, reduction="none")
        tensor([0.1733, 0.5199])
    """
    return binary_loss(
        lambda x, yes, no: _mixed_focal(x, yes, no, gamma),
        input,
        target,
        positive=lambda x: _focal(x, gamma),
        weight=weight,
        reduction=reduction,
        alpha=alpha,
    )


@checked(gamma_pos=rules.non_negative, gamma_neg=rules.non_negative, clip=rules.half_open_unit_interval)
def asymmetric_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma_pos: float = 0.0,
    gamma_neg: float = 4.0,
    clip: float = 0.05,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Asymmetric loss for many labels: negatives are focused harder, and forgotten below a probability.

    .. math:: \ell(z, y) = -y (1 - p)^a \log p - (1 - y) q^b \log(1 - q), \qquad q = \max(0, p - m), \quad
        p = \sigma(z)

    Args:
        gamma_pos: a, the focusing of the positives, a number from 0 on.
        gamma_neg: b, the focusing of the negatives, a number from 0 on.
        clip: m, from 0 up to 1: a negative of a probability below it has loss 0.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        With ``clip=0`` and equal gammas it is the binary focal loss. One label an element.

    Shape:
        ``input``, ``target``: any, equal; labels bool, integer or in [0, 1]. ``weight``: broadcasts to it;
        0 deletes. ``"none"``: the same.

    Source:
        Ridnik et al. (2021), *Asymmetric loss for multi-label classification*. Chapter: Focal loss and its
        relatives.

    Example:
        >>> asymmetric_loss(torch.tensor([0.0, 0.0, -4.0]), torch.tensor([1, 0, 0]), reduction="none")
        tensor([0.6931, 0.0245, 0.0000])
    """

    def negative(x: Tensor) -> Tensor:
        if clip == 0:
            return _focal(-x, gamma_neg)
        q = torch.sigmoid(x) - clip
        log = torch.log(torch.sigmoid(-x) + clip)
        if gamma_neg >= 2:
            return -F.relu(q).pow(gamma_neg) * log
        counts = q > 0  # else the power has infinite derivatives at 0
        return torch.where(counts, -torch.where(counts, q, 1.0).pow(gamma_neg) * log, 0.0)

    return binary_loss(
        lambda x, yes, no: mix(lambda z: _focal(z, gamma_pos), negative, x, yes, no),
        input,
        target,
        weight=weight,
        reduction=reduction,
    )


@checked(class_prior=rules.class_vector, tau=rules.non_negative, ignore_index=rules.integer)
def logit_adjusted_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_prior: Tensor,
    tau: float = 1.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cross-entropy of logits shifted by the log-prior: scores as if all classes were equally frequent.

    .. math:: \ell(z, y) = -\log \frac{\pi_y^\tau e^{z_y}}{\sum_k \pi_k^\tau e^{z_k}}

    Args:
        class_prior: π, frequencies or counts of the classes, shape (C,): only ratios matter. A class of
            prior 0 is masked.
        tau: τ, a number from 0 on. At 0 it is cross-entropy.
        ignore_index: targets equal to it are left out.
        weight: of the samples; broadcasts to (N, *). Those of weight 0 are left out.

    Conventions:
        Predict with the bare scores: they estimate log(P(y | x) / π_y^τ), which for τ = 1 minimises the
        balanced error. Accurate as :func:`lossfns.cross_entropy` is.

    Shape:
        ``input``: (N, C, *). ``class_prior``: (C,). ``target``: (N, *) integers or (N, C, *) probabilities.
        ``"none"``: (N, *).

    Source:
        Menon et al. (2021), *Long-tail learning via logit adjustment*. Chapter: Long tails.

    Example:
        >>> prior = torch.tensor([0.9, 0.1])
        >>> logit_adjusted_loss(torch.zeros(2, 2), torch.tensor([0, 1]), class_prior=prior, reduction="none")
        tensor([0.1054, 2.3026])
    """

    def adjusted(logits: Tensor) -> Tensor:
        prior = broadcast_classes(class_prior, logits, "class_prior")
        return logits + tau * prior.log() if tau else logits

    return class_loss(
        lambda z, y: hard_cross_entropy(adjusted(z), y),
        lambda z, t: soft_cross_entropy(adjusted(z), t),
        input,
        target,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
        constants=(class_prior,),
    )


@checked(
    class_count=rules.class_vector,
    max_margin=rules.non_negative,
    scale=rules.positive,
    ignore_index=rules.integer,
)
def ldam_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_count: Tensor,
    max_margin: float = 0.5,
    scale: float = 30.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Label-distribution-aware margin loss: cross-entropy with a larger margin for rarer classes.

    .. math:: \ell(z, y) = \log \sum_k \exp(s (z_k - \Delta_y [k = y])) - s (z_y - \Delta_y)

    Args:
        class_count: how many samples each class has, shape (C,); less than 1 counts as 1.
        max_margin: the margin of the rarest class, a number from 0 on. At 0 it is the cross-entropy of s z.
        scale: s, a positive number, for scores in [−1, 1], such as cosines.
        ignore_index: targets equal to it are left out.
        weight: of the samples; broadcasts to (N, *). Those of weight 0 are left out.

    Conventions:
        The margin of class c is Δ_c = ``max_margin`` (n_min / n_c)^¼. Probabilities t as target shift the
        scores by Δ_c t_c. Accurate as :func:`lossfns.cross_entropy` is.

    Shape:
        ``input``: (N, C, *). ``class_count``: (C,). ``target``: (N, *) integers or (N, C, *) probabilities.
        ``"none"``: (N, *).

    Source:
        Cao et al. (2019), *Learning imbalanced datasets with label-distribution-aware margin loss*. Chapter:
        Long tails.

    Example:
        >>> count = torch.tensor([1600, 100])
        >>> ldam_loss(torch.zeros(2, 2), torch.tensor([0, 1]), class_count=count, scale=1.0, reduction="none")
        tensor([0.8259, 0.9741])
    """

    def margins(scores: Tensor) -> Tensor:
        count = broadcast_classes(class_count, scores, "class_count").clamp(min=1)
        return max_margin * (count.min() / count).pow(0.25)

    def hard_loss(scores: Tensor, y: Tensor) -> Tensor:
        shifted = add_to_own(scores, y, -margins(scores).reshape(-1)[y].unsqueeze(1))
        return hard_cross_entropy(scale * shifted, y)

    def soft_loss(scores: Tensor, t: Tensor) -> Tensor:
        shifted = scores - margins(scores) * t
        return soft_cross_entropy(scale * shifted, t)

    return class_loss(
        hard_loss,
        soft_loss,
        input,
        target,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
        constants=(class_count,),
    )


class FocalLoss(LossModule, loss=focal_loss):
    """The Module of :func:`focal_loss`."""

    gamma: float = 2.0
    class_weight: Tensor | None = None
    ignore_index: int = -100
    reduction: Reduction = "mean"


class BinaryFocalLoss(LossModule, loss=binary_focal_loss):
    """The Module of :func:`binary_focal_loss`."""

    gamma: float = 2.0
    alpha: float | Tensor | None = None
    reduction: Reduction = "mean"


class AsymmetricLoss(LossModule, loss=asymmetric_loss):
    """The Module of :func:`asymmetric_loss`."""

    gamma_pos: float = 0.0
    gamma_neg: float = 4.0
    clip: float = 0.05
    reduction: Reduction = "mean"


class LogitAdjustedLoss(LossModule, loss=logit_adjusted_loss):
    """The Module of :func:`logit_adjusted_loss`."""

    class_prior: Tensor
    tau: float = 1.0
    ignore_index: int = -100
    reduction: Reduction = "mean"


class LDAMLoss(LossModule, loss=ldam_loss):
    """The Module of :func:`ldam_loss`."""

    class_count: Tensor
    max_margin: float = 0.5
    scale: float = 30.0
    ignore_index: int = -100
    reduction: Reduction = "mean"
