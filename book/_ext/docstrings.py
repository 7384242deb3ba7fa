"""Docstrings written for readers of code also render: bars are bars, public names find their definitions."""

import importlib
import re

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

PACKAGE = "lossfns"
# Literals, roles and mathematics are kept; a bar elsewhere is the absolute value, not a substitution of RST.
KEPT_OR_BAR = re.compile(r"(``.*?``|:[\w:]+:`.*?`)|\|")


def escape_bars(
    app: Sphinx, what: str, name: str, subject: object, options: object, lines: list[str]
) -> None:
    math_indent = None  # of the directive whose content is left alone
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if math_indent is not None and line.strip() and indent <= math_indent:
            math_indent = None
        if line.lstrip().startswith(".. math::"):
            math_indent = indent
        if math_indent is None and not line.lstrip().startswith((">>>", "...")):
            lines[number] = KEPT_OR_BAR.sub(lambda match: match[1] or r"\|", line)


def find_public_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """``lossfns.huber_loss`` is documented in the module that defines it."""
    package, _, name = str(node.get("reftarget", "")).partition(".")
    if node.get("refdomain") != "py" or package != PACKAGE or "." in name:
        return None
    home = getattr(getattr(importlib.import_module(PACKAGE), name, None), "__module__", None)
    domain = env.get_domain("py")
    return domain.resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], f"{home}.{name}", node, content
    )


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", escape_bars, priority=900)  # after napoleon
    app.connect("missing-reference", find_public_name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
