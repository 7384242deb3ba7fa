"""Functions that keep their digits, in value and in gradient."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _eager
from lossfns._compiled import expm1
from lossfns._similarity import to_float64


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp x), exact to rounding (torch drops exp(−x) from 20 on)."""
    return F.softplus(x, threshold=50.0)


def one_minus_exp(x: Tensor) -> Tensor:
    """1 − exp x for x ≤ 0: the value by ``expm1``, the gradient by ``exp``, more exact than its own."""
    power = torch.exp(x)
    return -expm1(x.detach()) - (power - power.detach())


def log_sum_from(s: Tensor) -> Tensor:
    """log Σ_{j ≥ k} exp(s_j) for each k of the last axis, if need be by sums of 1, 2, 4, … neighbours.

    The backward pass of ``logcumsumexp`` takes logarithms of gradients, and is not differentiable at 0. A
    compiler, which differentiates but once, has one graph with it for all lengths.
    """
    if torch.compiler.is_compiling():
        return s.flip(-1).logcumsumexp(-1).flip(-1)
    if _eager.known_between(s, -600.0, 600.0):  # no power overflows in float64, or vanishes
        return s.double().exp().flip(-1).cumsum(-1).flip(-1).log().to(s.dtype)
    total, step, n = s, 1, s.shape[-1]
    while step < n:
        beyond = F.pad(total[..., step:], (0, step), value=torch.finfo(s.dtype).min)
        total, step = torch.logsumexp(torch.stack([total, beyond]), 0), 2 * step
    return total


def underflows(denominator: Tensor) -> Tensor:
    """Where a number ≥ 0 is 0, or so small that dividing by it overflows."""
    return denominator < torch.finfo(denominator.dtype).tiny


def safe_divide(numerator: Tensor, denominator: Tensor) -> Tensor:
    """The quotient for 0 ≤ numerator ≤ denominator, and 0 for 0 / 0, with gradient."""
    return numerator / torch.where(underflows(denominator), 1.0, denominator)


def in_range(value: float, dtype: torch.dtype) -> float:
    """A positive number, or the nearest that is a normal one of the dtype, with a finite reciprocal.

    A GPU divides by a number as it multiplies by the reciprocal.
    """
    limits = torch.finfo(dtype)
    return min(max(value, limits.tiny), limits.max)


def as_float64(value: float | Tensor, like: Tensor) -> Tensor:
    """A number as a tensor on the device of another, in float64 where the device has it."""
    if isinstance(value, Tensor):
        return to_float64(value)
    return like.new_full((), value, dtype=torch.float32 if like.device.type == "mps" else torch.float64)
