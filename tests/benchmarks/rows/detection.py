"""Rows of detection."""

from tests.benchmarks.row import BINS, BOXES, ELEMENTS, Failure, Row, row

# The corners of A ∩ B and of the hull, with their areas.
OVERLAP = (
    "(i := (torch.minimum(p[:, 2:], g[:, 2:]) - torch.maximum(p[:, :2], g[:, :2])).clamp(min=0).prod(1), "
    "s := p[:, 2:] - p[:, :2], t := g[:, 2:] - g[:, :2], u := s.prod(1) + t.prod(1) - i, "
    "h := torch.maximum(p[:, 2:], g[:, 2:]) - torch.minimum(p[:, :2], g[:, :2])) and "
)
CENTRES = "((p[:, :2] + p[:, 2:] - g[:, :2] - g[:, 2:]) ** 2).sum(1) / 4 / (h**2).sum(1)"
ASPECT = "4 / math.pi**2 * ((s[:, 0] / s[:, 1]).atan() - (t[:, 0] / t[:, 1]).atan()) ** 2"

PADDING = Failure(
    "NaN from rows of padding, boxes of zeros", "p, g = torch.zeros(1, 4), torch.zeros(1, 4)", "0.0"
)

TABLE: tuple[Row, ...] = (
    row("iou_loss(p, g)", f"{OVERLAP}(1 - i / u).mean()", BOXES, PADDING),
    row("giou_loss(p, g)", f"{OVERLAP}(1 - i / u + ((c := h.prod(1)) - u) / c).mean()", BOXES, PADDING),
    row("diou_loss(p, g)", f"{OVERLAP}(1 - i / u + {CENTRES}).mean()", BOXES, PADDING),
    row(
        "ciou_loss(p, g)",
        f"{OVERLAP}(v := {ASPECT}) is p or "
        f"(1 - i / u + {CENTRES} + (v / (1 - i / u + v)).detach() * v).mean()",
        BOXES,
        PADDING,
    ),
    Row(
        "eiou_loss(p, g)",
        f"{OVERLAP}(1 - i / u + {CENTRES} + (((s - t) / h) ** 2).sum(1)).mean()",
        BOXES,
        PADDING,
    ),
    Row(
        "distribution_focal_loss(z, y)",
        "(k := y.long(), r := y - k, q := z.log_softmax(1)) and "
        "-((1 - r) * q.gather(1, k[:, None])[:, 0] + r * q.gather(1, k[:, None] + 1)[:, 0]).mean()",
        BINS,
        Failure(
            "NaN where a bin beside the target is masked with −∞: 0 · ∞",
            "z, y = torch.tensor([[0.0, 1.0, -math.inf]]), torch.tensor([1.0])",
            "math.log1p(math.exp(-1))",
        ),
    ),
    Row(
        "quality_focal_loss(x, b)",
        "((x.sigmoid() - b) ** 2 * F.binary_cross_entropy_with_logits(x, b, reduction='none')).mean()",
        ELEMENTS,
        Failure(
            "twice what is right for a positive with a logit of 17: of σ − y hardly a digit is left",
            "x, b = torch.tensor([17.0]), torch.ones(1)",
            "(1 + math.exp(17)) ** -2 * math.log1p(math.exp(-17))",
        ),
    ),
    Row(
        "varifocal_loss(x, b)",
        "(torch.where(b > 0, b, 0.75 * x.sigmoid() ** 2) "
        "* F.binary_cross_entropy_with_logits(x, b, reduction='none')).mean()",
        ELEMENTS,
        Failure(
            "0 for a negative with a logit of −20: (1 − y) z − log σ(z) cancels",
            "x, b = torch.tensor([-20.0]), torch.zeros(1)",
            "0.75 * (1 + math.exp(20)) ** -2 * math.log1p(math.exp(-20))",
        ),
    ),
)
