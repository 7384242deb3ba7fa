"""Rows of segmentation."""

from tests.benchmarks.row import MAPS, Failure, Row, row

ONE_MASK = "Z[:, :1], M[:, :1], multilabel=True, batch=True"

SOFTMAX = "(p := Z.softmax(1), t := F.one_hot(K, Z.shape[1]).movedim(-1, 1)) and "
HITS, P, T = "(p * t).sum((2, 3))", "p.sum((2, 3))", "t.sum((2, 3))"

# Two classes of 2048 pixels, all of them right with a probability of 1 − q, which float32 rounds to 1.
SURE = "K = (torch.arange(4096) % 2).view(1, 64, 64); Z = 20.0 * F.one_hot(K, 2).movedim(-1, 1); {}"
Q = "(q := 1 / (1 + math.exp(20)))"


def rounded(right: str) -> Failure:
    return Failure("0 from logits of 20 that are right: 1 − 1 in place of 10⁻⁹", SURE.format(""), right)


def tversky(smooth: float) -> str:
    return f"{SOFTMAX}(i := {HITS}, f := {P} - i, m := {T} - i) and (" + (
        f"1 - (i + {smooth}) / (i + 0.3 * f + 0.7 * m + {smooth})).mean()"
    )


SORTED = (
    "(p := Z.softmax(1){0}, t := F.one_hot(K, Z.shape[1]).to(Z.dtype).movedim(-1, 1){0}, "
    "e := (t - p).abs().sort(stable=True, descending=True), h := t.gather(-1, e[1]), "
    "n := h.sum(-1, keepdim=True), j := 1 - (n - h.cumsum(-1)) / (n + (1 - h).cumsum(-1))) and "
)
RISE = "(e[0] * j.diff(dim=-1, prepend=torch.zeros_like(j[..., :1]))).sum(-1)"
DIFFERENCES = "gradient 4 % off at a million pixels: differences of sums near 1"
MILLION = "Z = torch.zeros(1, 2, 1000, 1000); K = torch.zeros(1, 1000, 1000, dtype=torch.int64)"
UP_AND_DOWN = "torch.cat([-v, v], 1)"

SKELETON = (
    "(e := lambda x: -torch.maximum(F.max_pool2d(-x, (3, 1), 1, (1, 0)), "
    "F.max_pool2d(-x, (1, 3), 1, (0, 1))), o := lambda x: (x - F.max_pool2d(e(x), 3, 1, 1)).relu(), "
    "s := lambda x: o(x) + (1 - o(x)) * o(e(x)), "
    "p := Z[:, :1].sigmoid(), t := M[:, :1], "
    "a := ((s(p) * t).sum((2, 3)) + 1) / (s(p).sum((2, 3)) + 1), "
    "b := ((s(t) * p).sum((2, 3)) + 1) / (s(t).sum((2, 3)) + 1)) and "
)

TABLE: tuple[Row, ...] = (
    row(
        "dice_loss(Z, K)",
        f"{SOFTMAX}(1 - (2 * {HITS} + 1) / ({P} + {T} + 1)).mean()",
        MAPS,
        rounded(f"{Q} * 4096 / 4097"),
    ),
    row(
        "dice_loss(Z, K, smooth=0)",
        f"{SOFTMAX}(1 - 2 * {HITS} / ({P} + {T})).mean()",
        MAPS,
        rounded(Q),
    ),
    row(
        "dice_loss(Z, M, multilabel=True, smooth=0)",
        "(p := Z.sigmoid()) is M or (1 - 2 * (p * M).sum((2, 3)) / (p + M).sum((2, 3))).mean()",
        MAPS,
        Failure(
            "NaN where a class is absent and is no longer predicted: 0 / 0",
            "Z = torch.full((1, 1, 8, 8), -200.0); M = torch.zeros(1, 1, 8, 8)",
            "0.0",
        ),
    ),
    row(
        "dice_loss(Z, K, batch=True)",
        f"{SOFTMAX}(1 - (2 * (p * t).sum((0, 2, 3)) + 1) / (p.sum((0, 2, 3)) + t.sum((0, 2, 3)) + 1)).mean()",
        MAPS,
        rounded(f"{Q} * 4096 / 4097"),
    ),
    row(
        f"dice_loss({ONE_MASK})",
        "(p := Z[:, :1].sigmoid(), t := M[:, :1]) and 1 - (2 * (p * t).sum() + 1) / ((p + t).sum() + 1)",
        MAPS,
        Failure(
            "0 from logits of 20 that are right: 1 − 1 in place of 10⁻⁹",
            "M = torch.ones(1, 1, 64, 64); M[..., :32] = 0; Z = 40 * M - 20",
            f"{Q} * 4096 / 4097",
        ),
    ),
    row(
        "jaccard_loss(Z, K)",
        f"{SOFTMAX}(1 - ((i := {HITS}) + 1) / ({P} + {T} - i + 1)).mean()",
        MAPS,
        rounded(f"4096 * {Q} / (2049 + 2048 * q)"),
    ),
    row("tversky_loss(Z, K, alpha=0.3, beta=0.7)", tversky(0.5), MAPS, rounded(f"{Q} * 2048 / 2048.5")),
    row("tversky_loss(Z, K, alpha=0.3, beta=0.7, smooth=0)", tversky(0), MAPS, rounded(Q)),
    row(
        f"focal_tversky_loss({ONE_MASK}, gamma=4 / 3)",
        "(p := Z[:, :1].sigmoid(), t := M[:, :1], i := (p * t).sum(), f := p.sum() - i, m := t.sum() - i) "
        "and (1 - (i + 0.5) / (i + 0.3 * f + 0.7 * m + 0.5)) ** (3 / 4)",
        MAPS,
        Failure(
            "NaN gradient once a mask is right: the slope of x^¾ is infinite at 0",
            "M = torch.ones(1, 1, 8, 8); Z = torch.full((1, 1, 8, 8), 200.0)",
            "torch.zeros(1, 1, 8, 8)",
            "Z",
        ),
    ),
    row(
        "generalized_dice_loss(Z, K, smooth=0)",
        f"{SOFTMAX}(w := 1 / {T} ** 2) is p or "
        f"(1 - 2 * (w * {HITS}).sum(1) / (w * ({P} + {T})).sum(1)).mean()",
        MAPS,
        Failure(
            "NaN if an image lacks a class, whose weight is infinite",
            "Z = torch.zeros(1, 3, 8, 8); K = torch.zeros(1, 8, 8, dtype=torch.int64)",
            "0.5",
        ),
    ),
    Row(
        "cl_dice_loss(Z[:, :1], M[:, :1], multilabel=True, iterations=1)",
        f"{SKELETON}(1 - 2 * a * b / (a + b)).mean()",
        MAPS,
        Failure(
            "0 from a road that logits of 20 predict right: 1 − 1 in place of 10⁻⁹",
            "M = torch.zeros(1, 1, 9, 9); M[..., 4, :] = 1; Z = 40 * M - 20",
            f"(r := 9 * {Q} / (10 - 9 * q)) / (2 + r)",
        ),
    ),
    Row("boundary_loss(Z, D)", "(Z.softmax(1) * D).mean()", MAPS),
    Row("boundary_loss(Z, D, multilabel=True)", "(Z.sigmoid() * D).mean()", MAPS),
    row(
        "lovasz_softmax_loss(Z, K)",
        SORTED.format(".transpose(0, 1).flatten(1)") + f"({RISE} * (c := n[:, 0] > 0)).sum() / c.sum()",
        MAPS,
        Failure(
            DIFFERENCES, MILLION, f"(v := torch.full((1, 1, 1000, 1000), 0.25e-6)) is K or {UP_AND_DOWN}", "Z"
        ),
    ),
    row(
        "lovasz_softmax_loss(Z, K, per_image=True, classes='all')",
        SORTED.format(".flatten(2)") + f"{RISE}.mean()",
        MAPS,
        Failure(
            DIFFERENCES,
            f"{MILLION}; Z[0, 1, 0, 0] = 1",
            "(q := Z.double().softmax(1).prod(1, keepdim=True), v := q * (1e-6 + (Z[:, 1:] > 0)) / 2) and "
            + UP_AND_DOWN,
            "Z",
        ),
    ),
    row(
        "lovasz_hinge_loss(Z, M)",
        "(e := (1 - Z * (2 * M - 1)).flatten().sort(stable=True, descending=True), h := M.flatten()[e[1]], "
        "n := h.sum(), j := 1 - (n - h.cumsum(0)) / (n + (1 - h).cumsum(0))) and "
        "(e[0].relu() * j.diff(prepend=torch.zeros_like(j[:1]))).sum()",
        MAPS,
        Failure(
            DIFFERENCES,
            "Z = torch.zeros(1, 1, 1000, 1000); M = torch.ones(1, 1, 1000, 1000)",
            "torch.full((1, 1, 1000, 1000), -1e-6)",
            "Z",
        ),
    ),
)
