"""What the tensors given to a loss may be: type, shape, dtype and, under ``strict()``, values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import torch
from torch import Tensor

from lossfns._eager import has_memory

_DTYPES = (
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint32,
    torch.uint16,
    torch.uint8,
    torch.bool,
)


def is_tensor(**arguments: Any) -> None:
    """Refuse, by name, what is no dense tensor of real numbers, or not on the device of the first."""
    expected = None
    for name, value in arguments.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}")
        if fault := find_fault(value):
            raise ValueError(f"{name} {fault}")
        device = value.device
        if expected is None:
            expected = device
        elif device != expected:
            raise ValueError(f"{name} must be on {expected} as {next(iter(arguments))}, got {device}")


def find_fault(value: Tensor) -> str | None:
    """What is wrong with a tensor that is not dense or not of real numbers."""
    if value.dtype not in _DTYPES:
        kind = "real" if value.dtype.is_complex else "of a dtype that torch computes in"
        return f"must be {kind}, got dtype {value.dtype}"
    if value.layout is not torch.strided or value.is_nested:
        kind = "a nested tensor" if value.is_nested else f"layout {value.layout}"
        return f"must be a dense tensor, got {kind}"
    return None


def same_shape(**arguments: Tensor) -> None:
    """Refuse tensors of different shapes: a loss never broadcasts its arguments against each other."""
    is_tensor(**arguments)
    shape = None
    for name, value in arguments.items():
        if shape is None:
            first, shape = name, value.shape
        elif value.shape != shape:
            raise ValueError(
                f"{name} must have the shape of {first}, {tuple(shape)}, got {tuple(value.shape)}"
            )


def expand_target(input: Tensor, target: Tensor, tail: tuple[int, ...], words: str) -> Tensor:
    """``target``, one number for the last axes of ``input``, in its shape; ``words`` say what those hold."""
    is_tensor(input=input, target=target)
    n = len(tail)
    if input.shape[-n:] != tail:
        shape = ", ".join(map(str, tail))
        raise ValueError(f"input must have shape (…, {shape}), {words}, got {tuple(input.shape)}")
    if target.shape != input.shape[:-n]:
        raise ValueError(
            f"target must have the shape of input without what is predicted for one target, "
            f"{tuple(input.shape[:-n])}, got {tuple(target.shape)}"
        )
    return target[(..., *[None] * n)].expand(input.shape)


def check_matrices(**arguments: Tensor) -> None:
    """Refuse what is not a stack of embeddings, (N, D), or differs from the first in D."""
    is_tensor(**arguments)
    (first, reference), *_ = arguments.items()
    for name, value in arguments.items():
        if value.ndim != 2:
            raise ValueError(f"{name} must have two dimensions, (N, D), got {tuple(value.shape)}")
        if value.shape[1] != reference.shape[1]:
            raise ValueError(
                f"{name} must have as many columns as {first}, {reference.shape[1]}, got {tuple(value.shape)}"
            )


def check_labels(name: str, value: Tensor, like: Tensor, words: str) -> None:
    """Refuse class indices that are not one integer for each row of ``like``, on its device."""
    is_tensor(**{name: value})
    check_device(name, value, like, words)
    if value.shape != (len(like),):
        raise ValueError(f"{name} must have shape ({len(like)},), one index a row, got {tuple(value.shape)}")
    check_integer(name, value)


def check_integer(name: str, value: Tensor) -> None:
    """Refuse class indices of a dtype that is no integer."""
    if value.is_floating_point() or value.dtype == torch.bool:
        raise ValueError(f"{name} must have an integer dtype to hold class indices, got {value.dtype}")


def promote(*arguments: Tensor) -> tuple[Tensor, ...]:
    """The arguments in the dtype that the loss computes in: what they promote to, at least float32."""
    dtypes = {argument.dtype for argument in arguments}
    if dtypes <= {torch.float32}:
        return arguments
    dtype = torch.float32
    for other in dtypes:
        if other.is_floating_point:
            dtype = torch.promote_types(dtype, other)
    return tuple(argument if argument.dtype is dtype else argument.to(dtype) for argument in arguments)


def expand_non_negative(name: str, value: Any, like: Tensor, words: str, hint: str = "") -> Tensor:
    """``value`` in the dtype and shape of ``like``, which it must broadcast to, finite and at least 0."""
    expand(name, value, like, words, hint)
    value = value.to(promote(like)[0].dtype).expand(like.shape)
    finite_non_negative(name, value)
    return cast("Tensor", value)


def expand(name: str, value: Any, like: Tensor, words: str, hint: str = "") -> Tensor:
    """``value`` in the shape of ``like``, which it must broadcast to."""
    is_tensor(**{name: value})
    check_device(name, value, like, words)
    shape, n = tuple(value.shape), value.ndim
    if n > like.ndim or any(a not in (1, b) for a, b in zip(shape, like.shape[like.ndim - n :], strict=True)):
        raise ValueError(
            f"{name} must broadcast to the shape of {words}, {tuple(like.shape)}, got {shape}{hint}"
        )
    return cast("Tensor", value.expand(like.shape))


def expand_in_one_way(name: str, value: Any, like: Tensor, words: str) -> Tensor:
    """``value`` in the shape of ``like``; refused where it would fit that along other axes, too."""
    expanded = expand(name, value, like, words)
    shape = tuple(value.shape)
    if value.numel() > 1 and value.ndim < like.ndim and shape == like.shape[: value.ndim]:
        raise ValueError(
            f"{name} must fit {words} in one way, got {shape}, which are the first axes of "
            f"{tuple(like.shape)} and its last: add the axes of length 1"
        )
    return expanded


def expand_scale(name: str, value: Tensor, input: Tensor) -> Tensor:
    """The logarithm of a variance or scale, one for each element or one for several, in the shape of all."""
    is_tensor(input=input)
    return expand_in_one_way(name, value, input, "input")


def check_device(name: str, value: Tensor, like: Tensor, words: str) -> None:
    """Refuse a tensor on another device."""
    if value.device != like.device:
        raise ValueError(f"{name} must be on {like.device} as {words}, got {value.device}")


def check_scalar(name: str, value: float | Tensor, domain: Domain, like: Tensor) -> float | Tensor:
    """A hyper-parameter that may be a tensor: on the device of the others, or, as in torch, on the CPU."""
    if isinstance(value, Tensor):
        if value.device.type != "cpu":
            check_device(name, value, like, "the other tensors")
        domain(name, value)
    return value


_strict: ContextVar[bool] = ContextVar("strict", default=False)


@contextmanager
def strict() -> Iterator[None]:
    """Check values too: NaN and inf in the inputs, targets outside a loss's domain, negative weights.

    Value checks read every tensor (on a GPU: they wait for it), so the losses skip them unless they are
    called inside this context, which is that of the thread or coroutine that entered it. What has weight 0
    is deleted, and therefore not checked. The checks are for eager mode; ``torch.compile`` and
    ``torch.func`` transforms cannot raise on a value.

    >>> import torch, lossfns
    >>> with lossfns.strict():
    ...     try:
    ...         lossfns.mse_loss(torch.tensor([float("nan")]), torch.tensor([0.0]))
    ...     except ValueError as error:
    ...         print(error)
    input must be finite, got nan at index (0,)
    """
    before = _strict.get()
    _strict.set(True)
    try:
        yield
    finally:
        _strict.set(before)


def is_strict() -> bool:
    """Whether values are checked here; never where a graph is being compiled."""
    return not torch.compiler.is_compiling() and _strict.get()


class Domain:
    """The values a tensor may hold: an element-wise test and the words for it. Checked under ``strict()``."""

    def __init__(self, holds: Callable[[Tensor], Tensor], words: str) -> None:
        self.holds = holds
        self.words = words

    def __call__(self, name: str, value: Tensor, weight: Tensor | None = None) -> None:
        """Check ``value``, but not what has weight 0; axes that only the value has are its last ones."""
        if not is_strict() or value.is_meta or not has_memory(value):
            return
        bad = ~self.holds(value)
        if weight is not None:
            bad = bad & (weight != 0).reshape(weight.shape + (1,) * (value.ndim - weight.ndim))
        if bool(bad.any()):
            index = tuple(bad.nonzero()[0].tolist())
            raise ValueError(f"{name} must be {self.words}, got {value[index].item():g} at index {index}")


finite = Domain(torch.isfinite, "finite")
above_minus_one = Domain(lambda v: v.isfinite() & (v > -1), "finite and above -1")
finite_non_negative = Domain(lambda v: v.isfinite() & (v >= 0), "finite and at least 0")
probability = Domain(lambda v: (v >= 0) & (v <= 1), "from 0 to 1")
below_infinity = Domain(lambda v: v < torch.inf, "below inf and not NaN")
positive = Domain(lambda v: v.isfinite() & (v > 0), "positive and finite")


def index_below(classes: int) -> Domain:
    """The indices of so many classes."""
    return Domain(lambda v: (v >= 0) & (v < classes), f"an index from 0 to {classes - 1}")
