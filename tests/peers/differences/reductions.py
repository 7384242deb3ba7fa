"""What a mean divides by, and what is left out of it."""

from tests.peers.differences import Difference

TITLE = "Reductions, weights and ignored entries"

DIFFERENCES = (
    Difference(
        title="Every entry ignored",
        given="z = tensor([[1.0, 2.0, 3.0]])\nk = tensor([-100])",
        theirs={
            "PyTorch": "F.cross_entropy(z, k)",
            "SMP": "smp.losses.SoftCrossEntropyLoss(smooth_factor=0.0)(z, k)",
        },
        ours="cross_entropy(z, k)",
        right="0",
        slope="z",
        right_slope="[[0, 0, 0]]",
        why="Nothing is left to learn from. A NaN in the loss would poison the logs and whatever it is "
        "added to.",
        convention=True,
    ),
    Difference(
        title="An empty batch",
        given="x = torch.zeros(0, 1)\ny = torch.zeros(0, 1)",
        theirs={
            "PyTorch": "F.mse_loss(x, y)",
            "Keras": "keras.losses.MeanSquaredError()(y, x)",
            "scikit-learn": "sklearn.metrics.mean_squared_error(y, x)",
        },
        ours="mse_loss(x, y)",
        right="0",
        why="As above: a mean over nothing teaches nothing. An image without objects makes such batches.",
        convention=True,
    ),
    Difference(
        title="An image without boxes",
        given="x = torch.zeros(0, 1)\ny = torch.zeros(0, 1)",
        theirs={
            "torchvision": "torchvision.ops.sigmoid_focal_loss(x, y, reduction='mean')",
            "kornia": "kornia.losses.binary_focal_loss_with_logits(x, y, reduction='mean')",
            "SMP": "smp.losses.FocalLoss('binary', alpha=0.25)(x, y)",
        },
        ours="binary_focal_loss(x, y, alpha=0.25)",
        right="0",
        why="As above.",
        convention=True,
    ),
    Difference(
        title="Class weights with one-hot targets",
        given="z = tensor([[2.0, 1.0], [1.0, 2.0]])\nt = tensor([[1.0, 0.0], [0.0, 1.0]])\n"
        "c = tensor([1.0, 3.0])",
        theirs={"PyTorch": "F.cross_entropy(z, t, weight=c)"},
        ours="cross_entropy(z, t, class_weight=c)",
        right="log(1 + exp(-1))",
        why="Both samples cost log(1 + 1/e), so their weighted mean does. With the same targets as indices "
        "PyTorch agrees; with one-hot targets it divides by the number of samples, not by the sum of "
        "the weights.",
    ),
    Difference(
        title="Class weights with label smoothing",
        given="z = torch.zeros(1, 2)\nk = tensor([0])\nc = tensor([1.0, 3.0])",
        theirs={"PyTorch": "F.cross_entropy(z, k, weight=c, label_smoothing=0.5)"},
        ours="cross_entropy(z, k, class_weight=c, label_smoothing=0.5)",
        right="log(2)",
        why="Equal logits cost log 2 whatever the label, so every weighted mean is log 2. PyTorch divides "
        "by the weights that the labels had before the smoothing.",
    ),
    Difference(
        title="Weights in a mean: squared error",
        given="x = tensor([[1.0], [2.0]])\ny = tensor([[0.0], [0.0]])\nw = tensor([[1.0], [3.0]])",
        theirs={
            "PyTorch": "F.mse_loss(x, y, weight=w)",
            "Keras": "keras.losses.MeanSquaredError()(y, x, sample_weight=w[:, 0])",
            "scikit-learn": "sklearn.metrics.mean_squared_error(y, x, sample_weight=w[:, 0])",
        },
        ours="mse_loss(x, y, weight=w)",
        right="(1 * mpf(1) + 3 * mpf(4)) / (1 + 3)",
        why="A weighted mean divides by the sum of the weights, Keras by the number of samples.",
    ),
    Difference(
        title="Weights in a mean: Huber",
        given="x = tensor([1.0, 2.0])\ny = tensor([0.0, 0.0])\nw = tensor([1.0, 3.0])",
        theirs={
            "PyTorch": "F.huber_loss(x, y, weight=w)",
            "Keras": "keras.losses.Huber()(y[:, None], x[:, None], sample_weight=w)",
        },
        ours="huber_loss(x, y, weight=w)",
        right="(1 * mpf('0.5') + 3 * mpf('1.5')) / (1 + 3)",
        why="As above. PyTorch divides by the sum of the weights in mse_loss and l1_loss, but not in "
        "huber_loss.",
    ),
    Difference(
        title="Weights in a mean: binary cross-entropy",
        given="x = tensor([0.0, 0.0])\nb = tensor([0.0, 1.0])\nw = tensor([3.0, 3.0])",
        theirs={
            "PyTorch": "F.binary_cross_entropy_with_logits(x, b, weight=w)",
            "Keras": "keras.losses.BinaryCrossentropy(from_logits=True)(b[:, None], x[:, None], "
            "sample_weight=w)",
            "SMP": "smp.losses.SoftBCEWithLogitsLoss(weight=w)(x, b)",
            "scikit-learn": "sklearn.metrics.log_loss(b, scipy.special.expit(x), sample_weight=w)",
        },
        ours="binary_cross_entropy(x, b, weight=w)",
        right="log(2)",
        why="Constant weights change no mean.",
    ),
    Difference(
        title="Weights of classes in a mean: Dice",
        given="z = torch.zeros(1, 2, 1, 2)\nk = tensor([[[0, 1]]])\nc = tensor([2.0, 2.0])",
        theirs={
            "MONAI": "monai.losses.DiceLoss(softmax=True, to_onehot_y=True, smooth_nr=1, smooth_dr=1, "
            "weight=c)"
            "(z, k[:, None])",
            "SMP": "smp.losses.DiceLoss('multiclass', smooth=0.5, class_weights=c)(z, k)",
        },
        ours="dice_loss(z, k, class_weight=c)",
        right="1 - (2 * mpf('0.5') + 1) / (1 + 1 + 1)",
        why="As above: p is ½ in both pixels and t is 1 in one of them, for each class.",
    ),
    Difference(
        title="Ignored entries in a mean: binary cross-entropy",
        given="x = tensor([0.0, 0.0])\nb = tensor([1.0, 255.0])",
        theirs={"SMP": "smp.losses.SoftBCEWithLogitsLoss(ignore_index=255)(x, b)"},
        ours="binary_cross_entropy(x, b.where(b != 255, 0), weight=b != 255)",
        right="log(2)",
        why="One entry counts and costs log 2. SMP divides by the number of all entries.",
    ),
    Difference(
        title="Ignored entries in a mean: cross-entropy",
        given="z = torch.zeros(2, 3)\nk = tensor([1, -100])",
        theirs={
            "PyTorch": "F.cross_entropy(z, k)",
            "SMP": "smp.losses.SoftCrossEntropyLoss(smooth_factor=0.0)(z, k)",
        },
        ours="cross_entropy(z, k)",
        right="log(3)",
        why="One sample counts and costs log 3. SMP divides by the number of all samples.",
    ),
    Difference(
        title="Ignored entries in a mean: focal loss",
        given="z = torch.zeros(2, 3)\nk = tensor([1, -100])",
        theirs={
            "kornia": "3 * kornia.losses.focal_loss(z, k, alpha=None, gamma=0.0, reduction='mean')",
            "MONAI": "monai.losses.FocalLoss(gamma=0, use_softmax=True, to_onehot_y=True, ignore_index=-100)"
            "(z[..., None], k[:, None, None])",
        },
        ours="focal_loss(z, k, gamma=0)",
        right="log(3)",
        why="As above. kornia's mean is over the classes too, which the factor 3 undoes; so is MONAI's, "
        "unless there is an ignore_index.",
    ),
    Difference(
        title="A sum",
        given="x = torch.zeros(1, 1, 2, 2)\nb = torch.ones(1, 1, 2, 2)",
        theirs={
            "MONAI": "monai.losses.FocalLoss(gamma=0, reduction='sum')(x, b)",
            "torchvision": "torchvision.ops.sigmoid_focal_loss(x, b, alpha=-1, gamma=0, reduction='sum')",
            "kornia": "kornia.losses.binary_focal_loss_with_logits(x, b, alpha=None, gamma=0, "
            "reduction='sum')",
        },
        ours="binary_focal_loss(x, b, gamma=0, reduction='sum')",
        right="4 * log(2)",
        why="Four pixels cost log 2 each. MONAI's sum is a mean over the pixels, summed over the rest.",
    ),
    Difference(
        title="The mean of a divergence",
        given="z = tensor([[0.0, 0.0]])\nt = tensor([[1.0, 0.0]])",
        theirs={"PyTorch": "F.kl_div(z.log_softmax(1), t, reduction='mean')"},
        ours="kl_divergence(z, t)",
        right="log(2)",
        why="A divergence is a sum over the classes. PyTorch's mean divides by their number as well; its "
        "`batchmean` is right.",
    ),
    Difference(
        title="Shapes that do not fit",
        given="x = tensor([[1.0], [2.0]])\ny = tensor([1.0, 2.0])",
        theirs={
            "PyTorch": "F.mse_loss(x, y)",
            "Keras": "keras.losses.MeanSquaredError()(y, x)",
            "optax": "optax.squared_error(x, y).mean()",
        },
        ours="mse_loss(x, y)",
        right="ValueError",
        why="PyTorch compares each prediction with each target, and tells a perfect model that it is wrong "
        "(it also warns). Keras guesses, here well.",
    ),
    Difference(
        title="Labels of an integer type",
        given="x = tensor([[0.0]])\nb = tensor([[1]])",
        theirs={
            "PyTorch": "F.binary_cross_entropy_with_logits(x, b)",
            "SMP": "smp.losses.SoftBCEWithLogitsLoss()(x, b)",
            "timm": "timm.loss.BinaryCrossEntropy(smoothing=0)(x, b)",
            "Keras": "keras.losses.BinaryCrossentropy(from_logits=True)(b, x)",
            "optax": "optax.sigmoid_binary_cross_entropy(x, b).mean()",
        },
        ours="binary_cross_entropy(x, b)",
        right="log(2)",
        why="1 is 1 in every type.",
    ),
    Difference(
        title="Class indices of 32 bits",
        given="z = torch.zeros(1, 3)\nk = tensor([0], dtype=torch.int32)",
        theirs={
            "PyTorch": "F.cross_entropy(z, k)",
            "timm": "timm.loss.LabelSmoothingCrossEntropy(0.0)(z, k)",
            "Keras": "keras.losses.SparseCategoricalCrossentropy(from_logits=True)(k, z)",
            "optax": "optax.softmax_cross_entropy_with_integer_labels(z, k).mean()",
        },
        ours="cross_entropy(z, k)",
        right="log(3)",
        why="As above.",
    ),
)
