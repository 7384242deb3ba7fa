"""Two processes give the value and the gradient of one: contrastive losses, and means over unequal shares.

The losses know nothing of processes. What a user writes is what the functions of ``RECIPES`` do, with the
``gather`` that the documentation of the losses on embeddings shows.
"""

from __future__ import annotations

import re
import tempfile
import textwrap
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import spawn

import lossfns
from lossfns import representation

pytestmark = pytest.mark.skipif(
    not (dist.is_available() and dist.is_gloo_available()), reason="needs torch.distributed with gloo"
)

RANKS = 2
N, D = 5, 3  # rows of each process, and their dimension


def data() -> tuple[Tensor, Tensor, Tensor]:
    """Two views of all rows, and weights; the second process has one row of weight 0."""
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, RANKS * N, D, generator=generator, dtype=torch.float64)
    weight = torch.rand(RANKS * N, generator=generator, dtype=torch.float64)
    weight[-1] = 0
    return a, b, weight


def documented_gather() -> Callable[[Tensor], Tensor]:
    """The function of that name that a user copies."""
    code = re.search(r"^    def gather\(.*?\n\n", representation.__doc__ or "", re.M | re.S)
    assert code
    names: dict[str, Any] = {"torch": torch, "dist": dist}
    exec(textwrap.dedent(code[0]), names)
    function: Callable[[Tensor], Tensor] = names["gather"]
    return function


gather = documented_gather()


def token_mean(a: Tensor, b: Tensor, weight: Tensor, rank: int) -> Tensor:
    """Unequal weights: the sum divided by the weight of all processes; times the ranks, as DDP averages."""
    total = weight.sum()
    dist.all_reduce(total)
    loss = lossfns.mse_loss(a.tanh(), b.tanh(), weight=weight[:, None], reduction="sum")
    return RANKS * loss / (total * D)


def whole_batch(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The loss of all rows, by each process alike; times the ranks, as DDP averages."""

    def recipe(a: Tensor, b: Tensor, weight: Tensor, rank: int) -> Tensor:
        return RANKS * loss(gather(a), gather(b), gather(weight))

    return recipe


QUEUE = torch.randn(7, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
WHOLE: dict[str, Callable[..., Tensor]] = {
    "info_nce": lambda a, b, weight: lossfns.info_nce_loss(a, b, weight=weight),
    "clip": lambda a, b, weight: lossfns.info_nce_loss(a, b, weight=weight, symmetric=True),
    "queue": lambda a, b, weight: lossfns.info_nce_loss(
        a, torch.cat([b, QUEUE]), candidates=torch.arange(len(b) + len(QUEUE)) >= len(b)
    ),
    "nt_xent": lambda a, b, weight: lossfns.nt_xent_loss(a, b, weight=weight),
    "siglip": lambda a, b, weight: lossfns.siglip_loss(a, b, weight=weight),
    "supcon": lambda a, b, weight: lossfns.supcon_loss(torch.cat([a, b]), torch.arange(len(a)).repeat(2)),
    "barlow": lambda a, b, weight: lossfns.barlow_twins_loss(a, b),
    "vicreg": lambda a, b, weight: lossfns.vicreg_loss(a, b),
}
# name: what one of two processes computes, and what one alone would
RECIPES: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    **{name: (whole_batch(loss), loss) for name, loss in WHOLE.items()},
    "token_mean": (
        token_mean,
        lambda a, b, weight: lossfns.mse_loss(a.tanh(), b.tanh(), weight=weight[:, None]),
    ),
    "not_times_the_ranks": (
        lambda a, b, weight, rank: lossfns.info_nce_loss(gather(a), gather(b)),
        lambda a, b, weight: lossfns.info_nce_loss(a, b),
    ),
    "own_rows_alone": (
        lambda a, b, weight, rank: lossfns.info_nce_loss(a, gather(b), torch.arange(N) + rank * N),
        lambda a, b, weight: lossfns.info_nce_loss(a, b),
    ),
}


def one_process(rank: int, store: str, results: str) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("error", FutureWarning)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=RANKS)
    parts: dict[str, list[Tensor]] = {}
    for name, (recipe, _) in RECIPES.items():
        a, b, weight = (t[rank * N : (rank + 1) * N].clone() for t in data())
        # an embedding network of one shared factor: what DDP averages is its gradient
        factor = torch.ones(D, dtype=torch.float64, requires_grad=True)
        loss = recipe(a * factor, (b * factor).sin(), weight, rank)
        (slope,) = torch.autograd.grad(loss, factor)
        for t in (slope, value := loss.detach().clone()):
            dist.all_reduce(t)
            t /= RANKS
        parts[name] = [value, slope]
    if rank == 0:
        torch.save(parts, results)
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def two_processes() -> dict[str, list[Tensor]]:
    with tempfile.TemporaryDirectory() as folder:
        spawn(one_process, (f"{folder}/store", f"{folder}/results"), nprocs=RANKS)
        parts: dict[str, list[Tensor]] = torch.load(f"{folder}/results")
        return parts


@pytest.mark.parametrize("name", RECIPES)
def test_two_processes_are_one(name: str, two_processes: dict[str, list[Tensor]]) -> None:
    a, b, weight = data()
    factor = torch.ones(D, dtype=torch.float64, requires_grad=True)
    expected = RECIPES[name][1](a * factor, (b * factor).sin(), weight)
    (slope,) = torch.autograd.grad(expected, factor)
    value, gradient = two_processes[name]
    if name == "not_times_the_ranks":  # the common mistakes: the values are right, the gradients are not
        torch.testing.assert_close(value, expected.detach(), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(gradient, slope / RANKS, rtol=1e-12, atol=1e-12)
    elif name == "own_rows_alone":
        torch.testing.assert_close(value, expected.detach(), rtol=1e-12, atol=1e-12)
        assert (gradient - slope).abs().max() > 1e-2
    else:
        ranks = 1 if name == "token_mean" else RANKS
        torch.testing.assert_close(value, ranks * expected.detach(), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(gradient, slope, rtol=1e-12, atol=1e-12)


def test_accumulated_sums_over_one_count_are_the_full_batch() -> None:
    """Micro-batches with 1 and 2 valid rows: a mean of means is another loss, a sum over the count is not."""
    a, b, _ = data()
    weight = torch.tensor([1.0, 0, 0, 0, 0, 1, 1, 0, 0, 0], dtype=torch.float64)
    full, split = a.clone().requires_grad_(), a.clone().requires_grad_()
    expected = lossfns.triplet_loss(full, b, b.roll(1, 0), margin=9.0, weight=weight)
    expected.backward()
    total = torch.zeros((), dtype=torch.float64)
    means = []
    for rows in (slice(0, 5), slice(5, 10)):
        arguments = (split[rows], b[rows], b.roll(1, 0)[rows])
        part = lossfns.triplet_loss(*arguments, margin=9.0, weight=weight[rows], reduction="sum")
        (part / weight.sum()).backward()
        total += part.detach() / weight.sum()
        means.append(lossfns.triplet_loss(*arguments, margin=9.0, weight=weight[rows]).item())
    assert total.item() == pytest.approx(expected.item(), rel=1e-14)
    torch.testing.assert_close(split.grad, full.grad, rtol=1e-14, atol=0)
    assert sum(means) / 2 != pytest.approx(expected.item(), rel=1e-3)
