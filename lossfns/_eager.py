"""What can be known of a tensor's values where reading them makes nobody wait: on a CPU, in eager mode.

There a glance at the values saves copies of them. Elsewhere nothing is known and the general form is used.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad


def is_traced() -> bool:
    """Whether operations are recorded or replaced: by a compiler, a tracer or a dispatch mode."""
    return torch.compiler.is_compiling() or torch._C._is_tracing() or torch._C._len_torch_dispatch_stack() > 0


def has_memory(x: Tensor) -> bool:
    """Whether ``x`` is an ordinary tensor with memory of its own: no tensor of a transform, no subclass."""
    if is_traced() or type(x) not in (Tensor, nn.Parameter):
        return False
    try:
        x.data_ptr()
    except RuntimeError:
        return False
    return True


def can_read(x: Tensor) -> bool:
    """Whether the values can be read at once."""
    return x.is_cpu and has_memory(x)


def has_tangent(x: Tensor) -> bool:
    """Whether ``x`` carries a tangent of forward-mode differentiation."""
    return forward_ad.unpack_dual(x).tangent is not None


def known_finite(x: Tensor) -> bool:
    """Whether all of ``x`` is known to be finite, so that nothing in it needs to be deleted."""
    return can_read(x) and math.isfinite(x.detach().sum().item())


def known_integral(x: Tensor) -> bool:
    """Whether all of an ``x`` ≥ 0 are known to be whole numbers."""
    return can_read(x) and not bool(x.detach().frac().sum())


def known_all_false(mask: Tensor) -> bool:
    """Whether a mask is known to be true nowhere."""
    return can_read(mask) and not bool(mask.any())


def known_between(x: Tensor, low: float, high: float) -> bool:
    """Whether all of ``x`` are known to be above ``low`` and below ``high``."""
    if not can_read(x) or not x.numel():
        return False
    least, most = x.detach().aminmax()
    return low < least.item() and most.item() < high
