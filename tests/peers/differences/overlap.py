"""Losses of overlap."""

from typing import Any

from tests.peers.differences import Difference

TITLE = "Losses of overlap"

FOREGROUND: dict[str, Any] = {
    "given": "z = torch.full((1, 1, 2, 2), 9.0, dtype=torch.float64)\nm = torch.zeros(1, 1, 2, 2)",
    "right": "4 / (5 + exp(-9))",
    "slope": "z",
    "right_slope": "[[[[exp(-9) / (5 + exp(-9)) ** 2] * 2] * 2]]",
}
ABSENT = (
    "With smooth=1 and p = 1/(1 + e⁻⁹) in four pixels the loss is 4p/(4p + 1). SMP multiplies an absent "
    "class by 0, so that inventing foreground costs nothing."
)

DIFFERENCES = (
    Difference(
        title="Foreground where there is none: Dice",
        theirs={
            "SMP": "smp.losses.DiceLoss('binary', smooth=0.5)(z, m)",
            "MONAI": "monai.losses.DiceLoss(sigmoid=True, smooth_nr=1, smooth_dr=1)(z, m)",
            "optax": "optax.losses.dice_loss(jnp.moveaxis(z, 1, -1), jnp.moveaxis(m, 1, -1), "
            "smooth=0.5).mean()",
        },
        ours="dice_loss(z, m, multilabel=True)",
        why=ABSENT,
        **FOREGROUND,
    ),
    Difference(
        title="Foreground where there is none: Jaccard",
        theirs={
            "SMP": "smp.losses.JaccardLoss('binary', smooth=1)(z, m)",
            "MONAI": "monai.losses.DiceLoss(sigmoid=True, jaccard=True, smooth_nr=2, smooth_dr=2)(z, m)",
        },
        ours="jaccard_loss(z, m, multilabel=True)",
        why="As above.",
        **FOREGROUND,
    ),
    Difference(
        title="Foreground where there is none: Tversky",
        theirs={
            "SMP": "smp.losses.TverskyLoss('binary', smooth=0.5)(z, m)",
            "MONAI": "monai.losses.TverskyLoss(sigmoid=True, smooth_nr=0.5, smooth_dr=0.5)(z, m)",
        },
        ours="tversky_loss(z, m, multilabel=True)",
        why="As above.",
        **FOREGROUND,
    ),
    Difference(
        title="Next to nothing where there is nothing",
        given="z = torch.full((1, 1, 2, 2), 1e-4, dtype=torch.float64).logit()\nm = torch.zeros(1, 1, 2, 2)",
        theirs={"MONAI": "monai.losses.DiceLoss(sigmoid=True)(z, m)"},
        ours="dice_loss(z, m, multilabel=True)",
        right="4 * mpf('1e-4') / (4 * mpf('1e-4') + 1)",
        why="The same formula with another constant: smooth counts in pixels, and MONAI's default, 10⁻⁵ of "
        "a pixel, is less than the smallest mistake. So a nearly perfect mask costs nearly as much as a "
        "wrong one.",
    ),
    Difference(
        title="A soft prediction equal to its soft target",
        given="p = torch.full((1, 1, 4), 0.5)",
        theirs={
            "Keras": "keras.losses.Dice()(p, p)",
            "MONAI": "monai.losses.DiceLoss(smooth_nr=0, smooth_dr=0)(p, p)",
            "SMP": "smp.losses.DiceLoss('binary', from_logits=False)(p, p)",
        },
        ours="dice_loss(p.logit(), p, multilabel=True, smooth=0)",
        right="0",
        why="Nothing is wrong. The overlap as a product finds p² < p; as a minimum it finds p = p. MONAI is "
        "right with soft_label=True.",
    ),
    Difference(
        title="The price of a false pixel",
        given="m = tensor([[[1.0, 1.0, 1.0, 1.0, 0.0]]])\np = tensor([[[1.0, 1.0, 0.0, 0.0, 1.0]]])",
        theirs={
            "Keras": "keras.losses.Tversky(alpha=1, beta=0)(m, p)",
            "MONAI": "monai.losses.TverskyLoss(alpha=1, beta=0, smooth_nr=0, smooth_dr=0)(p, m)",
            "SMP": "smp.losses.TverskyLoss('binary', from_logits=False, alpha=1, beta=0)(p, m)",
        },
        ours="tversky_loss(p.logit(), m, alpha=1, beta=0, smooth=0, multilabel=True)",
        right="mpf(1) / (2 + 1)",
        why="Everyone documents alpha as the price of a false positive. Two pixels are right, one is false, "
        "two are missed: 1/(2 + 1). Keras multiplies the missed ones.",
    ),
    Difference(
        title="Focal Tversky of two classes",
        given="k = tensor([[[0, 0, 1, 1]]])\n"
        "z = 200.0 * F.one_hot(tensor([[[0, 1, 1, 1]]]), 2).movedim(-1, 1)",
        theirs={
            "SMP": "smp.losses.TverskyLoss('multiclass', alpha=0.3, beta=0.7, gamma=3 / 4)(z, k)",
        },
        ours="focal_tversky_loss(z, k, smooth=0)",
        right="((mpf('0.7') / mpf('1.7')) ** mpf('0.75') + (mpf('0.3') / mpf('2.3')) ** mpf('0.75')) / 2",
        why="The paper takes the power of the loss of each class; SMP that of their mean. One class misses "
        "one of two pixels, the other has one false pixel beside two.",
    ),
    Difference(
        title="One channel through a softmax",
        given="z = torch.zeros(1, 1, 1, 2)\nk = torch.zeros(1, 1, 2, dtype=torch.int64)",
        theirs={
            "MONAI": "monai.losses.DiceLoss(softmax=True)(z, k[:, None])",
            "kornia": "kornia.losses.dice_loss(z, k)",
            "SMP": "smp.losses.DiceLoss('multiclass')(z, k)",
        },
        ours="dice_loss(z, k)",
        right="ValueError",
        why="The softmax of one channel is 1 whatever the logit, so a constant would be learned from. MONAI "
        "warns and takes the logits themselves for probabilities.",
    ),
    Difference(
        title="Every pixel ignored: Dice",
        given="z = torch.zeros(1, 3, 1, 2)\nk = torch.full((1, 1, 2), 255)",
        theirs={
            "kornia": "kornia.losses.dice_loss(z, k, ignore_index=255)",
            "SMP": "smp.losses.DiceLoss('multiclass', ignore_index=255)(z, k)",
            "MONAI": "monai.losses.DiceLoss(softmax=True, to_onehot_y=True, ignore_index=255)(z, k[:, None])",
        },
        ours="dice_loss(z, k, ignore_index=255)",
        right="0",
        why="Nothing is left to be wrong about.",
        convention=True,
    ),
    Difference(
        title="Every pixel ignored: Tversky",
        given="z = torch.zeros(1, 3, 1, 2)\nk = torch.full((1, 1, 2), 255)",
        theirs={
            "kornia": "kornia.losses.tversky_loss(z, k, alpha=0.5, beta=0.5, ignore_index=255)",
            "SMP": "smp.losses.TverskyLoss('multiclass', ignore_index=255)(z, k)",
            "MONAI": "monai.losses.TverskyLoss(softmax=True, to_onehot_y=True, ignore_index=255)(z, k[:, "
            "None])",
        },
        ours="tversky_loss(z, k, ignore_index=255)",
        right="0",
        why="As above.",
        convention=True,
    ),
    Difference(
        title="Every pixel ignored: Lovász",
        given="z = torch.zeros(1, 3, 1, 2)\nk = torch.full((1, 1, 2), 255)",
        theirs={"SMP": "smp.losses.LovaszLoss('multiclass', ignore_index=255)(z, k)"},
        ours="lovasz_softmax_loss(z, k, ignore_index=255)",
        right="0",
        why="A loss is a number. An empty tensor has no gradient.",
        convention=True,
    ),
    Difference(
        title="Lovász in float64",
        given="z = torch.zeros(1, 2, 1, 2, dtype=torch.float64)\nk = tensor([[[0, 1]]])",
        theirs={
            "SMP": "smp.losses.LovaszLoss('multiclass')(z, k)",
            "kornia": "kornia.losses.lovasz_softmax_loss(z, k)",
        },
        ours="lovasz_softmax_loss(z, k)",
        right="mpf(1) / 2",
        why="Each error is ½, and the weights of a class add up to 1. SMP multiplies by its own float32.",
    ),
)
