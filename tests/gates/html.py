"""The built pages: links that lead somewhere, no traceback, nothing loaded from another host."""

import gc
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

from tests.gates import problem

LOADING = {
    "script": "src",
    "img": "src",
    "source": "src",
    "iframe": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
}
LOADING_LINKS = {"stylesheet", "preload", "modulepreload", "icon", "prefetch", "preconnect", "dns-prefetch"}
CSS_LOAD = re.compile(r"""(?:url\(\s*['"]?|@import\s+['"])((?:https?:)?//[^'")\s]+)""")


def html_pages(html: Path) -> list[Path]:
    return sorted(p for p in html.rglob("*.html") if "_static" not in p.relative_to(html).parts)


@cache
def _parse(page: Path, _modified: int) -> BeautifulSoup:
    gc.disable()  # all trees are kept, and each collection would walk through all before it
    try:
        return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    finally:
        gc.enable()


def parse(page: Path) -> BeautifulSoup:
    return _parse(page, page.stat().st_mtime_ns)


@cache
def _anchors(page: Path, _modified: int) -> frozenset[str]:
    tags = parse(page).find_all(lambda tag: tag.has_attr("id") or tag.has_attr("name"))
    return frozenset(str(tag[key]) for tag in tags for key in ("id", "name") if tag.has_attr(key))


def dead_links(html: Path) -> list[str]:
    found = []
    for page in html_pages(html):
        for target in sorted({str(tag["href"]) for tag in parse(page).find_all("a", href=True)}):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or target in ("", "#"):
                continue
            goal = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            anchor = unquote(parts.fragment)
            if not goal.is_file():
                found.append(problem(page, None, f"the link {target} leads nowhere", "Mend the reference"))
            elif anchor and goal.suffix == ".html" and anchor not in _anchors(goal, goal.stat().st_mtime_ns):
                found.append(problem(page, None, f"no anchor for {target}", "Mend the reference"))
    return found


def tracebacks(html: Path) -> list[str]:
    mend = "Mend the page or notebook it comes from"
    return [
        problem(page, None, "a traceback in the page", mend)
        for page in html_pages(html)
        if "Traceback (most recent call last)" in parse(page).get_text()
    ]


def outside_loads(html: Path) -> list[str]:
    """Scripts, styles, fonts and images that a browser would ask another host for."""
    found = []

    def judge(path: Path, address: str) -> None:
        parts = urlsplit(address)
        if parts.netloc or parts.scheme in ("http", "https"):
            found.append(problem(path, None, f"loads {address} from another host", "Serve it from the book"))

    for page in html_pages(html):
        soup = parse(page)
        for tag in soup.find_all(list(LOADING)):
            judge(page, str(tag.get(LOADING[tag.name], "")))
            for candidate in str(tag.get("srcset", "")).split(","):
                judge(page, candidate.strip().split(" ")[0])
        for tag in soup.find_all("link", href=True):
            if LOADING_LINKS & set(tag.get_attribute_list("rel")):
                judge(page, str(tag["href"]))
        for tag in soup.find_all("style"):
            for address in CSS_LOAD.findall(tag.get_text()):
                judge(page, address)
    for sheet in sorted(html.rglob("*.css")):
        for address in CSS_LOAD.findall(sheet.read_text(encoding="utf-8")):
            judge(sheet, address)
    return found


def missing_pages(html: Path, entries: list[str]) -> list[str]:
    return [
        problem(
            html / f"{entry}.html",
            None,
            "listed, but not built",
            "Read the build's warnings",
        )
        for entry in entries
        if not (html / f"{entry}.html").is_file()
    ]
