"""Plant faults in ``lossfns`` and see whether the tests catch them: python -m tests.mutation [module …]

Each mutant changes one operator, comparison, number or condition. The tests are collected once, and it is
measured once how long each takes and which lines it executes. A mutant is then planted in a forked process,
which runs the tests that execute its statement until one fails or hangs: first those of its module that name
its subject, then others, cheapest first. A mutant that survives ``BUDGET`` seconds of tests counts as not
caught. ``--sample N`` tries N mutants of each module, drawn with a fixed seed.
"""

from __future__ import annotations

import argparse
import ast
import functools
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.machinery import SourceFileLoader
from itertools import pairwise
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import pytest
from coverage import Coverage

import lossfns

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lossfns"
BUDGET = 60.0
# What tests the repository around the package, or starts processes that import it unchanged.
ELSEWHERE = [
    f"test_{name}"
    for name in (
        "benchmarks",
        "book",
        "browser",
        "distributed",
        "gates",
        "package",
        "style",
        "types",
        "workflows",
    )
]
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


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


# Mutants


class Mutant(NamedTuple):
    module: str
    what: str
    code: CodeType
    lines: range
    """The statement's own lines; of what runs at import, such as a default: none."""
    subject: str
    """The function, or the loss on the card, in which it is."""


def variants(node: ast.AST) -> Iterator[ast.expr]:
    """The ways to get one node wrong."""
    match node:
        case ast.BinOp(left, op, right) if type(op) in SWAPS:
            yield ast.BinOp(left, SWAPS[type(op)](), right)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(SWAPS[type(op)](), values)
        case ast.Compare(left, [op, *ops], others) if type(op) in SWAPS:
            yield ast.Compare(left, [SWAPS[type(op)](), *ops], others)
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.IfExp(_, body, orelse):
            yield from (orelse, body)


def unread(tree: ast.AST) -> set[ast.AST]:
    """What only type checkers, tests and readers of error messages read, and the guards of ``zip``."""
    roots: list[ast.AST | None] = []
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=root) | ast.AnnAssign(annotation=root) | ast.FunctionDef(returns=root):
                roots.append(root)
            case ast.Raise(exc=root) | ast.keyword("strict", root):
                roots.append(root)
    return {child for root in roots if root is not None for child in ast.walk(root)}


def mutants(module: str) -> Iterator[Mutant]:
    """One for each way to get one node of a module wrong."""
    path = PACKAGE / f"{module.replace('.', '/')}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = unread(tree)
    place = {child: (parent, field) for parent in ast.walk(tree) for child, field in children(parent)}
    for child, (parent, field) in place.items():
        if not isinstance(child, ast.expr) or child in skipped:
            continue
        value = getattr(parent, field)
        for wrong in variants(child):
            ast.fix_missing_locations(ast.copy_location(wrong, child))
            setattr(
                parent, field, [wrong if v is child else v for v in value] if type(value) is list else wrong
            )
            what = f"{child.lineno}: {ast.unparse(child)} -> {ast.unparse(wrong)}"
            yield Mutant(module, what, compile(tree, str(path), "exec"), *whereabouts(child, place))
            setattr(parent, field, value)


def children(parent: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    for field, value in ast.iter_fields(parent):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child, field


def whereabouts(node: ast.AST, place: dict[ast.AST, tuple[ast.AST, str]]) -> tuple[range, str]:
    """The lines whose execution a mutant needs, and its subject."""
    lines, subject, statement = range(0), "", None
    while node in place:
        parent, field = place[node]
        if statement is None and isinstance(node, ast.stmt):
            statement = node
        match parent:
            case ast.FunctionDef(name=name):
                subject = name
                if field == "body" and statement is not None and not lines:
                    body = getattr(statement, "body", None)
                    last = body[0].lineno - 1 if body else statement.end_lineno or 0
                    lines = range(statement.lineno, max(last, statement.lineno) + 1)
            case (
                ast.Call(keywords=[ast.keyword("name", ast.Constant(str(name))), *_])
                | ast.Call(args=[ast.Constant(str(name)), *_])
            ) if hasattr(lossfns, name):
                subject = name
        node = parent
    return lines, subject


# Tests


class Cost(NamedTuple):
    """What a test takes, in seconds, and the lines of each module that it executes."""

    seconds: float
    lines: dict[str, list[int]]


class Tests:
    """A plugin that takes over once pytest has collected."""

    def __init__(self, then: Callable[[pytest.Session], None]) -> None:
        self.then = then

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.then(session)
        return True


def run(session: pytest.Session, items: list[pytest.Item], patience: int = 60) -> bool:
    """Whether all tests pass. One that takes more seconds kills the process, which is to fail."""
    for item, following in pairwise([*items, None]):
        assert item is not None
        signal.alarm(patience)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        signal.alarm(0)
        if session.testsfailed:
            return False
    return True


def measured(session: pytest.Session) -> dict[str, Cost]:
    """The cost of every test, kept in the temporary folder until package or tests change."""
    digest = hashlib.sha256()
    for path in sorted([*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]):
        if path != Path(__file__):
            digest.update(path.read_bytes())
    cache = Path(tempfile.gettempdir()) / f"lossfns-costs-{digest.hexdigest()[:16]}.json"
    if not cache.exists():
        print("measuring the tests", flush=True)
        if wait(fork(lambda: measure(session, cache))):
            raise SystemExit("a test hangs before anything is changed: run pytest")
    costs = {name: Cost(*cost) for name, cost in json.loads(cache.read_text()).items()}
    for item in [item for item in session.items if item.nodeid not in costs]:
        print(f"left out, it fails before anything is changed: {item.nodeid}", flush=True)
        session.items.remove(item)
    return costs


def measure(session: pytest.Session, cache: Path) -> None:
    path = PACKAGE / "_check.py"
    unchanged = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    plant(Mutant("_check", "", unchanged, range(0), ""), session)  # planting alone must not make a test fail
    coverage = Coverage(data_file=None, include=str(PACKAGE / "*"), config_file=False)
    seconds = {}
    coverage.start()
    for item in session.items:
        start = time.perf_counter()
        coverage.switch_context(item.nodeid)
        if run(session, [item], patience=600):
            seconds[item.nodeid] = time.perf_counter() - start
        session.testsfailed = 0
    coverage.stop()
    lines: dict[str, dict[str, list[int]]] = {name: {} for name in seconds}
    data = coverage.get_data()
    for file in data.measured_files():
        for line, names in data.contexts_by_lineno(file).items():
            for name in lines.keys() & names:
                lines[name].setdefault(
                    ".".join(Path(file).relative_to(PACKAGE).with_suffix("").parts), []
                ).append(line)
    cache.write_text(json.dumps({name: Cost(seconds[name], lines[name]) for name in seconds}))


def chosen(mutant: Mutant, session: pytest.Session, costs: dict[str, Cost]) -> list[pytest.Item]:
    """The tests that may notice, the likeliest first, within the budget."""
    rooms = [f"tests/test_{room.lstrip('_')}" for room in mutant.module.split(".")]
    own = (*rooms, f"lossfns/{mutant.module}.py")

    def executed(item: pytest.Item) -> list[int]:
        return costs[item.nodeid].lines.get(mutant.module, [])

    def order(item: pytest.Item) -> tuple[bool, bool, float]:
        return not item.nodeid.startswith(own), mutant.subject not in item.nodeid, costs[item.nodeid].seconds

    noticing = [item for item in session.items if any(line in mutant.lines for line in executed(item))]
    items, total = [], 0.0
    for item in sorted(noticing or session.items, key=order):
        total += costs[item.nodeid].seconds
        if total <= BUDGET:
            items.append(item)
    return items


# Planting


def plant(mutant: Mutant, session: pytest.Session) -> None:
    """Import the package anew with the mutant in it, and let the tests use that."""
    load = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
        return mutant.code if name == f"lossfns.{mutant.module}" else load(loader, name)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
    old = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "lossfns"}
    renewed: dict[int, Any] = {}
    for name, module in old.items():
        new = import_module(name)
        renewed[id(module)] = new
        for key, value in vars(module).items():
            own = isinstance(value, type | FunctionType) or type(value).__module__.startswith("lossfns")
            if own and hasattr(new, key):
                renewed[id(value)] = getattr(new, key)

    def renew(value: Any) -> Any:
        if isinstance(value, functools.partial):
            return functools.partial(renew(value.func), *value.args, **value.keywords)
        if type(value) in (tuple, list):
            return type(value)(map(renew, value))
        if type(value) is dict:
            return {key: renew(v) for key, v in value.items()}
        return renewed.get(id(value), value)

    scopes: list[dict[str, Any]] = [vars(m) for m in sys.modules.values() if is_test(m)]
    for item in session.items:
        scopes += [item.dtest.globs] if isinstance(item, pytest.DoctestItem) else []
        scopes += [item.function.__globals__] if isinstance(item, pytest.Function) else []
        scopes += [item.callspec.params] if hasattr(item, "callspec") else []
    for scope in {id(scope): scope for scope in scopes}.values():
        scope.update({key: renew(value) for key, value in scope.items()})


def is_test(module: ModuleType) -> bool:
    return str(getattr(module, "__file__", None)).startswith(str(ROOT / "tests"))


def attempt(mutant: Mutant, session: pytest.Session, costs: dict[str, Cost]) -> None:
    """Exit with 0 if all tests pass; a crash, a failure, or a test that hangs, is something else."""
    plant(mutant, session)
    if not run(session, chosen(mutant, session, costs)):
        sys.exit(1)


def fork(work: Callable[[], None]) -> int:
    """The id of a silent process that does the work."""
    child = os.fork()
    if child == 0:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def wait(child: int) -> int:
    return os.waitpid(child, 0)[1]


def main() -> int:
    every = sorted({module_name(path) for path in PACKAGE.rglob("*.py") if path.stem != "__init__"})
    parser = argparse.ArgumentParser(description="Plant faults and count those that the tests catch.")
    parser.add_argument("modules", nargs="*", default=every, help="default: every module of the package")
    parser.add_argument("--sample", type=int, default=10**9, help="mutants of each module (default: all)")
    options = parser.parse_args()

    def try_all(session: pytest.Session) -> None:
        costs, killed, total = measured(session), 0, 0
        for module in options.modules:
            found = list(mutants(module))
            found = random.Random(0).sample(found, min(options.sample, len(found)))
            caught = 0
            for mutant in found:
                if wait(fork(functools.partial(attempt, mutant, session, costs))):
                    caught += 1
                else:
                    print(f"survived  {module}:{mutant.what}", flush=True)
            print(f"{module}: {caught} of {len(found)} mutants caught", flush=True)
            killed, total = killed + caught, total + len(found)
        print(f"{killed} of {total} mutants caught, {100 * killed / max(total, 1):.1f} %")

    os.chdir(ROOT)
    settings = [
        "-q",
        "-s",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=--import-mode=importlib --doctest-modules",
    ]
    ignored = [f"--ignore=tests/{name}.py" for name in (*ELSEWHERE, "mutation")]
    quick = ["-k", "not compil"]  # compiled, a loss runs the same code, after a long wait
    return int(pytest.main([*settings, *ignored, *quick, "tests", "lossfns"], plugins=[Tests(try_all)]))


if __name__ == "__main__":
    sys.exit(main())
