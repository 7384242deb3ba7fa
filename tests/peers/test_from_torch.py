"""The box on the API page for those who come from torch says what this run says, torchvision included."""

from __future__ import annotations

import pytest

from tests.peers.from_torch import BOX, PAGE, ROWS, Row, render
from tests.test_from_torch import check_numbers


@pytest.mark.parametrize("row", [pytest.param(row, id=row.title) for row in ROWS])
def test_numbers_differ_and_the_translation_gives_the_same(row: Row) -> None:
    check_numbers(row)


def test_the_committed_box_is_that_of_this_run() -> None:
    found = BOX.search(PAGE.read_text(encoding="utf-8"))
    assert found
    assert found[0] == render(), "run make peers WRITE=1 and read what changed"
