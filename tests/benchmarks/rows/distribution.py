"""Rows of distribution."""

from tests.benchmarks.row import ELEMENTS, Row, row

TABLE: tuple[Row, ...] = (
    row("poisson_nll_loss(x, n)", "", ELEMENTS),
    row("gaussian_nll_loss(x, y, log_var=s)", "", ELEMENTS),
)
