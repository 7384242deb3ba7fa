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

Where = tuple[slice] | tuple[slice, EllipsisType, slice]


def large(tensors: Sequence[Tensor | None], pieces: int, constants: Sequence[Any] = ()) -> bool:
    """Whether a loss of these tensors is to be computed in pieces: whether it has more than so many.

    Not if one of the ``constants``, which no piece hands its gradient to, needs one.
    """
    first = cast("Tensor", tensors[0])
    if torch.compiler.is_compiling() or first.numel() <= pieces * _size() or not readable(first):
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
    if not torch.is_grad_enabled():
        return _total(f, scale, axes, classes, tensors, [])[0]
    total: Callable[..., Tensor] = _Total.apply
    return total(f, scale, axes, classes, *tensors)


def row_sums(f: Callable[..., Tensor], tensors: Sequence[Tensor | None]) -> Tensor:
    """``f(*tensors)``, of large tensors in pieces: sums over the last axis, in rows like those of the first.

    Their gradient needs to know what becomes of the sums, so the backward pass computes the pieces again.
    That is worth it later than for a total.
    """
    if not large(tensors, 8):
        return f(*tensors)
    sums: Callable[..., Tensor] = _RowSums.apply
    return sums(f, *tensors)


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
    if row <= 2 * size or not last:
        step = max(1, size // row)
        yield from ((slice(i, i + step),) for i in range(0, rows, step))
    else:
        columns = first.shape[-1]
        step = max(1, size * columns // row)
        yield from (
            (slice(i, i + 1), ..., slice(j, j + step)) for i in range(rows) for j in range(0, columns, step)
        )


def _piece(
    f: Callable[..., Tensor], tensors: Sequence[Tensor | None], where: Where, wanted: Sequence[int]
) -> tuple[Tensor, list[Tensor]]:
    """f of a piece, and the leaves that it can be differentiated with respect to."""
    piece = [t if t is None else t.detach()[where] for t in tensors]
    leaves = [cast("Tensor", piece[i]).requires_grad_() for i in wanted]
    with torch.set_grad_enabled(bool(leaves)):
        return f(*piece), leaves


def _plain(
    f: Callable[..., Tensor], tensors: Sequence[Tensor | None], wanted: Sequence[int], slope: Tensor
) -> Sequence[Tensor]:
    """The gradient of f of everything at once, which can itself be differentiated."""
    twice = torch.is_grad_enabled()
    with torch.enable_grad():
        value = f(*tensors)
    return torch.autograd.grad(value, [cast("Tensor", tensors[i]) for i in wanted], slope, create_graph=twice)


def _wanted(ctx: Any, options: int) -> list[int]:
    """Which tensors, after so many options, need a gradient."""
    return [i for i, needed in enumerate(ctx.needs_input_grad[options:]) if needed]


def _in_place(ctx: Any, options: int, slopes: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """The gradients, each in the place of its argument."""
    by_place = dict(zip(_wanted(ctx, options), slopes, strict=True))
    return (None,) * options + tuple(by_place.get(i) for i in range(len(ctx.needs_input_grad) - options))


def _total(
    f: Callable[..., Tensor],
    scale: float,
    axes: int,
    classes: bool,
    tensors: Sequence[Tensor | None],
    wanted: Sequence[int],
) -> tuple[Tensor, list[Tensor]]:
    """scale · Σ f(*piece), and its gradient with respect to the tensors that are wanted."""
    whole = _merged(tensors, axes, classes)
    first = cast("Tensor", whole[0])
    slope, total = first.new_full((), scale), first.new_zeros((), dtype=torch.float64)
    slopes = [torch.empty_like(cast("Tensor", whole[i])) for i in wanted]
    for where in _cuts(first, classes and axes > 1):
        value, leaves = _piece(f, whole, where, wanted)
        if leaves:
            for part, found in zip(slopes, torch.autograd.grad(value, leaves, slope), strict=True):
                part[where] = found
        total += value.detach()
    shaped = (part.view(cast("Tensor", tensors[i]).shape) for i, part in zip(wanted, slopes, strict=True))
    return (scale * total).to(first.dtype), list(shaped)


class _Total(torch.autograd.Function):
    """The sum of f over the pieces. Its gradient is found on the way and kept, and nothing else."""

    OPTIONS = 4

    @staticmethod
    def forward(
        ctx: Any, f: Callable[..., Tensor], scale: float, axes: int, classes: bool, *tensors: Tensor | None
    ) -> Tensor:
        ctx.f, ctx.scale = f, scale
        ctx.save_for_backward(*tensors)
        value, ctx.slopes = _total(f, scale, axes, classes, tensors, _wanted(ctx, _Total.OPTIONS))
        return value

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        slopes, ctx.slopes = ctx.slopes, None
        if slopes is None or torch.is_grad_enabled():  # a second time, or somebody differentiates this, too
            slopes = _plain(ctx.f, ctx.saved_tensors, _wanted(ctx, _Total.OPTIONS), ctx.scale * slope)
        else:
            slopes = [_scaled(part, slope) for part in slopes]
        return _in_place(ctx, _Total.OPTIONS, slopes)


def _scaled(part: Tensor, slope: Tensor) -> Tensor:
    """The product, in place: the mean of a training step has slope 1, and then nothing is to be done."""
    try:
        return part if slope == 1 else part.mul_(slope)
    except RuntimeError:  # a batch of slopes, which cannot be read
        return part * slope


class _RowSums(torch.autograd.Function):
    """The sums of f over the pieces of each row. Only the arguments are kept."""

    OPTIONS = 1

    @staticmethod
    def forward(ctx: Any, f: Callable[..., Tensor], *tensors: Tensor | None) -> Tensor:
        ctx.f = f
        ctx.save_for_backward(*tensors)
        first = cast("Tensor", tensors[0])
        sums = first.new_zeros(())
        for where in _cuts(first, True):
            value, _ = _piece(f, tensors, where, [])
            if not sums.ndim:
                sums = value.new_zeros((len(first), *value.shape[1:]), dtype=torch.float64)
            sums[where[0]] += value
        return sums.to(first.dtype)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        tensors, wanted = ctx.saved_tensors, _wanted(ctx, _RowSums.OPTIONS)
        if torch.is_grad_enabled() or not readable(slope):
            return _in_place(ctx, _RowSums.OPTIONS, _plain(ctx.f, tensors, wanted, slope))
        slopes = [torch.empty_like(tensors[i]) for i in wanted]
        for where in _cuts(tensors[0], True):
            value, leaves = _piece(ctx.f, tensors, where, wanted)
            for part, found in zip(slopes, torch.autograd.grad(value, leaves, slope[where[0]]), strict=True):
                part[where] = found
        return _in_place(ctx, _RowSums.OPTIONS, slopes)
