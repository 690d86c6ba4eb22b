"""The version of the installed package; modules read it here, because `nnlab` is the API above."""

from functools import cache


@cache
def nnlab_version() -> str:
    """The version of nnlab, or `unknown` where its files are used without being installed."""
    # Imported only here: it takes a tenth of the start of the command line.
    from importlib import metadata

    try:
        return metadata.version("nnlab")
    except metadata.PackageNotFoundError:
        return "unknown"
