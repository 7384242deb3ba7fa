"""Rows of survival."""

from tests.benchmarks.row import ELEMENTS, INTERVALS, PATIENTS, Failure, Row

TABLE: tuple[Row, ...] = (
    Row(
        "cox_loss(x, a, b)",
        "(i := a.argsort(descending=True), s := x[i]) and -(b[i] * (s - s.logcumsumexp(0))).sum() / b.sum()",
        PATIENTS,
        Failure(
            "NaN from a batch without an event: 0 / 0",
            "x, a, b = torch.zeros(2), torch.tensor([1.0, 2.0]), torch.zeros(2)",
            "0.0",
        ),
    ),
    Row(
        "hazard_loss(z, k, b)",
        "(w := torch.arange(z.shape[1], device=z.device) <= k[:, None], "
        "t := F.one_hot(k, z.shape[1]) * b[:, None]) "
        "and (w * F.binary_cross_entropy_with_logits(z, t, reduction='none')).sum(1).mean()",
        INTERVALS,
        Failure(
            "0 where the hazards are below 6·10⁻⁸: the logit cancels",
            "z, k, b = torch.full((1, 4), -18.0), torch.tensor([3]), torch.zeros(1)",
            "4 * math.log1p(math.exp(-18))",
        ),
    ),
    Row(
        "weibull_nll_loss(x, a, b, log_shape=0.5)",
        "(u := torch.e**0.5 * (a.log() - x)) is x or (u.exp() - b * (u + 0.5 - a.log())).mean()",
        ELEMENTS,
        Failure(
            "NaN from somebody who was lost at time 0: 0 · ∞",
            "x, a, b = torch.zeros(1), torch.zeros(1), torch.zeros(1)",
            "0.0",
        ),
    ),
)
