"""What is particular to losses of a predicted distribution: laws, limits, scores, extreme parameters."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor

import lossfns
from lossfns import _eager, verify
from lossfns.catalog import cards


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
