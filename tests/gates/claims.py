"""Every proposition has a proof and a check; every check asserts, and shows that it rejects a wrong claim."""

import ast
from itertools import pairwise
from pathlib import Path

from book._tools.pages import directives, pages
from book._tools.register import KINDS, Check, checks, propositions
from tests.gates import problem

PROOF = "prf:proof"


def register(book: Path) -> list[str]:
    """Judge all propositions and checks of the pages below ``book``."""
    claims = [claim for page in pages(book) for claim in propositions(page)]
    found_checks = [check for page in pages(book) for check in checks(page)]
    checked = {label for check in found_checks for label in check.labels}
    found = []
    first: dict[str, Path] = {}
    for claim in claims:
        if claim.label is None or not claim.label.startswith("prop-"):
            mend = "Add `:label: prop-...` as its first option"
            what = f"a {claim.name.removeprefix('prf:')} without a label prop-..."
            found.append(problem(claim.path, claim.cell, what, mend))
            continue
        if claim.label in first:
            what = f"{claim.label} is already in {first[claim.label].name}"
            found.append(problem(claim.path, claim.cell, what, "Choose another label"))
        first.setdefault(claim.label, claim.path)
        if not claim.argument:
            what = f"{claim.label} has no title"
            found.append(problem(claim.path, claim.cell, what, "Write one after the directive's name"))
        if claim.label not in checked:
            mend = f"Add a code cell tagged check whose first line is `# Checks {claim.label}`"
            found.append(problem(claim.path, claim.cell, f"{claim.label} has no check", mend))
    for check in found_checks:
        found += judge(check)
        for label in check.labels:
            if label not in first:
                what = f"checks {label}, which no page states"
                found.append(problem(check.path, check.cell, what, "Name an existing proposition"))
    for page in pages(book):
        found += proofs(page)
    return found


def judge(check: Check) -> list[str]:
    """A check cell by itself."""
    if not check.labels:
        mend = "Tag the cell check and begin it with `# Checks prop-...` (several labels: comma separated)"
        return [problem(check.path, check.cell, "a check cell without its tag or its first line", mend)]
    name = ", ".join(check.labels)
    asserts = [node for node in ast.walk(ast.parse(check.source)) if isinstance(node, ast.Assert)]
    rejections = [a for a in asserts if isinstance(a.test, ast.UnaryOp) and isinstance(a.test.op, ast.Not)]
    if len(asserts) == len(rejections):
        mend = "Assert what the proposition says"
        return [problem(check.path, check.cell, f"the check of {name} asserts nothing true", mend)]
    if not rejections:
        mend = "Add an `assert not ...` on a wrong version of the claim (sign flipped, factor missing)"
        return [problem(check.path, check.cell, f"the check of {name} shows no rejection", mend)]
    return []


def proofs(page: Path) -> list[str]:
    """Each proposition has its own proof, before the next one is stated."""
    found = []
    stated = directives(page, *KINDS, PROOF)
    for claim, following in pairwise([*stated, None]):
        if claim and claim.name in KINDS and (following is None or following.name != PROOF):
            mend = f"Follow it by its {{{PROOF}}}"
            found.append(problem(page, claim.cell, f"{claim.label or 'a proposition'} has no proof", mend))
    return found
