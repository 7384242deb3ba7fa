"""How a loss function becomes an ``nn.Module``: a class whose fields are the hyper-parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, dataclass_transform

from torch import Tensor, nn

from lossfns._rules import with_own_code_object


@dataclass_transform(kw_only_default=True)
class LossModule(nn.Module):
    """Base of the Modules: hyper-parameters in the constructor, tensors (and ``weight``) in the call.

    A tensor among the hyper-parameters moves with the Module; an ``nn.Parameter`` is one of the Module's.

    >>> import torch, lossfns
    >>> loss = lossfns.HuberLoss(delta=2.0)
    >>> loss
    HuberLoss(delta=2.0, reduction='mean')
    >>> loss(torch.tensor([3.0]), torch.tensor([0.0]))
    tensor(4.)
    """

    function: ClassVar[Callable[..., Tensor]]

    def __init_subclass__(cls, loss: Callable[..., Tensor] | None = None) -> None:
        super().__init_subclass__()
        if loss is None:  # a subclass of a user
            return
        fields = {name: vars(cls).get(name, inspect.Parameter.empty) for name in inspect.get_annotations(cls)}
        rules = loss.rules  # type: ignore[attr-defined]
        hyperparameters = [p for name, p in inspect.signature(loss).parameters.items() if name in rules]
        declared = {p.name: p.default for p in hyperparameters}
        assert fields == declared, f"{cls.__name__} is not {loss.__name__}: {fields}, {declared}"
        for name in fields.keys() & vars(cls).keys():
            delattr(cls, name)  # a buffer must not find an attribute of its name
        cls.function = staticmethod(loss)
        cls.forward = with_own_code_object(LossModule.forward, "forward")  # type: ignore[method-assign]
        cls.__signature__ = inspect.Signature(hyperparameters)  # type: ignore[attr-defined]
        first, _, rest = (loss.__doc__ or "").partition("\n")
        cls.__doc__ = f"{first}\n\n    {cls.__doc__} Called with the same tensors, and ``weight``.\n{rest}"

    def __init__(self, **hyperparameters: Any) -> None:
        super().__init__()
        arguments = inspect.signature(type(self)).bind(**hyperparameters)
        arguments.apply_defaults()
        self._names = tuple(arguments.arguments)
        rules = self.function.rules  # type: ignore[attr-defined]
        for name, value in arguments.arguments.items():
            plain = rules[name](name, value)
            if not isinstance(value, Tensor):
                setattr(self, name, plain)
            elif isinstance(value, nn.Parameter):
                self.register_parameter(name, value)
            elif value.is_leaf:
                self.register_buffer(name, value)
            else:
                raise ValueError(
                    f"{name} must be a Parameter or a tensor without a graph, got the result of one"
                )

    def forward(self, *tensors: Tensor, **named: Tensor | None) -> Tensor:
        """The loss of the tensors, by position or by name."""
        return type(self).function(*tensors, **named, **{name: getattr(self, name) for name in self._names})

    def extra_repr(self) -> str:
        def show(value: Any) -> str:
            return f"tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)

        return ", ".join(f"{name}={show(getattr(self, name))}" for name in self._names)
