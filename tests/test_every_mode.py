"""Every loss where operations are recorded, faked or sent elsewhere: nothing is taken from the values seen.

What is recorded with hard labels and full weights is run with soft labels and weights of 0.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Literal

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from tests.cases import CASES, Hyper, LossCase
from tests.support import (
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


@each_hyper
@pytest.mark.usefixtures("size")
def test_the_device_is_that_of_the_arguments(case: LossCase, hyper: Hyper) -> None:
    """Whatever the default device is."""
    shape = case.layout.batch_shape(6)
    arguments, weight = case.arguments(*shape), row_weight([1.0, 0.0, 2.0, 1.0, 1.0, 0.5], shape)

    def results() -> list[Tensor]:
        found = []
        for kwargs in ({}, {"weight": weight}):
            found += [case(*arguments, **kwargs, **hyper), *gradients(case, arguments, **kwargs, **hyper)]
            found += [case(*arguments, reduction="none", **kwargs, **hyper)]
        return found

    expected = results()
    with torch.device("meta"):
        got = results()
    assert all(value.device == arguments[0].device for value in got)
    assert all(close(a, b) for a, b in zip(got, expected, strict=True))


@each_hyper
def test_fake_tensors_have_shape_and_dtype(case: LossCase, hyper: Hyper) -> None:
    shape = case.layout.batch_shape(6)
    given = [*case.arguments(*shape), torch.ones(shape)]
    with FakeTensorMode() as mode:
        arguments: list[Tensor] = [mode.from_tensor(a) for a in given]
        weight = arguments.pop()
        hyper = {n: mode.from_tensor(v) if isinstance(v, Tensor) else v for n, v in hyper.items()}
        for kwargs in ({}, {"weight": weight}):
            unreduced = case(*arguments, reduction="none", **kwargs, **hyper)
            assert (unreduced.shape, unreduced.dtype) == (shape, torch.float64)
            copies = leaves(arguments)
            value = case(*copies, **kwargs, **hyper)
            assert (value.shape, value.dtype) == ((), torch.float64)
            for leaf, grad in zip(differentiable(copies), slopes(value, copies), strict=True):
                assert (grad.shape, grad.dtype) == (leaf.shape, leaf.dtype)


def two_kinds(case: LossCase) -> tuple[list[Tensor], list[Tensor]]:
    """Weight and arguments to trace with, hard labels, and others to run with, soft ones."""
    shape = case.layout.batch_shape(6)
    first, *rest = case.arguments(*shape)
    hard = [torch.ones(shape, dtype=torch.float64), first, *(a.round() for a in rest)]
    some = row_weight([1.0, 0.0, 2.0, 1.0, 0.0, 0.5], shape).double().expand(shape)
    return hard, [some, *case.arguments(*shape, seed=8)]


def as_function(case: LossCase, hyper: Hyper) -> tuple[Callable[..., Tensor], list[Tensor]]:
    """The loss as a function of weight, arguments and tensors among the hyper-parameters; these tensors."""
    names = [n for n, v in hyper.items() if isinstance(v, Tensor)]

    def loss(weight: Tensor, *tensors: Tensor) -> Tensor:
        arguments, more = tensors[: case.arity], dict(zip(names, tensors[case.arity :], strict=True))
        return case(*arguments, weight=weight, **{**hyper, **more})

    return loss, [hyper[n] for n in names]


@pytest.mark.parametrize(
    ("case", "hyper", "mode"),
    [(case, hyper, "real") for case in CASES for hyper in case.all_hypers]
    + [(case, case.all_hypers[-1], "fake") for case in CASES],
    ids=case_id,
)
def test_a_graph_is_right_on_other_inputs(
    case: LossCase, hyper: Hyper, mode: Literal["real", "fake"], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "tracebacklimit", 0, raising=False)  # torch keeps a stack for each operation
    (loss, more), (hard, soft) = as_function(case, hyper), two_kinds(case)

    def value_and_gradients(*tensors: Tensor) -> list[Tensor]:
        copies = leaves([t.detach() for t in tensors])
        value = loss(*copies)
        return [value, *slopes(value, copies[1 : 1 + case.arity])]

    graph = make_fx(value_and_gradients, tracing_mode=mode)(*hard, *more)
    for got, expected in zip(graph(*soft, *more), value_and_gradients(*soft, *more), strict=True):
        assert close(got, expected)


@each_case
def test_a_torchscript_trace_is_right_on_other_inputs(case: LossCase) -> None:
    """It computes with numbers of the hyper-parameters in float32."""
    hard, soft = two_kinds(case)
    for hyper in case.all_hypers:
        loss, more = as_function(case, hyper)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that shapes become constants
            trace = torch.jit.trace(loss, (*hard, *more), check_trace=False)
        assert close(trace(*soft, *more), loss(*soft, *more), 1e-6)
