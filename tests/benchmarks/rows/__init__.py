"""The rows, by family."""

from __future__ import annotations

import importlib

from lossfns.catalog import cards
from tests.benchmarks.row import Row

FAMILIES = tuple(dict.fromkeys(card.family for card in cards().values()))


def table() -> tuple[Row, ...]:
    """Every row, family by family."""
    return tuple(row for family in FAMILIES for row in importlib.import_module(f"{__name__}.{family}").TABLE)
