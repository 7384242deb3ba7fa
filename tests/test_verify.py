"""Each checker accepts what is true, rejects what is not, and says what it saw."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import verify
from lossfns.verify import linspace, random_points

R = linspace(-4, 4)


def test_a_verdict_is_a_truth_value_with_evidence() -> None:
    yes, no = verify.Verdict("c", True, "seen"), verify.Verdict("c", False, "not so")
    assert yes
    assert not no
    assert (str(yes), str(no)) == ("holds: c: seen", "FAILS: c: not so")
    assert verify.Verdict("c", np.bool_(True), "seen")  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError):
        no.holds = True  # type: ignore[misc]


def test_a_long_counterexample_is_shortened() -> None:
    verdict = verify.equal(lambda x: x.sum(1), lambda x: 2 * x.sum(1), random_points(1, 2, 9))
    assert verdict.evidence.startswith("at (")
    assert verdict.evidence.count(",") == 5
    assert "…" in verdict.evidence
    whole = verify.equal(lambda x: x.sum(1), lambda x: 2 * x.sum(1), random_points(1, 2, 5))
    assert whole.evidence.count(",") == 4
    assert "…" not in whole.evidence
    assert "…" in verify.equal(lambda x: x.sum(1), lambda x: 2 * x.sum(1), random_points(1, 2, 6)).evidence


def test_points() -> None:
    assert linspace(-1, 1, 3).tolist() == [-1, 0, 1]
    assert linspace(-5, 5).shape == (1001,)
    assert 0.0 in linspace(-5, 5)
    assert random_points(0, 1, 2).shape == (1000, 2)
    cube = random_points(2, 3, 4, n=50)
    assert cube.shape == (50, 4)
    assert (cube >= 2).all()
    assert (cube <= 3).all()
    assert torch.equal(cube, random_points(2, 3, 4, n=50))
    assert not torch.equal(cube, random_points(2, 3, 4, n=50, seed=1))


def test_equal() -> None:
    assert verify.equal(torch.sin, lambda x: torch.cos(x - math.pi / 2), R)
    verdict = verify.equal(torch.sin, torch.cos, R)
    assert not verdict
    assert "against" in verdict.evidence
    assert not verify.equal(torch.sin, lambda x: torch.sin(x) * 1.001, R)
    assert not verify.equal(torch.log, torch.log, R), "NaN is never equal"
    assert verify.equal(lambda x: x / 0, lambda x: 2 * x / 0, linspace(1, 2)), "inf equals inf"
    assert not verify.equal(lambda x: x / 0, lambda x: -x / 0, linspace(1, 2))
    assert verify.equal(lambda x: 1e6 * x, lambda x: 1e6 * x + 1e-5, linspace(1, 2)), (
        "relative for large values"
    )
    assert verify.equal(lambda x: x, lambda x: x + 0.9e-9, linspace(0, 0.5)), "absolute for small ones"
    assert not verify.equal(lambda x: x, lambda x: x + 1.1e-9, linspace(0, 0.5))
    same = verify.equal(torch.sin, torch.sin, R, tol=0)
    assert same, "no error is within a tolerance of none"
    assert same.evidence == "1001 points, the same to within 0"
    assert verify.equal(lambda x: x, lambda x: x + (x == 3), linspace(0, 4, 5)).evidence == "at 3 3 against 4"


def test_gradient() -> None:
    assert verify.gradient(lambda r: r**3, lambda r: 3 * r**2, R)
    assert not verify.gradient(lambda r: r**3, lambda r: 3 * r, R)
    assert verify.gradient(lambda x: (x**2).sum(1), lambda x: 2 * x, random_points(-1, 1, 3))
    assert not verify.gradient(lambda x: (x**2).sum(1), lambda x: x, random_points(-1, 1, 3))


def test_convex() -> None:
    assert verify.convex(torch.exp, R)
    assert verify.convex(lambda x: x.norm(dim=1), random_points(-1, 1, 3))
    for f in (torch.sin, lambda r: -(r**2), lambda r: r.abs().sqrt(), torch.log):
        verdict = verify.convex(f, R)
        assert not verdict
        assert "of the way from" in verdict.evidence
    assert not verify.convex(lambda x: x[:, 0] * x[:, 1], random_points(-1, 1, 2)), (
        "convex in each, not in both"
    )
    assert verify.convex(lambda r: 3e9 + 1e9 * r, R), "sums round: the tolerance is relative"

    def small(size: float) -> verify.Function:
        return lambda r: size * torch.relu(1 - r.abs())

    assert verify.convex(small(0.9e-9), R), "and absolute for small values"
    assert not verify.convex(small(1.1e-9), R)
    assert verify.convex(torch.zeros_like, R, tol=0)


@pytest.mark.parametrize("checker", [verify.lipschitz, verify.smooth])
def test_chords_are_drawn_from_a_seed(checker: Callable[..., verify.Verdict]) -> None:
    verdict = checker(torch.sin, 1.0, R)
    assert verdict.evidence.startswith("10000 chords, steepest ")
    assert verdict == checker(torch.sin, 1.0, R, tight=False, chords=10_000, seed=0)
    assert verdict.evidence != checker(torch.sin, 1.0, R, chords=100).evidence
    assert checker(torch.sin, 1.0, R, chords=3, seed=0) != checker(torch.sin, 1.0, R, chords=3, seed=1)
    assert checker(lambda r: 0 * r, 0.0, R, tight=True), "a bound of 0 can be tight, too"


def test_lipschitz() -> None:
    assert verify.lipschitz(torch.sin, 1.0, R, tight=True)
    assert verify.lipschitz(torch.sin, 2.0, R)
    assert not verify.lipschitz(torch.sin, 2.0, R, tight=True), "2 is a bound, not the best"
    assert not verify.lipschitz(torch.sin, 0.9, R)
    assert not verify.lipschitz(torch.log, 1e9, R), "NaN has no bound"
    assert not verify.lipschitz(lambda r: torch.sign(r) + 0 * r, 10.0, R), "a step has slope 0 by autograd"
    assert verify.lipschitz(torch.relu, 1 + 0.005, R, tight=True), "within 1 %"
    assert not verify.lipschitz(torch.relu, 1 + 0.02, R, tight=True)
    assert verify.lipschitz(lambda x: 3 * x.norm(dim=1), 3.0, random_points(-1, 1, 3), tight=True)


def test_smooth() -> None:
    assert verify.smooth(lambda r: r**2, 2.0, R, tight=True)
    assert not verify.smooth(lambda r: r**2, 1.9, R)
    assert not verify.smooth(lambda r: r**2, 3.0, R, tight=True)
    assert not verify.smooth(torch.abs, 100.0, R), "the gradient jumps"


def test_differentiable() -> None:
    assert verify.differentiable(torch.sin, R, 2)
    assert not verify.differentiable(torch.abs, R)
    assert not verify.differentiable(torch.abs, R, 2), "twice needs once"

    def huber(r: Tensor) -> Tensor:
        return F.huber_loss(r, torch.zeros_like(r), reduction="none")

    assert verify.differentiable(huber, R, 1)
    assert verify.differentiable(huber, R), "once, if nothing is said"
    verdict = verify.differentiable(huber, R, 2)
    assert not verdict
    assert "derivative 2 jumps from 0 to 1 at -1" in verdict.evidence
    for jump in (0.9e-3, 1.1e-3):
        verdict = verify.differentiable(lambda r: jump * torch.relu(r), R)  # noqa: B023
        assert bool(verdict) == (jump < 1e-3)
    assert verify.differentiable(lambda r: 1e6 * r + 900 * torch.relu(r), R), "relative for large slopes"


SAMPLE = torch.tensor([0.0, 1.0, 2.0, 3.0, 10.0])


def test_elicits() -> None:
    assert verify.elicits(lambda a, y: (a - y) ** 2, 3.2, SAMPLE)
    assert verify.elicits(lambda a, y: (a - y).abs(), 2.0, SAMPLE)
    verdict = verify.elicits(lambda a, y: (a - y).abs(), 3.2, SAMPLE)
    assert not verdict
    assert verdict.evidence == "least average loss at 2, the claimed statistic is 3.2"
    squared = lambda a, y: (a - y) ** 2  # noqa: E731
    narrow = torch.tensor([100.0, 101.0])
    assert verify.elicits(squared, 100.5 + 0.9e-3, narrow, tol=1e-3), "relative to the range"
    assert not verify.elicits(squared, 100.5 + 1.1e-3, narrow, tol=1e-3)


def test_proper() -> None:
    def log_loss(z: Tensor, t: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(z, t, reduction="none")

    assert verify.proper(log_loss)
    assert verify.proper(lambda z, t: (torch.sigmoid(z) - t) ** 2)
    assert verify.proper(lambda p, t: (p - t) ** 2, link=lambda p: p)
    verdict = verify.proper(lambda z, t: (torch.sigmoid(z) - t).abs())
    assert not verdict
    assert "the best prediction is" in verdict.evidence
    assert not verify.proper(lambda z, t: log_loss(2 * z, t))
    assert verify.proper(log_loss).evidence == "19 probabilities, each recovered"
    # at best 2 η / (1 + η), which is farthest from η at √2 - 1
    verdict = verify.proper(lambda z, t: (1 + t) * log_loss(z, t))
    assert verdict.evidence == "for probability 0.40 the best prediction is 0.57143"
    assert verify.proper(log_loss, lambda z: torch.sigmoid(z) + 0.9e-6)
    assert not verify.proper(log_loss, lambda z: torch.sigmoid(z) + 1.1e-6)


def test_invariant() -> None:
    assert verify.invariant(lambda x: x.norm(dim=1), lambda x: x.flip(1), random_points(-1, 1, 3))
    assert not verify.invariant(lambda x: x.norm(dim=1), lambda x: x + 1e-8, random_points(-1, 1, 3))
    assert not verify.invariant(lambda x: x.norm(dim=1), lambda x: x + 1, random_points(-1, 1, 3))


def test_limit() -> None:
    def family(r: Tensor, h: float) -> Tensor:
        return torch.sqrt(r**2 + h**2)

    assert verify.limit(family, (1.0, 0.1, 1e-4), torch.abs, R)
    assert not verify.limit(family, (1.0, 0.1), torch.abs, R), "not close enough yet"
    assert not verify.limit(family, (1e-4, 1.0), torch.abs, R), "moves away"
    assert not verify.limit(family, (1.0, 1e-4), torch.square, R)
    assert verify.limit(family, (0.0, 0.0), torch.abs, R), "it may be there already"


def test_finite() -> None:
    verdict = verify.finite(lambda x, y: (x - y).abs())
    assert verdict
    assert verdict.evidence == "96 values and gradients in 4 dtypes"  # 6 sizes, 2 signs, 2 targets
    seen = set()

    def difference(x: Tensor, y: Tensor) -> Tensor:
        seen.add((x.item(), y.item()))
        return x - y

    verify.finite(difference, dtypes=(torch.float64,))
    assert seen == {(s * v, y) for v in (0, 1e-4, 1, 20, 100, 1e4) for s in (1, -1) for y in (0, 1)}
    verdict = verify.finite(lambda x, y: torch.log(torch.cosh(x - y)))
    assert not verdict
    assert "input 20, target 0, torch.float16: value inf" in verdict.evidence
    verdict = verify.finite(lambda x, y: (x - y).abs().sqrt())
    assert not verdict
    assert "gradient nan" in verdict.evidence


def test_minimiser() -> None:
    assert verify.minimiser(lambda x: (x - 1.234567) ** 2, -5, 5) == pytest.approx(1.234567, abs=1e-8)
    assert verify.minimiser(lambda x: x, -5, 5) == pytest.approx(-5)
    two_wells = verify.minimiser(lambda x: (x**2 - 1) ** 2 + 0.1 * x, -3, 3)
    assert two_wells == pytest.approx(-1.0123, abs=1e-3), "the deeper of two"


def test_report() -> None:
    text = verify.report(lambda x, y: F.huber_loss(x, y, reduction="none"))
    assert text.count("holds") == 3
    assert "slope: at most 1 on [-5, 5]; does not grow on ten times the range" in text
    assert "estimates: 1.15 on a sample of mean 1.647, median 1" in text
    broken = verify.report(lambda x, y: (x - y).abs().sqrt(), sample=SAMPLE)
    assert "FAILS: convex" in broken
    assert "FAILS: finite" in broken
    assert "mean 3.2, median 2" in broken
    assert "; grows on ten times" in verify.report(lambda x, y: (x - y) ** 2)
    assert "; grows on ten times" in verify.report(lambda x, y: (x - y).abs() ** 1.2)
    for steep in (
        lambda x, y: 2 * (x - y).abs(),
        lambda x, y: (x - y).abs() + torch.relu((x - y).abs() - 52) ** 2,  # from beyond ten times 5 on
    ):
        assert "; does not grow on ten times" in verify.report(steep)


def test_report_notices_a_wrong_gradient() -> None:
    def bent(x: Tensor, y: Tensor) -> Tensor:
        return (x - y).abs() + 0.1 * ((x - y) - (x - y).detach())

    assert "FAILS: gradient equals a central difference" in verify.report(bent)
