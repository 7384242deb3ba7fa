"""Rows of representation."""

from tests.benchmarks.row import PAIRS, PROTOTYPES, STATISTICS, TRIPLES, Row, number, row

TRIPLET = {
    "PyTorch": "F.triplet_margin_loss(e, f, h, margin=0.5)",
    "PML": "losses.TripletMarginLoss(margin=0.5)"
    "(torch.cat([e, f, h]), indices_tuple=torch.arange(3 * len(e)).view(3, -1).unbind())",
}

TABLE: tuple[Row, ...] = (
    Row("triplet_loss(e, f, h, margin=0.5)", "", TRIPLES, theirs=TRIPLET),
    row("batch_hard_triplet_loss(e, k, margin=0.5)", "", PAIRS),
    row("info_nce_loss(e, f, temperature=0.2)", "", PAIRS),
    row(
        "nt_xent_loss(e, f, temperature=0.5)",
        "",
        PAIRS,
        None,
        ("PML", f"{number(2048)} × 128"),
        ("PML", f"{number(4096)} × 128"),
        ("MONAI", f"{number(2048)} × 128"),
        ("MONAI", f"{number(4096)} × 128"),
    ),
    row("supcon_loss(e, k, temperature=0.2)", "", PAIRS),
    Row("arcface_loss(F.normalize(e) @ F.normalize(C), k)", "", PROTOTYPES, theirs={"PML": "arcface(e, k)"}),
    Row("cosface_loss(F.normalize(e) @ F.normalize(C), k)", "", PROTOTYPES, theirs={"PML": "cosface(e, k)"}),
    row("barlow_twins_loss(100 * e, 100 * f, lambd=0.1)", "", STATISTICS),
    row("vicreg_loss(e, f, sim=20, var=15, cov=2)", "", STATISTICS),
)
