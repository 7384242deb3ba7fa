"""The version: what the tags of the repository said when this was built or installed."""

from importlib import metadata


def installed(distribution: str) -> str:
    """Its version, or 0+unknown: a checkout on the path that nobody installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "0+unknown"


__version__ = installed("lossfns")
