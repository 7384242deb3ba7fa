"""How a per-element loss becomes a number: weights, deletion, mean, sum.

Every loss of the package ends here, so that ``mean`` means one thing everywhere: Σ wᵢ ℓᵢ / Σ wᵢ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from lossfns import _check


def reduce(loss: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Weigh the unreduced ``loss`` and reduce it.

    ``weight`` has the dtype and shape of ``loss`` (see :func:`expand_weight`). Entries of weight 0 are
    deleted: an inf or NaN there reaches neither the value nor the gradient. A zero denominator (no
    entries, all deleted) gives 0, attached to the graph, with gradient 0.
    """
    if weight is not None:
        loss = torch.where(weight == 0, 0.0, loss * weight)
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    if weight is None:
        return loss.mean() if loss.numel() else loss.sum()
    total = weight.sum()
    return loss.sum() / torch.where(total == 0, 1.0, total)


def expand_weight(weight: Tensor | None, like: Tensor) -> Tensor | None:
    """``weight`` in the dtype and shape of the unreduced loss ``like``, which it must broadcast to."""
    if weight is None:
        return None
    return _check.expanded("weight", weight, like, "the unreduced loss")


def seen_finite(x: Tensor) -> bool:
    """True if it can be seen that all of ``x`` is finite, so that nothing in it needs to be deleted.

    One looks only where looking makes nobody wait: on a CPU, in eager mode. There it saves a copy of ``x``.
    """
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return False
    try:
        return bool(x.detach().sum().isfinite())
    except RuntimeError:  # inside a transform or a tracer, which cannot look
        return False


def elementwise(
    loss: Callable[..., Tensor],
    weight: Tensor | None,
    reduction: str,
    *,
    axes: int = 0,
    domains: Mapping[str, _check.Domain] = MappingProxyType({}),
    **tensors: Tensor,
) -> Tensor:
    """Apply a ``loss`` to named ``tensors`` of one shape, one value an element, then weigh and reduce.

    With ``axes`` the last axes of the tensors belong to one value: a row, a list, a box. What has weight 0
    is taken out twice: on the way in, so that its gradient is 0 even where the loss is not finite there, and
    on the way out, so that its value is. ``domains`` says which values each tensor may hold (finite ones, if
    it is silent), for ``strict()``.
    """
    _check.same_shape(**tensors)
    values = _check.floating(*tensors.values())
    if values[0].ndim < axes:
        raise ValueError(f"{next(iter(tensors))} must have at least {axes} axes, got a single number")
    shape = values[0].shape[: values[0].ndim - axes]
    weight = expand_weight(weight, like=values[0].new_empty(()).expand(shape))
    deleted = None
    if weight is not None:
        deleted = (weight == 0).reshape(*shape, *[1] * axes)
        values = tuple(torch.where(deleted, 0.0, value) for value in values)
    for name, value in zip(tensors, values, strict=True):
        domains.get(name, _check.finite)(name, value, deleted)
    return reduce(loss(*values), weight, reduction)
