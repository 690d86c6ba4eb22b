"""nnlab: a command-line experiment runner for PyTorch with a results database."""

__version__: str


def __getattr__(name: str) -> str:
    """The version number, read when it is needed: the metadata of packages take 30 ms to import."""
    if name == "__version__":
        from nnlab.version import installed_version  # only here, see above

        return installed_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
