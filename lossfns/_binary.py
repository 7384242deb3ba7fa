"""Losses for yes or no, in one place: element-wise scores against labels 0, 1 or in between."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lossfns import _check, _eager
from lossfns._numerics import softplus
from lossfns._reduce import elementwise

Branch = Callable[[Tensor], Tensor]
Mixed = Callable[[Tensor, Tensor, Tensor], Tensor]

_FAR = 1e18


def binary_loss(
    mixed: Mixed,
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None,
    reduction: str,
    positive: Branch | None = None,
    alpha: float | Tensor | None = None,
) -> Tensor:
    """The loss ``mixed(x, t, 1 - t)``, linear in the weights of the labels, here times ``alpha`` and 1 − it.

    Where that is t · a(x) + (1 − t) · a(−x), one evaluation of a, ``positive``, serves labels 0 and 1.
    """
    tensors = {"input": input, "target": target}
    if isinstance(alpha, Tensor):
        _check.is_tensor(input=input)
        tensors["alpha"] = expand_like("alpha", alpha, input)

    def loss(x: Tensor, t: Tensor, a: float | Tensor | None = alpha) -> Tensor:
        if positive is not None and _eager.known_integral(t) and not t.requires_grad:
            signed = torch.rsub(t, -1, alpha=-2) * x
            return positive(signed) if a is None else times(a * t + (1 - a) * (1 - t), positive, signed)
        yes, no = (t, 1 - t) if a is None else (a * t, (1 - a) * (1 - t))
        return mixed(x, yes, no)

    domains = {"target": _check.probability, "alpha": _check.probability}
    return elementwise(loss, weight, reduction, domains=domains, **tensors)  # type: ignore[arg-type]


def expand_like(name: str, value: Tensor, input: Tensor) -> Tensor:
    """A factor of the labels, for each class or element, in the shape of the scores ``input``."""
    classes = input.shape[1:2]
    if input.ndim > 2 and value.shape == classes == input.shape[-1:] and value.numel() > 1:
        raise ValueError(
            f"{name} must fit input in one way, got {tuple(value.shape)}, which is axis 1 of "
            f"{tuple(input.shape)} and the last: add the axes of length 1"
        )
    fits = f"; for one value a channel, {name}.view(-1, 1, 1)" if value.shape == classes else ""
    return _check.expand_non_negative(name, value, input, "input", fits)


def times(factor: Tensor, branch: Branch, x: Tensor) -> Tensor:
    """factor · branch(x), where 0 · ∞ is 0."""
    if _eager.known_finite(x):
        return factor * branch(x)
    return factor * branch(torch.where((factor == 0) & (x.abs() == torch.inf), 0.0, x))


def mix(a: Branch, b: Branch, x: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """yes · a(x) + no · b(x), where 0 · ∞ is 0."""
    return times(yes, a, x) + times(no, b, x)


def sides(x: Tensor, yes: Tensor, no: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """|x|, log(1 + exp −|x|), and the weight of the label that x speaks against.

    softplus(−x) and softplus(x), σ(x) and σ(−x) are made of these without cancellation, at the price of one
    exponential and one logarithm. At 0, where ``abs`` has other derivatives than are wanted, x is above.
    """
    if _eager.can_read(x):  # a choice of branches is slow there
        below = (x < 0).to(x.dtype)
        size, against = torch.rsub(below, 1, alpha=2) * x, torch.lerp(no, yes, below)
    else:
        size, against = torch.where(x < 0, -x, x), torch.where(x < 0, yes, no)
    if not _eager.known_finite(x):
        size = torch.where(against == 0, size.clamp(max=_FAR), size)  # 0 · ∞ is 0
    return size, torch.log1p(torch.exp(-size)), against


def logistic(x: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """yes · softplus(−x) + no · softplus(x), where 0 · ∞ is 0."""
    if _eager.can_read(x):
        return mix(lambda z: softplus(-z), softplus, x, yes, no)
    size, rest, against = sides(x, yes, no)
    return against * size + (yes + no) * rest
