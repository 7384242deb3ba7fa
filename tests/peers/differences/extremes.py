"""Extreme logits, log 0, and too few bits."""

from tests.peers.differences import Difference

TITLE = "Extreme logits, log 0 and half precision"

DIFFERENCES = (
    Difference(
        title="An infinite logit that is right",
        given="x = tensor([[torch.inf]])\nb = tensor([[1.0]])",
        theirs={
            "PyTorch": "F.binary_cross_entropy_with_logits(x, b)",
            "Keras": "keras.losses.BinaryCrossentropy(from_logits=True)(b, x)",
            "optax": "optax.sigmoid_binary_cross_entropy(x, b).mean()",
        },
        ours="binary_cross_entropy(x, b)",
        right="0",
        slope="x",
        right_slope="[[0]]",
        why="The limit. 0 · ∞ is NaN unless the term is left out.",
    ),
    Difference(
        title="A class masked with −∞",
        given="z = tensor([[0.0, -torch.inf, 0.0]])\nt = tensor([[1.0, 0.0, 0.0]])",
        theirs={
            "PyTorch": "F.cross_entropy(z, t)",
            "timm": "timm.loss.SoftTargetCrossEntropy()(z, t)",
            "Keras": "keras.losses.CategoricalCrossentropy(from_logits=True)(t, z)",
            "optax": "optax.softmax_cross_entropy(z, t).mean()",
        },
        ours="cross_entropy(z, t)",
        right="log(2)",
        slope="z",
        right_slope="[[mpf(1) / 2 - 1, 0, mpf(1) / 2]]",
        why="Two classes are left. With the index of the class as target PyTorch agrees, and so does "
        "`optax.safe_softmax_cross_entropy`.",
    ),
    Difference(
        title="A divergence where both are 0",
        given="z = tensor([[0.0, 0.0, -torch.inf]])\nt = tensor([[1.0, 0.0, 0.0]])",
        theirs={
            "PyTorch": "F.kl_div(z.log_softmax(1), t, reduction='batchmean')",
            "kornia": "kornia.losses.kl_div_loss_2d(z.softmax(1)[:, None, None], t[:, None, None])",
            "optax": "optax.kl_divergence(jax.nn.log_softmax(z), t).mean()",
            "SciPy": "scipy.stats.entropy(t, scipy.special.softmax(z, 1), axis=1).mean()",
        },
        ours="kl_divergence(z, t)",
        right="log(2)",
        why="0 log 0 is 0: what cannot happen and is not predicted costs nothing.",
    ),
    Difference(
        title="A divergence of probabilities taken for their logarithms",
        given="p = tensor([[0.9, 0.1]])\nt = tensor([[0.5, 0.5]])",
        theirs={"PyTorch": "F.kl_div(p, t, reduction='batchmean')"},
        ours="kl_divergence(p.log(), t)",
        right="(log(5 / mpf(9)) + log(5)) / 2",
        why="No divergence is negative. PyTorch wants log p and cannot see that it got p.",
    ),
    Difference(
        title="A divergence of a small probability",
        given="p = tensor([[1e-9, 1 - 1e-9]], dtype=torch.float64)\n"
        "t = tensor([[1.0, 0.0]], dtype=torch.float64)",
        theirs={
            "Keras": "keras.losses.KLDivergence()(t, p)",
            "PyTorch": "F.kl_div(p.log(), t, reduction='batchmean')",
            "kornia": "kornia.losses.kl_div_loss_2d(p[:, None, None], t[:, None, None])",
            "SciPy": "scipy.stats.entropy(t, p, axis=1).mean()",
        },
        ours="kl_divergence(p.log(), t)",
        right="-log(mpf('1e-9'))",
        why="Keras clips probabilities to 10⁻⁷: beyond that its gradient is 0 too.",
    ),
    Difference(
        title="A divergence of a probability that underflows",
        given="z = tensor([[0.0, -200.0]])\nt = tensor([[0.5, 0.5]])",
        theirs={
            "kornia": "kornia.losses.kl_div_loss_2d(z.softmax(1)[:, None, None], t[:, None, None])",
            "Keras": "keras.losses.KLDivergence()(t, z.softmax(1))",
            "PyTorch": "F.kl_div(z.log_softmax(1), t, reduction='batchmean')",
            "optax": "optax.kl_divergence(jax.nn.log_softmax(z), t).mean()",
            "SciPy": "scipy.stats.entropy(t, scipy.special.softmax(z, 1), axis=1).mean()",
        },
        ours="kl_divergence(z, t)",
        right="log(1 + exp(-200)) + 100 - log(2)",
        slope="z",
        right_slope="[[1 / (1 + exp(-200)) - mpf(1) / 2, mpf(1) / 2 - 1 / (1 + exp(-200))]]",
        why="exp(−200) is 0 in float32, its logarithm is not −200 any more. Who takes logits, or their "
        "log-softmax, does not see it.",
    ),
    Difference(
        title="The divergence of a sure prediction",
        given="z = tensor([[200.0, 0.0]])\nq = tensor([[0.0, 0.0]])",
        theirs={
            "timm": "timm.loss.JsdCrossEntropy(num_splits=2, alpha=1, smoothing=0)"
            "(torch.cat([z, q]), tensor([0, 0]))",
            "kornia": "kornia.losses.js_div_loss_2d(z.softmax(1)[:, None, None], q.softmax(1)[:, None, "
            "None])",
            "SciPy": "(scipy.spatial.distance.jensenshannon("
            "scipy.special.softmax(z, 1), scipy.special.softmax(q, 1), axis=1)**2).mean()",
        },
        ours="js_divergence(z, q)",
        right="(log(mpf(4) / 3) + (log(mpf(2) / 3) + log(mpf(2))) / 2) / 2",
        slope="z",
        right_slope="[[0, 0]]",
        why="The distributions are (1, 0) and (½, ½), their middle is (¾, ¼). The slope of p log p is "
        "infinite at 0, but p does not move with z there. timm adds a cross-entropy, which is 0 here.",
    ),
    Difference(
        title="A sure and wrong probability",
        given="x = tensor([[-100.0]], dtype=torch.float64)\nb = tensor([[1.0]], dtype=torch.float64)",
        theirs={
            "scikit-learn": "sklearn.metrics.log_loss(b[0], scipy.special.expit(x[0]), labels=[0, 1])",
            "Keras": "keras.losses.BinaryCrossentropy()(b, x.sigmoid())",
            "PyTorch": "F.binary_cross_entropy(x.sigmoid(), b)",
        },
        ours="binary_cross_entropy(x, b)",
        right="log(1 + exp(100))",
        slope="x",
        right_slope="[[-1 / (1 + exp(-100))]]",
        why="Losses of probabilities are clipped: at the precision of float64, at 10⁻⁷, or at a loss of "
        "100, which this one happens to be. Their gradients end there. Losses of logits need no clip.",
    ),
    Difference(
        title="The logistic loss of a large margin",
        given="x = tensor([200.0])\ny = tensor([-1.0])",
        theirs={
            "PyTorch": "F.soft_margin_loss(x, y)",
            "optax": "optax.sigmoid_binary_cross_entropy(x, (y + 1) / 2).mean()",
        },
        ours="binary_cross_entropy(x, (y + 1) / 2)",
        right="log(1 + exp(200))",
        slope="x",
        right_slope="[1 / (1 + exp(-200))]",
        why="exp(200) is inf in float32. softplus does not need it.",
    ),
    Difference(
        title="The log-cosh of a small residual",
        given="x = tensor([[1e-4]])\ny = tensor([[0.0]])",
        theirs={"Keras": "keras.losses.LogCosh()(y, x)", "optax": "optax.log_cosh(x, y).mean()"},
        ours="log_cosh_loss(x, y)",
        right="log(cosh(mpf('1e-4')))",
        why="Both subtract log 2 from nearly log 2. log1p(2 sinh²(x/2)) does not.",
    ),
    Difference(
        title="Tukey's biweight of a small residual",
        given="x = tensor([1e-4])\ny = tensor([0.0])",
        theirs={"statsmodels": "norms.TukeyBiweight(3.0).rho(x - y).mean()"},
        ours="tukey_loss(x, y, c=3.0)",
        right="9 * (1 - (1 - (mpf('1e-4') / 3) ** 2) ** 3) / 6",
        why="1 − (1 − u)³ cancels; multiplied out it does not. In float64 this happens to smaller residuals.",
    ),
    Difference(
        title="A squared log error below 0",
        given="x = tensor([[-0.5]])\ny = tensor([[0.0]])",
        theirs={
            "Keras": "keras.losses.MeanSquaredLogarithmicError()(y, x)",
            "scikit-learn": "sklearn.metrics.mean_squared_log_error(y, x)",
        },
        ours="msle_loss(x, y)",
        right="log(mpf(1) / 2) ** 2",
        slope="x",
        right_slope="[[2 * log(mpf(1) / 2) / (1 - mpf(1) / 2)]]",
        why="log(1 + x) is defined down to −1. Keras clips at 10⁻⁷, so that a negative prediction costs "
        "next to nothing and does not move.",
    ),
    Difference(
        title="A small predicted variance",
        given="x = tensor([1.0])\ny = tensor([0.0])\ns = tensor([1e-9]).log()",
        theirs={"PyTorch": "F.gaussian_nll_loss(x, y, s.exp())"},
        ours="gaussian_nll_loss(x, y, log_var=s)",
        right="(log(mpf('1e-9')) + 1 / mpf('1e-9')) / 2",
        slope="x",
        right_slope="[1 / mpf('1e-9')]",
        why="PyTorch clamps the variance at 10⁻⁶. A logarithm of the variance needs no clamp.",
    ),
    Difference(
        title="The constant of the Poisson law",
        given="x = tensor([1.0])\nn = tensor([2.0])",
        theirs={
            "PyTorch": "F.poisson_nll_loss(x, n, full=True)",
            "SciPy": "-scipy.stats.poisson.logpmf(n, np.exp(x)).mean()",
        },
        ours="poisson_nll_loss(x, n, full=True)",
        right="exp(1) - 2 * 1 + log(factorial(2))",
        why="PyTorch takes Stirling's approximation of log n!, which is poor for small n.",
    ),
    Difference(
        title="A mean of many half-precision losses",
        given="z = torch.zeros(131072, 3, dtype=torch.float16)\nk = torch.zeros(131072, dtype=torch.int64)",
        theirs={"PyTorch": "F.cross_entropy(z, k)"},
        ours="cross_entropy(z, k)",
        right="log(3)",
        why="The sum is beyond the largest number of float16. Ours computes in float32.",
    ),
    Difference(
        title="A hinge among negative scores",
        given="z = tensor([[0.5, -3.0, -3.0]])\nk = tensor([0])",
        theirs={
            "Keras": "keras.losses.CategoricalHinge()(F.one_hot(k, 3), z)",
            "optax": "optax.losses.multiclass_hinge_loss(z, k).mean()",
            "scikit-learn": "sklearn.metrics.hinge_loss(k, z, labels=[0, 1, 2])",
        },
        ours="multiclass_hinge_loss(z, k)",
        right="max(0, 1 + (-3) - mpf('0.5'))",
        why="The right class leads by 3.5, more than the margin. Keras finds its rival as the largest (1 − "
        "t) z, and that is the 0 of the right class itself.",
    ),
)
