"""One case for each loss, or for each form of its arguments: what the generic tests need to know of it."""

from __future__ import annotations

from tests.cases import (
    classification,
    detection,
    distribution,
    imbalance,
    ranking,
    regression,
    representation,
    segmentation,
    survival,
)
from tests.cases.case import Claims, Hyper, LossCase

__all__ = ["CASES", "NOT_ALL_ROWS", "STATISTICS", "Claims", "Hyper", "LossCase"]

CASES = (
    *regression.CASES,
    *distribution.CASES,
    *classification.CASES,
    *imbalance.CASES,
    *segmentation.CASES,
    *detection.CASES,
    *representation.CASES,
    *ranking.CASES,
    *survival.CASES,
)

STATISTICS = ("barlow_twins_loss", "vicreg_loss", "proxy_anchor_loss")
"""Losses of a whole batch, without weight or reduction: test_representation holds all there is of them."""

NOT_ALL_ROWS = ("center_loss",)
"""Losses of rows and of a table that all rows share: test_representation holds all there is of them, too."""
