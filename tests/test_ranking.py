"""What is particular to ranking losses: identities, ties, padding, published pitfalls."""

from __future__ import annotations

import itertools
import math
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
