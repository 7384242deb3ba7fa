"""Losses on pairs and lists of scores: which one should be higher."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _check, _eager
from lossfns import _rules as rules
from lossfns._check import Domain, below_infinity, finite_non_negative, probability
from lossfns._module import LossModule
from lossfns._numerics import log_sum_from, softplus
from lossfns._reduce import elementwise
from lossfns._rules import Reduction, checked

__all__ = [
    "BPRLoss",
    "DPOLoss",
    "IPOLoss",
    "KTOLoss",
    "LambdaLoss",
    "ListMLELoss",
    "ListNetLoss",
    "MarginRankingLoss",
    "SimPOLoss",
    "bpr_loss",
    "dpo_loss",
    "ipo_loss",
    "kto_loss",
    "lambda_loss",
    "listmle_loss",
    "listnet_loss",
    "margin_ranking_loss",
    "simpo_loss",
]

_plus_or_minus_one = Domain(lambda v: (v == 1) | (v == -1), "1 or -1")
_below_half = rules.number(lambda v: 0 <= v < 0.5, "a number from 0 up to, but not, 1/2")
_positive_integer = rules.Rule(lambda v: rules.integer.holds(v) and v > 0, "a positive integer", int)


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
        Herbrich, Graepel & Obermayer (2000), *Large margin rank boundaries for ordinal regression*. Chapter:
        Ranking and recommendation.

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
        wrongly ordered pairs. The scores estimate log(p/q) up to a constant, p and q being the laws of the
        positives and the negatives: log p for even negatives, the logit of a like if dislikes are those.

    Shape:
        ``positive``, ``negative``: any, equal. ``"none"``: the same.

    Source:
        Rendle et al. (2009), *BPR: Bayesian personalized ranking from implicit feedback*. Chapter: Ranking
        and recommendation.

    Example:
        >>> bpr_loss(torch.tensor([1.0]), torch.tensor([1.0]))
        tensor(0.6931)
    """

    def logistic(high: Tensor, low: Tensor) -> Tensor:
        return softplus(low - high)

    return elementwise(
        logistic, weight, reduction, many_temporaries=False, positive=positive, negative=negative
    )


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
        Xia et al. (2008), *Listwise approach to learning to rank: theory and algorithm*. Chapter: Ranking and
        recommendation.

    Example:
        >>> scores, relevance = torch.tensor([[200.0, 0.0, -200.0]]), torch.tensor([[2, 1, 0]])
        >>> listmle_loss(scores, relevance), listmle_loss(-scores, relevance)
        (tensor(0.), tensor(600.))
    """

    def plackett_luce(s: Tensor, y: Tensor) -> Tensor:
        s = s.gather(-1, y.sort(dim=-1, descending=True, stable=True).indices)
        listed = s != -torch.inf
        s = _below_largest(s, listed)
        after = F.pad(log_sum_from(s)[..., 1:], (0, 1), value=torch.finfo(s.dtype).min)
        return torch.where(listed, softplus(after - s), 0.0).sum(-1)

    domains = {"input": below_infinity}
    return elementwise(plackett_luce, weight, reduction, axes=1, domains=domains, input=input, target=target)


def _below_largest(s: Tensor, listed: Tensor) -> Tensor:
    """Scores less the largest of their list, since only differences count: near 0 they keep more digits.

    What is not ``listed`` gets the lowest number. A list may be empty, so it gets an end.
    """
    lowest = torch.finfo(s.dtype).min
    largest = F.pad(s.detach(), (0, 1), value=lowest).amax(-1, keepdim=True)
    return torch.where(listed, s - largest, lowest)


@checked()
def listnet_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""Cross-entropy of which item comes first: the softmax of a list's scores against that of its targets.

    .. math:: \ell(s, y) = -\sum_i p_i \log \operatorname{softmax}(s)_i,
        \qquad p = \operatorname{softmax}(y)

    Args:
        weight: of the lists, broadcasts to (…); lists of weight 0 are left out.

    Conventions:
        The sizes of the targets count, not their order alone: what is relevant twice as often gets a target
        larger by log 2. The loss is least, the entropy of p, where the scores are the targets up to a
        constant. One loss a list. An item of score −∞ is taken off its list, out of both softmaxes.

    Shape:
        ``input``, ``target``: (…, n), lists along the last axis. ``"none"``: (…).

    Source:
        Cao et al. (2007), *Learning to rank: from pairwise approach to listwise approach*. Chapter: Ranking
        and recommendation.

    Example:
        >>> scores, relevance = torch.tensor([[1.0, 1.0]]), torch.tensor([[0.0, math.log(3)]])
        >>> listnet_loss(scores, relevance), listnet_loss(relevance, relevance)
        (tensor(0.6931), tensor(0.5623))
    """

    def top_one(s: Tensor, y: Tensor) -> Tensor:
        if _eager.known_finite(s):
            return -(y.softmax(-1) * s.log_softmax(-1)).sum(-1)
        listed = s != -torch.inf
        p = _below_largest(torch.where(listed, y, -torch.inf), listed).softmax(-1)
        return -torch.where(listed, p * _below_largest(s, listed).log_softmax(-1), 0.0).sum(-1)

    domains = {"input": below_infinity}
    return elementwise(top_one, weight, reduction, axes=1, domains=domains, input=input, target=target)


@checked(k=rules.optional(_positive_integer), sigma=rules.positive)
def lambda_loss(
    input: Tensor,
    target: Tensor,
    *,
    k: int | None = None,
    sigma: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""LambdaRank: logistic loss of each pair of a list, times what swapping the two would do to the NDCG.

    .. math:: \ell(s, y) = \sum_{y_i > y_j} |\Delta_{ij}| \log(1 + e^{-\sigma (s_i - s_j)}),
        \qquad \Delta_{ij} = \frac{(2^{y_i} - 2^{y_j}) (d_i - d_j)}{\mathrm{ideal\ DCG}}

    Args:
        k: how many places count: the NDCG is that at k, and a pair below it has weight 0. None: all.
        sigma: σ, a positive number: the scale of the scores.
        weight: of the lists, broadcasts to (…); lists of weight 0 are left out.

    Conventions:
        The gain of relevance y is 2^y − 1, and the discount of the item that the scores put in place r is
        d = 1/log₂(1 + r), or 0 beyond ``k``. The ideal DCG is that of the list sorted by relevance. The
        weights |Δ| are constants, though they depend on the scores: the value jumps where two scores change
        places, and its fall is no measure of progress; watch the NDCG. Items of equal scores keep the order
        in which they stand, pairs of equal relevance do not count, and a list without a relevant item costs
        0, with gradient 0. An item of score −∞ is taken off its list. One loss a list; memory grows with n².

    Shape:
        ``input``, ``target``: (…, n), lists along the last axis. ``"none"``: (…).

    Raises:
        ValueError: under ``strict()`` a negative target.

    Source:
        Burges (2010), *From RankNet to LambdaRank to LambdaMART*; as the gradient of a loss: Wang et al.
        (2018), *The LambdaLoss framework for ranking metric optimization*. Chapter: Ranking and
        recommendation.

    Example:
        >>> scores, relevance = torch.tensor([[0.0, 0.0, 0.0]]), torch.tensor([[0, 1, 0]])
        >>> lambda_loss(scores, relevance)  # log 2 · ((1 − 0.6309) + (0.6309 − 0.5))
        tensor(0.3466)
    """

    def lambdas(s: Tensor, y: Tensor) -> Tensor:
        order = s.sort(dim=-1, descending=True, stable=True).indices
        s, y = s.gather(-1, order), y.detach().gather(-1, order)
        listed = s != -torch.inf
        y = torch.where(listed, y, 0.0)
        rank = torch.arange(1, s.shape[-1] + 1, dtype=s.dtype, device=s.device)
        discount = torch.where(rank <= (k or math.inf), 1 / torch.log2(1 + rank), 0.0)
        # Divided by 2^y of the most relevant, that nothing overflows. The list may be empty.
        power = torch.exp2(y - F.pad(y, (0, 1)).amax(-1, keepdim=True))
        gain = -power * torch.expm1(-math.log(2) * y)  # 2^y − 1 to all its digits
        ideal = (gain.sort(dim=-1, descending=True).values * discount).sum(-1)
        ahead = F.relu(_differences(y))
        more = -power.unsqueeze(-1) * torch.expm1(-math.log(2) * ahead)  # of a gain, 0 if not ahead
        change = more * _differences(discount).abs()
        both = listed.unsqueeze(-1) & listed.unsqueeze(-2)
        s = torch.where(listed, s, 0.0)
        total = torch.where(both, change * softplus(-sigma * _differences(s)), 0.0).sum((-2, -1))
        return total / torch.where(ideal == 0, 1.0, ideal)

    domains = {"input": below_infinity, "target": finite_non_negative}
    return elementwise(
        lambdas,
        weight,
        reduction,
        axes=1,
        domains=domains,
        many_temporaries=True,
        input=input,
        target=target,
    )


def _differences(x: Tensor) -> Tensor:
    """x_i − x_j for each pair of the last axis."""
    return x.unsqueeze(-1) - x.unsqueeze(-2)


@checked(beta=rules.positive, label_smoothing=_below_half)
def dpo_loss(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    label_smoothing: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Direct preference optimisation: logistic loss of how much the policy prefers the chosen answer.

    .. math:: \ell(p, q, c, r) = -\log \sigma(\beta ((p - c) - (q - r)))

    Args:
        beta: β, a positive number: the larger, the closer to the reference the policy is to stay.
        label_smoothing: ε, from 0 up to, but not, ½: the chance that a pair is the wrong way round. The loss
            is (1 − ε) times that of the formula plus ε times that with the answers swapped (conservative
            DPO): least at the margin logit(1 − ε)/β instead of ∞, where it is the entropy of ε. In
            :func:`lossfns.binary_cross_entropy`, where labels become (1 − ε) y + ε/2, it is half of ε.
        weight: broadcasts to the inputs; pairs of weight 0 are left out.

    Conventions:
        The arguments, p, q, c and r in the formula, are log-probabilities of whole answers: summed over their
        tokens, not averaged. The reference is a constant: compute it without a graph. The reward of an answer
        is ``beta`` times the difference of its log-probabilities, and the margin (p − c) − (q − r).

    Shape:
        The four tensors: any, equal. ``"none"``: the same.

    Source:
        Rafailov et al. (2023), *Direct preference optimization*; smoothed: Mitchell (2023), *A note on DPO
        with noisy preferences and relationship to IPO*. Chapter: Preferences.

    Example:
        >>> chosen, rejected = torch.tensor([-10.0]), torch.tensor([-12.0])
        >>> dpo_loss(chosen, rejected, rejected, rejected)
        tensor(0.5981)
    """

    def logistic(pc: Tensor, pr: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
        gap = beta * ((pc - rc) - (pr - rr))
        loss = -F.logsigmoid(gap)
        return loss + label_smoothing * gap if label_smoothing else loss

    return elementwise(
        logistic,
        weight,
        reduction,
        policy_chosen=policy_chosen,
        policy_rejected=policy_rejected,
        reference_chosen=reference_chosen,
        reference_rejected=reference_rejected,
    )


@checked(beta=rules.positive)
def ipo_loss(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Identity preference optimisation: squared error of the margin of an answer against a fixed one.

    .. math:: \ell(p, q, c, r) = \left((p - c) - (q - r) - \frac{1}{2 \beta}\right)^2

    Args:
        beta: β, a positive number, τ in the paper: the larger, the closer to the reference the policy is to
            stay.
        weight: broadcasts to the inputs; pairs of weight 0 are left out.

    Conventions:
        The arguments, p, q, c and r in the formula, are log-probabilities of whole answers. Where an answer
        is preferred with probability π, the best margin is (2π − 1)/(2β): finite for π = 1, too, where that
        of :func:`dpo_loss` is not. The reference is a constant: compute it without a graph.

        The paper speaks of probabilities of answers, hence of sums over their tokens. Programs differ: that
        of DPO's authors sums, TRL averages over the tokens, as IPO's authors advised it to. The margin
        1/(2β) is one for each token then, and the best β another.

    Shape:
        The four tensors: any, equal. ``"none"``: the same.

    Source:
        Azar et al. (2024), *A general theoretical paradigm to understand learning from human preferences*.
        Chapter: Preferences.

    Example:
        >>> chosen, rejected = torch.tensor([-10.0]), torch.tensor([-12.0])
        >>> ipo_loss(chosen, rejected, rejected, rejected)
        tensor(9.)
    """

    def squared(pc: Tensor, pr: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
        return ((pc - rc) - (pr - rr) - 0.5 / beta).square()

    return elementwise(
        squared,
        weight,
        reduction,
        policy_chosen=policy_chosen,
        policy_rejected=policy_rejected,
        reference_chosen=reference_chosen,
        reference_rejected=reference_rejected,
    )


@checked(beta=rules.positive, gamma=rules.non_negative)
def simpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    *,
    beta: float = 2.0,
    gamma: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Simple preference optimisation: logistic loss of a lead in log-probability per token, no reference.

    .. math:: \ell(s, t) = -\log \sigma(\beta (s - t) - \gamma)

    Args:
        beta: β, a positive number: the reward of an answer is ``beta`` times its average log-probability.
        gamma: γ, a number from 0 on: the reward by which the chosen answer should lead. It is that of the
            paper's formula; the authors' program asks for γ/β, a lead in log-probability, instead.
        weight: broadcasts to the inputs; pairs of weight 0 are left out.

    Conventions:
        s is ``chosen``, t is ``rejected``: log-probabilities of whole answers, averaged over their tokens,
        not summed, and of the policy alone. Without a reference nothing but the margin and the number of
        steps holds the policy where it was. At equal averages the loss is log(1 + exp γ), not log 2.

    Shape:
        ``chosen``, ``rejected``: any, equal. ``"none"``: the same.

    Source:
        Meng et al. (2024), *SimPO: Simple preference optimization with a reference-free reward*. Chapter:
        Preferences.

    Example:
        >>> simpo_loss(torch.tensor([-1.0]), torch.tensor([-1.5]))
        tensor(0.6931)
    """

    def logistic(high: Tensor, low: Tensor) -> Tensor:
        return -F.logsigmoid(beta * (high - low) - gamma)

    return elementwise(logistic, weight, reduction, chosen=chosen, rejected=rejected)


@checked(beta=rules.positive, desirable_weight=rules.positive, undesirable_weight=rules.positive)
def kto_loss(
    policy: Tensor,
    reference: Tensor,
    target: Tensor,
    *,
    kl: Tensor,
    beta: float = 0.1,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Kahneman–Tversky optimisation: single answers, each desirable or not, against a reference point.

    .. math:: \ell(p, c, y) = y \lambda_D \sigma(-u) + (1 - y) \lambda_U \sigma(u),
        \qquad u = \beta ((p - c) - \max(0, z))

    Args:
        kl: z, an estimate of the divergence of the policy from the reference, in nats. It is a number for
            all answers, or broadcasts to ``policy``; the loss cuts it off at 0 and holds it constant.
        beta: β, a positive number: the larger, the closer to the reference the policy is to stay.
        desirable_weight: λ_D, a positive number, the largest loss of a desirable answer.
        undesirable_weight: λ_U, a positive number, the largest loss of an undesirable one. The weights make
            up for unequal numbers of both kinds.
        weight: broadcasts to the answers; those of weight 0 are left out.

    Conventions:
        p and c, ``policy`` and ``reference``, are log-probabilities of whole answers, summed over their
        tokens. ``target`` y is 1 or True for a desirable answer, 0 for an undesirable one, and may lie
        between. For ``kl`` the authors take the mean, over a batch, of p − c for answers to *other* questions
        of the batch: of 1 answer there is no estimate. The mean does not divide by λ. The gradient is largest
        at u = 0 and fades on both sides: an answer far on the wrong side is given up. The reference is a
        constant: compute it without a graph.

    Shape:
        ``policy``, ``reference``, ``target``: any, equal. ``kl``: broadcasts to it. ``"none"``: the same.

    Raises:
        ValueError: under ``strict()`` a target outside [0, 1].

    Source:
        Ethayarajh et al. (2024), *KTO: Model alignment as prospect theoretic optimization*. Chapter:
        Preferences.

    Example:
        >>> policy, reference = torch.tensor([-10.0, -10.0]), torch.tensor([-12.0, -12.0])
        >>> kto_loss(policy, reference, torch.tensor([1, 0]), kl=torch.tensor(2.0), reduction="none")
        tensor([0.5000, 0.5000])
    """

    def utility_lost(p: Tensor, c: Tensor, y: Tensor, z: Tensor) -> Tensor:
        u = beta * ((p - c) - F.relu(z))
        return y * desirable_weight * torch.sigmoid(-u) + (1 - y) * undesirable_weight * torch.sigmoid(u)

    _check.is_tensor(policy=policy, kl=kl)
    return elementwise(
        utility_lost,
        weight,
        reduction,
        domains={"target": probability},
        policy=policy,
        reference=reference,
        target=target,
        kl=_check.expand_in_one_way("kl", kl.detach(), policy, "policy"),
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


class ListNetLoss(LossModule, loss=listnet_loss):
    """The Module of :func:`listnet_loss`."""

    reduction: Reduction = "mean"


class LambdaLoss(LossModule, loss=lambda_loss):
    """The Module of :func:`lambda_loss`."""

    k: int | None = None
    sigma: float = 1.0
    reduction: Reduction = "mean"


class DPOLoss(LossModule, loss=dpo_loss):
    """The Module of :func:`dpo_loss`."""

    beta: float = 0.1
    label_smoothing: float = 0.0
    reduction: Reduction = "mean"


class IPOLoss(LossModule, loss=ipo_loss):
    """The Module of :func:`ipo_loss`."""

    beta: float = 0.1
    reduction: Reduction = "mean"


class SimPOLoss(LossModule, loss=simpo_loss):
    """The Module of :func:`simpo_loss`."""

    beta: float = 2.0
    gamma: float = 1.0
    reduction: Reduction = "mean"


class KTOLoss(LossModule, loss=kto_loss):
    """The Module of :func:`kto_loss`."""

    beta: float = 0.1
    desirable_weight: float = 1.0
    undesirable_weight: float = 1.0
    reduction: Reduction = "mean"
