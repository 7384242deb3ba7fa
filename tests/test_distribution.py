"""What is particular to losses of a predicted distribution: laws, limits, scores, extreme parameters."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor

import lossfns
from lossfns import _chunked, _eager, verify
from lossfns.catalog import cards
from lossfns.distribution import _binet


def test_poisson_at_a_rate_of_zero() -> None:
    x = torch.tensor([-math.inf, -math.inf], requires_grad=True)
    loss = lossfns.poisson_nll_loss(x, torch.tensor([0, 2]), reduction="none")
    assert loss.tolist() == [0.0, math.inf]
    impossible = lossfns.poisson_nll_loss(x[:1], torch.tensor([0]))
    assert torch.autograd.grad(impossible, x)[0].tolist() == [0.0, 0.0]


def test_poisson_full_is_the_probability_mass() -> None:
    counts = torch.arange(6)
    loss = lossfns.poisson_nll_loss(torch.full((6,), 0.3).double(), counts, full=True, reduction="none")
    assert np.allclose(loss, -scipy.stats.poisson(math.exp(0.3)).logpmf(counts.numpy()))
    gradient_of_target = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    lossfns.poisson_nll_loss(torch.tensor([0.7]).double(), gradient_of_target).backward()
    assert gradient_of_target.grad is not None
    assert gradient_of_target.grad.item() == pytest.approx(-0.7)


def test_gaussian_full_is_the_density() -> None:
    mean, y, log_var = torch.tensor([0.3, 0.1]), torch.tensor([1.0, -2.0]), torch.tensor([0.5, -1.0])
    loss = lossfns.gaussian_nll_loss(
        mean.double(), y.double(), log_var=log_var.double(), full=True, reduction="none"
    )
    sigma = torch.exp(log_var.double() / 2).numpy()
    assert np.allclose(loss, -scipy.stats.norm(mean.double().numpy(), sigma).logpdf(y.double().numpy()))


GAUSSIAN = pytest.mark.parametrize("name", ["gaussian_nll_loss", "gaussian_crps_loss"])


@GAUSSIAN
def test_a_third_tensor_by_position_is_refused_for_torch_takes_it_for_a_variance(name: str) -> None:
    loss = getattr(lossfns, name)
    mean, y, s = torch.zeros(3), torch.ones(3), torch.full((3,), math.log(4))
    for call in (loss, cards()[name].module()):
        with pytest.raises(
            TypeError, match="takes 2 arguments by position, input, target, got 3; .* log_var="
        ):
            call(mean, y, s.exp())
        with pytest.raises(TypeError, match="log_var"):
            call(mean, y)
        assert call(mean, y, log_var=s) == call(input=mean, target=y, log_var=s)
    with pytest.raises(TypeError, match="no argument 'var'; did you mean log_var"):
        loss(mean, y, var=s.exp())


@GAUSSIAN
def test_gaussian_losses_recover_mean_and_variance(name: str) -> None:
    """Minimised over (mean, log-variance): NLL gives the sample's own, CRPS those of a normal sample."""
    uniform = verify.linspace(0.5 / 4000, 1 - 0.5 / 4000, 4000)
    sample = 1.5 + 0.6 * torch.special.ndtri(uniform)
    parameters = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [parameters], max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-12
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        mean, log_var = (p.expand(sample.shape) for p in parameters)
        loss: Tensor = getattr(lossfns, name)(mean, sample, log_var=log_var)
        loss.backward()
        return loss

    optimiser.step(closure)
    mean, log_var = parameters.detach().tolist()
    assert mean == pytest.approx(1.5, abs=1e-6)
    assert log_var == pytest.approx(math.log(sample.var(correction=0).item()), abs=1e-3)


def exact_gaussian(name: str, r: float, s: float) -> tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf]:
    """The loss of the mean 0, its derivative by the mean and by s, in the digits that mpmath is set to."""
    r, s = mpmath.mpf(r), mpmath.mpf(s)
    sigma = mpmath.exp(s / 2)
    z = r / sigma
    if name == "gaussian_nll_loss":
        return (s + z**2) / 2, -z / sigma, (1 - z**2) / 2
    erf, bulge = mpmath.erf(z / mpmath.sqrt(2)), 2 * mpmath.npdf(z) - 1 / mpmath.sqrt(mpmath.pi)
    return sigma * (z * erf + bulge), -erf, sigma * bulge / 2


LOG_VARIANCES = (1, 10, 60, 90, 100, 150, 170, 180, 200, 300, 400, 700, 1000, 1400, 1500, 3000, 1e4)


@GAUSSIAN
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("sight", [True, False], ids=["seen", "unseen"])
def test_gaussian_losses_at_any_variance(
    name: str, dtype: torch.dtype, sight: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Value and both gradients; the rounding of s/2 is multiplied by |s|/2 in its exponential."""
    if not sight:
        monkeypatch.setattr(_eager, "can_read", lambda x: False)
    limits = torch.finfo(dtype)
    residuals = [sign * r for r in (0.0, 1e-15, 1e-8, 0.3, 1.0, 7.5, 1e4, 1e15) for sign in (1, -1)]
    for r, s in itertools.product(residuals, (0, *LOG_VARIANCES, *(-v for v in LOG_VARIANCES))):
        mean, log_var = (torch.tensor(v, dtype=dtype).requires_grad_() for v in (0.0, s))
        y = torch.tensor(r, dtype=dtype)
        value = getattr(lossfns, name)(mean, y, log_var=log_var)
        slopes = torch.autograd.grad(value, (mean, log_var))
        with mpmath.workdps(60):
            exact = exact_gaussian(name, y.item(), s)
            if max(abs(exact[0]), mpmath.exp(s / 2) * (name == "gaussian_crps_loss")) > limits.max:
                assert value == math.inf
                assert not any(slope.isnan() for slope in slopes)
                continue
            for got, right in zip((value, *slopes), exact, strict=True):
                if abs(right) > limits.max:
                    assert got == math.copysign(math.inf, right)
                    continue
                error = abs(mpmath.mpf(got.item()) - right) / max(abs(right), limits.tiny)
                assert error < (10 + abs(s)) * limits.eps, (r, s, got, right)


def test_crps_is_the_integral_of_squared_distance_of_distribution_functions() -> None:
    grid = verify.linspace(-40, 40, 400_001)
    cdf = torch.special.ndtr((grid - 0.4) / 1.3)
    y = torch.tensor([1.1], dtype=torch.float64)
    integral = torch.trapezoid((cdf - (grid >= y).double()) ** 2, grid).item()
    log_var = torch.tensor([2 * math.log(1.3)], dtype=torch.float64)
    loss = lossfns.gaussian_crps_loss(torch.tensor([0.4], dtype=torch.float64), y, log_var=log_var)
    assert loss.item() == pytest.approx(integral, abs=1e-4)


def test_crps_of_a_certain_forecast_is_the_absolute_error() -> None:
    mean, y = torch.tensor([2.0, -1.0]), torch.tensor([5.0, -1.5])
    loss = lossfns.gaussian_crps_loss(mean, y, log_var=torch.full((2,), -80.0), reduction="none")
    assert torch.allclose(loss, (y - mean).abs())


class TestStudentT:
    @pytest.mark.parametrize("df", [0.3, 1.0, 4.0, 1e6])
    def test_full_is_the_density(self, df: float) -> None:
        mean, y, s = torch.randn(3, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        y = 10 * y
        loss = lossfns.student_t_nll_loss(mean, y, log_scale=s, df=df, full=True, reduction="none")
        law = scipy.stats.t(df, mean.numpy(), s.exp().numpy())
        assert np.allclose(loss, -law.logpdf(y.numpy()), rtol=1e-9)

    @pytest.mark.parametrize("full", [False, True])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    def test_without_bound_of_freedom_it_is_the_gaussian(self, full: bool, dtype: torch.dtype) -> None:
        mean, y, s = torch.randn(3, 20, generator=torch.Generator().manual_seed(0)).to(dtype)
        y = 1e3 * y
        due = lossfns.gaussian_nll_loss(mean, y, log_var=2 * s, full=full, reduction="none")
        for df in (math.inf, 1e300, torch.tensor(1e300, dtype=torch.float64)):
            loss = lossfns.student_t_nll_loss(mean, y, log_scale=s, df=df, full=full, reduction="none")
            torch.testing.assert_close(loss, due, rtol=20 * torch.finfo(dtype).eps, atol=0)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    @pytest.mark.parametrize("sight", [True, False], ids=["seen", "unseen"])
    @pytest.mark.parametrize("learned", [False, True])
    def test_any_scale_and_any_freedom(
        self, dtype: torch.dtype, sight: bool, learned: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Value and both gradients: s is rounded before its exponential."""
        if not sight:
            monkeypatch.setattr(_eager, "can_read", lambda x: False)
        limits, count = torch.finfo(dtype), 0
        scales = [sign * s for s in (0.0, 1.0, 60.0, 100.0, 180.0, 400.0, 750.0, 1e4) for sign in (1, -1)]
        for df, r, s in itertools.product(
            (5e-324, 1e-40, 0.5, 4.0, 1e12, 1e40, 1e300), (0.0, 1e-300, 1e-30, 0.3, -7.5, 1e15), scales
        ):
            least = limits.tiny * (limits.eps if learned else 1)
            near = min(max(df, least), limits.eps**-4)
            nu = torch.tensor(near, dtype=dtype) if learned else df
            mean, log_scale = (torch.tensor(v, dtype=dtype).requires_grad_() for v in (0.0, s))
            y = torch.tensor(r, dtype=dtype)
            loss = lossfns.student_t_nll_loss(mean, y, log_scale=log_scale, df=nu)
            with mpmath.workdps(400):
                exact = exact_student_t(y.item(), s, torch.tensor(near, dtype=dtype).item())
                for got, due in zip(
                    (loss, *torch.autograd.grad(loss, (mean, log_scale))), exact, strict=True
                ):
                    if abs(due) > limits.max / 10:  # where the power of e alone may be infinite
                        continue
                    count += 1
                    error = abs(mpmath.mpf(got.item()) - due) / max(abs(due), 1, limits.tiny)
                    assert error < (60 + 2 * abs(s)) * limits.eps, (df, r, s, got, due)
        assert count > 1000

    def test_the_pull_of_an_observation_is_bounded_and_fades(self) -> None:
        df, log_scale = 4.0, 0.7
        r = verify.linspace(-200, 200, 400_001).requires_grad_()
        loss = lossfns.student_t_nll_loss(
            r, torch.zeros_like(r), log_scale=torch.full_like(r, log_scale), df=df, reduction="sum"
        )
        (slope,) = torch.autograd.grad(loss, r)
        assert slope.max().item() == pytest.approx(
            (df + 1) / (2 * math.sqrt(df) * math.exp(log_scale)), rel=1e-6
        )
        assert slope[-1] < 0.03

    def test_freedom_is_learned_with_centre_and_scale(self) -> None:
        quantiles = verify.linspace(0.5 / 4000, 1 - 0.5 / 4000, 4000)
        sample = torch.from_numpy(scipy.stats.t(3.0, -1.0, 0.5).ppf(quantiles.numpy()))
        parameters = torch.tensor([0.0, 0.0, math.log(10)], dtype=torch.float64, requires_grad=True)
        optimiser = torch.optim.LBFGS([parameters], max_iter=200, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimiser.zero_grad()
            mean, s, log_df = parameters
            loss = lossfns.student_t_nll_loss(
                mean.expand(4000), sample, log_scale=s.expand(4000), df=log_df.exp(), full=True
            )
            loss.backward()
            return loss

        optimiser.step(closure)
        mean, s, log_df = parameters.tolist()
        assert mean == pytest.approx(-1.0, abs=1e-3)
        assert math.exp(s) == pytest.approx(0.5, rel=0.01)
        assert math.exp(log_df) == pytest.approx(3.0, rel=0.05)

    @pytest.mark.parametrize("df", [5e-324, 1e-3, 0.5, 3.0, 10.0, 31.99, 32.01, 40.0, 1e3, 1e8, 1e15, 1e300])
    def test_the_constant_has_its_digits(self, df: float) -> None:
        nu = torch.tensor(df, dtype=torch.float64, requires_grad=True)
        zero = torch.zeros((), dtype=torch.float64)
        constant = lossfns.student_t_nll_loss(zero, zero, log_scale=zero, df=nu, full=True)
        (slope,) = torch.autograd.grad(constant, nu)
        with mpmath.workdps(700):
            x = mpmath.mpf(df)
            due = mpmath.loggamma(x / 2) - mpmath.loggamma((x + 1) / 2) + mpmath.log(x * mpmath.pi) / 2
            assert abs(constant.item() - due) < 1e-14 * max(abs(due), 1)
        with mpmath.workdps(50):
            slope_due = (mpmath.psi(0, x / 2) - mpmath.psi(0, (x + 1) / 2) + 1 / x) / 2
            if 1e-3 <= df < 1e10:
                assert abs(slope.item() - slope_due) < 1e-12 * max(abs(slope_due), 1 / df)

    def test_what_does_not_fit_is_refused(self) -> None:
        x, y, s = torch.zeros(3, 2)
        with pytest.raises(TypeError, match="takes 2 arguments by position, .* log_scale="):
            lossfns.student_t_nll_loss(x, y, s)  # type: ignore[call-arg]
        for df in (0.0, -1.0, math.inf):
            wrong = torch.tensor(df)
            with (
                lossfns.strict(),
                pytest.raises(ValueError, match=f"df must be positive and finite, got {df:g}"),
            ):
                lossfns.student_t_nll_loss(x, y, log_scale=s, df=wrong)


def exact_student_t(r: float, s: float, df: float) -> tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf]:
    """The loss of the centre 0, its derivatives by the centre and by s, in the digits mpmath is set to."""
    r, s, df = mpmath.mpf(r), mpmath.mpf(s), mpmath.mpf(df)
    square = (r * mpmath.exp(-s)) ** 2
    slope = (df + 1) / (df + square)
    return s + (df + 1) / 2 * mpmath.log1p(square / df), -slope * r * mpmath.exp(-2 * s), 1 - slope * square


class TestBeta:
    """β-NLL: the gradient is that of the likelihood times the variance to the power β."""

    mean, y, s = torch.randn(3, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def slopes(self, scale: float = 1.0, **how: Any) -> tuple[Tensor, ...]:
        leaves = [v.clone().requires_grad_() for v in (self.mean, self.y, scale * self.s)]
        loss = lossfns.gaussian_nll_loss(leaves[0], leaves[1], log_var=leaves[2], reduction="sum", **how)
        return torch.autograd.grad(loss, leaves)

    @pytest.mark.parametrize("beta", [0.0, 0.25, 0.5, 1.0])
    def test_the_gradient_is_weighted(self, beta: float) -> None:
        for got, plain in zip(self.slopes(beta=beta), self.slopes(), strict=True):
            torch.testing.assert_close(got, plain * torch.exp(beta * self.s))

    def test_at_1_the_pull_on_the_mean_is_that_of_the_squared_error(self) -> None:
        """However large or small the predicted variance is: 10²⁰⁰ at ±460."""
        for scale in (1.0, 400.0):
            torch.testing.assert_close(self.slopes(scale, beta=1.0)[0], self.mean - self.y)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    def test_right_wherever_it_is_finite(self, dtype: torch.dtype) -> None:
        """Though the likelihood and the factor may be infinite and 0."""
        for s in (-1e4, -800.0, -200.0, -90.0, 90.0, 200.0):
            for beta in (0.5, 1.0):
                mean, log_var = (torch.tensor(v, dtype=dtype).requires_grad_() for v in (0.0, s))
                loss = lossfns.gaussian_nll_loss(
                    mean, torch.ones((), dtype=dtype), log_var=log_var, beta=beta
                )
                slopes = torch.autograd.grad(loss, (mean, log_var))
                with mpmath.workdps(50):
                    factor, z2 = mpmath.exp(beta * s), mpmath.exp((beta - 1) * s)
                    exact = (factor * s + z2) / 2, -z2, (factor - z2) / 2
                if exact[0] > torch.finfo(dtype).max:
                    assert loss == math.inf
                    continue
                for got, due in zip((loss, *slopes), exact, strict=True):
                    error = abs(mpmath.mpf(got.item()) - due) / max(abs(due), 1)
                    assert error < (10 + abs(s)) * torch.finfo(dtype).eps, (s, beta, got, due)

    def test_beta_is_refused_out_of_its_range(self) -> None:
        for beta in (-0.1, 1.1):
            with pytest.raises(ValueError, match="beta must be a number from 0 to 1"):
                lossfns.gaussian_nll_loss(self.mean, self.y, log_var=self.s, beta=beta)


class TestEnsembles:
    def test_it_is_the_integral_of_squared_distance_of_distribution_functions(self) -> None:
        """Of the law of the members, with ties among them, by exact sums over the intervals between."""
        for members, y in (
            ([0.0, 0.0, 1.5, 4.0], 2.0),
            ([3.0], -1.0),
            ([1.0, 1.0, 1.0], 1.0),
            ([5.0, -2.0], 9.0),
        ):
            edges = sorted([*members, y])
            due = sum(
                (b - a) * (sum(v <= a for v in members) / len(members) - (y <= a)) ** 2
                for a, b in itertools.pairwise(edges)
            )
            loss = lossfns.ensemble_crps_loss(torch.tensor(members), torch.tensor(y), fair=False)
            assert loss.item() == pytest.approx(due)

    @pytest.mark.parametrize("members", [2, 3, 50])
    def test_value_and_gradient_are_those_of_all_pairs(self, members: int) -> None:
        rng = torch.Generator().manual_seed(members)
        x = torch.randn(6, members, generator=rng, dtype=torch.float64).requires_grad_()
        y = torch.randn(6, generator=rng, dtype=torch.float64).requires_grad_()
        pairs = (x.unsqueeze(-1) - x.unsqueeze(-2)).abs().sum((-1, -2))
        for fair in (True, False):
            due = (x - y.unsqueeze(-1)).abs().mean(-1) - pairs / (2 * members * (members - fair))
            loss = lossfns.ensemble_crps_loss(x, y, fair=fair, reduction="none")
            torch.testing.assert_close(loss, due)
            for got, right in zip(
                torch.autograd.grad(loss.sum(), (x, y)),
                torch.autograd.grad(due.sum(), (x, y), retain_graph=True),
                strict=True,
            ):
                torch.testing.assert_close(got, right)

    def test_small_ensembles_have_the_score_of_their_law_if_fair(self) -> None:
        """In expectation, here of a standard normal law; the other is too large by the spread over M."""
        rng = torch.Generator().manual_seed(0)
        x, y = torch.randn(100_000, 3, generator=rng), torch.full((100_000,), 0.7)
        due = lossfns.gaussian_crps_loss(torch.tensor(0.0), torch.tensor(0.7), log_var=torch.tensor(0.0))
        assert lossfns.ensemble_crps_loss(x, y).item() == pytest.approx(due.item(), abs=4e-3)
        unfair = lossfns.ensemble_crps_loss(x, y, fair=False).item()
        assert unfair == pytest.approx(due.item() + 1 / (3 * math.sqrt(math.pi)), abs=4e-3)

    def test_digits_do_not_cancel(self) -> None:
        """Members near one another, far from 0 and from the target."""
        x = torch.tensor([1e4, 1e4 + 1 / 1024, 1e4 + 2 / 1024])
        loss = lossfns.ensemble_crps_loss(x, torch.tensor(1e4 + 1 / 1024), fair=False)
        assert loss.item() == pytest.approx(2 / 9 / 1024, rel=1e-6)
        many = torch.full((1000,), 0.1)
        for fair in (True, False):
            assert lossfns.ensemble_crps_loss(many, torch.tensor(0.1), fair=fair) == 0
            assert lossfns.ensemble_crps_loss(many, torch.tensor(0.3), fair=fair).item() == pytest.approx(0.2)

    def test_equal_members_share_the_gradient_of_one(self) -> None:
        x = torch.full((4,), 2.0, requires_grad=True)
        for y, due in ((0.0, 1.0), (2.0, 0.0), (5.0, -1.0)):
            for fair in (True, False):
                (slope,) = torch.autograd.grad(lossfns.ensemble_crps_loss(x, torch.tensor(y), fair=fair), x)
                assert slope.sum().item() == pytest.approx(due)

    def test_of_two_members_it_asks_for_the_target_between_them(self) -> None:
        x = torch.tensor([[3.0, -1.0]] * 4)
        loss = lossfns.ensemble_crps_loss(x, torch.tensor([-1.0, 0.5, 3.0, 5.0]), reduction="none")
        assert loss.tolist() == [0.0, 0.0, 0.0, 2.0]

    def test_one_member_has_no_pairs(self) -> None:
        x, y = torch.randn(2, 5, generator=torch.Generator().manual_seed(1))
        alone = lossfns.ensemble_crps_loss(x[:, None], y, fair=False)
        assert torch.equal(alone, (x - y).abs().mean())
        with pytest.raises(ValueError, match=r"input must have shape \(…, M\), M at least 2 .* got \(5, 1\)"):
            lossfns.ensemble_crps_loss(x[:, None], y)
        with pytest.raises(ValueError, match=r"M at least 1 .* got \(5, 0\)"):
            lossfns.ensemble_crps_loss(x[:, None][:, :0], y, fair=False)
        with pytest.raises(ValueError, match=r"target must have .*, \(5,\), got \(5, 1\)"):
            lossfns.ensemble_crps_loss(torch.randn(5, 3), y[:, None])


SCALED = {
    "gaussian_nll_loss": "log_var",
    "gaussian_crps_loss": "log_var",
    "student_t_nll_loss": "log_scale",
}


@pytest.mark.parametrize(("name", "scale"), SCALED.items(), ids=SCALED)
class TestOneScaleForSeveral:
    @pytest.mark.parametrize("shape", [(), (1,), (5,), (4, 1), (1, 5)], ids=str)
    @pytest.mark.parametrize("pieces", [False, True])
    def test_it_broadcasts_with_its_gradient(
        self, name: str, scale: str, shape: tuple[int, ...], pieces: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if pieces:
            monkeypatch.setattr(_chunked, "CHUNK", 2)
        rng = torch.Generator().manual_seed(0)
        mean, y = torch.randn(2, 4, 5, generator=rng, dtype=torch.float64)
        s = torch.randn(shape, generator=rng, dtype=torch.float64).requires_grad_()
        weight = torch.rand(4, 5, generator=rng) > 0.3
        for how in ({}, {"reduction": "none"}, {"weight": weight}):
            loss, due = (
                getattr(lossfns, name)(mean, y, **{scale: v}, **how) for v in (s, s.expand(4, 5).clone())
            )
            torch.testing.assert_close(loss, due)
            slopes = [torch.autograd.grad(value.sum(), s)[0] for value in (loss, due)]
            torch.testing.assert_close(*slopes)
            assert slopes[0].abs().min() > 0

    def test_the_mean_and_the_target_do_not(self, name: str, scale: str) -> None:
        whole, row = torch.zeros(4, 5), torch.zeros(5)
        for mean, y in ((whole, row), (row, whole)):
            with pytest.raises(ValueError, match="must (have|broadcast to) the shape of input"):
                getattr(lossfns, name)(mean, y, **{scale: whole})

    def test_two_ways_are_refused(self, name: str, scale: str) -> None:
        square, row = torch.zeros(4, 4), torch.zeros(4)
        with pytest.raises(ValueError, match=rf"{scale} must fit input in one way, got \(4,\)"):
            getattr(lossfns, name)(square, square, **{scale: row})
        for one in (row[None], row[:, None]):
            assert getattr(lossfns, name)(square, square, **{scale: one}).isfinite()
        with pytest.raises(
            ValueError, match=rf"{scale} must broadcast to the shape of input, \(4, 5\), got \(4,\)"
        ):
            getattr(lossfns, name)(torch.zeros(4, 5), torch.zeros(4, 5), **{scale: row})


def leaf(value: float, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(value, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("k", [1e-3, 0.5, 1.0, 9.9, 10.1, 1e3, 1e8])
def test_gamma_full_is_the_density(k: float) -> None:
    """Also where log Γ(k) − k log k + k, of a large k, would leave nothing; with its slope in k."""
    x, y = torch.tensor([0.3, -2.0, 5.0]).double(), torch.tensor([1.0, 0.2, 140.0]).double()
    concentration = leaf(k)
    loss = lossfns.gamma_nll_loss(x, y, concentration=concentration, full=True, reduction="none")
    (slope,) = torch.autograd.grad(loss.sum(), concentration)
    with mpmath.workdps(40):

        def exact(k: mpmath.mpf, x: float, y: float) -> mpmath.mpf:
            k, y, mean = mpmath.mpf(k), mpmath.mpf(y), mpmath.exp(x)
            return k * y / mean + k * mpmath.log(mean / k) - (k - 1) * mpmath.log(y) + mpmath.loggamma(k)

        rows = list(zip(x.tolist(), y.tolist(), strict=True))
        assert loss.tolist() == pytest.approx([float(exact(k, *row)) for row in rows], rel=1e-13, abs=1e-13)
        due = sum(mpmath.diff(lambda k, row=row: exact(k, *row), k) for row in rows)
        assert slope.item() == pytest.approx(float(due), rel=1e-11)
    single = lossfns.gamma_nll_loss(x.float(), y.float(), concentration=k, full=True, reduction="none")
    assert torch.allclose(single.double(), loss, rtol=1e-5, atol=1e-6)


def test_gamma_of_a_mean_that_is_out_of_range_but_not_its_ratio() -> None:
    x, y = leaf(-100.0, torch.float32), torch.tensor(1e-38)
    loss = lossfns.gamma_nll_loss(x, y)
    assert loss.item() == pytest.approx(-100 + 1e-38 * math.exp(100), rel=1e-6)
    assert torch.autograd.grad(loss, x)[0].item() == pytest.approx(1 - 1e-38 * math.exp(100), rel=1e-5)


PER_ELEMENT = pytest.mark.parametrize(
    ("name", "parameter"),
    [("gamma_nll_loss", "concentration"), ("negative_binomial_nll_loss", "dispersion")],
)


@PER_ELEMENT
def test_a_parameter_for_each_column_or_element(name: str, parameter: str) -> None:
    loss = getattr(lossfns, name)
    x, y = torch.randn(4, 3).double(), torch.rand(4, 3).double() + 0.5
    columns = torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64, requires_grad=True)
    got = loss(x, y, full=True, reduction="none", **{parameter: columns})
    for j, value in enumerate(columns.tolist()):
        alone = loss(x[:, j], y[:, j], full=True, reduction="none", **{parameter: value})
        assert torch.allclose(got[:, j], alone, rtol=1e-12)
    each = columns.detach().expand(4, 3).clone().requires_grad_()
    assert torch.equal(loss(x, y, full=True, reduction="none", **{parameter: each}), got)
    weight = torch.tensor([[1.0], [0.0], [2.0], [1.0]])
    poisoned = each.detach().clone()
    poisoned[1] = math.nan
    poisoned.requires_grad_()
    value = loss(x, y, full=True, weight=weight, **{parameter: poisoned})
    (slope,) = torch.autograd.grad(value, poisoned)
    assert torch.allclose(value, (weight * got).sum() / 12)
    assert slope.isfinite().all()
    assert (slope[1] == 0).all()
    assert torch.autograd.gradcheck(lambda p: loss(x, y, full=True, **{parameter: p}), columns)
    with pytest.raises(ValueError, match=rf"{parameter} must broadcast to the shape of input, \(4, 3\), got"):
        loss(x, y, **{parameter: torch.ones(4)})
    with lossfns.strict(), pytest.raises(ValueError, match=rf"{parameter} must be .* got -1 at index"):
        loss(x, y, **{parameter: torch.tensor([1.0, -1.0, 1.0])})
    module = cards()[name].module(full=True, **{parameter: torch.nn.Parameter(columns.detach())})
    assert [n for n, _ in module.named_parameters()] == [parameter]
    assert torch.allclose(module(x, y), got.mean())


@pytest.mark.parametrize("power", [-2.0, -1e-3, 0.0, 1.0, 1.3, 2.0, 2.5, 3.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_tweedie_keeps_its_digits_about_the_mean(power: float, dtype: torch.dtype) -> None:
    """Value and gradient, against fifty digits of (y − t) t^−p, integrated from μ to y, at μ = 1."""
    x, eps = leaf(0.0, dtype), torch.finfo(dtype).eps
    for u in (1e-6, -1e-6, 1e-3, -0.03, 0.24, -0.26, 1.0, -4.0):
        y = torch.tensor(math.exp(u), dtype=dtype)
        loss = lossfns.tweedie_loss(x, y, power=power)
        (slope,) = torch.autograd.grad(loss, x)
        with mpmath.workdps(50):
            t, p = mpmath.mpf(y.item()), mpmath.mpf(power)
            due = mpmath.quad(lambda s, t=t, p=p: (t - s) * s**-p, mpmath.linspace(1, t, 5))
            assert abs(loss.item() - due) < 40 * eps * due, u
            assert abs(slope.item() - (1 - t)) < 20 * eps * abs(1 - t), u
    assert lossfns.tweedie_loss(x, torch.ones((), dtype=dtype), power=power) == 0


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_tweedie_is_continuous_in_its_power(power: float) -> None:
    x, y = torch.tensor([0.0, 2.0, -1.0, 1.0]).double(), torch.tensor([3.0, 7.4, 5.0, 1e-3]).double()
    for step in (1e-15, 1e-12, 1e-6):
        for p in (power + step, power - step):
            if p < 1:
                continue
            near = lossfns.tweedie_loss(x, y, power=p, reduction="none")
            assert torch.allclose(near, lossfns.tweedie_loss(x, y, power=power, reduction="none"), 20 * step)


def test_members_of_tweedies_family() -> None:
    x, y = torch.randn(50).double(), torch.rand(50).double() * 3 + 0.1
    mse = lossfns.mse_loss(x.exp(), y, reduction="none")
    gamma = lossfns.gamma_nll_loss(x, y, reduction="none") - 1 - y.log()
    poisson = lossfns.poisson_nll_loss(x, y, reduction="none") - y + y * y.log()
    for power, member in ((0.0, mse / 2), (1.0, poisson), (2.0, gamma)):
        loss = lossfns.tweedie_loss(x, y, power=power, reduction="none")
        assert torch.allclose(loss, member, rtol=1e-12, atol=1e-14)
        assert not torch.allclose(loss, 2 * member)


@pytest.mark.parametrize(
    ("power", "at_0", "below"),
    [(-1.0, 1 / 3, 1 / 3 + 2 / 2), (0.0, 1 / 2, 9 / 2), (1.0, 1.0, math.inf), (1.5, 2.0, math.inf)]
    + [(2.0, math.inf, math.inf), (3.0, math.inf, math.inf)],
)
def test_tweedie_at_0_and_below(power: float, at_0: float, below: float) -> None:
    """At μ = 1; no gradient is NaN, and what is out of the domain is refused under strict()."""
    for y, due in ((0.0, at_0), (-2.0, below)):
        x, target = leaf(0.0), torch.tensor(y, dtype=torch.float64)
        loss = lossfns.tweedie_loss(x, target, power=power)
        assert loss.item() == pytest.approx(due)
        assert torch.autograd.grad(loss, x)[0].isfinite()
        if due == math.inf:
            with lossfns.strict(), pytest.raises(ValueError, match="target must be"):
                lossfns.tweedie_loss(x, target, power=power)
    with pytest.raises(ValueError, match="power must be a finite number, at most 0 or at least 1, got 0.5"):
        lossfns.tweedie_loss(torch.zeros(1), torch.ones(1), power=0.5)


def test_tweedie_where_a_part_of_the_formula_overflows() -> None:
    """The mean to a power at a perfect prediction, and what a target of 0 does not need."""
    y = torch.tensor(2.0**-87)
    x = y.log().requires_grad_()
    assert lossfns.tweedie_loss(x, y, power=5.0) == 0
    x = leaf(-200.0, torch.float32)
    loss = lossfns.tweedie_loss(x, torch.zeros(()))
    assert loss.item() == pytest.approx(2 * math.exp(-100), abs=1e-43)
    assert torch.autograd.grad(loss, x)[0].isfinite()


def test_negative_binomial_full_is_the_probability_mass() -> None:
    counts = torch.arange(30)
    for alpha in (0.01, 0.5, 4.0):
        x = torch.full((30,), 1.2, dtype=torch.float64)
        loss = lossfns.negative_binomial_nll_loss(x, counts, dispersion=alpha, full=True, reduction="none")
        law = scipy.stats.nbinom(1 / alpha, 1 / (1 + alpha * math.exp(1.2)))
        assert np.allclose(loss, -law.logpmf(counts.numpy()), rtol=1e-10)
        mean, variance = law.stats()
        assert (mean, variance) == pytest.approx((math.exp(1.2), mean + alpha * mean**2))


def test_negative_binomial_without_dispersion_is_poisson() -> None:
    x, y = torch.tensor([-3.0, 0.0, 2.0, 5.0]).double(), torch.tensor([0.0, 3.0, 7.0, 90.0]).double()
    for full in (False, True):
        poisson = lossfns.poisson_nll_loss(x, y, full=full, reduction="none")
        for alpha in (0.0, 5e-324, 1e-30, 1e-17):
            loss = lossfns.negative_binomial_nll_loss(x, y, dispersion=alpha, full=full, reduction="none")
            assert torch.allclose(loss, poisson, rtol=1e-12, atol=1e-12)
        # the slope in α at 0 is (y − (y − μ)²)/2 of −log p, a sum over y < j more without constants
        none = leaf(0.0)
        loss = lossfns.negative_binomial_nll_loss(x, y, dispersion=none, full=full, reduction="sum")
        rise = 0 if full else y * (y - 1) / 2
        due = ((y - (y - x.exp()).square()) / 2 + rise).sum()
        assert torch.autograd.grad(loss, none)[0].item() == pytest.approx(due.item(), rel=1e-9)


def test_negative_binomial_below_dispersion_1_has_no_least_value() -> None:
    x, y = torch.tensor([3.0]), torch.tensor([20.0])
    assert lossfns.negative_binomial_nll_loss(x, y, dispersion=0.2) < -5
    assert lossfns.negative_binomial_nll_loss(x, y, dispersion=1.0) > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_negative_binomial_of_any_mean_and_dispersion(dtype: torch.dtype) -> None:
    """Value, slope (μ − y)/(1 + αμ) and slope in α, with means that overflow; NaN is nowhere."""
    limits = torch.finfo(dtype)
    numbers = itertools.product((-200.0, -5.0, 0.0, 6.0, 200.0, 1000.0), (0.0, 3.0, 1e6), (1e-8, 0.3, 1e5))
    for x_, y_, a_ in numbers:
        x, y, alpha = leaf(x_, dtype), torch.tensor(y_, dtype=dtype), leaf(a_, dtype)
        loss = lossfns.negative_binomial_nll_loss(x, y, dispersion=alpha)
        slope, of_alpha = torch.autograd.grad(loss, (x, alpha))
        with mpmath.workdps(1000):
            a, mean = mpmath.mpf(alpha.item()), mpmath.exp(x_)
            terms = (y_ * mpmath.log(a + 1 / mean), mpmath.log(1 + a * mean) / a)
            size = sum(map(abs, terms)) + limits.tiny / limits.eps
            assert abs(loss.item() - sum(terms)) < 4 * limits.eps * size
            pulls = (mean / (1 + a * mean), y_ / (1 + a * mean))
            assert abs(slope.item() - pulls[0] + pulls[1]) < 8 * limits.eps * (sum(pulls) + limits.tiny)
            of_a = y_ / (a + 1 / mean) + (1 - 1 / (1 + a * mean)) / a**2 - terms[1] / a
            error = abs(of_alpha.item() - of_a)
            assert error < 1e-4 * abs(of_a) + limits.tiny / limits.eps or of_alpha.isinf()


ZEROS = pytest.mark.parametrize("name", ["poisson_nll_loss", "negative_binomial_nll_loss"])


@ZEROS
def test_zero_logit_at_its_ends(name: str) -> None:
    """−∞ is no inflation, +∞ leaves zeros only; nothing is NaN, the gradients neither."""
    loss = getattr(lossfns, name)
    y = torch.tensor([0, 0, 0, 2])
    for x_, z_ in itertools.product((-math.inf, -200.0, 0.0, 88.0, 200.0), (-math.inf, -300.0, 0.0, 300.0)):
        x, z = torch.full((4,), x_, requires_grad=True), torch.full((4,), z_, requires_grad=True)
        plain = loss(x, y, reduction="none")
        value = loss(x, y, zero_logit=z, reduction="none")
        if x_ == -math.inf:
            value, plain = value[:3], plain[:3]
        assert not value.isnan().any()
        assert not any(slope.isnan().any() for slope in torch.autograd.grad(value.sum(), (x, z)))
        if z_ == -math.inf and plain.isfinite().all():
            assert torch.allclose(value, plain)
        if z_ == 300:
            assert (value[:3] == 0).all()


@ZEROS
def test_zero_logit_against_fifty_digits(name: str) -> None:
    """−log(σ(z) + σ(−z) p(0)) where it is tiny, or both of its parts are."""
    for x_, z_ in itertools.product((-30.0, -3.0, 0.0, 2.0, 5.0), (-80.0, -9.0, 0.0, 9.0, 40.0)):
        x, z = leaf(x_, torch.float32), leaf(z_, torch.float32)
        loss = getattr(lossfns, name)(x, torch.zeros(()), zero_logit=z)
        slopes = torch.autograd.grad(loss, (x, z))
        with mpmath.workdps(120):

            def exact(x: mpmath.mpf, z: mpmath.mpf) -> mpmath.mpf:
                mean = mpmath.exp(x)
                none = mpmath.exp(-mean) if name == "poisson_nll_loss" else 1 / (1 + mean)
                return -mpmath.log((mpmath.exp(z) + none) / (1 + mpmath.exp(z)))

            due = [exact(x_, z_), *(mpmath.diff(exact, (x_, z_), n) for n in ((1, 0), (0, 1)))]
            for got, right in zip((loss, *slopes), due, strict=True):
                assert abs(got.item() - right) < 3e-5 * abs(right) + 1e-37, (x_, z_)


@ZEROS
def test_zero_logit_has_the_shape_of_the_input(name: str) -> None:
    x, y = torch.zeros(3), torch.tensor([0, 1, 0])
    with pytest.raises(ValueError, match=r"zero_logit must have the shape of input, \(3,\), got \(\)"):
        getattr(lossfns, name)(x, y, zero_logit=torch.tensor(0.0))
    module = cards()[name].module()
    expected = getattr(lossfns, name)(x, y, zero_logit=x)
    assert torch.equal(module(x, y, zero_logit=x), expected)


def test_share_of_zeros_is_learned_with_the_rate() -> None:
    """From counts that hold exactly the probabilities of a zero-inflated Poisson law."""
    rate, share, y = 2.5, 0.3, torch.arange(40)
    mass = (1 - share) * torch.as_tensor(scipy.stats.poisson(rate).pmf(y.numpy()))
    mass[0] += share
    parameters = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([parameters], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        x, z = (p.expand(40) for p in parameters)
        loss = lossfns.poisson_nll_loss(x, y, zero_logit=z, weight=mass)
        loss.backward()
        return loss

    optimiser.step(closure)
    log_rate, logit = parameters.detach()
    assert log_rate.exp().item() == pytest.approx(rate, rel=1e-4)
    assert logit.sigmoid().item() == pytest.approx(share, rel=1e-4)


def test_a_concentration_of_0_is_refused() -> None:
    x, y = torch.zeros(2), torch.ones(2)
    with (
        lossfns.strict(),
        pytest.raises(ValueError, match="concentration must be positive .* got 0 at index"),
    ):
        lossfns.gamma_nll_loss(x, y, concentration=torch.tensor([1.0, 0.0]))


def test_what_stirlings_formula_lacks() -> None:
    with mpmath.workdps(40):
        for z in (10.01, 12.0, 50.0, 1e6):
            q = mpmath.mpf(1 / z)
            rest = (
                mpmath.loggamma(1 / q)
                - (1 / q - 0.5) * mpmath.log(1 / q)
                + 1 / q
                - mpmath.log(2 * mpmath.pi) / 2
            )
            assert abs(_binet(torch.tensor(1 / z, dtype=torch.float64)).item() - rest) < 1e-14 * rest


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("loss", ["gamma", "tweedie of 2", "tweedie of 3"])
def test_an_infinite_loss_of_an_amount_still_says_where_to_go(loss: str, dtype: torch.dtype) -> None:
    x = torch.tensor([-2.0 * math.log(torch.finfo(dtype).max), 0.5], dtype=dtype, requires_grad=True)
    y = torch.ones(2, dtype=dtype)
    if loss == "gamma":
        value = lossfns.gamma_nll_loss(x, y, concentration=2.0, full=True, reduction="sum")
    else:
        value = lossfns.tweedie_loss(x, y, power=float(loss[-1]), reduction="sum")
    (slope,) = torch.autograd.grad(value, x)
    assert value == math.inf
    assert slope[0] == -math.inf
    assert slope[1].isfinite()


def kl(*row: float, dtype: torch.dtype = torch.float64) -> Tensor:
    mean, s, m, t = (torch.tensor([v], dtype=dtype) for v in row)
    return lossfns.gaussian_kl_loss(mean, log_var=s, target=m, target_log_var=t)


def test_gaussian_kl_is_that_of_the_laws() -> None:
    """By the closed form of torch, and by the definition: the mean of log p − log q."""
    rng = torch.Generator().manual_seed(3)
    mean, s, m, t = torch.randn(4, 3, 5, generator=rng, dtype=torch.float64)
    ours = lossfns.gaussian_kl_loss(mean, log_var=s, target=m, target_log_var=t, reduction="none")
    laws = [torch.distributions.Normal(c, (v / 2).exp()) for c, v in ((mean, s), (m, t))]
    torch.testing.assert_close(ours, torch.distributions.kl_divergence(*laws), rtol=1e-12, atol=1e-12)
    p, q = (scipy.stats.norm(float(law.mean[0, 0]), float(law.stddev[0, 0])) for law in laws)
    assert p.expect(lambda x: p.logpdf(x) - q.logpdf(x)) == pytest.approx(ours[0, 0].item())


def test_gaussian_kl_from_the_standard_normal_is_the_default_of_each_parameter() -> None:
    mean, s = torch.tensor([0.3, -1.0]), torch.tensor([0.5, -2.0])
    zero = torch.zeros(2)
    whole = lossfns.gaussian_kl_loss(mean, log_var=s, target=zero, target_log_var=zero)
    assert lossfns.gaussian_kl_loss(mean, log_var=s) == whole
    assert lossfns.gaussian_kl_loss(mean, log_var=s, target=zero) == whole
    assert lossfns.gaussian_kl_loss(mean, log_var=s, target_log_var=torch.zeros(1)) == whole
    with pytest.raises(TypeError, match=r"takes 1 argument by position, input, got 2; .* log_var="):
        lossfns.gaussian_kl_loss(mean, s)  # type: ignore[call-arg]


def test_gaussian_kl_is_not_symmetric_and_adds_up_over_dimensions() -> None:
    assert kl(0, 0, 0, 1) != kl(0, 1, 0, 0)
    mean, s = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    laws = [
        torch.distributions.MultivariateNormal(c, torch.diag_embed(v.exp()))
        for c, v in ((mean, s), (torch.zeros(3).double(), torch.zeros(3).double()))
    ]
    bound = torch.distributions.kl_divergence(*laws).mean()
    assert torch.allclose(lossfns.gaussian_kl_loss(mean, log_var=s) * 3, bound)
    assert torch.allclose(lossfns.gaussian_kl_loss(mean, log_var=s, reduction="none").sum(1).mean(), bound)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_gaussian_kl_keeps_its_digits_where_the_laws_are_nearly_the_same(dtype: torch.dtype) -> None:
    """exp(d) − 1 − d loses all of them: it may be negative, as its textbook form often is."""
    d = torch.cat([v * 2.0 ** -torch.arange(1, 40, dtype=dtype) for v in (1.1, -1.1)]).requires_grad_()
    loss = lossfns.gaussian_kl_loss(torch.zeros_like(d), log_var=d, reduction="none")
    (slope,) = torch.autograd.grad(loss.sum(), d)
    with mpmath.workdps(60):
        exact = [(mpmath.expm1(v) - mpmath.mpf(v)) / 2 for v in d.tolist()]
        exact_slope = [mpmath.expm1(v) / 2 for v in d.tolist()]
    eps = torch.finfo(dtype).eps
    assert loss.tolist() == pytest.approx([float(v) for v in exact], rel=8 * eps, abs=0)
    assert slope.tolist() == pytest.approx([float(v) for v in exact_slope], rel=8 * eps, abs=0)
    naive = (d.exp() - 1 - d) / 2
    assert (naive < 0).any()
    assert (loss > 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    ("row", "value", "slopes"),
    [
        ((0.0, -1e4, 0.0, 0.0), (1e4 - 1) / 2, (0.0, -0.5, 0.0, 0.5)),  # a law that is a point
        ((2.0, -1e4, 2.0, -1e4), 0.0, (0.0, 0.0, 0.0, 0.0)),  # two
        ((3.0, 1e4, 0.0, 1e4), 0.0, (0.0, 0.0, 0.0, 0.0)),
        ((3.0, 0.0, 0.0, 1e4), (1e4 - 1) / 2, (0.0, -0.5, 0.0, 0.5)),
        ((1e-30, -150.0, 0.0, -150.0), 0.5e-60 * math.exp(150), None),
    ],
)
def test_gaussian_kl_at_extreme_variances(
    dtype: torch.dtype, row: tuple[float, ...], value: float, slopes: tuple[float, ...] | None
) -> None:
    tensors = [torch.tensor([v], dtype=dtype, requires_grad=True) for v in row]
    mean, s, m, t = tensors
    loss = lossfns.gaussian_kl_loss(mean, log_var=s, target=m, target_log_var=t)
    assert loss.item() == pytest.approx(value, rel=1e-5, abs=0)
    found = [g.item() for g in torch.autograd.grad(loss, tensors)]
    if slopes is None:
        inverse = math.exp(150)
        slopes = (1e-30 * inverse, 0.0, -1e-30 * inverse, -0.5e-60 * inverse)
    assert found == pytest.approx(list(slopes), rel=1e-5, abs=0)


def test_gaussian_kl_of_a_prior_that_is_learned_for_all_examples() -> None:
    """One variance a dimension; means are as many as the inputs."""
    mean, s = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(5))
    prior, t = torch.tensor([0.5, 0.0, -0.5]), torch.tensor([1.0, 0.0, -1.0], requires_grad=True)
    loss = lossfns.gaussian_kl_loss(mean, log_var=s, target=prior.expand_as(mean), target_log_var=t)
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (s / 2).exp()), torch.distributions.Normal(prior, (t / 2).exp())
    ).mean()
    torch.testing.assert_close(loss, expected)
    assert torch.autograd.grad(loss, t)[0].abs().min() > 0
    with pytest.raises(ValueError, match="target must have the shape of input"):
        lossfns.gaussian_kl_loss(mean, log_var=s, target=prior)
