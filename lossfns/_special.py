"""Functions that keep their digits, in value and in gradient."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp x), exact to rounding (torch drops exp(−x) from 20 on)."""
    return F.softplus(x, threshold=50.0)


def one_minus_exp(x: Tensor) -> Tensor:
    """1 − exp x for x ≤ 0. Near 0 the difference cancels; far from it torch's gradient of ``expm1`` does."""
    near = x > -1
    return torch.where(near, -torch.expm1(torch.where(near, x, 0.0)), 1 - torch.exp(x))
