"""Losses on pairs and lists of scores: which one should be higher."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _rules as rules
from lossfns._check import Domain, below_infinity
from lossfns._module import LossModule
from lossfns._numerics import log_sum_from, softplus
from lossfns._reduce import elementwise
from lossfns._rules import Reduction, checked

__all__ = [
    "BPRLoss",
    "DPOLoss",
    "ListMLELoss",
    "MarginRankingLoss",
    "bpr_loss",
    "dpo_loss",
    "listmle_loss",
    "margin_ranking_loss",
]

_plus_or_minus_one = Domain(lambda v: (v == 1) | (v == -1), "1 or -1")


@checked(margin=rules.finite_number)
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    *,
    margin: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Hinge on the difference of two scores: the right one should lead by a margin.

    .. math:: \ell(s, t, y) = \max(0, m - y (s - t))

    Args:
        margin: m, a finite number, in the unit of the scores.
        weight: broadcasts to the inputs; pairs of weight 0 are left out.

    Conventions:
        s is ``input1``, t is ``input2``. ``target`` 1 says that ``input1`` should be higher, −1 that
        ``input2`` should. The gradient is 0 where the ``margin`` is met exactly.

    Shape:
        ``input1``, ``input2``, ``target``: any, equal. ``"none"``: the same.

    Raises:
        ValueError: under ``strict()`` a target other than 1 and −1.

    Source:
        Herbrich, Graepel & Obermayer (2000), *Large margin rank boundaries for ordinal regression*.

    Example:
        >>> margin_ranking_loss(torch.tensor([2.0, 2.0]), torch.tensor([1.0, 1.0]), torch.tensor([1, -1]))
        tensor(0.5000)
    """

    def hinge(x1: Tensor, x2: Tensor, y: Tensor) -> Tensor:
        return F.relu(margin - y * (x1 - x2))

    domains = {"target": _plus_or_minus_one}
    return elementwise(hinge, weight, reduction, domains=domains, input1=input1, input2=input2, target=target)


@checked()
def bpr_loss(
    positive: Tensor, negative: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""Bayesian personalised ranking: the logistic loss of the difference of two scores.

    .. math:: \ell(s, t) = -\log \sigma(s - t)

    Args:
        weight: broadcasts to the inputs; pairs of weight 0 are left out.

    Conventions:
        s is the score of the ``positive``, t that of the ``negative``. At least log 2 times the share of
        wrongly ordered pairs. The scores estimate the logit of a hit up to an unknown constant.

    Shape:
        ``positive``, ``negative``: any, equal. ``"none"``: the same.

    Source:
        Rendle et al. (2009), *BPR: Bayesian personalized ranking from implicit feedback*.

    Example:
        >>> bpr_loss(torch.tensor([1.0]), torch.tensor([1.0]))
        tensor(0.6931)
    """

    def logistic(high: Tensor, low: Tensor) -> Tensor:
        return -F.logsigmoid(high - low)

    return elementwise(logistic, weight, reduction, positive=positive, negative=negative)


@checked()
def listmle_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""Negative log-likelihood of the right order of a list under the Plackett–Luce law of its scores.

    .. math:: \ell(s, y) = \sum_k \left(\log \sum_{j \ge k} e^{s_{(j)}} - s_{(k)}\right),
        \qquad y_{(1)} \ge y_{(2)} \ge \dots

    Args:
        weight: of the lists, broadcasts to (…); lists of weight 0 are left out.

    Conventions:
        Only the order of ``target`` counts. Equal targets keep the order in which they stand (the sort is
        stable), so shuffle a list with ties if no order is meant. One loss a list. An item of score −∞ is
        taken off its list: pad lists of different lengths so.

    Shape:
        ``input``, ``target``: (…, n), lists along the last axis. ``"none"``: (…).

    Source:
        Xia et al. (2008), *Listwise approach to learning to rank: theory and algorithm*.

    Example:
        >>> scores, relevance = torch.tensor([[200.0, 0.0, -200.0]]), torch.tensor([[2, 1, 0]])
        >>> listmle_loss(scores, relevance), listmle_loss(-scores, relevance)
        (tensor(0.), tensor(600.))
    """

    def plackett_luce(s: Tensor, y: Tensor) -> Tensor:
        s = s.gather(-1, y.sort(dim=-1, descending=True, stable=True).indices)
        listed, lowest = s != -torch.inf, torch.finfo(s.dtype).min
        # Only differences count, and keep more digits near 0. The list may be empty, so it gets an end.
        largest = F.pad(s.detach(), (0, 1), value=lowest).amax(-1, keepdim=True)
        s = torch.where(listed, s - largest, lowest)
        after = F.pad(log_sum_from(s)[..., 1:], (0, 1), value=lowest)
        return torch.where(listed, softplus(after - s), 0.0).sum(-1)

    domains = {"input": below_infinity}
    return elementwise(plackett_luce, weight, reduction, axes=1, domains=domains, input=input, target=target)


@checked(beta=rules.positive)
def dpo_loss(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Direct preference optimisation: logistic loss of how much the policy prefers the chosen answer.

    .. math:: \ell(p, q, c, r) = -\log \sigma(\beta ((p - c) - (q - r)))

    Args:
        beta: β, a positive number: the larger, the closer to the reference the policy is to stay.
        weight: broadcasts to the inputs; pairs of weight 0 are left out.

    Conventions:
        The arguments, p, q, c and r in the formula, are log-probabilities of whole answers: summed over their
        tokens, not averaged. The reference is a constant: compute it without a graph. The reward of an answer
        is ``beta`` times the difference of its log-probabilities.

    Shape:
        The four tensors: any, equal. ``"none"``: the same.

    Source:
        Rafailov et al. (2023), *Direct preference optimization*.

    Example:
        >>> chosen, rejected = torch.tensor([-10.0]), torch.tensor([-12.0])
        >>> dpo_loss(chosen, rejected, rejected, rejected)
        tensor(0.5981)
    """

    def logistic(pc: Tensor, pr: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
        return -F.logsigmoid(beta * ((pc - rc) - (pr - rr)))

    return elementwise(
        logistic,
        weight,
        reduction,
        policy_chosen=policy_chosen,
        policy_rejected=policy_rejected,
        reference_chosen=reference_chosen,
        reference_rejected=reference_rejected,
    )


class MarginRankingLoss(LossModule, loss=margin_ranking_loss):
    """The Module of :func:`margin_ranking_loss`."""

    margin: float = 0.0
    reduction: Reduction = "mean"


class BPRLoss(LossModule, loss=bpr_loss):
    """The Module of :func:`bpr_loss`."""

    reduction: Reduction = "mean"


class ListMLELoss(LossModule, loss=listmle_loss):
    """The Module of :func:`listmle_loss`."""

    reduction: Reduction = "mean"


class DPOLoss(LossModule, loss=dpo_loss):
    """The Module of :func:`dpo_loss`."""

    beta: float = 0.1
    reduction: Reduction = "mean"
