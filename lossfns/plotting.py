"""The figures that recur in the book. Needs matplotlib, which nothing else in the package imports."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import torch
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossfns.verify import Function, line

# Okabe & Ito's colours tell apart with any colour vision; the line styles tell apart without any.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))


def style() -> None:
    """Set the book's style: colours and line styles in one cycle, light grid, no box, text one can read."""
    plt.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=STYLES),
            "axes.grid": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "figure.constrained_layout.use": True,
            "figure.dpi": 110,
            "figure.figsize": (7.0, 3.4),
            "font.size": 10.5,
            "grid.alpha": 0.3,
            "legend.frameon": False,
            "lines.linewidth": 1.9,
            "savefig.facecolor": "white",
        }
    )


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
    x = line(low, high, 801).requires_grad_()
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
    x, y = line(*xlim, 161), line(*ylim, 161)
    points = torch.cartesian_prod(x, y)
    values = f(points).reshape(len(x), len(y)).T
    axes.contour(x, y, values.detach(), levels=14, colors="0.55", linewidths=0.9, linestyles="-")
