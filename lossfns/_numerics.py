"""Functions that keep their digits, in value and in gradient."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp x), exact to rounding (torch drops exp(−x) from 20 on)."""
    return F.softplus(x, threshold=50.0)


def one_minus_exp(x: Tensor) -> Tensor:
    """1 − exp x for x ≤ 0: the value by ``expm1``, the gradient by ``exp``, more exact than its own."""
    power = torch.exp(x)
    return -torch.expm1(x.detach()) - (power - power.detach())


def underflows(denominator: Tensor) -> Tensor:
    """Where a number ≥ 0 is 0, or so small that dividing by it overflows."""
    return denominator < torch.finfo(denominator.dtype).tiny


def safe_divide(numerator: Tensor, denominator: Tensor) -> Tensor:
    """The quotient for 0 ≤ numerator ≤ denominator, and 0 for 0 / 0, with gradient."""
    return numerator / torch.where(underflows(denominator), 1.0, denominator)
