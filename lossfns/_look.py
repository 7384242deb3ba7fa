"""What can be seen in a tensor where looking makes nobody wait: on a CPU, in eager mode.

There a glance at the values saves copies of them; elsewhere the answer is no, and the general form is used.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad


def readable(x: Tensor) -> bool:
    """Whether the values can be read at once; inside a transform or a tracer a tensor has no memory."""
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return False
    try:
        x.data_ptr()
    except RuntimeError:
        return False
    return True


def has_tangent(x: Tensor) -> bool:
    """Whether ``x`` carries a tangent of forward-mode differentiation."""
    return forward_ad.unpack_dual(x).tangent is not None  # type: ignore[no-untyped-call]


def seen_finite(x: Tensor) -> bool:
    """Whether it can be seen that all of ``x`` is finite, so that nothing in it needs to be deleted."""
    return readable(x) and bool(x.detach().sum().isfinite())


def seen_whole(x: Tensor) -> bool:
    """Whether it can be seen that all of an ``x`` ≥ 0 are whole numbers."""
    return readable(x) and not bool(x.detach().frac().sum())


def seen_false(mask: Tensor) -> bool:
    """Whether it can be seen that a mask is true nowhere."""
    return readable(mask) and not bool(mask.any())


def seen_between(x: Tensor, low: float, high: float) -> bool:
    """Whether it can be seen that all of ``x`` is above ``low`` and below ``high``."""
    if not readable(x) or not x.numel():
        return False
    least, most = x.detach().aminmax()
    return bool(least > low) and bool(most < high)
