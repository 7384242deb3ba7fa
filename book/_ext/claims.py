"""The directive ``{claims}``: a table of every proposition and of the page that proves and checks it."""

from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from book._tools.pages import pages
from book._tools.register import checks, propositions

HEADINGS = ("Claim", "What it says", "Proved and checked in")


def row(*entries: list[nodes.Node]) -> nodes.row:
    line = nodes.row()
    for content in entries:
        line += nodes.entry("", nodes.paragraph("", "", *content))
    return line


class Claims(SphinxDirective):
    """Takes no argument; reads the sources, so the table cannot drift from them."""

    def run(self) -> list[nodes.Node]:
        book = Path(self.env.srcdir) / "book"
        order = {docname: place for place, docname in enumerate(self.env.external_site_map)}  # type: ignore[attr-defined]
        built = [page for page in pages(book) if self.docname(page) in order]
        built.sort(key=lambda page: order[self.docname(page)])
        checked = {label: check for page in built for check in checks(page) for label in check.labels}
        body = nodes.tbody()
        for page in built:
            for claim in propositions(page):
                if claim.label is None:
                    continue
                where = checked.get(claim.label)
                body += row(
                    [self.to_claim(claim.label)],
                    [self.to_title(claim.argument)],
                    self.places(page, where.path if where else None),
                )
        if not body.children:
            return [nodes.paragraph("", "No proposition yet.")]
        group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in (20, 50, 30)), cols=3)
        group += nodes.thead("", row(*([nodes.Text(heading)] for heading in HEADINGS)))
        group += body
        return [nodes.table("", group, classes=["claims"])]

    def docname(self, page: Path) -> str:
        return page.relative_to(self.env.srcdir).with_suffix("").as_posix()

    def places(self, proof: Path, check: Path | None) -> list[nodes.Node]:
        page = self.to_page(self.docname(proof))
        if check is None:
            return [page, nodes.Text(", "), nodes.emphasis("", "not checked")]
        if check == proof:
            return [page]
        return [page, nodes.Text(", checked in "), self.to_page(self.docname(check))]

    def to_title(self, title: str) -> nodes.Node:
        parsed, _ = self.state.inline_text(title, self.lineno)
        return nodes.inline("", "", *parsed)

    def to_claim(self, label: str) -> pending_xref:
        text = nodes.inline("", label, classes=["xref"])  # sphinx-proof puts kind and number for it
        return pending_xref(
            "",
            text,
            refdomain="prf",
            reftype="ref",
            reftarget=label,
            refdoc=self.env.docname,
            refexplicit=False,
            refwarn=True,
        )

    def to_page(self, docname: str) -> pending_xref:
        text = nodes.inline("", docname, classes=["xref", "doc"])
        return pending_xref(
            "",
            text,
            refdomain="std",
            reftype="doc",
            reftarget="/" + docname,
            refdoc=self.env.docname,
            refexplicit=False,
            refwarn=True,
        )


def reread_register(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """The register depends on every page: read it again on each build."""
    register = "book/reference/claims"
    if register in env.found_docs and register not in docnames:
        docnames.append(register)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("claims", Claims)
    app.connect("env-before-read-docs", reread_register)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
