"""Measure and write the page: ``python -m tests.benchmarks``, or anew what contains ONLY: ``… ONLY``.

Results of another machine or of other versions are not kept.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from packaging.version import Version
from torch import Tensor

import lossfns
from tests.benchmarks.measure import arguments, function, peak, ratios, step, times
from tests.benchmarks.page import COMPOSITE, OURS, PAGE, PICTURE, picture, render, stored
from tests.benchmarks.row import Row
from tests.benchmarks.rows import table
from tests.peers.libraries import LIBRARIES


def machine(device: str) -> str:
    """What the machine calls itself, with the width of a CPU's vectors."""
    if device != "cpu":
        return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text(encoding="utf-8").splitlines() if cpu.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name} ({torch.backends.cpu.get_cpu_capability()}), {platform.system()}, one thread"


def measured(row: Row, device: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Size by size, eager and compiled. A compiler meets the sizes one after the other, as in training."""
    torch.compiler.reset()
    codes = {OURS: row.ours, COMPOSITE: row.composite, **row.theirs}
    compiled: dict[str, Callable[..., Tensor]] = {}
    for size, make in row.sizes.items():
        torch.manual_seed(0)
        inputs = on(device, make())
        calls = {name: code for name, code in codes.items() if (name, size) not in row.skip}
        eager = {name: function(code, inputs) for name, code in calls.items()}
        for name in [name for name in calls if name in (OURS, COMPOSITE)]:
            compiled.setdefault(name, torch.compile(eager[name], fullgraph=True))
        found = {}
        for mode, functions in {"eager": eager, "compiled": compiled}.items():
            steps = {name: step(functions[name], calls[name], inputs) for name in calls if name in functions}
            found[mode] = side_by_side(steps, device, floor(row.ours, inputs))
        yield size, found


def on(device: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs on the device, leaves again; losses that own parameters made for it."""

    def moved(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.detach().to(device).requires_grad_(value.requires_grad)
        return value().to(device)

    return {name: moved(value) for name, value in inputs.items()}


def floor(code: str, inputs: dict[str, Any]) -> int:
    """The bytes of the gradients, which nobody can do without."""
    used = [inputs[name] for name in arguments(code, inputs)]
    return sum(v.numel() * v.element_size() for v in used if isinstance(v, Tensor) and v.requires_grad)


def side_by_side(steps: dict[str, Callable[[], None]], device: str, floor: int) -> dict[str, Any]:
    memory = {name: peak(run, device) / floor for name, run in steps.items()}
    found = times(steps, device)
    return {
        "seconds": sorted(found[OURS])[len(found[OURS]) // 2],
        "ratios": ratios(found, OURS),
        "memory": memory,
    }


def report(row: Row, size: str, found: dict[str, Any]) -> None:
    for mode, one in found.items():
        each = ", ".join(f"{k} ×{v[1]:.2f} ({v[0]:.2f}-{v[2]:.2f})" for k, v in one["ratios"].items())
        held = ", ".join(f"{v:.1f}" for v in one["memory"].values())
        print(f"{row.ours}  {size} {mode}  {1e3 * one['seconds']:.3f} ms: {each}; memory {held}", flush=True)


def as_json(here: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """One line a row, four digits a number."""

    def short(value: Any) -> Any:
        if isinstance(value, float):
            return float(f"{value:.4g}")
        if isinstance(value, dict):
            return {key: short(one) for key, one in value.items()}
        return [short(one) for one in value] if isinstance(value, list | tuple) else value

    head = json.dumps(here, indent=1, ensure_ascii=False)[:-2]
    lines = ",\n".join(json.dumps(short(row), ensure_ascii=False) for row in rows)
    return f'{head},\n "rows": [\n{lines}\n]}}\n'


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure time and memory beside other libraries.")
    parser.add_argument("only", nargs="?", default="", help="measure the calls that contain this")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda")
    parser.add_argument("--out", type=Path, help="write the results here, and no page")
    options = parser.parse_args()
    torch.set_num_threads(1)
    path = options.out or stored(options.device)
    here = {
        "machine": machine(options.device),
        "versions": {
            "lossfns": Version(lossfns.__version__).base_version,
            "Python": platform.python_version(),
        }
        | {name: library.version for name, library in LIBRARIES.items() if library.arrays == "torch"},
    }
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if {key: known.get(key) for key in here} != here:
        known = {}
    rows = {row["ours"]: row for row in known.get("rows", [])}
    for row in table():
        if options.only in row.ours:
            sizes = {}
            for size, found in measured(row, options.device):
                report(row, size, found)
                sizes[size] = found
            rows[row.ours] = {
                "loss": row.loss,
                "ours": row.ours,
                "composite": row.composite,
                "theirs": row.theirs,
                "sizes": sizes,
            }
            kept = [rows[one.ours] for one in table() if one.ours in rows]
            path.write_text(as_json(here, kept), encoding="utf-8")
    if options.out is None:
        PAGE.write_text(render(), encoding="utf-8")
        PICTURE.write_text(picture(), encoding="utf-8")


if __name__ == "__main__":
    main()
