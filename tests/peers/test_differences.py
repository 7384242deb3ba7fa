"""Where others differ: ours is right, and at least one library is not. Which one, the page says."""

from __future__ import annotations

import pytest

from tests.peers.differences import Difference, everything
from tests.peers.outcome import differing, ours, right, theirs

DIFFERENCES = [
    pytest.param(difference, id=difference.title) for kind in everything().values() for difference in kind
]


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_ours_is_right(difference: Difference) -> None:
    found, due = ours(difference), right(difference)
    assert found.agrees(due), f"lossfns returns {found}, right is {due}"
    assert (found.slope is None) == (not difference.slope)


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_some_library_differs(difference: Difference) -> None:
    assert differing(difference), "all agree: mended at these versions? Then it is no difference"


def test_who_is_right_is_no_difference() -> None:
    calls = {"PyTorch": "F.l1_loss(x, 0 * x)", "kornia": "2 * F.l1_loss(x, 0 * x)"}
    same = Difference(title="", given="x = tensor([1.0])", theirs=calls, ours="", right="1", why="")
    assert differing(same) == ["kornia"]


def test_a_misspelt_call_is_no_difference() -> None:
    misspelt = Difference(title="", given="", theirs={"PyTorch": "F.l3_loss()"}, ours="", right="1", why="")
    with pytest.raises(AttributeError):
        theirs(misspelt)
