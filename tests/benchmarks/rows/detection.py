"""Rows of detection."""

from tests.benchmarks.row import BOXES, Row, row

TABLE: tuple[Row, ...] = (
    row("iou_loss(p, g)", "", BOXES),
    row("giou_loss(p, g)", "", BOXES),
    row("diou_loss(p, g)", "", BOXES),
    row("ciou_loss(p, g)", "", BOXES),
)
