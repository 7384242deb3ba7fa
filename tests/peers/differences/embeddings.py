"""Losses of embeddings."""

from tests.peers.differences import Difference

TITLE = "Embeddings"

ZERO_ROW = "u = torch.zeros(2)\ne = tensor([[1.0, 0.0]])\nf = tensor([[1.0, 0.0], [0.0, 1.0]])"
ZERO = "A vector of zeros has no direction, and ours gives it gradient 0. F.normalize divides by 10⁻¹² there."

LOW = "e = tensor([[1.0, 0.0], [0.0, 1.0]])\nf = tensor([[0.0, 1.0], [1.0, 0.0]])"


def low_temperature(library: str, theirs: str, why: str) -> Difference:
    return Difference(
        title=f"Hard pairs at a low temperature: {library}",
        library=library,
        given=LOW,
        theirs=theirs,
        ours="nt_xent_loss(e, f, temperature=0.005)",
        right="log(exp(200) + 2)",
        slope="e",
        right_slope="[[0, -100], [-100, 0]]",
        why=why,
    )


DIFFERENCES = (
    Difference(
        title="Three equal embeddings",
        library="PyTorch",
        given="u = torch.zeros(2)\nv = torch.zeros(2)\nw = torch.zeros(2)",
        theirs="F.triplet_margin_loss(u, v, w)",
        ours="triplet_loss(u, v, w)",
        right="1",
        slope="v",
        right_slope="[0, 0]",
        why="At distance 0 no direction is better than another. torch adds 10⁻⁶ to each coordinate of the difference "
        "and pushes along the diagonal.",
    ),
    Difference(
        title="An anchor equal to its positive",
        library="optax",
        given="u = tensor([0.0, 0.0])\nv = tensor([3.0, 4.0])",
        theirs="optax.losses.triplet_margin_loss(u, u, v, margin=5.0)",
        ours="triplet_loss(u, u, v, margin=5.0)",
        right="0 - sqrt(3**2 + 4**2) + 5",
        why="The distance is 0. optax adds 10⁻⁶ below the root, which makes it 10⁻³.",
    ),
    low_temperature(
        "PML",
        "losses.SelfSupervisedLoss(losses.NTXentLoss(temperature=0.005))(e, f)",
        "PML adds the smallest number of float32 to the probability, then takes the logarithm: there "
        "is a largest loss, and beyond it nothing is learned.",
    ),
    low_temperature(
        "MONAI",
        "monai.losses.ContrastiveLoss(temperature=0.005)(e, f)",
        "exp(200) is inf in float32; logsumexp takes the largest term out first.",
    ),
    Difference(
        title="A row of zeros: lightly",
        library="lightly",
        given=ZERO_ROW,
        theirs="lightly.loss.NTXentLoss()(torch.stack([u, e[0]]), f)",
        ours="nt_xent_loss(torch.stack([u, e[0]]), f)",
        right="(log(3) + log(2 + exp(2))) / 2",
        slope="u",
        right_slope="[0, 0]",
        why=ZERO,
    ),
    Difference(
        title="A row of zeros: info-nce",
        library="info-nce",
        given=ZERO_ROW,
        theirs="info_nce(torch.stack([u, e[0]]), f, temperature=1.0)",
        ours="info_nce_loss(torch.stack([u, e[0]]), f, temperature=1.0)",
        right="(log(2) + log(1 + exp(1))) / 2",
        slope="u",
        right_slope="[0, 0]",
        why=ZERO,
    ),
    Difference(
        title="A batch of one class",
        library="PML",
        given="e = tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])\nk = tensor([0, 0, 0])",
        theirs="losses.SupConLoss(temperature=0.1)(e, k)",
        ours="supcon_loss(e, k)",
        right="log(2)",
        why="Each row still has to pick its two friends out of two. PML returns 0 where there are no negatives.",
    ),
    Difference(
        title="A cosine of exactly 1",
        library="PML",
        given="e = tensor([[1.0, 0.0]])\nk = tensor([0])",
        theirs="losses.ArcFaceLoss(2, 2, margin=np.degrees(0.5), scale=1, weight_init_func=torch.nn.init.eye_)(e, k)",
        ours="arcface_loss(F.normalize(e), k, margin=0.5, scale=1)",
        right="log(1 + exp(-cos(mpf('0.5'))))",
        slope="e",
        right_slope="[[0, exp(-cos(mpf('0.5'))) / (1 + exp(-cos(mpf('0.5'))))]]",
        why="The slope of arccos is infinite at 1. The loss has a kink there, and its slopes on the two sides are "
        "finite: ours is their mean.",
    ),
    Difference(
        title="Two equal views",
        library="MONAI",
        given="e = tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])",
        theirs="monai.losses.BarlowTwinsLoss()(e, e)",
        ours="barlow_twins_loss(e, e)",
        right="0",
        why="The features are uncorrelated and the views equal. MONAI divides sums over N by standard deviations over "
        "N − 1: the diagonal is ¾, and no embedding reaches the optimum.",
    ),
)
