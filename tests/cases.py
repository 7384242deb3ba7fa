"""One row for each loss, or for each form of its arguments: what the generic tests need to know of it.

Adding a loss means adding a row. Its ``layout`` says how its arguments hang together; ``reference`` is the
loss written anew from its definition with the functions of a module ``m``: ``math`` for a float64 loop,
``mpmath.mp`` for fifty digits.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.stats
import torch
from scipy.optimize import brentq
from torch import Generator, Tensor

import lossfns
from lossfns.catalog import LossCard, cards
from lossfns.verify import linspace, random_points

Hyper = Mapping[str, Any]
Shape = tuple[int, ...]
ANYWHERE = (1e-30, 1e-8, 1e-4, 0.3, 1.0, 7.5, 20.0, 1000.0, 1e15)


def uniform(generator: Generator, shape: Shape, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64)


def pieces(*arguments: Tensor) -> Iterable[tuple[Any, ...]]:
    """The rows of all arguments, side by side, as nested lists."""
    return zip(*(a.tolist() for a in arguments), strict=True)


@dataclass(frozen=True)
class Layout:
    """How the arguments of a loss hang together. Shapes are those of the loss under ``reduction="none"``."""

    draw: Callable[[Generator, Shape, float, float], list[Tensor]]
    """draw(generator, shape, low, high): random float64 arguments (indices: int64) for that shape."""
    units: Callable[..., Iterable[tuple[Any, ...]]]
    """units(*arguments): what ``reference`` is called with, one call after another; its values, numbers or
    lists, laid end to end are the unreduced loss. One unit may be an element, a row, or the whole batch."""
    predictions: Callable[[Tensor, Any], list[Tensor]]
    """predictions(x, target): arguments that predict the rows of ``x``, (n, dim), or (n,) if dim is 1."""
    symbols: Callable[..., dict[str, Any]]
    """symbols(*unit): what the letters of the printed formula stand for."""
    dim: int = 1
    """How many predictions one target has."""
    tail: Shape = ()
    """The shape is (N, *tail) for N rows."""
    shape: Shape = (4, 5)
    """A shape to try, with more than one dimension if there is one."""
    empty: tuple[Shape, ...] = ((0,), (0, 3), (2, 0))
    """Shapes without elements."""
    scalars: bool = False
    """Whether the shape may be ()."""
    whole: bool = False
    """Whether the loss of a row depends on the others; a row of weight 0 is left out. One unit is the batch.
    As a function of its predictions it is then the loss of the first row, and ``predictions`` takes one
    batch, flattened."""
    wrong: Callable[[list[Tensor]], Iterable[tuple[int, list[Tensor]]]] = lambda arguments: wrong(arguments)
    """Arguments of shapes that do not fit, each with the position of the culprit."""

    def rows(self, n: int) -> Shape:
        return (n, *self.tail)


def wrong(arguments: list[Tensor]) -> Iterable[tuple[int, list[Tensor]]]:
    """Each argument but the first with a dimension too many, on either side, and with a row too few."""
    for position in range(1, len(arguments)):
        a = arguments[position]
        for bad in (a.unsqueeze(0), a.unsqueeze(-1), a[:-1], a[0]):
            yield position, [*arguments[:position], bad, *arguments[position + 1 :]]


def elementwise(*letters: str) -> Layout:
    """Tensors of one shape, the second of them the target, named as in the printed formula."""
    n = len(letters)

    def predictions(x: Tensor, target: Any) -> list[Tensor]:
        first, *rest = [x] if n == 2 else x.unbind(1)
        return [first, torch.full_like(first, target), *rest]

    return Layout(
        draw=lambda generator, shape, low, high: [uniform(generator, shape, low, high) for _ in letters],
        units=lambda *arguments: pieces(*(a.reshape(-1) for a in arguments)),
        predictions=predictions,
        symbols=lambda *unit: dict(zip(letters, unit, strict=True)),
        dim=n - 1,
        scalars=True,
    )


def softmax(m: Any, z: list[Any]) -> list[Any]:
    powers = [m.exp(v - max(z)) for v in z]
    return [v / sum(powers) for v in powers]


def log_softmax(m: Any, z: list[Any]) -> list[Any]:
    total = sum(m.exp(v - max(z)) for v in z)
    return [v - max(z) - m.log(total) for v in z]


CLASSES = 3


def draw_probabilities(generator: Generator, shape: Shape) -> Tensor:
    return uniform(generator, (shape[0], CLASSES, *shape[1:]), -1, 1).softmax(1)


def draw_logits(generator: Generator, shape: Shape, low: float, high: float) -> Tensor:
    return uniform(generator, (shape[0], CLASSES, *shape[1:]), low, high)


def by_class(a: Tensor) -> Tensor:
    """(N, C, *) or (N, *) with what belongs to one value of the loss in a row."""
    return a.movedim(1, -1).reshape(-1, a.shape[1])


def classes(second: str) -> Layout:
    """Logits (N, C, *) against an index (N, *) if ``second`` is y, probabilities if t, or logits if s."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        logits = draw_logits(generator, shape, low, high)
        if second == "y":
            return [logits, torch.randint(CLASSES, shape, generator=generator)]
        if second == "t":
            return [logits, draw_probabilities(generator, shape)]
        return [logits, draw_logits(generator, shape, low, high)]

    def predictions(x: Tensor, target: Any) -> list[Tensor]:
        if second == "y":
            return [x, torch.full((len(x),), target)]
        return [x, torch.tensor(target, dtype=x.dtype).expand_as(x)]

    return Layout(
        draw=draw,
        units=lambda input, target: pieces(
            by_class(input), target.reshape(-1) if second == "y" else by_class(target)
        ),
        predictions=predictions,
        symbols=lambda z, target: {"z": z, second: target},
        dim=CLASSES,
    )


def binary() -> Layout:
    """Logits against labels, soft ones too."""
    plain = elementwise("z", "y")
    return dataclasses.replace(
        plain,
        draw=lambda generator, shape, low, high: [
            uniform(generator, shape, low, high),
            uniform(generator, shape, 0, 1),
        ],
    )


PLAIN = elementwise("yhat", "y")
BINARY = binary()
INDEX, PROBABILITIES, TWO_LOGITS = classes("y"), classes("t"), classes("s")
MEAN_AND_LOG_VARIANCE = elementwise("mu", "y", "s")
NOT_FINITE = (("input", (math.nan, 0.0)), ("target", (0.0, math.nan)), ("input", (math.inf, 0.0)))


@dataclass(frozen=True)
class LossCase:
    name: str
    reference: Callable[..., Any]
    """reference(m, *unit, **hyper): the loss of one unit of the layout, a number or a list of numbers."""
    layout: Layout = PLAIN
    form: str = ""
    """Tells the rows of one loss apart: a loss has one for each form of its arguments."""
    required: Hyper = field(default_factory=dict)
    """Hyper-parameters that have no default."""
    by_name: tuple[str, ...] = ()
    """The last of the arguments, which are given by name."""
    hypers: tuple[Hyper, ...] = ({},)
    """Hyper-parameters to test beside the defaults: each of the generic tests runs on all of them."""
    mass: Callable[..., Any] = lambda *unit, **hyper: 1
    """mass(*unit, **hyper): the weight the loss itself gives a unit; Σ reference / Σ mass is the mean."""
    extremes: tuple[tuple[Any, ...], ...] = tuple((s * r, 0.0) for r in ANYWHERE for s in (1, -1))
    """Arguments, without the leading dimension, at which float64 and float32 are held to fifty digits."""
    unit: float = 0.0
    """Values below it are held to that many digits of it: log-sum-exp rounds at 1."""
    low: float = -3.0
    high: float = 3.0
    """The interval that random arguments, and the points of property checks, come from."""
    wide: tuple[float, float] = (-1e9, 1e9)
    """The interval on which an unbounded slope shows."""
    targets: tuple[Any, ...] = (0.0,)
    """The targets at which the properties of the loss as a function of its predictions are checked."""
    kinks: Callable[..., tuple[float, ...]] = lambda **hyper: (0.0,)
    """Predictions where a derivative may jump (for several predictions: multiples of ``direction``)."""
    direction: tuple[float, ...] = ()
    """For several predictions: the line through 0 on which the kinks lie."""
    curved: Callable[..., Tensor] | None = None
    """curved(**hyper): points next to one another at which the smoothness constant is attained."""
    statistic: Callable[..., Any] | None = None
    """statistic(sample, **hyper): what the best constant prediction is. For labels, statistic(p, **hyper):
    the probabilities, by sigmoid or softmax, of the best prediction where the label has probabilities p."""
    neg_log_density: Callable[..., float] | None = None
    """neg_log_density(*elements, **hyper): −log of the density of the law the card names, if SciPy has it."""
    letters: Callable[..., dict[str, Any]] = lambda **hyper: {}
    """letters(**hyper): what the printed formula calls the hyper-parameters, if not by their names."""
    printed: bool = True
    """Whether the printed formula and gradient are plain enough to be evaluated; if not: held elsewhere."""
    exact: bool = True
    """Whether the gradient is that of the value: a definition may hold a factor constant."""
    topped: bool = True
    """Whether random arguments come near the upper end of the range."""
    best: tuple[Any, ...] = (0.0, 0.0)
    """Arguments at which the loss reaches the lower end of its range, or goes below -5 if it has none."""
    outside: tuple[tuple[str, tuple[Any, ...]], ...] = NOT_FINITE
    """Arguments that ``strict()`` refuses, with the name of the culprit."""

    @property
    def card(self) -> LossCard:
        return cards()[self.name]

    @property
    def function(self) -> Callable[..., Tensor]:
        return getattr(lossfns, self.name)

    def __call__(self, *arguments: Tensor, **kwargs: Any) -> Tensor:
        """The loss, with what it requires filled in."""
        return self.call(self.function, *arguments, **{**self.required, **kwargs})

    def call(self, loss: Callable[..., Tensor], *arguments: Tensor, **kwargs: Any) -> Tensor:
        """The function or its Module of these arguments, the last of them by name where that is due."""
        first = len(arguments) - len(self.by_name)
        named = dict(zip(self.by_name, arguments[first:], strict=True))
        return loss(*arguments[:first], **named, **kwargs)

    def module(self, **kwargs: Any) -> torch.nn.Module:
        return self.card.module(**{**self.required, **kwargs})

    @property
    def all_hypers(self) -> list[dict[str, Any]]:
        return [{**self.required, **hyper} for hyper in self.hypers]

    @property
    def arity(self) -> int:
        return len(self.extremes[0])

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
        """The unreduced loss and its own weights, by a Python loop over the reference."""
        hyper = {**self.required, **hyper}
        shape = self(*arguments, reduction="none", **hyper).shape
        units = list(self.layout.units(*arguments))
        losses = [self.reference(math, *unit, **hyper) for unit in units]
        masses = [self.mass(*unit, **hyper) for unit in units]
        flat = [torch.tensor(v, dtype=torch.float64).reshape(shape) for v in (_flat(losses), _flat(masses))]
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

        if self.layout.whole:
            return [of_batch(target) for target in self.targets]

        def at(target: Any) -> Callable[[Tensor], Tensor]:
            return lambda x: first(self(*self.layout.predictions(x, target), reduction="none", **hyper))

        return [at(target) for target in self.targets]

    def points(self, **hyper: Any) -> Tensor:
        if self.layout.dim > 1:
            return random_points(self.low, self.high, self.layout.dim)
        return torch.cat(
            [linspace(self.low, self.high), torch.tensor(self.kinks(**hyper), dtype=torch.float64)]
        )


def _has_float(value: Any) -> bool:
    return any(map(_has_float, value)) if isinstance(value, list | tuple) else isinstance(value, float)


def _flat(values: Any) -> list[float]:
    return [v for part in values for v in _flat(part)] if isinstance(values, list) else [float(values)]


def m_estimate(psi: Callable[..., np.ndarray]) -> Callable[..., float]:
    """The root of the mean of ψ(a − y), for a ψ that does not decrease."""

    def statistic(sample: np.ndarray, **hyper: Any) -> float:
        return brentq(lambda a: psi(a - sample, **hyper).mean(), sample.min(), sample.max(), xtol=1e-13)

    return statistic


def global_m_estimate(rho: Callable[..., np.ndarray]) -> Callable[..., float]:
    """The best of a fine grid, for a ρ that is not convex."""

    def statistic(sample: np.ndarray, **hyper: Any) -> float:
        low, high = sample.min(), sample.max()
        for _ in range(6):
            grid = np.linspace(low, high, 2001)
            best = grid[np.argmin([rho(a - sample, **hyper).mean() for a in grid])]
            low, high = best - (high - low) / 1000, best + (high - low) / 1000
        return best

    return statistic


def expectile(sample: np.ndarray, tau: float = 0.5) -> float:
    def balance(a: float) -> float:
        return tau * np.maximum(sample - a, 0).mean() - (1 - tau) * np.maximum(a - sample, 0).mean()

    return brentq(balance, sample.min(), sample.max(), xtol=1e-13)


def barron(m: Any, x: Any, y: Any, alpha: float = 1.0, scale: float = 1.0) -> Any:
    z = ((x - y) / scale) ** 2
    if alpha == 2:
        return z / 2
    if alpha == 0:
        return m.log1p(z / 2)
    if math.isinf(alpha):
        return m.expm1(z / 2) if alpha > 0 else -m.expm1(-z / 2)
    return abs(alpha - 2) / alpha * ((z / abs(alpha - 2) + 1) ** (alpha / 2) - 1)


def barron_rho(r: np.ndarray, alpha: float = 1.0, scale: float = 1.0) -> np.ndarray:
    with np.errstate(over="ignore"):
        return barron(np, r, 0.0, alpha, scale)


def huber(m: Any, x: Any, y: Any, delta: float = 1.0) -> Any:
    r = abs(x - y)
    return r * r / 2 if r <= delta else delta * (r - delta / 2)


def smooth_l1(m: Any, x: Any, y: Any, beta: float = 1.0) -> Any:
    return huber(m, x, y, beta) / beta if beta else abs(x - y)


def tukey(m: Any, x: Any, y: Any, c: float = 4.685) -> Any:
    r = abs(x - y)
    return c**2 / 6 * (1 - (1 - (r / c) ** 2) ** 3) if r < c else c**2 / 6


def poisson(m: Any, x: Any, y: Any, full: bool = False) -> Any:
    loss = m.exp(x) - (y * x if y else 0)
    return loss + (m.loggamma(y + 1) if m is not math else math.lgamma(y + 1)) if full else loss


def crps(m: Any, mean: Any, y: Any, s: Any) -> Any:
    """The integral of (F − 1{y ≤ ·})², by the closed form in Φ and φ."""
    sigma = m.exp(s / 2)
    z = (y - mean) / sigma
    erf, density = m.erf(z / m.sqrt(2)), m.exp(-z * z / 2) / m.sqrt(2 * m.pi)
    return sigma * (z * erf + 2 * density - 1 / m.sqrt(m.pi))


SCALES = (-60.0, -2.0, 0.0, 3.0, 60.0)
MEAN_AND_SCALE = tuple((mean, 0.0, s) for mean in (0.0, 1e-6, 0.5, -3.0, 1e6) for s in SCALES)
OUTSIDE_3 = (
    ("input", (math.nan, 0.0, 0.0)),
    ("target", (0.0, math.inf, 0.0)),
    ("log_var", (0.0, 0.0, math.nan)),
)

REGRESSION = (
    LossCase(
        "mse_loss",
        lambda m, x, y: (x - y) ** 2,
        statistic=lambda sample: sample.mean(),
        neg_log_density=lambda x, y: -scipy.stats.norm(x, math.sqrt(0.5)).logpdf(y),
    ),
    LossCase(
        "l1_loss",
        lambda m, x, y: abs(x - y),
        statistic=lambda sample: np.median(sample),
        neg_log_density=lambda x, y: -scipy.stats.laplace(x).logpdf(y),
    ),
    LossCase(
        "huber_loss",
        huber,
        hypers=({}, {"delta": 0.25}, {"delta": 2.5}),
        kinks=lambda delta=1.0: (0.0, delta, -delta),
        statistic=m_estimate(lambda r, delta=1.0: np.clip(r, -delta, delta)),
    ),
    LossCase(
        "smooth_l1_loss",
        smooth_l1,
        hypers=({}, {"beta": 0.25}, {"beta": 2.5}, {"beta": 0.0}),
        kinks=lambda beta=1.0: (0.0, beta, -beta),
        statistic=m_estimate(lambda r, beta=1.0: np.clip(r / beta, -1, 1) if beta else np.sign(r)),
    ),
    LossCase(
        "log_cosh_loss",
        lambda m, x, y: m.log(m.cosh(x - y)),
        extremes=tuple((s * r, 0.0) for r in (*ANYWHERE[1:-1], 19.99, 20.01) for s in (1, -1)),
        statistic=m_estimate(np.tanh),
        neg_log_density=lambda x, y: -scipy.stats.hypsecant(x).logpdf(y),
    ),
    LossCase(
        "msle_loss",
        lambda m, x, y: (m.log(1 + x) - m.log(1 + y)) ** 2,
        extremes=(
            (-0.999, 0.0),
            (0.0, -0.999),
            (1e-8, 0.0),
            (1e-8, 2e-8),
            (1e6 + 1, 1e6),
            (1e6, 1e6 + 0.5),
            (1e12, 3.0),
            (0.0, 1e12),
            (7.0, 7.0),
        ),
        low=-0.9,
        high=8.0,
        wide=(-1 + 1e-9, 0.0),
        statistic=lambda sample: np.exp(np.log(1 + sample).mean()) - 1,
        neg_log_density=lambda x, y: -scipy.stats.norm(math.log1p(x), math.sqrt(0.5)).logpdf(math.log1p(y)),
        outside=(
            ("input", (-1.0, 0.0)),
            ("target", (0.0, -1.5)),
            ("input", (math.nan, 0.0)),
            ("target", (0.0, math.inf)),
        ),
    ),
    LossCase(
        "quantile_loss",
        lambda m, x, y, q=0.5: max(q * (y - x), (q - 1) * (y - x)),
        hypers=({}, {"q": 0.9}, {"q": 0.05}),
        statistic=lambda sample, q=0.5: np.quantile(sample, q, method="inverted_cdf"),
        neg_log_density=lambda x, y, q=0.5: -_asymmetric_laplace(y - x, q),
    ),
    LossCase(
        "expectile_loss",
        lambda m, x, y, tau=0.5: (tau if y >= x else 1 - tau) * (x - y) ** 2,
        hypers=({}, {"tau": 0.9}, {"tau": 0.05}),
        statistic=expectile,
        neg_log_density=lambda x, y, tau=0.5: -_two_piece_normal(y - x, tau),
    ),
    LossCase(
        "epsilon_insensitive_loss",
        lambda m, x, y, epsilon=0.1: max(abs(x - y) - epsilon, 0),
        hypers=({}, {"epsilon": 0.0}, {"epsilon": 1.5}),
        extremes=tuple((s * r, 0.0) for r in ANYWHERE if r > 0.2 for s in (1, -1)) + ((0.05, 0.0),),
        kinks=lambda epsilon=0.1: (0.0, epsilon, -epsilon),
        statistic=m_estimate(lambda r, epsilon=0.1: np.sign(r) * (abs(r) > epsilon)),
    ),
    LossCase(
        "general_robust_loss",
        barron,
        hypers=tuple({"alpha": a} for a in (1.0, 2.0, 0.0, -2.0, -math.inf, 0.5, 1.5, -0.3))
        + ({"alpha": 1.0, "scale": 2.5}, {"alpha": -2.0, "scale": 0.4}, {"alpha": 3.0}, {"alpha": math.inf}),
        extremes=tuple((s * r, 0.0) for r in (*ANYWHERE[1:-2], 30.0) for s in (1, -1)),
        statistic=global_m_estimate(barron_rho),
    ),
    LossCase(
        "tukey_loss",
        tukey,
        hypers=({}, {"c": 1.0}, {"c": 20.0}),
        kinks=lambda c=4.685: (0.0, c, -c),
        low=-6.0,
        high=6.0,
        statistic=global_m_estimate(
            lambda r, c=4.685: np.where(abs(r) < c, 1 - (1 - (r / c) ** 2) ** 3, 1.0)
        ),
    ),
    LossCase(
        "poisson_nll_loss",
        poisson,
        hypers=({}, {"full": True}),
        extremes=((-50.0, 0.0), (-50.0, 3.0), (0.0, 0.0), (3.0, 20.0), (60.0, 1e6), (-1e4, 0.0), (1e-6, 1.0)),
        low=0.0,
        high=4.0,
        wide=(0.0, 50.0),
        statistic=lambda sample, full=False: math.log(sample.mean()),
        neg_log_density=lambda x, y, full=False: -scipy.stats.poisson(math.exp(x)).logpmf(y),
        best=(3.0, 20.0),
        outside=(
            ("target", (0.0, -1.0)),
            ("input", (math.inf, 0.0)),
            ("input", (math.nan, 0.0)),
            ("target", (0.0, math.inf)),
        ),
    ),
    LossCase(
        "gaussian_nll_loss",
        lambda m, mean, y, s, full=False: (s + (y - mean) ** 2 * m.exp(-s) + full * m.log(2 * m.pi)) / 2,
        layout=MEAN_AND_LOG_VARIANCE,
        by_name=("log_var",),
        hypers=({}, {"full": True}),
        extremes=MEAN_AND_SCALE,
        wide=(-20.0, 20.0),
        neg_log_density=lambda mean, y, s, full=False: -scipy.stats.norm(mean, math.exp(s / 2)).logpdf(y),
        best=(0.0, 0.0, -80.0),
        outside=OUTSIDE_3,
    ),
    LossCase(
        "gaussian_crps_loss",
        crps,
        layout=MEAN_AND_LOG_VARIANCE,
        by_name=("log_var",),
        extremes=MEAN_AND_SCALE,
        wide=(-30.0, 30.0),
        best=(0.0, 0.0, -80.0),
        outside=OUTSIDE_3,
    ),
)


INF = math.inf
LABEL_ROWS = tuple(
    (x, y) for x in (0.0, 1e-30, 1e-4, 0.3, 7.5, -7.5, 25.0, -25.0, 1000.0, -1e15) for y in (0.0, 1.0, 0.3)
)
LABELS_OUTSIDE = (*NOT_FINITE, ("target", (0.0, -0.5)), ("target", (0.0, 2.0)))
ROWS = (
    [0.0, 0.0, 0.0],
    [3.0, 1.0, -2.0],
    [-2.0, 7.5, 1.0],
    [1000.0, 0.0, -5.0],
    [10001.0, 10000.0, 9998.0],
    [0.0, -INF, 1.0],
    [-1e15, 0.0, 0.5],
)
ONE_HOT = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0])
INDEX_ROWS = tuple((z, y) for z in ROWS for y in range(3) if z[y] > -1e4 and max(z) - z[y] not in (1000.0,))
SOFT_ROWS = tuple((z, ONE_HOT[y]) for z, y in INDEX_ROWS) + (([0.0, -INF, 1.0], [0.75, 0.0, 0.25]),)
INDEX_OUTSIDE = (
    ("input", ([math.nan, 0.0, 0.0], 0)),
    ("input", ([0.0, INF, 0.0], 0)),
    ("target", ([0.0, 0.0, 0.0], 3)),
    ("target", ([0.0, 0.0, 0.0], -1)),
)
SOFT_OUTSIDE = (
    ("input", ([0.0, 0.0, math.nan], [1.0, 0.0, 0.0])),
    ("target", ([0.0, 0.0, 0.0], [0.5, 0.5, 0.5])),
    ("target", ([0.0, 0.0, 0.0], [1.5, -0.5, 0.0])),
    ("target", ([0.0, 0.0, 0.0], [math.nan, 0.5, 0.5])),
)
WEIGHTS = torch.tensor([1.0, 3.0, 0.5], dtype=torch.float64)
PRIOR = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
COUNTS = torch.tensor([400.0, 50.0, 10.0], dtype=torch.float64)


def face(**hyper: Any) -> Tensor:
    """Logits of two classes, the third impossible: there the softmax losses bend most."""
    t = linspace(-12, 12, 24001) / 2
    return torch.stack([t, -t, torch.full_like(t, -200)], 1)


def expected(reference: Callable[..., Any]) -> Callable[..., Any]:
    """The loss against probabilities, from the loss against an index, which nothing ignores."""

    def against(m: Any, z: Any, t: Any, **hyper: Any) -> Any:
        hyper["ignore_index"] = -100
        return sum(t_c * reference(m, z, c, **hyper) for c, t_c in enumerate(t) if t_c)

    return against


def weighed(z: Any, y: int, class_weight: Any = None, label_smoothing: float = 0, **hyper: Any) -> Any:
    if y == hyper.get("ignore_index", -100):
        return 0
    w = [1.0] * len(z) if class_weight is None else class_weight.tolist()
    return (1 - label_smoothing) * w[y] + label_smoothing * sum(w) / len(w)


def kept(loss: Callable[..., Any]) -> Callable[..., Any]:
    """A loss of (m, z, y) that is 0 where y is ignored, times the class weight."""

    def reference(
        m: Any, z: Any, y: int, ignore_index: int = -100, class_weight: Any = None, **h: Any
    ) -> Any:
        if y == ignore_index:
            return 0
        return loss(m, z, y, **h) * (1 if class_weight is None else class_weight.tolist()[y])

    return reference


def ce(m: Any, z: Any, y: int, class_weight: Any = None, label_smoothing: float = 0, **hyper: Any) -> Any:
    if y == hyper.get("ignore_index", -100):
        return 0
    w = [1.0] * len(z) if class_weight is None else class_weight.tolist()
    losses = [-w_c * v if v > -m.inf else m.inf for w_c, v in zip(w, log_softmax(m, z), strict=True)]
    if not label_smoothing:
        return losses[y]
    return (1 - label_smoothing) * losses[y] + label_smoothing * sum(losses) / len(z)


def two_sided(side: Callable[..., Any]) -> Callable[..., Any]:
    """y · side(m, z, True) + (1 − y) · side(m, z, False), where 0 · anything is 0."""

    def reference(m: Any, z: Any, y: Any, **hyper: Any) -> Any:
        yes = y * side(m, z, True, **hyper) if y else 0
        return yes + ((1 - y) * side(m, z, False, **hyper) if y != 1 else 0)

    return reference


def softplus(m: Any, z: Any) -> Any:
    return m.log1p(m.exp(-abs(z))) + max(z, 0)


def bce(m: Any, z: Any, y: Any, pos_weight: float | None = None, label_smoothing: float = 0) -> Any:
    y = (1 - label_smoothing) * y + label_smoothing / 2
    return (pos_weight or 1) * y * softplus(m, -z) + (1 - y) * softplus(m, z)


def focal_side(m: Any, z: Any, yes: bool, gamma: float = 2.0, alpha: float | None = None) -> Any:
    share = 1 if alpha is None else alpha if yes else 1 - alpha
    z = z if yes else -z
    return share * m.exp(-gamma * softplus(m, z)) * softplus(m, -z)


def hinge_side(m: Any, z: Any, yes: bool, margin: float = 1.0, squared: bool = False) -> Any:
    return max(margin - (z if yes else -z), 0) ** (2 if squared else 1)


def asymmetric_side(
    m: Any, z: Any, yes: bool, gamma_pos: float = 0.0, gamma_neg: float = 4.0, clip: float = 0.05
) -> Any:
    if yes:
        return focal_side(m, z, True, gamma_pos)
    if not clip:
        return focal_side(m, z, False, gamma_neg)
    q = max(m.exp(-softplus(m, -z)) - clip, 0)
    return -(q**gamma_neg) * m.log(1 - q)


def kl(m: Any, z: Any, t: Any) -> Any:
    return sum(t_c * (m.log(t_c) - v) for t_c, v in zip(t, log_softmax(m, z), strict=True) if t_c)


def js(m: Any, z: Any, s: Any) -> Any:
    p, q = softmax(m, z), softmax(m, s)
    both = [(a, (a + b) / 2) for u, v in ((p, q), (q, p)) for a, b in zip(u, v, strict=True)]
    return sum(a * m.log(a / middle) for a, middle in both if a) / 2


def brier(m: Any, z: Any, y: int) -> Any:
    return sum((p - (k == y)) ** 2 for k, p in enumerate(softmax(m, z)))


def multiclass_hinge(m: Any, z: Any, y: int, margin: float = 1.0, variant: str = "crammer-singer") -> Any:
    gaps = [max(margin + v - z[y], 0) for k, v in enumerate(z) if k != y]
    return max(gaps) if variant == "crammer-singer" else sum(gaps)


def gce(m: Any, z: Any, y: int, q: float = 0.7) -> Any:
    log_p = log_softmax(m, z)[y]
    return (1 - m.exp(q * log_p)) / q if q else -log_p


def sce(m: Any, z: Any, y: int, alpha: float = 1.0, beta: float = 1.0, log_zero: float = -4.0) -> Any:
    log_p = log_softmax(m, z)[y]
    return -alpha * log_p - beta * log_zero * (1 - m.exp(log_p))


def sce_soft(
    m: Any, z: Any, t: Any, alpha: float = 1.0, beta: float = 1.0, log_zero: float = -4.0, **hyper: Any
) -> Any:
    forward = -sum(t_c * v for t_c, v in zip(t, log_softmax(m, z), strict=True) if t_c)
    cut = [max(m.log(t_c), log_zero) if t_c else log_zero for t_c in t]
    return alpha * forward - beta * sum(p * c for p, c in zip(softmax(m, z), cut, strict=True))


def poly(m: Any, z: Any, y: int, epsilon: float = 1.0) -> Any:
    log_p = log_softmax(m, z)[y]
    return -log_p + epsilon * (1 - m.exp(log_p))


def focal(m: Any, z: Any, y: int, gamma: float = 2.0) -> Any:
    others = sum(p for k, p in enumerate(softmax(m, z)) if k != y)
    return others**gamma * -log_softmax(m, z)[y]


def logit_adjusted(m: Any, z: Any, y: int, class_prior: Tensor, tau: float = 1.0) -> Any:
    return -log_softmax(m, [v + tau * m.log(p) for v, p in zip(z, class_prior.tolist(), strict=True)])[y]


def margins(counts: Tensor, max_margin: float = 0.5, **hyper: Any) -> list[float]:
    roots = [n**-0.25 for n in counts.tolist()]
    return [max_margin * r / max(roots) for r in roots]


def ldam(
    m: Any, z: Any, t: Any, class_count: Tensor, max_margin: float = 0.5, scale: float = 30.0, **hyper: Any
) -> Any:
    t = [float(k == t) for k in range(len(z))] if isinstance(t, int) else t
    shift = zip(z, t, margins(class_count, max_margin), strict=True)
    log_p = log_softmax(m, [scale * (v - t_c * margin) for v, t_c, margin in shift])
    return -sum(t_c * v for t_c, v in zip(t, log_p, strict=True) if t_c)


def both_forms(
    name: str,
    loss: Callable[..., Any],
    soft: Callable[..., Any] | None = None,
    mass: Callable[..., Any] | None = None,
    hypers: tuple[Hyper, ...] = ({},),
    index_rows: tuple[Any, ...] = INDEX_ROWS,
    **fields: Any,
) -> tuple[LossCase, LossCase]:
    """The rows of a loss over classes: against indices, and against probabilities.

    ``loss(m, z, y, **hyper)`` is the loss of an index, ``soft(m, z, t, **hyper)`` that of probabilities t, by
    default Σ t_c loss. Class weights and ignored entries are seen to here.
    """
    fields = {
        "targets": (0, 1, 2),
        "curved": face,
        "best": ([800.0, 0.0, 0.0], 0),
        "unit": 1.0,
    } | fields
    weighs = mass or (lambda z, y, **hyper: float(y != hyper.get("ignore_index", -100)))
    reference = loss if loss is ce else kept(loss)
    index = LossCase(
        name,
        reference,
        layout=INDEX,
        mass=weighs,
        extremes=index_rows,
        outside=INDEX_OUTSIDE,
        hypers=(*hypers, {"ignore_index": 1}),
        **fields,
    )
    fields |= {"best": ([800.0, 0.0, 0.0], [1.0, 0.0, 0.0]), "targets": ONE_HOT}
    probabilities = LossCase(
        name,
        soft or expected(reference),
        layout=PROBABILITIES,
        form="probabilities",
        mass=(lambda z, t, **hyper: expected(lambda m, *unit, **h: weighs(*unit, **h))(math, z, t, **hyper)),
        extremes=tuple((z, list(ONE_HOT[y])) for z, y in index_rows)
        + (([0.0, -INF, 1.0], [0.75, 0.0, 0.25]),),
        outside=SOFT_OUTSIDE,
        hypers=hypers,
        **fields,
    )
    return index, probabilities


def proportional(f: Callable[..., Any]) -> Callable[..., Any]:
    """Probabilities in proportion to f(p, **hyper)."""

    def statistic(p: np.ndarray, **hyper: Any) -> np.ndarray:
        value = f(p, **hyper)
        return value / value.sum()

    return statistic


def smoothed(
    p: np.ndarray, class_weight: Any = None, label_smoothing: float = 0, ignore_index: int = -100
) -> np.ndarray:
    t = (1 - label_smoothing) * p + label_smoothing / len(p)
    t = t if class_weight is None else t * class_weight.numpy()
    return t / t.sum()


def weighted_odds(p: float, pos_weight: float | None = None, label_smoothing: float = 0) -> float:
    t = (1 - label_smoothing) * p + label_smoothing / 2
    return (pos_weight or 1) * t / ((pos_weight or 1) * t + 1 - t)


BOTH_LABELS = (0.0, 1.0)

CLASSIFICATION = (
    *both_forms(
        "cross_entropy",
        ce,
        mass=weighed,
        hypers=(
            {},
            {"class_weight": WEIGHTS},
            {"label_smoothing": 0.1},
            {"class_weight": WEIGHTS, "label_smoothing": 0.1},
        ),
        statistic=smoothed,
    ),
    LossCase(
        "binary_cross_entropy",
        bce,
        layout=BINARY,
        hypers=(
            {},
            {"pos_weight": 3.0},
            {"label_smoothing": 0.1},
            {"pos_weight": 0.5, "label_smoothing": 0.2},
        ),
        extremes=LABEL_ROWS,
        targets=BOTH_LABELS,
        statistic=weighted_odds,
        best=(800.0, 1.0),
        outside=LABELS_OUTSIDE,
    ),
    LossCase(
        "kl_divergence",
        kl,
        layout=PROBABILITIES,
        extremes=SOFT_ROWS,
        targets=((0.2, 0.5, 0.3), *ONE_HOT),
        unit=1.0,
        curved=face,
        statistic=lambda p: p,
        best=([0.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]),
        outside=SOFT_OUTSIDE,
    ),
    LossCase(
        "js_divergence",
        js,
        layout=TWO_LOGITS,
        extremes=tuple((z, s) for z in ROWS[:4] for s in ([-1.0, 2.0, 0.0], [0.0, -2000.0, 0.0])),
        targets=([-2000.0, 0.0, -2000.0], [0.0, 0.0, 0.0]),
        unit=1.0,
        curved=face,
        best=([0.0, 1.0, 3.0], [0.0, 1.0, 3.0]),
        outside=(
            ("input", ([math.nan, 0.0, 0.0], [0.0, 0.0, 0.0])),
            ("target", ([0.0, 0.0, 0.0], [0.0, INF, 0.0])),
        ),
    ),
    *both_forms(
        "brier_loss",
        brier,
        soft=lambda m, z, t: sum((p - t_c) ** 2 for p, t_c in zip(softmax(m, z), t, strict=True)),
        statistic=lambda p, **hyper: p,
    ),
    LossCase(
        "hinge_loss",
        two_sided(hinge_side),
        layout=BINARY,
        hypers=({}, {"margin": 0.5}, {"squared": True}),
        extremes=LABEL_ROWS,
        targets=BOTH_LABELS,
        kinks=lambda margin=1.0, squared=False: (margin, -margin),
        letters=lambda margin=1.0, squared=False: {"m": margin},
        best=(800.0, 1.0),
        outside=LABELS_OUTSIDE,
    ),
    *both_forms(
        "multiclass_hinge_loss",
        multiclass_hinge,
        hypers=({}, {"margin": 0.5}, {"variant": "weston-watkins"}),
        kinks=lambda margin=1.0, **hyper: (margin, -margin, 0.0),
        direction=(1.0, 0.0, 0.0),
        letters=lambda margin=1.0, **hyper: {"m": margin},
    ),
    *both_forms(
        "generalized_cross_entropy",
        gce,
        hypers=({}, {"q": 0.0}, {"q": 1.0}, {"q": 0.2}),
        statistic=proportional(
            lambda p, q=0.7, **hyper: p ** (1 / (1 - q)) if q < 1 else (p == p.max()) * 1.0
        ),
    ),
    *both_forms(
        "symmetric_cross_entropy",
        sce,
        soft=sce_soft,
        hypers=({}, {"alpha": 0.5, "beta": 2.0}, {"alpha": 0.0, "log_zero": -6.0}, {"beta": 0.1}),
        letters=lambda log_zero=-4.0, **hyper: {"A": log_zero},
    ),
    *both_forms("poly_loss", poly, hypers=({}, {"epsilon": 0.0}, {"epsilon": -1.0}, {"epsilon": 2.5})),
)

IMBALANCE = (
    *both_forms(
        "focal_loss",
        focal,
        mass=weighed,
        hypers=({}, {"gamma": 0.0}, {"gamma": 0.5}, {"gamma": 5.0}, {"class_weight": WEIGHTS}),
    ),
    LossCase(
        "binary_focal_loss",
        two_sided(focal_side),
        layout=BINARY,
        hypers=({}, {"gamma": 0.0}, {"gamma": 0.5}, {"gamma": 1.0, "alpha": 0.25}),
        extremes=LABEL_ROWS,
        targets=BOTH_LABELS,
        best=(800.0, 1.0),
        outside=LABELS_OUTSIDE,
    ),
    LossCase(
        "asymmetric_loss",
        two_sided(asymmetric_side),
        layout=BINARY,
        hypers=(
            {},
            {"gamma_neg": 0.0},
            {"gamma_neg": 0.5, "clip": 0.2},
            {"gamma_neg": 1.0},
            {"gamma_pos": 1.0, "gamma_neg": 1.0, "clip": 0.0},
            {"gamma_neg": 2.0, "clip": 0.002},  # here the negative side is the steeper one
            {"gamma_neg": 0.0, "clip": 0.0},
        ),
        extremes=LABEL_ROWS,
        targets=BOTH_LABELS,
        kinks=lambda clip=0.05, **hyper: (0.0, math.log(clip / (1 - clip)) if clip else 0.0),
        letters=lambda gamma_pos=0.0, gamma_neg=4.0, clip=0.05: {"a": gamma_pos, "b": gamma_neg, "m": clip},
        best=(800.0, 1.0),
        outside=LABELS_OUTSIDE,
    ),
    *both_forms(
        "logit_adjusted_loss",
        logit_adjusted,
        required={"class_prior": PRIOR},
        index_rows=tuple(row for row in INDEX_ROWS if 10001.0 not in row[0]),  # + log π rounds at 10001
        hypers=({}, {"tau": 0.0}, {"tau": 1.5}),
        letters=lambda class_prior, **hyper: {"pi": class_prior.tolist()},
        statistic=proportional(lambda p, class_prior, tau=1.0, **hyper: p * class_prior.numpy() ** -tau),
    ),
    *both_forms(
        "ldam_loss",
        ldam,
        soft=ldam,
        required={"class_count": COUNTS},
        hypers=({}, {"max_margin": 0.0}, {"scale": 2.0}),
        index_rows=INDEX_ROWS[:8],
        letters=lambda class_count, max_margin=0.5, scale=30.0, **hyper: {
            "s": scale,
            "Delta": margins(class_count, max_margin),
        },
    ),
)


def overlap(m: Any, z: Any, t: Any, multilabel: bool) -> list[tuple[Any, Any, Any]]:
    """Found, false and missed pixels of each class, from logits and masks [class][pixel]."""
    if multilabel:
        p = [[1 / (1 + m.exp(-v)) for v in row] for row in z]
        q = [[1 / (1 + m.exp(v)) for v in row] for row in z]
    else:
        pixels = [softmax(m, list(column)) for column in zip(*z, strict=True)]
        p = [list(row) for row in zip(*pixels, strict=True)] or [[] for _ in z]
        q = [[sum(v[k] for k in range(len(v)) if k != c) for v in pixels] for c in range(len(z))]
    return [
        (
            sum(min(a, c) for a, c in zip(p_k, t_k, strict=True)),
            sum(max(a - c, 0) for a, c in zip(p_k, t_k, strict=True)),
            sum(max(b - (1 - c), 0) for b, c in zip(q_k, t_k, strict=True)),
        )
        for p_k, q_k, t_k in zip(p, q, t, strict=True)
    ]


def tversky(
    m: Any,
    z: Any,
    t: Any,
    alpha: float = 0.5,
    beta: float = 0.5,
    gamma: float = 1.0,
    smooth: float = 1.0,
    multilabel: bool = False,
    class_weight: Any = None,
) -> list[Any]:
    """One loss a class; the power as a root, so that 1 is 1."""
    losses = []
    for k, (found, false, missed) in enumerate(overlap(m, z, t, multilabel)):
        wrong = alpha * false + beta * missed
        whole = found + wrong + smooth * (alpha + beta) / 2
        loss = (wrong / whole) ** (1 / gamma) if wrong else 0
        losses.append(loss * (1 if class_weight is None else class_weight.tolist()[k]))
    return losses


def generalized_dice(m: Any, z: Any, t: Any, smooth: float = 1.0, multilabel: bool = False) -> Any:
    counts = overlap(m, z, t, multilabel)
    sizes = [sum(row) + smooth for row in t]
    wrong = sum((n + f) / s**2 for (_, n, f), s in zip(counts, sizes, strict=True) if s)
    whole = sum((2 * i + n + f + smooth) / s**2 for (i, n, f), s in zip(counts, sizes, strict=True) if s)
    return wrong / whole if whole else 0


def choquet(errors: list[Any], foreground: list[bool]) -> Any:
    """The integral, over the level u, of the Jaccard loss of having wrong the pixels with errors above u."""

    def jaccard(level: Any) -> Any:
        wrong = [v >= level for v in errors]
        hit = sum(f and not w for f, w in zip(foreground, wrong, strict=True))
        union = sum(f or w for f, w in zip(foreground, wrong, strict=True))
        return 1 - hit / (errors[0] * 0 + union)

    levels = sorted({0, *errors})
    return sum((high - low) * jaccard(high) for low, high in itertools.pairwise(levels))


def lovasz_softmax(
    m: Any, z: Any, y: Any, classes: str = "present", ignore_index: int = -100, **h: Any
) -> Any:
    kept = [i for i, label in enumerate(y) if label != ignore_index]
    pixels = [softmax(m, [row[i] for row in z]) for i in kept]
    losses = []
    for c in range(len(z)):
        inside = [y[i] == c for i in kept]
        others = [sum(v[k] for k in range(len(v)) if k != c) for v in pixels]
        errors = [o if f else v[c] for o, f, v in zip(others, inside, pixels, strict=True)]
        losses.append(choquet(errors, inside) if any(inside) or (classes == "all" and errors) else 0)
    return losses


def present(z: Any, y: Any, classes: str = "present", ignore_index: int = -100, **hyper: Any) -> list[int]:
    return [int(classes == "all" or (c in y and c != ignore_index)) for c in range(len(z))]


def lovasz_hinge(m: Any, z: Any, y: Any, ignore_index: int = -100, **hyper: Any) -> Any:
    kept = [(v, label == 1) for v, label in zip(z, y, strict=True) if label != ignore_index]
    return choquet([max(1 - v if f else 1 + v, 0) for v, f in kept], [f for _, f in kept]) if kept else 0


def mask(tail: Shape) -> Layout:
    """One channel of three logits and a 0/1 mask: the form with a sigmoid."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        size = (shape[0], 1, 3)
        return [uniform(generator, size, low, high), torch.randint(2, size, generator=generator).double()]

    def symbols(z: Any, t: Any) -> dict[str, Any]:
        return {"p": [1 / (1 + math.exp(-v)) for v in z[0]], "t": t[0]}

    return Layout(
        draw=draw,
        units=pieces,
        predictions=lambda x, target: [
            x.unsqueeze(1),
            torch.tensor(target, dtype=x.dtype).expand_as(x).unsqueeze(1),
        ],
        symbols=symbols,
        dim=3,
        tail=tail,
        shape=(4, *tail),
        empty=((0, *tail),),
    )


def region(tail: Shape) -> Layout:
    """Three classes of four pixels, and indices: the form with a softmax."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        logits = uniform(generator, (shape[0], CLASSES, 4), low, high)
        return [logits, torch.randint(CLASSES, (shape[0], 4), generator=generator)]

    return Layout(
        draw=draw,
        units=pieces,
        predictions=lambda x, target: [
            x.reshape(len(x), CLASSES, -1),
            torch.tensor(target).expand(len(x), -1),
        ],
        symbols=lambda z, y: {},
        dim=2 * CLASSES,
        tail=tail,
        shape=(4, *tail),
        empty=((0, *tail),),
    )


def of_indices(loss: Callable[..., Any]) -> Callable[..., Any]:
    """A loss of masks, from indices; the ignored pixels left out."""

    def reference(m: Any, z: Any, y: Any, ignore_index: int = -100, **hyper: Any) -> Any:
        kept = [i for i, label in enumerate(y) if label != ignore_index]
        t = [[int(y[i] == c) for i in kept] for c in range(len(z))]
        return loss(m, [[row[i] for i in kept] for row in z], t, **hyper)

    return reference


def class_masses(z: Any, y: Any, class_weight: Any = None, **hyper: Any) -> list[float]:
    return [1.0] * len(z) if class_weight is None else class_weight.tolist()


def s_is_smooth(**hyper: Any) -> dict[str, Any]:
    return {"s": hyper.get("smooth", 1.0)}


PIXELS = [
    [-3.0, 20.0, 0.5],
    [0.0, -60.0, 7.5],
    [-40.0, 40.0, -1e-3],
    [80.0, 80.0, 80.0],
    [-80.0, -80.0, -80.0],
]
MASK_ROWS = tuple(([z], [t]) for z in PIXELS for t in ([1.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]))
GRID = [[3.0, 0.0, -2.0, 60.0], [1.0, 0.0, 7.5, -60.0], [-2.0, 0.0, 1.0, 5.0]]
LABELS = ([0, 1, 2, 0], [1, 1, 1, 1], [2, 0, 1, 2])
MASK_OUTSIDE = (
    ("input", ([[math.nan, 0.0, 0.0]], [[1.0, 0.0, 0.0]])),
    ("target", ([[0.0, 0.0, 0.0]], [[1.0, 2.0, 0.0]])),
    ("target", ([[0.0, 0.0, 0.0]], [[1.0, math.nan, 0.0]])),
)
REGION_OUTSIDE = (
    ("input", ([[math.nan] * 4] * 3, [0, 1, 2, 0])),
    ("target", (GRID, [0, 1, 2, 3])),
    ("target", (GRID, [0, 1, 2, -1])),
)


def overlap_cases(
    name: str, reference: Callable[..., Any], *hypers: Hyper, printed: bool = True
) -> tuple[LossCase, LossCase]:
    single = name == "generalized_dice_loss"
    as_mask = LossCase(
        name,
        reference,
        layout=mask(() if single else (1,)),
        required={"multilabel": True},
        hypers=({}, *hypers),
        extremes=MASK_ROWS,
        wide=(-30.0, 30.0),
        targets=([1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]),
        letters=s_is_smooth,
        printed=printed,
        topped=False,
        best=([[800.0, -800.0, 800.0]], [[1.0, 0.0, 1.0]]),
        outside=MASK_OUTSIDE,
    )
    weighted = () if single else ({"class_weight": WEIGHTS},)
    indices = dataclasses.replace(
        as_mask,
        reference=of_indices(reference),
        layout=region(() if single else (3,)),
        form="indices",
        required={},
        mass=(lambda *unit, **hyper: 1) if single else class_masses,
        hypers=({}, *hypers, *weighted, {"ignore_index": 1}),
        extremes=tuple((GRID, y) for y in LABELS),
        targets=(),
        best=([[800.0, -800.0], [0.0, 0.0], [-800.0, 800.0]], [0, 2]),
        outside=REGION_OUTSIDE,
    )
    return as_mask, indices


SEGMENTATION = (
    *overlap_cases("dice_loss", tversky, {"smooth": 0.0}, {"smooth": 10.0}),
    *overlap_cases("jaccard_loss", functools.partial(tversky, alpha=1.0, beta=1.0), {"smooth": 0.0}),
    *overlap_cases("tversky_loss", tversky, {"alpha": 0.2, "beta": 0.8}, {"beta": 2.0, "smooth": 0.0}),
    *overlap_cases(
        "focal_tversky_loss",
        lambda m, *unit, **hyper: tversky(m, *unit, **{"alpha": 0.3, "beta": 0.7, "gamma": 4 / 3, **hyper}),
        {"gamma": 0.5},
        {"gamma": 2.0, "smooth": 0.25, "alpha": 1.0},
    ),
    *overlap_cases("generalized_dice_loss", generalized_dice, {"smooth": 0.0}, printed=False),
    LossCase(
        "lovasz_softmax_loss",
        lovasz_softmax,
        layout=region((3,)),
        required={"per_image": True},
        hypers=({}, {"classes": "all"}, {"ignore_index": 1}),
        mass=present,
        extremes=tuple((GRID, y) for y in LABELS),
        wide=(-30.0, 30.0),
        targets=([0, 1], [0, 2]),
        kinks=lambda **hyper: (math.log(2),),
        direction=(1.0, 1.0, 0.0, 0.0, 0.0, 0.0),
        curved=lambda **hyper: torch.stack(
            [face(), torch.tensor([-100.0, 0, 0]).expand(24001, 3)], 2
        ).flatten(1),
        printed=False,
        topped=False,
        best=([[800.0, -800.0], [0.0, 0.0], [-800.0, 800.0]], [0, 2]),
        outside=REGION_OUTSIDE,
    ),
    LossCase(
        "lovasz_hinge_loss",
        lovasz_hinge,
        layout=dataclasses.replace(
            elementwise("z", "y"),
            draw=lambda generator, shape, low, high: [
                uniform(generator, (*shape, 3), low, high),
                torch.randint(2, (*shape, 3), generator=generator),
            ],
            units=pieces,
            predictions=lambda x, target: [x, torch.tensor(target).expand_as(x)],
            dim=3,
            shape=(4,),
            empty=((0,),),
            scalars=False,
        ),
        required={"per_image": True},
        hypers=({}, {"ignore_index": 1}),
        extremes=tuple((z, y) for z in PIXELS for y in ([1, 0, 0], [1, 1, 1], [0, 0, 0])),
        targets=([1, 0, 1], [0, 0, 0], [1, 1, 1]),
        direction=(1.0, 0.0, 0.0),
        printed=False,
        best=([2.0, -2.0, 1.0], [1, 0, 1]),
        outside=(
            ("input", ([math.nan, 0.0, 0.0], [1, 0, 0])),
            ("input", ([0.0, INF, 0.0], [1, 0, 0])),
            ("target", ([0.0, 0.0, 0.0], [1, 2, 0])),
        ),
    ),
)


def box_terms(a: Tensor, b: Tensor) -> dict[str, Tensor]:
    """The letters of the printed formulas of boxes, as the papers define them."""
    low, high = torch.maximum(a[:2], b[:2]), torch.minimum(a[2:], b[2:])
    both = (high - low).clamp(min=0).prod()
    side_a, side_b = a[2:] - a[:2], b[2:] - b[:2]
    hull = torch.maximum(a[2:], b[2:]) - torch.minimum(a[:2], b[:2])
    angles = torch.stack([torch.atan(side[0] / side[1]) for side in (side_a, side_b)])
    return {
        "I": both,
        "U": side_a.prod() + side_b.prod() - both,
        "C": hull.prod(),
        "rho": (a[:2] + a[2:] - b[:2] - b[2:]).norm() / 2,
        "d": hull.norm(),
        "v": 4 / math.pi**2 * (angles[0] - angles[1]) ** 2,
        "theta": angles,
    }


def box_symbols(a: list[float], b: list[float]) -> dict[str, Any]:
    leaf, other = (
        torch.tensor(a, dtype=torch.float64, requires_grad=True),
        torch.tensor(b, dtype=torch.float64),
    )
    terms = box_terms(leaf, other)
    slopes = {
        f"partial{name}": torch.autograd.grad(value, leaf, retain_graph=True)[0].tolist()
        for name, value in terms.items()
        if name != "theta"
    }
    return {name: value.tolist() for name, value in terms.items()} | slopes | {"A": 0, "B": 1}


def draw_boxes(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
    corners = [uniform(generator, (*shape, 2), low, high) for _ in range(2)]
    sides = [uniform(generator, (*shape, 2), (high - low) / 20, (high - low) / 2) for _ in range(2)]
    return [torch.cat([c, c + s], -1) for c, s in zip(corners, sides, strict=True)]


BOXES = Layout(
    draw=draw_boxes,
    units=lambda a, b: pieces(a.reshape(-1, 4), b.reshape(-1, 4)),
    predictions=lambda x, target: [x, torch.tensor(target, dtype=x.dtype).expand_as(x)],
    symbols=box_symbols,
    dim=4,
)
BINS = Layout(
    draw=lambda generator, shape, low, high: [
        uniform(generator, (*shape, 4), low, high),
        uniform(generator, shape, 0, 3),
    ],
    units=lambda z, y: pieces(z.reshape(-1, 4), y.reshape(-1)),
    predictions=lambda x, target: [x, torch.full_like(x[:, 0], target)],
    symbols=lambda z, y: {"z": z, "y": y, "l": math.floor(y)},
    dim=4,
)


def boxes(m: Any, a: Any, b: Any, penalty: str = "") -> Any:
    sides = [max(min(a[i + 2], b[i + 2]) - max(a[i], b[i]), 0) for i in (0, 1)]
    (w, h), (v, u) = ((box[2] - box[0], box[3] - box[1]) for box in (a, b))
    hull = [max(a[i + 2], b[i + 2]) - min(a[i], b[i]) for i in (0, 1)]
    both = sides[0] * sides[1]
    union = w * h + v * u - both
    loss = 1 - both / union
    if penalty == "gap":
        return loss + (hull[0] * hull[1] - union) / (hull[0] * hull[1])
    if penalty:
        shift = sum(((a[i] + a[i + 2] - b[i] - b[i + 2]) / 2) ** 2 for i in (0, 1))
        aspect = 4 / m.pi**2 * (m.atan(w / h) - m.atan(v / u)) ** 2
        full = aspect**2 / (loss + aspect) if aspect and penalty == "aspect" else 0
        loss += shift / (hull[0] ** 2 + hull[1] ** 2) + full
    return loss


BOX_ROWS = (
    ([0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0]),
    ([0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0078125]),
    ([100.0, 200.0, 300.0, 500.0], [100.0, 200.0009765625, 300.0, 500.0009765625]),
    ([-1.0, -1.0, 1.0, 1.0], [-4.0, -2.0, 4.0, 2.0]),
    ([0.0, 0.0, 1.0, 1.0], [30.0, 70.0, 31.0, 75.0]),
    ([0.0, 0.0, 2.0**-20, 2.0**-20], [0.0, 0.0, 2.0**-19, 2.0**-20]),
    ([0.0, 0.0, 2.0**20, 1.0], [0.0, 0.0, 1.0, 2.0**20]),
)


def box_case(name: str, penalty: str, topped: bool = False) -> LossCase:
    return LossCase(
        name,
        lambda m, a, b: boxes(m, a, b, penalty),
        layout=BOXES,
        extremes=BOX_ROWS,
        wide=(0.0, 4e-6),
        targets=([0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1e-6, 1e-6]),
        kinks=lambda: (1.0,),
        direction=(0.0, 0.0, 1.0, 1.0),
        exact=name != "ciou_loss",
        topped=topped,
        best=([0.3, 0.2, 0.9, 0.4], [0.3, 0.2, 0.9, 0.4]),
        outside=(
            ("input", ([math.nan, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0])),
            ("input", ([2.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0])),
            ("target", ([0.0, 0.0, 1.0, 1.0], [0.0, 2.0, 1.0, 1.0])),
            ("target", ([0.0, 0.0, 1.0, 1.0], [0.0, 0.0, INF, 1.0])),
        ),
    )


def dfl(m: Any, z: Any, y: Any) -> Any:
    left = min(math.floor(y), len(z) - 2)
    log_p = log_softmax(m, z)
    return -(left + 1 - y) * log_p[left] - (y - left) * log_p[left + 1]


DETECTION = (
    box_case("iou_loss", "", topped=True),
    box_case("giou_loss", "gap"),
    box_case("diou_loss", "shift"),
    box_case("ciou_loss", "aspect"),
    LossCase(
        "distribution_focal_loss",
        dfl,
        layout=BINS,
        extremes=tuple(
            (z, y)
            for z in ([0.0] * 4, [3.0, 1.0, -2.0, 0.5], [1000.0, 0.0, -5.0, 7.0], [10001.0, 1e4, 9998.0, 1.0])
            for y in (0.0, 0.25, 1.0, 2.5, 3.0)
            if z[0] < 1000 or y > 0.5
        ),
        targets=(0.0, 1.0, 0.25),
        curved=lambda: torch.cat([face(), torch.full((24001, 1), -200.0)], 1),
        best=([800.0, 0.0, 0.0, 0.0], 0.0),
        outside=(
            ("input", ([math.nan, 0.0, 0.0, 0.0], 1.0)),
            ("input", ([INF, 0.0, 0.0, 0.0], 1.0)),
            ("target", ([0.0] * 4, 3.5)),
            ("target", ([0.0] * 4, -0.5)),
            ("target", ([0.0] * 4, math.nan)),
        ),
    ),
)


def vectors(letters: int, dim: int = 2, real_target: bool = False) -> Layout:
    """Rows of vectors that stand for themselves, and perhaps a target between 0 and 1 for each."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        rows = [uniform(generator, (*shape, dim), low, high) for _ in range(letters)]
        return [*rows, uniform(generator, shape, 0, 1)] if real_target else rows

    def predictions(x: Tensor, target: Any) -> list[Tensor]:
        rows = list(x.split(dim, 1))
        return [*rows, torch.full((len(x),), target, dtype=x.dtype)] if real_target else rows

    return Layout(
        draw=draw,
        units=lambda *arguments: pieces(*(a.flatten(0, arguments[0].ndim - 2) for a in arguments)),
        predictions=predictions,
        symbols=lambda *unit: {},
        dim=letters * dim,
    )


def batch(rows: int, inputs: int, labelled: bool = False, dim: int = 2) -> Layout:
    """Rows that compete: one unit is the whole batch."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        vectors = [uniform(generator, (*shape, dim), low, high) for _ in range(inputs)]
        return [*vectors, torch.randint(3, shape, generator=generator)] if labelled else vectors

    def predictions(x: Tensor, target: Any) -> list[Tensor]:
        vectors = list(x.reshape(inputs, rows, dim))
        return [*vectors, torch.tensor(target)] if labelled else vectors

    return Layout(
        draw=draw,
        units=lambda *arguments: [tuple(a.tolist() for a in arguments)],
        predictions=predictions,
        symbols=lambda *unit: {},
        dim=rows * inputs * dim,
        shape=(7,),
        empty=((0,),),
        whole=True,
    )


def norm(m: Any, u: Any) -> Any:
    return m.sqrt(sum(a * a for a in u))


def apart(m: Any, u: Any, v: Any) -> Any:
    return norm(m, [a - b for a, b in zip(u, v, strict=True)])


def cosine(m: Any, u: Any, v: Any) -> Any:
    lengths = norm(m, u) * norm(m, v)
    return sum(a * b for a, b in zip(u, v, strict=True)) / lengths if lengths else 0


def log_share(m: Any, s: Any, j: int) -> Any:
    """−log of the share of entry j in the softmax of s."""
    top = max(s)
    return top + m.log(sum(m.exp(v - top) for v in s)) - s[j]


def contrastive(m: Any, u: Any, v: Any, y: Any, margin: float = 1.0) -> Any:
    d = apart(m, u, v)
    return (y * d * d + (1 - y) * max(margin - d, 0) ** 2) / 2


def triplet(m: Any, a: Any, p: Any, n: Any, margin: float = 1.0, soft: bool = False) -> Any:
    lead = apart(m, a, p) - apart(m, a, n)
    return m.log(1 + m.exp(lead)) if soft else max(lead + margin, 0)


def batch_hard(m: Any, x: Any, y: Any, **hyper: Any) -> Any:
    losses = []
    for i, a in enumerate(x):
        positives = [p for j, p in enumerate(x) if j != i and y[j] == y[i]]
        negatives = [n for j, n in enumerate(x) if y[j] != y[i]]
        both = positives and negatives
        far = max(positives, key=lambda p: apart(m, a, p)) if both else a
        near = min(negatives, key=lambda n: apart(m, a, n)) if both else a
        losses.append(triplet(m, a, far, near, **hyper) if both else 0)
    return losses


def has_both(x: Any, y: Any, **hyper: Any) -> list[int]:
    return [int(y.count(label) > 1 and y.count(label) < len(y)) for label in y]


def info_nce(m: Any, q: Any, k: Any, temperature: float = 0.1, symmetric: bool = False) -> Any:
    def one_way(q: Any, k: Any) -> list[Any]:
        return [log_share(m, [cosine(m, a, b) / temperature for b in k], i) for i, a in enumerate(q)]

    if not symmetric:
        return one_way(q, k)
    return [(a + b) / 2 for a, b in zip(one_way(q, k), one_way(k, q), strict=True)]


def supcon(m: Any, x: Any, y: Any, temperature: float = 0.1) -> Any:
    losses = []
    for i, a in enumerate(x):
        others = [j for j in range(len(x)) if j != i]
        s = [cosine(m, a, x[j]) / temperature for j in others]
        positives = [n for n, j in enumerate(others) if y[j] == y[i]]
        losses.append(sum(log_share(m, s, n) for n in positives) / max(len(positives), 1))
    return losses


def each_row(first: Any, *rest: Any, **hyper: Any) -> list[int]:
    return [1] * len(first)


def has_positive(x: Any, y: Any, **hyper: Any) -> list[int]:
    return [int(y.count(label) > 1) for label in y]


def nt_xent(m: Any, u: Any, v: Any, temperature: float = 0.5) -> Any:
    n = len(u)
    losses = supcon(m, [*u, *v], [*range(n), *range(n)], temperature)
    return [(a + b) / 2 for a, b in zip(losses[:n], losses[n:], strict=True)]


def siglip(m: Any, u: Any, v: Any, logit_scale: float = 10.0, logit_bias: float = -10.0) -> Any:
    def pair(i: int, j: int) -> Any:
        s = (1 if i == j else -1) * (logit_scale * cosine(m, u[i], v[j]) + logit_bias)
        return m.log(1 + m.exp(-s))

    return [sum(pair(i, j) for j in range(len(v))) for i in range(len(u))]


def arcface(m: Any, z: Any, y: int, margin: float = 0.5, scale: float = 64.0) -> Any:
    rotated = m.cos(m.acos(z[y]) + margin)
    return log_share(m, [scale * (rotated if j == y else v) for j, v in enumerate(z)], y)


def cosface(m: Any, z: Any, y: int, margin: float = 0.35, scale: float = 64.0) -> Any:
    return log_share(m, [scale * (v - margin * (j == y)) for j, v in enumerate(z)], y)


def rows_of(names: str, *good: Any, bad: Any = ([math.nan, 0.0], [0.0, math.inf])) -> Any:
    """Each of the vectors in turn with an entry that is not finite."""
    return tuple(
        (name, (*good[:i], wrong, *good[i + 1 :])) for i, name in enumerate(names.split()) for wrong in bad
    )


COSINES = dataclasses.replace(INDEX, shape=(6,), empty=((0,),))
U, V, W = [0.3, -1.0], [2.0, 0.5], [-1.0, 0.25]
FAR_APART = tuple(([s * a for a in U], [s * b for b in V], W) for s in (1e-12, 1e-3, 1.0, 1e3, 1e12))
SINGLE = ((U, V), (U, U), ([1e-30, 0.0], [2.0, 1.0]), ([0.0, 0.0], V))
LABELLED = ((U, 0), ([0.0, 0.0], 2))
NEAR_ZERO = (-1e-5, 1e-5)

REPRESENTATION = (
    LossCase(
        "contrastive_loss",
        contrastive,
        layout=vectors(2, real_target=True),
        hypers=({}, {"margin": 2.5}),
        extremes=tuple((u, v, y) for u, v, _ in FAR_APART for y in (0.0, 1.0, 0.25))
        + ((U, U, 1.0), (U, U, 0.0)),
        low=-1.0,
        high=1.0,
        targets=(1.0, 0.0),
        direction=(1.0, 0.0, 0.0, 1.0),
        printed=False,
        best=(U, U, 1.0),
        outside=(*rows_of("input1 input2", U, V, 0.5), ("target", (U, V, 1.5)), ("target", (U, V, math.nan))),
    ),
    LossCase(
        "triplet_loss",
        triplet,
        layout=vectors(3),
        hypers=({}, {"margin": 0.0}, {"margin": 2.5}, {"soft": True}),
        extremes=(*FAR_APART[:3], (U, U, V), (U, V, U), (U, U, U)),
        direction=(0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
        printed=False,
        best=(U, U, [2000.0, 0.0]),
        outside=rows_of("anchor positive negative", U, V, W),
    ),
    LossCase(
        "batch_hard_triplet_loss",
        batch_hard,
        layout=batch(4, 1, labelled=True),
        hypers=({}, {"margin": 0.0}, {"soft": True}),
        mass=has_both,
        extremes=LABELLED,
        targets=((0, 0, 1, 1),),
        direction=(0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        printed=False,
        best=(U, 0),
        outside=rows_of("input", U, 0),
    ),
    LossCase(
        "info_nce_loss",
        info_nce,
        layout=batch(3, 2),
        mass=each_row,
        hypers=({}, {"temperature": 1.0}, {"symmetric": True}),
        extremes=SINGLE,
        wide=NEAR_ZERO,
        printed=False,
        best=(U, V),
        outside=rows_of("query keys", U, V),
    ),
    LossCase(
        "nt_xent_loss",
        nt_xent,
        layout=batch(3, 2),
        mass=each_row,
        hypers=({}, {"temperature": 0.1}),
        extremes=SINGLE,
        wide=NEAR_ZERO,
        printed=False,
        best=(U, V),
        outside=rows_of("input1 input2", U, V),
    ),
    LossCase(
        "siglip_loss",
        siglip,
        layout=batch(3, 2),
        mass=each_row,
        hypers=({}, {"logit_scale": 3.0, "logit_bias": -1.0}),
        extremes=SINGLE,
        wide=NEAR_ZERO,
        printed=False,
        best=(U, U),
        outside=rows_of("input1 input2", U, V),
    ),
    LossCase(
        "supcon_loss",
        supcon,
        layout=batch(4, 1, labelled=True),
        hypers=({}, {"temperature": 1.0}),
        mass=has_positive,
        extremes=LABELLED,
        targets=((0, 0, 1, 0),),
        wide=NEAR_ZERO,
        printed=False,
        best=(U, 0),
        outside=rows_of("input", U, 0),
    ),
    LossCase(
        "arcface_loss",
        arcface,
        layout=COSINES,
        hypers=({}, {"margin": 0.3}),
        extremes=(([0.5, 0.2, -0.9], 0), ([0.5, 0.2, -0.9], 2), ([0.99, 0.2, 1.0], 1), ([0.0, 0.0, 0.0], 1)),
        low=-0.3,
        high=0.3,
        wide=(-1.0, 1.0),
        targets=(0, 2),
        letters=lambda margin=0.5, scale=64.0: {"m": margin, "s": scale},
        unit=1.0,
        best=([1.0, -1.0, -1.0], 0),
        outside=(("input", ([0.0, 1.5, 0.0], 0)), ("input", ([math.nan, 0.0, 0.0], 0)), *INDEX_OUTSIDE[2:]),
    ),
    LossCase(
        "cosface_loss",
        cosface,
        layout=COSINES,
        hypers=({}, {"margin": 0.1, "scale": 32.0}),
        extremes=(([0.5, 0.2, -0.9], 0), ([0.5, 0.2, -0.9], 2), ([0.99, 0.2, 1.0], 1), ([0.0, 0.0, 0.0], 1)),
        low=-0.9,
        high=0.9,
        targets=(0, 2),
        curved=lambda margin=0.35, scale=64.0: face() * 6 / scale + margin * torch.tensor([1.0, 0, 1]),
        letters=lambda margin=0.35, scale=64.0: {"m": margin, "s": scale},
        unit=1.0,
        best=([1.0, -1.0, -1.0], 0),
        outside=(("input", ([0.0, 1.5, 0.0], 0)), ("input", ([math.nan, 0.0, 0.0], 0)), *INDEX_OUTSIDE[2:]),
    ),
)


def pair(target: bool) -> Layout:
    """Two scores, and perhaps a target of 1 or −1."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        scores = [uniform(generator, shape, low, high) for _ in range(2)]
        sign = 2.0 * torch.randint(2, shape, generator=generator) - 1
        return [*scores, sign.double()] if target else scores

    def predictions(x: Tensor, sign: Any) -> list[Tensor]:
        return [x[:, 0], x[:, 1], torch.full_like(x[:, 0], sign)] if target else [x[:, 0], x[:, 1]]

    letters = ("s", "t", "y") if target else ("s", "t")
    return dataclasses.replace(elementwise(*letters), draw=draw, predictions=predictions, dim=2)


def preferences() -> Layout:
    """Log-probabilities of two answers by a policy, which predicts, and by a reference."""

    def predictions(x: Tensor, target: Any) -> list[Tensor]:
        zero = torch.zeros_like(x[:, 0])
        return [x[:, 0], x[:, 1], zero, zero]

    return dataclasses.replace(elementwise("p", "q", "c", "r"), predictions=predictions, dim=2)


def lists(n: int) -> Layout:
    """Rows of scores against rows of relevance, of which only the order counts."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        relevance = torch.randint(3, (*shape, n), generator=generator)
        return [uniform(generator, (*shape, n), low, high), relevance]

    return dataclasses.replace(
        vectors(2, dim=n),
        draw=draw,
        predictions=lambda x, target: [x, torch.tensor(target, dtype=x.dtype).expand_as(x)],
        dim=n,
    )


def listmle(m: Any, s: Any, y: Any) -> Any:
    order = sorted(range(len(y)), key=lambda i: (-y[i], i))
    left = [s[i] for i in order]
    return sum(log_share(m, left[k:], 0) for k in range(len(left)))


OPPOSED = torch.stack([linspace(-6, 6, 12001), -linspace(-6, 6, 12001)], 1)
RANKING = (
    LossCase(
        "margin_ranking_loss",
        lambda m, s, t, y, margin=0.0: max(margin - y * (s - t), 0),
        layout=pair(target=True),
        hypers=({}, {"margin": 1.0}, {"margin": -0.5}),
        extremes=tuple((s, t, y) for s, t in ((0.25, -1.0), (1e15, 0.0), (0.0, 1e-30)) for y in (1.0, -1.0)),
        targets=(1.0, -1.0),
        kinks=lambda margin=0.0: (margin / 2, -margin / 2),
        direction=(1.0, -1.0),
        letters=lambda margin=0.0: {"m": margin},
        best=(1e3, 0.0, 1.0),
        outside=(
            ("input1", (math.nan, 0.0, 1.0)),
            ("input2", (0.0, math.inf, 1.0)),
            ("target", (0.0, 0.0, 0.5)),
        ),
    ),
    LossCase(
        "bpr_loss",
        lambda m, s, t: log_share(m, [s, t], 0),
        layout=pair(target=False),
        extremes=((0.0, 0.0), (0.3, -20.0), (-20.0, 20.0), (1000.0, -1000.0), (1e-30, 0.0), (-1e15, 1e15)),
        curved=lambda: OPPOSED,
        best=(800.0, 0.0),
        unit=1e-16,
        outside=(("positive", (math.nan, 0.0)), ("negative", (0.0, math.inf))),
    ),
    LossCase(
        "listmle_loss",
        listmle,
        layout=lists(3),
        extremes=(
            ([0.0, 0.0, 0.0], [1, 2, 3]),
            ([400.0, 200.0, 0.0], [3, 2, 1]),
            ([400.0, 200.0, 0.0], [1, 2, 3]),
            ([1.0, -2.5, 0.25], [2, 2, 2]),
        ),
        targets=([3.0, 2.0, 1.0],),
        curved=lambda: torch.cat([torch.full((12001, 1), -100.0), OPPOSED], 1),
        printed=False,
        unit=1e-16,
        best=([800.0, 0.0, -800.0], [3, 2, 1]),
        outside=(
            ("input", ([0.0, math.nan, 0.0], [1, 2, 3])),
            ("input", ([0.0, math.inf, 0.0], [1, 2, 3])),
            ("target", ([0.0, 0.0, 0.0], [math.nan, 0.0, 0.0])),
        ),
    ),
    LossCase(
        "dpo_loss",
        lambda m, p, q, c, r, beta=0.1: log_share(m, [beta * (p - c), beta * (q - r)], 0),
        layout=preferences(),
        hypers=({}, {"beta": 0.5}),
        extremes=(
            (0.0, 0.0, 0.0, 0.0),
            (-10.0, -12.0, -13.0, -9.0),
            (-1e4, 0.0, 0.0, 1e4),
            (0.0, -100.0, 0.0, 0.0),
        ),
        curved=lambda beta=0.1: OPPOSED,
        best=(1e4, 0.0, 0.0, 0.0),
        unit=1e-16,
        outside=tuple(
            (name, tuple(math.nan if i == j else 0.0 for j in range(4)))
            for i, name in enumerate(
                ("policy_chosen", "policy_rejected", "reference_chosen", "reference_rejected")
            )
        ),
    ),
)

STATISTICS = ("barlow_twins_loss", "vicreg_loss")
"""Losses of a whole batch, without weight or reduction: test_representation holds all there is of them."""


CASES = (*REGRESSION, *CLASSIFICATION, *IMBALANCE, *SEGMENTATION, *DETECTION, *REPRESENTATION, *RANKING)


def _asymmetric_laplace(v: float, q: float) -> float:
    kappa = math.sqrt(q / (1 - q))
    return scipy.stats.laplace_asymmetric(kappa, scale=1 / math.sqrt(q * (1 - q))).logpdf(v)


def _two_piece_normal(v: float, tau: float) -> float:
    weight = tau if v >= 0 else 1 - tau
    return scipy.stats.norm(0, math.sqrt(0.5 / weight)).logpdf(v) - math.log(math.sqrt(weight))
