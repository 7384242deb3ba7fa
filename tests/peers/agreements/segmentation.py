"""Losses of overlap."""

from tests.peers.agreements import same

SMOOTH = "smooth is half ours"
ONE_MASK = "Z[:, :1], M[:, :1], multilabel=True, batch=True"
LAST = "jnp.moveaxis(Z, 1, -1), jax.nn.one_hot(K, 3)"

AGREEMENTS = (
    same(
        "dice_loss(Z, K)",
        (
            "MONAI",
            "monai.losses.DiceLoss(softmax=True, to_onehot_y=True, smooth_nr=1, smooth_dr=1)(Z, K[:, None])",
            "smooth is 10⁻⁵ by default",
        ),
        ("optax", f"optax.losses.dice_loss({LAST}, smooth=0.5).mean()", f"classes last; {SMOOTH}"),
    ),
    same(
        "dice_loss(Z, M, multilabel=True, reduction='sum')",
        (
            "MONAI",
            "monai.losses.DiceLoss(sigmoid=True, smooth_nr=1, smooth_dr=1, reduction='sum')(Z, M)",
            "smooth is 10⁻⁵ by default",
        ),
    ),
    same(
        "dice_loss(Z, L, ignore_index=255)",
        (
            "MONAI",
            "monai.losses.DiceLoss(softmax=True, to_onehot_y=True, ignore_index=255, smooth_nr=1, "
            "smooth_dr=1)(Z, L[:, None])",
        ),
    ),
    same(
        "dice_loss(Z, K, smooth=0)",
        ("kornia", "kornia.losses.dice_loss(Z, K, average='macro', eps=0)", "'micro' by default"),
    ),
    same(
        "dice_loss(Z, M, multilabel=True, smooth=0)",
        (
            "Keras",
            "keras.losses.dice(M, Z.sigmoid(), axis=(2, 3)).mean()",
            "target first, then probabilities; one ratio for all unless told; adds 10⁻⁷",
            1e-6,
        ),
    ),
    same(
        "dice_loss(Z, K, batch=True)",
        (
            "MONAI",
            "monai.losses.DiceLoss(batch=True, softmax=True, to_onehot_y=True, smooth_nr=1, smooth_dr=1)"
            "(Z, K[:, None])",
            "smooth is 10⁻⁵ by default",
        ),
        ("SMP", "smp.losses.DiceLoss('multiclass', smooth=0.5)(Z, K)", SMOOTH),
    ),
    same(
        "dice_loss(Z, K, batch=True, class_weight=c)",
        (
            "SMP",
            "smp.losses.DiceLoss('multiclass', smooth=0.5, class_weights=c)(Z, K)",
            f"{SMOOTH}; weights in float32",
            1e-6,
        ),
    ),
    same(
        "dice_loss(Z, L, batch=True, ignore_index=255)",
        ("SMP", "smp.losses.DiceLoss('multiclass', smooth=0.5, ignore_index=255)(Z, L)", SMOOTH),
    ),
    same(
        f"dice_loss({ONE_MASK})",
        ("SMP", "smp.losses.DiceLoss('binary', smooth=0.5)(Z[:, :1], M[:, :1])", SMOOTH),
    ),
    same(
        "jaccard_loss(Z, K)",
        (
            "MONAI",
            "monai.losses.DiceLoss(jaccard=True, softmax=True, to_onehot_y=True, smooth_nr=2, smooth_dr=2)"
            "(Z, K[:, None])",
            "smooth is twice ours",
        ),
    ),
    same(
        "jaccard_loss(Z, K, batch=True)",
        (
            "MONAI",
            "monai.losses.DiceLoss(jaccard=True, batch=True, softmax=True, to_onehot_y=True, smooth_nr=2, "
            "smooth_dr=2)(Z, K[:, None])",
            "smooth is twice ours",
        ),
        ("SMP", "smp.losses.JaccardLoss('multiclass', smooth=1)(Z, K)"),
    ),
    same(
        "tversky_loss(Z, K, alpha=0.3, beta=0.7)",
        (
            "MONAI",
            "monai.losses.TverskyLoss(softmax=True, to_onehot_y=True, alpha=0.3, beta=0.7, smooth_nr=0.5, "
            "smooth_dr=0.5)(Z, K[:, None])",
            SMOOTH,
        ),
        (
            "optax",
            f"optax.losses.dice_loss({LAST}, alpha=0.3, beta=0.7, smooth=0.5).mean()",
            f"classes last; {SMOOTH}",
        ),
    ),
    same(
        "tversky_loss(Z, K, alpha=0.3, beta=0.7, smooth=0)",
        ("kornia", "kornia.losses.tversky_loss(Z, K, alpha=0.3, beta=0.7, eps=0)"),
    ),
    same(
        "tversky_loss(Z, M, alpha=0.3, beta=0.7, smooth=0, multilabel=True)",
        (
            "Keras",
            "keras.losses.tversky(M, Z.sigmoid(), alpha=0.7, beta=0.3, axis=(2, 3)).mean()",
            "target first, then probabilities; alpha and beta the other way round; adds 10⁻⁷",
            1e-6,
        ),
    ),
    same(
        "tversky_loss(Z, K, alpha=0.3, beta=0.7, batch=True)",
        (
            "MONAI",
            "monai.losses.TverskyLoss(batch=True, softmax=True, to_onehot_y=True, alpha=0.3, beta=0.7, "
            "smooth_nr=0.5, smooth_dr=0.5)(Z, K[:, None])",
            SMOOTH,
        ),
        ("SMP", "smp.losses.TverskyLoss('multiclass', smooth=0.5, alpha=0.3, beta=0.7)(Z, K)", SMOOTH),
    ),
    same(
        f"focal_tversky_loss({ONE_MASK}, gamma=4 / 3)",
        (
            "SMP",
            "smp.losses.TverskyLoss('binary', smooth=0.5, alpha=0.3, beta=0.7, gamma=3 / 4)(Z[:, :1], M[:, "
            ":1])",
            f"{SMOOTH}; gamma is 1/γ, of the mean over classes",
        ),
    ),
    same(
        "generalized_dice_loss(Z, K, smooth=0)",
        (
            "MONAI",
            "monai.losses.GeneralizedDiceLoss(softmax=True, to_onehot_y=True, smooth_nr=0, smooth_dr=0)"
            "(Z, K[:, None])",
            "smooth is added once; class sizes in float32",
            1e-5,
        ),
    ),
    same(
        "generalized_dice_loss(Z, K, smooth=0, batch=True)",
        (
            "MONAI",
            "monai.losses.GeneralizedDiceLoss(batch=True, softmax=True, to_onehot_y=True, smooth_nr=0, "
            "smooth_dr=0)(Z, K[:, None])",
            "smooth is added once; class sizes in float32",
            1e-5,
        ),
    ),
    same(
        "cl_dice_loss(Z[:, :1], M[:, :1], multilabel=True)",
        (
            "MONAI",
            "monai.losses.SoftclDiceLoss(sigmoid=True, smooth=1e-12)(Z[:, :1], M[:, :1])",
            "all channels in one ratio; adds smooth to a + b, 10⁻⁴ by default",
        ),
    ),
    same(
        "boundary_loss(Z, monai.losses.BoundaryLoss().compute_distance_map(F.one_hot(K, 3).movedim(-1, 1)))",
        (
            "MONAI",
            "monai.losses.BoundaryLoss(softmax=True, to_onehot_y=True)(Z, K[:, None])",
            "makes the distances from the target, inside one pixel less",
        ),
    ),
    same(
        "lovasz_softmax_loss(Z, K)",
        ("SMP", "smp.losses.LovaszLoss('multiclass')(Z.float(), K)", "float32 only", 1e-5),
    ),
    same(
        "lovasz_softmax_loss(Z, K, per_image=True)",
        ("SMP", "smp.losses.LovaszLoss('multiclass', per_image=True)(Z.float(), K)", "float32 only", 1e-5),
    ),
    same(
        "lovasz_softmax_loss(Z, K, per_image=True, classes='all')",
        (
            "kornia",
            "kornia.losses.lovasz_softmax_loss(Z, K)",
            "each image on its own, absent classes counted",
        ),
    ),
    same(
        "lovasz_hinge_loss(Z, M)",
        ("SMP", "smp.losses.LovaszLoss('binary')(Z.float(), M)", "float32 only", 1e-5),
    ),
    same(
        "lovasz_hinge_loss(Z[:, 0], M[:, 0], per_image=True)",
        ("kornia", "kornia.losses.lovasz_hinge_loss(Z[:, :1], M[:, 0])", "each image on its own"),
    ),
)
