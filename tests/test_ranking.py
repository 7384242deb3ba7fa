"""What is particular to ranking losses: identities, ties, padding, published pitfalls."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import lossfns
from lossfns import _chunked, verify
from tests.cases.ranking import listmle
from tests.support import gradient

F64 = torch.float64
D = verify.linspace(-6, 6, 1201)
ZERO = torch.zeros_like(D)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def bpr(d: Tensor) -> Tensor:
    return lossfns.bpr_loss(d, torch.zeros_like(d), reduction="none")


def test_bpr_is_the_logistic_loss_of_the_difference() -> None:
    assert verify.equal(bpr, lambda d: torch.log1p(torch.exp(-d)), D, 1e-14)
    assert verify.gradient(bpr, lambda d: -torch.sigmoid(-d), D, 1e-14)
    assert not verify.gradient(bpr, lambda d: torch.sigmoid(-d), D)
    assert torch.equal(lossfns.bpr_loss(D + 3, ZERO + 3, reduction="none"), bpr(D + 3 - 3))
    far = torch.tensor([1e4, -1e4, 40.0, -40.0], dtype=F64)
    assert bpr(far).tolist() == pytest.approx([0, 1e4, math.exp(-40), 40 + math.exp(-40)], rel=1e-15)
    assert gradient(bpr, far).tolist() == pytest.approx([0, -1, -math.exp(-40), -1], rel=1e-15)


def test_bpr_bounds_the_share_of_wrongly_ordered_pairs() -> None:
    positive, negative = normal(40, seed=1) + 0.5, normal(30, seed=2)
    pairs = torch.cartesian_prod(positive, negative)
    wrong = (pairs[:, 0] <= pairs[:, 1]).double().mean()
    assert lossfns.bpr_loss(pairs[:, 0], pairs[:, 1]) >= math.log(2) * wrong


def test_dpo_is_bpr_of_scaled_differences() -> None:
    a, b, c, d = (normal(9, seed=i) for i in range(4))
    got = lossfns.dpo_loss(a, b, c, d, beta=0.3, reduction="none")
    expected = lossfns.bpr_loss(0.3 * (a - c), 0.3 * (b - d), reduction="none")
    torch.testing.assert_close(got, expected, rtol=1e-13, atol=1e-13)
    equal = lossfns.dpo_loss(a, b, c, c, beta=1.0)
    torch.testing.assert_close(equal, lossfns.bpr_loss(a, b), rtol=1e-13, atol=1e-13)
    assert lossfns.dpo_loss(a, b, a, b).item() == pytest.approx(math.log(2))
    shifted = lossfns.dpo_loss(a + 7, b + 7, c, d, beta=0.3, reduction="none")
    torch.testing.assert_close(shifted, got, rtol=1e-12, atol=1e-12)


def test_dpo_at_its_start_pulls_by_half_of_beta() -> None:
    a = normal(5).requires_grad_()
    (g,) = torch.autograd.grad(lossfns.dpo_loss(a, a.detach(), a.detach(), a.detach(), reduction="sum"), a)
    torch.testing.assert_close(g, torch.full_like(a, -0.05))


@pytest.mark.parametrize("beta", [0.5, 2.0])
def test_the_population_minimiser_of_dpo_is_the_tilted_reference(beta: float) -> None:
    """π* ∝ ρ exp(r/β), if answers are preferred by Bradley–Terry with rewards r."""
    reward, reference = normal(4), torch.log_softmax(normal(4, seed=1), 0)
    i, j = (torch.tensor(ij) for ij in zip(*itertools.permutations(range(4), 2), strict=True))
    preferred = torch.sigmoid(reward[i] - reward[j])
    policy = torch.log_softmax(reference + reward / beta, 0).requires_grad_()
    loss = lossfns.dpo_loss(policy[i], policy[j], reference[i], reference[j], beta=beta, weight=preferred)
    (g,) = torch.autograd.grad(loss, policy)
    assert g.abs().max() < 1e-15
    wrong = torch.log_softmax(reference + reward, 0).requires_grad_()
    loss = lossfns.dpo_loss(wrong[i], wrong[j], reference[i], reference[j], beta=beta, weight=preferred)
    assert torch.autograd.grad(loss, wrong)[0].abs().max() > 1e-3


def test_conservative_dpo_mixes_the_pair_with_its_opposite() -> None:
    a, b, c, d = (normal(9, seed=i) * 20 for i in range(4))
    f = partial(lossfns.dpo_loss, beta=0.3, reduction="none")
    got = f(a, b, c, d, label_smoothing=0.2)
    torch.testing.assert_close(got, 0.8 * f(a, b, c, d) + 0.2 * f(b, a, d, c), rtol=1e-13, atol=1e-13)
    margin = 0.3 * ((a - c) - (b - d))
    smoothed = lossfns.binary_cross_entropy(margin, torch.ones_like(a), label_smoothing=0.4, reduction="none")
    torch.testing.assert_close(got, smoothed, rtol=1e-13, atol=1e-13)
    assert torch.equal(f(a, b, c, d, label_smoothing=0), f(a, b, c, d))
    far = torch.tensor([1e4, -1e4, torch.inf], dtype=F64)
    zero = torch.zeros_like(far)
    assert f(far, zero, zero, zero, label_smoothing=0.2)[:2].tolist() == pytest.approx([600, 2400], rel=1e-15)
    assert f(far, zero, zero, zero)[2] == 0


@pytest.mark.parametrize(("epsilon", "beta"), [(0.1, 0.1), (0.3, 2.0)])
def test_conservative_dpo_is_least_at_a_finite_margin(epsilon: float, beta: float) -> None:
    def f(margin: Tensor) -> Tensor:
        zero = torch.zeros_like(margin)
        return lossfns.dpo_loss(margin, zero, zero, zero, beta=beta, label_smoothing=epsilon)

    best = torch.tensor(math.log((1 - epsilon) / epsilon) / beta, dtype=F64)
    entropy = -epsilon * math.log(epsilon) - (1 - epsilon) * math.log(1 - epsilon)
    assert f(best).item() == pytest.approx(entropy, rel=1e-14)
    assert gradient(f, best).abs() < 1e-15
    assert gradient(f, best - 1) < -1e-4
    assert gradient(f, best + 1) > 1e-4


@pytest.mark.parametrize("beta", [0.3, 2.0])
def test_the_population_minimiser_of_ipo(beta: float) -> None:
    """log π*/ρ is the chance to be preferred to a random answer, over β, whatever law the chances have."""
    chance = torch.rand(4, 4, generator=torch.Generator().manual_seed(3), dtype=F64)
    chance = torch.where(torch.ones(4, 4).triu(1) > 0, chance, 1 - chance.t()).fill_diagonal_(0.5)
    assert torch.equal(chance + chance.t(), torch.ones_like(chance))
    reference = torch.log_softmax(normal(4, seed=1), 0)
    i, j = torch.cartesian_prod(torch.arange(4), torch.arange(4)).t()

    def slope(tilt: Tensor) -> Tensor:
        policy = torch.log_softmax(reference + tilt, 0).requires_grad_()
        loss = lossfns.ipo_loss(
            policy[i], policy[j], reference[i], reference[j], beta=beta, weight=chance[i, j]
        )
        return torch.autograd.grad(loss, policy)[0].abs().max()

    assert slope(chance.mean(1) / beta) < 1e-14
    assert slope(chance.mean(1)) > 1e-2


def test_ipo_ends_at_a_finite_margin() -> None:
    """Of one pair preferred with probability π: (2π − 1)/(2β), for π = 1, too, and with gradient beyond."""
    zero = torch.zeros(2, dtype=F64)
    for chance in (0.5, 0.8, 1.0):
        margin = torch.tensor((2 * chance - 1) / 0.6, dtype=F64)
        weight = torch.tensor([chance, 1 - chance], dtype=F64)

        def risk(m: Tensor, weight: Tensor = weight) -> Tensor:
            return lossfns.ipo_loss(torch.stack([m, -m]), zero, zero, zero, beta=0.3, weight=weight)

        assert gradient(risk, margin).abs() < 1e-14
        assert gradient(risk, margin + 1).item() == pytest.approx(2, rel=1e-14)
    half = torch.tensor([6e4], dtype=torch.float16)
    assert lossfns.ipo_loss(half, -half, half, half).item() == pytest.approx((2 * half.item() - 5) ** 2)


def test_simpo_is_bpr_with_a_head_start() -> None:
    s, t = normal(9) - 2, normal(9, seed=1) - 2
    f = partial(lossfns.simpo_loss, reduction="none")
    expected = lossfns.bpr_loss(3 * s - 0.7, 3 * t, reduction="none")
    torch.testing.assert_close(f(s, t, beta=3.0, gamma=0.7), expected, rtol=1e-13, atol=1e-13)
    by_ratio = -F.logsigmoid(2.0 * (s - t - 0.5))  # as the authors' program says γ = 1
    torch.testing.assert_close(f(s, t), by_ratio, rtol=1e-13, atol=1e-13)
    assert f(s, s).tolist() == pytest.approx([math.log1p(math.e)] * 9)
    torch.testing.assert_close(f(s, t, gamma=0), lossfns.dpo_loss(s, t, t, t, beta=2.0, reduction="none"))


def test_the_mean_over_tokens_is_what_makes_simpo_blind_to_length() -> None:
    """Two answers whose tokens are equally likely: of sums, the shorter would win."""
    short, long = torch.full((3,), -0.5), torch.full((30,), -0.5)
    assert lossfns.simpo_loss(short.mean(), long.mean(), gamma=0).item() == pytest.approx(math.log(2))
    assert lossfns.simpo_loss(short.sum(), long.sum(), gamma=0) < 1e-6


# KTO


def test_kto_is_what_its_paper_says() -> None:
    """λ − v, with the value v of a gain or loss from the reference point."""
    p, c, z = normal(8) * 9, normal(8, seed=1) * 9, torch.tensor(1.5, dtype=F64)
    y = torch.tensor([1, 0, 1, 1, 0, 0, 1, 0])
    gain = 0.2 * (p - c - z)
    expected = torch.where(y == 1, 3 - 3 * torch.sigmoid(gain), 2 - 2 * torch.sigmoid(-gain))
    f = partial(lossfns.kto_loss, kl=z, beta=0.2, desirable_weight=3.0, undesirable_weight=2.0)
    for target in (y, y.bool(), y.double()):
        torch.testing.assert_close(f(p, c, target, reduction="none"), expected)
    torch.testing.assert_close(f(p, c, y), expected.mean())  # not divided by 3 and 2
    slope = gradient(lambda x: f(x, c, y, reduction="none"), p)
    by_hand = 0.2 * torch.where(y == 1, -3.0, 2.0) * torch.sigmoid(gain) * torch.sigmoid(-gain)
    torch.testing.assert_close(slope, by_hand)
    swapped = lossfns.kto_loss(
        c, p, 1 - y, kl=torch.tensor(0), beta=0.2, desirable_weight=2.0, undesirable_weight=3.0
    )
    torch.testing.assert_close(f(p, c, y, kl=torch.tensor(0)), swapped)


def test_the_reference_point_of_kto_is_cut_off_and_constant() -> None:
    p, c, y = normal(2, 3).requires_grad_(), normal(2, 3, seed=1), torch.tensor([[1, 0, 1], [0, 1, 0]])
    f = partial(lossfns.kto_loss, p, c, y, reduction="none")
    none, some = f(kl=torch.tensor(0.0)), f(kl=torch.tensor(0.7))
    assert torch.equal(f(kl=torch.tensor(-0.7)), none)
    assert (none != some).all()
    rows = f(kl=torch.tensor([[0.7], [-3.0]], requires_grad=True))
    assert torch.equal(rows, torch.stack([some[0], none[1]]))
    policy_kl = (p - c).mean() + 3  # positive, where the cut-off would let a gradient through
    with_graph, without = f(kl=policy_kl).sum(), f(kl=policy_kl.detach()).sum()
    assert torch.equal(torch.autograd.grad(with_graph, p)[0], torch.autograd.grad(without, p)[0])
    with pytest.raises(ValueError, match=r"kl must broadcast to the shape of policy, \(2, 3\), got \(2,\)"):
        f(kl=torch.zeros(2))
    square = torch.zeros(3, 3)
    with pytest.raises(ValueError, match="kl must fit policy in one way"):
        lossfns.kto_loss(square, square, square, kl=torch.zeros(3))


def test_kto_differentiates_twice() -> None:
    y = torch.rand(5, generator=torch.Generator().manual_seed(2), dtype=F64).requires_grad_()
    weight, kl = torch.tensor([1.0, 0, 2, 0.5, 0]), torch.tensor(0.3)
    f = partial(lossfns.kto_loss, kl=kl, beta=0.7, desirable_weight=2.0, weight=weight)
    tensors = (normal(5).requires_grad_(), normal(5, seed=1).requires_grad_(), y)
    assert torch.autograd.gradcheck(f, tensors)
    assert torch.autograd.gradgradcheck(f, tensors)


@pytest.mark.parametrize(("desirable", "undesirable"), [(1.0, 1.0), (1.0, 3.0)])
def test_kto_asks_whether_an_answer_is_desirable_often_enough(desirable: float, undesirable: float) -> None:
    """Its expected loss has no best margin: it falls without end on one side, the majority's if weighed."""
    zero, threshold = torch.zeros(2, dtype=F64), undesirable / (desirable + undesirable)
    for chance in (threshold - 0.01, threshold + 0.01):

        def risk(m: Tensor, chance: float = chance) -> Tensor:
            loss = lossfns.kto_loss(
                m.expand(2),
                zero,
                torch.tensor([1, 0]),
                kl=torch.tensor(0.0),
                desirable_weight=desirable,
                undesirable_weight=undesirable,
                reduction="none",
            )
            return chance * loss[0] + (1 - chance) * loss[1]

        slopes = [gradient(risk, torch.tensor(m, dtype=F64)).item() for m in (-100.0, 0.0, 100.0)]
        assert all((slope < 0) == (chance > threshold) for slope in slopes)
        assert abs(slopes[1]) > 1000 * max(abs(slopes[0]), abs(slopes[2]))  # and gives up what is far off


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, F64], ids=str)
def test_kto_of_extreme_answers(dtype: torch.dtype) -> None:
    p = torch.tensor([6e4, -6e4, 6e4, -6e4], dtype=dtype)
    f = partial(lossfns.kto_loss, reference=-p, target=torch.tensor([1, 1, 0, 0]), reduction="none")
    assert f(p, kl=torch.tensor(0.0)).tolist() == [0, 1, 1, 0]
    assert (gradient(partial(f, kl=torch.tensor(0.0)), p) == 0).all()
    with lossfns.strict(), pytest.raises(ValueError, match=r"target must be from 0 to 1, got 2 at index"):
        lossfns.kto_loss(p, p, torch.tensor([1, 0, 2, 1]), kl=torch.tensor(0.0))


# Margins


def test_margin_ranking_is_torchs_with_a_right_mean() -> None:
    a, b = normal(8), normal(8, seed=1)
    y = torch.tensor([1, -1, 1, 1, -1, -1, 1, -1])
    got = lossfns.margin_ranking_loss(a, b, y, margin=0.4, reduction="none")
    torch.testing.assert_close(got, F.margin_ranking_loss(a, b, y, margin=0.4, reduction="none"))
    assert lossfns.margin_ranking_loss(a[:0], b[:0], y[:0]) == 0
    with lossfns.strict(), pytest.raises(ValueError, match=r"target must be 1 or -1, got 0 at index \(0,\)"):
        lossfns.margin_ranking_loss(a[:1], b[:1], torch.tensor([0]))


# ListMLE


def plackett_luce(s: Tensor, y: Tensor) -> Tensor:
    """−log of the probability of drawing the items in order; those of score −∞ are left out."""
    losses = []
    for scores, relevance in zip(s, y, strict=True):
        on_list = scores > -math.inf
        loss = listmle(torch, list(scores[on_list]), relevance[on_list].tolist())
        losses.append(torch.as_tensor(loss, dtype=F64))
    return torch.stack(losses)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13])
def test_listmle_is_the_likelihood_of_the_order(n: int) -> None:
    s, y = normal(6, n) * 3, normal(6, n, seed=1)
    f = partial(lossfns.listmle_loss, target=y, reduction="none")
    torch.testing.assert_close(f(s), plackett_luce(s, y), rtol=1e-12, atol=1e-12)
    expected = gradient(lambda x: plackett_luce(x, y), s)
    torch.testing.assert_close(gradient(f, s), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(f(s + 1e3), f(s), rtol=1e-9, atol=1e-9)


def test_the_probabilities_of_all_orders_add_up_to_1() -> None:
    s = normal(4) * 2
    orders = torch.tensor(list(itertools.permutations(range(4)))).double()
    losses = lossfns.listmle_loss(s.expand(24, 4), orders, reduction="none")
    assert torch.exp(-losses).sum().item() == pytest.approx(1, abs=1e-14)


def test_a_list_of_two_is_bpr() -> None:
    high, low = normal(7), normal(7, seed=1)
    lists, order = torch.stack([low, high], 1), torch.tensor([[0, 1]]).expand(7, 2)
    got = lossfns.listmle_loss(lists, order, reduction="none")
    torch.testing.assert_close(got, lossfns.bpr_loss(high, low, reduction="none"), rtol=1e-13, atol=1e-13)


def test_ties_keep_their_order_and_only_the_order_counts() -> None:
    s = normal(1, 40)
    y = torch.tensor([[0, 1] * 20])
    by_hand = torch.cat([s[:, 1::2], s[:, ::2]], 1)
    ordered = torch.arange(40, 0, -1).reshape(1, 40)
    torch.testing.assert_close(lossfns.listmle_loss(s, y), lossfns.listmle_loss(by_hand, ordered))
    distinct = normal(1, 40, seed=3)
    ranks = distinct.argsort().argsort()
    for monotone in (torch.exp(distinct), 1e-3 * distinct - 7, ranks, ranks.to(torch.uint8)):
        assert torch.equal(lossfns.listmle_loss(s, monotone), lossfns.listmle_loss(s, distinct))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, F64], ids=str)
def test_a_right_order_with_wide_gaps_costs_next_to_nothing(dtype: torch.dtype) -> None:
    """Three times log(1 + exp −200), which float64 can tell from 0."""
    s = torch.tensor([[400.0, 200.0, 0.0, -200.0]], dtype=dtype)
    y = torch.tensor([[3, 2, 1, 0]])
    expected = 3 * math.exp(-200) if dtype is F64 else 0.0
    assert lossfns.listmle_loss(s, y).item() == pytest.approx(expected, rel=1e-15, abs=0)
    assert gradient(lambda x: lossfns.listmle_loss(x, y), s).double().abs().max() < 1e-80
    assert lossfns.listmle_loss(-s, y).item() == 1200
    assert gradient(lambda x: lossfns.listmle_loss(x, y), -s).tolist() == [[-1, -1, -1, 3]]


def test_an_item_of_score_minus_infinity_is_not_on_the_list() -> None:
    s, y = normal(3, 5).float(), normal(3, 5, seed=1)
    padded = s.clone()
    padded[0, 3:] = -torch.inf
    padded[1, [0, 2]] = -torch.inf
    padded[2] = -torch.inf
    f = partial(lossfns.listmle_loss, target=y, reduction="none")
    torch.testing.assert_close(f(padded), plackett_luce(padded.double(), y))
    torch.testing.assert_close(f(padded)[0], lossfns.listmle_loss(s[0, :3], y[0, :3]).double())
    assert f(padded)[2] == 0
    got = gradient(f, padded)
    assert (got[padded == -torch.inf] == 0).all()
    torch.testing.assert_close(got[0, :3], gradient(lambda x: lossfns.listmle_loss(x, y[0, :3]), s[0, :3]))
    leaf = padded.clone().requires_grad_()
    (g,) = torch.autograd.grad(f(leaf).sum(), leaf, create_graph=True)
    (second,) = torch.autograd.grad(g.square().sum(), leaf)
    assert second.isfinite().all()
    with lossfns.strict():
        f(padded)
        with pytest.raises(ValueError, match="input must be below inf and not NaN"):
            f(-padded)


def test_listmle_differentiates_twice_with_deleted_lists() -> None:
    s, y = normal(4, 6).requires_grad_(), normal(4, 6, seed=1)
    weight = torch.tensor([1.0, 0, 2, 0], dtype=F64)
    f = partial(lossfns.listmle_loss, target=y, weight=weight)
    assert torch.autograd.gradcheck(f, s)
    assert torch.autograd.gradgradcheck(f, s)


def test_shapes_of_lists() -> None:
    s, y = normal(2, 3, 4), normal(2, 3, 4, seed=1)
    assert lossfns.listmle_loss(s, y, reduction="none").shape == (2, 3)
    assert lossfns.listmle_loss(s[0, 0], y[0, 0], reduction="none").shape == ()
    assert lossfns.listmle_loss(s[:0], y[:0]) == 0
    assert lossfns.listmle_loss(s[..., :0], y[..., :0]) == 0
    with pytest.raises(ValueError, match="at least 1 ax"):
        lossfns.listmle_loss(torch.tensor(1.0), torch.tensor(1.0))
    with pytest.raises(ValueError, match="weight must broadcast to the shape of the unreduced loss"):
        lossfns.listmle_loss(s, y, weight=torch.ones(2, 3, 4))


@pytest.mark.parametrize("offset", [0.0, 1e4, -1e4, 1e6])
def test_what_all_scores_have_in_common_takes_no_digits(offset: float) -> None:
    """The exact value of float32 scores, wherever they lie: their differences are exact."""
    s, y = (offset + normal(20, 9) * 4).float(), normal(20, 9, seed=1).argsort()
    f = partial(lossfns.listmle_loss, target=y, reduction="none")
    exact, single = plackett_luce(s.double() - offset, y), f(s)
    assert single.dtype is torch.float32
    torch.testing.assert_close(single.double(), exact, rtol=2e-6, atol=0)
    expected = gradient(lambda x: plackett_luce(x, y), s.double() - offset)
    torch.testing.assert_close(gradient(f, s).double(), expected, rtol=1e-5, atol=1e-6)


def test_a_right_and_sure_order_keeps_its_digits() -> None:
    s, y = torch.tensor([[0.0, -20.0]]), torch.tensor([[1, 0]])
    assert lossfns.listmle_loss(s, y).item() == pytest.approx(math.log1p(math.exp(-20)), rel=1e-6)
    low = math.exp(-20) / (1 + math.exp(-20))
    assert gradient(lambda x: lossfns.listmle_loss(x, y), s)[0].tolist() == pytest.approx(
        [-low, low], rel=1e-6
    )


@pytest.mark.parametrize("rows", [(), (1,), (40,)], ids=str)
def test_the_target_of_a_list_may_have_a_graph(
    rows: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its order has no derivative: nothing flows there, in chunks neither."""
    s, y = normal(*rows, 30).requires_grad_(), normal(*rows, 30, seed=1).requires_grad_()
    for size in (4, 10**9):
        monkeypatch.setattr(_chunked, "CHUNK", size)
        monkeypatch.setattr(_chunked, "MANY", 2)
        value = lossfns.listmle_loss(s, 2 * y)
        torch.testing.assert_close(value, plackett_luce(s.reshape(-1, 30), y.detach().reshape(-1, 30)).mean())
        for create_graph in (False, True):
            got = torch.autograd.grad(
                value, (s, y), retain_graph=True, create_graph=create_graph, allow_unused=True
            )
            assert got[1] is None
            torch.testing.assert_close(got[0].detach(), gradient(lambda x: lossfns.listmle_loss(x, y), s))


# ListNet


def test_listnet_is_the_cross_entropy_of_two_softmaxes() -> None:
    s, y = normal(6, 4) * 3, normal(6, 4, seed=1) * 3
    weight = torch.tensor([1.0, 0, 2, 0.5, 3, 1])
    got = lossfns.listnet_loss(s, y, weight=weight)
    torch.testing.assert_close(got, lossfns.cross_entropy(s, y.softmax(1), weight=weight))
    f = partial(lossfns.listnet_loss, target=y, reduction="none")
    torch.testing.assert_close(gradient(f, s), s.softmax(1) - y.softmax(1))
    p = y.softmax(1)
    torch.testing.assert_close(f(y + 5), -(p * p.log()).sum(1))
    assert gradient(f, y + 5).abs().max() < 1e-15
    three = lossfns.listnet_loss(s.reshape(2, 3, 4), y.reshape(2, 3, 4), reduction="none")
    assert torch.equal(three, f(s).reshape(2, 3))


def test_listnet_of_a_sure_target_is_the_chance_to_come_first() -> None:
    """Summed over all orders that begin with an item, the Plackett–Luce law gives its softmax."""
    s = normal(4) * 2
    orders = torch.tensor(list(itertools.permutations(range(4))))
    law = torch.exp(-lossfns.listmle_loss(s.expand(24, 4), orders.double(), reduction="none"))
    for item in range(4):
        first = law[orders.argmax(1) == item].sum()
        target = 1e3 * F.one_hot(torch.tensor(item), 4)
        assert lossfns.listnet_loss(s, target).item() == pytest.approx(-math.log(first), rel=1e-13)


PADDED = torch.tensor([[0.3, -1.0, 2.0, 0.1, 0.7], [1.0, 0.0, -0.5, 2.0, 0.2], [0.0, 1.0, 2.0, 3.0, 4.0]])
HOLES = torch.tensor([[0, 0, 0, 1, 1], [1, 0, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()
LISTS = {"listnet": lossfns.listnet_loss, "lambda": lossfns.lambda_loss}
each_list = pytest.mark.parametrize("loss", LISTS.values(), ids=LISTS)


@each_list
@pytest.mark.parametrize("padding", [0.0, 7.0, math.nan, math.inf, -math.inf], ids=str)
def test_items_of_score_minus_infinity_are_on_no_list(loss: Callable[..., Tensor], padding: float) -> None:
    """Neither their scores nor their targets count, nor have they a gradient, in any order."""
    y = torch.tensor([2.0, 0.0, 1.0, 3.0, 1.0]).expand(3, 5).masked_fill(HOLES, padding)
    s = PADDED.masked_fill(HOLES, -torch.inf).requires_grad_()
    losses = loss(s, y, reduction="none")
    (g,) = torch.autograd.grad(losses.sum(), s, create_graph=True)
    for row in range(2):
        kept = ~HOLES[row]
        alone = partial(loss, target=y[row, kept], reduction="none")
        torch.testing.assert_close(losses[row], alone(PADDED[row, kept]))
        torch.testing.assert_close(g[row, kept], gradient(alone, PADDED[row, kept]))
    assert losses[2] == 0
    assert (g[HOLES] == 0).all()
    (second,) = torch.autograd.grad(g.square().sum(), s)
    assert second.isfinite().all()
    if math.isfinite(padding):
        with lossfns.strict():
            assert torch.equal(loss(s, y, reduction="none"), losses)


@each_list
def test_shapes_of_scored_lists(loss: Callable[..., Tensor]) -> None:
    s, y = normal(2, 3, 4), normal(2, 3, 4, seed=1).abs()
    assert loss(s, y, reduction="none").shape == (2, 3)
    assert loss(s[0, 0], y[0, 0], reduction="none").shape == ()
    torch.testing.assert_close(loss(s[..., :1], y[..., :1]), torch.zeros((), dtype=F64))
    empty = s[..., :0].clone().requires_grad_()
    value = loss(empty, y[..., :0])
    assert value == 0
    assert torch.autograd.grad(value, empty)[0].shape == (2, 3, 0)
    with pytest.raises(ValueError, match="weight must broadcast to the shape of the unreduced loss"):
        loss(s, y, weight=torch.ones(2, 3, 4))


@each_list
def test_scored_lists_keep_their_digits_wherever_they_lie(loss: Callable[..., Tensor]) -> None:
    """Differences of float32 scores are exact."""
    s, y = (1e6 + normal(20, 9) * 4).float(), normal(20, 9, seed=1).abs().float()
    f = partial(loss, target=y, reduction="none")
    torch.testing.assert_close(f(s).double(), f(s.double()), rtol=2e-6, atol=0)
    torch.testing.assert_close(gradient(f, s).double(), gradient(f, s.double()), rtol=1e-5, atol=1e-6)
    wide = torch.tensor([[6e4, 0.0, -6e4]], dtype=torch.float16)
    assert loss(-wide, torch.tensor([[9.0, 0.0, 0.0]])).isfinite()
    assert gradient(lambda x: loss(x, torch.tensor([[9.0, 0.0, 0.0]])), -wide).isfinite().all()


# LambdaRank


def ndcg(s: Tensor, y: Tensor, k: int | None = None) -> Tensor:
    gains = (
        torch.exp2(y[s.argsort(descending=True, stable=True)]) - 1,
        torch.exp2(y.sort().values.flip(0)) - 1,
    )
    found, ideal = ((gain / torch.arange(2, len(y) + 2, dtype=F64).log2())[:k].sum() for gain in gains)
    return found / ideal


def lambda_by_swapping(s: Tensor, y: Tensor, k: int | None, sigma: float) -> Tensor:
    """One pair after another: exchange their scores and see what becomes of the NDCG."""
    total = s.new_zeros(())
    for i, j in itertools.permutations(range(len(s)), 2):
        if y[i] > y[j]:
            swapped = s.detach().clone()
            swapped[[i, j]] = s.detach()[[j, i]]
            change = (ndcg(swapped, y, k) - ndcg(s.detach(), y, k)).abs()
            total = total + change * torch.log1p(torch.exp(-sigma * (s[i] - s[j])))
    return total


@pytest.mark.parametrize(("k", "sigma"), [(None, 1.0), (1, 1.0), (3, 0.5), (9, 2.0)])
def test_lambda_weighs_a_pair_by_what_swapping_it_does_to_the_ndcg(k: int | None, sigma: float) -> None:
    s, y = normal(4, 6) * 2, torch.randint(5, (4, 6), generator=torch.Generator().manual_seed(4))
    f = partial(lossfns.lambda_loss, target=y, k=k, sigma=sigma, reduction="none")

    def brute_force(scores: Tensor) -> Tensor:
        return torch.stack([lambda_by_swapping(*row, k, sigma) for row in zip(scores, y, strict=True)])

    torch.testing.assert_close(f(s), brute_force(s))
    torch.testing.assert_close(gradient(f, s), gradient(brute_force, s))
    shuffled = torch.randperm(6, generator=torch.Generator().manual_seed(5))
    assert torch.allclose(lossfns.lambda_loss(s[:, shuffled], y[:, shuffled], k=k, sigma=sigma), f(s).mean())
    assert torch.autograd.gradgradcheck(f, s.clone().requires_grad_())


def test_lambda_of_two_is_ranknet_times_the_ndcg_at_stake() -> None:
    """Whatever the gain, since the ideal list divides by it: the discounts of places 1 and 2 are left."""
    s, t = normal(7), normal(7, seed=1)
    stake = 1 - 1 / math.log2(3)
    for high in (1e-6, 1.0, 4.0, 1000.0):  # 2 to the power of the last is no number of float32
        y = torch.tensor([[high, 0.0]], dtype=F64).expand(7, 2)
        got = lossfns.lambda_loss(torch.stack([s, t], 1), y, reduction="none")
        torch.testing.assert_close(got, stake * lossfns.bpr_loss(s, t, reduction="none"), rtol=1e-13, atol=0)
        single = lossfns.lambda_loss(torch.stack([s, t], 1).float(), y.float(), reduction="none")
        torch.testing.assert_close(single.double(), got, rtol=1e-6, atol=0)


def test_lambda_tells_close_relevances_apart() -> None:
    """2^y of float32 would be equal, or differ by one bit."""
    s, y = torch.tensor([[0.5, -0.5, 2.0]]), torch.tensor([[1.0 + 2**-22, 1.0, 1.0]])
    exact = lossfns.lambda_loss(s.double(), y.double()).item()
    assert lossfns.lambda_loss(s, y).item() == pytest.approx(exact, rel=2e-6)
    assert exact == pytest.approx(
        lambda_by_swapping(s[0].double(), y[0].double(), None, 1.0).item(), rel=1e-7
    )


def test_lambda_has_nothing_to_learn_from_equal_relevances() -> None:
    s = normal(3, 4).requires_grad_()
    for value in (0.0, 3.0):
        losses = lossfns.lambda_loss(s, torch.full((3, 4), value), reduction="none")
        assert (losses == 0).all()
        assert (torch.autograd.grad(losses.sum(), s)[0] == 0).all()


def test_lambda_keeps_equal_scores_in_the_order_in_which_they_stand() -> None:
    y = torch.tensor([0, 2, 1])
    flat = torch.zeros(3, dtype=F64)
    for k in (None, 1):
        ordered = lossfns.lambda_loss(flat - 1e-12 * torch.arange(3), y, k=k)
        torch.testing.assert_close(lossfns.lambda_loss(flat, y, k=k), ordered)
        reverse = lossfns.lambda_loss(flat + 1e-12 * torch.arange(3), y, k=k)
        assert not torch.allclose(ordered, reverse)


def test_lambda_moves_no_pair_below_place_k() -> None:
    s, y = torch.tensor([5.0, 4.0, 1.0, 0.0], dtype=F64), torch.tensor([3, 3, 0, 1])
    g = gradient(lambda x: lossfns.lambda_loss(x, y, k=1), s)
    assert g[1] == 0  # nothing is at stake between equals, nor below the first place
    assert g[0] < 0
    assert (g[2:] > 0).all()
    assert g[2] / g[3] == pytest.approx(7 * (1 + math.exp(5)) / (6 * (1 + math.exp(4))))
    assert g.sum().abs() < 1e-16


def test_the_target_of_a_lambda_loss_has_no_gradient() -> None:
    s, y = normal(2, 4).requires_grad_(), normal(2, 4, seed=1).abs().requires_grad_()
    value = lossfns.lambda_loss(s, 2 * y)
    assert torch.autograd.grad(value, (s, y), allow_unused=True)[1] is None


def test_gradient_steps_on_lambda_raise_the_ndcg() -> None:
    s, y = normal(30), torch.randint(4, (30,), generator=torch.Generator().manual_seed(1))
    before, x = ndcg(s, y), s.clone()
    for _ in range(50):
        x = x - gradient(lambda z: lossfns.lambda_loss(z, y), x)
    assert before < 0.8
    assert ndcg(x, y) > 0.99
