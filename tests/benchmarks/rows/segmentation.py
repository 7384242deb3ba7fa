"""Rows of segmentation."""

from tests.benchmarks.row import MAPS, Row, row

ONE_MASK = "Z[:, :1], M[:, :1], multilabel=True, batch=True"

TABLE: tuple[Row, ...] = (
    row("dice_loss(Z, K)", "", MAPS),
    row("dice_loss(Z, K, smooth=0)", "", MAPS),
    row("dice_loss(Z, M, multilabel=True, smooth=0)", "", MAPS),
    row("dice_loss(Z, K, batch=True)", "", MAPS),
    row(f"dice_loss({ONE_MASK})", "", MAPS),
    row("jaccard_loss(Z, K)", "", MAPS),
    row("tversky_loss(Z, K, alpha=0.3, beta=0.7)", "", MAPS),
    row("tversky_loss(Z, K, alpha=0.3, beta=0.7, smooth=0)", "", MAPS),
    row(f"focal_tversky_loss({ONE_MASK}, gamma=4 / 3)", "", MAPS),
    row("generalized_dice_loss(Z, K, smooth=0)", "", MAPS),
    row("lovasz_softmax_loss(Z, K)", "", MAPS),
    row("lovasz_softmax_loss(Z, K, per_image=True, classes='all')", "", MAPS),
    row("lovasz_hinge_loss(Z, M)", "", MAPS),
)
