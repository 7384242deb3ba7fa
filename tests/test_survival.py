"""What is particular to losses of the time to an event: risk sets, ties, censoring, the edges of the laws."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.stats
import torch
from statsmodels.duration.hazard_regression import PHReg
from torch import Tensor

import lossfns
from lossfns.survival import Ties
from tests.cases.survival import cox
from tests.support import by_reference, wrong_index

F64 = torch.float64
TIES: tuple[Ties, ...] = ("efron", "breslow")
each_ties = pytest.mark.parametrize("ties", TIES)


def rows(n: int, times: int = 5, seed: int = 0, dtype: torch.dtype = F64) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, times of which many are the same, and events of two in three."""
    rng = torch.Generator().manual_seed(seed)
    scores = torch.randn(n, generator=rng, dtype=F64).to(dtype)
    return scores, torch.randint(times, (n,), generator=rng), torch.rand(n, generator=rng) < 0.67


@each_ties
def test_cox_is_the_partial_likelihood_of_statsmodels(ties: Ties) -> None:
    for n, times in ((40, 6), (40, 1), (30, 10**6)):
        s, t, event = rows(n, times)
        model = PHReg(
            t.numpy().astype(float), s.numpy()[:, None], status=event.numpy().astype(int), ties=ties
        )
        ours = lossfns.cox_loss(s, t, event, ties=ties, reduction="sum")
        assert ours.item() == pytest.approx(-model.loglike(np.array([1.0])), rel=1e-12)
        assert lossfns.cox_loss(s, t, event, ties=ties) == ours / event.sum()


@each_ties
def test_cox_has_the_gradient_of_a_loop_over_risk_sets(ties: Ties) -> None:
    """Of the first and the second order."""
    s, t, event = rows(12, 4, seed=1)
    s.requires_grad_()
    weight = torch.linspace(0.5, 2, 12, dtype=F64)
    ours = lossfns.cox_loss(s, t, event, ties=ties, weight=weight, reduction="sum")
    plain = (weight * by_reference(cox, s, t, event.long(), ties=ties)).sum()
    slopes = [torch.autograd.grad(v, s, create_graph=True)[0] for v in (ours, plain)]
    torch.testing.assert_close(*slopes, rtol=1e-11, atol=1e-12)
    bends = [torch.autograd.grad((v * torch.arange(12)).sum(), s)[0] for v in slopes]
    torch.testing.assert_close(*bends, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float32, F64], ids=str)
def test_cox_without_ties_and_censoring_is_listmle(dtype: torch.dtype) -> None:
    s = 10 * rows(33, seed=2, dtype=dtype)[0]
    time = torch.randperm(33, generator=torch.Generator().manual_seed(3))
    expected = lossfns.listmle_loss(s, -time)
    for ties in TIES:
        total = lossfns.cox_loss(s, time, torch.ones(33), ties=ties, reduction="sum")
        torch.testing.assert_close(total, expected, rtol=10 * torch.finfo(dtype).eps, atol=0)
    other_way_round = lossfns.cox_loss(s, -time, torch.ones(33), reduction="sum")
    assert (other_way_round / expected - 1).abs() > 0.01


@each_ties
def test_cox_knows_the_order_of_times_alone_and_no_order_of_rows(ties: Ties) -> None:
    s, t, event = rows(20, 4, seed=4)
    loss = lossfns.cox_loss(s, t, event, ties=ties, reduction="none")
    for same in (t.double().exp(), t - 7, 2**54 + t, t.to(torch.float16), t.to(torch.uint8)):
        torch.testing.assert_close(lossfns.cox_loss(s, same, event, ties=ties, reduction="none"), loss)
    torch.testing.assert_close(lossfns.cox_loss(s + 300, t, event, ties=ties, reduction="none"), loss)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(5))
    shuffled = lossfns.cox_loss(s[order], t[order], event[order], ties=ties, reduction="none")
    torch.testing.assert_close(shuffled, loss[order])


@pytest.mark.parametrize("rows", [40, 100_000])
def test_cox_sorts_float32_times_as_it_sorts_those_of_float64(rows: int) -> None:
    torch.manual_seed(0)
    time, event = torch.randint(-rows // 4, rows // 4, (rows,)) / 7, torch.randint(2, (rows,))
    time[:10] = torch.tensor([0.0, -0.0, 0.0, -0.0, 1e-45, -1e-45, 1e-45, 3e38, -3e38, 3e38])
    event[:10] = torch.tensor([1, 0, 1, 0, 1, 0, 0, 0, 1, 1])
    s = torch.randn(rows, dtype=torch.float64)
    rowwise = [lossfns.cox_loss(s, t, event, reduction="none") for t in (time, time.double())]
    assert torch.equal(*rowwise)


def test_cox_by_hand() -> None:
    """Two of four have the event at one time, when one has left before; a third is censored at that time."""
    a, b, c = 2.0, 3.0, 5.0
    s = torch.tensor([7.0, a, b, c], dtype=F64).log()
    time, event = torch.tensor([1, 2, 2, 2]), torch.tensor([0, 1, 1, 0])
    risk, tied = a + b + c, a + b
    breslow = [0, math.log(risk / a), math.log(risk / b), 0]
    half = math.log(1 - tied / 2 / risk) / 2
    efron = [0, breslow[1] + half, breslow[2] + half, 0]
    for ties, expected in (("breslow", breslow), ("efron", efron)):
        loss = lossfns.cox_loss(s, time, event, ties=ties, reduction="none")  # type: ignore[arg-type]
        assert loss.tolist() == pytest.approx(expected, rel=1e-14)


@each_ties
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, F64], ids=str)
def test_cox_without_events_is_0_with_gradient_0(ties: Ties, dtype: torch.dtype) -> None:
    s, t, event = rows(6, dtype=dtype)
    s.requires_grad_()
    for options in ({"event": event & False}, {"event": event, "weight": (~event).double()}):
        for reduction in ("mean", "sum"):
            loss = lossfns.cox_loss(s, t, ties=ties, reduction=reduction, **options)
            assert loss.item() == 0
            assert torch.autograd.grad(loss, s)[0].tolist() == [0.0] * 6


@each_ties
@pytest.mark.parametrize("dtype", [torch.float32, F64], ids=str)
def test_cox_of_extreme_scores(ties: Ties, dtype: torch.dtype) -> None:
    """exp(10⁴) is no number. Digits: those that differences of such scores have."""
    scores = [1e4, -1e4, 0.0, 1e4, -1e4, 3.0, 9.9e3]
    time, event = [3, 1, 2, 2, 2, 2, 5], [1, 1, 1, 1, 1, 0, 1]
    s = torch.tensor(scores, dtype=dtype, requires_grad=True)
    loss = lossfns.cox_loss(s, torch.tensor(time), torch.tensor(event), ties=ties, reduction="none")
    with mpmath.workdps(50):
        exact = cox(mpmath.mp, [mpmath.mpf(v) for v in scores], time, event, ties)
    exact = [float(v) for v in exact]
    assert loss.tolist() == pytest.approx(exact, rel=4 * torch.finfo(dtype).eps, abs=torch.finfo(dtype).eps)
    (slope,) = torch.autograd.grad(loss.sum(), s)
    assert slope.isfinite().all()
    assert slope.sum().item() == pytest.approx(0, abs=1e-5)
    assert slope[1].item() == pytest.approx(-1, abs=1e-6)  # and no share of its risk set


def test_cox_of_many_events_at_one_time() -> None:
    """All of one score: the logarithms of n, n − 1, … in the mean. Rounding must not make one of them NaN."""
    n = 20_000
    s, time, event = torch.full((n,), 0.3, requires_grad=True), torch.zeros(n), torch.ones(n)
    loss = lossfns.cox_loss(s, time, event)
    assert loss.item() == pytest.approx(math.lgamma(n + 1) / n, rel=1e-5)
    assert torch.autograd.grad(loss, s)[0].abs().max() < 1e-6
    assert lossfns.cox_loss(s, time, event, ties="breslow").item() == pytest.approx(math.log(n), rel=1e-6)


def test_efron_is_above_minus_1_for_a_row_and_above_0_for_a_batch() -> None:
    """The lower end of its range: one of ever more events at a time has almost all of the hazard."""
    n = 2000
    s = torch.zeros(n, dtype=F64)
    s[0] = 100.0
    loss = lossfns.cox_loss(s, torch.zeros(n), torch.ones(n), reduction="none")
    assert -1 < loss[0] < -0.997
    for seed, scale in itertools.product(range(20), (1, 10, 100)):
        s, t, event = rows(8, 3, seed)
        loss = lossfns.cox_loss(scale * s, t, event, reduction="none")
        assert (loss > -1).all()
        assert loss.sum() >= 0


def test_cox_with_case_weights_is_that_of_repeated_rows() -> None:
    s, t, event = rows(9, 4, seed=6)
    w = torch.tensor([1, 2, 1, 3, 1, 1, 4, 2, 1])
    repeated = [v.repeat_interleave(w) for v in (s, t, event)]
    expected = lossfns.cox_loss(*repeated, ties="breslow", reduction="sum")
    weighted = lossfns.cox_loss(s + w.log(), t, event, ties="breslow", weight=w, reduction="sum")
    torch.testing.assert_close(weighted + (event * w * w.log()).sum(), expected)


@each_ties
def test_cox_weight_0_takes_rows_out_of_the_risk_sets(ties: Ties) -> None:
    s, t, event = rows(10, 3, seed=7)
    kept = torch.arange(10) % 3 > 0
    expected = lossfns.cox_loss(s[kept], t[kept], event[kept], ties=ties)
    torch.testing.assert_close(lossfns.cox_loss(s, t, event, ties=ties, weight=kept), expected)
    assert lossfns.cox_loss(s, t, event, ties=ties) != expected


@pytest.mark.parametrize("place", [0, 1])
def test_cox_of_an_unknown_time_or_event_is_nan_unless_it_weighs_nothing(place: int) -> None:
    numbers = torch.tensor([[1.0, 2.0, 3.0], [1.0, 0.0, 1.0]])
    numbers[place, 1] = math.nan
    x = torch.tensor([0.3, -0.2, 0.1], requires_grad=True)
    assert lossfns.cox_loss(x, *numbers).isnan()
    weight = torch.tensor([1.0, 0.0, 1.0])
    loss = lossfns.cox_loss(x, *numbers, weight=weight)
    (gradient,) = torch.autograd.grad(loss, x)
    without = lossfns.cox_loss(x[[0, 2]], torch.tensor([1.0, 3.0]), torch.ones(2))
    torch.testing.assert_close(loss, without)
    torch.testing.assert_close(gradient, torch.autograd.grad(without, x)[0])


def test_an_unknown_event_is_nan_unless_it_weighs_nothing() -> None:
    event, weight, time = torch.tensor([1.0, math.nan]), torch.tensor([1.0, 0.0]), torch.tensor([1, 2])
    logits = torch.tensor([[0.3, -0.2, 0.1], [0.5, 0.0, -1.0]])
    for loss, x in ((lossfns.hazard_loss, logits), (lossfns.weibull_nll_loss, logits[:, 0])):
        rows = loss(x, time, event, reduction="none")
        assert rows.isnan().tolist() == [False, True]
        torch.testing.assert_close(loss(x, time, event, weight=weight), rows[0])


def test_cox_refuses_what_is_no_batch() -> None:
    with pytest.raises(ValueError, match=r"input must have shape \(N,\), got \(3, 1\)"):
        lossfns.cox_loss(torch.zeros(3, 1), torch.zeros(3, 1), torch.zeros(3, 1))
    with pytest.raises(ValueError, match="ties must be one of 'efron', 'breslow', got 'exact'"):
        lossfns.cox_loss(torch.zeros(3), torch.zeros(3), torch.zeros(3), ties="exact")  # type: ignore[arg-type]


def test_hazards_make_a_law_of_the_time() -> None:
    """The probabilities of an event in each interval, and of none in all, add up to 1."""
    logits = 3 * torch.randn(50, 6, generator=torch.Generator().manual_seed(0), dtype=F64)

    def probability(k: int, event: int) -> Tensor:
        index = torch.full((50,), k)
        return torch.exp(-lossfns.hazard_loss(logits, index, torch.full((50,), event), reduction="none"))

    total = sum(probability(k, 1) for k in range(6)) + probability(5, 0)
    torch.testing.assert_close(total, torch.ones(50, dtype=F64))
    survived = torch.sigmoid(-logits).cumprod(1)
    for k in range(6):
        torch.testing.assert_close(probability(k, 0), survived[:, k])


def test_hazard_loss_is_binary_cross_entropy_of_the_intervals_that_were_watched() -> None:
    rng = torch.Generator().manual_seed(1)
    logits, k = torch.randn(4, 5, 7, generator=rng), torch.randint(7, (4, 5), generator=rng)
    event = torch.randint(2, (4, 5), generator=rng)
    label = torch.nn.functional.one_hot(k, 7) * event.unsqueeze(-1)
    watched = torch.arange(7) <= k.unsqueeze(-1)
    total = lossfns.binary_cross_entropy(logits, label, weight=watched, reduction="sum")
    torch.testing.assert_close(lossfns.hazard_loss(logits, k, event), total / 20)


def test_hazards_of_a_sample_are_events_over_those_at_risk() -> None:
    """The life table: one row of logits for all."""
    k, event = torch.tensor([0, 0, 1, 1, 1, 2, 2, 2]), torch.tensor([1, 0, 1, 1, 0, 1, 0, 0])
    at_risk = torch.stack([(k >= j).sum() for j in range(3)])
    events = torch.stack([((k == j) & (event == 1)).sum() for j in range(3)])
    logits = torch.logit(events / at_risk).requires_grad_()
    (slope,) = torch.autograd.grad(lossfns.hazard_loss(logits.expand(8, 3), k, event), logits)
    assert slope.abs().max() < 1e-7


def test_what_comes_after_the_watch_does_not_count() -> None:
    logits = torch.tensor([[0.5, -1.0, 2.0], [0.5, -1.0, 2.0]])
    k, event = torch.tensor([1, 0]), torch.tensor([1, 0])
    expected = lossfns.hazard_loss(logits, k, event)
    for bad in (math.nan, math.inf, -math.inf):
        dirty = logits.clone()
        dirty[0, 2] = dirty[1, 1] = bad
        dirty.requires_grad_()
        with lossfns.strict():
            loss = lossfns.hazard_loss(dirty, k, event)
        assert loss == expected
        (slope,) = torch.autograd.grad(loss, dirty)
        assert slope.isfinite().all()
        assert slope[0, 2] == slope[1, 1] == slope[1, 2] == 0


@wrong_index
@pytest.mark.parametrize("k", [3, -1, -3, 2**40])
@pytest.mark.parametrize("event", [0, 1])
def test_an_interval_that_there_is_not_is_refused(k: int, event: int) -> None:
    arguments = torch.zeros(2, 3), torch.tensor([0, k]), torch.tensor([1, event])
    with pytest.raises(IndexError, match=f"time must be an index from 0 to 2, got {k}"):
        lossfns.hazard_loss(*arguments)
    assert lossfns.hazard_loss(*arguments, weight=torch.tensor([1.0, 0.0])).item() == pytest.approx(
        math.log(2)
    )


def test_hazard_loss_refuses_what_is_no_index_and_no_interval() -> None:
    with pytest.raises(ValueError, match="time must have an integer dtype"):
        lossfns.hazard_loss(torch.zeros(2, 3), torch.zeros(2), torch.zeros(2))
    with pytest.raises(ValueError, match=r"input must have shape \(…, T\), T at least 1, got \(2, 0\)"):
        lossfns.hazard_loss(torch.zeros(2, 0), torch.zeros(2).long(), torch.zeros(2))


SCALE_AND_TIME = torch.randn(2, 40, generator=torch.Generator().manual_seed(2), dtype=F64)
SEEN = torch.arange(40) % 3 > 0


@pytest.mark.parametrize("log_shape", [-1.5, 0.0, 0.7])
def test_weibull_is_the_density_or_the_survival_of_scipy(log_shape: float) -> None:
    x, log_t = SCALE_AND_TIME
    loss = lossfns.weibull_nll_loss(x, log_t.exp(), SEEN, log_shape=log_shape, reduction="none")
    law = scipy.stats.weibull_min(math.exp(log_shape), scale=x.exp().numpy())
    t = log_t.exp().numpy()
    assert loss.numpy() == pytest.approx(-np.where(SEEN, law.logpdf(t), law.logsf(t)), rel=1e-12, abs=1e-13)


def test_weibull_of_shape_1_is_exponential() -> None:
    x, log_t = SCALE_AND_TIME
    loss = lossfns.weibull_nll_loss(x, log_t.exp(), SEEN, reduction="none")
    torch.testing.assert_close(loss, (log_t - x).exp() + SEEN * x, rtol=1e-13, atol=1e-14)


def test_the_best_scale_is_the_time_that_was_watched_over_the_events() -> None:
    time = SCALE_AND_TIME[1].exp()
    for k in (1.0, 2.5):
        best = ((time**k).sum() / SEEN.sum()).log() / k
        x = best.clone().requires_grad_()
        loss = lossfns.weibull_nll_loss(x.expand(40), time, SEEN, log_shape=math.log(k))
        assert torch.autograd.grad(loss, x)[0].abs() < 1e-14


@pytest.mark.parametrize("dtype", [torch.float32, F64], ids=str)
@pytest.mark.parametrize(
    ("log_shape", "event", "value", "slope"),
    [
        (0.0, 0, 0.0, 0.0),
        (0.5, 0, 0.0, 0.0),
        (-0.5, 0, 0.0, 0.0),
        (0.0, 1, 1.25, 1.0),
        (0.5, 1, math.inf, math.exp(0.5)),
        (-0.5, 1, -math.inf, math.exp(-0.5)),
    ],
)
def test_weibull_at_time_0(
    dtype: torch.dtype, log_shape: float, event: int, value: float, slope: float
) -> None:
    """There the density is 1/λ, 0 or infinite. No gradient is NaN."""
    x, shape = (torch.tensor([v], dtype=dtype, requires_grad=True) for v in (1.25, log_shape))
    loss = lossfns.weibull_nll_loss(x, torch.zeros(1), torch.tensor([event]), log_shape=shape)
    assert loss.item() == value
    if math.isfinite(value):
        law = scipy.stats.weibull_min(math.exp(log_shape), scale=math.exp(1.25))
        assert value == pytest.approx(-float(law.logpdf(0) if event else law.logsf(0)))
    slopes = torch.autograd.grad(loss, [x, shape])
    assert slopes[0].item() == pytest.approx(slope)
    assert slopes[1].isfinite()


@pytest.mark.parametrize("dtype", [torch.float32, F64], ids=str)
def test_weibull_of_extreme_scales(dtype: torch.dtype) -> None:
    """(t/λ)ᵏ and its logarithm by differences: e^(10⁴) is no number."""
    x = torch.tensor([1e4, 1e4, 80.0], dtype=dtype, requires_grad=True)
    time = torch.tensor([1.0, 1.0, 1e30], dtype=dtype)
    loss = lossfns.weibull_nll_loss(x, time, torch.tensor([1, 0, 0]), log_shape=1.0, reduction="none")
    k, eps = math.e, torch.finfo(dtype).eps
    last = math.exp(k * (math.log(1e30) - 80))
    assert loss.tolist() == pytest.approx([1e4 * k - 1, 0.0, last], rel=1000 * eps)
    (slope,) = torch.autograd.grad(loss.sum(), x)
    assert slope.tolist() == pytest.approx([k, 0.0, -k * last], rel=1000 * eps)


def test_a_shape_is_learned_or_predicted() -> None:
    x, log_t = SCALE_AND_TIME.reshape(2, 8, 5)
    event = SEEN.reshape(8, 5)

    def loss(log_shape: Any) -> Tensor:
        return lossfns.weibull_nll_loss(x, log_t.exp(), event, log_shape=log_shape)

    each = torch.linspace(-1, 1, 5, dtype=F64).requires_grad_()
    rows = [
        lossfns.weibull_nll_loss(x[:, j], log_t[:, j].exp(), event[:, j], log_shape=v)
        for j, v in enumerate(each.tolist())
    ]
    torch.testing.assert_close(loss(each), torch.stack(rows).mean())
    assert torch.autograd.gradcheck(loss, each)
    one = torch.tensor([[0.3]], dtype=F64, requires_grad=True)
    torch.testing.assert_close(loss(one), loss(0.3))
    assert torch.autograd.gradcheck(loss, one)
    square = torch.zeros(5, 5)
    with pytest.raises(ValueError, match="log_shape must fit input in one way"):
        lossfns.weibull_nll_loss(square, square + 1, square, log_shape=torch.zeros(5))
