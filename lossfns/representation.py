"""Losses on embeddings: pairs, triplets, contrast within a batch, margins on cosines, decorrelation.

Embeddings are rows, (N, D). Where the rows of a batch compete with each other, a row of weight 0 leaves the
batch altogether: it is neither an anchor nor a candidate for the others.

No loss here knows of processes. Where several share a batch, gather the embeddings (and weights, labels),
with ``torch.distributed`` as ``dist``::

    def gather(x: torch.Tensor) -> torch.Tensor:
        parts = [torch.empty_like(x) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, x.detach())
        parts[dist.get_rank()] = x
        return torch.cat(parts)

and let every process compute the loss of the whole batch, ``loss = info_nce_loss(gather(query),
gather(keys))``. Each then differentiates with respect to its own rows alone, so the gradient is the *sum* of
those of all processes. ``DistributedDataParallel`` takes their mean: call
``(dist.get_world_size() * loss).backward()``. What the loss itself is given to learn, proxies or a
temperature, has the gradient of the whole batch in every process: divide that by their number after the call.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _check, _eager
from lossfns import _rules as rules
from lossfns._chunked import gather
from lossfns._classes import hard_cross_entropy, naming_the_index
from lossfns._module import LossModule
from lossfns._numerics import softplus
from lossfns._reduce import elementwise, expand_weight, reduce, reduce_loss
from lossfns._rules import Reduction, checked
from lossfns._similarity import (
    by_tiles,
    dot_products,
    mask_columns,
    mask_diagonal_,
    norm,
    norm_and_square,
    normalize,
    tiles,
    to_float64,
)

__all__ = [
    "ArcFaceLoss",
    "BarlowTwinsLoss",
    "BatchAllTripletLoss",
    "BatchHardTripletLoss",
    "BatchSemiHardTripletLoss",
    "CenterLoss",
    "CircleLoss",
    "ContrastiveLoss",
    "CosFaceLoss",
    "InfoNCELoss",
    "MultiSimilarityLoss",
    "NTXentLoss",
    "NegativeCosineLoss",
    "ProxyAnchorLoss",
    "SigLIPLoss",
    "SupConLoss",
    "TripletLoss",
    "VICRegLoss",
    "arcface_loss",
    "barlow_twins_loss",
    "batch_all_triplet_loss",
    "batch_hard_triplet_loss",
    "batch_semi_hard_triplet_loss",
    "center_loss",
    "circle_loss",
    "contrastive_loss",
    "cosface_loss",
    "info_nce_loss",
    "multi_similarity_loss",
    "negative_cosine_loss",
    "nt_xent_loss",
    "proxy_anchor_loss",
    "siglip_loss",
    "supcon_loss",
    "triplet_loss",
    "vicreg_loss",
]


@checked(margin=rules.positive)
def contrastive_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Pull the pairs that belong together, push the others beyond a margin.

    .. math:: \ell(u, v, y) = \frac{1}{2} y d^2 + \frac{1}{2} (1 - y) \max(0, m - d)^2,
        \qquad d = \lVert u - v \rVert

    Args:
        margin: m, a positive number, in the unit of the distances.
        weight: broadcasts to (…); pairs of weight 0 are left out.

    Conventions:
        ``target`` 1 means same, 0 different. Distances are Euclidean; different pairs as far apart as
        ``margin`` have loss 0. A pair of equal rows has gradient 0, so a different pair that coincides is
        stuck there.

    Shape:
        ``input1``, ``input2``: (…, D), equal. ``target``: (…). ``"none"``: (…).

    Raises:
        ValueError: under ``strict()`` a target outside [0, 1].

    Source:
        Hadsell, Chopra & LeCun (2006), *Dimensionality reduction by learning an invariant mapping*. Chapter:
        Pairs and triplets.

    Example:
        >>> u, v = torch.tensor([[0.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.6, 0.0], [0.6, 0.0]])
        >>> contrastive_loss(u, v, torch.tensor([1, 0]), reduction="none")
        tensor([0.1800, 0.0800])
    """
    _check.same_shape(input1=input1, input2=input2)
    _check.is_tensor(target=target)
    if input1.ndim == 0:
        raise ValueError("input1 must have shape (…, D), got ()")
    if target.shape != input1.shape[:-1]:
        raise ValueError(f"target must have shape {tuple(input1.shape[:-1])}, got {tuple(target.shape)}")

    def pull_or_push(u: Tensor, v: Tensor, y: Tensor) -> Tensor:
        y, (d, square) = y[..., 0], norm_and_square(u - v)
        return (y * square + (1 - y) * F.relu(margin - d).square()) / 2

    y = target.unsqueeze(-1).expand(input1.shape)  # cut into chunks as the rows are
    domains = {"target": _same_or_different}
    return elementwise(
        pull_or_push, weight, reduction, axes=1, domains=domains, input1=input1, input2=input2, target=y
    )


_same_or_different = _check.Domain(lambda v: (v >= 0) & (v <= 1), "between 0 and 1")


Distance = Literal["euclidean", "squared", "cosine"]


@checked(margin=rules.non_negative, soft=rules.boolean, distance=rules.one_of(Distance))
def triplet_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    margin: float = 1.0,
    soft: bool = False,
    distance: Distance = "euclidean",
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""The negative should be farther from the anchor than the positive, by a margin.

    .. math:: \ell(a, p, n) = \max(0, \lVert a - p \rVert - \lVert a - n \rVert + m)

    Args:
        margin: m, a number from 0 on, in the unit of the distances.
        soft: replace the hinge by log(1 + exp(d⁺ − d⁻)), which has no margin.
        distance: "euclidean", as printed; "squared", its square, as in FaceNet; or "cosine", 1 − cos.
        weight: broadcasts to (…); triplets of weight 0 are left out.

    Conventions:
        Coincident rows have distance 0 and gradient 0: the loss of three equal embeddings is exactly the
        ``margin``, or log 2 if ``soft``, and they do not move. Only "cosine" normalises the rows; one of
        zeros has cosine 0 and gradient 0.

    Shape:
        ``anchor``, ``positive``, ``negative``: (…, D), equal. ``"none"``: (…).

    Source:
        Schroff, Kalenichenko & Philbin (2015), *FaceNet* (with squared distances); Hermans, Beyer & Leibe
        (2017), *In defense of the triplet loss* (soft). Chapter: Pairs and triplets.

    Example:
        >>> a, p, n = torch.tensor([[0.0]]), torch.tensor([[1.0]]), torch.tensor([[1.5]])
        >>> triplet_loss(a, p, n), triplet_loss(a, p, n, margin=1.5, distance="squared")
        (tensor(0.5000), tensor(0.2500))
    """
    loss = partial(_compare_distances, margin=margin, soft=soft, distance=distance)
    return elementwise(loss, weight, reduction, axes=1, anchor=anchor, positive=positive, negative=negative)


def _compare_distances(a: Tensor, p: Tensor, n: Tensor, margin: float, soft: bool, distance: str) -> Tensor:
    if distance == "cosine":
        a, p, n = normalize(a), normalize(p), normalize(n)
        return _triplet_hinge((a * p).sum(-1) - (a * n).sum(-1), margin, soft)
    return _triplet_hinge(_length(a - n, distance) - _length(a - p, distance), margin, soft)


def _length(difference: Tensor, distance: str) -> Tensor:
    return norm(difference) if distance == "euclidean" else difference.square().sum(-1)


def _triplet_hinge(lead: Tensor, margin: float, soft: bool) -> Tensor:
    """The loss where the negative is farther than the positive by the ``lead``."""
    return -F.logsigmoid(lead) if soft else F.relu(margin - lead)


@checked(margin=rules.non_negative, soft=rules.boolean, distance=rules.one_of(Distance))
def batch_hard_triplet_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    soft: bool = False,
    distance: Distance = "euclidean",
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Triplet loss of each row with its farthest positive and its nearest negative in the batch.

    .. math:: \ell_i = \max(0, \max_{y_p = y_i} \lVert x_i - x_p \rVert
        - \min_{y_n \ne y_i} \lVert x_i - x_n \rVert + m)

    Args:
        margin: m, a number from 0 on, in the unit of the distances.
        soft: replace the hinge by log(1 + exp(d⁺ − d⁻)), which has no margin.
        distance: "euclidean", as printed, "squared", or "cosine", 1 − cos.
        weight: broadcasts to (N,); a row of weight 0 leaves the batch.

    Conventions:
        Distances, ``margin`` and ``soft`` as in :func:`triplet_loss`. Rows without a positive or without a
        negative in the batch have no loss: the mean is over the others. Which rows are chosen takes no part
        in the gradient; their distances are computed again, exactly.

    Shape:
        ``input``: (N, D). ``target``: (N,) of any integer dtype. ``"none"``: (N,).

    Source:
        Hermans, Beyer & Leibe (2017), *In defense of the triplet loss for person re-identification*. Chapter:
        Pairs and triplets.

    Example:
        >>> x = torch.tensor([[0.0], [1.0], [1.5]])
        >>> batch_hard_triplet_loss(x, torch.tensor([0, 0, 1]), reduction="none")
        tensor([0.5000, 1.5000, 0.0000])
    """
    (x,), deleted, weight = _prepare_rows(weight, input=input)
    _check.check_labels("target", target, x, "input")
    farthest, nearest, has_both = _find_hardest(to_float64(x.detach()), target.long(), deleted, distance)
    chosen = x.index_select(0, farthest), x.index_select(0, nearest)  # whose gradients are added up sooner
    loss = _compare_distances(x, *chosen, margin, soft, distance)
    return reduce(loss, _weigh_valid(has_both, weight, loss), reduction)


@checked(margin=rules.non_negative, distance=rules.one_of(Distance))
def batch_all_triplet_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    distance: Distance = "euclidean",
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Triplet loss of each row with all its positives and all its negatives in the batch.

    .. math:: \ell_i = \sum_{p \ne i, y_p = y_i} \; \sum_{y_n \ne y_i}
        \max(0, \lVert x_i - x_p \rVert - \lVert x_i - x_n \rVert + m)

    Args:
        margin: m, a number from 0 on, in the unit of the distances.
        distance: "euclidean", as printed, "squared", or "cosine", 1 − cos.
        weight: of the anchors, broadcasts to (N,); a row of weight 0 leaves the batch.

    Conventions:
        Distances as in :func:`triplet_loss`. The mean divides by the number of triplets, each with the weight
        of its anchor, whose loss is *not* 0: those that are already right don't dilute it. If there are none
        it is 0. ``"sum"`` is that of all triplets, and ``"none"`` that of the triplets of each anchor. The
        triplets are counted by sorting the distances of each row: time grows with N² (D + log N) and memory
        with N · D, not N³.

    Shape:
        ``input``: (N, D). ``target``: (N,) of any integer dtype. ``"none"``: (N,).

    Source:
        Hermans, Beyer & Leibe (2017), *In defense of the triplet loss for person re-identification* (batch
        all, mean of the non-zero losses). Chapter: Pairs and triplets.

    Example:
        >>> x = torch.tensor([[0.0], [1.0], [1.5]])
        >>> batch_all_triplet_loss(x, torch.tensor([0, 0, 1]), reduction="none")
        tensor([0.5000, 1.5000, 0.0000])
    """
    sum_tile = partial(_sum_all_triplets, margin=margin, distance=distance)
    return _mean_of_triplets(sum_tile, input, target, distance, weight, reduction)


@checked(margin=rules.non_negative, soft=rules.boolean, distance=rules.one_of(Distance))
def batch_semi_hard_triplet_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    soft: bool = False,
    distance: Distance = "euclidean",
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Triplet loss of each pair of a class with the nearest negative that is farther than the positive.

    .. math:: \ell_i = \sum_{p \ne i, y_p = y_i} \max(0, d_{ip} - d_{in(p)} + m),
        \qquad n(p) = \arg\min_{y_n \ne y_i, \, d_{in} > d_{ip}} d_{in},
        \qquad d_{ij} = \lVert x_i - x_j \rVert

    Args:
        margin: m, a number from 0 on, in the unit of the distances.
        soft: replace the hinge by log(1 + exp(d⁺ − d⁻)), which has no margin.
        distance: "euclidean", as printed, "squared", or "cosine", 1 − cos.
        weight: of the anchors, broadcasts to (N,); a row of weight 0 leaves the batch.

    Conventions:
        Distances, ``margin`` and ``soft`` as in :func:`triplet_loss`. Where no negative is farther than the
        positive, n(p) is the farthest there is, as in TensorFlow Addons. (Others mean the mean over *all*
        negatives with d⁺ < d⁻ < d⁺ + m.) The mean divides by the number of pairs of an anchor that has a
        negative with a positive, each with the weight of its anchor; if there are none it is 0. ``"none"`` is
        the sum over the pairs of each anchor. Which negative is chosen takes no part in the gradient. Memory
        grows with N · D, not N³.

    Shape:
        ``input``: (N, D). ``target``: (N,) of any integer dtype. ``"none"``: (N,).

    Source:
        Schroff, Kalenichenko & Philbin (2015), *FaceNet: a unified embedding for face recognition and
        clustering* (with squared distances). Chapter: Pairs and triplets.

    Example:
        >>> x = torch.tensor([[0.0], [1.0], [-0.5], [1.5]])
        >>> batch_semi_hard_triplet_loss(x, torch.tensor([0, 0, 1, 1]), reduction="none")
        tensor([0.5000, 0.5000, 1.5000, 1.5000])
    """
    sum_tile = partial(_sum_semi_hard, margin=margin, soft=soft, distance=distance)
    return _mean_of_triplets(sum_tile, input, target, distance, weight, reduction)


def _mean_of_triplets(
    sum_tile: Callable[..., Tensor],
    input: Tensor,
    target: Tensor,
    distance: str,
    weight: Tensor | None,
    reduction: str,
) -> Tensor:
    """Reduce the sum over the triplets of each row to their mean, from sums and numbers by tiles."""
    (x,), deleted, weight = _prepare_rows(weight, input=input)
    _check.check_labels("target", target, x, "input")
    rows = normalize(x) if distance == "cosine" else x
    width = 1 if distance == "cosine" else x.shape[1]  # of a pair: its product, or its difference
    sums = by_tiles(sum_tile, rows, rows, target.long(), deleted, width=width)
    total, count = sums.to(x.dtype).unbind(1)
    return reduce(total / count.clamp(min=1), _weigh_valid(count, weight, total), reduction)


def _sum_all_triplets(
    start: int,
    rows: Tensor,
    columns: Tensor,
    target: Tensor,
    deleted: Tensor | None,
    margin: float,
    distance: str,
) -> Tensor:
    """The sum of the losses of the triplets of each row of a tile, and how many are not 0, (n, 2).

    These are linear in the distances: a distance counts as often as it is in one of them. How often that is,
    the ranks of the positives among the negatives say, and those of the negatives among the positives.
    """
    positive, negative = _find_pairs(start, len(rows), target, deleted)
    d = _pair_distances(rows, columns, distance)
    reach = torch.where(positive, d.detach() + margin, -torch.inf)
    near = torch.where(negative, d.detach(), torch.inf)
    within = torch.searchsorted(near.sort(1).values, reach)
    reached_by = near.shape[1] - torch.searchsorted(reach.sort(1).values, near, right=True)
    wide = to_float64(d)
    count = within.sum(1).to(wide.dtype)
    total = (wide * (within - reached_by)).sum(1) + margin * count
    return torch.stack([total + F.relu(-total.detach()), count], 1)  # rounding leaves no sum below 0


def _sum_semi_hard(
    start: int,
    rows: Tensor,
    columns: Tensor,
    target: Tensor,
    deleted: Tensor | None,
    margin: float,
    soft: bool,
    distance: str,
) -> Tensor:
    """The sum of the losses of the pairs of each row of a tile, and how many there are, (n, 2)."""
    positive, negative = _find_pairs(start, len(rows), target, deleted)
    number = negative.sum(1, keepdim=True)
    d = _pair_distances(rows, columns, distance)
    reach = torch.where(positive, d.detach(), -torch.inf)
    near, order = torch.where(negative, d.detach(), torch.inf).sort(1)
    beyond = torch.searchsorted(near, reach, right=True)  # the first one that is farther
    chosen = order.gather(1, torch.minimum(beyond, number - 1).clamp(min=0))
    pairs = positive & (number > 0)
    loss = torch.where(pairs, _triplet_hinge(d.gather(1, chosen) - d, margin, soft), 0.0)
    return torch.stack([loss.sum(1), pairs.sum(1).to(loss.dtype)], 1)


def _pair_distances(rows: Tensor, columns: Tensor, distance: str) -> Tensor:
    """The distances of all rows from all columns, of unit length for cosines; these less 1: it cancels."""
    if distance == "cosine":
        return -dot_products(rows, columns)
    return _length(rows[:, None] - columns, distance)


def _find_pairs(start: int, height: int, target: Tensor, deleted: Tensor | None) -> tuple[Tensor, Tensor]:
    """Which columns are the positives, and which the negatives, of the rows of a tile."""
    positive = target[start : start + height, None] == target
    negative = ~positive
    positive.diagonal(start).fill_(0)
    if deleted is not None:
        positive, negative = positive & ~deleted, negative & ~deleted
    return positive, negative


@checked(margin=rules.non_negative, gamma=rules.positive)
def circle_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 0.25,
    gamma: float = 256.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Circle loss: similarities of a class to 1, others to 0, the more of a pull the farther they are off.

    .. math:: \ell_i = \log(1 + \sum_{y_n \ne y_i} \exp(\gamma \alpha_n (s_{in} - m))
        \sum_{p \ne i, y_p = y_i} \exp(-\gamma \alpha_p (s_{ip} - 1 + m))),
        \qquad \alpha_n = \max(0, s_{in} + m), \quad \alpha_p = \max(0, 1 + m - s_{ip}),
        \quad s_{ij} = \cos(x_i, x_j)

    Args:
        margin: m, a number from 0 on, in units of the cosine: how far from 1 and 0 similarities may be.
        gamma: γ, a positive number, the scale.
        weight: of the rows, broadcasts to (N,); a row of weight 0 leaves the batch.

    Conventions:
        Rows are L2-normalised here; one of zeros has cosine 0 and gradient 0. The weights α are constants for
        the gradient, as in the paper. Rows without a positive or without a negative in the batch have no
        loss: the mean is over the others. The defaults are the paper's for faces; for the retrieval of
        fine-grained images it takes 0.4 and 80. Memory grows with N · D, not N².

    Shape:
        ``input``: (N, D). ``target``: (N,) of any integer dtype. ``"none"``: (N,).

    Source:
        Sun et al. (2020), *Circle loss: a unified perspective of pair similarity optimization*. Chapter:
        Pairs and triplets.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> circle_loss(x, torch.tensor([0, 0, 1]), margin=0.25, gamma=16.0, reduction="none")
        tensor([0.1269, 0.1269, 0.0000])
    """
    (x,), deleted, weight = _prepare_rows(weight, input=input)
    _check.check_labels("target", target, x, "input")
    z = normalize(x)
    tile_loss = partial(_circle_of_tile, margin=margin, gamma=gamma)
    loss, has_both = by_tiles(tile_loss, z, z, target.long(), deleted).unbind(1)
    return reduce(loss, _weigh_valid(has_both, weight, loss), reduction)


def _circle_of_tile(
    start: int,
    rows: Tensor,
    columns: Tensor,
    target: Tensor,
    deleted: Tensor | None,
    margin: float,
    gamma: float,
) -> Tensor:
    """The loss of each row of a tile, and whether it has a positive and a negative, (n, 2)."""
    positive, negative = _find_pairs(start, len(rows), target, deleted)
    s = dot_products(rows, columns)
    pull = -gamma * F.relu(1 + margin - s.detach()) * (s - 1 + margin)
    push = gamma * F.relu(s.detach() + margin) * (s - margin)
    loss = softplus(_log_sum_exp(push, negative) + _log_sum_exp(pull, positive))
    has_both = positive.any(1) & negative.any(1)
    return torch.stack([loss, has_both.to(loss.dtype)], 1)


def _log_sum_exp(s: Tensor, among: Tensor) -> Tensor:
    """log Σ exp over the marked columns, far below any other number where there are none.

    No exponential of the others may underflow, which takes ten to thirty times as long.
    """
    if not s.numel():
        return s.logsumexp(1)
    marked = among.to(s.dtype)
    top = (s.detach() + (marked - 1) * (torch.finfo(s.dtype).max / 4)).amax(1, keepdim=True)
    total = (marked * (s - top).clamp(max=0).exp()).sum(1)
    return torch.where(total == 0, 1.0, total).log() + top.squeeze(1)


@checked(alpha=rules.positive, beta=rules.positive, base=rules.finite_number)
def multi_similarity_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 2.0,
    beta: float = 50.0,
    base: float = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Multi-similarity loss: similarities of a class above a base, others below, the worst pairs first.

    .. math:: \ell_i = \frac{1}{\alpha} \log(1 + \sum_{p \ne i, y_p = y_i} \exp(-\alpha (s_{ip} - \lambda)))
        + \frac{1}{\beta} \log(1 + \sum_{y_n \ne y_i} \exp(\beta (s_{in} - \lambda))),
        \qquad s_{ij} = \cos(x_i, x_j)

    Args:
        alpha: α, a positive number, the scale of the positives.
        beta: β, a positive number, the scale of the negatives.
        base: λ, a finite number, in units of the cosine.
        weight: of the rows, broadcasts to (N,); a row of weight 0 leaves the batch.

    Conventions:
        Rows are L2-normalised here; one of zeros has cosine 0 and gradient 0. A sum over no pairs is 0, and
        the mean is over all rows. The paper's mining of pairs (its ε), a step before the loss, is left out:
        all pairs count. Memory grows with N · D, not N².

    Shape:
        ``input``: (N, D). ``target``: (N,) of any integer dtype. ``"none"``: (N,).

    Source:
        Wang, Han, Huang, Dong & Scott (2019), *Multi-similarity loss with general pair weighting for deep
        metric learning*. Chapter: Pairs and triplets.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> multi_similarity_loss(x, torch.tensor([0, 0, 1]), reduction="none")
        tensor([1.5663e-01, 1.5663e-01, 5.5552e-13])
    """
    (x,), deleted, weight = _prepare_rows(weight, input=input)
    _check.check_labels("target", target, x, "input")
    z = normalize(x)
    tile_loss = partial(_multi_similarity_of_tile, alpha=alpha, beta=beta, base=base)
    return reduce(by_tiles(tile_loss, z, z, target.long(), deleted), weight, reduction)


def _multi_similarity_of_tile(
    start: int,
    rows: Tensor,
    columns: Tensor,
    target: Tensor,
    deleted: Tensor | None,
    alpha: float,
    beta: float,
    base: float,
) -> Tensor:
    positive, negative = _find_pairs(start, len(rows), target, deleted)
    s = dot_products(rows, columns) - base
    return (
        softplus(_log_sum_exp(-alpha * s, positive)) / alpha
        + softplus(_log_sum_exp(beta * s, negative)) / beta
    )


def _prepare_rows(
    weight: Tensor | None, **tensors: Tensor
) -> tuple[tuple[Tensor, ...], Tensor | None, Tensor | None]:
    """The embeddings of a batch, 0 where the weight is; which rows these are, (N,); and the weight, (N,)."""
    _check.check_matrices(**tensors)
    rows = _check.promote(*tensors.values())
    weight = expand_weight(weight, like=rows[0].new_empty(()).expand(len(rows[0])))
    deleted = None if weight is None else weight == 0
    rows = tuple(_zero_rows(row, deleted) for row in rows)
    for name, row in zip(tensors, rows, strict=True):
        _check.finite(name, row)
    return rows, deleted, weight


def _zero_rows(x: Tensor, deleted: Tensor | None) -> Tensor:
    """``x`` with 0 for the rows that are left out, so that an inf or NaN there has gradient 0."""
    return x if deleted is None else torch.where(deleted.unsqueeze(1), 0.0, x)


def _weigh_valid(valid: Tensor, weight: Tensor | None, like: Tensor) -> Tensor:
    """The weight, but 0 for the rows that have no loss."""
    return valid.to(like.dtype) if weight is None else weight * valid


def _find_hardest(
    x: Tensor, target: Tensor, deleted: Tensor | None, distance: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of the farthest positive and the nearest negative of each row, and whether it has both.

    Squared distances come from inner products, |x|² − 2 x·y + |y|², which lose digits where the rows are far
    from the origin: they are centred first. For cosines all rows have length 1, those of zeros, too.
    """
    if not x.numel():
        return target, target, torch.zeros_like(target, dtype=torch.bool)
    if distance == "cosine":
        x, squares = normalize(x), x.new_ones(len(x))
    else:
        x = x - x.mean(0)
        x = x / x.abs().amax().clamp(min=torch.finfo(x.dtype).tiny)
        squares = x.square().sum(1)

    def search(tile: slice) -> Tensor:
        d = squares - 2 * dot_products(x[tile], x)  # less the square of the row, the same for all columns
        positive, negative = _find_pairs(tile.start, len(d), target, deleted)
        greatest, farthest = torch.where(positive, d, -torch.inf).max(1)
        least, nearest = torch.where(negative, d, torch.inf).min(1)
        return torch.stack([farthest, nearest, (greatest != -torch.inf) & (least != torch.inf)], 1)

    farthest, nearest, has_both = gather(map(search, tiles(len(x), len(x))), len(x)).unbind(1)
    return farthest, nearest, has_both.bool()


@checked(temperature=rules.or_tensor(rules.positive), symmetric=rules.boolean)
def info_nce_loss(
    query: Tensor,
    keys: Tensor,
    target: Tensor | None = None,
    *,
    temperature: float | Tensor = 0.1,
    symmetric: bool = False,
    candidates: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""InfoNCE: pick the right key out of all, by softmax cross-entropy over cosines.

    .. math:: \ell_i = -\log \frac{\exp(\cos(q_i, k_{t_i}) / \tau)}{\sum_j \exp(\cos(q_i, k_j) / \tau)}

    Args:
        temperature: τ, a positive number, or a tensor of one number, to learn it.
        symmetric: CLIP's loss, the mean of that of queries among keys and that of keys among queries.
        candidates: bool, broadcasts to (N, M): the keys j that count in the sum of query i, to which the
            right key always belongs. All of them, if it is not given.
        weight: of the queries, broadcasts to (N,); those of weight 0 are left out.

    Conventions:
        Rows are L2-normalised here; a row of zeros has cosine 0 and gradient 0. By default query i and key i
        are a pair, keys beyond the N-th are negatives for all, and a pair of weight 0 leaves the batch; with
        a ``target`` of your own, weights are the queries' and all keys remain. ``symmetric`` uses the same
        ``temperature`` and the same ``candidates`` in both directions. Memory grows with N + M, not N · M.

        A queue of negatives in place of the batch (MoCo): ``keys = torch.cat([own, queue])`` and
        ``candidates = torch.arange(len(keys)) >= len(own)``. Rows of one label are no negatives of each
        other: ``candidates = label[:, None] != label``.

        Several processes: see :mod:`lossfns.representation`.

    Shape:
        ``query``: (N, D). ``keys``: (M, D). ``target``: (N,) of any integer dtype, 0 … M − 1. ``"none"``:
        (N,).

    Raises:
        ValueError: fewer keys than queries without ``target``; ``symmetric`` with ``target`` or M ≠ N.
        IndexError: a target outside 0 … M − 1.

    Source:
        van den Oord, Li & Vinyals (2018), *Representation learning with contrastive predictive coding*;
        Radford et al. (2021), *Learning transferable visual models from natural language supervision*;
        He et al. (2020), *Momentum contrast for unsupervised visual representation learning*. Chapter:
        InfoNCE.

    Example:
        >>> x, wrong = torch.eye(3), torch.tensor([1, 2, 0])
        >>> info_nce_loss(x, x, temperature=1.0), info_nce_loss(x, x, wrong, temperature=1.0)
        (tensor(0.5514), tensor(1.5514))
    """
    _check.check_matrices(query=query, keys=keys)
    n, m = len(query), len(keys)
    if symmetric and (target is not None or m != n):
        raise ValueError(
            f"symmetric must be False unless there is one key for each query and no target, got True with "
            f"{n} queries, {m} keys and {'no target' if target is None else 'a target'}"
        )
    query, keys = _check.promote(query, keys)
    (q,), deleted, weight = _prepare_rows(weight, query=query)
    if target is None:
        if m < n:
            raise ValueError(f"keys must have a row for each of the {n} queries, got {tuple(keys.shape)}")
        target = torch.arange(n, device=q.device)
        deleted_keys = None if deleted is None else torch.cat([deleted, deleted.new_zeros(m - n)])
    else:
        _check.check_labels("target", target, query, "query")
        target, deleted_keys = _prepare_indices(target, m, deleted), None
    among = None if candidates is None else _expand_candidates(candidates, q, m)
    k = _zero_rows(keys, deleted_keys)
    _check.finite("keys", k)
    q, k = normalize(q), normalize(k)
    loss = _cross_entropy_of_cosines(q, k, target, temperature, deleted_keys, among)
    if symmetric:
        among = None if among is None else among.t()
        loss = (loss + _cross_entropy_of_cosines(k, q, target, temperature, deleted, among)) / 2
    return reduce(loss, weight, reduction)


def _expand_candidates(candidates: Tensor, query: Tensor, keys: int) -> Tensor:
    """The mask in the shape (N, M), if it is one and fits."""
    _check.is_tensor(query=query, candidates=candidates)
    if candidates.dtype != torch.bool:
        raise ValueError(f"candidates must have dtype torch.bool, got {candidates.dtype}")
    shape, given = (len(query), keys), tuple(candidates.shape)
    if len(given) > 2 or any(a not in (1, b) for a, b in zip(given, shape[2 - len(given) :], strict=True)):
        raise ValueError(f"candidates must broadcast to {shape}, queries by keys, got {given}")
    return candidates.expand(shape)


def _cross_entropy_of_cosines(
    rows: Tensor,
    columns: Tensor,
    target: Tensor,
    temperature: float | Tensor,
    deleted: Tensor | None = None,
    candidates: Tensor | None = None,
    itself: bool = True,
) -> Tensor:
    """−log of the share of the target in the softmax of the cosines of a row, over τ, with all columns.

    Columns that are deleted are left out, and those that are no candidates of the row, except the target;
    so is the row itself, unless it may be among the columns.
    """
    rows = rows / _check.check_scalar("temperature", temperature, _check.positive, rows)

    def compute() -> Tensor:
        tile_loss = partial(_cross_entropy_of_tile, itself=itself)
        return by_tiles(tile_loss, rows, columns, target, deleted, candidates)

    return naming_the_index(compute, target, len(columns), ignorable=False)


def _cross_entropy_of_tile(
    start: int,
    rows: Tensor,
    columns: Tensor,
    target: Tensor,
    deleted: Tensor | None,
    candidates: Tensor | None,
    itself: bool,
) -> Tensor:
    tile = slice(start, start + len(rows))
    s, y = mask_columns(dot_products(rows, columns), deleted), target[tile]
    if candidates is not None:
        s = mask_columns(s, (~candidates[tile]).scatter(1, y.unsqueeze(1), 0))
    return hard_cross_entropy(s if itself else mask_diagonal_(s, start), y)


def _prepare_indices(target: Tensor, classes: int, deleted: Tensor | None) -> Tensor:
    """Class indices, 0 where the row is left out: there they may be anything."""
    target = target.long()
    target = target if deleted is None else torch.where(deleted, 0, target)
    _check.index_below(classes)("target", target)
    return target


@checked(temperature=rules.or_tensor(rules.positive))
def nt_xent_loss(
    input1: Tensor,
    input2: Tensor,
    *,
    temperature: float | Tensor = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""SimCLR's loss: each of 2N views should pick its partner out of the other 2N − 1.

    .. math:: \ell(z_i, z_j) = -\log \frac{\exp(\cos(z_i, z_j) / \tau)}
        {\sum_{k \ne i} \exp(\cos(z_i, z_k) / \tau)}

    Args:
        temperature: τ, a positive number, or a tensor of one number, to learn it.
        weight: of the pairs, broadcasts to (N,); a pair of weight 0 leaves the batch.

    Conventions:
        Rows are L2-normalised here; a row of zeros has cosine 0 and gradient 0. The loss of a pair is the
        mean over its two views. All views equal: log(2N − 1) at every ``temperature``. Memory grows with
        N · D, not N².

    Shape:
        ``input1``, ``input2``: (N, D). ``"none"``: (N,).

    Source:
        Chen, Kornblith, Norouzi & Hinton (2020), *A simple framework for contrastive learning of visual
        representations*. Chapter: Two views.

    Example:
        >>> nt_xent_loss(torch.ones(4, 2), torch.ones(4, 2)), math.log(7)
        (tensor(1.9459), 1.945910149055313...)
    """
    _check.same_shape(input1=input1, input2=input2)
    (x1, x2), deleted, weight = _prepare_rows(weight, input1=input1, input2=input2)
    n = len(x1)
    z = normalize(torch.cat([x1, x2]))
    partner = torch.arange(2 * n, device=z.device).roll(n)
    deleted_views = None if deleted is None else torch.cat([deleted, deleted])
    loss = _cross_entropy_of_cosines(z, z, partner, temperature, deleted_views, itself=False)
    return reduce((loss[:n] + loss[n:]) / 2, weight, reduction)


@checked(logit_scale=rules.or_tensor(rules.positive), logit_bias=rules.or_tensor(rules.finite_number))
def siglip_loss(
    input1: Tensor,
    input2: Tensor,
    *,
    logit_scale: float | Tensor = 10.0,
    logit_bias: float | Tensor = -10.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Sigmoid loss of all N² pairs: is it a pair or not, each on its own.

    .. math:: \ell_i = -\sum_j \log \sigma(y_{ij} (t \cos(u_i, v_j) + b)), \qquad y_{ii} = 1, \; y_{ij} = -1

    Args:
        logit_scale: t, a positive number, or a tensor of one number, to learn it.
        logit_bias: b, a finite number, or a tensor of one number, to learn it.
        weight: of the pairs, broadcasts to (N,); a pair of weight 0 leaves the batch.

    Conventions:
        Rows are L2-normalised here. The loss of row i is the *sum* over its N pairs, and the mean is over the
        rows, as in the paper, whose ``logit_scale`` and ``logit_bias`` start at 10 and −10. Memory grows with
        N · D, not N².

    Shape:
        ``input1``, ``input2``: (N, D). ``"none"``: (N,).

    Source:
        Zhai, Mustafa, Kolesnikov & Beyer (2023), *Sigmoid loss for language image pre-training*.
        Chapter: Two views.

    Example:
        >>> siglip_loss(torch.eye(2), torch.eye(2))
        tensor(0.6932)
    """
    _check.same_shape(input1=input1, input2=input2)
    (x1, x2), deleted, weight = _prepare_rows(weight, input1=input1, input2=input2)
    rows = normalize(x1) * _check.check_scalar("logit_scale", logit_scale, _check.positive, x1)
    bias = _check.check_scalar("logit_bias", logit_bias, _check.finite, x1)
    bias = (rows.new_zeros(()) + bias).to(rows.dtype)  # as_tensor would compile once for every number
    return reduce(by_tiles(_sum_log_sigmoids, rows, normalize(x2), bias, deleted), weight, reduction)


def _sum_log_sigmoids(
    start: int, rows: Tensor, columns: Tensor, bias: Tensor, deleted: Tensor | None
) -> Tensor:
    """−Σ_j log σ(y_ij s_ij) for the rows of a tile."""
    s = dot_products(rows, columns) + bias
    s.diagonal(start).neg_()  # now −y_ij s_ij
    return -F.logsigmoid(-mask_columns(s, deleted)).sum(1)


@checked(temperature=rules.or_tensor(rules.positive))
def supcon_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: float | Tensor = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Supervised contrast: each row should pick the rows of its class out of all others.

    .. math:: \ell_i = -\frac{1}{\lvert P_i \rvert} \sum_{p \in P_i} \log \frac{\exp(\cos(z_i, z_p) / \tau)}
        {\sum_{k \ne i} \exp(\cos(z_i, z_k) / \tau)}

    Args:
        temperature: τ, a positive number, or a tensor of one number, to learn it.
        weight: of the rows, broadcasts to (N,); a row of weight 0 leaves the batch.

    Conventions:
        P_i are the other rows of the class of i. Rows are L2-normalised here. Rows without a positive have no
        loss: the mean is over the others. The ``temperature`` is not multiplied back in (the authors' code
        scales by τ/0.07). Memory grows with N · D, not N².

    Shape:
        ``input``: (N, D). ``target``: (N,) of any integer dtype. ``"none"``: (N,).

    Source:
        Khosla et al. (2020), *Supervised contrastive learning* (L_out). Chapter: Two views.

    Example:
        >>> supcon_loss(torch.eye(4), torch.tensor([0, 0, 1, 2]), reduction="none")
        tensor([1.0986, 1.0986, 0.0000, 0.0000])
    """
    (x,), deleted, weight = _prepare_rows(weight, input=input)
    _check.check_labels("target", target, x, "input")
    z = normalize(x)
    rows = z / _check.check_scalar("temperature", temperature, _check.positive, z)
    positives, count = _sum_positives(z, target.long(), deleted)
    mean_logit = (rows * positives / count.clamp(min=1)).sum(1)
    loss = by_tiles(_log_sum_of_others, rows, z, deleted) - mean_logit
    return reduce(loss, _weigh_valid(count.squeeze(1) > 0, weight, loss), reduction)


def _log_sum_of_others(start: int, rows: Tensor, columns: Tensor, deleted: Tensor | None) -> Tensor:
    """log Σ_{k ≠ i} exp(s_ik) for the rows of a tile."""
    return torch.logsumexp(mask_diagonal_(mask_columns(dot_products(rows, columns), deleted), start), 1)


def _sum_positives(z: Tensor, target: Tensor, deleted: Tensor | None) -> tuple[Tensor, Tensor]:
    """Sum and number, (N, 1), of the other rows of the class of each row: the class less the row itself.

    Sums of the classes need no N × N mask. They are taken in float64: a class may be large.
    """
    ordered, order = target.sort()
    is_new = ordered[1:] != ordered[:-1]
    number = F.pad(is_new.long().cumsum(0), (1, 0))[: len(target)]  # the classes, from 0, in that order
    number = torch.zeros_like(target).scatter(0, order, number)
    kept = z.new_ones(len(z), 1) if deleted is None else (~deleted).to(z.dtype).unsqueeze(1)
    members = to_float64(torch.cat([z, kept], 1) * kept)
    others = torch.zeros_like(members).index_add(0, number, members)[number] - members
    return others[:, :-1].to(z.dtype), others[:, -1:].to(z.dtype)


@checked(margin=rules.non_negative, scale=rules.positive, monotone=rules.boolean)
def arcface_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 0.5,
    scale: float = 64.0,
    monotone: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cross-entropy of scaled cosines, with an angular margin added to the right class.

    .. math:: \ell(z, y) = \log(1 + \sum_{k \ne y} \exp(s (z_k - u))),
        \qquad u = z_y \cos(m) - \sqrt{1 - z_y^2} \sin(m)

    Args:
        margin: m, a number from 0 on, in radians; at most π/2 if ``monotone``.
        scale: s, a positive number.
        monotone: beyond θ_y = π − m take u = z_y − m sin m.
        weight: broadcasts to (N,); rows of weight 0 are left out.

    Conventions:
        ``input`` holds the cosines z = cos θ of an embedding with each class, not logits; the ``scale`` is
        applied here. u = cos(θ_y + m). By default the formula is taken as printed: beyond θ = π − m the right
        class gains from being farther. With ``monotone`` it never does: u goes on as in the authors' first
        code, and falls at θ = π − m from −1 to −cos m − m sin m, so that the loss jumps there. Where its
        cosine is ±1, and the derivative of cos(θ + ``margin``) infinite, the gradient is that of
        cos θ cos m. A cosine that rounding put beyond ±1 is taken as it is, with sin θ = 0.

    Shape:
        ``input``: (N, C). ``target``: (N,) of any integer dtype, 0 … C − 1. ``"none"``: (N,).

    Raises:
        IndexError: a target outside 0 … C − 1.
        ValueError: ``monotone`` with a ``margin`` above π/2; under ``strict()`` a cosine outside [−1, 1].

    Source:
        Deng, Guo, Xue & Zafeiriou (2019), *ArcFace: additive angular margin loss for deep face recognition*.
        Chapter: Margins on the sphere.

    Example:
        >>> arcface_loss(torch.tensor([[0.5, 0.2]]), torch.tensor([0]), margin=0.5, scale=1.0)
        tensor(0.7852)
    """
    if monotone and margin > math.pi / 2:
        raise ValueError(f"margin must be at most π/2 where the loss is to be monotone, got {margin}")

    def rotate(cosine: Tensor) -> Tensor:
        sine_squared = (1 - cosine) * (1 + cosine)
        inside = sine_squared > 0
        sine = torch.where(inside, torch.sqrt(torch.where(inside, sine_squared, 1.0)), 0.0)
        rotated = cosine * math.cos(margin) - sine * math.sin(margin)
        if not monotone:
            return rotated
        return torch.where(cosine > -math.cos(margin), rotated, cosine - margin * math.sin(margin))

    return _margin_softmax(rotate, input, target, scale, weight, reduction)


@checked(margin=rules.non_negative, scale=rules.positive)
def cosface_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 0.35,
    scale: float = 64.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cross-entropy of scaled cosines, with a margin taken off the cosine of the right class.

    .. math:: \ell(z, y) = \log(1 + \sum_{k \ne y} \exp(s (z_k - z_y + m)))

    Args:
        margin: m, a number from 0 on, in units of the cosine.
        scale: s, a positive number.
        weight: broadcasts to (N,); rows of weight 0 are left out.

    Conventions:
        ``input`` holds the cosines z of an embedding with each class, not logits; ``margin`` and ``scale``
        are applied here. With ``margin`` 0 it is the normalised softmax, ``cross_entropy(scale * input,
        target)``; and Proxy-NCA of the squared distances 2 − 2z, times s/2, but for the right class, which
        that paper leaves out of the sum.

    Shape:
        ``input``: (N, C). ``target``: (N,) of any integer dtype, 0 … C − 1. ``"none"``: (N,).

    Raises:
        IndexError: a target outside 0 … C − 1.
        ValueError: under ``strict()`` a cosine outside [−1, 1].

    Source:
        Wang et al. (2018), *CosFace: large margin cosine loss for deep face recognition*; Movshovitz-Attias
        et al. (2017), *No fuss distance metric learning using proxies* (Proxy-NCA). Chapter: Margins on the
        sphere.

    Example:
        >>> cosface_loss(torch.tensor([[0.5, 0.2]]), torch.tensor([0]), margin=0.3, scale=1.0)
        tensor(0.6931)
    """
    return _margin_softmax(lambda cosine: cosine - margin, input, target, scale, weight, reduction)


def _margin_softmax(
    with_margin: Callable[[Tensor], Tensor],
    cosines: Tensor,
    target: Tensor,
    scale: float,
    weight: Tensor | None,
    reduction: str,
) -> Tensor:
    """Cross-entropy of scaled cosines, that of the right class changed."""
    _check.is_tensor(input=cosines)
    if cosines.ndim != 2:
        raise ValueError(f"input must have two dimensions, (N, C), got {tuple(cosines.shape)}")
    n, classes = cosines.shape
    _check.check_labels("target", target, cosines, "input")
    (x,) = _check.promote(cosines)
    weight = expand_weight(weight, like=x.new_empty(()).expand(n))
    _cosine("input", x, weight)
    y = _prepare_indices(target, classes, None if weight is None else weight == 0)

    def masked_loss(x: Tensor, y: Tensor, weight: Tensor | None) -> Tensor:
        x = _zero_rows(x, None if weight is None else weight == 0)
        column = y.unsqueeze(1)
        logits = scale * x.scatter(1, column, with_margin(x.gather(1, column)))
        return hard_cross_entropy(logits, y)

    def compute() -> Tensor:
        return reduce_loss(masked_loss, (x, y), weight, reduction, shape=x.shape[:1])

    return naming_the_index(compute, y, classes, ignorable=False)


_cosine = _check.Domain(lambda v: v.abs() <= 1.001, "a cosine, from -1 to 1")


@checked(lambd=rules.non_negative)
def barlow_twins_loss(input1: Tensor, input2: Tensor, *, lambd: float = 5e-3) -> Tensor:
    r"""Barlow Twins: features of two views agree, and no two features say the same.

    .. math:: \ell = \sum_i (1 - C_{ii})^2 + \lambda \sum_{i \ne j} C_{ij}^2, \qquad C_{ij} = \frac{
        \sum_n (u_{ni} - \bar u_i)(v_{nj} - \bar v_j)}{\sqrt{\sum_n (u_{ni} - \bar u_i)^2}
        \sqrt{\sum_n (v_{nj} - \bar v_j)^2}}

    Args:
        lambd: λ, a number from 0 on.

    Conventions:
        C is the correlation of feature i of one view with feature j of the other over the batch: exactly 1 on
        the diagonal if the views are equal. A constant feature has correlation 0 and gradient 0. A statistic
        of the batch: no ``weight``, no ``reduction``. With more features than rows no D × D matrix is made.

    Shape:
        ``input1``, ``input2``: (N, D), N at least 2. Result: ().

    Raises:
        ValueError: fewer than 2 rows; no features.

    Source:
        Zbontar, Jing, Misra, LeCun & Deny (2021), *Barlow Twins: self-supervised learning via redundancy
        reduction*. Chapter: Without negatives.

    Example:
        >>> x = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        >>> barlow_twins_loss(x, 3 * x + 1), barlow_twins_loss(x, -x)
        (tensor(0.), tensor(8.))
    """
    x1, x2 = _two_views(input1, input2)
    agreement, others = _diagonal_and_rest(_standardised(x1), _standardised(x2))
    return (1 - agreement).square().sum() + lambd * others


@checked(sim=rules.non_negative, var=rules.non_negative, cov=rules.non_negative)
def vicreg_loss(
    input1: Tensor, input2: Tensor, *, sim: float = 25.0, var: float = 25.0, cov: float = 1.0
) -> Tensor:
    r"""VICReg: views agree (invariance), features keep a spread (variance) and are uncorrelated (covariance).

    .. math:: \ell = \frac{s}{N D} \lVert U - V \rVert^2
        + \frac{v}{2 D} \sum_{Z \in \{U, V\}} \sum_i \max(0, 1 - \sqrt{C^Z_{ii} + 10^{-4}})
        + \frac{c}{D} \sum_{Z \in \{U, V\}} \sum_{i \ne j} (C^Z_{ij})^2

    Args:
        sim: s, of the invariance, a number from 0 on.
        var: v, of the variance, a number from 0 on.
        cov: c, of the covariance, a number from 0 on.

    Conventions:
        C is the covariance of the features of a view over the batch, divided by N − 1. As in the authors'
        code the hinges are averaged over the two views and the covariance terms added up. 10⁻⁴ is part of the
        definition. A statistic of the batch: no ``weight``, no ``reduction``. With more features than rows no
        D × D matrix is made.

    Shape:
        ``input1``, ``input2``: (N, D), N at least 2. Result: ().

    Raises:
        ValueError: fewer than 2 rows; no features.

    Source:
        Bardes, Ponce & LeCun (2022), *VICReg: variance-invariance-covariance regularization for
        self-supervised learning*. Chapter: Without negatives.

    Example:
        >>> x = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        >>> vicreg_loss(x, x), vicreg_loss(x, -x), vicreg_loss(torch.zeros(4, 2), torch.zeros(4, 2))
        (tensor(0.), tensor(100.), tensor(24.7500))
    """
    x1, x2 = _two_views(input1, input2)
    n, d = x1.shape
    loss = sim * (x1 - x2).square().mean()
    for x in (x1, x2):
        z = _centred(x).t() / math.sqrt(n - 1)
        variance, others = _diagonal_and_rest(z, z)
        loss = loss + var / 2 * F.relu(1 - torch.sqrt(variance + 1e-4)).mean() + cov / d * others
    return loss


def _two_views(input1: Tensor, input2: Tensor) -> tuple[Tensor, ...]:
    """Two views of a batch that has a variance."""
    _check.check_matrices(input1=input1)
    _check.same_shape(input1=input1, input2=input2)
    if len(input1) < 2 or not input1.shape[1]:
        raise ValueError(f"input1 must have at least 2 rows and 1 column, got {tuple(input1.shape)}")
    views = _check.promote(input1, input2)
    for name, view in zip(("input1", "input2"), views, strict=True):
        _check.finite(name, view)
    return views


def _centred(x: Tensor) -> Tensor:
    """The rows less their mean; exactly 0 where a feature is constant, which a rounded mean is not."""
    x = x - x[:1].detach()
    return x - x.mean(0)


def _standardised(x: Tensor) -> Tensor:
    """The features as rows of length 1, less their mean; 0 where one is constant."""
    if _eager.can_read(x):
        near = x - x[:1].detach()  # torch takes the mean off a multiple of x, which would cancel
        share = near.new_full(near.shape[1:], 1 / math.sqrt(len(x)))
        z, _, inverse = torch.native_batch_norm(near, share, None, None, None, True, 0.0, 0.0)
        if _eager.known_between(inverse, 1e-15, 1e12):
            return z.t()
    return normalize(_centred(x).t())


def _diagonal_and_rest(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The diagonal of A Bᵀ, and the sum of the squares off it, for A and B of shape (D, N).

    For D > N by ‖A Bᵀ‖² = ⟨Aᵀ A, Bᵀ B⟩, where the matrices are N × N.
    """
    if len(a) <= a.shape[1]:
        c = dot_products(a, b)
        diagonal = c.diagonal().clone()
        c.diagonal().fill_(0)
        return diagonal, c.square().sum()
    x, y = to_float64(a), to_float64(b)  # the diagonal may be most of the sum
    diagonal = (x * y).sum(1)
    everything = (dot_products(x.t(), x.t()) * dot_products(y.t(), y.t())).sum()
    return diagonal.to(a.dtype), (everything - diagonal.square().sum()).to(a.dtype)


@checked()
def negative_cosine_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""A prediction should point where its target does, which is held constant (SimSiam, BYOL).

    .. math:: \ell(p, z) = -\cos(p, z) = -\frac{p \cdot z}{\lVert p \rVert \lVert z \rVert}

    Args:
        weight: broadcasts to (…); rows of weight 0 are left out.

    Conventions:
        ``target`` has no gradient, whatever it comes from: that stop-gradient is part of the definition. With
        a predictor it can lead training past collapse; the value, -1 at one point too, forbids nothing. Rows
        are L2-normalised here; a row of zeros has cosine 0 and gradient 0. The squared distance of the unit
        vectors, BYOL's form, is 2 + 2ℓ, and the cosine distance is 1 + ℓ: their gradients are 2 and 1 times
        that of ℓ. SimSiam takes the mean of both views, BYOL their sum.

    Shape:
        ``input``, ``target``: (…, D), equal. ``"none"``: (…).

    Source:
        Chen & He (2021), *Exploring simple Siamese representation learning*; Grill et al. (2020), *Bootstrap
        your own latent: a new approach to self-supervised learning*. Chapter: Without negatives.

    Example:
        Of predictions p and projections z of two views:

        >>> p1, z1 = torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]])
        >>> p2, z2 = torch.tensor([[5.0, 0.0]]), torch.tensor([[0.0, 2.0]])
        >>> (negative_cosine_loss(p1, z2) + negative_cosine_loss(p2, z1)) / 2
        tensor(-0.9000)
    """

    _check.is_tensor(input=input, target=target)

    def against(p: Tensor, z: Tensor) -> Tensor:
        return -(normalize(p) * normalize(z)).sum(-1)

    return elementwise(against, weight, reduction, axes=1, input=input, target=target.detach())


@checked(margin=rules.non_negative, alpha=rules.positive)
def proxy_anchor_loss(
    input: Tensor, target: Tensor, proxies: Tensor, *, margin: float = 0.1, alpha: float = 32.0
) -> Tensor:
    r"""Each class has a proxy, which pulls the rows of its class, the hardest most, and pushes the others.

    .. math:: \ell = \frac{1}{\lvert P^+ \rvert} \sum_{p \in P^+} \log \Big(1 + \sum_{x \in X_p^+}
        e^{-\alpha (\cos(x, p) - \delta)}\Big) + \frac{1}{\lvert P \rvert} \sum_{p \in P} \log \Big(1 +
        \sum_{x \in X_p^-} e^{\alpha (\cos(x, p) + \delta)}\Big)

    Args:
        margin: δ, a number from 0 on, in units of the cosine.
        alpha: α, a positive number.

    Conventions:
        Row c of ``proxies`` is that of class c; it is learned, as a parameter of yours. P are all proxies, P⁺
        those whose class is in the batch: the others have nothing to pull, but push all rows. Rows and
        proxies are L2-normalised here; one of zeros has cosine 0 and gradient 0. A statistic of the batch: no
        ``weight``, no ``reduction``. Without rows it is 0. Memory grows with (N + C) D, not N · C.

    Shape:
        ``input``: (N, D). ``target``: (N,) of any integer dtype, 0 … C − 1. ``proxies``: (C, D). Result: ().

    Raises:
        IndexError: a target outside 0 … C − 1.

    Source:
        Kim, Kim, Cho & Kwak (2020), *Proxy anchor loss for deep metric learning*. Chapter: Margins on the
        sphere.

    Example:
        >>> x, proxies = torch.tensor([[2.0, 0.0], [0.6, 0.8]]), torch.eye(2)
        >>> proxy_anchor_loss(x, torch.tensor([0, 1]), proxies, alpha=1.0)
        tensor(1.2960)
    """
    _check.check_matrices(input=input, proxies=proxies)
    _check.check_labels("target", target, input, "input")
    x, p = _check.promote(input, proxies)
    _check.finite("input", x)
    _check.finite("proxies", p)
    y = _prepare_indices(target, len(p), None)

    def compute() -> Tensor:
        present = p.new_zeros(len(p)).scatter(0, y, 1.0)
        share = present / present.sum().clamp(min=1)
        tile_loss = partial(_pull_and_push, margin=margin, alpha=alpha)
        return by_tiles(tile_loss, normalize(p), normalize(x), y, share).sum()

    return naming_the_index(compute, y, len(p), ignorable=False)


def _pull_and_push(
    start: int, proxies: Tensor, rows: Tensor, target: Tensor, share: Tensor, margin: float, alpha: float
) -> Tensor:
    """The terms of the proxies of a tile: the first times its share, the second divided by C."""
    s = dot_products(proxies, rows)
    classes = torch.arange(start, start + len(proxies), device=s.device)
    own = classes.unsqueeze(1) == target
    pull = _log_one_plus_sum_exp(alpha * (margin - s), own)
    push = _log_one_plus_sum_exp(alpha * (margin + s), ~own)
    return share[classes] * pull + push / len(share)


def _log_one_plus_sum_exp(s: Tensor, among: Tensor) -> Tensor:
    return -F.logsigmoid(-_log_sum_exp(s, among))


@checked()
def center_loss(
    input: Tensor,
    target: Tensor,
    centers: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Rows should be near the centre of their class, which is learned with them.

    .. math:: \ell(x, y) = \frac{1}{2} \lVert x - c_y \rVert^2

    Args:
        weight: broadcasts to (N,); rows of weight 0 are left out.

    Conventions:
        Row k of ``centers`` is c_k, a parameter of yours; nothing is normalised. It keeps no two centres
        apart, and is added to a loss that does. The paper's is the ``"sum"``. The gradient is that of the
        formula, Σ (c_k − x_i) over the n_k rows of a class under ``"sum"``; the paper divides it by 1 + n_k
        before it moves a centre, with a learning rate of its own.

    Shape:
        ``input``: (N, D). ``target``: (N,) of any integer dtype, 0 … C − 1. ``centers``: (C, D). ``"none"``:
        (N,).

    Raises:
        IndexError: a target outside 0 … C − 1.

    Source:
        Wen, Zhang, Li & Qiao (2016), *A discriminative feature learning approach for deep face recognition*.
        Chapter: Margins on the sphere.

    Example:
        >>> x, centers = torch.tensor([[1.0, 1.0], [3.0, 0.0]]), torch.tensor([[0.0, 0.0], [3.0, 1.0]])
        >>> center_loss(x, torch.tensor([0, 1]), centers, reduction="none")
        tensor([1.0000, 0.5000])
    """
    _check.check_matrices(input=input, centers=centers)
    _check.check_labels("target", target, input, "input")
    _check.finite("centers", centers)
    kept = expand_weight(weight, like=input.new_empty(()).expand(len(input)))
    y = _prepare_indices(target, len(centers), None if kept is None else kept == 0)

    def half_square(x: Tensor, c: Tensor) -> Tensor:
        return (x - c).square().sum(-1) / 2

    def compute() -> Tensor:
        own = centers.index_select(0, y)  # which takes no index from the end
        return elementwise(half_square, weight, reduction, axes=1, input=input, centers=own)

    return naming_the_index(compute, y, len(centers), ignorable=False)


class ContrastiveLoss(LossModule, loss=contrastive_loss):
    """The Module of :func:`contrastive_loss`."""

    margin: float = 1.0
    reduction: Reduction = "mean"


class TripletLoss(LossModule, loss=triplet_loss):
    """The Module of :func:`triplet_loss`."""

    margin: float = 1.0
    soft: bool = False
    distance: Distance = "euclidean"
    reduction: Reduction = "mean"


class BatchHardTripletLoss(LossModule, loss=batch_hard_triplet_loss):
    """The Module of :func:`batch_hard_triplet_loss`."""

    margin: float = 1.0
    soft: bool = False
    distance: Distance = "euclidean"
    reduction: Reduction = "mean"


class BatchAllTripletLoss(LossModule, loss=batch_all_triplet_loss):
    """The Module of :func:`batch_all_triplet_loss`."""

    margin: float = 1.0
    distance: Distance = "euclidean"
    reduction: Reduction = "mean"


class BatchSemiHardTripletLoss(LossModule, loss=batch_semi_hard_triplet_loss):
    """The Module of :func:`batch_semi_hard_triplet_loss`."""

    margin: float = 1.0
    soft: bool = False
    distance: Distance = "euclidean"
    reduction: Reduction = "mean"


class CircleLoss(LossModule, loss=circle_loss):
    """The Module of :func:`circle_loss`."""

    margin: float = 0.25
    gamma: float = 256.0
    reduction: Reduction = "mean"


class MultiSimilarityLoss(LossModule, loss=multi_similarity_loss):
    """The Module of :func:`multi_similarity_loss`."""

    alpha: float = 2.0
    beta: float = 50.0
    base: float = 0.5
    reduction: Reduction = "mean"


class InfoNCELoss(LossModule, loss=info_nce_loss):
    """The Module of :func:`info_nce_loss`."""

    temperature: float | Tensor = 0.1
    symmetric: bool = False
    reduction: Reduction = "mean"


class NTXentLoss(LossModule, loss=nt_xent_loss):
    """The Module of :func:`nt_xent_loss`."""

    temperature: float | Tensor = 0.5
    reduction: Reduction = "mean"


class SigLIPLoss(LossModule, loss=siglip_loss):
    """The Module of :func:`siglip_loss`."""

    logit_scale: float | Tensor = 10.0
    logit_bias: float | Tensor = -10.0
    reduction: Reduction = "mean"


class SupConLoss(LossModule, loss=supcon_loss):
    """The Module of :func:`supcon_loss`."""

    temperature: float | Tensor = 0.1
    reduction: Reduction = "mean"


class ArcFaceLoss(LossModule, loss=arcface_loss):
    """The Module of :func:`arcface_loss`."""

    margin: float = 0.5
    scale: float = 64.0
    monotone: bool = False
    reduction: Reduction = "mean"


class CosFaceLoss(LossModule, loss=cosface_loss):
    """The Module of :func:`cosface_loss`."""

    margin: float = 0.35
    scale: float = 64.0
    reduction: Reduction = "mean"


class BarlowTwinsLoss(LossModule, loss=barlow_twins_loss):
    """The Module of :func:`barlow_twins_loss`."""

    lambd: float = 0.005


class VICRegLoss(LossModule, loss=vicreg_loss):
    """The Module of :func:`vicreg_loss`."""

    sim: float = 25.0
    var: float = 25.0
    cov: float = 1.0


class NegativeCosineLoss(LossModule, loss=negative_cosine_loss):
    """The Module of :func:`negative_cosine_loss`."""

    reduction: Reduction = "mean"


class ProxyAnchorLoss(LossModule, loss=proxy_anchor_loss):
    """The Module of :func:`proxy_anchor_loss`. The proxies are a parameter of your model, not of this."""

    margin: float = 0.1
    alpha: float = 32.0


class CenterLoss(LossModule, loss=center_loss):
    """The Module of :func:`center_loss`. The centres are a parameter of your model, not of this."""

    reduction: Reduction = "mean"
