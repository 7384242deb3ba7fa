"""Losses of boxes."""

from tests.peers.differences import Difference

TITLE = "Boxes"

TINY = "p = tensor([[0.0, 0.0, 1e-4, 1e-4]])"
EPS = "The same box costs nothing in any unit. An absolute eps of 10⁻⁷ in the denominator is a unit, and the area is "
EPS += "10⁻⁸."

DIFFERENCES = (
    *(
        Difference(
            title=f"The same small box: {name}",
            library="torchvision",
            given=TINY,
            theirs=f"torchvision.ops.{theirs}(p, p, reduction='mean')",
            ours=f"{name}_loss(p, p)",
            right="0",
            why=EPS,
        )
        for name, theirs in (
            ("giou", "generalized_box_iou_loss"),
            ("diou", "distance_box_iou_loss"),
            ("ciou", "complete_box_iou_loss"),
        )
    ),
    Difference(
        title="The same small box: MONAI",
        library="MONAI",
        given=TINY,
        theirs="monai.losses.BoxGIoULoss()(p, p)",
        ours="giou_loss(p, p)",
        right="0",
        why="As above.",
    ),
    Difference(
        title="A prediction that is a point",
        library="torchvision",
        given="p = tensor([[5.0, 5.0, 5.0, 5.0]])\ng = tensor([[0.0, 0.0, 10.0, 10.0]])",
        theirs="torchvision.ops.complete_box_iou_loss(p, g, reduction='mean')",
        ours="ciou_loss(p, g)",
        right="1",
        why="No overlap, the same centre, and a point has no aspect ratio: torchvision divides 0 by 0.",
    ),
    Difference(
        title="The same point",
        library="torchvision",
        given="p = tensor([[5.0, 5.0, 5.0, 5.0]])",
        theirs="torchvision.ops.generalized_box_iou_loss(p, p, reduction='mean')",
        ours="giou_loss(p, p)",
        right="0",
        why="The limit of equal boxes that shrink.",
    ),
    Difference(
        title="A box turned inside out",
        library="torchvision",
        given="p = tensor([[10.0, 10.0, 0.0, 0.0]])\ng = tensor([[0.0, 0.0, 10.0, 10.0]])",
        theirs="torchvision.ops.generalized_box_iou_loss(p, g, reduction='mean')",
        ours="giou_loss(p, g)",
        right="1",
        why="It covers nothing, so nothing overlaps. (−10) · (−10) is no area.",
    ),
)
