"""The built book in a real browser: mathematics, phone, dark theme, and no word to any other host."""

import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from book._tools.serve import server
from tests.gates import ROOT, toc

PAGES = [*toc.entries(ROOT / "_toc.yml"), "genindex", "search"]
FORMULAS = "book/reference/notation"
PHONE: ViewportSize = {"width": 390, "height": 844}
CONTRAST = 4.5  # WCAG AA for text

MATHEMATICS = """async () => {
  const formulas = document.querySelectorAll(".bd-article .math").length;
  if (formulas && !window.MathJax?.startup?.promise) return ["MathJax did not load"];
  const late = new Promise((_, reject) => setTimeout(reject, 60000));
  const problems = [];
  try {
    if (formulas) await Promise.race([MathJax.startup.promise, late]);
  } catch {
    problems.push("MathJax did not finish");
  }
  const rendered = document.querySelectorAll(".bd-article mjx-container").length;
  if (rendered < formulas) problems.push(`${formulas} formulas, ${rendered} rendered`);
  for (const e of document.querySelectorAll("mjx-merror, [data-mjx-error]"))
    problems.push("formula with an error: " + (e.getAttribute("data-mjx-error") || e.textContent));
  const article = document.querySelector(".bd-article")?.cloneNode(true);
  article?.querySelectorAll("pre, code, mjx-container").forEach((e) => e.remove());
  if (article?.textContent.includes("$$")) problems.push("raw $$ in the text");
  return problems;
}"""

APPEARS = """async (selector) => {
  for (let tries = 0; tries < 300 && !document.querySelector(selector); tries++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  return document.querySelector(selector) ? [] : [`nothing matches ${selector}`];
}"""

OVERFLOW = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const scrolls = (e) => {
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
      if (getComputedStyle(p).overflowX !== "visible") return true;
    return false;
  };
  const wide = [...document.body.querySelectorAll("*")]
    .filter((e) => e.getBoundingClientRect().right > width + 1 && !scrolls(e))
    .map((e) => `<${e.tagName.toLowerCase()} class="${e.getAttribute("class") || ""}"> `
      + (e.textContent || "").trim().slice(0, 60));
  return [`${document.documentElement.scrollWidth} px wide`, ...wide.slice(0, 5)];
}"""

LOW_CONTRAST = """(least) => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, below) => ({
    r: top.r * top.a + below.r * (1 - top.a),
    g: top.g * top.a + below.g * (1 - top.a),
    b: top.b * top.a + below.b * (1 - top.a), a: 1,
  });
  const known = new Map([[null, { r: 255, g: 255, b: 255, a: 1 }]]);
  const background = (e) => {
    if (!known.has(e)) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      known.set(e, colour.a === 1 ? colour : over(colour, background(e.parentElement)));
    }
    return known.get(e);
  };
  const luminance = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((v) => {
      v /= 255;
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const found = new Set();
  const texts = ".bd-article :is(p, li, td, th, dt, h1, h2, h3, figcaption span, pre, pre span, code, a)";
  for (const e of document.querySelectorAll(texts)) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.offsetParent || e.closest(".headerlink, mjx-container")) continue;
    const below = background(e);
    const [one, two] = [luminance(over(parse(getComputedStyle(e).color), below)), luminance(below)];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < least)
      found.add(`${ratio.toFixed(2)} <${e.tagName.toLowerCase()} class="${e.className}"> `
        + e.textContent.trim().slice(0, 40));
  }
  return [...found].slice(0, 5);
}"""


def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = chromium()
    if executable is None:
        reason = "no Chromium found: install chromium, or set CHROMIUM to its path"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        yield running
        running.close()


class Watched:
    """A page whose requests and errors are kept."""

    def __init__(self, browser: Browser, host: str = "") -> None:
        self.problems: list[str] = []
        self.host = host
        self.page: Page = browser.new_page(viewport=PHONE)
        self.page.on("request", lambda request: self.asked(request.url))
        self.page.on("requestfailed", lambda request: self.failed(request.url, request.failure))
        self.page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        self.page.on(
            "console", lambda message: self.said(message.type, message.text, message.location["url"])
        )

    def asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != self.host:
            self.problems.append(f"asked another host: {url}")

    def failed(self, url: str, why: str | None) -> None:
        if why != "net::ERR_ABORTED":  # a redirect cancels what the page before it still loads
            self.problems.append(f"could not load {url}")

    def said(self, kind: str, text: str, source: str) -> None:
        # the redirecting index.html names no icon, so a browser guesses one
        if kind == "error" and not source.endswith("/favicon.ico"):
            self.problems.append(f"console error: {text}")

    def note(self, what: str, found: list[str]) -> None:
        self.problems += [f"{what}: {line}" for line in found]

    def examine(self, url: str) -> None:
        page = self.page
        page.emulate_media(color_scheme="light")
        page.goto(url, wait_until="load")
        self.note("mathematics", page.evaluate(MATHEMATICS))
        self.note("wider than a phone", page.evaluate(OVERFLOW))
        self.note("low contrast, light", page.evaluate(LOW_CONTRAST, CONTRAST))
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("document.documentElement.dataset.theme === 'dark'", timeout=60_000)
        self.note("low contrast, dark", page.evaluate(LOW_CONTRAST, CONTRAST))


@pytest.mark.parametrize("name", PAGES)
def test_page_from_a_file(name: str, built_book: Path, browser: Browser) -> None:
    watched = Watched(browser)
    watched.examine((built_book / f"{name}.html").as_uri())
    watched.page.close()
    assert not watched.problems, "\n".join(watched.problems)


@pytest.fixture
def host(built_book: Path) -> Iterator[str]:
    """The built book on a server of this machine."""
    with server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{running.server_port}"
        running.shutdown()


def test_over_a_server(host: str, browser: Browser) -> None:
    watched = Watched(browser, host)
    watched.page.goto(f"http://{host}/")
    watched.page.wait_for_url(f"http://{host}/{PAGES[0]}.html")
    for name in PAGES[:2]:
        watched.examine(f"http://{host}/{name}.html")
    watched.page.goto(f"http://{host}/search.html?q=notation")
    watched.page.wait_for_selector("#search-results li a", timeout=60_000)
    watched.page.close()
    assert not watched.problems, "\n".join(watched.problems)


# What a reader may choose in the menu of a formula, which is kept for every page, and what then appears.
MENU = {
    "speech": ({"explorer": True}, "[data-semantic-speech*='Subscript']"),
    "speech in German": ({"explorer": True, "locale": "de"}, "[data-semantic-speech*='Grundlinie']"),
    "collapsible": ({"collapsible": True}, "mjx-maction"),
    "SVG": ({"renderer": "SVG"}, "mjx-container[jax='SVG']"),
    "all": (
        {"explorer": True, "collapsible": True, "renderer": "SVG"},
        "[data-mml-node='maction'] [data-semantic-speech]",
    ),
}


def choose(watched: Watched, choice: str, url: str) -> None:
    settings, sign = MENU[choice]
    stored = json.dumps(json.dumps(settings))
    watched.page.add_init_script(f"localStorage.setItem('MathJax-Menu-Settings', {stored})")
    watched.page.goto(url, wait_until="load")
    watched.note("menu", watched.page.evaluate(APPEARS, sign))
    watched.note("mathematics", watched.page.evaluate(MATHEMATICS))
    assert not watched.problems, "\n".join(watched.problems)


@pytest.mark.parametrize("choice", MENU)
def test_menu_of_a_formula_on_a_page_from_a_file(choice: str, built_book: Path, browser: Browser) -> None:
    watched = Watched(browser)
    choose(watched, choice, (built_book / f"{FORMULAS}.html").as_uri())
    watched.page.close()


@pytest.mark.parametrize("choice", MENU)
def test_menu_of_a_formula_over_a_server(choice: str, host: str, browser: Browser) -> None:
    watched = Watched(browser, host)
    choose(watched, choice, f"http://{host}/{FORMULAS}.html")
    watched.page.close()


def test_speech_chosen_in_the_menu_of_a_formula(built_book: Path, browser: Browser) -> None:
    watched = Watched(browser)
    page = watched.page
    page.set_viewport_size({"width": 1200, "height": 800})
    page.goto((built_book / f"{FORMULAS}.html").as_uri(), wait_until="load")
    page.locator("mjx-container").first.click(button="right")
    page.locator(".CtxtMenu_MenuItem", has_text="Accessibility").hover()
    page.locator(".CtxtMenu_MenuItem", has_text="Activate").click()
    watched.note("menu", page.evaluate(APPEARS, MENU["speech"][1]))
    watched.note("mathematics", page.evaluate(MATHEMATICS))
    page.close()
    assert not watched.problems, "\n".join(watched.problems)


def test_every_language_of_the_menu_is_there(built_book: Path, browser: Browser) -> None:
    watched = Watched(browser)
    choose(watched, "speech", (built_book / f"{FORMULAS}.html").as_uri())
    rules = watched.page.evaluate(
        "async () => Object.fromEntries(await Promise.all([...MathJax._.a11y.sre.Sre.locales.keys()]"
        ".map(async (locale) => [locale, (await SREfeature.custom(locale)).length])))"
    )
    watched.page.close()
    assert {"en", "de", "hi", "nemeth"} <= set(rules)
    assert min(rules.values()) > 100_000, rules
    assert not watched.problems


FAULTS = {
    "host": ('<img src="http://127.0.0.1:9/x.png" alt="">', "asked another host"),
    "console": ("<script>console.error('oh')</script>", "console error: oh"),
    "exception": ("<script>null.x</script>", "page error"),
    "mathematics": ('<span class="math">\\(x\\)</span>', "MathJax did not load"),
    "overflow": ('<div style="width: 900px">wide</div>', "wider than a phone"),
    "contrast": ('<p style="color: #bbb; background: #fff">pale</p>', "low contrast, light"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault(fault: str, browser: Browser, tmp_path: Path) -> None:
    body, said = FAULTS[fault]
    switch = "matchMedia('(prefers-color-scheme: dark)').onchange = () => {root.dataset.theme = 'dark'}"
    page = tmp_path / "page.html"
    page.write_text(
        "<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<script>const root = document.documentElement; {switch}</script>"
        f"<article class=bd-article><p>Text</p>{body}</article>"
    )
    watched = Watched(browser)
    watched.examine(page.as_uri())
    watched.page.close()
    assert any(said in line for line in watched.problems), watched.problems
