"""Losses for real-valued targets."""

from tests.peers.agreements import same

AGREEMENTS = (
    same(
        "mse_loss(x, y, reduction=r)",
        ("PyTorch", "F.mse_loss(x, y, reduction=r)"),
    ),
    same(
        "mse_loss(x, y)",
        ("Keras", "keras.losses.mean_squared_error(y, x).mean()", "target first"),
        ("optax", "2 * optax.l2_loss(x, y).mean()", "l2_loss has a factor ½; squared_error has none"),
        ("statsmodels", "2 * norms.LeastSquares().rho(x - y).mean()", "a factor ½"),
    ),
    same(
        "mse_loss(x, y, weight=w)",
        ("PyTorch", "F.mse_loss(x, y, weight=w)", "divides by the sum of the weights"),
        (
            "scikit-learn",
            "sklearn.metrics.mean_squared_error(y.ravel(), x.ravel(), sample_weight=w.ravel())",
            "target first; rows, so flatten",
        ),
    ),
    same(
        "l1_loss(x, y, reduction=r)",
        ("PyTorch", "F.l1_loss(x, y, reduction=r)"),
    ),
    same(
        "l1_loss(x, y)",
        ("Keras", "keras.losses.mean_absolute_error(y, x).mean()", "target first"),
        ("scikit-learn", "sklearn.metrics.mean_absolute_error(y, x)", "target first"),
    ),
    same(
        "l1_loss(x, y, weight=w)",
        ("PyTorch", "F.l1_loss(x, y, weight=w)", "divides by the sum of the weights"),
    ),
    same(
        "huber_loss(x, y, delta=0.7, reduction=r)",
        ("PyTorch", "F.huber_loss(x, y, delta=0.7, reduction=r)"),
    ),
    same(
        "huber_loss(x, y, delta=0.7)",
        ("PyTorch", "0.7 * F.smooth_l1_loss(x, y, beta=0.7)", "δ times smooth L1"),
        ("Keras", "keras.losses.huber(y, x, delta=0.7).mean()", "target first"),
        ("optax", "optax.huber_loss(x, y, delta=0.7).mean()"),
        ("SciPy", "scipy.special.huber(0.7, x - y).mean()", "threshold first, then the residual"),
        ("statsmodels", "norms.HuberT(0.7).rho(x - y).mean()", "of the residual"),
    ),
    same(
        "smooth_l1_loss(x, y, beta=0.7, reduction=r)",
        ("PyTorch", "F.smooth_l1_loss(x, y, beta=0.7, reduction=r)"),
    ),
    same(
        "smooth_l1_loss(x, y, beta=0.7)",
        ("optax", "optax.huber_loss(x, y, delta=0.7).mean() / 0.7", "Huber divided by its threshold"),
    ),
    same(
        "log_cosh_loss(x, y)",
        ("Keras", "keras.losses.log_cosh(y, x).mean()", "target first"),
        ("optax", "optax.log_cosh(x, y).mean()"),
    ),
    same(
        "msle_loss(x.exp(), y.exp())",
        ("Keras", "keras.losses.mean_squared_logarithmic_error(y.exp(), x.exp()).mean()", "target first"),
    ),
    same(
        "msle_loss(n, w)",
        ("scikit-learn", "sklearn.metrics.mean_squared_log_error(w, n)", "target first"),
    ),
    same(
        "quantile_loss(x, y, q=0.3)",
        ("scikit-learn", "sklearn.metrics.mean_pinball_loss(y, x, alpha=0.3)", "target first; q is alpha"),
    ),
    same(
        "general_robust_loss(x, y, alpha=1, reduction=r)",
        ("kornia", "kornia.losses.charbonnier_loss(x, y, reduction=r)"),
    ),
    same(
        "general_robust_loss(x, y, alpha=0, reduction=r)",
        ("kornia", "kornia.losses.cauchy_loss(x, y, reduction=r)"),
    ),
    same(
        "general_robust_loss(x, y, alpha=-2, reduction=r)",
        ("kornia", "kornia.losses.geman_mcclure_loss(x, y, reduction=r)"),
    ),
    same(
        "general_robust_loss(x, y, alpha=-torch.inf, reduction=r)",
        ("kornia", "kornia.losses.welsch_loss(x, y, reduction=r)"),
    ),
    same(
        "tukey_loss(x, y, c=3.0)",
        ("statsmodels", "norms.TukeyBiweight(3.0).rho(x - y).mean()", "of the residual"),
    ),
)
