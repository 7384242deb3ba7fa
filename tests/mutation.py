"""Plant faults in ``lossfns`` and see whether the tests catch them: python -m tests.mutation [module …]

Each mutant changes one operator, comparison, number or condition. Its tests run in a forked process, the
family's own first, until one fails. ``--sample N`` tries N mutants of each module, drawn with a fixed seed.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import mpmath  # noqa: F401  (what follows is loaded once, before forking)
import numpy as np  # noqa: F401
import pytest
import scipy.stats  # noqa: F401
import torch  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lossfns"
TIME_LIMIT = 240
FIRST = {"_reduce": "regression", "_module": "regression", "_check": "regression", "_pairs": "representation"}
SWAPS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """The ways to get one node wrong."""
    wrong = copy.deepcopy(node)
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPS:
        wrong.op = SWAPS[type(node.op)]()  # type: ignore[attr-defined]
        yield wrong
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        wrong.ops[0] = SWAPS[type(node.ops[0])]()  # type: ignore[attr-defined]
        yield wrong
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.IfExp):
        yield node.orelse
        yield node.body


def annotations(tree: ast.AST) -> set[ast.AST]:
    """Every node that only a type checker reads."""
    roots: list[ast.AST | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            roots.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            roots.append(node.returns)
    return {child for root in roots if root is not None for child in ast.walk(root)}


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """(what was changed, the changed source), one for each way to get one node wrong."""
    tree = ast.parse(source)
    silent = annotations(tree)
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            children = value if isinstance(value, list) else [value]
            for place, child in enumerate(children):
                if not isinstance(child, ast.expr) or child in silent:
                    continue
                for wrong in variants(child):
                    what = f"{child.lineno}: {ast.unparse(child)} -> {ast.unparse(wrong)}"
                    put(node, field, place, wrong)
                    yield what, ast.unparse(tree)
                    put(node, field, place, child)


def put(node: ast.AST, field: str, place: int, child: ast.AST) -> None:
    value = getattr(node, field)
    if isinstance(value, list):
        value[place] = child
    else:
        setattr(node, field, child)


def survives(folder: Path, tests: list[str]) -> bool:
    """Whether all tests pass in ``folder``; one that hangs has noticed."""
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        options = [
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "-o",
            "addopts=--import-mode=importlib",
            "--doctest-modules",
        ]
        os._exit(int(pytest.main([*options, *tests])))

    def stop(*_: object) -> None:
        os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(TIME_LIMIT)
    _, status = os.waitpid(child, 0)
    signal.alarm(0)
    return status == 0


def tests_of(module: str) -> list[str]:
    own = Path("tests") / f"test_{FIRST.get(module, module)}.py"
    generic = [
        "tests/test_every_loss.py",
        "tests/test_catalog.py",
        f"lossfns/{module}.py",
        "tests/test_verify.py",
    ]
    first = [str(own)] if (ROOT / own).is_file() else []
    return [*first, *(test for test in generic if test not in first)]


def main() -> int:
    parser = argparse.ArgumentParser(description="Plant faults and count those that the tests catch.")
    parser.add_argument("modules", nargs="*", help="default: every module of the package")
    parser.add_argument(
        "--sample", type=int, default=0, help="how many mutants of each module (default: all)"
    )
    options = parser.parse_args()
    modules = options.modules or sorted({path.stem for path in PACKAGE.glob("*.py")} - {"__init__"})
    killed = total = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for part in ("lossfns", "tests", "book"):
            shutil.copytree(
                ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.ipynb")
            )
        for part in ("pyproject.toml", "conftest.py", "README.md"):
            shutil.copy(ROOT / part, folder)
        for module in modules:
            path = folder / "lossfns" / f"{module}.py"
            original = path.read_text(encoding="utf-8")
            found = list(mutants(original))
            if options.sample and options.sample < len(found):
                found = random.Random(0).sample(found, options.sample)
            caught = 0
            for what, source in found:
                path.write_text(source, encoding="utf-8")
                with contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(path.parent / "__pycache__")
                if survives(folder, tests_of(module)):
                    print(f"survived  {module}:{what}", flush=True)
                else:
                    caught += 1
            path.write_text(original, encoding="utf-8")
            print(f"{module}: {caught} of {len(found)} mutants caught", flush=True)
            killed, total = killed + caught, total + len(found)
    print(f"{killed} of {total} mutants caught, {100 * killed / max(total, 1):.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
