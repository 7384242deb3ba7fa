"""A glance at values, where looking makes nobody wait; elsewhere the answer is no."""

from __future__ import annotations

import pytest
import torch

from lossfns import _look


def test_what_can_be_read() -> None:
    x = torch.ones(3)
    assert _look.readable(x)
    assert not _look.readable(x.to("meta"))
    seen = []
    torch.func.vmap(lambda row: (seen.append(_look.readable(row)), row)[1])(x.expand(2, 3))
    assert seen == [False]


def test_nothing_is_read_while_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert not _look.readable(torch.ones(3))


def test_bounds_are_left_out() -> None:
    x = torch.tensor([1.0, 2.0])
    assert _look.seen_between(x, 0.9, 2.1)
    assert not _look.seen_between(x, 1.0, 2.1)
    assert not _look.seen_between(x, 0.9, 2.0)
    assert not _look.seen_between(torch.tensor([1.0, float("nan")]), 0.9, 2.1)
    assert not _look.seen_between(x[:0], 0.9, 2.1)


def test_finite_whole_and_false() -> None:
    assert _look.seen_finite(torch.tensor([1.0, -2.0]))
    assert not _look.seen_finite(torch.tensor([1.0, float("inf")]))
    assert _look.seen_whole(torch.tensor([0.0, 2.0]))
    assert not _look.seen_whole(torch.tensor([0.0, 0.5]))
    assert _look.seen_false(torch.tensor([False, False]))
    assert not _look.seen_false(torch.tensor([False, True]))
