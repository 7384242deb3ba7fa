"""How a per-element loss becomes a number: weights, deletion, mean, sum.

Every loss of the package ends here, so that ``mean`` means one thing everywhere: Σ wᵢ ℓᵢ / Σ wᵢ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from lossfns import _check
from lossfns._pieces import in_pieces, large


def reduce(loss: Tensor, weight: Tensor | None, reduction: str, mass: Tensor | None = None) -> Tensor:
    """Weigh the unreduced ``loss`` and reduce it.

    ``weight`` has the dtype and shape of ``loss`` (see :func:`expand_weight`). Entries of weight 0 are
    deleted: an inf or NaN there reaches neither the value nor the gradient. The mean divides by the sum of
    the weights, or of the ``mass`` if the loss has been weighed before. A zero denominator (no entries, all
    deleted) gives 0, attached to the graph, with gradient 0.
    """
    if weight is not None:
        loss = torch.where(weight == 0, 0.0, loss * weight)
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    mass = weight if mass is None else mass
    if mass is None:
        return loss.mean() if loss.numel() else loss.sum()
    total = mass.sum()
    return loss.sum() / torch.where(total == 0, 1.0, total)


def expand_weight(weight: Tensor | None, like: Tensor) -> Tensor | None:
    """``weight`` in the dtype and shape of the unreduced loss ``like``, which it must broadcast to."""
    if weight is None:
        return None
    return _check.expanded("weight", weight, like, "the unreduced loss")


def reduce_loss(
    loss: Callable[..., Tensor],
    tensors: Sequence[Tensor | None],
    weight: Tensor | None,
    reduction: str,
    *,
    shape: torch.Size,
    mass: Tensor | None = None,
    classes: bool = False,
    constants: Sequence[Any] = (),
    fused: Callable[..., Tensor] | None = None,
) -> Tensor:
    """``reduce(loss(*tensors, weight), weight, reduction, mass)`` for an unreduced loss of some ``shape``.

    The tensors have that shape and then what axes they want; with ``classes``, the first axis, what they
    want, and the other axes. Large ones are computed in pieces, so ``loss`` may look at one position of that
    shape at a time only. It may close over the ``constants``, but no other tensor. ``fused(*tensors,
    reduction=reduction)`` is torch's way to do all of it at once where nothing is weighed.
    """
    pieces = 2 if fused is None else 32  # a fused loss makes fewer temporaries
    if reduction == "none" or not large((*tensors, weight), pieces, (weight, mass, *constants)):
        if fused is not None and weight is None and shape.numel():
            return fused(*tensors, reduction=reduction)
        return reduce(loss(*tensors, weight), weight, reduction, mass)

    def of_piece(*piece: Tensor | None) -> Tensor:
        return reduce(loss(*piece), piece[-1], "sum")

    total = 1.0
    if reduction == "mean":
        mass = weight if mass is None else mass
        total = shape.numel() if mass is None else mass.sum(dtype=torch.float64).item() or 1.0
    return in_pieces(of_piece, 1 / total, (*tensors, weight), len(shape), classes)


def elementwise(
    loss: Callable[..., Tensor],
    weight: Tensor | None,
    reduction: str,
    *,
    axes: int = 0,
    domains: Mapping[str, _check.Domain] = MappingProxyType({}),
    constants: Sequence[Any] = (),
    fused: Callable[..., Tensor] | None = None,
    **tensors: Tensor,
) -> Tensor:
    """Apply a ``loss`` to named ``tensors`` of one shape, one value an element, then weigh and reduce.

    With ``axes`` the last axes of the tensors belong to one value: a row, a list, a box. What has weight 0
    is taken out twice: on the way in, so that its gradient is 0 even where the loss is not finite there, and
    on the way out, so that its value is. ``domains`` says which values each tensor may hold (finite ones, if
    it is silent), for ``strict()``. For ``constants`` and ``fused`` see :func:`reduce_loss`.
    """
    _check.same_shape(**tensors)
    values = _check.floating(*tensors.values())
    first = values[0]
    if first.ndim < axes:
        raise ValueError(f"{next(iter(tensors))} must have at least {axes} axes, got a single number")
    shape = first.shape[: first.ndim - axes]
    if weight is not None:
        weight = expand_weight(weight, like=first.new_empty(()).expand(shape))
    for name, value in zip(tensors, values, strict=True):
        domains.get(name, _check.finite)(name, value, weight)

    def of_kept(*arguments: Any) -> Tensor:
        *parts, w = arguments
        if w is not None:
            deleted = (w == 0).reshape(*w.shape, *[1] * axes)
            parts = [torch.where(deleted, 0.0, part) for part in parts]
        return loss(*parts)

    return reduce_loss(of_kept, values, weight, reduction, shape=shape, constants=constants, fused=fused)
