"""Time and memory of forward and backward together, of several calls side by side, on a CPU or a GPU."""

from __future__ import annotations

import ast
import gc
import math
import random
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from tests.peers.libraries import namespace

ROUND = 2e-3
"""A call is repeated until a round lasts so many seconds."""
BUDGET = 1.0
"""So many seconds for one size of a row, as long as there are enough rounds for quartiles."""
ROUNDS = (7, 40)

Step = Callable[[], None]


def function(
    code: str, inputs: Mapping[str, Any], names: Mapping[str, Any] | None = None
) -> Callable[..., Tensor]:
    """The call as a function of the inputs that it names; other ``names`` are those of the libraries."""
    head = ", ".join(arguments(code, inputs))
    made: Callable[..., Tensor] = eval(f"lambda {head}: {code}", dict(names or namespace() | {"math": math}))
    return made


def arguments(code: str, inputs: Mapping[str, Any]) -> list[str]:
    named = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    return [name for name in inputs if name in named]


def step(f: Callable[..., Tensor], code: str, inputs: Mapping[str, Any]) -> Step:
    """A call and its backward pass. The gradients are thrown away, as an optimiser does after its step."""
    values = [inputs[name] for name in arguments(code, inputs)]
    leaves = [v for v in inputs.values() if isinstance(v, Tensor) and v.requires_grad]

    def run() -> None:
        f(*values).backward()
        for leaf in leaves:
            leaf.grad = None

    return run


def seconds(run: Step, times: int, device: str) -> float:
    if device != "cpu":
        start, end = (torch.Event(device, enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(times):
            run()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3 / times
    begin = time.perf_counter()
    for _ in range(times):
        run()
    return (time.perf_counter() - begin) / times


def times(steps: Mapping[str, Step], device: str) -> dict[str, list[float]]:
    """Seconds of each, in rounds, all of them in each round and in another order each time."""
    with _silence(), _without_collector():
        first = {name: min(seconds(run, 1, device) for _ in range(2)) for name, run in steps.items()}
        repeat = {name: max(1, round(ROUND / t)) for name, t in first.items()}
        one_round = sum(first[name] * repeat[name] for name in steps)
        low, high = ROUNDS
        rounds = max(low, min(high, int(BUDGET / one_round)))
        found: dict[str, list[float]] = {name: [] for name in steps}
        order = list(steps)
        for _ in range(rounds):
            random.shuffle(order)
            for name in order:
                found[name].append(seconds(steps[name], repeat[name], device))
    return found


def ratios(found: Mapping[str, list[float]], ours: str) -> dict[str, tuple[float, float, float]]:
    """How many times as long as ours each one takes: quartiles over the rounds."""

    def quartiles(seconds: list[float]) -> tuple[float, float, float]:
        low, middle, high = statistics.quantiles(t / o for t, o in zip(seconds, found[ours], strict=True))
        return low, middle, high

    return {name: quartiles(seconds) for name, seconds in found.items() if name != ours}


def peak(run: Step, device: str) -> int:
    """The most bytes that are allocated at once during a step, beyond those before it."""
    with _silence():
        run()
        if device != "cpu":
            torch.accelerator.reset_peak_memory_stats()
            before = torch.accelerator.memory_allocated()
            run()
            return torch.accelerator.max_memory_allocated() - before
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            run()
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most


@contextmanager
def _silence() -> Iterator[None]:
    """What other libraries warn of, about themselves, is not for whoever measures them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
