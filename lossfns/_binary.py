"""Losses for yes or no, in one place: element-wise scores against labels 0, 1 or in between."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lossfns import _check, _eager
from lossfns._numerics import softplus
from lossfns._reduce import elementwise

Branch = Callable[[Tensor], Tensor]
Branches = Callable[[Tensor], tuple[Tensor, Tensor]]

_FAR = 1e18  # its square is finite, too


def binary_loss(
    branches: Branches,
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None,
    reduction: str,
    positive: Branch | None = None,
    alpha: float | Tensor | None = None,
) -> Tensor:
    """The loss t · a + (1 − t) · b of ``branches`` (a, b), the terms times ``alpha`` and 1 − ``alpha``.

    Where b(x) is a(−x), one evaluation of a, ``positive``, serves all labels that are 0 or 1.
    """
    tensors = {"input": input, "target": target}
    if isinstance(alpha, Tensor):
        _check.is_tensor(input=input)
        tensors["alpha"] = expand_like("alpha", alpha, input)

    def loss(x: Tensor, t: Tensor, a: float | Tensor | None = alpha) -> Tensor:
        if positive is not None and _eager.known_integral(t) and not t.requires_grad:
            signed = torch.rsub(t, -1, alpha=-2) * x
            return positive(signed) if a is None else times(1 - a + (2 * a - 1) * t, positive, signed)
        yes, no = (t, 1 - t) if a is None else (a * t, (1 - a) * (1 - t))
        return mix(branches, x, yes, no)

    domains = {"target": _check.probability, "alpha": _check.probability}
    return elementwise(loss, weight, reduction, domains=domains, **tensors)  # type: ignore[arg-type]


def expand_like(name: str, value: Tensor, input: Tensor) -> Tensor:
    """A factor of the labels, for each class or element, in the shape of the scores ``input``."""
    classes = input.shape[1:2]
    if input.ndim > 2 and value.shape == classes == input.shape[-1:] and value.numel() > 1:
        raise ValueError(
            f"{name} must fit input in one way, got {tuple(value.shape)}, which is axis 1 of "
            f"{tuple(input.shape)} and the last: add the axes of length 1"
        )
    fits = f"; for one value a channel, {name}.view(-1, 1, 1)" if value.shape == classes else ""
    return _check.expand_non_negative(name, value, input, "input", fits)


def times(factor: Tensor, branch: Branch, x: Tensor) -> Tensor:
    """factor · branch(x), where 0 · ∞ is 0."""
    if _eager.known_finite(x):
        return factor * branch(x)
    return factor * branch(torch.where((factor == 0) & (x.abs() == torch.inf), 0.0, x))


def finite_where_sure(x: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """Scores, no longer infinite where the only label of any weight is the one that they are sure of."""
    if _eager.known_finite(x):
        return x
    return torch.where(torch.where(x < 0, yes, no) == 0, x.clamp(-_FAR, _FAR), x)


def mix(branches: Branches, x: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """yes · a + no · b of ``branches`` (a, b), the first of which is 0 at ∞, the second at −∞; 0 · ∞ is 0."""
    a, b = branches(finite_where_sure(x, yes, no))
    return yes * a + no * b


def nearer_label(t: Tensor) -> tuple[Tensor, Tensor]:
    """1 − 2h, where h is the label, 0 or 1, nearer to t, and t − h."""
    hard = (t > 0.5).to(t.dtype)
    return torch.rsub(hard, 1, alpha=2), t - hard


def soft_logistic(x: Tensor, sign: Tensor, soft: Tensor) -> Tensor:
    """t · softplus(−x) + (1 − t) · softplus(x), from the label nearer to t, so that nothing cancels."""
    if not _eager.known_finite(x):
        # of an infinite x the first term is 0 or ∞ already, unless that is where the label leans
        finite = torch.where((x.abs() == torch.inf) & ~(soft * x < 0), 0.0, x)
        return softplus(sign * x) - soft * finite
    return softplus(sign * x) - soft * x
