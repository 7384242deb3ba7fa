"""What is particular to losses for unequal classes: identities, edges, published pitfalls, class weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import lossfns
from lossfns import verify
from lossfns.catalog import cards
from tests.support import gradient

Z = verify.random_points(-4, 4, 4, n=60)
Y = torch.arange(60) % 4
W = torch.tensor([0.2, 1.0, 3.0, 0.5], dtype=torch.float64)
X, B = Z[:, 0], Y % 2


def same(a: Tensor, b: Tensor, tol: float = 1e-12) -> bool:
    return bool(torch.allclose(a, b, rtol=tol, atol=tol))


class TestFocal:
    @pytest.mark.parametrize("target", [torch.where(Y == 3, -100, Y), Z.softmax(1)], ids=["index", "soft"])
    @pytest.mark.parametrize("class_weight", [None, W], ids=["plain", "weighted"])
    def test_without_gamma_it_is_cross_entropy(self, target: Tensor, class_weight: Tensor | None) -> None:
        sample = torch.rand(60, generator=torch.Generator().manual_seed(0)).double()
        for weight in (None, sample):
            kwargs: dict[str, Any] = {"class_weight": class_weight, "weight": weight}
            for reduction in ("mean", "sum", "none"):
                focal = lossfns.focal_loss(Z, target, gamma=0.0, reduction=reduction, **kwargs)
                assert torch.equal(focal, lossfns.cross_entropy(Z, target, reduction=reduction, **kwargs))

    def test_definition(self) -> None:
        p = Z.softmax(1).gather(1, Y[:, None]).squeeze(1)
        for gamma in (0.5, 1.0, 2.0, 5.0):
            ours = lossfns.focal_loss(Z, Y, gamma=gamma, reduction="none")
            assert same(ours, -((1 - p) ** gamma) * p.log())

    @pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 1.0, 2.0])
    @pytest.mark.parametrize("logit", [20.0, 40.0, 200.0, 1e4])
    @pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=str)
    def test_sure_and_right(self, gamma: float, logit: float, dtype: torch.dtype) -> None:
        z = torch.tensor([[logit, 0.0]], dtype=dtype)
        loss: Callable[[Tensor], Tensor]
        for loss in (
            lambda z: lossfns.focal_loss(z, torch.tensor([0]), gamma=gamma),
            lambda z: lossfns.focal_loss(z, torch.tensor([[1.0, 0.0]]), gamma=gamma),
            lambda z: lossfns.binary_focal_loss(z[:, :1], torch.ones(1, 1), gamma=gamma),
            lambda z: lossfns.asymmetric_loss(z[:, :1], torch.ones(1, 1), gamma_pos=gamma),
            lambda z: lossfns.asymmetric_loss(-z[:, :1], torch.zeros(1, 1), gamma_neg=gamma),
            lambda z: lossfns.asymmetric_loss(-z[:, :1], torch.zeros(1, 1), gamma_neg=gamma, clip=0.0),
        ):
            assert loss(z).item() == pytest.approx(0.0, abs=1e-8)
            slope = gradient(loss, z)
            assert slope.isfinite().all()
            assert slope.double().abs().max() < 1e-8

    @pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
    def test_sure_and_wrong(self, gamma: float) -> None:
        """Keras clips here: 16.118 and gradient 0."""
        x = torch.tensor([-100.0])
        assert lossfns.binary_focal_loss(x, torch.tensor([1]), gamma=gamma).item() == 100
        slope = gradient(lambda x: lossfns.binary_focal_loss(x, torch.tensor([1]), gamma=gamma), x)
        assert slope.item() == -1

    def test_alpha_multiplies_the_positives(self) -> None:
        loss = lossfns.binary_focal_loss(
            torch.zeros(2), torch.tensor([1, 0]), gamma=0.0, alpha=0.25, reduction="none"
        )
        assert loss.tolist() == pytest.approx([0.25 * math.log(2), 0.75 * math.log(2)])
        assert loss.tolist() == pytest.approx([0.1733, 0.5199], abs=1e-4)

    def test_binary_is_two_class(self) -> None:
        pair = torch.stack([torch.zeros_like(X), X], 1)
        for gamma in (0.5, 2.0):
            ours = lossfns.binary_focal_loss(X, B, gamma=gamma, reduction="none")
            assert same(ours, lossfns.focal_loss(pair, B, gamma=gamma, reduction="none"))
        assert same(
            lossfns.binary_focal_loss(X, B, gamma=0.0, reduction="none"),
            lossfns.binary_cross_entropy(X, B, reduction="none"),
        )

    def test_published_values(self) -> None:
        """Lin et al.: at p = 0.9 a hundred times less than cross-entropy, at p ≈ 0.968 a thousand times."""
        for p, factor in ((0.9, 100.0), (0.968377, 1000.0)):
            x = torch.tensor([math.log(p / (1 - p))]).double()
            ratio = lossfns.binary_cross_entropy(x, torch.tensor([1])) / lossfns.binary_focal_loss(
                x, torch.tensor([1])
            )
            assert ratio.item() == pytest.approx(factor, rel=1e-4)

    def test_the_estimate_is_flattened_as_is_known(self) -> None:
        """Charoenphakdee et al.: η is in proportion to p / ((1 − p)^γ − γ (1 − p)^(γ − 1) p log p)."""
        p = torch.tensor([0.627, 0.373]).double()
        eta = p / ((1 - p) ** 2 - 2 * (1 - p) * p * p.log())
        assert (eta / eta.sum())[0].item() == pytest.approx(0.8, abs=1e-3)

        def risk(z: Tensor) -> Tensor:
            losses = [lossfns.binary_focal_loss(z, torch.full_like(z, y), reduction="none") for y in (1, 0)]
            return 0.8 * losses[0] + 0.2 * losses[1]

        best = torch.sigmoid(torch.tensor(verify.minimiser(risk, -5, 5)))
        assert best.item() == pytest.approx(0.627, abs=1e-3)


class TestAsymmetric:
    def test_without_a_shift_it_is_focal(self) -> None:
        for gamma in (0.0, 0.5, 2.0):
            ours = lossfns.asymmetric_loss(X, B, gamma_pos=gamma, gamma_neg=gamma, clip=0.0, reduction="none")
            assert same(ours, lossfns.binary_focal_loss(X, B, gamma=gamma, reduction="none"))

    def test_definition(self) -> None:
        p = torch.sigmoid(X)
        q = (p - 0.2).clamp(min=0)
        expected = torch.where(B == 1, -((1 - p) ** 1.5) * p.log(), -(q**3) * (1 - q).log())
        ours = lossfns.asymmetric_loss(X, B, gamma_pos=1.5, gamma_neg=3.0, clip=0.2, reduction="none")
        assert same(ours, expected)

    @pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 4.0])
    def test_negatives_below_the_shift_are_forgotten(self, gamma: float) -> None:
        x = torch.tensor([-3.0, -50.0, -1000.0, -math.inf])
        zeros = torch.zeros(4)
        assert lossfns.asymmetric_loss(x, zeros, gamma_neg=gamma, reduction="none").tolist() == [0.0] * 4
        assert gradient(lambda x: lossfns.asymmetric_loss(x, zeros, gamma_neg=gamma), x).tolist() == [0.0] * 4

    def test_far_negatives_cost_no_more_than_the_shift_allows(self) -> None:
        value = lossfns.asymmetric_loss(torch.tensor([1000.0]).double(), torch.tensor([0]), gamma_neg=0.0)
        assert value.item() == pytest.approx(-math.log(0.05))


class TestAdjusted:
    def test_without_tau_it_is_cross_entropy(self) -> None:
        for prior in (W, torch.tensor([0.5, 0.5, 0.0, 0.0])):
            ours = lossfns.logit_adjusted_loss(Z, Y, class_prior=prior, tau=0.0, reduction="none")
            assert torch.equal(ours, lossfns.cross_entropy(Z, Y, reduction="none"))

    def test_counts_do_for_frequencies(self) -> None:
        assert same(
            lossfns.logit_adjusted_loss(Z, Y, class_prior=W),
            lossfns.logit_adjusted_loss(Z, Y, class_prior=100 * W),
        )
        uniform = lossfns.logit_adjusted_loss(Z, Y, class_prior=torch.tensor([7, 7, 7, 7]))
        assert same(uniform, lossfns.cross_entropy(Z, Y))

    def test_is_cross_entropy_of_shifted_logits(self) -> None:
        ours = lossfns.logit_adjusted_loss(Z, Y, class_prior=W, tau=1.5)
        assert same(ours, F.cross_entropy(Z + 1.5 * W.log(), Y))

    def test_an_absent_class_is_masked(self) -> None:
        prior = torch.tensor([0.5, 0.5, 0.0, 0.0])
        z, y = Z[:, :2], Y % 2
        ours = lossfns.logit_adjusted_loss(Z, y, class_prior=prior)
        assert same(ours, lossfns.cross_entropy(z, y))
        slope = gradient(lambda z: lossfns.logit_adjusted_loss(z, y, class_prior=prior), Z)
        assert slope.isfinite().all()

    def test_shape_and_sign_of_the_prior(self) -> None:
        for prior in (torch.ones(3), torch.ones(1, 4)):
            with pytest.raises(ValueError, match="class_prior must have one value for each of the 4 classes"):
                lossfns.logit_adjusted_loss(Z, Y, class_prior=prior)
        with lossfns.strict(), pytest.raises(ValueError, match="class_prior must be finite and at least 0"):
            lossfns.logit_adjusted_loss(Z, Y, class_prior=-W)


class TestLDAM:
    count = torch.tensor([1000, 100, 10, 1])

    def test_margins_grow_as_the_fourth_root(self) -> None:
        """A margin of Δ for the class itself: the loss of scores 0 is log(1 + 3 exp(s Δ))."""
        ours = lossfns.ldam_loss(
            torch.zeros(4, 4).double(), torch.arange(4), class_count=self.count, scale=2.0, reduction="none"
        )
        margins = (ours.expm1() / 3).log() / 2
        assert margins.tolist() == pytest.approx([0.5 * (1 / n) ** 0.25 for n in (1000, 100, 10, 1)])
        ratio = (margins[1] / margins[3]).item()
        assert ratio == pytest.approx(0.31622777)

    def test_without_margin_it_is_cross_entropy_of_scaled_scores(self) -> None:
        ours = lossfns.ldam_loss(Z, Y, class_count=self.count, max_margin=0.0, scale=3.0)
        assert same(ours, lossfns.cross_entropy(3 * Z, Y))

    def test_absent_classes_count_as_one(self) -> None:
        some = torch.tensor([10, 5, 1, 0])
        ours = lossfns.ldam_loss(Z, Y, class_count=some)
        assert ours.isfinite()
        assert same(ours, lossfns.ldam_loss(Z, Y, class_count=torch.tensor([10, 5, 1, 1])))


class TestWeights:
    def test_balanced(self) -> None:
        count = torch.tensor([90, 9, 1, 0])
        weights = lossfns.balanced_weights(count)
        assert weights.tolist() == pytest.approx([100 / 360, 100 / 36, 25.0, 0.0])
        assert (count * weights)[:3].tolist() == pytest.approx([25.0] * 3), "every class weighs the same"
        assert lossfns.balanced_weights(torch.tensor([5, 5])).tolist() == [1.0, 1.0]

    def test_effective_number(self) -> None:
        count = torch.tensor([50, 500, 5000]).double()
        effective = torch.tensor([48.8, 393.6, 993.3]).double()
        weights = lossfns.effective_number_weights(count)
        assert same(weights, 3 / effective / (1 / effective).sum(), 1e-3)
        assert weights.sum().item() == pytest.approx(3)
        assert lossfns.effective_number_weights(count, beta=0.0).tolist() == pytest.approx([1.0] * 3)
        inverse = lossfns.effective_number_weights(count, beta=1 - 1e-12)
        assert same(inverse, 3 / count / (1 / count).sum(), 1e-6)

    def test_what_is_absent_weighs_nothing(self) -> None:
        for helper in (lossfns.balanced_weights, lossfns.effective_number_weights):
            for count in (torch.tensor([3, 0, 5]), torch.tensor([0, 0])):
                weights = helper(count)
                assert weights.isfinite().all()
                assert ((weights == 0) == (count == 0)).all()
            assert helper(torch.tensor([3, 5]).double()).dtype is torch.float64

    def test_what_does_not_fit_is_refused(self) -> None:
        for helper in (lossfns.balanced_weights, lossfns.effective_number_weights):
            with pytest.raises(ValueError, match=r"class_count must have shape \(C,\)"):
                helper(torch.ones(2, 2))
            with pytest.raises(TypeError, match="class_count must be a torch.Tensor"):
                helper([1, 2])  # type: ignore[arg-type]
            with (
                lossfns.strict(),
                pytest.raises(ValueError, match="class_count must be finite and at least 0"),
            ):
                helper(torch.tensor([-1.0, 2.0]))
        for beta in (1.0, -0.1, math.nan):
            with pytest.raises(ValueError, match="beta must be a number from 0"):
                lossfns.effective_number_weights(torch.ones(2), beta)


def test_alpha_at_its_ends_leaves_one_class_out() -> None:
    z, y = torch.tensor([1.0, 2.0, -3.0, -torch.inf, torch.inf]), torch.tensor([0, 1, 1, 1, 0])
    plain = lossfns.binary_focal_loss(z, y, reduction="none")
    for alpha, counts in ((0.0, y == 0), (1.0, y == 1)):
        for given in (alpha, torch.full((5,), alpha)):
            x = z.clone().requires_grad_()
            ours = lossfns.binary_focal_loss(x, y, alpha=given, reduction="none")
            assert torch.equal(ours, torch.where(counts, plain, 0.0))
            (slope,) = torch.autograd.grad(ours[~counts].sum(), x)
            assert (slope[~counts] == 0).all()


class TestAlphaForEachClass:
    x = torch.linspace(-3, 3, 12, dtype=torch.float64).view(4, 3)
    y = (torch.arange(12) % 5 < 2).view(4, 3)
    alpha = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)

    @pytest.mark.parametrize("soft", [0.0, 0.2])
    def test_it_weighs_the_two_terms(self, soft: float) -> None:
        y = self.y.double() * (1 - soft) + soft / 2
        yes = lossfns.binary_focal_loss(self.x, torch.ones(4, 3), reduction="none")
        no = lossfns.binary_focal_loss(self.x, torch.zeros(4, 3), reduction="none")
        for alpha in (0.1, self.alpha, self.alpha.expand(4, 3)):
            ours = lossfns.binary_focal_loss(self.x, y, alpha=alpha, reduction="none")
            terms = alpha * y * yes + (1 - alpha) * (1 - y) * no
            assert same(ours, terms)
            assert same(lossfns.binary_focal_loss(self.x, y, alpha=alpha), terms.mean())

    def test_it_can_be_learned(self) -> None:
        alpha = self.alpha.clone().requires_grad_()
        (slope,) = torch.autograd.grad(lossfns.binary_focal_loss(self.x, self.y, alpha=alpha), alpha)
        plain = lossfns.binary_focal_loss(self.x, self.y, reduction="none")
        assert same(slope, torch.where(self.y, plain, -plain).sum(0) / 12)

    def test_a_weight_of_0_leaves_its_alpha_out(self) -> None:
        weight = torch.ones(4, 3).index_fill(0, torch.tensor([1]), 0.0)
        broken = self.alpha.expand(4, 3).clone()
        broken[1] = torch.nan
        rest = [0, 2, 3]
        ours = lossfns.binary_focal_loss(self.x, self.y, alpha=broken, weight=weight)
        assert same(ours, lossfns.binary_focal_loss(self.x[rest], self.y[rest], alpha=self.alpha))

    def test_what_does_not_fit_is_refused(self) -> None:
        with pytest.raises(
            ValueError, match=r"alpha must broadcast to the shape of input, \(4, 3\), got \(4,\)"
        ):
            lossfns.binary_focal_loss(self.x, self.y, alpha=torch.full((4,), 0.5))
        images, each = torch.zeros(2, 5, 3, 4), torch.full((5,), 0.5)
        with pytest.raises(ValueError, match=r"one value a channel, alpha.view\(-1, 1, 1\)"):
            lossfns.binary_focal_loss(images, images, alpha=each)
        assert lossfns.binary_focal_loss(images, images, alpha=each.view(-1, 1, 1)) > 0
        with lossfns.strict(), pytest.raises(ValueError, match="alpha must be from 0 to 1, got 1.5"):
            lossfns.binary_focal_loss(self.x, self.y, alpha=torch.tensor([0.5, 1.5, 0.5]))

    def test_the_module_keeps_it_and_the_card_knows_it(self) -> None:
        module = lossfns.BinaryFocalLoss(alpha=self.alpha)
        assert set(module.state_dict()) == {"alpha"}
        assert same(module(self.x, self.y), lossfns.binary_focal_loss(self.x, self.y, alpha=self.alpha))
        card = cards()["binary_focal_loss"]
        for claim, hyper in ((card.proper, {"gamma": 0.0}), (card.calibrated, {})):
            assert claim is not None
            assert not claim.value(alpha=self.alpha, **hyper)
            assert claim.value(alpha=torch.full((3,), 0.5), **hyper)
        assert card.lipschitz.value(alpha=self.alpha) == pytest.approx(card.lipschitz.value(alpha=0.9))


@pytest.mark.parametrize("beta", [0.9, 0.9999, 0.999999, 1 - 1e-9])
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.float32], ids=str)
def test_effective_numbers_have_the_digits_of_their_dtype(beta: float, dtype: torch.dtype) -> None:
    counts = [5, 300, 2**25 + 1]
    with mpmath.workdps(40):
        b = mpmath.mpf(beta)
        weights = [(1 - b) / (1 - b**n) for n in counts]
        exact = [float(3 * w / sum(weights)) for w in weights]
    got = lossfns.effective_number_weights(torch.tensor(counts, dtype=dtype), beta=beta)
    assert got.dtype is torch.float32
    assert got.tolist() == pytest.approx(exact, rel=3e-7)


@pytest.mark.parametrize("cast", [torch.nn.Module.half, torch.nn.Module.bfloat16, torch.nn.Module.double])
def test_counts_keep_their_precision_in_a_module_of_half_precision(cast: Any) -> None:
    count, z, y = torch.tensor([1e5, 10.0]), torch.zeros(2, 2), torch.tensor([0, 1])
    for module in (
        lossfns.LogitAdjustedLoss(class_prior=count),
        lossfns.LDAMLoss(class_count=count),
        lossfns.CrossEntropyLoss(class_weight=count),
    ):
        expected = module(z, y)
        cast(module)
        assert torch.isclose(module(z, y), expected, rtol=1e-6)
        (buffer,) = module.buffers()
        assert buffer.dtype is (torch.float64 if cast is torch.nn.Module.double else torch.float32)


@pytest.mark.parametrize("soft", [False, True])
def test_a_class_of_prior_0_does_not_exist(soft: bool) -> None:
    z = torch.tensor([[1.0, -math.inf, 2.0], [0.5, -math.inf, 0.0]], requires_grad=True)
    y = torch.tensor([0, 2])
    target = torch.eye(3)[y] if soft else y
    for loss in (
        lossfns.logit_adjusted_loss(z, target, class_prior=torch.tensor([3.0, 0.0, 1.0])),
        lossfns.focal_loss(z, target, class_weight=torch.tensor([3.0, 0.0, 1.0])),
        lossfns.ldam_loss(z, target, class_count=torch.tensor([3.0, 0.0, 1.0])),
    ):
        (grad,) = torch.autograd.grad(loss, z)
        assert loss.isfinite()
        assert grad.isfinite().all()
        assert (grad[:, 1] == 0).all()
