"""The recurring figures show what they say."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import pytest
import torch

from lossfns import plotting


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


def test_loss_and_gradient() -> None:
    figure = plotting.loss_and_gradient({"square": torch.square, "absolute": torch.abs}, -2, 2)
    left, right = figure.axes
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["square", "absolute"]
    x, y = left.lines[0].get_data()
    assert (x[0], x[-1]) == (-2, 2)
    assert torch.allclose(torch.as_tensor(y), torch.as_tensor(x) ** 2)
    x, y = right.lines[0].get_data()
    assert torch.allclose(torch.as_tensor(y), 2 * torch.as_tensor(x))
    assert left.get_xlabel()
    assert left.get_ylabel() == "loss"
    assert right.get_ylabel() == "gradient"


def test_both_signs_are_drawn_alike_and_curves_look_smooth() -> None:
    figure = plotting.loss_and_gradient({"log-cosh": lambda r: torch.log(torch.cosh(r))})
    x, y = (torch.as_tensor(v) for v in figure.axes[0].lines[0].get_data())
    assert torch.allclose(x, -x.flip(0))
    assert (x == 0).any(), "where many losses have their kink"
    turns = torch.atan2(y.diff(), x.diff()).diff().abs()
    assert turns.max() < 0.05


def test_contours_of_a_function_of_two_variables() -> None:
    _, axes = plt.subplots()
    plotting.contours(axes, lambda p: p[:, 0] ** 2 + 4 * p[:, 1] ** 2, (-2, 2), (-1, 1))
    (drawn,) = axes.collections
    vertices = drawn.get_paths()[3].vertices
    levels = vertices[:, 0] ** 2 + 4 * vertices[:, 1] ** 2
    assert levels.std() < 0.01 * levels.mean()
