"""How a loss function becomes an ``nn.Module``: a class whose fields are the hyper-parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

from torch import Tensor, nn

from lossfns._rules import unknown_argument, with_own_code_object

_REQUIRED = inspect.Parameter.empty


def _no_loss(*tensors: Tensor, **named: Any) -> Tensor:
    raise NotImplementedError("a Module needs a loss, class MyLoss(LossModule, loss=my_loss), or a forward")


@dataclass_transform(kw_only_default=True)
class LossModule(nn.Module):
    """Base of the Modules: hyper-parameters in the constructor, tensors (and ``weight``) in the call.

    A class is made from a function by declaring the hyper-parameters as fields, with the defaults that they
    have there: ``class MyLoss(LossModule, loss=my_loss)`` with the field ``scale: float = 1.0`` calls
    ``my_loss(*tensors, scale=…)``. A subclass of such a class may change defaults and add fields of its own,
    which it looks at in its ``forward``.

    A hyper-parameter may be set anew at any time. A tensor moves with the Module and is saved with it, as a
    buffer; an ``nn.Parameter`` is one of the Module's parameters.

    >>> import torch, lossfns
    >>> loss = lossfns.HuberLoss(delta=2.0)
    >>> loss
    HuberLoss(delta=2.0, reduction='mean')
    >>> loss(torch.tensor([3.0]), torch.tensor([0.0]))
    tensor(4.)
    >>> loss.delta = 1.0
    >>> loss(input=torch.tensor([3.0]), target=torch.tensor([0.0]))
    tensor(2.5000)
    """

    function: ClassVar[Callable[..., Tensor]] = staticmethod(_no_loss)
    _of_function: ClassVar[tuple[str, ...]] = ()
    _fields: ClassVar[dict[str, inspect.Parameter]] = {}

    if TYPE_CHECKING:

        def __call__(self, *tensors: Tensor, **named: Tensor | None) -> Tensor: ...

    def __init_subclass__(cls, loss: Callable[..., Tensor] | None = None) -> None:
        super().__init_subclass__()
        fields = _declared_fields(cls)
        for name in fields.keys() & vars(cls).keys():
            delattr(cls, name)  # a buffer must not find an attribute of its name
        if loss is not None:
            _check_fields(cls.__name__, fields, loss)
            cls.function = staticmethod(loss)
            cls.forward = with_own_code_object(LossModule.forward, "forward")  # type: ignore[method-assign]
            cls.__doc__ = _describe(cls.__doc__, loss)
            cls._of_function = tuple(fields)
        cls._fields = {**cls._fields, **fields}
        own_constructor = "__init__" in vars(cls)
        signature = None if own_constructor else inspect.Signature(list(cls._fields.values()))
        cls.__signature__ = signature  # type: ignore[attr-defined]

    def __init__(self, *positional: Any, **hyperparameters: Any) -> None:
        super().__init__()
        if positional or hyperparameters.keys() - self._fields.keys():
            raise TypeError(self._misfit(positional, hyperparameters))
        for name, field in self._fields.items():
            value = hyperparameters.get(name, field.default)
            if value is _REQUIRED:
                raise TypeError(f"{type(self).__name__} needs {name}")
            setattr(self, name, value)

    def _misfit(self, positional: tuple[Any, ...], hyperparameters: dict[str, Any]) -> str:
        """What is wrong with the arguments of the constructor."""
        cls = type(self).__name__
        if positional:
            return f"{cls} takes {', '.join(self._fields)} by name, and tensors when it is called"
        name = next(n for n in hyperparameters if n not in self._fields)
        if name in inspect.signature(self.function).parameters:
            meant = "; weights of the classes are class_weight" if "class_weight" in self._fields else ""
            return f"{cls} takes {name} when it is called{meant if name == 'weight' else ''}"
        return unknown_argument(cls, name, list(self._fields))

    def __setattr__(self, name: str, value: Tensor | nn.Module) -> None:
        if name not in self._fields or hasattr(type(self), name):  # the latter a property
            super().__setattr__(name, value)
            return
        rule = getattr(self.function, "rules", {}).get(name)
        plain = value if rule is None else rule(name, value)
        if isinstance(value, Tensor) and not value.is_leaf:
            raise ValueError(f"{name} must be a Parameter or a tensor without a graph, got the result of one")
        for store in (vars(self), self._parameters, self._buffers):
            store.pop(name, None)
        if isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
            self.register_buffer(name, value)
        else:
            super().__setattr__(name, value if isinstance(value, Tensor) else plain)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> LossModule:
        """Move and convert, but keep counts and weights from half precision, which has no 100 000."""
        before = {name: buffer for name, buffer in self._buffers.items() if buffer is not None}
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, buffer in before.items():
            moved = self._buffers[name]
            if moved is not None and moved.is_floating_point() and moved.dtype.itemsize < 4:
                self._buffers[name] = buffer.to(moved.device)
        return self

    def forward(self, *tensors: Tensor, **named: Tensor | None) -> Tensor:
        """The loss of the tensors, by position or by name."""
        hyperparameters = {name: getattr(self, name) for name in self._of_function}
        return type(self).function(*tensors, **named, **hyperparameters)

    def extra_repr(self) -> str:
        def show(value: Any) -> str:
            return f"tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)

        return ", ".join(f"{name}={show(getattr(self, name))}" for name in self._fields)


def _declared_fields(cls: type[LossModule]) -> dict[str, inspect.Parameter]:
    """The fields that a class adds, or whose default it changes.

    The annotations of a class with a constructor of its own are none.
    """
    own = vars(cls)
    kinds = {name: field.annotation for name, field in cls._fields.items() if name in own}
    if "__init__" not in own:
        kinds |= {n: kind for n, kind in inspect.get_annotations(cls).items() if "ClassVar" not in str(kind)}
    return {
        name: inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=own.get(name, _REQUIRED), annotation=kind
        )
        for name, kind in kinds.items()
        if not isinstance(own.get(name), property)
    }


def _check_fields(cls: str, fields: dict[str, inspect.Parameter], loss: Callable[..., Tensor]) -> None:
    """Refuse fields that are no arguments of the loss, or have another default there, or that are missing."""
    arguments = inspect.signature(loss).parameters
    for name, field in fields.items():
        if name not in arguments:
            raise TypeError(f"{cls}: {unknown_argument(loss.__name__, name, list(arguments))}")
        default = arguments[name].default
        if field.default is not default and field.default != default:
            raise TypeError(f"{cls}.{name} must have the default that {loss.__name__} has")
    for name in getattr(loss, "rules", {}):
        if name not in fields:
            raise TypeError(f"{cls} needs the field {name} of {loss.__name__}")


def _describe(own: str | None, loss: Callable[..., Tensor]) -> str:
    """The docstring of the function with that of the Module after its first line."""
    first, _, rest = (inspect.getdoc(loss) or "").partition("\n")
    own = inspect.cleandoc(own or f"The Module of ``{loss.__name__}``.")
    return (
        f"{first}\n\n{own} Its call takes what is no hyper-parameter, by position or by name.\n{rest}".strip()
    )
