"""What is particular to losses of boxes: geometry by a loop, degenerate boxes, invariances, ranges, bins."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import lossfns
from lossfns import verify
from lossfns.catalog import cards
from tests.cases.detection import CASES

HIGH = {"iou_loss": 1.0, "giou_loss": 2.0, "diou_loss": 2.0, "ciou_loss": 2.5, "eiou_loss": 3.25}
NAMES = tuple(HIGH)
REFERENCES = {case.name: case.reference for case in CASES}
each = pytest.mark.parametrize("name", NAMES)
each_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def loss(name: str, *tensors: Tensor, **kwargs: Any) -> Tensor:
    value: Tensor = getattr(lossfns, name)(*tensors, **{"reduction": "none", **kwargs})
    return value


def boxes(n: int, seed: int = 0, size: float = 1.0) -> Tensor:
    low, side = torch.rand(2, n, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.cat([low, low + size * side], 1)


def slopes(name: str, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    leaves = a.clone().requires_grad_(), b.clone().requires_grad_()
    grad_a, grad_b = torch.autograd.grad(loss(name, *leaves).sum(), leaves)
    return grad_a, grad_b


def by_definition(a: list[float], b: list[float], name: str) -> float:
    """For proper boxes."""
    return float(REFERENCES[name](math, a, b))


@each
def test_value_by_a_loop(name: str) -> None:
    a, b = boxes(400, 0), boxes(400, 1)
    expected = [by_definition(x, y, name) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert loss(name, a, b).tolist() == pytest.approx(expected, rel=1e-12)
    assert loss(name, a.reshape(20, 4, 5, 4), b.reshape(20, 4, 5, 4)).shape == (20, 4, 5)
    assert torch.allclose(loss(name, a, b), loss(name, b, a))
    assert torch.allclose(
        loss(name, a.int() * 7, b.int() * 7 + 1), loss(name, a.int() * 7.0, b.int() * 7 + 1.0)
    )


@each
def test_gradients_are_those_of_the_definition(name: str) -> None:
    """Central differences of the loop, CIoU's factor held fixed."""
    step = 1e-6
    for a, b in zip(boxes(20, 2).tolist(), boxes(20, 3).tolist(), strict=True):
        got = slopes(name, torch.tensor(a).double(), torch.tensor(b).double())[0]
        for j in range(4):
            ends = []
            for sign in (1, -1):
                moved = list(a)
                moved[j] += sign * step
                value = by_definition(moved, b, "diou_loss" if name == "ciou_loss" else name)
                if name == "ciou_loss":
                    v = aspect(moved, b)
                    at = aspect(a, b)
                    value += at / (by_definition(a, b, "iou_loss") + at) * v
                ends.append(value)
            assert float(got[j]) == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-5)


def aspect(a: list[float], b: list[float]) -> float:
    shape = [math.atan((box[2] - box[0]) / (box[3] - box[1])) for box in (a, b)]
    return 4 / math.pi**2 * (shape[0] - shape[1]) ** 2


@each
def test_moving_and_scaling_both_boxes_changes_nothing(name: str) -> None:
    a, b = boxes(200, 4), boxes(200, 5)
    for scale in (1e-6, 1e-3, 7.3, 1e6):
        assert torch.allclose(loss(name, scale * a, scale * b), loss(name, a, b), rtol=1e-12)
        narrow = loss(name, (scale * a).float(), (scale * b).float())
        assert torch.allclose(narrow, loss(name, a.float(), b.float()), rtol=1e-4)
    assert torch.allclose(loss(name, a + 3, b + 3), loss(name, a, b), rtol=1e-9)


@each
@each_dtype
def test_the_same_box_costs_exactly_nothing(name: str, dtype: torch.dtype) -> None:
    for box in ([0, 0, 10, 10], [0.3, 0.7, 0.3001, 0.7001], [5, 5, 5, 5], [1, 2, 1, 9], [0, 0, 1e-30, 1e-30]):
        for scale in (1e-6, 1.0, 1e6):
            a = scale * torch.tensor(box, dtype=dtype)
            assert loss(name, a, a.clone()).item() == 0
            for slope in slopes(name, a, a.clone()):
                assert torch.equal(slope, torch.zeros(4, dtype=dtype)), box


@each
def test_nearly_the_same_box_keeps_its_digits_in_float32(name: str) -> None:
    a = torch.tensor([[100.0, 200.0, 300.0, 500.0]])
    for change in (1e-3, 1e-4):
        b = a + change * torch.tensor([[1.0, -1.0, 2.0, 1.0]])
        exact = loss(name, a.double(), b.double())
        assert exact.item() < 1e-4
        assert torch.allclose(loss(name, a, b).double(), exact, rtol=1e-5, atol=0)


DEGENERATE = {
    "point inside": ([5, 5, 5, 5], [0, 0, 10, 10]),
    "point in the middle of nothing": ([20, 3, 20, 3], [0, 0, 10, 10]),
    "point on a corner": ([0, 0, 0, 0], [0, 0, 10, 10]),
    "segment": ([2, 0, 2, 10], [0, 0, 10, 10]),
    "two points": ([1, 2, 1, 2], [4, 6, 4, 6]),
    "two points in line": ([1, 2, 1, 2], [4, 2, 4, 2]),
    "two segments": ([0, 0, 4, 0], [2, 0, 6, 0]),
    "target a point": ([0, 0, 10, 10], [5, 5, 5, 5]),
    "inverted": ([10, 10, 0, 0], [0, 0, 10, 10]),
    "inverted far": ([1000, 900, 20, 30], [0, 0, 10, 10]),
    "inverted in x": ([8, 2, 3, 9], [0, 0, 10, 10]),
    "both inverted": ([10, 10, 0, 0], [9, 9, 1, 1]),
    "touching": ([0, 0, 5, 5], [5, 0, 10, 5]),
}


@each
@each_dtype
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_boxes(name: str, case: str, dtype: torch.dtype) -> None:
    a, b = (torch.tensor(box, dtype=dtype) for box in DEGENERATE[case])
    value = loss(name, a, b).item()
    assert 1 <= value <= HIGH[name]
    assert loss(name, a / 128, b / 128).item() == pytest.approx(value, rel=1e-6)
    for slope in slopes(name, a, b):
        assert slope.isfinite().all()
    leaf = a.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(name, leaf, b), leaf, create_graph=True)
    if slope.requires_grad:
        assert torch.autograd.grad(slope.sum(), leaf)[0].isfinite().all()


@each
def test_a_flat_box_may_grow(name: str) -> None:
    """The gradient pulls its right edge, not its left one, to the right."""
    flat, target = (torch.tensor(box, dtype=torch.float64) for box in ([2, 0, 2, 10], [2, 0, 10, 10]))
    slope = slopes(name, flat, target)[0]
    assert slope[2] < 0 <= slope[0]


@each
def test_strict_accepts_flat_boxes(name: str) -> None:
    for case, (a, b) in DEGENERATE.items():
        if "inverted" not in case:
            with lossfns.strict():
                assert loss(name, torch.tensor(a).double(), torch.tensor(b)) >= 1


def test_strict_refuses_inverted_boxes() -> None:
    good, bad = boxes(3), boxes(3)
    bad[1] = bad[1].flip(0)
    for name in NAMES:
        loss(name, bad, good)
        with lossfns.strict():
            with pytest.raises(ValueError, match=r"input must be finite, with x1 <= x2 .* at index \(1, 0\)"):
                loss(name, bad, good)
            with pytest.raises(ValueError, match="target must be"):
                loss(name, good, bad)
            assert loss(name, bad, good, weight=torch.tensor([1, 0, 1]), reduction="mean").isfinite()


def test_what_is_no_box_is_refused() -> None:
    for shape in ((), (3,), (4, 5), (2, 4, 3)):
        for name in NAMES:
            with pytest.raises(ValueError, match=r"input must have shape \(…, 4\), x1 y1 x2 y2, got"):
                loss(name, torch.zeros(shape), torch.zeros(shape))


# Ranges and orders


def far_and_near(n: int = 20_000) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(9)
    centre = torch.randn(2, n, 2, generator=generator, dtype=torch.float64)
    side = torch.exp(3 * torch.randn(2, n, 2, generator=generator, dtype=torch.float64))
    a, b = torch.cat([centre - side / 2, centre + side / 2], -1)
    return a, b


def test_ranges() -> None:
    a, b = far_and_near()
    iou, giou, diou, ciou, eiou = values = [loss(name, a, b) for name in NAMES]
    for (name, high), value in zip(HIGH.items(), values, strict=True):
        assert cards()[name].range.value() == (0, high)
        assert value.min() >= 0
        assert value.max() <= high
        assert value.max() > 0.9 * high
    assert (giou >= iou - 1e-12).all()
    assert (diou >= iou).all()
    assert (ciou >= diou).all()
    assert (eiou >= diou).all()


@each_dtype
def test_thin_boxes_far_apart_come_close_to_the_bound_of_ciou(dtype: torch.dtype) -> None:
    """1 for no common area, nearly 1 for the centres, nearly ½ for an upright and a flat box."""
    upright = torch.tensor([0.0, 0.0, 1e-3, 1.0], dtype=dtype)
    flat = torch.tensor([1e4, 1e4, 1e4 + 64, 1e4 + 0.0625], dtype=dtype)
    assert 2.47 < loss("ciou_loss", upright, flat).item() <= 2.5


def test_disjoint_boxes_have_a_gradient_but_for_iou() -> None:
    a, b = boxes(300, 1), boxes(300, 2) + 5
    assert (loss("iou_loss", a, b) == 1).all()
    assert slopes("iou_loss", a, b)[0].abs().max() < 1e-12
    for name in NAMES[1:]:
        assert slopes(name, a, b)[0].norm(dim=1).min() > 1e-3


def test_a_box_inside_another() -> None:
    """GIoU is IoU and does not move the centre; DIoU does."""
    outer = boxes(200, 3, size=4.0)
    centre, side = (outer[:, :2] + outer[:, 2:]) / 2, outer[:, 2:] - outer[:, :2]
    inner = torch.cat([centre - 0.2 * side, centre + 0.35 * side], 1)
    assert torch.allclose(loss("giou_loss", inner, outer), loss("iou_loss", inner, outer))
    for name in ("iou_loss", "giou_loss"):
        slope = slopes(name, inner, outer)[0]
        assert (slope[:, :2] + slope[:, 2:]).abs().max() < 1e-12
    slope = slopes("diou_loss", inner, outer)[0]
    assert (slope[:, :2] + slope[:, 2:]).abs().min() > 1e-4


def test_boxes_of_one_centre_or_one_shape() -> None:
    a = boxes(100, 6)
    centre, side = (a[:, :2] + a[:, 2:]) / 2, torch.rand(100, 2, dtype=torch.float64)
    same_centre = torch.cat([centre - side, centre + side], 1)
    assert torch.allclose(loss("diou_loss", a, same_centre), loss("iou_loss", a, same_centre))
    same_shape = 1.5 * a + 0.1
    assert torch.allclose(loss("ciou_loss", a, same_shape), loss("diou_loss", a, same_shape))
    same_size = a + torch.rand(100, 2, dtype=torch.float64).repeat(1, 2)
    assert torch.allclose(loss("eiou_loss", a, same_size), loss("diou_loss", a, same_size))


def test_one_minus_iou_is_a_metric() -> None:
    a, b, c = (boxes(20_000, seed, size=2.0) for seed in (1, 2, 3))
    assert (loss("iou_loss", a, c) <= loss("iou_loss", a, b) + loss("iou_loss", b, c) + 1e-12).all()
    squares = torch.tensor([[0.0, 0, 1, 1], [0, 0, 2, 2], [1, 1, 2, 2]]).double()
    giou = loss("giou_loss", squares[[0, 0, 1]], squares[[2, 1, 2]])
    assert giou[0].item() == pytest.approx((giou[1] + giou[2]).item())


def test_lines_across_each_other_differ_most_in_shape() -> None:
    """A line along x and one along y: v = 1, IoU = 0, so that CIoU adds v² / (1 − IoU + v) = ½."""
    along, across = torch.tensor([0.0, 1.0, 2.0, 1.0]), torch.tensor([1.0, 0.0, 1.0, 2.0])
    gap = loss("ciou_loss", along, across) - loss("diou_loss", along, across)
    assert gap.item() == pytest.approx(0.5)


def test_the_factor_of_ciou_is_a_constant() -> None:
    """The gradient is that of α v with α fixed, which is not the gradient of the value."""
    a = torch.tensor([0.0, 0.0, 2.0, 2.0]).double()
    b = torch.tensor([0.5, 0.0, 1.5, 2.5]).double()
    got, plain = slopes("ciou_loss", a, b)[0], slopes("diou_loss", a, b)[0]
    v = aspect(a.tolist(), b.tolist())
    alpha = v / (loss("iou_loss", a, b).item() + v)
    box = a.clone().requires_grad_()
    width, height = box[2] - box[0], box[3] - box[1]
    own = 4 / math.pi**2 * (torch.atan(width / height) - math.atan(1 / 2.5)) ** 2
    assert torch.allclose(got - plain, alpha * torch.autograd.grad(own, box)[0])
    value = verify.gradient(
        lambda x: loss("ciou_loss", x, b.expand_as(x)),
        lambda x: slopes("ciou_loss", x, b.expand_as(x))[0],
        a.unsqueeze(0) + torch.rand(3, 4).double() / 10,
    )
    assert value  # autograd agrees with itself; the value's own slope differs:
    step = 1e-6 * torch.tensor([0.0, 0.0, 1.0, 0.0]).double()
    central = (loss("ciou_loss", a + step, b) - loss("ciou_loss", a - step, b)) / 2e-6
    assert abs(central - got[2]) > 1e-3


def test_the_sides_count_one_by_one() -> None:
    """Boxes of one centre, widths 4 and 1, heights 2 and 2: IoU is ¼, the difference of the widths ¾ of W."""
    a, b = torch.tensor([0.0, 0.0, 4.0, 2.0]), torch.tensor([1.5, 0.0, 2.5, 2.0])
    assert loss("eiou_loss", a, b).item() == 0.75 + 0.75**2
    y_and_x = [1, 0, 3, 2]
    assert loss("eiou_loss", a[y_and_x], b[y_and_x]) == loss("eiou_loss", a, b)


def test_the_size_counts_where_the_aspect_ratio_is_right() -> None:
    """A square of side 1 in the middle of one of side 3: CIoU adds nothing to IoU, EIoU 2 (⅔)²."""
    a, b = torch.tensor([1.0, 1.0, 2.0, 2.0]).double(), torch.tensor([0.0, 0.0, 3.0, 3.0]).double()
    assert loss("ciou_loss", a, b).item() == pytest.approx(8 / 9)
    assert loss("eiou_loss", a, b).item() == pytest.approx(8 / 9 + 8 / 9)
    assert loss("eiou_loss", b, a).item() == pytest.approx(8 / 9 + 8 / 9)


@each_dtype
def test_a_point_in_the_corner_of_a_box_costs_most(dtype: torch.dtype) -> None:
    """1 for the overlap, ¼ for the centres, 1 for each side, whatever the size of the box."""
    for side in (1e-6, 3.0, 1e6):
        point, box = torch.zeros(4, dtype=dtype), torch.tensor([0.0, 0.0, 2 * side, side], dtype=dtype)
        assert loss("eiou_loss", point, box).item() == pytest.approx(3.25)


@each_dtype
@pytest.mark.parametrize("flat", [[0, 0, 0, 4], [0, 0, 4, 0]])
def test_a_hull_without_a_width_has_no_penalty_for_it(flat: list[int], dtype: torch.dtype) -> None:
    """Two segments of a line, one half of the other: 1 for no common area, ¹⁄₁₆ for the centres, ¼."""
    a = torch.tensor(flat, dtype=dtype)
    assert loss("eiou_loss", a, a / 2).item() == 1 + 1 / 16 + 1 / 4
    for slope in slopes("eiou_loss", a, a / 2):
        assert slope.isfinite().all()
        assert slope.abs().max() > 0


# Distribution focal loss


def test_bins() -> None:
    z = torch.randn(50, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = 7 * torch.rand(50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    left = y.long()
    ce_left = F.cross_entropy(z, left, reduction="none")
    ce_right = F.cross_entropy(z, left + 1, reduction="none")
    expected = ce_left * (left + 1 - y) + ce_right * (y - left)
    assert torch.allclose(loss("distribution_focal_loss", z, y), expected)
    on = torch.arange(8).repeat(7)[:50]
    assert torch.allclose(loss("distribution_focal_loss", z, on), F.cross_entropy(z, on, reduction="none"))
    many = z.reshape(5, 2, 5, 8), y.reshape(5, 2, 5)
    assert torch.allclose(loss("distribution_focal_loss", *many).reshape(-1), expected)


@pytest.mark.parametrize("bins", [2, 8])
def test_the_last_bin_is_a_target_like_any_other(bins: int) -> None:
    z = torch.randn(bins, requires_grad=True)
    for y in (float(bins - 1), bins - 1, bins - 1 - 1e-7, 0, 0.0):
        target = torch.tensor(y)
        before = target.clone()
        value = loss("distribution_focal_loss", z, target)
        assert value.item() == pytest.approx(-z.log_softmax(0)[round(y)].item(), abs=1e-5)
        assert torch.autograd.grad(value, z)[0].isfinite().all()
        assert torch.equal(target, before)


def test_an_impossible_bin_costs_infinity_if_it_has_a_share() -> None:
    z = torch.tensor([-math.inf, 0.0, -math.inf, 0.0])
    for y, expected in (
        (0.0, math.inf),
        (0.5, math.inf),
        (1.0, math.log(2)),
        (1.5, math.inf),
        (3.0, math.log(2)),
    ):
        assert loss("distribution_focal_loss", z, torch.tensor(y)).item() == pytest.approx(expected)


def test_the_best_distribution_has_the_target_as_its_mean() -> None:
    y = torch.tensor([1.3], dtype=torch.float64)
    best = torch.full((1, 5), -math.inf, dtype=torch.float64)
    best[0, 1], best[0, 2] = math.log(0.7), math.log(0.3)
    leaf = best.clone().requires_grad_()
    slope = torch.autograd.grad(loss("distribution_focal_loss", leaf, y).sum(), leaf)[0]
    assert slope.abs().max() < 1e-15
    assert (best.softmax(1) * torch.arange(5)).sum().item() == pytest.approx(1.3)
    for seed in range(50):
        other = torch.randn(1, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        assert loss("distribution_focal_loss", other, y) > loss("distribution_focal_loss", best, y)


def test_a_masked_bin_beside_a_target_on_a_bin() -> None:
    for y, masked in ((2, 3), (3, 2)):
        z = torch.zeros(1, 4)
        z[0, masked] = -math.inf
        z.requires_grad_()
        value = lossfns.distribution_focal_loss(z, torch.tensor([y]))
        assert value.item() == pytest.approx(math.log(3))
        assert torch.autograd.grad(value, z)[0].isfinite().all()


def test_bins_are_checked() -> None:
    for shape in ((), (3, 1), (0,)):
        with pytest.raises(ValueError, match="n at least 2 bins"):
            lossfns.distribution_focal_loss(torch.zeros(shape), torch.zeros(shape[:-1]))
    with pytest.raises(ValueError, match="target must have the shape of input without the bins"):
        lossfns.distribution_focal_loss(torch.zeros(3, 4), torch.zeros(3, 4))
    for bad in (-0.1, 3.1, math.nan):
        y = torch.tensor([1.0, bad])
        with lossfns.strict(), pytest.raises(ValueError, match=r"target must be from 0 to 3, got .* \(1,\)"):
            lossfns.distribution_focal_loss(torch.zeros(2, 4), y)
        with lossfns.strict():
            assert lossfns.distribution_focal_loss(
                torch.zeros(2, 4), y, weight=torch.tensor([1, 0])
            ).isfinite()


def test_the_gradient_in_the_target() -> None:
    z = torch.randn(1, 6, dtype=torch.float64)
    f: Callable[[Tensor], Tensor] = lambda y: loss("distribution_focal_loss", z, y)  # noqa: E731
    y = torch.tensor([2.4], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(f, y)


# Quality focal and varifocal loss

Z = verify.linspace(-9, 9, 201)
QUALITY = torch.rand(201, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
SURE = (20.0, 60.0, 95.0, 200.0, 1e4, math.inf)
each_beta = pytest.mark.parametrize("beta", [0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 7.0])


def cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, y, reduction="none")


def first_and_second(name: str, z: Tensor, y: Tensor, **hyper: float) -> tuple[Tensor, Tensor, Tensor]:
    """The unreduced loss and its derivatives."""
    z = z.clone().requires_grad_()
    value = loss(name, z, y, **hyper)
    (first,) = torch.autograd.grad(value.sum(), z, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), z)
    return value.detach(), first.detach(), second


@each_beta
def test_quality_focal_definition(beta: float) -> None:
    expected = (Z.sigmoid() - QUALITY).abs() ** beta * cross_entropy(Z, QUALITY)
    assert torch.allclose(loss("quality_focal_loss", Z, QUALITY, beta=beta), expected, rtol=1e-9)


def test_quality_focal_without_beta_is_cross_entropy() -> None:
    for y in (QUALITY, QUALITY.round()):
        ours = loss("quality_focal_loss", Z, y, beta=0.0)
        assert torch.allclose(ours, lossfns.binary_cross_entropy(Z, y, reduction="none"), rtol=1e-14)
    assert lossfns.quality_focal_loss(torch.zeros(1), torch.tensor([0.5]), beta=0.0).item() == pytest.approx(
        math.log(2)
    )


@each_beta
def test_quality_focal_of_labels_is_the_binary_focal_loss(beta: float) -> None:
    for y in (torch.zeros_like(Z), torch.ones_like(Z)):
        ours = first_and_second("quality_focal_loss", Z, y, beta=beta)
        theirs = first_and_second("binary_focal_loss", Z, y, gamma=beta)
        for a, b in zip(ours, theirs, strict=True):
            assert torch.allclose(a, b, rtol=1e-9, atol=0)


@each_beta
@each_dtype
def test_a_quality_that_is_met_costs_nothing(beta: float, dtype: torch.dtype) -> None:
    """Cross-entropy stays at log 2 here. All inputs are equal; |0|^β has no derivative of its own."""
    z, y = torch.zeros(3, dtype=dtype), torch.full((3,), 0.5, dtype=dtype)
    value, first, second = first_and_second("quality_focal_loss", z, y, beta=beta)
    assert value.tolist() == first.tolist() == [0.0] * 3
    bend = 2 * 0.25**2 * math.log(2) if beta == 2 else 0.0
    assert second.tolist() == pytest.approx([bend] * 3)


def test_quality_focal_is_least_where_the_quality_is_met() -> None:
    y = torch.tensor([0.02, 0.3, 0.77, 0.999]).double()
    at = first_and_second("quality_focal_loss", y.logit(), y)
    assert at[0].max() < 1e-30
    assert at[1].abs().max() < 1e-15
    for step in (1e-3, -1e-3, 1.0, -1.0):
        assert (loss("quality_focal_loss", y.logit() + step, y) > at[0]).all()


def test_the_curvature_of_a_small_beta_is_infinite_where_the_quality_is_met() -> None:
    """β (β − 1) |p − y|^(β − 2) (p (1 − p))² H at distance h: in h as in z at p = ½, where H = log 2."""
    h = torch.tensor([1e-4, -1e-4, 1e-8]).double()
    half = torch.full_like(h, 0.5)
    second = first_and_second("quality_focal_loss", h, half, beta=1.5)[2]
    expected = 0.75 * (h.abs() / 4) ** -0.5 / 16 * math.log(2)
    assert torch.allclose(second, expected, rtol=1e-3)


@each_beta
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_quality_focal_of_sure_scores(beta: float, dtype: torch.dtype) -> None:
    """Right ones are free, infinite ones too, others linear: at distance |y − p|, slope |y − p|^(β + 1)."""
    for logit in SURE:
        z = torch.tensor([logit, -logit, -logit, logit, -logit, logit], dtype=dtype)
        y = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.25, 0.25], dtype=dtype)
        some = slice(None) if math.isfinite(logit) else slice(2)
        value, first, second = first_and_second("quality_focal_loss", z[some], y[some], beta=beta)
        assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        steep = torch.tensor([0.0, 0.0, -1.0, 1.0, -(0.25 ** (beta + 1)), 0.75 ** (beta + 1)])[some].double()
        assert torch.allclose(first.double(), steep, atol=1e-6, rtol=max(1e-6, torch.finfo(dtype).eps))
        assert second.abs().max() < 1e-6
        assert value[:2].abs().max() < 1e-8
        assert torch.allclose(value[2:].double(), (steep * z[some]).double()[2:], rtol=1e-5)


def test_the_plain_formula_has_no_gradient_there() -> None:
    z, y = torch.tensor([200.0], requires_grad=True), torch.ones(1)
    plain = (z.sigmoid() - y).abs() ** 0.5 * cross_entropy(z, y)
    assert torch.autograd.grad(plain.sum(), z)[0].isnan().all()


def test_varifocal_definition() -> None:
    y = torch.where(torch.arange(201) % 3 == 0, 0.0, QUALITY)
    p = Z.sigmoid()
    for alpha, gamma in ((0.75, 2.0), (0.3, 0.0), (2.0, 0.5)):
        expected = torch.where(y > 0, y, alpha * p**gamma) * cross_entropy(Z, y)
        ours = loss("varifocal_loss", Z, y, alpha=alpha, gamma=gamma)
        assert torch.allclose(ours, expected, rtol=1e-12)


def test_varifocal_relatives() -> None:
    ones, zeros = torch.ones_like(Z), torch.zeros_like(Z)
    assert torch.allclose(loss("varifocal_loss", Z, ones, gamma=7.0), cross_entropy(Z, ones))
    negative = loss("varifocal_loss", Z, zeros, alpha=0.6)
    assert torch.allclose(negative, 0.6 * loss("binary_focal_loss", Z, zeros))
    assert torch.allclose(negative, 0.6 * loss("quality_focal_loss", Z, zeros))


def test_a_positive_that_is_met_costs_its_entropy() -> None:
    y = torch.tensor([0.02, 0.3, 0.77, 0.999]).double()
    value, first, second = first_and_second("varifocal_loss", y.logit(), y)
    assert torch.allclose(value, -y * (y * y.log() + (1 - y) * (1 - y).log()))
    assert first.abs().max() < 1e-15
    assert torch.allclose(second, y * y * (1 - y))


def test_the_factor_of_a_negative_has_a_gradient() -> None:
    """At p = ½: α/4 (½ + log 2); with the factor held constant it would be α/8."""
    slope = first_and_second("varifocal_loss", torch.zeros(1), torch.zeros(1))[1].item()
    assert slope == pytest.approx(0.75 / 4 * (0.5 + math.log(2)))
    assert slope > 2 * 0.75 / 8


def test_a_target_that_is_not_detached_has_a_gradient() -> None:
    """d/dy of y (softplus(z) − y z), and 0 for a negative."""
    z, y = torch.tensor([0.7, 0.7, -3.0]).double(), torch.tensor([0.4, 0.0, 1.0]).double().requires_grad_()
    (slope,) = torch.autograd.grad(loss("varifocal_loss", z, y).sum(), y)
    expected = F.softplus(z) - 2 * y.detach() * z
    assert slope.tolist() == pytest.approx([float(expected[0]), 0.0, float(expected[2])])


def test_a_quality_of_0_is_a_negative() -> None:
    z = torch.tensor([2.0, 2.0])
    tiny, nothing = loss("varifocal_loss", z, torch.tensor([1e-6, 0.0])).tolist()
    assert tiny < 1e-5
    assert nothing == pytest.approx(0.75 * 0.880797**2 * 2.126928)


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_varifocal_of_sure_scores(gamma: float, dtype: torch.dtype) -> None:
    for logit in SURE:
        z = torch.tensor([logit, -logit, -logit, logit], dtype=dtype)
        y = torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=dtype)
        value, first, second = first_and_second("varifocal_loss", z, y, gamma=gamma)
        assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        assert value[:2].abs().max() < 1e-8
        if math.isfinite(logit):
            assert value[2:].tolist() == pytest.approx([float(z[0]), 0.75 * float(z[0])], rel=1e-6)
            assert first.tolist() == pytest.approx([0.0, 0.0, -1.0, 0.75], abs=1e-6)
            assert second.abs().max() < 1e-6


@pytest.mark.parametrize("name", ["quality_focal_loss", "varifocal_loss"])
def test_qualities_are_not_swallowed(name: str) -> None:
    """NaN stays; a GIoU below 0 is refused; what has weight 0 is neither."""
    z, y = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.5, math.nan, -0.25])
    assert loss(name, z, y)[1].isnan()
    for other in (y[:2], y[[0, 2]]):
        with lossfns.strict(), pytest.raises(ValueError, match=r"target must be from 0 to 1, got .* \(1,\)"):
            loss(name, z[:2], other)
    z.requires_grad_()
    with lossfns.strict():
        value = loss(name, z, y, weight=torch.tensor([1, 0, 0]), reduction="mean")
    assert value == loss(name, z[:1], y[:1]).item()
    assert torch.autograd.grad(value, z)[0][1:].tolist() == [0, 0]
