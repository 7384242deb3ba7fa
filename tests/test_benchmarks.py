"""The page on time and memory is that of the stored results, and these are of the calls in the table."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import lossfns
from lossfns.catalog import cards
from tests.benchmarks.measure import arguments, function
from tests.benchmarks.page import COMPOSITE, PAGE, PICTURE, lost, picture, render, results
from tests.benchmarks.picture import LANES, Dot, draw
from tests.benchmarks.row import Row
from tests.benchmarks.rows import table

NAMES = vars(lossfns) | {"torch": torch, "F": F, "math": math}


def each_row(rows: list[Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.ours)


def value_and_gradients(code: str, inputs: dict[str, Any]) -> list[Tensor]:
    """Of a call with respect to the inputs it names that need a gradient."""
    values = [inputs[name] for name in arguments(code, inputs)]
    found = function(code, inputs, NAMES)(*values)
    leaves = [v for v in values if v.requires_grad]
    return [found.detach(), *(torch.autograd.grad(found, leaves, materialize_grads=True) if leaves else ())]


def in_float64(value: Any) -> Any:
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.detach().double().requires_grad_(value.requires_grad)
    return value


def test_every_loss_is_measured() -> None:
    assert {row.loss for row in table()} == set(cards())


def test_every_row_has_four_sizes() -> None:
    assert all(len(row.sizes) == 4 for row in table())


@each_row(list(table()))
def test_the_composite_has_the_value_of_ours(row: Row) -> None:
    torch.manual_seed(0)
    inputs = {name: in_float64(value) for name, value in next(iter(row.sizes.values()))().items()}
    ours, theirs = (value_and_gradients(code, inputs) for code in (row.ours, row.composite))
    torch.testing.assert_close(theirs, ours, rtol=1e-6, atol=1e-9)


@each_row([row for row in table() if row.fails])
def test_the_composite_fails_where_it_is_said_to(row: Row) -> None:
    """And ours does not, in float32. What is right comes from another formula."""
    assert row.fails is not None
    inputs: dict[str, Any] = {}
    exec(row.fails.inputs, {"torch": torch, "F": F, "math": math}, inputs)
    if row.fails.gradient:
        inputs[row.fails.gradient].requires_grad_()
    right = torch.as_tensor(eval(row.fails.right, NAMES | inputs), dtype=torch.float64).detach()

    def off(code: str) -> float:
        """The largest error, relative to what is right where that is not 0."""
        found = value_and_gradients(code, inputs)[1 if row.fails and row.fails.gradient else 0].double()
        error = (found - right).abs() / torch.where(right == 0, 1.0, right.abs())
        return float(
            torch.where((found == right) | (right.isnan() & found.isnan()), 0.0, error)
            .nan_to_num(math.inf)
            .max()
        )

    assert off(row.ours) < 1e-4
    assert off(row.composite) > 1e-2


def test_the_page_and_its_picture_are_made_from_the_results() -> None:
    assert PAGE.read_text(encoding="utf-8") == render()
    assert PICTURE.read_text(encoding="utf-8") == picture()


@pytest.mark.parametrize("device", list(results()))
def test_the_calls_that_were_measured_are_those_of_the_table(device: str) -> None:
    """In its order, at all sizes. Where a library could not be had its column is missing."""
    rows, measured = {row.ours: row for row in table()}, [row["ours"] for row in results()[device]["rows"]]
    assert measured == [ours for ours in rows if ours in measured]
    for found in results()[device]["rows"]:
        row, theirs = rows[found["ours"]], found["theirs"]
        assert found["composite"] == row.composite
        assert theirs.items() <= row.theirs.items() if device == "cuda" else theirs == row.theirs
        assert list(found["sizes"]) == list(row.sizes)
        for size, modes in found["sizes"].items():
            others = {name for name in (COMPOSITE, *theirs) if (name, size) not in row.skip}
            assert set(modes["eager"]["ratios"]) == others
            assert set(modes["compiled"]["ratios"]) == others & {COMPOSITE}


def test_who_loses_by_more_than_a_tenth_is_said() -> None:
    """The worst first, in one line for all sizes but the smallest."""
    ratios = {"A": (0.5, 0.6, 0.9), "B": (0.8, 0.85, 1.1), "C": (0.1, 0.2, 0.3), "D": (0.91, 0.95, 0.99)}
    small, large = {"eager": {"ratios": {"A": (0.1, 0.1, 0.1)}}}, {"eager": {"ratios": ratios}}
    worse = {"compiled": {"ratios": {"A": (0.1, 0.15, 0.3)}}}
    rows = [
        {"ours": "f(x)", "sizes": {"1": small, "2": large, "3": large}},
        {"ours": "g(x)", "sizes": {"1": small, "2": worse}},
        {"ours": "h(x)", "sizes": {"1": small, "2": {"eager": {"ratios": {"D": ratios["D"]}}}}},
    ]
    assert lost({"rows": rows}) == [
        "- `g(x)`\\\n  compiled: A 0.15 at 2",
        "- `f(x)`\\\n  eager: A 0.60 at 2, 0.60 at 3; C 0.20 at 2, 0.20 at 3",
    ]


def test_a_dot_stands_at_its_ratio() -> None:
    """Ten times as slow is as far right of 1 as ten times as fast is left of it."""
    lane = next(iter(LANES))
    svg = draw([Dot("ranking", lane[0], "cpu", lane[1], ratio) for ratio in (0.1, 1, 10, 100, 1e9)])
    marks = svg.split('stroke-linecap="round"')[0].rsplit('<path d="', 1)[1].split('"')[0]
    a, b, c, d, beyond = (float(mark.split()[0]) for mark in marks.split("M")[1:])
    assert b - a == pytest.approx(c - b, abs=0.11) == pytest.approx(d - c, abs=0.11)
    assert beyond == d
