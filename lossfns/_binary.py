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
    factors: tuple[float, float] = (1.0, 1.0),
) -> Tensor:
    """The loss t · a · positive(x) + (1 − t) · b · negative(x), with ``factors`` (a, b).

    Without ``negative`` it is positive(−x): then one evaluation serves all labels that are 0 or 1.
    """
    a, b = factors

    def loss(x: Tensor, t: Tensor) -> Tensor:
        if negative is None and _eager.known_integral(t) and not t.requires_grad:
            branch = positive(torch.rsub(t, -1, alpha=-2) * x)
            return branch if a == b == 1 else branch * (b + (a - b) * t)
        other = (lambda x: positive(-x)) if negative is None else negative
        return mix(positive, other, x, a * t, b * (1 - t))

    domains = {"target": _check.probability}
    return elementwise(loss, weight, reduction, domains=domains, input=input, target=target)


def mix(positive: Branch, negative: Branch, x: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """yes · positive(x) + no · negative(x), where 0 · ∞ is 0."""
    if _eager.known_finite(x):
        return yes * positive(x) + no * negative(x)
    never, surely = (x == -torch.inf) & (yes == 0), (x == torch.inf) & (no == 0)
    return yes * positive(torch.where(never, 0.0, x)) + no * negative(torch.where(surely, 0.0, x))
