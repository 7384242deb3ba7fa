"""Losses of overlap."""

from tests.peers.differences import Difference

TITLE = "Losses of overlap"

EMPTY = "z = torch.full((1, 1, 2, 2), 9.0, dtype=torch.float64)\nm = torch.zeros(1, 1, 2, 2)"
IGNORED = "An absent class is multiplied by 0, so that inventing foreground costs nothing. With smooth=1 four false "
IGNORED += "pixels cost nearly 4/5."


def absent(name: str, theirs: str, ours: str) -> Difference:
    return Difference(
        title=f"Foreground where there is none: {name}",
        library="SMP",
        given=EMPTY,
        theirs=theirs,
        ours=ours,
        right="4 / (4 + 1 + exp(-9))",
        slope="z",
        right_slope="[[[[exp(-9) / (5 + exp(-9)) ** 2] * 2] * 2]]",
        why=IGNORED,
    )


DIFFERENCES = (
    absent("Dice", "smp.losses.DiceLoss('binary', smooth=1)(z, m)", "dice_loss(z, m, multilabel=True)"),
    absent("Jaccard", "smp.losses.JaccardLoss('binary', smooth=1)(z, m)", "jaccard_loss(z, m, multilabel=True)"),
    absent("Tversky", "smp.losses.TverskyLoss('binary', smooth=1)(z, m)", "tversky_loss(z, m, multilabel=True)"),
    Difference(
        title="Next to nothing where there is nothing",
        library="MONAI",
        given="z = torch.full((1, 1, 2, 2), 1e-4, dtype=torch.float64).logit()\nm = torch.zeros(1, 1, 2, 2)",
        theirs="monai.losses.DiceLoss(sigmoid=True)(z, m)",
        ours="dice_loss(z, m, multilabel=True)",
        right="4 * mpf('1e-4') / (4 * mpf('1e-4') + 1)",
        why="The same formula with another constant: smooth counts in pixels, and 10⁻⁵ of a pixel (MONAI's default) is "
        "less than the smallest mistake.",
    ),
    Difference(
        title="A soft prediction equal to its soft target: Keras",
        library="Keras",
        given="p = torch.full((1, 1, 4), 0.5)",
        theirs="keras.losses.dice(p, p)",
        ours="dice_loss(p.logit(), p, multilabel=True, smooth=0)",
        right="0",
        why="Nothing is wrong. The overlap as a product says that p² < p is; as a minimum, that p = p is not.",
    ),
    Difference(
        title="A soft prediction equal to its soft target: MONAI",
        library="MONAI",
        given="p = torch.full((1, 1, 4), 0.5)",
        theirs="monai.losses.DiceLoss()(p, p)",
        ours="dice_loss(p.logit(), p, multilabel=True, smooth=0)",
        right="0",
        why="As above. MONAI is right with soft_label=True.",
    ),
    Difference(
        title="The price of a false pixel",
        library="Keras",
        given="m = tensor([[[1.0, 1.0, 1.0, 1.0, 0.0]]])\np = tensor([[[1.0, 1.0, 0.0, 0.0, 1.0]]])",
        theirs="keras.losses.tversky(m, p, alpha=1, beta=0)",
        ours="tversky_loss(p.logit(), m, alpha=1, beta=0, smooth=0, multilabel=True)",
        right="mpf(1) / (2 + 1)",
        why="Keras documents alpha as the price of false positives, like Salehi et al. and ours. Here 2 pixels are "
        "right, 1 false, 2 missed: 1/(2 + 1). Keras multiplies the missed ones.",
    ),
    Difference(
        title="One channel through a softmax: MONAI",
        library="MONAI",
        given="z = torch.zeros(1, 1, 2)\nm = tensor([[[1.0, 0.0]]])",
        theirs="monai.losses.DiceLoss(softmax=True)(z, m)",
        ours="dice_loss(z, m)",
        right="ValueError",
        why="The softmax of one channel is 1. MONAI warns and takes the logits themselves for probabilities.",
    ),
    Difference(
        title="One channel through a softmax: kornia",
        library="kornia",
        given="z = torch.zeros(1, 1, 1, 2)\nk = torch.zeros(1, 1, 2, dtype=torch.int64)",
        theirs="kornia.losses.dice_loss(z, k)",
        ours="dice_loss(z, k)",
        right="ValueError",
        why="The loss is a constant: nothing is learned, and nothing says so.",
    ),
    Difference(
        title="Every pixel ignored: Dice",
        library="kornia",
        given="z = torch.zeros(1, 3, 1, 2)\nk = torch.full((1, 1, 2), -100)",
        theirs="kornia.losses.dice_loss(z, k)",
        ours="dice_loss(z, k)",
        right="0",
        why="Nothing is left to be wrong about.",
    ),
    Difference(
        title="Every pixel ignored: Tversky",
        library="kornia",
        given="z = torch.zeros(1, 3, 1, 2)\nk = torch.full((1, 1, 2), -100)",
        theirs="kornia.losses.tversky_loss(z, k, alpha=0.5, beta=0.5)",
        ours="tversky_loss(z, k)",
        right="0",
        why="As above.",
    ),
    Difference(
        title="Every pixel ignored: Lovász",
        library="SMP",
        given="z = torch.zeros(1, 3, 1, 2)\nk = torch.full((1, 1, 2), 255)",
        theirs="smp.losses.LovaszLoss('multiclass', ignore_index=255)(z, k)",
        ours="lovasz_softmax_loss(z, k, ignore_index=255)",
        right="0",
        why="A loss is a number. SMP returns an empty tensor, whose gradient cannot be taken.",
    ),
    Difference(
        title="Lovász in float64",
        library="SMP",
        given="z = torch.zeros(1, 2, 1, 2, dtype=torch.float64)\nk = tensor([[[0, 1]]])",
        theirs="smp.losses.LovaszLoss('multiclass')(z, k)",
        ours="lovasz_softmax_loss(z, k)",
        right="mpf(1) / 2",
        why="Each error is ½, and the weights of a class add up to 1. SMP mixes its own float32 into it.",
    ),
)
