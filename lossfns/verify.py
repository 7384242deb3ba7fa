"""Turn a claim about a loss into a check: gradient, convexity, constants, the statistic elicited, and more.

Every checker works in float64, answers with a :class:`Verdict` (what was compared, and the counterexample
if there is one) and draws its random points from a fixed seed. ``points`` holds one point a row: shape (n,)
for functions of a number, (n, d) for functions of a vector; a checked function maps them to shape (n,).

>>> print(convex(lambda r: r.abs(), linspace(-5, 5)))
holds: convex: 10000 chords, the function above none of them
>>> print(convex(lambda r: r.abs().sqrt(), linspace(-5, 5)))
FAILS: convex: at 0.259 of the way from 0 to -4.11 the function is 1.0324, the chord 0.52575
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]

HALF = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Verdict:
    """What a checker found: the claim, whether it holds, and what was compared (or the counterexample)."""

    claim: str
    holds: bool
    evidence: str

    def __bool__(self) -> bool:
        return bool(self.holds)  # a NumPy bool would be no truth value here

    def __str__(self) -> str:
        return f"{'holds' if self.holds else 'FAILS'}: {self.claim}: {self.evidence}"


def linspace(low: float, high: float, n: int = 1001) -> Tensor:
    """``n`` evenly spaced float64 points from ``low`` to ``high``."""
    return low + (high - low) * torch.arange(n, dtype=torch.float64) / (n - 1)


def random_points(low: float, high: float, dim: int, n: int = 1000, seed: int = 0) -> Tensor:
    """``n`` uniform random float64 points of the cube [low, high]^dim, shape (n, dim)."""
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(n, dim, generator=generator, dtype=torch.float64)


def of_residual(loss: Callable[..., Tensor], **hyperparameters: float) -> Function:
    """A regression loss as a function of the residual alone: unreduced, at target 0."""
    return lambda r: loss(r, torch.zeros_like(r), reduction="none", **hyperparameters)


def equal(f: Function, g: Function, points: Tensor, tol: float = 1e-9, claim: str = "equal") -> Verdict:
    """Two functions agree at every point, to ``tol`` relative to max(1, |g|); infinities must agree too."""
    ours, theirs = f(points), g(points)
    error = torch.where(ours == theirs, 0.0, (ours - theirs).abs() / theirs.abs().clamp(min=1))
    error = error.nan_to_num(nan=torch.inf).reshape(len(points), -1).amax(1)
    worst = int(error.argmax())
    if error[worst] <= tol:
        return Verdict(claim, True, f"{len(points)} points, the same to within {tol:g}")
    here = f"at {_show(points[worst])} {_show(ours[worst])} against {_show(theirs[worst])}"
    return Verdict(claim, False, here)


def gradient(f: Function, claimed: Function, points: Tensor, tol: float = 1e-9) -> Verdict:
    """The claimed gradient, of the shape of ``points``, is the one that autograd finds."""
    return equal(claimed, lambda x: _gradient(f, x), points, tol, "gradient")


def convex(f: Function, points: Tensor, chords: int = 10_000, tol: float = 1e-9, seed: int = 0) -> Verdict:
    """The function lies on or below its chords between random pairs of ``points``."""
    a, b, share = _pairs(points, chords, seed)
    t = share.reshape(-1, *[1] * (points.ndim - 1))
    value, chord = f((1 - t) * a + t * b), (1 - share) * f(a) + share * f(b)
    excess = ((value - chord) / chord.abs().clamp(min=1)).nan_to_num(nan=torch.inf)
    worst = int(excess.argmax())
    if excess[worst] <= tol:
        return Verdict("convex", True, f"{chords} chords, the function above none of them")
    where = f"at {float(share[worst]):.3g} of the way from {_show(a[worst])} to {_show(b[worst])}"
    values = f"the function is {_show(value[worst])}, the chord {_show(chord[worst])}"
    return Verdict("convex", False, f"{where} {values}")


def lipschitz(
    f: Function, bound: float, points: Tensor, *, tight: bool = False, chords: int = 10_000, seed: int = 0
) -> Verdict:
    """No chord between ``points`` is steeper than ``bound``; if ``tight``, some gradient comes within 1 %."""
    claim = f"{bound:.4g}-Lipschitz"
    return _slopes(
        claim, lambda x: f(x).unsqueeze(1), _gradient(f, points), bound, points, tight, chords, seed
    )


def smooth(
    f: Function, bound: float, points: Tensor, *, tight: bool = False, chords: int = 10_000, seed: int = 0
) -> Verdict:
    """The gradient is ``bound``-Lipschitz; if ``tight``, neighbouring points come within 1 % of the bound."""

    def flat_gradient(x: Tensor) -> Tensor:
        return _gradient(f, x).reshape(len(x), -1)

    a, b = points[:-1].reshape(len(points) - 1, -1), points[1:].reshape(len(points) - 1, -1)
    slopes = flat_gradient(points).diff(dim=0) / (b - a).norm(dim=1, keepdim=True)
    return _slopes(f"{bound:.4g}-smooth", flat_gradient, slopes, bound, points, tight, chords, seed)


def differentiable(f: Function, points: Tensor, order: int = 1, tol: float = 1e-3) -> Verdict:
    """The derivatives up to ``order`` of a function of a number have no jump at any of the points.

    Put the suspected kinks among the points: a jump is seen across a point, 1e-7 to either side.
    """
    claim = f"{order} times continuously differentiable"
    for times in range(1, order + 1):
        f = _derivative(f)
        left, right = f(points - 1e-7), f(points + 1e-7)
        jump = ((right - left).abs() / right.abs().clamp(min=1)).nan_to_num(nan=torch.inf)
        worst = int(jump.argmax())
        if jump[worst] > tol:
            sides = f"from {_show(left[worst])} to {_show(right[worst])} at {_show(points[worst])}"
            return Verdict(claim, False, f"derivative {times} jumps {sides}")
    return Verdict(claim, True, f"no jump at {len(points)} points")


def elicits(loss: Loss, statistic: float, sample: Tensor, tol: float = 1e-6) -> Verdict:
    """The constant prediction of least average loss on ``sample`` is ``statistic``.

    ``loss(input, target)`` is element-wise. ``tol`` is relative to the range of the sample.
    """
    sample = sample.to(torch.float64)
    best = minimiser(lambda a: _risk(loss, a, sample), float(sample.min()), float(sample.max()))
    error = abs(best - statistic) / float(sample.max() - sample.min())
    evidence = f"least average loss at {best:.5g}, the claimed statistic is {statistic:.5g}"
    return Verdict("elicits", error <= tol, evidence)


def proper(loss: Loss, link: Function = torch.sigmoid, tol: float = 1e-6) -> Verdict:
    """The expected loss of a binary target is least where ``link(input)`` is its probability.

    ``loss(input, target)`` is element-wise, ``target`` is 0 or 1. Tried: 0.05, 0.10, …, 0.95.
    """
    worst, evidence = tol, "19 probabilities, each recovered"
    for eta in linspace(0.05, 0.95, 19).tolist():

        def risk(z: Tensor, eta: float = eta) -> Tensor:
            return eta * loss(z, torch.ones_like(z)) + (1 - eta) * loss(z, torch.zeros_like(z))

        best = float(link(torch.tensor(minimiser(risk, -20, 20), dtype=torch.float64)))
        if abs(best - eta) > worst:
            worst, evidence = abs(best - eta), f"for probability {eta:.2f} the best prediction is {best:.5g}"
    return Verdict("proper", worst <= tol, evidence)


def invariant(f: Function, transform: Function, points: Tensor, tol: float = 1e-9) -> Verdict:
    """The function does not change when its argument is transformed."""
    return equal(lambda x: f(transform(x)), f, points, tol, "invariant")


def limit(
    family: Callable[[Tensor, float], Tensor],
    values: Sequence[float],
    target: Function,
    points: Tensor,
    tol: float = 1e-3,
) -> Verdict:
    """``family(points, v)`` comes ever closer to ``target(points)`` along ``values``, at last to ``tol``."""
    goal = target(points)
    errors = [float((family(points, v) - goal).abs().max()) for v in values]
    falling = all(b <= a for a, b in pairwise(errors))
    evidence = ", ".join(f"{v:g} → {error:.3g}" for v, error in zip(values, errors, strict=True))
    return Verdict("limit", falling and errors[-1] <= tol, f"largest distance {evidence}")


def finite(
    loss: Loss,
    inputs: Sequence[float] = (0.0, 1e-4, 1.0, 20.0, 100.0, 1e4),
    targets: Sequence[float] = (0.0, 1.0),
    dtypes: Sequence[torch.dtype] = (*HALF, torch.float32, torch.float64),
) -> Verdict:
    """Value and gradient are finite at ``inputs`` of both signs, every target, every dtype."""
    tried = 0
    for dtype in dtypes:
        for x in [sign * abs(v) for v in inputs for sign in (1, -1)]:
            for y in targets:
                input = torch.tensor([x], dtype=dtype, requires_grad=True)
                value = loss(input, torch.tensor([y], dtype=dtype)).sum()
                (slope,) = torch.autograd.grad(value, input)
                tried += 1
                if not (value.isfinite() and slope.isfinite().all()):
                    where = f"input {x:g}, target {y:g}, {dtype}"
                    return Verdict(
                        "finite", False, f"{where}: value {value.item():g}, gradient {slope.item():g}"
                    )
    return Verdict("finite", True, f"{tried} values and gradients in {len(dtypes)} dtypes")


def minimiser(f: Function, low: float, high: float) -> float:
    """Where a function of a number is least on [low, high]: a grid of 201 points, zoomed until it is exact.

    Finds the global minimum if its basin is wider than 1/100 of the interval.
    """
    for _ in range(9):
        grid = linspace(low, high, 201)
        best = int(f(grid).argmin())
        step = (high - low) / 200
        low, high = max(low, float(grid[best]) - step), min(high, float(grid[best]) + step)
    return (low + high) / 2


def report(loss: Loss, low: float = -5.0, high: float = 5.0, sample: Tensor | None = None) -> str:
    """Everything the checkers can say of an element-wise ``loss(input, target)``, as text.

    The loss is looked at as a function of ``input`` on [low, high] with target 0. ``sample`` (default: 2001
    quantiles of a log-normal law) is what the constant prediction is fitted to.
    """
    step = 1e-6
    points = linspace(low, high) + 2 * step  # no difference straddles the kink that many losses have at 0

    def f(x: Tensor) -> Tensor:
        return loss(x, torch.zeros_like(x))

    differences = equal(
        lambda x: _gradient(f, x),
        lambda x: (f(x + step) - f(x - step)) / (2 * step),
        points,
        1e-4,
        "gradient equals a central difference",
    )
    slopes, wide = _gradient(f, points).abs().max(), _gradient(f, 10 * points).abs().max()
    growth = "grows" if wide > 1.01 * slopes else "does not grow"
    if sample is None:
        n = 2001
        sample = torch.exp(torch.special.ndtri(linspace(0.5 / n, 1 - 0.5 / n, n)))
    best = minimiser(lambda a: _risk(loss, a, sample), float(sample.min()), float(sample.max()))
    lines = (
        str(differences),
        str(convex(f, points)),
        str(finite(loss)),
        f"slope: at most {float(slopes):.4g} on [{low:g}, {high:g}]; {growth} on ten times the range",
        f"estimates: {best:.4g} on a sample of mean {float(sample.mean()):.4g}, median {_median(sample):.4g}",
    )
    return "\n".join(lines)


def _median(sample: Tensor) -> float:
    return float(sample.quantile(0.5))


def _derivative(f: Function) -> Function:
    return lambda x: torch.func.vmap(torch.func.grad(lambda v: f(v.unsqueeze(0)).squeeze(0)))(x)


def _gradient(f: Function, points: Tensor) -> Tensor:
    x = points.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(f(x).sum(), x)
    return slope


def _risk(loss: Loss, constants: Tensor, sample: Tensor) -> Tensor:
    shape = (len(constants), len(sample))
    return loss(constants.unsqueeze(1).expand(shape), sample.expand(shape)).mean(1)


def _pairs(points: Tensor, n: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(len(points), (n,), generator=generator)
    second = torch.randint(len(points), (n,), generator=generator)
    return points[first], points[second], torch.rand(n, generator=generator, dtype=torch.float64)


def _slopes(
    claim: str,
    f: Function,
    local: Tensor,
    bound: float,
    points: Tensor,
    tight: bool,
    chords: int,
    seed: int,
) -> Verdict:
    a, b, _ = _pairs(points, chords, seed)
    distance = (a - b).reshape(chords, -1).norm(dim=1)
    rise = (f(a) - f(b)).norm(dim=1)
    ratio = torch.where(distance > 0, rise / distance, 0.0).nan_to_num(nan=torch.inf)
    steepest = float(local.reshape(len(local), -1).norm(dim=1).nan_to_num(nan=torch.inf).max())
    worst = int(ratio.argmax())
    if max(steepest, float(ratio[worst])) > bound * (1 + 1e-9):
        chord = f"{float(ratio[worst]):.5g} between {_show(a[worst])} and {_show(b[worst])}"
        return Verdict(claim, False, f"steepest chord {chord}, steepest slope {steepest:.5g}")
    evidence = f"{chords} chords, steepest {float(ratio[worst]):.5g}; steepest slope {steepest:.5g}"
    return Verdict(claim, not tight or steepest >= 0.99 * bound, evidence)


def _show(value: Tensor) -> str:
    numbers = [f"{float(v):.5g}" for v in value.detach().reshape(-1)[:5]]
    more = ", …" if value.numel() > 5 else ""
    return numbers[0] if value.numel() == 1 else "(" + ", ".join(numbers) + more + ")"
