"""Where a run comes from: machine, packages, commit, command line."""

import platform
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

import nnlab
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

# A diff beyond this is somebody's data file, not code; the note in its place says so.
MOST_DIFF_BYTES = 1 << 20

_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@/\s]+@")


def environment(device: str, threads: int) -> Environment:
    """The record of this process on a device (its model name) with so many threads."""
    commit, dirty, diff = _git()
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
        git_commit=commit,
        git_dirty=dirty,
        git_diff=diff,
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
def _git() -> tuple[str | None, bool | None, str | None]:
    """Commit, dirtiness and diff of the working folder, or None where it is in no checkout."""
    commit = _ask_git("rev-parse", "HEAD")
    if commit is None:
        return None, None, None
    dirty = bool(_ask_git("status", "--porcelain", "--untracked-files=no"))
    if not dirty:
        return commit.strip(), False, None
    diff = _ask_git("diff", "--no-ext-diff", "--no-textconv", "HEAD") or ""
    if len(diff.encode()) > MOST_DIFF_BYTES:
        diff = f"(a diff of {len(diff.encode()):,} bytes, too large to keep)"
    return commit.strip(), True, diff


def _ask_git(*words: str) -> str | None:
    # Neither a monitor nor a hook that a checkout's config names may run because nnlab looked.
    command = ["git", "-c", "core.fsmonitor=false", *words]
    try:
        answer = subprocess.run(  # noqa: S603
            command, capture_output=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.decode(errors="replace")
