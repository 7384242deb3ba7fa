"""Losses of embeddings."""

from tests.peers.differences import Difference

TITLE = "Embeddings"

EUCLID = "distance=distances.LpDistance(normalize_embeddings=False)"

DIFFERENCES = (
    Difference(
        title="Three equal embeddings",
        given="u = torch.zeros(1, 2)\nv = torch.zeros(1, 2)\nw = torch.zeros(1, 2)",
        theirs={
            "PyTorch": "F.triplet_margin_loss(u, v, w)",
            "PML": f"losses.TripletMarginLoss(margin=1, {EUCLID})"
            "(torch.cat([u, v, w]), indices_tuple=torch.arange(3).view(3, 1).unbind())",
            "optax": "optax.losses.triplet_margin_loss(u, v, w).mean()",
        },
        ours="triplet_loss(u, v, w)",
        right="1",
        slope="v",
        right_slope="[[0, 0]]",
        why="At distance 0 no direction is better than another. PyTorch adds 10⁻⁶ to each coordinate of the "
        "difference and so pushes along the diagonal.",
    ),
    Difference(
        title="An anchor equal to its positive",
        given="u = tensor([[0.0, 0.0]])\nv = tensor([[3.0, 4.0]])",
        theirs={
            "optax": "optax.losses.triplet_margin_loss(u, u, v, margin=6.0).mean()",
            "PyTorch": "F.triplet_margin_loss(u, u, v, margin=6.0)",
            "PML": f"losses.TripletMarginLoss(margin=6, {EUCLID})"
            "(torch.cat([u, u, v]), indices_tuple=torch.arange(3).view(3, 1).unbind())",
        },
        ours="triplet_loss(u, u, v, margin=6.0)",
        right="0 - sqrt(3**2 + 4**2) + 6",
        why="The distance is 0. optax adds 10⁻⁶ below the root, which makes it 10⁻³.",
    ),
    Difference(
        title="Hard pairs at a low temperature",
        given="e = tensor([[1.0, 0.0], [0.0, 1.0]])\nf = tensor([[0.0, 1.0], [1.0, 0.0]])",
        theirs={
            "PML": "losses.SelfSupervisedLoss(losses.NTXentLoss(temperature=0.005))(e, f)",
            "MONAI": "monai.losses.ContrastiveLoss(temperature=0.005)(e, f)",
            "lightly": "lightly.loss.NTXentLoss(temperature=0.005)(e, f)",
            "optax": "optax.losses.ntxent(jnp.concatenate([e, f]), jnp.arange(4) % 2, temperature=0.005)",
        },
        ours="nt_xent_loss(e, f, temperature=0.005)",
        right="log(exp(200) + 2)",
        slope="e",
        right_slope="[[0, -100], [-100, 0]]",
        why="PML adds the smallest number of float32 to the probability and then takes its logarithm: there "
        "is a largest loss, and beyond it nothing is learned. MONAI takes exp(200), which is inf in "
        "float32.",
    ),
    Difference(
        title="Small embeddings",
        given="e = 1e-5 * torch.eye(2)",
        theirs={
            "optax": "optax.losses.ntxent(jnp.concatenate([e, e]), jnp.arange(4) % 2, temperature=0.5)",
            "lightly": "lightly.loss.NTXentLoss(temperature=0.5)(e, e)",
            "MONAI": "monai.losses.ContrastiveLoss(temperature=0.5)(e, e)",
            "PML": "losses.SelfSupervisedLoss(losses.NTXentLoss(temperature=0.5))(e, e)",
        },
        ours="nt_xent_loss(e, e, temperature=0.5)",
        right="log(1 + 2 * exp(-2))",
        why="A cosine does not depend on the length: 1 with the partner, 0 with the other two. optax bounds "
        "the norms from below.",
    ),
    Difference(
        title="A row of zeros: NT-Xent",
        given="u = torch.zeros(1, 2)\nv = tensor([[1.0, 0.0]])\nf = tensor([[1.0, 0.0], [0.0, 1.0]])",
        theirs={
            "lightly": "lightly.loss.NTXentLoss(temperature=0.5)(torch.cat([u, v]), f)",
            "MONAI": "monai.losses.ContrastiveLoss(temperature=0.5)(torch.cat([u, v]), f)",
            "PML": "losses.SelfSupervisedLoss(losses.NTXentLoss(temperature=0.5))(torch.cat([u, v]), f)",
            "optax": "optax.losses.ntxent(jnp.concatenate([u, v, f]), jnp.arange(4) % 2, temperature=0.5)",
        },
        ours="nt_xent_loss(torch.cat([u, v]), f, temperature=0.5)",
        right="(log(3) + log(2 + exp(2))) / 2",
        slope="u",
        right_slope="[[0, 0]]",
        why="A vector of zeros has no direction, and ours gives it gradient 0. The others divide by a tiny "
        "number.",
    ),
    Difference(
        title="A row of zeros: InfoNCE",
        given="u = torch.zeros(1, 2)\nv = tensor([[1.0, 0.0]])\nf = tensor([[1.0, 0.0], [0.0, 1.0]])",
        theirs={"info-nce": "info_nce(torch.cat([u, v]), f, temperature=1.0)"},
        ours="info_nce_loss(torch.cat([u, v]), f, temperature=1.0)",
        right="(log(2) + log(1 + exp(1))) / 2",
        slope="u",
        right_slope="[[0, 0]]",
        why="As above.",
    ),
    Difference(
        title="A batch of one class",
        given="e = tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])\nk = tensor([0, 0, 0])",
        theirs={"PML": "losses.SupConLoss(temperature=0.1)(e, k)"},
        ours="supcon_loss(e, k)",
        right="log(2)",
        why="Each row has two others to pick from, and cannot tell them apart. PML returns 0 where there "
        "are no negatives.",
    ),
    Difference(
        title="A cosine of exactly 1",
        given="e = tensor([[1.0, 0.0]])\nk = tensor([0])",
        theirs={
            "PML": "losses.ArcFaceLoss(2, 2, margin=np.degrees(0.5), scale=1, "
            "weight_init_func=torch.nn.init.eye_)(e, k)",
        },
        ours="arcface_loss(F.normalize(e), k, margin=0.5, scale=1)",
        right="log(1 + exp(-cos(mpf('0.5'))))",
        slope="e",
        right_slope="[[0, 1 / (1 + exp(cos(mpf('0.5'))))]]",
        why="The slope of arccos is infinite at 1. The loss has a kink there with a finite slope on either "
        "side; ours is their mean.",
    ),
    Difference(
        title="Two equal views: Barlow Twins",
        given="e = 1e-3 * tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])",
        theirs={
            "MONAI": "monai.losses.BarlowTwinsLoss()(e, e)",
            "lightly": "lightly.loss.BarlowTwinsLoss()(e, e)",
        },
        ours="barlow_twins_loss(e, e)",
        right="0",
        why="The features are uncorrelated and the views equal. MONAI divides a sum over N by standard "
        "deviations over N − 1, so its diagonal is ¾ and no embedding reaches the optimum. lightly adds "
        "10⁻⁵ to the variance, here 10⁻⁶: a correlation does not depend on the unit.",
    ),
    Difference(
        title="A batch of one: VICReg",
        given="e = torch.zeros(1, 2)",
        theirs={
            "PML": "losses.VICRegLoss()(e, ref_emb=e)",
            "lightly": "lightly.loss.VICRegLoss()(e, e)",
        },
        ours="vicreg_loss(e, e)",
        right="ValueError",
        why="One row has no variance. lightly refuses too, by an assert.",
    ),
)
