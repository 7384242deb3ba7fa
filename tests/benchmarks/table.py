"""What is measured: calls of ours, those of others that return the same, and inputs of several sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from tests.peers.agreements import everything
from tests.peers.libraries import LIBRARIES, namespace

Inputs = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """A loss at some sizes. The calls differentiate with respect to the inputs that need a gradient."""

    ours: str
    theirs: dict[str, str]
    sizes: dict[str, Callable[[], Inputs]]
    skip: tuple[tuple[str, str], ...] = ()
    """(library, size) where the other takes too long, or more memory than a laptop has."""

    @property
    def loss(self) -> str:
        return self.ours.split("(")[0]


def agreed(ours: str) -> dict[str, str]:
    """The first call of each library that takes tensors, from the table that the peers are tested with."""
    found: dict[str, str] = {}
    for agreement in everything():
        if agreement.ours.replace(", reduction=r", "") == ours:
            for peer in agreement.peers:
                if LIBRARIES[peer.library].arrays == "torch":
                    found.setdefault(peer.library, peer.call.replace("reduction=r", "reduction='mean'"))
    assert found, f"no library is said to agree with {ours}"
    return found


def row(ours: str, sizes: dict[str, Callable[[], Inputs]], *skip: tuple[str, str]) -> Row:
    return Row(ours, agreed(ours), sizes, skip)


def leaf(*shape: int, scale: float = 1.0) -> Tensor:
    return (scale * torch.randn(shape)).requires_grad_()


def number(n: int) -> str:
    return f"{n:,}".replace(",", " ")


def elements(*sizes: int) -> dict[str, Callable[[], Inputs]]:
    def inputs(n: int) -> Inputs:
        shape = (n // 10, 10)
        bits, counts = torch.randint(2, shape).float(), torch.randint(9, shape).float()
        return {"x": leaf(*shape), "y": torch.randn(shape), "b": bits, "n": counts, "s": leaf(*shape)}

    return {number(n): partial(inputs, n) for n in sizes}


def classes(*sizes: tuple[int, int]) -> dict[str, Callable[[], Inputs]]:
    def inputs(n: int, c: int) -> Inputs:
        return {
            "z": leaf(n, c),
            "k": torch.arange(n) % c,
            "t": torch.randn(n, c).softmax(1),
            "q": leaf(n, c),
            "c": torch.rand(c) + 0.5,
        }

    return {f"{number(n)} × {number(c)}": partial(inputs, n, c) for n, c in sizes}


def maps(*sizes: tuple[int, int, int]) -> dict[str, Callable[[], Inputs]]:
    def inputs(n: int, c: int, side: int) -> Inputs:
        index = torch.randint(c, (n, side, side))
        return {
            "Z": leaf(n, c, side, side),
            "K": index,
            "L": index,
            "M": torch.randint(2, (n, c, side, side)).float(),
        }

    return {f"{n} × {c} × {side}²": partial(inputs, n, c, side) for n, c, side in sizes}


def boxes(*sizes: int) -> dict[str, Callable[[], Inputs]]:
    def some(n: int) -> Tensor:
        corner = torch.rand(n, 2)
        return torch.cat([corner, corner + 0.1 + torch.rand(n, 2)], 1)

    def inputs(n: int) -> Inputs:
        return {"p": some(n).requires_grad_(), "g": some(n)}

    return {number(n): partial(inputs, n) for n in sizes}


def embeddings(*sizes: tuple[int, int]) -> dict[str, Callable[[], Inputs]]:
    def inputs(n: int, d: int) -> Inputs:
        pairs = torch.arange(n // 2).repeat(2)
        return {"e": leaf(n, d), "f": leaf(n, d), "h": leaf(n, d), "k": pairs}

    return {f"{number(n)} × {number(d)}": partial(inputs, n, d) for n, d in sizes}


def prototypes(*sizes: tuple[int, int, int]) -> dict[str, Callable[[], Inputs]]:
    """Embeddings, and class vectors that PML's losses own."""

    def inputs(n: int, d: int, c: int) -> Inputs:
        losses = namespace()["losses"]
        return {
            "e": leaf(n, d),
            "C": leaf(d, c),
            "k": torch.arange(n) % c,
            "arcface": losses.ArcFaceLoss(c, d),
            "cosface": losses.CosFaceLoss(c, d),
        }

    return {f"{number(n)} × {d}, {number(c)} classes": partial(inputs, n, d, c) for n, d, c in sizes}


ELEMENTS = elements(1000, 100_000, 10_000_000)
ROWS = classes((32, 10), (256, 1000), (4096, 10_000))
MAPS = maps((2, 4, 64), (8, 4, 256), (2, 21, 512))
BOXES = boxes(16, 100_000, 1_000_000)
PAIRS = embeddings((32, 128), (2048, 128), (4096, 128))
PROTOTYPES = prototypes((32, 128, 10), (512, 128, 10_000))
STATISTICS = embeddings((32, 128), (2048, 512), (256, 8192))
ONE_MASK = "Z[:, :1], M[:, :1], multilabel=True, batch=True"


FOCAL = {
    "MONAI": "monai.losses.FocalLoss(gamma=2, use_softmax=True, to_onehot_y=True)(z, k[:, None])",
    "kornia": "kornia.losses.focal_loss(z, k, alpha=None, gamma=2, reduction='mean')",
}
FOCAL_OF_MAPS = {name: call.replace("z", "Z").replace("(Z, k", "(Z, K") for name, call in FOCAL.items()}
BINARY_FOCAL = {
    "torchvision": "torchvision.ops.sigmoid_focal_loss(x, b, gamma=2, alpha=-1, reduction='mean')",
    "SMP": "smp.losses.FocalLoss('binary', gamma=2)(x, b)",
    "MONAI": "monai.losses.FocalLoss(gamma=2)(x, b)",
}
TRIPLET = {
    "PyTorch": "F.triplet_margin_loss(e, f, h, margin=0.5)",
    "PML": "losses.TripletMarginLoss(margin=0.5)"
    "(torch.cat([e, f, h]), indices_tuple=torch.arange(3 * len(e)).view(3, -1).unbind())",
}


def table() -> Iterable[Row]:
    return (
        row("mse_loss(x, y)", ELEMENTS),
        row("l1_loss(x, y)", ELEMENTS),
        row("huber_loss(x, y, delta=0.7)", ELEMENTS),
        row("smooth_l1_loss(x, y, beta=0.7)", ELEMENTS),
        row("log_cosh_loss(x, y)", ELEMENTS),
        row("msle_loss(x.exp(), y.exp())", ELEMENTS),
        row("general_robust_loss(x, y, alpha=1)", ELEMENTS),
        row("general_robust_loss(x, y, alpha=0)", ELEMENTS),
        row("general_robust_loss(x, y, alpha=-2)", ELEMENTS),
        row("general_robust_loss(x, y, alpha=-torch.inf)", ELEMENTS),
        row("poisson_nll_loss(x, n)", ELEMENTS),
        row("gaussian_nll_loss(x, y, log_var=s)", ELEMENTS),
        row("cross_entropy(z, k)", ROWS),
        row("cross_entropy(z, t)", ROWS),
        row("cross_entropy(z, k, class_weight=c)", ROWS),
        row("cross_entropy(z, k, label_smoothing=0.2)", ROWS),
        row("cross_entropy(Z, L, ignore_index=255)", MAPS),
        row("binary_cross_entropy(x, b)", ELEMENTS),
        row("binary_cross_entropy(x, b, pos_weight=3.0)", ELEMENTS),
        row("binary_cross_entropy(x, b, label_smoothing=0.2)", ELEMENTS),
        row("kl_divergence(z, t)", ROWS),
        row("js_divergence(z, q)", ROWS),
        row("hinge_loss(x, b)", ELEMENTS),
        row("hinge_loss(x, b, squared=True)", ELEMENTS),
        row("multiclass_hinge_loss(z, k, margin=0.5, variant='weston-watkins')", ROWS),
        row("generalized_cross_entropy(z, k, q=0.7)", ROWS),
        row("poly_loss(z, k, epsilon=0.5)", ROWS),
        Row("focal_loss(z, k)", FOCAL, ROWS),
        Row("focal_loss(Z, K)", FOCAL_OF_MAPS, MAPS),
        row("binary_focal_loss(x, b, gamma=1.5, alpha=0.3)", ELEMENTS),
        Row("binary_focal_loss(x, b)", BINARY_FOCAL, ELEMENTS),
        row("asymmetric_loss(x, b, gamma_pos=1, gamma_neg=3, clip=0.05)", ELEMENTS),
        row("dice_loss(Z, K)", MAPS),
        row("dice_loss(Z, K, smooth=0)", MAPS),
        row("dice_loss(Z, M, multilabel=True, smooth=0)", MAPS),
        row("dice_loss(Z, K, batch=True)", MAPS),
        row(f"dice_loss({ONE_MASK})", MAPS),
        row("jaccard_loss(Z, K)", MAPS),
        row("tversky_loss(Z, K, alpha=0.3, beta=0.7)", MAPS),
        row("tversky_loss(Z, K, alpha=0.3, beta=0.7, smooth=0)", MAPS),
        row(f"focal_tversky_loss({ONE_MASK}, gamma=4 / 3)", MAPS),
        row("generalized_dice_loss(Z, K, smooth=0)", MAPS),
        row("lovasz_softmax_loss(Z, K)", MAPS),
        row("lovasz_softmax_loss(Z, K, per_image=True, classes='all')", MAPS),
        row("lovasz_hinge_loss(Z, M)", MAPS),
        row("iou_loss(p, g)", boxes(16, 1000)),
        row("giou_loss(p, g)", BOXES),
        row("diou_loss(p, g)", BOXES),
        row("ciou_loss(p, g)", BOXES),
        Row("triplet_loss(e, f, h, margin=0.5)", TRIPLET, PAIRS),
        row("batch_hard_triplet_loss(e, k, margin=0.5)", PAIRS),
        row("info_nce_loss(e, f, temperature=0.2)", PAIRS),
        row(
            "nt_xent_loss(e, f, temperature=0.5)",
            PAIRS,
            ("PML", f"{number(2048)} × 128"),
            ("PML", f"{number(4096)} × 128"),
            ("MONAI", f"{number(2048)} × 128"),
            ("MONAI", f"{number(4096)} × 128"),
        ),
        row("supcon_loss(e, k, temperature=0.2)", PAIRS),
        Row("arcface_loss(F.normalize(e) @ F.normalize(C), k)", {"PML": "arcface(e, k)"}, PROTOTYPES),
        Row("cosface_loss(F.normalize(e) @ F.normalize(C), k)", {"PML": "cosface(e, k)"}, PROTOTYPES),
        row("barlow_twins_loss(100 * e, 100 * f, lambd=0.1)", STATISTICS),
        row("vicreg_loss(e, f, sim=20, var=15, cov=2)", STATISTICS),
        row("margin_ranking_loss(x, y, 2 * b - 1, margin=0.3)", ELEMENTS),
        row("bpr_loss(x, y)", ELEMENTS),
    )
