"""Rows of ranking."""

from tests.benchmarks.row import ELEMENTS, Failure, Row, row

LAMBDA = (
    "(r := x.detach().argsort(dim=1, descending=True, stable=True).argsort(1), d := 1 / (r + 2).log2(), "
    "g := 2**n - 1, p := 1 / (torch.arange(x.shape[1], device=x.device) + 2).log2(), "
    "c := (g.sort(1, descending=True)[0] * p).sum(1), "
    "w := ((g[:, :, None] - g[:, None]).clamp(min=0) * (d[:, :, None] - d[:, None]).abs())) "
    "and ((w * F.softplus(x[:, None] - x[:, :, None])).sum((1, 2)) / c).mean()"
)

TABLE: tuple[Row, ...] = (
    row(
        "margin_ranking_loss(x, y, 2 * b - 1, margin=0.3)",
        "F.margin_ranking_loss(x, y, 2 * b - 1, margin=0.3)",
        ELEMENTS,
    ),
    row("bpr_loss(x, y)", "-F.logsigmoid(x - y).mean()", ELEMENTS),
    Row(
        "listmle_loss(x, y)",
        "(o := x.gather(1, y.argsort(1, descending=True)).flip(1)) is x "
        "or (o.logcumsumexp(1) - o).sum(1).mean()",
        ELEMENTS,
        Failure(
            "0 for a list in the right order with scores 20 apart: log Σ exp cancels against the score",
            "x, y = torch.tensor([[20.0, 0.0]]), torch.tensor([[1.0, 0.0]])",
            "math.log1p(math.exp(-20))",
        ),
    ),
    row(
        "listnet_loss(x, y)",
        "F.cross_entropy(x, y.softmax(1))",
        ELEMENTS,
        Failure(
            "NaN from a list padded with −∞: 0 · ∞",
            "x = y = torch.tensor([[0.0, 0.0, -math.inf]])",
            "math.log(2)",
        ),
    ),
    Row(
        "lambda_loss(x, n)",
        LAMBDA,
        ELEMENTS,
        Failure(
            "NaN from a list without a relevant item: 0 / 0",
            "x, n = torch.zeros(1, 3), torch.zeros(1, 3)",
            "0.0",
        ),
        skip=(("composite", "10 000 000"),),
    ),
    Row("dpo_loss(x, s, y, a)", "-F.logsigmoid(0.1 * ((x - s) - (y - a))).mean()", ELEMENTS),
    Row("ipo_loss(x, s, y, a)", "(((x - s) - (y - a) - 5) ** 2).mean()", ELEMENTS),
    Row("simpo_loss(x, s)", "-F.logsigmoid(2 * (x - s) - 1).mean()", ELEMENTS),
    Row(
        "kto_loss(x, y, b, kl=y.mean())",
        "(u := 0.1 * (x - y - y.mean().clamp(min=0))) is x "
        "or torch.where(b == 1, 1 - u.sigmoid(), 1 - (-u).sigmoid()).mean()",
        ELEMENTS,
        Failure(
            "0 for an answer that leads by 200 nats: 1 − σ rounds to it",
            "x, y, b = torch.tensor([200.0]), torch.zeros(1), torch.ones(1)",
            "1 / (1 + math.exp(20))",
        ),
    ),
)
