"""Losses of a predicted distribution: likelihoods and scores of a law whose parameters are predicted.

Each takes ``input`` (the prediction: a mean, or its logarithm) and ``target`` of one shape, computes in at
least float32 and returns Σ wᵢ ℓᵢ / Σ wᵢ unless told otherwise. Integer and bool tensors are accepted and
converted.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lossfns import _eager
from lossfns import _rules as rules
from lossfns._check import below_infinity, finite_non_negative
from lossfns._module import LossModule
from lossfns._reduce import elementwise
from lossfns._rules import Reduction, checked

__all__ = [
    "GaussianCRPSLoss",
    "GaussianNLLLoss",
    "PoissonNLLLoss",
    "gaussian_crps_loss",
    "gaussian_nll_loss",
    "poisson_nll_loss",
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


@checked(full=rules.boolean)
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    log_var: Tensor,
    full: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gaussian negative log-likelihood with a predicted variance: estimates the mean and the variance.

    .. math:: \ell(\mu, s, y) = \frac{1}{2} \left(s + (y - \mu)^2 e^{-s}\right)

    Args:
        log_var: s, the logarithm of the variance. torch takes the variance, as its third argument.
        full: whether to add ½ log 2π.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        ``input`` is the mean μ. A logarithm needs no clamp: the loss is right wherever it is finite. It is
        unbounded below as s → −∞ on a residual of 0, and not jointly convex in (μ, s).

    Shape:
        ``input``, ``target``, ``log_var``: any, equal. ``"none"``: the same.

    Source:
        Nix & Weigend (1994), *Estimating the mean and variance of the target probability distribution*.

    Example:
        >>> mean, target, log_var = torch.tensor([0.0]), torch.tensor([2.0]), torch.tensor([math.log(4)])
        >>> gaussian_nll_loss(mean, target, log_var=log_var)
        tensor(1.1931)
    """

    def gaussian(mean: Tensor, y: Tensor, s: Tensor) -> Tensor:
        r, inverse = y - mean, torch.exp(-0.5 * s)
        if _eager.known_finite(inverse):
            z = r * inverse
        else:  # in two halves, so that the loss is right as long as it is finite, and where r = 0
            half = torch.exp(-0.25 * s.clamp(min=4 * math.log(torch.finfo(s.dtype).tiny)))
            z = r * half * half
        loss = 0.5 * (s + z.square())
        return loss + 0.5 * math.log(2 * math.pi) if full else loss

    return elementwise(gaussian, weight, reduction, input=input, target=target, log_var=log_var)


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
        Gneiting & Raftery (2007), *Strictly proper scoring rules, prediction, and estimation*.

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


class PoissonNLLLoss(LossModule, loss=poisson_nll_loss):
    """The Module of :func:`poisson_nll_loss`."""

    full: bool = False
    reduction: Reduction = "mean"


class GaussianNLLLoss(LossModule, loss=gaussian_nll_loss):
    """The Module of :func:`gaussian_nll_loss`."""

    full: bool = False
    reduction: Reduction = "mean"


class GaussianCRPSLoss(LossModule, loss=gaussian_crps_loss):
    """The Module of :func:`gaussian_crps_loss`."""

    reduction: Reduction = "mean"
