"""The figures that recur in the book. Needs matplotlib, which nothing else in the package imports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

try:
    import matplotlib.pyplot as plt
except ModuleNotFoundError as error:
    needed = "lossfns.plotting needs matplotlib: pip install 'lossfns[plot]'"
    raise ModuleNotFoundError(needed, name=error.name) from error
from matplotlib import rc_params_from_file
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossfns.verify import Function, linspace

_STYLE = rc_params_from_file(Path(__file__).with_name("book.mplstyle"), use_default_template=False)
COLOURS, STYLES = (_STYLE["axes.prop_cycle"].by_key()[key] for key in ("color", "linestyle"))


def style() -> None:
    """Set the book's style: colours and line styles in one cycle, light grid, no box, text one can read."""
    plt.rcParams.update(_STYLE)


def loss_and_gradient(
    losses: Mapping[str, Function],
    low: float = -4.0,
    high: float = 4.0,
    *,
    xlabel: str = r"residual $\hat y - y$",
    ylim: tuple[float, float] | None = None,
) -> Figure:
    """Draw losses of one variable (left) and their gradients by autograd (right), labelled by their names."""
    figure, (left, right) = plt.subplots(1, 2)
    x = linspace(low, high, 801).requires_grad_()
    for name, f in losses.items():
        value = f(x)
        (slope,) = torch.autograd.grad(value.sum(), x)
        left.plot(x.detach(), value.detach(), label=name)
        right.plot(x.detach(), slope)
    left.set(xlabel=xlabel, ylabel="loss", ylim=ylim)
    right.set(xlabel=xlabel, ylabel="gradient")
    figure.legend(loc="outside upper center", ncols=min(len(losses), 3))
    return figure


def contours(axes: Axes, f: Function, xlim: tuple[float, float], ylim: tuple[float, float]) -> None:
    """Draw the level sets of a function of two variables; ``f`` maps points of shape (n, 2) to (n,)."""
    x, y = linspace(*xlim, 161), linspace(*ylim, 161)
    points = torch.cartesian_prod(x, y)
    values = f(points).reshape(len(x), len(y)).T
    axes.contour(x, y, values.detach(), levels=14, colors="0.55")
