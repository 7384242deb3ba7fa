"""The word "Proof." that sphinx-proof puts before a proof is set in italics, as in print."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx_proof.nodes import proof_node

LEAD = "Proof. "


def italicise(app: Sphinx, doctree: nodes.document) -> None:
    for proof in doctree.findall(proof_node):
        first = next(iter(proof.findall(nodes.Text)), None)
        if first is not None and first.startswith(LEAD):
            first.parent.replace(
                first, [nodes.emphasis("", LEAD.strip()), nodes.Text(first[len(LEAD) - 1 :])]
            )


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", italicise)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
