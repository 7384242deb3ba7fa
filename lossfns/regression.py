"""Losses for real-valued targets, from least squares to redescending ones.

Each takes ``input`` (the prediction) and ``target`` of one shape, computes in at least float32 and returns
Σ wᵢ ℓᵢ / Σ wᵢ unless told otherwise. Integer and bool tensors are accepted and converted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _check, _eager
from lossfns import _rules as rules
from lossfns._check import Domain, above_minus_one, is_tensor
from lossfns._compiled import expm1, log1p
from lossfns._module import LossModule
from lossfns._numerics import as_float64, in_range, one_minus_exp
from lossfns._reduce import elementwise
from lossfns._rules import Reduction, Rule, checked
from lossfns._slopes import with_slope

__all__ = [
    "EpsilonInsensitiveLoss",
    "ExpectileLoss",
    "GeneralRobustLoss",
    "HuberLoss",
    "IntervalLoss",
    "L1Loss",
    "LogCoshLoss",
    "MSELoss",
    "MSLELoss",
    "QuantileLoss",
    "SmoothL1Loss",
    "TukeyLoss",
    "epsilon_insensitive_loss",
    "expectile_loss",
    "general_robust_loss",
    "huber_loss",
    "interval_loss",
    "l1_loss",
    "log_cosh_loss",
    "mse_loss",
    "msle_loss",
    "quantile_loss",
    "smooth_l1_loss",
    "tukey_loss",
]


@checked()
def mse_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""Squared error: estimates the conditional mean.

    .. math:: \ell(\hat y, y) = (\hat y - y)^2

    Args:
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        No factor ½: the gradient is 2(ŷ − y), the curvature 2. Several outputs per row are averaged like
        further rows, as torch does. In the squared unit of the target.

    Shape:
        ``input``, ``target``: any, equal. ``"none"``: the same.

    Source:
        Legendre (1805), Gauss (1809). Chapter: Squared error.

    Example:
        >>> mse_loss(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.0]), weight=torch.tensor([1.0, 3.0]))
        tensor(3.2500)
    """
    return _torch_loss(F.mse_loss, weight, reduction, input, target)


def _torch_loss(
    loss: Callable[..., Tensor],
    weight: Tensor | None,
    reduction: str,
    input: Tensor,
    target: Tensor,
    plain: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Tensor:
    """A loss of torch, which is right where nothing is weighed and there is something to average.

    ``plain`` is the same in elementary operations, for where the function of torch has flaws: a compiler
    makes a graph for every number that it gets, and under ``vmap`` over the target alone it may warn.
    """
    if plain is not None and not _eager.has_memory(target):
        return elementwise(plain, weight, reduction, input=input, target=target)
    each = partial(loss, reduction="none")
    return elementwise(each, weight, reduction, fused=loss, input=input, target=target)


@checked()
def l1_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""Absolute error: estimates the conditional median.

    .. math:: \ell(\hat y, y) = \lvert \hat y - y \rvert

    Args:
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        The gradient is sign(ŷ − y), and 0 where ŷ = y. In the unit of the target.

    Shape:
        ``input``, ``target``: any, equal. ``"none"``: the same.

    Source:
        Laplace (1774). Chapter: Absolute error.

    Example:
        >>> l1_loss(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.0]), weight=torch.tensor([1.0, 3.0]))
        tensor(1.7500)
    """
    return _torch_loss(F.l1_loss, weight, reduction, input, target)


@checked(delta=rules.positive)
def huber_loss(
    input: Tensor,
    target: Tensor,
    *,
    delta: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Huber's loss: squared near zero, linear in the tails.

    .. math:: \ell(\hat y, y) = \begin{cases} \frac{1}{2} r^2 & \lvert r \rvert \le \delta \\
        \delta (\lvert r \rvert - \frac{1}{2} \delta) & \text{otherwise} \end{cases}, \qquad r = \hat y - y

    Args:
        delta: δ, a positive number in the unit of the target: the residual from which on the loss is linear.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        The gradient is r clipped to ±δ, the curvature at zero 1 for every δ. Scale δ with the noise: 1.345σ
        keeps 95 % efficiency at the normal. The loss is δ · ``smooth_l1_loss(beta=delta)``.

    Shape:
        ``input``, ``target``: any, equal. ``"none"``: the same.

    Source:
        Huber (1964), *Robust estimation of a location parameter*. Chapter: Robust regression: Huber and his
        relatives.

    Example:
        >>> huber_loss(torch.tensor([0.5, 3.0]), torch.zeros(2), reduction="none")
        tensor([0.1250, 2.5000])
    """

    def plain(x: Tensor, y: Tensor) -> Tensor:
        r, edge = x - y, in_range(delta, x.dtype)
        core = r.clamp(-edge, edge)
        return core * (r - core / 2)

    def fused(x: Tensor, y: Tensor, *, reduction: str) -> Tensor:
        return F.huber_loss(x, y, delta=in_range(delta, x.dtype), reduction=reduction)

    return _torch_loss(fused, weight, reduction, input, target, plain)


@checked(beta=rules.non_negative)
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Huber's loss divided by its threshold: unit slope in the tails, curvature 1/β at zero.

    .. math:: \ell(\hat y, y) = \begin{cases} \frac{r^2}{2 \beta} & \lvert r \rvert \le \beta \\
        \lvert r \rvert - \frac{1}{2} \beta & \text{otherwise} \end{cases}, \qquad r = \hat y - y

    Args:
        beta: β, a number from 0 on, in the unit of the target: the residual from which on the loss is linear.
            At 0 it is the absolute error.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        The gradient is r/β clipped to ±1.

    Shape:
        ``input``, ``target``: any, equal. ``"none"``: the same.

    Source:
        Girshick (2015), *Fast R-CNN*. Chapter: Robust regression: Huber and his relatives.

    Example:
        >>> smooth_l1_loss(torch.tensor([0.5, 3.0]), torch.zeros(2), beta=0.5, reduction="none")
        tensor([0.2500, 2.7500])
    """

    def plain(x: Tensor, y: Tensor) -> Tensor:
        r, edge = x - y, in_range(beta, x.dtype)
        core = r.clamp(-edge, edge)
        return core / edge * (r - core / 2)

    def fused(x: Tensor, y: Tensor, *, reduction: str) -> Tensor:
        return F.smooth_l1_loss(x, y, beta=in_range(beta, x.dtype), reduction=reduction)

    return _torch_loss(fused, weight, reduction, input, target, plain)


@checked(scale=rules.positive)
def log_cosh_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Log-cosh: an infinitely smooth relative of Huber's loss.

    .. math:: \ell(\hat y, y) = \log \cosh \frac{\hat y - y}{c}

    Args:
        scale: c, a positive number in the unit of the target: where the loss bends from a square to a line.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        The gradient is tanh((ŷ − y)/c)/c, the curvature at zero 1/c². As in :func:`general_robust_loss`, and
        as −log of a density of that scale, the loss is a function of (ŷ − y)/c: multiply it by ``scale**2``
        for the curvature 1 of Huber's loss with δ = c. At 1.2047σ it keeps 95 % efficiency at the normal.
        Exact to rounding for tiny and for huge residuals.

    Shape:
        ``input``, ``target``: any, equal. ``"none"``: the same.

    Source:
        −log of the hyperbolic-secant density. Chapter: Robust regression: Huber and his relatives.

    Example:
        >>> log_cosh_loss(torch.tensor([1e-4, 1000.0]), torch.zeros(2), reduction="none")
        tensor([5.0000e-09, 9.9931e+02])
        >>> log_cosh_loss(torch.tensor([1500.0]), torch.tensor([500.0]), scale=1000.0)
        tensor(0.4338)
    """

    def log_cosh(x: Tensor, y: Tensor) -> Tensor:
        z = x - y if scale == 1 else (x - y) / in_range(scale, x.dtype)
        return with_slope(_log_cosh, torch.tanh, z)

    return elementwise(log_cosh, weight, reduction, input=input, target=target)


def _log_cosh(z: Tensor) -> Tensor:
    # log cosh b = log(1 + (cosh b − 1)); past 20, log cosh z = |z| − log 2 to every digit of float64.
    b = z.clamp(-20, 20)
    return log1p(_cosh_less_one(b)) + (z - b).abs()


def _cosh_less_one(b: Tensor) -> Tensor:
    """cosh b − 1, for a compiler, to which sinh is dear, by the power series up to 1 and by exp beyond."""
    if not torch.compiler.is_compiling():
        return 2 * torch.sinh(b / 2).square()
    square, power = b.square(), torch.exp(b)
    series = torch.ones_like(b)
    for n in range(10 if b.dtype is torch.float32 else 18, 2, -2):
        series = 1 + square * (1 / (n * (n - 1))) * series
    return torch.where(square < 1, 0.5 * square * series, 0.5 * (power + 1 / power) - 1)


@checked()
def msle_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""Squared error of log(1 + ·): estimates exp E log(1 + Y) − 1, which is at most the mean.

    .. math:: \ell(\hat y, y) = (\log(1 + \hat y) - \log(1 + y))^2

    Args:
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        Defined for ``input`` and ``target`` above −1; elsewhere NaN or inf. Not convex in ŷ beyond
        e(1 + y) − 1. Dimensionless, but not invariant to a change of unit.

    Shape:
        ``input``, ``target``: any, equal. ``"none"``: the same.

    Raises:
        ValueError: under ``strict()`` a value at or below −1.

    Source:
        Squared error after the transform log(1 + y). Chapter: Positive, skewed and count targets.

    Example:
        >>> msle_loss(torch.tensor([5.0, 15.0]), torch.tensor([10.0, 10.0]), reduction="none")
        tensor([0.3674, 0.1404])
    """
    domains = {"input": above_minus_one, "target": above_minus_one}
    return elementwise(_squared_log_ratio, weight, reduction, domains=domains, input=input, target=target)


def _squared_log_ratio(x: Tensor, y: Tensor) -> Tensor:
    # The difference d of two logarithms cancels where x ≈ y. What it lacks is found from expm1(|d|), which
    # should be the relative difference, by a step of Newton's; the gradient is right without it.
    d = torch.log1p(x) - torch.log1p(y)
    a, b = x.detach(), y.detach()
    relative = (a - b).abs() / (1 + torch.minimum(a, b))
    missing = (relative - expm1(d.detach().abs())) / (1 + relative)
    return (d + torch.sign(a - b) * torch.where(missing.isfinite(), missing, 0.0)).square()


def _levels(letter: str) -> Rule:
    """A probability, or one for each column."""
    one = rules.open_unit_interval
    return Rule(
        lambda v: isinstance(v, Tensor) or one.holds(v),
        f"{one.words}, or a tensor of shape ({letter},) of such numbers",
        lambda v: v if isinstance(v, Tensor) else one.plain(v),
    )


@checked(q=_levels("Q"))
def quantile_loss(
    input: Tensor,
    target: Tensor,
    *,
    q: float | Tensor = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Quantile (pinball) loss: estimates the conditional q-quantile.

    .. math:: \ell(\hat y, y) = \max(q (y - \hat y), (1 - q)(\hat y - y))

    Args:
        q: the probability of a target below the prediction, strictly between 0 and 1, or a tensor of such
            numbers, shape (Q,). A large one punishes predicting too low.
        weight: of the elements of ``input``; broadcasts to its shape. Those of weight 0 are left out.

    Conventions:
        q = ½ is half the absolute error. The gradient is 0 where ŷ = y. In the unit of the target.

    Shape:
        With a number ``q``: ``input``, ``target`` any, equal. With a tensor ``q`` of shape (Q,): ``input``
        (…, Q), one column a quantile, ``target`` (…). ``"none"``: the shape of ``input``.

    Raises:
        ValueError: under ``strict()`` a value of a tensor ``q`` outside (0, 1).

    Source:
        Koenker & Bassett (1978), *Regression quantiles*. Chapter: Asymmetric costs.

    Example:
        >>> quantile_loss(torch.tensor([0.0, 4.0]), torch.tensor([2.0, 2.0]), q=0.9, reduction="none")
        tensor([1.8000, 0.2000])
    """
    if isinstance(q, Tensor):
        target = _one_column_per_quantile(input, target, q)
        _inside_unit_interval("q", q)

    def pinball(x: Tensor, y: Tensor) -> Tensor:
        r, level = y - x, q.to(x) if isinstance(q, Tensor) else q
        return level * F.relu(r) + (1 - level) * F.relu(-r)

    return elementwise(pinball, weight, reduction, constants=(q,), input=input, target=target)


def _one_column_per_quantile(input: Tensor, target: Tensor, q: Tensor) -> Tensor:
    is_tensor(input=input, target=target, q=q)
    if q.ndim != 1:
        raise ValueError(f"q must be a number or a tensor of shape (Q,), got shape {tuple(q.shape)}")
    if input.shape != (*target.shape, len(q)):
        raise ValueError(
            f"input must have the shape of target with one column for each of the {len(q)} quantiles, "
            f"{(*target.shape, len(q))}, got {tuple(input.shape)}"
        )
    return target.unsqueeze(-1).expand(input.shape)


_inside_unit_interval = Domain(lambda v: (v > 0) & (v < 1), "strictly between 0 and 1")


@checked(alpha=_levels("A"))
def interval_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Interval (Winkler) score: estimates the central interval that holds the target with probability 1 − α.

    .. math:: \ell(l, u, y) = u - l + \frac{2}{\alpha} \max(0, l - y) + \frac{2}{\alpha} \max(0, y - u)

    Args:
        alpha: α, the probability of a target outside, strictly between 0 and 1, or a tensor of such numbers,
            shape (A,).
        weight: of the intervals; broadcasts to the unreduced loss. Those of weight 0 are left out.

    Conventions:
        The best l and u are the quantiles α/2 and 1 − α/2: the loss is 2/α times the sum of their quantile
        losses. Ends in the wrong order, u < l, are no error: each still tends to its own quantile. An end
        that meets the target has the gradient that it has inside. In the unit of the target.

    Shape:
        With a number ``alpha``: ``input`` (…, 2), the ends l and u, ``target`` (…). With a tensor ``alpha``
        of shape (A,): ``input`` (…, A, 2), one interval a level, ``target`` (…). ``"none"``: the shape of
        ``input`` without its last axis.

    Raises:
        ValueError: under ``strict()`` a value of a tensor ``alpha`` outside (0, 1).

    Source:
        Winkler (1972), *A decision-theoretic approach to interval estimation*; Gneiting & Raftery (2007),
        *Strictly proper scoring rules, prediction, and estimation*. Chapter: Asymmetric costs.

    Example:
        >>> ends = torch.tensor([[0.0, 2.0], [0.0, 2.0]])
        >>> interval_loss(ends, torch.tensor([1.0, 3.0]), alpha=0.5, reduction="none")
        tensor([2., 6.])
    """
    if isinstance(alpha, Tensor):
        _check.is_tensor(input=input, target=target, alpha=alpha)
        if alpha.ndim != 1:
            raise ValueError(f"alpha must be a number or a tensor of shape (A,), got {tuple(alpha.shape)}")
        _inside_unit_interval("alpha", alpha)
    levels = alpha.shape if isinstance(alpha, Tensor) else ()
    target = _check.expand_target(input, target, (*levels, 2), "the lower and the upper end of an interval")

    def winkler(x: Tensor, y: Tensor) -> Tensor:
        (lower, upper), y = x.unbind(-1), y[..., 0]
        level = alpha.to(x) if isinstance(alpha, Tensor) else in_range(alpha, x.dtype)
        return upper - lower + 2 * (F.relu(lower - y) + F.relu(y - upper)) / level

    return elementwise(winkler, weight, reduction, axes=1, constants=(alpha,), input=input, target=target)


@checked(tau=rules.open_unit_interval)
def expectile_loss(
    input: Tensor,
    target: Tensor,
    *,
    tau: float = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Asymmetric squared error: estimates the conditional τ-expectile.

    .. math:: \ell(\hat y, y) = \begin{cases} (1 - \tau) (\hat y - y)^2 & y < \hat y \\
        \tau (\hat y - y)^2 & \text{otherwise} \end{cases}

    Args:
        tau: τ, strictly between 0 and 1; a large one punishes predicting too low.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        τ = ½ is half the squared error: the mean.

    Shape:
        ``input``, ``target``: any, equal. ``"none"``: the same.

    Source:
        Newey & Powell (1987), *Asymmetric least squares estimation and testing*. Chapter: Asymmetric costs.

    Example:
        >>> expectile_loss(torch.tensor([0.0, 4.0]), torch.tensor([2.0, 2.0]), tau=0.9, reduction="none")
        tensor([3.6000, 0.4000])
    """

    def asymmetric_squared(x: Tensor, y: Tensor) -> Tensor:
        r = y - x
        return (tau - (r < 0).to(r.dtype)).abs() * r.square()

    return elementwise(asymmetric_squared, weight, reduction, input=input, target=target)


@checked(epsilon=rules.non_negative)
def epsilon_insensitive_loss(
    input: Tensor,
    target: Tensor,
    *,
    epsilon: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Absolute error beyond a tube: the loss of support vector regression.

    .. math:: \ell(\hat y, y) = \max(0, \lvert \hat y - y \rvert - \varepsilon)

    Args:
        epsilon: ε, a number from 0 on, in the unit of the target: errors up to it cost nothing. At 0 it is
            the absolute error.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        In the tube the gradient is 0, its edge included.

    Shape:
        ``input``, ``target``: any, equal. ``"none"``: the same.

    Source:
        Vapnik (1995), *The Nature of Statistical Learning Theory*. Chapter: Absolute error.

    Example:
        >>> epsilon_insensitive_loss(torch.tensor([0.5, 3.0]), torch.zeros(2), epsilon=1.0, reduction="none")
        tensor([0., 2.])
    """

    def outside_the_tube(x: Tensor, y: Tensor) -> Tensor:
        return F.relu((x - y).abs() - epsilon)

    return elementwise(outside_the_tube, weight, reduction, input=input, target=target)


@checked(
    alpha=rules.or_tensor(rules.extended_real), scale=rules.or_tensor(rules.positive), full=rules.boolean
)
def general_robust_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 1.0,
    scale: float | Tensor = 1.0,
    full: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Barron's family: squared error, Charbonnier, Cauchy, Geman–McClure, Welsch and all between.

    .. math:: \ell(\hat y, y) = \frac{\lvert \alpha - 2 \rvert}{\alpha} \left(\left(
        \frac{z^2}{\lvert \alpha - 2 \rvert} + 1\right)^{\alpha / 2} - 1\right),
        \qquad z = \frac{\hat y - y}{c}

    Args:
        alpha: α, any number, ±∞ included; the smaller, the more robust. A tensor of one number is learned.
        scale: c, a positive number in the unit of the target, or a tensor of one number.
        full: whether to add log c + log Z(α), Z(α) = ∫ exp(−ℓ) at c = 1: then the loss is −log of a density,
            by which α and c can be learned together with the prediction. Needs α ≥ 0.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        Convex in ŷ iff α ≥ 1; the curvature at zero is 1/c² for every α. Where the formula has a gap, the
        loss is the limit: α = 2 is z²/2, α = 0 is log(1 + z²/2), α = −∞ is 1 − exp(−z²/2), α = ∞ is
        exp(z²/2) − 1. log Z has errors below 1e-15, from a quadrature of 511 points.

        A learned α is best kept within (0, 2), as in ``alpha=2 * raw.sigmoid()``: at 2 the loss has an
        infinite slope in α, of which the gradient there is a finite stand-in, and below 0 there is no
        density. Without ``full`` the best scale is infinite and the best α −∞.

    Shape:
        ``input``, ``target``: any, equal. ``"none"``: the same.

    Raises:
        ValueError: with ``full`` a negative α; if that is a tensor, the loss is inf, an error under
            ``strict()``, as is a ``scale`` that is not positive.

    Source:
        Barron (2019), *A general and adaptive robust loss function*. Chapter: Redescending losses and
        Barron's family.

    Example:
        >>> x, zero = torch.tensor([1.0, 100.0]), torch.zeros(2)
        >>> general_robust_loss(x, zero, alpha=1.0, reduction="none")
        tensor([ 0.4142, 99.0050])
        >>> general_robust_loss(x, zero, alpha=-math.inf, reduction="none")
        tensor([0.3935, 1.0000])
        >>> general_robust_loss(x, zero, alpha=0.0, full=True, reduction="none").neg().exp()  # Cauchy's law
        tensor([1.5005e-01, 4.5007e-05])
    """
    _check.is_tensor(input=input)
    _check.check_scalar("alpha", alpha, _not_nan, input)
    _check.check_scalar("scale", scale, _check.positive, input)
    if full:
        _check_density(alpha)

    def barron(x: Tensor, y: Tensor) -> Tensor:
        z = (x - y) / (scale if isinstance(scale, Tensor) else in_range(scale, x.dtype))
        if isinstance(alpha, Tensor):
            loss = _barron_of_tensor(z, *_away_from_gaps(alpha.to(z.dtype), z.dtype))
        else:
            curve, slope = partial(_barron, alpha=alpha), partial(_barron_slope, alpha=alpha)
            loss = with_slope(curve, slope, z) if alpha in (1, -2) else curve(z)
        return loss + _barron_log_normaliser(alpha, z) + as_float64(scale, z).log() if full else loss

    return elementwise(barron, weight, reduction, constants=(alpha, scale), input=input, target=target)


_not_nan = Domain(lambda v: ~v.isnan(), "a number, not NaN")


def _barron(z: Tensor, alpha: float) -> Tensor:
    """The loss of residuals in units of the scale."""
    eps, b = torch.finfo(z.dtype).eps, abs(alpha - 2)
    # So near to a gap of the formula the loss is its limit to every digit.
    if b < 1e-3 * eps:
        return z.square() / 2
    if alpha in (1, -2):
        # √(1 + z²) − 1 and 2z² / (z² + 4); beyond the edge, whose square is finite, a line and a constant
        edge = math.sqrt(torch.finfo(z.dtype).max) / 4
        core = z.clamp(-edge, edge)
        square = core.square()
        if alpha == 1:
            return square / (torch.sqrt(square + 1) + 1) + (z - core).abs()
        rest = 8 / (square + 4)  # 2 less the loss: its gradient does not cancel far out
        return (2 * square / (square + 4)).detach() - (rest - rest.detach())
    if abs(alpha) < eps**2:
        return _log1p_square(z / math.sqrt(2))
    if abs(alpha) > eps**-2:
        factor, power = 1.0, math.copysign(0.5, alpha) * z.square()
    else:
        factor, power = b / abs(alpha), alpha / 2 * _log1p_square(z / math.sqrt(b))
    return factor * (expm1(power) if alpha > 0 else one_minus_exp(power))


def _barron_slope(z: Tensor, alpha: float) -> Tensor:
    """z (1 + z²/b)^(α/2 − 1), the derivative of the loss in z, for α = 1 and −2."""
    if alpha == 1:
        edge = math.sqrt(torch.finfo(z.dtype).max) / 4
        core = z.clamp(-edge, edge)
        return core / torch.sqrt(1 + core.square())
    factor = 1 / (1 + z.square() / 4)
    return z * factor * factor


def _away_from_gaps(alpha: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """alpha and b = |α − 2|, moved from ±∞ and from 2 by so little that no loss of that dtype shows it."""
    eps = torch.finfo(dtype).eps
    alpha = alpha.clamp(-(eps**-2), eps**-2)
    return alpha, (alpha - 2).abs().clamp(min=1e-3 * eps)


def _barron_of_tensor(z: Tensor, alpha: Tensor, b: Tensor) -> Tensor:
    """The same without a look at alpha, and with a gradient for it, in two forms: nothing cancels in one up
    to α = 1, nor in the other beyond.
    """
    log = _log1p_square(z / b.sqrt())
    low = b * _box_cox(log / 2, alpha.clamp(max=1))
    a, z = alpha.clamp(min=1), torch.where(alpha > 1, z, 0.0)
    power = (a / 2 - 1) * log
    high = (z.square() * torch.exp(power) + b * expm1(power)) / a
    return torch.where(alpha > 1, high, low)


def _check_density(alpha: float | Tensor) -> None:
    if isinstance(alpha, Tensor):
        _has_density("alpha", alpha)
    elif alpha < 0:
        raise ValueError(f"alpha must be {_has_density.words}, got {alpha!r}")


_has_density = Domain(lambda alpha: alpha >= 0, "at least 0 under full=True (below, there is no density)")


def _barron_log_normaliser(alpha: float | Tensor, z: Tensor) -> Tensor:
    """log ∫ exp(−loss) over all residuals at scale 1, inf for alpha < 0; for losses of residuals like ``z``.

    With x = √b sinh t, b = |α − 2|, it is the integral of √b cosh t exp(−loss). That is analytic about the
    real axis and below e^−38 from the last point on: the trapezoidal rule is exact to rounding, with errors
    below 1e-15.
    """
    alpha = as_float64(alpha, z)
    a, b = _away_from_gaps(alpha.clamp(min=0), z.dtype)
    with torch.no_grad():
        positive = a.clamp(min=1e-10)
        log_cosh_end = torch.log1p(80 * positive / b) / positive
        step = torch.asinh((expm1(log_cosh_end) / 2).sqrt()) / 128
        t = step * torch.arange(-255, 256, device=z.device)
        x, weight = b.sqrt() * torch.sinh(t), b.sqrt() * torch.cosh(t) * step
    normaliser = (weight * torch.exp(-_barron_of_tensor(x, a, b))).sum()
    return torch.where(alpha < 0, math.inf, normaliser.log())


def _box_cox(log: Tensor, alpha: Tensor) -> Tensor:
    """(x^alpha − 1) / alpha for the logarithm of an x ≥ 1, the logarithm itself where alpha is 0.

    With its digits in both arguments: about power = 0 by the Taylor series of expm1(power) / power.
    """
    power = alpha * log
    near = power.abs() < 0.5
    p = torch.where(near, power, 0.0)
    series = torch.ones_like(p)
    for k in range(15, 1, -1):
        series = 1 + p / k * series
    shift = torch.where(alpha > 0, expm1(power), -one_minus_exp(power.clamp(max=0)))
    # log < 500 for every x of float64, so where |alpha| is below 1e-3 all are near
    return torch.where(near, log * series, shift / torch.where(alpha.abs() < 1e-3, 1.0, alpha))


def _log1p_square(u: Tensor) -> Tensor:
    """log(1 + u²), finite for every finite u: past 1e9 it grows like 2 log|u| to every digit of float64."""
    square = u.square()
    if _eager.known_finite(square):
        return torch.log1p(square)
    far = u.abs() > 1e9
    square = torch.where(far, 0.0, u).square()
    w = 1 + square
    log = torch.log(torch.where(far, u.abs(), w))
    return torch.where(far, 2.0, 1.0) * log + ((square - (w - 1)) / w).detach()


@checked(c=rules.positive)
def tukey_loss(
    input: Tensor,
    target: Tensor,
    *,
    c: float = 4.685,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Tukey's biweight: outliers beyond c cost a constant and pull on nothing.

    .. math:: \ell(\hat y, y) = \begin{cases} \frac{c^2}{6} (1 - (1 - (r / c)^2)^3) & \lvert r \rvert \le c \\
        \frac{c^2}{6} & \text{otherwise} \end{cases}, \qquad r = \hat y - y

    Args:
        c: a positive number in the unit of the target; 4.685σ keeps 95 % efficiency at the normal.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        The curvature at zero is 1 for every c. Not convex: several minima are possible, so start from a
        robust fit.

    Shape:
        ``input``, ``target``: any, equal. ``"none"``: the same.

    Source:
        Beaton & Tukey (1974), *The fitting of power series*. Chapter: Redescending losses and Barron's
        family.

    Example:
        >>> tukey_loss(torch.tensor([0.0, 5.0, 500.0]), torch.zeros(3), c=3.0, reduction="none")
        tensor([0.0000, 1.5000, 1.5000])
    """

    def biweight(x: Tensor, y: Tensor) -> Tensor:
        # c² (1 - (1 - z)³) / 6 for z = (r/c)², without the cancellation at z = 0 and for every size of c
        edge = in_range(c, x.dtype)
        r = (x - y).clamp(-edge, edge)
        z = (r / edge).square()
        return r.square() * (0.5 - z * (0.5 - z / 6))

    return elementwise(biweight, weight, reduction, input=input, target=target)


class MSELoss(LossModule, loss=mse_loss):
    """The Module of :func:`mse_loss`."""

    reduction: Reduction = "mean"


class L1Loss(LossModule, loss=l1_loss):
    """The Module of :func:`l1_loss`."""

    reduction: Reduction = "mean"


class HuberLoss(LossModule, loss=huber_loss):
    """The Module of :func:`huber_loss`."""

    delta: float = 1.0
    reduction: Reduction = "mean"


class SmoothL1Loss(LossModule, loss=smooth_l1_loss):
    """The Module of :func:`smooth_l1_loss`."""

    beta: float = 1.0
    reduction: Reduction = "mean"


class LogCoshLoss(LossModule, loss=log_cosh_loss):
    """The Module of :func:`log_cosh_loss`."""

    scale: float = 1.0
    reduction: Reduction = "mean"


class MSLELoss(LossModule, loss=msle_loss):
    """The Module of :func:`msle_loss`."""

    reduction: Reduction = "mean"


class QuantileLoss(LossModule, loss=quantile_loss):
    """The Module of :func:`quantile_loss`."""

    q: float | Tensor = 0.5
    reduction: Reduction = "mean"


class IntervalLoss(LossModule, loss=interval_loss):
    """The Module of :func:`interval_loss`."""

    alpha: float | Tensor = 0.1
    reduction: Reduction = "mean"


class ExpectileLoss(LossModule, loss=expectile_loss):
    """The Module of :func:`expectile_loss`."""

    tau: float = 0.5
    reduction: Reduction = "mean"


class EpsilonInsensitiveLoss(LossModule, loss=epsilon_insensitive_loss):
    """The Module of :func:`epsilon_insensitive_loss`."""

    epsilon: float = 0.1
    reduction: Reduction = "mean"


class GeneralRobustLoss(LossModule, loss=general_robust_loss):
    """The Module of :func:`general_robust_loss`."""

    alpha: float | Tensor = 1.0
    scale: float | Tensor = 1.0
    full: bool = False
    reduction: Reduction = "mean"


class TukeyLoss(LossModule, loss=tukey_loss):
    """The Module of :func:`tukey_loss`."""

    c: float = 4.685
    reduction: Reduction = "mean"
