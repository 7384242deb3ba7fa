"""What holds for every loss: one table of cases, generic tests over it."""

from __future__ import annotations

import contextlib
import copy
import inspect
import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

import lossfns
from lossfns import _eager
from lossfns.catalog import cards
from tests.cases import CASES, NOT_ALL_ROWS, STATISTICS, Hyper, LossCase
from tests.cases.layouts import BINARY, PROBABILITIES
from tests.refused import refused
from tests.support import (
    DTYPES,
    REDUCTIONS,
    case_id,
    close,
    differentiable,
    each_case,
    each_hyper,
    gradients,
    leaves,
    row_weight,
    slopes,
)


@pytest.fixture(params=["seen", "unseen"])
def sight(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU losses look for short cuts; on other devices, and compiled, they cannot."""
    if request.param == "unseen":
        monkeypatch.setattr(_eager, "can_read", lambda x: False)


def test_every_loss_has_a_case_a_card_and_a_twin() -> None:
    functions = {n for n, v in vars(lossfns).items() if inspect.isfunction(v) and hasattr(v, "rules")}
    held_elsewhere = {*STATISTICS, *NOT_ALL_ROWS}
    assert functions == {case.name for case in CASES} | held_elsewhere == set(cards())
    for name, card in cards().items():
        assert card.module.__name__ in vars(lossfns), name


GIVEN_WITH_THE_TENSORS = ("candidates", "zero_logit", "target", "target_log_var")
HELD_CONSTANT = {("negative_cosine_loss", "target"), ("kto_loss", "kl")}


@each_hyper
def test_every_argument_has_a_gradient(case: LossCase, hyper: Hyper) -> None:
    """But for those that a definition holds constant, which are no part of the graph."""
    arguments = leaves(case.arguments(*case.layout.shape))
    names = [n for n, a in zip(case.argument_names, arguments, strict=True) if a.requires_grad]
    found = torch.autograd.grad(case(*arguments, **hyper), differentiable(arguments), allow_unused=True)
    for name, slope in zip(names, found, strict=True):
        assert (slope is None) == ((case.name, name) in HELD_CONSTANT), name


@each_hyper
@pytest.mark.usefixtures("sight")
def test_value_is_that_of_a_loop(case: LossCase, hyper: Hyper) -> None:
    shape = case.layout.shape
    arguments = case.arguments(*shape)
    weight = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    expected, denominator = case.loop(arguments, **hyper)
    assert expected.shape == shape
    assert close(case(*arguments, reduction="none", **hyper), expected)
    assert close(case(*arguments, reduction="sum", **hyper), expected.sum())
    assert close(case(*arguments, **hyper), expected.sum() / denominator.sum())
    weighted = {r: case(*arguments, weight=weight, reduction=r, **hyper) for r in REDUCTIONS}
    assert close(weighted["none"], weight * expected)
    assert close(weighted["sum"], (weight * expected).sum())
    assert close(weighted["mean"], (weight * expected).sum() / (weight * denominator).sum())


@each_hyper
@pytest.mark.usefixtures("sight")
def test_fifty_digits_at_extreme_arguments(case: LossCase, hyper: Hyper) -> None:
    for dtype in (torch.float64, torch.float32):
        for row in case.extremes:
            tensors = case.row(row, dtype)
            value = case(*tensors, reduction="sum", **hyper)
            with mpmath.workdps(100):
                units = [[digits(piece) for piece in unit] for unit in case.layout.units(*tensors)]
                exact = total([case.reference(mpmath.mp, *unit, **hyper) for unit in units])
                scale = max(abs(exact), mpmath.mpf(torch.finfo(dtype).tiny), case.absolute_floor)
                if abs(exact) > torch.finfo(dtype).max:
                    assert value.item() == math.copysign(math.inf, exact)
                else:
                    error = abs(mpmath.mpf(value.item()) - exact) / scale
                    ulps = 60 if value.device.type == "cpu" else 120  # a GPU's exp is off by up to two
                    assert error < ulps * torch.finfo(dtype).eps, (row, hyper, dtype, value.item(), exact)


def digits(value: Any) -> Any:
    """Nested lists with floats turned into mpmath's numbers; indices stay."""
    if isinstance(value, list):
        return [digits(v) for v in value]
    return mpmath.mpf(value) if isinstance(value, float) else value


def total(value: Any) -> Any:
    return sum(total(v) for v in value) if isinstance(value, list) else value


@each_hyper
def test_weight_may_broadcast_and_constant_weights_change_nothing(case: LossCase, hyper: Hyper) -> None:
    shape = case.layout.shape
    arguments = case.arguments(*shape)
    mean = case(*arguments, **hyper)
    rows = row_weight([7] * shape[0], shape)
    for weight in (torch.tensor(3.0), torch.full(shape[-1:], 0.25), rows, torch.ones(shape).bool()):
        assert close(case(*arguments, weight=weight, **hyper), mean)
    weight = row_weight([1.0, 2.0, 0.0, 4.0] + [1.0] * (shape[0] - 4), shape)
    loss_arguments, loss_weight = arguments, weight
    if case.layout.coupled_rows:
        kept = weight.reshape(shape[0], -1)[:, 0] > 0
        loss_arguments, loss_weight = [a[kept] for a in arguments], weight[kept]
    loss, denominator = case.loop(loss_arguments, **hyper)
    expected = (loss_weight * loss).sum() / (loss_weight * denominator).sum()
    assert close(case(*arguments, weight=weight, **hyper), expected)


@each_hyper
@pytest.mark.parametrize("constant", [1e37, 1e-40])
@pytest.mark.usefixtures("size")
def test_constant_weights_may_be_extreme(case: LossCase, hyper: Hyper, constant: float) -> None:
    """In float32, where a few of them add up to infinity, or lose their digits."""
    shape = case.layout.batch_shape(9 if case.layout.coupled_rows else 40)
    arguments, weight = case.arguments(*shape, dtype=torch.float32), torch.full(shape, constant)
    assert close(case(*arguments, weight=weight, **hyper), case(*arguments, **hyper), 1e-5)
    weighted = gradients(case, arguments, weight=weight, **hyper)
    for got, expected in zip(weighted, gradients(case, arguments, **hyper), strict=True):
        assert close(got, expected, 1e-5)


@each_hyper
@pytest.mark.parametrize("weights", [[1.0, 0.0, 2.0, 0.5, 0.0, 1.0], [0.0] * 6], ids=["some", "all"])
@pytest.mark.usefixtures("sight")
def test_a_learned_weight_may_be_zero(case: LossCase, hyper: Hyper, weights: list[float]) -> None:
    shape = case.layout.batch_shape(6)
    arguments, weight = case.arguments(*shape), row_weight(weights, shape).double().requires_grad_()
    for reduction in REDUCTIONS:
        value = case(*arguments, weight=weight, reduction=reduction, **hyper).sum()
        assert torch.autograd.grad(value, weight)[0].isfinite().all(), reduction


INDEX_POISON = {math.nan: -7, math.inf: 1000, -math.inf: -(2**62)}


@each_hyper
@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf], ids=str)
@pytest.mark.usefixtures("sight")
def test_zero_weight_deletes(case: LossCase, hyper: Hyper, poison: float) -> None:
    shape = case.layout.batch_shape(6)
    clean = case.arguments(*shape)
    keep = torch.tensor([True, False, True, True, False, True])
    mask = row_weight(keep.tolist(), shape)
    kept = [a[keep] for a in clean]
    for position in range(case.arity):
        dirty = [a.clone() for a in clean]
        dirty[position][~keep] = poison if dirty[position].is_floating_point() else INDEX_POISON[poison]
        for weight in (mask, mask.double(), mask.int()):
            for reduction in ("mean", "sum"):
                value = case(*dirty, weight=weight, reduction=reduction, **hyper)
                assert close(value, case(*kept, reduction=reduction, **hyper))
            for got, expected in zip(
                gradients(case, dirty, weight=weight, **hyper), gradients(case, kept, **hyper), strict=True
            ):
                assert close(got[keep], expected)
                assert (got[~keep] == 0).all()
        unreduced = case(*dirty, weight=mask, reduction="none", **hyper)
        assert (unreduced[~keep] == 0).all()


@each_hyper
def test_a_short_cut_changes_neither_value_nor_gradient(
    case: LossCase, hyper: Hyper, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [a.round() for a in case.arguments(*case.layout.shape)]
    seen = case(*arguments, reduction="none", **hyper), gradients(case, arguments, **hyper)
    monkeypatch.setattr(_eager, "can_read", lambda x: False)
    unseen = case(*arguments, reduction="none", **hyper), gradients(case, arguments, **hyper)
    torch.testing.assert_close(seen, unseen, rtol=1e-12, atol=1e-12)


IGNORING = [
    case
    for case in CASES
    if "ignore_index" in case.rules and not case.arguments(*case.layout.shape)[1].is_floating_point()
]


@pytest.mark.parametrize("case", IGNORING, ids=case_id)
def test_the_index_ignored_is_minus_100_unless_another_is_named(case: LossCase) -> None:
    input, target = case.arguments(*case.layout.shape)
    hole = torch.zeros_like(target, dtype=torch.bool)
    hole.view(-1)[1::3] = True
    named = case(input, target.masked_fill(hole, 7), ignore_index=7)
    assert close(case(input, target.masked_fill(hole, -100)), named)
    assert not close(named, case(input, target))


EMPTY = [(case, shape) for case in CASES for shape in case.layout.empty]


@pytest.mark.parametrize(
    ("case", "shape"), EMPTY, ids=lambda v: str(v) if isinstance(v, tuple) else case_id(v)
)
def test_an_empty_batch_costs_nothing(case: LossCase, shape: tuple[int, ...]) -> None:
    for hyper in case.all_hypers:
        arguments = leaves(case.arguments(*shape, dtype=torch.float32))
        for kwargs in ({}, {"weight": torch.empty(shape)}, {"reduction": "sum"}):
            value = case(*arguments, **kwargs, **hyper)
            assert value.item() == 0
            assert value.shape == ()
            found = slopes(value, arguments, retain_graph=True)
            assert [s.shape for s in found] == [a.shape for a in differentiable(arguments)]
        assert case(*arguments, reduction="none", **hyper).shape == shape


@each_hyper
def test_deleting_everything_costs_nothing(case: LossCase, hyper: Hyper) -> None:
    shape = case.layout.batch_shape(3)
    arguments = case.arguments(*shape)
    arguments = [torch.full_like(a, math.nan if a.is_floating_point() else -7) for a in arguments]
    for reduction in ("mean", "sum"):
        value = case(*arguments, weight=torch.zeros(shape), reduction=reduction, **hyper)
        assert value.item() == 0
        for slope in gradients(case, arguments, weight=torch.zeros(shape), reduction=reduction, **hyper):
            assert (slope == 0).all()


@each_hyper
def test_first_and_second_derivatives(case: LossCase, hyper: Hyper) -> None:
    if not case.exact_gradient:
        pytest.skip("a factor is a constant by definition")
    shape = case.layout.batch_shape(5)
    arguments = leaves(case.arguments(*shape, seed=1))
    weight = row_weight([1.0, 0.5, 0.0, 2.0, 1.0], shape).double()

    def f(*tensors: Tensor) -> Tensor:
        return case(*tensors, weight=weight, **hyper)

    assert torch.autograd.gradcheck(f, arguments)
    assert torch.autograd.gradgradcheck(f, arguments)


@each_case
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dtype_is_at_least_float32(case: LossCase, dtype: torch.dtype) -> None:
    shape = case.layout.batch_shape(40)
    arguments = case.arguments(*shape, dtype=dtype)
    result = torch.float64 if dtype is torch.float64 else torch.float32
    value = case(*arguments)
    assert value.dtype is result
    assert close(
        value,
        case(*(a.double() if a.is_floating_point() else a for a in arguments)),
        1e-14 if result is dtype is torch.float64 else 1e-6,
    )
    assert all(slope.dtype is dtype and slope.isfinite().all() for slope in gradients(case, arguments))
    assert case(*arguments, weight=torch.ones(shape, dtype=torch.float64)).dtype is result


ELEMENTWISE = [case for case in CASES if case.layout.scalars]
each_elementwise = pytest.mark.parametrize("case", ELEMENTWISE, ids=case_id)


@each_elementwise
@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.int64], ids=str)
def test_targets_of_integers_and_bools(case: LossCase, dtype: torch.dtype) -> None:
    input, target, *rest = case.arguments(6, dtype=torch.float32)
    target = torch.tensor([0, 1, 1, 0, 1, 0], dtype=dtype)
    value = case(input, target, *rest)
    assert value.dtype is torch.float32
    assert torch.equal(value, case(input, target.float(), *rest))
    as_input = case(target, input, *rest)
    assert torch.equal(as_input, case(target.float(), input, *rest))


INTEGERS = (
    torch.uint8,
    torch.uint16,
    torch.uint32,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
)


@each_hyper
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_an_index_may_be_of_any_integer_dtype(case: LossCase, hyper: Hyper, dtype: torch.dtype) -> None:
    arguments = case.arguments(*case.layout.shape)
    narrow = [a if a.is_floating_point() else a.to(dtype) for a in arguments]
    assert torch.equal(case(*narrow, **hyper), case(*arguments, **hyper))
    for got, expected in zip(
        gradients(case, narrow, **hyper), gradients(case, arguments, **hyper), strict=True
    ):
        assert torch.equal(got, expected)


@each_case
def test_memory_layout_does_not_matter(case: LossCase) -> None:
    arguments = case.arguments(*case.layout.shape)
    for view in (
        lambda a: a.transpose(0, -1).contiguous().transpose(0, -1),
        lambda a: torch.stack([a, a + 1], -1)[..., 0],
        lambda a: a[:1].expand_as(a),
    ):
        views = [view(a) for a in arguments]
        expected = case(*(v.contiguous() for v in views))
        assert close(case(*views), expected)
        for got, dense in zip(
            gradients(case, views), gradients(case, [v.contiguous() for v in views]), strict=True
        ):
            assert close(got, dense)


@each_elementwise
@pytest.mark.parametrize("strict", [False, True])
def test_scalars_are_losses_too(case: LossCase, strict: bool) -> None:
    for hyper in case.all_hypers:
        arguments = case.arguments()
        loss = case.loop(arguments, **hyper)[0]
        with lossfns.strict() if strict else contextlib.nullcontext():
            assert close(case(*arguments, **hyper), loss)
            for w in (3.0, 0.0):
                weighted = {
                    r: case(*arguments, weight=torch.tensor(w), reduction=r, **hyper) for r in REDUCTIONS
                }
                assert all(value.shape == () for value in weighted.values())
                assert close(weighted["mean"], loss if w else torch.tensor(0.0))
                assert close(weighted["sum"], w * loss)
                assert close(weighted["none"], w * loss)


@each_elementwise
def test_weights_of_samples_that_are_single_numbers(case: LossCase) -> None:
    """Under vmap: each sample with a weight of its own."""
    samples = [case.arguments(seed=seed) for seed in range(4)]
    stacked = [torch.stack(column) for column in zip(*samples, strict=True)]
    weight = torch.tensor([1.0, 0.5, 0.0, 2.0])
    for hyper in case.all_hypers:
        expected = weight * torch.stack([case(*row, **hyper) for row in samples])
        for reduction in REDUCTIONS[1:]:
            mapped = torch.func.vmap(lambda w, *row: case(*row, weight=w, reduction=reduction, **hyper))  # noqa: B023
            assert close(mapped(weight, *stacked), expected)
        mean = torch.func.vmap(lambda w, *row: case(*row, weight=w, **hyper))(weight, *stacked)  # noqa: B023
        assert close(mean, torch.where(weight == 0, 0.0, expected / weight))


MAY_BROADCAST = ("log_var", "log_scale", "target_log_var", "kl")


@each_elementwise
def test_wrong_shapes_are_refused_by_name(case: LossCase) -> None:
    for wrong in ((4, 1), (1, 4), (), (3,), (4, 4)):
        first, *others = case.argument_names
        for position, name in enumerate(others, start=1):
            arguments = [torch.zeros(4) for _ in range(case.arity)]
            arguments[position] = torch.zeros(wrong)
            if name in MAY_BROADCAST and wrong == ():
                assert case(*arguments).shape == ()
                continue
            words = "broadcast to" if name in MAY_BROADCAST else "have"
            with pytest.raises(ValueError, match=rf"{name} must {words} the shape of {first}") as error:
                case(*arguments)
            assert str((4,)) in str(error.value)
            assert str(wrong) in str(error.value)


def misshapen(arguments: list[Tensor]) -> Iterator[tuple[int, list[Tensor]]]:
    """Each argument but the first with a dimension too many, on either side, and with a row too few."""
    for position in range(1, len(arguments)):
        a = arguments[position]
        for bad in (a.unsqueeze(0), a.unsqueeze(-1), a[:-1], a[0]):
            yield position, [*arguments[:position], bad, *arguments[position + 1 :]]


@each_case
def test_shapes_that_do_not_fit_are_refused(case: LossCase) -> None:
    shape = case.layout.shape
    names = case.argument_names
    for position, arguments in misshapen(case.arguments(*shape)):
        free = names[position] in MAY_BROADCAST
        if free and arguments[position].shape == shape[1:]:
            assert case(*arguments).shape == ()
            continue
        words = "broadcast to" if free else "have"
        with pytest.raises(ValueError, match=f"^{names[position]} must {words}") as error:
            case(*arguments)
        assert str(tuple(arguments[position].shape)) in str(error.value)
    arguments = case.arguments(*shape)
    for wrong in ((*shape, 1), (2, *shape), (*shape[:-1], shape[-1] - 1), (shape[0] + 1, *shape[1:])):
        with pytest.raises(ValueError, match="weight must broadcast") as error:
            case(*arguments, weight=torch.ones(wrong))
        assert str(shape) in str(error.value)
        assert str(wrong) in str(error.value)


AXES = [case for case in CASES if not case.layout.scalars]


@pytest.mark.parametrize("case", AXES, ids=case_id)
def test_single_numbers_are_refused_where_a_loss_needs_axes(case: LossCase) -> None:
    numbers = [a.reshape(-1)[0] for a in case.arguments(*case.layout.shape)]
    with pytest.raises(ValueError, match=f"^{case.argument_names[0]} must have "):
        case(*numbers)


@each_case
def test_shapes_and_dtypes_are_known_without_values(case: LossCase) -> None:
    """On the meta device: no loss reads a value, to look at it or to wait for it."""
    shape = case.layout.shape
    arguments = [a.to("meta") for a in case.arguments(*shape)]
    for hyper in case.all_hypers:
        hyper = {name: v.to("meta") if isinstance(v, Tensor) else v for name, v in hyper.items()}
        for weight in (None, torch.ones(shape, device="meta")):
            value = case(*arguments, weight=weight, reduction="none", **hyper)
            assert (value.shape, value.dtype, value.device.type) == (shape, torch.float64, "meta")
            assert case(*arguments, weight=weight, **hyper).shape == ()


@each_hyper
def test_shapes_are_known_of_fake_tensors(case: LossCase, hyper: Hyper) -> None:
    """Tools that plan before anything runs have such: no value can be read, but gradients have a shape."""
    shape = case.layout.shape
    with FakeTensorMode() as mode:
        arguments: list[Tensor] = [mode.from_tensor(a) for a in leaves(case.arguments(*shape))]
        known = {name: mode.from_tensor(v) if isinstance(v, Tensor) else v for name, v in hyper.items()}
        for weight in (None, torch.ones(shape)):
            assert case(*arguments, weight=weight, reduction="none", **known).shape == shape
            value = case(*arguments, weight=weight, **known)
            assert value.shape == ()
            assert [s.shape for s in slopes(value, arguments)] == [a.shape for a in differentiable(arguments)]


@each_case
def test_wrong_types_are_refused_by_name(case: LossCase) -> None:
    arguments: list[Any] = case.arguments(*case.layout.shape)
    for position, name in enumerate(case.argument_names):
        right = arguments[position]
        wrong = [*arguments[:position], right.tolist(), *arguments[position + 1 :]]
        with pytest.raises(TypeError, match=f"{name} must be a torch.Tensor, got list"):
            case(*wrong)
        wrong[position] = right.to(torch.complex64)
        with pytest.raises(ValueError, match=f"{name} must be real"):
            case(*wrong)
    with pytest.raises(TypeError, match="weight must be a torch.Tensor"):
        case(*arguments, weight=[1.0] * 3)


ODD_TENSORS: dict[str, Callable[[Tensor], Tensor]] = {
    "complex": lambda a: a.to(torch.complex64),
    "uint64": lambda a: a.abs().to(torch.uint64),
    "float8": lambda a: a.float().to(torch.float8_e4m3fn),
    "quantised": lambda a: torch.quantize_per_tensor(a.float(), 0.1, 0, torch.quint8),
    "sparse": lambda a: a.to_sparse(),
    "mkldnn": lambda a: a.cpu().float().to_mkldnn(),
    "nested": lambda a: torch.nested.nested_tensor(list(torch.atleast_1d(a))),
    "elsewhere": lambda a: a.to("meta"),
}


@each_case
@pytest.mark.parametrize("odd", ODD_TENSORS.values(), ids=ODD_TENSORS)
@pytest.mark.filterwarnings("ignore:.*(nested|quantize)")
def test_odd_tensors_are_refused_by_name(case: LossCase, odd: Callable[[Tensor], Tensor]) -> None:
    """Also as a weight and among the hyper-parameters."""
    arguments = case.arguments(*case.layout.shape)
    elsewhere = odd is ODD_TENSORS["elsewhere"]
    for position, name in enumerate(case.argument_names):
        if elsewhere and position == 0:
            continue  # the others would be called to account
        given = [*arguments[:position], odd(arguments[position]), *arguments[position + 1 :]]
        with pytest.raises(ValueError, match=f"^{name} must be "):
            case(*given)
    named = {"weight": torch.ones(case.layout.shape)}
    named |= {n: v for hyper in case.all_hypers for n, v in hyper.items() if isinstance(v, Tensor)}
    named |= {n: torch.tensor([0.5]) for n, rule in case.rules.items() if "a tensor of one" in rule.words}
    for name, value in named.items():
        with pytest.raises(ValueError, match=f"^{name} must be "):
            case(*arguments, **{name: odd(value)})


@each_case
def test_wrong_hyper_parameters_are_refused_by_name(case: LossCase) -> None:
    arguments = case.arguments(*case.layout.batch_shape(3))
    for name, rule in case.rules.items():
        for value in refused(rule):
            with pytest.raises(ValueError, match=f"{name} must be") as error:
                case(*arguments, **{name: value})
            assert repr(value) in str(error.value)
            with pytest.raises(ValueError, match=f"{name} must be"):
                case.module(**{name: value})
    with pytest.raises(ValueError, match="'mean', 'sum', 'none'"):
        case(*arguments, reduction="avg")
    hyperparameters = {
        n for n, p in inspect.signature(case.function).parameters.items() if p.kind is p.KEYWORD_ONLY
    }
    assert set(case.rules) == hyperparameters - {"weight", *GIVEN_WITH_THE_TENSORS, *case.by_name}


@each_hyper
def test_nothing_is_mutated(case: LossCase, hyper: Hyper) -> None:
    shape = case.layout.batch_shape(5)
    arguments = case.arguments(*shape)
    weight = row_weight([0.0, 1.0, 2.0, 0.0, 1.0], shape)
    given = [*arguments, weight, *(v for v in hyper.values() if isinstance(v, Tensor))]
    before = copy.deepcopy(given)
    case(*arguments, weight=weight, **hyper)
    gradients(case, arguments, weight=weight, **hyper)
    assert all(torch.equal(a, b) for a, b in zip(before, given, strict=True))


@each_hyper
def test_module_twin(case: LossCase, hyper: Hyper) -> None:
    shape = case.layout.batch_shape(5)
    arguments = case.arguments(*shape)
    weight = row_weight([0.0, 1.0, 2.0, 0.0, 1.0], shape)
    for reduction in REDUCTIONS:
        module = case.module(reduction=reduction, **hyper)
        assert torch.equal(case.call(module, *arguments), case(*arguments, reduction=reduction, **hyper))
        expected = case(*arguments, weight=weight, reduction=reduction, **hyper)
        for twin in (
            module,
            pickle.loads(pickle.dumps(module)),
            copy.deepcopy(module),
            module.to(torch.float64),
        ):
            assert torch.equal(case.call(twin, *arguments, weight=weight), expected)
    shown = repr(case.module(**hyper))
    tensors = {name: value for name, value in hyper.items() if isinstance(value, Tensor)}
    for name, value in hyper.items():
        words = f"tensor of shape {tuple(value.shape)}" if name in tensors else repr(value)
        assert f"{name}={words}" in shown
        assert torch.equal(module.state_dict()[name], value) if name in tensors else True
    if not tensors:
        assert shown == repr(eval(shown, vars(lossfns) | {"inf": math.inf}))
    assert set(module.state_dict()) == set(tensors)
    with pytest.raises(TypeError, match="colour"):
        case.module(colour=1)
    constructor = inspect.signature(case.card.module).parameters
    assert list(constructor) == [
        n
        for n, p in inspect.signature(case.function).parameters.items()
        if p.kind is p.KEYWORD_ONLY and n not in ("weight", *GIVEN_WITH_THE_TENSORS, *case.by_name)
    ]
    assert not list(module.parameters())


@each_hyper
def test_vmap_and_per_sample_gradients(case: LossCase, hyper: Hyper) -> None:
    shape = case.layout.batch_shape(3)
    samples = [case.arguments(*shape, seed=seed) for seed in range(4)]
    stacked = [torch.stack(column) for column in zip(*samples, strict=True)]
    weight = torch.rand(4, *shape)
    rows = torch.stack([case(*row, weight=w, **hyper) for row, w in zip(samples, weight, strict=True)])
    mapped = torch.func.vmap(lambda w, *row: case(*row, weight=w, **hyper))(weight, *stacked)
    assert close(mapped, rows)
    per_row = torch.func.vmap(torch.func.grad(lambda *row: case(*row, **hyper)))(*stacked)
    expected = torch.stack([gradients(case, row, **hyper)[0] for row in samples])
    assert close(per_row, expected)


@each_hyper
@pytest.mark.filterwarnings("error")
def test_vmap_over_one_argument_alone(case: LossCase, hyper: Hyper) -> None:
    """The others are ordinary tensors, whose values could be read. Nothing warns, in the gradient neither."""
    arguments = case.arguments(*case.layout.batch_shape(3), seed=4)
    others = case.arguments(*case.layout.batch_shape(3), seed=5)
    for i, other in enumerate(others):
        both = torch.stack([arguments[i], other])
        places = [0 if k == i else None for k in range(len(arguments))]
        mapped = torch.func.vmap(lambda *row: case(*row, **hyper), tuple(places))(
            *arguments[:i], both, *arguments[i + 1 :]
        )
        single = [case(*arguments[:i], row, *arguments[i + 1 :], **hyper) for row in both]
        assert close(mapped, torch.stack(single))
        gradient = torch.func.grad(lambda *row: case(*row, **hyper))
        per_row = torch.func.vmap(gradient, tuple(places))(*arguments[:i], both, *arguments[i + 1 :])
        expected = [gradients(case, [*arguments[:i], row, *arguments[i + 1 :]], **hyper)[0] for row in both]
        assert close(per_row, torch.stack(expected))


@each_case
def test_strict_refuses_values_outside_the_domain(case: LossCase) -> None:
    shape = case.layout.batch_shape(2)
    for culprit, row in case.rejected:
        inside = case.arguments(*case.layout.batch_shape(1), dtype=torch.float32)
        tensors = [torch.cat(pair) for pair in zip(inside, case.row(row, torch.float32), strict=True)]
        if all(t.is_floating_point() for t in tensors):
            case(*tensors)
        with lossfns.strict(), pytest.raises(ValueError, match=rf"{culprit} must .* at index \(1,"):
            case(*tensors)
        with lossfns.strict():
            assert case(*tensors, weight=row_weight([1, 0], shape)).isfinite()
    arguments = case.arguments(*shape)
    for bad in (-1.0, math.nan, math.inf):
        with lossfns.strict(), pytest.raises(ValueError, match="weight must be finite and at least 0"):
            case(*arguments, weight=row_weight([1.0, bad], shape))
    arguments = case.arguments(*case.layout.shape)
    expected, denominator = case.loop(arguments)
    with lossfns.strict():
        assert close(case(*arguments), expected.sum() / denominator.sum().clamp(min=1e-9))


@each_case
def test_strict_accepts_the_edge_of_the_domain(case: LossCase) -> None:
    for row in (*case.extremes, case.claims.minimiser):
        tensors = case.row(row)
        expected = case(*tensors)
        with lossfns.strict():
            assert torch.equal(case(*tensors), expected)


@pytest.mark.parametrize("case", [case for case in CASES if case.layout is PROBABILITIES], ids=case_id)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("classes", [3, 100, 50_000])
def test_strict_accepts_probabilities_in_half_precision(
    case: LossCase, dtype: torch.dtype, classes: int
) -> None:
    """Rounded in half precision, they do not add up to 1."""
    if case.name == "multiclass_hinge_loss" and classes > 1000:
        pytest.skip("it compares all pairs of classes")
    rng = torch.Generator().manual_seed(classes)
    logits = torch.randn(2, 8, classes, generator=rng).to(dtype)
    required = {n: torch.ones(classes) if isinstance(v, Tensor) else v for n, v in case.required.items()}
    for target in (logits[0].softmax(1), torch.full_like(logits[0], 1 / classes)):
        with lossfns.strict():
            assert case.function(logits[1], target, **required).isfinite()
        with lossfns.strict(), pytest.raises(ValueError, match="target must be probabilities that sum to 1"):
            case.function(logits[1], target * 0.95, **required)


@pytest.mark.parametrize("case", [case for case in CASES if case.layout is BINARY], ids=case_id)
def test_sure_and_right_is_free_beside_a_soft_label(case: LossCase) -> None:
    input = torch.tensor([math.inf, -math.inf, 0.3]).requires_grad_()
    value = case(input, torch.tensor([1.0, 0.0, 0.4]), reduction="none")
    assert value[:2].tolist() == [0, 0]
    (slope,) = torch.autograd.grad(value.sum(), input)
    assert slope[:2].tolist() == [0, 0]
    assert slope[2] != 0


@each_case
def test_docstring_says_what_a_user_needs(case: LossCase) -> None:
    text = inspect.getdoc(case.function) or ""
    for section in (".. math::", "Args:", "Conventions:", "Shape:", "Source:", "Example:", ">>>"):
        assert section in text, section
    for name in [*case.rules, "weight"]:
        assert f"\n    {name}: " in text or name == "reduction", name
    twin = case.card.module.__doc__ or ""
    assert case.name in twin
    assert twin.startswith(text.split("\n")[0])


def test_numpy_numbers_are_hyper_parameters() -> None:
    x, y = torch.tensor([3.0]), torch.tensor([0.0])
    delta: Any = np.float32(2.0)
    assert lossfns.huber_loss(x, y, delta=delta) == lossfns.huber_loss(x, y, delta=2.0)
