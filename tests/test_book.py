"""The built book: every page there, every link alive, nothing loaded from elsewhere."""

from pathlib import Path

from tests.gates import ROOT, html, toc
from tests.test_gates import report


def test_every_entry_is_built(built_book: Path) -> None:
    report(html.missing_pages(built_book, [*toc.entries(ROOT / "_toc.yml"), "genindex", "search", "index"]))


def test_no_traceback(built_book: Path) -> None:
    report(html.tracebacks(built_book))


def test_links(built_book: Path) -> None:
    report(html.dead_links(built_book))


def test_nothing_from_another_host(built_book: Path) -> None:
    report(html.outside_loads(built_book))


def test_launch_buttons(built_book: Path) -> None:
    """The theme drops them silently when its options are overridden."""
    entries = toc.entries(ROOT / "_toc.yml")
    notebooks = [entry for entry in entries if (ROOT / f"{entry}.ipynb").is_file()]
    for entry in notebooks:
        page = (built_book / f"{entry}.html").read_text(encoding="utf-8")
        for button in (
            f"colab.research.google.com/github/lossfns/loss-functions/blob/main/{entry}.ipynb",
            "mybinder.org",
        ):
            assert button in page, f"{entry} has no button to {button}"
