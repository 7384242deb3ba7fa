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
        "negative_binomial_nll_loss(x, n, dispersion=0.5, full=True)",
        (
            "PyTorch",
            "-torch.distributions.NegativeBinomial(2.0, logits=x - np.log(2)).log_prob(n).mean()",
            "1/α failures; the logit is x + log α",
        ),
        (
            "SciPy",
            "-scipy.stats.nbinom.logpmf(n, 2, 1 / (1 + 0.5 * np.exp(x))).mean()",
            "1/α failures, and their probability 1/(1 + αμ)",
        ),
    ),
    same(
        "gamma_nll_loss(x, w, concentration=2.5, full=True)",
        (
            "PyTorch",
            "-torch.distributions.Gamma(2.5, 2.5 * (-x).exp()).log_prob(w).mean()",
            "the rate k/μ",
        ),
        (
            "SciPy",
            "-scipy.stats.gamma.logpdf(w, 2.5, scale=np.exp(x) / 2.5).mean()",
            "the scale μ/k",
        ),
    ),
    same(
        "tweedie_loss(x, n, power=1.5)",
        (
            "scikit-learn",
            "sklearn.metrics.mean_tweedie_deviance(n.ravel(), np.exp(x).ravel(), power=1.5) / 2",
            "target first, then the mean; the whole deviance, twice as much",
        ),
    ),
    same(
        "tweedie_loss(x, w, power=2)",
        (
            "scikit-learn",
            "sklearn.metrics.mean_gamma_deviance(w.ravel(), np.exp(x).ravel()) / 2",
            "target first, then the mean; the whole deviance, twice as much",
        ),
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
        "gaussian_kl_loss(x, log_var=s, target=y, target_log_var=-s)",
        (
            "PyTorch",
            "torch.distributions.kl_divergence(torch.distributions.Normal(x, (s / 2).exp()), "
            "torch.distributions.Normal(y, (-s / 2).exp())).mean()",
            "laws with standard deviations",
        ),
    ),
    same(
        "student_t_nll_loss(x, y, log_scale=s, df=3, full=True)",
        ("SciPy", "-scipy.stats.t.logpdf(y, 3, x, np.exp(s)).mean()", "the scale, not its logarithm"),
    ),
)
