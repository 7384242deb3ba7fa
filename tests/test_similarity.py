"""Lengths, unit vectors and tiles."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from lossfns import _chunked, _similarity

F64 = torch.float64


@pytest.mark.parametrize(
    ("dtype", "scale"), [(torch.float32, 1e-30), (torch.float32, 1e30), (F64, 1e-200), (F64, 1e200)]
)
def test_lengths_neither_overflow_nor_vanish(dtype: torch.dtype, scale: float) -> None:
    x = torch.tensor([[3.0, 4.0], [0.0, 2.0]], dtype=dtype) * scale
    x.requires_grad_()
    length, unit = _similarity.norm(x), _similarity.normalize(x)
    torch.testing.assert_close(length, torch.tensor([5.0, 2.0], dtype=dtype) * scale, atol=0, rtol=1e-6)
    torch.testing.assert_close(unit, torch.tensor([[0.6, 0.8], [0.0, 1.0]], dtype=dtype))
    torch.testing.assert_close(torch.autograd.grad(length.sum(), x)[0], unit)


@pytest.mark.parametrize("shape", [(4, 3), (2, 4, 3), (5,)], ids=str)
@pytest.mark.parametrize("scale", [1.0, 1e-14, 1e17])
def test_rows_are_those_of_the_last_axis(shape: tuple[int, ...], scale: float) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=F64) * scale
    torch.testing.assert_close(_similarity.norm(x), x.norm(dim=-1), atol=0, rtol=1e-12)
    torch.testing.assert_close(_similarity.normalize(x), F.normalize(x / scale, dim=-1), atol=0, rtol=1e-12)


def test_length_and_unit_differentiate_twice() -> None:
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=F64).requires_grad_()
    for f in (_similarity.norm, _similarity.normalize):
        assert torch.autograd.gradcheck(f, x)
        assert torch.autograd.gradgradcheck(f, x)


def test_rows_of_nothing() -> None:
    assert _similarity.normalize(torch.ones(3, 0)).shape == (3, 0)
    assert _similarity.norm(torch.ones(3, 0)).tolist() == [0, 0, 0]


@pytest.mark.cpu_only("elsewhere nobody looks whether a row is ordinary")
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_ordinary_rows_are_not_scaled_first(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_similarity, "_to_safe", lambda x: pytest.fail("scaled"))
    x = scale * torch.ones(2, 4)
    assert _similarity.norm(x).tolist() == pytest.approx([2 * scale] * 2)
    assert torch.equal(_similarity.normalize(x), torch.full((2, 4), 0.5))


def test_tiles_are_taken_from_a_size_on() -> None:
    side = math.isqrt(_similarity.PLAIN)
    assert _similarity.tiles(side, side) == [slice(0, side)]
    parts = _similarity.tiles(side + 1, side)
    assert parts[0].start == 0
    assert parts[-1].stop == side + 1
    assert all(a.stop == b.start for a, b in pairwise(parts))
    assert all((part.stop - part.start) * side <= _similarity.PLAIN for part in parts)
    assert parts[0].stop == _similarity.PLAIN // side


def test_a_tile_is_a_row_where_one_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_similarity, "PLAIN", 10)
    assert _similarity.tiles(3, 20) == [slice(0, 1), slice(1, 2), slice(2, 3)]


def test_what_is_compiled_goes_in_one_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_similarity, "PLAIN", 10)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert _similarity.tiles(3, 20) == [slice(0, 3)]


def test_gathered_parts_are_those_put_together() -> None:
    parts = [torch.randn(n, 2) for n in (3, 3, 1)]
    assert torch.equal(_chunked.gather(iter(parts), 7), torch.cat(parts))
