"""How a loss function becomes an ``nn.Module``: one small factory, the same for every loss."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn

from lossfns._check import own_code


class LossModule(nn.Module):
    """Base of the Module twins: hyper-parameters in the constructor, tensors (and ``weight``) in the call."""

    function: ClassVar[Callable[..., Tensor]]

    def __init__(self, **hyperparameters: Any) -> None:
        super().__init__()
        arguments = inspect.signature(type(self)).bind(**hyperparameters)
        arguments.apply_defaults()
        self._names = tuple(arguments.arguments)
        rules = self.function.rules  # type: ignore[attr-defined]
        for name, value in arguments.arguments.items():
            rules[name](name, value)
            if isinstance(value, Tensor):
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def forward(self, *tensors: Tensor, weight: Tensor | None = None) -> Tensor:
        hyperparameters = {name: getattr(self, name) for name in self._names}
        if weight is not None:
            hyperparameters["weight"] = weight
        return type(self).function(*tensors, **hyperparameters)

    def extra_repr(self) -> str:
        def show(value: Any) -> str:
            return f"tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)

        return ", ".join(f"{name}={show(getattr(self, name))}" for name in self._names)


def module(name: str, function: Callable[..., Tensor]) -> type[LossModule]:
    """The Module twin of a loss: its keyword-only parameters but ``weight`` become the constructor's.

    >>> import torch, lossfns
    >>> loss = lossfns.HuberLoss(delta=2.0)
    >>> loss
    HuberLoss(delta=2.0, reduction='mean')
    >>> loss(torch.tensor([3.0]), torch.tensor([0.0]))
    tensor(4.)
    """
    parameters = inspect.signature(function).parameters.values()
    hyperparameters = [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "weight"]
    first_line = (function.__doc__ or "").split("\n")[0]
    return type(
        name,
        (LossModule,),
        {
            "function": staticmethod(function),
            "forward": own_code(LossModule.forward, "forward"),
            "__module__": function.__module__,
            "__qualname__": name,
            "__signature__": inspect.Signature(hyperparameters),
            "__doc__": f"{first_line}\n\nThe ``torch.nn.Module`` twin of "
            f":func:`lossfns.{function.__name__}`; called with the same tensors, and ``weight``.",
        },
    )
