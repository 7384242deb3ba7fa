"""Losses on embeddings: pairs, triplets, contrast within a batch, margins on cosines, decorrelation.

Embeddings are rows, (N, D). Where the rows of a batch compete with each other, a row of weight 0 leaves the
batch altogether: it is neither an anchor nor a candidate for the others.
"""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _check
from lossfns._check import checked, finite_number, flag, non_negative, positive
from lossfns._module import module
from lossfns._pairs import (
    PLAIN,
    by_tiles,
    distance,
    log_sum_exp,
    log_sum_exp_of_others,
    similarities,
    unit,
)
from lossfns._reduce import elementwise, expand_weight, reduce

__all__ = [
    "ArcFaceLoss",
    "BarlowTwinsLoss",
    "BatchHardTripletLoss",
    "ContrastiveLoss",
    "CosFaceLoss",
    "InfoNCELoss",
    "NTXentLoss",
    "SigLIPLoss",
    "SupConLoss",
    "TripletLoss",
    "VICRegLoss",
    "arcface_loss",
    "barlow_twins_loss",
    "batch_hard_triplet_loss",
    "contrastive_loss",
    "cosface_loss",
    "info_nce_loss",
    "nt_xent_loss",
    "siglip_loss",
    "supcon_loss",
    "triplet_loss",
    "vicreg_loss",
]


@checked(margin=positive)
def contrastive_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Pull the pairs that belong together, push the others beyond a margin.

    .. math:: \ell(u, v, y) = \frac{1}{2} y d^2 + \frac{1}{2} (1 - y) \max(0, m - d)^2, \qquad d = \lVert u - v \rVert

    Conventions:
        ``target`` 1 means same, 0 different. Distances are Euclidean, ``margin`` is in their unit. A pair of
        equal rows has gradient 0, so a different pair that coincides is stuck there.

    Shape:
        ``input1``, ``input2``: (N, D). ``target``: (N,). ``weight``: broadcasts to (N,); 0 deletes. ``"none"``:
        (N,).

    Raises:
        ValueError: ``margin`` not positive; shapes do not fit; unknown ``reduction``; under ``strict()`` a
            target outside [0, 1].

    Source:
        Hadsell, Chopra & LeCun (2006), *Dimensionality reduction by learning an invariant mapping*.

    Example:
        >>> u, v = torch.tensor([[0.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.6, 0.0], [0.6, 0.0]])
        >>> contrastive_loss(u, v, torch.tensor([1, 0]), reduction="none")
        tensor([0.1800, 0.0800])
    """
    _check.matrices(input1=input1, input2=input2)
    _check.is_tensor(target=target)
    if target.shape != input1.shape[:1]:
        raise ValueError(f"target must have shape {tuple(input1.shape[:1])}, got {tuple(target.shape)}")

    def pull_or_push(u: Tensor, v: Tensor, y: Tensor) -> Tensor:
        same, apart = (u - v).square().sum(-1), F.relu(margin - distance(u, v)).square()
        return (y[:, 0] * same + (1 - y[:, 0]) * apart) / 2

    y = target.unsqueeze(1).expand(input1.shape)
    domains = {"target": _fraction}
    return elementwise(
        pull_or_push, weight, reduction, axes=1, domains=domains, input1=input1, input2=input2, target=y
    )


_fraction = _check.Domain(lambda v: (v >= 0) & (v <= 1), "between 0 and 1")


@checked(margin=non_negative, soft=flag)
def triplet_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    margin: float = 1.0,
    soft: bool = False,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""The negative should be farther from the anchor than the positive, by a margin.

    .. math:: \ell(a, p, n) = \max(0, \lVert a - p \rVert - \lVert a - n \rVert + m)

    Conventions:
        Distances are Euclidean and not squared; ``margin`` is in their unit. ``soft=True`` replaces the hinge
        by log(1 + exp(d⁺ − d⁻)), which has no margin. Coincident rows have distance 0 and gradient 0: three
        equal embeddings cost exactly the margin and do not move.

    Shape:
        ``anchor``, ``positive``, ``negative``: (N, D). ``weight``: broadcasts to (N,); 0 deletes. ``"none"``:
        (N,).

    Raises:
        ValueError: ``margin`` negative; shapes differ; ``weight`` does not broadcast; unknown ``reduction``.

    Source:
        Schroff, Kalenichenko & Philbin (2015), *FaceNet* (with squared distances); Hermans, Beyer & Leibe
        (2017), *In defense of the triplet loss* (soft).

    Example:
        >>> a, p, n = torch.tensor([[0.0]]), torch.tensor([[1.0]]), torch.tensor([[1.5]])
        >>> triplet_loss(a, p, n)
        tensor(0.5000)
    """
    _check.matrices(anchor=anchor, positive=positive, negative=negative)
    loss = partial(_triplet, margin=margin, soft=soft)
    return elementwise(
        loss, weight, reduction, axes=1, anchor=anchor, positive=positive, negative=negative
    )


def _triplet(a: Tensor, p: Tensor, n: Tensor, margin: float, soft: bool) -> Tensor:
    lead = distance(a, n) - distance(a, p)
    return -F.logsigmoid(lead) if soft else F.relu(margin - lead)


@checked(margin=non_negative, soft=flag)
def batch_hard_triplet_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    soft: bool = False,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Triplet loss of each row with its farthest positive and its nearest negative in the batch.

    .. math:: \ell_i = \max(0, \max_{y_p = y_i} \lVert x_i - x_p \rVert - \min_{y_n \ne y_i} \lVert x_i - x_n \rVert + m)

    Conventions:
        Rows without a positive or without a negative in the batch are deleted: the mean is over the others.
        Mining takes no gradient; the chosen distances are computed again, exactly. ``soft`` as in
        :func:`triplet_loss`.

    Shape:
        ``input``: (N, D). ``target``: (N,) of any integer dtype. ``weight``: broadcasts to (N,); a row of
        weight 0 leaves the batch. ``"none"``: (N,).

    Raises:
        ValueError: ``margin`` negative; shapes or dtype do not fit; unknown ``reduction``.

    Source:
        Hermans, Beyer & Leibe (2017), *In defense of the triplet loss for person re-identification*.

    Example:
        >>> batch_hard_triplet_loss(torch.tensor([[0.0], [1.0], [1.5]]), torch.tensor([0, 0, 1]), reduction="none")
        tensor([0.5000, 1.5000, 0.0000])
    """
    (x,), alive, weight = _batch(weight, input=input)
    _check.labels(len(x), target=target)
    farthest, nearest, found = _mine(x.detach(), target, alive)
    loss = _triplet(x, x[farthest], x[nearest], margin, soft)
    return reduce(loss, _only(found, weight, loss), reduction)


def _batch(
    weight: Tensor | None, **tensors: Tensor
) -> tuple[tuple[Tensor, ...], Tensor | None, Tensor | None]:
    """Embeddings with the rows of weight 0 zeroed, a mask of the other rows, and the weight as (N,)."""
    _check.matrices(**tensors)
    rows = _check.floating(*tensors.values())
    weight = expand_weight(weight, like=rows[0].new_empty(()).expand(rows[0].shape[:1]))
    deleted = None
    if weight is not None:
        deleted = (weight == 0).unsqueeze(1)
        rows = tuple(torch.where(deleted, 0.0, row) for row in rows)
    for name, row in zip(tensors, rows, strict=True):
        _check.finite(name, row)
    return rows, None if deleted is None else ~deleted[:, 0], weight


def _only(valid: Tensor, weight: Tensor | None, like: Tensor) -> Tensor:
    """The weight, with the rows that have no loss deleted."""
    return valid.to(like.dtype) if weight is None else weight * valid


def _mine(x: Tensor, target: Tensor, alive: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of the farthest positive and the nearest negative of each row, and whether it has both."""
    if not len(x):
        return target.long(), target.long(), torch.ones_like(target, dtype=torch.bool)
    x = x - x.mean(0)  # inner products of what lies far from the origin would lose the digits of the distances
    length, number = x.square().sum(1), torch.arange(len(x), device=x.device)
    height = max(1, PLAIN // len(x))
    columns = torch.ones_like(target, dtype=torch.bool) if alive is None else alive
    parts = []
    for start in range(0, len(x), height):
        rows = slice(start, start + height)
        d = length[rows, None] + length - 2 * x[rows] @ x.t()
        same = target[rows, None] == target
        other = (number[rows, None] != number) & columns
        is_positive, is_negative = same & other, ~same & other
        far = d.masked_fill(~is_positive, -torch.inf).argmax(1)
        near = d.masked_fill(~is_negative, torch.inf).argmin(1)
        parts.append((far, near, is_positive.any(1) & is_negative.any(1) & columns[rows]))
    far, near, found = (torch.cat(part) for part in zip(*parts, strict=True))
    return far, near, found


@checked(temperature=positive, symmetric=flag)
def info_nce_loss(
    query: Tensor,
    keys: Tensor,
    target: Tensor | None = None,
    *,
    temperature: float = 0.1,
    symmetric: bool = False,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""InfoNCE: pick the right key out of all, by softmax cross-entropy over cosines.

    .. math:: \ell_i = -\log \frac{\exp(\cos(q_i, k_{t_i}) / \tau)}{\sum_j \exp(\cos(q_i, k_j) / \tau)}

    Conventions:
        Rows are L2-normalised here; a row of zeros has cosine 0 and gradient 0. The default target is the
        diagonal. ``symmetric=True`` averages the loss of queries among keys and of keys among queries: CLIP's.
        Weights are the queries' (``symmetric``: the pairs'); the keys stay candidates, unless ``symmetric``,
        where a pair of weight 0 leaves the batch. On several processes pass the gathered keys and shifted
        targets: the gradient is that of one process. Memory grows with N · D, not N².

    Shape:
        ``query``: (N, D). ``keys``: (M, D). ``target``: (N,) of any integer dtype. ``weight``: broadcasts to
        (N,). ``"none"``: (N,).

    Raises:
        ValueError: ``temperature`` not positive; shapes or dtype do not fit; fewer keys than queries without
            ``target``; ``symmetric`` with ``target`` or M ≠ N; unknown ``reduction``; under ``strict()`` a
            target outside 0 … M − 1.

    Source:
        van den Oord, Li & Vinyals (2018), *Representation learning with contrastive predictive coding*;
        Radford et al. (2021), *Learning transferable visual models from natural language supervision*.

    Example:
        >>> x = torch.eye(3)
        >>> info_nce_loss(x, x, temperature=1.0), info_nce_loss(x, x, torch.tensor([1, 2, 0]), temperature=1.0)
        (tensor(0.5514), tensor(1.5514))
    """
    _check.matrices(query=query, keys=keys)
    if symmetric and (target is not None or len(keys) != len(query)):
        raise ValueError(
            f"symmetric needs one key for each query and no target, got {len(keys)} keys for {len(query)} "
            f"queries and target {'None' if target is None else 'given'}"
        )
    if target is None:
        if len(keys) < len(query):
            raise ValueError(f"keys must hold a row for each of the {len(query)} queries, got {len(keys)}")
        target = torch.arange(len(query), device=query.device)
    _check.labels(len(query), len(keys), target=target)
    (q,), alive, weight = _batch(weight, query=query)
    if symmetric:
        (k,), alive, _ = _batch(weight, keys=keys)
    else:
        (k,), alive, _ = _batch(None, keys=keys)
    dtype = torch.promote_types(q.dtype, k.dtype)
    q, k = unit(q.to(dtype)) / temperature, unit(k.to(dtype))
    positive = (q * k[target.long()]).sum(1)
    loss = by_tiles(log_sum_exp, q, k, alive) - positive
    if symmetric:
        loss = (loss + by_tiles(log_sum_exp, k, q, alive) - positive) / 2
    return reduce(loss, weight, reduction)


@checked(temperature=positive)
def nt_xent_loss(
    input1: Tensor,
    input2: Tensor,
    *,
    temperature: float = 0.5,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""SimCLR's loss: each of 2N views should pick its partner out of the other 2N − 1.

    .. math:: \ell(z_i, z_j) = -\log \frac{\exp(\cos(z_i, z_j) / \tau)}{\sum_{k \ne i} \exp(\cos(z_i, z_k) / \tau)}

    Conventions:
        Rows are L2-normalised here; a row of zeros has cosine 0 and gradient 0. The loss of a pair is the mean
        over its two views. All views equal: log(2N − 1). A pair of weight 0 leaves the batch. Memory grows
        with N · D, not N².

    Shape:
        ``input1``, ``input2``: (N, D). ``weight``: broadcasts to (N,); 0 deletes. ``"none"``: (N,).

    Raises:
        ValueError: ``temperature`` not positive; shapes differ; unknown ``reduction``.

    Source:
        Chen, Kornblith, Norouzi & Hinton (2020), *A simple framework for contrastive learning of visual
        representations*.

    Example:
        >>> nt_xent_loss(torch.ones(4, 2), torch.ones(4, 2)), math.log(7)
        (tensor(1.9459), 1.945910149055313...)
    """
    _check.same_shape(input1=input1, input2=input2)
    (x1, x2), alive, weight = _batch(weight, input1=input1, input2=input2)
    z = unit(torch.cat([x1, x2]))
    rows = z / temperature
    both = None if alive is None else torch.cat([alive, alive])
    partner = (rows[: len(x1)] * z[len(x1) :]).sum(1)
    first, second = by_tiles(log_sum_exp_of_others, rows, z, both).split([len(x1), len(x1)])
    return reduce((first + second) / 2 - partner, weight, reduction)


@checked(logit_scale=positive, logit_bias=finite_number)
def siglip_loss(
    input1: Tensor,
    input2: Tensor,
    *,
    logit_scale: float = 10.0,
    logit_bias: float = -10.0,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Sigmoid loss of all N² pairs: is it a pair or not, each on its own.

    .. math:: \ell_i = -\sum_j \log \sigma(y_{ij} (t \cos(u_i, v_j) + b)), \qquad y_{ii} = 1, \; y_{ij} = -1

    Conventions:
        Rows are L2-normalised here. The loss of row i is the *sum* over its N pairs, and the mean is over the
        rows, as in the paper. A pair of weight 0 leaves the batch. Memory grows with N · D, not N².

    Shape:
        ``input1``, ``input2``: (N, D). ``weight``: broadcasts to (N,); 0 deletes. ``"none"``: (N,).

    Raises:
        ValueError: ``logit_scale`` not positive; shapes differ; unknown ``reduction``.

    Source:
        Zhai, Mustafa, Kolesnikov & Beyer (2023), *Sigmoid loss for language image pre-training*.

    Example:
        >>> siglip_loss(torch.eye(2), torch.eye(2))
        tensor(0.6932)
    """
    _check.same_shape(input1=input1, input2=input2)
    (x1, x2), alive, weight = _batch(weight, input1=input1, input2=input2)

    def all_pairs(rows: Tensor, columns: Tensor, mask: Tensor | None, start: int) -> Tensor:
        s = rows @ columns.t() + logit_bias
        s.diagonal(start).neg_()
        s = s if mask is None else s.masked_fill(~mask, -torch.inf)
        return -F.logsigmoid(-s).sum(1)

    return reduce(by_tiles(all_pairs, unit(x1) * logit_scale, unit(x2), alive), weight, reduction)


@checked(temperature=positive)
def supcon_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: float = 0.1,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Supervised contrast: each row should pick the rows of its class out of all others.

    .. math:: \ell_i = -\frac{1}{\lvert P_i \rvert} \sum_{p \in P_i} \log \frac{\exp(\cos(z_i, z_p) / \tau)}
        {\sum_{k \ne i} \exp(\cos(z_i, z_k) / \tau)}

    Conventions:
        P_i are the other rows of the class of i. Rows are L2-normalised here. Rows without a positive are
        deleted: the mean is over the others. The temperature is not multiplied back in (the authors' code
        scales by τ/0.07). A row of weight 0 leaves the batch. Memory grows with N · D, not N².

    Shape:
        ``input``: (N, D). ``target``: (N,) of any integer dtype. ``weight``: broadcasts to (N,); 0 deletes.
        ``"none"``: (N,).

    Raises:
        ValueError: ``temperature`` not positive; shapes or dtype do not fit; unknown ``reduction``.

    Source:
        Khosla et al. (2020), *Supervised contrastive learning* (L_out).

    Example:
        >>> supcon_loss(torch.eye(4), torch.tensor([0, 0, 1, 2]), reduction="none")
        tensor([1.0986, 1.0986, 0.0000, 0.0000])
    """
    (x,), alive, weight = _batch(weight, input=input)
    _check.labels(len(x), target=target)
    z = unit(x)
    rows = z / temperature
    same, count = _sum_of_same_class(z, target, alive)
    others = count - 1
    loss = by_tiles(log_sum_exp_of_others, rows, z, alive)
    loss = loss - (rows * (same - z)).sum(1) / others.clamp(min=1)
    return reduce(loss, _only(others > 0, weight, loss), reduction)


def _sum_of_same_class(z: Tensor, target: Tensor, alive: Tensor | None) -> tuple[Tensor, Tensor]:
    """For each row, the sum and the number of the rows of its class, itself among them: no N × N mask."""
    order = target.argsort(stable=True)
    ordered = target[order]
    first = torch.cat([ordered[:1] != ordered[:1], ordered[1:] != ordered[:-1]])
    number = torch.zeros_like(order).scatter(0, order, first.cumsum(0))  # classes numbered from 0
    one = z.new_ones(len(z)) if alive is None else alive.to(z.dtype)
    total = torch.zeros_like(z).index_add(0, number, z * one.unsqueeze(1))
    return total[number], torch.zeros_like(one).index_add(0, number, one)[number]


@checked(margin=non_negative, scale=positive)
def arcface_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 0.5,
    scale: float = 64.0,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Cross-entropy of scaled cosines, with an angular margin added to the right class.

    .. math:: \ell = -\log \frac{e^{s \cos(\theta_y + m)}}{e^{s \cos(\theta_y + m)} + \sum_{j \ne y} e^{s \cos \theta_j}}

    Conventions:
        ``input`` holds the cosines of an embedding with each class, not logits. ``margin`` is in radians. The
        formula is taken as printed: beyond θ = π − m the right class gains from being farther. A cosine of
        exactly ±1 has a finite gradient, that of cos θ cos m.

    Shape:
        ``input``: (N, C). ``target``: (N,) of any integer dtype. ``weight``: broadcasts to (N,); 0 deletes.
        ``"none"``: (N,).

    Raises:
        ValueError: ``margin`` negative; ``scale`` not positive; shapes or dtype do not fit; unknown
            ``reduction``; under ``strict()`` a cosine outside [−1, 1] or a target outside 0 … C − 1.

    Source:
        Deng, Guo, Xue & Zafeiriou (2019), *ArcFace: additive angular margin loss for deep face recognition*.

    Example:
        >>> arcface_loss(torch.tensor([[0.5, 0.2]]), torch.tensor([0]), margin=0.5, scale=1.0)
        tensor(0.7169)
    """

    def rotated(cosine: Tensor) -> Tensor:
        sine_squared = 1 - cosine.square()
        inside = sine_squared > 0
        sine = torch.where(inside, torch.sqrt(torch.where(inside, sine_squared, 1.0)), 0.0)
        return cosine * math.cos(margin) - sine * math.sin(margin)

    return _margin_softmax(rotated, input, target, scale, weight, reduction)


@checked(margin=non_negative, scale=positive)
def cosface_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 0.35,
    scale: float = 64.0,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Cross-entropy of scaled cosines, with a margin taken off the cosine of the right class.

    .. math:: \ell = -\log \frac{e^{s (\cos \theta_y - m)}}{e^{s (\cos \theta_y - m)} + \sum_{j \ne y} e^{s \cos \theta_j}}

    Conventions:
        ``input`` holds the cosines of an embedding with each class, not logits.

    Shape:
        ``input``: (N, C). ``target``: (N,) of any integer dtype. ``weight``: broadcasts to (N,); 0 deletes.
        ``"none"``: (N,).

    Raises:
        ValueError: ``margin`` negative; ``scale`` not positive; shapes or dtype do not fit; unknown
            ``reduction``; under ``strict()`` a cosine outside [−1, 1] or a target outside 0 … C − 1.

    Source:
        Wang et al. (2018), *CosFace: large margin cosine loss for deep face recognition*.

    Example:
        >>> cosface_loss(torch.tensor([[0.5, 0.2]]), torch.tensor([0]), margin=0.3, scale=1.0)
        tensor(0.6931)
    """
    return _margin_softmax(lambda cosine: cosine - margin, input, target, scale, weight, reduction)
