"""Rows of representation."""

from tests.benchmarks.row import PAIRS, PROTOTYPES, STATISTICS, TRIPLES, Failure, Row, embeddings, number, row

LARGE, HUGE = (f"{number(n)} × 128" for n in (2048, 4096))

# All triples of their rows are more than 10⁹ in the last, 4 GB for each temporary of a composite.
TRIPLES_OF_A_BATCH = embeddings((32, 128), (128, 128), (512, 128), (1024, 128))
CUBE = f"{number(1024)} × 128"

TRIPLET = {
    "PyTorch": "F.triplet_margin_loss(e, f, h, margin=0.5)",
    "PML": "losses.TripletMarginLoss(margin=0.5)"
    "(torch.cat([e, f, h]), indices_tuple=torch.arange(3 * len(e), device=e.device).view(3, -1).unbind())",
}

SHORT = "rows shorter than 1e-12 are not of unit length"
SHORT_ROWS = "e = 1e-15 * torch.eye(2); f = 1e-15 * torch.eye(2)"
ALONE = "e = torch.eye(3, requires_grad=True); k = torch.tensor([0, 0, 1])"

TABLE: tuple[Row, ...] = (
    Row(
        "contrastive_loss(e, f, b)",
        "(b * (d := (e - f).norm(dim=1)).square() + (1 - b) * F.relu(1 - d).square()).mean() / 2",
        TRIPLES,
    ),
    Row(
        "triplet_loss(e, f, h, margin=0.5)",
        "F.relu((e - f).norm(dim=1) - (e - h).norm(dim=1) + 0.5).mean()",
        TRIPLES,
        Failure(
            "NaN from a length of 2e19 on, whose square overflows",
            "e, f, h = torch.tensor([[4e19, 0.0]]), torch.zeros(1, 2), torch.tensor([[6e19, 0.0]])",
            "4e19 - 2e19",
        ),
        TRIPLET,
    ),
    row(
        "batch_hard_triplet_loss(e, k, margin=0.5)",
        "F.relu(torch.where(same := k[:, None] == k, d := torch.cdist(e, e), 0).amax(1)"
        " - torch.where(same, torch.inf, d).amin(1) + 0.5).mean()",
        PAIRS,
        Failure(
            "distances from inner products have no digits left at 1000 from the origin",
            "e = 1000 + torch.arange(64.0).view(32, 2) / 64; k = torch.arange(32) // 2",
            "F.relu(torch.where(k[:, None] == k, d := torch.cdist(*2 * [e.double() - 1000]), 0).amax(1)"
            " - torch.where(k[:, None] == k, torch.inf, d).amin(1) + 0.5).mean()",
        ),
    ),
    row(
        "batch_all_triplet_loss(e, k, margin=0.5)",
        "(l := F.relu((d := torch.cdist(e, e))[:, :, None] - d[:, None] + 0.5)"
        " * ((same := k[:, None] == k) & ~torch.eye(len(k), dtype=torch.bool, device=e.device))[:, :, None]"
        " * ~same[:, None]).sum() / (l > 0).sum()",
        TRIPLES_OF_A_BATCH,
        None,
        ("composite", CUBE),
    ),
    Row(
        "batch_semi_hard_triplet_loss(e, k, margin=0.5)",
        "(F.relu((d := torch.cdist(e, e)) - torch.where((near := torch.where((same := k[:, None] == k)"
        "[:, None] | (d[:, None] <= d[:, :, None]), torch.inf, d[:, None]).amin(2)) < torch.inf, near,"
        " torch.where(same, 0, d).amax(1, keepdim=True)) + 0.5)"
        " * (pair := same & ~torch.eye(len(k), dtype=torch.bool, device=e.device))).sum() / pair.sum()",
        TRIPLES_OF_A_BATCH,
        skip=(("composite", CUBE),),
    ),
    row(
        "circle_loss(e, k, margin=0.4, gamma=80)",
        "F.softplus(torch.where(same := k[:, None] == k, -torch.inf, 80 * F.relu((s := F.normalize(e)"
        " @ F.normalize(e).T).detach() + 0.4) * (s - 0.4)).logsumexp(1) + torch.where(same"
        " & ~torch.eye(len(k), dtype=torch.bool, device=e.device),"
        " -80 * F.relu(1.4 - s.detach()) * (s - 0.6), -torch.inf)"
        ".logsumexp(1)).mean()",
        PAIRS,
        Failure(
            "a class of one row, which has no loss, counts in the mean", ALONE, "80 * (1.4 * 0.6 - 0.4 * 0.4)"
        ),
    ),
    row(
        "multi_similarity_loss(e, k, alpha=2, beta=50, base=0.5)",
        "((1 + ((s := F.normalize(e) @ F.normalize(e).T - 0.5).mul(-2).exp() * ((same := k[:, None] == k)"
        " & ~torch.eye(len(k), dtype=torch.bool, device=e.device))).sum(1)).log() / 2"
        " + (1 + (s.mul(50).exp() * ~same).sum(1)).log() / 50).mean()",
        PAIRS,
        Failure(
            "0 for negatives that are far enough, log(1 + 1e-11)",
            "e = torch.eye(2); k = torch.tensor([0, 1])",
            "math.log1p(math.exp(-25)) / 50",
        ),
    ),
    row(
        "info_nce_loss(e, f, temperature=0.2)",
        "F.cross_entropy(F.normalize(e) @ F.normalize(f).T / 0.2, torch.arange(len(e), device=e.device))",
        PAIRS,
        Failure(SHORT, SHORT_ROWS, "math.log1p(math.exp(-1 / 0.2))"),
    ),
    row(
        "nt_xent_loss(e, f, temperature=0.5)",
        "F.cross_entropy(((z := F.normalize(torch.cat([e, f]))) @ z.T / 0.5).fill_diagonal_(-torch.inf),"
        " torch.arange(len(z), device=e.device).roll(len(e)))",
        PAIRS,
        Failure(SHORT, SHORT_ROWS, "math.log(1 + 2 * math.exp(-1 / 0.5))"),
        ("PML", LARGE),
        ("PML", HUGE),
        ("MONAI", LARGE),
        ("MONAI", HUGE),
    ),
    Row(
        "siglip_loss(e, f)",
        "-F.logsigmoid((2 * torch.eye(len(e), device=e.device) - 1)"
        " * (10 * F.normalize(e) @ F.normalize(f).T - 10)).sum()"
        " / len(e)",
        PAIRS,
        Failure(SHORT, SHORT_ROWS, "math.log(2) + math.log1p(math.exp(-10))"),
    ),
    row(
        "supcon_loss(e, k, temperature=0.2)",
        "-(((pair := (k[:, None] == k) & ~torch.eye(len(k), dtype=torch.bool, device=e.device))"
        " * ((s := (z := F.normalize(e))"
        " @ z.T / 0.2) - s.masked_fill(torch.eye(len(k), dtype=torch.bool, device=e.device), -torch.inf)"
        ".logsumexp(1, keepdim=True))).sum(1) / pair.sum(1)).mean()",
        PAIRS,
        Failure("NaN where a class has one row", ALONE, "math.log(2)"),
    ),
    Row(
        "arcface_loss(F.normalize(e) @ F.normalize(C, dim=0), k)",
        "F.cross_entropy(64 * (c := F.normalize(e) @ F.normalize(C, dim=0)).scatter(1, k[:, None],"
        " (c.gather(1, k[:, None]).acos() + 0.5).cos()), k)",
        PROTOTYPES,
        Failure(
            "NaN gradient where an embedding points where its class does",
            "e = torch.eye(2, requires_grad=True); C = torch.eye(2); k = torch.tensor([0, 1])",
            "torch.zeros(2, 2)",
            "e",
        ),
        {"PML": "arcface(e, k)"},
    ),
    Row(
        "cosface_loss(F.normalize(e) @ F.normalize(C, dim=0), k)",
        "F.cross_entropy(64 * (F.normalize(e) @ F.normalize(C, dim=0) - 0.35 * F.one_hot(k, C.shape[1])), k)",
        PROTOTYPES,
        theirs={"PML": "cosface(e, k)"},
    ),
    row(
        "barlow_twins_loss(100 * e, 100 * f, lambd=0.1)",
        "(c := F.batch_norm(100 * e, None, None, training=True).T @ F.batch_norm(100 * f, None, None,"
        " training=True) / len(e)).diagonal().sub(1).square().sum()"
        " + 0.1 * (c - c.diagonal().diag()).square().sum()",
        STATISTICS,
        Failure(
            "half of the correlation of features whose standard deviation is 0.003",
            "e = 3.16e-5 * torch.tensor([[1.0], [-1.0]]); f = e",
            "0.0",
        ),
    ),
    row(
        "vicreg_loss(e, f, sim=20, var=15, cov=2)",
        "20 * F.mse_loss(e, f) + sum(7.5 * F.relu(1 - (x.var(0) + 1e-4).sqrt()).mean()"
        " + 4 * torch.cov(x.T).triu(1).square().sum() / x.shape[1] for x in (e, f))",
        STATISTICS,
    ),
    row(
        "negative_cosine_loss(e, f)",
        "-F.cosine_similarity(e, f.detach()).mean()",
        TRIPLES,
        Failure(
            "0 where a row is shorter than 1e-8, or so",
            "e = torch.tensor([[1e-12, 0.0]]); f = torch.eye(2)[:1]",
            "-1.0",
        ),
    ),
    Row(
        "proxy_anchor_loss(e, k, P)",
        "((1 + ((s := F.normalize(P) @ F.normalize(e).T - 0.1).mul(-32).exp()"
        " * (own := torch.arange(len(P), device=e.device)[:, None] == k)).sum(1)).log().sum()"
        " / own.any(1).sum()"
        " + (1 + ((s + 0.2).mul(32).exp() * ~own).sum(1)).log().mean())",
        PROTOTYPES,
        Failure(
            "0 where all rows are where they should be, log(1 + 3e-13)",
            "e = P = torch.tensor([[1.0], [-1.0]]); k = torch.tensor([0, 1])",
            "2 * math.log1p(math.exp(-32 * 0.9))",
        ),
        {"PML": "anchor(e, k)"},
    ),
    Row(
        "center_loss(e, k, P)",
        "(e - P[k]).square().sum(1).mean() / 2",
        PROTOTYPES,
    ),
)
