"""What is particular to single regression losses: identities, limits, pitfalls, quantile columns."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter

import lossfns
from lossfns import _eager, verify
from tests.cases import CASES, LossCase
from tests.support import gradient

R = verify.linspace(-6, 6, 1201)
ZERO = torch.zeros_like(R)


def rho(name: str, **hyper: float) -> verify.Function:
    return verify.of_residual(getattr(lossfns, name), **hyper)


@pytest.mark.parametrize("delta", [0.1, 1.0, 1.345, 7.0])
def test_huber_is_delta_times_smooth_l1(delta: float) -> None:
    scaled = rho("smooth_l1_loss", beta=delta)
    assert verify.equal(rho("huber_loss", delta=delta), lambda r: delta * scaled(r), R, 1e-14)
    if delta != 1:
        assert not verify.equal(rho("huber_loss", delta=delta), scaled, R)


def test_smooth_l1_without_a_core_is_absolute_error() -> None:
    assert verify.equal(rho("smooth_l1_loss", beta=0.0), rho("l1_loss"), R, 0)
    assert verify.equal(rho("epsilon_insensitive_loss", epsilon=0.0), rho("l1_loss"), R, 0)


def test_the_middle_quantile_and_expectile_are_half_the_symmetric_losses() -> None:
    for asymmetric, symmetric in (("quantile_loss", "l1_loss"), ("expectile_loss", "mse_loss")):
        half = rho(symmetric)
        assert verify.equal(rho(asymmetric), lambda r: half(r) / 2, R, 1e-15)  # noqa: B023
        assert torch.equal(gradient(rho(asymmetric), R), gradient(half, R) / 2)


def test_large_q_and_tau_punish_predicting_too_low() -> None:
    low, high, y = torch.tensor([0.0]), torch.tensor([4.0]), torch.tensor([2.0])
    assert lossfns.quantile_loss(low, y, q=0.9) > lossfns.quantile_loss(high, y, q=0.9)
    assert lossfns.expectile_loss(low, y, tau=0.9) > lossfns.expectile_loss(high, y, tau=0.9)


@pytest.mark.parametrize(
    ("alpha", "member"),
    [
        (2.0, lambda z: z**2 / 2),
        (1.0, lambda z: torch.sqrt(1 + z**2) - 1),
        (0.0, lambda z: torch.log1p(z**2 / 2)),
        (-2.0, lambda z: 2 * z**2 / (z**2 + 4)),
        (-math.inf, lambda z: 1 - torch.exp(-(z**2) / 2)),
        (math.inf, lambda z: torch.exp(z**2 / 2) - 1),
    ],
)
def test_members_of_barrons_family(alpha: float, member: verify.Function) -> None:
    f = rho("general_robust_loss", alpha=alpha, scale=2.0)
    assert verify.equal(f, lambda r: member(r / 2), R, 1e-13)
    assert not verify.equal(f, member, R)


@pytest.mark.parametrize(
    ("alpha", "neighbours"),
    [
        (2.0, (1.9, 1.999, 1.999999)),
        (0.0, (0.1, 1e-3, 1e-5)),
        (0.0, (-0.1, -1e-3, -1e-5)),
        (-math.inf, (-10, -1e3, -1e6)),
    ],
)
def test_the_exact_members_are_the_limits(alpha: float, neighbours: tuple[float, ...]) -> None:
    def family(r: Tensor, a: float) -> Tensor:
        return rho("general_robust_loss", alpha=a)(r)

    assert verify.limit(family, neighbours, rho("general_robust_loss", alpha=alpha), R)


def test_huber_between_its_limits() -> None:
    assert torch.equal(rho("huber_loss", delta=100.0)(R), R**2 / 2)
    assert verify.limit(lambda r, d: rho("huber_loss", delta=d)(r) / d, (0.1, 1e-2, 1e-4), rho("l1_loss"), R)


@pytest.mark.parametrize("value", [1e30, -1e30])
def test_robust_losses_survive_absurd_residuals(value: float) -> None:
    x = torch.tensor([value], requires_grad=True)
    expected = {
        rho("huber_loss"): abs(value),
        rho("l1_loss"): abs(value),
        rho("log_cosh_loss"): abs(value),
        rho("tukey_loss", c=3.0): 1.5,
        rho("general_robust_loss", alpha=1.0): abs(value),
        rho("general_robust_loss", alpha=0.0): 2 * math.log(abs(value)) - math.log(2),
        rho("general_robust_loss", alpha=-2.0): 2.0,
        rho("general_robust_loss", alpha=-math.inf): 1.0,
    }
    for f, loss in expected.items():
        assert f(x).item() == pytest.approx(loss, rel=2e-5)
        assert gradient(f, x).isfinite().all()


def test_log_cosh_does_not_cancel_and_does_not_overflow() -> None:
    x = torch.tensor([1e-4, 1000.0, -1000.0])
    assert rho("log_cosh_loss")(x).tolist() == pytest.approx([5e-9, 999.3068528, 999.3068528], rel=1e-6)
    assert gradient(rho("log_cosh_loss"), x).tolist() == pytest.approx([1e-4, 1.0, -1.0])


CASE = {case.name: case for case in CASES}
ENDS = [sign * v for v in (5e-324, 1e-300, 1e-40, 1e-20, 1e20, 1e40, 1e300) for sign in (1, -1)]
NUMBERS = [
    (case, name, value)
    for case in CASES
    if case.card.family == "regression" and case.layout.scalars
    for name, rule in case.rules.items()
    for value in ENDS
    if rule.holds(value)
]


DUE: dict[tuple[str, float, str, float], tuple[mpmath.mpf, mpmath.mpf]] = {}  # eager and traced alike


@pytest.mark.parametrize(("case", "name", "value"), NUMBERS, ids=lambda v: getattr(v, "name", str(v)))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("traced", [False, True], ids=["eager", "traced"])
def test_numbers_at_the_ends_of_the_range_give_the_limit(
    case: LossCase,
    name: str,
    value: float,
    dtype: torch.dtype,
    traced: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Value and gradient, for the number that the dtype has next to this one, neither 0 nor infinite."""
    if traced:
        monkeypatch.setattr(_eager, "has_memory", lambda x: False)
    limits = torch.finfo(dtype)
    size = min(max(abs(value), limits.tiny * limits.eps), limits.max)
    nearest = math.copysign(torch.tensor(size, dtype=dtype).item(), value)
    for r in (0.0, 1e-6, -0.3, 1.0, 7.5, -1e3, 1e12):
        input = torch.tensor(r, dtype=dtype, requires_grad=True)
        loss = case(input, torch.zeros_like(input), **{name: value})
        (slope,) = torch.autograd.grad(loss, input)
        with mpmath.workdps(1500):
            key = (str(case), input.item(), name, nearest)
            if key not in DUE:
                DUE[key] = value_and_slope(case, input.item(), {name: nearest})
            value_due, slope_due = DUE[key]
            if value_due > limits.max:
                assert loss == math.inf
                continue
            assert close_to(loss, value_due, limits), (r, loss, value_due)
            assert close_to(slope, slope_due, limits), (r, slope, slope_due)


def close_to(got: Tensor, due: mpmath.mpf, limits: torch.finfo) -> bool:
    """To rounding, which is greater where powers of e are; below the normal numbers, to their least."""
    if abs(due) > limits.max:
        return bool(got == math.copysign(math.inf, due))
    size = max(abs(due), limits.tiny / limits.eps)
    return bool(abs(mpmath.mpf(got.item()) - due) <= (60 + abs(mpmath.log(size))) * limits.eps * size)


def value_and_slope(case: LossCase, x: float, hyper: dict[str, float]) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Of the loss of target 0, by its definition; at the minimum, which may be a kink, the slope is 0."""
    numbers = {name: mpmath.mpf(value) for name, value in hyper.items()}
    step = mpmath.mpf(10) ** (-mpmath.mp.dps // 2)
    points = [mpmath.mpf(x) + k * step for k in (-1, 0, 1)]
    before, here, after = (mpmath.mpf(case.reference(mpmath.mp, v, mpmath.mpf(0), **numbers)) for v in points)
    return here, (after - before) / (2 * step) if x else mpmath.mpf(0)


def test_curvature_at_a_perfect_prediction() -> None:
    """Second derivatives at residual 0, where absolute values inside a formula would destroy them."""
    zero = torch.zeros((), dtype=torch.float64)
    for name, hyper, curvature in (
        ("mse_loss", {}, 2.0),
        ("log_cosh_loss", {}, 1.0),
        ("expectile_loss", {}, 1.0),
        ("tukey_loss", {}, 1.0),
        *(("general_robust_loss", {"alpha": a}, 1.0) for a in (2.0, 1.0, 0.5, 0.0, -2.0, -math.inf)),
    ):
        f = rho(name, **hyper)
        assert torch.autograd.functional.hessian(f, zero).item() == pytest.approx(curvature), name


def test_gradient_at_a_perfect_prediction_is_zero() -> None:
    zero = torch.zeros(1, dtype=torch.float64)
    for name in ("l1_loss", "huber_loss", "quantile_loss", "epsilon_insensitive_loss"):
        assert gradient(rho(name), zero).item() == 0
    assert gradient(rho("quantile_loss", q=0.9), zero).item() == 0


def test_msle_keeps_its_digits_between_neighbours() -> None:
    value = lossfns.msle_loss(torch.tensor([1e6 + 1]), torch.tensor([1e6]))
    assert value.item() == pytest.approx(math.log1p(1 / (1e6 + 1)) ** 2, rel=1e-6)


class TestQuantileColumns:
    q = torch.tensor([0.1, 0.5, 0.9])
    input = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0))
    target = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))

    def test_each_column_is_its_own_loss(self) -> None:
        loss = lossfns.quantile_loss(self.input, self.target, q=self.q, reduction="none")
        assert loss.shape == self.input.shape
        for column, q in enumerate(self.q.tolist()):
            alone = lossfns.quantile_loss(self.input[..., column], self.target, q=q, reduction="none")
            assert torch.allclose(loss[..., column], alone)
        assert torch.allclose(lossfns.quantile_loss(self.input, self.target, q=self.q), loss.mean())

    def test_sample_weights_need_a_last_axis(self) -> None:
        weight = torch.rand(4, 5)
        loss = lossfns.quantile_loss(self.input, self.target, q=self.q, reduction="none")
        got = lossfns.quantile_loss(self.input, self.target, q=self.q, weight=weight[..., None])
        assert torch.allclose(got, (weight[..., None] * loss).sum() / (3 * weight.sum()))
        with pytest.raises(ValueError, match="weight must broadcast"):
            lossfns.quantile_loss(self.input, self.target, q=self.q, weight=weight)

    def test_dtype_is_that_of_input_and_target(self) -> None:
        loss = lossfns.quantile_loss(self.input.half(), self.target.half(), q=self.q.double())
        assert loss.dtype is torch.float32

    def test_module_carries_q_along(self) -> None:
        module = lossfns.QuantileLoss(q=self.q)
        assert torch.equal(module.state_dict()["q"], self.q)
        assert module.to(torch.float64).state_dict()["q"].dtype is torch.float64
        assert "q=tensor of shape (3,)" in repr(module)
        assert torch.allclose(
            module(self.input, self.target), lossfns.quantile_loss(self.input, self.target, q=self.q)
        )

    def test_what_does_not_fit_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"3 quantiles, \(4, 5, 3\), got \(4, 5\)"):
            lossfns.quantile_loss(self.target, self.target, q=self.q)
        with pytest.raises(ValueError, match=r"q must be .* got shape \(1, 3\)"):
            lossfns.quantile_loss(self.input, self.target, q=self.q[None])
        with pytest.raises(TypeError, match="target must be a torch.Tensor"):
            lossfns.quantile_loss(self.input, [0.0], q=self.q)  # type: ignore[arg-type]
        for level in (0.0, 1.0):
            outside = torch.tensor([0.1, 0.5, level])
            lossfns.quantile_loss(self.input, self.target, q=outside)
            with (
                lossfns.strict(),
                pytest.raises(ValueError, match=f"q must be strictly between 0 and 1, got {level:g} at"),
            ):
                lossfns.quantile_loss(self.input, self.target, q=outside)

    def test_compiles_and_maps(self) -> None:
        compiled = torch.compile(lossfns.quantile_loss, fullgraph=True, backend="aot_eager")
        expected = lossfns.quantile_loss(self.input, self.target, q=self.q)
        assert torch.allclose(compiled(self.input, self.target, q=self.q), expected)
        rows = torch.func.vmap(lambda x, y: lossfns.quantile_loss(x, y, q=self.q))(self.input, self.target)
        assert torch.allclose(rows.mean(), expected)


def test_means_of_means_are_not_the_mean_but_sums_over_counts_are() -> None:
    x, y, w = torch.randn(6), torch.randn(6), torch.tensor([1.0, 0.0, 2.0, 1.0, 1.0, 3.0])
    whole = lossfns.huber_loss(x, y, weight=w)
    parts = [(x[:1], y[:1], w[:1]), (x[1:], y[1:], w[1:])]
    sums = [lossfns.huber_loss(a, b, weight=c, reduction="sum") for a, b, c in parts]
    assert torch.allclose(sum(sums) / w.sum(), whole)


def test_weights_are_one_convention_for_all() -> None:
    x, y, w = torch.tensor([1.0, 2.0]), torch.zeros(2), torch.tensor([1.0, 3.0])
    assert lossfns.mse_loss(x, y, weight=w).item() == pytest.approx(3.25)
    assert lossfns.l1_loss(x, y, weight=w).item() == pytest.approx(1.75)
    assert lossfns.huber_loss(x, y, weight=w).item() == pytest.approx(1.25)


def test_strict_is_left_when_an_error_leaves_it() -> None:
    bad = torch.tensor([math.nan])
    with pytest.raises(ValueError, match="input must be finite"), lossfns.strict():
        lossfns.mse_loss(bad, torch.zeros(1))
    assert lossfns.mse_loss(bad, torch.zeros(1)).isnan()
    with lossfns.strict():
        with lossfns.strict():
            pass
        with pytest.raises(ValueError, match="got nan at index"):
            lossfns.mse_loss(bad, torch.zeros(1))
    assert float(lossfns.mse_loss(torch.zeros(1), torch.zeros(1))) == 0


@pytest.mark.parametrize("alpha", [-math.inf, -30.0, -2.0, -0.5])
def test_the_influence_of_an_outlier_fades_without_losing_digits(alpha: float) -> None:
    """Where the loss is nearly flat, 1 plus its value would have lost the gradient in float32."""
    r = torch.tensor([1e-3, 0.5, 1.9, 3.0, 5.5, 6.0, 8.0, 1e2, 3e3], dtype=torch.float64)
    gradients = []
    for dtype in (torch.float32, torch.float64):
        x = r.to(dtype).requires_grad_()
        loss = lossfns.general_robust_loss(x, torch.zeros_like(x), alpha=alpha, reduction="sum")
        (slope,) = torch.autograd.grad(loss, x)
        gradients.append(slope.double())
    b = abs(alpha - 2)
    exact = r * torch.exp(-(r**2) / 2) if math.isinf(alpha) else r * (1 + r**2 / b) ** (alpha / 2 - 1)
    tiny = torch.finfo(torch.float32).tiny
    for found in gradients:
        assert torch.allclose(found, exact, rtol=2e-5, atol=tiny)


EXPONENTS = [-math.inf, -1e300, -1e6, -30.0, -2.0, -0.3, -1e-3, -1e-40, 0.0, 1e-300, 1e-12, 1e-3, 0.1, 0.5]
EXPONENTS += [1.0, 1.5, 1.9, 1.999, 2 - 1e-6, 2.0, 2 + 1e-6, 3.0, 6.0, 100.0, 1e6, 1e300, math.inf]


@pytest.mark.parametrize("alpha", EXPONENTS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_barrons_loss_of_a_tensor_alpha(alpha: float, dtype: torch.dtype) -> None:
    """Value and both slopes; that in alpha, a difference of terms as large as the loss, to their digits."""
    limits, case = torch.finfo(dtype), CASE["general_robust_loss"]
    for r in (0.0, 1e-8, 1e-3, -0.3, 1.0, 7.5, -20.0, 1e4, 1e10):
        input, a = (torch.tensor(v, dtype=dtype).requires_grad_() for v in (r, alpha))
        loss = lossfns.general_robust_loss(input, torch.zeros_like(input), alpha=a)
        slope, slope_in_alpha = torch.autograd.grad(loss, (input, a))
        with mpmath.workdps(700):
            exact, slope_due = value_and_slope(case, input.item(), {"alpha": a.item()})
            if exact > limits.max:
                assert loss == math.inf
                continue
            assert close_to(loss, exact, limits), (r, loss, exact)
            assert close_to(slope, slope_due, limits), (r, slope, slope_due)
            if abs(a.item()) > 1e9 or a.item() == 2:
                assert slope_in_alpha.isfinite()
                continue
            step = mpmath.mpf(10) ** -300
            after, before = (
                case.reference(mpmath.mp, mpmath.mpf(r), mpmath.mpf(0), alpha=mpmath.mpf(a.item()) + s * step)
                for s in (1, -1)
            )
            due = (after - before) / (2 * step)
            tolerance = (60 + abs(mpmath.log(exact + 1e-40))) * limits.eps * max(abs(due), exact)
            assert abs(mpmath.mpf(slope_in_alpha.item()) - due) <= tolerance, (r, slope_in_alpha, due)


def log_normaliser(alpha: mpmath.mpf) -> mpmath.mpf:
    """log ∫ exp(−loss) over x, or, where it has long tails, over t, x = c sinh t."""

    def density(x: mpmath.mpf) -> mpmath.mpf:
        return mpmath.exp(-CASE["general_robust_loss"].reference(mpmath.mp, x, 0, alpha=alpha))

    if alpha >= 2:
        half = mpmath.quad(density, [0, 0.5, 1, 2, 3, 4, 6, 8, 12])
    else:
        c = mpmath.sqrt(2 - alpha)
        ends = [0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60]
        half = mpmath.quad(lambda t: density(c * mpmath.sinh(t)) * c * mpmath.cosh(t), ends)
    return mpmath.log(2 * half)


@pytest.mark.parametrize("alpha", [0.0, 1e-300, 1e-9, 0.1, 1.0, 1.999, 2.0, 2.5, 10.0, 1e4, 1e300, math.inf])
def test_the_normaliser_of_barrons_family(alpha: float) -> None:
    """Its value, and its slope in alpha, against a quadrature in 25 digits; log c is added."""
    zero = torch.zeros(1, dtype=torch.float64)
    a = torch.tensor(alpha, dtype=torch.float64, requires_grad=True)
    loss = lossfns.general_robust_loss(zero, zero, alpha=a, scale=3.0, full=True)
    (slope,) = torch.autograd.grad(loss, a)
    same_to_all_digits = {1e-300: 0.0, 1e300: math.inf}.get(alpha, alpha)
    with mpmath.workdps(25):
        exact = log_normaliser(mpmath.mpf(same_to_all_digits)) + mpmath.log(3)
        if alpha not in (2, math.inf, 1e300):  # at 2 it is infinite, beyond it is 0
            step = mpmath.mpf("1e-6")
            points = [log_normaliser(mpmath.mpf(same_to_all_digits) + k * step) for k in range(5)]
            due = sum(c * v for c, v in zip((-25, 48, -36, 16, -3), points, strict=True)) / (12 * step)
            assert abs(slope.item() - due) < 1e-9
        number = lossfns.general_robust_loss(zero, zero, alpha=alpha, scale=3.0, full=True)
        assert max(abs(loss.item() - exact), abs(number.item() - exact)) < 1e-15
    single = torch.zeros(1)
    near = lossfns.general_robust_loss(single, single, alpha=alpha, scale=3.0, full=True)
    assert near.dtype is torch.float32
    assert abs(near.item() - float(exact)) < 2e-7


@pytest.mark.parametrize(
    ("alpha", "law"), [(0.0, scipy.stats.cauchy(1.5, 2.0 * math.sqrt(2))), (2.0, scipy.stats.norm(1.5, 2.0))]
)
def test_alpha_and_scale_are_learned_with_the_prediction(alpha: float, law: Any) -> None:
    """Cauchy's law and the normal one are the members α = 0 and α = 2."""
    sample = torch.as_tensor(law.ppf((np.arange(2000) + 0.5) / 2000))
    centre, raw, log_scale = (torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in range(3))
    optimiser = torch.optim.LBFGS([centre, raw, log_scale], max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = lossfns.general_robust_loss(
            centre.expand(2000), sample, alpha=2 * raw.sigmoid(), scale=log_scale.exp(), full=True
        )
        loss.backward()
        return loss

    optimiser.step(closure)
    learned = [centre.item(), 2 * raw.sigmoid().item(), log_scale.exp().item()]
    assert learned == pytest.approx([1.5, alpha, 2.0], abs=0.02)
    exponent = nn.Parameter(torch.tensor(1.0))
    module = lossfns.GeneralRobustLoss(alpha=exponent, full=True)
    assert list(module.parameters()) == [exponent]
    (slope,) = torch.autograd.grad(module(centre.expand(2000), sample), exponent)
    assert slope.isfinite()


def test_below_0_there_is_no_density() -> None:
    x, negative = torch.zeros(2), torch.tensor(-0.5)
    with pytest.raises(ValueError, match=r"alpha must be at least 0 under full=True .* got -0.5"):
        lossfns.general_robust_loss(x, x, alpha=-0.5, full=True)
    assert lossfns.general_robust_loss(x, x, alpha=negative, full=True) == math.inf
    with lossfns.strict(), pytest.raises(ValueError, match="alpha must be at least 0 under full=True"):
        lossfns.general_robust_loss(x, x, alpha=negative, full=True)
    with lossfns.strict(), pytest.raises(ValueError, match="scale must be positive"):
        lossfns.general_robust_loss(x, x, scale=negative)
    with lossfns.strict():
        assert lossfns.general_robust_loss(x, x, alpha=negative, scale=torch.tensor(1.0)) == 0


def test_one_graph_for_every_tensor_alpha() -> None:
    torch._dynamo.reset()
    counter = CompileCounter()
    compiled = torch.compile(lossfns.general_robust_loss, fullgraph=True, dynamic=True, backend=counter)
    x, y = R.float(), ZERO.float()
    for a in (2.0, 1.5, 1.0, 0.5, 0.0, -0.5, -10.0, -math.inf):
        alpha = torch.tensor(a)
        expected = lossfns.general_robust_loss(x, y, alpha=alpha)
        assert torch.allclose(compiled(x, y, alpha=alpha), expected)
    assert counter.frame_count == 1


class TestIntervals:
    ends = torch.randn(4, 5, 3, 2, generator=torch.Generator().manual_seed(0))
    target = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    alpha = torch.tensor([0.05, 0.2, 0.5])

    @pytest.mark.parametrize("alpha", [0.1, 0.5])
    def test_the_best_interval_is_the_central_one(self, alpha: float) -> None:
        """Of all pairs of points of a sample, those in the wrong order included."""
        sample = torch.randn(61, generator=torch.Generator().manual_seed(2), dtype=torch.float64).exp()
        pairs = torch.cartesian_prod(sample, sample)
        loss = lossfns.interval_loss(
            pairs.expand(61, -1, -1), sample[:, None].expand(-1, len(pairs)), alpha=alpha, reduction="none"
        )
        best = pairs[loss.mean(0).argmin()]
        levels = [alpha / 2, 1 - alpha / 2]
        assert best.tolist() == np.quantile(sample, levels, method="inverted_cdf").tolist()

    def test_it_is_quantile_losses_of_both_ends(self) -> None:
        ends = self.ends[..., 0, :]
        pinballs = lossfns.quantile_loss(ends, self.target, q=torch.tensor([0.1, 0.9]), reduction="none")
        loss = lossfns.interval_loss(ends, self.target, alpha=0.2, reduction="none")
        assert torch.allclose(loss, pinballs.sum(-1) * 10)

    def test_an_end_that_meets_the_target_has_the_gradient_inside(self) -> None:
        ends = torch.full((1, 2), 3.0, requires_grad=True)
        loss = lossfns.interval_loss(ends, torch.tensor([3.0]))
        assert loss == 0
        assert torch.autograd.grad(loss, ends)[0].tolist() == [[-1.0, 1.0]]

    @pytest.mark.parametrize("alpha", [5e-324, 1e-300, 1e-40, 1 - 1e-16])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    def test_extreme_levels_give_the_limit(self, alpha: float, dtype: torch.dtype) -> None:
        limits = torch.finfo(dtype)
        level = torch.tensor(max(alpha, limits.tiny * limits.eps), dtype=dtype)
        ends = torch.tensor([[-1.0, 2.0], [0.0, 0.0], [3.0, 4.0]], dtype=dtype, requires_grad=True)
        loss = lossfns.interval_loss(ends, torch.zeros(3, dtype=dtype), alpha=alpha, reduction="none")
        torch.testing.assert_close(loss, torch.tensor([3.0, 0.0, 1 + 6 / level.item()], dtype=dtype))
        (slope,) = torch.autograd.grad(loss.sum(), ends)
        due = [[-1.0, 1.0], [-1.0, 1.0], [2 / level.item() - 1, 1.0]]
        torch.testing.assert_close(slope, torch.tensor(due, dtype=dtype))

    def test_each_level_has_an_interval(self) -> None:
        ends, alpha = self.ends.clone().requires_grad_(), self.alpha.clone().requires_grad_()
        loss = lossfns.interval_loss(ends, self.target, alpha=alpha, reduction="none")
        assert loss.shape == (4, 5, 3)
        for k, level in enumerate(self.alpha.tolist()):
            alone = lossfns.interval_loss(self.ends[..., k, :], self.target, alpha=level, reduction="none")
            assert torch.allclose(loss[..., k], alone)
        weight = torch.tensor([2.0, 0.0, 1.0])
        weighted = lossfns.interval_loss(ends, self.target, alpha=alpha, weight=weight)
        assert torch.allclose(weighted, (loss * weight).sum() / 60)
        slopes = torch.autograd.grad(weighted, (ends, alpha))
        assert (slopes[0][..., 1, :] == 0).all()
        assert slopes[1][1] == 0
        assert slopes[1][::2].abs().min() > 0
        half = lossfns.interval_loss(self.ends.half(), self.target.half(), alpha=self.alpha.double())
        assert half.dtype is torch.float32
        module = lossfns.IntervalLoss(alpha=self.alpha)
        assert torch.allclose(module(self.ends, self.target), loss.mean())
        assert torch.equal(module.state_dict()["alpha"], self.alpha)

    def test_what_does_not_fit_is_refused(self) -> None:
        y = self.target
        for wrong in (y, self.ends[..., 0], y[0, 0]):
            with pytest.raises(
                ValueError, match=r"input must have shape \(…, 2\), the lower and the upper end"
            ):
                lossfns.interval_loss(wrong, y)
        with pytest.raises(ValueError, match=r"target must have .*, \(4, 5, 3\), got \(4, 5\)"):
            lossfns.interval_loss(self.ends, y)
        with pytest.raises(ValueError, match=r"input must have shape \(…, 3, 2\)"):
            lossfns.interval_loss(self.ends[..., :2, :], y, alpha=self.alpha)
        for shape in ((), (1, 3)):
            with pytest.raises(ValueError, match=r"alpha must be .* shape \(A,\), got \("):
                lossfns.interval_loss(self.ends, y, alpha=self.alpha[0].expand(shape))
        lossfns.interval_loss(self.ends, y, alpha=self.alpha * 2)
        with (
            lossfns.strict(),
            pytest.raises(ValueError, match="alpha must be strictly between 0 and 1, got 1 "),
        ):
            lossfns.interval_loss(self.ends, y, alpha=self.alpha * 2)

    def test_compiles_and_maps(self) -> None:
        compiled = torch.compile(lossfns.interval_loss, fullgraph=True, backend="aot_eager")
        expected = lossfns.interval_loss(self.ends, self.target, alpha=self.alpha)
        assert torch.allclose(compiled(self.ends, self.target, alpha=self.alpha), expected)
        rows = torch.func.vmap(lambda x, y: lossfns.interval_loss(x, y, alpha=self.alpha))
        assert torch.allclose(rows(self.ends, self.target).mean(), expected)
