"""The cases of segmentation."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from tests.cases.case import Claims, Hyper, LossCase
from tests.cases.labels import INF, WEIGHTS, two_class_edge
from tests.cases.layouts import CLASSES, Layout, Shape, elementwise, uniform, zip_rows
from tests.cases.references import softmax


def soft_counts(m: Any, z: Any, t: Any, multilabel: bool) -> list[tuple[Any, Any, Any]]:
    """(tp, fp, fn) of each class, soft counts of pixels, from logits and masks [class][pixel]."""
    if multilabel:
        p = [[1 / (1 + m.exp(-v)) for v in row] for row in z]
        q = [[1 / (1 + m.exp(v)) for v in row] for row in z]
    else:
        pixels = [softmax(m, list(column)) for column in zip(*z, strict=True)]
        p = [list(row) for row in zip(*pixels, strict=True)] or [[] for _ in z]
        q = [[sum(v[k] for k in range(len(v)) if k != c) for v in pixels] for c in range(len(z))]
    return [
        (
            sum(min(a, c) for a, c in zip(p_k, t_k, strict=True)),
            sum(max(a - c, 0) for a, c in zip(p_k, t_k, strict=True)),
            sum(max(b - (1 - c), 0) for b, c in zip(q_k, t_k, strict=True)),
        )
        for p_k, q_k, t_k in zip(p, q, t, strict=True)
    ]


def tversky(
    m: Any,
    z: Any,
    t: Any,
    alpha: float = 0.5,
    beta: float = 0.5,
    gamma: float = 1.0,
    smooth: float = 1.0,
    multilabel: bool = False,
    class_weight: Any = None,
) -> list[Any]:
    """One loss a class; the power as a root, so that 1 is 1."""
    losses = []
    for k, (tp, fp, fn) in enumerate(soft_counts(m, z, t, multilabel)):
        numerator = alpha * fp + beta * fn
        denominator = tp + numerator + smooth * (alpha + beta) / 2
        loss = (numerator / denominator) ** (1 / gamma) if numerator else 0
        losses.append(loss * (1 if class_weight is None else class_weight.tolist()[k]))
    return losses


def generalized_dice(m: Any, z: Any, t: Any, smooth: float = 1.0, multilabel: bool = False) -> Any:
    counts = soft_counts(m, z, t, multilabel)
    sizes = [sum(row) + smooth for row in t]
    both = [(*row, s) for row, s in zip(counts, sizes, strict=True) if s]
    numerator = sum((fp + fn) / s**2 for _, fp, fn, s in both)
    denominator = sum((2 * tp + fp + fn + smooth) / s**2 for tp, fp, fn, s in both)
    return numerator / denominator if denominator else 0


def soft_skeleton(x: dict[tuple[int, int], Any], iterations: int) -> dict[tuple[int, int], Any]:
    """1 − Π (1 − what an opening takes away), over the erosions of an image, its pixels by their places."""

    def near(i: int, j: int, reach: int) -> list[tuple[int, int]]:
        """Places at most so far away, counted squared, in the image."""
        steps = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a * a + b * b <= reach]
        return [(i + a, j + b) for a, b in steps if (i + a, j + b) in x]

    left = dict.fromkeys(x, 1)
    for _ in range(iterations + 1):
        eroded = {place: min(x[q] for q in near(*place, 1)) for place in x}
        opened = {place: max(eroded[q] for q in near(*place, 2)) for place in x}
        left = {place: left[place] * (1 - max(x[place] - opened[place], 0)) for place in x}
        x = eroded
    return {place: 1 - share for place, share in left.items()}


def cl_dice(
    m: Any,
    z: Any,
    t: Any,
    iterations: int = 3,
    smooth: float = 1.0,
    multilabel: bool = False,
    class_weight: Any = None,
    ignore_index: int = -100,
) -> list[Any]:
    """One loss a class, from logits [class][row][column] and masks, or indices [row][column]."""
    places = list(itertools.product(range(len(z[0])), range(len(z[0][0]))))
    if multilabel:
        kept = places
        p = [{(i, j): 1 / (1 + m.exp(-row[i][j])) for i, j in kept} for row in z]
        masks = [{(i, j): row[i][j] for i, j in kept} for row in t]
    else:
        kept = [(i, j) for i, j in places if t[i][j] != ignore_index]
        pixels = {(i, j): softmax(m, [row[i][j] for row in z]) for i, j in kept}
        p = [{place: pixels[place][c] for place in kept} for c in range(len(z))]
        masks = [{(i, j): int(t[i][j] == c) for i, j in kept} for c in range(len(z))]
    losses = []
    for k, (guess, truth) in enumerate(zip(p, masks, strict=True)):
        shares = []
        for thin, mask in (
            (soft_skeleton(guess, iterations), truth),
            (soft_skeleton(truth, iterations), guess),
        ):
            inside = sum(min(thin[place], mask[place]) for place in kept)
            shares.append((inside + smooth) / (sum(thin.values()) + smooth))
        loss = 1 - 2 / sum(1 / share for share in shares)
        losses.append(loss * (1 if class_weight is None else class_weight.tolist()[k]))
    return losses


def boundary(m: Any, z: Any, d: Any, multilabel: bool = False, class_weight: Any = None) -> Any:
    if multilabel:
        return d / (1 + m.exp(-z))
    weights = [1] * len(z) if class_weight is None else class_weight.tolist()
    return [w * p * away for w, p, away in zip(weights, softmax(m, z), d, strict=True)]


def choquet(errors: list[Any], foreground: list[bool]) -> Any:
    """The integral, over the level u, of the Jaccard loss of having wrong the pixels with errors above u."""

    def jaccard(level: Any) -> Any:
        wrong = [v >= level for v in errors]
        hit = sum(f and not w for f, w in zip(foreground, wrong, strict=True))
        union = sum(f or w for f, w in zip(foreground, wrong, strict=True))
        return 1 - hit / (errors[0] * 0 + union)

    levels = sorted({0, *errors})
    return sum((high - low) * jaccard(high) for low, high in itertools.pairwise(levels))


def lovasz_softmax(
    m: Any, z: Any, y: Any, classes: str = "present", ignore_index: int = -100, **h: Any
) -> Any:
    kept = [i for i, label in enumerate(y) if label != ignore_index]
    pixels = [softmax(m, [row[i] for row in z]) for i in kept]
    losses = []
    for c in range(len(z)):
        inside = [y[i] == c for i in kept]
        others = [sum(v[k] for k in range(len(v)) if k != c) for v in pixels]
        errors = [o if f else v[c] for o, f, v in zip(others, inside, pixels, strict=True)]
        losses.append(choquet(errors, inside) if any(inside) or (classes == "all" and errors) else 0)
    return losses


def present(z: Any, y: Any, classes: str = "present", ignore_index: int = -100, **hyper: Any) -> list[int]:
    return [int(classes == "all" or (c in y and c != ignore_index)) for c in range(len(z))]


def lovasz_hinge(m: Any, z: Any, y: Any, ignore_index: int = -100, **hyper: Any) -> Any:
    kept = [(v, label == 1) for v, label in zip(z, y, strict=True) if label != ignore_index]
    return choquet([max(1 - v if f else 1 + v, 0) for v, f in kept], [f for _, f in kept]) if kept else 0


def one_mask(tail: Shape) -> Layout:
    """One channel of three logits and a 0/1 mask: the form with a sigmoid."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        size = (shape[0], 1, 3)
        return [uniform(generator, size, low, high), torch.randint(2, size, generator=generator).double()]

    def symbols(z: Any, t: Any) -> dict[str, Any]:
        return {"p": [1 / (1 + math.exp(-v)) for v in z[0]], "t": t[0]}

    return Layout(
        draw=draw,
        units=zip_rows,
        predictions=lambda x, target: [
            x.unsqueeze(1),
            torch.tensor(target, dtype=x.dtype).expand_as(x).unsqueeze(1),
        ],
        symbols=symbols,
        dim=3,
        tail=tail,
        shape=(4, *tail),
        empty=((0, *tail),),
    )


def index_map(tail: Shape) -> Layout:
    """Three classes of four pixels, and indices: the form with a softmax."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        logits = uniform(generator, (shape[0], CLASSES, 4), low, high)
        return [logits, torch.randint(CLASSES, (shape[0], 4), generator=generator)]

    return Layout(
        draw=draw,
        units=zip_rows,
        predictions=lambda x, target: [
            x.reshape(len(x), CLASSES, -1),
            torch.tensor(target).expand(len(x), -1),
        ],
        symbols=lambda z, y: {},
        dim=2 * CLASSES,
        tail=tail,
        shape=(4, *tail),
        empty=((0, *tail),),
    )


ROWS, COLUMNS = 3, 4


def image(channels: int) -> Layout:
    """An image of a few pixels: one soft mask, which has no kinks, or three classes and indices."""

    def draw(generator: Generator, shape: Shape, low: float, high: float) -> list[Tensor]:
        logits = uniform(generator, (shape[0], channels, ROWS, COLUMNS), low, high)
        if channels == 1:
            return [logits, uniform(generator, tuple(logits.shape), 0, 1)]
        return [logits, torch.randint(channels, (shape[0], ROWS, COLUMNS), generator=generator)]

    def predictions(x: Tensor, target: Any) -> list[Tensor]:
        t = torch.tensor(target)
        return [x.reshape(len(x), channels, ROWS, COLUMNS), t.expand(len(x), *t.shape)]

    return Layout(
        draw=draw,
        units=zip_rows,
        predictions=predictions,
        symbols=lambda z, t: {},
        dim=channels * ROWS * COLUMNS,
        tail=(channels,),
        shape=(4, channels),
        empty=((0, channels),),
    )


def of_indices(loss: Callable[..., Any]) -> Callable[..., Any]:
    """A loss of masks, from indices; the ignored pixels left out."""

    def reference(m: Any, z: Any, y: Any, ignore_index: int = -100, **hyper: Any) -> Any:
        kept = [i for i, label in enumerate(y) if label != ignore_index]
        t = [[int(y[i] == c) for i in kept] for c in range(len(z))]
        return loss(m, [[row[i] for i in kept] for row in z], t, **hyper)

    return reference


def each_class_weight(z: Any, y: Any, class_weight: Any = None, **hyper: Any) -> list[float]:
    weights: list[float] = [1.0] * len(z) if class_weight is None else class_weight.tolist()
    return weights


def s_is_smooth(**hyper: Any) -> dict[str, Any]:
    return {"s": hyper.get("smooth", 1.0)}


PIXELS = [
    [-3.0, 20.0, 0.5],
    [0.0, -60.0, 7.5],
    [-40.0, 40.0, -1e-3],
    [80.0, 80.0, 80.0],
    [-80.0, -80.0, -80.0],
]
MASK_ROWS = tuple(([z], [t]) for z in PIXELS for t in ([1.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]))
GRID = [[3.0, 0.0, -2.0, 60.0], [1.0, 0.0, 7.5, -60.0], [-2.0, 0.0, 1.0, 5.0]]
LABELS = ([0, 1, 2, 0], [1, 1, 1, 1], [2, 0, 1, 2])
REJECTED_MASK = (
    ("input", ([[math.nan, 0.0, 0.0]], [[1.0, 0.0, 0.0]])),
    ("target", ([[0.0, 0.0, 0.0]], [[1.0, 2.0, 0.0]])),
    ("target", ([[0.0, 0.0, 0.0]], [[1.0, math.nan, 0.0]])),
)
REJECTED_REGION = (
    ("input", ([[math.nan] * 4] * 3, [0, 1, 2, 0])),
    ("target", (GRID, [0, 1, 2, 3])),
    ("target", (GRID, [0, 1, 2, -1])),
)
ROAD = [[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0]]
BLOCK = [[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 0.0]]
HILLS = [[-3.0, 20.0, 0.5, 1.0], [0.0, -60.0, 7.5, 2.0], [-40.0, 40.0, -1e-3, 9.0]]
PLAIN = [[0.5] * 4] * 3
CHECKED = [[8.0, -8.0, 8.0, -8.0], [-8.0, 8.0, -8.0, 8.0], [8.0, -8.0, 8.0, -8.0]]
AREAS = [[0, 1, 2, 2], [1, 1, 1, 2], [0, 0, 1, 1]]
REGION_MINIMISER = ([[800.0, -800.0], [0.0, 0.0], [-800.0, 800.0]], [0, 2])


def overlap_cases(
    name: str, reference: Callable[..., Any], *hypers: Hyper, evaluates_formula: bool = True
) -> tuple[LossCase, LossCase]:
    one_value = name == "generalized_dice_loss"
    as_mask = LossCase(
        name,
        reference,
        layout=one_mask(() if one_value else (1,)),
        required={"multilabel": True},
        hypers=({}, *hypers),
        extremes=MASK_ROWS,
        rejected=REJECTED_MASK,
        claims=Claims(
            unbounded_range=(-30.0, 30.0),
            targets=([1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]),
            tex_values=s_is_smooth,
            evaluates_formula=evaluates_formula,
            reaches_upper_end=False,
            minimiser=([[800.0, -800.0, 800.0]], [[1.0, 0.0, 1.0]]),
        ),
    )
    weighted = () if one_value else ({"class_weight": WEIGHTS},)
    indices = dataclasses.replace(
        as_mask,
        reference=of_indices(reference),
        layout=index_map(() if one_value else (3,)),
        form="indices",
        required={},
        denominator=as_mask.denominator if one_value else each_class_weight,
        hypers=({}, *hypers, *weighted, {"ignore_index": 1}),
        extremes=tuple((GRID, y) for y in LABELS),
        rejected=REJECTED_REGION,
        claims=dataclasses.replace(as_mask.claims, targets=(), minimiser=REGION_MINIMISER),
    )
    return as_mask, indices


def boundary_cases() -> tuple[LossCase, LossCase]:
    plain = elementwise("z", "d")
    as_mask = LossCase(
        "boundary_loss",
        boundary,
        layout=dataclasses.replace(
            plain,
            predictions=lambda x, d: [x.unsqueeze(1), torch.full_like(x, d).unsqueeze(1)],
            symbols=lambda z, d: {"p": 1 / (1 + math.exp(-z)), "d": d},
            tail=(1,),
            empty=((0, 2), (2, 3, 0)),
            scalars=False,
        ),
        required={"multilabel": True},
        extremes=tuple(([z], [d]) for z in (-80.0, -20.0, 0.0, 0.5, 80.0) for d in (-1e4, -0.5, 0.0, 7.0)),
        rejected=(
            ("input", ([math.nan], [1.0])),
            ("input", ([INF], [1.0])),
            ("distance", ([0.0], [math.nan])),
            ("distance", ([0.0], [-INF])),
        ),
        claims=Claims(unbounded_range=(-30.0, 30.0), targets=(3.0, -2.0), minimiser=([800.0], [-10.0])),
    )
    as_classes = dataclasses.replace(
        as_mask,
        layout=dataclasses.replace(
            plain,
            units=zip_rows,
            predictions=lambda x, d: [x, torch.tensor(d, dtype=x.dtype).expand_as(x)],
            symbols=lambda z, d: {},
            dim=CLASSES,
            tail=(CLASSES,),
            shape=(4, CLASSES),
            empty=((0, CLASSES),),
            scalars=False,
        ),
        form="classes",
        required={},
        denominator=each_class_weight,
        hypers=({}, {"class_weight": WEIGHTS}),
        extremes=tuple(
            (z, [-3.0, 0.5, 1e3]) for z in ([0.0, 0.0, 0.0], [60.0, -60.0, 1.0], [-80.0, 80.0, 79.0])
        ),
        rejected=(
            ("input", ([0.0, math.nan, 0.0], [1.0, 1.0, 1.0])),
            ("distance", ([0.0, 0.0, 0.0], [1.0, math.nan, 1.0])),
        ),
        claims=dataclasses.replace(
            as_mask.claims, targets=([1.0, -3.0, 2.0],), minimiser=([800.0, 0.0, 0.0], [-30.0, 1.0, 1.0])
        ),
    )
    return as_mask, as_classes


def cl_dice_cases() -> tuple[LossCase, LossCase]:
    best = [[[800.0 * (2 * v - 1) for v in row] for row in ROAD]]
    as_mask = LossCase(
        "cl_dice_loss",
        cl_dice,
        layout=image(1),
        required={"multilabel": True},
        hypers=({}, {"iterations": 0}, {"iterations": 1, "smooth": 0.25}),
        extremes=tuple(([z], [t]) for z in (HILLS, PLAIN, CHECKED) for t in (ROAD, BLOCK)),
        rejected=(
            ("input", ([[[math.nan] * 4] * 3], [ROAD])),
            ("target", ([PLAIN], [[[2.0] * 4] * 3])),
            ("target", ([PLAIN], [[[math.nan] * 4] * 3])),
        ),
        claims=Claims(
            unbounded_range=(-30.0, 30.0),
            targets=([ROAD], [BLOCK]),
            kink_direction=tuple(v - 0.5 for row in ROAD for v in row),
            evaluates_formula=False,
            reaches_upper_end=False,
            minimiser=(best, [ROAD]),
        ),
    )
    areas = [[[800.0 * (v == c) for v in row] for row in AREAS] for c in range(CLASSES)]
    indices = dataclasses.replace(
        as_mask,
        layout=image(CLASSES),
        form="indices",
        required={},
        denominator=each_class_weight,
        hypers=({}, {"iterations": 1}, {"class_weight": WEIGHTS}, {"ignore_index": 1}),
        extremes=(([HILLS, PLAIN, CHECKED], AREAS),),
        rejected=(
            ("input", ([[[math.nan] * 4] * 3] * 3, AREAS)),
            ("target", ([PLAIN] * 3, [[0, 1, 2, 3]] * 3)),
            ("target", ([PLAIN] * 3, [[0, 1, 2, -1]] * 3)),
        ),
        claims=dataclasses.replace(as_mask.claims, targets=(), minimiser=(areas, AREAS)),
    )
    return as_mask, indices


CASES = (
    *overlap_cases("dice_loss", tversky, {"smooth": 0.0}, {"smooth": 10.0}),
    *overlap_cases("jaccard_loss", functools.partial(tversky, alpha=1.0, beta=1.0), {"smooth": 0.0}),
    *overlap_cases("tversky_loss", tversky, {"alpha": 0.2, "beta": 0.8}, {"beta": 2.0, "smooth": 0.0}),
    *overlap_cases(
        "focal_tversky_loss",
        lambda m, *unit, **hyper: tversky(m, *unit, **{"alpha": 0.3, "beta": 0.7, "gamma": 4 / 3, **hyper}),
        {"gamma": 0.5},
        {"gamma": 2.0, "smooth": 0.25, "alpha": 1.0},
    ),
    *overlap_cases("generalized_dice_loss", generalized_dice, {"smooth": 0.0}, evaluates_formula=False),
    *cl_dice_cases(),
    *boundary_cases(),
    LossCase(
        "lovasz_softmax_loss",
        lovasz_softmax,
        layout=index_map((3,)),
        required={"per_image": True},
        hypers=({}, {"classes": "all"}, {"ignore_index": 1}),
        denominator=present,
        extremes=tuple((GRID, y) for y in LABELS),
        rejected=REJECTED_REGION,
        claims=Claims(
            unbounded_range=(-30.0, 30.0),
            targets=([0, 1], [0, 2]),
            kinks=lambda **hyper: (math.log(2),),
            kink_direction=(1.0, 1.0, 0.0, 0.0, 0.0, 0.0),
            worst_curvature=lambda **hyper: torch.stack(
                [two_class_edge(), torch.tensor([-100.0, 0, 0]).expand(24001, 3)], 2
            ).flatten(1),
            evaluates_formula=False,
            reaches_upper_end=False,
            minimiser=REGION_MINIMISER,
        ),
    ),
    LossCase(
        "lovasz_hinge_loss",
        lovasz_hinge,
        layout=dataclasses.replace(
            elementwise("z", "y"),
            draw=lambda generator, shape, low, high: [
                uniform(generator, (*shape, 3), low, high),
                torch.randint(2, (*shape, 3), generator=generator),
            ],
            units=zip_rows,
            predictions=lambda x, target: [x, torch.tensor(target).expand_as(x)],
            dim=3,
            shape=(4,),
            empty=((0,),),
            scalars=False,
        ),
        required={"per_image": True},
        hypers=({}, {"ignore_index": 1}),
        extremes=tuple((z, y) for z in PIXELS for y in ([1, 0, 0], [1, 1, 1], [0, 0, 0])),
        rejected=(
            ("input", ([math.nan, 0.0, 0.0], [1, 0, 0])),
            ("input", ([0.0, INF, 0.0], [1, 0, 0])),
            ("target", ([0.0, 0.0, 0.0], [1, 2, 0])),
        ),
        claims=Claims(
            targets=([1, 0, 1], [0, 0, 0], [1, 1, 1]),
            kink_direction=(1.0, 0.0, 0.0),
            evaluates_formula=False,
            minimiser=([2.0, -2.0, 1.0], [1, 0, 1]),
        ),
    ),
)
