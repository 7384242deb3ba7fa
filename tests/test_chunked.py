"""Large losses are computed in pieces: here pieces of a few numbers, so that small ones are large."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import lossfns
from lossfns import _chunked, _eager, _similarity, segmentation
from tests.cases import CASES, STATISTICS, Hyper, LossCase
from tests.support import case_id, close, differentiable, each_hyper, leaves, slopes

ROOT = Path(__file__).resolve().parents[1]

COUPLED = {
    "batch_all_triplet_loss",
    "batch_hard_triplet_loss",
    "batch_semi_hard_triplet_loss",
    "circle_loss",
    "multi_similarity_loss",
    "info_nce_loss",
    "nt_xent_loss",
    "siglip_loss",
    "supcon_loss",
    "barlow_twins_loss",
    "vicreg_loss",
    "cox_loss",
}
"""Losses of a whole batch: like those of whole masks, they have no piece that can be had alone."""

Loss = Callable[..., Tensor]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_chunked, "MANY", 2)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_chunked, "CHUNK", 4)


def batch_shape(case: LossCase) -> tuple[int, ...]:
    """Rows for eleven chunks of 4 or more, the last of them short; or for several tiles."""
    return case.layout.batch_shape(7 if case.name in COUPLED else 42)


def made_of_chunks(value: Tensor) -> bool:
    return "_ChunkedSum" in type(value.grad_fn).__name__


def piecewise(case: LossCase) -> bool:
    """Whether the whole loss is a sum over pieces; overlap losses only count in pieces."""
    return case.card.family != "segmentation" and case.name not in COUPLED


def weights(case: LossCase, rows: int) -> list[dict[str, Any]]:
    """Without a weight, and with some of them 0, if the loss takes any."""
    if case.name in STATISTICS:
        return [{}]
    some = torch.arange(rows, dtype=torch.float64) % 5
    return [{}, {"weight": some.reshape(-1, *[1] * (len(case.layout.batch_shape(1)) - 1))}]


@each_hyper
def test_pieces_add_up(case: LossCase, hyper: Hyper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Value, gradient and the gradient of the gradient."""
    arguments = case.arguments(*batch_shape(case), seed=5)

    # probabilities as targets make the class weights of the samples, which here need gradients, too
    alone = piecewise(case) and not ("class_weight" in hyper and case.form == "probabilities")

    def results(options: dict[str, Any]) -> list[Tensor]:
        copies = leaves(arguments)
        value = case(*copies, **options, **hyper)
        if case.card.family != "segmentation":
            assert made_of_chunks(value) == (_chunked.CHUNK == 4 and alone)
        first = slopes(2 * value, copies, create_graph=True)
        if not any(g.requires_grad for g in first):
            return [value, *first]
        total = sum((g.square().sum() for g in first), value)
        return [value, *first, *slopes(total, copies)]

    for options in weights(case, len(arguments[0])):
        for reduction in {} if case.name in STATISTICS else ("mean", "sum"):
            found = []
            for size in (4, 10**9):
                monkeypatch.setattr(_chunked, "CHUNK", size)
                found.append(results({**options, "reduction": reduction}))
            assert all(close(a, b, 1e-11) for a, b in zip(*found, strict=True))


class NoGlance(TorchDispatchMode):
    """Refuses what would wait for a GPU."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func._schema.name not in ("aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero")
        return func(*args, **(kwargs or {}))


@each_hyper
def test_chunks_would_be_right_on_a_gpu(
    case: LossCase, hyper: Hyper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no value can be read; and without waiting for one."""
    monkeypatch.setattr(_eager, "is_traced", lambda: False)
    monkeypatch.setattr(_eager, "can_read", lambda x: False)
    monkeypatch.setattr(_chunked, "can_be_cut", _eager.has_memory)
    arguments = case.arguments(*batch_shape(case), seed=5)
    for options in weights(case, len(arguments[0])):
        found = []
        for size in (4, 10**9):
            monkeypatch.setattr(_chunked, "CHUNK", size)
            copies = leaves(arguments)
            with NoGlance():  # type: ignore[no-untyped-call]
                value = case(*copies, **options, **hyper)
                once = slopes(2 * value, copies, retain_graph=True)
            again = slopes(2 * value, copies)
            assert all(close(a, b) for a, b in zip(once, again, strict=True))
            found.append([value, *once])
        assert all(close(a, b, 1e-11) for a, b in zip(*found, strict=True))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@each_hyper
def test_evaluation_in_pieces_and_tiles(
    case: LossCase, hyper: Hyper, mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_similarity, "PLAIN", 24)
    arguments = leaves(case.arguments(*batch_shape(case), seed=6))
    expected = case(*arguments, **hyper).detach()
    with mode():
        value = case(*arguments, **hyper)
    assert not value.requires_grad
    assert close(value, expected)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("shape", [(40,), (5, 8), (2, 3, 11), (1, 50), (50, 1), (3, 1, 4, 5)], ids=str)
@pytest.mark.parametrize("transposed", [False, True])
def test_pieces_of_any_shape(shape: tuple[int, ...], transposed: bool) -> None:
    """Against torch: elements in any order, and classes where the pieces are parts of rows."""
    rng = torch.Generator().manual_seed(1)
    x, y = torch.randn(2, *shape, generator=rng, dtype=torch.float64).requires_grad_().unbind()
    z = torch.randn(shape[0], 3, *shape[1:], generator=rng, dtype=torch.float64).requires_grad_()
    w = torch.randn(z.shape, generator=rng, dtype=torch.float64)
    index = torch.randint(3, shape, generator=rng)
    if transposed:
        x, y, z, w, index = (v.movedim(0, -1).contiguous().movedim(-1, 0) for v in (x, y, z, w, index))
    for ours, theirs in (
        (lossfns.log_cosh_loss(x, y), (x - y).cosh().log().mean()),
        (lossfns.focal_loss(z, index, gamma=0.0), torch.nn.functional.cross_entropy(z, index)),
        (lossfns.js_divergence(z, w), lossfns.js_divergence(z, w, reduction="none").mean()),
    ):
        assert made_of_chunks(ours)
        assert close(ours, theirs)
        inputs = [v for v in (x, y, z) if ours is not None]
        for a, b in zip(
            torch.autograd.grad(ours, inputs, allow_unused=True),
            torch.autograd.grad(theirs, inputs, allow_unused=True),
            strict=True,
        ):
            assert (a is None) == (b is None)
            assert a is None or (a.shape == b.shape and close(a, b))


@pytest.mark.usefixtures("small")
def test_boxes_in_rows_and_columns() -> None:
    """What belongs to one value is never cut."""
    rng = torch.Generator().manual_seed(1)
    corners = torch.rand(2, 5, 8, 4, generator=rng, dtype=torch.float64)
    a, b = (torch.cat([c[..., :2], c[..., :2] + c[..., 2:]], -1) for c in corners)
    a.requires_grad_()
    value, each = lossfns.giou_loss(a, b), lossfns.giou_loss(a, b, reduction="none")
    assert made_of_chunks(value)
    assert close(value, each.mean())
    assert close(torch.autograd.grad(value, a)[0], torch.autograd.grad(each.mean(), a)[0])


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("factor", [1.0, 2.0, -0.5, 0.0])
def test_a_loss_may_be_scaled(factor: float) -> None:
    """As gradient accumulation and loss scaling do."""
    x = torch.linspace(-3, 3, 40, dtype=torch.float64).requires_grad_()
    loss = lossfns.log_cosh_loss(x, torch.zeros_like(x))
    assert made_of_chunks(loss)
    (factor * loss).backward()
    assert x.grad is not None
    assert close(x.grad, factor * x.detach().tanh() / 40)


@pytest.mark.usefixtures("small")
def test_a_value_needs_no_gradient() -> None:
    x = torch.linspace(-3, 3, 40, dtype=torch.float64)
    for given in (x, x.clone().requires_grad_()):
        with torch.no_grad():
            value = lossfns.log_cosh_loss(given, torch.zeros_like(x))
        assert close(value, x.cosh().log().mean())
        assert not value.requires_grad


CONSTANTS = {
    "quantile q": lambda c, x, y: lossfns.quantile_loss(x, y[:, 0], q=c.sigmoid()),
    "interval alpha": lambda c, x, y: lossfns.interval_loss(
        torch.stack([x, x + 1], -1), y[:, 0], alpha=c.sigmoid()
    ),
    "class_weight": lambda c, x, y: lossfns.cross_entropy(x, y.argmax(1), class_weight=c.exp()),
    "class_weight of probabilities": lambda c, x, y: lossfns.focal_loss(
        x, y.softmax(1), class_weight=c.exp()
    ),
    "class_prior": lambda c, x, y: lossfns.logit_adjusted_loss(x, y.argmax(1), class_prior=c.exp()),
    "class_count": lambda c, x, y: lossfns.ldam_loss(x, y.argmax(1), class_count=2 + c.exp()),
    "pos_weight": lambda c, x, y: lossfns.binary_cross_entropy(x, y.sigmoid(), pos_weight=c.exp()),
    "weight": lambda c, x, y: lossfns.mse_loss(x, y, weight=c.exp()),
    "target": lambda c, x, y: lossfns.cross_entropy(
        x, (y * c).softmax(1), class_weight=torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    ),
}


@pytest.mark.parametrize("loss", CONSTANTS.values(), ids=CONSTANTS)
def test_gradients_reach_tensors_among_the_hyper_parameters(
    loss: Loss, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = torch.Generator().manual_seed(2)
    x, y = (torch.randn(40, 3, generator=rng, dtype=torch.float64).requires_grad_() for _ in range(2))
    c = torch.randn(3, generator=rng, dtype=torch.float64).requires_grad_()
    found = []
    for size in (4, 10**9):
        monkeypatch.setattr(_chunked, "CHUNK", size)
        found.append(torch.autograd.grad(loss(c, x, y), (c, x)))
    assert found[1][0].abs().min() > 0
    assert all(close(a, b) for a, b in zip(*found, strict=True))


def tensors() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(3)
    x, y = torch.randn(2, 64, generator=rng, dtype=torch.float64)
    return x.requires_grad_(), y


@pytest.mark.usefixtures("small")
class TestGradientIsKept:
    def test_as_often_as_one_likes(self) -> None:
        x, y = tensors()
        value = lossfns.log_cosh_loss(x, y, reduction="sum")
        for factor in (1.0, 3.0, 1.0):
            (slope,) = torch.autograd.grad(factor * value, x, retain_graph=True)
            assert close(slope, factor * torch.tanh(x - y))
        value.backward()
        with pytest.raises(RuntimeError, match="a second time"):
            value.backward()

    def test_a_gradient_given_away_is_not_touched_again(self) -> None:
        x, y = tensors()
        value = lossfns.log_cosh_loss(x, y, reduction="sum")
        value.backward(retain_graph=True)
        (5 * value).backward()
        assert x.grad is not None
        assert close(x.grad, 6 * torch.tanh(x - y))

    def test_many_slopes_at_once(self) -> None:
        x, y = tensors()
        value = lossfns.log_cosh_loss(x, y, reduction="sum")
        (slope,) = torch.autograd.grad(value, x, torch.tensor([1.0, 2.0]).double(), is_grads_batched=True)
        assert close(slope, torch.stack([torch.tanh(x - y), 2 * torch.tanh(x - y)]))

    def test_many_slopes_of_counts(self) -> None:
        rng = torch.Generator().manual_seed(4)
        z = torch.randn(2, 3, 40, generator=rng, dtype=torch.float64).requires_grad_()
        value = lossfns.dice_loss(z, torch.randint(3, (2, 40), generator=rng), reduction="none")
        slopes = torch.randn(5, 2, 3, generator=rng, dtype=torch.float64)
        (many,) = torch.autograd.grad(value, z, slopes, is_grads_batched=True, retain_graph=True)
        single = [torch.autograd.grad(value, z, slope, retain_graph=True)[0] for slope in slopes]
        assert close(many, torch.stack(single))

    @pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
    def test_nobody_asks_for_it(self, mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Evaluation costs no gradients."""
        x, y = tensors()
        z, k = x.reshape(4, 4, 4), torch.zeros(4, 4, dtype=torch.int64)
        losses = (partial(lossfns.log_cosh_loss, x, y), partial(lossfns.dice_loss, z, k))
        expected = [loss().detach() for loss in losses]
        monkeypatch.setattr(torch.autograd, "grad", lambda *_: pytest.fail("a gradient"))
        with mode():
            for loss, value in zip(losses, expected, strict=True):
                assert not loss().requires_grad
                assert close(loss(), value)


@pytest.mark.usefixtures("small")
def test_transforms_use_the_plain_form() -> None:
    x, y = tensors()
    direction = torch.ones_like(x)

    def loss(x: Tensor) -> Tensor:
        return lossfns.log_cosh_loss(x, y)

    expected = torch.tanh(x - y).mean()
    assert close(torch.func.jvp(loss, (x,), (direction,))[1], expected)
    assert close(torch.func.grad(loss)(x).sum(), expected)
    assert close(torch.func.vmap(loss)(x.expand(3, 64)), loss(x).expand(3))
    assert close(torch.func.vmap(lossfns.log_cosh_loss, (None, 0))(x, y.expand(3, 64)), loss(x).expand(3))
    given, tangent, *_ = torch.func.jvp(lambda t: lossfns.log_cosh_loss(x, t), (y,), (direction,))
    assert close(given, loss(x))
    assert close(tangent, -expected)
    with forward_ad.dual_level():
        value = loss(forward_ad.make_dual(x, direction))
        assert close(forward_ad.unpack_dual(value).tangent, expected)
    assert made_of_chunks(loss(x))


class Made(TorchDispatchMode):
    """How many tensors of so many numbers, or more, operations have made."""

    def __init__(self, size: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.size, self.seen = size, set[int]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for t in tree_leaves(out):
            if isinstance(t, Tensor) and t.untyped_storage().nbytes() >= self.size * t.element_size():
                self.seen.add(t.untyped_storage().data_ptr())
        return out


ALONE = {case.name: case for case in CASES if piecewise(case) and len(case.layout.batch_shape(1)) <= 2}
del ALONE["ordinal_loss"]  # works on a copy of its few logits, with a channel for the last class


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("case", ALONE.values(), ids=ALONE)
def test_nothing_large_is_made_but_the_gradient(case: LossCase, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a target of integers in the dtype of the loss."""
    monkeypatch.setattr(_eager, "is_traced", lambda: False)  # or the count of what is made would be seen
    arguments = leaves(case.arguments(*case.layout.batch_shape(150), seed=5))
    own = {a.untyped_storage().data_ptr() for a in arguments}
    with Made(arguments[0].numel()) as made:
        value = case(*arguments)
        slopes(value, arguments)
    assert made_of_chunks(value)
    integers = len(arguments) - len(differentiable(arguments))
    assert len(made.seen - own) <= len(differentiable(arguments)) + integers


SHAPES = [
    (1000,),
    (7, 13),
    (100, 4),
    (3, 2, 500),
    (2, 40, 1),
    (1, 3, 77),
    (5, 1, 6),
    (3, 2, 16),
    (3, 2, 20),
    (1, 20, 3),
]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_cuts_cover_everything_once(
    shape: tuple[int, ...], threads: int, last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pieces of about the size, for each thread, unless one row or one column is larger."""
    monkeypatch.setattr(_chunked, "CHUNK", 16)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    size, whole = 16 * threads, torch.arange(torch.Size(shape).numel()).view(shape)
    row, column = whole[0].numel(), whole[0].numel() // shape[-1] if len(shape) > 1 else 1
    pieces = [whole[where] for where in _chunked._chunk_slices(whole, last and len(shape) > 1)]
    assert torch.equal(torch.cat([p.flatten() for p in pieces]).sort()[0], whole.flatten())
    uncut = row <= 2 * size or not last or len(shape) == 1
    least = row if uncut else column
    assert max(p.numel() for p in pieces) <= max(size, least)
    assert not uncut or all(p.numel() % row == 0 for p in pieces)
    full = [p.numel() for p in pieces if p.numel() == pieces[0].numel()]
    assert full[0] + least > size or full[0] == (whole if uncut else whole[0]).numel()
    assert len(full) >= len(pieces) - (1 if uncut else shape[0])


def test_the_sizes_are_those_that_the_book_tells() -> None:
    chapter = (ROOT / "book/practice/losses-at-scale.ipynb").read_text(encoding="utf-8")
    assert f"chunks of $2^{{{_chunked.CHUNK.bit_length() - 1}}}$ numbers for each thread" in chapter
    assert f"at most $2^{{{_similarity.PLAIN.bit_length() - 1}}}=2048^2$ inner products" in chapter
    assert (_chunked.CHUNK.bit_count(), _similarity.PLAIN.bit_count()) == (1, 1)


def test_from_how_many_numbers_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_chunked, "CHUNK", 16)
    for pieces in (1, 2, 8):
        assert not _chunked.worth_chunking((torch.zeros(16 * pieces),), pieces)
        assert _chunked.worth_chunking((torch.zeros(16 * pieces + 1), None), pieces)
    big = torch.zeros(100, requires_grad=True)
    assert not _chunked.worth_chunking((big,), 2, (torch.zeros(2, requires_grad=True),))
    assert _chunked.worth_chunking((big,), 2, (torch.zeros(2), None, 3.0))


@pytest.mark.parametrize("more", [False, True])
def test_a_loss_with_many_temporaries_is_cut_earlier(more: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_chunked, "CHUNK", 16)
    monkeypatch.setattr(_chunked, "MANY", 4)
    few, many = (torch.randn(n * 16 + 2 * more, requires_grad=True) for n in (2, 4))
    assert made_of_chunks(lossfns.log_cosh_loss(few, torch.zeros_like(few))) == more
    assert not made_of_chunks(lossfns.mse_loss(few, torch.zeros_like(few)))
    assert made_of_chunks(lossfns.mse_loss(many, torch.zeros_like(many))) == more
    rows, index = many.view(-1, 2), torch.zeros(len(many) // 2, dtype=torch.int64)
    assert made_of_chunks(lossfns.focal_loss(rows, index)) == more
    boxes = torch.rand(8 + more, 4, requires_grad=True)  # four numbers each
    assert made_of_chunks(lossfns.giou_loss(boxes, torch.zeros_like(boxes))) == more


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("multilabel", [False, True])
def test_overlap_is_counted_in_pieces_where_there_are_many(
    multilabel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = spy_on_row_sums(monkeypatch)
    for pixels, pieces in ((4, [8]), (5, [4, 4, 2])):
        z = torch.randn(1, 2, pixels, requires_grad=True)
        target = torch.ones(1, 2, pixels) if multilabel else torch.ones(1, pixels, dtype=torch.int64)
        lossfns.dice_loss(z, target, multilabel=multilabel).backward()
        assert seen == pieces * 2, "counted, and turned into the gradient in the backward pass"
        seen.clear()


def spy_on_row_sums(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the pieces of overlap that are counted, and of those that are made the gradient."""
    seen: list[int] = []

    def watched(f: Loss) -> Loss:
        def spy(kept: Tensor, *rest: Any) -> Any:
            seen.append(kept.numel())
            return f(kept, *rest)

        return spy

    for name in ("_INDICES", "_MASKS"):
        form = getattr(segmentation, name)
        watching = form._replace(sums=watched(form.sums), turn=watched(form.turn))
        monkeypatch.setattr(segmentation, name, watching)
    return seen


@pytest.mark.usefixtures("small")
def test_a_row_of_many_classes_is_never_cut() -> None:
    rng = torch.Generator().manual_seed(5)
    z = torch.randn(4, 11, generator=rng, dtype=torch.float64).requires_grad_()
    y = torch.tensor([0, 10, 5, 9])
    value = lossfns.focal_loss(z, y, gamma=0.0)
    assert made_of_chunks(value)
    assert close(value, torch.nn.functional.cross_entropy(z, y))


@pytest.mark.usefixtures("small")
def test_large_inputs_of_one_row_are_cut_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image, or one batch of one map: the axes are merged first, so that pieces are of one size."""
    seen: list[int] = []
    piece = _chunked._run_chunk

    def spy(f: Loss, tensors: Any, where: Any, wanted: Any) -> Any:
        seen.append(tensors[0][where].numel())
        return piece(f, tensors, where, wanted)

    monkeypatch.setattr(_chunked, "_run_chunk", spy)
    lossfns.log_cosh_loss(torch.randn(1, 2, 20, requires_grad=True), torch.zeros(1, 2, 20))
    assert seen == [4] * 10
    seen.clear()
    z, y = torch.randn(1, 2, 20, requires_grad=True), torch.zeros(1, 20, dtype=torch.int64)
    lossfns.focal_loss(z, y)
    assert seen == [4] * 10
    seen.clear()
    counted = spy_on_row_sums(monkeypatch)
    lossfns.dice_loss(z, y).backward()
    assert counted == [4] * 20, "counted, and turned into the gradient in the backward pass"
    z, y = torch.randn(1, 2, 5, 4, requires_grad=True), torch.zeros(1, 5, 4, dtype=torch.int64)
    lossfns.focal_loss(z, y)
    assert seen == [4] * 10


class TestNobodyCanSee:
    """Arguments with graphs behind them: gradients as those of the plain form, hooks run as often."""

    @staticmethod
    def in_both_forms(monkeypatch: pytest.MonkeyPatch, results: Callable[[], list[Tensor | None]]) -> None:
        found = []
        for size in (4, 10**9):
            monkeypatch.setattr(_chunked, "CHUNK", size)
            monkeypatch.setattr(_similarity, "PLAIN", 24 if size == 4 else 10**9)
            found.append(results())
        assert len(found[0]) == len(found[1])
        for a, b in zip(*found, strict=True):
            assert (a is None) == (b is None)
            assert a is None or b is None or close(a, b, 1e-10)

    @staticmethod
    def entangled(case: LossCase) -> tuple[Tensor, list[Tensor]]:
        """A leaf, and arguments that all come from it."""
        arguments = case.arguments(*batch_shape(case), seed=8)
        leaf = torch.zeros(len(arguments[0]), dtype=torch.float64).requires_grad_()
        bend = 0.1 * torch.sin(leaf + torch.arange(len(leaf)))
        parts = [
            a * (1 + bend.reshape(-1, *[1] * (a.ndim - 1))) if a.is_floating_point() else a for a in arguments
        ]
        return leaf, [p.clamp(0, 1) if p.min() >= 0 and p.max() <= 1.1 else p for p in parts]

    @each_hyper
    def test_arguments_that_depend_on_each_other(
        self, case: LossCase, hyper: Hyper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def results() -> list[Tensor | None]:
            leaf, arguments = self.entangled(case)
            value = case(*arguments, **hyper)
            (once,) = torch.autograd.grad(value, leaf, retain_graph=True)
            (again,) = torch.autograd.grad(value, leaf, retain_graph=True)
            (first,) = torch.autograd.grad(value, leaf, create_graph=True)
            (second,) = torch.autograd.grad(first.square().sum(), leaf)
            return [value, once, again, first, second]

        self.in_both_forms(monkeypatch, results)

    @each_hyper
    def test_hooks_on_the_arguments_run_once(
        self, case: LossCase, hyper: Hyper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def results() -> list[Tensor | None]:
            leaf, arguments = self.entangled(case)
            calls = []

            def double(grad: Tensor) -> Tensor:
                calls.append(1)
                return 2 * grad

            for a in differentiable(arguments):
                a.register_hook(double)
            value = case(*arguments, **hyper)
            grads = [
                torch.autograd.grad(value, leaf, retain_graph=True, create_graph=create_graph)[0]
                for create_graph in (False, True, False)
            ]
            return [*grads, torch.tensor(float(len(calls)))]

        self.in_both_forms(monkeypatch, results)

    @each_hyper
    def test_an_argument_that_no_value_depends_on(
        self, case: LossCase, hyper: Hyper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No gradient, as in the plain form, and no error."""

        def results() -> list[Tensor | None]:
            arguments = leaves(case.arguments(*batch_shape(case), seed=9))
            value = case(*arguments, **hyper)
            inputs = differentiable(arguments)
            return [
                g
                for create_graph in (False, True)
                for g in torch.autograd.grad(
                    value, inputs, allow_unused=True, retain_graph=True, create_graph=create_graph
                )
            ]

        self.in_both_forms(monkeypatch, results)

    @pytest.mark.parametrize("transform", [torch.func.jacrev, torch.func.jacfwd, torch.func.hessian])
    @pytest.mark.parametrize("case", [c for c in CASES if not c.form or c.form == "index"], ids=case_id)
    def test_transforms(self, case: LossCase, transform: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def results() -> list[Tensor | None]:
            first, *rest = case.arguments(*case.layout.batch_shape(5), seed=9)
            return [transform(lambda x: case(x, *rest))(first)]

        self.in_both_forms(monkeypatch, results)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "loss",
    [
        lambda x, y: lossfns.listmle_loss(x, y),
        lambda x, y: lossfns.lambda_loss(x, y.abs()),
        lambda x, y: lossfns.triplet_loss(x, y, -y),
        lambda x, y: lossfns.contrastive_loss(x, y, torch.ones(x.shape[:-1])),
        lambda x, y: lossfns.distribution_focal_loss(x, y.abs().sum(-1) * 0 + 1.5),
    ],
    ids=["listmle", "lambda", "triplet", "contrastive", "distribution_focal"],
)
def test_a_single_row_longer_than_many_chunks(loss: Loss) -> None:
    """What belongs to one value is not cut, with a leading axis or without."""
    rng = torch.Generator().manual_seed(6)
    x, y = torch.randn(2, 300, generator=rng, dtype=torch.float64)
    x.requires_grad_()
    one, row = loss(x, y), loss(x[None], y[None])
    assert close(one, row)
    grads = [torch.autograd.grad(v, x)[0] for v in (one, row)]
    assert close(grads[0], grads[1])


@pytest.mark.parametrize("create_graph", [False, True])
def test_at_the_real_sizes(create_graph: bool) -> None:
    """Without any patch: what is as large as users have it is what the unreduced form gives."""
    rng = torch.Generator().manual_seed(7)
    z = torch.randn(1_500_000, 3, generator=rng, requires_grad=True)
    x = torch.randn(300_000, generator=rng, dtype=torch.float64).requires_grad_()
    losses: tuple[tuple[Loss, Tensor], ...] = (
        (lambda **r: lossfns.cross_entropy(z, z.softmax(1), **r), z),
        (lambda **r: lossfns.log_cosh_loss(x, x.square(), **r), x),
        (lambda **r: lossfns.quantile_loss(x, x.sin(), q=0.3, **r), x),
        (lambda **r: lossfns.binary_focal_loss(x, x.sigmoid(), **r), x),
    )
    for loss, leaf in losses:
        value, each = loss(), loss(reduction="none")
        assert made_of_chunks(value)
        assert close(value, each.mean(), 1e-6)
        (grad,) = torch.autograd.grad(value, leaf, create_graph=create_graph)
        (plain,) = torch.autograd.grad(each.mean(), leaf, create_graph=create_graph)
        assert close(grad, plain, 1e-6)
        if create_graph:
            second = [torch.autograd.grad(g.square().sum(), leaf)[0] for g in (grad, plain)]
            assert close(second[0], second[1], 1e-6)
