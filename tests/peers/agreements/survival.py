"""Losses of the time to an event."""

from tests.peers.agreements import same

AGREEMENTS = (
    same(
        "hazard_loss(z, k, k.remainder(2))",
        (
            "PyTorch",
            "F.binary_cross_entropy_with_logits(z, (F.one_hot(k) * k.remainder(2).unsqueeze(1)).to(z.dtype), "
            "weight=(torch.arange(3) <= k.unsqueeze(1)).to(z.dtype), reduction='none').sum(1).mean()",
            "a label and a weight for each interval",
        ),
    ),
    same(
        "weibull_nll_loss(x, w, b, log_shape=0.5)",
        (
            "SciPy",
            "-np.where(b, scipy.stats.weibull_min.logpdf(w, np.exp(0.5), scale=np.exp(x)), "
            "scipy.stats.weibull_min.logsf(w, np.exp(0.5), scale=np.exp(x))).mean()",
            "shape and scale, not their logarithms",
        ),
    ),
)
