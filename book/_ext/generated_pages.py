"""Let the table of contents name a page that Sphinx generates: ``- url: generated://genindex``."""

from docutils import nodes
from sphinx.addnodes import toctree
from sphinx.application import Sphinx

SCHEME = "generated://"


def resolve(app: Sphinx, doctree: nodes.document) -> None:
    for tree in doctree.findall(toctree):
        tree["entries"] = [(title, target.removeprefix(SCHEME)) for title, target in tree["entries"]]


def setup(app: Sphinx) -> dict[str, bool]:
    # before Sphinx's own collector (priority 500) reads the entries
    app.connect("doctree-read", resolve, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
