"""How a per-element loss becomes a number: weights, deletion, mean, sum.

Every loss of the package ends here, so that ``mean`` means one thing everywhere: Σ wᵢ ℓᵢ / Σ wᵢ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lossfns import _check, _chunked, _eager


def reduce(loss: Tensor, weight: Tensor | None, reduction: str, denominator: Tensor | None = None) -> Tensor:
    """Weigh the unreduced ``loss`` and reduce it.

    ``weight`` has the dtype and shape of ``loss`` (see :func:`expand_weight`). Entries of weight 0 are left
    out: an inf or NaN there reaches neither the value nor a gradient. The mean divides by the sum of the
    weights, or of the ``denominator`` if the loss has been weighed before. Where that is 0 (no entries, none
    left) the mean is 0, attached to the graph, with gradient 0.
    """
    if weight is not None:
        if reduction == "mean" and denominator is None:
            weight = scale_for_mean(weight)
        loss = torch.where(weight == 0, 0.0, loss) * weight
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    denominator = weight if denominator is None else denominator
    if denominator is None:
        return loss.mean() if loss.numel() else loss.sum()
    total = denominator.sum()
    return loss.sum() / torch.where(total == 0, 1.0, total)


def scale_for_mean(weight: Tensor) -> Tensor:
    """Weights divided by the largest where it is extreme, so that neither products nor sums overflow.

    No mean depends on it.
    """
    if not weight.numel():
        return weight
    largest = weight.detach().amax()
    if _eager.known_between(largest, 1e-15, 1e15):
        return weight
    return weight / torch.where(largest > 0, largest, 1.0)


def expand_weight(weight: Tensor | None, like: Tensor, hint: str = "") -> Tensor | None:
    """``weight`` in the dtype and shape of the unreduced loss ``like``, which it must broadcast to."""
    if weight is None:
        return None
    expanded = _check.expand_non_negative("weight", weight, like, "the unreduced loss", hint)
    if weight.numel() > 1 and weight.ndim < like.ndim and weight.shape == like.shape[: weight.ndim]:
        raise ValueError(
            f"weight must fit the unreduced loss in one way, got {tuple(weight.shape)}, which are the first "
            f"axes of {tuple(like.shape)} and its last: add the axes of length 1"
        )
    return expanded


def reduce_loss(
    loss: Callable[..., Tensor],
    tensors: Sequence[Tensor | None],
    weight: Tensor | None,
    reduction: str,
    *,
    shape: torch.Size,
    denominator: Tensor | None = None,
    classes: bool = False,
    constants: Sequence[Any] = (),
    fused: Callable[..., Tensor] | None = None,
    many_temporaries: bool | None = None,
) -> Tensor:
    """``reduce(loss(*tensors, weight), weight, reduction, denominator)``, for an unreduced loss of ``shape``.

    The tensors have that shape and then what axes they want; with ``classes``, the first axis, what they
    want, and the other axes. Large ones are computed in chunks, so ``loss`` may look at one position of that
    shape at a time only. It may close over the ``constants``, but no other tensor. ``fused(*tensors,
    reduction=reduction)`` is torch's way to do all of it at once where nothing is weighed. Chunks are worth
    it sooner where a loss makes ``many_temporaries`` a number, as it does element by element.
    """
    if many_temporaries is None:
        many_temporaries = fused is None and tensors[0] is not None and tensors[0].shape == shape
    chunks = _chunked.FEW if many_temporaries else _chunked.MANY
    if (
        reduction == "none"
        or not shape
        or not _chunked.worth_chunking((*tensors, weight), chunks, (weight, denominator, *constants))
    ):
        if fused is not None and weight is None and shape.numel():
            return fused(*tensors, reduction=reduction)
        return reduce(loss(*tensors, weight), weight, reduction, denominator)

    if weight is not None and reduction == "mean" and denominator is None:
        weight = scale_for_mean(weight)

    def chunk_loss(*chunk: Tensor | None) -> Tensor:
        return reduce(loss(*chunk), chunk[-1], "sum")

    total: float | Tensor = 1.0
    if reduction == "mean":
        denominator = weight if denominator is None else denominator
        total = shape.numel() if denominator is None else _sum_or_one(denominator)
    return _chunked.chunked_sum(chunk_loss, 1 / total, (*tensors, weight), len(shape), classes)


def _sum_or_one(denominator: Tensor) -> float | Tensor:
    """The sum, or 1 where it is 0; a number where it can be read."""
    total = denominator.sum(dtype=torch.float64)
    return total.item() or 1.0 if _eager.can_read(total) else torch.where(total == 0, 1.0, total)


def elementwise(
    loss: Callable[..., Tensor],
    weight: Tensor | None,
    reduction: str,
    *,
    axes: int = 0,
    domains: Mapping[str, _check.Domain] | None = None,
    constants: Sequence[Any] = (),
    fused: Callable[..., Tensor] | None = None,
    many_temporaries: bool | None = None,
    **tensors: Tensor,
) -> Tensor:
    """Apply a ``loss`` to named ``tensors`` of one shape, one value an element, then weigh and reduce.

    With ``axes`` the last axes of the tensors belong to one value: a row, a list, a box. What has weight 0
    is left out twice: on the way in, so that its gradient is 0 even where the loss is not finite there, and
    on the way out, so that its value is. ``domains`` says which values each tensor may hold (finite ones, if
    it is silent), for ``strict()``. For what else there is see :func:`reduce_loss`.
    """
    _check.same_shape(**tensors)
    values = _check.promote(*tensors.values())
    first = values[0]
    shape = first.shape
    if axes:
        if len(shape) < axes:
            raise ValueError(f"{next(iter(tensors))} must have at least {axes} axes, got a single number")
        shape = shape[: len(shape) - axes]
    if weight is not None:
        weight = expand_weight(weight, like=first.new_empty(()).expand(shape))
    if _check.is_strict():
        for name, value in zip(tensors, values, strict=True):
            domain = _check.finite if domains is None or name not in domains else domains[name]
            domain(name, value, weight)

    def masked_loss(*arguments: Any) -> Tensor:
        *parts, w = arguments
        if w is not None:
            deleted = (w == 0).reshape(w.shape + (1,) * axes)
            parts = [torch.where(deleted, 0.0, part) for part in parts]
        return loss(*parts)

    return reduce_loss(
        masked_loss,
        values,
        weight,
        reduction,
        shape=shape,
        constants=constants,
        fused=fused,
        many_temporaries=many_temporaries,
    )
