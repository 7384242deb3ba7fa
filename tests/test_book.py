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


def test_repository_buttons(built_book: Path) -> None:
    """The theme drops them silently when its options are overridden."""
    repository = "https://github.com/lossfns/loss-functions"
    for entry in toc.entries(ROOT / "_toc.yml"):
        source = next(f"{entry}{suffix}" for suffix in toc.SUFFIXES if (ROOT / f"{entry}{suffix}").is_file())
        links = {str(a["href"]) for a in html.parse(built_book / f"{entry}.html").find_all("a", href=True)}
        assert {repository, f"{repository}/edit/main/{source}"} <= links, f"{entry} has no repository buttons"


def test_no_button_opens_a_notebook_elsewhere(built_book: Path) -> None:
    """None of the services that launch notebooks has what the chapters import."""
    for page in html.html_pages(built_book):
        assert not html.parse(page).select(".dropdown-launch-buttons"), page
