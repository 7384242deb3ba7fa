"""What pyproject.toml cannot say: the addresses, which are those of the repository that publishes.

``REPOSITORY_URL`` and ``BOOK_URL`` name them; the workflows set both from the repository they run in. With
them README's relative links become absolute, since a package index resolves none; without them its pictures
are left out, and of its links the words stay. A source distribution remembers what it was made with.
"""

import os
import re
from email import message_from_string
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
LINK = re.compile(r"(?P<picture>!?)\[(?P<words>[^\]]*)\]\((?P<target>(?!https?://|#)[^)\s]+)\)")


def readme(repository: str) -> str:
    """README with links that lead somewhere from anywhere, or with none."""

    def absolute(link: re.Match[str]) -> str:
        if not repository:
            return "" if link["picture"] else link["words"]
        kind = "raw" if link["picture"] else "blob"
        return f"{link['picture']}[{link['words']}]({repository}/{kind}/HEAD/{link['target']})"

    text = LINK.sub(absolute, (HERE / "README.md").read_text(encoding="utf-8"))
    return re.sub(r"\n{3,}", "\n\n", text)


def addresses() -> tuple[dict[str, str], str]:
    """The project's URLs and its description for the index."""
    repository = os.environ.get("REPOSITORY_URL", "").rstrip("/")
    remembered = HERE / "PKG-INFO"
    if not repository and remembered.is_file():
        told = message_from_string(remembered.read_text(encoding="utf-8"))
        return dict(line.split(", ", 1) for line in told.get_all("Project-URL", [])), str(told.get_payload())
    urls = {"Homepage": os.environ.get("BOOK_URL", "")}
    if repository:
        urls["Repository"] = repository
        urls["Issues"] = f"{repository}/issues"
        urls["Changelog"] = f"{repository}/blob/HEAD/CHANGELOG.md"
    return {name: url for name, url in urls.items() if url}, readme(repository)


if __name__ == "__main__":
    project_urls, description = addresses()
    setup(
        project_urls=project_urls,
        long_description=description,
        long_description_content_type="text/markdown",
    )
