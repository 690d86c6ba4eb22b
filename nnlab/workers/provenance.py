"""Where a run comes from: machine, packages, commit, command line."""

import platform
import socket
import sys
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path

import nnlab
from nnlab.io.redaction import mask_command, mask_diff
from nnlab.records import Environment
from nnlab.workers.git_state import GitState, git_state

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

# A command for the shell, in which a webhook's address is a secret that looks like no other.
SECRET_OPTIONS = ("--notify",)


def collect_environment(device: str, threads: int, *, git_diff: bool = True) -> Environment:
    """The record of this process on a device (its model name) with so many threads.

    Secrets in the diff of the working folder are masked; without `git_diff` it is left out.
    """
    git = _working_directory_git_state()
    versions = _package_versions()
    return Environment(
        hostname=socket.gethostname(),
        platform=platform.platform(),
        python=platform.python_version(),
        torch=versions["torch"],
        nnlab=nnlab.__version__,
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
    # All runs of a process share one diff.
    return mask_diff(diff)


def masked_command_line() -> str:
    """The command as it was typed, with its secrets masked."""
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    return mask_command(words, secret_options=SECRET_OPTIONS)


@cache
def _package_versions() -> Mapping[str, str]:
    found = {}
    for name in RECORDED_PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def _working_directory_git_state() -> GitState | None:
    """The state of the checkout that the working folder is in, looked at once."""
    return git_state(Path.cwd())
