"""Losses for boxes (…, 4), given as corners x₁ y₁ x₂ y₂ in any unit: one loss a matched pair.

The IoU losses add penalties to 1 − IoU. They do not change when both boxes are moved or scaled: there is
no absolute epsilon. Extents are clamped at 0: a box with x₂ < x₁ has width 0 at x₁, and a loss of at least 1
against any other (``strict()`` refuses it). Gradients are 0 where the two boxes are the same.

The quality focal and the varifocal loss are of the scores of boxes: logits against qualities of one shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from lossfns import _check
from lossfns import _rules as rules
from lossfns._binary import logistic, sides
from lossfns._check import Domain
from lossfns._module import LossModule
from lossfns._numerics import safe_divide, softplus, underflows
from lossfns._reduce import elementwise, expand_weight, reduce_loss
from lossfns._rules import Reduction, checked

__all__ = [
    "CIoULoss",
    "DIoULoss",
    "DistributionFocalLoss",
    "EIoULoss",
    "GIoULoss",
    "IoULoss",
    "QualityFocalLoss",
    "VarifocalLoss",
    "ciou_loss",
    "diou_loss",
    "distribution_focal_loss",
    "eiou_loss",
    "giou_loss",
    "iou_loss",
    "quality_focal_loss",
    "varifocal_loss",
]


@checked()
def iou_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""IoU loss: 1 − intersection over union of two boxes.

    .. math:: \ell(A, B) = 1 - \frac{I}{U}

    Args:
        weight: of the pairs; broadcasts to (…).

    Conventions:
        I is the area of A ∩ B, U that of A ∪ B. In [0, 1]; 0 only for the same box. The loss of disjoint
        boxes is 1 with gradient 0. Where both areas are 0 (points, segments) it is 0 for the same box, else
        1.

    Shape:
        ``input``, ``target``: (…, 4), equal. ``"none"``: (…).

    Raises:
        ValueError: under ``strict()`` x₂ < x₁ or y₂ < y₁, NaN or inf.

    Source:
        Jaccard (1901); Yu et al. (2016), *UnitBox*. Chapter: Boxes.

    Example:
        >>> iou_loss(torch.tensor([0.0, 0.0, 2.0, 2.0]), torch.tensor([1.0, 0.0, 3.0, 2.0]))
        tensor(0.6667)
    """
    return _box_loss(lambda pair: pair.iou_distance(), input, target, weight, reduction)


@checked()
def giou_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""Generalised IoU loss: adds the share of the hull that neither box covers.

    .. math:: \ell(A, B) = 1 - \frac{I}{U} + \frac{C - U}{C}

    Args:
        weight: of the pairs; broadcasts to (…).

    Conventions:
        C is the area of the smallest box around both. In [0, 2]. Disjoint boxes have a gradient; if one box
        lies in the other it is :func:`iou_loss`, and the gradient does not move its centre. The penalty is 0
        where C is 0.

    Shape:
        ``input``, ``target``: (…, 4), equal. ``"none"``: (…).

    Raises:
        ValueError: under ``strict()`` x₂ < x₁ or y₂ < y₁, NaN or inf.

    Source:
        Rezatofighi et al. (2019), *Generalized intersection over union*. Chapter: Boxes.

    Example:
        >>> giou_loss(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([3.0, 0.0, 4.0, 1.0]))
        tensor(1.5000)
    """
    return _box_loss(lambda pair: pair.iou_distance() + pair.gap(), input, target, weight, reduction)


@checked()
def diou_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""Distance IoU loss: adds the squared distance of the centres, relative to the hull.

    .. math:: \ell(A, B) = 1 - \frac{I}{U} + \frac{\rho^2}{d^2}

    Args:
        weight: of the pairs; broadcasts to (…).

    Conventions:
        ρ is the distance of the centres, d the diagonal of the smallest box around both. In [0, 2]; it is
        :func:`iou_loss` where the centres are the same.

    Shape:
        ``input``, ``target``: (…, 4), equal. ``"none"``: (…).

    Raises:
        ValueError: under ``strict()`` x₂ < x₁ or y₂ < y₁, NaN or inf.

    Source:
        Zheng et al. (2020), *Distance-IoU loss*. Chapter: Boxes.

    Example:
        >>> diou_loss(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([0.0, 0.0, 3.0, 3.0]))
        tensor(1.)
    """
    return _box_loss(lambda pair: pair.iou_distance() + pair.shift(), input, target, weight, reduction)


@checked()
def ciou_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""Complete IoU loss: :func:`diou_loss` plus a penalty for another aspect ratio.

    .. math:: \ell(A, B) = 1 - \frac{I}{U} + \frac{\rho^2}{d^2} + \frac{v^2}{1 - \frac{I}{U} + v}, \qquad
        v = \frac{4}{\pi^2} (\theta_A - \theta_B)^2

    Args:
        weight: of the pairs; broadcasts to (…).

    Conventions:
        θ = arctan(w/h) of each box, a point having that of the other. In [0, 2½], which disjoint thin boxes
        approach. The last term is α v with α = v / (1 − I/U + v), and α is a constant for the gradient: part
        of the definition, so the gradient is not that of the value.

    Shape:
        ``input``, ``target``: (…, 4), equal. ``"none"``: (…).

    Raises:
        ValueError: under ``strict()`` x₂ < x₁ or y₂ < y₁, NaN or inf.

    Source:
        Zheng et al. (2020), *Distance-IoU loss*. Chapter: Boxes.

    Example:
        >>> ciou_loss(torch.tensor([0.0, 0.0, 2.0, 2.0]), torch.tensor([0.5, 0.0, 1.5, 2.0]))
        tensor(0.5032)
    """

    def complete(pair: _Pair) -> Tensor:
        iou_distance, v = pair.iou_distance(), pair.aspect()
        alpha = safe_divide(v, iou_distance + v).detach()
        return iou_distance + pair.shift() + alpha * v

    return _box_loss(complete, input, target, weight, reduction)


@checked()
def eiou_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""Efficient IoU loss: :func:`diou_loss` plus penalties for another width and another height.

    .. math:: \ell(A, B) = 1 - \frac{I}{U} + \frac{\rho^2}{d^2} + \frac{\omega^2}{W^2} + \frac{\eta^2}{H^2}

    Args:
        weight: of the pairs; broadcasts to (…).

    Conventions:
        ω and η are the differences of the widths and of the heights, W and H the sides of the smallest box
        around both. In [0, 3¼], reached by a point at the corner of a box. It is :func:`diou_loss` where the
        sides are the same; unlike that of :func:`ciou_loss`, its penalty sees the size where the aspect ratio
        is right. A penalty is 0 where W or H is. mmdetection's ``EIoULoss`` is another loss, of an extended
        IoU.

    Shape:
        ``input``, ``target``: (…, 4), equal. ``"none"``: (…).

    Raises:
        ValueError: under ``strict()`` x₂ < x₁ or y₂ < y₁, NaN or inf.

    Source:
        Zhang et al. (2022), *Focal and efficient IOU loss for accurate bounding box regression*.
        Chapter: Boxes.

    Example:
        >>> eiou_loss(torch.tensor([0.0, 0.0, 2.0, 2.0]), torch.tensor([0.5, 0.0, 1.5, 2.0]))
        tensor(0.7500)
    """
    return _box_loss(
        lambda pair: pair.iou_distance() + pair.shift() + pair.stretch(), input, target, weight, reduction
    )


@checked()
def distribution_focal_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    r"""Distribution focal loss: cross-entropy of a number, shared between the two bins beside it.

    .. math:: \ell(z, y) = (y - l - 1) \log p_l - (y - l) \log p_r, \qquad p = \operatorname{softmax}(z),
        \quad r = l + 1

    Args:
        weight: of the numbers; broadcasts to (…).

    Conventions:
        The bins are 0, 1, …, n − 1, the last axis, and l is the one at or below the target. For a target on a
        bin, the last one included, it is cross-entropy. Least where p_l = l + 1 − y and p_r = y − l: then the
        mean of p is the target. Logits of −∞ mask a bin. Value and gradient of a right and sure example have
        absolute, not relative accuracy, as in :func:`lossfns.cross_entropy`.

    Shape:
        ``input``: (…, n), n at least 2. ``target``: (…), from 0 to n − 1. ``"none"``: (…).

    Raises:
        ValueError: under ``strict()`` a target outside the bins, NaN or +∞ logits.

    Source:
        Li et al. (2020), *Generalized focal loss*. Chapter: Detection.

    Example:
        >>> distribution_focal_loss(torch.zeros(3, 4), torch.tensor([0.0, 1.5, 3.0]), reduction="none")
        tensor([1.3863, 1.3863, 1.3863])
    """
    _check.is_tensor(input=input, target=target)
    if input.ndim == 0 or input.shape[-1] < 2:
        raise ValueError(f"input must have shape (…, n), n at least 2 bins, got {tuple(input.shape)}")
    if target.shape != input.shape[:-1]:
        raise ValueError(
            f"target must have the shape of input without the bins, {tuple(input.shape[:-1])}, "
            f"got {tuple(target.shape)}"
        )
    z, y = _check.promote(input, target)
    weight = expand_weight(weight, like=y)
    last = z.shape[-1] - 1
    _check.below_infinity("input", z, weight)
    Domain(lambda v: (v >= 0) & (v <= last), f"from 0 to {last}")("target", y, weight)

    def between_bins(z: Tensor, y: Tensor, w: Tensor | None) -> Tensor:
        if w is not None:
            z, y = torch.where((w == 0).unsqueeze(-1), 0.0, z), torch.where(w == 0, 0.0, y)
        left = y.detach().nan_to_num(0.0).floor().clamp(0, last - 1)
        log_p = z.log_softmax(-1).gather(-1, torch.stack([left, left + 1], -1).long())
        share = torch.stack([left + 1 - y, y - left], -1)
        impossible = (share == 0) & (log_p == -torch.inf)
        return -(share * torch.where(impossible, 0.0, log_p)).sum(-1)

    return reduce_loss(between_bins, (z, y), weight, reduction, shape=y.shape)


@checked(beta=rules.non_negative)
def quality_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float = 2.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Quality focal loss: cross-entropy of a quality from 0 to 1 that turns away from what is nearly right.

    .. math:: \ell(z, y) = -\lvert p - y \rvert^\beta (y \log p + (1 - y) \log(1 - p)), \qquad p = \sigma(z)

    Args:
        beta: β, a number from 0 on: the larger, the less what is nearly right counts. At 0 it is
            :func:`lossfns.binary_cross_entropy`.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        The target is the quality of a detection, such as the IoU of its box, in the column of its class, and
        0 elsewhere. For β > 0 the loss is 0 at p = y, with gradient 0, whatever y is, where cross-entropy is
        the entropy of y. For β < 1 the slope beside p = y is infinite. For labels 0 and 1 it is
        :func:`lossfns.binary_focal_loss` with γ = β, but not for those between. The factor has a gradient, as
        in mmdetection. To divide by the number of positives n, take ``reduction="sum"`` and divide by
        max(n, 1).

    Shape:
        ``input``, ``target``: any, equal; qualities bool, integer or in [0, 1]. ``"none"``: the same.

    Raises:
        ValueError: under ``strict()`` a quality outside [0, 1], such as a GIoU.

    Source:
        Li et al. (2020), *Generalized focal loss*. Chapter: Detection.

    Example:
        >>> quality_focal_loss(torch.zeros(3), torch.tensor([0.0, 0.5, 1.0]), reduction="none")
        tensor([0.1733, 0.0000, 0.1733])
    """

    def quality(x: Tensor, t: Tensor) -> Tensor:
        size, rest, against = sides(x, t, 1 - t)
        loss = against * size + rest
        gap = torch.sigmoid(-size) - against  # |p − t| but for the sign, for labels to the last digit
        return _size_to_the_power(gap, beta) * loss if beta else loss

    return elementwise(
        quality, weight, reduction, domains={"target": _check.probability}, input=input, target=target
    )


@checked(alpha=rules.non_negative, gamma=rules.non_negative)
def varifocal_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.75,
    gamma: float = 2.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Varifocal loss: positives weigh by their quality, negatives are focused.

    .. math:: \ell(z, y) = \begin{cases} -y (y \log p + (1 - y) \log(1 - p)) & y > 0
        \\ -\alpha p^\gamma \log(1 - p) & \text{otherwise} \end{cases}, \qquad p = \sigma(z)

    Args:
        alpha: α, a number from 0 on, multiplies the negatives, and does not touch the positives.
        gamma: γ, a number from 0 on: the larger, the less negatives count that are nearly right.
        weight: of the elements; broadcasts to their shape. Those of weight 0 are left out.

    Conventions:
        The target is the quality of a detection, such as the IoU of its box, in the column of its class, and
        0 elsewhere. A positive is least at p = y, where it costs y times the entropy of y, unlike in
        :func:`quality_focal_loss`. A quality of exactly 0 makes a negative: the loss jumps there. No factor
        is held constant: p^γ has a gradient, as in mmdetection, and so has a target that is not detached. To
        divide by the number of positives n, take ``reduction="sum"`` and divide by max(n, 1).

    Shape:
        ``input``, ``target``: any, equal; qualities bool, integer or in [0, 1]. ``"none"``: the same.

    Raises:
        ValueError: under ``strict()`` a quality outside [0, 1], such as a GIoU.

    Source:
        Zhang et al. (2021), *VarifocalNet*. Chapter: Detection.

    Example:
        >>> varifocal_loss(torch.zeros(3), torch.tensor([0.0, 0.5, 1.0]), reduction="none")
        tensor([0.1300, 0.3466, 0.6931])
    """

    def varifocal(x: Tensor, t: Tensor) -> Tensor:
        negative = (t <= 0).to(t.dtype)
        t = t * (1 - negative)  # with no slope there
        focus = alpha * torch.exp(-gamma * softplus(-x)) if gamma else alpha
        return (t + negative * focus) * logistic(x, t, 1 - t)

    return elementwise(
        varifocal, weight, reduction, domains={"target": _check.probability}, input=input, target=target
    )


def _size_to_the_power(gap: Tensor, beta: float) -> Tensor:
    """|gap|^β for β > 0, with all derivatives 0 where it vanishes, or so nearly that they overflow."""
    if beta == 2:
        return gap.square()
    size = gap.abs()
    vanishes = size < torch.finfo(gap.dtype).tiny ** 0.5
    return torch.where(vanishes, 0.0, torch.where(vanishes, 1.0, size).pow(beta))


_ordered = Domain(
    lambda v: v.isfinite() & (v[..., 2:] >= v[..., :2]).repeat_interleave(2, -1),
    "finite, with x1 <= x2 and y1 <= y2",
)


def _box_loss(
    loss: Callable[[_Pair], Tensor], input: Tensor, target: Tensor, weight: Tensor | None, reduction: str
) -> Tensor:
    _check.same_shape(input=input, target=target)
    if input.ndim == 0 or input.shape[-1] != 4:
        raise ValueError(f"input must have shape (…, 4), x1 y1 x2 y2, got {tuple(input.shape)}")
    domains = {"input": _ordered, "target": _ordered}
    return elementwise(
        lambda a, b: loss(_Pair(a, b)),
        weight,
        reduction,
        axes=1,
        domains=domains,
        many_temporaries=True,
        input=input,
        target=target,
    )


class _Pair:
    """Two boxes A and B: their sides, (2, …), and how far each reaches beyond the other in x and in y.

    All areas are sums of products of these, so that nothing cancels where the boxes are nearly the same.
    """

    def __init__(self, a: Tensor, b: Tensor) -> None:
        (low_a, high_a), (low_b, high_b) = _corners(a), _corners(b)
        self.side_a, self.side_b = high_a - low_a, high_b - low_b
        low, high = low_a - low_b, high_a - high_b
        self.centres = (low + high) / 2
        self.beyond_a, self.beyond_b = high.relu() + (-low).relu(), (-high).relu() + low.relu()
        self.hull = self.side_b + self.beyond_a

    def iou_distance(self) -> Tensor:
        """1 − IoU = D / (D + I) with D the area of A \\ B and B \\ A."""
        difference = _minus(self.side_a, self.beyond_a) + _minus(self.side_b, self.beyond_b)
        union = difference + _area(self.side_a - torch.minimum(self.side_a, self.beyond_a))
        differ = ((self.beyond_a + self.beyond_b) > 0).any(0).to(union.dtype)
        return torch.where(underflows(union), differ, safe_divide(difference, union))

    def gap(self) -> Tensor:
        """The share of the hull outside A ∪ B: what it has beyond A, less what B has beyond A."""
        outside = _minus(self.hull, self.beyond_b) - _minus(self.side_b, self.beyond_b)
        return safe_divide(outside, _area(self.hull))

    def shift(self) -> Tensor:
        """The squared distance of the centres over the squared diagonal of the hull."""
        return safe_divide(self.centres.square().sum(0), self.hull.square().sum(0))

    def stretch(self) -> Tensor:
        """The squared differences of the sides, each over the squared side of the hull."""
        return safe_divide(self.side_a - self.side_b, self.hull).square().sum(0)

    def aspect(self) -> Tensor:
        """(4/π²) (θ_A − θ_B)², the difference of the angles by one arctangent."""
        (w, h), (v, u) = _proportions(self.side_a), _proportions(self.side_b)
        sine, cosine = w * u - v * h, h * u + w * v
        point = (sine == 0) & (cosine == 0)
        angle = torch.atan2(sine, torch.where(point, 1.0, cosine))
        return 4 / math.pi**2 * angle.square()


def _corners(box: Tensor) -> tuple[Tensor, Tensor]:
    """Contiguous rows of coordinates: arithmetic on columns of four is several times slower."""
    low, high = box.movedim(-1, 0).contiguous().tensor_split(2)
    return low, torch.where(high < low, low, high)


def _proportions(side: Tensor) -> tuple[Tensor, ...]:
    """Width and height in units of the larger one, a constant that no angle depends on."""
    unit = side.detach().amax(0)
    return (side / torch.where(unit == 0, 1.0, unit)).unbind(0)


def _area(side: Tensor) -> Tensor:
    return side[0] * side[1]


def _minus(side: Tensor, beyond: Tensor) -> Tensor:
    """The area of a box outside another, beyond which its sides reach so far."""
    (w, h), (x, y) = side.unbind(0), torch.minimum(side, beyond).unbind(0)
    return x * h + (w - x) * y


class IoULoss(LossModule, loss=iou_loss):
    """The Module of :func:`iou_loss`."""

    reduction: Reduction = "mean"


class GIoULoss(LossModule, loss=giou_loss):
    """The Module of :func:`giou_loss`."""

    reduction: Reduction = "mean"


class DIoULoss(LossModule, loss=diou_loss):
    """The Module of :func:`diou_loss`."""

    reduction: Reduction = "mean"


class CIoULoss(LossModule, loss=ciou_loss):
    """The Module of :func:`ciou_loss`."""

    reduction: Reduction = "mean"


class EIoULoss(LossModule, loss=eiou_loss):
    """The Module of :func:`eiou_loss`."""

    reduction: Reduction = "mean"


class DistributionFocalLoss(LossModule, loss=distribution_focal_loss):
    """The Module of :func:`distribution_focal_loss`."""

    reduction: Reduction = "mean"


class QualityFocalLoss(LossModule, loss=quality_focal_loss):
    """The Module of :func:`quality_focal_loss`."""

    beta: float = 2.0
    reduction: Reduction = "mean"


class VarifocalLoss(LossModule, loss=varifocal_loss):
    """The Module of :func:`varifocal_loss`."""

    alpha: float = 0.75
    gamma: float = 2.0
    reduction: Reduction = "mean"
