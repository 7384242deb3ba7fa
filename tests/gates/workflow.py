"""What a workflow may do, and by whose code."""

import re
from pathlib import Path
from typing import Any

import yaml

from tests.gates import problem

PIN = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
# The jobs that may do more than read: what they run is an action alone.
RIGHTS = {
    ("book.yml", "deploy"): {"id-token": "write", "pages": "write"},
    ("release.yml", "publish"): {"id-token": "write"},
}


def uses(text: str) -> list[str]:
    """Whatever stands after ``uses:``, with the comment beside it."""
    return re.findall(r"^\s*(?:- )?uses: *(.*)$", text, re.M)


def job_problems(name: tuple[str, str], job: dict[str, Any]) -> list[str]:
    found = []
    steps = job.get("steps", [])
    rights = RIGHTS.get(name, {"contents": "read"})
    if job.get("permissions") != rights:
        found.append(f"{job.get('permissions')} is not the permissions {rights}")
    if name in RIGHTS and any("run" in step or "checkout" in step["uses"] for step in steps):
        found.append("a job with more than reading rights runs what the repository says")
    for step in steps:
        if "checkout" in step.get("uses", "") and step["with"].get("persist-credentials") is not False:
            found.append("the checkout leaves its credentials")
        if "${{" in step.get("run", ""):
            found.append("an expression in a script: hand it over by env")
    if steps and "timeout-minutes" not in job:
        found.append("no timeout")
    return found


def problems(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    flow = yaml.safe_load(text)
    found = [f"{what} is not pinned to a commit" for what in uses(text) if not pinned(what)]
    if flow.get("permissions") != {}:
        found.append("every job is given permissions")
    if "concurrency" not in flow:
        found.append("nothing says what two runs at once do")
    for name, job in flow["jobs"].items():
        found += [f"{name}: {what}" for what in job_problems((path.name, name), job)]
    return [problem(path, None, what, "See CONTRIBUTING.md, Release") for what in found]


def pinned(what: str) -> bool:
    return what.startswith("./") or PIN.fullmatch(what) is not None
