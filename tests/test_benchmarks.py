"""The page on time and memory is that of the stored results, and these are of the calls in the table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.benchmarks.page import PAGE, RESULTS, lost, render
from tests.benchmarks.table import table


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return stored


def test_the_page_is_written_from_the_results(results: dict[str, Any]) -> None:
    assert PAGE.read_text(encoding="utf-8") == render(results)


def test_every_call_was_measured_at_every_size(results: dict[str, Any]) -> None:
    for row, found in zip(table(), results["rows"], strict=True):
        assert (row.ours, row.theirs) == (found["ours"], found["theirs"])
        assert list(row.sizes) == list(found["sizes"])
        for size, one in found["sizes"].items():
            assert set(one["ratios"]) == {name for name in row.theirs if (name, size) not in row.skip}


def test_who_loses_is_said_first() -> None:
    size = {"ratios": {"A": (0.5, 0.6, 0.9), "B": (0.9, 0.95, 1.1), "C": (0.1, 0.2, 0.3)}}
    found = lost([{"ours": "f(x)", "sizes": {"10": size}}]).splitlines()[2:]
    assert [line.split("|")[2].strip() for line in found] == ["C", "A"]
