"""What is particular to losses of masks: identities, published pitfalls, deletion of pixels, brute force."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

import lossfns
from lossfns import _chunked, _eager, verify
from tests.cases.segmentation import CASES, choquet
from tests.support import gradient, one_graph_for_many, wrong_index

OVERLAP = ("dice_loss", "jaccard_loss", "tversky_loss", "focal_tversky_loss", "generalized_dice_loss")
SOFTMAX = (*OVERLAP, "lovasz_softmax_loss")
REFERENCES = {case.name: case.reference for case in CASES if case.form != "indices"}
C, SIZE = 3, (4, 5)

each_softmax = pytest.mark.parametrize("name", SOFTMAX)
each_overlap = pytest.mark.parametrize("name", OVERLAP)


def loss(name: str, *tensors: Tensor, **kwargs: Any) -> Tensor:
    value: Tensor = getattr(lossfns, name)(*tensors, **kwargs)
    return value


def masks(n: int = 2, seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    z = 2 * torch.randn(n, C, *SIZE, generator=generator, dtype=torch.float64)
    return z.to(dtype), torch.randint(C, (n, *SIZE), generator=generator)


def one_hot(y: Tensor) -> Tensor:
    return F.one_hot(y, C).movedim(-1, 1).double()


def by_loop(name: str, z: Tensor, t: Tensor, **hyper: Any) -> Tensor:
    """The reference, image by image."""
    images = zip(z.flatten(2).tolist(), t.flatten(2).tolist(), strict=True)
    return torch.tensor([REFERENCES[name](math, *image, **hyper) for image in images], dtype=torch.float64)


@pytest.mark.parametrize("name", OVERLAP)
@pytest.mark.parametrize("smooth", [0.0, 1.0, 7.5])
@pytest.mark.parametrize("multilabel", [False, True])
def test_overlap_by_a_loop(name: str, smooth: float, multilabel: bool) -> None:
    z, y = masks()
    for target in (one_hot(y),) if multilabel else (y, one_hot(y), masks(seed=1)[0].softmax(1)):
        t = target if target.ndim == z.ndim else one_hot(target)
        got = loss(name, z, target, smooth=smooth, multilabel=multilabel, reduction="none")
        assert torch.allclose(got, by_loop(name, z, t, smooth=smooth, multilabel=multilabel), rtol=1e-12)


def test_identities() -> None:
    z, y = masks()
    for smooth in (0.0, 1.0, 3.0):
        kw: dict[str, Any] = {"smooth": smooth, "reduction": "none"}
        dice, jaccard = loss("dice_loss", z, y, **kw), loss("jaccard_loss", z, y, **kw)
        assert torch.allclose(loss("tversky_loss", z, y, **kw), dice)
        assert torch.allclose(loss("tversky_loss", z, y, alpha=1, beta=1, **kw), jaccard)
        assert torch.allclose(loss("focal_tversky_loss", z, y, alpha=0.5, beta=0.5, gamma=1.0, **kw), dice)
        if smooth == 0:
            assert torch.allclose(jaccard, 2 * dice / (1 + dice))
            assert (jaccard - dice).max() <= 3 - 2 * math.sqrt(2)
        p, t = z.softmax(1).flatten(2), one_hot(y).flatten(2)
        classic = 1 - (2 * (p * t).sum(2) + smooth) / (p.sum(2) + t.sum(2) + smooth)
        assert torch.allclose(dice, classic)
        single = z[:, :1], one_hot(y)[:, :1]
        kw["multilabel"] = True
        assert torch.allclose(
            loss("generalized_dice_loss", *single, **kw), loss("dice_loss", *single, **kw).squeeze(1)
        )


def test_tversky_at_f_beta_prices_is_f_beta() -> None:
    z = torch.tensor([[[99, 99, -99, -99, 99.0]]])  # found 2, missed 2, false 1
    t = torch.tensor([[[1, 1, 1, 1, 0]]])
    precision, recall = 2 / 3, 1 / 2
    for b in (0.5, 1.0, 2.0):
        f = (1 + b * b) * precision * recall / (b * b * precision + recall)
        prices = {"alpha": 1 / (1 + b * b), "beta": b * b / (1 + b * b)}
        assert loss("tversky_loss", z, t, **prices, smooth=0.0, multilabel=True).item() == pytest.approx(
            1 - f
        )
    assert loss(
        "tversky_loss", z, t, alpha=1.0, beta=0.0, smooth=0.0, multilabel=True
    ).item() == pytest.approx(1 / 3)


def test_generalized_dice_without_a_pixel_of_some_classes() -> None:
    z, absent = masks(1)[0], torch.zeros(1, *SIZE, dtype=torch.int64)
    assert loss("generalized_dice_loss", z, absent, smooth=0.0).isfinite()


def test_the_gradient_of_dice() -> None:
    """−2 (y S − I) / S² in the probability of a pixel."""
    z = torch.randn(1, 1, 12, dtype=torch.float64)
    t = (torch.rand(1, 1, 12) < 0.4).double()
    p = z.sigmoid()
    total, both = (p + t).sum(), (p * t).sum()
    expected = -2 * (t * total - both) / total**2 * p * (1 - p)
    got = gradient(lambda v: loss("dice_loss", v, t, smooth=0.0, multilabel=True), z)
    assert torch.allclose(got, expected)


# Published pitfalls


def test_everything_predicted_on_an_empty_mask() -> None:
    z, empty = torch.full((1, 1, 2, 2), 9.0), torch.zeros(1, 1, 2, 2)
    for name in ("dice_loss", "jaccard_loss", "tversky_loss", "generalized_dice_loss"):
        assert loss(name, z, empty, multilabel=True).item() == pytest.approx(0.8, abs=1e-4)
        assert (gradient(lambda v: loss(name, v, empty, multilabel=True), z) > 0).all()  # noqa: B023
        assert loss(name, -z, empty, multilabel=True).item() == pytest.approx(4.94e-4, rel=1e-2)


@pytest.mark.parametrize("name", ["dice_loss", "jaccard_loss", "tversky_loss", "generalized_dice_loss"])
def test_smooth_pixels_cost_a_half_where_the_class_is_absent(name: str) -> None:
    z = torch.full((1, 1, 8), -500.0)
    z[..., :3] = 500.0
    value = loss(name, z, torch.zeros(1, 1, 8), smooth=3.0, multilabel=True)
    assert value.item() == 0.5


@each_overlap
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nothing_predicted_of_an_absent_class_costs_nothing(name: str, dtype: torch.dtype) -> None:
    for logit in (-math.inf, -1e4, -500.0, -103.0, -95.0, -89.0, -87.0, -50.0):
        for smooth in (0.0, 1.0):
            z = torch.full((1, 1, 6), logit, dtype=dtype, requires_grad=True)
            value = loss(name, z, torch.zeros(1, 1, 6), smooth=smooth, multilabel=True)
            slope = torch.autograd.grad(value, z)[0]
            assert slope.isfinite().all(), (logit, smooth)
            if smooth or logit < -745:
                assert value.item() < 1e-15


@each_softmax
def test_perfect_masks_cost_nothing(name: str) -> None:
    _, y = masks()
    for scale in (200.0, 1e4):
        z = (scale * (one_hot(y) - 0.5)).requires_grad_()
        value = loss(name, z, y)
        assert value.item() < 1e-30
        assert torch.autograd.grad(value, z)[0].abs().max() < 1e-30


def test_soft_masks_cost_nothing_where_they_are_met() -> None:
    for p in (0.5, 0.2):
        z = torch.full((2, 1, 4), math.log(p / (1 - p)), dtype=torch.float64)
        t = z.sigmoid()
        for name in OVERLAP:
            for smooth in (0.0, 1.0):
                value = loss(name, z, t, smooth=smooth, multilabel=True)
                assert value.item() == pytest.approx(0, abs=1e-12)
                higher = loss(name, z + 0.1, t, smooth=smooth, multilabel=True)
                assert min(higher, loss(name, z - 0.1, t, smooth=smooth, multilabel=True)) > 1e-3


def test_focal_tversky_at_a_perfect_index() -> None:
    z = torch.full((1, 1, 4), 500.0, requires_grad=True)
    for gamma in (0.5, 1.0, 4 / 3, 4.0):
        value = loss("focal_tversky_loss", z, torch.ones(1, 1, 4), gamma=gamma, multilabel=True)
        assert value.item() == 0
        assert torch.equal(torch.autograd.grad(value, z)[0], torch.zeros_like(z))


@pytest.mark.parametrize("name", OVERLAP)
def test_soft_masks_along_a_line_might_be_maps_without_classes(name: str) -> None:
    z, t = torch.zeros(2, C, 6), torch.full((2, C, 6), 1 / C)
    with pytest.raises(ValueError, match="may be maps without classes"):
        loss(name, z, t)
    assert loss(name, z.unsqueeze(-1), t.unsqueeze(-1)) < 1  # an axis of length 1 says that they are classes


@each_softmax
def test_one_channel_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="input must have at least 2 channels.*multilabel"):
        loss(name, torch.zeros(1, 1, 4), torch.zeros(1, 4, dtype=torch.int64))


def test_targets_that_cannot_be_meant_are_refused() -> None:
    z, y = masks()
    with pytest.raises(ValueError, match="target must have the shape of input.*multilabel"):
        lossfns.dice_loss(z, y, multilabel=True)
    with pytest.raises(ValueError, match="target must have class indices"):
        lossfns.lovasz_softmax_loss(z, one_hot(y))
    with pytest.raises(ValueError, match=r"target must have class indices, .* got \(2, 3\)"):
        lossfns.lovasz_softmax_loss(z[:, :, 0, 0], one_hot(y)[:, :, 0, 0])
    with pytest.raises(ValueError, match="input must have shape"):
        lossfns.lovasz_softmax_loss(torch.zeros(3), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ValueError, match="classes must be one of 'present', 'all'"):
        lossfns.lovasz_softmax_loss(z, y, classes="some")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="class_weight must have one value for each of the 3 classes"):
        lossfns.dice_loss(z, y, class_weight=torch.ones(4))


@each_overlap
def test_slopes_where_the_prediction_underflows(name: str) -> None:
    """Without a smooth term, numbers too small to divide by must not make an infinite slope, or NaN."""
    for gap in (80.0, 88.0, 95.0, 100.0, 103.0, 110.0):
        z = torch.tensor([[[gap], [0.0], [gap - 1]]]).expand(1, 3, 5).clone().requires_grad_()
        y = torch.zeros(1, 5, dtype=torch.int64)
        value = loss(name, z, y, smooth=0.0)
        assert torch.autograd.grad(value, z)[0].isfinite().all(), gap


def test_a_weight_does_not_bring_absent_classes_back() -> None:
    z, y = masks()
    y[y == 2] = 1
    weight = torch.tensor([1.0, 3.0, 5.0]).double()
    values = lossfns.lovasz_softmax_loss(z, y, reduction="none", classes="all")
    assert torch.allclose(lossfns.lovasz_softmax_loss(z, y, weight=weight), (values[:2] @ weight[:2]) / 4)


# Weights and deletion


def test_a_mean_is_weighted_by_class_and_image() -> None:
    z, y = masks()
    class_weight, image = torch.tensor([1.0, 2.0, 0.0]).double(), torch.tensor([[1.0], [3.0]]).double()
    none = loss("dice_loss", z, y, reduction="none")
    w = class_weight * image
    expected = (w * none).sum() / w.sum()
    assert torch.allclose(loss("dice_loss", z, y, class_weight=class_weight, weight=image), expected)
    assert torch.allclose(loss("dice_loss", z, y, weight=w), expected)
    assert torch.allclose(loss("dice_loss", z, y, class_weight=torch.full((3,), 7.0)), none.mean())


@each_softmax
@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
def test_ignored_pixels_are_deleted(name: str, poison: float) -> None:
    z, y = masks(1)
    keep = torch.rand(SIZE, generator=torch.Generator().manual_seed(3)) < 0.6
    clean = loss(name, z[..., keep], y[..., keep])
    slope = gradient(lambda v: loss(name, v, y[..., keep]), z[..., keep])
    for ignore_index in (-100, 255, -1):
        dirty, target = z.clone(), y.clone()
        dirty[..., ~keep], target[..., ~keep] = poison, ignore_index
        kw: dict[str, Any] = {"ignore_index": ignore_index}
        assert torch.allclose(loss(name, dirty, target, **kw), clean)
        got = gradient(lambda v: loss(name, v, target, **kw), dirty)  # noqa: B023
        assert torch.allclose(got[..., keep], slope)
        assert (got[..., ~keep] == 0).all()


@pytest.mark.parametrize("name", [*OVERLAP, "lovasz_hinge_loss"])
def test_ignored_pixels_of_masks_are_deleted(name: str) -> None:
    z, y = masks(1)
    t = one_hot(y).long()
    keep = torch.rand(SIZE, generator=torch.Generator().manual_seed(3)) < 0.6
    kw: dict[str, Any] = {} if name == "lovasz_hinge_loss" else {"multilabel": True}
    clean, slope = loss(name, z[..., keep], t[..., keep], **kw), None
    slope = gradient(lambda v: loss(name, v, t[..., keep], **kw), z[..., keep])
    dirty, target = z.clone(), t.clone()
    dirty[..., ~keep], target[..., ~keep] = math.nan, 255
    assert torch.allclose(loss(name, dirty, target, ignore_index=255, **kw), clean)
    got = gradient(lambda v: loss(name, v, target, ignore_index=255, **kw), dirty)
    assert torch.allclose(got[..., keep], slope)
    assert (got[..., ~keep] == 0).all()


@each_softmax
def test_all_pixels_ignored(name: str) -> None:
    z = torch.full((2, C, *SIZE), math.nan, requires_grad=True)
    value = loss(name, z, torch.full((2, *SIZE), -100))
    assert value.shape == ()
    assert value.item() == 0
    assert torch.equal(torch.autograd.grad(value, z)[0], torch.zeros_like(z))


def test_all_pixels_of_a_hinge_ignored() -> None:
    z = torch.full((2, *SIZE), math.nan, requires_grad=True)
    value = lossfns.lovasz_hinge_loss(z, torch.full((2, *SIZE), 255), ignore_index=255)
    assert value.item() == 0
    assert torch.equal(torch.autograd.grad(value, z)[0], torch.zeros_like(z))


@each_softmax
@pytest.mark.parametrize("shape", [(0, 3, 4, 5), (2, 3, 0), (2, 3, 4, 0), (0, 3)])
def test_no_images_and_no_pixels(name: str, shape: tuple[int, ...]) -> None:
    z = torch.zeros(shape, requires_grad=True)
    value = loss(name, z, torch.zeros((shape[0], *shape[2:]), dtype=torch.int64))
    assert value.item() == 0
    assert torch.autograd.grad(value, z)[0].shape == shape


@each_softmax
def test_images_without_pixel_dimensions_and_volumes(name: str) -> None:
    z, y = masks()
    kw: dict[str, Any] = {"per_image": True} if name == "lovasz_softmax_loss" else {}
    whole = loss(name, z, y, reduction="none", **kw)
    for shape in ((20,), (2, 2, 5), (1, 20), (20, 1, 1)):
        reshaped = loss(name, z.reshape(2, C, *shape), y.reshape(2, *shape), reduction="none", **kw)
        torch.testing.assert_close(reshaped, whole)
    rows = z.movedim(1, -1).reshape(-1, C), y.reshape(-1)
    pixels = rows[0].unsqueeze(-1), rows[1].unsqueeze(-1)
    assert torch.equal(loss(name, *rows), loss(name, *pixels))


@each_softmax
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_precision(name: str, dtype: torch.dtype) -> None:
    z, y = masks(dtype=dtype)
    value = loss(name, z, y.to(torch.int16))
    assert value.dtype is torch.float32
    assert torch.allclose(value.double(), loss(name, z.double(), y), rtol=1e-6)
    slope = gradient(lambda v: loss(name, v, y), z)
    assert slope.dtype is dtype


@pytest.mark.parametrize("elsewhere", [False, True])
def test_digits_of_many_pixels_and_of_small_losses(elsewhere: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running float32 sum is 1e-4 off here; 1 − index in float32 has no digit of the small loss."""
    if elsewhere:
        monkeypatch.setattr(_eager, "can_read", lambda t: False)
    y = torch.arange(2**20).remainder(4).unsqueeze(0)
    noise = torch.randn(1, 4, 2**20, generator=torch.Generator().manual_seed(0))
    for gap, tolerance in ((0.0, 1e-6), (17.0, 1e-6)):
        z = noise + gap * F.one_hot(y, 4).movedim(-1, 1)
        for name in ("dice_loss", "jaccard_loss", "tversky_loss"):
            exact = loss(name, z.double(), y, reduction="none")
            assert torch.allclose(loss(name, z, y, reduction="none").double(), exact, rtol=tolerance, atol=0)
            assert gap == 0 or exact.max() < 1e-6


# The batch as one image


def one_image(z: Tensor) -> Tensor:
    """(N, C, H, W) as (1, C, N · H, W)."""
    return z.transpose(0, 1).flatten(1, 2).unsqueeze(0)


@each_overlap
@pytest.mark.parametrize("kind", ["indices", "one-hot", "soft", "multilabel", "soft multilabel"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_batch_is_one_image_of_all_pixels(
    name: str, kind: str, chunked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if chunked:
        monkeypatch.setattr(_chunked, "CHUNK", 2)
    z, y = masks(3)
    soft = masks(3, seed=1)[0].softmax(1)
    target = {"indices": y, "one-hot": one_hot(y), "multilabel": one_hot(y)}.get(kind, soft)
    multilabel = "multilabel" in kind
    hypers: list[dict[str, Any]] = (
        [{"smooth": 0.0}, {"smooth": 7.5}, {"ignore_index": 1}] if kind == "indices" else [{"smooth": 2.0}]
    )
    for hyper in hypers:
        kw: dict[str, Any] = {"multilabel": multilabel, **hyper}
        whole = y.flatten(0, 1).unsqueeze(0) if kind == "indices" else one_image(target)
        if name == "generalized_dice_loss":
            size: tuple[int, ...] = ()
        else:
            size = (C,)
            kw["class_weight"] = torch.tensor([0.5, 3.0, 1.0])
        found = loss(name, z, target, batch=True, reduction="none", **kw)
        assert found.shape == size
        torch.testing.assert_close(found, loss(name, one_image(z), whole, reduction="none", **kw)[0])
        together = loss(name, z, target, batch=True, **kw)
        torch.testing.assert_close(together, loss(name, one_image(z), whole, **kw))
        got = gradient(lambda v: loss(name, v, target, batch=True, **kw), z)  # noqa: B023
        expected = gradient(lambda v: loss(name, v, whole, **kw), one_image(z))  # noqa: B023
        torch.testing.assert_close(one_image(got), expected)
    if kind != "indices":
        kw.pop("class_weight", None)
        found = loss(name, z, target, batch=True, reduction="none", **kw)
        torch.testing.assert_close(found, by_loop(name, one_image(z), one_image(target), **kw)[0])


@pytest.mark.parametrize(
    ("name", "each", "together"), [("dice_loss", 1 / 2, 1 / 3), ("jaccard_loss", 1 / 2, 1 / 2)]
)
def test_a_batch_of_a_full_mask_and_an_empty_one(name: str, each: float, together: float) -> None:
    """All is predicted: right in one image, wrong in the other, and half of all is right."""
    z, t = torch.full((2, 1, 4), 500.0), torch.tensor([[[1.0] * 4], [[0.0] * 4]])
    kw: dict[str, Any] = {"multilabel": True, "smooth": 0.0}
    assert loss(name, z, t, **kw).item() == pytest.approx(each)
    assert loss(name, z, t, batch=True, **kw).item() == pytest.approx(together)


def test_the_sizes_of_classes_are_those_of_the_batch() -> None:
    """Sizes 4 and 4, not 1 and 3 here and 3 and 1 there: all classes weigh alike, and the ratio is plain."""
    z, y = masks(2)
    z, y = z[:, :2, :1, :4], torch.tensor([[[0, 0, 0, 1]], [[0, 1, 1, 1]]])
    p, t = z.softmax(1), F.one_hot(y, 2).movedim(-1, 1)
    expected = (p - t).abs().sum() / (p + t).sum()
    torch.testing.assert_close(lossfns.generalized_dice_loss(z, y, smooth=0.0, batch=True), expected)
    assert not torch.isclose(lossfns.generalized_dice_loss(z, y, smooth=0.0), expected)


@each_overlap
@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_an_image_is_left_out_of_a_batch_by_its_target(name: str, multilabel: bool, poison: float) -> None:
    z, y = masks(3)
    t = one_hot(y) if multilabel else y
    kw: dict[str, Any] = {"multilabel": multilabel, "batch": True, "ignore_index": 255}
    kept = loss(name, z[1:], t[1:], **kw)
    slope = gradient(lambda v: loss(name, v, t[1:], **kw), z[1:])
    dirty, target = z.clone(), t.clone()
    dirty[0], target[0] = poison, 255
    torch.testing.assert_close(loss(name, dirty, target, **kw), kept)
    got = gradient(lambda v: loss(name, v, target, **kw), dirty)
    torch.testing.assert_close(got[1:], slope)
    assert (got[0] == 0).all()


@each_overlap
def test_images_of_a_batch_have_no_weights(name: str) -> None:
    z, y = masks(2)
    with pytest.raises(
        ValueError, match=r"weight must broadcast to .*; an image is left out .* ignore_index"
    ):
        loss(name, z, y, batch=True, weight=torch.tensor([[1.0], [0.0]]))


@pytest.mark.parametrize("name", [n for n in OVERLAP if n != "generalized_dice_loss"])
@pytest.mark.parametrize("by", ["weight", "class_weight"])
def test_weights_of_the_classes_of_a_batch(name: str, by: str) -> None:
    z, y = masks()
    weight = torch.tensor([0.0, 1.0, 3.0]).double()
    each = loss(name, z, y, batch=True, reduction="none")
    found = loss(name, z, y, batch=True, **{by: weight})
    torch.testing.assert_close(found, (each * weight).sum() / weight.sum())
    t = one_hot(y)
    kept = loss(name, z[:, 1:], t[:, 1:], multilabel=True, batch=True, reduction="none")
    z[:, 0], t[:, 0] = math.nan, math.nan
    kw: dict[str, Any] = {"multilabel": True, "batch": True, by: weight}
    with lossfns.strict():
        none = loss(name, z, t, reduction="none", **kw)
    torch.testing.assert_close(none, torch.cat([torch.zeros(1), kept * weight[1:]]))
    slope = gradient(lambda v: loss(name, v, t, **kw), z)
    assert (slope[:, 0] == 0).all()
    assert slope.isfinite().all()


@each_softmax
@pytest.mark.parametrize("chunked", [False, True])
def test_all_of_a_batch_weighs_nothing(name: str, chunked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if chunked:
        monkeypatch.setattr(_chunked, "CHUNK", 1)
    z = torch.full((2, C, *SIZE), math.nan)
    kw: dict[str, Any] = {} if name == "lovasz_softmax_loss" else {"batch": True}
    y = torch.zeros(2, *SIZE, dtype=torch.int64)
    for target, weight in ((y, torch.tensor(0.0)), (y - 100, None)):
        assert loss(name, z, target, weight=weight, **kw).item() == 0
        slope = gradient(lambda v: loss(name, v, target, weight=weight, **kw), z)  # noqa: B023
        assert torch.equal(slope, torch.zeros_like(z))


@each_overlap
@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 3, 0)])
def test_a_batch_of_nothing(name: str, shape: tuple[int, ...]) -> None:
    z = torch.zeros(shape, requires_grad=True)
    value = loss(name, z, torch.zeros(shape[0], shape[2], dtype=torch.int64), batch=True)
    assert value.item() == 0
    assert torch.autograd.grad(value, z)[0].shape == shape


@each_overlap
def test_a_batch_under_vmap_and_twice_differentiated(name: str) -> None:
    z, y = masks(4)
    z, y = z.unflatten(0, (2, 2)), y.unflatten(0, (2, 2))

    def f(z: Tensor, y: Tensor) -> Tensor:
        return loss(name, z, y, batch=True, reduction="none")

    torch.testing.assert_close(
        torch.func.vmap(f)(z, y), torch.stack([f(*pair) for pair in zip(z, y, strict=True)])
    )
    if name != "generalized_dice_loss":  # its weights are constants
        few = z[0, :, :, :2, :2].clone().requires_grad_()
        assert torch.autograd.gradgradcheck(lambda v: f(v, y[0, :, :2, :2]), few)


# Centre-line Dice


def sure(*masks: Tensor) -> Tensor:
    """Logits that are sure of masks (N, H, W), (N, 1, H, W)."""
    return torch.stack([200.0 * (2 * mask.float() - 1) for mask in masks], 1)


def centre_line(z: Tensor, mask: Tensor, **kwargs: Any) -> Tensor:
    return lossfns.cl_dice_loss(z, mask.unsqueeze(1), multilabel=True, **kwargs)


def band(low: int, high: int) -> Tensor:
    """A road along a map of 9 × 6 pixels."""
    mask = torch.zeros(1, 9, 6)
    mask[:, low:high] = 1
    return mask


def test_widths_do_not_count_but_gaps_do() -> None:
    wide, narrow = band(2, 7), band(4, 5)
    for one, other in ((wide, narrow), (narrow, wide), (wide, wide), (band(3, 6), wide)):
        assert centre_line(sure(one), other).item() == 0
    gap = narrow.clone()
    gap[..., 2] = 0
    for smooth in (0.25, 1.0):
        sensitivity = (5 + smooth) / (6 + smooth)
        expected = 1 - 2 * sensitivity / (1 + sensitivity)
        for true in (wide, narrow):
            assert centre_line(sure(gap), true, smooth=smooth).item() == pytest.approx(expected, rel=1e-6)
            swapped = centre_line(sure(true), gap, smooth=smooth)
            if true is narrow:  # what is a gap here is a false piece there
                assert swapped.item() == pytest.approx(expected, rel=1e-6)
    apart = centre_line(sure(band(0, 1)), band(5, 6), smooth=0.5)
    assert apart.item() == pytest.approx(1 - 0.5 / 6.5)


def test_erosions_have_to_reach_the_middle() -> None:
    """Half of a road of 5 pixels is eroded in two steps; before, it has no skeleton but the 1 of smooth."""
    wide, elsewhere = band(2, 7), sure(band(8, 9))
    precision = 1 / 7
    for iterations in range(5):
        sensitivity = 1 / 7 if iterations >= 2 else 1
        expected = 1 - 2 * precision * sensitivity / (precision + sensitivity)
        found = centre_line(elsewhere, wide, iterations=iterations)
        assert found.item() == pytest.approx(expected, rel=1e-6), iterations
    whole = torch.ones(1, 9, 6)
    assert centre_line(elsewhere, whole, iterations=9).item() == 0, "a mask that fills the image has none"


def by_scipy(x: Tensor, iterations: int) -> Tensor:
    """The soft skeleton of one image or volume by the morphology of SciPy; beyond the edge is the edge."""
    image, left = x.numpy(), 1.0
    cross = ndimage.generate_binary_structure(x.ndim, 1)
    for _ in range(iterations + 1):
        eroded = ndimage.grey_erosion(image, footprint=cross, mode="nearest")
        opened = ndimage.grey_dilation(eroded, size=3, mode="nearest")
        left = left * (1 - np.maximum(image - opened, 0))
        image = eroded
    return torch.from_numpy(1 - left)


@pytest.mark.parametrize("size", [(7, 9), (5, 6, 4), (1, 8), (3, 1, 2)])
@pytest.mark.parametrize("iterations", [0, 1, 4])
@pytest.mark.parametrize("soft", [False, True])
def test_centre_lines_of_images_and_volumes_by_scipy(
    size: tuple[int, ...], iterations: int, soft: bool
) -> None:
    generator = torch.Generator().manual_seed(0)
    z = 3 * torch.randn(2, 2, *size, generator=generator, dtype=torch.float64)
    t = torch.rand(z.shape, generator=generator, dtype=torch.float64)
    t = t if soft else (t > 0.3).double()
    found = lossfns.cl_dice_loss(z, t, multilabel=True, iterations=iterations, smooth=0.5, reduction="none")
    for n, c in itertools.product(range(2), range(2)):
        p, mask = z[n, c].sigmoid(), t[n, c]
        thin, true = by_scipy(p, iterations), by_scipy(mask, iterations)
        assert (thin <= p + 1e-12).all()
        precision = (torch.minimum(thin, mask).sum() + 0.5) / (thin.sum() + 0.5)
        sensitivity = (torch.minimum(true, p).sum() + 0.5) / (true.sum() + 0.5)
        expected = 1 - 2 * precision * sensitivity / (precision + sensitivity)
        assert found[n, c].item() == pytest.approx(expected.item(), rel=1e-10)
    turned = [v.transpose(2, -1) for v in (z, t)]
    same = lossfns.cl_dice_loss(*turned, multilabel=True, iterations=iterations, smooth=0.5, reduction="none")
    torch.testing.assert_close(same, found)


@pytest.mark.parametrize("kind", ["indices", "one-hot", "multilabel"])
@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_what_is_ignored_lies_beyond_the_edge(kind: str, poison: float) -> None:
    """A column without labels parts an image in two, which a batch counts as one."""
    generator = torch.Generator().manual_seed(0)
    z = 2 * torch.randn(1, C, 5, 9, generator=generator, dtype=torch.float64)
    y = torch.randint(C, (1, 5, 9), generator=generator)
    target = y if kind == "indices" else one_hot(y)
    kw: dict[str, Any] = {"multilabel": kind == "multilabel", "iterations": 2, "reduction": "none"}

    def halves(v: Tensor) -> Tensor:
        return torch.cat([v[..., :4], v[..., 5:]])

    dirty, holes = z.clone(), target.clone()
    dirty[..., 4], holes[..., 4] = poison, 255
    found = lossfns.cl_dice_loss(dirty, holes, ignore_index=255, **kw)
    torch.testing.assert_close(found[0], lossfns.cl_dice_loss(halves(z), halves(target), batch=True, **kw))
    got = gradient(lambda v: lossfns.cl_dice_loss(v, holes, ignore_index=255, **kw), dirty)
    expected = gradient(lambda v: lossfns.cl_dice_loss(v, halves(target), batch=True, **kw), halves(z))
    torch.testing.assert_close(halves(got), expected)
    assert (got[..., 4] == 0).all()


def test_one_hot_masks_have_the_centre_lines_of_indices() -> None:
    z, y = masks()
    z = z + 30 * one_hot(y)  # 1 − p in float32 has no digits left
    for dtype in (torch.float64, torch.float32):
        a, b = (lossfns.cl_dice_loss(z.to(dtype), t, reduction="none") for t in (y, one_hot(y).to(dtype)))
        torch.testing.assert_close(a, b, rtol=1e-6, atol=0)
        exact = lossfns.cl_dice_loss(z, y, reduction="none")
        torch.testing.assert_close(a.double(), exact, rtol=1e-4, atol=0)
        assert 0 < exact.min() < exact.max() < 1e-9


def test_soft_masks_have_no_centre_line_loss_where_they_are_met() -> None:
    z = masks()[0]
    assert lossfns.cl_dice_loss(z, z.sigmoid(), multilabel=True).item() == pytest.approx(0, abs=1e-12)
    assert lossfns.cl_dice_loss(z, z.softmax(1)).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("smooth", [1e-300, 1e-30, 1.0, 1e300])
@pytest.mark.parametrize("logit", [-math.inf, -500.0, -90.0, 0.0, 500.0])
def test_flat_predictions_have_no_centre_line(smooth: float, logit: float) -> None:
    for mask in (band(4, 5), torch.zeros(1, 9, 6), torch.ones(1, 9, 6)):
        z = torch.full((1, 1, 9, 6), logit, requires_grad=True)
        value = centre_line(z, mask, smooth=smooth)
        assert torch.autograd.grad(value, z)[0].isfinite().all()
        if mask[0, 4, 0] and not mask[0, 0, 0]:
            p = torch.sigmoid(z[0, 0, 0, 0].detach()).item()
            sensitivity = 1.0 if smooth > 1e9 else (6 * p + smooth) / (6 + smooth)
            expected = 1 - 2 * sensitivity / (1 + sensitivity)
            assert value.item() == pytest.approx(expected, abs=1e-6)
        else:
            assert value.item() == 0


@pytest.mark.parametrize("shape", [(0, 2, 3, 4), (2, 2, 0, 4), (2, 2, 3, 0, 1)])
def test_no_centre_line_of_no_pixels(shape: tuple[int, ...]) -> None:
    z = torch.zeros(shape, requires_grad=True)
    for batch in (False, True):
        value = lossfns.cl_dice_loss(z, torch.zeros(shape), multilabel=True, batch=batch)
        assert value.item() == 0
        assert torch.autograd.grad(value, z)[0].shape == shape


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 2, 2, 2, 2)])
def test_centre_lines_are_of_images_or_volumes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"input must have shape \(N, C, H, W\) or \(N, C, D, H, W\), got"):
        lossfns.cl_dice_loss(torch.zeros(shape), torch.zeros(shape), multilabel=True)


@one_graph_for_many
def test_one_graph_serves_centre_lines_of_every_size() -> None:
    graphs = []

    def count(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    compiled: Any = torch.compile(lossfns.cl_dice_loss, fullgraph=True, dynamic=True, backend=count)
    for size in ((2, C, 6, 5), (3, C, 11, 4), (2, C, 7, 9)):
        z, y = torch.randn(size), torch.randint(C, (size[0], *size[2:]))
        assert torch.allclose(compiled(z, y), lossfns.cl_dice_loss(z, y), atol=1e-6)
    assert len(graphs) == 1


# Boundary


def signed_distance(mask: Tensor) -> Tensor:
    """As the docstring says to make it."""
    m = mask.numpy()
    return torch.from_numpy(ndimage.distance_transform_edt(1 - m) - ndimage.distance_transform_edt(m))


def test_the_boundary_loss_adds_the_distances_of_wrong_pixels() -> None:
    """Above its least value: what is between the boundaries, each pixel with its distance."""
    true, guess = torch.zeros(9, 12), torch.zeros(9, 12)
    true[2:7, 3:8], guess[3:9, 1:7] = 1, 1
    d = signed_distance(true)
    kw: dict[str, Any] = {"multilabel": True, "reduction": "sum"}

    def of(mask: Tensor) -> float:
        return lossfns.boundary_loss(2000 * (mask.double() - 0.5)[None, None], d[None, None], **kw).item()

    assert of(true) == pytest.approx(d[d < 0].sum().item(), rel=1e-12)
    assert of(true) < 0
    assert of(1 - true) == pytest.approx(d[d > 0].sum().item(), rel=1e-12)
    assert of(torch.zeros(9, 12)) == 0
    assert of(guess) - of(true) == pytest.approx(d[true != guess].abs().sum().item(), rel=1e-12)
    shifted = true.roll(1, 1)
    further = true.roll(3, 1)
    assert of(true) < of(shifted) < of(further)
    near, far = torch.zeros(9, 12), torch.zeros(9, 12)
    near[4, 8] = far[8, 11] = 1
    assert of(near) == 1
    assert of(far) == math.sqrt(20), "two rows down and four columns to the right"


def test_the_gradient_of_the_boundary_loss_is_the_distance() -> None:
    z = masks()[0]
    d = 3 * torch.randn(z.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    p = z.sigmoid()
    got = gradient(lambda v: lossfns.boundary_loss(v, d, multilabel=True, reduction="sum"), z)
    torch.testing.assert_close(got / (p * (1 - p)), d)
    p = z.softmax(1)
    got = gradient(lambda v: lossfns.boundary_loss(v, d, reduction="sum"), z)
    torch.testing.assert_close(got, p * (d - (p * d).sum(1, keepdim=True)))
    torch.testing.assert_close(lossfns.boundary_loss(z, d), (p * d).mean())


@pytest.mark.parametrize("by", ["weight", "class_weight"])
@pytest.mark.parametrize("multilabel", [False, True])
def test_the_map_of_a_class_without_weight_is_not_looked_at(by: str, multilabel: bool) -> None:
    z, d = masks()[0], masks(seed=4)[0]
    p = z.sigmoid() if multilabel else z.softmax(1)
    expected = (p * d)[:, 1:].mean()
    class_weight = torch.tensor([0.0, 2.0, 2.0])
    weight = class_weight if by == "class_weight" else class_weight.view(-1, 1, 1)
    d[:, 0] = math.nan
    if multilabel:
        z[:, 0] = math.nan
    kw: dict[str, Any] = {"multilabel": multilabel, by: weight}
    with lossfns.strict():
        torch.testing.assert_close(lossfns.boundary_loss(z, d, **kw), expected)
    slope = gradient(lambda v: lossfns.boundary_loss(v, d, **kw), z)
    assert slope.isfinite().all()
    assert (slope[:, 0] == 0).all() == multilabel, "a softmax lifts the others by lowering this one"


def test_pixels_without_weight_have_no_boundary_loss() -> None:
    z, d = masks()[0], masks(seed=4)[0]
    keep = torch.rand(2, 1, *SIZE, generator=torch.Generator().manual_seed(3)) < 0.6
    expected = (z.softmax(1) * d)[keep.expand_as(z)].mean()
    hole = ~keep.expand_as(z)
    z, d = z.masked_fill(hole, math.nan), d.masked_fill(hole, math.inf)
    torch.testing.assert_close(lossfns.boundary_loss(z, d, weight=keep), expected)
    slope = gradient(lambda v: lossfns.boundary_loss(v, d, weight=keep), z)
    assert slope.isfinite().all()
    assert (slope[hole] == 0).all()


def test_boundary_losses_that_cannot_be_meant_are_refused() -> None:
    z = torch.zeros(2, 1, 4, 4)
    with pytest.raises(ValueError, match=r"input must have .* 2 channels .* got \(2, 1, 4, 4\).*multilabel"):
        lossfns.boundary_loss(z, z)
    for shape in ((2, 4, 4), (2, 1, 4, 1), (1, 1, 4, 4)):
        with pytest.raises(ValueError, match="distance must have the shape of input"):
            lossfns.boundary_loss(z, torch.zeros(shape), multilabel=True)
    with pytest.raises(ValueError, match=r"input must have shape \(N, C, \*\)"):
        lossfns.boundary_loss(z.flatten(), z.flatten(), multilabel=True)


# Lovász


def jaccard_set_loss(wrong: tuple[int, ...], foreground: tuple[int, ...]) -> float:
    """1 − |A ∩ B| / |A ∪ B| for the mask that is wrong in just those pixels."""
    predicted = set(foreground) ^ set(wrong)
    union = predicted | set(foreground)
    return 1 - len(predicted & set(foreground)) / len(union) if union else 0.0


def test_lovasz_is_the_choquet_integral_of_the_jaccard_loss() -> None:
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(1, C, 9, generator=generator, dtype=torch.float64)
        y = torch.randint(C, (1, 9), generator=generator)
        errors = (z.softmax(1) - one_hot(y)).abs()
        expected = [choquet(errors[0, c].tolist(), (y[0] == c).tolist()) for c in range(C)]
        got = lossfns.lovasz_softmax_loss(z, y, classes="all", reduction="none")
        assert got.tolist() == pytest.approx(expected, abs=1e-12)
        labels = (y == 0).long()
        hinge = torch.relu(1 - (2 * labels - 1) * z[:, 0])
        expected_hinge = choquet(hinge[0].tolist(), (labels[0] == 1).tolist())
        assert lossfns.lovasz_hinge_loss(z[:, 0], labels).item() == pytest.approx(expected_hinge, abs=1e-12)


@pytest.mark.parametrize("truth", list(itertools.product((0, 1), repeat=4)))
def test_lovasz_is_the_jaccard_loss_at_every_vertex(truth: tuple[int, ...]) -> None:
    y = torch.tensor([truth])
    foreground = tuple(i for i, v in enumerate(truth) if v)
    for guess in itertools.product((0, 1), repeat=4):
        on = 1000.0 * (2 * torch.tensor([guess], dtype=torch.float64) - 1)
        z = torch.stack([-on, on], 1)
        wrong = tuple(i for i in range(4) if guess[i] != truth[i])
        expected = jaccard_set_loss(wrong, foreground)
        got = lossfns.lovasz_softmax_loss(z, y, classes="all", reduction="none")[1]
        assert got.item() == pytest.approx(expected, abs=1e-12)
        jaccard = lossfns.jaccard_loss(z, y, smooth=0.0, reduction="none")[0, 1]
        assert jaccard.item() == pytest.approx(expected, abs=1e-12)


def test_lovasz_is_convex_in_the_errors_and_the_hinge_in_the_logits() -> None:
    labels = torch.tensor([1, 0, 0, 1, 0])

    def hinge(z: Tensor) -> Tensor:
        return lossfns.lovasz_hinge_loss(z, labels.expand(z.shape), per_image=True, reduction="none")

    points = verify.random_points(-3, 3, 5)
    assert verify.convex(hinge, points)

    def of_probabilities(p: Tensor) -> Tensor:
        z = torch.stack([torch.log1p(-p), torch.log(p)], 1)
        return lossfns.lovasz_softmax_loss(z, labels.expand(p.shape), per_image=True, reduction="none")[:, 1]

    assert verify.convex(of_probabilities, verify.random_points(0.001, 0.999, 5))
    dice = verify.convex(
        lambda p: lossfns.dice_loss(
            torch.logit(p).unsqueeze(1),
            labels.expand(p.shape).unsqueeze(1),
            multilabel=True,
            reduction="none",
        ).squeeze(1),
        verify.random_points(0.001, 0.999, 5),
    )
    assert not dice


def test_per_image_is_one_image_at_a_time_and_present_classes_count_alike() -> None:
    z, y = masks(4)
    y[0], y[1][y[1] == 2] = 0, 1
    values = lossfns.lovasz_softmax_loss(z, y, per_image=True, reduction="none", classes="all")
    present = torch.stack([one_hot(y)[n].flatten(1).any(1) for n in range(4)])
    for n in range(4):
        alone = lossfns.lovasz_softmax_loss(z[n : n + 1], y[n : n + 1], reduction="none", classes="all")
        assert torch.allclose(values[n], alone)
    assert torch.allclose(lossfns.lovasz_softmax_loss(z, y, per_image=True), values[present].mean())
    assert not present.all()
    assert torch.equal(
        lossfns.lovasz_softmax_loss(z, y, per_image=True, reduction="none"), torch.where(present, values, 0.0)
    )
    hinge = lossfns.lovasz_hinge_loss(z[:, 0], (y == 1).long(), per_image=True, reduction="none")
    for n in range(4):
        assert torch.allclose(hinge[n], lossfns.lovasz_hinge_loss(z[n, 0], (y[n] == 1).long()))


@pytest.mark.parametrize("weighted", [False, True])
def test_otherwise_all_images_are_one_set(weighted: bool) -> None:
    z, y = masks(4)
    y[:, 0] = -100
    as_one = (z.movedim(1, 0).flatten(1).unsqueeze(0), y.flatten().unsqueeze(0))
    by_class = torch.tensor([2.0, 0.0, 1.0]) if weighted else None
    for classes in ("present", "all"):
        softmax = [
            lossfns.lovasz_softmax_loss(
                *pair, classes=classes, per_image=per_image, weight=by_class, reduction=reduction
            )
            for pair, per_image in (((z, y), False), (as_one, True))
            for reduction in ("none", "mean")
        ]
        assert softmax[0].shape == (C,)
        torch.testing.assert_close(softmax[0], softmax[2][0])
        torch.testing.assert_close(softmax[1], softmax[3])
    z, y = z[:, 0], torch.where(y == 2, 0, y)
    single = torch.tensor(3.0) if weighted else None
    value = lossfns.lovasz_hinge_loss(z, y, weight=single, reduction="none")
    each = lossfns.lovasz_hinge_loss(z.flatten()[None], y.flatten()[None], per_image=True)
    assert value.shape == ()
    torch.testing.assert_close(value, each * (3 if weighted else 1))
    assert lossfns.lovasz_hinge_loss(math.nan * z, y, weight=torch.tensor(0.0)) == 0


@pytest.mark.parametrize("name", [n for n in OVERLAP if n != "generalized_dice_loss"])
@pytest.mark.parametrize("by", ["weight", "class_weight"])
def test_a_mask_of_weight_0_is_deleted(name: str, by: str) -> None:
    """With ``multilabel`` a class stands alone: nothing in it can be seen."""
    z, y = masks()
    z, t = z.flatten(2), one_hot(y).flatten(2)
    kept = loss(name, z[:, 1:], t[:, 1:], multilabel=True, reduction="sum")
    z[:, 0], t[:, 0] = math.nan, math.nan
    weight = torch.tensor([0.0, 1.0, 1.0])
    with lossfns.strict():
        value = loss(name, z, t, multilabel=True, reduction="sum", **{by: weight})
    torch.testing.assert_close(value, kept)
    slope = gradient(lambda x: loss(name, x, t, multilabel=True, **{by: weight}), z)
    assert (slope[:, 0] == 0).all()
    assert slope.isfinite().all()


@each_overlap
def test_targets_of_deleted_images_are_not_checked(name: str) -> None:
    z, t = masks()[0], torch.full((2, C, *SIZE), 1 / C).double()
    t[0] = 0.7
    weight = torch.tensor([0.0, 1.0]) if name == "generalized_dice_loss" else torch.tensor([[0.0], [1.0]])
    with lossfns.strict():
        assert loss(name, z, t, weight=weight).isfinite()
        with pytest.raises(ValueError, match="target must be probabilities that sum to 1"):
            loss(name, z, t, weight=weight.flip(0))


def test_ties_go_in_the_order_of_the_pixels() -> None:
    """Equal errors: the value is the same in any order, the gradient is that of the first pixels first."""
    z = torch.zeros(3, dtype=torch.float64)
    labels = torch.tensor([1, 0, 1])
    got = gradient(lambda v: lossfns.lovasz_hinge_loss(v, labels), z)
    assert got.tolist() == pytest.approx([-1 / 2, 1 / 6, -1 / 3])


@pytest.mark.parametrize("name", ["lovasz_softmax_loss", "lovasz_hinge_loss"])
def test_the_sort_is_stable_in_every_path(name: str) -> None:
    """The bits of floats sort as the floats do: the compiled path, which sorts floats, finds the same."""
    z = torch.randint(-3, 4, (2, 2, 40), generator=torch.Generator().manual_seed(0)).double()
    y = torch.randint(2, (2, 40), generator=torch.Generator().manual_seed(1))
    y[:, ::7] = -100
    arguments = (z, y) if "softmax" in name else (z[:, 0], y)
    compiled: Any = torch.compile(getattr(lossfns, name), fullgraph=True, backend="aot_eager")
    for dtype in (torch.float32, torch.float64):
        leaf = arguments[0].to(dtype).requires_grad_()
        a = torch.autograd.grad(loss(name, leaf, y), leaf)[0]
        b = torch.autograd.grad(compiled(leaf, y), leaf)[0]
        assert torch.allclose(a, b, atol=1e-7)


def test_lovasz_gradients_keep_their_digits_in_float32() -> None:
    """Differences of a cumulative Jaccard index are 1 % off here."""
    z = torch.randn(1, 4, 2**17, generator=torch.Generator().manual_seed(0))
    y = torch.randint(4, (1, 2**17), generator=torch.Generator().manual_seed(1))
    exact = gradient(lambda v: lossfns.lovasz_softmax_loss(v, y), z.double())
    got = gradient(lambda v: lossfns.lovasz_softmax_loss(v, y), z).double()
    relative = (got - exact).abs() / exact.abs()
    assert relative.median() < 1e-6


# Machinery


@one_graph_for_many
@pytest.mark.parametrize(
    ("name", "kw"), [*((n, {}) for n in SOFTMAX), *((n, {"batch": True}) for n in OVERLAP)], ids=str
)
def test_one_graph_serves_images_of_every_size(name: str, kw: dict[str, Any]) -> None:
    graphs = []

    def count(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    compiled: Any = torch.compile(getattr(lossfns, name), fullgraph=True, dynamic=True, backend=count)
    for size in ((2, C, 6), (3, C, 11), (2, C, 50)):
        z, y = torch.randn(size), torch.randint(C, (size[0], size[2]))
        assert torch.allclose(compiled(z, y, **kw), loss(name, z, y, **kw), atol=1e-6)
    assert len(graphs) == 1


@pytest.mark.parametrize("elsewhere", [False, True])
def test_no_one_hot_of_the_target_is_kept(elsewhere: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor made of more than a piece; on other devices than a CPU, and compiled, not even of that."""
    if elsewhere:
        monkeypatch.setattr(_eager, "can_read", lambda t: False)
    else:
        monkeypatch.setattr(_chunked, "CHUNK", 1000)
    z, y = torch.randn(2, 20, 64, 64, requires_grad=True), torch.randint(20, (2, 64, 64))
    kept: dict[int, int] = {}

    def pack(t: Tensor) -> Tensor:
        kept[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        lossfns.dice_loss(z, y)
    assert sum(kept.values()) < 1.5 * z.untyped_storage().nbytes()


@pytest.mark.parametrize("ignored", [False, True])
def test_both_ways_to_count_agree(ignored: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    z, y = masks(3)
    z.requires_grad_()
    if ignored:
        y[..., ::2] = 255
    found = []
    for elsewhere in (False, True):
        monkeypatch.setattr(_eager, "can_read", lambda t, no=elsewhere: not no)
        value = lossfns.tversky_loss(z, y, alpha=0.2, ignore_index=255, reduction="none")
        (slope,) = torch.autograd.grad(value.square().sum(), z, create_graph=True)
        found.append((value, slope, torch.autograd.grad(slope.square().sum(), z)[0]))
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("chunk", [_chunked.CHUNK, 7])
@pytest.mark.parametrize("kind", ["indices", "ignored", "masks", "masks, ignored"])
def test_the_gradient_made_of_what_is_kept_is_the_plain_one(
    kind: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_chunked, "CHUNK", chunk)
    z, y = masks(3)
    t = y if "masks" not in kind else torch.randint(2, z.shape)
    if "ignored" in kind:
        t[..., ::2] = 255
    found = []
    for elsewhere in (False, True):
        monkeypatch.setattr(_eager, "can_read", lambda t, no=elsewhere: not no)
        leaf = z.clone().requires_grad_()
        kw: dict[str, Any] = {"multilabel": "masks" in kind, "ignore_index": 255, "reduction": "none"}
        value = lossfns.tversky_loss(leaf, t, alpha=0.2, **kw)
        value.square().sum().backward()
        found.append((value, leaf.grad))
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-14)


@wrong_index
@pytest.mark.parametrize("index", [-1, 3, 255])
@pytest.mark.parametrize("name", ["dice_loss", "jaccard_loss", "generalized_dice_loss", "tversky_loss"])
def test_an_index_that_is_no_class_is_refused_where_none_can_be_read(
    name: str, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    z, y = masks()
    y[0, 0] = index
    monkeypatch.setattr(_eager, "can_read", lambda x: False)
    with pytest.raises((IndexError, RuntimeError)):
        loss(name, z, y)


@pytest.mark.parametrize("missed", [-2.0, -10.0, -20.0, -60.0])
def test_a_pixel_that_is_missed_by_far_has_its_gradient(missed: float) -> None:
    z, t = torch.tensor([[[missed, 3.0, -1.0]]]), torch.tensor([[[1.0, 1.0, 0.0]]])
    slope = gradient(lambda v: lossfns.dice_loss(v, t, multilabel=True), z)

    def dice(v: Tensor) -> Tensor:
        p = v.sigmoid()
        return 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)

    torch.testing.assert_close(slope, gradient(dice, z.double()).float(), rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize(("dtype", "low"), [(torch.float32, -20.0), (torch.float64, -45.0)])
def test_what_is_found_has_digits_where_it_is_little(
    dtype: torch.dtype, low: float, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 − precision is one ninth, however small the probability: 1 − (1 − p) would be 0 here."""
    if elsewhere:
        monkeypatch.setattr(_eager, "can_read", lambda t: False)
    y = (torch.arange(9) > 0).long().unsqueeze(0)
    z = torch.tensor([0.0, low], dtype=dtype)[:, None].expand(1, 2, 9)
    precision: dict[str, Any] = {"alpha": 1.0, "beta": 0.0, "smooth": 0.0, "reduction": "none"}
    for value in (
        lossfns.tversky_loss(z, y, **precision)[:, 1],
        lossfns.tversky_loss(z[:, 1:], y.unsqueeze(1), multilabel=True, **precision)[:, 0],
    ):
        assert value.item() == pytest.approx(1 / 9, rel=1e-6)


@wrong_index
def test_an_index_that_is_no_class_is_refused() -> None:
    for bad in (3, -1, 255):
        with pytest.raises(IndexError, match=f"an index from 0 to 2 or ignore_index, got {bad}"):
            lossfns.dice_loss(torch.zeros(1, 3, 4), torch.tensor([[0, 1, 2, bad]]))


def test_strict_checks_what_is_not_deleted() -> None:
    z, y = masks()
    with lossfns.strict():
        for name in SOFTMAX:
            for bad in (3, -1):
                wrong = y.clone()
                wrong[1, 2, 3] = bad
                with pytest.raises(ValueError, match=r"target must be .* at index \(1, 2, 3\)"):
                    loss(name, z, wrong)
                assert loss(name, z, wrong, ignore_index=bad).isfinite()
        with pytest.raises(ValueError, match="target must be 0 or 1, got 2"):
            lossfns.lovasz_hinge_loss(z[:, 0], torch.full((2, *SIZE), 2))
        with pytest.raises(ValueError, match="target must be from 0 to 1"):
            lossfns.dice_loss(z, one_hot(y) * 2, multilabel=True)
        with pytest.raises(ValueError, match="sum to 1"):
            lossfns.dice_loss(z, one_hot(y) * 0.5)
        assert lossfns.dice_loss(z, one_hot(y) * 0.5, multilabel=True).isfinite()


def test_lovasz_of_all_images_has_a_weight_for_each_class() -> None:
    z = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(7))
    y = torch.arange(15).view(3, 5) % 4
    w = torch.tensor([1.0, 0.0, 2.0, 0.5])
    each = lossfns.lovasz_softmax_loss(z, y, reduction="none")
    assert each.shape == (4,)
    found = lossfns.lovasz_softmax_loss(z, y, weight=w)
    torch.testing.assert_close(found, (w * each).sum() / w.sum())
    with pytest.raises(ValueError, match=r"weight must broadcast to .* \(4,\), got \(3, 4\)"):
        lossfns.lovasz_softmax_loss(z, y, weight=w.expand(3, 4))
