"""The version of the installed package; modules read it here, because `nnlab` is the API above."""

from functools import cache
from importlib import metadata


@cache
def nnlab_version() -> str:
    """The version of nnlab, or `unknown` where its files are used without being installed."""
    try:
        return metadata.version("nnlab")
    except metadata.PackageNotFoundError:
        return "unknown"
