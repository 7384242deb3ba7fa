"""Calls of other libraries that return the numbers of a call of ours: a translation table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.peers.libraries import LIBRARIES

REDUCTIONS = ("mean", "sum", "none")


@dataclass(frozen=True)
class Peer:
    """A call of another library."""

    library: str
    call: str
    mapping: str = ""
    """What one has to know to translate, in a few words."""
    rtol: float | None = None
    """How closely it agrees, if the mapping says why less than the library otherwise does."""

    @property
    def tolerance(self) -> float:
        return LIBRARIES[self.library].rtol if self.rtol is None else self.rtol


@dataclass(frozen=True)
class Agreement:
    """A call of ours and the calls of others that return the same. ``r`` stands for every reduction."""

    ours: str
    peers: tuple[Peer, ...]

    @property
    def loss(self) -> str:
        return self.ours.split("(")[0]

    @property
    def reductions(self) -> tuple[str, ...]:
        return REDUCTIONS if "reduction=r" in self.ours else ("mean",)


def same(
    ours: str, *peers: tuple[str, str] | tuple[str, str, str] | tuple[str, str, str, float]
) -> Agreement:
    return Agreement(ours, tuple(Peer(*peer) for peer in peers))


def everything() -> Iterable[Agreement]:
    from tests.peers.agreements import (
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
    return [agreement for family in families for agreement in family.AGREEMENTS]


NO_PEER = {
    "expectile_loss": "scipy.stats.expectile finds its minimiser only",
    "epsilon_insensitive_loss": "inside scikit-learn's support vector regression, not to be called",
    "interval_loss": "2/α times the quantile losses of both ends",
    "gaussian_crps_loss": "",
    "ensemble_crps_loss": "in scoringrules and properscoring, which are not installed here",
    "symmetric_cross_entropy": "",
    "spherical_loss": "",
    "sparsemax_loss": "in packages that are not installed here",
    "ordinal_loss": "CORAL and CORN are in coral-pytorch, which is not installed here",
    "ranked_probability_loss": "",
    "logit_adjusted_loss": "",
    "ldam_loss": "",
    "eiou_loss": "",
    "distribution_focal_loss": "",
    "quality_focal_loss": "for labels 0 and 1 it is the binary focal loss",
    "varifocal_loss": "",
    "contrastive_loss": "the loss of that name in PML is linear in the distance, not squared",
    "batch_semi_hard_triplet_loss": "PML takes all negatives within the margin; that of TensorFlow Addons is "
    "not installed here",
    "siglip_loss": "",
    "center_loss": "half of torch's squared error against `centers[target]`, summed over a row",
    "listmle_loss": "optax.ranking_softmax_loss is ListNet, another loss",
    "lambda_loss": "in gradient-boosting libraries, which are not installed here",
    "dpo_loss": "",
    "ipo_loss": "",
    "simpo_loss": "",
    "kto_loss": "",
    "cox_loss": "in pycox and lifelines, which are not installed here; statsmodels has it of whole models",
}
