"""Where the book and its sources are: ``BOOK_URL`` and ``REPOSITORY_URL``, set by the workflow that deploys.

Without them no page names an address, and the buttons that lead to the repository are left out.
"""

import os

from sphinx.application import Sphinx
from sphinx.config import Config

BUTTONS = ("use_repository_button", "use_issues_button", "use_edit_page_button")


def set_addresses(app: Sphinx, config: Config) -> None:
    repository = os.environ.get("REPOSITORY_URL", "").rstrip("/")
    book = os.environ.get("BOOK_URL", "")
    options = dict.fromkeys(BUTTONS, bool(repository)) | {"repository_url": repository}
    config.html_theme_options = {**config.html_theme_options, **options}
    if book:
        config.html_baseurl = config.ogp_site_url = book.rstrip("/") + "/"
    else:  # a site map lists whole addresses
        config.suppress_warnings = [*config.suppress_warnings, "sitemap.configuration"]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", set_addresses)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
