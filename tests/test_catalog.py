"""Every claim on the cards, held: formula, gradient, range, shape, what is estimated, likelihood."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable
from itertools import pairwise
from types import NoneType
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import Tensor

from lossfns import verify
from lossfns.catalog import Claim, cards
from tests.cases import CASES, Hyper, LossCase
from tests.cases.labels import ONE_HOT
from tests.cases.layouts import PROBABILITIES
from tests.latex import TEX_NAMES, evaluate
from tests.support import case_id, each_case

UNPRINTED = {"class_weight", "pos_weight", "label_smoothing", "squared", "variant", "ignore_index"}
FINITE_HYPERS = [
    (case, hyper)
    for case in CASES
    for hyper in case.all_hypers
    # the formulas are those of an index, in the plainest variant
    if not case.form
    and not UNPRINTED & set(hyper)
    and not ("alpha" in hyper and case.name == "binary_focal_loss")
    # at these the printed formula has a removable singularity; the limits are tests of their own
    and not (case.name == "general_robust_loss" and hyper["alpha"] in (0.0, 2.0, math.inf, -math.inf))
    and not (case.name == "smooth_l1_loss" and hyper.get("beta") == 0)
    and not (case.name == "tweedie_loss" and hyper["power"] in (1.0, 2.0))
    and not (case.name == "generalized_cross_entropy" and hyper.get("q") == 0)
]


each_hyper = pytest.mark.parametrize(
    ("case", "hyper"),
    [(case, hyper) for case in CASES for hyper in case.all_hypers if case.claims.targets],
    ids=case_id,
)


def holds(claim: Claim[Any] | None, hyper: Hyper) -> Any:
    """The claim's value; hyper-parameters it does not know cannot change it."""
    assert claim is not None
    return claim.value(**hyper)


def symbols(case: LossCase, unit: tuple[Any, ...], hyper: Hyper) -> dict[str, Any]:
    defaults = {n: v for n, (v, _) in case.card.hyperparameters.items() if n not in case.required}
    values = {n: v.tolist() if isinstance(v, Tensor) else v for n, v in {**defaults, **hyper}.items()}
    numbers = {n: v for n, v in values.items() if not isinstance(v, bool | str | NoneType)}
    named = {TEX_NAMES.get(n, n): v for n, v in numbers.items()}
    return case.layout.symbols(*unit) | named | case.claims.tex_values(**hyper)


@pytest.mark.parametrize(("case", "hyper"), FINITE_HYPERS, ids=case_id)
def test_formula_and_gradient_are_those_printed(case: LossCase, hyper: Hyper) -> None:
    hyper = {
        n: v for n, v in hyper.items() if not isinstance(v, bool)
    }  # constants are left out of the formula
    arguments = case.arguments(*case.layout.batch_shape(30), seed=3)
    if not case.claims.evaluates_formula:
        pytest.skip("the formula speaks of vectors, or of more than one row")
    arguments[0].requires_grad_()
    value = case(*arguments, reduction="none", **hyper)
    (slope,) = torch.autograd.grad(value.sum(), arguments[0])
    units = case.layout.units(*(a.detach() for a in arguments))
    for unit, v, slopes in zip(
        units,
        value.reshape(-1).tolist(),
        slope.flatten(1).tolist() if slope.ndim > 1 else slope.tolist(),
        strict=True,
    ):
        names = symbols(case, unit, hyper)
        assert evaluate(case.card.formula, **names) == pytest.approx(v, rel=1e-9, abs=1e-12)
        for j, expected in enumerate(slopes if isinstance(slopes, list) else [slopes]):
            got = evaluate(case.card.gradient, **names, j=j)
            assert got == pytest.approx(expected, rel=1e-9, abs=1e-12)


@each_hyper
def test_convex_or_not(case: LossCase, hyper: Hyper) -> None:
    verdicts = [verify.convex(f, case.points(**hyper)) for f in case.of_predictions(**hyper)]
    if not holds(case.card.convex, hyper) and all(verdicts):  # a bend far out, as in Barron's family
        verdicts = [verify.convex(f, far(case)) for f in case.of_predictions(**hyper)]
    assert all(verdicts) == holds(case.card.convex, hyper), verdicts


def cover(dim: int, low: float, high: float, n: int = 1000, even: int = 1001) -> Tensor:
    """Points of an interval, evenly spaced, or of a cube, at random."""
    return verify.random_points(low, high, dim, n) if dim > 1 else verify.linspace(low, high, even)


def far(case: LossCase) -> Tensor:
    return cover(case.layout.dim, case.low if case.name == "msle_loss" else -30.0, 30.0)


def along(f: verify.Function, start: Tensor, step: Tensor) -> verify.Function:
    return lambda t: f(start + t[:, None] * step)


def kinks(case: LossCase, hyper: Hyper) -> Tensor:
    return torch.tensor(case.claims.kinks(**hyper), dtype=torch.float64)


def kink_direction(case: LossCase) -> Tensor:
    return torch.tensor(case.claims.kink_direction or [0.0] * case.layout.dim, dtype=torch.float64)


def steep(case: LossCase, hyper: Hyper) -> list[Tensor]:
    return [case.claims.steep(**hyper)] if case.claims.steep else []


@each_hyper
def test_c1_and_c2(case: LossCase, hyper: Hyper) -> None:
    """For several predictions: along the line on which the kinks lie, and along a random one."""
    lines, points = case.of_predictions(**hyper), case.points(**hyper)
    if case.layout.dim > 1:
        points = torch.cat([verify.linspace(-2, 2), kinks(case, hyper)])
        start, step = verify.random_points(-1, 1, case.layout.dim, n=2, seed=5)
        through = kink_direction(case)
        lines = [g for f in lines for g in (along(f, start, step), along(f, 0 * through, through))]
    for order, claim in ((1, case.card.c1), (2, case.card.c2)):
        tol = 1e-2 if case.layout.coupled_rows else 1e-3  # lines pass near 0, where directions turn fast
        verdicts = [verify.differentiable(g, points, order, tol) for g in lines]
        assert all(verdicts) == holds(claim, hyper), verdicts


@each_hyper
def test_lipschitz_constant(case: LossCase, hyper: Hyper) -> None:
    bound, wide = holds(case.card.lipschitz, hyper), case.claims.unbounded_range
    functions, dim = case.of_predictions(**hyper), case.layout.dim
    if math.isnan(bound):
        points = verify.random_points(*wide, dim, 4000)
        assert all(verify.lipschitz(f, 1.0, points) for f in functions)
    elif bound == math.inf:
        points = torch.cat([cover(dim, *wide), *steep(case, hyper)])
        assert not all(verify.lipschitz(f, 1000.0, points) for f in functions)
    else:
        worst = case.claims.worst_curvature
        bent = [worst(**hyper)] if worst else []
        points = torch.cat([case.points(**hyper), cover(dim, -100, 100, 4000, 20001), *bent])
        verdicts = [verify.lipschitz(f, bound, points) for f in functions]
        assert all(verdicts), verdicts
        assert any(verify.lipschitz(f, bound, points, tight=True) for f in functions), verdicts
        assert not all(verify.lipschitz(f, 0.9 * bound, points) for f in functions)
    assert holds(case.card.bounded_influence, hyper) == (bound != math.inf)


@each_hyper
def test_smoothness_constant(case: LossCase, hyper: Hyper) -> None:
    bound, wide = holds(case.card.smoothness, hyper), case.claims.unbounded_range
    functions, dim = case.of_predictions(**hyper), case.layout.dim
    if math.isnan(bound):
        points = verify.random_points(*wide, dim, 4000)
        assert all(verify.smooth(f, 1.0, points) for f in functions)
    elif bound == math.inf:
        points = cover(dim, *wide, even=200)
        near_kinks = (kinks(case, hyper)[:, None] + NEAR).reshape(-1)
        points = torch.cat([points, *(steep(case, hyper) if dim > 1 else [near_kinks])])
        if case.claims.kink_direction:
            points = torch.cat([near_kinks[:, None] * kink_direction(case), points])
        assert not all(verify.smooth(f, 1000.0, points) for f in functions)
    else:
        worst = case.claims.worst_curvature
        points = worst(**hyper) if worst else verify.linspace(-12, 12, 24001)
        verdicts = [verify.smooth(f, bound, points) for f in functions]
        assert all(verdicts), verdicts
        assert any(verify.smooth(f, bound, points, tight=True) for f in functions), verdicts
        if dim > 1:  # and nowhere else is it more
            anywhere = verify.random_points(case.low, case.high, dim)
            assert all(verify.smooth(f, bound, anywhere) for f in functions)


NEAR = torch.tensor([1e-5, -1e-5, -1e-9, 1e-9], dtype=torch.float64)


@each_hyper
def test_range(case: LossCase, hyper: Hyper) -> None:
    low, high = holds(case.card.range, hyper)
    hyper = {n: v for n, v in hyper.items() if n != "full"}
    shape = case.layout.batch_shape(2000)
    wide = case.claims.unbounded_range
    between = (max(wide[0], -1 + 1e-9), wide[1]) if case.low > -1 else wide
    moderate = case(*case.arguments(*shape, seed=11), reduction="none", **hyper)
    extreme = case(*case.arguments(*shape, between=between), reduction="none", **hyper)
    for value in (moderate, extreme):
        assert (value >= low).all()
        assert (value <= high + 1e-12).all()  # sums of shares round
    # smoothed labels cost at least their entropy
    if "label_smoothing" not in hyper and case.claims.reaches_lower_end:
        best = case(*case.row(case.claims.minimiser), **hyper)
        assert best < -5 if low == -math.inf else best < low + 1e-12
    # only labels reach the upper end, or ever larger batches
    if not case.form and not case.layout.coupled_rows and case.claims.reaches_upper_end:
        assert extreme.max() > (moderate.max() + 10 if high == math.inf else 0.97 * high)


SAMPLE = np.exp(np.random.default_rng(0).normal(size=501))


REGRESSION = [case for case in CASES if case.card.family in ("regression", "distribution")]
WITH_STATISTIC = [(case, hyper) for case in REGRESSION for hyper in case.hypers if case.claims.statistic]


def test_only_losses_of_two_predictions_lack_a_statistic() -> None:
    """What those estimate is held in the tests of their family."""
    assert all(case.claims.statistic or case.layout.dim > 1 for case in REGRESSION)


@pytest.mark.parametrize(("case", "hyper"), WITH_STATISTIC, ids=case_id)
def test_what_the_constant_prediction_estimates(case: LossCase, hyper: Hyper) -> None:
    assert case.claims.statistic is not None
    sample = torch.tensor(SAMPLE)

    def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return case.function(x, y, reduction="none", **hyper)

    statistic = float(case.claims.statistic(SAMPLE, **hyper))
    verdict = verify.elicits(loss, statistic, sample, tol=1e-5)
    assert verdict, verdict
    assert not verify.elicits(loss, statistic + 0.01, sample, tol=1e-5)


ESTIMATES: dict[str, Callable[..., float]] = {
    "mean": lambda: SAMPLE.mean(),
    "median": lambda: np.median(SAMPLE),
    "q-quantile": lambda q=0.5: np.quantile(SAMPLE, q, method="inverted_cdf"),
    "exp E log(1 + Y) − 1": lambda: np.expm1(np.log1p(SAMPLE).mean()),
    "logarithm of the mean": lambda **hyper: np.log(SAMPLE.mean()),
}


NAMED = [(case, hyper) for case, hyper in WITH_STATISTIC if case.card.estimates in ESTIMATES]


@pytest.mark.parametrize(("case", "hyper"), NAMED, ids=case_id)
def test_the_estimate_is_the_one_named(case: LossCase, hyper: Hyper) -> None:
    assert case.claims.statistic is not None
    assert case.claims.statistic(SAMPLE, **hyper) == pytest.approx(ESTIMATES[case.card.estimates](**hyper))


LABELLED = [case for case in CASES if case.card.proper is not None]
each_labelled = pytest.mark.parametrize(
    ("case", "hyper"), [(case, hyper) for case in LABELLED for hyper in case.all_hypers], ids=case_id
)
DISTRIBUTIONS = (
    (0.5, 0.3, 0.2),
    (0.2, 0.45, 0.35),
    (0.2, 0.2, 0.6),
    (0.05, 0.9, 0.05),
    (0.36, 0.34, 0.3),
    (0.5003, 1e-4, 0.4996),
)
CHANCES = ((0.9, 0.1), (0.7, 0.3), (0.52, 0.48), (0.48, 0.52), (0.25, 0.75), (0.1, 0.9))


def test_only_losses_of_real_numbers_and_of_pairs_have_no_word_on_labels() -> None:
    for case in CASES:
        assert (case.card.proper is None) == (case.card.calibrated is None)
        told = case.card.family in ("classification", "imbalance") and case.name not in (
            "js_divergence",
            "ordinal_loss",
        )
        assert (case.card.proper is not None) == told


def of_labels(case: LossCase, scores: Tensor, hyper: Hyper) -> Tensor:
    """The loss of each row of scores for each of the labels, (n, labels)."""
    labels = (0.0, 1.0) if case.layout.dim == 1 else ONE_HOT if case.layout is PROBABILITIES else (0, 1, 2)
    columns = [case(*case.layout.predictions(scores, y), reduction="none", **hyper) for y in labels]
    return torch.stack(columns, 1)


def best_scores(case: LossCase, p: Tensor, hyper: Hyper) -> Tensor:
    """The scores of least expected loss where labels have probabilities p; of three, the last is 0."""

    def risk(scores: Tensor) -> Tensor:
        return of_labels(case, scores, hyper) @ p

    if case.layout.dim == 1:
        return torch.tensor([verify.minimiser(risk, -20, 20)], dtype=torch.float64)
    centre, half = torch.zeros(2, dtype=torch.float64), 20.0
    while half > 1e-8:
        axis = verify.linspace(-half, half, 41)
        grid = centre + torch.cartesian_prod(axis, axis)
        scores = torch.cat([grid, torch.zeros(len(grid), 1, dtype=torch.float64)], 1)
        centre, half = grid[risk(scores).argmin()], half / 5
    return torch.cat([centre, torch.zeros(1, dtype=torch.float64)])


@each_labelled
def test_proper_and_calibrated_or_not(case: LossCase, hyper: Hyper) -> None:
    """Proper: the best scores give the probabilities. Calibrated: they rank the likeliest label first."""
    if hyper.get("ignore_index") == 1:
        pytest.skip("a label that is ignored is not estimated")
    proper, calibrated = True, True
    for probabilities in CHANCES if case.layout.dim == 1 else DISTRIBUTIONS:
        p = torch.tensor(probabilities, dtype=torch.float64)
        scores = best_scores(case, p, hyper)
        if case.layout.dim == 1:
            got, ranked = torch.sigmoid(scores)[0], torch.tensor([0.0, float(scores)])
            expected: Tensor = p[1]
        else:
            got, ranked, expected = scores.softmax(0), scores, p
        proper &= torch.allclose(got, expected, atol=1e-6)
        first, second = ranked.topk(2).values
        calibrated &= bool(first - second > 1e-5) and int(ranked.argmax()) == int(p.argmax())
        if case.claims.statistic is not None:
            claimed = case.claims.statistic(expected.numpy(), **hyper)
            assert torch.allclose(got, torch.as_tensor(claimed), atol=1e-6)
    assert proper == holds(case.card.proper, hyper)
    assert calibrated == holds(case.card.calibrated, hyper)


@each_labelled
def test_a_likelihood_of_labels_sums_to_a_constant(case: LossCase, hyper: Hyper) -> None:
    if hyper.get("ignore_index") == 1:
        pytest.skip("a label that is ignored has no probability")
    mass = torch.exp(-of_labels(case, case.points(**hyper), hyper)).sum(1)
    assert case.card.likelihood.value(**hyper) == bool((mass - mass[0]).abs().max() < 1e-9)


def normaliser(case: LossCase, prediction: tuple[float, ...], reach: float, hyper: Hyper) -> float:
    """∫ exp(−loss) over targets within ``reach`` of the prediction."""
    x = torch.tensor([prediction], dtype=torch.float64)

    def density(y: float) -> float:
        return math.exp(
            -float(case(*case.layout.predictions(x if len(prediction) > 1 else x[0], y), **hyper))
        )

    edges = sorted({prediction[0] + s * r for r in (0, 0.5, 3, 30, reach) if r <= reach for s in (1, -1)})
    return sum(float(quad(density, a, b, limit=100)[0]) for a, b in pairwise(edges))


@pytest.mark.parametrize(
    ("case", "hyper"), [(case, hyper) for case in REGRESSION for hyper in case.hypers], ids=case_id
)
def test_likelihood(case: LossCase, hyper: Hyper) -> None:
    hyper = {n: v for n, v in hyper.items() if n != "full"}
    if case.claims.neg_log_density is not None:
        assert case.card.likelihood.value(**hyper)
        for y in (0.0, 1.0, 5.0):
            rows = [[x, y, *rest] for x in (-0.4, 0.3, 2.0) for rest in ([], [0.7])[case.arity - 2 :][:1]]
            gaps = [
                float(case(*(torch.tensor([v], dtype=torch.float64) for v in row), **hyper))
                - case.claims.neg_log_density(*row, **hyper)
                for row in rows
            ]
            assert gaps == pytest.approx([gaps[0]] * 3, abs=1e-9)
        return
    is_density = case.card.likelihood.value(**hyper)
    if case.layout.dim > 1:
        parts = [normaliser(case, (0.0, s), 400.0, hyper) for s in (0.0, 2.0)]
        assert is_density == (parts[0] == pytest.approx(parts[1], rel=1e-3))
        return
    bounded = holds(case.card.range, hyper)[1] < math.inf
    narrow, wide = (normaliser(case, (0.5,), reach, hyper) for reach in (1e3, 1e4))
    assert is_density == (not bounded and wide < 1.01 * narrow), "whether exp(−loss) has a finite integral"


def test_a_card_knows_the_chapter_that_the_docstring_names() -> None:
    assert cards()["mse_loss"].chapter == "Squared error"
    assert cards()["dice_loss"].chapter == "Overlap losses"
    assert cards()["margin_ranking_loss"].chapter == "Ranking and recommendation"


def test_nobody_changes_a_card() -> None:
    for thing, field in ((cards()["mse_loss"], "title"), (cards()["mse_loss"].convex, "words")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, field, "better")


MUST_BE_GIVEN = {"class_prior", "class_count"}


@each_case
def test_hyper_parameters_are_described(case: LossCase) -> None:
    for name, (default, words) in case.card.hyperparameters.items():
        assert words
        assert (default is inspect.Parameter.empty) == (name in MUST_BE_GIVEN), name
        if name not in case.required:
            case.module(**{name: default})
