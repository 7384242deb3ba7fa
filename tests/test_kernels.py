"""Kernels that are forked are as fresh as others, can be interrupted, and are seen to end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel  # type: ignore[import-untyped]

from tests import kernels

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")


@pytest.fixture
def kernel() -> Iterator[Any]:
    running = RunningKernel(CURRENT_ENV_KERNEL_NAME)
    yield running
    running.stop()


def said(kernel: Any, code: str) -> str:
    """What the code prints, and the name of what it raises; it is interrupted when it says go."""
    text = ""
    request = kernel.execute_cell_input(code, allow_stdin=False)
    while True:
        message = kernel.get_message("iopub", timeout=60)
        content = message["content"]
        if message["parent_header"].get("msg_id") == request:
            text += content.get("text", "") + content.get("ename", "")
            if content.get("text") == "go":
                kernel.interrupt()
            if content.get("execution_state") == "idle":
                return str(text).strip()


def test_a_forked_kernel_is_fresh_and_obeys(kernel: Any) -> None:
    assert isinstance(kernel.km.provisioner.process, kernels.Forked)
    state = "import numpy, torch; print(torch.initial_seed(), numpy.random.rand(), 'x' in globals()); x = 1"
    first = said(kernel, state).split()
    assert said(kernel, "print('go', end='', flush=True)\nwhile True: pass") == "goKeyboardInterrupt"
    assert said(kernel, "print(x)") == "1"
    kernel.restart()
    kernel.kc.wait_for_ready(timeout=60)
    second = said(kernel, state).split()
    assert first[2] == second[2] == "False"
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_the_end_of_a_forked_kernel_is_seen(kernel: Any) -> None:
    process = kernel.km.provisioner.process
    kernel.kc.execute("import os; os._exit(3)")
    assert process.wait(timeout=60) == 3
    assert not kernel.is_alive()


def test_what_is_no_kernel_is_not_forked() -> None:
    process = kernels.launch([sys.executable, "-c", ""])
    assert isinstance(process, subprocess.Popen)
    assert process.wait() == 0
