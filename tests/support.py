"""What many tests use: the cases as parameters, gradients, and weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.cases import CASES, LossCase

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
REDUCTIONS = ("mean", "sum", "none")


def case_id(value: Any) -> str:
    """Names a case, or its hyper-parameters, in the id of a test."""
    if isinstance(value, LossCase | str):
        return str(value)
    if isinstance(value, dict):
        words = {k: v.tolist() if isinstance(v, Tensor) else v for k, v in value.items()}
        return ",".join(f"{k}={v}" for k, v in words.items()).replace(" ", "") or "defaults"
    return ""


each_case = pytest.mark.parametrize("case", CASES, ids=case_id)
each_hyper = pytest.mark.parametrize(
    ("case", "hyper"), [(case, hyper) for case in CASES for hyper in case.all_hypers], ids=case_id
)


VERSION = tuple(int(part) for part in torch.__version__.split(".")[:2])
one_graph_for_many = pytest.mark.skipif(
    VERSION < (2, 7), reason="before torch 2.7 other numbers and sizes make other graphs"
)


wrong_index = pytest.mark.cpu_only("on a GPU an index that is no class ends the process")


def close(a: Tensor, b: Tensor, tol: float = 1e-12) -> bool:
    return bool(torch.allclose(a.to(torch.float64), b.to(torch.float64), rtol=tol, atol=tol))


def leaves(arguments: list[Tensor]) -> list[Tensor]:
    """Copies that gradients reach, where they can."""
    return [a.clone().requires_grad_(a.is_floating_point()) for a in arguments]


def differentiable(arguments: list[Tensor]) -> list[Tensor]:
    return [a for a in arguments if a.requires_grad]


def gradients(loss: Callable[..., Tensor], arguments: list[Tensor], **kwargs: Any) -> list[Tensor]:
    """Of a loss, with respect to all its arguments that have one."""
    copies = leaves(arguments)
    return slopes(loss(*copies, **kwargs), copies)


def slopes(value: Tensor, arguments: list[Tensor], **how: Any) -> list[Tensor]:
    """Of a value, with respect to the arguments that can have one: 0 if it holds one constant."""
    return list(torch.autograd.grad(value, differentiable(arguments), materialize_grads=True, **how))


def gradient(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Of the sum of f's values."""
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(f(leaf).sum(), leaf)[0]


def by_reference(reference: Callable[..., Any], *tensors: Tensor, **hyper: Any) -> Tensor:
    """What the reference of a case makes of one unit, in the functions of torch: gradients pass it."""
    values = reference(torch, *map(_entries, tensors), **hyper)
    return torch.stack([torch.as_tensor(v, dtype=tensors[0].dtype) for v in values])


def _entries(tensor: Tensor) -> Any:
    """Nested lists, of tensors of one number each where it may have a gradient."""
    if not tensor.is_floating_point():
        return tensor.tolist()
    return [_entries(row) for row in tensor] if tensor.ndim else tensor


def row_weight(weight: list[float], shape: tuple[int, ...]) -> Tensor:
    """A weight for each row, ready to broadcast to the shape."""
    return torch.tensor(weight).reshape(-1, *[1] * (len(shape) - 1))
