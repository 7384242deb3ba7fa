"""Focal losses."""

from tests.peers.differences import Difference

TITLE = "Focal and asymmetric losses"

DIFFERENCES = (
    Difference(
        title="A logit that is right beyond doubt",
        given="x = tensor([[20.0]])\nb = tensor([[1.0]])",
        theirs={
            "torchvision": "torchvision.ops.sigmoid_focal_loss(x, b, alpha=-1, gamma=0.5, reduction='mean')",
            "SMP": "smp.losses.FocalLoss('binary', gamma=0.5)(x, b)",
            "timm": "timm.loss.PolyBinaryCrossEntropy(epsilon=0, gamma=0.5)(x, b)",
            "MONAI": "monai.losses.FocalLoss(gamma=0.5)(x, b)",
            "kornia": "kornia.losses.binary_focal_loss_with_logits(x, b, alpha=None, gamma=0.5, "
            "reduction='mean')",
            "Keras": "keras.losses.BinaryFocalCrossentropy(gamma=0.5, from_logits=True)(b, x)",
            "optax": "optax.sigmoid_focal_loss(x, b, gamma=0.5).mean()",
        },
        ours="binary_focal_loss(x, b, gamma=0.5)",
        right="(1 + exp(20)) ** mpf('-0.5') * log(1 + exp(-20))",
        slope="x",
        right_slope="[[diff(lambda x: (1 + exp(x)) ** mpf('-0.5') * log(1 + exp(-x)), 20)]]",
        why="1 − p rounds to 0 in float32, and the slope of its root is infinite there: NaN, from a logit "
        "that good models reach. The probability of the other label, σ(−x), keeps its digits.",
    ),
    Difference(
        title="A class that is right beyond doubt",
        given="z = tensor([[200.0, 0.0]])\nk = tensor([0])",
        theirs={
            "MONAI": "2 * monai.losses.FocalLoss(gamma=0.5, use_softmax=True, to_onehot_y=True)(z, k[:, "
            "None])",
            "kornia": "2 * kornia.losses.focal_loss(z, k, alpha=None, gamma=0.5, reduction='mean')",
            "Keras": "keras.losses.CategoricalFocalCrossentropy(alpha=1, gamma=0.5, from_logits=True)"
            "(F.one_hot(k, 2), z)",
        },
        ours="focal_loss(z, k, gamma=0.5)",
        right="0",
        slope="z",
        right_slope="[[0, 0]]",
        why="The limit, to the precision of float32. As above.",
    ),
    Difference(
        title="A logit that is wrong beyond doubt",
        given="x = tensor([[-100.0]])\nb = tensor([[1.0]])",
        theirs={
            "Keras": "keras.losses.BinaryFocalCrossentropy(gamma=0, from_logits=True)(b, x)",
            "torchvision": "torchvision.ops.sigmoid_focal_loss(x, b, alpha=-1, gamma=0, reduction='mean')",
            "SMP": "smp.losses.FocalLoss('binary', gamma=0)(x, b)",
            "MONAI": "monai.losses.FocalLoss(gamma=0)(x, b)",
            "kornia": "kornia.losses.binary_focal_loss_with_logits(x, b, alpha=None, gamma=0, "
            "reduction='mean')",
            "optax": "optax.sigmoid_focal_loss(x, b, gamma=0).mean()",
        },
        ours="binary_focal_loss(x, b, gamma=0)",
        right="log(1 + exp(100))",
        slope="x",
        right_slope="[[-1 / (1 + exp(-100))]]",
        why="At γ = 0 this is cross-entropy. Keras clips the probability to 10⁻⁷: the worst mistakes teach "
        "nothing.",
    ),
    Difference(
        title="The same, asymmetric",
        given="x = tensor([[-100.0]])\nb = tensor([[1.0]])",
        theirs={"timm": "timm.loss.AsymmetricLossMultiLabel(gamma_pos=0, gamma_neg=4)(x, b)"},
        ours="asymmetric_loss(x, b, gamma_pos=0, gamma_neg=4)",
        right="log(1 + exp(100))",
        slope="x",
        right_slope="[[-1 / (1 + exp(-100))]]",
        why="timm clips the probability to 10⁻⁸, with gradient 0 beyond.",
    ),
    Difference(
        title="Without focus",
        given="z = torch.zeros(1, 3)\nk = tensor([0])",
        theirs={
            "MONAI": "monai.losses.FocalLoss(gamma=0, use_softmax=True, to_onehot_y=True)(z, k[:, None])",
            "kornia": "kornia.losses.focal_loss(z, k, alpha=None, gamma=0.0, reduction='mean')",
            "SMP": "smp.losses.FocalLoss('multiclass', gamma=0)(z, k)",
            "Keras": "keras.losses.CategoricalFocalCrossentropy(alpha=1, gamma=0, from_logits=True)"
            "(F.one_hot(k, 3), z)",
        },
        ours="focal_loss(z, k, gamma=0)",
        right="log(3)",
        why="At γ = 0 this is cross-entropy. MONAI and kornia average over the classes too, which divides "
        "by three. SMP takes a sigmoid of each class, no softmax: log 2, however many classes there "
        "are.",
    ),
)
