"""Losses over classes, in one place: logits (N, C, *) against indices (N, *) or probabilities (N, C, *).

A loss is given as its value for an index and its value for probabilities; here the arguments are checked,
class weights become sample weights, and what is ignored or weighs nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _check
from lossfns._check import Domain, Rule
from lossfns._look import seen_false, seen_finite
from lossfns._reduce import expand_weight, reduce_loss

Loss = Callable[..., Tensor]

class_weights = Rule(
    lambda v: v is None or isinstance(v, Tensor),
    "None or a tensor of shape (C,)",
    refused=(1.0, "balanced", [1.0]),
)
per_class = Rule(lambda v: isinstance(v, Tensor), "a tensor of shape (C,)", refused=(None, 1.0, [1.0, 2.0]))
index = Rule(
    lambda v: isinstance(v, int) and not isinstance(v, bool), "an integer", refused=(None, 0.5, "0", True)
)
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
    constants: Sequence[Tensor] = (),
    fused: bool = False,
) -> Tensor:
    """Check, delete, apply the one loss or the other, weigh and reduce.

    With class weights w and labels t, smoothed if they are to be, the losses give Σ w_c t_c ℓ_c, and the mean
    divides by the sum of all w_c t_c. They may close over the ``constants`` and the class weights, but no
    other tensor. ``fused`` says that ``of_index`` takes a ``reduction``, too, right
    where nothing is weighed.
    """
    _check.is_tensor(input=input, target=target)
    is_index = takes_indices(input, target)
    logits, *rest = _check.floating(input) if is_index else _check.floating(input, target)
    target = target.long() if is_index else rest[0]
    one = logits[:, 0]
    weight = expand_weight(weight, like=one)
    if is_index and not seen_false(ignored := target == ignore_index):
        kept = (~ignored).to(logits.dtype)
        weight = kept if weight is None else torch.where(ignored, 0.0, weight)
    if weight is not None:
        target = torch.where((weight if is_index else weight.unsqueeze(1)) == 0, 0, target)
    _check.below_infinity("input", logits, None if weight is None else weight.unsqueeze(1))
    check_target(target, logits, weight, is_index)

    mass = None
    if class_weight is not None:
        by_class = of_class(class_weight, logits, "class_weight")
        mass = by_class.reshape(-1)[target] if is_index else (by_class * target).sum(1)
        if label_smoothing:
            mass = (1 - label_smoothing) * mass + label_smoothing * by_class.mean()
        if weight is not None:
            mass = torch.where(weight == 0, 0.0, mass * weight)
        if not seen_false(nothing := mass == 0):
            weight = torch.where(nothing, 0.0, 1.0 if weight is None else weight).to(mass.dtype)

    def of_kept(z: Tensor, t: Tensor, weight: Tensor | None) -> Tensor:
        if weight is not None and not seen_finite(z):
            z = torch.where(weight.unsqueeze(1) == 0, 0.0, z)
        return of_index(z, t) if is_index else of_probabilities(z, t)

    return reduce_loss(
        of_kept,
        (logits, target),
        weight,
        reduction,
        shape=one.shape,
        mass=mass,
        classes=True,
        constants=constants,
        fused=of_index if fused and is_index else None,
    )


def takes_indices(input: Tensor, target: Tensor) -> bool:
    """Whether the target holds class indices, (N, *), and not probabilities; refuse it if it is neither."""
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


def check_target(target: Tensor, logits: Tensor, weight: Tensor | None, is_index: bool) -> None:
    """Under ``strict()``, hold indices to the classes, probabilities to their range and their sum."""
    if is_index:
        _check.index_below(logits.shape[1])("target", target)
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
) -> Tensor:
    """The loss Σ_c w_c t_c f(log p_c): for an index, f of the log-probability of the class."""

    def of_index(z: Tensor, y: Tensor) -> Tensor:
        loss = f(-F.cross_entropy(z, y, reduction="none"))
        return loss if class_weight is None else class_weight.to(loss.dtype)[y] * loss

    def of_probabilities(z: Tensor, t: Tensor) -> Tensor:
        loss = t * f(log_softmax_at(z, t))
        return (loss if class_weight is None else of_class(class_weight, z, "class_weight") * loss).sum(1)

    return class_loss(
        of_index,
        of_probabilities,
        input,
        target,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
        class_weight=class_weight,
    )


def log_softmax_at(logits: Tensor, t: Tensor) -> Tensor:
    """log p, but 0 where p = t = 0: then t log p is 0, as 0 · ∞ should be."""
    log_p = torch.log_softmax(logits, 1)
    if seen_finite(log_p):
        return log_p
    return torch.where((log_p == -torch.inf) & (t == 0), 0.0, log_p)
