"""Rows of imbalance."""

from tests.benchmarks.row import ELEMENTS, MAPS, ROWS, Failure, Row, row

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

FOCUS = "(p := x.sigmoid(), q := p * b + (1 - p) * (1 - b)) and "
CROSS_ENTROPY = "F.binary_cross_entropy_with_logits(x, b, reduction='none')"
SURE = "44 % off for a positive with a logit of 17: of 1 − p hardly a digit is left"
SURE_INPUTS = "x, b = torch.tensor([17.0]), torch.ones(1)"

TABLE: tuple[Row, ...] = (
    Row(
        "focal_loss(z, k)",
        "((1 - (-(s := F.cross_entropy(z, k, reduction='none'))).exp()) ** 2 * s).mean()",
        ROWS,
        theirs=FOCAL,
    ),
    Row(
        "focal_loss(Z, K)",
        "((1 - (-(s := F.cross_entropy(Z, K, reduction='none'))).exp()) ** 2 * s).mean()",
        MAPS,
        theirs=FOCAL_OF_MAPS,
    ),
    Row(
        "focal_loss(z, k, gamma=0.5)",
        "((1 - (-(s := F.cross_entropy(z, k, reduction='none'))).exp()) ** 0.5 * s).mean()",
        ROWS,
        Failure(
            "NaN gradient where a probability rounds to 1",
            "z = torch.tensor([[0.0, -200.0]]); k = torch.tensor([0])",
            "torch.zeros(1, 2)",
            "z",
        ),
    ),
    Row("logit_adjusted_loss(z, k, class_prior=c)", "F.cross_entropy(z + c.log(), k)", ROWS),
    Row(
        "ldam_loss(z, k, class_count=100 * c)",
        "F.cross_entropy(30 * (z - 0.5 * F.one_hot(k, len(c)) * (c.min() / c) ** 0.25), k)",
        ROWS,
        Failure(
            "NaN from a class without samples",
            "z = torch.zeros(1, 2); k = torch.tensor([1]); c = torch.tensor([0.0, 1.0])",
            "math.log1p(math.exp(15 * 0.01**0.25))",
        ),
    ),
    row(
        "binary_focal_loss(x, b, gamma=1.5, alpha=0.3)",
        f"{FOCUS}((0.3 * b + 0.7 * (1 - b)) * (1 - q) ** 1.5 * {CROSS_ENTROPY}).mean()",
        ELEMENTS,
        Failure(SURE, SURE_INPUTS, "0.3 * (1 + math.exp(17)) ** -1.5 * math.log1p(math.exp(-17))"),
    ),
    Row(
        "binary_focal_loss(x, b)",
        f"{FOCUS}((1 - q) ** 2 * {CROSS_ENTROPY}).mean()",
        ELEMENTS,
        Failure(SURE, SURE_INPUTS, "(1 + math.exp(17)) ** -2 * math.log1p(math.exp(-17))"),
        theirs=BINARY_FOCAL,
    ),
    row(
        "asymmetric_loss(x, b, gamma_pos=1, gamma_neg=3, clip=0.05)",
        "(p := x.sigmoid(), q := (p - 0.05).clamp(min=0)) and -(b * (1 - p) * p.clamp(min=1e-8).log() "
        "+ (1 - b) * q**3 * (1 - q).clamp(min=1e-8).log()).mean()",
        ELEMENTS,
        Failure(
            "no gradient for a positive with a logit below −18.4: the clamp that saves the logarithm",
            "x, b = torch.tensor([-20.0]), torch.ones(1)",
            "-1.0",
            gradient="x",
        ),
    ),
)
