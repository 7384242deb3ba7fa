"""What a card is: claims about a loss, in words and as values."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

import lossfns
from lossfns._module import LossModule
from lossfns.verify import minimiser

T = TypeVar("T")


@dataclass(frozen=True)
class Claim(Generic[T]):
    """A property that may depend on the hyper-parameters: ``value(**hyperparameters)``, and its words."""

    words: str
    rule: Callable[..., T]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Of the loss on whose card it is."""

    def value(self, **hyperparameters: Any) -> T:
        """What it comes to; what is left out is as in the loss."""
        return self.rule(**{**self.defaults, **hyperparameters})


def always(value: T, words: str) -> Claim[T]:
    """A property that no hyper-parameter changes."""
    return Claim(words, lambda **hyperparameters: value)


def law(name: str) -> Claim[bool]:
    """The loss is the −log density of this law, whatever its hyper-parameters are."""
    return always(True, name)


YES, NO = always(True, "yes"), always(False, "no")
NO_LAW = always(False, "–")
FINITE = always(math.nan, "finite")
ONE, TWO, UNBOUNDED = always(1.0, "$1$"), always(2.0, "$2$"), always(math.inf, r"$\infty$")
NON_NEGATIVE = always((0.0, math.inf), r"$[0, \infty)$")
REAL = always((-math.inf, math.inf), r"$(-\infty, \infty)$")


@dataclass(frozen=True)
class LossCard:
    """What a loss is and what is true of it as a function of its predictions, all of them at once.

    ``gradient`` is the derivative with respect to the first prediction, in TeX. ``lipschitz`` and
    ``smoothness`` are the best constants: the suprema of the gradient and of the curvature in size.
    NaN stands for a finite one without a simple form. ``likelihood`` says whether the loss is the −log
    density of a law, up to terms without the prediction, and names that law.
    """

    name: str
    title: str
    gradient: str
    domain: str
    range: Claim[tuple[float, float]]
    estimates: str
    likelihood: Claim[bool]
    convex: Claim[bool]
    c1: Claim[bool]
    c2: Claim[bool]
    lipschitz: Claim[float]
    smoothness: Claim[float]
    proper: Claim[bool] | None = None
    calibrated: Claim[bool] | None = None

    def __post_init__(self) -> None:
        known = {n: default for n, (default, _) in self.hyperparameters.items()}
        defaults = {n: default for n, default in known.items() if default is not inspect.Parameter.empty}
        for name, claim in vars(self).items():
            if isinstance(claim, Claim):
                object.__setattr__(self, name, replace(claim, defaults=defaults))

    @property
    def family(self) -> str:
        """The module that it is in."""
        return self.function.__module__.rpartition(".")[2]

    @property
    def function(self) -> Callable[..., Any]:
        """The loss itself."""
        function: Callable[..., Any] = getattr(lossfns, self.name)
        return function

    @property
    def module(self) -> type[LossModule]:
        """Its Module twin."""
        return next(twin for twin in LossModule.__subclasses__() if twin.function is self.function)

    @property
    def formula(self) -> str:
        """The formula of the docstring, in TeX."""
        block = re.search(r"\.\. math::(.*?)\n\n", inspect.getdoc(self.function) or "", re.DOTALL)
        assert block, f"{self.name} has no formula in its docstring"
        return " ".join(block[1].split())

    @property
    def chapter(self) -> str | None:
        """The title of the chapter of the book that its docstring names."""
        found = re.search(r"Chapter: ([^.]*)\.", " ".join((self.function.__doc__ or "").split()))
        return found[1] if found else None

    @property
    def hyperparameters(self) -> dict[str, tuple[Any, str]]:
        """Default (``inspect.Parameter.empty`` if there is none) and admissible values of each one."""
        rules = self.function.rules  # type: ignore[attr-defined]
        parameters = inspect.signature(self.function).parameters
        return {n: (parameters[n].default, rule.words) for n, rule in rules.items() if n != "reduction"}

    @property
    def bounded_influence(self) -> Claim[bool]:
        """Whether one observation can pull only so hard, however far off it is."""
        claim, words = self.lipschitz, self.lipschitz.words
        answer = "yes" if r"\infty" not in words else "no" if words == UNBOUNDED.words else "depends"
        return Claim(answer, lambda **hyper: claim.value(**hyper) != math.inf)


ANY = "real numbers"


def largest(f: Callable[[float], float]) -> float:
    """The largest size of a function of p on (0, 1)."""

    def negative_size(logits: Tensor) -> Tensor:
        return -torch.tensor([abs(f(p)) for p in logits.sigmoid().tolist()], dtype=torch.float64)

    best = minimiser(negative_size, -30.0, 30.0)
    return -negative_size(torch.tensor([best], dtype=torch.float64)).item()


LOGITS = r"logits real or $-\infty$, class indices or probabilities"
BINARY = "real logits, labels from 0 to 1"
P = r", \qquad p = \operatorname{softmax}(z)"
ROOT_TWO = always(math.sqrt(2), r"$\sqrt{2}$")
HALF = always(0.5, "$1/2$")
MAXIMUM = "maximum of a function of one probability"
