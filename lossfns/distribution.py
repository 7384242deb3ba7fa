"""Losses of a predicted distribution: likelihoods and scores of a law whose parameters are predicted.

Each takes ``input`` (the prediction: a mean, or its logarithm) and ``target`` of one shape, computes in at
least float32 and returns Σ wᵢ ℓᵢ / Σ wᵢ unless told otherwise. Integer and bool tensors are accepted and
converted.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _check, _eager
from lossfns import _rules as rules
from lossfns._check import below_infinity, finite_non_negative
from lossfns._module import LossModule
from lossfns._numerics import as_float64, in_range
from lossfns._reduce import elementwise
from lossfns._rules import Reduction, checked

__all__ = [
    "EnsembleCRPSLoss",
    "GaussianCRPSLoss",
    "GaussianNLLLoss",
    "PoissonNLLLoss",
    "StudentTNLLLoss",
    "ensemble_crps_loss",
    "gaussian_crps_loss",
    "gaussian_nll_loss",
    "poisson_nll_loss",
    "student_t_nll_loss",
]


@checked(full=rules.boolean)
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    full: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Poisson negative log-likelihood of a count, given the logarithm of its rate.

    .. math:: \ell(\hat y, y) = e^{\hat y} - y \hat y

    Args:
        full: whether to add log y!, exactly (torch takes Stirling's approximation).
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        ``input`` is the *log*-rate: exp(input) estimates the mean. A log-rate of −∞ with target 0 costs 0.
        The targets need not be whole.

    Shape:
        ``input``, ``target``: any, equal. ``"none"``: the same.

    Raises:
        ValueError: under ``strict()`` a negative target.

    Source:
        Nelder & Wedderburn (1972), *Generalized linear models*.

    Example:
        >>> poisson_nll_loss(torch.tensor([0.0, 1.0]), torch.tensor([0, 2]), full=True, reduction="none")
        tensor([1.0000, 1.4114])
    """

    def poisson(x: Tensor, y: Tensor) -> Tensor:
        finite = x if _eager.known_finite(x) else torch.where((x == -torch.inf) & (y == 0), 0.0, x)
        loss = torch.exp(x) - y * finite
        return loss + torch.lgamma(y + 1) if full else loss

    domains = {"input": below_infinity, "target": finite_non_negative}
    return elementwise(poisson, weight, reduction, domains=domains, input=input, target=target)


@checked(beta=rules.unit_interval, full=rules.boolean)
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    log_var: Tensor,
    beta: float = 0.0,
    full: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gaussian negative log-likelihood with a predicted variance: estimates the mean and the variance.

    .. math:: \ell(\mu, s, y) = \frac{1}{2} e^{\beta s} \left(s + (y - \mu)^2 e^{-s}\right)

    Args:
        log_var: s, the logarithm of the variance. torch takes the variance, as its third argument.
        beta: β from 0 to 1: β-NLL has the factor exp(βs) = σ²ᵝ, which the gradient holds constant. At 0 it
            is the likelihood; at 1 the pull on the mean is that of the squared error for every variance.
        full: whether to add ½ log 2π, before the factor.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        ``input`` is the mean μ. A logarithm needs no clamp: the loss is right wherever it is finite. It is
        unbounded below as s → −∞ on a residual of 0, and not jointly convex in (μ, s).

        With β > 0 the value is no measure of a forecast: only its gradient, exp(βs) times that of the
        likelihood, is meant. Report the loss at β = 0.

    Shape:
        ``input``, ``target``, ``log_var``: any, equal. ``"none"``: the same.

    Source:
        Nix & Weigend (1994), *Estimating the mean and variance of the target probability distribution*.
        Seitzer et al. (2022), *On the pitfalls of heteroscedastic uncertainty estimation with probabilistic
        neural networks*. Chapter: Predicting a distribution.

    Example:
        >>> mean, target, log_var = torch.tensor([0.0]), torch.tensor([2.0]), torch.tensor([math.log(4)])
        >>> gaussian_nll_loss(mean, target, log_var=log_var)
        tensor(1.1931)
    """

    def gaussian(mean: Tensor, y: Tensor, s: Tensor) -> Tensor:
        held = beta * s.detach() if beta else None
        r, scaled = y - mean, s if held is None else s - held
        inverse = torch.exp(-0.5 * scaled)
        if _eager.known_finite(inverse):
            z = r * inverse
        else:  # in two halves, so that the loss is right as long as it is finite, and where r = 0
            half = torch.exp(-0.25 * scaled.clamp(min=4 * math.log(torch.finfo(s.dtype).tiny)))
            z = r * half * half
        level = s + math.log(2 * math.pi) if full else s
        return 0.5 * ((level if held is None else torch.exp(held) * level) + z.square())

    return elementwise(gaussian, weight, reduction, input=input, target=target, log_var=log_var)


@checked(df=rules.or_tensor(rules.number(lambda df: df > 0, "a positive number or inf")), full=rules.boolean)
def student_t_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    log_scale: Tensor,
    df: float | Tensor = 4.0,
    full: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Student's t negative log-likelihood: a predicted centre and scale that outliers do not carry off.

    .. math:: \ell(\mu, s, y) = s + \frac{\nu + 1}{2} \log(1 + \frac{z^2}{\nu}), \qquad z = (y - \mu) e^{-s}

    Args:
        log_scale: s, the logarithm of the scale σ. Half of the ``log_var`` of :func:`gaussian_nll_loss`.
        df: ν, the degrees of freedom, a positive number, the smaller, the more robust: 1 is Cauchy's law, inf
            the Gaussian. A tensor of one number is learned.
        full: whether to add the constant log Γ(ν/2) − log Γ((ν + 1)/2) + ½ log νπ.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        ``input`` is the centre μ: the median, the mean if ν > 1. The variance is σ²ν/(ν − 2) if ν > 2, else
        infinite. The pull on μ is at most (ν + 1)/(2σ√ν), and fades for outliers; that on s is at most
        max(1, ν). The loss is right wherever it is finite, and not convex in μ. It is unbounded below as
        s → −∞ on a residual of 0.

        Learn ν with ``full`` alone: the constant depends on it. It has errors below 1e-14.

    Shape:
        ``input``, ``target``, ``log_scale``: any, equal. ``"none"``: the same.

    Raises:
        ValueError: under ``strict()`` a tensor ``df`` that is not positive and finite.

    Source:
        Lange, Little & Taylor (1989), *Robust statistical modeling using the t distribution*. Chapter:
        Predicting a distribution.

    Example:
        >>> centre, target = torch.tensor([0.0, 0.0]), torch.tensor([1.0, 100.0])
        >>> student_t_nll_loss(centre, target, log_scale=torch.zeros(2), reduction="none")
        tensor([ 0.5579, 19.5611])
    """
    _check.is_tensor(input=input)
    _check.check_scalar("df", df, _check.positive, input)

    def student_t(mean: Tensor, y: Tensor, s: Tensor) -> Tensor:
        nu = df.to(y.dtype) if isinstance(df, Tensor) else in_range(df, y.dtype)
        loss = _student_t(y - mean, s, nu)
        return loss + _log_normaliser_of_t(as_float64(df, y)) if full else loss

    return elementwise(
        student_t, weight, reduction, constants=(df,), input=input, target=target, log_scale=log_scale
    )


def _student_t(r: Tensor, s: Tensor, nu: float | Tensor) -> Tensor:
    limits, root = torch.finfo(r.dtype), nu**0.5
    far, z = None, r * torch.exp(-s)
    if not _eager.known_finite((z / root).square()):
        # beyond 1e9 √ν the 1 is lost and a logarithm cannot overflow; in two halves, as for the Gaussian
        half = torch.exp(-0.5 * s.clamp(min=2 * math.log(limits.tiny)))
        far = (r * half * half).detach().abs() > 1e9 * root
        z = torch.where(far, 0.0, r) * half * half
    u = z / root
    square = u.square()
    # where z²/ν is small, so that it may underflow, (ν + 1) log(1 + z²/ν) is (1 + 1/ν) z²
    near = square < limits.eps
    gaussian = (root + 1 / root) * torch.where(near, u, 0.0) * z
    loss = s + 0.5 * torch.where(near, gaussian, (nu + 1) * torch.log1p(square))
    if far is None:
        return loss
    log_r = torch.where(far, r, 1.0).abs().log()
    return torch.where(far, (nu + 1) * (log_r - 0.5 * as_float64(nu, r).log()) - nu * s, loss)


def _log_normaliser_of_t(df: Tensor) -> Tensor:
    """log Γ(ν/2) − log Γ((ν + 1)/2) + ½ log νπ, from ν = 32 on by Stirling's series for the difference."""
    x = df / 2
    large = x > 16
    a, b = torch.where(large, 1.0, x), 1 / torch.where(large, x, 16.0)
    exact = torch.lgamma(a + 0.5) - torch.lgamma(a + 1) + 0.5 * (df.log() - math.log(2))
    series, w = torch.zeros_like(b), b.square()
    for coefficient in (-31 / 18432, 17 / 14336, -1 / 640, 1 / 192, -1 / 8):
        series = coefficient + w * series
    return 0.5 * math.log(2 * math.pi) - torch.where(large, b * series, exact)


@checked()
def gaussian_crps_loss(
    input: Tensor,
    target: Tensor,
    *,
    log_var: Tensor,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Continuous ranked probability score of a Gaussian forecast.

    .. math:: \ell(\mu, s, y) = \sigma \left(z (2 \Phi(z) - 1) + 2 \varphi(z) - \frac{1}{\sqrt{\pi}}\right),
        \qquad z = \frac{y - \mu}{\sigma}, \quad \sigma = e^{s / 2}

    Args:
        log_var: s, the logarithm of the variance, as in :func:`gaussian_nll_loss`.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        ``input`` is the mean μ. A proper score in the unit of the target: the absolute error |y − μ| as
        σ → 0, and linear, not quadratic, in an outlier. Jointly convex in (μ, σ).

    Shape:
        ``input``, ``target``, ``log_var``: any, equal. ``"none"``: the same.

    Source:
        Gneiting & Raftery (2007), *Strictly proper scoring rules, prediction, and estimation*. Chapter:
        Predicting a distribution.

    Example:
        >>> gaussian_crps_loss(torch.tensor([0.0]), torch.tensor([0.0]), log_var=torch.tensor([0.0]))
        tensor(0.2337)
    """

    def crps(mean: Tensor, y: Tensor, s: Tensor) -> Tensor:
        r, sigma = y - mean, torch.exp(0.5 * s)
        # Past 40 standard deviations erf is ±1 and the density 0 to every digit of float64.
        inverse = torch.exp(-0.5 * s.clamp(min=2 * math.log(torch.finfo(s.dtype).tiny)))
        z = (r * inverse).clamp(-40, 40)
        if not _eager.known_finite(sigma):  # then infinity times 0 would be the gradient of z
            z = z.masked_fill(sigma == math.inf, 0.0)
        density = torch.exp(-0.5 * z.square()) / math.sqrt(2 * math.pi)
        return r * torch.erf(z / math.sqrt(2)) + sigma * (2 * density - 1 / math.sqrt(math.pi))

    return elementwise(crps, weight, reduction, input=input, target=target, log_var=log_var)


@checked(fair=rules.boolean)
def ensemble_crps_loss(
    input: Tensor,
    target: Tensor,
    *,
    fair: bool = True,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Continuous ranked probability score of an ensemble: of samples of a forecast, without its density.

    .. math:: \ell(x, y) = \frac{1}{M} \sum_i \lvert x_i - y \rvert
        - \frac{1}{2 M (M - 1)} \sum_i \sum_k \lvert x_i - x_k \rvert

    Args:
        fair: whether the differences are averaged over the M(M − 1) pairs of different members, as written,
            so that the loss is, in expectation, the score of the law that the members are drawn from. If not,
            over all M²: the score of the members as a law of their own, whose best spread is too small.
        weight: of the targets; broadcasts to (…). Those of weight 0 are left out.

    Conventions:
        Proper in the mean over ensembles, and in the unit of the target. The members are sorted, in time
        M log M: the loss is 2/M times the sum of their quantile losses, of levels (i − 1)/(M − 1) if ``fair``
        and (i − ½)/M if not. Members that meet the target have a gradient of 0; equal ones are told apart by
        their places. With M = 2 the fair score is 0 for every target between the members; with M = 1 the
        other is the absolute error.

    Shape:
        ``input``: (…, M), M at least 1, or 2 if ``fair``. ``target``: (…). ``"none"``: (…).

    Source:
        Gneiting & Raftery (2007), *Strictly proper scoring rules, prediction, and estimation*; Ferro (2014),
        *Fair scores for ensemble forecasts*. Chapter: Predicting a distribution.

    Example:
        >>> members = torch.tensor([1.0, 2.0, 4.0])
        >>> ensemble_crps_loss(members, torch.tensor(3.0))
        tensor(0.3333)
        >>> ensemble_crps_loss(members, torch.tensor(3.0), fair=False)
        tensor(0.6667)
    """
    _check.is_tensor(input=input, target=target)
    members, least = input.shape[-1] if input.ndim else 0, 2 if fair else 1
    if members < least:
        raise ValueError(
            f"input must have shape (…, M), M at least {least} members if fair={fair}, "
            f"got {tuple(input.shape)}"
        )
    target = _check.expand_target(input, target, (members,), "the members of an ensemble")

    def crps(x: Tensor, y: Tensor) -> Tensor:
        z, _ = (x - y).sort(dim=-1, stable=True)
        below = torch.arange(members, device=z.device, dtype=z.dtype) + (0.0 if fair else 0.5)
        pinballs = below.flip(0) * F.relu(z) + below * F.relu(-z)
        return 2 * pinballs.sum(-1) / (members * (members - 1 if fair else members))

    return elementwise(crps, weight, reduction, axes=1, input=input, target=target)


class PoissonNLLLoss(LossModule, loss=poisson_nll_loss):
    """The Module of :func:`poisson_nll_loss`."""

    full: bool = False
    reduction: Reduction = "mean"


class GaussianNLLLoss(LossModule, loss=gaussian_nll_loss):
    """The Module of :func:`gaussian_nll_loss`."""

    beta: float = 0.0
    full: bool = False
    reduction: Reduction = "mean"


class StudentTNLLLoss(LossModule, loss=student_t_nll_loss):
    """The Module of :func:`student_t_nll_loss`."""

    df: float | Tensor = 4.0
    full: bool = False
    reduction: Reduction = "mean"


class GaussianCRPSLoss(LossModule, loss=gaussian_crps_loss):
    """The Module of :func:`gaussian_crps_loss`."""

    reduction: Reduction = "mean"


class EnsembleCRPSLoss(LossModule, loss=ensemble_crps_loss):
    """The Module of :func:`ensemble_crps_loss`."""

    fair: bool = True
    reduction: Reduction = "mean"
