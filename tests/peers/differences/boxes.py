"""Losses of boxes."""

from tests.peers.differences import Difference

TITLE = "Boxes"

TINY = "p = tensor([[0.0, 0.0, 1e-4, 1e-4]])"

DIFFERENCES = (
    Difference(
        title="The same small box: GIoU",
        given=TINY,
        theirs={
            "torchvision": "torchvision.ops.generalized_box_iou_loss(p, p, reduction='mean')",
            "MONAI": "monai.losses.BoxGIoULoss()(p, p)",
        },
        ours="giou_loss(p, p)",
        right="0",
        why="The same box costs nothing, in any unit. An absolute eps of 10⁻⁷ is ten times its area.",
    ),
    Difference(
        title="The same small box: DIoU",
        given=TINY,
        theirs={"torchvision": "torchvision.ops.distance_box_iou_loss(p, p, reduction='mean')"},
        ours="diou_loss(p, p)",
        right="0",
        why="As above.",
    ),
    Difference(
        title="The same small box: CIoU",
        given=TINY,
        theirs={"torchvision": "torchvision.ops.complete_box_iou_loss(p, p, reduction='mean', eps=0)"},
        ours="ciou_loss(p, p)",
        right="0",
        why="As above, and here eps=0 does not help: it is not passed on to the IoU.",
    ),
    Difference(
        title="A prediction that is a point",
        given="p = tensor([[5.0, 5.0, 5.0, 5.0]])\ng = tensor([[0.0, 0.0, 10.0, 10.0]])",
        theirs={"torchvision": "torchvision.ops.complete_box_iou_loss(p, g, reduction='mean')"},
        ours="ciou_loss(p, g)",
        right="1",
        why="No overlap, the same centre, and a point has no aspect ratio. torchvision divides 0 by 0.",
    ),
    Difference(
        title="The same point",
        given="p = tensor([[5.0, 5.0, 5.0, 5.0]])",
        theirs={
            "torchvision": "torchvision.ops.generalized_box_iou_loss(p, p, reduction='mean')",
            "MONAI": "monai.losses.BoxGIoULoss()(p, p)",
        },
        ours="giou_loss(p, p)",
        right="0",
        why="The limit of equal boxes that shrink.",
    ),
    Difference(
        title="A box turned inside out",
        given="p = tensor([[10.0, 10.0, 0.0, 0.0]])\ng = tensor([[0.0, 0.0, 10.0, 10.0]])",
        theirs={
            "torchvision": "torchvision.ops.generalized_box_iou_loss(p, g, reduction='mean')",
            "MONAI": "monai.losses.BoxGIoULoss()(p, g)",
        },
        ours="giou_loss(p, g)",
        right="1",
        why="It covers nothing, so nothing overlaps: (−10) · (−10) is no area. The two corners lie on the "
        "other box, so the hull is that box. MONAI refuses such a box, and so does ours under strict().",
    ),
)
