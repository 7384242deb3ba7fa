"""Rows of survival."""

from tests.benchmarks.row import Row

TABLE: tuple[Row, ...] = ()
