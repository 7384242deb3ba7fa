"""Losses for masks: how well a predicted region and a true one overlap.

``input`` holds logits (N, C, *), one channel a class, and ``target`` class indices (N, *) in any integer
dtype or soft masks (N, C, *): one-hot masks give the number that the indices give. The channels compete
(softmax) or, with ``multilabel=True``, are masks of their own (sigmoid; ``target`` (N, C, *)). A single mask
is one channel with ``multilabel=True``. Each class of each image is one loss, (N, C), whatever the number of
its pixels.

The losses here are ratios of three counts of pixels, made soft so that p = t, and nothing else, costs 0: what
is found, Σ min(p, t); what is false, Σ (p − t)₊; what is missed, Σ (t − p)₊.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from lossfns import _check
from lossfns._check import Domain, checked, flag, non_negative, one_of, positive
from lossfns._classes import check_target, class_weights, index, of_class, takes_indices
from lossfns._look import readable, seen_false, seen_finite, seen_whole
from lossfns._module import module
from lossfns._pairs import gather
from lossfns._pieces import PIECE, row_sums
from lossfns._ratio import ratio, vanishes
from lossfns._reduce import expand_weight, reduce

__all__ = [
    "DiceLoss",
    "FocalTverskyLoss",
    "GeneralizedDiceLoss",
    "JaccardLoss",
    "LovaszHingeLoss",
    "LovaszSoftmaxLoss",
    "TverskyLoss",
    "dice_loss",
    "focal_tversky_loss",
    "generalized_dice_loss",
    "jaccard_loss",
    "lovasz_hinge_loss",
    "lovasz_softmax_loss",
    "tversky_loss",
]


@checked(smooth=non_negative, multilabel=flag, class_weight=class_weights, ignore_index=index)
def dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float = 1.0,
    multilabel: bool = False,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Dice loss: 1 − F₁ of the pixels of each class of each image.

    .. math:: \ell(p, t) = \frac{\sum_i \lvert p_i - t_i \rvert}{\sum_i (p_i + t_i) + s}

    Conventions:
        The sums go over the pixels of one image; p is the softmax, or the sigmoid, of the logits. For 0/1
        masks it is 1 − (2 Σ pt + s) / (Σ p + Σ t + s). ``smooth`` (s) is in pixels: so many false ones cost
        ½ where the class is absent. With ``smooth=0`` an absent class of which nothing is predicted costs 0,
        and any other prediction of it 1, with gradient 0. The background, and absent classes, are classes
        like any other: weigh them with 0 to leave them out. Pixels equal to ``ignore_index`` are deleted.
        For the Dice loss of a batch as one image, move the batch to the pixels. Twice differentiable where p
        ≠ t.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers, or (N, C, *), always so with ``multilabel``.
        ``class_weight``: (C,), multiplies ``weight``, which broadcasts to (N, C); 0 deletes. ``"none"``: (N,
        C).

    Raises:
        ValueError: shapes do not fit; one channel without ``multilabel``; indices of a dtype that is no
            integer, or with ``multilabel``; ``smooth`` negative; ``class_weight`` not of shape (C,);
            ``weight`` does not broadcast; unknown ``reduction``; under ``strict()`` indices outside the
            classes, soft targets that are no probabilities, NaN or +∞ logits.
        IndexError: in eager mode on a CPU, an index outside the classes.

    Source:
        Milletari et al. (2016), *V-Net*, without the squares.

    Example:
        >>> everything, nothing = torch.full((1, 1, 2, 2), 9.0), torch.zeros(1, 1, 2, 2)
        >>> dice_loss(everything, nothing, multilabel=True)
        tensor(0.8000)
    """
    z, t, deleted, weight = _masks(input, target, weight, ignore_index, multilabel, class_weight)
    loss = _tversky(_overlap(z, t, deleted, multilabel), 0.5, 0.5, smooth)
    return reduce(loss, weight, reduction)


@checked(smooth=non_negative, multilabel=flag, class_weight=class_weights, ignore_index=index)
def jaccard_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float = 1.0,
    multilabel: bool = False,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Jaccard (IoU) loss: 1 − intersection over union of each class of each image.

    .. math:: \ell(p, t) = \frac{\sum_i \lvert p_i - t_i \rvert}{\sum_i \max(p_i, t_i) + s}

    Conventions:
        As :func:`dice_loss` D, ``smooth`` and ``ignore_index`` included. At ``smooth=0`` it is 2D / (1 + D),
        and a metric between masks, soft ones too; D is none.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers, or (N, C, *), always so with ``multilabel``.
        ``class_weight``: (C,), multiplies ``weight``, which broadcasts to (N, C); 0 deletes. ``"none"``: (N,
        C).

    Raises:
        ValueError: as :func:`dice_loss`.

    Source:
        Rahman & Wang (2016), *Optimizing intersection-over-union*.

    Example:
        >>> jaccard_loss(torch.tensor([[[0.0, 0.0]]]), torch.tensor([[[1, 0]]]), smooth=0.0, multilabel=True)
        tensor(0.6667)
    """
    z, t, deleted, weight = _masks(input, target, weight, ignore_index, multilabel, class_weight)
    loss = _tversky(_overlap(z, t, deleted, multilabel), 1.0, 1.0, smooth)
    return reduce(loss, weight, reduction)


@checked(
    alpha=non_negative,
    beta=non_negative,
    smooth=non_negative,
    multilabel=flag,
    class_weight=class_weights,
    ignore_index=index,
)
def tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 1.0,
    multilabel: bool = False,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Tversky loss: overlap with one price for false pixels and another for missed ones.

    .. math:: \ell(p, t) = \frac{\alpha F + \beta M}{I + \alpha F + \beta M + s (\alpha + \beta) / 2}, \qquad
        I = \sum_i \min(p_i, t_i), \quad F = \sum_i \max(0, p_i - t_i), \quad M = \sum_i \max(0, t_i - p_i)

    Conventions:
        ``alpha`` is the price of a *false positive* pixel, ``beta`` that of a missed one: more ``beta``, more
        recall. (½, ½) is :func:`dice_loss`, (1, 1) :func:`jaccard_loss`, (1/(1 + b²), b²/(1 + b²)) is 1 −
        F_b, at every ``smooth``: s pixels of average price. All else, ``ignore_index`` too,
        as :func:`dice_loss`.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers, or (N, C, *), always so with ``multilabel``.
        ``class_weight``: (C,), multiplies ``weight``, which broadcasts to (N, C); 0 deletes. ``"none"``: (N,
        C).

    Raises:
        ValueError: ``alpha`` or ``beta`` negative; otherwise as :func:`dice_loss`.

    Source:
        Tversky (1977); Salehi et al. (2017), *Tversky loss function for image segmentation*.

    Example:
        >>> z, t = torch.tensor([[[99, 99, -99, -99, 99.0]]]), torch.tensor([[[1, 1, 1, 1, 0]]])
        >>> [tversky_loss(z, t, alpha=a, beta=1 - a, smooth=0.0, multilabel=True) for a in (1.0, 0.0)]
        [tensor(0.3333), tensor(0.5000)]
    """
    z, t, deleted, weight = _masks(input, target, weight, ignore_index, multilabel, class_weight)
    loss = _tversky(_overlap(z, t, deleted, multilabel), alpha, beta, smooth)
    return reduce(loss, weight, reduction)


@checked(
    alpha=non_negative,
    beta=non_negative,
    gamma=positive,
    smooth=non_negative,
    multilabel=flag,
    class_weight=class_weights,
    ignore_index=index,
)
def focal_tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 4 / 3,
    smooth: float = 1.0,
    multilabel: bool = False,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Focal Tversky loss: the Tversky loss to the power 1/γ.

    .. math:: \ell(p, t) = \left(\frac{\alpha F + \beta M}{I + \alpha F + \beta M + s (\alpha + \beta) / 2}
        \right)^{1 / \gamma}, \qquad I = \sum_i \min(p_i, t_i), \quad F = \sum_i \max(0, p_i - t_i), \quad
        M = \sum_i \max(0, t_i - p_i)

    Conventions:
        ``gamma`` above 1 makes small losses larger, and their slope steeper without bound; at a loss of 0 the
        gradient is 0. ``gamma=1`` is :func:`tversky_loss`; ``alpha`` is the price of false positives,
        ``beta`` of missed ones, ``smooth`` and ``ignore_index`` are as there.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers, or (N, C, *), always so with ``multilabel``.
        ``class_weight``: (C,), multiplies ``weight``, which broadcasts to (N, C); 0 deletes. ``"none"``: (N,
        C).

    Raises:
        ValueError: ``alpha`` or ``beta`` negative, ``gamma`` not positive; otherwise as :func:`dice_loss`.

    Source:
        Abraham & Khan (2019), *A novel focal Tversky loss function*.

    Example:
        >>> z, t = torch.tensor([[[99, 99, -99, -99.0]]]), torch.tensor([[[1, 1, 1, 1]]])
        >>> focal_tversky_loss(z, t, alpha=0.5, beta=0.5, gamma=2.0, smooth=0.0, multilabel=True) ** 2
        tensor(0.3333)
    """
    z, t, deleted, weight = _masks(input, target, weight, ignore_index, multilabel, class_weight)
    loss = _tversky(_overlap(z, t, deleted, multilabel), alpha, beta, smooth)
    wrong = ~vanishes(loss)
    loss = torch.where(wrong, torch.where(wrong, loss, 1.0) ** (1 / gamma), 0.0)
    return reduce(loss, weight, reduction)


@checked(smooth=non_negative, multilabel=flag, ignore_index=index)
def generalized_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float = 1.0,
    multilabel: bool = False,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Generalised Dice loss: the classes of an image in one ratio, each weighed by its size to the power −2.

    .. math:: \ell(p, t) = \frac{\sum_k w_k \sum_i \lvert p_{ki} - t_{ki} \rvert}{\sum_k w_k (\sum_i (p_{ki} +
        t_{ki}) + s)}, \qquad w_k = (\sum_i t_{ki} + s)^{-2}

    Conventions:
        One value for each image. ``smooth`` (s) is that of :func:`dice_loss`, which this is for one class,
        and what bounds the weight of an absent class; with ``smooth=0`` absent classes weigh nothing. The
        weights are constants for the gradient. ``ignore_index`` and all else as :func:`dice_loss`.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers, or (N, C, *), always so with ``multilabel``.
        ``weight``: broadcasts to (N,); 0 deletes. ``"none"``: (N,).

    Raises:
        ValueError: as :func:`dice_loss`.

    Source:
        Sudre et al. (2017), *Generalised Dice overlap*.

    Example:
        >>> generalized_dice_loss(torch.zeros(1, 2, 4), torch.tensor([[0, 0, 0, 1]]), smooth=0.0)
        tensor(0.6250)
    """
    z, t, deleted, weight = _masks(input, target, weight, ignore_index, multilabel, unreduced=slice(1))
    counts = _overlap(z, t, deleted, multilabel)
    wrong, whole = _tversky_terms(counts, 0.5, 0.5, smooth)
    size = (counts.found + counts.missed).detach() + smooth
    share = torch.where(size > 0, size**-2, 0.0)
    return reduce(ratio((share * wrong).sum(1), (share * whole).sum(1)), weight, reduction)


@checked(classes=one_of("present", "all"), per_image=flag, ignore_index=index)
def lovasz_softmax_loss(
    input: Tensor,
    target: Tensor,
    *,
    classes: str = "present",
    per_image: bool = False,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Lovász-softmax loss: the Jaccard loss of sets of pixels, extended to errors between 0 and 1.

    .. math:: \ell(p, y) = \sum_k m_k g_k, \qquad m = \lvert p - t \rvert

    Conventions:
        The errors m of a class are taken in descending order, ties in the order of the pixels. With I of the
        class not among the k largest, and U pixels that are of the class or among them, the weight g of the
        k-th error is 1/U if it is of the class, else I/(U (U − 1)): the rise of the Jaccard loss. That is the
        convex closure of the Jaccard loss: piecewise linear and convex in m, not in the logits. An absent
        class costs its largest error; by default only classes with a pixel in the target are counted, the
        others weigh 0 (``classes="all"`` counts them). Pixels equal to ``ignore_index`` are deleted. All
        images are one set of pixels unless ``per_image``; then every class present in an image counts alike.
        The weights are constants for the gradient.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers. ``weight``: broadcasts to (C,), or with
        ``per_image`` to (N, C); 0 deletes. ``"none"``: (C,), or (N, C).

    Raises:
        ValueError: shapes do not fit; one channel; a target that is no index; ``classes`` other than
            "present" and "all"; ``weight`` does not broadcast; unknown ``reduction``; under ``strict()``
            indices outside the classes, NaN or +∞ logits.

    Source:
        Berman et al. (2018), *The Lovász-softmax loss*.

    Example:
        >>> z, y = torch.tensor([[[99, 99, 0.0], [0, 0, 99]]]), torch.tensor([[0, 1, 1]])
        >>> lovasz_softmax_loss(z, y, reduction="none"), lovasz_softmax_loss(z, y)
        (tensor([0.5000, 0.5000]), tensor(0.5000))
    """
    _check.is_tensor(input=input, target=target)
    if input.ndim > 1 and target.shape == input.shape:
        raise ValueError(f"target must have class indices, shape (N, *), got {tuple(target.shape)}")
    rows = slice(2) if per_image else slice(1, 2)
    z, y, deleted, weight = _masks(input, target, weight, ignore_index, unreduced=rows)
    p, _, missed = _split(z, y, deleted)
    errors, foreground = p.scatter(1, y, missed), torch.zeros_like(p, dtype=torch.bool).scatter(1, y, True)
    if deleted is not None:
        foreground = foreground & ~deleted
    if not per_image:
        errors, foreground = (v.transpose(0, 1).flatten(1) for v in (errors, foreground))
    if classes == "present":
        present = foreground.any(-1).to(errors.dtype)
        weight = present if weight is None else present * weight
    return reduce(_lovasz(errors, foreground), weight, reduction)


@checked(per_image=flag, ignore_index=index)
def lovasz_hinge_loss(
    input: Tensor,
    target: Tensor,
    *,
    per_image: bool = False,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Lovász hinge: a convex surrogate of the Jaccard loss of one mask.

    .. math:: \ell(z, y) = \sum_k m_k g_k, \qquad m = \max(0, 1 - (2 y - 1) z)

    Conventions:
        As :func:`lovasz_softmax_loss`, ``ignore_index`` included, with the hinge errors of logits, labels 0
        and 1. Convex in the logits. A mask without foreground costs its largest error. At most the Jaccard
        loss of the sign of the logits is recovered: it is no consistent surrogate of it.

    Shape:
        ``input``, ``target``: (N, *), equal. All pixels are one set, and ``"none"`` and ``weight`` have shape
        (); with ``per_image`` one set an image, and they have shape (N,). ``weight`` 0 deletes.

    Raises:
        ValueError: shapes differ; ``weight`` does not broadcast; unknown ``reduction``; under ``strict()``
            labels other than 0, 1 and ``ignore_index``, NaN or infinite logits.

    Source:
        Yu & Blaschko (2015), *The Lovász hinge*.

    Example:
        >>> lovasz_hinge_loss(torch.tensor([[9.0, -9.0, 0.0]]), torch.tensor([[1, 0, 1]]))
        tensor(0.5000)
    """
    _check.same_shape(input=input, target=target)
    if input.ndim == 0:
        raise ValueError("input must have shape (N, *), got ()")
    (z,) = _check.floating(input)
    weight = expand_weight(weight, like=z.new_empty(()).expand(z.shape[:1] if per_image else ()))
    deleted = target == ignore_index
    if weight is not None:
        deleted = deleted | (weight == 0).reshape(*weight.shape, *[1] * (z.ndim - weight.ndim))
    zero_or_one("target", torch.where(deleted, 0, target))
    _check.finite("input", torch.where(deleted, 0.0, z))
    foreground = (target == 1) & ~deleted
    z = torch.where(deleted, -1.0, z)
    errors = torch.relu(1 - torch.where(foreground, z, -z))
    pixels = 1 if per_image else 0
    sets = (v.unsqueeze(1).flatten(pixels) for v in (errors, foreground))
    return reduce(_lovasz(*sets), weight, reduction)


zero_or_one = Domain(lambda v: (v == 0) | (v == 1), "0 or 1")


def _masks(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    multilabel: bool = False,
    class_weight: Tensor | None = None,
    unreduced: slice = slice(2),
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Logits (N, C, P), target (N, C, P) or indices (N, 1, P), what is deleted, and the whole weight.

    Deleted pixels get harmless values: the logit 0, or with ``multilabel`` −∞ and the target 0, which count
    nowhere. ``unreduced`` is the part of (N, C) that the unreduced loss has.
    """
    _check.is_tensor(input=input, target=target)
    is_index = takes_indices(input, target)
    if multilabel and is_index:
        raise ValueError(
            f"target must have the shape of input, {tuple(input.shape)}, with multilabel=True, "
            f"got {tuple(target.shape)}"
        )
    if not multilabel and input.shape[1] == 1:
        raise ValueError(
            "input must have at least 2 channels for a softmax (use multilabel=True or a binary loss for a "
            f"single mask), got {tuple(input.shape)}"
        )
    z, *soft = _check.floating(input) if is_index else _check.floating(input, target)
    t = target.long().unsqueeze(1) if is_index else soft[0]
    losses = z.new_empty(()).expand(z.shape[unreduced])
    weight = expand_weight(weight, like=losses)
    if class_weight is not None:
        by_class = of_class(class_weight, losses, "class_weight").expand_as(losses)
        weight = by_class if weight is None else by_class * weight
    deleted = None
    if (is_index or multilabel) and not seen_false(ignored := target == ignore_index):
        deleted = ignored.unsqueeze(1) if is_index else ignored
    if weight is not None and unreduced.start is None:
        dead = (weight == 0).reshape(*weight.shape, *[1] * (z.ndim - weight.ndim))
        dead = dead if multilabel else dead.all(1, keepdim=True)
        if not seen_false(dead):
            deleted = dead if deleted is None else deleted | dead
    if deleted is not None:
        t = torch.where(deleted, 0, t)
        if multilabel or not seen_finite(z):
            z = torch.where(deleted, -torch.inf if multilabel else 0.0, z)
    if multilabel:
        _check.probability("target", t)
    else:
        keep = None if deleted is None or is_index else (~deleted).squeeze(1)
        check_target(t.squeeze(1) if is_index else t, z, keep, is_index)
    _check.below_infinity("input", z)
    z, t = (v.unsqueeze(-1).flatten(2) for v in (z, t))
    if deleted is not None:
        deleted = deleted.unsqueeze(-1).flatten(2).expand(-1, -1, z.shape[2])
    return z, t, deleted, weight


class _Overlap(NamedTuple):
    """Soft counts of pixels, (N, C): found of the target, falsely predicted, missed."""

    found: Tensor
    false: Tensor
    missed: Tensor


def _overlap(z: Tensor, t: Tensor, deleted: Tensor | None, multilabel: bool) -> _Overlap:
    seen = readable(z) and readable(t)
    if not multilabel and t.shape[1] == 1:
        count = _of_indices if seen else _of_indices_by_scatter
    else:
        hard = seen and multilabel and not t.requires_grad
        hard = hard and all(map(seen_whole, torch.split(t.flatten(), PIECE)))
        count = partial(_of_masks, multilabel=multilabel, hard=hard)
    return _Overlap(*row_sums(count, (z, t, deleted)).unbind(2))


def _of_indices(z: Tensor, y: Tensor, deleted: Tensor | None) -> Tensor:
    """By masks of a piece: a CPU multiplies floats several times faster than it scatters them."""
    classes = torch.arange(z.shape[1], dtype=z.dtype).unsqueeze(1)
    t = torch.eq(y.to(z.dtype), classes, out=z.new_empty(z.shape))
    u = 1 - t
    if deleted is not None:
        t, u = t * ~deleted, u * ~deleted
    if t.sum() != (y.numel() if deleted is None else (~deleted).sum()):
        wrong = y[(y < 0) | (y >= z.shape[1])][0]
        raise IndexError(f"target must be an index from 0 to {z.shape[1] - 1} or ignore_index, got {wrong}")
    p = z.softmax(1)
    others = p * u
    missed = (others.sum(1, keepdim=True) * t).sum(2)
    return torch.stack([(p * t).sum(2), others.sum(2), missed], 2)


def _of_indices_by_scatter(z: Tensor, y: Tensor, deleted: Tensor | None) -> Tensor:
    """Without a mask for each class, where nothing is done in pieces."""
    p, others, missed = _split(z, y, deleted)
    found, missed = _by_class(torch.cat([p.gather(1, y), missed], 1), y, z.shape[1]).unbind(1)
    return torch.stack([found, others.sum(2), missed], 2)


def _of_masks(z: Tensor, t: Tensor, deleted: Tensor | None, multilabel: bool, hard: bool) -> Tensor:
    u = 1 - t
    if hard:
        p, rest = z.sigmoid(), (-z).sigmoid()
        found, false, missed = p * t, p * u, rest * t
    else:
        p = z.sigmoid() if multilabel else z.softmax(1)
        rest = (-z).sigmoid() if multilabel else 1 - p
        found, false, missed = torch.minimum(p, t), torch.relu(p - t), torch.relu(rest - u)
    return torch.stack([found.sum(2), false.sum(2), missed.sum(2)], 2)


def _split(z: Tensor, y: Tensor, deleted: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Softmax p, p outside the class, and 1 − p of the class, (N, 1, P), as the sum of the others."""
    p = z.softmax(1)
    if deleted is not None:
        p = torch.where(deleted, 0.0, p)
    others = p.scatter(1, y, 0.0)
    return p, others, others.sum(1, keepdim=True)


def _by_class(v: Tensor, y: Tensor, classes: int) -> Tensor:
    """Σ v, (N, K, P), over the pixels of each class, (N, K, C), by √P partial sums: they keep the digits."""
    n, k, pixels = v.shape
    parts = int(pixels**0.5) + 1
    cycle = torch.arange(parts, device=y.device).repeat(pixels // parts + 1)[:pixels]
    part = (y * parts + cycle).expand(v.shape)
    sums = v.new_zeros(n, k, classes * parts).scatter_add(2, part, v)
    return sums.view(n, k, classes, parts).sum(3)


def _tversky(counts: _Overlap, alpha: float, beta: float, smooth: float) -> Tensor:
    """1 − the Tversky index as a ratio without cancellation."""
    return ratio(*_tversky_terms(counts, alpha, beta, smooth))


def _tversky_terms(counts: _Overlap, alpha: float, beta: float, smooth: float) -> tuple[Tensor, Tensor]:
    wrong = alpha * counts.false + beta * counts.missed
    return wrong, counts.found + wrong + smooth * (alpha + beta) / 2


def _lovasz(errors: Tensor, foreground: Tensor) -> Tensor:
    """The Lovász extension of the Jaccard loss at errors ≥ 0, over the last dimension.

    A deleted pixel has error 0 and is no foreground: it comes after all errors that cost anything.
    """
    m = errors.detach()
    if readable(m) and m.numel():  # one set after the other, in little memory
        sets = (
            zip(m.flatten(0, -2), foreground.flatten(0, -2), strict=True) if m.ndim > 1 else [(m, foreground)]
        )
        rises = gather((_rises(*one).unsqueeze(0) for one in sets), m[..., 0].numel()).view(m.shape)
    else:
        rises = _rises(m, foreground)
    return (errors * rises).sum(-1)


def _rises(errors: Tensor, foreground: Tensor) -> Tensor:
    """By how much the Jaccard loss rises with each pixel, the largest errors first."""
    order = _descending(errors)
    hit = foreground.gather(-1, order)
    found = hit.cumsum(-1, dtype=torch.int32)
    left = foreground.sum(-1, keepdim=True, dtype=torch.int32) - found
    union = left + torch.arange(1, errors.shape[-1] + 1, dtype=torch.int32, device=errors.device)
    left, union = left.to(errors.dtype), union.to(errors.dtype)
    rise = torch.where(hit, 1.0, torch.where(union == 1, 1.0, left / (union - 1))) / union
    return torch.zeros_like(errors).scatter(-1, order, rise)


def _descending(errors: Tensor) -> Tensor:
    """The order of the errors, the largest first, ties in their own order.

    Floats ≥ 0 sort like their bits, as integers, and a CPU sorts one row of integers several times faster.
    """
    if errors.ndim == 1 and readable(errors):
        return torch.argsort(
            ~errors.view(torch.int64 if errors.dtype is torch.float64 else torch.int32), stable=True
        )
    return torch.sort(errors, dim=-1, descending=True, stable=True)[1]


DiceLoss = module("DiceLoss", dice_loss)
JaccardLoss = module("JaccardLoss", jaccard_loss)
TverskyLoss = module("TverskyLoss", tversky_loss)
FocalTverskyLoss = module("FocalTverskyLoss", focal_tversky_loss)
GeneralizedDiceLoss = module("GeneralizedDiceLoss", generalized_dice_loss)
LovaszSoftmaxLoss = module("LovaszSoftmaxLoss", lovasz_softmax_loss)
LovaszHingeLoss = module("LovaszHingeLoss", lovasz_hinge_loss)
