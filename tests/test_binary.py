"""Losses for yes or no where nothing can be known of the labels and scores, as under a compiler."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

import lossfns
from lossfns import _eager

LOSSES = (
    lossfns.binary_cross_entropy,
    partial(lossfns.binary_cross_entropy, pos_weight=3.0, label_smoothing=0.1),
    lossfns.binary_focal_loss,
    partial(lossfns.binary_focal_loss, gamma=0.5, alpha=1e-9),
    lossfns.quality_focal_loss,
    lossfns.varifocal_loss,
)


@pytest.mark.parametrize("label", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("loss", LOSSES)
def test_it_is_the_form_of_eager_mode(
    loss: Callable[..., Tensor], label: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Value, slope and curvature, at 0 too, where |x| has others."""
    x = torch.tensor([0.0, -0.0, 1e-3, -1e-3, 2.0, -2.0, 30.0, -30.0, 200.0, -200.0], dtype=torch.float64)
    x.requires_grad_()

    def derivatives() -> list[Tensor]:
        value = loss(x, torch.full_like(x, label), reduction="none")
        (slope,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        return [value.detach(), slope.detach(), torch.autograd.grad(slope.sum(), x)[0]]

    expected = derivatives()
    monkeypatch.setattr(_eager, "can_read", lambda x: False)
    for got, right in zip(derivatives(), expected, strict=True):
        torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("loss", LOSSES[2:4])
def test_focal_losses_of_soft_labels_mix_those_of_hard_ones(loss: Callable[..., Tensor]) -> None:
    x = torch.tensor([0.0, -0.0, 2.0, -2.0, 40.0, -40.0], dtype=torch.float64)
    x.requires_grad_()

    def derivatives(label: float) -> list[Tensor]:
        value = loss(x, torch.full_like(x, label), reduction="none")
        (slope,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        return [value.detach(), slope.detach(), torch.autograd.grad(slope.sum(), x)[0]]

    for soft, no, yes in zip(derivatives(0.25), derivatives(0.0), derivatives(1.0), strict=True):
        torch.testing.assert_close(soft, 0.75 * no + 0.25 * yes, rtol=1e-10, atol=1e-14)
