"""What a case is: how to call a loss, what it gives there, and what its card claims.

Adding a loss means adding a case in the room of its family. ``reference`` is the loss written anew from its
definition with the functions of a module ``m``: ``math`` for a float64 loop, ``mpmath.mp`` for fifty digits.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

import lossfns
from lossfns import LossModule
from lossfns._rules import Rule
from lossfns.catalog import LossCard, cards
from lossfns.verify import linspace, random_points
from tests.cases.layouts import YHAT_AND_Y, Layout

Hyper = Mapping[str, Any]
Array = np.ndarray[Any, np.dtype[np.float64]]
Rejected = tuple[tuple[str, tuple[Any, ...]], ...]

ANYWHERE = (1e-30, 1e-8, 1e-4, 0.3, 1.0, 7.5, 20.0, 1000.0, 1e15)
NOT_FINITE = (("input", (math.nan, 0.0)), ("target", (0.0, math.nan)), ("input", (math.inf, 0.0)))


@dataclass(frozen=True)
class Claims:
    """Where the claims of a card show: what the tests of the catalog need to know."""

    targets: tuple[Any, ...] = (0.0,)
    """The targets at which the properties of the loss as a function of its predictions are checked."""
    minimiser: tuple[Any, ...] = (0.0, 0.0)
    """Arguments at which the loss reaches the lower end of its range, or goes below -5 if it has none."""
    reaches_upper_end: bool = True
    """Whether random arguments come near the upper end of the range."""
    reaches_lower_end: bool = True
    """Whether one number of arguments reaches it; if not: ever larger batches do, held elsewhere."""
    unbounded_range: tuple[float, float] = (-1e9, 1e9)
    """The interval on which an unbounded slope shows."""
    steep: Callable[..., Tensor] | None = None
    """steep(**hyper): points next to one another at which unbounded slopes show, if at random ones few."""
    kinks: Callable[..., tuple[float, ...]] = lambda **hyper: (0.0,)
    """Predictions where a derivative may jump (for several predictions: multiples of ``kink_direction``)."""
    kink_direction: tuple[float, ...] = ()
    """For several predictions: the line through 0 on which the kinks lie."""
    worst_curvature: Callable[..., Tensor] | None = None
    """worst_curvature(**hyper): points next to one another at which the smoothness constant is attained."""
    statistic: Callable[..., Any] | None = None
    """statistic(sample, **hyper): what the best constant prediction is. For labels, statistic(p, **hyper):
    the probabilities, by sigmoid or softmax, of the best prediction where the label has probabilities p."""
    neg_log_density: Callable[..., float] | None = None
    """neg_log_density(*elements, **hyper): −log of the density of the law the card names, if SciPy has it."""
    tex_values: Callable[..., dict[str, Any]] = lambda **hyper: {}
    """tex_values(**hyper): what the printed formula calls the hyper-parameters, if not by their names."""
    evaluates_formula: bool = True
    """Whether the printed formula and gradient are plain enough to be evaluated; if not: held elsewhere."""


@dataclass(frozen=True)
class LossCase:
    """A loss in one form of its arguments: how to call it, and what it gives."""

    name: str
    reference: Callable[..., Any]
    """reference(m, *unit, **hyper): the loss of one unit of the layout, a number or a list of numbers."""
    layout: Layout = YHAT_AND_Y
    form: str = ""
    """Tells the cases of one loss apart: it has one for each form of its arguments."""
    required: Hyper = field(default_factory=dict)
    """Hyper-parameters that have no default."""
    hypers: tuple[Hyper, ...] = ({},)
    """Hyper-parameters to test beside the defaults: each of the generic tests runs on all of them."""
    denominator: Callable[..., Any] = lambda *unit, **hyper: 1
    """denominator(*unit, **hyper): the weight the loss itself gives a unit, so that the mean is
    Σ reference / Σ denominator."""
    low: float = -3.0
    high: float = 3.0
    """The interval that random arguments, and the points of property checks, come from."""
    extremes: tuple[tuple[Any, ...], ...] = tuple((s * r, 0.0) for r in ANYWHERE for s in (1, -1))
    """Arguments, without the leading dimension, at which float64 and float32 are held to fifty digits."""
    absolute_floor: float = 0.0
    """Values below it are held to that many digits of it: log-sum-exp rounds at 1."""
    exact_gradient: bool = True
    """Whether the gradient is that of the value: a definition may hold a factor constant."""
    rejected: Rejected = NOT_FINITE
    """Arguments that ``strict()`` refuses, with the name of the culprit."""
    claims: Claims = Claims()

    def __str__(self) -> str:
        return f"{self.name}-{self.form}" if self.form else self.name

    @property
    def card(self) -> LossCard:
        return cards()[self.name]

    @property
    def function(self) -> Callable[..., Tensor]:
        function: Callable[..., Tensor] = getattr(lossfns, self.name)
        return function

    @property
    def rules(self) -> Mapping[str, Rule]:
        """What the hyper-parameters may be."""
        rules: Mapping[str, Rule] = self.function.rules  # type: ignore[attr-defined]
        return rules

    def __call__(self, *arguments: Any, **kwargs: Any) -> Tensor:
        """The loss, with what it requires filled in."""
        return self.call(self.function, *arguments, **{**self.required, **kwargs})

    def call(self, loss: Callable[..., Tensor], *arguments: Any, **kwargs: Any) -> Tensor:
        """The function or its Module of these arguments, the last of them by name where that is due."""
        first = len(arguments) - len(self.by_name)
        named = dict(zip(self.by_name, arguments[first:], strict=True))
        return loss(*arguments[:first], **named, **kwargs)

    def module(self, **kwargs: Any) -> LossModule:
        return self.card.module(**{**self.required, **kwargs})

    @property
    def all_hypers(self) -> list[dict[str, Any]]:
        return [{**self.required, **hyper} for hyper in self.hypers]

    @property
    def arity(self) -> int:
        return len(self.extremes[0])

    @cached_property
    def argument_names(self) -> list[str]:
        return list(inspect.signature(self.function).parameters)[: self.arity]

    @cached_property
    def by_name(self) -> list[str]:
        """The last of the arguments, where they are given by name."""
        parameters = inspect.signature(self.function).parameters
        return [n for n in self.argument_names if parameters[n].kind is inspect.Parameter.KEYWORD_ONLY]

    def arguments(
        self,
        *shape: int,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
        between: tuple[float, float] | None = None,
    ) -> list[Tensor]:
        """Random tensors, away from kinks, whose unreduced loss has that shape."""
        low, high = between or (self.low, self.high)
        drawn = self.layout.draw(torch.Generator().manual_seed(seed), shape, low, high)
        return [a.to(dtype) if a.is_floating_point() else a for a in drawn]

    def row(self, row: tuple[Any, ...], dtype: torch.dtype = torch.float64) -> list[Tensor]:
        """Arguments of one row from nested lists of numbers: floats become ``dtype``, integers indices."""
        tensors = [torch.tensor([v], dtype=torch.float64 if _has_float(v) else None) for v in row]
        return [t.to(dtype) if t.is_floating_point() else t for t in tensors]

    def loop(self, arguments: list[Tensor], **hyper: Any) -> tuple[Tensor, Tensor]:
        """The unreduced loss and the denominator, by a Python loop over the reference."""
        hyper = {**self.required, **hyper}
        shape = self(*arguments, reduction="none", **hyper).shape
        units = list(self.layout.units(*arguments))
        losses = [self.reference(math, *unit, **hyper) for unit in units]
        denominators = [self.denominator(*unit, **hyper) for unit in units]
        flat = [torch.tensor(_flat(v), dtype=torch.float64).reshape(shape) for v in (losses, denominators)]
        return flat[0], flat[1]

    def of_predictions(self, **hyper: Any) -> list[Callable[[Tensor], Tensor]]:
        """The loss at each of the ``targets``, as a function of the predictions: a number, or a row.

        Of several losses of one row, the first is taken.
        """

        def first(loss: Tensor) -> Tensor:
            return loss.flatten(1)[:, 0] if loss.ndim > 1 else loss

        def of_batch(target: Any) -> Callable[[Tensor], Tensor]:
            return torch.func.vmap(
                lambda x: self(*self.layout.predictions(x, target), reduction="none", **hyper)[0]
            )

        def at(target: Any) -> Callable[[Tensor], Tensor]:
            return lambda x: first(self(*self.layout.predictions(x, target), reduction="none", **hyper))

        return [(of_batch if self.layout.coupled_rows else at)(target) for target in self.claims.targets]

    def points(self, **hyper: Any) -> Tensor:
        """Predictions from the interval, and where it may have kinks."""
        if self.layout.dim > 1:
            return random_points(self.low, self.high, self.layout.dim)
        kinks = torch.tensor(self.claims.kinks(**hyper), dtype=torch.float64)
        return torch.cat([linspace(self.low, self.high), kinks])


def _has_float(value: Any) -> bool:
    return any(map(_has_float, value)) if isinstance(value, list | tuple) else isinstance(value, float)


def _flat(values: Any) -> list[float]:
    return [v for part in values for v in _flat(part)] if isinstance(values, list) else [float(values)]
