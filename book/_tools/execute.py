"""Execute notebooks in place so that a second run changes no byte.

python -m book._tools.execute                                 every notebook of the book
python -m book._tools.execute book/regression/huber.ipynb     these notebooks
python -m book._tools.execute --from-md draft/huber.md        a MyST draft becomes huber.ipynb beside it
"""

import argparse
import hashlib
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from book._tools.pages import pages

ROOT = Path(__file__).resolve().parents[2]
CELL_TIMEOUT = 300
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)

# One thread: sums over two threads differ from those of one in their last digits.
KERNEL_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
# These import what `make frameworks` installs into the folder that BOOK_FRAMEWORKS names. Where that is set,
# they are executed and nothing else; where it is not, everything else.
FRAMEWORKS = ("book/practice/other-frameworks.ipynb",)
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}


class NotebookError(Exception):
    """A notebook that cannot be executed; the message says where and why."""


def set_environment() -> None:
    """What every kernel started from here inherits: one thread, and this checkout's own ``lossfns``."""
    os.environ.update(KERNEL_ENVIRONMENT)
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    if folder := os.environ.get("BOOK_FRAMEWORKS"):
        paths.append(str(Path(folder).resolve()))
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))


def executable(path: Path) -> bool:
    """Whether the notebook is one of those that are executed with the libraries of this run."""
    special = path.resolve() in (ROOT / name for name in FRAMEWORKS)
    return special == ("BOOK_FRAMEWORKS" in os.environ)


def normalise(notebook: NotebookNode) -> None:
    """Keep what the author wrote; replace what depends on the editor, the clock or chance."""
    notebook["metadata"] = {**NOTEBOOK_METADATA}
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    seen: dict[str, int] = {}
    for cell in notebook["cells"]:
        for volatile in ("execution", "ExecuteTime", "collapsed", "scrolled"):
            cell["metadata"].pop(volatile, None)
        name = hashlib.sha1((cell["cell_type"] + cell["source"]).encode()).hexdigest()[:8]
        seen[name] = seen.get(name, 0) + 1
        cell["id"] = name if seen[name] == 1 else f"{name}-{seen[name]}"


def execute(path: Path) -> bool:
    """Execute the notebook in place; say whether a byte changed. A notebook that fails is left as it was."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except nbformat.reader.NotJSONError:
        raise NotebookError(f"{path}: not JSON, so no notebook") from None
    run(notebook, path)
    return write(notebook, path)


def from_markdown(path: Path) -> bool:
    """Turn the MyST draft into the executed notebook beside it; say whether a byte of that changed."""
    text = FRONT_MATTER.sub("", path.read_text(encoding="utf-8"))  # all notebooks have the same metadata
    notebook = jupytext.reads(text, fmt="md:myst")
    run(notebook, path)
    return write(notebook, path.with_suffix(".ipynb"))


def run(notebook: NotebookNode, path: Path) -> None:
    normalise(notebook)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise NotebookError(f"{path}: not written, because a cell failed\n{error}") from None
    normalise(notebook)  # the kernel told its version


def write(notebook: NotebookNode, path: Path) -> bool:
    text = nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8", newline="\n")
    return True


def process(path: Path) -> str | None:
    """Do one file; the answer is None or what went wrong."""
    if "BOOK_FRAMEWORKS" not in os.environ and not executable(path):
        return f"{path}: needs TensorFlow and JAX; make frameworks WRITE=1 executes it"
    try:
        changed = from_markdown(path) if path.suffix == ".md" else execute(path)
    except NotebookError as error:
        return str(error)
    print(f"{'written  ' if changed else 'unchanged'} {path.with_suffix('.ipynb')}", flush=True)
    return None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Execute notebooks in place, reproducibly.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: every notebook of the book")
    parser.add_argument("--from-md", type=Path, action="append", default=[], metavar="FILE.md")
    parser.add_argument("--jobs", type=int, default=1, help="how many at once")
    options = parser.parse_args(arguments)

    files = options.notebooks + options.from_md
    for file in options.notebooks:
        if file.suffix != ".ipynb":
            parser.error(f"{file} is no notebook (a MyST draft is given with --from-md)")
    for file in options.from_md:
        if file.suffix != ".md":
            parser.error(f"{file} is no MyST draft: --from-md takes a .md file")
    for file in files:
        if not file.is_file():
            parser.error(f"{file} does not exist")
    files = files or [p for p in pages(ROOT / "book") if p.suffix == ".ipynb" and executable(p)]

    set_environment()
    with ProcessPoolExecutor(max_workers=max(1, options.jobs)) as pool:
        problems = [problem for problem in pool.map(process, files) if problem]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
