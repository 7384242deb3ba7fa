"""What holds for every loss: one table of cases, generic tests over it."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from cases import CASES, Hyper, LossCase
from torch import Tensor

import lossfns
from lossfns.catalog import cards

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
REDUCTIONS = ("mean", "sum", "none")


def show(value: Any) -> str:
    if isinstance(value, LossCase):
        return value.name
    return ",".join(f"{k}={v}" for k, v in value.items()) or "defaults" if isinstance(value, dict) else ""


each = pytest.mark.parametrize("case", CASES, ids=show)
each_hyper = pytest.mark.parametrize(
    ("case", "hyper"), [(case, hyper) for case in CASES for hyper in case.hypers], ids=show
)


def loop(case: LossCase, arguments: list[Tensor], hyper: Hyper) -> Tensor:
    """The unreduced loss by a Python loop over the reference."""
    columns = [a.reshape(-1).tolist() for a in arguments]
    values = [float(case.reference(math, *row, **hyper)) for row in zip(*columns, strict=True)]
    return torch.tensor(values, dtype=torch.float64).reshape(arguments[0].shape)


def close(a: Tensor, b: Tensor, tol: float = 1e-12) -> bool:
    return bool(torch.allclose(a.to(torch.float64), b.to(torch.float64), rtol=tol, atol=tol))


def slopes(case: LossCase, arguments: list[Tensor], **kwargs: Any) -> list[Tensor]:
    leaves = [a.clone().requires_grad_() for a in arguments]
    return list(torch.autograd.grad(case.function(*leaves, **kwargs), leaves))


def test_every_loss_has_a_case_a_card_and_a_twin() -> None:
    functions = {n for n, v in vars(lossfns).items() if hasattr(v, "rules")}
    assert functions == {case.name for case in CASES} == set(cards())
    for name, card in cards().items():
        assert card.module.__name__ in vars(lossfns), name


@each_hyper
def test_value_is_that_of_a_loop(case: LossCase, hyper: Hyper) -> None:
    arguments = case.arguments(4, 5)
    weight = torch.rand(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    expected = loop(case, arguments, hyper)
    assert close(case.function(*arguments, reduction="none", **hyper), expected)
    assert close(case.function(*arguments, reduction="sum", **hyper), expected.sum())
    assert close(case.function(*arguments, **hyper), expected.mean())
    weighted = {r: case.function(*arguments, weight=weight, reduction=r, **hyper) for r in REDUCTIONS}
    assert close(weighted["none"], weight * expected)
    assert close(weighted["sum"], (weight * expected).sum())
    assert close(weighted["mean"], (weight * expected).sum() / weight.sum())


@each_hyper
def test_fifty_digits_at_extreme_arguments(case: LossCase, hyper: Hyper) -> None:
    for dtype in (torch.float64, torch.float32):
        for row in case.extremes:
            tensors = [torch.tensor([v], dtype=dtype) for v in row]
            value = case.function(*tensors, **hyper)
            with mpmath.workdps(100):
                exact = case.reference(mpmath.mp, *(mpmath.mpf(t.item()) for t in tensors), **hyper)
                scale = max(abs(exact), mpmath.mpf(torch.finfo(dtype).tiny))
                if abs(exact) > torch.finfo(dtype).max:
                    assert value.item() == math.copysign(math.inf, exact)
                else:
                    error = abs(mpmath.mpf(value.item()) - exact) / scale
                    assert error < 60 * torch.finfo(dtype).eps, (row, hyper, dtype, value.item(), exact)


@each
def test_weight_may_broadcast_and_constant_weights_change_nothing(case: LossCase) -> None:
    arguments = case.arguments(4, 5)
    mean = case.function(*arguments)
    for weight in (torch.tensor(3.0), torch.full((5,), 0.25), torch.full((4, 1), 7), torch.ones(4, 5).bool()):
        assert close(case.function(*arguments, weight=weight), mean)
    by_row = torch.tensor([1.0, 2.0, 0.0, 4.0])
    unreduced = case.function(*arguments, reduction="none").mean(1)
    expected = (by_row * unreduced).sum() / by_row.sum()
    assert close(case.function(*arguments, weight=by_row[:, None]), expected)


@each_hyper
@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf], ids=str)
def test_zero_weight_deletes(case: LossCase, hyper: Hyper, poison: float) -> None:
    clean = case.arguments(6)
    keep = torch.tensor([True, False, True, True, False, True])
    kept = [a[keep] for a in clean]
    for position in range(case.arity):
        dirty = [a.clone() for a in clean]
        dirty[position][~keep] = poison
        for weight in (keep, keep.double(), keep.int()):
            for reduction in ("mean", "sum"):
                value = case.function(*dirty, weight=weight, reduction=reduction, **hyper)
                assert close(value, case.function(*kept, reduction=reduction, **hyper))
            for got, expected in zip(
                slopes(case, dirty, weight=weight, **hyper), slopes(case, kept, **hyper), strict=True
            ):
                assert close(got[keep], expected)
                assert (got[~keep] == 0).all()
        unreduced = case.function(*dirty, weight=keep, reduction="none", **hyper)
        assert (unreduced[~keep] == 0).all()


@each
@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)], ids=str)
def test_an_empty_batch_costs_nothing(case: LossCase, shape: tuple[int, ...]) -> None:
    arguments = [torch.empty(shape, requires_grad=True) for _ in range(case.arity)]
    for kwargs in ({}, {"weight": torch.empty(shape)}, {"reduction": "sum"}):
        value = case.function(*arguments, **kwargs)
        assert value.item() == 0
        assert value.shape == ()
        assert all(slope.shape == shape for slope in torch.autograd.grad(value, arguments))
    assert case.function(*arguments, reduction="none").shape == shape


@each
def test_deleting_everything_costs_nothing(case: LossCase) -> None:
    arguments = [torch.full((3,), math.nan) for _ in range(case.arity)]
    for reduction in ("mean", "sum"):
        value = case.function(*arguments, weight=torch.zeros(3), reduction=reduction)
        assert value.item() == 0
        for slope in slopes(case, arguments, weight=torch.zeros(3), reduction=reduction):
            assert (slope == 0).all()


@each_hyper
def test_first_and_second_derivatives(case: LossCase, hyper: Hyper) -> None:
    arguments = [a.requires_grad_() for a in case.arguments(5, seed=1)]
    weight = torch.tensor([1.0, 0.5, 0.0, 2.0, 1.0], dtype=torch.float64)

    def f(*tensors: Tensor) -> Tensor:
        return case.function(*tensors, weight=weight, **hyper)

    assert torch.autograd.gradcheck(f, arguments)
    assert torch.autograd.gradgradcheck(f, arguments)


@each
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dtype_is_at_least_float32(case: LossCase, dtype: torch.dtype) -> None:
    arguments = case.arguments(40, dtype=dtype)
    result = torch.float64 if dtype is torch.float64 else torch.float32
    value = case.function(*arguments)
    assert value.dtype is result
    assert close(
        value,
        case.function(*(a.double() for a in arguments)),
        1e-14 if result is dtype is torch.float64 else 1e-6,
    )
    assert all(slope.dtype is dtype and slope.isfinite().all() for slope in slopes(case, arguments))
    assert case.function(*arguments, weight=torch.ones(40, dtype=torch.float64)).dtype is result


@each
@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.int64], ids=str)
def test_targets_of_integers_and_bools(case: LossCase, dtype: torch.dtype) -> None:
    input, target, *rest = case.arguments(6, dtype=torch.float32)
    target = torch.tensor([0, 1, 1, 0, 1, 0], dtype=dtype)
    value = case.function(input, target, *rest)
    assert value.dtype is torch.float32
    assert torch.equal(value, case.function(input, target.float(), *rest))
    as_input = case.function(target, input, *rest)
    assert torch.equal(as_input, case.function(target.float(), input, *rest))


@each
def test_memory_layout_does_not_matter(case: LossCase) -> None:
    arguments = case.arguments(4, 6)
    for view in (lambda a: a.t(), lambda a: a[::2, 1::2], lambda a: a[:1].expand(3, 6)):
        views = [view(a) for a in arguments]
        expected = case.function(*(v.contiguous() for v in views))
        assert close(case.function(*views), expected)


@each
def test_scalars_are_losses_too(case: LossCase) -> None:
    arguments = case.arguments()
    assert close(case.function(*arguments), loop(case, arguments, {}))


@each
def test_wrong_shapes_are_refused_by_name(case: LossCase) -> None:
    names = list(inspect.signature(case.function).parameters)[1 : case.arity]
    for wrong in ((4, 1), (1, 4), (), (3,), (4, 4)):
        for position, name in enumerate(names, start=1):
            arguments = [torch.zeros(4) for _ in range(case.arity)]
            arguments[position] = torch.zeros(wrong)
            with pytest.raises(ValueError, match=rf"{name} must have the shape of input") as error:
                case.function(*arguments)
            assert str((4,)) in str(error.value)
            assert str(wrong) in str(error.value)
    arguments = [torch.zeros(4, 3) for _ in range(case.arity)]
    for wrong in ((4,), (2, 4, 3), (4, 2)):
        with pytest.raises(ValueError, match="weight must broadcast"):
            case.function(*arguments, weight=torch.ones(wrong))


@each
def test_wrong_types_are_refused_by_name(case: LossCase) -> None:
    arguments: list[Any] = [torch.zeros(3) for _ in range(case.arity)]
    for position, name in enumerate(list(inspect.signature(case.function).parameters)[: case.arity]):
        wrong = [*arguments[:position], [0.0] * 3, *arguments[position + 1 :]]
        with pytest.raises(TypeError, match=f"{name} must be a torch.Tensor, got list"):
            case.function(*wrong)
        wrong[position] = torch.zeros(3, dtype=torch.complex64)
        with pytest.raises(ValueError, match=f"{name} must be real"):
            case.function(*wrong)
    with pytest.raises(TypeError, match="weight must be a torch.Tensor"):
        case.function(*arguments, weight=[1.0] * 3)


@each
def test_wrong_hyper_parameters_are_refused_by_name(case: LossCase) -> None:
    arguments = case.arguments(3)
    for name, rule in case.function.rules.items():
        for value in rule.refused:
            with pytest.raises(ValueError, match=f"{name} must be") as error:
                case.function(*arguments, **{name: value})
            assert repr(value) in str(error.value)
            with pytest.raises(ValueError, match=f"{name} must be"):
                case.card.module(**{name: value})
    with pytest.raises(ValueError, match="'mean', 'sum', 'none'"):
        case.function(*arguments, reduction="avg")
    hyperparameters = {
        n for n, p in inspect.signature(case.function).parameters.items() if p.kind is p.KEYWORD_ONLY
    }
    assert set(case.function.rules) == hyperparameters - {"weight"}


@each
def test_nothing_is_mutated(case: LossCase) -> None:
    arguments = case.arguments(5)
    weight = torch.tensor([0.0, 1.0, 2.0, 0.0, 1.0])
    before = copy.deepcopy([*arguments, weight])
    case.function(*arguments, weight=weight)
    slopes(case, arguments, weight=weight)
    assert all(torch.equal(a, b) for a, b in zip(before, [*arguments, weight], strict=True))


@each_hyper
def test_module_twin(case: LossCase, hyper: Hyper) -> None:
    arguments = case.arguments(5)
    weight = torch.tensor([0.0, 1.0, 2.0, 0.0, 1.0])
    for reduction in REDUCTIONS:
        module = case.card.module(reduction=reduction, **hyper)
        assert torch.equal(module(*arguments), case.function(*arguments, reduction=reduction, **hyper))
        expected = case.function(*arguments, weight=weight, reduction=reduction, **hyper)
        for twin in (
            module,
            pickle.loads(pickle.dumps(module)),
            copy.deepcopy(module),
            module.to(torch.float64),
        ):
            assert torch.equal(twin(*arguments, weight=weight), expected)
    shown = repr(case.card.module(**hyper))
    assert shown == repr(eval(shown, vars(lossfns) | {"inf": math.inf}))
    for name, value in hyper.items():
        assert f"{name}={value}" in shown
    with pytest.raises(TypeError, match="colour"):
        case.card.module(colour=1)
    constructor = inspect.signature(case.card.module).parameters
    assert list(constructor) == [
        n
        for n, p in inspect.signature(case.function).parameters.items()
        if p.kind is p.KEYWORD_ONLY and n != "weight"
    ]
    assert not list(module.parameters())


@each
def test_compiles_to_one_graph(case: LossCase) -> None:
    arguments = [a.requires_grad_() for a in case.arguments(5)]
    weight = torch.tensor([0.0, 1.0, 2.0, 0.0, 1.0])
    module = case.card.module()
    for f in (case.function, module):
        compiled = torch.compile(f, fullgraph=True, backend="aot_eager")
        assert close(compiled(*arguments, weight=weight), f(*arguments, weight=weight))
        got = torch.autograd.grad(compiled(*arguments), arguments)
        expected = torch.autograd.grad(f(*arguments), arguments)
        assert all(close(a, b) for a, b in zip(got, expected, strict=True))


@each
def test_vmap_and_per_sample_gradients(case: LossCase) -> None:
    arguments = case.arguments(4, 3)
    weight = torch.rand(4, 3)
    rows = torch.stack([case.function(*row, weight=w) for *row, w in zip(*arguments, weight, strict=True)])
    mapped = torch.func.vmap(lambda w, *row: case.function(*row, weight=w))(weight, *arguments)
    assert close(mapped, rows)
    per_row = torch.func.vmap(torch.func.grad(case.function))(*arguments)
    assert close(per_row, slopes(case, arguments, reduction="sum")[0] / 3)


@each
def test_strict_refuses_values_outside_the_domain(case: LossCase) -> None:
    names = list(inspect.signature(case.function).parameters)
    for row in case.outside:
        tensors = [torch.tensor([0.5, v]) for v in row]
        (culprit,) = [n for n, v in zip(names, row, strict=False) if v != 0]
        case.function(*tensors)
        with lossfns.strict(), pytest.raises(ValueError, match=rf"{culprit} must be .* at index \(1,\)"):
            case.function(*tensors)
        with lossfns.strict():
            assert case.function(*tensors, weight=torch.tensor([1, 0])).isfinite()
    arguments = case.arguments(2)
    for bad in (-1.0, math.nan, math.inf):
        with lossfns.strict(), pytest.raises(ValueError, match="weight must be finite and at least 0"):
            case.function(*arguments, weight=torch.tensor([1.0, bad]))
    with lossfns.strict():
        assert close(case.function(*arguments), loop(case, arguments, {}).mean())


@each
def test_docstring_says_what_a_user_needs(case: LossCase) -> None:
    text = inspect.getdoc(case.function) or ""
    for section in (".. math::", "Conventions:", "Shape:", "Raises:", "Source:", "Example:", ">>>"):
        assert section in text, section
    for name in case.function.rules:
        assert f"``{name}" in text or name in ("q", "reduction"), name
    assert case.name in (case.card.module.__doc__ or "")


def test_numpy_numbers_are_hyper_parameters() -> None:
    x, y = torch.tensor([3.0]), torch.tensor([0.0])
    assert lossfns.huber_loss(x, y, delta=np.float32(2.0)) == lossfns.huber_loss(x, y, delta=2.0)
