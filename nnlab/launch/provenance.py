"""Where a run comes from: machine, packages, commit, command line."""

import platform
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path

import nnlab
from nnlab.records import Environment
from nnlab.redaction import mask_command, mask_diff

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

# A command for the shell, in which a webhook's address is a secret that looks like no other.
SECRET_OPTIONS = ("--notify",)


def environment(device: str, threads: int, *, git_diff: bool = True) -> Environment:
    """The record of this process on a device (its model name) with so many threads.

    Secrets in the diff of the working folder are masked; without `git_diff` it is left out.
    """
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
        git_diff=_masked(diff) if diff is not None and git_diff else None,
    )


@lru_cache(maxsize=1)
def _masked(diff: str) -> str:
    # All runs of a process share one diff.
    return mask_diff(diff)


def command_line() -> str:
    """The command as it was typed, with its secrets masked."""
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    return mask_command(words, secret_options=SECRET_OPTIONS)


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
