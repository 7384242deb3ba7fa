"""Losses for classes of unequal size."""

from tests.peers.agreements import same

FLOAT32 = "computed in float32"

AGREEMENTS = (
    same(
        "focal_loss(z, k, gamma=1.5)",
        (
            "kornia",
            "3 * kornia.losses.focal_loss(z, k, alpha=None, gamma=1.5, reduction='mean')",
            "the mean is over the classes too",
        ),
        (
            "MONAI",
            "3 * monai.losses.FocalLoss(gamma=1.5, use_softmax=True, to_onehot_y=True)(z, k[:, None])",
            "the mean is over the classes too; computed in float32",
            1e-5,
        ),
        (
            "Keras",
            "keras.losses.categorical_focal_crossentropy("
            "F.one_hot(k, 3), z, alpha=1, gamma=1.5, from_logits=True).mean()",
            "target first, one-hot; probabilities clipped to 10⁻⁷",
            1e-6,
        ),
    ),
    same(
        "focal_loss(z, k, gamma=1.5, reduction='sum')",
        ("kornia", "kornia.losses.focal_loss(z, k, alpha=None, gamma=1.5, reduction='sum')"),
    ),
    same(
        "binary_focal_loss(x, b, gamma=1.5, alpha=0.3, reduction=r)",
        ("torchvision", "torchvision.ops.sigmoid_focal_loss(x, b, gamma=1.5, alpha=0.3, reduction=r)"),
        ("kornia", "kornia.losses.binary_focal_loss_with_logits(x, b, gamma=1.5, alpha=0.3, reduction=r)"),
    ),
    same(
        "binary_focal_loss(x, b, gamma=1.5, alpha=0.3)",
        ("SMP", "smp.losses.FocalLoss('binary', gamma=1.5, alpha=0.3)(x, b)"),
        ("MONAI", "monai.losses.FocalLoss(gamma=1.5, alpha=0.3)(x, b)", FLOAT32, 1e-5),
        (
            "timm",
            "timm.loss.PolyBinaryCrossEntropy(epsilon=0, gamma=1.5, alpha=0.3)(x, b)",
            FLOAT32,
            1e-5,
        ),
        (
            "Keras",
            "keras.losses.binary_focal_crossentropy(b, x, apply_class_balancing=True, "
            "gamma=1.5, alpha=0.3, from_logits=True).mean()",
            "target first; probabilities clipped to 10⁻⁷",
            1e-6,
        ),
        ("optax", "optax.sigmoid_focal_loss(x, b, gamma=1.5, alpha=0.3).mean()"),
    ),
    same(
        "binary_focal_loss(x, b, gamma=1.5, reduction=r)",
        (
            "torchvision",
            "torchvision.ops.sigmoid_focal_loss(x, b, gamma=1.5, alpha=-1, reduction=r)",
            "alpha=−1 is our None; the default is 0.25",
        ),
    ),
    same(
        "asymmetric_loss(x, b, gamma_pos=1, gamma_neg=3, clip=0.05)",
        (
            "timm",
            "timm.loss.AsymmetricLossMultiLabel(gamma_pos=1, gamma_neg=3, reduction='mean')(x, b)",
            "gamma_pos is 1 by default, the sum over classes too; computed in float32",
            1e-5,
        ),
    ),
)
