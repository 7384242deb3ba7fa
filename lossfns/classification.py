"""Losses for labels: scores (logits) in, the activation inside.

Classes are dimension 1 of ``input``, (N, C, *). ``target`` holds class indices (N, *) in any integer dtype,
or probabilities (N, C, *): one-hot rows give the number that the index gives. Logits of −∞ mask a class.
Binary losses are element-wise: ``input`` and ``target`` of one shape, bool, integer or soft labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _check, _eager
from lossfns import _rules as rules
from lossfns._binary import binary_loss, expand_like, logistic, mix, times
from lossfns._classes import (
    add_to_own,
    class_loss,
    fused_cross_entropy,
    hard_cross_entropy,
    log_probability_loss,
    log_softmax_at,
    own,
    places,
    replace_own,
    soft_cross_entropy,
)
from lossfns._module import LossModule
from lossfns._numerics import one_minus_exp, softplus
from lossfns._reduce import elementwise, expand_weight, reduce_loss
from lossfns._rules import Reduction, checked

__all__ = [
    "BinaryCrossEntropyLoss",
    "BrierLoss",
    "CrossEntropyLoss",
    "GeneralizedCrossEntropyLoss",
    "HingeLoss",
    "JSDivergenceLoss",
    "KLDivergenceLoss",
    "MulticlassHingeLoss",
    "OrdinalLoss",
    "PolyLoss",
    "RankedProbabilityLoss",
    "SparsemaxLoss",
    "SphericalLoss",
    "SymmetricCrossEntropyLoss",
    "binary_cross_entropy",
    "brier_loss",
    "cross_entropy",
    "generalized_cross_entropy",
    "hinge_loss",
    "js_divergence",
    "kl_divergence",
    "multiclass_hinge_loss",
    "ordinal_loss",
    "poly_loss",
    "ranked_probability_loss",
    "sparsemax_loss",
    "spherical_loss",
    "symmetric_cross_entropy",
]


@checked(
    class_weight=rules.optional_class_vector,
    ignore_index=rules.integer,
    label_smoothing=rules.half_open_unit_interval,
)
def cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Softmax cross-entropy: estimates the class probabilities.

    .. math:: \ell(z, y) = -\log p_y, \qquad p = \operatorname{softmax}(z)

    Args:
        class_weight: w, one number for each class, shape (C,): what torch calls ``weight``.
        ignore_index: the target of samples that are left out; a row of it where targets are probabilities.
        label_smoothing: ε, from 0 up to, but not, 1: t becomes (1 − ε) t + ε/C over all C classes.
        weight: of the samples; broadcasts to (N, *). Not torch's ``weight``, which is ``class_weight`` here.

    Conventions:
        For probabilities t the loss is −Σ t_c log p_c, where a term of t_c = 0 is 0 even if p_c = 0. With
        ``class_weight`` it is −Σ w_c t_c log p_c and the mean divides by the sum of all w_c t_c, so that it
        stays a mean: log C for equal logits. ``label_smoothing`` comes before the weights.

        A ``weight`` of shape (C,) is refused, but for one case: where C is also the length of the last axis
        of (N, *), which is N = C for logits (N, C), it weighs the samples along that axis.

        Value and gradient have absolute, not relative accuracy: where the class is right and sure they are 0
        once the right numbers are below the rounding of log Σ exp z. In the example below
        ``binary_cross_entropy`` of the difference of the logits, the same loss, has the digits.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers or (N, C, *) probabilities. ``"none"``: (N, *).
        Classes are axis 1: take ``input.movedim(-1, 1)`` of (B, T, V) logits of a language model.

    Raises:
        ValueError: under ``strict()`` probabilities that do not sum to 1, indices of no class, NaN or +∞
            logits.

    Source:
        Good (1952); label smoothing: Szegedy et al. (2016), *Rethinking the Inception architecture*. Chapter:
        Softmax cross-entropy.

    Example:
        >>> z, w = torch.tensor([[2.0, 1.0], [1.0, 2.0]]), torch.tensor([1.0, 3.0])
        >>> [cross_entropy(z, t, class_weight=w) for t in (torch.tensor([0, 1]), torch.eye(2))]
        [tensor(0.3133), tensor(0.3133)]
        >>> sure = torch.tensor([[0.0, -20.0]])
        >>> cross_entropy(sure, torch.tensor([0])), binary_cross_entropy(-sure.diff(), torch.tensor([[1]]))
        (tensor(0.), tensor(2.0612e-09))
    """
    return class_loss(
        hard_cross_entropy,
        soft_cross_entropy,
        input,
        target,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
        fused=fused_cross_entropy,
    )


@checked(
    pos_weight=rules.optional(rules.or_broadcast(rules.non_negative)),
    label_smoothing=rules.half_open_unit_interval,
)
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    pos_weight: float | Tensor | None = None,
    label_smoothing: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Binary cross-entropy of logits: estimates the probability of the label.

    .. math:: \ell(z, y) = -y \log \sigma(z) - (1 - y) \log(1 - \sigma(z))

    Args:
        pos_weight: a number from 0 on, or a tensor that broadcasts to ``input``: multiplies the first term,
            but not the denominator of the mean.
        label_smoothing: ε, from 0 up to, but not, 1: y becomes (1 − ε) y + ε/2.
        weight: of the elements; broadcasts to ``input``.

    Conventions:
        Logits, not probabilities, as in torch's ``binary_cross_entropy_with_logits``. Exact to rounding for
        every logit, in value and in gradient: σ(z) − y keeps its digits where it is tiny. Logits of ±∞ with
        the label that they predict have loss 0. ``label_smoothing`` comes before ``pos_weight``.

    Shape:
        ``input``, ``target``: any, equal; labels bool, integer or from 0 to 1. ``"none"``: the same.

    Raises:
        ValueError: ``pos_weight`` negative or does not fit; under ``strict()`` a label outside [0, 1].

    Source:
        Cox (1958), *The regression analysis of binary sequences*. Chapter: Binary cross-entropy.

    Example:
        >>> z = torch.tensor([0.0, 200.0, -200.0])
        >>> binary_cross_entropy(z, torch.tensor([1, 1, 1]), reduction="none")
        tensor([  0.6931,   0.0000, 200.0000])
    """
    each = {}
    if isinstance(pos_weight, Tensor):
        _check.is_tensor(input=input, pos_weight=pos_weight)
        each["pos_weight"] = expand_like("pos_weight", pos_weight, input)

    def loss(x: Tensor, t: Tensor, factor: float | Tensor | None = pos_weight) -> Tensor:
        hard = _eager.known_integral(t) and not t.requires_grad
        if hard and label_smoothing == 0:
            wrong = torch.rsub(t, 1, alpha=2) * x
            if factor is None:
                return softplus(wrong)
            if not isinstance(factor, Tensor) and 1e-30 < factor < 1e30:  # so nothing is 0 · ∞
                return torch.add(1 - t, t, alpha=factor) * softplus(wrong)
            return times(1 - t + factor * t, softplus, wrong)
        if hard and factor is None and _eager.known_finite(x):
            wrong = torch.rsub(t, 1, alpha=2) * x
            return torch.sub(softplus(wrong), wrong, alpha=label_smoothing / 2)
        yes, no = t, 1 - t
        if label_smoothing:
            yes, no = ((1 - label_smoothing) * v + label_smoothing / 2 for v in (yes, no))
        return logistic(x, yes if factor is None else factor * yes, no)

    return elementwise(
        loss,
        weight,
        reduction,
        domains={"target": _check.probability},
        input=input,
        target=target,
        **each,  # type: ignore[arg-type]
    )


@checked()
def kl_divergence(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""Kullback–Leibler divergence KL(target ‖ softmax(input)): cross-entropy less the entropy of the target.

    .. math:: \ell(z, t) = \sum_k t_k (\log t_k - \log p_k), \qquad p = \operatorname{softmax}(z)

    Args:
        weight: of the samples; broadcasts to (N, *).

    Conventions:
        ``input`` are logits, ``target`` probabilities, not their logarithms; summed over the classes,
        averaged over the rest. In nats. Terms of t_c = 0 are 0, in value and gradient, even where p_c = 0;
        where t_c > 0 = p_c the loss is ∞. At t_c = 0 the derivative with respect to the target, −∞, is left
        out.

    Shape:
        ``input``, ``target``: (N, C, *). ``"none"``: (N, *). Classes are axis 1: take ``movedim(-1, 1)`` of
        (B, T, V) logits and probabilities of language models.

    Raises:
        ValueError: under ``strict()`` probabilities that do not sum to 1, NaN or +∞ logits.

    Source:
        Kullback & Leibler (1951), *On information and sufficiency*. Chapter: Losses as likelihoods and
        divergences.

    Example:
        >>> kl_divergence(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
        tensor(0.6931)
    """
    _check.same_shape(input=input, target=target)

    def divergence(logits: Tensor, t: Tensor) -> Tensor:
        log_t = torch.log(torch.where(t == 0, 1.0, t))
        return (t * (log_t - log_softmax_at(logits, t))).sum(1)

    return class_loss(
        divergence, divergence, input, target, ignore_index=None, weight=weight, reduction=reduction
    )


@checked()
def js_divergence(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""Jensen–Shannon divergence of two softmaxes: symmetric, finite, at most log 2.

    .. math:: \ell(z, s) = \frac{1}{2} \sum_k p_k \log \frac{2 p_k}{p_k + q_k} + \frac{1}{2} \sum_k q_k \log
        \frac{2 q_k}{p_k + q_k}, \qquad p = \operatorname{softmax}(z), \quad q = \operatorname{softmax}(s)

    Args:
        weight: of the samples; broadcasts to (N, *).

    Conventions:
        Both arguments are *logits*, z is ``input`` and s is ``target``, and both get gradients; −∞ masks a
        class. Summed over the classes, averaged over the rest. In nats. Its square root is a metric.

    Shape:
        ``input``, ``target``: (N, C, *). ``"none"``: (N, *). Classes are axis 1: take ``movedim(-1, 1)`` of
        (B, T, V) logits of language models.

    Raises:
        ValueError: under ``strict()`` NaN or +∞ logits.

    Source:
        Lin (1991), *Divergence measures based on the Shannon entropy*. Chapter: Losses as likelihoods and
        divergences.

    Example:
        >>> js_divergence(torch.tensor([[200.0, 0.0]]), torch.tensor([[0.0, 200.0]]))
        tensor(0.6931)
    """
    _check.same_shape(input=input, target=target)
    if input.ndim < 2 or input.shape[1] == 0:
        raise ValueError(f"input must have shape (N, C, *), C at least 1, got {tuple(input.shape)}")
    x, y = _check.promote(input, target)
    weight = expand_weight(weight, like=x[:, 0])
    kept = None if weight is None else weight.unsqueeze(1)
    _check.below_infinity("input", x, kept)
    _check.below_infinity("target", y, kept)

    def masked_loss(x: Tensor, y: Tensor, w: Tensor | None) -> Tensor:
        if w is not None:
            x, y = (torch.where(w.unsqueeze(1) == 0, 0.0, v) for v in (x, y))
        return _jensen_shannon(x, y)

    return reduce_loss(
        masked_loss, (x, y), weight, reduction, shape=x[:, 0].shape, classes=True, many_temporaries=True
    )


def _jensen_shannon(x: Tensor, y: Tensor) -> Tensor:
    """½ Σ ((q − p) b − (p + q) log cosh b), b = ½ (log q − log p): nothing cancels where p is nearly q."""
    log_p, log_q = torch.log_softmax(x, 1), torch.log_softmax(y, 1)
    # Beyond that difference a term is p log 2 or q log 2 to every digit.
    most = 40.0 if x.dtype is torch.float64 else 20.0
    difference = log_q - log_p
    if not _eager.known_between(difference, -most, most):
        # a probability below exp(-1000) is 0 in every dtype: the floor changes no digit, and keeps ∞ - ∞ out
        difference = (log_q.clamp(min=-1000) - log_p.clamp(min=-1000)).clamp(-most, most)
    p, q, b = log_p.exp(), log_q.exp(), difference / 2
    log_cosh = torch.log1p(2 * torch.sinh(b / 2).square())
    return ((q - p) * b - (p + q) * log_cosh).sum(1).clamp(0, 2 * math.log(2)) / 2


@checked(ignore_index=rules.integer)
def brier_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Brier score: squared distance of the predicted probabilities from the label, in [0, 2].

    .. math:: \ell(z, y) = \sum_k (p_k - [k = y])^2, \qquad p = \operatorname{softmax}(z)

    Args:
        ignore_index: the target of samples that are left out; a row of it where targets are probabilities.
        weight: of the samples; broadcasts to (N, *).

    Conventions:
        Summed over the classes, as Brier did: for two classes twice (1 − p_y)². Strictly proper and bounded,
        not convex in the logits. For probabilities t the loss is Σ (p_c − t_c)².

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers or (N, C, *) probabilities. ``"none"``: (N, *).
        Classes are axis 1: take ``input.movedim(-1, 1)`` of (B, T, V) logits of a language model.

    Raises:
        ValueError: under ``strict()`` probabilities that do not sum to 1, indices of no class, NaN or +∞
            logits.

    Source:
        Brier (1950), *Verification of forecasts expressed in terms of probability*. Chapter: Proper scoring
        rules.

    Example:
        >>> brier_loss(torch.tensor([[0.0, 0.0], [200.0, 0.0]]), torch.tensor([1, 1]), reduction="none")
        tensor([0.5000, 2.0000])
    """

    def hard_loss(logits: Tensor, y: Tensor) -> Tensor:
        others = replace_own(logits.softmax(1), y, 0.0)
        return others.square().sum(1) + others.sum(1).square()

    def soft_loss(logits: Tensor, t: Tensor) -> Tensor:
        return (logits.softmax(1) - t).square().sum(1)

    return class_loss(
        hard_loss,
        soft_loss,
        input,
        target,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
    )


@checked(margin=rules.positive, squared=rules.boolean)
def hinge_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    squared: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Hinge loss of the support vector machine, for labels 0 and 1.

    .. math:: \ell(z, y) = y \max(0, m - z) + (1 - y) \max(0, m + z)

    Args:
        margin: m, a positive number: the score that is asked for, with the sign of the label.
        squared: square both terms.
        weight: of the elements; broadcasts to ``input``.

    Conventions:
        The gradient is 0 beyond the ``margin``, the edge included. Estimates the more probable label, not its
        probability (``squared``: 2 P(y = 1) − 1 times the margin). A soft label mixes the two terms.

    Shape:
        ``input``, ``target``: any, equal; labels 0 and 1, not −1. ``"none"``: the same.

    Raises:
        ValueError: under ``strict()`` a label outside [0, 1].

    Source:
        Cortes & Vapnik (1995), *Support-vector networks*. Chapter: Margin losses and what they decide.

    Example:
        >>> hinge_loss(torch.tensor([0.5, -1.0]), torch.tensor([1, 1]), reduction="none")
        tensor([0.5000, 2.0000])
    """

    def hinge(x: Tensor) -> Tensor:
        loss = F.relu(margin - x)
        return loss.square() if squared else loss

    return binary_loss(
        lambda x, yes, no: mix(hinge, lambda z: hinge(-z), x, yes, no),
        input,
        target,
        positive=hinge,
        weight=weight,
        reduction=reduction,
    )


Variant = Literal["crammer-singer", "weston-watkins"]


@checked(margin=rules.positive, variant=rules.one_of(Variant), ignore_index=rules.integer)
def multiclass_hinge_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    variant: Variant = "crammer-singer",
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Multi-class hinge loss: the score of the class should exceed all others by a margin.

    .. math:: \ell(z, y) = \max(0, m + \max_{k \ne y} z_k - z_y)

    Args:
        margin: m, a positive number: by how much the score of the class should exceed the others.
        variant: ``"crammer-singer"``, the formula above, or ``"weston-watkins"``, the sum over the others.
        ignore_index: the target of samples that are left out; a row of it where targets are probabilities.
        weight: of the samples; broadcasts to (N, *).

    Conventions:
        ``"weston-watkins"`` is Σ max(0, m + z_k − z_y) over k ≠ y; torch's ``multi_margin_loss`` divides that
        by C. Tied largest scores share the gradient. Neither ``variant`` is consistent for more than two
        classes. For probabilities t the loss is Σ t_c ℓ_c, in C passes.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers or (N, C, *) probabilities. ``"none"``: (N, *).
        Classes are axis 1: take ``input.movedim(-1, 1)`` of (B, T, V) logits of a language model.

    Raises:
        ValueError: under ``strict()`` probabilities that do not sum to 1, indices of no class, NaN or +∞
            logits.

    Source:
        Crammer & Singer (2001); Weston & Watkins (1999). Chapter: Margin losses and what they decide.

    Example:
        >>> z, y = torch.tensor([[1.0, 0.5, 2.0]]), torch.tensor([0])
        >>> multiclass_hinge_loss(z, y), multiclass_hinge_loss(z, y, variant="weston-watkins")
        (tensor(2.), tensor(2.5000))
    """

    def hard_loss(scores: Tensor, y: Tensor) -> Tensor:
        others, score = replace_own(scores, y, -torch.inf), own(scores, y)
        if variant == "crammer-singer":
            others = others.amax(1, keepdim=True)
        excess = F.relu(margin + others - score)
        if not _eager.known_finite(score):
            excess = torch.where(others == -torch.inf, 0.0, excess)
        return excess.sum(1)

    return class_loss(
        hard_loss,
        partial(_expected_loss, hard_loss),
        input,
        target,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
    )


@checked(q=rules.unit_interval, ignore_index=rules.integer)
def generalized_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    q: float = 0.7,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generalised cross-entropy: from cross-entropy (q = 0) to absolute error (q = 1), bounded in between.

    .. math:: \ell(z, y) = \frac{1 - p_y^q}{q}, \qquad p = \operatorname{softmax}(z)

    Args:
        q: a number from 0, cross-entropy, to 1, which is 1 − p_y, half the absolute error.
        ignore_index: the target of samples that are left out; a row of it where targets are probabilities.
        weight: of the samples; broadcasts to (N, *).

    Conventions:
        The larger q, the less a mislabelled sample pulls. For probabilities t the loss is Σ t_c ℓ_c. Value
        and gradient of a right and sure example have absolute, not relative accuracy, as in
        :func:`cross_entropy`.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers or (N, C, *) probabilities. ``"none"``: (N, *).
        Classes are axis 1: take ``input.movedim(-1, 1)`` of (B, T, V) logits of a language model.

    Raises:
        ValueError: under ``strict()`` probabilities that do not sum to 1, indices of no class, NaN or +∞
            logits.

    Source:
        Zhang & Sabuncu (2018), *Generalized cross entropy loss for training deep neural networks with noisy
        labels*. Chapter: Noisy labels.

    Example:
        >>> generalized_cross_entropy(torch.tensor([[0.0, 0.0]]), torch.tensor([0]), q=1.0)
        tensor(0.5000)
    """

    def f(log_p: Tensor) -> Tensor:
        return one_minus_exp(q * log_p) / q if q else -log_p

    return log_probability_loss(
        f, input, target, ignore_index=ignore_index, weight=weight, reduction=reduction
    )


_log_zero = rules.number(lambda v: -math.inf < v <= 0, "a finite number, at most 0")


@checked(alpha=rules.non_negative, beta=rules.non_negative, log_zero=_log_zero, ignore_index=rules.integer)
def symmetric_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    log_zero: float = -4.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cross-entropy plus its reverse, which is bounded: a compromise for noisy labels.

    .. math:: \ell(z, y) = -\alpha \log p_y - \beta A (1 - p_y), \qquad p = \operatorname{softmax}(z)

    Args:
        alpha: α, a number from 0 on: the factor of cross-entropy.
        beta: β, a number from 0 on: the factor of the reverse.
        log_zero: A, what stands for log 0 in the reverse: a number, at most 0.
        ignore_index: the target of samples that are left out; a row of it where targets are probabilities.
        weight: of the samples; broadcasts to (N, *).

    Conventions:
        The reverse is −Σ p_c log t_c, where log 0 is taken to be A. For probabilities t as target, log t_c is
        cut off at A from below. Value and gradient of a right and sure example have absolute, not relative
        accuracy, as in :func:`cross_entropy`.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers or (N, C, *) probabilities. ``"none"``: (N, *).
        Classes are axis 1: take ``input.movedim(-1, 1)`` of (B, T, V) logits of a language model.

    Raises:
        ValueError: under ``strict()`` probabilities that do not sum to 1, indices of no class, NaN or +∞
            logits.

    Source:
        Wang et al. (2019), *Symmetric cross entropy for robust learning with noisy labels*. Chapter: Noisy
        labels.

    Example:
        >>> symmetric_cross_entropy(torch.tensor([[0.0, 0.0]]), torch.tensor([0]))
        tensor(2.6931)
    """

    def hard_loss(logits: Tensor, y: Tensor) -> Tensor:
        log_p = -hard_cross_entropy(logits, y)
        return -alpha * log_p - beta * log_zero * one_minus_exp(log_p)

    def soft_loss(logits: Tensor, t: Tensor) -> Tensor:
        log_p = torch.log_softmax(logits, 1)
        log_t = torch.log(torch.where(t == 0, 1.0, t))
        cut = torch.where(t == 0, log_zero, log_t.clamp(min=log_zero))
        return -alpha * (t * log_softmax_at(logits, t)).sum(1) - beta * (log_p.exp() * cut).sum(1)

    return class_loss(
        hard_loss,
        soft_loss,
        input,
        target,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
    )


_epsilon = rules.number(lambda v: -1 <= v < math.inf, "a finite number, at least -1")


@checked(epsilon=_epsilon, ignore_index=rules.integer)
def poly_loss(
    input: Tensor,
    target: Tensor,
    *,
    epsilon: float = 1.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Poly-1: cross-entropy with another first coefficient in its expansion in powers of 1 − p.

    .. math:: \ell(z, y) = -\log p_y + \varepsilon (1 - p_y), \qquad p = \operatorname{softmax}(z)

    Args:
        epsilon: ε, a number from −1 on: added to the first coefficient, 1; 0 is cross-entropy.
        ignore_index: the target of samples that are left out; a row of it where targets are probabilities.
        weight: of the samples; broadcasts to (N, *).

    Conventions:
        −log p is Σ (1 − p)^j / j. An ε below −1 would reward mistakes. For probabilities t the loss is Σ t_c
        ℓ_c. Value and gradient of a right and sure example have absolute, not relative accuracy, as in
        :func:`cross_entropy`.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers or (N, C, *) probabilities. ``"none"``: (N, *).
        Classes are axis 1: take ``input.movedim(-1, 1)`` of (B, T, V) logits of a language model.

    Raises:
        ValueError: under ``strict()`` probabilities that do not sum to 1, indices of no class, NaN or +∞
            logits.

    Source:
        Leng et al. (2022), *PolyLoss: a polynomial expansion perspective of classification loss functions*.
        Chapter: Noisy labels.

    Example:
        >>> poly_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([0]))
        tensor(1.1931)
    """

    def f(log_p: Tensor) -> Tensor:
        return -log_p + epsilon * one_minus_exp(log_p)

    return log_probability_loss(
        f, input, target, ignore_index=ignore_index, weight=weight, reduction=reduction
    )


@checked(ignore_index=rules.integer)
def spherical_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Spherical score: 1 − the cosine of the angle between the predicted probabilities and the label.

    .. math:: \ell(z, y) = 1 - \frac{p_y}{\lVert p \rVert}, \qquad p = \operatorname{softmax}(z)

    Args:
        ignore_index: the target of samples that are left out; a row of it where targets are probabilities.
        weight: of the samples; broadcasts to (N, *).

    Conventions:
        Strictly proper and bounded, not convex in the logits. It is half the generalised cross-entropy with q
        = ½ of doubled logits: 1 − √softmax(2z)_y. For probabilities t the loss is Σ t_c ℓ_c. Value and
        gradient of a right and sure example have absolute, not relative accuracy, as in
        :func:`cross_entropy`.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers or (N, C, *) probabilities. ``"none"``: (N, *).
        Classes are axis 1: take ``input.movedim(-1, 1)`` of (B, T, V) logits of a language model.

    Raises:
        ValueError: under ``strict()`` probabilities that do not sum to 1, indices of no class, NaN or +∞
            logits.

    Source:
        Good (1971), comment on *Measuring information and uncertainty*; Gneiting & Raftery (2007), *Strictly
        proper scoring rules, prediction, and estimation*. Chapter: Proper scoring rules.

    Example:
        >>> spherical_loss(torch.tensor([[0.0, 0.0], [200.0, 0.0]]), torch.tensor([1, 1]), reduction="none")
        tensor([0.2929, 1.0000])
    """

    def f(log_p: Tensor) -> Tensor:
        return one_minus_exp(log_p / 2)

    return class_loss(
        lambda z, y: f(-hard_cross_entropy(2 * z, y)),
        lambda z, t: (t * f(log_softmax_at(2 * z, t))).sum(1),
        input,
        target,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
    )


@checked(ignore_index=rules.integer)
def sparsemax_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Sparsemax loss: the Fenchel–Young loss of the nearest point of the simplex, which gives exact zeros.

    .. math:: \ell(z, t) = \frac{1}{2} \lVert p - t \rVert^2 + \sum_k t_k \max(0, \tau - z_k),
        \qquad p_k = \max(0, z_k - \tau), \quad \sum_k p_k = 1

    Args:
        ignore_index: the target of samples that are left out; a row of it where targets are probabilities.
        weight: of the samples; broadcasts to (N, *).

    Conventions:
        p is sparsemax(z), the point of the simplex nearest to z; a class whose logit is below τ has
        probability 0. Convex, with gradient p − t: the best scores give the probabilities, by sparsemax. For
        an index the loss is 0 from a margin of 1 on, like a hinge. Logits of −∞ mask a class.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers or (N, C, *) probabilities. ``"none"``: (N, *).
        Classes are axis 1: take ``input.movedim(-1, 1)`` of (B, T, V) logits of a language model.

    Raises:
        ValueError: under ``strict()`` probabilities that do not sum to 1, indices of no class, NaN or +∞
            logits.

    Source:
        Martins & Astudillo (2016), *From softmax to sparsemax*; Blondel, Martins & Niculae (2020), *Learning
        with Fenchel-Young losses*. Chapter: Fenchel–Young losses.

    Example:
        >>> z, y = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]]), torch.tensor([0, 0, 0])
        >>> sparsemax_loss(z, y, reduction="none")
        tensor([0.2500, 0.0000, 3.0000])
    """

    def hard_loss(z: Tensor, y: Tensor) -> Tensor:
        p, shortfall = _sparsemax(z)
        others = replace_own(p, y, 0.0)
        return (others.square().sum(1) + others.sum(1).square()) / 2 + own(shortfall, y).squeeze(1)

    def soft_loss(z: Tensor, t: Tensor) -> Tensor:
        p, shortfall = _sparsemax(z)
        return (p - t).square().sum(1) / 2 + (t * torch.where(t == 0, 0.0, shortfall)).sum(1)

    return class_loss(
        hard_loss,
        soft_loss,
        input,
        target,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
    )


def _sparsemax(z: Tensor) -> tuple[Tensor, Tensor]:
    """max(0, z − τ), which adds up to 1 over the classes, and max(0, τ − z).

    τ is (Σ z − 1)/n, of the n largest that are above it. They are told by the order alone, so that value and
    derivative agree on them where a difference rounds to 0.
    """
    top = z.detach().amax(1, keepdim=True)
    shifted = z.detach() - top
    ordered = shifted.sort(1, descending=True)[0]
    n = torch.arange(1, z.shape[1] + 1, device=z.device, dtype=z.dtype).view(-1, *[1] * (z.ndim - 2))
    size = (1 + n * ordered > ordered.cumsum(1)).sum(1, keepdim=True).clamp(min=1)
    support = shifted >= ordered.gather(1, size - 1)
    tau = (torch.where(support, z - top, 0.0).sum(1, keepdim=True) - 1) / support.sum(1, keepdim=True)
    above = z - top - tau
    return torch.where(support, above, 0.0), torch.where(support, 0.0, -above)


Questions = Literal["coral", "corn"]


@checked(variant=rules.one_of(Questions), ignore_index=rules.integer)
def ordinal_loss(
    input: Tensor,
    target: Tensor,
    *,
    variant: Questions = "coral",
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Ordinal regression of ordered classes, by the logits of C − 1 questions: is it more than k?

    .. math:: \ell(z, y) = \sum_{k < C - 1} \log(1 + e^{(1 - 2 [y > k]) z_k})

    Args:
        variant: what the logits are. ``"coral"``, the formula: z_k is the logit of P(Y > k), and each
            question has a binary cross-entropy. ``"corn"``: z_k is the logit of P(Y > k | Y ≥ k), and only
            the questions up to the label are asked: the sum is the −log-likelihood of the label.
        ignore_index: the target of samples that are left out; a row of it where targets are probabilities.
        weight: of the samples; broadcasts to (N, *).

    Conventions:
        Classes are 0, 1, …, C − 1. Nothing keeps the probabilities of ``"coral"`` from crossing, P(Y > 1)
        above P(Y > 0), unless the logits differ by ordered thresholds alone; those of ``"corn"`` are products
        and cannot. For probabilities t the loss is Σ t_c ℓ_c, in C passes.

    Shape:
        ``input``: (N, C − 1, *), the questions on axis 1. ``target``: (N, *) integers or (N, C, *)
        probabilities. ``"none"``: (N, *).

    Raises:
        ValueError: under ``strict()`` probabilities that do not sum to 1, indices of no class, NaN or +∞
            logits.

    Source:
        Cao, Mirjalili & Raschka (2020), *Rank consistent ordinal regression for neural networks*; Shi, Cao &
        Raschka (2023), *Deep neural networks for rank-consistent ordinal regression based on conditional
        probabilities*. Chapter: Ordinal classes.

    Example:
        >>> z, y = torch.tensor([[2.0, -1.0], [0.0, 0.0]]), torch.tensor([1, 2])
        >>> [ordinal_loss(z, y, variant=v, reduction="none") for v in ("coral", "corn")]
        [tensor([0.4402, 1.3863]), tensor([0.4402, 1.3863])]
    """
    _check.is_tensor(input=input)
    if input.ndim < 2 or input.shape[1] == 0:
        raise ValueError(f"input must have shape (N, C - 1, *), C at least 2, got {tuple(input.shape)}")

    def hard_loss(z: Tensor, y: Tensor) -> Tensor:
        k = places(z.shape[1] + 1, z)
        y = k.flatten().gather(0, y.flatten()).view(y.unsqueeze(1).shape)  # fails where a label is no class
        k = k[:-1]
        if torch.compiler.is_compiling():
            signed = torch.where(k < y, -z, z)
        else:  # as numbers, a third faster
            signed = torch.sign(k.to(z.dtype) - (y.to(z.dtype) - 0.5)) * z
        answers = softplus(signed)
        return (answers if variant == "coral" else torch.where(k <= y, answers, 0.0)).sum(1)

    return class_loss(
        hard_loss,
        partial(_expected_loss, hard_loss),
        input,
        target,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
        questions=True,
    )


def _expected_loss(hard_loss: Callable[[Tensor, Tensor], Tensor], z: Tensor, t: Tensor) -> Tensor:
    """Σ t_c ℓ_c, where 0 · ∞ is 0."""
    ones = torch.ones_like(z[:, 0], dtype=torch.long)
    each = torch.stack([hard_loss(z, k * ones) for k in range(t.shape[1])], 1)
    return (t * torch.where((t == 0) & (each == torch.inf), 0.0, each)).sum(1)


@checked(ignore_index=rules.integer)
def ranked_probability_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Ranked probability score: squared distance of the cumulative probabilities, for ordered classes.

    .. math:: \ell(z, y) = \sum_{k < C - 1} (F_k - [y \le k])^2, \qquad F_k = \sum_{j \le k} p_j, \quad
        p = \operatorname{softmax}(z)

    Args:
        ignore_index: the target of samples that are left out; a row of it where targets are probabilities.
        weight: of the samples; broadcasts to (N, *).

    Conventions:
        The farther a miss, the larger the loss: of a sure miss by k classes it is k. Not divided by C − 1, as
        some do. Strictly proper and bounded, not convex in the logits. For probabilities t the loss is Σ (F_k
        − T_k)², with T the cumulative sums of t.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers or (N, C, *) probabilities. ``"none"``: (N, *).
        Classes are axis 1: take ``input.movedim(-1, 1)`` of (B, T, V) logits of a language model.

    Raises:
        ValueError: under ``strict()`` probabilities that do not sum to 1, indices of no class, NaN or +∞
            logits.

    Source:
        Epstein (1969), *A scoring system for probability forecasts of ranked categories*. Chapter: Ordinal
        classes.

    Example:
        >>> z = torch.tensor([[200.0, 0.0, 0.0]])
        >>> [ranked_probability_loss(z, torch.tensor([k])) for k in range(3)]
        [tensor(0.), tensor(1.), tensor(2.)]
    """

    def hard_loss(z: Tensor, y: Tensor) -> Tensor:
        others = replace_own(z.softmax(1), y, 0.0)
        missed = add_to_own(others, y, -others.sum(1, keepdim=True))  # p_y − 1, with its digits
        return missed.cumsum(1).square().sum(1)

    def soft_loss(z: Tensor, t: Tensor) -> Tensor:
        return (z.softmax(1) - t).cumsum(1)[:, :-1].square().sum(1)

    return class_loss(
        hard_loss,
        soft_loss,
        input,
        target,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
    )


class CrossEntropyLoss(LossModule, loss=cross_entropy):
    """The Module of :func:`cross_entropy`."""

    class_weight: Tensor | None = None
    ignore_index: int = -100
    label_smoothing: float = 0.0
    reduction: Reduction = "mean"


class BinaryCrossEntropyLoss(LossModule, loss=binary_cross_entropy):
    """The Module of :func:`binary_cross_entropy`."""

    pos_weight: float | Tensor | None = None
    label_smoothing: float = 0.0
    reduction: Reduction = "mean"


class KLDivergenceLoss(LossModule, loss=kl_divergence):
    """The Module of :func:`kl_divergence`."""

    reduction: Reduction = "mean"


class JSDivergenceLoss(LossModule, loss=js_divergence):
    """The Module of :func:`js_divergence`."""

    reduction: Reduction = "mean"


class BrierLoss(LossModule, loss=brier_loss):
    """The Module of :func:`brier_loss`."""

    ignore_index: int = -100
    reduction: Reduction = "mean"


class HingeLoss(LossModule, loss=hinge_loss):
    """The Module of :func:`hinge_loss`."""

    margin: float = 1.0
    squared: bool = False
    reduction: Reduction = "mean"


class MulticlassHingeLoss(LossModule, loss=multiclass_hinge_loss):
    """The Module of :func:`multiclass_hinge_loss`."""

    margin: float = 1.0
    variant: Variant = "crammer-singer"
    ignore_index: int = -100
    reduction: Reduction = "mean"


class GeneralizedCrossEntropyLoss(LossModule, loss=generalized_cross_entropy):
    """The Module of :func:`generalized_cross_entropy`."""

    q: float = 0.7
    ignore_index: int = -100
    reduction: Reduction = "mean"


class SymmetricCrossEntropyLoss(LossModule, loss=symmetric_cross_entropy):
    """The Module of :func:`symmetric_cross_entropy`."""

    alpha: float = 1.0
    beta: float = 1.0
    log_zero: float = -4.0
    ignore_index: int = -100
    reduction: Reduction = "mean"


class PolyLoss(LossModule, loss=poly_loss):
    """The Module of :func:`poly_loss`."""

    epsilon: float = 1.0
    ignore_index: int = -100
    reduction: Reduction = "mean"


class SphericalLoss(LossModule, loss=spherical_loss):
    """The Module of :func:`spherical_loss`."""

    ignore_index: int = -100
    reduction: Reduction = "mean"


class SparsemaxLoss(LossModule, loss=sparsemax_loss):
    """The Module of :func:`sparsemax_loss`."""

    ignore_index: int = -100
    reduction: Reduction = "mean"


class OrdinalLoss(LossModule, loss=ordinal_loss):
    """The Module of :func:`ordinal_loss`."""

    variant: Questions = "coral"
    ignore_index: int = -100
    reduction: Reduction = "mean"


class RankedProbabilityLoss(LossModule, loss=ranked_probability_loss):
    """The Module of :func:`ranked_probability_loss`."""

    ignore_index: int = -100
    reduction: Reduction = "mean"
