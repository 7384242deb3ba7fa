"""The geometry of embeddings: norms, unit vectors, and the inner products of all pairs in little memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lossfns import _eager
from lossfns._chunked import tiled_rows

# So many inner products at most are held at once; beyond, they are computed tile by tile.
PLAIN = 2**22


# Lengths whose squares neither overflow nor lose digits, in float32 and float64.
_SAFE = (1e-12, 1e15)


def norm(x: Tensor) -> Tensor:
    """Euclidean norm of the rows; that of a zero row is 0, with gradient 0."""
    plain: Tensor = torch.linalg.vector_norm(x, dim=-1)
    if _eager.known_between(plain, *_SAFE):
        return plain
    y, scale = _to_safe(x)
    square = y.square().sum(-1)
    zero = square == 0
    return (torch.where(zero, 0.0, torch.where(zero, 1.0, square).sqrt()) * scale).to(x.dtype)


def norm_and_square(x: Tensor) -> tuple[Tensor, Tensor]:
    """Euclidean norm of the rows, and its square, whose second derivative is right at 0, too."""
    length: Tensor = torch.linalg.vector_norm(x, dim=-1)
    if _eager.known_between(length, *_SAFE):
        return length, length.square()
    return norm(x), x.square().sum(-1)


def normalize(x: Tensor) -> Tensor:
    """The rows divided by their norm; a zero row stays zero, with gradient 0."""
    plain: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    if _eager.known_between(plain, *_SAFE):
        return x / plain
    y, _ = _to_safe(x)
    square = y.square().sum(-1, keepdim=True)
    zero = square == 0
    return (y * torch.where(zero, 0.0, torch.where(zero, 1.0, square).rsqrt())).to(x.dtype)


def _to_safe(x: Tensor) -> tuple[Tensor, Tensor | float]:
    """The rows such that squares of what counts neither overflow nor vanish, and what they are divided by.

    float64 holds the squares of all float32: a pass less for a compiler. Others are divided by their largest
    entry: lengths and unit vectors do not depend on the scale, so it takes no part in the gradient.
    """
    if x.dtype == torch.float32 and x.device.type != "mps":
        return x.double(), 1.0
    if not x.shape[-1]:
        return x, 1.0
    scale = x.detach().abs().amax(-1, keepdim=True)
    scale = torch.where(scale == 0, 1.0, scale)
    return x / scale, scale.squeeze(-1)


def to_float64(x: Tensor) -> Tensor:
    """In float64, on the devices that have it: for sums over a batch and squares of differences."""
    return x if x.device.type == "mps" else x.double()


def dot_products(a: Tensor, b: Tensor) -> Tensor:
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


def by_tiles(
    f: Callable[..., Tensor], rows: Tensor, columns: Tensor, *more: Tensor | None, width: int = 1
) -> Tensor:
    """``f(0, rows, columns, *more)``, one value a row, in memory that grows with the rows, not the pairs.

    ``f(start, tile, columns, *more)`` gets the rows of a tile, which begins with row ``start``. The backward
    pass computes a tile again rather than keep it. What is small goes in one piece; so does what is compiled
    or transformed. A pair of rows makes ``width`` numbers.
    """
    parts = tiles(len(rows), len(columns) * width)
    arguments = (rows, columns, *more)
    if len(parts) == 1 or not all(
        t is None or (_eager.has_memory(t) and not _eager.has_tangent(t)) for t in arguments
    ):
        return f(0, *arguments)
    return tiled_rows(f, parts, rows, columns, *more)


def mask_columns(s: Tensor, columns: Tensor | None) -> Tensor:
    """The similarities with the columns that the mask marks set so low that no exponential sees them.

    Not −∞: a row may have nothing else, and must give a number that a weight of 0 can delete.
    """
    return s if columns is None else s.masked_fill(columns, torch.finfo(s.dtype).min)


def mask_diagonal_(s: Tensor, start: int) -> Tensor:
    """The similarities with that of each row with itself set as low; in place."""
    s.diagonal(start).fill_(torch.finfo(s.dtype).min)
    return s
