"""Measure and write the page: ``python -m tests.benchmarks``, or anew what contains ONLY: ``… ONLY``.

Results of another machine or of other versions are not kept.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import torch

import lossfns
from tests.benchmarks.measure import peak, ratios, step, times
from tests.benchmarks.page import PAGE, RESULTS, render
from tests.benchmarks.table import Row, table
from tests.peers.libraries import LIBRARIES

OURS = "lossfns"


def machine() -> str:
    """What the machine calls itself, with the width of its vectors."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text(encoding="utf-8").splitlines() if cpu.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name} ({torch.backends.cpu.get_cpu_capability()}), {platform.system()}"


def measure(row: Row, size: str) -> dict[str, Any]:
    torch.manual_seed(0)
    inputs = row.sizes[size]()
    calls = {OURS: row.ours, **{k: v for k, v in row.theirs.items() if (k, size) not in row.skip}}
    steps = {name: step(code, inputs) for name, code in calls.items()}
    memory = {name: peak(run) for name, run in steps.items()}
    found = times(steps)
    gradients = [v for v in inputs.values() if isinstance(v, torch.Tensor) and v.requires_grad]
    used = [v for v in gradients if _gets_a_gradient(row.ours, inputs, v)]
    floor = sum(v.numel() * v.element_size() for v in used)
    return {
        "seconds": sorted(found[OURS])[len(found[OURS]) // 2],
        "ratios": ratios(found, OURS),
        "memory": {name: most / floor for name, most in memory.items()},
    }


def _gets_a_gradient(code: str, inputs: dict[str, Any], leaf: torch.Tensor) -> bool:
    return any(inputs[name] is leaf for name in inputs if name in compile(code, "<call>", "eval").co_names)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure time and memory beside other libraries.")
    parser.add_argument("only", nargs="?", default="", help="measure the calls that contain this")
    only = parser.parse_args().only
    torch.set_num_threads(1)
    here = {
        "machine": machine(),
        "versions": {"lossfns": lossfns.__version__, "Python": platform.python_version()}
        | {name: library.version for name, library in LIBRARIES.items() if library.arrays == "torch"},
    }
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    if {key: known.get(key) for key in here} != here:
        known = {}
    rows = {row["ours"]: row for row in known.get("rows", [])}
    for row in table():
        if only in row.ours:
            rows[row.ours] = measured(row)
            kept = [rows[one.ours] for one in table() if one.ours in rows]
            results = {**here, "rows": kept}
            RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            PAGE.write_text(render(results), encoding="utf-8")


def measured(row: Row) -> dict[str, Any]:
    """A row at all its sizes, printed as it comes."""
    sizes = {}
    for size in row.sizes:
        one = sizes[size] = measure(row, size)
        each = ", ".join(f"{k} ×{v[1]:.2f} ({v[0]:.2f}-{v[2]:.2f})" for k, v in one["ratios"].items())
        held = ", ".join(f"{v:.1f}" for v in one["memory"].values())
        print(f"{row.ours}  {size}  {1e3 * one['seconds']:.3f} ms: {each}; memory {held}", flush=True)
    return {"loss": row.loss, "ours": row.ours, "theirs": row.theirs, "sizes": sizes}


if __name__ == "__main__":
    main()
