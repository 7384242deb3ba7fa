"""What the API page says to those who come from torch, but for torchvision, which ``make peers`` installs."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lossfns.catalog import cards
from tests.peers import agreements
from tests.peers.from_torch import NOT_HERE, PAGE, ROWS, Row, block, evaluate, show

OF_TORCH = [pytest.param(row, id=row.title) for row in ROWS if "torchvision" not in row.theirs]


def check_numbers(row: Row) -> None:
    """They differ in the digits that are printed; the translation gives value and gradient of the other."""
    theirs, ours = evaluate(row.theirs), evaluate(row.ours)
    assert show(theirs[0]) != show(ours[0])
    if row.translated:
        torch.testing.assert_close(evaluate(row.translated), theirs)


@pytest.mark.parametrize("row", OF_TORCH)
def test_numbers_differ_and_the_translation_gives_the_same(row: Row) -> None:
    check_numbers(row)


@pytest.mark.parametrize("row", OF_TORCH)
def test_the_page_says_these_numbers(row: Row) -> None:
    assert block(row) in PAGE.read_text(encoding="utf-8"), "run make peers WRITE=1 and read what changed"


def test_a_wrong_translation_is_noticed() -> None:
    row = ROWS[0]
    with pytest.raises(AssertionError):
        check_numbers(Row("", row.theirs, row.ours, row.ours, ""))
    with pytest.raises(AssertionError):
        check_numbers(Row("", row.theirs, row.translated, "", ""))


def test_every_loss_of_torch_is_here_or_said_not_to_be() -> None:
    others = ("cross_entropy", "kl_div", "binary_cross_entropy", "binary_cross_entropy_with_logits")
    losses = {name for name in dir(F) if name.endswith("_loss")} | set(others)
    calls = [peer.call for one in agreements.everything() for peer in one.peers if peer.library == "PyTorch"]
    named = {n for n in losses if any(f"F.{n}(" in call for call in [*calls, *(row.theirs for row in ROWS)])}
    assert losses - named == set(NOT_HERE)
    assert not set(NOT_HERE) & set(cards())
