"""Losses of a predicted distribution: likelihoods and scores of a law whose parameters are predicted.

Each takes ``input`` (the prediction: a mean, or its logarithm) and ``target`` of one shape, computes in at
least float32 and returns Σ wᵢ ℓᵢ / Σ wᵢ unless told otherwise. Integer and bool tensors are accepted and
converted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _binary, _check, _eager
from lossfns import _rules as rules
from lossfns._check import below_infinity, finite_non_negative
from lossfns._module import LossModule
from lossfns._numerics import as_float64, in_range, one_minus_exp, softplus
from lossfns._reduce import elementwise
from lossfns._rules import Reduction, checked
from lossfns._slopes import with_slope

__all__ = [
    "EnsembleCRPSLoss",
    "GammaNLLLoss",
    "GaussianCRPSLoss",
    "GaussianKLLoss",
    "GaussianNLLLoss",
    "NegativeBinomialNLLLoss",
    "PoissonNLLLoss",
    "StudentTNLLLoss",
    "TweedieLoss",
    "ensemble_crps_loss",
    "gamma_nll_loss",
    "gaussian_crps_loss",
    "gaussian_kl_loss",
    "gaussian_nll_loss",
    "negative_binomial_nll_loss",
    "poisson_nll_loss",
    "student_t_nll_loss",
    "tweedie_loss",
]


@checked(full=rules.boolean)
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    zero_logit: Tensor | None = None,
    full: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Poisson negative log-likelihood of a count, given the logarithm of its rate.

    .. math:: \ell(\hat y, y) = e^{\hat y} - y \hat y

    Args:
        zero_logit: of the shape of ``input``, the logit of a zero that is no count: 0 has the probability
            σ(zero_logit) + (1 − σ(zero_logit)) P(0), and y the probability (1 − σ(zero_logit)) P(y).
        full: whether to add log y!, exactly (torch takes Stirling's approximation).
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        ``input`` is the *log*-rate: exp(input) estimates the mean. A log-rate of −∞ with target 0 costs 0.
        The targets need not be whole. With ``zero_logit`` the mean is (1 − σ(zero_logit)) exp(input).

    Shape:
        ``input``, ``target``, ``zero_logit``: any, equal. ``"none"``: the same.

    Raises:
        ValueError: under ``strict()`` a negative target.

    Source:
        Nelder & Wedderburn (1972), *Generalized linear models*. Lambert (1992), *Zero-inflated Poisson
        regression, with an application to defects in manufacturing*. Chapter: Positive, skewed and count
        targets.

    Example:
        >>> log_rate, target = torch.tensor([0.0, 1.0]), torch.tensor([0, 2])
        >>> poisson_nll_loss(log_rate, target, full=True, reduction="none")
        tensor([1.0000, 1.4114])
        >>> poisson_nll_loss(log_rate, target, zero_logit=torch.zeros(2), full=True, reduction="none")
        tensor([0.3799, 2.1046])
    """

    def poisson(x: Tensor, y: Tensor) -> Tensor:
        loss = torch.exp(x) - _times(y, x)
        return loss + torch.lgamma(y + 1) if full else loss

    def inflated(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        # where there is no count the loss levels off, before exp(x) is infinite
        return _zero_inflated(poisson, x, y, z, math.log(torch.finfo(x.dtype).max / 2))

    domains = {"input": below_infinity, "target": finite_non_negative}
    tensors = {"input": input, "target": target}
    if zero_logit is None:
        return elementwise(poisson, weight, reduction, domains=domains, **tensors)  # type: ignore[arg-type]
    tensors["zero_logit"] = zero_logit
    return elementwise(inflated, weight, reduction, domains=domains, **tensors)  # type: ignore[arg-type]


def _times(y: Tensor, x: Tensor) -> Tensor:
    """The product of a count and the logarithm of its mean, where 0 · −∞ is 0."""
    finite = x if _eager.known_finite(x) else torch.where((x == -torch.inf) & (y == 0), 0.0, x)
    return y * finite


def _zero_inflated(loss: Callable[..., Tensor], x: Tensor, y: Tensor, z: Tensor, limit: float) -> Tensor:
    """−log of a probability, exp(−loss), where a zero may also be none of the counts, with logit z.

    That of 0 is 1 − σ(−z) (1 − exp(−loss)). ``limit`` bounds x where y is 0.
    """
    zero = y == 0
    count = loss(torch.where(zero, 0.0, x), y)
    none = loss(torch.where(zero, x, 0.0).clamp(max=limit), torch.zeros_like(y))
    surely = softplus(z)  # −log σ(−z)
    some = torch.exp(-surely) * one_minus_exp(-none)
    rare = some < 0.5
    often = torch.logsumexp(torch.stack([z, -torch.where(rare, 1.0, none)]), 0)
    of_zero = torch.where(rare, -torch.log1p(-torch.where(rare, some, 0.0)), surely - often)
    return torch.where(zero, of_zero, surely + count)


@checked(concentration=rules.or_broadcast(rules.positive), full=rules.boolean)
def gamma_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    concentration: float | Tensor = 1.0,
    full: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gamma negative log-likelihood of a positive amount, given the logarithm of its mean.

    .. math:: \ell(\hat y, y) = k (\hat y + y e^{-\hat y})

    Args:
        concentration: k, a positive number, or a tensor that broadcasts to ``input``: the shape of the law,
            whose variance is μ²/k. 1 is the exponential law.
        full: whether to add log Γ(k) − k log k − (k − 1) log y: then the loss is −log of a density, by which
            k can be learned together with the prediction. Without, the best k is 0 or ∞.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        ``input`` is the logarithm of the mean μ. Defined for positive targets: a law with a part at 0 is that
        of :func:`tweedie_loss`. The gradient is k (1 − y/μ), so that errors count in proportion to the mean,
        and the unit of the target changes the loss by a constant. The best prediction does not depend on k.

    Shape:
        ``input``, ``target``: any, equal. ``"none"``: the same.

    Raises:
        ValueError: under ``strict()`` a target or a concentration that is not positive.

    Source:
        McCullagh & Nelder (1989), *Generalized Linear Models*. Chapter: Positive, skewed and count targets.

    Example:
        >>> log_mean, target = torch.tensor([0.0, 1.0]), torch.tensor([2.0, 1.0])
        >>> gamma_nll_loss(log_mean, target, concentration=3.0, reduction="none")
        tensor([6.0000, 4.1036])
        >>> gamma_nll_loss(log_mean, target, concentration=3.0, full=True, reduction="none")
        tensor([2.0110, 1.5009])
    """

    def gamma(x: Tensor, y: Tensor, k: float | Tensor = concentration) -> Tensor:
        if not full:
            half = torch.exp(-x / 2)
            return k * (x + y * half * half)  # finite as long as y/μ is
        k = _as_tensor(k, x)
        rest = _binet(1 / k) + 0.5 * math.log(2 * math.pi) - 0.5 * torch.log(k)  # log Γ(k) − k log k + k
        return k * _half_deviance(x, y, 2.0) + torch.log(y) + rest

    domains = {"target": _check.positive, "concentration": _check.positive}
    tensors = {"input": input, "target": target, **_broadcast(input, concentration=concentration)}
    return elementwise(gamma, weight, reduction, domains=domains, **tensors)  # type: ignore[arg-type]


_power = rules.number(
    lambda p: abs(p) < math.inf and not 0 < p < 1, "a finite number, at most 0 or at least 1"
)


@checked(power=_power)
def tweedie_loss(
    input: Tensor,
    target: Tensor,
    *,
    power: float = 1.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Half the Tweedie deviance of an amount that may be 0, given the logarithm of its mean.

    .. math:: \ell(\hat y, y) = \frac{y^{2 - p}}{(1 - p) (2 - p)} - \frac{y e^{(1 - p) \hat y}}{1 - p}
        + \frac{e^{(2 - p) \hat y}}{2 - p}

    Args:
        power: p, the variance is proportional to μ^p: 0 is the normal law, 1 Poisson's, 2 the gamma law, 3
            the inverse Gaussian one. Between 1 and 2 it is the sum of a Poisson number of amounts with gamma
            laws, which may be 0. No law has a power between 0 and 1.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        ``input`` is the logarithm of the mean μ. Where the formula has a gap, the loss is the limit: at p = 1
        it is y log(y/μ) − y + μ, at p = 2 it is y/μ − 1 − log(y/μ). It is 0 where μ = y and positive
        elsewhere, and keeps its digits between. Targets may be any number for p ≤ 0, at least 0 for 1 ≤ p < 2
        and must be positive from p = 2 on; outside, the loss is inf. For p < 0 negative targets lack the
        first term; p = 0 is half the squared error of exp(input). The factor ½ makes it −log of a density of
        dispersion 1, up to terms without the prediction.

    Shape:
        ``input``, ``target``: any, equal. ``"none"``: the same.

    Raises:
        ValueError: a power strictly between 0 and 1; under ``strict()`` a target outside the domain.

    Source:
        Tweedie (1984), *An index which distinguishes between some important exponential families*; Jørgensen
        (1987), *Exponential dispersion models*. Chapter: Positive, skewed and count targets.

    Example:
        >>> log_mean, target = torch.tensor([0.0, 0.0, 1.0]), torch.tensor([0.0, 1.0, 4.0])
        >>> tweedie_loss(log_mean, target, reduction="none")
        tensor([2.0000, 0.0000, 0.1497])
    """

    def deviance(x: Tensor, y: Tensor) -> Tensor:
        if power == 0:
            return (torch.exp(x) - y).square() / 2
        if _moderate(x, y, power):
            return _half_deviance(x, y, power)
        above = y > 0
        inside = _half_deviance(torch.where(above, x, 0.0), torch.where(above, y, 1.0), power)
        if power >= 2:
            return torch.where(above, inside, math.inf)
        x = torch.where(above, 0.0, x)
        edge = torch.exp((2 - power) * x) / (2 - power)
        if power < 0:
            below = edge - torch.where(above, 0.0, y) * torch.exp((1 - power) * x) / (1 - power)
        else:
            below = torch.where(y < 0, math.inf, edge)
        return torch.where(above, inside, below)

    domain = _check.finite if power <= 0 else finite_non_negative if power < 2 else _check.positive
    return elementwise(deviance, weight, reduction, domains={"target": domain}, input=input, target=target)


def _broadcast(input: Tensor, **hyperparameter: float | Tensor) -> dict[str, Tensor]:
    """A hyper-parameter in the shape of the input, if it is a tensor."""
    ((name, value),) = hyperparameter.items()
    if not isinstance(value, Tensor):
        return {}
    _check.is_tensor(input=input, **{name: value})
    value = value.reshape(()) if value.numel() == 1 else value
    return {name: _binary.expand_like(name, value, input)}


def _as_tensor(value: float | Tensor, like: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else like.new_full((), value)


def _binet(q: Tensor) -> Tensor:
    """What Stirling's formula lacks, log Γ(z) − (z − ½) log z + z − ½ log 2π, of q = 1/z ≥ 0."""
    far = q < 0.1
    r = torch.where(far, q, 0.0)
    series, square = torch.zeros_like(r), r.square()
    for divisor in (156.0, -360360 / 691, 1188.0, -1680.0, 1260.0, -360.0, 12.0):
        series = 1 / divisor + square * series
    z = 1 / torch.where(far, 1.0, q)
    near = torch.lgamma(z) - (z - 0.5) * torch.log(z) + z - 0.5 * math.log(2 * math.pi)
    return torch.where(far, r * series, near)


def _half_deviance(x: Tensor, y: Tensor, power: float) -> Tensor:
    """∫ (y − t) t^−power dt from the mean t = exp x to y > 0, with its digits.

    With t = exp s it is the difference of y exp((1 − power) s) and exp((2 − power) s), integrated. About
    y = exp x, where they cancel, it is a power series in u = log y − x.
    """
    log_y = torch.log(y)
    b = 2 - power
    if not y.requires_grad and _moderate(x, y, power):
        value = partial(_moderate_deviance, log_y=log_y, power=power)
        return with_slope(value, lambda x: -torch.exp(b * x) * torch.expm1(log_y - x), x)
    u = log_y - x
    near, series = _deviance_about_the_mean(u, power)
    root = torch.exp((b / 2 * x).clamp(max=math.log(torch.finfo(x.dtype).max / 2)))
    close = (root * torch.where(near, u, 0.0)).square() * series
    start, end = torch.where(near, 0.0, x), torch.where(near, 1.0, log_y)
    length = (end - start).abs()

    def integral(c: float, log_factor: Tensor, larger: Tensor) -> Tensor:
        """∫ exp(log_factor + c s) ds, from where it is larger, so that its gradient is right, too.

        Only the larger of the two may be ∞, in value and gradient: ∞ − ∞ and 0 · ∞ are NaN.
        """
        exponent = log_factor + c * (torch.maximum(start, end) if c > 0 else torch.minimum(start, end))
        share = one_minus_exp(-abs(c) * length) / abs(c) if c else length
        over = larger & (exponent > limit)
        bounded = torch.where(over, exponent, exponent.clamp(max=limit))
        return torch.exp(bounded) * torch.where(over, 1.0, share)

    limit, below = math.log(torch.finfo(x.dtype).max / 2), end > start
    distant = integral(1 - power, end, below) - integral(b, torch.zeros_like(end), ~below)
    return torch.where(near, close, torch.sign(end - start) * distant)


def _deviance_about_the_mean(u: Tensor, power: float) -> tuple[Tensor, Tensor]:
    """Where a power series serves, and Σ (1 + b + … + b^(n − 2)) u^(n − 2) / n!, b = 2 − power, there."""
    b = 2 - power
    unit = max(1.0, abs(b))
    near = u.abs() < 0.25 / unit
    terms = range(2, 10 if u.dtype is torch.float32 else 15)
    coefficient, coefficients = 1.0, []
    for n in terms:
        coefficients.append(coefficient / math.factorial(n))
        coefficient = unit ** (1 - n) + b / unit * coefficient
    v = unit * torch.where(near, u, 0.0)
    series = torch.full_like(v, coefficients.pop())
    for c in reversed(coefficients):
        series = c + v * series
    return near, series


def _moderate(x: Tensor, y: Tensor, power: float) -> bool:
    """Whether nothing can overflow in a half deviance."""
    most = 20 / (1 + abs(power))
    return _eager.known_between(x, -most, most) and _eager.known_between(y, math.exp(-most), math.exp(most))


def _moderate_deviance(x: Tensor, log_y: Tensor, power: float) -> Tensor:
    """The half deviance where nothing overflows: exp(b x) times a function of u = log y − x."""
    u, b, c = log_y - x, 2 - power, 1 - power
    near, series = _deviance_about_the_mean(u, power)
    w = torch.expm1(u)
    if b == 0:
        far = w - u
    elif c == 0:
        far = (1 + w) * u - w
    else:
        far = ((1 + w) * torch.expm1(c * u) / c - w) / b
    return torch.exp(b * x) * torch.where(near, u.square() * series, far)


@checked(dispersion=rules.or_broadcast(rules.non_negative), full=rules.boolean)
def negative_binomial_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    zero_logit: Tensor | None = None,
    dispersion: float | Tensor = 1.0,
    full: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative binomial negative log-likelihood of an overdispersed count, given the logarithm of its mean.

    .. math:: \ell(\hat y, y) = y \log(\alpha + e^{-\hat y}) + \frac{\log(1 + \alpha e^{\hat y})}{\alpha}

    Args:
        zero_logit: of the shape of ``input``, the logit of a zero that is no count: 0 has the probability
            σ(zero_logit) + (1 − σ(zero_logit)) P(0), and y the probability (1 − σ(zero_logit)) P(y).
        dispersion: α, a number from 0 on, or a tensor that broadcasts to ``input``: the variance is μ + αμ².
            0 is Poisson's law. Other libraries ask for the number of failures 1/α and the logit ŷ + log α.
        full: whether to add log y! − log((1 + α) (1 + 2α) … (1 + (y − 1) α)), by which the loss is −log of a
            probability and α can be learned together with the prediction. Without, it is no likelihood of α.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        ``input`` is the logarithm of the mean μ, −∞ included. The gradient is (μ − y)/(1 + αμ): large
        predictions are pulled less than by :func:`poisson_nll_loss`, which is the limit as α → 0. The targets
        need not be whole.

    Shape:
        ``input``, ``target``, ``zero_logit``: any, equal. ``"none"``: the same.

    Raises:
        ValueError: under ``strict()`` a negative target or dispersion.

    Source:
        Lawless (1987), *Negative binomial and mixed Poisson regression*. Chapter: Positive, skewed and count
        targets.

    Example:
        >>> log_mean, target = torch.tensor([0.0, 1.0]), torch.tensor([0, 2])
        >>> negative_binomial_nll_loss(log_mean, target, dispersion=0.5, full=True, reduction="none")
        tensor([0.8109, 1.7209])
    """

    def negative_binomial(x: Tensor, y: Tensor, alpha: float | Tensor = dispersion) -> Tensor:
        loss = _negative_binomial(x, y, alpha)
        return loss + torch.lgamma(y + 1) - _log_rising(y, _as_tensor(alpha, x)) if full else loss

    def inflated(x: Tensor, y: Tensor, z: Tensor, alpha: float | Tensor = dispersion) -> Tensor:
        return _zero_inflated(lambda x, y: negative_binomial(x, y, alpha), x, y, z, math.inf)

    domains = {
        "input": below_infinity,
        "target": finite_non_negative,
        "dispersion": finite_non_negative,
    }
    zeros = {} if zero_logit is None else {"zero_logit": zero_logit}
    tensors = {"input": input, "target": target, **zeros, **_broadcast(input, dispersion=dispersion)}
    loss = negative_binomial if zero_logit is None else inflated
    return elementwise(loss, weight, reduction, domains=domains, **tensors)  # type: ignore[arg-type]


def _negative_binomial(x: Tensor, y: Tensor, alpha: float | Tensor) -> Tensor:
    """y log(α + 1/μ) + log(1 + αμ)/α, so that neither α = 0 nor a huge mean is out of range."""
    if not isinstance(alpha, Tensor) and 1e-3 < alpha < 1e3 and _eager.known_between(x, -80, 80):
        return y * torch.log(alpha + torch.exp(-x)) + torch.log1p(alpha * torch.exp(x)) / alpha
    alpha = _as_tensor(alpha, x)
    small = alpha * torch.exp(x) < 1
    below, a = torch.where(small, x, 0.0), torch.where(small, 1.0, alpha)
    mean = torch.exp(below)
    product = torch.where(small, alpha, 0.0) * mean
    near = y * torch.log1p(product) - _times(y, below) + mean * _log1p_ratio(product)
    above = torch.where(small, 0.0, x)
    log_a, excess = torch.log(a), torch.log1p(torch.exp(-above) / a)
    far = y * (log_a + excess) + (log_a + above + excess) / a
    return torch.where(small, near, far)


def _log1p_ratio(v: Tensor) -> Tensor:
    """log(1 + v) / v for v ≥ 0, 1 at 0, with its gradient."""
    near = v < torch.finfo(v.dtype).eps ** 0.25
    u, w = torch.where(near, v, 0.0), torch.where(near, 1.0, v)
    return torch.where(near, 1 - u * (1 / 2 - u * (1 / 3 - u / 4)), torch.log1p(w) / w)


def _log_rising(y: Tensor, alpha: Tensor) -> Tensor:
    """log (1 + α) (1 + 2α) … (1 + (y − 1) α) = log Γ(y + 1/α) − log Γ(1/α) + y log α, which is 0 at α = 0."""
    product = alpha * y
    return (
        (y - 0.5) * torch.log1p(product)
        + y * (_log1p_ratio(product) - 1)
        + _binet(alpha / (1 + product))
        - _binet(alpha)
    )


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
        ``input``, ``target``: any, equal. ``log_var``: the same, or one for several elements: it
        broadcasts, if there is one way to. ``"none"``: the shape of ``input``.

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
        z = _over_deviation(y - mean, s if held is None else s - held)
        level = s + math.log(2 * math.pi) if full else s
        return 0.5 * ((level if held is None else torch.exp(held) * level) + z.square())

    log_var = _check.expand_scale("log_var", log_var, input)
    return elementwise(gaussian, weight, reduction, input=input, target=target, log_var=log_var)


def _over_deviation(r: Tensor, s: Tensor) -> Tensor:
    """r exp(−s/2), 0 where r is, right wherever it is finite."""
    inverse = torch.exp(-0.5 * s)
    if _eager.known_finite(inverse):
        return r * inverse
    half = torch.exp(-0.25 * s.clamp(min=4 * math.log(torch.finfo(s.dtype).tiny)))
    return r * half * half


@checked()
def gaussian_kl_loss(
    input: Tensor,
    *,
    log_var: Tensor,
    target: Tensor | None = None,
    target_log_var: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Kullback–Leibler divergence between Gaussians, from the standard normal unless told otherwise.

    .. math:: \ell(\mu, s, m, t) = \frac{1}{2} \left(e^{s - t} - 1 - (s - t) + (\mu - m)^2 e^{-t}\right)

    Args:
        log_var: s, the logarithm of the variance, as in :func:`gaussian_nll_loss`.
        target: m, the mean of the other, 0 if there is none.
        target_log_var: t, the logarithm of its variance, 0 if there is none.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        KL(N(μ, eˢ) ‖ N(m, eᵗ)) of each element, ``input`` being the mean μ. At least 0, and 0 only where
        both are the same; near there it keeps its digits. The other direction changes places:
        ``gaussian_kl_loss(m, log_var=t, target=mu, target_log_var=s)``.

        A variational autoencoder adds up the latent dimensions and averages over the examples. The mean here
        is over both, so multiply it by their number, ``gaussian_kl_loss(mu, log_var=s) * mu.shape[1]``, or
        take ``reduction="none"`` and ``.sum(1).mean()``. Otherwise the weight of the divergence, against a
        reconstruction that is added up, is 1/k of what the bound says, for k latent dimensions.

    Shape:
        ``input``, ``target``: any, equal. ``log_var``, ``target_log_var``: the same, or one for several
        elements: they broadcast, if there is one way to. ``"none"``: the shape of ``input``.

    Source:
        Kullback & Leibler (1951), *On information and sufficiency*; Kingma & Welling (2014), *Auto-encoding
        variational Bayes*. Chapter: A bound and a game.

    Example:
        >>> mean, log_var = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, math.log(4)]])
        >>> gaussian_kl_loss(mean, log_var=log_var, reduction="none")
        tensor([[0.5000, 0.8069]])
        >>> gaussian_kl_loss(mean, log_var=log_var, target=mean, target_log_var=log_var)
        tensor(0.)
    """

    tensors = {"input": input, "log_var": _check.expand_scale("log_var", log_var, input)}
    if target is not None:
        tensors["target"] = target
    if target_log_var is not None:
        tensors["target_log_var"] = _check.expand_scale("target_log_var", target_log_var, input)

    def divergence(mean: Tensor, s: Tensor, *other: Tensor) -> Tensor:
        ours = dict(zip(tensors, (mean, s, *other), strict=True))
        m, t = ours.get("target"), ours.get("target_log_var")
        r, d = mean if m is None else mean - m, s if t is None else s - t
        square = (r if t is None else _over_deviation(r, t)).square()
        return 0.5 * (with_slope(_exp_less_tangent, torch.expm1, d) + square)

    return elementwise(divergence, weight, reduction, **tensors)  # type: ignore[arg-type]


def _exp_less_tangent(d: Tensor) -> Tensor:
    """exp(d) − 1 − d ≥ 0, with its digits near 0."""
    x = d.clamp(-0.5, 0.5)
    last = 9 if x.dtype is torch.float32 else 15
    series = 1 / math.factorial(last - 1) + x / math.factorial(last)
    for n in range(last - 2, 1, -1):
        series = 1 / math.factorial(n) + x * series
    return torch.where(d == x, x.square() * series, torch.expm1(d) - d)


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
        ``input``, ``target``: any, equal. ``log_scale``: the same, or one for several elements: it
        broadcasts, if there is one way to. ``"none"``: the shape of ``input``.

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
    log_scale = _check.expand_scale("log_scale", log_scale, input)
    _check.check_scalar("df", df, _check.positive, input)

    def student_t(mean: Tensor, y: Tensor, s: Tensor) -> Tensor:
        # from there on it is the Gaussian to every digit, but for residuals of 1e10 scales and more
        most = torch.finfo(y.dtype).eps ** -4
        nu = df.to(y.dtype).clamp(max=most) if isinstance(df, Tensor) else in_range(min(df, most), y.dtype)
        loss = _student_t(y - mean, s, nu)
        return loss + _log_normaliser_of_t(as_float64(df, y)) if full else loss

    return elementwise(
        student_t, weight, reduction, constants=(df,), input=input, target=target, log_scale=log_scale
    )


def _student_t(r: Tensor, s: Tensor, nu: float | Tensor) -> Tensor:
    root = nu**0.5
    loss = s + 0.5 * (nu + 1) * torch.log1p((r * torch.exp(-s) / root).square())
    if _eager.known_finite(loss):
        return loss
    # beyond 1e9 √ν the 1 is lost and a logarithm cannot overflow; in two halves, as for the Gaussian
    half = torch.exp(-0.5 * s.clamp(min=2 * math.log(torch.finfo(s.dtype).tiny)))
    far = (r * half * half).detach().abs() > 1e9 * root
    square = (torch.where(far, 0.0, r) * half * half / root).square()
    log_r = torch.where(far, r, 1.0).abs().log()
    outlier = (nu + 1) * (log_r - 0.5 * as_float64(nu, r).log()) - nu * s
    return torch.where(far, outlier, s + 0.5 * (nu + 1) * torch.log1p(square))


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
        ``input``, ``target``: any, equal. ``log_var``: the same, or one for several elements: it
        broadcasts, if there is one way to. ``"none"``: the shape of ``input``.

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

    log_var = _check.expand_scale("log_var", log_var, input)
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


class GammaNLLLoss(LossModule, loss=gamma_nll_loss):
    """The Module of :func:`gamma_nll_loss`."""

    concentration: float | Tensor = 1.0
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


class GaussianKLLoss(LossModule, loss=gaussian_kl_loss):
    """The Module of :func:`gaussian_kl_loss`."""

    reduction: Reduction = "mean"


class EnsembleCRPSLoss(LossModule, loss=ensemble_crps_loss):
    """The Module of :func:`ensemble_crps_loss`."""

    fair: bool = True
    reduction: Reduction = "mean"


class TweedieLoss(LossModule, loss=tweedie_loss):
    """The Module of :func:`tweedie_loss`."""

    power: float = 1.5
    reduction: Reduction = "mean"


class NegativeBinomialNLLLoss(LossModule, loss=negative_binomial_nll_loss):
    """The Module of :func:`negative_binomial_nll_loss`."""

    dispersion: float | Tensor = 1.0
    full: bool = False
    reduction: Reduction = "mean"
