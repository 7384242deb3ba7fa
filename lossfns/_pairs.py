"""The geometry of embeddings: unit vectors, distances, and similarities of all pairs in little memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

# Up to this many similarities are kept for the backward; more are computed again there, tile by tile.
PLAIN = 2**22


def unit(x: Tensor) -> Tensor:
    """The rows of ``x`` divided by their length; a row of zeros stays zero, with gradient 0."""
    largest = x.detach().abs().amax(-1, keepdim=True)  # the result does not depend on it: it only averts overflow
    zero = largest == 0
    x = torch.where(zero, 1.0, x / torch.where(zero, 1.0, largest))
    return torch.where(zero, 0.0, x / torch.linalg.vector_norm(x, dim=-1, keepdim=True))


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distance of the rows; that of equal rows is 0, with gradient 0."""
    d = a - b
    equal = (d == 0).all(-1, keepdim=True)
    length = torch.linalg.vector_norm(torch.where(equal, 1.0, d), dim=-1)
    return torch.where(equal.squeeze(-1), 0.0, length)


def by_tiles(f: Callable[..., Tensor], rows: Tensor, columns: Tensor, mask: Tensor | None) -> Tensor:
    """``f(rows, columns, mask, start)``, a value a row, in memory that grows with a tile of rows, not with all.

    ``start`` is the number of the first row of a tile. Large problems keep no tile for the backward but compute
    it again there. Small ones, compiled ones and those under a ``torch.func`` transform go in one piece.
    """
    transformed = torch._C._are_functorch_transforms_active()  # type: ignore[attr-defined]
    if len(rows) * len(columns) <= PLAIN or transformed or torch.compiler.is_compiling():
        return f(rows, columns, mask, 0)
    height = max(1, PLAIN // len(columns))
    tiles = []
    for start in range(0, len(rows), height):
        tile = rows[start : start + height]
        value = checkpoint(f, tile, columns, mask, start, use_reentrant=False, preserve_rng_state=False)
        tiles.append(cast(Tensor, value))
    return torch.cat(tiles)


def similarities(rows: Tensor, columns: Tensor, mask: Tensor | None) -> Tensor:
    """Inner products of all rows with all columns; those with a column the mask leaves out are −inf."""
    s = rows @ columns.t()
    return s if mask is None else s.masked_fill(~mask, -torch.inf)


def log_sum_exp(rows: Tensor, columns: Tensor, mask: Tensor | None, start: int) -> Tensor:
    """log Σⱼ exp(rowᵢ · columnⱼ)."""
    return torch.logsumexp(similarities(rows, columns, mask), 1)


def log_sum_exp_of_others(rows: Tensor, columns: Tensor, mask: Tensor | None, start: int) -> Tensor:
    """The same over the columns other than the row itself."""
    s = similarities(rows, columns, mask)
    s.diagonal(start).fill_(-torch.inf)
    return torch.logsumexp(s, 1)
