"""What ``lossfns.__version__`` says, installed or not."""

from importlib import metadata

from packaging.version import Version

import lossfns
from lossfns import _version


def test_version() -> None:
    assert lossfns.__version__ == _version.installed("lossfns")
    assert Version(lossfns.__version__) >= Version("0")


def test_version_of_what_is_installed() -> None:
    assert _version.installed("torch") == metadata.version("torch")


def test_version_of_what_nobody_installed() -> None:
    assert _version.installed("no such distribution") == "0+unknown"
