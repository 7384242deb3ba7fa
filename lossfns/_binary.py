"""Losses for yes or no, in one place: element-wise scores against labels 0, 1 or in between."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _check
from lossfns._reduce import elementwise, seen_finite

Branch = Callable[[Tensor], Tensor]


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp x), exact to rounding (torch drops exp(−x) from 20 on)."""
    return F.softplus(x, threshold=50.0)


def binary_loss(
    positive: Branch,
    negative: Branch,
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None,
    reduction: str,
    label_smoothing: float = 0.0,
) -> Tensor:
    """The loss t · positive(x) + (1 − t) · negative(x), where 0 · ∞ is 0."""

    def mixed(x: Tensor, t: Tensor) -> Tensor:
        if label_smoothing:
            t = (1 - label_smoothing) * t + label_smoothing / 2
        if seen_finite(x):
            return torch.lerp(negative(x), positive(x), t)
        never, surely = (x == -torch.inf) & (t == 0), (x == torch.inf) & (t == 1)
        yes, no = positive(torch.where(never, 0.0, x)), negative(torch.where(surely, 0.0, x))
        return t * yes + (1 - t) * no

    domains = {"target": _check.probability}
    return elementwise(mixed, weight, reduction, domains=domains, input=input, target=target)
