"""What the hyper-parameters of a loss may be."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from difflib import get_close_matches
from numbers import Integral, Real
from types import FunctionType
from typing import Any, Literal, ParamSpec, TypeVar, cast, get_args

from torch import Tensor

from lossfns._check import find_fault

P = ParamSpec("P")
R = TypeVar("R")

Reduction = Literal["mean", "sum", "none"]


class Rule:
    """The values a hyper-parameter may take: a test, the words for it, and what a loss is to work with.

    ``plain`` turns what is admitted, a NumPy scalar or a fraction, say, into a number of Python.
    """

    def __init__(self, holds: Callable[[Any], bool], words: str, plain: Callable[[Any], Any]) -> None:
        self.holds = holds
        self.words = words
        self.plain = plain

    def __call__(self, name: str, value: Any) -> Any:
        """The value to work with, or an error that names the hyper-parameter."""
        if not self.holds(value):
            hint = (
                "; torch.as_tensor makes one" if "tensor" in self.words and hasattr(value, "__len__") else ""
            )
            raise ValueError(f"{name} must be {self.words}, got {value!r}{hint}")
        return self.plain(value)


def is_number(value: Any) -> bool:
    """Whether ``value`` is a real number other than NaN (tensors and bools are not)."""
    real = type(value) is float or (isinstance(value, Real) and not isinstance(value, bool))
    return real and value == value


def _is_boolean(value: Any) -> bool:
    """Whether ``value`` is a bool, of Python or of NumPy, which is not imported here for it."""
    if isinstance(value, (bool, Tensor)):
        return isinstance(value, bool)
    return getattr(value, "shape", None) == () and str(getattr(value, "dtype", "")) == "bool"


def _to_number(value: Any) -> Any:
    return value if isinstance(value, (float, int)) else float(value)


def number(test: Callable[[float], bool], words: str) -> Rule:
    """A real number that passes a test."""
    return Rule(lambda value: is_number(value) and test(value), words, _to_number)


positive = number(lambda v: 0 < v < math.inf, "a positive finite number")
non_negative = number(lambda v: 0 <= v < math.inf, "a non-negative finite number")
open_unit_interval = number(lambda v: 0 < v < 1, "a number strictly between 0 and 1")
unit_interval = number(lambda v: 0 <= v <= 1, "a number from 0 to 1")
half_open_unit_interval = number(lambda v: 0 <= v < 1, "a number from 0 up to, but not, 1")
finite_number = number(lambda v: abs(v) < math.inf, "a finite number")
extended_real = number(lambda v: True, "a real number, inf and -inf included")
integer = Rule(
    lambda v: isinstance(v, Integral) and not isinstance(v, bool) and -(2**63) <= int(v) < 2**63,
    "an integer",
    int,
)
non_negative_integer = Rule(lambda v: integer.holds(v) and v >= 0, "a non-negative integer", int)
boolean = Rule(_is_boolean, "True or False", bool)
class_vector = Rule(lambda v: isinstance(v, Tensor), "a tensor of shape (C,)", lambda v: v)


def optional(rule: Rule) -> Rule:
    """A hyper-parameter that may also be None."""
    return Rule(
        lambda v: v is None or rule.holds(v),
        f"None or {rule.words}",
        lambda v: v if v is None else rule.plain(v),
    )


def or_tensor(rule: Rule) -> Rule:
    """A hyper-parameter that may also be a tensor of one number, so that it can be learned."""
    return Rule(
        lambda v: not find_fault(v) and v.numel() == 1 if isinstance(v, Tensor) else rule.holds(v),
        f"{rule.words}, or a tensor of one number",
        lambda v: v.reshape(()) if isinstance(v, Tensor) else rule.plain(v),
    )


def or_broadcast(rule: Rule) -> Rule:
    """A hyper-parameter that may also be a tensor, one value a class or an element."""
    return Rule(
        lambda v: isinstance(v, Tensor) or rule.holds(v),
        f"{rule.words}, or a tensor that broadcasts to input",
        lambda v: v if isinstance(v, Tensor) else rule.plain(v),
    )


def one_of(literal: Any) -> Rule:
    """A hyper-parameter that is one of the words of a ``Literal``."""
    choices = get_args(literal)
    words = "one of " + ", ".join(repr(choice) for choice in choices)
    return Rule(lambda v: isinstance(v, str) and v in choices, words, lambda v: v)


optional_class_vector = optional(class_vector)
_reduction = one_of(Reduction)


def with_own_code_object(function: Callable[P, R], name: str) -> Callable[P, R]:
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

    The rules stay readable as ``loss.rules``: the Module applies them when it is built, the tests feed each
    one what it refuses.
    """

    def decorate(loss: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(loss).parameters
        if "reduction" in parameters:
            rules["reduction"] = _reduction
        known = list(parameters)
        tensors = [name for name in known if parameters[name].kind is not inspect.Parameter.KEYWORD_ONLY]

        @functools.wraps(loss)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            if len(args) > len(tensors):
                raise TypeError(_too_many(loss.__name__, tensors, known, rules, args))
            for name, value in kwargs.items():
                if name in rules:
                    kwargs[name] = rules[name](name, value)
                elif name not in known:
                    raise TypeError(unknown_argument(loss.__name__, name, known))
            return loss(*args, **kwargs)

        wrapper.rules = rules  # type: ignore[attr-defined]
        return with_own_code_object(wrapper, loss.__name__)

    return decorate


def _too_many(loss: str, tensors: list[str], known: list[str], rules: dict[str, Rule], args: Any) -> str:
    extra = args[len(tensors)]
    if isinstance(extra, Tensor):
        meant = [name for name in known if name not in tensors and name not in rules]
    else:
        meant = [name for name, rule in rules.items() if rule.holds(extra)] or list(rules)
    return (
        f"{loss} takes {len(tensors)} argument{'s' * (len(tensors) > 1)} by position, {', '.join(tensors)}, "
        f"got {len(args)}; "
        f"all others are given by name, as in {meant[0]}=…"
    )


# What other libraries call it, and what it is called here.
_SYNONYMS = {
    "alpha": "class_weight",
    "sample_weight": "weight",
    "smoothing": "label_smoothing",
    "var": "log_var",
}


def unknown_argument(owner: str, name: str, known: list[str]) -> str:
    """What to say of an argument, or a field, that a loss or its Module does not have."""
    meant = [*get_close_matches(name, known, 1), _SYNONYMS.get(name)][0]
    hint = f"did you mean {meant}?" if meant in known else f"it takes {', '.join(known)}"
    return f"{owner} has no argument {name!r}; {hint}"
