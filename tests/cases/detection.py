"""The cases of detection."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Generator, Tensor

from tests.cases.case import Claims, LossCase
from tests.cases.labels import INF, LABEL_ROWS, REJECTED_LABELS, two_class_edge
from tests.cases.layouts import BINARY, Layout, Shape, uniform, zip_rows
from tests.cases.references import log_softmax, softplus


def box_terms(a: Tensor, b: Tensor) -> dict[str, Tensor]:
    """The letters of the printed formulas of boxes, as the papers define them."""
    low, high = torch.maximum(a[:2], b[:2]), torch.minimum(a[2:], b[2:])
    both = (high - low).clamp(min=0).prod()
    side_a, side_b = a[2:] - a[:2], b[2:] - b[:2]
    hull = torch.maximum(a[2:], b[2:]) - torch.minimum(a[:2], b[:2])
    angles = torch.stack([torch.atan(side[0] / side[1]) for side in (side_a, side_b)])
    return {
        "I": both,
        "U": side_a.prod() + side_b.prod() - both,
        "C": hull.prod(),
        "rho": (a[:2] + a[2:] - b[:2] - b[2:]).norm() / 2,
        "d": hull.norm(),
        "omega": side_a[0] - side_b[0],
        "eta": side_a[1] - side_b[1],
        "W": hull[0],
        "H": hull[1],
        "v": 4 / math.pi**2 * (angles[0] - angles[1]) ** 2,
        "theta": angles,
    }


def box_symbols(a: list[float], b: list[float]) -> dict[str, Any]:
    leaf, other = (
        torch.tensor(a, dtype=torch.float64, requires_grad=True),
        torch.tensor(b, dtype=torch.float64),
    )
    terms = box_terms(leaf, other)
    derivatives = {
        f"partial{name}": torch.autograd.grad(value, leaf, retain_graph=True)[0].tolist()
        for name, value in terms.items()
        if name != "theta"
    }
    return {name: value.tolist() for name, value in terms.items()} | derivatives | {"A": 0, "B": 1}


def draw_boxes(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
    corners = [uniform(generator, (*shape, 2), low, high) for _ in range(2)]
    sides = [uniform(generator, (*shape, 2), (high - low) / 20, (high - low) / 2) for _ in range(2)]
    return [torch.cat([c, c + s], -1) for c, s in zip(corners, sides, strict=True)]


BOXES = Layout(
    draw=draw_boxes,
    units=lambda a, b: zip_rows(a.reshape(-1, 4), b.reshape(-1, 4)),
    predictions=lambda x, target: [x, torch.tensor(target, dtype=x.dtype).expand_as(x)],
    symbols=box_symbols,
    dim=4,
)
BINS = Layout(
    draw=lambda generator, shape, low, high: [
        uniform(generator, (*shape, 4), low, high),
        uniform(generator, shape, 0, 3),
    ],
    units=lambda z, y: zip_rows(z.reshape(-1, 4), y.reshape(-1)),
    predictions=lambda x, target: [x, torch.full_like(x[:, 0], target)],
    symbols=lambda z, y: {"z": z, "y": y, "l": math.floor(y)},
    dim=4,
)


def boxes(m: Any, a: Any, b: Any, penalty: str = "") -> Any:
    sides = [max(min(a[i + 2], b[i + 2]) - max(a[i], b[i]), 0) for i in (0, 1)]
    (w, h), (v, u) = ((box[2] - box[0], box[3] - box[1]) for box in (a, b))
    hull = [max(a[i + 2], b[i + 2]) - min(a[i], b[i]) for i in (0, 1)]
    both = sides[0] * sides[1]
    union = w * h + v * u - both
    loss = 1 - both / union
    if penalty == "gap":
        return loss + (hull[0] * hull[1] - union) / (hull[0] * hull[1])
    if penalty:
        shift = sum(((a[i] + a[i + 2] - b[i] - b[i + 2]) / 2) ** 2 for i in (0, 1))
        aspect = 4 / m.pi**2 * (m.atan(w / h) - m.atan(v / u)) ** 2
        full = aspect**2 / (loss + aspect) if aspect and penalty == "aspect" else 0
        loss += shift / (hull[0] ** 2 + hull[1] ** 2) + full
        if penalty == "sides":
            loss += ((w - v) / hull[0]) ** 2 + ((h - u) / hull[1]) ** 2
    return loss


BOX_ROWS = (
    ([0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0]),
    ([0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0078125]),
    ([100.0, 200.0, 300.0, 500.0], [100.0, 200.0009765625, 300.0, 500.0009765625]),
    ([-1.0, -1.0, 1.0, 1.0], [-4.0, -2.0, 4.0, 2.0]),
    ([0.0, 0.0, 1.0, 1.0], [30.0, 70.0, 31.0, 75.0]),
    ([0.0, 0.0, 2.0**-20, 2.0**-20], [0.0, 0.0, 2.0**-19, 2.0**-20]),
    ([0.0, 0.0, 2.0**20, 1.0], [0.0, 0.0, 1.0, 2.0**20]),
)


def box_case(name: str, penalty: str, reaches_upper_end: bool = False) -> LossCase:
    return LossCase(
        name,
        lambda m, a, b: boxes(m, a, b, penalty),
        layout=BOXES,
        extremes=BOX_ROWS,
        exact_gradient=name != "ciou_loss",
        rejected=(
            ("input", ([math.nan, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0])),
            ("input", ([2.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0])),
            ("target", ([0.0, 0.0, 1.0, 1.0], [0.0, 2.0, 1.0, 1.0])),
            ("target", ([0.0, 0.0, 1.0, 1.0], [0.0, 0.0, INF, 1.0])),
        ),
        claims=Claims(
            unbounded_range=(0.0, 4e-6),
            targets=([0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1e-6, 1e-6]),
            kinks=lambda: (1.0,),
            kink_direction=(0.0, 0.0, 1.0, 1.0),
            reaches_upper_end=reaches_upper_end,
            minimiser=([0.3, 0.2, 0.9, 0.4], [0.3, 0.2, 0.9, 0.4]),
        ),
    )


def dfl(m: Any, z: Any, y: Any) -> Any:
    left = min(math.floor(y), len(z) - 2)
    log_p = log_softmax(m, z)
    return -(left + 1 - y) * log_p[left] - (y - left) * log_p[left + 1]


def quality_entropy(m: Any, z: Any, y: Any) -> Any:
    return (y * softplus(m, -z) if y else 0) + ((1 - y) * softplus(m, z) if y != 1 else 0)


def quality_focal(m: Any, z: Any, y: Any, beta: float = 2.0) -> Any:
    size = abs(y * m.exp(-softplus(m, z)) - (1 - y) * m.exp(-softplus(m, -z)))
    return size**beta * quality_entropy(m, z, y)


def varifocal(m: Any, z: Any, y: Any, alpha: float = 0.75, gamma: float = 2.0) -> Any:
    if y > 0:
        return y * quality_entropy(m, z, y)
    return alpha * m.exp(-gamma * softplus(m, -z)) * softplus(m, z)


QUALITIES = (0.0, 1.0, 0.3)
MEETS = math.log(0.3 / 0.7)
"""The logit of the quality 0.3."""


CASES = (
    box_case("iou_loss", "", reaches_upper_end=True),
    box_case("giou_loss", "gap"),
    box_case("diou_loss", "shift"),
    box_case("ciou_loss", "aspect"),
    box_case("eiou_loss", "sides"),
    LossCase(
        "distribution_focal_loss",
        dfl,
        layout=BINS,
        extremes=tuple(
            (z, y)
            for z in ([0.0] * 4, [3.0, 1.0, -2.0, 0.5], [1000.0, 0.0, -5.0, 7.0], [10001.0, 1e4, 9998.0, 1.0])
            for y in (0.0, 0.25, 1.0, 2.5, 3.0)
            if z[0] < 1000 or y > 0.5
        ),
        rejected=(
            ("input", ([math.nan, 0.0, 0.0, 0.0], 1.0)),
            ("input", ([INF, 0.0, 0.0, 0.0], 1.0)),
            ("target", ([0.0] * 4, 3.5)),
            ("target", ([0.0] * 4, -0.5)),
            ("target", ([0.0] * 4, math.nan)),
        ),
        claims=Claims(
            targets=(0.0, 1.0, 0.25),
            worst_curvature=lambda: torch.cat([two_class_edge(), torch.full((24001, 1), -200.0)], 1),
            minimiser=([800.0, 0.0, 0.0, 0.0], 0.0),
        ),
    ),
    LossCase(
        "quality_focal_loss",
        quality_focal,
        layout=BINARY,
        hypers=({}, {"beta": 0.0}, {"beta": 0.5}, {"beta": 1.0}, {"beta": 3.0}),
        extremes=LABEL_ROWS,
        rejected=REJECTED_LABELS,
        claims=Claims(
            targets=QUALITIES,
            kinks=lambda **hyper: (MEETS,),
            unbounded_range=(MEETS - 1e6, MEETS + 1e6),
            minimiser=(800.0, 1.0),
        ),
    ),
    LossCase(
        "varifocal_loss",
        varifocal,
        layout=BINARY,
        hypers=({}, {"gamma": 0.0}, {"gamma": 0.5, "alpha": 3.0}, {"alpha": 0.0}),
        extremes=LABEL_ROWS,
        rejected=REJECTED_LABELS,
        claims=Claims(targets=QUALITIES, minimiser=(800.0, 1.0)),
    ),
)
