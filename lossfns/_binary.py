"""Losses for yes or no, in one place: element-wise scores against labels 0, 1 or in between."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lossfns import _check
from lossfns._look import seen_finite, seen_whole
from lossfns._reduce import elementwise

Branch = Callable[[Tensor], Tensor]


def binary_loss(
    positive: Branch,
    negative: Branch,
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None,
    reduction: str,
) -> Tensor:
    """The loss t · positive(x) + (1 − t) · negative(x)."""
    return _labelled(lambda x, t: _mixed(positive, negative, x, t), input, target, weight, reduction)


def mirror_loss(
    cost: Branch,
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None,
    reduction: str,
    factors: tuple[float, float] = (1.0, 1.0),
) -> Tensor:
    """The loss t · a · cost(−x) + (1 − t) · b · cost(x), with ``factors`` (a, b)."""
    a, b = factors

    def of(x: Tensor, t: Tensor) -> Tensor:
        if seen_whole(t) and not t.requires_grad:
            loss = cost(torch.rsub(t, 1, alpha=2) * x)
            return loss if a == b == 1 else loss * (b + (a - b) * t)
        return _mixed(lambda x: a * cost(-x), lambda x: b * cost(x), x, t)

    return _labelled(of, input, target, weight, reduction)


def _mixed(positive: Branch, negative: Branch, x: Tensor, t: Tensor) -> Tensor:
    """Both branches, mixed so that 0 · ∞ is 0."""
    if seen_finite(x):
        return torch.lerp(negative(x), positive(x), t)
    never, surely = (x == -torch.inf) & (t == 0), (x == torch.inf) & (t == 1)
    yes, no = positive(torch.where(never, 0.0, x)), negative(torch.where(surely, 0.0, x))
    return t * yes + (1 - t) * no


def _labelled(
    loss: Callable[..., Tensor], input: Tensor, target: Tensor, weight: Tensor | None, reduction: str
) -> Tensor:
    domains = {"target": _check.probability}
    return elementwise(loss, weight, reduction, domains=domains, input=input, target=target)
