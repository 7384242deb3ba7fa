"""What is particular to losses on embeddings: plain forms, identities, memory, published pitfalls."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import lossfns
from lossfns import _chunked, _eager, _similarity, catalog, verify
from tests.cases import representation as references
from tests.support import by_reference, wrong_index

F64 = torch.float64
LABELS = torch.tensor([3, 0, 3, 7, 0, 3, 2])  # 2 and 7 stand alone
MASK = torch.rand(7, 7, generator=torch.Generator().manual_seed(4)) < 0.5


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = F64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=F64).to(dtype)


def gradients(f: Callable[..., Tensor], *tensors: Tensor) -> tuple[Tensor, ...]:
    leaves = [t.clone().requires_grad_() for t in tensors]
    return torch.autograd.grad(f(*leaves).sum(), leaves)


def same(f: Callable[..., Tensor], g: Callable[..., Tensor], *tensors: Tensor, tol: float = 1e-12) -> None:
    """Two functions agree in value and in gradient."""
    torch.testing.assert_close(f(*tensors), g(*tensors), rtol=tol, atol=tol)
    torch.testing.assert_close(gradients(f, *tensors), gradients(g, *tensors), rtol=tol, atol=tol)


# The plain forms: pair by pair, or all pairs at once, with no care for memory.


def cosines(a: Tensor, b: Tensor) -> Tensor:
    products: Tensor = (a / a.norm(dim=1, keepdim=True)) @ (b / b.norm(dim=1, keepdim=True)).t()
    return products


plain_info_nce = partial(by_reference, references.info_nce)
plain_clip = partial(by_reference, references.info_nce, symmetric=True)
plain_nt_xent = partial(by_reference, references.nt_xent)
plain_siglip = partial(by_reference, references.siglip)


def plain_supcon(x: Tensor, target: Tensor = LABELS, **hyper: Any) -> Tensor:
    return by_reference(references.supcon, x, target, **hyper)


def plain_batch_hard(x: Tensor, target: Tensor = LABELS, **hyper: Any) -> Tensor:
    return by_reference(references.batch_hard, x, target, **hyper)


def plain_batch_all(x: Tensor, target: Tensor = LABELS, **hyper: Any) -> Tensor:
    return by_reference(references.batch_all, x, target, **hyper)


def plain_semi_hard(x: Tensor, target: Tensor = LABELS, **hyper: Any) -> Tensor:
    return by_reference(references.semi_hard, x, target, **hyper)


def plain_multi_similarity(x: Tensor, target: Tensor = LABELS, **hyper: Any) -> Tensor:
    return by_reference(references.multi_similarity, x, target, **hyper)


def plain_circle(x: Tensor, target: Tensor = LABELS, margin: float = 0.25, gamma: float = 256.0) -> Tensor:
    """With the weights held constant, which the reference of the case cannot say."""
    s = cosines(x, x)
    same_class = target[:, None] == target
    losses = []
    for i in range(len(x)):
        p, n = s[i, same_class[i] & (torch.arange(len(x)) != i)], s[i, ~same_class[i]]
        pull = (-gamma * (1 + margin - p).clamp(min=0).detach() * (p - 1 + margin)).exp()
        push = (gamma * (n + margin).clamp(min=0).detach() * (n - margin)).exp()
        losses.append(torch.log1p(push.sum() * pull.sum()))
    return torch.stack(losses)


def plain_among(q: Tensor, k: Tensor, candidates: Tensor = MASK, temperature: float = 0.1) -> Tensor:
    """Each query against its own key and those of its candidates, one list after another."""
    s = cosines(q, k) / temperature
    lists = [[i, *(j for j in range(len(k)) if j != i and candidates[i, j])] for i in range(len(q))]
    return torch.stack([s[i, js].logsumexp(0) - s[i, i] for i, js in enumerate(lists)])


def plain_clip_among(q: Tensor, k: Tensor, candidates: Tensor = MASK) -> Tensor:
    return (plain_among(q, k, candidates) + plain_among(k, q, candidates.t())) / 2


def plain_queue(q: Tensor, k: Tensor, temperature: float = 0.1) -> Tensor:
    own = cosines(q, k).diagonal().unsqueeze(1)
    s = torch.cat([own, cosines(q, QUEUE)], 1) / temperature
    return s.logsumexp(1) - s[:, 0]


def supcon(x: Tensor, **hyper: Any) -> Tensor:
    return lossfns.supcon_loss(x, LABELS[: len(x)], **hyper)


def batch_hard(x: Tensor, **hyper: Any) -> Tensor:
    return lossfns.batch_hard_triplet_loss(x, LABELS[: len(x)], **hyper)


def batch_all(x: Tensor, **hyper: Any) -> Tensor:
    return lossfns.batch_all_triplet_loss(x, LABELS[: len(x)], **hyper)


def semi_hard(x: Tensor, **hyper: Any) -> Tensor:
    return lossfns.batch_semi_hard_triplet_loss(x, LABELS[: len(x)], **hyper)


def circle(x: Tensor, **hyper: Any) -> Tensor:
    return lossfns.circle_loss(x, LABELS[: len(x)], **{"gamma": 16.0, **hyper})


def multi_similarity(x: Tensor, **hyper: Any) -> Tensor:
    return lossfns.multi_similarity_loss(x, LABELS[: len(x)], **hyper)


def among(q: Tensor, k: Tensor, **hyper: Any) -> Tensor:
    return lossfns.info_nce_loss(q, k, candidates=MASK[: len(q), : len(k)], **hyper)


def queue(q: Tensor, k: Tensor, **hyper: Any) -> Tensor:
    keys = torch.cat([k, QUEUE.to(k.dtype)])
    return lossfns.info_nce_loss(
        q, keys, candidates=torch.arange(len(keys), device=k.device) >= len(k), **hyper
    )


X, Y = normal(7, 3), normal(7, 3, seed=1)
QUEUE = normal(5, 3, seed=2, dtype=torch.bfloat16).double()  # the same in every dtype
clip = partial(lossfns.info_nce_loss, symmetric=True)
with_keys = partial(lossfns.info_nce_loss, target=torch.tensor([1, 0, 2, 2, 6, 5, 3]))
# each loss whose rows compete, its plain form, and arguments
COUPLED: dict[str, tuple[Any, Any, Any]] = {
    "info_nce": (lossfns.info_nce_loss, plain_info_nce, (X, Y)),
    "clip": (clip, plain_clip, (X, Y)),
    "among": (among, plain_among, (X, Y)),
    "clip_among": (partial(among, symmetric=True), plain_clip_among, (X, Y)),
    "queue": (queue, plain_queue, (X, Y)),
    "nt_xent": (lossfns.nt_xent_loss, plain_nt_xent, (X, Y)),
    "siglip": (lossfns.siglip_loss, plain_siglip, (X, Y)),
    "supcon": (supcon, plain_supcon, (X,)),
    "batch_hard": (batch_hard, plain_batch_hard, (X,)),
    "batch_hard_soft": (partial(batch_hard, soft=True), partial(plain_batch_hard, soft=True), (X,)),
    **{
        f"{name}_{distance}": (partial(loss, distance=distance), partial(plain, distance=distance), (X,))
        for name, loss, plain in (
            ("batch_hard", batch_hard, plain_batch_hard),
            ("batch_all", batch_all, plain_batch_all),
            ("semi_hard", semi_hard, plain_semi_hard),
        )
        for distance in ("euclidean", "squared", "cosine")
        if (name, distance) != ("batch_hard", "euclidean")
    },
    "circle": (circle, partial(plain_circle, gamma=16.0), (X,)),
    "multi_similarity": (multi_similarity, plain_multi_similarity, (X,)),
}
coupled = pytest.mark.parametrize(("loss", "plain", "tensors"), COUPLED.values(), ids=COUPLED.keys())


@pytest.fixture(params=["whole", "tiles"])
def tiles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Once as one piece, once in tiles of a row or two."""
    if request.param == "tiles":
        monkeypatch.setattr(_similarity, "PLAIN", 48)
    return str(request.param)


@coupled
@pytest.mark.usefixtures("tiles")
def test_value_and_gradient_are_those_of_the_plain_form(loss: Any, plain: Any, tensors: Any) -> None:
    same(partial(loss, reduction="none"), plain, *tensors)
    weight = torch.rand(7, dtype=F64) + 0.1
    same(partial(loss, reduction="sum", weight=weight), lambda *t: (weight * plain(*t)).sum(), *tensors)


@coupled
@pytest.mark.usefixtures("tiles")
@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_row_of_weight_0_leaves_the_batch(loss: Any, plain: Any, tensors: Any, poison: float) -> None:
    keep = torch.tensor([True, False, True, True, False, True, True])
    parts = {"target": LABELS[keep], "candidates": MASK[keep][:, keep]}
    labels = {name: parts[name] for name in parts.keys() & inspect.signature(plain).parameters.keys()}
    dirty = [t.clone() for t in tensors]
    for t in dirty:
        t[~keep] = poison
    for weight in (keep, keep.double()):
        got = loss(*dirty, weight=weight, reduction="none")
        torch.testing.assert_close(got[keep], plain(*(t[keep] for t in tensors), **labels))
        assert (got[~keep] == 0).all()
        slopes = gradients(partial(loss, weight=weight, reduction="sum"), *dirty)
        expected = gradients(partial(plain, **labels), *(t[keep] for t in tensors))
        for slope, e in zip(slopes, expected, strict=True):
            torch.testing.assert_close(slope[keep], e)
            assert (slope[~keep] == 0).all()


@coupled
@pytest.mark.usefixtures("tiles")
def test_all_deleted_or_empty(loss: Any, plain: Any, tensors: Any) -> None:
    for arguments, weight in (
        ([torch.full_like(t, math.nan) for t in tensors], torch.zeros(7)),
        ([t[:0] for t in tensors], torch.zeros(0)),
        ([t[:0] for t in tensors], None),
    ):
        for reduction in ("mean", "sum"):
            f = partial(loss, weight=weight, reduction=reduction)
            assert f(*arguments) == 0
            assert all((slope == 0).all() for slope in gradients(f, *arguments))
        assert loss(*arguments, weight=weight, reduction="none").shape == (len(arguments[0]),)


@coupled
@pytest.mark.usefixtures("tiles")
def test_derivatives_twice(loss: Any, plain: Any, tensors: Any) -> None:
    if loss is circle:
        pytest.skip("a factor is a constant by definition")
    leaves = [t.clone().requires_grad_() for t in tensors]
    for weight in (None, torch.tensor([1.0, 0, 2, 1, 0.5, 1, 1]).double()):
        f = partial(loss, weight=weight)
        assert torch.autograd.gradcheck(f, leaves)
        assert torch.autograd.gradgradcheck(f, leaves)


@coupled
@pytest.mark.usefixtures("tiles")
def test_vmap_and_functional_gradients(loss: Any, plain: Any, tensors: Any) -> None:
    batch = [torch.stack([t, 2 * t.flip(1), t + 1]) for t in tensors]
    rows = torch.stack([loss(*row) for row in zip(*batch, strict=True)])
    torch.testing.assert_close(torch.func.vmap(loss)(*batch), rows)
    slopes = torch.func.vmap(torch.func.grad(loss))(*batch)
    expected = [gradients(loss, *row)[0] for row in zip(*batch, strict=True)]
    torch.testing.assert_close(slopes, torch.stack(expected))


@pytest.fixture
def compile() -> Iterator[Callable[..., Any]]:
    """torch.compile in one graph; its cache, which counts by code object, starts empty."""
    torch._dynamo.reset()
    yield partial(torch.compile, fullgraph=True, backend="aot_eager")
    torch._dynamo.reset()


@coupled
def test_compiled_in_one_graph(loss: Any, plain: Any, tensors: Any, compile: Any) -> None:
    weight = torch.tensor([1.0, 0, 2, 1, 0.5, 1, 1]).double()
    compiled = compile(partial(loss, weight=weight))
    same(compiled, partial(loss, weight=weight), *tensors)


class Largest(TorchDispatchMode):
    """The number of elements of the largest tensor that any operation returned."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.size = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        sizes = [t.untyped_storage().nbytes() // t.element_size() for t in tree_leaves(out) if _real(t)]
        self.size = max(self.size, *sizes, 0)
        return out


def _real(value: Any) -> bool:
    return isinstance(value, Tensor)


NO_MASK = {name: parts for name, parts in COUPLED.items() if "among" not in name}


@pytest.mark.parametrize(("loss", "plain", "tensors"), NO_MASK.values(), ids=NO_MASK.keys())
def test_memory_grows_with_the_rows_not_with_the_pairs(
    loss: Any, plain: Any, tensors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither forward nor backward makes a tensor of all pairs, nor keeps the tiles for the backward."""
    monkeypatch.setattr(_eager, "is_traced", lambda: False)  # or the count of what is made would be seen
    monkeypatch.setattr(_similarity, "PLAIN", 4000)
    n, d, kept = 300, 4, []
    monkeypatch.setitem(globals(), "LABELS", torch.arange(n) % 10)
    monkeypatch.setitem(globals(), "QUEUE", normal(20, d, seed=9))
    leaves = [normal(n, d, seed=i).requires_grad_() for i in range(len(tensors))]

    def keep(t: Tensor) -> Tensor:
        kept.append(t.untyped_storage().nbytes() // t.element_size())
        return t

    for weight in (None, torch.arange(n) % 7):
        kept.clear()
        with Largest() as largest:
            with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
                value = loss(*leaves, weight=weight)
            torch.autograd.grad(value, leaves)
        assert largest.size <= max(4000, 4 * n * d), largest.size
        assert max(kept) <= 2 * n * d


def test_a_mask_of_all_pairs_is_looked_at_by_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_eager, "is_traced", lambda: False)
    monkeypatch.setattr(_similarity, "PLAIN", 4000)
    n, candidates = 300, torch.arange(300) % 2 == 0  # the same for all queries, or one of each
    q, k = normal(n, 4).requires_grad_(), normal(n, 4, seed=1)
    for mask in (candidates, candidates[:, None], candidates.reshape(1, n)):
        with Largest() as largest:
            torch.autograd.grad(lossfns.info_nce_loss(q, k, candidates=mask), q)
        assert largest.size <= 4800


SIDE = math.isqrt(_similarity.PLAIN) + 60
# name: a loss of queries, keys and two scalars, and a number of rows that takes tiles
LARGE: dict[str, tuple[Any, int]] = {
    "info_nce": (lambda q, k, t, b: lossfns.info_nce_loss(q, k, temperature=t), SIDE),
    "queue": (
        lambda q, k, t, b: lossfns.info_nce_loss(
            q[:1200], k, temperature=t, candidates=torch.arange(len(k)) >= 1200
        ),
        2 * SIDE,
    ),
    "nt_xent": (lambda q, k, t, b: lossfns.nt_xent_loss(q, k, temperature=t), SIDE // 2),
    "siglip": (lambda q, k, t, b: lossfns.siglip_loss(q, k, logit_scale=1 / t, logit_bias=b), SIDE),
    "supcon": (
        lambda q, k, t, b: lossfns.supcon_loss(q + k, torch.arange(len(q)) % 9, temperature=t),
        SIDE,
    ),
    "batch_all": (
        lambda q, k, t, b: lossfns.batch_all_triplet_loss((q + k) / t, torch.arange(len(q)) % 9),
        SIDE // 2 + 800,
    ),
    "circle": (
        lambda q, k, t, b: t * lossfns.circle_loss(q + k, torch.arange(len(q)) % 9, gamma=2.0),
        SIDE,
    ),
}


class TestNobodyCanSeeTheTiles:
    """What tests/test_chunked.py holds for all losses with few rows, here at the real size."""

    @staticmethod
    def in_both_forms(monkeypatch: pytest.MonkeyPatch, results: Callable[[], list[Tensor]]) -> None:
        """The same in tiles of the real size and in one piece, and tiles there were."""
        taken = []

        def spy(f: Any, tiles: list[slice], *tensors: Any) -> Tensor:
            taken.append(len(tiles))
            return _chunked.tiled_rows(f, tiles, *tensors)

        monkeypatch.setattr("lossfns._similarity.tiled_rows", spy)
        in_tiles = results()
        assert taken
        assert min(taken) > 1
        monkeypatch.setattr(_similarity, "PLAIN", 10**9)
        taken.clear()
        for a, b in zip(in_tiles, results(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)
        assert not taken

    @staticmethod
    def entangled(name: str) -> tuple[Callable[[Tensor], Tensor], Tensor]:
        """The loss as a function of one vector, from which its rows, its keys and its scalars all come."""
        loss, n = LARGE[name]
        base = normal(n, 2)

        def f(x: Tensor) -> Tensor:
            q = base * x[:2]
            value: Tensor = loss(q, (q * 3).sin() + x[:2] ** 2, x[2].exp(), -x[2])
            return value

        return f, torch.tensor([1.1, 0.7, -0.5], dtype=F64)

    @pytest.mark.parametrize("name", LARGE)
    def test_gradients_graphs_and_hooks(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        f, x = self.entangled(name)

        def results() -> list[Tensor]:
            leaf, calls = x.clone().requires_grad_(), []

            def double(grad: Tensor) -> Tensor:
                calls.append(grad)
                return 2 * grad

            bent = leaf * 1
            bent.register_hook(double)
            value = f(bent)
            once, again, third = (
                torch.autograd.grad(value, leaf, retain_graph=True, create_graph=create_graph)[0]
                for create_graph in (False, False, True)
            )
            assert len(calls) == 3
            (second,) = torch.autograd.grad(third.square().sum(), leaf)
            return [value, once, again, third, second, torch.tensor(len(calls))]

        self.in_both_forms(monkeypatch, results)

    @pytest.mark.parametrize("name", ["info_nce", "siglip"])
    def test_transforms(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        f, x = self.entangled(name)

        def results() -> list[Tensor]:
            leaf, direction = x.clone().requires_grad_(), torch.tensor([1.0, -2.0, 0.5], dtype=F64)
            value = f(leaf)  # the only one in tiles
            batched = torch.autograd.grad(
                value, leaf, torch.tensor([1.0, 3.0], dtype=F64), is_grads_batched=True
            )[0]
            return [
                value,
                batched,
                torch.func.jacrev(f)(x),
                torch.func.hessian(f)(x),
                torch.autograd.functional.hessian(f, x),
                torch.func.jvp(f, (x,), (direction,))[1],
                torch.func.vmap(f)(torch.stack([x, x + 0.1])),
            ]

        self.in_both_forms(monkeypatch, results)


@coupled
@pytest.mark.usefixtures("tiles")
def test_fake_tensors(loss: Any, plain: Any, tensors: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shapes without values, as tools ask for them before they run anything."""
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        fake = [mode.from_tensor(t).requires_grad_() for t in tensors]
        for weight in (None, torch.ones(7)):
            value = loss(*fake, weight=weight)
            assert value.shape == ()
            assert loss(*fake, weight=weight, reduction="none").shape == (7,)
            slopes = torch.autograd.grad(value, fake)
            assert [slope.shape for slope in slopes] == [t.shape for t in tensors]


@coupled
@pytest.mark.usefixtures("tiles")
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_learned_weight_of_0(loss: Any, plain: Any, tensors: Any, reduction: str) -> None:
    weight = torch.tensor([1.0, 0, 2, 1, 0, 1, 1], dtype=F64)
    leaves = [t.clone().requires_grad_() for t in (*tensors, weight)]
    *rows, w = leaves
    slopes = torch.autograd.grad(loss(*rows, weight=w, reduction=reduction), leaves)
    assert all(slope.isfinite().all() for slope in slopes)

    def f(w: Tensor) -> Any:
        """Of the weights that are not 0: at 0 a row leaves the batch at once."""
        return loss(*tensors, weight=torch.zeros(7, dtype=F64).index_put((weight.nonzero()[:, 0],), w))

    assert torch.autograd.gradcheck(f, weight[weight > 0].requires_grad_())


# Identities


def test_nt_xent_is_supcon_with_pairs_for_classes() -> None:
    pairs = torch.arange(7).repeat(2)

    def as_supcon(a: Tensor, b: Tensor) -> Tensor:
        return lossfns.supcon_loss(torch.cat([a, b]), pairs, temperature=0.3)

    same(partial(lossfns.nt_xent_loss, temperature=0.3), as_supcon, X, Y)


@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 0, 2, 1, 0.5, 1, 1]).double()])
def test_clip_is_the_mean_of_two_cross_entropies(weight: Tensor | None) -> None:
    def two(a: Tensor, b: Tensor) -> Tensor:
        one, other = lossfns.info_nce_loss(a, b, weight=weight), lossfns.info_nce_loss(b, a, weight=weight)
        return (one + other) / 2

    same(partial(clip, weight=weight), two, X, Y)


def test_the_default_target_is_the_diagonal() -> None:
    more = torch.cat([Y, normal(4, 3, seed=2)])  # keys that are nobody's partner are negatives
    same(lossfns.info_nce_loss, partial(lossfns.info_nce_loss, target=torch.arange(7)), X, more)
    assert lossfns.info_nce_loss(X, more) > lossfns.info_nce_loss(X, Y)
    first = lossfns.info_nce_loss(X, more, weight=torch.arange(7) > 0)
    torch.testing.assert_close(first, lossfns.info_nce_loss(X[1:], more[1:]))


def test_with_a_target_of_ones_own_all_keys_remain() -> None:
    target = torch.tensor([1, 0, 2, 2, 6, 5, 3])
    s = cosines(X, Y) / 0.1
    expected = F.cross_entropy(s, target, reduction="none")
    query = X.clone()
    query[0] = math.nan
    weight = torch.tensor([0.0, 1, 2, 3, 1, 1, 1]).double()
    wild = torch.where(torch.arange(7) == 0, -100, target)
    got = lossfns.info_nce_loss(query, Y, wild, weight=weight, reduction="none")
    torch.testing.assert_close(got, weight * expected.where(weight > 0, 0.0))
    with lossfns.strict():
        lossfns.info_nce_loss(query, Y, wild, weight=weight)
        with pytest.raises(
            ValueError, match=r"target must be an index from 0 to 6, got -100 at index \(0,\)"
        ):
            lossfns.info_nce_loss(X, Y, wild)


def test_the_right_key_is_always_a_candidate() -> None:
    nobody = torch.zeros(7, 7, dtype=torch.bool)
    for target in (None, torch.tensor([1, 0, 2, 2, 6, 5, 3])):
        f = partial(lossfns.info_nce_loss, target=target)
        assert f(X, Y, candidates=nobody, reduction="none").abs().max() == 0
        same(partial(f, candidates=~nobody), f, X, Y)
        same(partial(f, candidates=torch.tensor(True)), f, X, Y)
        one = nobody.clone()
        one[:, 4] = True
        given = torch.arange(7) if target is None else target
        s = cosines(X, Y) / 0.1
        pair = torch.stack([s.gather(1, given[:, None])[:, 0], s[:, 4]], 1)
        expected = torch.where(given == 4, 0.0, pair.logsumexp(1) - pair[:, 0])
        for mask in (one, one[0], one[:1]):  # the keys of each query, or of all
            torch.testing.assert_close(f(X, Y, candidates=mask, reduction="none"), expected)
    some = torch.arange(7) % 2 == 0
    rows = lossfns.info_nce_loss(X, Y, candidates=some[:, None], reduction="none")
    torch.testing.assert_close(rows, torch.where(some, plain_info_nce(X, Y), 0.0))


def test_a_key_that_is_no_candidate_has_no_gradient() -> None:
    k = torch.cat([Y, QUEUE])
    slopes = gradients(lambda q, k: lossfns.info_nce_loss(q, k, candidates=torch.arange(12) < 10), X, k)
    assert (slopes[1][10:] == 0).all()
    assert (slopes[1][:10] != 0).all()


def test_false_negatives_are_left_out_by_their_labels() -> None:
    """As the documentation says: rows of one label are no negatives of each other."""
    losses = lossfns.info_nce_loss(X, Y, candidates=LABELS[:, None] != LABELS, reduction="none")
    for i in range(7):
        kept = [i, *(j for j in range(7) if LABELS[j] != LABELS[i])]
        alone = lossfns.info_nce_loss(X[[i]], Y[kept])
        torch.testing.assert_close(losses[i], alone)


def test_candidates_that_do_not_fit_are_refused() -> None:
    for wrong in ((7, 6), (6, 7), (6,), (1, 7, 7), (0,)):
        with pytest.raises(
            ValueError, match=r"candidates must broadcast to \(7, 7\), queries by keys"
        ) as error:
            lossfns.info_nce_loss(X, Y, candidates=torch.ones(wrong, dtype=torch.bool))
        assert str(wrong) in str(error.value)
    more = torch.cat([Y, QUEUE])
    mask = torch.rand(7, 12, generator=torch.Generator().manual_seed(5)) < 0.5
    got = lossfns.info_nce_loss(X, more, candidates=mask, reduction="none")
    torch.testing.assert_close(got, plain_among(X, more, mask))
    for tall in (mask.t(), mask[:, 0], mask[:, :7]):
        with pytest.raises(ValueError, match=r"candidates must broadcast to \(7, 12\)"):
            lossfns.info_nce_loss(X, more, candidates=tall)
    with pytest.raises(ValueError, match=r"candidates must have dtype torch\.bool, got torch\.int64"):
        lossfns.info_nce_loss(X, Y, candidates=torch.ones(7, 7).long())
    with pytest.raises(TypeError, match=r"candidates must be a torch\.Tensor, got list"):
        lossfns.info_nce_loss(X, Y, candidates=[True] * 7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=rf"candidates must be on {X.device} as query, got meta"):
        lossfns.info_nce_loss(X, Y, candidates=MASK.to("meta"))
    module = lossfns.InfoNCELoss()
    assert torch.equal(module(X, Y, candidates=MASK), among(X, Y))


@wrong_index
@pytest.mark.parametrize("bad", [7, -1, -100, 2**40])
def test_a_label_that_is_no_class_is_named(tiles: str, bad: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if tiles == "tiles":
        monkeypatch.setattr(_chunked, "CHUNK", 4)
        monkeypatch.setattr(_chunked, "MANY", 2)
    target, cosine = torch.tensor([0, 1, 2, bad, 1, 0, 0]), normal(7, 7).tanh()
    losses: tuple[Callable[..., Tensor], ...] = (
        partial(lossfns.arcface_loss, cosine, target),
        partial(lossfns.cosface_loss, cosine, target),
        partial(lossfns.info_nce_loss, X, Y, target),
        partial(lossfns.info_nce_loss, X, Y, target, candidates=MASK),
    )
    for loss in losses:
        for reduction in ("mean", "none"):
            with pytest.raises(IndexError, match=rf"^target must be an index from 0 to 6, got {bad}$"):
                loss(reduction=reduction)
        assert loss(weight=torch.arange(7) != 3).isfinite()


def test_a_collapsed_batch() -> None:
    one = torch.ones(7, 3, dtype=F64)
    assert lossfns.nt_xent_loss(one, one).item() == pytest.approx(math.log(13))
    assert lossfns.info_nce_loss(one, one).item() == pytest.approx(math.log(7))
    assert lossfns.supcon_loss(one, torch.zeros(7).long()).item() == pytest.approx(math.log(6))
    assert lossfns.triplet_loss(one, one, one, margin=0.7).item() == pytest.approx(0.7)
    for mined in (batch_hard, batch_all, semi_hard):
        for distance in ("euclidean", "squared", "cosine"):
            of_batch = partial(mined, margin=0.7, distance=distance)
            assert of_batch(one).item() == pytest.approx(0.7)
            assert gradients(of_batch, one)[0].abs().max() < 1e-15
            assert of_batch(0 * one).item() == pytest.approx(0.7)
            assert (gradients(of_batch, 0 * one)[0] == 0).all()
    for f in (lossfns.triplet_loss, lossfns.contrastive_loss):
        third = one if f is lossfns.triplet_loss else torch.ones(7)
        assert all((slope == 0).all() for slope in gradients(lambda a, b, f=f, t=third: f(a, b, t), one, one))
    assert (gradients(batch_hard, one)[0] == 0).all()


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_the_minimum_of_nt_xent_is_a_simplex(temperature: float) -> None:
    n = 6
    x = torch.eye(n, dtype=F64) - 1 / n
    least = math.log1p((2 * n - 2) * math.exp(-(1 + 1 / (n - 1)) / temperature))
    f = partial(lossfns.nt_xent_loss, temperature=temperature)
    assert f(x, x).item() == pytest.approx(least, rel=1e-12)
    assert all(slope.abs().max() < 1e-12 for slope in gradients(f, x, x))
    assert all(f(normal(n, 5, seed=i), normal(n, 5, seed=i + 99)) > least for i in range(20))
    if temperature == 0.5:
        assert least == pytest.approx(0.645625466337, abs=1e-12)


def test_info_nce_is_bounded_by_its_candidates() -> None:
    """The mutual information it certifies, log K − loss, is at most log K; slopes add up to at most 2/τ."""
    assert all(lossfns.info_nce_loss(normal(7, 3, seed=i), normal(7, 3, seed=i)) > 0 for i in range(20))
    s = (cosines(X, Y) / 0.1).requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(s, torch.arange(7), reduction="sum"), s)
    assert (slope.abs().sum(1) <= 2).all()


def test_losses_of_directions_do_not_see_lengths_and_rotations() -> None:
    q, _ = torch.linalg.qr(normal(3, 3, seed=9))
    lengths = torch.tensor([1e-9, 1, 2, 3, 1e9, 0.1, 7]).double()[:, None]
    for name in ("info_nce", "clip", "nt_xent", "siglip"):
        loss, _, (a, b) = COUPLED[name]
        torch.testing.assert_close(loss(a * lengths @ q, b @ q), loss(a, b), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(supcon(X * lengths @ q), supcon(X), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(batch_hard(X @ q + 5), batch_hard(X), rtol=1e-12, atol=1e-12)


# Pitfalls: zero rows, extreme lengths, low temperatures, coincident points


@pytest.mark.parametrize(
    ("dtype", "scale"), [(torch.float32, 1e-30), (torch.float32, 1e30), (F64, 1e-200), (F64, 1e200)]
)
def test_losses_of_very_short_and_very_long_rows(dtype: torch.dtype, scale: float) -> None:
    loss, a, b = lossfns.nt_xent_loss, normal(4, 3, dtype=dtype), normal(4, 3, seed=1, dtype=dtype)
    torch.testing.assert_close(loss(a * scale, b), loss(a, b))
    torch.testing.assert_close(gradients(loss, a * scale, b)[0] * scale, gradients(loss, a, b)[0])
    anchor, other = normal(4, 3, dtype=dtype) * scale, normal(4, 3, seed=1, dtype=dtype) * scale
    triplet = partial(lossfns.triplet_loss, margin=0.0, reduction="none")
    torch.testing.assert_close(
        triplet(anchor, other, anchor) / scale, (anchor / scale - other / scale).norm(dim=1)
    )
    hard = partial(batch_hard, margin=0.0)
    x = normal(7, 3, dtype=dtype)
    torch.testing.assert_close(hard(x * scale) / scale, hard(x))


ZERO_ROWS = {
    "info_nce": lambda x: lossfns.info_nce_loss(x, Y),
    "clip": lambda x: clip(x, Y),
    "nt_xent": lambda x: lossfns.nt_xent_loss(x, Y),
    "siglip": lambda x: lossfns.siglip_loss(x, Y),
    "supcon": supcon,
    "circle": circle,
    "multi_similarity": multi_similarity,
    "batch_hard_cosine": partial(batch_hard, distance="cosine"),
    "batch_all_cosine": partial(batch_all, distance="cosine"),
    "semi_hard_cosine": partial(semi_hard, distance="cosine"),
    "triplet_cosine": lambda x: lossfns.triplet_loss(x, Y, X.flip(0), margin=9.0, distance="cosine"),
    "batch_hard": batch_hard,
    "batch_all": batch_all,
    "semi_hard": semi_hard,
    "batch_all_squared": partial(batch_all, distance="squared"),
    "triplet_squared": lambda x: lossfns.triplet_loss(x, 0 * Y, X + 1, margin=9.0, distance="squared"),
    "contrastive": lambda x: lossfns.contrastive_loss(x, Y * (x != 0), torch.arange(7) % 2, margin=9.0),
    "triplet": lambda x: lossfns.triplet_loss(x, 0 * Y, X + 1, margin=9.0),
    "barlow": lambda x: lossfns.barlow_twins_loss(torch.cat([x, x[:, :1] * 0 + 0.1], 1), normal(7, 4)),
    "barlow_wide": lambda x: lossfns.barlow_twins_loss(x.t(), 3 + 0 * x.t()),
    "vicreg": lambda x: lossfns.vicreg_loss(x, Y),
    "negative_cosine": lambda x: lossfns.negative_cosine_loss(x, Y),
    "proxy_anchor": lambda x: lossfns.proxy_anchor_loss(x, LABELS, x.flip(0).repeat(2, 1)),
}


@pytest.mark.parametrize("f", ZERO_ROWS.values(), ids=ZERO_ROWS.keys())
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, F64], ids=str)
def test_zero_rows_and_coincident_rows_have_finite_derivatives(f: Any, dtype: torch.dtype) -> None:
    x = X.to(dtype).clone()
    x[2] = 0
    x[4] = x[5] = 0
    x.requires_grad_()
    value = f(x)
    assert value.isfinite()
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    assert slope.isfinite().all()
    (second,) = torch.autograd.grad(slope.square().sum(), x)
    assert second.isfinite().all()


@pytest.mark.parametrize("f", list(ZERO_ROWS.values())[:11], ids=list(ZERO_ROWS)[:11])
def test_a_zero_row_has_cosine_0_and_gradient_0(f: Any) -> None:
    x = X.clone()
    x[2] = 0
    assert (gradients(f, x)[0][2] == 0).all()
    assert (gradients(f, x)[0][3] != 0).any()


def test_coincident_vectors_are_at_distance_0() -> None:
    u = torch.ones(3, 2)
    target = torch.tensor([1.0, 0.0, 0.5])
    assert lossfns.contrastive_loss(u, u, target, margin=2.0, reduction="none").tolist() == [0, 2, 1]
    f = partial(lossfns.contrastive_loss, target=target)
    assert (gradients(f, u, u)[0] == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, F64], ids=str)
def test_a_low_temperature_loses_neither_value_nor_gradient(dtype: torch.dtype) -> None:
    """A partner at cosine −0.98 and a stranger at +0.98: a softmax that underflows, 392 wide."""
    angle = math.acos(0.98)
    a = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=dtype)
    b = torch.tensor([[-math.cos(angle), math.sin(angle)], [math.cos(angle), -math.sin(angle)]], dtype=dtype)
    loss = partial(lossfns.nt_xent_loss, temperature=0.005)
    assert loss(a, b).item() == pytest.approx(392.0, abs=0.7)
    same(
        loss,
        lambda a, b: plain_nt_xent(a, b, temperature=0.005).mean(),
        a,
        b,
        tol=1e-4 if dtype != F64 else 1e-12,
    )
    assert gradients(loss, a, b)[0].abs().max() > 1


def test_perfect_pairs_cost_nothing_at_a_low_temperature() -> None:
    x = torch.eye(5)
    for loss in (lossfns.info_nce_loss, clip, lossfns.nt_xent_loss):
        assert loss(x, x, temperature=0.005).item() == 0
        assert (gradients(partial(loss, temperature=0.005), x, x)[0] == 0).all()


def test_supcon_deletes_anchors_without_positives() -> None:
    losses = supcon(X, reduction="none")
    assert (losses[[3, 6]] == 0).all()
    assert supcon(X).item() == pytest.approx(losses[[0, 1, 2, 4, 5]].mean().item(), abs=1e-14)
    f = partial(lossfns.supcon_loss, target=torch.arange(7))
    assert f(X).item() == 0
    assert (gradients(f, X)[0] == 0).all()
    alone = partial(lossfns.supcon_loss, target=torch.tensor([5]))
    assert alone(X[:1]).item() == 0
    only = partial(supcon, weight=torch.tensor([1.0, 0, 0, 1, 0, 0, 0]))  # the positives are deleted
    assert only(X).item() == 0
    assert (gradients(only, X)[0] == 0).all()


def test_supcon_sums_of_a_large_class_keep_their_digits() -> None:
    n = 3000
    x = normal(n, 8) * 0.1 + 1
    target = torch.zeros(n).long()
    exact = lossfns.supcon_loss(x, target, reduction="none")
    single = lossfns.supcon_loss(x.float(), target, reduction="none")
    torch.testing.assert_close(single.double(), exact, rtol=0, atol=2e-5)


def test_batch_hard_needs_a_positive_and_a_negative() -> None:
    assert (batch_hard(X, reduction="none")[[3, 6]] == 0).all()
    for target in (torch.arange(7), torch.zeros(7).long()):
        f = partial(lossfns.batch_hard_triplet_loss, target=target)
        assert f(X).item() == 0
        assert (gradients(f, X)[0] == 0).all()


def test_mining_is_exact_far_from_the_origin_and_near_an_outlier() -> None:
    x = normal(60, 4).float() * 1e-2
    x[-1] += 1000
    target = torch.arange(60) % 4
    got = lossfns.batch_hard_triplet_loss(x + 100, target, reduction="none")
    torch.testing.assert_close(
        got.double(), plain_batch_hard((x + 100).double(), target), rtol=2e-4, atol=2e-4
    )


def test_mining_centres_first() -> None:
    x = 1e-2 * normal(60, 4) + 1e6
    target = torch.arange(60) % 4
    got = lossfns.batch_hard_triplet_loss(x, target, reduction="none")
    torch.testing.assert_close(got, plain_batch_hard(x, target), rtol=1e-12, atol=1e-12)


# Triplets: distances, and all or some of a batch

MINED = (batch_hard, batch_all, semi_hard)


@pytest.mark.parametrize("soft", [False, True])
def test_the_distances_of_a_triplet(soft: bool) -> None:
    """By hand: 3 and 5 apart, squares 9 and 25, cosines 0.8 and 0.6."""
    a = torch.tensor([[3.0, 4.0]], dtype=F64)
    p, n = torch.tensor([[0.0, 4.0]], dtype=F64), torch.tensor([[6.0, 0.0]], dtype=F64)
    by_hand: Any = (("euclidean", 2.0, 2.5), ("squared", 16.0, 17.0), ("cosine", 0.2, 0.5))
    for distance, lead, margin in by_hand:
        loss = lossfns.triplet_loss(a, p, n, margin=margin, soft=soft, distance=distance)
        assert loss.item() == pytest.approx(math.log1p(math.exp(-lead)) if soft else margin - lead, abs=1e-14)
    module = lossfns.TripletLoss(margin=17.0, distance="squared")
    assert module(a, p, n).item() == pytest.approx(1.0)
    with pytest.raises(
        ValueError, match="distance must be one of 'euclidean', 'squared', 'cosine', got 'l2'"
    ):
        lossfns.triplet_loss(a, p, n, distance="l2")  # type: ignore[arg-type]


def test_cosines_are_half_the_squares_between_directions() -> None:
    def half(loss: Any, *rows: Tensor) -> Any:
        return loss(*map(F.normalize, rows), margin=0.6, distance="squared") / 2

    tensors = (X, Y, X.flip(0))
    for loss in (lossfns.triplet_loss, *MINED):
        given = tensors[: 3 if loss is lossfns.triplet_loss else 1]
        same(partial(loss, margin=0.3, distance="cosine"), partial(half, loss), *given)
        assert half(loss, *given) > 0


def test_a_row_of_zeros_is_at_cosine_distance_1_from_all() -> None:
    """Its negative is the nearest where that is farther than 1, and a row of zeros is a negative at 1."""
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [-1.0, 1.0]], dtype=F64)
    target = torch.tensor([0, 0, 1, 1])
    losses = lossfns.batch_hard_triplet_loss(x, target, distance="cosine", reduction="none")
    root = math.sqrt(0.5)
    # rows 0, 1: positive at 0, nearest negative at 1; row 2: 1 and 1; row 3: 1 and 1 + root
    torch.testing.assert_close(losses, torch.tensor([0.0, 0.0, 1.0, 1 - root], dtype=F64))
    losses = lossfns.batch_all_triplet_loss(x, target, distance="cosine", reduction="none")
    torch.testing.assert_close(losses, torch.tensor([0.0, 0.0, 2.0, 2 - 2 * root], dtype=F64))
    x = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.28, 0.96], [-1.0, 0.0]], dtype=F64)
    target = torch.tensor([0, 0, 0, 1])  # of row 0: positives at 1 and 0.72, the negative at 2
    losses = lossfns.batch_hard_triplet_loss(x, target, margin=1.5, distance="cosine", reduction="none")
    assert losses[0].item() == pytest.approx(0.5)


def test_gradients_of_squares_pass_through_coincident_rows() -> None:
    """Where anchor and positive coincide the slope is that of the negative alone, and the curvature is 2."""
    a, n = torch.zeros(1, 2, dtype=F64), torch.tensor([[0.5, 0.0]], dtype=F64)
    f = partial(lossfns.triplet_loss, distance="squared")
    for slope, expected in zip(gradients(f, a, a, n), ([[1.0, 0]], [[0.0, 0]], [[-1.0, 0]]), strict=True):
        torch.testing.assert_close(slope, torch.tensor(expected, dtype=F64))
    second = torch.autograd.functional.hessian(lambda p: f(a, p[None], n), a[0])
    torch.testing.assert_close(second, 2 * torch.eye(2, dtype=F64))
    slopes = gradients(partial(lossfns.triplet_loss, margin=1.0), a, a, n)
    torch.testing.assert_close(slopes[0], torch.tensor([[1.0, 0]], dtype=F64))


def test_batch_all_is_the_mean_over_the_triplets_that_cost_something() -> None:
    triplets = [
        (i, j, k)
        for i in range(7)
        for j in range(7)
        for k in range(7)
        if i != j and LABELS[i] == LABELS[j] != LABELS[k]
    ]
    i, j, k = torch.tensor(triplets).t()
    for distance in ("euclidean", "squared", "cosine"):
        each = lossfns.triplet_loss(X[i], X[j], X[k], margin=0.3, distance=distance, reduction="none")
        assert 0 < (each == 0).sum() < len(each)
        weight = torch.tensor([1.0, 3, 2, 1, 0.5, 1, 1], dtype=F64)
        for w in (torch.ones(7, dtype=F64), weight):
            expected = (w[i] * each).sum() / (w[i] * (each > 0)).sum()
            got = lossfns.batch_all_triplet_loss(X, LABELS, margin=0.3, distance=distance, weight=w)
            torch.testing.assert_close(got, expected)
        got = batch_all(X, margin=0.3, distance=distance, reduction="sum")
        torch.testing.assert_close(got, each.sum())


def test_a_triplet_that_is_just_right_is_not_counted() -> None:
    """On whole numbers, where a loss is exactly 0 on the edge of the margin."""
    x, target = torch.tensor([[0.0], [1.0], [2.0], [3.0]]), torch.tensor([0, 0, 1, 1])
    # 0, 1: 1 − 2 + 1 = 0, 1 − 3 + 1 < 0. 1, 0: 1 − 1 + 1 = 1, 1 − 2 + 1 = 0; and so on by symmetry
    losses = lossfns.batch_all_triplet_loss(x, target, reduction="none")
    assert losses.tolist() == [0, 1, 1, 0]
    assert lossfns.batch_all_triplet_loss(x, target).item() == 1
    assert lossfns.batch_all_triplet_loss(x, target, margin=0.0).item() == 0
    slopes = gradients(lambda x: lossfns.batch_all_triplet_loss(x, target, reduction="sum"), x)
    # of x₁ − x₀ − (x₂ − x₁) + 1 and x₃ − x₂ − (x₂ − x₁) + 1 alone
    assert slopes[0].flatten().tolist() == [-1, 3, -3, 1]


def test_the_semi_hard_negative_is_the_nearest_beyond_the_positive_or_else_the_farthest() -> None:
    x = torch.tensor([[0.0], [2.0], [1.0], [2.0], [-2.5], [4.0]], dtype=F64)
    target = torch.tensor([0, 0, 1, 2, 3, 4])
    # from 0, the positive at 2: negatives at 1, 2 (not beyond), 2.5 and 4; from 2: 1, 0, 4.5, 2 (not beyond)
    losses = lossfns.batch_semi_hard_triplet_loss(x, target, reduction="none", margin=3.0)
    torch.testing.assert_close(losses, torch.tensor([2.5, 0.5, 0, 0, 0, 0], dtype=F64))
    near = lossfns.batch_semi_hard_triplet_loss(x[:4], target[:4], reduction="none")
    torch.testing.assert_close(near, torch.tensor([1.0, 2.0, 0, 0], dtype=F64))  # none beyond: 2 and 1
    soft = lossfns.batch_semi_hard_triplet_loss(x, target, soft=True)
    expected = (math.log1p(math.exp(-0.5)) + math.log1p(math.exp(-2.5))) / 2
    assert soft.item() == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("loss", [*MINED, circle])
def test_without_a_positive_or_a_negative_there_is_no_loss(loss: Any, monkeypatch: Any) -> None:
    for labels in (torch.arange(7), torch.zeros(7).long()):
        monkeypatch.setitem(globals(), "LABELS", labels)
        for reduction in ("mean", "sum"):
            f = partial(loss, reduction=reduction)
            assert f(X).item() == 0
            assert (gradients(f, X)[0] == 0).all()
    monkeypatch.setitem(globals(), "LABELS", torch.tensor([0, 0, 1, 1, 1, 1, 1]))
    only = partial(loss, weight=torch.tensor([1.0, 0, 1, 1, 1, 1, 1]))  # its one negative has no positive
    assert only(X, reduction="none")[0].item() == 0
    lone = partial(loss, weight=torch.tensor([0.0, 0, 1, 1, 1, 1, 1]))  # the negatives are deleted
    assert lone(X).item() == 0
    assert (gradients(lone, X)[0] == 0).all()


@pytest.mark.parametrize("loss", [batch_all, semi_hard])
@pytest.mark.parametrize(("dtype", "scale"), [(torch.float32, 1e-30), (torch.float32, 1e30), (F64, 1e200)])
def test_triplets_of_very_short_and_very_long_rows(loss: Any, dtype: torch.dtype, scale: float) -> None:
    x, f = X.to(dtype), partial(loss, margin=0.0)
    torch.testing.assert_close(f(x * scale) / scale, f(x))
    torch.testing.assert_close(gradients(f, x * scale), gradients(f, x))


def test_sums_over_many_triplets_keep_their_digits_in_float32() -> None:
    """Far from the origin, and with losses that are small beside the distances."""
    x, target = (normal(120, 4) + 100).float(), torch.arange(120) % 6
    for loss in (lossfns.batch_all_triplet_loss, lossfns.batch_semi_hard_triplet_loss):
        exact = loss(x.double(), target, margin=1e-3, reduction="none")
        got = loss(x, target, margin=1e-3, reduction="none")
        torch.testing.assert_close(got.double(), exact, rtol=1e-5, atol=1e-5)


def test_rounding_leaves_no_sum_of_triplets_below_0() -> None:
    """Losses of one unit in the last place: the sum loses them, but not the gradient."""
    g = torch.Generator().manual_seed(0)
    for far in torch.rand(300, generator=g, dtype=F64).tolist():
        x = torch.tensor([[0.0], [far], *[[-math.nextafter(far + 0.04, 0)]] * 11], dtype=F64)
        target = torch.tensor([0, 0, *[1] * 11])
        f = partial(lossfns.batch_all_triplet_loss, target=target, margin=0.04, reduction="none")
        assert (f(x) >= 0).all()
        assert gradients(lambda x, f=f: f(x)[0], x)[0][1].item() == pytest.approx(11)


def test_sums_over_millions_of_triplets_are_exact_in_float32() -> None:
    """All of loss 4098 − 4097, while the distances of a row add up to more digits than float32 has."""
    target = (torch.arange(300) >= 150).long()
    x = 4097.0 * target[:, None]
    losses = lossfns.batch_all_triplet_loss(x, target, margin=4098.0, reduction="none")
    assert (losses == 149 * 150).all()


def test_cards_of_triplets_on_other_distances() -> None:
    """Cosines: bounded, without a bound for the slope. Both: smooth if soft, with a kink if not."""
    card, points = catalog.cards()["triplet_loss"], verify.random_points(-1, 1, 6)
    for distance in ("squared", "cosine"):
        for soft in (False, True):
            hyper: dict[str, Any] = {"distance": distance, "soft": soft, "margin": 0.25}

            def f(x: Tensor, hyper: Any = hyper) -> Tensor:
                return lossfns.triplet_loss(*x.split(2, 1), reduction="none", **hyper)

            assert bool(verify.convex(f, points)) == card.convex.value(**hyper)
            assert card.lipschitz.value(**hyper) == math.inf
            scale = 1e-6 if distance == "cosine" else 1e6
            assert not verify.lipschitz(f, 1e3, scale * points)
            bend = torch.tensor([[0, 0, 1, 0, 0, 0]], dtype=F64) * 1e3
            far = torch.tensor([[0, 0, 1e3, 1e3, 1e3, 1e3 + 1e-6]], dtype=F64)
            near = torch.cat([far, far + 1e-9 * bend]) if distance == "squared" else 1e-6 * points
            kink = torch.tensor([[0, 0, 0, 0, 0.5 - 1e-9, 0], [0, 0, 0, 0, 0.5 + 1e-9, 0]], dtype=F64)
            at = kink if distance == "squared" and not soft else near
            assert not verify.smooth(f, 1e3, at)
            low, high = card.range.value(**hyper)
            poles = torch.tensor([[1, 0, 1, 0, -1, 0], [1, 0, -1, 0, 1, 0], [0, 0, 0, 0, 9, 0]], dtype=F64)
            values = f(torch.cat([poles, 1e3 * points]))
            assert values.min().item() == pytest.approx(low, abs=1e-12)
            assert values.max().item() == pytest.approx(high) if high < math.inf else values.max() > 1e5

            def turning(t: Tensor, f: Any = f) -> Any:
                """The negative turns away from the anchor; the hinge lets go where 1 − cos, or d², is m."""
                there = torch.stack([t.cos(), t.sin()] if distance == "cosine" else [t, 0 * t], 1)  # noqa: B023
                start = torch.tensor([1.0, 0] if distance == "cosine" else [0.0, 0], dtype=F64)  # noqa: B023
                return f(torch.cat([start.expand(len(t), 2), start.expand(len(t), 2), there], 1))

            edge = math.acos(0.75) if distance == "cosine" else 0.5
            ts = torch.tensor([edge, 0.0, 1.0], dtype=F64)
            assert bool(verify.differentiable(turning, ts)) == card.c1.value(**hyper) == soft
            assert bool(verify.differentiable(turning, ts, 2)) == card.c2.value(**hyper) == soft


def on_a_circle(loss: Callable[..., Any], target: list[int], *angles: float) -> Callable[[Tensor], Any]:
    """The sum of a loss, as a function of the angle of the row after those at the angles."""

    def f(t: Tensor) -> Any:
        places = torch.stack([*(0 * t + a for a in angles), t], 1)
        rows = torch.stack([places.cos(), places.sin()], 2)
        return torch.func.vmap(partial(loss, target=torch.tensor(target), reduction="sum"))(rows)

    return f


@pytest.mark.parametrize("distance", ["euclidean", "squared", "cosine"])
@pytest.mark.parametrize("name", ["batch_hard", "batch_all", "batch_semi_hard"])
def test_cards_of_mined_triplets(name: str, distance: str) -> None:
    """Neither convex nor smooth, soft or not: a hinge lets go, or another row is chosen."""
    card = catalog.cards()[f"{name}_triplet_loss"]
    loss = partial(card.function, distance=distance)
    hinge = on_a_circle(partial(loss, margin=0.25), [0, 0, 1], 0.0, 0.5)
    edge = {
        "euclidean": 2 * math.asin(math.sin(0.25) + 0.125),
        "squared": math.acos(math.cos(0.5) - 0.125),
        "cosine": math.acos(math.cos(0.5) - 0.25),
    }[distance]
    assert verify.differentiable(hinge, torch.tensor([edge + 0.01, edge - 0.01], dtype=F64))
    assert not verify.differentiable(hinge, torch.tensor([edge], dtype=F64))
    if name != "batch_all":
        choice = on_a_circle(partial(loss, soft=True), [0, 0, 1, 1], 0.0, 0.5, 1.5)
        between = 0.5 if name == "batch_semi_hard" else 0.25 + math.pi  # as far as row 1, or from both
        points = torch.tensor([between, 1.5 - 2 * math.pi], dtype=F64)
        assert not verify.differentiable(choice, points)
    assert card.c1.value(distance=distance) is card.c2.value(distance=distance) is False

    def f(x: Tensor) -> Any:
        one = partial(loss, target=torch.tensor([0, 0, 1, 1]), reduction="none")
        return torch.func.vmap(one)(x.reshape(-1, 4, 2))[:, 0]

    points = verify.random_points(-1, 1, 8)
    assert not verify.convex(f, points)
    assert card.convex.value(distance=distance) is False
    low, high = card.range.value(distance=distance)
    assert low == 0
    assert 0 <= f(points).min() <= f(points).max() <= high
    assert card.smoothness.value(distance=distance) == math.inf
    kink = torch.tensor([edge - 1e-9, edge + 1e-9], dtype=F64)
    assert not verify.smooth(hinge, 1000.0, kink)


@pytest.mark.parametrize("loss", [lossfns.batch_all_triplet_loss, lossfns.batch_semi_hard_triplet_loss])
def test_slopes_of_sums_over_triplets_grow_with_the_batch(loss: Any) -> None:
    assert catalog.cards()[loss.__name__].lipschitz.value() == math.inf
    lengths = []
    for n in (30, 300, 3000):
        target = (torch.arange(n) > n // 2).long()
        slopes = gradients(
            lambda x, y=target: loss(x, y, margin=2.0, reduction="none")[0], target[:, None] * 1.0
        )
        lengths.append(slopes[0].norm().item())
    assert lengths[2] > 5 * lengths[1] > 25 * lengths[0]


# Circle and multi-similarity


def test_circle_of_one_pair_of_each_kind_has_a_circle_for_its_boundary() -> None:
    """γ (s_n² + (1 − s_p)² − 2 m²) inside the logarithm: 0 on the circle of radius √2 m around (0, 1)."""
    target = torch.tensor([0, 0, 1])
    for angle, m in ((0.3, 0.25), (1.1, 0.4), (0.0, 0.4)):
        s_n, s_p = math.sqrt(2) * m * math.sin(angle), 1 - math.sqrt(2) * m * math.cos(angle)
        a, b = math.acos(s_p), -math.acos(s_n)
        x = torch.tensor([[1, 0], [math.cos(a), math.sin(a)], [math.cos(b), math.sin(b)]], dtype=F64)
        on = lossfns.circle_loss(x, target, margin=m, gamma=32.0, reduction="none")
        assert on[0].item() == pytest.approx(math.log(2), abs=1e-12)
        inner = lossfns.circle_loss(x, target, margin=m + 0.1, gamma=32.0, reduction="none")
        inside = 32 * (s_n**2 + (1 - s_p) ** 2 - 2 * (m + 0.1) ** 2)
        assert inner[0].item() == pytest.approx(math.log1p(math.exp(inside)), rel=1e-12)


def test_slopes_of_circle_and_multi_similarity(monkeypatch: pytest.MonkeyPatch) -> None:
    x, same_class = X.clone().requires_grad_(), LABELS[:, None] == LABELS
    p, n = same_class & ~torch.eye(7, dtype=torch.bool), ~same_class
    both = (p.any(1) & n.any(1))[:, None]
    m, gamma = 0.25, 16.0
    s, slope = in_similarities(monkeypatch, partial(circle, reduction="sum"), x)
    pull, push = gamma * (1 + m - s).clamp(min=0), gamma * (s + m).clamp(min=0)
    q = torch.where(n, push * (s - m), -1e9).softmax(1)
    r = torch.where(p, -pull * (s - 1 + m), -1e9).softmax(1)
    loss = circle(X, reduction="none")[:, None]
    expected = (1 - torch.exp(-loss)) * (n * q * push - p * r * pull)
    torch.testing.assert_close(slope, torch.where(both, expected, 0.0))
    s, slope = in_similarities(monkeypatch, partial(multi_similarity, reduction="sum"), x)
    pull, push = p * torch.exp(-2 * (s - 0.5)), n * torch.exp(50 * (s - 0.5))
    torch.testing.assert_close(
        slope, push / (1 + push.sum(1, keepdim=True)) - pull / (1 + pull.sum(1, keepdim=True))
    )


@pytest.mark.parametrize("dtype", [torch.float32, F64], ids=str)
def test_circle_and_multi_similarity_lose_neither_value_nor_gradient(dtype: torch.dtype) -> None:
    """exp of 256 · 2.25 · 1.75, of a pair of a class at cosine −1, is no number."""
    x, target = torch.tensor([[1.0, 0], [-1, 0], [0, 1]], dtype=dtype), torch.tensor([0, 0, 1])
    value = lossfns.circle_loss(x, target, reduction="none")
    assert value.tolist() == pytest.approx([256 * (2.25 * 1.75 - 0.25 * 0.25)] * 2 + [0], rel=1e-6)
    x[1] = torch.tensor([-0.6, 0.8])
    assert gradients(lambda x: lossfns.circle_loss(x, target), x)[0].abs().max() > 100
    f = partial(lossfns.multi_similarity_loss, target=target, alpha=1e3, beta=1e3, reduction="none")
    assert f(x).tolist() == pytest.approx([1.1, 1.4, 0.3], abs=1e-5)
    assert all(slope.isfinite().all() and slope.abs().max() > 0.5 for slope in gradients(f, x))


def test_well_separated_classes_keep_the_digits_of_a_small_loss() -> None:
    x, target = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]), torch.tensor([0, 0, 1])
    got = lossfns.circle_loss(x, target, margin=0.9, gamma=20.0)  # the negatives weigh nothing: α is 0
    assert got.item() == pytest.approx(math.log1p(math.exp(-20 * 0.81)), rel=1e-6)
    lone = lossfns.multi_similarity_loss(x, target, reduction="none")[2]
    assert lone.item() == pytest.approx(2 * math.exp(-75) / 50, rel=1e-5)


def test_multi_similarity_of_a_row_without_positives_is_that_of_its_negatives() -> None:
    x, target = X, torch.arange(7)
    s = cosines(x, x).fill_diagonal_(-torch.inf)
    expected = torch.log1p(torch.exp(50 * (s - 0.5)).sum(1)) / 50
    torch.testing.assert_close(lossfns.multi_similarity_loss(x, target, reduction="none"), expected)
    s = cosines(x, x).fill_diagonal_(torch.inf)
    got = lossfns.multi_similarity_loss(x, 0 * target, reduction="none")
    torch.testing.assert_close(got, torch.log1p(torch.exp(-2 * (s - 0.5)).sum(1)) / 2)
    alone = partial(lossfns.multi_similarity_loss, target=torch.tensor([5]))
    assert alone(x[:1]).item() == 0
    assert (gradients(alone, x[:1])[0] == 0).all()


def test_the_card_of_circle() -> None:
    """Its values, not its gradient, which holds a factor constant, say that it has a kink at s_n = −m."""
    card, target = catalog.cards()["circle_loss"], torch.tensor([0, 0, 1])

    def f(x: Tensor, margin: float = 0.25) -> Any:
        one = partial(lossfns.circle_loss, target=target, margin=margin, gamma=4.0, reduction="sum")
        return torch.func.vmap(one)(x.reshape(-1, 3, 2))

    points = verify.random_points(-1, 1, 6)
    assert not verify.convex(f, points)
    assert card.convex.value() is False
    assert (f(points) > 0).all()
    for scale, check in ((1e-6, verify.lipschitz), (1e-6, verify.smooth)):
        assert not check(f, 1000.0, scale * points)
    h = 1e-4
    for margin in (0.25, 0.0):
        loss = partial(lossfns.circle_loss, margin=margin, gamma=4.0)
        around = math.acos(-margin) + h * torch.arange(
            -3, 4, dtype=F64
        )  # the angle of row 0 and its negative
        slopes = on_a_circle(loss, [0, 0, 1], 0.0, 0.1 - math.pi)(around).diff() / h
        curvatures = slopes.diff() / h
        assert bool((slopes[3] - slopes[2]).abs() < 0.01) == card.c1.value(margin=margin)
        assert (curvatures[3] - curvatures[1]).abs() > 1
        assert card.c2.value(margin=margin) is False


@pytest.mark.parametrize("margin", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("cosine", [1.0, -1.0, 1.0000001, 0.9999999])
def test_arcface_at_the_poles(margin: float, cosine: float) -> None:
    x = torch.tensor([[cosine, 0.2]])
    f = partial(lossfns.arcface_loss, target=torch.tensor([0]), margin=margin, scale=4.0)
    assert f(x).isfinite()
    assert gradients(f, x)[0].isfinite().all()
    if abs(cosine) == 1:
        rotated = math.cos(math.acos(cosine) + margin)
        assert f(x).item() == pytest.approx(math.log1p(math.exp(4 * (0.2 - rotated))), abs=1e-6)


@pytest.mark.parametrize("margin", [0.0, 1e-3, 0.3, 0.5, 1.0, 1.5, math.pi / 2])
@pytest.mark.parametrize("dtype", [torch.float32, F64], ids=str)
def test_monotone_arcface_never_gains_from_being_farther(margin: float, dtype: torch.dtype) -> None:
    """Up to θ = π − m it is the printed formula; there u falls by cos m + m sin m − 1, and rises nowhere."""
    edge = -math.cos(margin)
    ends = torch.tensor([-1.0, edge, 1.0], dtype=dtype)
    near = torch.stack([ends.nextafter(torch.full_like(ends, bound)) for bound in (-1, 1)]).flatten()
    cosine = torch.cat([torch.linspace(-1, 1, 20001, dtype=dtype), ends, near]).sort().values

    def adjusted(monotone: bool) -> Tensor:
        x = torch.stack([cosine, torch.zeros_like(cosine)], 1)
        loss = partial(lossfns.arcface_loss, margin=margin, scale=1.0, monotone=monotone, reduction="none")
        return -loss(x, torch.zeros(len(x), dtype=torch.long)).expm1().log()

    u, printed, tol = adjusted(True), adjusted(False), 1e-6 if dtype is torch.float32 else 1e-14
    assert (u.diff() >= -tol).all()
    before = cosine > edge + tol
    assert torch.equal(u[before], printed[before])
    beyond = cosine < edge - tol
    torch.testing.assert_close(u[beyond], cosine[beyond] - margin * math.sin(margin), rtol=0, atol=tol)
    assert (u <= printed + tol).all()  # the right class has no more than it had
    jump = math.cos(margin) + margin * math.sin(margin) - 1
    if beyond.any() and before.any():
        assert (u[before][0] - u[beyond][-1]).item() == pytest.approx(jump, abs=1e-3)
    if margin > 0.2:  # below, the steps are too wide to show it
        assert (printed.diff() < -tol).any()


@pytest.mark.parametrize("cosine", [1.0, -1.0, 1.0000001, -1.0000001, -math.cos(0.5)])
def test_monotone_arcface_at_its_edges(cosine: float) -> None:
    x = torch.tensor([[cosine, 0.2]], dtype=F64)
    f = partial(lossfns.arcface_loss, target=torch.tensor([0]), margin=0.5, scale=4.0, monotone=True)
    u = cosine - 0.5 * math.sin(0.5) if cosine < 0 else cosine * math.cos(0.5)
    slope = 1.0 if cosine < 0 else math.cos(0.5)
    share = 1 / (1 + math.exp(4 * (u - 0.2)))
    assert f(x).item() == pytest.approx(-math.log1p(-share), rel=1e-12)
    expected = torch.tensor([[-4 * share * slope, 4 * share]], dtype=F64)
    torch.testing.assert_close(gradients(f, x)[0], expected)


def test_monotone_arcface_refuses_margins_at_which_it_is_not() -> None:
    """Beyond π/2 the right class has no cosine above 0, and from 2.34 the jump leads upwards."""
    x, target = torch.zeros(1, 2), torch.tensor([0])
    for margin in (1.5708, 2.0, 4.0):
        assert lossfns.arcface_loss(x, target, margin=margin).isfinite()
        with pytest.raises(ValueError, match=rf"^margin must be at most π/2 where .*, got {margin}$"):
            lossfns.arcface_loss(x, target, margin=margin, monotone=True)


def test_margins_of_0_are_normalised_softmax() -> None:
    x, target = 0.3 * normal(7, 4).tanh(), torch.tensor([0, 3, 1, 2, 0, 1, 3])
    for loss in (lossfns.arcface_loss, lossfns.cosface_loss):
        got = partial(loss, target=target, margin=0.0, scale=8.0)
        same(got, lambda x: F.cross_entropy(8 * x, target), x)
        assert loss(x, target) > loss(x, target, margin=0.0)
        assert torch.equal(loss(x, target.to(torch.uint8)), loss(x, target))
    theta = x.acos().gather(1, target[:, None])
    logits = (64 * x).scatter(1, target[:, None], 64 * torch.cos(theta + 0.5))
    assert lossfns.arcface_loss(x, target).item() == pytest.approx(F.cross_entropy(logits, target).item())


def test_proxy_nca_is_cosface_without_margin_but_for_its_own_proxy() -> None:
    """The softmax of −s d² of unit vectors; the paper's sum, without the right proxy, is another loss."""
    u, p, y, s = F.normalize(X), F.normalize(normal(5, 3, seed=8)), torch.arange(7) % 5, 3.0
    squares = (u[:, None] - p).square().sum(2)
    loss = partial(lossfns.cosface_loss, target=y, margin=0.0, scale=2 * s)
    torch.testing.assert_close(loss(u @ p.t()), F.cross_entropy(-s * squares, y))
    torch.testing.assert_close(loss(u @ p.t()), lossfns.cross_entropy(2 * s * u @ p.t(), y))
    others = (-s * squares).masked_fill(F.one_hot(y, 5).bool(), -torch.inf).logsumexp(1)
    paper = others + s * squares.gather(1, y[:, None]).squeeze(1)
    each = loss(u @ p.t(), reduction="none")
    torch.testing.assert_close(each, F.softplus(paper, threshold=1e9))
    assert (paper < 0).any()


def test_normalised_softmax_has_its_lower_bound_at_a_simplex() -> None:
    k, s = 5, 8.0
    simplex = F.normalize(torch.eye(k, dtype=F64) - 1 / k)
    value = lossfns.cosface_loss(simplex @ simplex.t(), torch.arange(k), margin=0.0, scale=s).item()
    assert value == pytest.approx(math.log1p((k - 1) * math.exp(-s * k / (k - 1))), rel=1e-12)


def test_deleted_rows_of_a_margin_softmax_may_hold_anything() -> None:
    x, target = 0.3 * normal(4, 3).tanh(), torch.tensor([0, 1, 2, 1])
    keep = torch.tensor([1.0, 0, 2, 1]).double()
    dirty, wild = x.clone(), torch.where(keep == 0, 999, target)
    dirty[1] = math.nan
    for loss in (lossfns.arcface_loss, lossfns.cosface_loss):
        f = partial(loss, target=wild, weight=keep)
        on = keep > 0
        assert f(dirty).item() == pytest.approx(loss(x[on], target[on], weight=keep[on]).item(), abs=1e-14)
        assert (gradients(f, dirty)[0][1] == 0).all()
        with lossfns.strict():
            f(dirty)
            with pytest.raises(ValueError, match="target must be an index from 0 to 2"):
                loss(x, wild)
            with pytest.raises(ValueError, match="input must be a cosine, from -1 to 1, got 1.5 at"):
                loss(x + torch.tensor([0, 0, 1.5]) - x * torch.tensor([0, 0, 1]), target)


# Barlow Twins and VICReg


def plain_barlow(a: Tensor, b: Tensor, lambd: float = 5e-3) -> Tensor:
    a, b = ((x - x.mean(0)) / x.std(0, correction=0) for x in (a, b))
    c = a.t() @ b / len(a)
    off = c - torch.diag(c.diagonal())
    return (1 - c.diagonal()).square().sum() + lambd * off.square().sum()


def plain_vicreg(a: Tensor, b: Tensor, sim: float = 25.0, var: float = 25.0, cov: float = 1.0) -> Tensor:
    total = sim * F.mse_loss(a, b)
    for x in (a, b):
        total = total + var * F.relu(1 - torch.sqrt(x.var(0) + 1e-4)).mean() / 2
        c = torch.cov(x.t()).reshape(x.shape[1], x.shape[1])
        total = total + cov * (c - torch.diag(c.diagonal())).square().sum() / x.shape[1]
    return total


STATISTICS = {
    "barlow": (lossfns.barlow_twins_loss, plain_barlow),
    "vicreg": (lossfns.vicreg_loss, plain_vicreg),
}
statistics = pytest.mark.parametrize(("loss", "plain"), STATISTICS.values(), ids=STATISTICS.keys())


@statistics
@pytest.mark.parametrize("shape", [(6, 3), (5, 5), (4, 9), (2, 2), (2, 7), (9, 1)], ids=str)
def test_statistics_of_a_batch_are_those_of_the_plain_form(loss: Any, plain: Any, shape: Any) -> None:
    a, b = normal(*shape) + 3, normal(*shape, seed=1)
    same(loss, plain, a, b, tol=1e-11)
    if shape[0] > 2:  # of two rows each correlation is 1 or −1: the function has no derivatives to check
        leaves = [a.requires_grad_(), b.requires_grad_()]
        assert torch.autograd.gradcheck(loss, leaves)
        assert torch.autograd.gradgradcheck(loss, leaves)


@statistics
def test_no_matrix_of_features_if_they_are_more_than_the_rows(loss: Any, plain: Any) -> None:
    leaves = [normal(5, 300, seed=i).requires_grad_() for i in (0, 1)]
    with Largest() as largest:
        torch.autograd.grad(loss(*leaves), leaves)
    assert largest.size <= 5 * 300


@statistics
def test_the_identity_keeps_its_digits_in_float32(loss: Any, plain: Any) -> None:
    """One feature a thousand times the others: its variance is nearly all of the norm of the covariance."""
    a, b = normal(16, 200), normal(16, 200, seed=1)
    a[:, 0] *= 1e3
    got, exact = loss(a.float(), b.float()).double(), plain(a.float().double(), b.float().double())
    torch.testing.assert_close(got, exact, rtol=1e-6, atol=0)


@statistics
def test_statistics_need_two_rows_and_a_column(loss: Any, plain: Any) -> None:
    for shape in ((1, 4), (0, 4), (3, 0)):
        with pytest.raises(ValueError, match="input1 must have at least 2 rows and 1 column") as error:
            loss(torch.zeros(shape), torch.zeros(shape))
        assert str(shape) in str(error.value)
    with pytest.raises(ValueError, match="input2 must have the shape of input1"):
        loss(torch.zeros(3, 4), torch.zeros(4, 4))
    with pytest.raises(ValueError, match=r"input1 must have two dimensions"):
        loss(torch.zeros(3), torch.zeros(3))
    assert not {"weight", "reduction"} & set(inspect.signature(loss).parameters)
    with (
        lossfns.strict(),
        pytest.raises(ValueError, match=r"input2 must be finite, got nan at index \(1, 0\)"),
    ):
        loss(torch.zeros(2, 1), torch.tensor([[0.0], [math.nan]]))


@statistics
def test_statistics_compile_and_map(loss: Any, plain: Any, compile: Any) -> None:
    for shape in ((6, 3), (3, 6)):
        a, b = normal(*shape), normal(*shape, seed=1)
        same(compile(loss), loss, a, b)
        stack = [torch.stack([t, 2 * t + 1]) for t in (a, b)]
        rows = torch.stack([loss(*row) for row in zip(*stack, strict=True)])
        torch.testing.assert_close(torch.func.vmap(loss)(*stack), rows)
        torch.testing.assert_close(torch.func.grad(loss)(a, b), gradients(loss, a, b)[0])


def test_barlow_reaches_its_optimum() -> None:
    x = torch.linalg.qr(normal(8, 8))[0]
    x = torch.linalg.qr(x - x.mean(0))[0][:, :4] * 5 + 2
    assert lossfns.barlow_twins_loss(x, x).item() == pytest.approx(0, abs=1e-25)
    assert lossfns.barlow_twins_loss(x, 7 * x - 1).item() == pytest.approx(0, abs=1e-25)
    assert lossfns.barlow_twins_loss(X, X, lambd=0.0).item() == pytest.approx(0, abs=1e-25)


@pytest.mark.parametrize("offset", [0.1, 1e6])
@pytest.mark.parametrize("shape", [(7, 4), (7, 20)], ids=str)
def test_a_constant_feature_is_correlated_with_nothing(offset: float, shape: tuple[int, int]) -> None:
    """Its mean is not itself to the last digit: divided by its deviation, rounding would be all there is."""
    a, b = normal(*shape).float(), normal(*shape, seed=1).float()
    a[:, 2] = offset
    a[:, 3] = offset / 3
    slope_a, slope_b = gradients(lossfns.barlow_twins_loss, a, b)
    assert (slope_a[:, 2:4] == 0).all()
    assert slope_b.isfinite().all()
    rest = [i for i in range(shape[1]) if i not in (2, 3)]
    off = lossfns.barlow_twins_loss(a, b).item()
    assert off > 2 - 1e-4  # the diagonal of the constant features is 0
    assert off < 2 + lossfns.barlow_twins_loss(a[:, rest], b[:, rest]).item() + 0.005 * 4 * shape[1]
    vicreg = lossfns.vicreg_loss(a, a, cov=0.0, var=1.0).item()
    expected = F.relu(1 - torch.sqrt(a.double()[:, rest].var(0) + 1e-4)).sum() + 2 * 0.99
    assert vicreg == pytest.approx(expected.item() / shape[1], rel=1e-5)


def test_views_that_only_agree_may_collapse_unless_variance_is_asked_for() -> None:
    zero = torch.zeros(4, 3)
    assert lossfns.vicreg_loss(zero, zero, var=0.0).item() == 0
    assert lossfns.vicreg_loss(zero, zero).item() == pytest.approx(25 * 0.99)


# Negative cosine


def test_the_negative_cosine_is_the_distance_of_unit_vectors_but_for_constants() -> None:
    """BYOL's square and the cosine distance."""
    f = partial(lossfns.negative_cosine_loss, target=Y, reduction="none")
    same(lambda x: 2 + 2 * f(x), lambda x: (F.normalize(x) - F.normalize(Y)).square().sum(1), X)
    same(lambda x: 1 + f(x), lambda x: 1 - (F.normalize(x) * F.normalize(Y)).sum(1), X)


def test_the_gradient_of_the_negative_cosine_is_that_of_its_card_and_stops_at_the_target() -> None:
    p, z = X.clone().requires_grad_(), Y.clone().requires_grad_()
    value = lossfns.negative_cosine_loss(p, z, reduction="sum")
    along_p, along_z = torch.autograd.grad(value, (p, z), allow_unused=True)
    assert along_z is None
    length, unit = X.norm(dim=1, keepdim=True), F.normalize(X)
    cosine = (unit * F.normalize(Y)).sum(1, keepdim=True)
    torch.testing.assert_close(along_p, (cosine * unit - F.normalize(Y)) / length)
    assert not lossfns.negative_cosine_loss(X, z).requires_grad


def test_only_the_prediction_moves_where_both_views_come_from_one_network() -> None:
    """And without the stop the two sides of SimSiam would pull at both."""
    network = normal(3, 3, seed=5).requires_grad_()
    p, z = X @ network, Y @ network
    got = torch.autograd.grad(lossfns.negative_cosine_loss(p, z), network, retain_graph=True)[0]
    stopped = -F.cosine_similarity(p, z.detach()).mean()
    attached = -F.cosine_similarity(p, z).mean()
    torch.testing.assert_close(got, torch.autograd.grad(stopped, network, retain_graph=True)[0])
    assert not torch.allclose(got, torch.autograd.grad(attached, network)[0])


def test_the_best_direction_is_that_of_the_mean_of_the_unit_targets() -> None:
    """Not of the mean of the targets, which the longest would lead."""
    z = torch.tensor([[1.0, 0.0], [0.0, 50.0], [3.0, 3.0], [2.0, -1.0]], dtype=F64)
    angle = torch.arange(-180_000, 180_000, dtype=F64) * (math.pi / 180_000)
    p = torch.stack([angle.cos(), angle.sin()], 1)
    losses = torch.stack([lossfns.negative_cosine_loss(p, t.expand_as(p), reduction="none") for t in z]).mean(
        0
    )
    best, mean = p[losses.argmin()], F.normalize(z, dim=1).mean(0)
    torch.testing.assert_close(best, F.normalize(mean, dim=0), rtol=0, atol=2e-5)
    assert (best - F.normalize(z.mean(0), dim=0)).norm() > 0.1
    assert losses.min().item() == pytest.approx(-mean.norm().item(), abs=1e-9)


def test_a_row_of_zeros_is_at_cosine_0_and_does_not_move() -> None:
    p, z = X.clone(), Y.clone()
    p[2] = z[4] = 0
    f = partial(lossfns.negative_cosine_loss, target=z, reduction="none")
    assert (f(p)[[2, 4]] == 0).all()
    slope = gradients(f, p)[0]
    assert (slope[[2, 4]] == 0).all()
    assert (slope[[0, 1, 3, 5, 6]].abs().sum(1) > 0).all()


@pytest.mark.parametrize(
    ("dtype", "scale"), [(torch.float32, 1e-30), (torch.float32, 1e30), (F64, 1e-200), (F64, 1e200)]
)
def test_the_negative_cosine_of_very_short_and_very_long_rows(dtype: torch.dtype, scale: float) -> None:
    p, z, f = X.to(dtype), Y.to(dtype), lossfns.negative_cosine_loss
    torch.testing.assert_close(f(p * scale, z / scale), f(p, z))
    torch.testing.assert_close(
        gradients(lambda x: f(x, z / scale), p * scale)[0] * scale, gradients(lambda x: f(x, z), p)[0]
    )


@pytest.mark.parametrize("lead", [(), (1,), (5,), (2, 3)], ids=str)
def test_the_negative_cosine_with_any_leading_axes(lead: tuple[int, ...]) -> None:
    p, z = normal(*lead, 4), normal(*lead, 4, seed=1)
    expected = -(p * z).sum(-1) / (p.norm(dim=-1) * z.norm(dim=-1))
    torch.testing.assert_close(lossfns.negative_cosine_loss(p, z, reduction="none"), expected)
    torch.testing.assert_close(lossfns.negative_cosine_loss(p, z), expected.mean())


# Proxy anchor

PROXIES = normal(5, 3, seed=8)
IN_CLASSES = torch.tensor([3, 0, 3, 4, 0, 3, 0])  # 1 and 2 are not there


def proxy_anchor(x: Tensor, p: Tensor, target: Tensor = IN_CLASSES, **hyper: Any) -> Tensor:
    return lossfns.proxy_anchor_loss(x, target, p, **hyper)


def plain_proxy_anchor(x: Tensor, p: Tensor, target: Tensor = IN_CLASSES, **hyper: Any) -> Tensor:
    return by_reference(references.proxy_anchor, x, target, p, **hyper).squeeze(0)


@pytest.mark.parametrize("plain", [10**9, 14])  # in one piece, and two proxies at a time
@pytest.mark.parametrize("hyper", [{}, {"margin": 0.0, "alpha": 1.0}, {"margin": 0.5, "alpha": 4.0}], ids=str)
@pytest.mark.parametrize(
    "target",
    [IN_CLASSES, torch.arange(7) % 5, torch.full((7,), 2), torch.full((7,), 4)],
    ids=lambda t: str(t[:3]),
)
def test_proxy_anchor_is_that_of_the_plain_form(
    plain: int, hyper: Any, target: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With classes that are not in the batch, with all, and with one alone."""
    monkeypatch.setattr(_similarity, "PLAIN", plain)
    f, g = partial(proxy_anchor, target=target, **hyper), partial(plain_proxy_anchor, target=target, **hyper)
    same(f, g, X, PROXIES)
    leaves = [X.clone().requires_grad_(), PROXIES.clone().requires_grad_()]
    assert torch.autograd.gradcheck(f, leaves)
    assert torch.autograd.gradgradcheck(f, leaves)


def test_proxies_of_classes_that_are_not_there_push_alone() -> None:
    """They count in the second mean, not in the first, and move away from the rows."""
    s = 32 * (cosines(X, PROXIES) + 0.1)

    def push(p: Tensor) -> Tensor:
        return F.pad(32 * (cosines(X, p) + 0.1), (0, 0, 1, 0)).logsumexp(0) / 5

    absent = [1, 2]
    slope = gradients(proxy_anchor, X, PROXIES)[1]
    torch.testing.assert_close(slope[absent], gradients(push, PROXIES)[0][absent])
    moved = 32 * (cosines(X, PROXIES - 1e-4 * slope) + 0.1)
    assert (moved.logsumexp(0) < s.logsumexp(0))[absent].all()


def test_proxy_anchor_compiles_and_maps(compile: Any) -> None:
    same(compile(proxy_anchor), proxy_anchor, X, PROXIES)
    stack = [torch.stack([t, 2 * t.flip(1) + 1]) for t in (X, PROXIES)]
    rows = torch.stack([proxy_anchor(*row) for row in zip(*stack, strict=True)])
    torch.testing.assert_close(torch.func.vmap(proxy_anchor)(*stack), rows)
    slopes = torch.func.vmap(torch.func.grad(proxy_anchor))(*stack)
    expected = [gradients(proxy_anchor, *row)[0] for row in zip(*stack, strict=True)]
    torch.testing.assert_close(slopes, torch.stack(expected))
    labels = torch.stack([IN_CLASSES, IN_CLASSES.flip(0)])
    mapped = torch.func.vmap(lambda y: proxy_anchor(X, PROXIES, y))(labels)
    torch.testing.assert_close(mapped, torch.stack([proxy_anchor(X, PROXIES, y) for y in labels]))
    direction = normal(7, 3, seed=4)
    with torch.autograd.forward_ad.dual_level():
        value = proxy_anchor(torch.autograd.forward_ad.make_dual(X, direction), PROXIES)
        tangent = torch.autograd.forward_ad.unpack_dual(value).tangent
    torch.testing.assert_close(tangent, (gradients(proxy_anchor, X, PROXIES)[0] * direction).sum())


def test_proxy_anchor_makes_no_matrix_of_rows_and_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_eager, "is_traced", lambda: False)
    monkeypatch.setattr(_similarity, "PLAIN", 4000)
    x, p = normal(300, 4).requires_grad_(), normal(400, 4, seed=1).requires_grad_()
    with Largest() as largest:
        torch.autograd.grad(proxy_anchor(x, p, torch.arange(300)), (x, p))
    assert largest.size <= 2 * 4000


def test_proxy_anchor_does_not_see_lengths() -> None:
    for dtype, scale in ((torch.float32, 1e-30), (torch.float32, 1e30), (F64, 1e-200), (F64, 1e200)):
        x, p = X.to(dtype), PROXIES.to(dtype)
        torch.testing.assert_close(proxy_anchor(x * scale, p / scale), proxy_anchor(x, p))
        for got, expected, factor in zip(
            gradients(proxy_anchor, x * scale, p / scale),
            gradients(proxy_anchor, x, p),
            (scale, 1 / scale),
            strict=True,
        ):
            torch.testing.assert_close(got * factor, expected, rtol=1e-4, atol=1e-5)


def test_proxy_anchor_of_exponents_that_overflow() -> None:
    """e^(αs) is inf from α = 88 in float32; the loss is α times the hardest rows of each proxy."""
    alpha, s = 1e4, cosines(X, PROXIES)
    own = F.one_hot(IN_CLASSES, 5).bool()
    pull = F.relu((0.1 - s).masked_fill(~own, -torch.inf).amax(0))
    push = F.relu((0.1 + s).masked_fill(own, -torch.inf).amax(0))
    expected = alpha * (pull.sum() / 3 + push.sum() / 5)
    got = proxy_anchor(X.float(), PROXIES.float(), alpha=alpha)
    assert got.item() == pytest.approx(expected.item(), rel=1e-5)
    assert all(
        slope.isfinite().all()
        for slope in gradients(partial(proxy_anchor, alpha=alpha), X.float(), PROXIES.float())
    )


def test_proxy_anchor_without_rows_without_negatives_and_of_zeros() -> None:
    for rows, classes in ((0, 5), (0, 0)):
        tensors = torch.zeros(rows, 3), torch.ones(classes, 3)
        target = torch.zeros(rows, dtype=torch.long)
        f = partial(proxy_anchor, target=target)
        assert f(*tensors).item() == 0
        assert all((slope == 0).all() for slope in gradients(f, *tensors))
    one, zero = torch.tensor([0]), torch.tensor(0.0)
    alone = proxy_anchor(torch.tensor([[0.0, 2.0]]), torch.tensor([[0.0, 3.0]]), one, alpha=2.0)
    assert alone.item() == pytest.approx(math.log1p(math.exp(-2 * 0.9)))
    x, p = X.clone(), PROXIES.clone()
    x[2] = p[3] = p[1] = zero
    slopes = gradients(proxy_anchor, x, p)
    assert (slopes[0][2] == 0).all()
    assert (slopes[1][[1, 3]] == 0).all()
    assert (slopes[0][0] != 0).any()
    zeros = torch.zeros(4, 3)
    got = proxy_anchor(zeros, zeros[:2], torch.tensor([0, 0, 0, 1]), alpha=2.0, margin=0.5)
    terms = [math.log1p(n * math.e) for n in (3, 1, 1, 3)]
    assert got.item() == pytest.approx(sum(terms) / 2)


def test_slopes_of_proxy_anchor_are_those_of_its_card(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = X.clone().requires_grad_(), PROXIES.clone().requires_grad_()
    s, slope = in_similarities(monkeypatch, partial(proxy_anchor, alpha=3.0, margin=0.2), a, b)
    own = F.one_hot(IN_CLASSES, 5).t().bool()
    pull, push = (-3 * (s - 0.2)).exp() * own, (3 * (s + 0.2)).exp() * ~own
    expected = -pull / (1 + pull.sum(1, keepdim=True)) / 3 + push / (1 + push.sum(1, keepdim=True)) / 5
    torch.testing.assert_close(slope, 3 * expected)


def test_the_card_of_proxy_anchor() -> None:
    card = catalog.cards()["proxy_anchor_loss"]

    def f(x: Tensor) -> Any:
        return torch.func.vmap(
            lambda row: proxy_anchor(row.reshape(4, 2), PROXIES[:3, :2], IN_CLASSES[:4] % 3)
        )(x)

    assert bool(verify.convex(f, verify.random_points(-1, 1, 8))) == card.convex.value()
    assert card.lipschitz.value() == card.smoothness.value() == math.inf
    assert not verify.lipschitz(f, 1e4, verify.random_points(-1e-5, 1e-5, 8))
    assert not verify.smooth(f, 1e4, verify.random_points(-1e-5, 1e-5, 8)[:50])
    start, step = verify.random_points(-1, 1, 8, n=2, seed=5)
    line = verify.linspace(-2, 2)
    for order, claim in ((1, card.c1), (2, card.c2)):
        assert (
            bool(verify.differentiable(lambda t: f(start + t[:, None] * step), line, order, 1e-2))
            == claim.value()
        )
    corners = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])  # the least value keeps its digits in float32
    best = proxy_anchor(corners, corners, torch.tensor([0, 1]))
    assert best.item() == pytest.approx(2 * math.exp(-32 * 0.9), rel=1e-4)


@wrong_index
def test_proxy_anchor_refuses_what_does_not_fit() -> None:
    loss, y = lossfns.proxy_anchor_loss, IN_CLASSES
    with pytest.raises(ValueError, match="proxies must have as many columns as input, 3"):
        loss(X, y, PROXIES[:, :2])
    with pytest.raises(ValueError, match=r"proxies must have two dimensions, \(N, D\), got \(3,\)"):
        loss(X, y, PROXIES[0])
    with pytest.raises(ValueError, match=r"target must have shape \(7,\), one index a row, got \(6,\)"):
        loss(X, y[:6], PROXIES)
    with pytest.raises(ValueError, match="target must have an integer dtype"):
        loss(X, y.float(), PROXIES)
    with pytest.raises(TypeError, match="proxies must be a torch.Tensor, got list"):
        loss(X, y, PROXIES.tolist())  # type: ignore[arg-type]
    for bad in (5, -1):
        with pytest.raises(IndexError, match=rf"^target must be an index from 0 to 4, got {bad}$"):
            loss(X, torch.where(torch.arange(7) == 3, bad, y), PROXIES)
    for name, value in (("margin", -0.1), ("alpha", 0.0), ("alpha", math.inf)):
        with pytest.raises(ValueError, match=f"^{name} must be"):
            loss(X, y, PROXIES, **{name: value})
        with pytest.raises(ValueError, match=f"^{name} must be"):
            lossfns.ProxyAnchorLoss(**{name: value})
    nan = torch.full((1, 3), math.nan).double()
    with lossfns.strict():
        assert torch.equal(loss(X, y, PROXIES), loss(X, y.to(torch.uint8), PROXIES))
        with pytest.raises(ValueError, match=r"input must be finite, got nan at index \(6, 0\)"):
            loss(torch.cat([X[:6], nan]), y, PROXIES)
        with pytest.raises(ValueError, match=r"proxies must be finite, got nan at index \(4, 0\)"):
            loss(X, y, torch.cat([PROXIES[:4], nan]))
        with pytest.raises(ValueError, match="target must be an index from 0 to 3, got 4"):
            loss(X, y, PROXIES[:4])


def test_what_a_loss_is_given_to_learn_has_its_whole_gradient_in_each_process() -> None:
    """The recipe for several processes: right for the rows, times the processes for proxies and scalars."""
    tau = torch.tensor(0.5, dtype=F64)
    losses: tuple[tuple[Any, Tensor], ...] = (
        (proxy_anchor, PROXIES),
        (lambda x, t: lossfns.supcon_loss(x, IN_CLASSES, temperature=t), tau),
    )
    for loss, learned in losses:
        expected = gradients(lambda w, p, f=loss: f(X @ w, p), torch.eye(3, dtype=F64), learned)

        def of_process(own: Tensor, w: Tensor, p: Tensor, f: Any = loss) -> Tensor:
            x = X @ w
            whole: Tensor = 2 * f(torch.where(own, x, x.detach()), p)
            return whole

        first = (torch.arange(7) < 3)[:, None]
        parts = [
            gradients(partial(of_process, own), torch.eye(3, dtype=F64), learned) for own in (first, ~first)
        ]
        network, whole = ((a + b) / 2 for a, b in zip(*parts, strict=True))
        torch.testing.assert_close(network, expected[0])
        torch.testing.assert_close(whole, 2 * expected[1])


def test_the_proxies_are_learned_from_the_call() -> None:
    """The Module owns none: they are a parameter of the model that has the classes."""
    module = lossfns.ProxyAnchorLoss(alpha=8.0)
    assert not list(module.parameters())
    assert not module.state_dict()
    proxies = torch.nn.Parameter(PROXIES.clone())
    assert torch.equal(module(X, IN_CLASSES, proxies), proxy_anchor(X, PROXIES, alpha=8.0))
    optimizer = torch.optim.SGD([proxies], lr=0.1)
    first = module(X, IN_CLASSES, proxies=proxies)
    for _ in range(20):
        optimizer.zero_grad()
        module(X, IN_CLASSES, proxies).backward()
        optimizer.step()
    assert module(X, IN_CLASSES, proxies) < first - 0.1


# Center loss

CENTERS = normal(5, 3, seed=11)
SOME = torch.tensor([1.0, 0, 2, 1, 0.5, 1, 3]).double()


def center(x: Tensor, c: Tensor, target: Tensor = IN_CLASSES, **how: Any) -> Tensor:
    return lossfns.center_loss(x, target, c, **how)


def plain_center(x: Tensor, c: Tensor, target: Tensor = IN_CLASSES) -> Tensor:
    rows = zip(x, target.tolist(), strict=True)
    return torch.stack([sum(((a - c[y]) ** 2).unbind(), start=a[0] * 0) / 2 for a, y in rows])


@pytest.fixture(params=["whole", "chunks"])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Once as one piece, once in chunks of a row."""
    if request.param == "chunks":
        monkeypatch.setattr(_chunked, "CHUNK", 4)
        monkeypatch.setattr(_chunked, "FEW", 1)
        monkeypatch.setattr(_chunked, "MANY", 1)
    return str(request.param)


def test_center_loss_is_that_of_the_plain_form(chunks: str) -> None:
    graph = center(X.clone().requires_grad_(), CENTERS).grad_fn
    assert ("_ChunkedSum" in type(graph).__name__) == (chunks == "chunks" and X.device.type == "cpu")
    same(partial(center, reduction="none"), plain_center, X, CENTERS)
    same(partial(center, reduction="sum"), lambda x, c: plain_center(x, c).sum(), X, CENTERS)
    same(center, lambda x, c: plain_center(x, c).mean(), X, CENTERS)
    same(
        partial(center, weight=SOME),
        lambda x, c: (SOME * plain_center(x, c)).sum() / SOME.sum(),
        X,
        CENTERS,
    )
    leaves = [X.clone().requires_grad_(), CENTERS.clone().requires_grad_()]
    for how in ({}, {"weight": SOME}):
        assert torch.autograd.gradcheck(partial(center, **how), leaves)
        assert torch.autograd.gradgradcheck(partial(center, **how), leaves)
    same(
        partial(center, reduction="sum"),
        lambda x, c: lossfns.mse_loss(x, c[IN_CLASSES], reduction="sum") / 2,
        X,
        CENTERS,
    )


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_rows_of_weight_0_reach_neither_center_loss_nor_a_centre(chunks: str, poison: float) -> None:
    """Whatever they hold, their labels too, and whatever the centre does that no other row has."""
    keep, used = SOME != 0, [0, 3, 4]
    x, c = X.clone(), CENTERS.clone()
    x[~keep] = poison
    c[[1, 2]] = poison
    wild = torch.where(keep, IN_CLASSES, 999)
    first = torch.where(keep, IN_CLASSES, 1)
    for target in (wild, first):
        f = partial(center, target=target, weight=SOME)
        got = gradients(f, x, c)
        clean = partial(center, target=IN_CLASSES[keep], weight=SOME[keep])
        expected = gradients(clean, X[keep], CENTERS)
        assert f(x, c).item() == pytest.approx(clean(X[keep], CENTERS).item(), rel=1e-14)
        torch.testing.assert_close(got[0][keep], expected[0])
        torch.testing.assert_close(got[1][used], expected[1][used])
        assert (got[0][~keep] == 0).all()
        assert (got[1][[1, 2]] == 0).all()
    c[0] = poison  # that of index 0, which a deleted row is given
    f = partial(center, target=torch.full((7,), 3), weight=SOME, reduction="sum")
    assert f(x, c).isfinite()
    assert (gradients(f, x, c)[1][0] == 0).all()


def test_center_loss_of_nothing(chunks: str) -> None:
    for x, target, weight in (
        (X[:0], IN_CLASSES[:0], None),
        (torch.full_like(X, math.nan), torch.full((7,), -9), torch.zeros(7)),
    ):
        for reduction in ("mean", "sum"):
            f = partial(center, target=target, weight=weight, reduction=reduction)
            assert f(x, CENTERS).item() == 0
            assert all((slope == 0).all() for slope in gradients(f, x, CENTERS))
        assert center(x, CENTERS, target, weight=weight, reduction="none").shape == (len(x),)
    assert center(X[:, :0], CENTERS[:, :0], reduction="none").tolist() == [0] * 7


def test_the_update_of_the_paper_is_the_gradient_of_the_sum_divided_by_one_more_than_the_class() -> None:
    """Algorithm 1, centre by centre; a centre without rows stays."""
    slope = gradients(partial(center, reduction="sum"), X, CENTERS)[1]
    count = torch.bincount(IN_CLASSES, minlength=5)
    for k, c in enumerate(CENTERS):
        own = X[k == IN_CLASSES]
        torch.testing.assert_close(slope[k] / (1 + count[k]), (c - own).sum(0) / (1 + len(own)))
    assert (slope[count == 0] == 0).all()


def test_the_best_centres_are_the_means_of_the_classes() -> None:
    """And at them, and only there, the centres have no gradient. Rows that are their centres cost nothing."""
    means = torch.stack([X[k == IN_CLASSES].mean(0) if k in IN_CLASSES else CENTERS[k] for k in range(5)])
    assert gradients(center, X, means)[1].abs().max() < 1e-15
    assert all(center(X, means + 0.1 * normal(5, 3, seed=i)) > center(X, means) for i in range(20))
    assert center(CENTERS[IN_CLASSES], CENTERS).item() == 0
    assert all((slope == 0).all() for slope in gradients(center, CENTERS[IN_CLASSES], CENTERS))


def test_the_card_of_center_loss() -> None:
    card, y = catalog.cards()["center_loss"], torch.tensor([2])

    def f(x: Tensor) -> Any:
        return torch.func.vmap(lambda row: center(row[None], CENTERS, y))(x)

    points = verify.random_points(-3, 3, 3)
    assert bool(verify.convex(f, points)) == card.convex.value()
    assert not verify.lipschitz(f, 1000.0, verify.random_points(-1e9, 1e9, 3))
    assert verify.smooth(f, card.smoothness.value(), points)
    assert verify.smooth(f, card.smoothness.value(), points, tight=True)
    start, step = verify.random_points(-1, 1, 3, n=2, seed=5)
    for order, claim in ((1, card.c1), (2, card.c2)):
        line = verify.differentiable(lambda t: f(start + t[:, None] * step), verify.linspace(-2, 2), order)
        assert bool(line) == claim.value()
    torch.testing.assert_close(gradients(f, points)[0], points - CENTERS[2])
    assert (f(points) >= card.range.value()[0]).all()
    assert f(CENTERS[2:3]).item() == 0
    unit = torch.distributions.Normal(CENTERS[2], torch.ones(3, dtype=F64))
    gap = -unit.log_prob(points).sum(1) - f(points)
    assert card.likelihood.value()
    torch.testing.assert_close(gap, gap[:1].expand_as(gap))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, F64], ids=str)
def test_center_loss_is_computed_in_float32_at_least(dtype: torch.dtype) -> None:
    x, c = X.to(dtype), CENTERS.to(dtype)
    value = center(x, c)
    assert value.dtype is (F64 if dtype is F64 else torch.float32)
    torch.testing.assert_close(value.double(), center(x.double(), c.double()), rtol=1e-6, atol=0)
    assert all(slope.dtype is dtype for slope in gradients(center, x, c))
    assert center(x, CENTERS).dtype is F64
    assert center(60000 * torch.ones(1, 4).half(), torch.zeros(1, 4), torch.tensor([0])).item() == 2 * 6e4**2


def test_center_loss_compiles_and_maps_and_needs_no_values(compile: Any) -> None:
    weighted = partial(center, weight=SOME)
    same(compile(weighted), weighted, X, CENTERS)
    stack = [torch.stack([t, 2 * t + 1]) for t in (X, CENTERS)]
    rows = torch.stack([weighted(*row) for row in zip(*stack, strict=True)])
    torch.testing.assert_close(torch.func.vmap(weighted)(*stack), rows)
    slopes = torch.func.vmap(torch.func.grad(weighted, argnums=1))(*stack)
    expected = [gradients(weighted, *row)[1] for row in zip(*stack, strict=True)]
    torch.testing.assert_close(slopes, torch.stack(expected))
    meta = [t.to("meta") for t in (X, IN_CLASSES, CENTERS)]
    for weight in (None, SOME.to("meta")):
        got = lossfns.center_loss(*meta, weight=weight, reduction="none")
        assert (got.shape, got.dtype, got.is_meta) == ((7,), F64, True)


@wrong_index
def test_center_loss_refuses_what_does_not_fit() -> None:
    loss, y = lossfns.center_loss, IN_CLASSES
    with pytest.raises(ValueError, match="centers must have as many columns as input, 3"):
        loss(X, y, CENTERS[:, :2])
    with pytest.raises(ValueError, match=r"input must have two dimensions, \(N, D\), got \(3,\)"):
        loss(X[0], y, CENTERS)
    with pytest.raises(ValueError, match=r"target must have shape \(7,\), one index a row, got \(6,\)"):
        loss(X, y[:6], CENTERS)
    with pytest.raises(ValueError, match="target must have an integer dtype"):
        loss(X, y.float(), CENTERS)
    with pytest.raises(TypeError, match="centers must be a torch.Tensor, got list"):
        loss(X, y, CENTERS.tolist())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="weight must broadcast"):
        loss(X, y, CENTERS, weight=torch.ones(7, 1))
    with pytest.raises(ValueError, match="'mean', 'sum', 'none'"):
        loss(X, y, CENTERS, reduction="avg")  # type: ignore[arg-type]
    for bad in (5, -1):
        with pytest.raises(IndexError, match=rf"^target must be an index from 0 to 4, got {bad}$"):
            loss(X, torch.where(torch.arange(7) == 3, bad, y), CENTERS)
    nan = torch.full((1, 3), math.nan).double()
    with lossfns.strict():
        assert torch.equal(loss(X, y, CENTERS), loss(X, y.to(torch.uint8), CENTERS))
        with pytest.raises(ValueError, match=r"input must be finite, got nan at index \(6, 0\)"):
            loss(torch.cat([X[:6], nan]), y, CENTERS)
        with pytest.raises(ValueError, match=r"centers must be finite, got nan at index \(4, 0\)"):
            loss(X, y, torch.cat([CENTERS[:4], nan]))
        with pytest.raises(ValueError, match="target must be an index from 0 to 3, got 4"):
            loss(X, y, CENTERS[:4])


def test_the_module_of_center_loss_owns_no_centre() -> None:
    module = lossfns.CenterLoss(reduction="sum")
    assert not list(module.parameters())
    assert not module.state_dict()
    assert torch.equal(module(X, IN_CLASSES, CENTERS), center(X, CENTERS, reduction="sum"))
    expected = center(X, CENTERS, weight=SOME, reduction="sum")
    assert torch.equal(module(X, IN_CLASSES, centers=CENTERS, weight=SOME), expected)


# Precision, dtypes, learnable temperatures


ALL = {
    **{name: (loss, tensors) for name, (loss, _, tensors) in COUPLED.items()},
    "contrastive": (partial(lossfns.contrastive_loss, target=torch.tensor([1, 0, 1, 0, 1, 0, 1])), (X, Y)),
    "triplet": (lossfns.triplet_loss, (X, Y, X.flip(0))),
    "arcface": (partial(lossfns.arcface_loss, target=torch.arange(7) % 3), (X.tanh(),)),
    "cosface": (partial(lossfns.cosface_loss, target=torch.arange(7) % 3), (X.tanh(),)),
    "barlow": (lossfns.barlow_twins_loss, (X, Y)),
    "barlow_wide": (lossfns.barlow_twins_loss, (X.t(), Y.t())),
    "vicreg": (lossfns.vicreg_loss, (X, Y)),
    "vicreg_wide": (lossfns.vicreg_loss, (X.t(), Y.t())),
    "negative_cosine": (lambda x: lossfns.negative_cosine_loss(x, Y.bfloat16().to(x.dtype)), (X,)),
    "proxy_anchor": (lambda x, p: lossfns.proxy_anchor_loss(x, LABELS % 3, p), (X, PROXIES)),
}
each = pytest.mark.parametrize(("loss", "tensors"), ALL.values(), ids=ALL.keys())


@each
@pytest.mark.usefixtures("tiles")
def test_autocast_changes_nothing(loss: Any, tensors: Any, compile: Any) -> None:
    for dtype in (torch.bfloat16, torch.float32):
        given = [t.to(dtype) for t in tensors]
        expected = loss(*given)
        with torch.autocast(X.device.type, dtype=torch.bfloat16):
            leaves = [t.clone().requires_grad_() for t in given]
            got = loss(*leaves)
        assert got.dtype is torch.float32
        assert torch.equal(got, expected)
        for slope, e in zip(torch.autograd.grad(got, leaves), gradients(loss, *given), strict=True):
            assert torch.equal(slope, e)
        if dtype is torch.float32:
            compiled = compile(loss)
            with torch.autocast(X.device.type, dtype=torch.bfloat16):
                torch.testing.assert_close(compiled(*given), expected)


@each
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, F64], ids=str)
def test_precision(loss: Any, tensors: Any, dtype: torch.dtype) -> None:
    given = [t.to(dtype) for t in tensors]
    value = loss(*given)
    assert value.dtype is (F64 if dtype is F64 else torch.float32)
    torch.testing.assert_close(value.double(), loss(*(t.double() for t in given)), rtol=1e-5, atol=1e-5)
    assert all(slope.dtype is dtype and slope.isfinite().all() for slope in gradients(loss, *given))


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.uint16, torch.uint32]
)
def test_labels_of_any_integer_dtype(dtype: torch.dtype) -> None:
    for f in (
        lossfns.supcon_loss,
        lossfns.batch_hard_triplet_loss,
        lossfns.batch_all_triplet_loss,
        lossfns.batch_semi_hard_triplet_loss,
        lossfns.circle_loss,
        lossfns.multi_similarity_loss,
        lossfns.arcface_loss,
        partial(lossfns.info_nce_loss, Y),
    ):
        target = torch.tensor([0, 1, 2, 2, 1, 0, 0])
        assert torch.equal(f(X.tanh(), target.to(dtype)), f(X.tanh(), target))
        for wrong in (target.float(), target.bool()):
            with pytest.raises(ValueError, match="target must have an integer dtype"):
                f(X, wrong)
        with pytest.raises(ValueError, match=r"target must have shape \(7,\), one index a row, got \(6,\)"):
            f(X, target[:6])


def test_shapes_of_queries_and_keys() -> None:
    with pytest.raises(ValueError, match=r"keys must have a row for each of the 7 queries, got \(3, 3\)"):
        lossfns.info_nce_loss(X, Y[:3])
    with pytest.raises(ValueError, match="keys must have as many columns as query, 3"):
        lossfns.info_nce_loss(X, Y[:, :2])
    for arguments in ((X, Y, torch.arange(7)), (X, torch.cat([Y, Y]))):
        with pytest.raises(ValueError, match="symmetric must be False"):
            clip(*arguments)
    assert lossfns.info_nce_loss(X, Y[:3], torch.zeros(7).int()).isfinite()
    with pytest.raises(ValueError, match=r"target must have shape \(7,\), got \(7, 1\)"):
        lossfns.contrastive_loss(X, Y, torch.ones(7, 1))


@pytest.mark.parametrize("lead", [(), (1,), (5,), (2, 3)], ids=str)
@pytest.mark.parametrize("chunk", [4, 10**9])
def test_pairs_and_triplets_with_any_leading_axes(
    lead: tuple[int, ...], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One row, a list of them or a table; each longer than many chunks, and never cut."""
    monkeypatch.setattr(_chunked, "CHUNK", chunk)
    monkeypatch.setattr(_chunked, "MANY", 2)
    a, b, c = (normal(*lead, 40, seed=i) for i in range(3))
    y = torch.arange(max(1, math.prod(lead))).reshape(lead) % 2

    def contrastive(u: Tensor, v: Tensor) -> Tensor:
        d = (u - v).square().sum(-1).sqrt()
        return (y * d**2 + (1 - y) * (12 - d).clamp(min=0) ** 2) / 2

    def triplet(u: Tensor, v: Tensor, w: Tensor) -> Tensor:
        return ((u - v).square().sum(-1).sqrt() - (u - w).square().sum(-1).sqrt() + 2).clamp(min=0)

    for reduction in ("none", "mean", "sum"):
        how = {"none": lambda x: x, "mean": Tensor.mean, "sum": Tensor.sum}[reduction]
        pairs = partial(lossfns.contrastive_loss, target=y, margin=12.0, reduction=reduction)
        same(pairs, lambda u, v, how=how: how(contrastive(u, v)), a, b)
        triplets = partial(lossfns.triplet_loss, margin=2.0, reduction=reduction)
        same(triplets, lambda u, v, w, how=how: how(triplet(u, v, w)), a, b, c)
    for wrong in ((*lead, 1), (*lead, 40), (2, *lead)):
        with pytest.raises(ValueError, match="target must have shape"):
            lossfns.contrastive_loss(a, b, torch.zeros(wrong))
    with pytest.raises(ValueError, match=r"input1 must have shape \(…, D\), got \(\)"):
        lossfns.contrastive_loss(torch.tensor(1.0), torch.tensor(1.0), torch.tensor(1))


def test_temperature_scale_and_bias_can_be_learned() -> None:
    learned: tuple[tuple[Any, dict[str, float]], ...] = (
        (lossfns.info_nce_loss, {"temperature": 0.3}),
        (clip, {"temperature": 0.3}),
        (lossfns.nt_xent_loss, {"temperature": 0.3}),
        (partial(lossfns.supcon_loss, target=LABELS), {"temperature": 0.3}),
        (lossfns.siglip_loss, {"logit_scale": 3.0, "logit_bias": -2.0}),
    )
    for loss, hyper in learned:
        tensors = (X,) if "target" in getattr(loss, "keywords", {}) else (X, Y)
        names = list(hyper)

        def f(*values: Tensor, loss: Any = loss, names: Any = names, tensors: Any = tensors) -> Any:
            return loss(*tensors, **dict(zip(names, values, strict=True)))

        values = [torch.tensor(v, dtype=F64, requires_grad=True) for v in hyper.values()]
        assert torch.equal(f(*values), loss(*tensors, **hyper))
        assert torch.autograd.gradcheck(f, values)
        for name in names:
            with pytest.raises(ValueError, match=f"{name} must be"):
                loss(*tensors, **{name: torch.ones(2)})
    with lossfns.strict(), pytest.raises(ValueError, match="temperature must be positive and finite, got 0"):
        lossfns.nt_xent_loss(X, Y, temperature=torch.tensor(0.0))
    with lossfns.strict(), pytest.raises(ValueError, match="logit_bias must be finite, got nan"):
        lossfns.siglip_loss(X, Y, logit_bias=torch.tensor(math.nan))


def test_learned_scale_and_bias_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [torch.tensor(v, dtype=F64) for v in (3.0, -2.0)]
    f = lambda s, b: lossfns.siglip_loss(X, Y, logit_scale=s, logit_bias=b)  # noqa: E731
    whole = gradients(f, *values)
    monkeypatch.setattr(_similarity, "PLAIN", 24)
    torch.testing.assert_close(gradients(f, *values), whole)


# The gradients on the cards that speak of vectors or of whole batches


def in_similarities(
    monkeypatch: pytest.MonkeyPatch, f: Callable[..., Tensor], *arguments: Tensor
) -> tuple[Tensor, Tensor]:
    """The similarities that a loss takes, and its slopes in them."""
    seen: list[Tensor] = []

    def tapped(a: Tensor, b: Tensor) -> Tensor:
        seen.append((a @ b.t()).detach().requires_grad_())
        return seen[-1] * 1

    monkeypatch.setattr("lossfns.representation.dot_products", tapped)
    f(*arguments).sum().backward()
    slope = seen[0].grad
    assert slope is not None
    return seen[0].detach(), slope


def test_slopes_in_the_similarities(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, one = X.clone().requires_grad_(), Y.clone().requires_grad_(), torch.eye(7, dtype=F64)
    s, slope = in_similarities(monkeypatch, partial(lossfns.info_nce_loss, reduction="sum"), a, b)
    # the rows come divided by the temperature: the share, less 1 for the partner, whose product is s itself
    torch.testing.assert_close(slope, s.softmax(1) - one)
    s, slope = in_similarities(monkeypatch, partial(lossfns.siglip_loss, reduction="sum"), a, b)
    sign = 2 * one - 1
    torch.testing.assert_close(slope, -sign * torch.sigmoid(-sign * (s - 10)))
    s, slope = in_similarities(monkeypatch, partial(lossfns.nt_xent_loss, reduction="sum"), a, b)
    others = s.masked_fill(torch.eye(14, dtype=torch.bool), -torch.inf).softmax(1)
    torch.testing.assert_close(slope, (others - torch.eye(14, dtype=F64).roll(7, 0)) / 2)
    assert (slope.abs().sum(1) <= 1).all()


def test_slopes_of_pairs_and_triplets() -> None:
    u, v, y = X, 0.1 * Y + X, torch.rand(7, dtype=F64)
    d = (u - v).norm(dim=1, keepdim=True)
    got = gradients(partial(lossfns.contrastive_loss, target=y, reduction="sum"), u, v)[0]
    torch.testing.assert_close(got, (y[:, None] - (1 - y[:, None]) * (1 - d).clamp(min=0) / d) * (u - v))
    a, p, n = X, X + 0.3 * Y, X.roll(1, 0)
    losses = lossfns.triplet_loss(a, p, n, reduction="none")
    expected = F.normalize(a - p) - F.normalize(a - n)
    got = gradients(partial(lossfns.triplet_loss, reduction="sum"), a, p, n)[0]
    assert 0 < (losses == 0).sum() < 7
    torch.testing.assert_close(got, expected * (losses > 0)[:, None])


@statistics
def test_cards_of_the_statistics(loss: Any, plain: Any) -> None:
    """Neither convex nor of bounded slope; twice differentiable, but for the hinge of VICReg."""
    card = catalog.cards()[loss.__name__]

    def f(x: Tensor) -> Any:
        return torch.func.vmap(lambda row: loss(row.reshape(4, 2), Y[:4, :2]))(x)

    assert bool(verify.convex(f, verify.random_points(-1, 1, 8))) == card.convex.value()
    wide = (-1e6, 1e6) if loss is lossfns.vicreg_loss else (-1e-6, 1e-6)
    assert not verify.lipschitz(f, 1e4, verify.random_points(*wide, 8))
    assert not verify.smooth(f, 1e4, verify.random_points(*wide, 8)[:50])
    corner = torch.tensor([1.0, 1, -1, -1]).double()  # of variance t² 4/3
    kink = math.sqrt((1 - 1e-4) * 3 / 4)

    def along(t: Tensor) -> Any:
        x = torch.func.vmap(lambda c: torch.stack([c * corner, 9 * corner.roll(1)], 1))(t)
        return torch.func.vmap(lambda x: loss(x, Y[:4, :2]))(x)

    points = torch.tensor([kink, 0.3, 2.0], dtype=F64)
    assert bool(verify.differentiable(along, points)) == card.c1.value()
    assert bool(verify.differentiable(along, points, 2)) == card.c2.value()


@pytest.mark.usefixtures("tiles")
def test_forward_mode() -> None:
    """A tile computed anew has no forward derivative, so there the plain form is used."""
    a, b, direction = normal(6, 4, seed=1), normal(6, 4, seed=2), normal(6, 4, seed=3)
    for loss in (lossfns.nt_xent_loss, lossfns.info_nce_loss, lossfns.siglip_loss):
        x = a.clone().requires_grad_()
        (slope,) = torch.autograd.grad(loss(x, b), x)
        with torch.autograd.forward_ad.dual_level():
            value = loss(torch.autograd.forward_ad.make_dual(a, direction), b)
            tangent = torch.autograd.forward_ad.unpack_dual(value).tangent
        torch.testing.assert_close(tangent, (slope * direction).sum())
