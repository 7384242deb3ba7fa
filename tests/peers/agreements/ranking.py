"""Losses of order."""

from tests.peers.agreements import same

AGREEMENTS = (
    same(
        "margin_ranking_loss(x, y, 2 * b - 1, margin=0.3, reduction=r)",
        ("PyTorch", "F.margin_ranking_loss(x, y, 2 * b - 1, margin=0.3, reduction=r)"),
    ),
    same(
        "bpr_loss(x, y, reduction=r)",
        ("PyTorch", "F.soft_margin_loss(x - y, torch.ones_like(x), reduction=r)"),
    ),
    same(
        "listnet_loss(x, y, reduction=r)",
        ("PyTorch", "F.cross_entropy(x, y.softmax(1), reduction=r)", "the softmax of the targets"),
    ),
)
