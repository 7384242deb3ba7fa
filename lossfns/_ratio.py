"""Division where both sides may vanish."""

from __future__ import annotations

import torch
from torch import Tensor


def vanishes(whole: Tensor) -> Tensor:
    """Where a number ≥ 0 is 0, or so small that dividing by it overflows."""
    return whole < torch.finfo(whole.dtype).tiny


def ratio(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole for 0 ≤ part ≤ whole, and 0 for 0 / 0, with gradient."""
    return part / torch.where(vanishes(whole), 1.0, whole)
