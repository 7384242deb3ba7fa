"""Rows of regression."""

from tests.benchmarks.row import ELEMENTS, Failure, Row, row

TINY = "x = torch.tensor([1e-4]); y = torch.zeros(1)"
HUGE = "x = torch.tensor([1e20]); y = torch.zeros(1)"
HALF_SQUARE = "(x.double() ** 2 / 2).mean()"


def cancels(words: str) -> Failure:
    """Of a loss that is r²/2 near a residual of 0."""
    return Failure(f"a residual of 10⁻⁴ costs {words}", TINY, HALF_SQUARE)


TABLE: tuple[Row, ...] = (
    row("mse_loss(x, y)", "((x - y) ** 2).mean()", ELEMENTS),
    row("l1_loss(x, y)", "(x - y).abs().mean()", ELEMENTS),
    row(
        "huber_loss(x, y, delta=0.7)",
        "torch.where((r := (x - y).abs()) < 0.7, r**2 / 2, 0.7 * (r - 0.35)).mean()",
        ELEMENTS,
    ),
    row(
        "smooth_l1_loss(x, y, beta=0.7)",
        "torch.where((r := (x - y).abs()) < 0.7, r**2 / 1.4, r - 0.35).mean()",
        ELEMENTS,
    ),
    row(
        "log_cosh_loss(x, y)",
        "((r := (x - y).abs()) + F.softplus(-2 * r) - math.log(2)).mean()",
        ELEMENTS,
        cancels("the wrong amount, or nothing: log 2 cancels"),
    ),
    row(
        "msle_loss(x.exp(), y.exp())",
        "((torch.log1p(x.exp()) - torch.log1p(y.exp())) ** 2).mean()",
        ELEMENTS,
        Failure(
            "by as much as 40 %, within 2 · 10⁻⁶ of a target of 1000: two logarithms cancel",
            "x = torch.tensor([6.909002]); y = torch.tensor([6.909])",
            "((torch.log1p(x.exp().double()) - torch.log1p(y.exp().double())) ** 2).mean()",
        ),
    ),
    Row("quantile_loss(x, y, q=0.9)", "torch.maximum(0.9 * (y - x), 0.1 * (x - y)).mean()", ELEMENTS),
    Row(
        "interval_loss(x.view(-1, 2), y.view(-1, 2)[:, 0])",
        "((u := x[:, 1::2]) - (l := x[:, ::2]) "
        "+ 20 * F.relu(l - y[:, ::2]) + 20 * F.relu(y[:, ::2] - u)).mean()",
        ELEMENTS,
    ),
    Row("expectile_loss(x, y, tau=0.9)", "(torch.where(y < x, 0.1, 0.9) * (x - y) ** 2).mean()", ELEMENTS),
    Row("epsilon_insensitive_loss(x, y)", "F.relu((x - y).abs() - 0.1).mean()", ELEMENTS),
    row(
        "general_robust_loss(x, y, alpha=1)",
        "(torch.sqrt((x - y) ** 2 + 1) - 1).mean()",
        ELEMENTS,
        cancels("nothing: 1 swallows its square"),
    ),
    row(
        "general_robust_loss(x, y, alpha=0)",
        "torch.log1p((x - y) ** 2 / 2).mean()",
        ELEMENTS,
        Failure(
            "inf from a residual of 2 · 10¹⁹ on, whose square is", HUGE, "2 * math.log(1e20) - math.log(2)"
        ),
    ),
    row(
        "general_robust_loss(x, y, alpha=-2)",
        "((r2 := (x - y) ** 2) * 2 / (r2 + 4)).mean()",
        ELEMENTS,
        Failure("NaN from a residual of 2 · 10¹⁹ on, whose square is inf", HUGE, "2.0"),
    ),
    row(
        "general_robust_loss(x, y, alpha=-torch.inf)",
        "(1 - torch.exp(-((x - y) ** 2) / 2)).mean()",
        ELEMENTS,
        cancels("nothing: the exponential is 1"),
    ),
    Row(
        "general_robust_loss(x, y, alpha=0.5)",
        "(3 * (((x - y) ** 2 / 1.5 + 1) ** 0.25 - 1)).mean()",
        ELEMENTS,
        cancels("nothing: 1 swallows its square"),
    ),
    Row(
        "tukey_loss(x, y)",
        "(4.685**2 / 6 * (1 - (1 - ((x - y) / 4.685).square().clamp(max=1)) ** 3)).mean()",
        ELEMENTS,
        cancels("the wrong amount, or nothing: 1 swallows its square"),
    ),
)
