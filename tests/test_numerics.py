"""Division where both sides may vanish, and logarithms of sums."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lossfns import _compiled
from lossfns._numerics import log_sum_from, safe_divide, underflows

DTYPES = (torch.float32, torch.float64)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_nothing_of_nothing_is_nothing(dtype: torch.dtype) -> None:
    part, whole = (torch.zeros((), dtype=dtype, requires_grad=True) for _ in range(2))
    value = safe_divide(part, whole)
    assert value == 0
    assert [g.item() for g in torch.autograd.grad(value, (part, whole))] == [1, 0]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_smallest_normal_number_is_something(dtype: torch.dtype) -> None:
    """Below it, the inverse may overflow."""
    tiny = torch.tensor(torch.finfo(dtype).tiny, dtype=dtype)
    assert not underflows(tiny)
    assert underflows(tiny / 2)
    assert safe_divide(tiny / 4, tiny) == 0.25
    assert safe_divide(tiny / 8, tiny / 2) == tiny / 8


def test_elsewhere_it_is_the_quotient() -> None:
    part = torch.tensor([0.0, 1.0, 3.0], requires_grad=True)
    whole = torch.tensor([2.0, 4.0, 3.0], requires_grad=True)
    value = safe_divide(part, whole)
    assert torch.equal(value, torch.tensor([0.0, 0.25, 1.0]))
    slopes = torch.autograd.grad(value.sum(), (part, whole))
    assert torch.allclose(slopes[0], torch.tensor([0.5, 0.25, 1 / 3]))
    assert torch.allclose(slopes[1], torch.tensor([0.0, -1 / 16, -1 / 3]))


@pytest.mark.parametrize("none", [True, False])
def test_log_sums_from_each_place_are_those_of_a_compiler(
    none: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values and gradients, where some are as good as −∞, and where a power of none vanishes."""
    s = torch.randn(3, 11, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 50
    if none:
        s[:, ::4] = torch.finfo(s.dtype).min
    s.requires_grad_()
    factors = torch.arange(33.0).sub(9).reshape(3, 11)

    def value_and_gradient() -> tuple[Tensor, Tensor]:
        sums = log_sum_from(s)
        sums = torch.where(sums < -1e300, 0.0, sums)
        return sums.detach(), torch.autograd.grad((factors * sums).sum(), s)[0]

    plain = value_and_gradient()
    expected = [s[:, k:].logsumexp(-1) for k in range(1, 11)]
    torch.testing.assert_close(plain[0][:, 1:], torch.stack(expected, 1).detach())
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    torch.testing.assert_close(value_and_gradient(), plain, rtol=1e-12, atol=1e-12)


def test_a_compiler_keeps_the_digits_of_expm1_and_log1p(monkeypatch: pytest.MonkeyPatch) -> None:
    """With operations that it does not replace: in its code for a CPU, expm1(x) is exp(x) − 1."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    monkeypatch.setattr(torch, "expm1", None)
    monkeypatch.setattr(torch, "log1p", None)
    sizes = [0.0, 1e-30, 1e-8, 1e-4, 0.1, 0.99, 1.01, 5.0, 80.0]
    x = torch.tensor(sizes + [-v for v in sizes], requires_grad=True)
    for f, exact, slope, given in (
        (_compiled.expm1, math.expm1, math.exp, x),
        (_compiled.log1p, math.log1p, lambda v: 1 / (1 + v), x.abs().detach().requires_grad_()),
    ):
        value = f(given)
        (gradient,) = torch.autograd.grad(value.sum(), given)
        wanted = [(exact(v), slope(v)) for v in given.tolist()]
        torch.testing.assert_close(value, torch.tensor([a for a, _ in wanted]), rtol=5e-7, atol=0.0)
        torch.testing.assert_close(gradient, torch.tensor([b for _, b in wanted]), rtol=5e-7, atol=0.0)
    assert _compiled.expm1(torch.tensor([100.0, -torch.inf])).tolist() == [math.inf, -1.0]


@pytest.mark.parametrize("spread", [500.0, 700.0, 2000.0])
def test_log_sums_of_distant_scores_keep_their_digits(spread: float) -> None:
    s = torch.tensor([0.0, -spread, -spread, 0.0, -spread / 2, -spread], requires_grad=True)
    sums = log_sum_from(s)
    expected = [s[k:].double().logsumexp(0) for k in range(6)]
    torch.testing.assert_close(sums.detach().double(), torch.stack(expected).detach(), rtol=1e-7, atol=0)
    (slope,) = torch.autograd.grad(sums.sum(), s)
    torch.testing.assert_close(slope, torch.tensor([0.5, 0.0, 0.0, 3.5, 1.0, 1.0]), rtol=1e-6, atol=1e-30)
