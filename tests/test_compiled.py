"""Every loss under torch.compile: one graph, whatever the batch and the numbers it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.backends.debugging import boxed_nop

import lossfns
from tests.cases import CASES, Hyper, LossCase
from tests.support import case_id, close, each_case, leaves, one_graph_for_many, row_weight, slopes


def aot_eager() -> Callable[..., Any]:
    """The backend of that name, anew: torch 2.4 wraps the one that all share once more at every use."""
    backend: Callable[..., Any] = aot_autograd(fw_compiler=boxed_nop)
    return backend


class Counted:
    """A compiled function that must be one graph, and how many graphs became of it."""

    def __init__(self, f: Callable[..., Any], **options: Any) -> None:
        torch._dynamo.reset()  # graphs of other tests count towards the limit of a function
        self.graphs = 0
        self.compiled = torch.compile(f, fullgraph=True, backend=self._count, **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.compiled(*args, **kwargs)

    def _count(self, graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        self.graphs += 1
        return graph.forward


@each_case
def test_compiles_to_one_graph(case: LossCase) -> None:
    """With a weight and without, with hyper-parameters and without; the Module's graph is the function's."""
    torch._dynamo.reset()
    hyper = case.all_hypers[-1]
    shape = case.layout.batch_shape(5)
    arguments = leaves(case.arguments(*shape))
    weight = row_weight([0.0, 1.0, 2.0, 0.0, 1.0], shape)
    ways: list[tuple[Callable[..., Tensor], str | Callable[..., Any], Hyper]] = [
        (case.function, aot_eager(), {"weight": weight, **hyper}),
        (case.function, aot_eager(), case.required),
        (case.module(**hyper), "eager", {}),
        (case.module(), "eager", {"weight": weight}),
    ]
    for f, backend, kwargs in ways:
        compiled = torch.compile(f, fullgraph=True, backend=backend)
        value, plain = (case.call(g, *arguments, **kwargs) for g in (compiled, f))
        assert close(value, plain)
        assert all(map(close, slopes(value, arguments), slopes(plain, arguments)))


@one_graph_for_many
@each_case
def test_one_graph_serves_every_batch(case: LossCase) -> None:
    """Under strict(), too, which checks nothing there."""
    compiled = Counted(case.function, dynamic=True)
    for n in (5, 7, 11):
        arguments = case.arguments(*case.layout.batch_shape(n))
        with lossfns.strict():
            assert close(case.call(compiled, *arguments, **case.required), case(*arguments, **case.required))
    assert compiled.graphs == 1


def numbers(case: LossCase) -> list[str]:
    """The hyper-parameters that may be any number of some range."""
    return [name for name, rule in case.rules.items() if sum(map(rule.holds, VALUES)) >= 5]


VALUES = [sign * (0.31 + i / 20) for sign in (1.0, -1.0) for i in range(10)]
FIRST_OF_ITS_NAME = list({case.name: case for case in reversed(CASES)}.values())


@one_graph_for_many
@pytest.mark.parametrize(
    ("case", "name"), [(case, name) for case in FIRST_OF_ITS_NAME for name in numbers(case)], ids=case_id
)
def test_one_graph_serves_a_number_that_changes_at_every_step(case: LossCase, name: str) -> None:
    """As where it is annealed: there is one for each case of a formula (α < 0, say), not for each number."""
    arguments = case.arguments(*case.layout.batch_shape(5))
    compiled = Counted(case.function, dynamic=True)
    for value in filter(case.rules[name].holds, VALUES):
        kwargs = {**case.required, name: value}
        got, expected = (case.call(f, *arguments, **kwargs) for f in (compiled, case.function))
        assert close(got, expected)
    assert compiled.graphs <= 3
