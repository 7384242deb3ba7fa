"""Class indices, of every loss that takes them: of any integer dtype, ignored, or no class at all."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.cases import CASES, Hyper, LossCase
from tests.cases.layouts import CLASSES
from tests.support import REDUCTIONS, case_id, close, gradient, wrong_index


def takes_index(case: LossCase) -> bool:
    """Whether the target has the index of a class for each vector of logits."""
    if case.layout.coupled_rows:
        return False  # labels that are only compared
    input, *rest = case.arguments(*case.layout.shape)
    return not rest[0].is_floating_point() and rest[0].shape == input[:, 0].shape


def ignores(case: LossCase) -> bool:
    return "ignore_index" in case.rules


WITH_INDEX = [case for case in CASES if takes_index(case)]
IGNORING = [
    (case, hyper)
    for case in CASES
    for hyper in case.all_hypers
    if ignores(case) and "ignore_index" not in hyper
]
each_with_index = pytest.mark.parametrize("case", WITH_INDEX, ids=case_id)
each_ignoring = pytest.mark.parametrize(("case", "hyper"), IGNORING, ids=case_id)
DTYPES = (torch.uint8, torch.int8, torch.uint16, torch.int16, torch.uint32, torch.int32)


def with_classes(case: LossCase, classes: int) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Logits, indices and required hyper-parameters for so many classes."""
    input, target = case.arguments(*case.layout.batch_shape(4))
    rng = torch.Generator().manual_seed(3)
    columns = classes - CLASSES + input.shape[1]
    logits = torch.rand(len(input), columns, *input.shape[2:], generator=rng, dtype=torch.float64)
    required = {
        name: 1 + torch.rand(classes, generator=rng) if isinstance(value, Tensor) else value
        for name, value in case.required.items()
    }
    return 2 * logits - 1, torch.randint(classes, target.shape, generator=rng), required


@each_with_index
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_narrow_integers_hold_many_classes(case: LossCase, dtype: torch.dtype) -> None:
    """Compared in eight bits, class 156 would be −100 and class 255 would be −1."""
    most = min(torch.iinfo(dtype).max, 255)
    input, target, required = with_classes(case, most + 1)
    target.view(-1)[:3] = torch.tensor([most, 156 % (most + 1), 7])
    for ignored in (None, -100, -1, 7, most) if ignores(case) else (None,):
        kwargs = required if ignored is None else {**required, "ignore_index": ignored}
        wide = partial(case.function, target=target, **kwargs)
        narrow = partial(case.function, target=target.to(dtype), **kwargs)
        assert torch.equal(narrow(input), wide(input))
        assert torch.equal(gradient(narrow, input), gradient(wide, input))


@wrong_index
@each_with_index
@pytest.mark.parametrize("label", [CLASSES, -1, -100, 77, 2**40, -(2**62)])
@pytest.mark.usefixtures("size")
def test_a_label_that_is_no_class_is_named(case: LossCase, label: int) -> None:
    """Also −100 where another index is ignored: torch would ignore it."""
    other, also = ({"ignore_index": 78}, " or ignore_index") if ignores(case) else ({}, "")
    words = f"target must be an index from 0 to {CLASSES - 1}{also}, got {label}"
    input, target = case.arguments(*case.layout.batch_shape(20))
    target.view(-1)[5] = label
    for hyper in case.all_hypers:
        for reduction in REDUCTIONS:
            with pytest.raises(IndexError, match=f"^{re.escape(words)}$"):
                case(input, target, reduction=reduction, **{**hyper, **other})


@each_ignoring
@pytest.mark.parametrize("ignored", [-100, 255])
@pytest.mark.usefixtures("size")
def test_what_is_ignored_is_as_if_left_out(case: LossCase, hyper: Hyper, ignored: int) -> None:
    """Rows of the target, or single pixels of masks and maps, of indices and of probabilities."""
    input, target = case.arguments(*case.layout.batch_shape(12))
    is_map = case.card.family == "segmentation"
    kept = torch.arange(input.shape[-1] if is_map else len(input)) % 3 != 1
    if case.name == "cl_dice_loss":  # where pixels have neighbours, only an edge can be left out
        kept = torch.arange(input.shape[-1]) > 0

    def some(a: Tensor, which: Tensor) -> Tensor:
        return a[..., which] if is_map else a[which]

    dirty = target.clone()
    dirty[(..., ~kept) if is_map else ~kept] = ignored
    loss = partial(case.function, target=dirty, ignore_index=ignored, **hyper)
    without = partial(case.function, target=some(target, kept), **hyper)
    assert close(loss(input), without(some(input, kept)))
    grad = gradient(loss, input)
    assert (some(grad, ~kept) == 0).all()
    assert close(some(grad, kept), gradient(without, some(input, kept)))
