"""Build the book's HTML from scratch, every warning an error."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
INDEX = HTML / "index.html"
JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"
STRICT = ["-W", "--keep-going", "-n"]


def build(source: Path) -> subprocess.CompletedProcess[str]:
    """Remove ``_build`` in ``source`` and build the book strictly; all it prints comes back as stdout."""
    shutil.rmtree(source / "_build", ignore_errors=True)
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(source), *STRICT]
    return subprocess.run(command, cwd=source, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def main() -> int:
    result = build(ROOT)
    if result.returncode or not INDEX.is_file():
        print(result.stdout)
        print("The strict build failed: mend the warnings above.", file=sys.stderr)
        return result.returncode or 1
    print(INDEX.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
