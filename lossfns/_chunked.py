"""Losses of large tensors on a CPU, a chunk at a time: the gradient is taken while the chunk is in the cache.

Written down plainly, a loss makes a temporary as large as its arguments for each operation and keeps most of
them for the backward pass. Only the gradient has to be that large. A GPU needs other means (a compiler), so
there the plain form stays, see :func:`can_be_cut`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import EllipsisType
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from lossfns import _eager

# So many numbers of the first argument make a chunk, for each thread.
CHUNK = 2**17
# From so many chunks on they are worth it: element by element a loss makes many temporaries; row by row, or
# by one function of torch, it makes few.
FEW, MANY = 2, 32

Where = tuple[slice] | tuple[slice, EllipsisType, slice] | tuple[EllipsisType]
Tensors = Sequence[Tensor | None]


def worth_chunking(tensors: Tensors, chunks: int, constants: Sequence[Any] = ()) -> bool:
    """Whether a loss of these tensors is to be computed in chunks: whether it has more than so many.

    Not if one of the ``constants``, to which no chunk hands a gradient, needs one.
    """
    first = cast("Tensor", tensors[0])
    if torch.compiler.is_compiling() or first.numel() <= chunks * _chunk_size():
        return False
    return all(t is None or (can_be_cut(t) and not _eager.has_tangent(t)) for t in tensors) and not any(
        isinstance(c, Tensor) and (c.requires_grad or not can_be_cut(c)) for c in constants
    )


def can_be_cut(x: Tensor) -> bool:
    """Whether ``x`` is where chunks are worth it.

    They would be right, and wait for nothing, wherever tensors have memory.
    """
    return _eager.can_read(x)


def chunked_sum(
    f: Callable[..., Tensor], scale: float | Tensor, tensors: Tensors, axes: int, classes: bool
) -> Tensor:
    """scale · Σ f(*chunk), a number, over chunks of the ``tensors``, which are all cut alike.

    What is cut are the first ``axes`` axes, or with ``classes`` the first one and the last axes − 1. ``f``
    must not close over tensors that need a gradient.
    """
    if not torch.is_grad_enabled():
        return _sum_and_grads(f, scale, axes, classes, tensors, [])[0]
    total: Callable[..., Tensor] = _ChunkedSum.apply
    return total(f, scale, axes, classes, *tensors)


def chunked_row_sums(f: Callable[..., Tensor], tensors: Tensors) -> Tensor:
    """``f(*tensors)``, of large tensors in chunks: sums over the last axis, in rows like those of the first.

    Their gradient needs to know what becomes of the sums, so the backward pass computes the chunks again.
    """
    if not worth_chunking(tensors, MANY):
        return f(*tensors)
    sums: Callable[..., Tensor] = _ChunkedRowSums.apply
    return sums(f, *tensors)


class RowSums(NamedTuple):
    """Sums over the last axis, in rows like those of the first of the tensors, and their derivative."""

    plain: Callable[..., Tensor]
    """The sums of all at once, differentiable."""
    sums: Callable[..., Tensor]
    """``sums(kept, *tensors)``, the sums of a chunk, and what is to be kept, in the shape of the first."""
    turn: Callable[..., object]
    """``turn(kept, grad_output, *tensors)`` makes of what was kept the gradient by the first, in place."""


def turned_row_sums(f: RowSums, tensors: Tensors) -> Tensor:
    """``f.plain(*tensors)``, of which only the first needs a gradient, with one tensor of its size kept."""
    sums: Callable[..., Tensor] = _TurnedRowSums.apply
    return sums(f, *tensors)


def tiled_rows(
    f: Callable[..., Tensor], tiles: Sequence[slice], rows: Tensor, *shared: Tensor | None
) -> Tensor:
    """``f(0, rows, *shared)``, one value a row, from ``f(start, rows[tile], *shared)`` for each of the tiles.

    The backward pass computes a tile again rather than keep it.
    """
    values: Callable[..., Tensor] = _TiledRows.apply
    return values(f, tiles, rows, *shared)


def gather(parts: Iterable[Tensor], rows: int) -> Tensor:
    """``torch.cat`` of parts that are computed one by one, each put in its place at once.

    A small part left between two large temporaries would keep the allocator from using their memory again.
    """
    whole, start = torch.empty(0), 0
    for part in parts:
        whole = whole if start else part.new_empty((rows, *part.shape[1:]))
        whole[start : start + len(part)] = part
        start += len(part)
        del part
    return whole


def _chunk_size() -> int:
    return CHUNK * torch.get_num_threads()


def _merge_axes(tensors: Tensors, axes: int, classes: bool) -> list[Tensor | None]:
    """The axes that are cut made one: the first one, or the last one for ``classes``."""
    if classes:
        return [t if t is None or axes == 1 else t.flatten(t.ndim - axes + 1) for t in tensors]
    if all(t is None or t.is_contiguous() for t in tensors):
        return [t if t is None else t.flatten(0, axes - 1) for t in tensors]
    return list(tensors)


def _chunk_slices(first: Tensor, last: bool) -> Iterator[Where]:
    """Rows, as many as make a chunk, or where a row is larger, parts of one along the last axis."""
    rows, size = len(first), _chunk_size()
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


def _run_chunk(
    f: Callable[..., Tensor], tensors: Tensors, where: Where, needs_grad: Sequence[int]
) -> tuple[Tensor, list[Tensor]]:
    """f of a chunk, and the leaves that it can be differentiated with respect to."""
    chunk = [t if t is None else t.detach()[where] for t in tensors]
    leaves = [leaf.requires_grad_() for leaf in _at(chunk, needs_grad)]
    with torch.set_grad_enabled(bool(leaves)):
        return f(*chunk), leaves


def _grads(
    value: Tensor, leaves: Sequence[Tensor], grad_output: Tensor, create_graph: bool = False
) -> Sequence[Tensor | None]:
    """The gradients of ``value``; None with respect to what it does not depend on."""
    if not value.requires_grad:
        return [None] * len(leaves)
    return torch.autograd.grad(value, leaves, grad_output, create_graph=create_graph, allow_unused=True)


class _Grads:
    """Gradients, filled chunk by chunk; None where no chunk depends on the argument."""

    def __init__(self, like: Sequence[Tensor]) -> None:
        self.grads = [torch.empty_like(t) for t in like]
        self.used = [False] * len(like)

    def put(self, where: Where, grads: Sequence[Tensor | None]) -> None:
        for i, grad in enumerate(grads):
            self.used[i] |= grad is not None
            self.grads[i][where] = 0.0 if grad is None else grad

    def shaped(self, like: Sequence[Tensor]) -> list[Tensor | None]:
        both = zip(self.grads, self.used, like, strict=True)
        return [grad.view(t.shape) if used else None for grad, used, t in both]


def _plain_grads(
    f: Callable[..., Tensor], tensors: Tensors, needs_grad: Sequence[int], grad_output: Tensor
) -> Sequence[Tensor | None]:
    """The gradients of f of everything at once, which can themselves be differentiated.

    They are taken with respect to views: the graph behind the arguments, where they may depend on each other
    or have hooks, has no part in them, but a second derivative finds its way there.
    """
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        views = [t.view_as(t) if i in needs_grad and t is not None else t for i, t in enumerate(tensors)]
        value = f(*views)
    return _grads(value, _at(views, needs_grad), grad_output, create_graph)


def _at(tensors: Tensors, places: Sequence[int]) -> list[Tensor]:
    return [cast("Tensor", tensors[i]) for i in places]


def _needs_grad(ctx: Any, options: int) -> list[int]:
    """Which tensors, after so many options, need a gradient."""
    return [i for i, needed in enumerate(ctx.needs_input_grad[options:]) if needed]


def _by_argument(ctx: Any, options: int, grads: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
    """The gradients, each in the place of its argument."""
    by_place = dict(zip(_needs_grad(ctx, options), grads, strict=True))
    return (None,) * options + tuple(by_place.get(i) for i in range(len(ctx.needs_input_grad) - options))


def _sum_and_grads(
    f: Callable[..., Tensor],
    scale: float | Tensor,
    axes: int,
    classes: bool,
    tensors: Tensors,
    needs_grad: Sequence[int],
) -> tuple[Tensor, list[Tensor | None]]:
    """scale · Σ f(*chunk), and its gradients with respect to the tensors that need one."""
    merged = _merge_axes(tensors, axes, classes)
    first = cast("Tensor", merged[0])
    grad_output = scale.to(first.dtype) if isinstance(scale, Tensor) else first.new_full((), scale)
    total = first.new_zeros((), dtype=torch.float64)
    grads = _Grads(_at(merged, needs_grad))
    for where in _chunk_slices(first, classes and axes > 1):
        value, leaves = _run_chunk(f, merged, where, needs_grad)
        grads.put(where, _grads(value, leaves, grad_output))
        total += value.detach()
    return (scale * total).to(first.dtype), grads.shaped(_at(tensors, needs_grad))


class _ChunkedSum(torch.autograd.Function):
    """The sum of f over the chunks. Its gradient is found on the way and kept, and nothing else."""

    OPTIONS = 4

    @staticmethod
    def forward(
        ctx: Any,
        f: Callable[..., Tensor],
        scale: float | Tensor,
        axes: int,
        classes: bool,
        *tensors: Tensor | None,
    ) -> Tensor:
        ctx.f, ctx.scale = f, scale
        ctx.save_for_backward(*tensors)
        needs_grad = _needs_grad(ctx, _ChunkedSum.OPTIONS)
        value, ctx.grads = _sum_and_grads(f, scale, axes, classes, tensors, needs_grad)
        return value

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        grads, ctx.grads = ctx.grads, None
        if grads is None or torch.is_grad_enabled():  # a second time, or somebody differentiates this, too
            needs_grad = _needs_grad(ctx, _ChunkedSum.OPTIONS)
            grads = _plain_grads(ctx.f, ctx.saved_tensors, needs_grad, ctx.scale * grad_output)
        else:
            grads = [_times_grad_output(grad, grad_output) for grad in grads]
        return _by_argument(ctx, _ChunkedSum.OPTIONS, grads)


def _times_grad_output(grad: Tensor | None, grad_output: Tensor) -> Tensor | None:
    """The product, in place: the mean of a training step gets 1, and then nothing is to be done."""
    if grad is None:
        return None
    if not _eager.has_memory(grad_output):  # a batch of them
        return grad * grad_output
    return grad if _eager.can_read(grad_output) and grad_output == 1 else grad.mul_(grad_output)


class _ChunkedRowSums(torch.autograd.Function):
    """The sums of f over the chunks of each row. Only the arguments are kept."""

    OPTIONS = 1

    @staticmethod
    def forward(ctx: Any, f: Callable[..., Tensor], *tensors: Tensor | None) -> Tensor:
        ctx.f = f
        ctx.save_for_backward(*tensors)
        first = cast("Tensor", tensors[0])
        sums = first.new_zeros(())
        for where in _chunk_slices(first, True):
            value, _ = _run_chunk(f, tensors, where, [])
            if not sums.ndim:
                sums = value.new_zeros((len(first), *value.shape[1:]), dtype=torch.float64)
            sums[where[0]] += value
        return sums.to(first.dtype)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        tensors, needs_grad = ctx.saved_tensors, _needs_grad(ctx, _ChunkedRowSums.OPTIONS)
        if torch.is_grad_enabled() or not _eager.has_memory(grad_output):
            grads = _plain_grads(ctx.f, tensors, needs_grad, grad_output)
            return _by_argument(ctx, _ChunkedRowSums.OPTIONS, grads)
        like = _at(tensors, needs_grad)
        total = _Grads(like)
        for where in _chunk_slices(tensors[0], True):
            value, leaves = _run_chunk(ctx.f, tensors, where, needs_grad)
            total.put(where, _grads(value, leaves, grad_output[where[0]]))
        return _by_argument(ctx, _ChunkedRowSums.OPTIONS, total.shaped(like))


def _pieces(first: Tensor) -> Iterable[Where]:
    return _chunk_slices(first, True) if worth_chunking([first], MANY) else [(slice(None),)]


class _TurnedRowSums(torch.autograd.Function):
    """Row sums of chunks, each of which leaves something that the backward pass turns into the gradient."""

    OPTIONS = 1

    @staticmethod
    def forward(ctx: Any, f: RowSums, *tensors: Tensor | None) -> Tensor:
        ctx.f = f
        ctx.save_for_backward(*tensors)
        first = cast("Tensor", tensors[0])
        ctx.kept = torch.empty_like(first) if ctx.needs_input_grad[1] else None
        total = first.new_zeros(())
        for where in _pieces(first):
            chunk = [t if t is None else t[where] for t in tensors]
            value = f.sums(torch.empty_like(first[where]) if ctx.kept is None else ctx.kept[where], *chunk)
            if not total.ndim:
                total = value.new_zeros((len(first), *value.shape[1:]), dtype=torch.float64)
            total[where[0]] += value
        return total.to(first.dtype)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        tensors, (kept, ctx.kept) = ctx.saved_tensors, (ctx.kept, None)
        if torch.is_grad_enabled() or not _eager.can_read(grad_output):
            grads = _plain_grads(ctx.f.plain, tensors, [0], grad_output)
            return _by_argument(ctx, _TurnedRowSums.OPTIONS, grads)
        again, kept = kept is None, torch.empty_like(tensors[0]) if kept is None else kept
        for where in _pieces(kept):
            chunk = [t if t is None else t[where] for t in tensors]
            if again:  # a second time, to the same digits
                ctx.f.sums(kept[where], *chunk)
            ctx.f.turn(kept[where], grad_output[where[0]], *chunk)
        return _by_argument(ctx, _TurnedRowSums.OPTIONS, [kept])


class _TiledRows(torch.autograd.Function):
    """The values of f for each tile of rows. Only the arguments are kept."""

    OPTIONS = 2

    @staticmethod
    def forward(
        ctx: Any, f: Callable[..., Tensor], tiles: Sequence[slice], rows: Tensor, *shared: Tensor | None
    ) -> Tensor:
        ctx.f, ctx.tiles = f, tiles
        ctx.save_for_backward(rows, *shared)
        return gather((f(tile.start, rows[tile], *shared) for tile in tiles), len(rows))

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        tensors, needs_grad = ctx.saved_tensors, _needs_grad(ctx, _TiledRows.OPTIONS)
        if torch.is_grad_enabled() or not _eager.has_memory(grad_output):
            grads = _plain_grads(partial(ctx.f, 0), tensors, needs_grad, grad_output)
            return _by_argument(ctx, _TiledRows.OPTIONS, grads)
        rows, *shared = tensors
        totals = [torch.zeros_like(t) for t in _at(tensors, needs_grad)]
        for tile in ctx.tiles:
            value, leaves = _run_chunk(partial(ctx.f, tile.start), (rows[tile], *shared), (...,), needs_grad)
            grads = _grads(value, leaves, grad_output[tile])
            for i, total, grad in zip(needs_grad, totals, grads, strict=True):
                (total[tile] if i == 0 else total).add_(cast("Tensor", grad))
        return _by_argument(ctx, _TiledRows.OPTIONS, totals)
