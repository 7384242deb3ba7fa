"""Rows of classification."""

from tests.benchmarks.row import ELEMENTS, MAPS, ROWS, Row, row

TABLE: tuple[Row, ...] = (
    row("cross_entropy(z, k)", "", ROWS),
    row("cross_entropy(z, t)", "", ROWS),
    row("cross_entropy(z, k, class_weight=c)", "", ROWS),
    row("cross_entropy(z, k, label_smoothing=0.2)", "", ROWS),
    row("cross_entropy(Z, L, ignore_index=255)", "", MAPS),
    row("binary_cross_entropy(x, b)", "", ELEMENTS),
    row("binary_cross_entropy(x, b, pos_weight=3.0)", "", ELEMENTS),
    row("binary_cross_entropy(x, b, label_smoothing=0.2)", "", ELEMENTS),
    row("kl_divergence(z, t)", "", ROWS),
    row("js_divergence(z, q)", "", ROWS),
    row("hinge_loss(x, b)", "", ELEMENTS),
    row("hinge_loss(x, b, squared=True)", "", ELEMENTS),
    row("multiclass_hinge_loss(z, k, margin=0.5, variant='weston-watkins')", "", ROWS),
    row("generalized_cross_entropy(z, k, q=0.7)", "", ROWS),
    row("poly_loss(z, k, epsilon=0.5)", "", ROWS),
)
