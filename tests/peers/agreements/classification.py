"""Losses for classes."""

from tests.peers.agreements import same

AGREEMENTS = (
    same(
        "cross_entropy(z, k, reduction=r)",
        ("PyTorch", "F.cross_entropy(z, k, reduction=r)"),
    ),
    same(
        "cross_entropy(z, k)",
        (
            "Keras",
            "keras.losses.sparse_categorical_crossentropy(k, z, from_logits=True).mean()",
            "target first; classes last",
        ),
        ("optax", "optax.softmax_cross_entropy_with_integer_labels(z, k).mean()", "classes last"),
    ),
    same(
        "cross_entropy(z, k, weight=v)",
        (
            "scikit-learn",
            "sklearn.metrics.log_loss(k, scipy.special.softmax(z, 1), sample_weight=v)",
            "target first, then probabilities",
        ),
    ),
    same(
        "cross_entropy(z, t, reduction=r)",
        ("PyTorch", "F.cross_entropy(z, t, reduction=r)"),
    ),
    same(
        "cross_entropy(z, t)",
        ("timm", "timm.loss.SoftTargetCrossEntropy()(z, t)", "classes last"),
        ("optax", "optax.softmax_cross_entropy(z, t).mean()", "classes last"),
    ),
    same(
        "cross_entropy(z, k, class_weight=c, reduction=r)",
        ("PyTorch", "F.cross_entropy(z, k, weight=c, reduction=r)", "weight is our class_weight"),
    ),
    same(
        "cross_entropy(z, t, class_weight=c, reduction='sum')",
        (
            "PyTorch",
            "F.cross_entropy(z, t, weight=c, reduction='sum')",
            "the mean differs: divided by the number of rows",
        ),
    ),
    same(
        "cross_entropy(z, k, label_smoothing=0.2, reduction=r)",
        ("PyTorch", "F.cross_entropy(z, k, label_smoothing=0.2, reduction=r)"),
    ),
    same(
        "cross_entropy(z, k, label_smoothing=0.2)",
        ("timm", "timm.loss.LabelSmoothingCrossEntropy(0.2)(z, k)", "classes last"),
        ("SMP", "smp.losses.SoftCrossEntropyLoss(smooth_factor=0.2)(z, k)"),
    ),
    same(
        "cross_entropy(z, t, label_smoothing=0.2)",
        (
            "Keras",
            "keras.losses.categorical_crossentropy(t, z, from_logits=True, label_smoothing=0.2).mean()",
            "target first; classes last",
        ),
    ),
    same(
        "cross_entropy(Z, L, ignore_index=255, reduction=r)",
        ("PyTorch", "F.cross_entropy(Z, L, ignore_index=255, reduction=r)"),
    ),
    same(
        "binary_cross_entropy(x, b, reduction=r)",
        ("PyTorch", "F.binary_cross_entropy_with_logits(x, b, reduction=r)"),
        ("PyTorch", "F.soft_margin_loss(x, 2 * b - 1, reduction=r)", "labels −1 and 1"),
    ),
    same(
        "binary_cross_entropy(x, b)",
        ("PyTorch", "F.multilabel_soft_margin_loss(x, b)"),
        ("Keras", "keras.losses.binary_crossentropy(b, x, from_logits=True).mean()", "target first"),
        ("optax", "optax.sigmoid_binary_cross_entropy(x, b).mean()"),
        (
            "scikit-learn",
            "sklearn.metrics.log_loss(b.ravel(), scipy.special.expit(x).ravel())",
            "target first, then probabilities",
        ),
    ),
    same(
        "binary_cross_entropy(x, b, weight=w, reduction='sum')",
        (
            "PyTorch",
            "F.binary_cross_entropy_with_logits(x, b, weight=w, reduction='sum')",
            "the mean differs: divided by the number of elements",
        ),
    ),
    same(
        "binary_cross_entropy(x, b, pos_weight=3.0, reduction=r)",
        (
            "PyTorch",
            "F.binary_cross_entropy_with_logits(x, b, pos_weight=torch.tensor(3.0), reduction=r)",
        ),
    ),
    same(
        "binary_cross_entropy(x, b, label_smoothing=0.2)",
        ("timm", "timm.loss.BinaryCrossEntropy(smoothing=0.2, smooth_dense=True)(x, b)"),
        (
            "SMP",
            "smp.losses.SoftBCEWithLogitsLoss(smooth_factor=0.1)(x, b)",
            "smooth_factor is half our label_smoothing",
        ),
        (
            "Keras",
            "keras.losses.binary_crossentropy(b, x, from_logits=True, label_smoothing=0.2).mean()",
            "target first",
        ),
    ),
    same(
        "kl_divergence(z, t)",
        (
            "PyTorch",
            "F.kl_div(z.log_softmax(1), t, reduction='batchmean')",
            "log-probabilities; the mean differs: divided by the number of classes too",
        ),
        (
            "kornia",
            "kornia.losses.kl_div_loss_2d(z.softmax(1)[:, None, None], t[:, None, None])",
            "probabilities, summed over the pixels of a map",
        ),
        ("optax", "optax.kl_divergence(jax.nn.log_softmax(z), t).mean()", "log-probabilities"),
        (
            "SciPy",
            "scipy.stats.entropy(t, scipy.special.softmax(z, 1), axis=1).mean()",
            "target first; probabilities",
        ),
        (
            "Keras",
            "keras.losses.kl_divergence(t, z.softmax(1)).mean()",
            "target first; probabilities, clipped to 10⁻⁷",
        ),
    ),
    same(
        "js_divergence(z, q)",
        (
            "kornia",
            "kornia.losses.js_div_loss_2d(z.softmax(1)[:, None, None], q.softmax(1)[:, None, None])",
            "probabilities, summed over the pixels of a map",
        ),
        (
            "SciPy",
            "(scipy.spatial.distance.jensenshannon("
            "scipy.special.softmax(z, 1), scipy.special.softmax(q, 1), axis=1)**2).mean()",
            "the square root; probabilities",
        ),
    ),
    same(
        "js_divergence(z, q) + cross_entropy(z, k)",
        (
            "timm",
            "timm.loss.JsdCrossEntropy(num_splits=2, alpha=1, smoothing=0)(torch.cat([z, q]), k)",
            "cross-entropy of the first split plus alpha times the divergence",
        ),
    ),
    same(
        "brier_loss(z, k)",
        (
            "scikit-learn",
            "sklearn.metrics.brier_score_loss(k, scipy.special.softmax(z, 1), scale_by_half=False)",
            "probabilities; half of it for two classes, unless told",
        ),
    ),
    same(
        "hinge_loss(x, b)",
        ("Keras", "keras.losses.hinge(b, x).mean()", "target first"),
        ("optax", "optax.hinge_loss(x, 2 * b - 1).mean()", "labels −1 and 1"),
        ("scikit-learn", "sklearn.metrics.hinge_loss(b.ravel(), x.ravel())", "target first"),
    ),
    same(
        "hinge_loss(x, b, squared=True)",
        ("Keras", "keras.losses.squared_hinge(b, x).mean()", "target first"),
    ),
    same(
        "multiclass_hinge_loss(z, k)",
        ("optax", "optax.losses.multiclass_hinge_loss(z, k).mean()", "classes last"),
        ("scikit-learn", "sklearn.metrics.hinge_loss(k, z)", "target first"),
    ),
    same(
        "multiclass_hinge_loss(z, k, margin=0.5, variant='weston-watkins', reduction=r)",
        (
            "PyTorch",
            "3 * F.multi_margin_loss(z, k, margin=0.5, reduction=r)",
            "divided by the number of classes",
        ),
    ),
    same(
        "generalized_cross_entropy(z, k, q=0.7)",
        (
            "Keras",
            "keras.losses.categorical_generalized_cross_entropy(k, z.softmax(1), 0.7).mean()",
            "target first, then probabilities",
        ),
    ),
    same(
        "poly_loss(z, k, epsilon=0.5)",
        ("timm", "timm.loss.PolyCrossEntropy(epsilon=0.5)(z, k)", "computed in float32", 1e-5),
    ),
    same(
        "poly_loss(z, t, epsilon=0.5)",
        ("optax", "optax.losses.poly_loss_cross_entropy(z, t, epsilon=0.5).mean()", "classes last"),
    ),
)
