"""Rows of imbalance."""

from tests.benchmarks.row import ELEMENTS, MAPS, ROWS, Row, row

FOCAL = {
    "MONAI": "monai.losses.FocalLoss(gamma=2, use_softmax=True, to_onehot_y=True)(z, k[:, None])",
    "kornia": "kornia.losses.focal_loss(z, k, alpha=None, gamma=2, reduction='mean')",
}
FOCAL_OF_MAPS = {name: call.replace("z", "Z").replace("(Z, k", "(Z, K") for name, call in FOCAL.items()}
BINARY_FOCAL = {
    "torchvision": "torchvision.ops.sigmoid_focal_loss(x, b, gamma=2, alpha=-1, reduction='mean')",
    "SMP": "smp.losses.FocalLoss('binary', gamma=2)(x, b)",
    "MONAI": "monai.losses.FocalLoss(gamma=2)(x, b)",
}

TABLE: tuple[Row, ...] = (
    Row("focal_loss(z, k)", "", ROWS, theirs=FOCAL),
    Row("focal_loss(Z, K)", "", MAPS, theirs=FOCAL_OF_MAPS),
    row("binary_focal_loss(x, b, gamma=1.5, alpha=0.3)", "", ELEMENTS),
    Row("binary_focal_loss(x, b)", "", ELEMENTS, theirs=BINARY_FOCAL),
    row("asymmetric_loss(x, b, gamma_pos=1, gamma_neg=3, clip=0.05)", "", ELEMENTS),
)
