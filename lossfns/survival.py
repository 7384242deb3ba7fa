"""Losses of the time to an event, which may be censored: known to be longer than the time it was watched.

Each takes ``input`` (the prediction), ``time`` and ``event``, which is 1 where the event was seen at that
time and 0 where the watch ended without it. Integer and bool tensors are accepted.
"""

from __future__ import annotations

from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _check, _eager
from lossfns import _rules as rules
from lossfns._check import finite_non_negative
from lossfns._classes import naming_the_index
from lossfns._module import LossModule
from lossfns._numerics import log_sum_from, one_minus_exp, softplus
from lossfns._reduce import elementwise, expand_weight, reduce, reduce_loss
from lossfns._rules import Reduction, checked

__all__ = [
    "CoxLoss",
    "HazardLoss",
    "WeibullNLLLoss",
    "cox_loss",
    "hazard_loss",
    "weibull_nll_loss",
]

Ties = Literal["efron", "breslow"]

_zero_or_one = _check.Domain(lambda v: (v == 0) | (v == 1), "0 or 1")


@checked(ties=rules.one_of(Ties))
def cox_loss(
    input: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    ties: Ties = "efron",
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log partial likelihood of Cox's proportional hazards: who of those at risk has the event.

    .. math:: \ell_i = \delta_i \Big(\log \sum_{t_j \ge t_i} e^{s_j} - s_i\Big)

    Args:
        ties: events of one time. ``"breslow"``: each has the whole risk set, the formula. ``"efron"``: they
            leave it one after another, on average; of the d events at a time, with the sum T of their e^s,
            the l-th, from 0, has log(Σ − l T/d) for log Σ, and each of them the mean of the d logarithms.
        weight: of the rows, broadcasts to (N,); a row of weight 0 leaves the batch, and all risk sets.

    Conventions:
        δ is ``event``. ``input`` is s, the logarithm of the hazard but for a function of time that all share:
        a constant added to all scores changes nothing. Rows without the event have no loss; they count in the
        risk sets of the times up to their own, that one included. The mean divides by the number of events,
        or their weight; ``"sum"`` is −log of the partial likelihood. Without an event both are 0, with
        gradient 0. Without ties and censoring the sum is :func:`lossfns.listmle_loss` of ``-time``. Under
        Efron's ties a single row may be below 0, but above −1; the sum of a tie is not.

        The risk sets are those of the batch, so its loss is no part of that of all data: take large batches.
        Time and memory grow with N log N. Strata are calls of their own, whose sums add up. The case weights
        w of statistics count in the risk sets, too: ``cox_loss(s + w.log(), time, event, weight=w)``.

    Shape:
        ``input``, ``time``, ``event``: (N,). ``"none"``: (N,).

    Raises:
        ValueError: under ``strict()`` an ``event`` other than 0 and 1, NaN or infinite times.

    Source:
        Cox (1972), *Regression models and life-tables*; Breslow (1974), *Covariance analysis of censored
        survival data*; Efron (1977), *The efficiency of Cox's likelihood function for censored data*.
        Chapter: Time to an event.

    Example:
        >>> scores, event = torch.tensor([2.0, 0.0, 1.0]), torch.tensor([1, 0, 1])
        >>> cox_loss(scores, torch.tensor([1.0, 2.0, 3.0]), event, reduction="none")
        tensor([0.4076, 0.0000, 0.0000])
        >>> [cox_loss(torch.zeros(2), torch.ones(2), torch.ones(2), ties=t) for t in ("efron", "breslow")]
        [tensor(0.3466), tensor(0.6931)]
    """
    _check.same_shape(input=input, time=time, event=event)
    if input.ndim != 1:
        raise ValueError(f"input must have shape (N,), got {tuple(input.shape)}")
    (s,) = _check.promote(input)
    time, event = (v if v.is_floating_point() else v.long() for v in (time, event))
    weight = expand_weight(weight, like=s)
    for name, value, domain in (
        ("input", s, _check.finite),
        ("time", time, _check.finite),
        ("event", event, _zero_or_one),
    ):
        domain(name, value, weight)

    happened, lowest = event != 0, torch.finfo(s.dtype).min
    s = torch.where(time.isnan() | event.isnan(), torch.nan, s)  # sorted and compared it would go unnoticed
    # Only differences count, and keep more digits near 0. The batch may be empty, so it gets an end.
    if weight is not None:
        deleted = weight == 0
        s, happened = torch.where(deleted, lowest, s), happened & ~deleted
    largest = F.pad(s.detach(), (0, 1), value=lowest).amax()
    s = (s - largest).clamp(min=lowest)
    loss = _cox(s, time, happened, efron=ties == "efron")
    kept = happened.to(s.dtype) if weight is None else weight * happened
    return reduce(loss, kept, reduction)


def _cox(s: Tensor, time: Tensor, happened: Tensor, efron: bool) -> Tensor:
    """The losses of the rows, 0 for those without the event."""
    order = _by_time(time, happened)
    s, time, happened = s[order], time[order], happened[order]

    places = torch.arange(len(s), device=s.device)
    is_first = F.pad(time[1:] != time[:-1], (1, 0), value=True)[: len(s)]
    first = torch.where(is_first, places, 0).cummax(0).values  # of the rows of the same time
    log_risk = log_sum_from(s)
    loss = torch.where(happened, log_risk[first] - s, 0.0)
    if efron:
        gone = torch.where(happened, places - first, 0).to(s.dtype)
        d = torch.zeros_like(places).scatter_add(0, first, happened.long())[first]
        log_rest = F.pad(log_risk, (0, 1), value=torch.finfo(s.dtype).min)[first + d]
        share = one_minus_exp((log_rest - log_risk[first]).clamp(max=0))  # T/Σ, of the events of the time
        left = torch.log1p(-gone / d.clamp(min=1) * share)
        mean = torch.zeros_like(s).scatter_add(0, first, left)[first] / d.clamp(min=1)
        loss = loss + torch.where(happened, mean, 0.0)
    return torch.zeros_like(loss).scatter(0, order, loss)


def _by_time(time: Tensor, happened: Tensor) -> Tensor:
    """The order of time, and among equal times events first. What is NaN has no order."""
    if time.dtype == torch.float32 and _eager.can_read(time):  # integers are sorted three times as fast
        bits = (time.detach() + 0.0).view(torch.int32).long()  # −0 made 0
        ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # as the numbers are, the negative ones, too
        return (2 * ordered - happened.long()).sort(stable=True).indices
    order = happened.sort(descending=True, stable=True).indices
    return order[time[order].sort(stable=True).indices]


@checked()
def hazard_loss(
    input: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log-likelihood of a discrete time to an event, by the logits of the hazards of the intervals.

    .. math:: \ell(z, k, \delta) = \sum_j [j \le k] \log(1 + e^{z_j}) - \delta z_k

    Args:
        weight: of the rows; broadcasts to (…). Those of weight 0 are left out.

    Conventions:
        k is ``time`` and δ is ``event``. σ(z_j) is the hazard of interval j: the probability of the event
        there, if there was none before. With ``event`` 1 it was in interval k, and all before were survived;
        with ``event`` 0 the intervals up to k, that one included, were survived, and no more is known.
        Whoever was lost within an interval did not survive it for certain and has the time of the one before,
        or the weight 0 if there is none. The loss is the sum of the binary cross-entropies of the intervals
        that were watched; the logits after them do not count, and may be NaN. The mean is over the rows.

    Shape:
        ``input``: (…, T), T at least 1. ``time``: (…) of any integer dtype, 0 … T − 1. ``event``: (…).
        ``"none"``: (…).

    Raises:
        IndexError: in eager mode on a CPU, a ``time`` outside 0 … T − 1.
        ValueError: under ``strict()`` the same, and an ``event`` other than 0 and 1.

    Source:
        Gensheimer & Narasimhan (2019), *A scalable discrete-time survival model for neural networks*; Kvamme
        & Borgan (2021), *Continuous and discrete-time survival prediction with neural networks*. Chapter:
        Time to an event.

    Example:
        >>> logits, time = torch.tensor([[-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]]), torch.tensor([1, 1])
        >>> hazard_loss(logits, time, torch.tensor([1, 0]), reduction="none")
        tensor([1.0064, 1.0064])
    """
    _check.is_tensor(input=input, time=time, event=event)
    intervals = input.shape[-1] if input.ndim else 0
    if not intervals:
        raise ValueError(f"input must have shape (…, T), T at least 1, got {tuple(input.shape)}")
    for name, value in (("time", time), ("event", event)):
        if value.shape != input.shape[:-1]:
            raise ValueError(
                f"{name} must have the shape of input without the intervals, {tuple(input.shape[:-1])}, "
                f"got {tuple(value.shape)}"
            )
    _check.check_integer("time", time)
    (z,), k = _check.promote(input), time.long()
    weight = expand_weight(weight, like=z.new_empty(()).expand(k.shape))
    places = torch.arange(intervals, device=z.device)
    if _check.is_strict():
        _check.index_below(intervals)("time", k, weight)
        _zero_or_one("event", event, weight)
        _check.finite("input", torch.where(places <= k.unsqueeze(-1), z, 0.0), weight)

    def of_rows(z: Tensor, k: Tensor, e: Tensor, w: Tensor | None) -> Tensor:
        if w is not None:
            deleted = w == 0
            z, k = torch.where(deleted.unsqueeze(-1), 0.0, z), torch.where(deleted, 0, k)
        k = k.unsqueeze(-1)
        last = z.gather(-1, k).squeeze(-1)  # fails where there is no such interval
        survived = softplus(torch.where(places < k, z, -torch.inf)).sum(-1)
        return survived + softplus(torch.where(e.isnan(), torch.nan, torch.where(e != 0, -last, last)))

    def compute() -> Tensor:
        return reduce_loss(of_rows, (z, k, event), weight, reduction, shape=k.shape)

    return naming_the_index(compute, k, intervals, name="time", ignorable=False)


@checked(log_shape=rules.or_broadcast(rules.finite_number))
def weibull_nll_loss(
    input: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    log_shape: float | Tensor = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Weibull negative log-likelihood of a time that may be censored, given the logarithm of its scale.

    .. math:: \ell(x, t, \delta) = e^u - \delta (u + \log k - \log t), \qquad u = k (\log t - x)

    Args:
        log_shape: log k, a number, or a tensor that broadcasts to ``input``, to learn or to predict it. At 0
            the law is the exponential one; above, the hazard grows with time, below it falls.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        t is ``time`` and δ is ``event``. ``input`` is x, the logarithm of the scale λ: exp(−(t/λ)ᵏ) is the
        probability to survive t, and 63 % have the event by λ. With ``event`` 1 the loss is −log of the
        density, with 0 that of survival. It is a model of accelerated failure times: a constant added to x
        stretches time. The unit of time changes the loss by a constant for each event. The gradient is
        k (δ − (t/λ)ᵏ).

        At t = 0 a censored one costs 0, and an event what the density says: x for k = 1, ∞ for k > 1 and −∞
        for k < 1; give times that were rounded down to 0 a positive value.

    Shape:
        ``input``, ``time``, ``event``: any, equal. ``"none"``: the same.

    Raises:
        ValueError: under ``strict()`` a negative time, an ``event`` other than 0 and 1.

    Source:
        Kalbfleisch & Prentice (2002), *The statistical analysis of failure time data*. Chapter: Time to an
        event.

    Example:
        >>> log_scale, time, event = torch.zeros(2), torch.tensor([2.0, 2.0]), torch.tensor([1, 0])
        >>> weibull_nll_loss(log_scale, time, event, reduction="none")
        tensor([2., 2.])
        >>> weibull_nll_loss(log_scale, time, event, log_shape=0.5, reduction="none")
        tensor([2.1859, 3.1356])
    """

    def weibull(x: Tensor, t: Tensor, e: Tensor, log_k: Tensor | None = None) -> Tensor:
        if log_k is None:
            log_k = x.new_full((), cast("float", log_shape))
        happened, log_t = e != 0, torch.log(t)
        u = torch.exp(log_k) * (log_t - x)
        if _eager.known_finite(u) and _eager.known_finite(e):
            return torch.addcmul(torch.exp(u), happened.to(u.dtype), u + (log_k - log_t), value=-1)
        at_zero = t == 0
        x = torch.where(e.isnan(), torch.nan, x)
        log_t = torch.log(torch.where(at_zero, 1.0, t))
        u = torch.exp(log_k) * (log_t - x)
        log_density = torch.where(happened, u + log_k - log_t, 0.0)  # but for what follows
        cumulative = torch.where(at_zero, 0.0, torch.exp(torch.where(at_zero, 0.0, u)))
        return cumulative - log_density + torch.where(at_zero & happened, _at_zero(log_k), 0.0)

    domains = {"time": finite_non_negative, "event": _zero_or_one}
    tensors = {"input": input, "time": time, "event": event}
    if isinstance(log_shape, Tensor):
        _check.is_tensor(input=input, log_shape=log_shape)
        log_shape = log_shape.reshape(()) if log_shape.numel() == 1 else log_shape
        tensors["log_shape"] = _check.expand_scale("log_shape", log_shape, input)
    return elementwise(weibull, weight, reduction, domains=domains, **tensors)  # type: ignore[arg-type]


def _at_zero(log_k: Tensor) -> Tensor:
    """(1 − k) log 0."""
    return torch.where(log_k == 0, 0.0, torch.where(log_k > 0, torch.inf, -torch.inf))


class CoxLoss(LossModule, loss=cox_loss):
    """The Module of :func:`cox_loss`."""

    ties: Ties = "efron"
    reduction: Reduction = "mean"


class HazardLoss(LossModule, loss=hazard_loss):
    """The Module of :func:`hazard_loss`."""

    reduction: Reduction = "mean"


class WeibullNLLLoss(LossModule, loss=weibull_nll_loss):
    """The Module of :func:`weibull_nll_loss`."""

    log_shape: float | Tensor = 0.0
    reduction: Reduction = "mean"
