"""Rows of classification."""

from tests.benchmarks.row import ELEMENTS, MAPS, ROWS, Failure, Row, row

EASY = Failure(
    "0 for a negative with a logit of −20: (1 − y) z − log σ(z) cancels",
    "x, b = torch.tensor([-20.0]), torch.zeros(1)",
    "math.log1p(math.exp(-20))",
)

TABLE: tuple[Row, ...] = (
    row("cross_entropy(z, k)", "", ROWS),
    row("cross_entropy(z, t)", "", ROWS),
    row("cross_entropy(z, k, class_weight=c)", "", ROWS),
    row("cross_entropy(z, k, label_smoothing=0.2)", "", ROWS),
    row("cross_entropy(Z, L, ignore_index=255)", "", MAPS),
    row("binary_cross_entropy(x, b)", "F.binary_cross_entropy_with_logits(x, b)", ELEMENTS, EASY),
    row(
        "binary_cross_entropy(x, b, pos_weight=3.0)",
        "F.binary_cross_entropy_with_logits(x, b, pos_weight=x.new_tensor(3.0))",
        ELEMENTS,
        EASY,
    ),
    row(
        "binary_cross_entropy(x, b, label_smoothing=0.2)",
        "F.binary_cross_entropy_with_logits(x, 0.8 * b + 0.1)",
        ELEMENTS,
    ),
    row("kl_divergence(z, t)", "", ROWS),
    row("js_divergence(z, q)", "", ROWS),
    row("hinge_loss(x, b)", "F.relu(1 - (2 * b - 1) * x).mean()", ELEMENTS),
    row("hinge_loss(x, b, squared=True)", "(F.relu(1 - (2 * b - 1) * x) ** 2).mean()", ELEMENTS),
    row("multiclass_hinge_loss(z, k, margin=0.5, variant='weston-watkins')", "", ROWS),
    row("generalized_cross_entropy(z, k, q=0.7)", "", ROWS),
    row("poly_loss(z, k, epsilon=0.5)", "", ROWS),
)
