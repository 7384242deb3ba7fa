"""Every claim on the cards, held: formula, gradient, range, shape, what is estimated, likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from cases import CASES, Hyper, LossCase
from latex import evaluate
from scipy.integrate import quad
from test_every_loss import each, each_hyper, show

from lossfns import verify
from lossfns.catalog import Claim

TEX_NAMES = {"scale": "c", "epsilon": "varepsilon"}
FINITE_HYPERS = [
    (case, hyper)
    for case in CASES
    for hyper in case.hypers
    # at these the printed formula has a removable singularity; the limits are tests of their own
    if hyper.get("alpha", 1.0) not in (0.0, 2.0, math.inf, -math.inf) and hyper.get("beta", 1.0) != 0
]


def holds(claim: Claim[Any], hyper: Hyper) -> Any:
    """The claim's value; hyper-parameters it does not know cannot change it."""
    return claim.value(**hyper)


def symbols(case: LossCase, row: list[float], hyper: Hyper) -> dict[str, float]:
    names = ("yhat", "y") if case.arity == 2 else ("mu", "y", "s")
    defaults = {n: v for n, (v, _) in case.card.hyperparameters.items() if not isinstance(v, bool)}
    numbers = {TEX_NAMES.get(n, n): float(v) for n, v in {**defaults, **hyper}.items() if n in defaults}
    return dict(zip(names, row, strict=True)) | numbers


@pytest.mark.parametrize(("case", "hyper"), FINITE_HYPERS, ids=show)
def test_formula_and_gradient_are_those_printed(case: LossCase, hyper: Hyper) -> None:
    hyper = {
        n: v for n, v in hyper.items() if not isinstance(v, bool)
    }  # constants are left out of the formula
    arguments = case.arguments(30, seed=3)
    arguments[0].requires_grad_()
    value = case.function(*arguments, reduction="none", **hyper)
    (slope,) = torch.autograd.grad(value.sum(), arguments[0])
    for i in range(len(value)):
        names = symbols(case, [float(a.detach()[i]) for a in arguments], hyper)
        assert evaluate(case.card.formula, **names) == pytest.approx(value[i].item(), rel=1e-9, abs=1e-12)
        assert evaluate(case.card.gradient, **names) == pytest.approx(float(slope[i]), rel=1e-9, abs=1e-12)


@each_hyper
def test_convex_or_not(case: LossCase, hyper: Hyper) -> None:
    verdict = verify.convex(case.of_predictions(**hyper), case.points(**hyper))
    if not holds(case.card.convex, hyper) and verdict:  # a bend far out, as in Barron's family
        verdict = verify.convex(case.of_predictions(**hyper), verify.line(*far(case)))
    assert bool(verdict) == holds(case.card.convex, hyper), verdict


def far(case: LossCase) -> tuple[float, float]:
    return (case.low, 30.0) if case.low > -1 else (-30.0, 30.0)


@each_hyper
def test_c1_and_c2(case: LossCase, hyper: Hyper) -> None:
    f = case.of_predictions(**hyper)
    if case.arity == 3:  # along random lines through the predictions
        start, step = verify.box(-1, 1, 2, n=2, seed=5)
        lines = [lambda t, f=f: f(start + t[:, None] * step)]
        points = verify.line(-2, 2)
    else:
        lines, points = [f], case.points(**hyper)
    for along in lines:
        for order, claim in ((1, case.card.c1), (2, case.card.c2)):
            verdict = verify.differentiable(along, points, order)
            assert bool(verdict) == holds(claim, hyper), verdict


@each_hyper
def test_lipschitz_constant(case: LossCase, hyper: Hyper) -> None:
    bound = holds(case.card.lipschitz, hyper)
    f = case.of_predictions(**hyper)
    if bound == math.inf:
        wide = verify.box(*case.wide, 2) if case.arity == 3 else verify.line(*case.wide)
        assert not verify.lipschitz(f, 1000.0, wide)
    else:
        points = torch.cat([case.points(**hyper), verify.line(-100, 100, 20001)])
        verdict = verify.lipschitz(f, bound, points, tight=True)
        assert verdict, verdict
        assert not verify.lipschitz(f, 0.9 * bound, points)
    assert holds(case.card.bounded_influence, hyper) == (bound < math.inf)


@each_hyper
def test_smoothness_constant(case: LossCase, hyper: Hyper) -> None:
    bound = holds(case.card.smoothness, hyper)
    f = case.of_predictions(**hyper)
    if bound == math.inf:
        if case.arity == 3:
            points = verify.box(*case.wide, 2)
        else:
            near = torch.tensor([1e-5, -1e-5], dtype=torch.float64)
            kinks = torch.tensor(case.kinks(**hyper), dtype=torch.float64)
            points = torch.cat([(kinks[:, None] + near).reshape(-1), verify.line(*case.wide, 200)])
        assert not verify.smooth(f, 1000.0, points)
    else:
        points = torch.cat([verify.line(-12, 12, 24001)])
        verdict = verify.smooth(f, bound, points, tight=True)
        assert verdict, verdict


@each_hyper
def test_range(case: LossCase, hyper: Hyper) -> None:
    low, high = holds(case.card.range, hyper)
    hyper = {n: v for n, v in hyper.items() if n != "full"}
    arguments = case.arguments(2000, seed=11)
    wide = [case.wide[0] + (case.wide[1] - case.wide[0]) * torch.rand(2000).double() for _ in arguments]
    if case.low > -1:
        wide = [a.clamp(min=-1 + 1e-9) for a in wide]
    moderate = case.function(*arguments, reduction="none", **hyper)
    extreme = case.function(*wide, reduction="none", **hyper)
    for value in (moderate, extreme):
        assert (value >= low).all()
        assert (value <= high).all()
    best = case.function(*(torch.tensor([v], dtype=torch.float64) for v in case.best), **hyper)
    assert best < -5 if low == -math.inf else best < low + 1e-12
    assert extreme.max() > (moderate.max() + 10 if high == math.inf else 0.97 * high)


SAMPLE = np.exp(np.random.default_rng(0).normal(size=501))


WITH_STATISTIC = [(case, hyper) for case in CASES for hyper in case.hypers if case.statistic]


def test_only_losses_of_two_predictions_lack_a_statistic() -> None:
    """What those estimate is held in test_regression."""
    assert all(case.statistic or case.arity == 3 for case in CASES)


@pytest.mark.parametrize(("case", "hyper"), WITH_STATISTIC, ids=show)
def test_what_the_constant_prediction_estimates(case: LossCase, hyper: Hyper) -> None:
    assert case.statistic is not None
    sample = torch.tensor(SAMPLE)

    def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return case.function(x, y, reduction="none", **hyper)

    statistic = float(case.statistic(SAMPLE, **hyper))
    verdict = verify.elicits(loss, statistic, sample, tol=1e-5)
    assert verdict, verdict
    assert not verify.elicits(loss, statistic + 0.01, sample, tol=1e-5)


ESTIMATES: dict[str, Callable[..., float]] = {
    "mean": lambda: SAMPLE.mean(),
    "median": lambda: np.median(SAMPLE),
    "q-quantile": lambda q=0.5: np.quantile(SAMPLE, q, method="inverted_cdf"),
    "exp E log(1 + Y) − 1": lambda: np.expm1(np.log1p(SAMPLE).mean()),
    "logarithm of the mean": lambda full=False: np.log(SAMPLE.mean()),
}


NAMED = [(case, hyper) for case, hyper in WITH_STATISTIC if case.card.estimates in ESTIMATES]


@pytest.mark.parametrize(("case", "hyper"), NAMED, ids=show)
def test_the_estimate_is_the_one_named(case: LossCase, hyper: Hyper) -> None:
    assert case.statistic is not None
    assert case.statistic(SAMPLE, **hyper) == pytest.approx(ESTIMATES[case.card.estimates](**hyper))


def normaliser(case: LossCase, prediction: tuple[float, ...], reach: float, hyper: Hyper) -> float:
    """∫ exp(−loss) over targets within ``reach`` of the prediction."""
    first, *rest = prediction

    def density(y: float) -> float:
        tensors = [torch.tensor(v, dtype=torch.float64) for v in (first, y, *rest)]
        return math.exp(-float(case.function(*tensors, **hyper)))

    edges = sorted({first + s * r for r in (0, 0.5, 3, 30, reach) if r <= reach for s in (1, -1)})
    return sum(quad(density, a, b, limit=100)[0] for a, b in pairwise(edges))


@each_hyper
def test_likelihood(case: LossCase, hyper: Hyper) -> None:
    hyper = {n: v for n, v in hyper.items() if n != "full"}
    if case.neg_log_density is not None:
        assert case.card.likelihood is not None
        for y in (0.0, 1.0, 5.0):
            rows = [[x, y, *rest] for x in (-0.4, 0.3, 2.0) for rest in ([], [0.7])[case.arity - 2 :][:1]]
            gaps = [
                float(case.function(*(torch.tensor([v], dtype=torch.float64) for v in row), **hyper))
                - case.neg_log_density(*row, **hyper)
                for row in rows
            ]
            assert gaps == pytest.approx([gaps[0]] * 3, abs=1e-9)
        return
    is_density = case.card.likelihood is not None and hyper.get("alpha", 1.0) >= 0
    if case.arity == 3:
        parts = [normaliser(case, (0.0, s), 400.0, hyper) for s in (0.0, 2.0)]
        assert is_density == (parts[0] == pytest.approx(parts[1], rel=1e-3))
        return
    bounded = holds(case.card.range, hyper)[1] < math.inf  # then exp(−loss) has infinite mass
    assert is_density != bounded
    if is_density:
        narrow, wide = (normaliser(case, (0.5,), reach, hyper) for reach in (1e3, 1e4))
        assert wide < 1.01 * narrow


@each
def test_hyper_parameters_are_described(case: LossCase) -> None:
    for name, (default, words) in case.card.hyperparameters.items():
        assert words
        case.card.module(**{name: default})
