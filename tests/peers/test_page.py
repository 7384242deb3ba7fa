"""The page of the book says what this run says."""

from tests.peers.page import PAGE, number, render


def test_the_committed_page_is_that_of_this_run() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run make peers WRITE=1 and read what changed"


def test_numbers_are_printed_alike_everywhere() -> None:
    found = [number(v) for v in (-0.0, 1 / 3, -2.5e-9, 5.0000004e8, float("nan"), -float("inf"))]
    assert found == ["0", "0.3333", "−2.5 · 10⁻⁹", "5 · 10⁸", "NaN", "−∞"]
