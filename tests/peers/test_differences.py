"""Where another library differs: ours is right, and theirs returns what the page says."""

from __future__ import annotations

import pytest

from tests.peers.differences import Difference, everything
from tests.peers.outcome import Outcome, ours, right, theirs

DIFFERENCES = [
    pytest.param(difference, id=f"{difference.library}-{difference.title}")
    for kind in everything().values()
    for difference in kind
]


def reject(difference: Difference, wrong: Outcome) -> None:
    assert not wrong.agrees(right(difference)), "they agree: mended at this version? Then it is no difference"


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_ours_is_right(difference: Difference) -> None:
    found, due = ours(difference), right(difference)
    assert found.agrees(due), f"lossfns returns {found}, right is {due}"


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_theirs_is_not(difference: Difference) -> None:
    reject(difference, theirs(difference))


def test_a_library_that_is_right_is_noticed() -> None:
    same = Difference(
        title="", library="PyTorch", given="x = tensor([1.0])", theirs="F.l1_loss(x, 0 * x)", ours="", right="1", why=""
    )
    with pytest.raises(AssertionError, match="mended"):
        reject(same, theirs(same))
