"""Rows of distribution."""

from tests.benchmarks.row import ELEMENTS, Failure, Row, row

TABLE: tuple[Row, ...] = (
    row(
        "poisson_nll_loss(x, n)",
        "(x.exp() - n * x).mean()",
        ELEMENTS,
        Failure(
            "NaN for no count where none is possible: 0 · −∞",
            "x = torch.tensor([-math.inf]); n = torch.zeros(1)",
            "0.0",
        ),
    ),
    Row(
        "poisson_nll_loss(x, n, zero_logit=s)",
        "torch.where(n == 0, -torch.log(s.sigmoid() + (-s).sigmoid() * torch.exp(-x.exp())), "
        "F.softplus(s) + x.exp() - n * x).mean()",
        ELEMENTS,
        Failure(
            "a zero that is nearly sure costs nothing, and has no gradient: it is −log of 1",
            "x = torch.tensor([-18.0]); s = torch.tensor([-20.0]); n = torch.zeros(1)",
            "(-torch.log1p((-s.double()).sigmoid() * torch.expm1(-x.double().exp()))).mean()",
        ),
    ),
    Row(
        "gamma_nll_loss(x, a)",
        "(x + a * torch.exp(-x)).mean()",
        ELEMENTS,
        Failure(
            "inf from a log-mean of −89 on, though target / mean is finite",
            "x = torch.tensor([-90.0]); a = torch.tensor([1e-30])",
            "(x.double() + a.double() * torch.exp(-x.double())).mean()",
        ),
    ),
    Row(
        "gamma_nll_loss(x, a, concentration=s.exp(), full=True)",
        "(torch.lgamma(k := s.exp()) - k * s - (k - 1) * a.log() + k * (x + a * torch.exp(-x))).mean()",
        ELEMENTS,
        Failure(
            "wrong by tens for precise targets, k = e¹⁸: its terms are 10⁹ times the loss",
            "x = torch.zeros(1); a = torch.ones(1); s = torch.tensor([18.0])",
            "(torch.lgamma(k := s.double().exp()) - k * s.double() + k).mean()",
        ),
    ),
    Row(
        "tweedie_loss(x, a)",
        "(a**0.5 / -0.25 + 2 * a * torch.exp(-0.5 * x) + 2 * torch.exp(0.5 * x)).mean()",
        ELEMENTS,
        Failure(
            "by a tenth or so within 10⁻³ of the target: its terms cancel",
            "x = torch.zeros(1); a = torch.tensor([1.001])",
            "(2 * (a.double().sqrt() - 1) ** 2).mean()",
        ),
    ),
    Row(
        "tweedie_loss(x, a, power=2)",
        "(a * torch.exp(-x) - 1 - a.log() + x).mean()",
        ELEMENTS,
        Failure(
            "by a tenth or so within 10⁻³ of the target: its terms cancel",
            "x = torch.tensor([0.5]); a = torch.tensor([1.6504])",
            "((r := a.double() * math.exp(-0.5)) - 1 - r.log()).mean()",
        ),
    ),
    Row(
        "negative_binomial_nll_loss(x, n, dispersion=0.5)",
        "(n * torch.log(0.5 + torch.exp(-x)) + 2 * torch.log1p(0.5 * torch.exp(x))).mean()",
        ELEMENTS,
        Failure(
            "inf from a log-mean of 90 on, where the loss is linear",
            "x = torch.tensor([100.0]); n = torch.ones(1)",
            "200 - 3 * math.log(2)",
        ),
    ),
    Row(
        "negative_binomial_nll_loss(x, n, dispersion=s.exp(), full=True)",
        "(torch.lgamma(n + 1) + torch.lgamma(m := torch.exp(-s)) - torch.lgamma(n + m) "
        "+ (n + m) * torch.log1p(torch.exp(s + x)) - n * (s + x)).mean()",
        ELEMENTS,
        Failure(
            "wrong by half and more as the dispersion goes to 0: two log Γ(10⁷) cancel",
            "x = torch.zeros(1); n = torch.tensor([3.0]); s = torch.tensor([-16.0])",
            "1 + math.log(6)",
        ),
    ),
    row(
        "gaussian_nll_loss(x, y, log_var=s)",
        "((s + (y - x) ** 2 * torch.exp(-s)) / 2).mean()",
        ELEMENTS,
        Failure(
            "NaN on a residual of 0 from a log-variance of −89 on, where it goes if a target is constant",
            "x = torch.zeros(1); y = torch.zeros(1); s = torch.tensor([-90.0])",
            "-45.0",
        ),
    ),
    Row(
        "gaussian_kl_loss(x, log_var=s)",
        "((s.exp() - 1 - s + x**2) / 2).mean()",
        ELEMENTS,
        Failure(
            "by a tenth or so for a variance within 10⁻³ of the prior's, and negative nearer to it",
            "x = torch.zeros(1); s = torch.tensor([1e-3])",
            "((torch.expm1(s.double()) - s.double()) / 2).mean()",
        ),
    ),
    row(
        "gaussian_kl_loss(x, log_var=s, target=y, target_log_var=-s)",
        "((torch.exp(2 * s) - 1 - 2 * s + (x - y) ** 2 * s.exp()) / 2).mean()",
        ELEMENTS,
        Failure(
            "wrong by hundredths for variances within 10⁻³ of each other, and negative nearer",
            "x = torch.zeros(1); y = torch.zeros(1); s = torch.tensor([3e-4])",
            "((torch.expm1(2 * s.double()) - 2 * s.double()) / 2).mean()",
        ),
    ),
    Row(
        "student_t_nll_loss(x, y, log_scale=s)",
        "(s + 2.5 * torch.log1p(((y - x) * torch.exp(-s)) ** 2 / 4)).mean()",
        ELEMENTS,
        Failure(
            "inf from a residual of 10¹⁹ scales on, whose square is",
            "x = torch.zeros(1); y = torch.ones(1); s = torch.tensor([-50.0])",
            "-50 + 2.5 * (100 - math.log(4))",
        ),
    ),
    Row(
        "gaussian_crps_loss(x, y, log_var=s)",
        "(torch.exp(s / 2) * ((z := (y - x) * torch.exp(-s / 2)) * torch.erf(z / 2**0.5) "
        "+ (2 / math.pi) ** 0.5 * torch.exp(-(z**2) / 2) - math.pi**-0.5)).mean()",
        ELEMENTS,
        Failure(
            "inf or NaN from a log-variance of −178 on, where it is the absolute error",
            "x = torch.zeros(1); y = torch.ones(1); s = torch.tensor([-180.0])",
            "1.0",
        ),
    ),
    Row(
        "ensemble_crps_loss(x, y[:, 0])",
        "((x - y[:, :1]).abs().mean(1) - (x[:, :, None] - x[:, None]).abs().sum((1, 2)) / 180).mean()",
        ELEMENTS,
    ),
)
