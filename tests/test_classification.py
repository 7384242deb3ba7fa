"""What is particular to single losses for labels: identities, edges, published pitfalls."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import lossfns
from lossfns import _eager, verify
from lossfns.catalog import cards
from tests.support import gradient, wrong_index

INF = math.inf
Z = verify.random_points(-4, 4, 5, n=60)
Y = torch.arange(60) % 5
W = torch.tensor([0.2, 1.0, 3.0, 0.5, 2.0], dtype=torch.float64)
ONE_HOT = F.one_hot(Y, 5).double()
OVER_CLASSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": lossfns.cross_entropy,
    "brier_loss": lossfns.brier_loss,
    "spherical_loss": lossfns.spherical_loss,
    "sparsemax_loss": lossfns.sparsemax_loss,
    "ranked_probability_loss": lossfns.ranked_probability_loss,
    "multiclass_hinge_loss": lossfns.multiclass_hinge_loss,
    "generalized_cross_entropy": lossfns.generalized_cross_entropy,
    "symmetric_cross_entropy": lossfns.symmetric_cross_entropy,
    "poly_loss": lossfns.poly_loss,
    "focal_loss": lossfns.focal_loss,
    "logit_adjusted_loss": lambda *a, **k: lossfns.logit_adjusted_loss(*a, class_prior=W, **k),
    "ldam_loss": lambda *a, **k: lossfns.ldam_loss(*a, class_count=10 * W, scale=5.0, **k),
}
over_classes = pytest.mark.parametrize("loss", OVER_CLASSES.values(), ids=OVER_CLASSES.keys())


def same(a: Tensor, b: Tensor, tol: float = 1e-12) -> bool:
    return bool(torch.allclose(a, b, rtol=tol, atol=tol))


@over_classes
def test_one_hot_rows_are_the_index(loss: Callable[..., Tensor]) -> None:
    for target in (ONE_HOT, ONE_HOT.long(), ONE_HOT.bool(), ONE_HOT.half()):
        assert same(loss(Z, target, reduction="none"), loss(Z, Y, reduction="none"))
        assert same(gradient(partial(loss, target=target), Z), gradient(lambda z: loss(z, Y), Z))


@over_classes
def test_class_dimension_is_1_and_positions_follow_it(loss: Callable[..., Tensor]) -> None:
    image, labels = Z.reshape(3, 4, 5, 5).movedim(-1, 1), Y.reshape(3, 4, 5)
    assert same(loss(image, labels, reduction="none"), loss(Z, Y, reduction="none").reshape(3, 4, 5))
    soft = ONE_HOT.reshape(3, 4, 5, 5).movedim(-1, 1)
    assert same(loss(image, soft), loss(Z, Y))


@over_classes
@pytest.mark.parametrize("ignored", [-100, 255, 2, -1])
def test_ignored_entries_are_deleted(loss: Callable[..., Tensor], ignored: int) -> None:
    drop = torch.arange(60) % 3 == 0
    target = torch.where(drop, ignored, Y)
    keep = target != ignored
    poisoned = torch.where(keep[:, None], Z, torch.nan)
    clean = loss(Z[keep], Y[keep])
    assert same(loss(poisoned, target, ignore_index=ignored), clean)
    slope = gradient(lambda z: loss(z, target, ignore_index=ignored), poisoned)
    assert same(slope[keep], gradient(lambda z: loss(z, Y[keep]), Z[keep]))
    assert (slope[~keep] == 0).all()
    everything = loss(Z, torch.full_like(Y, ignored), ignore_index=ignored)
    assert everything.item() == 0


@over_classes
def test_a_masked_class_costs_nothing_and_gets_no_gradient(loss: Callable[..., Tensor]) -> None:
    masked = Z.clone()
    masked[:, 4] = -INF
    rows = Y != 4
    absent = torch.where(rows[:, None], masked, Z)
    for target in (Y, ONE_HOT):
        value = loss(absent, target, reduction="none")[rows]
        slope = gradient(lambda z: loss(z, target, reduction="none")[rows], absent)  # noqa: B023
        assert value.isfinite().all()
        assert slope.isfinite().all()
        assert (slope[rows, 4] == 0).all()
    if loss is not OVER_CLASSES["ldam_loss"]:
        far = torch.where(absent == -INF, -1e4, absent)
        assert same(loss(absent, Y, reduction="none")[rows], loss(far, Y, reduction="none")[rows])


@over_classes
def test_a_masked_label_costs_infinity_or_the_bound(loss: Callable[..., Tensor]) -> None:
    z = torch.tensor([[0.0, -INF, 0.0, 0.0, 0.0]]).double()
    bounds = {
        "brier_loss": 1.25,
        "spherical_loss": 1.0,
        "ranked_probability_loss": (1 + 9 + 4 + 1) / 16,
        "generalized_cross_entropy": 1 / 0.7,
    }
    name = next(n for n, f in OVER_CLASSES.items() if f is loss)
    assert loss(z, torch.tensor([1])).item() == pytest.approx(bounds.get(name, INF))
    half = loss(z, torch.tensor([[0.5, 0.5, 0.0, 0.0, 0.0]]).double()).item()
    assert math.isfinite(half) if name in bounds else half == INF


@over_classes
def test_an_index_outside_the_classes(loss: Callable[..., Tensor]) -> None:
    for bad in (5, -1, 255):
        target = torch.where(torch.arange(60) == 7, bad, Y)
        with lossfns.strict(), pytest.raises(ValueError, match=rf"from 0 to 4, got {bad} at index \(7,\)"):
            loss(Z, target)
        with lossfns.strict():
            loss(Z, target, weight=(torch.arange(60) != 7))
            loss(Z, target, ignore_index=bad)
    with pytest.raises(ValueError, match="target must have an integer dtype"):
        loss(Z, Y.float())
    with pytest.raises(ValueError, match="target must have an integer dtype"):
        loss(Z, Y.bool())
    with pytest.raises(ValueError, match=r"input must have shape \(N, C, \*\)"):
        loss(Z[0], Y[0])


def test_a_weight_that_fits_in_two_ways_is_refused() -> None:
    """Of the rows or of the columns? The axes of length 1 say it."""
    square, rows = torch.zeros(3, 3), torch.tensor([1.0, 0.0, 2.0])
    with pytest.raises(ValueError, match=r"weight must fit the unreduced loss in one way, got \(3,\)"):
        lossfns.mse_loss(square, square, weight=rows)
    assert lossfns.mse_loss(square, square + 1, weight=rows.view(3, 1)) == 1
    images = torch.zeros(2, 3, 4, 3)
    with pytest.raises(
        ValueError, match=r"pos_weight must fit input in one way, got \(3,\), which is axis 1"
    ):
        lossfns.binary_cross_entropy(images, images, pos_weight=rows)
    assert lossfns.binary_cross_entropy(images, images, pos_weight=rows.view(3, 1, 1)) > 0


@wrong_index
@pytest.mark.parametrize("known", [True, False])
def test_an_index_that_is_no_class_is_an_error_anywhere(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With our words where the values can be read; otherwise with those of torch."""
    monkeypatch.setattr(_eager, "can_read", lambda x: known)
    with pytest.raises(IndexError, match="target must be an index from 0 to 2" if known else "out of bounds"):
        lossfns.cross_entropy(torch.zeros(1, 3), torch.tensor([3]))
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    with pytest.raises(IndexError, match="out of bounds"):
        lossfns.cross_entropy(torch.zeros(1, 3), torch.tensor([3]))


def test_a_weight_of_the_classes_is_told_its_name() -> None:
    with pytest.raises(ValueError, match="weights of the classes are class_weight"):
        lossfns.cross_entropy(torch.zeros(4, 3), torch.zeros(4, dtype=torch.long), weight=torch.ones(3))
    with pytest.raises(ValueError, match="^(?!.*class_weight)"):
        lossfns.cross_entropy(torch.zeros(4, 3), torch.zeros(4, dtype=torch.long), weight=torch.ones(5))


def test_probabilities_must_sum_to_one_under_strict() -> None:
    half = ONE_HOT / 2
    for loss in (*OVER_CLASSES.values(), lossfns.kl_divergence):
        loss(Z, half)
        with lossfns.strict(), pytest.raises(ValueError, match=r"sum to 1 .* got 0.5 at index \(0,\)"):
            loss(Z, half)
        with lossfns.strict():
            loss(Z, Z.softmax(1).half())


class TestCrossEntropy:
    def test_is_torchs_where_torch_is_right(self) -> None:
        for smoothing in (0.0, 0.1):
            for target in (Y, Z.flip(0).softmax(1)):
                ours = lossfns.cross_entropy(Z, target, label_smoothing=smoothing)
                assert same(ours, F.cross_entropy(Z, target, label_smoothing=smoothing))
        assert same(lossfns.cross_entropy(Z, Y, class_weight=W), F.cross_entropy(Z, Y, weight=W))
        ours = lossfns.cross_entropy(Z, Y, class_weight=W, label_smoothing=0.1, reduction="sum")
        assert same(ours, F.cross_entropy(Z, Y, weight=W, label_smoothing=0.1, reduction="sum"))

    def test_class_weights_count_the_same_for_one_hot_targets(self) -> None:
        z, w = torch.tensor([[2.0, 1.0], [1.0, 2.0]]), torch.tensor([1.0, 3.0])
        for target in (torch.tensor([0, 1]), torch.eye(2)):
            assert lossfns.cross_entropy(z, target, class_weight=w).item() == pytest.approx(0.31326, abs=1e-5)

    @pytest.mark.parametrize("smoothing", [0.0, 0.2])
    @pytest.mark.parametrize("target", [Y, ONE_HOT, Z.softmax(1)], ids=["index", "one-hot", "soft"])
    def test_a_weighted_mean_is_a_mean(self, smoothing: float, target: Tensor) -> None:
        for w in (W, 7 * W, torch.ones(5)):
            value = lossfns.cross_entropy(
                torch.zeros(60, 5).double(), target, class_weight=w, label_smoothing=smoothing
            )
            assert value.item() == pytest.approx(math.log(5), abs=1e-12)
        alike = lossfns.cross_entropy(Z, target, class_weight=3 * torch.ones(5), label_smoothing=smoothing)
        assert same(alike, lossfns.cross_entropy(Z, target, label_smoothing=smoothing))

    def test_smoothing_is_a_change_of_target(self) -> None:
        smooth = 0.9 * ONE_HOT + 0.1 / 5
        for w in (None, W):
            for target in (Y, ONE_HOT):
                ours = lossfns.cross_entropy(Z, target, class_weight=w, label_smoothing=0.1)
                assert same(ours, lossfns.cross_entropy(Z, smooth, class_weight=w))

    def test_a_class_of_weight_0_is_deleted(self) -> None:
        w = torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0])
        poisoned = torch.where((Y == 2)[:, None], torch.nan, Z)
        for target in (Y, ONE_HOT):
            value = lossfns.cross_entropy(poisoned, target, class_weight=w)
            assert same(value, lossfns.cross_entropy(Z[Y != 2], Y[Y != 2]))
            loss = partial(lossfns.cross_entropy, target=target, class_weight=w)
            slope = gradient(loss, poisoned)
            assert slope.isfinite().all()

    def test_all_targets_ignored(self) -> None:
        z = torch.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
        value = lossfns.cross_entropy(z, torch.tensor([-100]))
        assert value.item() == 0
        assert torch.autograd.grad(value, z)[0].tolist() == [[0.0, 0.0, 0.0]]

    def test_micro_batches_add_up(self) -> None:
        first = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
        second = torch.tensor([[0.0, 1.0], [3.0, 0.0], [0.0, 0.0]]), torch.tensor([0, 1, -100])
        whole = lossfns.cross_entropy(torch.cat([first[0], second[0]]), torch.cat([first[1], second[1]]))
        sums = [lossfns.cross_entropy(*part, reduction="sum") for part in (first, second)]
        assert whole.item() == pytest.approx(1.49626, abs=1e-5)
        assert torch.stack(sums).sum().item() / 3 == pytest.approx(whole.item())

    def test_half_precision_over_a_large_vocabulary(self) -> None:
        value = lossfns.cross_entropy(torch.zeros(2, 131072).half(), torch.tensor([0, 131071]))
        assert value.dtype is torch.float32
        assert value.item() == pytest.approx(math.log(131072))

    def test_shifting_all_logits_changes_nothing(self) -> None:
        shifted = Z + 1e4 * torch.arange(60).double()[:, None]
        assert same(lossfns.cross_entropy(shifted, Y), lossfns.cross_entropy(Z, Y), 1e-9)

    def test_class_weights_of_another_shape_are_refused(self) -> None:
        for w in (torch.ones(4), torch.ones(5, 1), torch.tensor(1.0)):
            with pytest.raises(ValueError, match=r"class_weight must have one value .* 5 classes"):
                lossfns.cross_entropy(Z, Y, class_weight=w)
        with lossfns.strict(), pytest.raises(ValueError, match="class_weight must be finite and at least 0"):
            lossfns.cross_entropy(Z, Y, class_weight=-W)

    def test_gradients_reach_soft_targets(self) -> None:
        t = Z.flip(0).softmax(1)
        slope = gradient(lambda t: lossfns.cross_entropy(Z, t, reduction="sum"), t)
        assert same(slope, -Z.log_softmax(1))


class TestBinaryCrossEntropy:
    x = torch.tensor([INF, -INF, 20.0, -20.0, 200.0, -200.0, 0.0])

    def test_certain_and_right_costs_nothing(self) -> None:
        for x, y in ((INF, 1), (-INF, 0)):
            logit = torch.tensor([x, 0.0])
            value = lossfns.binary_cross_entropy(logit, torch.tensor([y, 1]), reduction="none")
            assert value.tolist() == pytest.approx([0.0, math.log(2)])
            slope = gradient(partial(lossfns.binary_cross_entropy, target=torch.tensor([y, 1])), logit)
            assert slope.tolist() == [0.0, -0.25]
        wrong = lossfns.binary_cross_entropy(
            torch.tensor([INF, -INF]), torch.tensor([0, 1]), reduction="none"
        )
        assert wrong.tolist() == [INF, INF]

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_value_and_gradient_keep_their_digits(self, dtype: torch.dtype) -> None:
        for x in (20.0, 30.0, 60.0):
            for sign, y in ((1, 1.0), (-1, 0.0)):
                z, target = torch.tensor([sign * x], dtype=dtype), torch.tensor([y], dtype=dtype)
                value = lossfns.binary_cross_entropy(z, target)
                slope = gradient(partial(lossfns.binary_cross_entropy, target=target), z)
                assert value.item() == pytest.approx(math.log1p(math.exp(-x)), rel=1e-5)
                assert slope.item() == pytest.approx(-sign / (1 + math.exp(x)), rel=1e-5)

    def test_curvature_at_zero(self) -> None:
        """Formulas with |z| get the gradient or the Hessian wrong at 0, where training starts."""
        zero = torch.zeros(1, dtype=torch.float64)
        for y in (0.0, 1.0, 0.5):
            target = torch.tensor([y], dtype=torch.float64)
            loss = partial(lossfns.binary_cross_entropy, target=target)
            assert torch.autograd.functional.hessian(loss, zero).item() == 0.25
            assert gradient(loss, zero).item() == 0.5 - y

    def test_is_two_class_cross_entropy(self) -> None:
        z = Z[:, 0]
        for y in (Y % 2, torch.rand(60).double()):
            probabilities = torch.stack([1 - y, y], 1).double()
            logits = torch.stack([torch.zeros_like(z), z], 1)
            assert same(lossfns.binary_cross_entropy(z, y), lossfns.cross_entropy(logits, probabilities))

    def test_pos_weight(self) -> None:
        z, y = Z, (Y % 2)[:, None].expand(60, 5)
        for weight in (3.0, torch.tensor(3.0), torch.arange(1.0, 6), torch.rand(60, 5) + 1):
            theirs = F.binary_cross_entropy_with_logits(z, y.double(), pos_weight=torch.as_tensor(weight))
            assert same(lossfns.binary_cross_entropy(z, y, pos_weight=weight), theirs)
        with pytest.raises(ValueError, match=r"pos_weight must broadcast to the shape of input, \(60, 5\)"):
            lossfns.binary_cross_entropy(z, y, pos_weight=torch.ones(60))
        with lossfns.strict(), pytest.raises(ValueError, match="pos_weight must be finite and at least 0"):
            lossfns.binary_cross_entropy(z, y, pos_weight=-torch.ones(5))
        images, hint = torch.zeros(2, 5, 3, 4), r"one value a channel, pos_weight.view\(-1, 1, 1\)"
        with pytest.raises(ValueError, match=hint):
            lossfns.binary_cross_entropy(images, images, pos_weight=torch.ones(5))
        with pytest.raises(ValueError, match=r"^(?!.*one value a channel)"):
            lossfns.binary_cross_entropy(images, images, pos_weight=torch.ones(6))
        module = lossfns.BinaryCrossEntropyLoss(pos_weight=torch.arange(1.0, 6))
        assert set(module.state_dict()) == {"pos_weight"}

    @pytest.mark.parametrize("t", [-0.9, -0.4, 1.4, 1.9])
    @pytest.mark.parametrize("logit", [-60.0, -1.0, 0.0, 1.0, 60.0])
    def test_the_formula_holds_beyond_probabilities(self, t: float, logit: float) -> None:
        """A GIoU taken for a probability: only strict() refuses it, so the formula has to show its fault."""
        z = torch.tensor(logit, dtype=torch.float64)
        formula = t * F.softplus(-z) + (1 - t) * F.softplus(z)
        assert same(lossfns.binary_cross_entropy(z, torch.tensor(t, dtype=torch.float64)), formula)

    def test_positives_of_weight_0_are_left_out(self) -> None:
        for weight in (0.0, torch.zeros(3)):
            z = torch.tensor([-torch.inf, -1.0, -1.0], requires_grad=True)
            loss = lossfns.binary_cross_entropy(
                z, torch.tensor([1, 1, 0]), pos_weight=weight, reduction="sum"
            )
            assert same(loss, torch.tensor(1.0).neg().exp().log1p())
            (slope,) = torch.autograd.grad(loss, z)
            assert same(slope, torch.tensor([0.0, 0.0, 1 / (1 + math.e)]))

    def test_the_card_takes_a_weight_for_each_class(self) -> None:
        card = cards()["binary_cross_entropy"]
        weights = torch.tensor([0.5, 4.0, 2.0])
        for claim in (card.lipschitz, card.smoothness):
            assert claim.value(pos_weight=weights) == claim.value(pos_weight=4.0)

    def test_smoothing(self) -> None:
        ours = lossfns.binary_cross_entropy(Z[:, 0], Y % 2, label_smoothing=0.2)
        assert same(ours, lossfns.binary_cross_entropy(Z[:, 0], 0.8 * (Y % 2).double() + 0.1))

    def test_properness(self) -> None:
        def loss(z: Tensor, t: Tensor) -> Tensor:
            return lossfns.binary_cross_entropy(z, t, reduction="none")

        assert verify.proper(loss)
        assert verify.finite(loss)
        assert not verify.proper(lambda z, t: lossfns.hinge_loss(z, t, reduction="none"))


class TestDivergences:
    p, q = Z.softmax(1), Z.flip(0).softmax(1)

    def test_kl_is_cross_entropy_less_entropy(self) -> None:
        entropy = -(self.q * self.q.log()).sum(1)
        ours = lossfns.kl_divergence(Z, self.q, reduction="none")
        assert same(ours, lossfns.cross_entropy(Z, self.q, reduction="none") - entropy)
        assert same(ours, F.kl_div(Z.log_softmax(1), self.q, reduction="none").sum(1))
        assert not same(ours, F.kl_div(self.q.log(), self.p, reduction="none").sum(1)), "the order matters"
        assert same(lossfns.kl_divergence(Z, ONE_HOT), lossfns.cross_entropy(Z, Y))
        assert same(lossfns.kl_divergence(Z, self.p), torch.tensor(0.0).double())

    def test_mean_is_over_all_but_the_classes(self) -> None:
        p = torch.tensor([[0.5, 0.5], [0.5, 0.5]])
        q = torch.tensor([[0.9, 0.1], [0.9, 0.1]])
        assert lossfns.kl_divergence(p.log(), q).item() == pytest.approx(0.3681, abs=1e-4)

    def test_zero_times_infinity_is_zero(self) -> None:
        z = torch.tensor([[0.0, -INF, 1.0]], dtype=torch.float64, requires_grad=True)
        t = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
        value = lossfns.kl_divergence(z, t)
        assert value.item() == pytest.approx(math.log1p(math.e))
        slopes = torch.autograd.grad(value, (z, t), create_graph=True)
        assert all(slope.isfinite().all() for slope in slopes)
        second = torch.autograd.grad(slopes[0][0, 0], z)[0]
        assert second.isfinite().all()
        impossible = lossfns.kl_divergence(z, torch.tensor([[0.5, 0.5, 0.0]]))
        assert impossible.item() == INF

    def test_zero_probabilities_stand_two_derivatives(self) -> None:
        z = Z[:3, :3].clone().requires_grad_()
        t = torch.eye(3).double()
        assert torch.autograd.gradgradcheck(lambda z: lossfns.kl_divergence(z, t), z)

    def test_js_is_the_mean_divergence_from_the_middle(self) -> None:
        middle = (self.p + self.q) / 2
        parts = [(a * (a / middle).log()).sum(1) for a in (self.p, self.q)]
        ours = lossfns.js_divergence(Z, Z.flip(0), reduction="none")
        assert same(ours, (parts[0] + parts[1]) / 2)
        assert same(ours, lossfns.js_divergence(Z.flip(0), Z, reduction="none"))
        assert same(lossfns.js_divergence(Z, Z + 3), torch.tensor(0.0).double())

    def test_js_where_probabilities_vanish(self) -> None:
        x = torch.tensor([[0.0, -INF, -INF], [500.0, 0.0, -INF]], dtype=torch.float64)
        y = torch.tensor([[-INF, 0.0, -INF], [0.0, 500.0, 0.0]], dtype=torch.float64)
        assert lossfns.js_divergence(x, y, reduction="none").tolist() == pytest.approx([math.log(2)] * 2)
        a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
        slopes = torch.autograd.grad(lossfns.js_divergence(a, b), (a, b), create_graph=True)
        second = torch.autograd.grad(torch.stack(slopes).square().sum(), (a, b))
        assert all(g.isfinite().all() for g in (*slopes, *second))

    def test_targets_without_classes_are_refused(self) -> None:
        for loss in (lossfns.kl_divergence, lossfns.js_divergence):
            with pytest.raises(ValueError, match="target must have the shape of input"):
                loss(Z, Y)
            with pytest.raises(ValueError, match=r"input must have shape \(N, C, \*\)"):
                loss(Z[0], Z[0])
            with pytest.raises(ValueError, match=r"C at least 1, got \(2, 0\)"):
                loss(torch.empty(2, 0), torch.empty(2, 0))
            assert loss(torch.ones(2, 1), torch.ones(2, 1)).item() == 0


class TestMargins:
    def test_multi_margin_of_torch_is_weston_watkins_over_the_classes(self) -> None:
        ours = lossfns.multiclass_hinge_loss(Z, Y, variant="weston-watkins", reduction="none")
        assert same(ours, 5 * F.multi_margin_loss(Z, Y, reduction="none"))

    def test_two_classes_are_the_binary_hinge(self) -> None:
        z, y = Z[:, 0], Y % 2
        pair = torch.stack([torch.zeros_like(z), z], 1)
        for variant in ("crammer-singer", "weston-watkins"):
            assert same(lossfns.multiclass_hinge_loss(pair, y, variant=variant), lossfns.hinge_loss(z, y))

    def test_hinge_is_the_margin_loss(self) -> None:
        z, y = Z[:, 0], Y % 2
        hinge = torch.relu(1 - (2 * y - 1) * z)
        assert same(lossfns.hinge_loss(z, y, reduction="none"), hinge)
        assert same(lossfns.hinge_loss(z, y, squared=True, reduction="none"), hinge**2)
        right = torch.tensor([INF, -INF, 1.0, -1.0])
        assert lossfns.hinge_loss(right, torch.tensor([1, 0, 1, 0]), reduction="none").tolist() == [0.0] * 4
        assert (
            gradient(lambda z: lossfns.hinge_loss(z, torch.tensor([1, 0, 1, 0])), right).tolist() == [0.0] * 4
        )

    def test_one_class_has_no_rival(self) -> None:
        for variant in ("crammer-singer", "weston-watkins"):
            assert lossfns.multiclass_hinge_loss(Z[:, :1], 0 * Y, variant=variant).item() == 0


class TestFamilies:
    def test_generalized_cross_entropy_runs_to_cross_entropy(self) -> None:
        def family(z: Tensor, q: float) -> Tensor:
            return lossfns.generalized_cross_entropy(z, Y, q=q, reduction="none")

        def ce(z: Tensor) -> Tensor:
            return lossfns.cross_entropy(z, Y, reduction="none")

        assert verify.limit(family, (0.1, 1e-3, 1e-6, 0.0), ce, Z, tol=0.0)
        assert verify.limit(family, (1e-3, 1e-6, 1e-12), ce, Z, tol=1e-9)
        assert not verify.limit(family, (0.1, 0.5), ce, Z)
        assert same(family(Z, 1.0), 1 - Z.softmax(1).gather(1, Y[:, None]).squeeze(1))

    def test_members_that_are_cross_entropy(self) -> None:
        ce = lossfns.cross_entropy(Z, Y, reduction="none")
        assert same(lossfns.poly_loss(Z, Y, epsilon=0.0, reduction="none"), ce)
        assert same(lossfns.symmetric_cross_entropy(Z, Y, beta=0.0, reduction="none"), ce)
        assert not same(lossfns.poly_loss(Z, Y, reduction="none"), ce)

    def test_poly_is_a_series(self) -> None:
        miss = 1 - Z.softmax(1).gather(1, Y[:, None]).squeeze(1)
        near = miss < 0.9
        series = sum(miss**j / j for j in range(1, 600)) + 2.0 * miss
        assert same(lossfns.poly_loss(Z, Y, epsilon=2.0, reduction="none")[near], series[near], 1e-9)

    def test_reverse_cross_entropy_takes_log_zero_for_log_0(self) -> None:
        reverse = lossfns.symmetric_cross_entropy(Z, Y, alpha=0.0, beta=2.0, log_zero=-3.0, reduction="none")
        assert same(reverse, 6 * (1 - Z.softmax(1).gather(1, Y[:, None]).squeeze(1)))
        t = torch.tensor([[0.7, 0.29, 0.01, 0.0, 0.0]], dtype=torch.float64)
        cut = torch.tensor([math.log(0.7), math.log(0.29), -4.0, -4.0, -4.0]).double()
        value = lossfns.symmetric_cross_entropy(Z[:1], t, alpha=0.0)
        assert same(value, -(Z[0].softmax(0) * cut).sum(), 1e-6)
        slope = gradient(lambda t: lossfns.symmetric_cross_entropy(Z[:1], t), t)
        assert slope.isfinite().all()

    def test_brier_of_two_classes_is_twice_the_squared_error(self) -> None:
        z, y = Z[:, 0], Y % 2
        pair = torch.stack([torch.zeros_like(z), z], 1)
        assert same(lossfns.brier_loss(pair, y, reduction="none"), 2 * (torch.sigmoid(z) - y) ** 2)


def test_crammer_singer_gives_up_below_one_half() -> None:
    """Liu (2007): where no label has probability ½, all scores alike are best."""
    p = torch.tensor([0.45, 0.30, 0.25], dtype=torch.float64)
    scores = torch.cat([torch.zeros(1, 3).double(), verify.random_points(-2, 2, 3, n=5000)])
    losses = torch.stack(
        [lossfns.multiclass_hinge_loss(scores, torch.full((5001,), y), reduction="none") for y in range(3)], 1
    )
    assert int((losses @ p).argmin()) == 0


def test_looking_for_infinities_changes_no_value() -> None:
    """The copy that a CPU is spared is made under a transform; both must say the same."""
    target = torch.where(Y == 1, -100, Y)
    for loss in (lossfns.cross_entropy, lossfns.focal_loss, lossfns.brier_loss):
        eager = torch.stack([loss(z[None], y[None]) for z, y in zip(Z, target, strict=True)])
        mapped = torch.func.vmap(lambda z, y, loss=loss: loss(z[None], y[None]))(Z, target)
        assert same(mapped, eager)
    binary = torch.func.vmap(lossfns.binary_cross_entropy)(Z[:, 0], Y % 2)
    assert same(binary, lossfns.binary_cross_entropy(Z[:, 0], Y % 2, reduction="none"))


@pytest.mark.parametrize("gap", [5.0, 15.0, 20.0, 30.0])
class TestGradientsOfNearlyCertainPredictions:
    """In float32, beside 1, the probability of the other class has no digits left."""

    def slope(self, loss: Callable[..., Tensor], gap: float, label: int) -> float:
        z = torch.tensor([[gap, 0.0]], requires_grad=True)
        (slope,) = torch.autograd.grad(loss(z, torch.tensor([label])), z)
        return float(slope[0, 1])

    def test_brier_of_the_right_label(self, gap: float) -> None:
        p = 1 / (1 + math.exp(gap))
        exact = 4 * p**2 * (1 - p)
        assert self.slope(lossfns.brier_loss, gap, 0) == pytest.approx(exact, rel=1e-5)

    @pytest.mark.parametrize("q", [0.3, 0.7, 1.0])
    def test_generalized_cross_entropy_of_a_wrong_label(self, gap: float, q: float) -> None:
        p = 1 / (1 + math.exp(gap))
        exact = -(p**q) * (1 - p)
        found = self.slope(lambda z, y: lossfns.generalized_cross_entropy(z, y, q=q), gap, 1)
        assert found == pytest.approx(exact, rel=1e-4)


def test_of_one_class_one_is_certain() -> None:
    z = torch.tensor([[3.0], [-2.0]])
    for target in (torch.tensor([0, 0]), torch.tensor([0, -100]), torch.tensor([-100, -100])):
        assert lossfns.cross_entropy(z, target).item() == 0
        assert lossfns.brier_loss(z, target).item() == 0


@pytest.mark.parametrize("t", [0.1, 0.3, 0.5, 0.7, 1.0])
def test_a_certain_logit_beside_a_label_that_is_not(t: float) -> None:
    """What is called impossible, and may happen, costs ∞; never NaN."""
    for z, wrong in ((math.inf, t < 1), (-math.inf, t > 0)):
        loss = lossfns.binary_cross_entropy(torch.tensor([z]), torch.tensor([t]))
        assert loss.item() == (math.inf if wrong else 0.0)


class TestSparsemax:
    def test_it_is_the_nearest_point_of_the_simplex(self) -> None:
        """Optimality of a projection: ⟨z − p, q − p⟩ ≤ 0 for every corner q, so for every point."""
        p = lossfns.classification._sparsemax(Z)[0]
        assert same(p.sum(1), torch.ones(60).double())
        assert p.min() >= 0
        assert (p == 0).any()
        assert ((Z - p) - ((Z - p) * p).sum(1, keepdim=True)).max() < 1e-12

    def test_the_gradient_is_the_difference_from_the_label(self) -> None:
        p = lossfns.classification._sparsemax(Z)[0]
        for target, t in ((Y, ONE_HOT), (Z.softmax(1), Z.softmax(1))):
            loss = partial(lossfns.sparsemax_loss, target=target, reduction="sum")
            grad = gradient(loss, Z)
            assert same(grad, p - t)
            assert not same(grad, Z.softmax(1) - t, 1e-3)

    def test_a_margin_of_one_is_enough(self) -> None:
        z, y = torch.tensor([[1.0, 0.0, 0.0], [0.999, 0.0, -9.0]]).double(), torch.tensor([0, 0])
        value = lossfns.sparsemax_loss(z, y, reduction="none")
        assert value[0] == 0
        assert value[1] == pytest.approx(0.001**2 / 4, rel=1e-4)

    def test_two_classes_are_a_huber_like_hinge(self) -> None:
        """A quarter of the squared hinge, linear from a margin of −1 on."""
        v = verify.linspace(-4, 4, 161)
        z = torch.stack([v, torch.zeros_like(v)], 1)
        value = lossfns.sparsemax_loss(z, torch.zeros(161, dtype=torch.long), reduction="none")
        assert same(value, torch.where(v < -1, -v, torch.relu(1 - v).square() / 4))


def test_spherical_is_half_the_generalised_cross_entropy_of_doubled_logits() -> None:
    for target in (Y, ONE_HOT, Z.softmax(1)):
        value = lossfns.spherical_loss(Z, target, reduction="none")
        assert same(value, lossfns.generalized_cross_entropy(2 * Z, target, q=0.5, reduction="none") / 2)
        assert not same(value, lossfns.generalized_cross_entropy(Z, target, q=0.5, reduction="none") / 2)


class TestOrderedClasses:
    def test_corn_is_a_likelihood(self) -> None:
        """e^−ℓ adds up to 1 over the labels; CORAL's does not."""
        z = Z[:, :4]
        for loss, total in (
            (partial(lossfns.ordinal_loss, variant="corn"), True),
            (lossfns.ordinal_loss, False),
        ):
            each = [torch.exp(-loss(z, torch.full((60,), k), reduction="none")) for k in range(5)]
            assert same(torch.stack(each).sum(0), torch.ones(60).double()) == total

    def test_two_classes_are_a_binary_cross_entropy(self) -> None:
        for loss in (lossfns.ordinal_loss, partial(lossfns.ordinal_loss, variant="corn")):
            assert same(loss(Z[:, :1], Y % 2), lossfns.binary_cross_entropy(Z[:, 0], Y % 2))

    def test_coral_is_a_sum_of_binary_cross_entropies(self) -> None:
        above = (Y[:, None] > torch.arange(4)).double()
        each = lossfns.binary_cross_entropy(Z[:, :4], above, reduction="none")
        assert same(lossfns.ordinal_loss(Z[:, :4], Y, reduction="none"), each.sum(1))
        assert not same(lossfns.ordinal_loss(Z[:, :4], Y, reduction="none"), each.mean(1))

    @wrong_index
    def test_a_wrong_number_of_questions(self) -> None:
        with pytest.raises(IndexError, match="target must be an index from 0 to 4"):
            lossfns.ordinal_loss(Z[:, :4], Y + 1)
        with pytest.raises(ValueError, match=r"input must have shape \(N, C - 1, \*\)"):
            lossfns.ordinal_loss(Z[:, :0], Y)

    def test_the_ranked_score_counts_how_far_off(self) -> None:
        sure = 500 * torch.eye(5, dtype=torch.float64)
        score = torch.stack(
            [lossfns.ranked_probability_loss(sure, torch.full((5,), k), reduction="none") for k in range(5)]
        )
        assert same(score, (torch.arange(5)[:, None] - torch.arange(5)).abs().double())

    def test_of_two_classes_the_ranked_score_is_half_the_brier_score(self) -> None:
        for target in (Y % 2, Z[:, :2].softmax(1).flip(1)):
            ranked, brier = (
                loss(Z[:, :2], target, reduction="none")
                for loss in (lossfns.ranked_probability_loss, lossfns.brier_loss)
            )
            assert same(2 * ranked, brier)

    def test_the_gradients_on_the_cards(self) -> None:
        """2 p_j Σ_k (F_k − [y ≤ k]) ([j ≤ k] − F_k), and p_y/|p| (p_j²/|p|² − [j = y])."""
        p, k = Z.softmax(1), torch.arange(5)
        f = p.cumsum(1)[:, :4]
        reached = (k[:, None] <= k[:4]).double()
        claimed = 2 * p * ((f - (Y[:, None] <= k[:4]).double())[:, None] * (reached - f[:, None])).sum(2)
        assert same(gradient(partial(lossfns.ranked_probability_loss, target=Y, reduction="sum"), Z), claimed)
        length = p.norm(dim=1, keepdim=True)
        claimed = p.gather(1, Y[:, None]) / length * (p.square() / length.square() - ONE_HOT)
        assert same(gradient(partial(lossfns.spherical_loss, target=Y, reduction="sum"), Z), claimed)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_compiler_gets_all_digits_of_large_logits(
    monkeypatch: pytest.MonkeyPatch, smoothing: float
) -> None:
    """In the form written for it: value and gradient, of logits far from 0 and, unless smoothed, of −∞."""
    z = torch.tensor(
        [[1e4, 1e4 + 1, 9995.5], [-300.0, 2.0, 0.0 if smoothing else -torch.inf]], requires_grad=True
    )
    y = torch.tensor([0, 1])
    exact = z.detach().double().requires_grad_()
    expected = F.cross_entropy(exact, y, label_smoothing=smoothing, reduction="none")
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    value = lossfns.cross_entropy(z, y, label_smoothing=smoothing, reduction="none")
    torch.testing.assert_close(value.double(), expected, rtol=1e-6, atol=1e-7)
    slope, right = (torch.autograd.grad(v.sum(), x)[0] for v, x in ((value, z), (expected, exact)))
    torch.testing.assert_close(slope.double(), right, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_what_is_ignored_reaches_nothing_where_none_can_be_read(
    reduction: Literal["mean", "sum", "none"], smoothing: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of torch's own form a gradient would be NaN where the logits are, and the mean of nothing."""
    z, y = torch.randn(4, 3, dtype=torch.float64), torch.tensor([0, -100, 2, -100])
    z[1], z[3] = math.nan, math.inf
    kept, found = z.clone(), []
    for elsewhere in (False, True):
        monkeypatch.setattr(_eager, "can_read", lambda x, no=elsewhere: not no)
        leaf = kept.clone().requires_grad_()
        loss = lossfns.cross_entropy(leaf, y, label_smoothing=smoothing, reduction=reduction)
        (slope,) = torch.autograd.grad(loss.sum(), leaf, create_graph=True)
        found.append((loss, slope, *torch.autograd.grad(slope.square().sum(), leaf)))
    torch.testing.assert_close(*found)
    assert found[1][1][1::2].eq(0).all()
    assert lossfns.cross_entropy(kept, torch.full((4,), -100)) == 0
