"""Losses of large tensors on a CPU, a piece at a time: the gradient is taken while the piece is in the cache.

Written down plainly, a loss makes a temporary as large as its arguments for each operation and keeps most of
them for the backward pass. Only the gradient has to be that large. A GPU needs other means (a compiler), so
there the plain form stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import EllipsisType
from typing import Any, cast

import torch
from torch import Tensor

from lossfns._look import has_tangent, readable

# So many numbers of the first argument make a piece, for each thread.
PIECE = 2**17

# The arguments of _Total.apply before the tensors
OPTIONS = 4

Where = tuple[slice] | tuple[slice, EllipsisType, slice]


def large(tensors: Sequence[Tensor | None], pieces: int, constants: Sequence[Any] = ()) -> bool:
    """Whether a loss of these tensors is to be computed in pieces: whether it has more than so many.

    Not if one of the ``constants``, which no piece hands its gradient to, needs one.
    """
    first = cast("Tensor", tensors[0])
    if not readable(first) or first.numel() <= pieces * _size():
        return False
    return all(t is None or (readable(t) and not has_tangent(t)) for t in tensors) and not any(
        isinstance(c, Tensor) and (c.requires_grad or not readable(c)) for c in constants
    )


def in_pieces(
    f: Callable[..., Tensor], scale: float, tensors: Sequence[Tensor | None], axes: int, classes: bool
) -> Tensor:
    """scale · Σ f(*piece), a number, over pieces of the ``tensors``, which are all cut alike.

    What is cut are the first ``axes`` axes, or with ``classes`` the first one and the last axes − 1. ``f``
    must not close over tensors that need a gradient.
    """
    total: Callable[..., Tensor] = _Total.apply
    return total(f, scale, axes, classes, *tensors)


def _size() -> int:
    return PIECE * torch.get_num_threads()


def _merged(tensors: Sequence[Tensor | None], axes: int, classes: bool) -> list[Tensor | None]:
    """The axes that are cut made one: the first one, or the last one for ``classes``."""
    if classes:
        return [t if t is None or axes == 1 else t.flatten(t.ndim - axes + 1) for t in tensors]
    if all(t is None or t.is_contiguous() for t in tensors):
        return [t if t is None else t.flatten(0, axes - 1) for t in tensors]
    return list(tensors)


def _cuts(first: Tensor, last: bool) -> Iterator[Where]:
    """Rows, as many as make a piece, or where a row is larger, parts of one along the last axis."""
    rows, size = len(first), _size()
    row = first.numel() // rows
    if row <= size or not last:
        step = max(1, size // row)
        yield from ((slice(i, i + step),) for i in range(0, rows, step))
    else:
        columns = first.shape[-1]
        step = max(1, size * columns // row)
        yield from (
            (slice(i, i + 1), ..., slice(j, j + step)) for i in range(rows) for j in range(0, columns, step)
        )


class _Total(torch.autograd.Function):
    """The sum of f over the pieces. Its gradient is found on the way and kept, and nothing else."""

    @staticmethod
    def forward(
        ctx: Any, f: Callable[..., Tensor], scale: float, axes: int, classes: bool, *tensors: Tensor | None
    ) -> Tensor:
        ctx.f, ctx.scale = f, scale
        ctx.save_for_backward(*tensors)
        ctx.wanted = [i for i, needed in enumerate(ctx.needs_input_grad[OPTIONS:]) if needed]
        whole = _merged(tensors, axes, classes)
        first = cast("Tensor", whole[0])
        slope, total = first.new_full((), scale), first.new_zeros((), dtype=torch.float64)
        slopes = {i: torch.empty_like(cast("Tensor", whole[i])) for i in ctx.wanted}
        for where in _cuts(first, classes and axes > 1):
            piece = [t if t is None else t.detach()[where] for t in whole]
            leaves = [cast("Tensor", piece[i]).requires_grad_() for i in ctx.wanted]
            with torch.set_grad_enabled(bool(leaves)):
                value = f(*piece)
            if leaves:
                found = torch.autograd.grad(value, leaves, slope)
                for i, part in zip(ctx.wanted, found, strict=True):
                    slopes[i][where] = part
            total += value.detach()
        ctx.slopes = [slopes[i].view(cast("Tensor", tensors[i]).shape) for i in ctx.wanted]
        return (scale * total).to(first.dtype)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        slopes, ctx.slopes = ctx.slopes, None
        if slopes is None or torch.is_grad_enabled():  # a second time, or somebody differentiates this, too
            slopes = _plain(ctx, slope)
        else:
            slopes = [_scaled(part, slope) for part in slopes]
        by_place = dict(zip(ctx.wanted, slopes, strict=True))
        return (None,) * OPTIONS + tuple(by_place.get(i) for i in range(len(ctx.needs_input_grad) - OPTIONS))


def _plain(ctx: Any, slope: Tensor) -> Sequence[Tensor]:
    """The gradient of the sum over everything at once, which can itself be differentiated."""
    twice = torch.is_grad_enabled()
    with torch.enable_grad():
        # views, so that a second derivative finds its way to the arguments themselves
        tensors = [t if t is None else t.view_as(t) for t in ctx.saved_tensors]
        value = ctx.scale * ctx.f(*tensors)
    return torch.autograd.grad(value, [tensors[i] for i in ctx.wanted], slope, create_graph=twice)


def _scaled(part: Tensor, slope: Tensor) -> Tensor:
    """The product, in place: the mean of a training step has slope 1, and then nothing is to be done."""
    try:
        return part if slope == 1 else part.mul_(slope)
    except RuntimeError:  # a batch of slopes, which cannot be read
        return part * slope
