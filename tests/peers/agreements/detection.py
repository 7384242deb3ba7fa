"""Losses of boxes."""

from tests.peers.agreements import same

EPS = "eps is 10⁻⁷ by default"

AGREEMENTS = (
    same(
        "iou_loss(p, g)",
        ("torchvision", "(1 - torchvision.ops.box_iou(p, g).diagonal()).mean()", "an index, of all pairs"),
    ),
    same(
        "giou_loss(p, g, reduction=r)",
        ("torchvision", "torchvision.ops.generalized_box_iou_loss(p, g, reduction=r, eps=0)", EPS),
        ("MONAI", "monai.losses.BoxGIoULoss(reduction=r)(p, g)", "computed in float32", 1e-5),
    ),
    same(
        "diou_loss(p, g, reduction=r)",
        ("torchvision", "torchvision.ops.distance_box_iou_loss(p, g, reduction=r, eps=0)", EPS),
    ),
    same(
        "ciou_loss(p, g, reduction=r)",
        (
            "torchvision",
            "torchvision.ops.complete_box_iou_loss(p, g, reduction=r, eps=0)",
            "eps is added all the same",
            1e-6,
        ),
    ),
)
