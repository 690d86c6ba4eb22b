"""The provenance of a run: machine, package versions, git commit and command line."""

import platform
import socket
import sys
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path

from nnlab.catalogue.plugins import plugin_package_versions
from nnlab.io.redaction import mask_command, mask_diff
from nnlab.provenance.git_state import GitState, git_state
from nnlab.records import Environment
from nnlab.version import nnlab_version

RECORDED_PACKAGES = (
    "alembic",
    "matplotlib",
    "numpy",
    "pydantic",
    "rich",
    "scikit-learn",
    "scipy",
    "sqlalchemy",
    "torch",
    "typer",
)

# Values that are always masked: the URL of a webhook is a secret that no pattern recognizes.
SECRET_OPTIONS = ("--notify",)


def collect_environment(device: str, threads: int, *, git_diff: bool = True) -> Environment:
    """Returns the environment of this process.

    Args:
        device: the model name of the device.
        threads: how many CPU threads are used.
        git_diff: whether to include the diff of the working folder, with its secrets masked.
    """
    git = _working_directory_git_state()
    versions = {**plugin_package_versions(), **_package_versions()}
    return Environment(
        hostname=socket.gethostname(),
        platform=platform.platform(),
        python=platform.python_version(),
        torch=versions.get("torch", ""),
        nnlab=nnlab_version(),
        packages=versions,
        device=device,
        threads=threads,
        git_commit=None if git is None else git.commit,
        git_dirty=None if git is None else git.dirty,
        git_diff=_masked_diff(git.diff)
        if git is not None and git.diff is not None and git_diff
        else None,
    )


@lru_cache(maxsize=1)
def _masked_diff(diff: str) -> str:
    # Cached, because all runs of a process have the same diff.
    return mask_diff(diff)


def masked_command_line() -> str:
    """The command line of this process, with its secrets masked."""
    arguments = [Path(sys.argv[0]).name, *sys.argv[1:]]
    return mask_command(arguments, secret_options=SECRET_OPTIONS)


@cache
def _package_versions() -> Mapping[str, str]:
    versions = {}
    for name in RECORDED_PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@cache
def _working_directory_git_state() -> GitState | None:
    """The state of the working folder's checkout, read once per process."""
    return git_state(Path.cwd())
