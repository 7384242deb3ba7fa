"""Losses for yes or no, in one place: element-wise scores against labels 0, 1 or in between."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lossfns import _check, _eager
from lossfns._reduce import elementwise

Branch = Callable[[Tensor], Tensor]


def binary_loss(
    positive: Branch,
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None,
    reduction: str,
    negative: Branch | None = None,
    alpha: float | Tensor | None = None,
) -> Tensor:
    """The loss t · positive(x) + (1 − t) · negative(x), the terms times ``alpha`` and 1 − ``alpha``.

    Without ``negative`` it is positive(−x): then one evaluation serves all labels that are 0 or 1.
    """
    tensors = {"input": input, "target": target}
    if isinstance(alpha, Tensor):
        _check.is_tensor(input=input)
        tensors["alpha"] = expand_like("alpha", alpha, input)

    def loss(x: Tensor, t: Tensor, a: float | Tensor | None = alpha) -> Tensor:
        if negative is None and _eager.known_integral(t) and not t.requires_grad:
            signed = torch.rsub(t, -1, alpha=-2) * x
            return positive(signed) if a is None else times(1 - a + (2 * a - 1) * t, positive, signed)
        other = (lambda x: positive(-x)) if negative is None else negative
        yes, no = (t, 1 - t) if a is None else (a * t, (1 - a) * (1 - t))
        return mix(positive, other, x, yes, no)

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
    return factor * branch(torch.where((factor == 0) & x.isinf(), 0.0, x))


def mix(positive: Branch, negative: Branch, x: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """yes · positive(x) + no · negative(x), where 0 · ∞ is 0."""
    return times(yes, positive, x) + times(no, negative, x)
