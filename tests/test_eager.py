"""A glance at values, where looking makes nobody wait; elsewhere the answer is no."""

from __future__ import annotations

import pytest
import torch

from lossfns import _eager


def test_what_can_be_read() -> None:
    x = torch.ones(3)
    assert _eager.can_read(x)
    assert not _eager.can_read(x.to("meta"))
    seen = []

    def look(row: torch.Tensor) -> torch.Tensor:
        seen.append(_eager.can_read(row))
        return row

    torch.func.vmap(look)(x.expand(2, 3))
    assert seen == [False]


def test_nothing_is_read_while_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert not _eager.can_read(torch.ones(3))


def test_bounds_are_left_out() -> None:
    x = torch.tensor([1.0, 2.0])
    assert _eager.known_between(x, 0.9, 2.1)
    assert not _eager.known_between(x, 1.0, 2.1)
    assert not _eager.known_between(x, 0.9, 2.0)
    assert not _eager.known_between(torch.tensor([1.0, float("nan")]), 0.9, 2.1)
    assert not _eager.known_between(x[:0], 0.9, 2.1)


def test_finite_whole_and_false() -> None:
    assert _eager.known_finite(torch.tensor([1.0, -2.0]))
    assert not _eager.known_finite(torch.tensor([1.0, float("inf")]))
    assert _eager.known_integral(torch.tensor([0.0, 2.0]))
    assert not _eager.known_integral(torch.tensor([0.0, 0.5]))
    assert _eager.known_all_false(torch.tensor([False, False]))
    assert not _eager.known_all_false(torch.tensor([False, True]))
