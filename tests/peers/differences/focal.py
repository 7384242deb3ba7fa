"""Focal losses."""

from tests.peers.differences import Difference

TITLE = "Focal and asymmetric losses"

EASY = "The limit. The loss is the power of a difference that rounds to 0, and the slope of x^0.5 at 0 is infinite."


def easy(library: str, theirs: str, ours: str = "binary_focal_loss(x, b, gamma=0.5)", why: str = EASY) -> Difference:
    return Difference(
        title=f"A logit that is right beyond doubt: {library}",
        library=library,
        given="x = tensor([[200.0]])\nb = tensor([[1.0]])",
        theirs=theirs,
        ours=ours,
        right="(1 - 1 / (1 + exp(-200))) ** mpf('0.5') * log(1 + exp(-200))",
        slope="x",
        right_slope="[[0]]",
        why=why,
    )


DIFFERENCES = (
    easy("torchvision", "torchvision.ops.sigmoid_focal_loss(x, b, alpha=-1, gamma=0.5, reduction='mean')"),
    easy("SMP", "smp.losses.FocalLoss('binary', gamma=0.5)(x, b)"),
    easy("timm", "timm.loss.PolyBinaryCrossEntropy(epsilon=0, gamma=0.5)(x, b)"),
    Difference(
        title="A class that is right beyond doubt: MONAI",
        library="MONAI",
        given="z = tensor([[200.0, 0.0]])\nk = tensor([[0]])",
        theirs="2 * monai.losses.FocalLoss(gamma=0.5, use_softmax=True, to_onehot_y=True)(z, k)",
        ours="focal_loss(z, k[:, 0], gamma=0.5)",
        right="0",
        slope="z",
        right_slope="[[0, 0]]",
        why=EASY,
    ),
    Difference(
        title="A logit that is wrong beyond doubt: Keras",
        library="Keras",
        given="x = tensor([-100.0])\nb = tensor([1.0])",
        theirs="keras.losses.binary_focal_crossentropy(b, x, gamma=0, from_logits=True)",
        ours="binary_focal_loss(x, b, gamma=0)",
        right="log(1 + exp(100))",
        slope="x",
        right_slope="[-1 / (1 + exp(-100))]",
        why="At γ = 0 this is cross-entropy. Keras clips the probability to 10⁻⁷: the worst mistakes teach nothing.",
    ),
    Difference(
        title="A logit that is wrong beyond doubt: timm",
        library="timm",
        given="x = tensor([[-100.0]])\nb = tensor([[1.0]])",
        theirs="timm.loss.AsymmetricLossMultiLabel(gamma_pos=0, gamma_neg=4)(x, b)",
        ours="asymmetric_loss(x, b)",
        right="log(1 + exp(100))",
        slope="x",
        right_slope="[[-1 / (1 + exp(-100))]]",
        why="timm clips the probability to 10⁻⁸, with gradient 0.",
    ),
    Difference(
        title="Without focus: MONAI",
        library="MONAI",
        given="z = torch.zeros(1, 3)\nk = tensor([[0]])",
        theirs="monai.losses.FocalLoss(gamma=0, use_softmax=True, to_onehot_y=True)(z, k)",
        ours="focal_loss(z, k[:, 0], gamma=0)",
        right="log(3)",
        why="At γ = 0 this is cross-entropy. MONAI averages over the classes too, which divides by three.",
    ),
    Difference(
        title="Without focus: kornia",
        library="kornia",
        given="z = torch.zeros(1, 3)\nk = tensor([0])",
        theirs="kornia.losses.focal_loss(z, k, alpha=None, gamma=0.0, reduction='mean')",
        ours="focal_loss(z, k, gamma=0)",
        right="log(3)",
        why="As above.",
    ),
    Difference(
        title="Without focus: SMP",
        library="SMP",
        given="z = torch.zeros(1, 3)\nk = tensor([0])",
        theirs="smp.losses.FocalLoss('multiclass', gamma=0)(z, k)",
        ours="focal_loss(z, k, gamma=0)",
        right="log(3)",
        why="SMP's 'multiclass' is a sigmoid for each class, not a softmax: log 2, however many classes there are.",
    ),
)
