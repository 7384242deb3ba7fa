"""The recurring figures show what they say."""

from __future__ import annotations

import importlib
import sys
from importlib.abc import MetaPathFinder

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from torch import Tensor

from lossfns import plotting


class WithoutMatplotlib(MetaPathFinder):
    def find_spec(self, name: str, *_: object) -> None:
        if name == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name == "lossfns.plotting" or name.partition(".")[0] == "matplotlib":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [WithoutMatplotlib(), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError, match=r"matplotlib: pip install 'lossfns\[plot\]'") as error:
        importlib.import_module("lossfns.plotting")
    assert error.value.name == "matplotlib"


@pytest.fixture(autouse=True)
def _own_style() -> object:
    with mpl.rc_context():
        plotting.style()
        yield
    plt.close("all")


def test_lines_differ_in_colour_and_in_style() -> None:
    cycle = list(mpl.rcParams["axes.prop_cycle"])
    assert len({entry["color"] for entry in cycle}) == len(cycle)
    assert len({str(entry["linestyle"]) for entry in cycle}) == len(cycle)


def test_other_settings_are_left_alone() -> None:
    mpl.rcParams["savefig.dpi"] = 77
    plotting.style()
    assert mpl.rcParams["savefig.dpi"] == 77


def test_the_names_of_colours_and_styles_are_those_of_the_cycle() -> None:
    cycle = mpl.rcParams["axes.prop_cycle"].by_key()
    assert (cycle["color"], cycle["linestyle"]) == (plotting.COLOURS, plotting.STYLES)


def data(axes: Axes) -> tuple[Tensor, Tensor]:
    """The points of the first line that is drawn."""
    x, y = axes.lines[0].get_data()
    return torch.as_tensor(x), torch.as_tensor(y)


def test_loss_and_gradient() -> None:
    losses = {"square": torch.square, "absolute": torch.abs}
    figure = plotting.loss_and_gradient(losses, -2, 2, xlabel="r", ylim=(0, 3))
    left, right = figure.axes
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["square", "absolute"]
    x, y = data(left)
    assert (x[0].item(), x[-1].item()) == (-2, 2)
    assert torch.allclose(y, x**2)
    x, y = data(right)
    assert torch.allclose(y, 2 * x)
    assert left.get_ylim() == (0, 3)
    assert right.get_ylim() == pytest.approx((-4.4, 4.4))
    assert left.get_xlabel() == right.get_xlabel() == "r"
    assert left.get_ylabel() == "loss"
    assert right.get_ylabel() == "gradient"


@pytest.mark.parametrize("lines", [1, 2, 3, 7])
def test_the_legend_fits_and_hides_nothing(lines: int) -> None:
    figure = plotting.loss_and_gradient({f"loss of order {k}": torch.square for k in range(lines)})
    figure.canvas.draw()
    legend = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= legend.x0 < legend.x1 <= figure.bbox.x1
    assert all(legend.y0 >= axes.get_window_extent().y1 for axes in figure.axes)
    rows = {round(text.get_window_extent().y0) for text in figure.legends[0].get_texts()}
    assert len(rows) == -(-lines // 3)


def test_both_signs_are_drawn_alike_and_curves_look_smooth() -> None:
    figure = plotting.loss_and_gradient({"log-cosh": lambda r: torch.log(torch.cosh(r))})
    x, y = data(figure.axes[0])
    assert torch.allclose(x, -x.flip(0))
    assert (x == 0).any(), "where many losses have their kink"
    turns = torch.atan2(y.diff(), x.diff()).diff().abs()
    assert turns.max() < 0.05
    assert (x[0].item(), x[-1].item()) == (-4, 4)
    assert figure.axes[0].get_xlabel() == r"residual $\hat y - y$"


def test_contours_of_a_function_of_two_variables() -> None:
    _, axes = plt.subplots()
    plotting.contours(axes, lambda p: p[:, 0] ** 2 + 4 * p[:, 1] ** 2, (-2, 2), (-1, 1))
    (drawn,) = axes.collections
    assert isinstance(drawn, ContourSet)
    assert 8 < len(list(drawn.levels)) < 20
    (x0, y0), (x1, y1) = drawn.get_datalim(axes.transData).get_points()
    assert (x0, x1, y0, y1) == pytest.approx((-2, 2, -1, 1))
    vertices = np.asarray(drawn.get_paths()[3].vertices)
    levels = vertices[:, 0] ** 2 + 4 * vertices[:, 1] ** 2
    assert levels.std() < 0.01 * levels.mean()
