"""What every loss refuses, in one place: hyper-parameters, shapes, dtypes and, under ``strict()``, values."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Real
from types import FunctionType
from typing import Any, ParamSpec, TypeVar, cast

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")

REDUCTIONS = ("mean", "sum", "none")


@dataclass(frozen=True)
class Rule:
    """The values a hyper-parameter may take: a test, the words for it, and examples of what it refuses."""

    holds: Callable[[Any], bool]
    words: str
    refused: tuple[Any, ...]

    def __call__(self, name: str, value: Any) -> None:
        if not self.holds(value):
            raise ValueError(f"{name} must be {self.words}, got {value!r}")


def is_number(value: Any) -> bool:
    """Whether ``value`` is a real number other than NaN (tensors and bools are not)."""
    return isinstance(value, Real) and not isinstance(value, bool) and value == value


def _number(test: Callable[[float], bool]) -> Callable[[Any], bool]:
    return lambda value: is_number(value) and test(value)


_NOT_NUMBERS = (math.nan, "1", None, True)
positive = Rule(
    _number(lambda v: 0 < v < math.inf),
    "a positive finite number",
    refused=(0.0, -1.0, math.inf, *_NOT_NUMBERS),
)
non_negative = Rule(
    _number(lambda v: 0 <= v < math.inf),
    "a non-negative finite number",
    refused=(-1e-9, math.inf, *_NOT_NUMBERS),
)
fraction = Rule(
    _number(lambda v: 0 < v < 1), "a number strictly between 0 and 1", refused=(0.0, 1.0, -0.5, *_NOT_NUMBERS)
)
zero_to_one = Rule(
    _number(lambda v: 0 <= v <= 1), "a number from 0 to 1", refused=(-0.1, 1.1, math.inf, *_NOT_NUMBERS)
)
below_one = Rule(
    _number(lambda v: 0 <= v < 1), "a number from 0 up to, but not, 1", refused=(-0.1, 1.0, *_NOT_NUMBERS)
)
extended = Rule(is_number, "a real number, inf and -inf included", refused=_NOT_NUMBERS)
finite_number = Rule(
    _number(lambda v: abs(v) < math.inf), "a finite number", refused=(math.inf, -math.inf, *_NOT_NUMBERS)
)
flag = Rule(lambda v: isinstance(v, bool), "True or False", refused=(1, 0, "yes", None))


def or_tensor(rule: Rule) -> Rule:
    """A hyper-parameter that may also be a tensor of one number, so that it can be learned."""
    return Rule(
        lambda v: (isinstance(v, Tensor) and v.ndim == 0) or rule.holds(v),
        f"{rule.words}, or a tensor of shape ()",
        refused=rule.refused,
    )


def one_of(*choices: str) -> Rule:
    """A hyper-parameter that is one of a few words."""
    words = "one of " + ", ".join(repr(choice) for choice in choices)
    return Rule(lambda v: isinstance(v, str) and v in choices, words, refused=("avg", "", None, 1))


def own_code(function: Callable[P, R], name: str) -> Callable[P, R]:
    """A copy of a Python function with a code object of its own.

    ``torch.compile`` counts its graphs, 8 at most, by code object: losses that share one would use up each
    other's.
    """
    assert isinstance(function, FunctionType)
    code = function.__code__.replace(co_name=name)
    copy = FunctionType(code, function.__globals__, name, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return cast("Callable[P, R]", functools.update_wrapper(copy, function))


def checked(**rules: Rule) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Hold the keyword-only hyper-parameters of a loss (and its ``reduction``) to their rules.

    The rules stay readable as ``loss.rules``: the Module twin applies them when it is built, the tests
    feed each one what it refuses.
    """

    def decorate(loss: Callable[P, R]) -> Callable[P, R]:
        if "reduction" in inspect.signature(loss).parameters:
            rules["reduction"] = one_of(*REDUCTIONS)

        @functools.wraps(loss)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            for name, value in kwargs.items():
                if name in rules:
                    rules[name](name, value)
            return loss(*args, **kwargs)

        wrapper.rules = rules  # type: ignore[attr-defined]
        return own_code(wrapper, loss.__name__)

    return decorate


def is_tensor(**arguments: Any) -> None:
    """Refuse what is not a real tensor, by name."""
    for name, value in arguments.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}")
        if value.is_complex():
            raise ValueError(f"{name} must be real, got dtype {value.dtype}")


def same_shape(**arguments: Tensor) -> None:
    """Refuse tensors of different shapes: a loss never broadcasts its arguments against each other."""
    is_tensor(**arguments)
    (first, reference), *others = arguments.items()
    for name, value in others:
        if value.shape != reference.shape:
            raise ValueError(
                f"{name} must have the shape of {first}, {tuple(reference.shape)}, got {tuple(value.shape)}"
            )


def matrices(**arguments: Tensor) -> None:
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


def labels(rows: int, **arguments: Tensor) -> None:
    """Refuse class indices that are not one integer for each of the rows."""
    is_tensor(**arguments)
    for name, value in arguments.items():
        if value.shape != (rows,):
            raise ValueError(f"{name} must have shape ({rows},), one index a row, got {tuple(value.shape)}")
        if value.is_floating_point() or value.dtype is torch.bool:
            raise ValueError(f"{name} must have an integer dtype, got {value.dtype}")


def floating(*arguments: Tensor) -> tuple[Tensor, ...]:
    """The arguments in the dtype that the loss computes in: what they promote to, at least float32."""
    dtype = torch.float32
    for argument in arguments:
        if argument.is_floating_point():
            dtype = torch.promote_types(dtype, argument.dtype)
    return tuple(argument if argument.dtype is dtype else argument.to(dtype) for argument in arguments)


def expanded(name: str, value: Any, like: Tensor, words: str) -> Tensor:
    """``value`` in the dtype and shape of ``like``, which it must broadcast to, finite and at least 0."""
    is_tensor(**{name: value})
    try:
        value = value.to(floating(like)[0].dtype).expand(like.shape)
    except RuntimeError:
        raise ValueError(
            f"{name} must broadcast to the shape of {words}, {tuple(like.shape)}, got {tuple(value.shape)}"
        ) from None
    finite_non_negative(name, value)
    return cast("Tensor", value)


_strict = False


@contextmanager
def strict() -> Iterator[None]:
    """Check values too: NaN and inf in the inputs, targets outside a loss's domain, negative weights.

    Value checks read every tensor (on a GPU: they wait for it), so the losses skip them unless they are
    called inside this context. What has weight 0 is deleted, and therefore not checked. The checks are for
    eager mode; ``torch.compile`` and ``torch.func`` transforms cannot raise on a value.

    >>> import torch, lossfns
    >>> with lossfns.strict():
    ...     try:
    ...         lossfns.mse_loss(torch.tensor([float("nan")]), torch.tensor([0.0]))
    ...     except ValueError as error:
    ...         print(error)
    input must be finite, got nan at index (0,)
    """
    global _strict
    before, _strict = _strict, True
    try:
        yield
    finally:
        _strict = before


@dataclass(frozen=True)
class Domain:
    """The values a tensor may hold: an element-wise test and the words for it. Checked under ``strict()``."""

    holds: Callable[[Tensor], Tensor]
    words: str

    def __call__(self, name: str, value: Tensor, weight: Tensor | None = None) -> None:
        """Check ``value``, but not what has weight 0; axes that only the value has are its last ones."""
        if not _strict:
            return
        bad = ~self.holds(value)
        if weight is not None:
            bad = bad & (weight != 0).reshape(*weight.shape, *[1] * (value.ndim - weight.ndim))
        if bool(bad.any()):
            index = tuple(bad.nonzero()[0].tolist())
            raise ValueError(f"{name} must be {self.words}, got {value[index].item():g} at index {index}")


finite = Domain(torch.isfinite, "finite")
above_minus_one = Domain(lambda v: v.isfinite() & (v > -1), "finite and above -1")
finite_non_negative = Domain(lambda v: v.isfinite() & (v >= 0), "finite and at least 0")
probability = Domain(lambda v: (v >= 0) & (v <= 1), "from 0 to 1")
below_infinity = Domain(lambda v: v < torch.inf, "below inf and not NaN")
positive_tensor = Domain(lambda v: v.isfinite() & (v > 0), "positive and finite")


def index_below(classes: int) -> Domain:
    """The indices of so many classes."""
    return Domain(lambda v: (v >= 0) & (v < classes), f"an index from 0 to {classes - 1}")
