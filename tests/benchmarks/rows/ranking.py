"""Rows of ranking."""

from tests.benchmarks.row import ELEMENTS, Row, row

TABLE: tuple[Row, ...] = (
    row("margin_ranking_loss(x, y, 2 * b - 1, margin=0.3)", "", ELEMENTS),
    row("bpr_loss(x, y)", "", ELEMENTS),
)
