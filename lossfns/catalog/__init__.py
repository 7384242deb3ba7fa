r"""One card for each loss: what it is, and what is true of it.

Every field that is a claim is held by a test, and the tables of the book are made from the cards.

>>> card = cards()["huber_loss"]
>>> card.convex.value(), card.lipschitz.value(delta=2.0), card.lipschitz.words
(True, 2.0, '$\\delta$')
"""

from __future__ import annotations

from lossfns.catalog import (
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
from lossfns.catalog.card import Claim, LossCard

__all__ = ["Claim", "LossCard", "cards"]


def cards() -> dict[str, LossCard]:
    """The card of every public loss, by the name of its function, in the order of the book."""
    families = (
        regression,
        distribution,
        classification,
        imbalance,
        segmentation,
        detection,
        representation,
        ranking,
        survival,
    )
    return {card.name: card for family in families for card in family.CARDS}
