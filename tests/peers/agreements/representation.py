"""Losses of embeddings."""

from tests.peers.agreements import same

EUCLID = "distance=distances.LpDistance(normalize_embeddings=False), reducer=reducers.MeanReducer()"
TRIPLETS = "torch.cat([e, f, h]), indices_tuple=torch.arange(18).view(3, 6).unbind()"
RAW = "normalises the embeddings and leaves zeros out of the mean unless told"
PROXIES = "owns the proxies, here the axes"
ATTACHED = "stopping the gradient is up to the caller"
SQUARED = "distance=distances.LpDistance(normalize_embeddings=False, power=2)"
MEAN = "reducer=reducers.MeanReducer()"
PROTOTYPES = "weight_init_func=torch.nn.init.eye_)(e[:, :3], k)"

AGREEMENTS = (
    same(
        "triplet_loss(e, f, h, margin=0.5, reduction=r)",
        (
            "PyTorch",
            "F.triplet_margin_loss(e, f, h, margin=0.5, eps=0, reduction=r)",
            "eps=10⁻⁶ is added to the differences by default",
        ),
    ),
    same(
        "triplet_loss(e, f, h, margin=0.5)",
        ("PML", f"losses.TripletMarginLoss(margin=0.5, {EUCLID})({TRIPLETS})", RAW),
        (
            "optax",
            "optax.losses.triplet_margin_loss(e, f, h, margin=0.5, eps=0).mean()",
            "eps=10⁻⁶ by default",
        ),
    ),
    same(
        "triplet_loss(e, f, h, soft=True)",
        ("PML", f"losses.TripletMarginLoss(margin=0, smooth_loss=True, {EUCLID})({TRIPLETS})", RAW),
    ),
    same(
        "batch_hard_triplet_loss(e, k, margin=0.5)",
        (
            "PML",
            f"losses.TripletMarginLoss(margin=0.5, {EUCLID})(e, k, "
            "miners.BatchHardMiner(distance=distances.LpDistance(normalize_embeddings=False))(e, k))",
            RAW,
        ),
    ),
    same(
        "triplet_loss(e, f, h, margin=0.5, distance='squared')",
        ("PML", f"losses.TripletMarginLoss(margin=0.5, {SQUARED}, {MEAN})({TRIPLETS})", RAW),
    ),
    same(
        "triplet_loss(e, f, h, margin=0.5, distance='cosine')",
        (
            "PML",
            "losses.TripletMarginLoss(margin=0.5, distance=distances.CosineSimilarity(), "
            f"{MEAN})({TRIPLETS})",
        ),
    ),
    same(
        "batch_hard_triplet_loss(e, k, margin=0.5, distance='cosine')",
        (
            "PML",
            "losses.TripletMarginLoss(margin=0.5, distance=distances.CosineSimilarity(), "
            f"{MEAN})(e, k, miners.BatchHardMiner()(e, k))",
        ),
    ),
    same(
        "batch_all_triplet_loss(e, k, margin=0.5)",
        (
            "PML",
            "losses.TripletMarginLoss(margin=0.5, "
            "distance=distances.LpDistance(normalize_embeddings=False))(e, k)",
            "normalises the embeddings unless told",
        ),
    ),
    same(
        "batch_all_triplet_loss(e, k, margin=0.5, distance='squared')",
        ("PML", f"losses.TripletMarginLoss(margin=0.5, {SQUARED})(e, k)"),
    ),
    same(
        "batch_all_triplet_loss(e, k, margin=0.5, distance='cosine')",
        ("PML", "losses.TripletMarginLoss(margin=0.5, distance=distances.CosineSimilarity())(e, k)"),
    ),
    same(
        "circle_loss(e, k, margin=0.4, gamma=80)",
        (
            "PML",
            f"losses.CircleLoss(m=0.4, gamma=80, {MEAN})(e, k)",
            "leaves zeros out of the mean unless told",
        ),
    ),
    same(
        "multi_similarity_loss(e, k, alpha=2, beta=50, base=0.5)",
        ("PML", "losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5)(e, k)"),
    ),
    same(
        "info_nce_loss(e, f, temperature=0.2, reduction=r)",
        ("info-nce", "info_nce(e, f, temperature=0.2, reduction=r)"),
    ),
    same(
        "info_nce_loss(e, f, temperature=0.2, symmetric=True)",
        ("info-nce", "(info_nce(e, f, temperature=0.2) + info_nce(f, e, temperature=0.2)) / 2"),
    ),
    same(
        "nt_xent_loss(e, f, temperature=0.5)",
        ("lightly", "lightly.loss.NTXentLoss(temperature=0.5)(e, f)"),
        ("MONAI", "monai.losses.ContrastiveLoss(temperature=0.5)(e, f)"),
        ("PML", "losses.SelfSupervisedLoss(losses.NTXentLoss(temperature=0.5))(e, f)"),
        (
            "optax",
            "optax.losses.ntxent(jnp.concatenate([e, f]), jnp.arange(12) % 6, temperature=0.5)",
            "one array, and labels for the pairs",
        ),
    ),
    same(
        "supcon_loss(e, k, temperature=0.2)",
        ("PML", "losses.SupConLoss(temperature=0.2)(e, k)"),
    ),
    same(
        "arcface_loss(F.normalize(e[:, :3]), k, margin=0.25, scale=8)",
        (
            "PML",
            f"losses.ArcFaceLoss(3, 3, margin=np.degrees(0.25), scale=8, {PROTOTYPES}",
            "embeddings; owns the class vectors, here the axes; margin in degrees",
        ),
    ),
    same(
        "cosface_loss(F.normalize(e[:, :3]), k, margin=0.25, scale=8)",
        (
            "PML",
            f"losses.CosFaceLoss(3, 3, margin=0.25, scale=8, {PROTOTYPES}",
            "embeddings; owns the class vectors, here the axes",
        ),
    ),
    same(
        "cosface_loss(F.normalize(e[:, :3]), k, margin=0, scale=8)",
        ("PML", f"losses.NormalizedSoftmaxLoss(3, 3, temperature=1 / 8, {PROTOTYPES}", PROXIES),
        ("PML", f"losses.ProxyNCALoss(3, 3, softmax_scale=4, {PROTOTYPES}", "squared distances; " + PROXIES),
    ),
    same(
        "barlow_twins_loss(100 * e, 100 * f, lambd=0.1)",
        (
            "lightly",
            "lightly.loss.BarlowTwinsLoss(lambda_param=0.1)(100 * e, 100 * f)",
            "10⁻⁵ is added to the variances",
            1e-7,
        ),
    ),
    same(
        "vicreg_loss(e, f, sim=20, var=15, cov=2)",
        ("lightly", "lightly.loss.VICRegLoss(lambda_param=20, mu_param=15, nu_param=2)(e, f)"),
        ("PML", "losses.VICRegLoss(invariance_lambda=20, variance_mu=15, covariance_v=2)(e, ref_emb=f)"),
    ),
    same(
        "proxy_anchor_loss(e[:, :3], k, torch.eye(3), margin=0.2, alpha=8)",
        ("PML", f"losses.ProxyAnchorLoss(3, 3, margin=0.2, alpha=8, {PROTOTYPES}", PROXIES),
    ),
    same(
        "negative_cosine_loss(e, f)",
        ("PyTorch", "-F.cosine_similarity(e, f.detach()).mean()", ATTACHED),
        ("lightly", "lightly.loss.NegativeCosineSimilarity()(e, f.detach())", ATTACHED),
        ("optax", "-optax.losses.cosine_similarity(e, jax.lax.stop_gradient(f)).mean()", ATTACHED),
    ),
)
