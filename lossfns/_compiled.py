"""expm1 and log1p with all their digits where torch's compiler would drop them, or take long to keep them.

In the code that it makes for a CPU, ``torch.expm1(x)`` is exp(x) − 1, which is 0 for an x of 10⁻⁸.
"""

from __future__ import annotations

import torch
from torch import Tensor


def expm1(x: Tensor) -> Tensor:
    """exp(x) − 1. For a compiler by Kahan's quotient (w − 1) x / log w, w = exp x, whose errors cancel."""
    if not torch.compiler.is_compiling():
        return torch.expm1(x)
    w = torch.exp(x)
    a, v = x.detach(), w.detach()
    near = (a.abs() < 1) & (v != 1)
    quotient = (v - 1) * a / torch.log(torch.where(near, v, 2.0))
    exact = torch.where(near, quotient, torch.where(v == 1, a, v - 1))
    return exact + torch.where(v == torch.inf, x - a, w - v)


def log1p(x: Tensor) -> Tensor:
    """log(1 + x) for a finite x ≥ 0.

    For a compiler by a logarithm, which costs it half as much, and a quotient for the digits lost in 1 + x.
    """
    if not torch.compiler.is_compiling():
        return torch.log1p(x)
    w = 1 + x
    return torch.log(w) + ((x - (w - 1)) / w).detach()
