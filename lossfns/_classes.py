"""Losses over classes, in one place: logits (N, C, *) against indices (N, *) or probabilities (N, C, *).

A loss is given as its value for an index and its value for probabilities; here the arguments are checked,
class weights become sample weights, and what is ignored or weighs nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _check
from lossfns._check import Domain, Rule
from lossfns._reduce import expand_weight, reduce, seen_finite

Loss = Callable[[Tensor, Tensor], Tensor]

class_weights = Rule(
    lambda v: v is None or isinstance(v, Tensor), "None or a tensor of shape (C,)", (1.0, "balanced", [1.0])
)
per_class = Rule(lambda v: isinstance(v, Tensor), "a tensor of shape (C,)", (None, 1.0, [1.0, 2.0]))
index = Rule(lambda v: isinstance(v, int) and not isinstance(v, bool), "an integer", (None, 0.5, "0", True))
_sums_to_one = Domain(lambda v: (v - 1).abs() <= 1e-3, "probabilities that sum to 1 over the classes")


def of_class(value: Tensor, like: Tensor, name: str) -> Tensor:
    """One value for each class, shape (C,), in the dtype of the logits and ready to broadcast to them."""
    classes = like.shape[1]
    if value.shape != (classes,):
        raise ValueError(
            f"{name} must have one value for each of the {classes} classes, shape {(classes,)}, "
            f"got {tuple(value.shape)}"
        )
    value = value.to(like.dtype)
    _check.finite_non_negative(name, value)
    return value.view(-1, *[1] * (like.ndim - 2))


def class_loss(
    of_index: Loss,
    of_probabilities: Loss,
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int,
    weight: Tensor | None,
    reduction: str,
    class_weight: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Check, delete, apply the one loss or the other, weigh and reduce.

    ``class_weight`` and ``label_smoothing`` need an ``of_probabilities(logits, t)`` that is linear in t: with
    smoothed labels t the loss of a sample is Σ w_c t_c ℓ_c / Σ w_c t_c, and its weight Σ w_c t_c.
    """
    _check.is_tensor(input=input, target=target)
    is_index = _takes_indices(input, target)
    logits, *rest = _check.floating(input) if is_index else _check.floating(input, target)
    target = target.long() if is_index else rest[0]
    weight = expand_weight(weight, like=logits[:, 0])
    if is_index:
        kept = target != ignore_index
        weight = kept.to(logits.dtype) if weight is None else torch.where(kept, weight, 0.0)
    if weight is not None:
        target = torch.where((weight if is_index else weight.unsqueeze(1)) == 0, 0, target)
    _check_target(target, logits, weight, is_index)

    by_class, share = None, None
    if class_weight is not None:
        by_class = of_class(class_weight, logits, "class_weight")
        share = by_class.reshape(-1)[target] if is_index else (by_class * target).sum(1)
        share = (1 - label_smoothing) * share + label_smoothing * by_class.mean()
        weight = share if weight is None else torch.where(weight == 0, 0.0, weight * share)
    if weight is not None and not seen_finite(logits):
        logits = torch.where(weight.unsqueeze(1) == 0, 0.0, logits)
    _check.below_infinity("input", logits)

    def expected(t: Tensor) -> Tensor:
        return of_probabilities(logits, t if by_class is None else by_class * t)

    if not is_index:
        loss = expected(target)
    elif by_class is None:
        loss = of_index(logits, target)
    else:
        loss = by_class.reshape(-1)[target] * of_index(logits, target)
    if label_smoothing:
        uniform = logits.new_full((), 1 / logits.shape[1]).expand_as(logits)
        loss = (1 - label_smoothing) * loss + label_smoothing * expected(uniform)
    if share is not None:
        loss = loss / torch.where(share == 0, 1.0, share)
    return reduce(loss, weight, reduction)


def _takes_indices(input: Tensor, target: Tensor) -> bool:
    if input.ndim < 2 or input.shape[1] == 0:
        raise ValueError(f"input must have shape (N, C, *), C at least 1, got {tuple(input.shape)}")
    if target.shape == input.shape:
        return False
    indices = (input.shape[0], *input.shape[2:])
    if target.shape != indices:
        raise ValueError(
            f"target must have shape {indices} (class indices) or {tuple(input.shape)} (probabilities), "
            f"got {tuple(target.shape)}"
        )
    if target.is_floating_point() or target.dtype == torch.bool:
        raise ValueError(f"target must have an integer dtype to hold class indices, got {target.dtype}")
    return True


def _check_target(target: Tensor, logits: Tensor, weight: Tensor | None, is_index: bool) -> None:
    if is_index:
        classes = logits.shape[1]
        inside = Domain(lambda v: (v >= 0) & (v < classes), f"class indices from 0 to {classes - 1}")
        inside("target", target)
    else:
        _check.probability("target", target)
        total = target.sum(1)
        _sums_to_one("target", total if weight is None else torch.where(weight == 0, 1.0, total))


def log_probability_loss(
    f: Callable[[Tensor], Tensor],
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int,
    weight: Tensor | None,
    reduction: str,
    class_weight: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """The loss Σ_c t_c f(log p_c): for an index, f of the log-probability of the class."""

    def of_index(logits: Tensor, y: Tensor) -> Tensor:
        return f(-F.cross_entropy(logits, y, reduction="none"))

    def of_probabilities(logits: Tensor, t: Tensor) -> Tensor:
        return (t * f(log_softmax_at(logits, t))).sum(1)

    return class_loss(
        of_index,
        of_probabilities,
        input,
        target,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
    )


def log_softmax_at(logits: Tensor, t: Tensor) -> Tensor:
    """log p, but 0 where p = t = 0: then t log p is 0, as 0 · ∞ should be."""
    log_p = torch.log_softmax(logits, 1)
    if seen_finite(log_p):
        return log_p
    return torch.where((log_p == -torch.inf) & (t == 0), 0.0, log_p)
