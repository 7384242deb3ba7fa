"""Kernels for the notebooks that the tests execute, forked from a process that has only imported.

Each is a process of its own, as any kernel is, but need not import torch and IPython, which takes seconds.
Readers and ``make notebooks`` have ordinary kernels, and so has whatever cannot be forked: a notebook that
only runs here has no outputs to compare with.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

from jupyter_client.launcher import launch_kernel
from jupyter_client.provisioning import local_provisioner

LAUNCHER = [sys.executable, "-m", "ipykernel_launcher"]
INLINE = "module://matplotlib_inline.backend_inline"  # a kernel sets it, and matplotlib reads it once


class Server:
    """The process that forks; it ends when its standard input is closed, and its kernels with it."""

    def __init__(self) -> None:
        self.owner, self.lock = os.getpid(), threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "MPLBACKEND": INLINE},
            start_new_session=True,
        )
        self.threads = self.answer()

    def answer(self) -> Any:
        """What it says next, or None if it has ended."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def ask(self, **request: Any) -> Any:
        assert self.process.stdin
        with self.lock:
            try:
                print(json.dumps(request), file=self.process.stdin, flush=True)
            except OSError:
                return None
            return self.answer()

    @property
    def usable(self) -> bool:
        """Forking in a process with more than one thread is not safe, nor is sharing its pipes."""
        return self.threads == 1 and self.owner == os.getpid() and self.process.poll() is None


class Forked:
    """What the manager of a kernel needs of ``subprocess.Popen``."""

    stdin = stdout = stderr = returncode = None

    def __init__(self, server: Server, pid: int) -> None:
        self.server, self.pid = server, pid

    def poll(self) -> int | None:
        if self.returncode is None:
            answer = self.server.ask(pid=self.pid)
            self.returncode = answer["code"] if answer else -signal.SIGKILL
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        end = time.monotonic() + (float("inf") if timeout is None else timeout)
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


server = cache(Server)


def launch(cmd: list[str], **kwargs: Any) -> Forked | subprocess.Popen[bytes]:
    """In place of jupyter_client's ``launch_kernel``."""
    if cmd[:3] == LAUNCHER and server().usable:
        env = {**os.environ, **(kwargs.get("env") or {})}
        pid = server().ask(arguments=cmd[3:], cwd=str(kwargs.get("cwd") or Path.cwd()), env=env)
        if pid is not None:
            return Forked(server(), pid)
    return launch_kernel(cmd, **kwargs)


def install() -> None:
    """From here on kernels of this process are forked, where that is possible."""
    if sys.platform == "linux" and "BOOK_FRAMEWORKS" not in os.environ:
        vars(local_provisioner)["launch_kernel"] = launch


def serve() -> None:
    """Fork, and say how a kernel ended, until there is nobody who could ask."""
    import ipykernel_launcher  # type: ignore[import-untyped]  # noqa: F401
    import matplotlib.figure  # noqa: F401 (not pyplot, which looks for the shell)
    import torch._dynamo  # noqa: F401
    from ipykernel import kernelapp

    parent = os.getpid()
    print(len(os.listdir("/proc/self/task")), flush=True)
    while line := sys.stdin.readline():
        request = json.loads(line)
        if "pid" in request:
            pid, status = os.waitpid(request["pid"], os.WNOHANG)
            print(json.dumps({"code": os.waitstatus_to_exitcode(status) if pid else None}), flush=True)
        elif os.fork() == 0:
            become(request)
            kernelapp.launch_new_instance([*request["arguments"], f"--IPKernelApp.parent_handle={parent}"])
            return


def become(request: dict[str, Any]) -> None:
    """Leave the server's session, pipes, folder, environment and seeds for those of the kernel."""
    import numpy
    import torch

    os.setsid()
    os.write(1, f"{os.getpid()}\n".encode())
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    torch.seed()
    numpy.random.seed()  # noqa: NPY002
    sys.argv = [sys.modules["ipykernel_launcher"].__file__ or "", *request["arguments"]]


if __name__ == "__main__":
    del sys.path[0]  # the folder of this file
    serve()
