"""Where a run comes from: machine, packages, commit, command line."""

import platform
import re
import shlex
import socket
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

import nnlab
from nnlab.launch.git_state import GitState, git_state
from nnlab.records import Environment

PACKAGES = (
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

_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@/\s]+@")


def environment(device: str, threads: int) -> Environment:
    """The record of this process on a device (its model name) with so many threads."""
    git = _git()
    versions = _versions()
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
        git_diff=None if git is None else git.diff,
    )


def command_line() -> str:
    """What was typed, with the passwords in URLs hidden.

    >>> hide_passwords("nnlab ls --db postgresql://ann:secret@host/lab")
    'nnlab ls --db postgresql://ann:***@host/lab'
    """
    return hide_passwords(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]))


def hide_passwords(text: str) -> str:
    """The text with `***` for the password of every URL."""
    return _PASSWORD.sub(r"\1***@", text)


@cache
def _versions() -> Mapping[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def _git() -> GitState | None:
    """The state of the checkout that the working folder is in, looked at once."""
    return git_state(Path.cwd())
