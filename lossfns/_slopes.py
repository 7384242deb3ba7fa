"""Functions of one variable whose derivative is known in closed form.

Autograd differentiates what a value is computed from, step by step, and keeps every step. The closed form
takes one step, keeps the argument alone, and cancels nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lossfns import _eager

Curve = Callable[[Tensor], Tensor]


def with_slope(f: Curve, slope: Curve, x: Tensor) -> Tensor:
    """``f(x)``, element by element, the derivative of ``f`` being ``slope``.

    Neither may close over a tensor that needs a gradient. Where operations are recorded or transformed it is
    the derivative of ``f``: a compiler finds by itself what to keep.
    """
    if not x.requires_grad or not _eager.has_memory(x) or _eager.has_tangent(x):
        return f(x)
    curve: Callable[..., Tensor] = _Curve.apply
    return curve(x, f, slope)


class _Curve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, f: Curve, slope: Curve) -> Tensor:
        ctx.save_for_backward(x)
        ctx.slope = slope
        return f(x)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        return grad_output * ctx.slope(x), None, None
