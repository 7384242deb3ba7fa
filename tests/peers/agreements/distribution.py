"""Losses of a predicted distribution."""

from tests.peers.agreements import same

AGREEMENTS = (
    same(
        "poisson_nll_loss(x, n, reduction=r)",
        ("PyTorch", "F.poisson_nll_loss(x, n, reduction=r)"),
    ),
    same(
        "poisson_nll_loss(x, n)",
        (
            "Keras",
            "keras.losses.poisson(n, x.exp()).mean()",
            "target first, then the rate, to which 10⁻⁷ is added",
            1e-5,
        ),
    ),
    same(
        "poisson_nll_loss(x, n, full=True)",
        ("SciPy", "-scipy.stats.poisson.logpmf(n, np.exp(x)).mean()", "the rate, not its logarithm"),
    ),
    same(
        "gaussian_nll_loss(x, y, log_var=s, reduction=r)",
        ("PyTorch", "F.gaussian_nll_loss(x, y, s.exp(), reduction=r)", "the variance, not its logarithm"),
    ),
    same(
        "gaussian_nll_loss(x, y, log_var=s, full=True)",
        ("PyTorch", "F.gaussian_nll_loss(x, y, s.exp(), full=True)", "the variance, not its logarithm"),
        ("SciPy", "-scipy.stats.norm.logpdf(y, x, np.exp(s / 2)).mean()", "the standard deviation"),
    ),
    same(
        "student_t_nll_loss(x, y, log_scale=s, df=3, full=True)",
        ("SciPy", "-scipy.stats.t.logpdf(y, 3, x, np.exp(s)).mean()", "the scale, not its logarithm"),
    ),
)
