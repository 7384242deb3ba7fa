"""Losses over classes, in one place: logits (N, C, *) against indices (N, *) or probabilities (N, C, *).

A loss is given as its value for an index and its value for probabilities. Here the arguments are checked,
labels smoothed and classes weighed, and entries that are ignored or weigh nothing are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _check, _chunked, _eager
from lossfns._check import Domain
from lossfns._reduce import expand_weight, reduce_loss, scale_for_mean

Loss = Callable[..., Tensor]

# No target is this class, so that torch ignores nothing by itself: what is ignored has been left out before.
_NO_CLASS = torch.iinfo(torch.int64).min


def broadcast_classes(value: Tensor, like: Tensor, name: str) -> Tensor:
    """One value for each class, shape (C,), in the dtype of the logits and ready to broadcast to them."""
    classes = like.shape[1]
    _check.is_tensor(**{name: value})
    _check.check_device(name, value, like, "input")
    if value.shape != (classes,):
        raise ValueError(
            f"{name} must have one value for each of the {classes} classes, shape {(classes,)}, "
            f"got {tuple(value.shape)}"
        )
    value = value.to(like.dtype)
    _check.finite_non_negative(name, value)
    return value.view(-1, *[1] * (like.ndim - 2))


def class_loss(
    hard_loss: Loss,
    soft_loss: Loss,
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int | None,
    weight: Tensor | None,
    reduction: str,
    class_weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    constants: Sequence[Tensor] = (),
    fused: Loss | None = None,
    questions: bool = False,
) -> Tensor:
    """Check, leave out, smooth, apply the one loss or the other, weigh and reduce.

    Class weights w and label smoothing are for losses that are linear in the target: they give Σ w_c t_c ℓ_c
    of smoothed labels t, and the mean divides by the sum of all w_c t_c. The losses may close over the
    ``constants``, but no other tensor. ``fused`` is ``hard_loss`` as a function of torch, with its options
    ``weight``, of the classes, and ``reduction``; both then have ``label_smoothing``. With ``questions``
    there is one logit less than there are classes.
    """
    _check.is_tensor(input=input, target=target)
    of_classes = input
    if questions:
        of_classes = input[:, :1].expand(-1, input.shape[1] + 1, *[-1] * (input.ndim - 2))
    is_index = takes_indices(of_classes, target)
    tolerance = sum_tolerance(target)
    logits, *rest = _check.promote(input) if is_index else _check.promote(input, target)
    target = target.long() if is_index else rest[0]
    if is_index and weight is class_weight is None and fused is not None and _is_elsewhere(logits, target):
        return _torch_ignores(
            partial(fused, label_smoothing=label_smoothing), logits, target, ignore_index, reduction
        )
    weight = None if weight is None else _expand_weight(weight, logits)
    ignored = find_ignored(target, ignore_index, is_index)
    if ignored is not None:
        kept = (~ignored).to(logits.dtype)
        weight = kept if weight is None else torch.where(ignored, 0.0, weight)
    if weight is not None:
        target = torch.where((weight if is_index else weight.unsqueeze(1)) == 0, 0, target)
    _check.below_infinity("input", logits, None if weight is None else weight.unsqueeze(1))
    check_target(target, of_classes, weight, is_index, tolerance)

    def compute() -> Tensor:
        return _smooth_and_weigh(
            hard_loss,
            soft_loss,
            logits,
            target,
            weight,
            reduction,
            None if class_weight is None else broadcast_classes(class_weight, logits, "class_weight"),
            label_smoothing,
            constants,
            fused,
        )

    return naming_the_index(compute, target, of_classes.shape[1]) if is_index else compute()


def _smooth_and_weigh(
    hard_loss: Loss,
    soft_loss: Loss,
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    reduction: str,
    by_class: Tensor | None,
    label_smoothing: float,
    constants: Sequence[Tensor],
    fused: Loss | None,
) -> Tensor:
    """The rest of :func:`class_loss`, for arguments that have been checked."""
    is_index = target.ndim < logits.ndim
    denominator = None
    if by_class is not None:
        each = by_class.reshape(-1)
        plain = is_index and not label_smoothing
        if plain and fused is not None and weight is None and _torch_may_weigh(logits, target, each):
            return fused(logits, target, weight=each, reduction=reduction)
        if reduction == "mean":
            by_class, each = scale_for_mean(by_class), scale_for_mean(each)
            weight = None if weight is None else scale_for_mean(weight)
        denominator = each[target] if is_index else (by_class * target).sum(1)
        if label_smoothing:
            denominator = (1 - label_smoothing) * denominator + label_smoothing * each.mean()
        if weight is not None:
            denominator = torch.where(weight == 0, 0.0, denominator * weight)
        if plain:  # then they are weights of the samples
            weight, by_class, denominator = denominator, None, None
        elif not _eager.known_all_false(nothing := denominator == 0):
            weight = torch.where(nothing, 0.0, 1.0 if weight is None else weight).to(denominator.dtype)

    if label_smoothing and fused is not None and by_class is None and is_index:
        fused = partial(fused, label_smoothing=label_smoothing) if _eager.has_memory(target) else None
        hard_loss, label_smoothing = partial(hard_loss, label_smoothing=label_smoothing), 0.0
    if by_class is not None or not is_index:
        fused = None

    def masked_loss(z: Tensor, t: Tensor, weight: Tensor | None) -> Tensor:
        if weight is not None and not _eager.known_all_false(weight == 0) and not _eager.known_finite(z):
            z = torch.where(weight.unsqueeze(1) == 0, 0.0, z)
        if not is_index:
            t = (1 - label_smoothing) * t + label_smoothing / z.shape[1] if label_smoothing else t
            return soft_loss(z, t if by_class is None else by_class * t)
        loss = hard_loss(z, t)
        if not label_smoothing:
            return loss
        if by_class is not None:
            factor = by_class.reshape(-1)[t]
            loss = factor * torch.where(factor == 0, 0.0, loss)
        uniform = torch.ones_like(places(z.shape[1], z), dtype=z.dtype) if by_class is None else by_class
        return (1 - label_smoothing) * loss + soft_loss(z, label_smoothing / z.shape[1] * uniform)

    return reduce_loss(
        masked_loss,
        (logits, target),
        weight,
        reduction,
        shape=target.shape if is_index else logits[:, 0].shape,
        denominator=denominator,
        classes=True,
        constants=(by_class, *constants),
        fused=fused,
    )


def _is_elsewhere(logits: Tensor, target: Tensor) -> bool:
    """Whether these are ordinary tensors of a device on which nobody looks at values."""
    return (
        not _eager.can_read(target)
        and not _check.is_strict()
        and target.numel() > 0
        and all(map(_eager.has_memory, (logits, target)))
        and not _eager.has_tangent(logits)
    )


def _torch_ignores(
    fused: Loss, logits: Tensor, target: Tensor, ignore_index: int | None, reduction: str
) -> Tensor:
    """torch's form, which leaves out what is ignored, with our mean, and no gradient where that is NaN."""
    if ignore_index is None:
        return fused(logits, target, reduction=reduction)
    ignored = target == ignore_index
    guard: Callable[..., Tensor] = _WithoutGradient.apply
    total = "sum" if reduction == "mean" else reduction
    loss = fused(guard(logits, ignored), target, ignore_index=ignore_index, reduction=total)
    return loss / (~ignored).sum().clamp(min=1) if reduction == "mean" else loss


class _WithoutGradient(torch.autograd.Function):
    """The logits, of which no gradient comes back where they are ignored: 0 times NaN would be one."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, ignored: Tensor) -> Tensor:
        ctx.save_for_backward(ignored)
        return logits.view_as(logits)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None]:
        (ignored,) = ctx.saved_tensors
        return torch.where(ignored.unsqueeze(1), 0.0, grad_output), None


def _torch_may_weigh(logits: Tensor, target: Tensor, by_class: Tensor) -> bool:
    """Whether torch's form takes these weights of the classes and has our number: none is 0 or extreme."""
    return (
        target.numel() > 0
        and not by_class.requires_grad
        and _eager.known_between(by_class, 1e-15, 1e15)
        and not _chunked.worth_chunking((logits, target), _chunked.MANY)
    )


def takes_indices(input: Tensor, target: Tensor) -> bool:
    """Whether the target holds class indices, (N, *), and not probabilities; refuse it if it is neither."""
    if input.ndim < 2 or input.shape[1] == 0:
        raise ValueError(f"input must have shape (N, C, *), C at least 1, got {tuple(input.shape)}")
    if target.shape == input.shape:
        return False
    indices = (input.shape[0], *input.shape[2:])
    if target.shape != indices:
        last = target.shape == input.shape[:-1]
        raise ValueError(
            f"target must have shape {indices} (class indices) or {tuple(input.shape)} (probabilities), "
            f"got {tuple(target.shape)}"
            + ("; if the classes are the last axis of input, take input.movedim(-1, 1)" if last else "")
        )
    _check.check_integer("target", target)
    return True


def find_ignored(target: Tensor, ignore_index: int | None, is_index: bool) -> Tensor | None:
    """Where the target, or each of its probabilities, is ``ignore_index``; None if that is known nowhere."""
    if ignore_index is None:
        return None
    if is_index:
        ignored = target == ignore_index
    elif 0 <= ignore_index <= 1 or _eager.known_all_false(target[:, 0] == ignore_index):
        return None  # these may be probabilities
    else:
        ignored = (target == ignore_index).all(1)
    return None if _eager.known_all_false(ignored) else ignored


def naming_the_index(
    compute: Callable[[], Tensor],
    target: Tensor,
    classes: int,
    *,
    name: str = "target",
    ignorable: bool = True,
) -> Tensor:
    """The result; where it fails on an index that is no class, an error that says so."""
    if torch.compiler.is_compiling():
        return compute()
    try:
        return compute()
    except (IndexError, RuntimeError):
        if _eager.can_read(target):
            wrong = target[(target < 0) | (target >= classes)]
            if len(wrong):
                also = " or ignore_index" if ignorable else ""
                raise IndexError(
                    f"{name} must be an index from 0 to {classes - 1}{also}, got {wrong[0]}"
                ) from None
        raise


def sum_tolerance(target: Tensor) -> float:
    """How far from 1 probabilities may add up to: further in half precision."""
    return max(1e-3, 4 * torch.finfo(target.dtype).eps) if target.is_floating_point() else 1e-3


def check_target(
    target: Tensor, logits: Tensor, weight: Tensor | None, is_index: bool, tolerance: float
) -> None:
    """Under ``strict()``, hold indices to the classes, probabilities to their range and their sum."""
    if not _check.is_strict():
        return
    if is_index:
        _check.index_below(logits.shape[1])("target", target)
    else:
        _check.probability("target", target)
        total = target.sum(1)
        _sums_to_one(tolerance)("target", total if weight is None else torch.where(weight == 0, 1.0, total))


def _sums_to_one(tolerance: float) -> Domain:
    return Domain(lambda v: (v - 1).abs() <= tolerance, "probabilities that sum to 1 over the classes")


def _expand_weight(weight: Tensor, logits: Tensor) -> Tensor | None:
    _check.is_tensor(weight=weight)
    classes = weight.shape == logits.shape[1:2]
    hint = "; weights of the classes are class_weight, where a loss has it" if classes else ""
    return expand_weight(weight, logits[:, 0], hint)


def log_probability_loss(
    f: Callable[[Tensor], Tensor], input: Tensor, target: Tensor, **options: Any
) -> Tensor:
    """The loss Σ_c t_c f(log p_c): for an index, f of the log-probability of the class."""
    return class_loss(
        lambda z, y: f(-hard_cross_entropy(z, y)),
        lambda z, t: (t * f(log_softmax_at(z, t))).sum(1),
        input,
        target,
        **options,
    )


def soft_cross_entropy(logits: Tensor, t: Tensor) -> Tensor:
    """−Σ_c t_c log p_c."""
    return -(t * log_softmax_at(logits, t)).sum(1)


fused_cross_entropy = partial(F.cross_entropy, ignore_index=_NO_CLASS)


def hard_cross_entropy(logits: Tensor, y: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """−log p_y: for a compiler as log Σ exp z − z_y, whose gradient needs no sum over the classes.

    So, too, under vmap: over the targets alone, torch's form of smoothing writes in place and fails.
    """
    if not torch.compiler.is_compiling() and (label_smoothing == 0 or _eager.has_memory(y)):
        return fused_cross_entropy(logits, y, label_smoothing=label_smoothing, reduction="none")
    z = logits - logits.detach().amax(1, keepdim=True)
    loss = z.exp().sum(1).log() + (1 - label_smoothing) * F.nll_loss(
        z, y, ignore_index=_NO_CLASS, reduction="none"
    )
    return loss - label_smoothing * z.mean(1) if label_smoothing else loss


def log_softmax_at(logits: Tensor, t: Tensor) -> Tensor:
    """log p, but 0 where p = t = 0: then t log p is 0, as 0 · ∞ should be."""
    log_p = torch.log_softmax(logits, 1)
    if _eager.known_finite(log_p):
        return log_p
    return torch.where((log_p == -torch.inf) & (t == 0), 0.0, log_p)


def own(x: Tensor, y: Tensor) -> Tensor:
    """The entry of each sample's class, (N, 1, *): by a function whose gradient a compiler fuses."""
    return -F.nll_loss(x, y, ignore_index=_NO_CLASS, reduction="none").unsqueeze(1)


def replace_own(x: Tensor, y: Tensor, value: float) -> Tensor:
    """``x`` with the value in the place of each sample's class."""
    return x.scatter(1, y.unsqueeze(1), value)


def add_to_own(x: Tensor, y: Tensor, value: Tensor) -> Tensor:
    """``x`` with the value, (N, 1, *), added to the entry of each sample's class."""
    return x.scatter_add(1, y.unsqueeze(1), value)


def places(classes: int, like: Tensor) -> Tensor:
    """0, 1, … on the axis of the classes."""
    return torch.arange(classes, device=like.device).view(-1, *[1] * (like.ndim - 2))
