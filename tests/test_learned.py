"""Hyper-parameters that may be tensors of one number are learned: by the function and by its Module."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.cases import CASES, LossCase
from tests.support import leaves

LEARNED = [
    (case, name)
    for case in CASES
    for name, rule in case.rules.items()
    if rule.words.endswith("or a tensor of one number")
]
each_learned = pytest.mark.parametrize(("case", "name"), LEARNED, ids=[f"{c}-{n}" for c, n in LEARNED])
each_shape = pytest.mark.parametrize("shape", [(), (1,), (1, 1)], ids=str)


def arguments(case: LossCase, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    return case.arguments(*case.layout.batch_shape(6), dtype=dtype)


def value_of(case: LossCase, name: str) -> float:
    """Near the default, but no number that is special."""
    return float(0.9 * case.card.hyperparameters[name][0])


def test_they_are_these() -> None:
    names = {(case.name, name) for case, name in LEARNED}
    assert names >= {
        ("info_nce_loss", "temperature"),
        ("nt_xent_loss", "temperature"),
        ("supcon_loss", "temperature"),
        ("siglip_loss", "logit_scale"),
        ("siglip_loss", "logit_bias"),
    }


@each_learned
@each_shape
def test_the_loss_of_a_tensor_is_that_of_its_number(case: LossCase, name: str, shape: Any) -> None:
    number = value_of(case, name)
    tensor = torch.full(shape, number, dtype=torch.float64).requires_grad_()
    data = arguments(case)
    for reduction in ("mean", "sum", "none"):
        expected = case(*data, reduction=reduction, **{name: number})
        torch.testing.assert_close(case(*data, reduction=reduction, **{name: tensor}).detach(), expected)

    def f(tensor: Tensor) -> Tensor:
        return case(*data, **{name: tensor})

    assert torch.autograd.gradcheck(f, tensor)
    assert torch.autograd.gradgradcheck(f, tensor)
    assert torch.autograd.grad(f(tensor), tensor)[0].shape == shape


@each_learned
@each_shape
def test_a_parameter_of_the_module_learns(case: LossCase, name: str, shape: Any) -> None:
    """And moves, is copied, pickled and loaded as those of any Module."""
    number = value_of(case, name)
    module = case.module(**{name: nn.Parameter(torch.full(shape, number))})
    assert [n for n, _ in module.named_parameters()] == list(module.state_dict()) == [name]
    assert not list(module.buffers())
    data = arguments(case, torch.float32)
    saved = io.BytesIO()
    torch.save(module.state_dict(), saved)
    loaded = case.module(**{name: nn.Parameter(torch.zeros(shape))})
    loaded.load_state_dict(torch.load(io.BytesIO(saved.getvalue())))
    for twin in (
        copy.deepcopy(module),
        pickle.loads(pickle.dumps(module)),
        loaded,
        copy.deepcopy(module).double(),
        nn.Sequential(module)[0],
    ):
        (parameter,) = twin.parameters()
        assert isinstance(parameter, nn.Parameter)
        assert parameter.is_leaf
        assert parameter.shape == shape
        before, start = parameter.item(), case.call(twin, *data)
        start.backward()
        assert parameter.grad is not None
        step = 1e-3 / parameter.grad.abs().item()
        torch.optim.SGD(twin.parameters(), lr=step).step()
        assert parameter.item() != before
        assert case.call(twin, *data) < start
    assert getattr(module.to("meta"), name).is_meta


@each_learned
def test_a_tensor_that_is_no_parameter_moves_but_does_not_learn(case: LossCase, name: str) -> None:
    module = case.module(**{name: torch.tensor(value_of(case, name))})
    assert not list(module.parameters())
    assert list(module.state_dict()) == [name]
    assert getattr(copy.deepcopy(module).double(), name).dtype is torch.float64
    assert not case.call(module, *arguments(case)).requires_grad


@each_learned
def test_what_cannot_be_held_is_refused_by_name(case: LossCase, name: str) -> None:
    data, number = arguments(case), torch.tensor(value_of(case, name))
    with pytest.raises(ValueError, match=f"^{name} must be a Parameter or a tensor without a graph"):
        case.module(**{name: nn.Parameter(number) * 1})
    for wrong in (torch.ones(2), torch.ones(0), nn.Parameter(torch.ones(3, 1))):
        with pytest.raises(ValueError, match=f"^{name} must be "):
            case.module(**{name: wrong})
        with pytest.raises(ValueError, match=f"^{name} must be "):
            case(*data, **{name: wrong})
    for odd in (number + 0j, number.to_sparse()):
        with pytest.raises(ValueError, match=f"^{name} must be "):
            case(*data, **{name: odd})
    assert case(*leaves(data), **{name: number}).requires_grad
