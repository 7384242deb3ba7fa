"""A page loads nothing from another host: MathJax is copied in, Thebe (which a CDN serves) is taken out."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.fileutil import copy_asset

# Of MathJax's 24 MB: what our pages use (TeX in, CommonHTML out, the fonts, TeX packages loaded on demand),
# and what the menu of a formula loads, without which a choice there would leave no formula on any page.
MATHJAX_PARTS = (
    "tex-chtml.js",
    "input/tex/extensions",
    "output/chtml/fonts/woff-v2",
    "a11y",
    "input/mml.js",
    "output/svg.js",
    "output/svg/fonts/tex.js",
)
MATHMAPS = "sre/mathmaps"
MATHJAX_PACKAGE = "sphinx-mathjax-offline"


def mathjax_folder() -> Path:
    spec = find_spec(MATHJAX_PACKAGE)
    if spec is None or spec.origin is None:
        raise ExtensionError(f"{MATHJAX_PACKAGE} is not installed: run `make book`, which installs it")
    return Path(spec.origin).parent / "static" / "mathjax"


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    source, target = mathjax_folder(), Path(app.outdir) / "_static" / "mathjax"
    for part in MATHJAX_PARTS:
        # copy_asset copies a folder's content, but a file into a folder
        destination = target / part if (source / part).is_dir() else (target / part).parent
        destination.mkdir(parents=True, exist_ok=True)
        copy_asset(str(source / part), str(destination))
    write_mathmaps(source / MATHMAPS, target / MATHMAPS)


def write_mathmaps(source: Path, target: Path) -> None:
    """Make each language's rules for speech a script, which a page opened from a file can load, too."""
    target.mkdir(parents=True, exist_ok=True)
    for rules in source.glob("*.json"):
        script = f'mathmap("{rules.stem}", {rules.read_text(encoding="utf-8")});\n'
        (target / f"{rules.stem}.js").write_text(script, encoding="utf-8")


def drop_thebe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    def is_thebe(script: Any) -> bool:
        attributes = getattr(script, "attributes", {})
        return "thebe" in str(script) or "THEBE_JS_URL" in str(attributes.get("body", ""))

    scripts = context.get("script_files", [])
    scripts[:] = [script for script in scripts if not is_thebe(script)]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_js_file("mathjax_menu.js", priority=600)  # after the line that sets window.MathJax
    app.connect("config-inited", lambda _app, config: setattr(config, "mathjax_path", "mathjax/tex-chtml.js"))
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
