"""The geometry of embeddings: lengths, unit vectors, and the inner products of all pairs in little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from lossfns._look import has_tangent, seen_between

# So many inner products at most are held at once; beyond, they are computed tile by tile.
PLAIN = 2**22


def _scaled(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows divided by their largest entry, that entry, and which rows are zero (there, ones and 1).

    Squares of what is left neither overflow nor vanish. Lengths and unit vectors do not depend on the scale,
    so it takes no part in the gradient.
    """
    if x.shape[-1] == 0:
        x = torch.nn.functional.pad(x, (0, 1))
    scale = x.detach().abs().amax(-1, keepdim=True)
    zero = scale == 0
    scale = torch.where(zero, 1.0, scale)
    return torch.where(zero, 1.0, x / scale), scale, zero


# Lengths whose squares neither overflow nor lose digits, in float32 and float64.
_SAFE = (1e-12, 1e15)


def length(x: Tensor) -> Tensor:
    """Euclidean length of the rows; that of a zero row is 0, with gradient 0."""
    plain: Tensor = torch.linalg.vector_norm(x, dim=-1)
    if seen_between(plain, *_SAFE):
        return plain
    y, scale, zero = _scaled(x)
    return torch.where(zero, 0.0, torch.linalg.vector_norm(y, dim=-1, keepdim=True) * scale).squeeze(-1)


def unit(x: Tensor) -> Tensor:
    """The rows divided by their length; a zero row stays zero, with gradient 0."""
    plain: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    if seen_between(plain, *_SAFE):
        return x / plain
    y, _, zero = _scaled(x)
    return torch.where(zero, 0.0, y / torch.linalg.vector_norm(y, dim=-1, keepdim=True))[..., : x.shape[-1]]


def double(x: Tensor) -> Tensor:
    """In float64, on the devices that have it: for sums over a batch and squares of differences."""
    return x if x.device.type == "mps" else x.double()


def inner(a: Tensor, b: Tensor) -> Tensor:
    """Inner products of all rows of ``a`` with all rows of ``b``, in their own dtype, autocast or not."""
    if a.is_meta:  # it has no autocast
        return a @ b.t()
    with torch.autocast(a.device.type, enabled=False):
        return a @ b.t()


def tiles(rows: int, columns: int) -> list[slice]:
    """Slices of the rows, so few at a time that little memory holds their products with all columns."""
    if rows * columns <= PLAIN or torch.compiler.is_compiling():
        return [slice(0, rows)]
    height = max(1, PLAIN // columns)
    return [slice(start, min(start + height, rows)) for start in range(0, rows, height)]


def by_tiles(f: Callable[..., Tensor], rows: Tensor, columns: Tensor, *more: Tensor | None) -> Tensor:
    """``f(0, rows, columns, *more)``, one value a row, in memory that grows with the rows, not the pairs.

    ``f(start, tile, columns, *more)`` gets the rows of a tile, which begins with row ``start``; it must not
    close over tensors. The backward pass computes a tile again rather than keep it. What is small goes in
    one piece; so does what is compiled or differentiated in forward mode.
    """
    parts = tiles(len(rows), len(columns))
    if len(parts) == 1 or any(t is not None and has_tangent(t) for t in (rows, columns, *more)):
        return f(0, rows, columns, *more)
    compute: Callable[..., Tensor] = _Recomputed.apply
    return compute(f, parts[0].stop, rows, columns, *more)


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


class _Recomputed(torch.autograd.Function):
    """f by tiles of so many rows; keeps its arguments for the backward pass, and nothing else."""

    generate_vmap_rule = True

    @staticmethod
    def forward(f: Callable[..., Tensor], height: int, rows: Tensor, *shared: Tensor | None) -> Tensor:
        parts = enumerate(torch.split(rows, height))
        return gather((f(n * height, tile, *shared) for n, tile in parts), len(rows))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.f, ctx.height, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        twice = torch.is_grad_enabled()  # somebody differentiates this pass, too: nothing in place
        rows, *shared = ctx.saved_tensors
        smooth = [i for i, t in enumerate((rows, *shared)) if t is not None and t.requires_grad]
        total: dict[int, Tensor] = {}

        def of_tiles() -> Iterator[Tensor]:
            """The gradient of each tile of rows, that of the shared tensors added up on the way."""
            both = zip(torch.split(rows, ctx.height), torch.split(slope, ctx.height), strict=True)
            for n, (tile, share) in enumerate(both):
                with torch.enable_grad():
                    # views, so that a second derivative finds its way to the arguments themselves
                    ours = [t.view_as(t) if i in smooth else t for i, t in enumerate((tile, *shared))]
                    value = ctx.f(n * ctx.height, *ours)
                found = torch.autograd.grad(value, [ours[i] for i in smooth], share, create_graph=twice)
                by_position = dict(zip(smooth, found, strict=True))
                of_tile = by_position.pop(0, share)  # or whatever, if nobody asked
                for i, part in by_position.items():
                    if n == 0:
                        total[i] = part
                    else:
                        total[i] = total[i] + part if twice else total[i].add_(part)
                yield of_tile

        of_rows = gather(of_tiles(), len(rows))
        if 0 in smooth:
            total[0] = of_rows
        return None, None, *(total.get(i) for i in range(1 + len(shared)))


def leave_out(s: Tensor, columns: Tensor | None) -> Tensor:
    """The similarities with the columns that the mask marks set so low that no exponential sees them.

    Not −∞: a row may have nothing else, and must give a number that a weight of 0 can delete.
    """
    return s if columns is None else s.masked_fill(columns, torch.finfo(s.dtype).min)


def leave_out_itself(s: Tensor, start: int) -> Tensor:
    """The similarities with that of each row with itself set as low; in place."""
    s.diagonal(start).fill_(torch.finfo(s.dtype).min)
    return s
