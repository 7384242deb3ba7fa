"""Rows of classification."""

from tests.benchmarks.row import ELEMENTS, MAPS, ROWS, Failure, Row, row

MASKED = "z = torch.tensor([[0.0, 1.0, -torch.inf]]); t = torch.tensor([[0.5, 0.5, 0.0]])"
ENTROPY = "math.log(2) + (a := 1 / (1 + math.e)) * math.log(a) + (1 - a) * math.log(1 - a)"
MORE = "(k[:, None] > (j := torch.arange(z.shape[1], device=z.device))).to(z.dtype)"
ANSWERS = f"F.binary_cross_entropy_with_logits(z, {MORE}, reduction='none')"
TAU = (
    "((z.sort(1, descending=True)[0].cumsum(1) - 1) / torch.arange(1, z.shape[1] + 1, device=z.device))"
    ".amax(1)"
)
EASY = Failure(
    "0 for a negative with a logit of −20: (1 − y) z − log σ(z) cancels",
    "x, b = torch.tensor([-20.0]), torch.zeros(1)",
    "math.log1p(math.exp(-20))",
)

TABLE: tuple[Row, ...] = (
    row("cross_entropy(z, k)", "F.cross_entropy(z, k)", ROWS),
    row(
        "cross_entropy(z, t)",
        "F.cross_entropy(z, t)",
        ROWS,
        Failure("NaN from a masked class, of probability 0", MASKED, "0.5 + math.log1p(1 / math.e)"),
    ),
    row(
        "cross_entropy(z, k, class_weight=c)",
        "F.cross_entropy(z, k, weight=c)",
        ROWS,
        Failure(
            "NaN from a batch that has only classes of weight 0",
            "z = torch.zeros(2, 2); k = torch.zeros(2, dtype=torch.long); c = torch.tensor([0.0, 1.0])",
            "0.0",
        ),
    ),
    row(
        "cross_entropy(z, k, label_smoothing=0.2)",
        "F.cross_entropy(z, k, label_smoothing=0.2)",
        ROWS,
    ),
    row(
        "cross_entropy(Z, L, ignore_index=255)",
        "F.cross_entropy(Z, L, ignore_index=255)",
        MAPS,
        Failure(
            "NaN from a batch of which all is ignored",
            "Z = torch.zeros(1, 2, 3, 3); L = torch.full((1, 3, 3), 255)",
            "0.0",
        ),
    ),
    row("binary_cross_entropy(x, b)", "F.binary_cross_entropy_with_logits(x, b)", ELEMENTS, EASY),
    row(
        "binary_cross_entropy(x, b, pos_weight=3.0)",
        "F.binary_cross_entropy_with_logits(x, b, pos_weight=x.new_tensor(3.0))",
        ELEMENTS,
        EASY,
    ),
    row(
        "binary_cross_entropy(x, b, label_smoothing=0.2)",
        "F.binary_cross_entropy_with_logits(x, 0.8 * b + 0.1)",
        ELEMENTS,
    ),
    row(
        "kl_divergence(z, t)",
        "F.kl_div(z.log_softmax(1), t, reduction='batchmean')",
        ROWS,
        Failure(
            "NaN from a masked class, of probability 0",
            MASKED,
            "0.5 + math.log1p(1 / math.e) - math.log(2)",
        ),
    ),
    row(
        "js_divergence(z, q)",
        "(F.kl_div(m := (((p := z.softmax(1)) + (r := q.softmax(1))) / 2).log(), p, reduction='batchmean') "
        "+ F.kl_div(m, r, reduction='batchmean')) / 2",
        ROWS,
        Failure(
            "NaN where a class is improbable in both, by 104 of the logits",
            "z = torch.tensor([[0.0, 1.0, -200.0]]); q = torch.tensor([[1.0, 0.0, -200.0]])",
            ENTROPY,
        ),
    ),
    row("hinge_loss(x, b)", "F.relu(1 - (2 * b - 1) * x).mean()", ELEMENTS),
    row("hinge_loss(x, b, squared=True)", "(F.relu(1 - (2 * b - 1) * x) ** 2).mean()", ELEMENTS),
    Row(
        "multiclass_hinge_loss(z, k)",
        "F.relu(1 + z.scatter(1, k[:, None], -torch.inf).amax(1) - z.gather(1, k[:, None])[:, 0]).mean()",
        ROWS,
    ),
    row(
        "multiclass_hinge_loss(z, k, margin=0.5, variant='weston-watkins')",
        "F.relu(0.5 + z - z.gather(1, k[:, None])).sum(1).mean() - 0.5",
        ROWS,
    ),
    row(
        "generalized_cross_entropy(z, k, q=0.7)",
        "(1 - z.softmax(1).gather(1, k[:, None]) ** 0.7).mean() / 0.7",
        ROWS,
        Failure(
            "NaN gradient where the probability of the class underflows",
            "z = torch.tensor([[0.0, -120.0]]); k = torch.tensor([1])",
            "math.exp(-0.7 * 120) * torch.tensor([[1.0, -1.0]])",
            "z",
        ),
    ),
    Row(
        "symmetric_cross_entropy(z, k)",
        "((s := F.cross_entropy(z, k, reduction='none')) + 4 * (1 - (-s).exp())).mean()",
        ROWS,
    ),
    row(
        "poly_loss(z, k, epsilon=0.5)",
        "((s := F.cross_entropy(z, k, reduction='none')) + 0.5 * (1 - (-s).exp())).mean()",
        ROWS,
    ),
    Row(
        "brier_loss(z, k)",
        "(z.softmax(1) - F.one_hot(k, z.shape[1])).square().sum(1).mean()",
        ROWS,
        Failure(
            "half the loss is lost where a probability rounds to 1",
            "z = torch.tensor([[20.0, 0.0]]); k = torch.tensor([0])",
            "2 / (1 + math.exp(20)) ** 2",
        ),
    ),
    Row(
        "spherical_loss(z, k)",
        "(1 - (p := z.softmax(1)).gather(1, k[:, None])[:, 0] / p.norm(dim=1)).mean()",
        ROWS,
    ),
    Row(
        "sparsemax_loss(z, k)",
        f"((F.relu(z - (tau := {TAU})[:, None]).square().sum(1) + 1) / 2 + tau "
        "- z.gather(1, k[:, None])[:, 0]).mean()",
        ROWS,
        Failure(
            "a small loss is lost in the rounding of the scores",
            "z = torch.tensor([[100.0, 99.01]]); k = torch.tensor([0])",
            "((1 - (z[0, 0] - z[0, 1]).double()) / 2) ** 2",
        ),
    ),
    Row(
        "ordinal_loss(z, k)",
        f"{ANSWERS}.sum(1).mean()",
        ROWS,
        Failure(
            "0 for right and sure answers no: log σ(z) − z cancels",
            "z = torch.tensor([[-20.0, -20.0]]); k = torch.tensor([0])",
            "2 * math.log1p(math.exp(-20))",
        ),
    ),
    Row(
        "ordinal_loss(z, k, variant='corn')",
        f"({ANSWERS} * (k[:, None] >= j)).sum(1).mean()",
        ROWS,
        Failure(
            "0 for a right and sure answer no: log σ(z) − z cancels",
            "z = torch.tensor([[-20.0, 0.0]]); k = torch.tensor([0])",
            "math.log1p(math.exp(-20))",
        ),
    ),
    Row(
        "ranked_probability_loss(z, k)",
        "(z.softmax(1) - F.one_hot(k, z.shape[1])).cumsum(1).square().sum(1).mean()",
        ROWS,
        Failure(
            "a loss of a sure example almost doubled, where a probability rounds to 1",
            "z = torch.tensor([[0.0, 0.0, 20.0]]); k = torch.tensor([2])",
            "5 / (2 + math.exp(20)) ** 2",
        ),
    ),
)
