"""Time and memory of forward and backward together, of several calls side by side."""

from __future__ import annotations

import gc
import random
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from tests.peers.libraries import namespace

ROUND = 2e-3
"""A call is repeated until a round lasts so many seconds."""
BUDGET = 4.0
"""So many seconds for one size of a row, as long as there are enough rounds for quartiles."""
ROUNDS = (5, 40)

Step = Callable[[], None]


def step(code: str, inputs: Mapping[str, Any]) -> Step:
    """One call and its backward pass. The gradients are thrown away, as an optimiser does after its step."""
    leaves = [v for v in inputs.values() if isinstance(v, Tensor) and v.requires_grad]
    names = namespace() | dict(inputs)
    compiled = compile(code, "<call>", "eval")

    def run() -> None:
        eval(compiled, names).backward()
        for leaf in leaves:
            leaf.grad = None

    return run


def seconds(run: Step, times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        run()
    return (time.perf_counter() - start) / times


def times(steps: Mapping[str, Step]) -> dict[str, list[float]]:
    """Seconds of each, in rounds, all of them in each round and in another order each time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of others, about themselves
        first = {name: min(seconds(run, 1) for _ in range(2)) for name, run in steps.items()}
        repeat = {name: max(1, round(ROUND / t)) for name, t in first.items()}
        one_round = sum(first[name] * repeat[name] for name in steps)
        low, high = ROUNDS
        rounds = max(low, min(high, int(BUDGET / one_round)))
        found: dict[str, list[float]] = {name: [] for name in steps}
        order = list(steps)
        gc.collect()
        gc.disable()
        for _ in range(rounds):
            random.shuffle(order)
            for name in order:
                found[name].append(seconds(steps[name], repeat[name]))
        gc.enable()
    return found


def ratios(found: Mapping[str, list[float]], ours: str) -> dict[str, tuple[float, float, float]]:
    """How many times as long as ours each one takes: quartiles over the rounds."""

    def quartiles(seconds: list[float]) -> tuple[float, float, float]:
        low, middle, high = statistics.quantiles(t / o for t, o in zip(seconds, found[ours], strict=True))
        return low, middle, high

    return {name: quartiles(seconds) for name, seconds in found.items() if name != ours}


def peak(run: Step) -> int:
    """The most bytes that are allocated at once during a step, beyond those before it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run()
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            run()
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most
