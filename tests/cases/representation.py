"""The cases of representation."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch

from tests.cases.case import Claims, LossCase
from tests.cases.labels import REJECTED_INDEX, two_class_edge
from tests.cases.layouts import INDEX, batch, vectors
from tests.cases.references import log_share, softplus


def norm(m: Any, u: Any) -> Any:
    return m.sqrt(sum(a * a for a in u))


def distance(m: Any, u: Any, v: Any) -> Any:
    return norm(m, [a - b for a, b in zip(u, v, strict=True)])


def cosine(m: Any, u: Any, v: Any) -> Any:
    lengths = norm(m, u) * norm(m, v)
    return sum(a * b for a, b in zip(u, v, strict=True)) / lengths if lengths else 0


def contrastive(m: Any, u: Any, v: Any, y: Any, margin: float = 1.0) -> Any:
    d = distance(m, u, v)
    return (y * d * d + (1 - y) * max(margin - d, 0) ** 2) / 2


def apart(m: Any, u: Any, v: Any, kind: str = "euclidean") -> Any:
    if kind == "cosine":
        return 1 - cosine(m, u, v)
    return distance(m, u, v) if kind == "euclidean" else sum((a - b) ** 2 for a, b in zip(u, v, strict=True))


def triplet(
    m: Any, a: Any, p: Any, n: Any, margin: float = 1.0, soft: bool = False, distance: str = "euclidean"
) -> Any:
    lead = apart(m, a, p, distance) - apart(m, a, n, distance)
    return m.log(1 + m.exp(lead)) if soft else max(lead + margin, 0)


def pairs(x: Any, y: Any, i: int) -> tuple[list[Any], list[Any]]:
    """The positives and the negatives of row i."""
    others = [j for j in range(len(x)) if j != i]
    return [x[j] for j in others if y[j] == y[i]], [x[j] for j in others if y[j] != y[i]]


def batch_hard(m: Any, x: Any, y: Any, distance: str = "euclidean", **hyper: Any) -> Any:
    losses = []
    for i, a in enumerate(x):
        positives, negatives = pairs(x, y, i)
        both = positives and negatives
        far = max(positives, key=lambda p: apart(m, a, p, distance)) if both else a
        near = min(negatives, key=lambda n: apart(m, a, n, distance)) if both else a
        losses.append(triplet(m, a, far, near, distance=distance, **hyper) if both else 0)
    return losses


def has_both(x: Any, y: Any, **hyper: Any) -> list[int]:
    return [int(y.count(label) > 1 and y.count(label) < len(y)) for label in y]


def all_triplets(m: Any, x: Any, y: Any, **hyper: Any) -> list[list[Any]]:
    both = [pairs(x, y, i) for i in range(len(x))]
    return [
        [triplet(m, a, p, n, **hyper) for p in ps for n in ns] for a, (ps, ns) in zip(x, both, strict=True)
    ]


def batch_all(m: Any, x: Any, y: Any, **hyper: Any) -> Any:
    return [sum(losses) for losses in all_triplets(m, x, y, **hyper)]


def losses_that_are_not_0(x: Any, y: Any, **hyper: Any) -> list[int]:
    return [sum(loss > 0 for loss in losses) for losses in all_triplets(math, x, y, **hyper)]


def semi_hard(m: Any, x: Any, y: Any, distance: str = "euclidean", **hyper: Any) -> Any:
    losses = []
    for i, a in enumerate(x):
        positives, negatives = pairs(x, y, i)
        by_distance = sorted(negatives, key=lambda n: apart(m, a, n, distance))
        loss = 0
        for p in positives if negatives else []:
            farther = [n for n in by_distance if apart(m, a, n, distance) > apart(m, a, p, distance)]
            loss = loss + triplet(m, a, p, [*farther, by_distance[-1]][0], distance=distance, **hyper)
        losses.append(loss)
    return losses


def pairs_with_a_negative(x: Any, y: Any, **hyper: Any) -> list[int]:
    return [y.count(label) - 1 if y.count(label) < len(y) else 0 for label in y]


def log_sum_exp(m: Any, s: Any) -> Any:
    return max(s) + m.log(sum(m.exp(v - max(s)) for v in s))


def circle(m: Any, x: Any, y: Any, margin: float = 0.25, gamma: float = 256.0) -> Any:
    losses = []
    for i, a in enumerate(x):
        positives, negatives = ([cosine(m, a, b) for b in rows] for rows in pairs(x, y, i))
        push = [gamma * max(s + margin, 0) * (s - margin) for s in negatives]
        pull = [-gamma * max(1 + margin - s, 0) * (s - 1 + margin) for s in positives]
        both = push and pull
        losses.append(softplus(m, log_sum_exp(m, push) + log_sum_exp(m, pull)) if both else 0)
    return losses


def multi_similarity(
    m: Any, x: Any, y: Any, alpha: float = 2.0, beta: float = 50.0, base: float = 0.5
) -> Any:
    losses = []
    for i, a in enumerate(x):
        positives, negatives = ([cosine(m, a, b) - base for b in rows] for rows in pairs(x, y, i))
        pull = m.log1p(sum((m.exp(-alpha * s) for s in positives), 0 * alpha * a[0])) / alpha
        push = m.log1p(sum((m.exp(beta * s) for s in negatives), 0 * beta * a[0])) / beta
        losses.append(pull + push)
    return losses


def info_nce(m: Any, q: Any, k: Any, temperature: float = 0.1, symmetric: bool = False) -> Any:
    def one_way(q: Any, k: Any) -> list[Any]:
        return [log_share(m, [cosine(m, a, b) / temperature for b in k], i) for i, a in enumerate(q)]

    if not symmetric:
        return one_way(q, k)
    return [(a + b) / 2 for a, b in zip(one_way(q, k), one_way(k, q), strict=True)]


def supcon(m: Any, x: Any, y: Any, temperature: float = 0.1) -> Any:
    losses = []
    for i, a in enumerate(x):
        others = [j for j in range(len(x)) if j != i]
        s = [cosine(m, a, x[j]) / temperature for j in others]
        positives = [n for n, j in enumerate(others) if y[j] == y[i]]
        losses.append(sum(log_share(m, s, n) for n in positives) / max(len(positives), 1))
    return losses


def one_each_row(first: Any, *rest: Any, **hyper: Any) -> list[int]:
    return [1] * len(first)


def has_positive(x: Any, y: Any, **hyper: Any) -> list[int]:
    return [int(y.count(label) > 1) for label in y]


def nt_xent(m: Any, u: Any, v: Any, temperature: float = 0.5) -> Any:
    n = len(u)
    losses = supcon(m, [*u, *v], [*range(n), *range(n)], temperature)
    return [(a + b) / 2 for a, b in zip(losses[:n], losses[n:], strict=True)]


def siglip(m: Any, u: Any, v: Any, logit_scale: float = 10.0, logit_bias: float = -10.0) -> Any:
    def pair(i: int, j: int) -> Any:
        s = (1 if i == j else -1) * (logit_scale * cosine(m, u[i], v[j]) + logit_bias)
        return m.log(1 + m.exp(-s))

    return [sum(pair(i, j) for j in range(len(v))) for i in range(len(u))]


def arcface(m: Any, z: Any, y: int, margin: float = 0.5, scale: float = 64.0, monotone: bool = False) -> Any:
    angle = m.acos(z[y]) + margin
    rotated = m.cos(angle) if angle < m.pi or not monotone else z[y] - margin * m.sin(margin)
    return log_share(m, [scale * (rotated if j == y else v) for j, v in enumerate(z)], y)


def cosface(m: Any, z: Any, y: int, margin: float = 0.35, scale: float = 64.0) -> Any:
    return log_share(m, [scale * (v - margin * (j == y)) for j, v in enumerate(z)], y)


def negative_cosine(m: Any, p: Any, z: Any) -> Any:
    return -cosine(m, p, z)


def proxy_anchor(m: Any, x: Any, y: Any, proxies: Any, margin: float = 0.1, alpha: float = 32.0) -> Any:
    pulls, pushes = [], []
    for c, p in enumerate(proxies):
        s = [(cosine(m, a, p), label == c) for a, label in zip(x, y, strict=True)]
        if c in y:
            pulls.append(m.log(1 + sum(m.exp(-alpha * (v - margin)) for v, own in s if own)))
        pushes.append(m.log(1 + sum(m.exp(alpha * (v + margin)) for v, own in s if not own) + 0 * p[0]))
    return [sum(pulls) / max(len(pulls), 1) + sum(pushes) / len(pushes)]


def not_finite(names: str, *good: Any, bad: Any = ([math.nan, 0.0], [0.0, math.inf])) -> Any:
    """Each of the vectors in turn with an entry that is not finite."""
    return tuple(
        (name, (*good[:i], vector, *good[i + 1 :])) for i, name in enumerate(names.split()) for vector in bad
    )


COSINES = dataclasses.replace(INDEX, shape=(6,), empty=((0,),))
U, V, W = [0.3, -1.0], [2.0, 0.5], [-1.0, 0.25]
FAR_APART = tuple(([s * a for a in U], [s * b for b in V], W) for s in (1e-12, 1e-3, 1.0, 1e3, 1e12))
SINGLE = ((U, V), (U, U), ([1e-30, 0.0], [2.0, 1.0]), ([0.0, 0.0], V))
LABELLED = ((U, 0), ([0.0, 0.0], 2))
NEAR_ZERO = (-1e-5, 1e-5)
DISTANCES = tuple({"distance": d, **soft} for d in ("squared", "cosine") for soft in ({}, {"soft": True}))
CASES = (
    LossCase(
        "contrastive_loss",
        contrastive,
        layout=vectors(2, real_target=True),
        hypers=({}, {"margin": 2.5}),
        extremes=tuple((u, v, y) for u, v, _ in FAR_APART for y in (0.0, 1.0, 0.25))
        + ((U, U, 1.0), (U, U, 0.0)),
        low=-1.0,
        high=1.0,
        rejected=(
            *not_finite("input1 input2", U, V, 0.5),
            ("target", (U, V, 1.5)),
            ("target", (U, V, math.nan)),
        ),
        claims=Claims(
            targets=(1.0, 0.0),
            kink_direction=(1.0, 0.0, 0.0, 1.0),
            evaluates_formula=False,
            minimiser=(U, U, 1.0),
        ),
    ),
    LossCase(
        "triplet_loss",
        triplet,
        layout=vectors(3),
        hypers=({}, {"margin": 0.0}, {"margin": 2.5}, {"soft": True}),
        extremes=(*FAR_APART[:3], (U, U, V), (U, V, U), (U, U, U)),
        rejected=not_finite("anchor positive negative", U, V, W),
        claims=Claims(
            kink_direction=(0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
            evaluates_formula=False,
            tex_values=lambda margin=1.0, **hyper: {"m": margin},
            minimiser=(U, U, [2000.0, 0.0]),
        ),
    ),
    LossCase(
        "triplet_loss",
        triplet,
        form="distances",
        layout=vectors(3),
        hypers=DISTANCES,
        extremes=(*FAR_APART[1:3], (U, U, V), (U, V, U), (U, U, U), ([0.0, 0.0], U, V)),
        rejected=not_finite("anchor positive negative", U, V, W),
        claims=Claims(
            targets=(),  # held in test_representation
            tex_values=lambda margin=1.0, **hyper: {"m": margin},
            minimiser=(U, U, V),
        ),
    ),
    LossCase(
        "batch_hard_triplet_loss",
        batch_hard,
        layout=batch(4, 1, labelled=True),
        hypers=({}, {"margin": 0.0}, {"soft": True}),
        denominator=has_both,
        extremes=LABELLED,
        rejected=not_finite("input", U, 0),
        claims=Claims(
            targets=((0, 0, 1, 1),),
            kink_direction=(0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
            evaluates_formula=False,
            tex_values=lambda margin=1.0, **hyper: {"m": margin},
            minimiser=(U, 0),
        ),
    ),
    LossCase(
        "batch_hard_triplet_loss",
        batch_hard,
        form="distances",
        layout=batch(4, 1, labelled=True),
        hypers=DISTANCES,
        denominator=has_both,
        extremes=LABELLED,
        rejected=not_finite("input", U, 0),
        claims=Claims(targets=(), tex_values=lambda margin=1.0, **hyper: {"m": margin}, minimiser=(U, 0)),
    ),
    LossCase(
        "batch_all_triplet_loss",
        batch_all,
        layout=batch(4, 1, labelled=True),
        hypers=({}, {"margin": 0.0}, {"distance": "squared"}, {"distance": "cosine", "margin": 0.3}),
        denominator=losses_that_are_not_0,
        extremes=LABELLED,
        rejected=not_finite("input", U, 0),
        claims=Claims(targets=(), evaluates_formula=False, minimiser=(U, 0)),
    ),
    LossCase(
        "batch_semi_hard_triplet_loss",
        semi_hard,
        layout=batch(4, 1, labelled=True),
        hypers=({}, {"margin": 0.0}, {"soft": True}, *DISTANCES),
        denominator=pairs_with_a_negative,
        extremes=LABELLED,
        rejected=not_finite("input", U, 0),
        claims=Claims(targets=(), evaluates_formula=False, minimiser=(U, 0)),
    ),
    LossCase(
        "circle_loss",
        circle,
        layout=batch(4, 1, labelled=True),
        hypers=({}, {"margin": 0.4, "gamma": 80.0}, {"margin": 0.0, "gamma": 1.0}),
        denominator=has_both,
        extremes=LABELLED,
        exact_gradient=False,
        rejected=not_finite("input", U, 0),
        claims=Claims(
            targets=(),
            evaluates_formula=False,
            tex_values=lambda margin=0.25, **hyper: {"m": margin},
            minimiser=(U, 0),
        ),
    ),
    LossCase(
        "multi_similarity_loss",
        multi_similarity,
        layout=batch(4, 1, labelled=True),
        hypers=({}, {"alpha": 1.0, "beta": 4.0, "base": -0.2}),
        denominator=one_each_row,
        extremes=LABELLED,
        rejected=not_finite("input", U, 0),
        claims=Claims(
            targets=((0, 0, 1, 0),),
            unbounded_range=NEAR_ZERO,
            evaluates_formula=False,
            minimiser=(U, 0),
        ),
    ),
    LossCase(
        "info_nce_loss",
        info_nce,
        layout=batch(3, 2),
        denominator=one_each_row,
        hypers=({}, {"temperature": 1.0}, {"symmetric": True}),
        extremes=SINGLE,
        rejected=not_finite("query keys", U, V),
        claims=Claims(
            unbounded_range=NEAR_ZERO,
            evaluates_formula=False,
            minimiser=(U, V),
        ),
    ),
    LossCase(
        "nt_xent_loss",
        nt_xent,
        layout=batch(3, 2),
        denominator=one_each_row,
        hypers=({}, {"temperature": 0.1}),
        extremes=SINGLE,
        rejected=not_finite("input1 input2", U, V),
        claims=Claims(
            unbounded_range=NEAR_ZERO,
            evaluates_formula=False,
            minimiser=(U, V),
        ),
    ),
    LossCase(
        "siglip_loss",
        siglip,
        layout=batch(3, 2),
        denominator=one_each_row,
        hypers=({}, {"logit_scale": 3.0, "logit_bias": -1.0}),
        extremes=SINGLE,
        rejected=not_finite("input1 input2", U, V),
        claims=Claims(
            unbounded_range=NEAR_ZERO,
            evaluates_formula=False,
            minimiser=(U, U),
        ),
    ),
    LossCase(
        "supcon_loss",
        supcon,
        layout=batch(4, 1, labelled=True),
        hypers=({}, {"temperature": 1.0}),
        denominator=has_positive,
        extremes=LABELLED,
        rejected=not_finite("input", U, 0),
        claims=Claims(
            targets=((0, 0, 1, 0),),
            unbounded_range=NEAR_ZERO,
            evaluates_formula=False,
            minimiser=(U, 0),
        ),
    ),
    LossCase(
        "arcface_loss",
        arcface,
        layout=COSINES,
        hypers=({}, {"margin": 0.3}, {"margin": 1.4, "scale": 200.0, "monotone": True}),
        extremes=(([0.5, 0.2, -0.9], 0), ([0.5, 0.2, -0.9], 2), ([0.99, 0.2, 1.0], 1), ([0.0, 0.0, 0.0], 1)),
        low=-0.3,
        high=0.3,
        absolute_floor=1.0,
        rejected=(("input", ([0.0, 1.5, 0.0], 0)), ("input", ([math.nan, 0.0, 0.0], 0)), *REJECTED_INDEX[2:]),
        claims=Claims(
            unbounded_range=(-1.0, 1.0),
            targets=(0, 2),
            kinks=lambda margin=0.5, **hyper: (-4 * math.cos(margin),),
            kink_direction=(0.25, 0.0, 0.0),
            tex_values=lambda margin=0.5, scale=64.0, monotone=False: {"m": margin, "s": scale},
            minimiser=([1.0, -1.0, -1.0], 0),
        ),
    ),
    LossCase(
        "cosface_loss",
        cosface,
        layout=COSINES,
        hypers=({}, {"margin": 0.1, "scale": 32.0}),
        extremes=(([0.5, 0.2, -0.9], 0), ([0.5, 0.2, -0.9], 2), ([0.99, 0.2, 1.0], 1), ([0.0, 0.0, 0.0], 1)),
        low=-0.9,
        high=0.9,
        absolute_floor=1.0,
        rejected=(("input", ([0.0, 1.5, 0.0], 0)), ("input", ([math.nan, 0.0, 0.0], 0)), *REJECTED_INDEX[2:]),
        claims=Claims(
            targets=(0, 2),
            worst_curvature=lambda margin=0.35, scale=64.0: (
                two_class_edge() * 6 / scale + margin * torch.tensor([1.0, 0, 1])
            ),
            tex_values=lambda margin=0.35, scale=64.0: {"m": margin, "s": scale},
            minimiser=([1.0, -1.0, -1.0], 0),
        ),
    ),
    LossCase(
        "negative_cosine_loss",
        negative_cosine,
        layout=vectors(2),
        extremes=(*((u, v) for u, v, _ in FAR_APART), *SINGLE, (U, [-a for a in U])),
        exact_gradient=False,
        rejected=not_finite("input target", U, V),
        claims=Claims(
            unbounded_range=NEAR_ZERO,
            evaluates_formula=False,
            minimiser=(U, [3 * a for a in U]),
        ),
    ),
)
