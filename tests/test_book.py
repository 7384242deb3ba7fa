"""The built book: every page there, every link alive, nothing loaded from elsewhere."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from sphinx.application import Sphinx
from sphinx.config import Config

from book._ext.addresses import BUTTONS, set_addresses
from tests.book_fixtures import BOOK_URL, REPOSITORY_URL
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
    """The theme drops them silently when its options are overridden; without an address there are none."""
    for entry in toc.entries(ROOT / "_toc.yml"):
        source = next(f"{entry}{suffix}" for suffix in toc.SUFFIXES if (ROOT / f"{entry}{suffix}").is_file())
        links = {str(a["href"]) for a in html.parse(built_book / f"{entry}.html").find_all("a", href=True)}
        assert {REPOSITORY_URL, f"{REPOSITORY_URL}/edit/main/{source}"} <= links, (
            f"{entry} has no repository buttons"
        )


def test_no_button_opens_a_notebook_elsewhere(built_book: Path) -> None:
    """None of the services that launch notebooks has what the chapters import."""
    for page in html.html_pages(built_book):
        assert not html.parse(page).select(".dropdown-launch-buttons"), page


def test_addresses_of_the_book(built_book: Path) -> None:
    assert f"<loc>{BOOK_URL}book/intro.html</loc>" in (built_book / "sitemap.xml").read_text(encoding="utf-8")
    (link,) = html.parse(built_book / "book" / "intro.html").select("link[rel=canonical]")
    assert link["href"] == f"{BOOK_URL}book/intro.html"


def test_a_build_that_nobody_publishes_names_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REPOSITORY_URL", "BOOK_URL"):
        monkeypatch.delenv(name, raising=False)
    config = SimpleNamespace(html_theme_options={"show_toc_level": 2}, suppress_warnings=[], html_baseurl="")
    set_addresses(cast("Sphinx", None), cast("Config", config))
    assert config.html_theme_options == {"show_toc_level": 2, "repository_url": ""} | dict.fromkeys(
        BUTTONS, False
    )
    assert config.html_baseurl == ""
    assert config.suppress_warnings == ["sitemap.configuration"]
