"""Losses on embeddings: pairs, triplets, contrast within a batch, margins on cosines, decorrelation.

Embeddings are rows, (N, D). Where the rows of a batch compete with each other, a row of weight 0 leaves the
batch altogether: it is neither an anchor nor a candidate for the others. No loss here knows of processes:
gather the embeddings with ``torch.distributed.nn.all_gather``, which passes gradients on, and the gradient
is that of one process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _check
from lossfns import _rules as rules
from lossfns._chunked import gather
from lossfns._module import LossModule
from lossfns._reduce import elementwise, expand_weight, reduce, reduce_loss
from lossfns._rules import Reduction, checked
from lossfns._similarity import (
    by_tiles,
    dot_products,
    mask_columns,
    mask_diagonal_,
    norm,
    normalize,
    tiles,
    to_float64,
)

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

    Conventions:
        ``target`` 1 means same, 0 different. Distances are Euclidean, ``margin`` is in their unit. A pair of
        equal rows has gradient 0, so a different pair that coincides is stuck there.

    Shape:
        ``input1``, ``input2``: (…, D), equal. ``target``: (…). ``weight``: broadcasts to it; 0 deletes.
        ``"none"``: (…).

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
    _check.same_shape(input1=input1, input2=input2)
    _check.is_tensor(target=target)
    if input1.ndim == 0:
        raise ValueError("input1 must have shape (…, D), got ()")
    if target.shape != input1.shape[:-1]:
        raise ValueError(f"target must have shape {tuple(input1.shape[:-1])}, got {tuple(target.shape)}")

    def pull_or_push(u: Tensor, v: Tensor, y: Tensor) -> Tensor:
        y, d = y[..., 0], u - v
        return (y * d.square().sum(-1) + (1 - y) * F.relu(margin - norm(d)).square()) / 2

    y = target.unsqueeze(-1).expand(input1.shape)
    domains = {"target": _fraction}
    return elementwise(
        pull_or_push, weight, reduction, axes=1, domains=domains, input1=input1, input2=input2, target=y
    )


_fraction = _check.Domain(lambda v: (v >= 0) & (v <= 1), "between 0 and 1")


@checked(margin=rules.non_negative, soft=rules.boolean)
def triplet_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    margin: float = 1.0,
    soft: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""The negative should be farther from the anchor than the positive, by a margin.

    .. math:: \ell(a, p, n) = \max(0, \lVert a - p \rVert - \lVert a - n \rVert + m)

    Conventions:
        Distances are Euclidean and not squared; ``margin`` is in their unit. ``soft=True`` replaces the hinge
        by log(1 + exp(d⁺ − d⁻)), which has no margin. Coincident rows have distance 0 and gradient 0: three
        equal embeddings cost exactly the margin and do not move.

    Shape:
        ``anchor``, ``positive``, ``negative``: (…, D), equal. ``weight``: broadcasts to (…); 0 deletes.
        ``"none"``: (…).

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
    loss = partial(_triplet, margin=margin, soft=soft)
    return elementwise(loss, weight, reduction, axes=1, anchor=anchor, positive=positive, negative=negative)


def _triplet(a: Tensor, p: Tensor, n: Tensor, margin: float, soft: bool) -> Tensor:
    lead = norm(a - n) - norm(a - p)
    return -F.logsigmoid(lead) if soft else F.relu(margin - lead)


@checked(margin=rules.non_negative, soft=rules.boolean)
def batch_hard_triplet_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    soft: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Triplet loss of each row with its farthest positive and its nearest negative in the batch.

    .. math:: \ell_i = \max(0, \max_{y_p = y_i} \lVert x_i - x_p \rVert
        - \min_{y_n \ne y_i} \lVert x_i - x_n \rVert + m)

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
        >>> x = torch.tensor([[0.0], [1.0], [1.5]])
        >>> batch_hard_triplet_loss(x, torch.tensor([0, 0, 1]), reduction="none")
        tensor([0.5000, 1.5000, 0.0000])
    """
    (x,), deleted, weight = _prepare_rows(weight, input=input)
    _check.check_labels(len(x), target=target)
    farthest, nearest, found = _hardest(to_float64(x.detach()), target.long(), deleted)
    loss = _triplet(x, x[farthest], x[nearest], margin, soft)
    return reduce(loss, _keep_weight(found, weight, loss), reduction)


def _prepare_rows(
    weight: Tensor | None, **tensors: Tensor
) -> tuple[tuple[Tensor, ...], Tensor | None, Tensor | None]:
    """Embeddings of a batch, those of weight 0 zeroed; a mask of the latter, (N,); and the weight, (N,)."""
    _check.check_matrices(**tensors)
    rows = _check.promote(*tensors.values())
    weight = expand_weight(weight, like=rows[0].new_empty(()).expand(len(rows[0])))
    deleted = None
    if weight is not None:
        deleted = weight == 0
        rows = tuple(_zero_rows(deleted, row) for row in rows)
    for name, row in zip(tensors, rows, strict=True):
        _check.finite(name, row)
    return rows, deleted, weight


def _zero_rows(deleted: Tensor | None, row: Tensor) -> Tensor:
    """Zero what is deleted, so that an inf or NaN there has gradient 0."""
    return row if deleted is None else torch.where(deleted.unsqueeze(1), 0.0, row)


def _keep_weight(valid: Tensor, weight: Tensor | None, like: Tensor) -> Tensor:
    """The weight, but 0 for the rows that have no loss."""
    return valid.to(like.dtype) if weight is None else weight * valid


def _hardest(x: Tensor, target: Tensor, deleted: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of the farthest positive and the nearest negative of each row, and whether it has both.

    Squared distances come from inner products, |x|² − 2 x·y + |y|², which lose digits where the rows are far
    from the origin: they are centred first.
    """
    if not x.numel():
        return target, target, torch.zeros_like(target, dtype=torch.bool)
    x = x - x.mean(0)
    x = x / x.abs().amax().clamp(min=torch.finfo(x.dtype).tiny)
    squares = x.square().sum(1)

    def of_tiles() -> Iterator[Tensor]:
        for part in tiles(len(x), len(x)):
            d = squares - 2 * dot_products(x[part], x)  # less the square of the row, the same for all columns
            positive = target[part, None] == target
            negative = ~positive
            positive.diagonal(part.start).fill_(False)
            if deleted is not None:
                positive, negative = positive & ~deleted, negative & ~deleted
            greatest, far = torch.where(positive, d, -torch.inf).max(1)
            least, near = torch.where(negative, d, torch.inf).min(1)
            yield torch.stack([far, near, (greatest != -torch.inf) & (least != torch.inf)], 1)

    far, near, found = gather(of_tiles(), len(x)).unbind(1)
    return far, near, found.bool()


@checked(temperature=rules.or_tensor(rules.positive), symmetric=rules.boolean)
def info_nce_loss(
    query: Tensor,
    keys: Tensor,
    target: Tensor | None = None,
    *,
    temperature: float | Tensor = 0.1,
    symmetric: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""InfoNCE: pick the right key out of all, by softmax cross-entropy over cosines.

    .. math:: \ell_i = -\log \frac{\exp(\cos(q_i, k_{t_i}) / \tau)}{\sum_j \exp(\cos(q_i, k_j) / \tau)}

    Conventions:
        Rows are L2-normalised here; a row of zeros has cosine 0 and gradient 0. By default query i and key i
        are a pair, keys beyond the N-th are negatives for all, and a pair of weight 0 leaves the batch; with
        a ``target`` of your own, weights are the queries' and all keys remain. ``symmetric=True`` is CLIP's
        loss: the mean of that of queries among keys and that of keys among queries. ``temperature`` may be
        a tensor of shape (), to learn it. Memory grows with N + M, not with N · M.

        Several processes: ``keys = torch.cat(torch.distributed.nn.all_gather(keys))`` and ``target =
        torch.arange(N) + rank * N``. For CLIP average two such calls, the second of keys among gathered
        queries.

    Shape:
        ``query``: (N, D). ``keys``: (M, D). ``target``: (N,) of any integer dtype, 0 … M − 1. ``weight``:
        broadcasts to (N,); 0 deletes. ``"none"``: (N,).

    Raises:
        ValueError: ``temperature`` not positive; shapes or dtype do not fit; fewer keys than queries without
            ``target``; ``symmetric`` with ``target`` or M ≠ N; unknown ``reduction``; under ``strict()`` a
            target outside 0 … M − 1.

    Source:
        van den Oord, Li & Vinyals (2018), *Representation learning with contrastive predictive coding*;
        Radford et al. (2021), *Learning transferable visual models from natural language supervision*.

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
        gone = None if deleted is None else torch.cat([deleted, deleted.new_zeros(m - n)])
    else:
        _check.check_labels(n, target=target)
        target, gone = _class_indices(target, m, deleted), None
    k = _zero_rows(gone, keys)
    _check.finite("keys", k)
    q, k = normalize(q), normalize(k)
    loss = _cross_entropy(q, k, target, gone, temperature)
    if symmetric:
        loss = (loss + _cross_entropy(k, q, target, gone, temperature)) / 2
    return reduce(loss, weight, reduction)


def _cross_entropy(
    rows: Tensor,
    columns: Tensor,
    target: Tensor,
    gone: Tensor | None,
    temperature: float | Tensor,
    itself: bool = True,
) -> Tensor:
    """−log of the share of the target in the softmax of the similarities of a row with all columns.

    Columns that are gone are no candidates; nor is a row for itself, if so told.
    """

    rows = rows / _check_positive("temperature", temperature)
    of_tile = partial(_cross_entropy_of_tile, itself=itself)
    return by_tiles(of_tile, rows, columns, target, gone)


def _cross_entropy_of_tile(
    start: int, rows: Tensor, columns: Tensor, target: Tensor, gone: Tensor | None, itself: bool
) -> Tensor:
    s = mask_columns(dot_products(rows, columns), gone)
    s = s if itself else mask_diagonal_(s, start)
    return F.cross_entropy(s, target[start : start + len(rows)], reduction="none")


def _check_positive(name: str, value: float | Tensor) -> float | Tensor:
    if isinstance(value, Tensor):
        _check.positive(name, value)
    return value


def _class_indices(target: Tensor, classes: int, deleted: Tensor | None) -> Tensor:
    """Class indices, 0 where the row is deleted: there they may be anything."""
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

    Conventions:
        Rows are L2-normalised here; a row of zeros has cosine 0 and gradient 0. The loss of a pair is the
        mean over its two views. All views equal: log(2N − 1). A pair of weight 0 leaves the batch.
        ``temperature`` may be a tensor of shape (), to learn it. Memory grows with N · D, not N².

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
    (x1, x2), deleted, weight = _prepare_rows(weight, input1=input1, input2=input2)
    n = len(x1)
    gone = None if deleted is None else torch.cat([deleted, deleted])
    partner = torch.arange(2 * n, device=x1.device).roll(n)
    z = normalize(torch.cat([x1, x2]))
    loss = _cross_entropy(z, z, partner, gone, temperature, itself=False)
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

    Conventions:
        Rows are L2-normalised here. The loss of row i is the *sum* over its N pairs, and the mean is over the
        rows, as in the paper. A pair of weight 0 leaves the batch. ``logit_scale`` t and ``logit_bias`` b may
        be tensors of shape (), to learn them. Memory grows with N · D, not N².

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
    (x1, x2), gone, weight = _prepare_rows(weight, input1=input1, input2=input2)

    bias = torch.as_tensor(logit_bias, dtype=x1.dtype, device=x1.device)
    rows = normalize(x1) * _check_positive("logit_scale", logit_scale)
    return reduce(by_tiles(_log_sigmoids, rows, normalize(x2), bias, gone), weight, reduction)


def _log_sigmoids(start: int, rows: Tensor, columns: Tensor, bias: Tensor, gone: Tensor | None) -> Tensor:
    """−Σ log σ of a pair that belongs together, and of minus one that does not."""
    s = dot_products(rows, columns) + bias
    s.diagonal(start).neg_()
    return -F.logsigmoid(-mask_columns(s, gone)).sum(1)


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
    (x,), gone, weight = _prepare_rows(weight, input=input)
    _check.check_labels(len(x), target=target)
    z = normalize(x)
    rows = z / _check_positive("temperature", temperature)
    positives, count = _sum_of_positives(z, target.long(), gone)

    loss = by_tiles(_log_sum_of_others, rows, z, gone) - (rows * positives / count.clamp(min=1)).sum(1)
    return reduce(loss, _keep_weight(count.squeeze(1) > 0, weight, loss), reduction)


def _log_sum_of_others(start: int, rows: Tensor, columns: Tensor, gone: Tensor | None) -> Tensor:
    return torch.logsumexp(mask_diagonal_(mask_columns(dot_products(rows, columns), gone), start), 1)


def _sum_of_positives(z: Tensor, target: Tensor, gone: Tensor | None) -> tuple[Tensor, Tensor]:
    """Sum and number, (N, 1), of the other rows of the class of each row: the class less the row itself.

    Sums of the classes need no N × N mask. They are taken in float64: a class may be worth_chunking.
    """
    ordered, order = target.sort()
    new = ordered[1:] != ordered[:-1]
    number = F.pad(new.long().cumsum(0), (1, 0))[: len(target)]  # the classes, from 0, in that order
    number = torch.zeros_like(target).scatter(0, order, number)
    here = z.new_ones(len(z), 1) if gone is None else (~gone).to(z.dtype).unsqueeze(1)
    members = to_float64(torch.cat([z, here], 1) * here)
    others = torch.zeros_like(members).index_add(0, number, members)[number] - members
    return others[:, :-1].to(z.dtype), others[:, -1:].to(z.dtype)


@checked(margin=rules.non_negative, scale=rules.positive)
def arcface_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 0.5,
    scale: float = 64.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cross-entropy of scaled cosines, with an angular margin added to the right class.

    .. math:: \ell(z, y) = \log(1 + \sum_{k \ne y} \exp(s (z_k - u))),
        \qquad u = z_y \cos(m) - \sqrt{1 - z_y^2} \sin(m)

    Conventions:
        ``input`` holds the cosines z = cos θ of an embedding with each class, not logits; u = cos(θ_y + m).
        ``margin`` m is in radians, ``scale`` is s.
        The formula is taken as printed: beyond θ = π − m the right class gains from being farther. Where its
        cosine is ±1, and the derivative of cos(θ + m) infinite, the gradient is that of cos θ cos m. A cosine
        that rounding put beyond ±1 is taken as it is, with sin θ = 0.

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
        tensor(0.7852)
    """

    def rotated(cosine: Tensor) -> Tensor:
        sine_squared = (1 - cosine) * (1 + cosine)
        inside = sine_squared > 0
        sine = torch.where(inside, torch.sqrt(torch.where(inside, sine_squared, 1.0)), 0.0)
        return cosine * math.cos(margin) - sine * math.sin(margin)

    return _margin_softmax(rotated, input, target, scale, weight, reduction)


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

    Conventions:
        ``input`` holds the cosines z of an embedding with each class, not logits.

    Shape:
        ``input``: (N, C). ``target``: (N,) of any integer dtype. ``weight``: broadcasts to (N,); 0 deletes.
        ``"none"``: (N,).

    Raises:
        ValueError: ``margin`` negative; ``scale`` not positive; shapes or dtype do not fit; unknown
            ``reduction``; under ``strict()`` a cosine outside [−1, 1] or a target outside 0 … C − 1.

    Source:
        Wang et al. (2018), *CosFace: worth_chunking margin cosine loss for deep face recognition*.

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
    _check.check_labels(n, target=target)
    (x,) = _check.promote(cosines)
    weight = expand_weight(weight, like=x.new_empty(()).expand(n))
    _cosine("input", x, weight)
    target = _class_indices(target, classes, None if weight is None else weight == 0)

    def masked_loss(x: Tensor, y: Tensor, w: Tensor | None) -> Tensor:
        x = _zero_rows(None if w is None else w == 0, x)
        column = y.unsqueeze(1)
        logits = scale * x.scatter(1, column, with_margin(x.gather(1, column)))
        return F.cross_entropy(logits, y, reduction="none")

    return reduce_loss(masked_loss, (x, target), weight, reduction, shape=x.shape[:1])


_cosine = _check.Domain(lambda v: v.abs() <= 1.001, "a cosine, from -1 to 1")


@checked(lambd=rules.non_negative)
def barlow_twins_loss(input1: Tensor, input2: Tensor, *, lambd: float = 5e-3) -> Tensor:
    r"""Barlow Twins: features of two views agree, and no two features say the same.

    .. math:: \ell = \sum_i (1 - C_{ii})^2 + \lambda \sum_{i \ne j} C_{ij}^2, \qquad C_{ij} = \frac{
        \sum_n (u_{ni} - \bar u_i)(v_{nj} - \bar v_j)}{\sqrt{\sum_n (u_{ni} - \bar u_i)^2}
        \sqrt{\sum_n (v_{nj} - \bar v_j)^2}}

    Conventions:
        C is the correlation of feature i of one view with feature j of the other over the batch: exactly 1 on
        the diagonal if the views are equal. A constant feature has correlation 0 and gradient 0. A statistic
        of the batch: no ``weight``, no ``reduction``. With more features than rows no D × D matrix is made.

    Shape:
        ``input1``, ``input2``: (N, D), N at least 2. Result: ().

    Raises:
        ValueError: ``lambd`` negative; shapes differ; fewer than 2 rows; no features.

    Source:
        Zbontar, Jing, Misra, LeCun & Deny (2021), *Barlow Twins: self-supervised learning via redundancy
        reduction*.

    Example:
        >>> x = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        >>> barlow_twins_loss(x, 3 * x + 1), barlow_twins_loss(x, -x)
        (tensor(0.), tensor(8.))
    """
    x1, x2 = _two_views(input1, input2)
    a, b = normalize(_centred(x1).t()), normalize(_centred(x2).t())
    return (1 - (a * b).sum(1)).square().sum() + lambd * _off_diagonal(a, b)


@checked(sim=rules.non_negative, var=rules.non_negative, cov=rules.non_negative)
def vicreg_loss(
    input1: Tensor, input2: Tensor, *, sim: float = 25.0, var: float = 25.0, cov: float = 1.0
) -> Tensor:
    r"""VICReg: views agree (invariance), features keep a spread (variance) and are uncorrelated (covariance).

    .. math:: \ell = \frac{s}{N D} \lVert U - V \rVert^2
        + \frac{v}{2 D} \sum_{Z \in \{U, V\}} \sum_i \max(0, 1 - \sqrt{C^Z_{ii} + 10^{-4}})
        + \frac{c}{D} \sum_{Z \in \{U, V\}} \sum_{i \ne j} (C^Z_{ij})^2

    Conventions:
        s, v, c are ``sim``, ``var``, ``cov``; C is the covariance of the features of a view over the batch,
        divided by N − 1. As in the authors' code the hinges are averaged over the two views and the
        covariance terms added up. 10⁻⁴ is part of the definition. A statistic of the batch: no ``weight``,
        no ``reduction``. With more features than rows no D × D matrix is made.

    Shape:
        ``input1``, ``input2``: (N, D), N at least 2. Result: ().

    Raises:
        ValueError: ``sim``, ``var`` or ``cov`` negative; shapes differ; fewer than 2 rows; no features.

    Source:
        Bardes, Ponce & LeCun (2022), *VICReg: variance-invariance-covariance regularization for
        self-supervised learning*.

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
        spread = torch.sqrt(z.square().sum(1) + 1e-4)
        loss = loss + var / 2 * F.relu(1 - spread).mean() + cov / d * _off_diagonal(z, z)
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


def _off_diagonal(a: Tensor, b: Tensor) -> Tensor:
    """The sum of the squares of A Bᵀ off its diagonal, for A and B of shape (D, N).

    For D > N by ‖A Bᵀ‖² = ⟨Aᵀ A, Bᵀ B⟩, where the matrices are N × N.
    """
    if len(a) <= a.shape[1]:
        c = dot_products(a, b)
        c.diagonal().fill_(0)
        return c.square().sum()
    x, y = to_float64(a), to_float64(b)  # the diagonal may be most of the sum
    everything = (dot_products(x.t(), x.t()) * dot_products(y.t(), y.t())).sum()
    return (everything - (x * y).sum(1).square().sum()).to(a.dtype)


class ContrastiveLoss(LossModule, loss=contrastive_loss):
    """The Module of :func:`contrastive_loss`."""

    margin: float = 1.0
    reduction: Reduction = "mean"


class TripletLoss(LossModule, loss=triplet_loss):
    """The Module of :func:`triplet_loss`."""

    margin: float = 1.0
    soft: bool = False
    reduction: Reduction = "mean"


class BatchHardTripletLoss(LossModule, loss=batch_hard_triplet_loss):
    """The Module of :func:`batch_hard_triplet_loss`."""

    margin: float = 1.0
    soft: bool = False
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
