"""Losses for masks: how well a predicted region and a true one overlap.

``input`` holds logits (N, C, *), one channel a class, and ``target`` class indices (N, *) in any integer
dtype or soft masks (N, C, *): one-hot masks give the number that the indices give. The channels compete
(softmax) or, with ``multilabel=True``, are masks of their own (sigmoid; ``target`` (N, C, *)). A single mask
is one channel with ``multilabel=True``. Each class of each image is one loss, (N, C), whatever the number of
its pixels. Only the boundary loss is one of pixels, and has distances in place of a target.

The losses of overlap are ratios of three counts of pixels, made soft so that they are 0 for p = t and nothing
else: true positives, Σ min(p, t); false positives, Σ (p − t)₊; false negatives, Σ (t − p)₊.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from functools import reduce as reduce_by
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lossfns import _check, _chunked, _eager
from lossfns import _rules as rules
from lossfns._chunked import chunked_row_sums, gather, turned_row_sums
from lossfns._classes import (
    broadcast_classes,
    check_target,
    find_ignored,
    naming_the_index,
    sum_tolerance,
    takes_indices,
)
from lossfns._module import LossModule
from lossfns._numerics import safe_divide, underflows
from lossfns._reduce import expand_weight, reduce
from lossfns._rules import Reduction, checked

__all__ = [
    "BoundaryLoss",
    "ClDiceLoss",
    "DiceLoss",
    "FocalTverskyLoss",
    "GeneralizedDiceLoss",
    "JaccardLoss",
    "LovaszHingeLoss",
    "LovaszSoftmaxLoss",
    "TverskyLoss",
    "boundary_loss",
    "cl_dice_loss",
    "dice_loss",
    "focal_tversky_loss",
    "generalized_dice_loss",
    "jaccard_loss",
    "lovasz_hinge_loss",
    "lovasz_softmax_loss",
    "tversky_loss",
]

_SORTED_AT_ONCE = 2**13
"""How many errors are sorted in one call, unless one set has more: alone, a long set is sorted faster."""


@checked(
    smooth=rules.non_negative,
    multilabel=rules.boolean,
    batch=rules.boolean,
    class_weight=rules.optional_class_vector,
    ignore_index=rules.integer,
)
def dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float = 1.0,
    multilabel: bool = False,
    batch: bool = False,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Dice loss: 1 − F₁ of the pixels of each class of each image.

    .. math:: \ell(p, t) = \frac{\sum_i \lvert p_i - t_i \rvert}{\sum_i (p_i + t_i) + s}

    Args:
        smooth: s, a number of pixels from 0 on: so many false ones are a loss of ½ where the class is absent.
        multilabel: each channel is a mask of its own, by a sigmoid; otherwise they compete, by a softmax.
        batch: the images are one: their pixels are counted together, and each class is one loss.
        class_weight: one number for each class, shape (C,), or None; multiplies ``weight``.
        ignore_index: the target of pixels that are left out, in all channels, or with ``multilabel`` in one.
        weight: of the classes of the images; broadcasts to (N, C), or with ``batch`` to (C,).

    Conventions:
        The sums go over the pixels of one image; p is the softmax, or the sigmoid, of the logits. For 0/1
        masks it is 1 − (2 Σ pt + s) / (Σ p + Σ t + s). With ``smooth=0`` an absent class of which nothing is
        predicted has loss 0, and any other prediction of it 1, with gradient 0. The background, and absent
        classes, are classes like any other: weigh them with 0 to leave them out. Twice differentiable where
        p ≠ t.

        With ``batch`` it is the loss of one image of all the pixels: large regions outweigh small ones, an
        image without a class is no case of its own, and s counts once. Images have no weights then;
        ``ignore_index`` in all of its target leaves one out. Processes that share a batch have each a ratio
        of their own, and the mean of ratios is not the ratio.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers, or (N, C, *), always so with ``multilabel``.
        ``"none"``: (N, C), or with ``batch`` (C,).

    Raises:
        ValueError: one channel without ``multilabel``; indices with ``multilabel``; soft masks (N, C, P)
            without it, which may be maps without classes; under ``strict()`` indices of no class, soft masks
            that are no probabilities, NaN or +∞ logits.
        IndexError: in eager mode on a CPU, an index of no class.

    Source:
        Milletari et al. (2016), *V-Net*, without the squares. Chapter: Overlap losses.

    Example:
        >>> everything, nothing = torch.full((1, 1, 2, 2), 9.0), torch.zeros(1, 1, 2, 2)
        >>> dice_loss(everything, nothing, multilabel=True)
        tensor(0.8000)
    """
    counts, weight = _count(input, target, weight, ignore_index, multilabel, batch, class_weight)
    loss = safe_divide(*_tversky_terms(counts, 0.5, 0.5, smooth))
    return reduce(loss, weight, reduction)


@checked(
    smooth=rules.non_negative,
    multilabel=rules.boolean,
    batch=rules.boolean,
    class_weight=rules.optional_class_vector,
    ignore_index=rules.integer,
)
def jaccard_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float = 1.0,
    multilabel: bool = False,
    batch: bool = False,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Jaccard (IoU) loss: 1 − intersection over union of each class of each image.

    .. math:: \ell(p, t) = \frac{\sum_i \lvert p_i - t_i \rvert}{\sum_i \max(p_i, t_i) + s}

    Args:
        smooth: s, a number of pixels from 0 on, as in :func:`dice_loss`.
        multilabel: each channel is a mask of its own, by a sigmoid; otherwise they compete, by a softmax.
        batch: the images are one: their pixels are counted together, and each class is one loss.
        class_weight: one number for each class, shape (C,), or None; multiplies ``weight``.
        ignore_index: the target of pixels that are left out, in all channels, or with ``multilabel`` in one.
        weight: of the classes of the images; broadcasts to (N, C), or with ``batch`` to (C,).

    Conventions:
        All as :func:`dice_loss`. With ``smooth=0`` it is 2D / (1 + D), D the Dice loss, and a metric between
        masks, soft ones too; D is none.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers, or (N, C, *), always so with ``multilabel``.
        ``"none"``: (N, C), or with ``batch`` (C,).

    Raises:
        ValueError: as :func:`dice_loss`.

    Source:
        Rahman & Wang (2016), *Optimizing intersection-over-union*. Chapter: Overlap losses.

    Example:
        >>> jaccard_loss(torch.tensor([[[0.0, 0.0]]]), torch.tensor([[[1, 0]]]), smooth=0.0, multilabel=True)
        tensor(0.6667)
    """
    counts, weight = _count(input, target, weight, ignore_index, multilabel, batch, class_weight)
    loss = safe_divide(*_tversky_terms(counts, 1.0, 1.0, smooth))
    return reduce(loss, weight, reduction)


@checked(
    alpha=rules.non_negative,
    beta=rules.non_negative,
    smooth=rules.non_negative,
    multilabel=rules.boolean,
    batch=rules.boolean,
    class_weight=rules.optional_class_vector,
    ignore_index=rules.integer,
)
def tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 1.0,
    multilabel: bool = False,
    batch: bool = False,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Tversky loss: overlap with one price for false pixels and another for missed ones.

    .. math:: \ell(p, t) = \frac{\alpha F + \beta M}{I + \alpha F + \beta M + s (\alpha + \beta) / 2}, \qquad
        I = \sum_i \min(p_i, t_i), \quad F = \sum_i \max(0, p_i - t_i), \quad M = \sum_i \max(0, t_i - p_i)

    Args:
        alpha: α, a number from 0 on: the price of a false positive pixel.
        beta: β, a number from 0 on: the price of a missed one; the more, the more recall.
        smooth: s, a number of pixels of average price, from 0 on, as in :func:`dice_loss`.
        multilabel: each channel is a mask of its own, by a sigmoid; otherwise they compete, by a softmax.
        batch: the images are one: their pixels are counted together, and each class is one loss.
        class_weight: one number for each class, shape (C,), or None; multiplies ``weight``.
        ignore_index: the target of pixels that are left out, in all channels, or with ``multilabel`` in one.
        weight: of the classes of the images; broadcasts to (N, C), or with ``batch`` to (C,).

    Conventions:
        For (α, β) = (½, ½) it is :func:`dice_loss`, for (1, 1) :func:`jaccard_loss`, for (1/(1 + b²), b²/(1 +
        b²)) 1 − F_b, with every ``smooth``. All else as :func:`dice_loss`. Others name the prices the other
        way round.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers, or (N, C, *), always so with ``multilabel``.
        ``"none"``: (N, C), or with ``batch`` (C,).

    Raises:
        ValueError: as :func:`dice_loss`.

    Source:
        Tversky (1977); Salehi et al. (2017), *Tversky loss function for image segmentation*. Chapter: Overlap
        losses.

    Example:
        >>> z, t = torch.tensor([[[99, 99, -99, -99, 99.0]]]), torch.tensor([[[1, 1, 1, 1, 0]]])
        >>> [tversky_loss(z, t, alpha=a, beta=1 - a, smooth=0.0, multilabel=True) for a in (1.0, 0.0)]
        [tensor(0.3333), tensor(0.5000)]
    """
    both = 0.1 * alpha <= beta
    counts, weight = _count(
        input, target, weight, ignore_index, multilabel, batch, class_weight, both_cost=both
    )
    loss = safe_divide(*_tversky_terms(counts, alpha, beta, smooth))
    return reduce(loss, weight, reduction)


@checked(
    alpha=rules.non_negative,
    beta=rules.non_negative,
    gamma=rules.positive,
    smooth=rules.non_negative,
    multilabel=rules.boolean,
    batch=rules.boolean,
    class_weight=rules.optional_class_vector,
    ignore_index=rules.integer,
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
    batch: bool = False,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Focal Tversky loss: the Tversky loss to the power 1/γ.

    .. math:: \ell(p, t) = \left(\frac{\alpha F + \beta M}{I + \alpha F + \beta M + s (\alpha + \beta) / 2}
        \right)^{1 / \gamma}, \qquad I = \sum_i \min(p_i, t_i), \quad F = \sum_i \max(0, p_i - t_i), \quad
        M = \sum_i \max(0, t_i - p_i)

    Args:
        alpha: α, a number from 0 on: the price of a false positive pixel.
        beta: β, a number from 0 on: the price of a missed one.
        gamma: γ, a positive number: above 1 small losses become larger, and their slope steeper without
            bound.
        smooth: s, a number of pixels of average price, from 0 on, as in :func:`dice_loss`.
        multilabel: each channel is a mask of its own, by a sigmoid; otherwise they compete, by a softmax.
        batch: the images are one: their pixels are counted together, and each class is one loss.
        class_weight: one number for each class, shape (C,), or None; multiplies ``weight``.
        ignore_index: the target of pixels that are left out, in all channels, or with ``multilabel`` in one.
        weight: of the classes of the images; broadcasts to (N, C), or with ``batch`` to (C,).

    Conventions:
        With ``gamma=1`` it is :func:`tversky_loss`. Where the loss is 0 the gradient is 0. All else as
        :func:`dice_loss`.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers, or (N, C, *), always so with ``multilabel``.
        ``"none"``: (N, C), or with ``batch`` (C,).

    Raises:
        ValueError: as :func:`dice_loss`.

    Source:
        Abraham & Khan (2019), *A novel focal Tversky loss function*. Chapter: Overlap losses.

    Example:
        >>> z, t = torch.tensor([[[99, 99, -99, -99.0]]]), torch.tensor([[[1, 1, 1, 1]]])
        >>> focal_tversky_loss(z, t, alpha=0.5, beta=0.5, gamma=2.0, smooth=0.0, multilabel=True) ** 2
        tensor(0.3333)
    """
    both = 0.1 * alpha <= beta
    counts, weight = _count(
        input, target, weight, ignore_index, multilabel, batch, class_weight, both_cost=both
    )
    loss = safe_divide(*_tversky_terms(counts, alpha, beta, smooth))
    wrong = ~underflows(loss)
    loss = torch.where(wrong, torch.where(wrong, loss, 1.0) ** (1 / gamma), 0.0)
    return reduce(loss, weight, reduction)


@checked(
    smooth=rules.non_negative,
    multilabel=rules.boolean,
    batch=rules.boolean,
    ignore_index=rules.integer,
)
def generalized_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float = 1.0,
    multilabel: bool = False,
    batch: bool = False,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generalised Dice loss: the classes of an image in one ratio, each weighed by its size to the power −2.

    .. math:: \ell(p, t) = \frac{\sum_k w_k \sum_i \lvert p_{ki} - t_{ki} \rvert}{\sum_k w_k (\sum_i (p_{ki} +
        t_{ki}) + s)}, \qquad w_k = (\sum_i t_{ki} + s)^{-2}

    Args:
        smooth: s, a number of pixels from 0 on, as in :func:`dice_loss`: it bounds the weight of an absent
            class.
        multilabel: each channel is a mask of its own, by a sigmoid; otherwise they compete, by a softmax.
        batch: the images are one, also where the sizes of the classes are taken.
        ignore_index: the target of pixels that are left out, in all channels, or with ``multilabel`` in one.
        weight: of the images; broadcasts to (N,), or with ``batch`` to ().

    Conventions:
        One value for each image, or with ``batch`` one of all. For one class it is :func:`dice_loss`. With
        ``smooth=0`` absent classes weigh nothing. The weights are constants for the gradient. All else as
        :func:`dice_loss`.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers, or (N, C, *), always so with ``multilabel``.
        ``"none"``: (N,), or with ``batch`` ().

    Raises:
        ValueError: as :func:`dice_loss`.

    Source:
        Sudre et al. (2017), *Generalised Dice overlap*. Chapter: Overlap losses.

    Example:
        >>> generalized_dice_loss(torch.zeros(1, 2, 4), torch.tensor([[0, 0, 0, 1]]), smooth=0.0)
        tensor(0.6250)
    """
    counts, weight = _count(input, target, weight, ignore_index, multilabel, batch, axes=1)
    numerator, denominator = _tversky_terms(counts, 0.5, 0.5, smooth)
    size = (counts.tp + counts.fn).detach() + smooth
    share = torch.where(size > 0, size**-2, 0.0)
    loss = safe_divide((share * numerator).sum(-1), (share * denominator).sum(-1))
    return reduce(loss, weight, reduction)


@checked(
    iterations=rules.non_negative_integer,
    smooth=rules.positive,
    multilabel=rules.boolean,
    batch=rules.boolean,
    class_weight=rules.optional_class_vector,
    ignore_index=rules.integer,
)
def cl_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    iterations: int = 3,
    smooth: float = 1.0,
    multilabel: bool = False,
    batch: bool = False,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Centre-line Dice loss (clDice): whether the masks of vessels or roads cover each other's centre-line.

    .. math:: \ell(p, t) = 1 - \frac{2 a b}{a + b}, \qquad
        a = \frac{\sum_i \min(S_i(p), t_i) + s}{\sum_i S_i(p) + s}, \quad
        b = \frac{\sum_i \min(S_i(t), p_i) + s}{\sum_i S_i(t) + s}

    Args:
        iterations: how often the masks are eroded, a non-negative integer: as many as the half-width of the
            widest tube in pixels, or the middle of that one is lost.
        smooth: s, a positive number of pixels: a flat prediction has no skeleton to divide by.
        multilabel: each channel is a mask of its own, by a sigmoid; otherwise they compete, by a softmax.
        batch: the images are one, as in :func:`dice_loss`.
        class_weight: one number for each class, shape (C,), or None; multiplies ``weight``.
        ignore_index: the target of pixels that are left out, in all channels, or with ``multilabel`` in one.
        weight: of the classes of the images; broadcasts to (N, C), or with ``batch`` to (C,).

    Conventions:
        S is the soft skeleton: S = max(0, x − open(x)) of the mask x, and then, again and again, S ← S +
        (1 − S) max(0, x − open(x)) of the mask eroded once more. To erode is to take the minimum of a pixel
        and its neighbours along the axes, to dilate the maximum with all its neighbours, diagonal ones too,
        to open the one and then the other. What lies beyond the edge of the image, or is ignored, is no
        neighbour: a mask that fills the image has no skeleton. a is the precision, b the sensitivity. How
        wide a tube is does not matter, so add a loss of overlap. The background is a class like any other:
        weigh it with 0. The loss is 0 for p = t, but not only there; it has kinks where neighbours are equal.

    Shape:
        ``input``: (N, C, H, W) or (N, C, D, H, W). ``target``: (N, *) integers, or as ``input``, always so
        with ``multilabel``. ``"none"``: (N, C), or with ``batch`` (C,).

    Raises:
        ValueError: one axis of pixels, or more than three; as :func:`dice_loss`.

    Source:
        Shit et al. (2021), *clDice*. Chapter: Training a segmenter.

    Example:
        >>> road = torch.tensor([[[[0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0.0]]]])
        >>> z = 99 * (2 * road - 1)
        >>> z[..., 2] = -99.0  # a gap: precision (4 + 1) / (4 + 1), sensitivity (4 + 1) / (5 + 1)
        >>> cl_dice_loss(z, road, multilabel=True)
        tensor(0.0909)
    """
    _check.is_tensor(input=input, target=target)
    if input.ndim not in (4, 5):
        raise ValueError(f"input must have shape (N, C, H, W) or (N, C, D, H, W), got {tuple(input.shape)}")
    rows = slice(int(batch), 2)
    z, t, deleted, weight = _prepare(input, target, weight, ignore_index, multilabel, class_weight, rows)
    p = z.sigmoid() if multilabel else z.softmax(1)
    if t.shape != z.shape:
        y = t
        t = naming_the_index(lambda: torch.zeros_like(z).scatter(1, y, 1.0), y, z.shape[1])
    rest = (-z).sigmoid() if multilabel else torch.where(t == 1, (p * (1 - t)).sum(1, keepdim=True), 1 - p)
    if deleted is not None:
        p, t = torch.where(deleted, 0.0, p), torch.where(deleted, 0.0, t)
    skeleton = partial(_skeleton, deleted=deleted, pixels=input.shape[2:], iterations=iterations)
    predicted, true = skeleton(p), skeleton(t)
    hits = torch.stack([torch.minimum(predicted, t), torch.minimum(true, p)]).sum(-1)
    misses = torch.stack([torch.relu(predicted - t), torch.relu(rest - (1 - true))]).sum(-1)
    if batch:
        hits, misses = hits.sum(1), misses.sum(1)
    # With a = 1 / (1 + r), b = 1 / (1 + q) it is (r + q) / (2 + r + q). The least s keeps dr finite.
    r_plus_q = (misses / (hits + max(smooth, torch.finfo(z.dtype).eps ** 2))).sum(0)
    return reduce(r_plus_q / (2 + r_plus_q), weight, reduction)


@checked(multilabel=rules.boolean, class_weight=rules.optional_class_vector)
def boundary_loss(
    input: Tensor,
    distance: Tensor,
    *,
    multilabel: bool = False,
    class_weight: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Boundary loss: each pixel that is predicted pays its distance to the boundary of the true mask.

    .. math:: \ell(p, d) = p d

    Args:
        multilabel: each channel is a mask of its own, by a sigmoid; otherwise they compete, by a softmax.
        class_weight: one number for each class, shape (C,), or None; multiplies ``weight``.
        weight: of the pixels in the classes; broadcasts to (N, C, *).

    Conventions:
        d is the signed distance to the boundary in the target, negative inside, positive outside, made once
        for each mask; its unit, the pixel or the millimetre, is that of the loss. For a mask ``m`` of 0 and 1
        it is ``distance_transform_edt(1 - m) - distance_transform_edt(m)`` of ``scipy.ndimage``; a mask that
        is empty or full has no boundary, and its map is to be 0. One value for each pixel and class. The loss
        may be negative: its sum is between that of the negative distances, for the mask itself, and that of
        the positive ones, for all but the mask. Its gradient in p is d, whatever p is. To predict nothing
        costs 0, for a small mask little more than the least: add a loss of overlap.

    Shape:
        ``input``, ``distance``: (N, C, *), equal. ``"none"``: (N, C, *).

    Raises:
        ValueError: one channel without ``multilabel``; under ``strict()`` distances that are NaN or infinite,
            NaN or +∞ logits.

    Source:
        Kervadec et al. (2019), *Boundary loss for highly unbalanced segmentation*. Chapter: Training a
        segmenter.

    Example:
        >>> road = torch.tensor([[[3.0, 2, 1, -1, -1, 1]]])  # of pixels 3 and 4
        >>> masks = torch.tensor([[[0, 0, 0, 1, 1, 0]]]), torch.tensor([[[1, 1, 0, 0, 0, 0]]])
        >>> [boundary_loss(198.0 * m - 99, road, multilabel=True, reduction="sum") for m in masks]
        [tensor(-2.), tensor(5.)]
    """
    _check.same_shape(input=input, distance=distance)
    if input.ndim < 2 or (input.shape[1] < 2 and not multilabel):
        raise ValueError(
            f"input must have shape (N, C, *), with at least 2 channels for a softmax, got "
            f"{tuple(input.shape)}; one mask an image is input (N, 1, *) with multilabel=True"
        )
    z, d = _check.promote(input, distance)
    weight = expand_weight(weight, z)
    if class_weight is not None:
        by_class = broadcast_classes(class_weight, z, "class_weight").expand_as(z)
        weight = by_class if weight is None else by_class * weight
    if weight is not None:
        deleted = weight == 0
        d = torch.where(deleted, 0.0, d)
        z = torch.where(deleted if multilabel else deleted.all(1, keepdim=True), 0.0, z)
    _check.below_infinity("input", z)
    _check.finite("distance", d)
    return reduce((z.sigmoid() if multilabel else z.softmax(1)) * d, weight, reduction)


Classes = Literal["present", "all"]


@checked(classes=rules.one_of(Classes), per_image=rules.boolean, ignore_index=rules.integer)
def lovasz_softmax_loss(
    input: Tensor,
    target: Tensor,
    *,
    classes: Classes = "present",
    per_image: bool = False,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Lovász-softmax loss: the Jaccard loss of sets of pixels, extended to errors between 0 and 1.

    .. math:: \ell(p, y) = \sum_k m_k g_k, \qquad m = \lvert p - t \rvert

    Args:
        classes: ``"present"``, those with a pixel in the target (the others weigh 0), or ``"all"``.
        per_image: each image is one set of pixels; otherwise all images together are.
        ignore_index: the target of pixels that are left out.
        weight: of the classes; broadcasts to (C,), or with ``per_image`` to (N, C).

    Conventions:
        The errors m of a class are taken in descending order, ties in the order of the pixels. With I of the
        class not among the k largest, and U pixels that are of the class or among them, the weight g of the
        k-th error is 1/U if it is of the class, else I/(U (U − 1)): the rise of the Jaccard loss. That is the
        convex closure of the Jaccard loss: piecewise linear and convex in m, not in the logits. The loss of
        an absent class is its largest error. With ``per_image`` every class present in an image counts alike.
        The weights g are constants for the gradient.

    Shape:
        ``input``: (N, C, *). ``target``: (N, *) integers. ``"none"``: (C,), or with ``per_image`` (N, C).

    Raises:
        ValueError: one channel; a target that is no index; under ``strict()`` indices of no class, NaN or +∞
            logits.
        IndexError: in eager mode on a CPU, an index of no class.

    Source:
        Berman et al. (2018), *The Lovász-softmax loss*. Chapter: The Lovász extension.

    Example:
        >>> z, y = torch.tensor([[[99, 99, 0.0], [0, 0, 99]]]), torch.tensor([[0, 1, 1]])
        >>> lovasz_softmax_loss(z, y, reduction="none"), lovasz_softmax_loss(z, y)
        (tensor([0.5000, 0.5000]), tensor(0.5000))
    """
    _check.is_tensor(input=input, target=target)
    if input.ndim > 1 and target.shape == input.shape:
        raise ValueError(f"target must have class indices, shape (N, *), got {tuple(target.shape)}")
    rows = slice(0 if per_image else 1, 2)
    z, y, deleted, weight = _prepare(input, target, weight, ignore_index, rows=rows)
    errors = naming_the_index(lambda: _errors(z, y, deleted), y, z.shape[1])
    here = torch.ones_like(y, dtype=torch.bool)
    foreground = torch.zeros_like(z, dtype=torch.bool).scatter(1, y, here)
    if deleted is not None:
        foreground = foreground & ~deleted
    if not per_image:
        errors, foreground = (v.transpose(0, 1).flatten(1) for v in (errors, foreground))
    if classes == "present":
        present = foreground.any(-1).to(errors.dtype)
        weight = present if weight is None else present * weight
    return reduce(_lovasz(errors, foreground), weight, reduction)


@checked(per_image=rules.boolean, ignore_index=rules.integer)
def lovasz_hinge_loss(
    input: Tensor,
    target: Tensor,
    *,
    per_image: bool = False,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Lovász hinge: a convex surrogate of the Jaccard loss of one mask.

    .. math:: \ell(z, y) = \sum_k m_k g_k, \qquad m = \max(0, 1 - (2 y - 1) z)

    Args:
        per_image: each image is one set of pixels; otherwise all images together are.
        ignore_index: the target of pixels that are left out.
        weight: of the sets: one number, or with ``per_image`` of shape (N,).

    Conventions:
        As :func:`lovasz_softmax_loss` with the hinge errors of logits, labels 0 and 1. Convex in the logits.
        The loss of a mask without foreground is its largest error. It is no consistent surrogate of the
        Jaccard loss of the sign of the logits.

    Shape:
        ``input``, ``target``: (N, *), equal. ``"none"``: (), or with ``per_image`` (N,).

    Raises:
        ValueError: under ``strict()`` labels other than 0, 1 and ``ignore_index``, NaN or infinite logits.

    Source:
        Yu & Blaschko (2015), *The Lovász hinge*. Chapter: The Lovász extension.

    Example:
        >>> lovasz_hinge_loss(torch.tensor([[9.0, -9.0, 0.0]]), torch.tensor([[1, 0, 1]]))
        tensor(0.5000)
    """
    _check.same_shape(input=input, target=target)
    if input.ndim == 0:
        raise ValueError("input must have shape (N, *), got ()")
    (z,) = _check.promote(input)
    target = target if target.is_floating_point() else target.long()
    weight = expand_weight(weight, like=z.new_empty(()).expand(z.shape[:1] if per_image else ()))
    deleted = target == ignore_index
    if weight is not None:
        deleted = deleted | (weight == 0).reshape(weight.shape + (1,) * (z.ndim - weight.ndim))
    _zero_or_one("target", torch.where(deleted, 0, target))
    _check.finite("input", torch.where(deleted, 0.0, z))
    foreground = (target == 1) & ~deleted
    z = torch.where(deleted, -1.0, z)
    errors = torch.relu(1 - torch.where(foreground, z, -z))
    pixels = 1 if per_image else 0
    sets = (v.unsqueeze(1).flatten(pixels) for v in (errors, foreground))
    return reduce(_lovasz(*sets), weight, reduction)


_zero_or_one = _check.Domain(lambda v: (v == 0) | (v == 1), "0 or 1")


def _prepare(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    multilabel: bool = False,
    class_weight: Tensor | None = None,
    rows: slice = slice(0, 2),
    to_compare: bool = False,
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Logits (N, C, P), target (N, C, P) or indices (N, 1, P), what is deleted, and the whole weight.

    Deleted pixels get harmless values: the logit 0, or with ``multilabel`` −∞ and the target 0, which count
    nowhere. ``rows`` is the part of (N, C) that the unreduced loss has. Of indices ``to_compare`` a compiler
    gets the logits as they are.
    """
    _check.is_tensor(input=input, target=target)
    is_index = takes_indices(input, target)
    _refuse_channels(input, target, is_index, multilabel)
    z, *soft = _check.promote(input) if is_index else _check.promote(input, target)
    t, tolerance = target.long() if is_index else soft[0], sum_tolerance(target)
    counts = z.new_empty(()).expand(z.shape[:2])
    losses = z.new_empty(()).expand(z.shape[rows])
    hint = "; an image is left out of a batch by ignore_index in all of its target" if rows.start else ""
    weight = expand_weight(weight, losses, hint)
    if class_weight is not None:
        by_class = broadcast_classes(class_weight, counts, "class_weight").expand_as(losses)
        weight = by_class if weight is None else by_class * weight
    if multilabel:
        deleted = None if _known_other(t, ignore_index) else t == ignore_index
    else:
        deleted = find_ignored(t, ignore_index, is_index)
        deleted = None if deleted is None else deleted.unsqueeze(1)
    if is_index:
        t = t.unsqueeze(1)
    if weight is not None:
        images = (1,) * rows.start
        unweighed = (weight == 0).reshape(images + weight.shape + (1,) * (z.ndim - len(images) - weight.ndim))
        unweighed = unweighed if multilabel else unweighed.all(1, keepdim=True)
        if not _eager.known_all_false(unweighed):
            deleted = unweighed if deleted is None else deleted | unweighed
    if deleted is not None:
        t = torch.where(deleted, 0, t)
        as_they_are = to_compare and is_index and torch.compiler.is_compiling()
        if not as_they_are and (multilabel or not _eager.known_finite(z)):
            z = torch.where(deleted, -torch.inf if multilabel else 0.0, z)
    if multilabel:
        _check.probability("target", t)
    else:
        kept = None if deleted is None or is_index else (~deleted).squeeze(1)
        check_target(t.squeeze(1) if is_index else t, z, kept, is_index, tolerance)
    _check.below_infinity("input", z)
    z, t = (v.unsqueeze(-1).flatten(2) for v in (z, t))
    if deleted is not None:
        deleted = deleted.unsqueeze(-1).flatten(2).expand(len(z), -1, z.shape[2])
    return z, t, deleted, weight


def _refuse_channels(input: Tensor, target: Tensor, is_index: bool, multilabel: bool) -> None:
    """Refuse channels that can't be what they seem, and say how one mask an image is written."""
    one_mask = "one mask an image is input (N, 1, *) and target (N, 1, *) with multilabel=True"
    if multilabel and is_index:
        raise ValueError(
            f"target must have the shape of input, {tuple(input.shape)}, with multilabel=True, "
            f"got {tuple(target.shape)}; {one_mask}"
        )
    if multilabel:
        return
    if input.shape[1] == 1:
        raise ValueError(
            f"input must have at least 2 channels for a softmax, got {tuple(input.shape)}; {one_mask}"
        )
    if not is_index and input.ndim == 3:
        raise ValueError(
            f"target must have class indices, or a mask for each class with two axes of pixels or more, got "
            f"{tuple(target.shape)}, which may be maps without classes; {one_mask}, and soft masks along a "
            "line get an axis of length 1"
        )


class _SoftCounts(NamedTuple):
    """Soft counts of pixels, of each class: true positives, false positives, false negatives."""

    tp: Tensor
    fp: Tensor
    fn: Tensor


def _count(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    multilabel: bool,
    batch: bool,
    class_weight: Tensor | None = None,
    axes: int = 2,
    both_cost: bool = True,
) -> tuple[_SoftCounts, Tensor | None]:
    """Counts of each image, (N, C), or of the batch, (C,), and the whole weight, for so many axes of them."""
    rows = slice(int(batch), axes)
    z, t, deleted, weight = _prepare(
        input, target, weight, ignore_index, multilabel, class_weight, rows, to_compare=True
    )
    form: _chunked.RowSums | None = None
    plain: Callable[..., Tensor] = partial(_count_soft, multilabel=multilabel)
    if not multilabel and t.shape[1] == 1:
        form, plain = _INDICES, _count_by_comparison
    elif multilabel and both_cost and _eager.can_read(t) and not t.requires_grad:
        form = _MASKS if all(map(_eager.known_integral, t.flatten().split(_chunked.CHUNK))) else None
    if form is not None and z.numel() and all(map(_eager.can_read, (z, t))) and not _eager.has_tangent(z):
        counts = naming_the_index(lambda: turned_row_sums(form, (z, t, deleted)), t, z.shape[1])
    else:
        counts = chunked_row_sums(plain, (z, t, deleted))
    return _SoftCounts(*(counts.sum(0) if batch else counts).unbind(-1)), weight


def _known_other(t: Tensor, value: int) -> bool:
    """Whether no element of ``t`` is known to be ``value``: a CPU compares several times slower than this."""
    if not _eager.can_read(t) or not t.numel():
        return False
    least, most = t.detach().aminmax()
    return value < least.item() or most.item() < value or not bool((t == value).any())


def _count_by_comparison(z: Tensor, y: Tensor, deleted: Tensor | None) -> Tensor:
    """Where nothing is done in chunks: a compiler makes sums of it, and no mask."""
    if torch.compiler.is_compiling() or _eager.has_memory(y):
        torch._assert_async(((y >= 0) & (y < z.shape[1])).all(), "target must be a class")
    y = y.to(z.dtype)
    if deleted is not None:  # a compiler reads a mask of bytes several times slower than numbers
        y = torch.where(deleted, -torch.inf, y)
        deleted = y == -torch.inf
        z = torch.where(deleted, 0.0, z) if torch.compiler.is_compiling() else z
    p = z.softmax(1)
    p = p if deleted is None else torch.where(deleted, 0.0, p)
    own = y == torch.arange(z.shape[1], dtype=z.dtype, device=z.device).unsqueeze(1)
    others = torch.where(own, 0.0, p)
    missed = torch.where(own, others.detach().sum(1, keepdim=True), 0.0).sum(2)
    tp = torch.where(own, p, 0.0).sum(2)
    missed = missed - (tp - tp.detach())  # what its class gains a pixel misses no longer
    return torch.stack([tp, others.sum(2), missed], 2)


def _count_soft(z: Tensor, t: Tensor, deleted: Tensor | None, multilabel: bool) -> Tensor:
    p = z.sigmoid() if multilabel else z.softmax(1)
    rest = (-z).sigmoid() if multilabel else 1 - p
    tp, fp, fn = torch.minimum(p, t), torch.relu(p - t), torch.relu(rest - (1 - t))
    return torch.stack([tp.sum(2), fp.sum(2), fn.sum(2)], 2)


def _masks_of(z: Tensor, y: Tensor, deleted: Tensor | None) -> Tensor:
    """Of each class, as floats: a CPU multiplies them several times faster than it scatters."""
    classes = torch.arange(z.shape[1], dtype=z.dtype, device=z.device).unsqueeze(1)
    t = torch.eq(y.to(z.dtype), classes, out=z.new_empty(z.shape))
    if t.sum() != y.numel():
        raise IndexError("target must be a class")
    return t if deleted is None else t * ~deleted


def _sum_indices(p: Tensor, z: Tensor, y: Tensor, deleted: Tensor | None) -> Tensor:
    t = _masks_of(z, y, deleted)
    torch.softmax(z, 1, out=p)
    kept = p if deleted is None else p * ~deleted
    own = kept * t
    others = kept - own
    sums = (own, others, t.mul_(others.sum(1, keepdim=True)))
    return torch.stack([v.sum(2) for v in sums], 2)


def _turn_indices(p: Tensor, grad: Tensor, z: Tensor, y: Tensor, deleted: Tensor | None) -> None:
    tp, fp, fn = grad.unsqueeze(2).unbind(3)
    slope = torch.addcmul(fp, _masks_of(z, y, deleted), tp - fp - fn)
    if deleted is not None:
        slope *= ~deleted
    p.mul_(slope.sub_((p * slope).sum(1, keepdim=True)))


def _sum_masks(wrong: Tensor, z: Tensor, t: Tensor, deleted: Tensor | None) -> Tensor:
    """One sigmoid is |p − t|, exact on both sides."""
    torch.sub(t.new_ones(()), t, alpha=2, out=wrong).mul_(z).sigmoid_()
    fn, size = (wrong * t).sum(2), t.sum(2)
    return torch.stack([size - fn, wrong.sum(2) - fn, fn], 2)


def _turn_masks(wrong: Tensor, grad: Tensor, z: Tensor, t: Tensor, deleted: Tensor | None) -> None:
    tp, fp, fn = grad.unsqueeze(2).unbind(3)
    slope = torch.addcmul(fp, t, tp - fp - fn)
    if wrong.amax() < 0.9:
        torch.ops.aten.sigmoid_backward.grad_input(slope, wrong, grad_input=wrong)
    else:  # 1 − |p − t| has few digits where a pixel is missed by far
        right = torch.sub(t.new_ones(()), t, alpha=2).mul_(z).neg_().sigmoid_()
        wrong.mul_(right).mul_(slope)


_INDICES = _chunked.RowSums(_count_by_comparison, _sum_indices, _turn_indices)
_MASKS = _chunked.RowSums(partial(_count_soft, multilabel=True), _sum_masks, _turn_masks)


def _class_errors(z: Tensor, y: Tensor, deleted: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """p of the class, (N, 1, P), p of the other classes, and their sum, which is 1 − p of the class."""
    p = z.softmax(1)
    own, others = p.gather(1, y), p.scatter(1, y, 0.0)
    if deleted is not None:
        own, others = torch.where(deleted, 0.0, own), torch.where(deleted, 0.0, others)
    return own, others, others.sum(1, keepdim=True)


def _errors(z: Tensor, y: Tensor, deleted: Tensor | None) -> Tensor:
    """|p − t| of each class, (N, C, P)."""
    _, others, missed = _class_errors(z, y, deleted)
    return others.scatter(1, y, missed)


def _sum_by_class(v: Tensor, y: Tensor, classes: int) -> Tensor:
    """Σ v, (N, K, P), over the pixels of each class, (N, K, C), by √P partial sums: they keep the digits."""
    n, k, pixels = v.shape
    parts = int(pixels**0.5) + 1
    cycle = torch.arange(parts, device=y.device).repeat(pixels // parts + 1)[:pixels]
    part = (y * parts + cycle).expand(v.shape)
    sums = v.new_zeros(n, k, classes * parts).scatter_add(2, part, v)
    return sums.view(n, k, classes, parts).sum(3)


def _tversky_terms(counts: _SoftCounts, alpha: float, beta: float, smooth: float) -> tuple[Tensor, Tensor]:
    """Numerator and denominator of 1 − the Tversky index, a ratio without cancellation."""
    wrong = alpha * counts.fp + beta * counts.fn
    return wrong, counts.tp + wrong + smooth * (alpha + beta) / 2


def _skeleton(x: Tensor, deleted: Tensor | None, pixels: torch.Size, iterations: int) -> Tensor:
    """The soft skeleton of masks (N, C, P): what opening takes away, of them and of their erosions.

    The values are from 0 to 1, so that 1 is no minimum and 0 no maximum.
    """
    if not x.numel():
        return x
    axes = range(len(pixels))
    pool = F.max_pool2d if len(pixels) == 2 else F.max_pool3d
    lines = [[3 if k == axis else 1 for k in axes] for axis in axes]
    x = x.reshape(*x.shape[:2], *pixels)
    if deleted is not None:
        deleted = deleted.reshape(*deleted.shape[:2], *pixels)

    def erode(x: Tensor) -> Tensor:
        x = -x if deleted is None else torch.where(deleted, -1.0, -x)
        least = -reduce_by(torch.maximum, [pool(x, line, 1, [k // 2 for k in line]) for line in lines])
        return least if deleted is None else torch.where(deleted, 0.0, least)

    skeleton = torch.zeros_like(x)
    for _ in range(iterations + 1):
        eroded = erode(x)
        skeleton = skeleton + (1 - skeleton) * torch.relu(x - pool(eroded, 3, 1, 1))
        x = eroded
    return skeleton.flatten(2)


def _lovasz(errors: Tensor, foreground: Tensor) -> Tensor:
    """The Lovász extension of the Jaccard loss at errors ≥ 0, over the last dimension.

    A deleted pixel has error 0 and is no foreground: it comes after all errors above 0.
    """
    m = errors.detach()
    if _eager.can_read(m) and m.numel():  # some sets after the others, in little memory
        sets = max(1, _SORTED_AT_ONCE // m.shape[-1])
        parts = zip(*(v.reshape(-1, m.shape[-1]).split(sets) for v in (m, foreground)), strict=True)
        gradient = gather((_lovasz_gradient(*part) for part in parts), m[..., 0].numel()).view(m.shape)
    else:
        gradient = _lovasz_gradient(m, foreground)
    return (errors * gradient).sum(-1)


def _lovasz_gradient(errors: Tensor, foreground: Tensor) -> Tensor:
    """By how much the Jaccard loss rises with each pixel, the largest errors first."""
    order = _argsort_descending(errors)
    hit = foreground.gather(-1, order)
    found = hit.cumsum(-1, dtype=torch.int32)
    left = foreground.sum(-1, keepdim=True, dtype=torch.int32) - found
    union = left + torch.arange(1, errors.shape[-1] + 1, dtype=torch.int32, device=errors.device)
    left, union = left.to(errors.dtype), union.to(errors.dtype)
    rise = torch.where(hit, 1.0, torch.where(union == 1, 1.0, left / (union - 1))) / union
    return torch.zeros_like(errors).scatter(-1, order, rise)


def _argsort_descending(errors: Tensor) -> Tensor:
    """The order of the errors, the largest first, ties in their own order.

    Floats ≥ 0 sort like their bits, as integers, and a CPU sorts a long row of integers several times faster.
    """
    if _eager.can_read(errors) and errors.numel() == errors.shape[-1]:
        bits = errors.flatten().view(torch.int64 if errors.dtype is torch.float64 else torch.int32)
        return torch.argsort(~bits, stable=True).view(errors.shape)
    return torch.sort(errors, dim=-1, descending=True, stable=True)[1]


class DiceLoss(LossModule, loss=dice_loss):
    """The Module of :func:`dice_loss`."""

    smooth: float = 1.0
    multilabel: bool = False
    batch: bool = False
    class_weight: Tensor | None = None
    ignore_index: int = -100
    reduction: Reduction = "mean"


class JaccardLoss(LossModule, loss=jaccard_loss):
    """The Module of :func:`jaccard_loss`."""

    smooth: float = 1.0
    multilabel: bool = False
    batch: bool = False
    class_weight: Tensor | None = None
    ignore_index: int = -100
    reduction: Reduction = "mean"


class TverskyLoss(LossModule, loss=tversky_loss):
    """The Module of :func:`tversky_loss`."""

    alpha: float = 0.5
    beta: float = 0.5
    smooth: float = 1.0
    multilabel: bool = False
    batch: bool = False
    class_weight: Tensor | None = None
    ignore_index: int = -100
    reduction: Reduction = "mean"


class FocalTverskyLoss(LossModule, loss=focal_tversky_loss):
    """The Module of :func:`focal_tversky_loss`."""

    alpha: float = 0.3
    beta: float = 0.7
    gamma: float = 4 / 3
    smooth: float = 1.0
    multilabel: bool = False
    batch: bool = False
    class_weight: Tensor | None = None
    ignore_index: int = -100
    reduction: Reduction = "mean"


class GeneralizedDiceLoss(LossModule, loss=generalized_dice_loss):
    """The Module of :func:`generalized_dice_loss`."""

    smooth: float = 1.0
    multilabel: bool = False
    batch: bool = False
    ignore_index: int = -100
    reduction: Reduction = "mean"


class ClDiceLoss(LossModule, loss=cl_dice_loss):
    """The Module of :func:`cl_dice_loss`."""

    iterations: int = 3
    smooth: float = 1.0
    multilabel: bool = False
    batch: bool = False
    class_weight: Tensor | None = None
    ignore_index: int = -100
    reduction: Reduction = "mean"


class BoundaryLoss(LossModule, loss=boundary_loss):
    """The Module of :func:`boundary_loss`."""

    multilabel: bool = False
    class_weight: Tensor | None = None
    reduction: Reduction = "mean"


class LovaszSoftmaxLoss(LossModule, loss=lovasz_softmax_loss):
    """The Module of :func:`lovasz_softmax_loss`."""

    classes: Classes = "present"
    per_image: bool = False
    ignore_index: int = -100
    reduction: Reduction = "mean"


class LovaszHingeLoss(LossModule, loss=lovasz_hinge_loss):
    """The Module of :func:`lovasz_hinge_loss`."""

    per_image: bool = False
    ignore_index: int = -100
    reduction: Reduction = "mean"
