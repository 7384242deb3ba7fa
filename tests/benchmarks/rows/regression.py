"""Rows of regression."""

from tests.benchmarks.row import ELEMENTS, Row, row

TABLE: tuple[Row, ...] = (
    row("mse_loss(x, y)", "((x - y) ** 2).mean()", ELEMENTS),
    row("l1_loss(x, y)", "", ELEMENTS),
    row("huber_loss(x, y, delta=0.7)", "", ELEMENTS),
    row("smooth_l1_loss(x, y, beta=0.7)", "", ELEMENTS),
    row("log_cosh_loss(x, y)", "", ELEMENTS),
    row("msle_loss(x.exp(), y.exp())", "", ELEMENTS),
    row("general_robust_loss(x, y, alpha=1)", "", ELEMENTS),
    row("general_robust_loss(x, y, alpha=0)", "", ELEMENTS),
    row("general_robust_loss(x, y, alpha=-2)", "", ELEMENTS),
    row("general_robust_loss(x, y, alpha=-torch.inf)", "", ELEMENTS),
)
