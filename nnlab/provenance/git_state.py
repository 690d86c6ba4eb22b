"""Commit, dirty flag and diff of the working folder, read without executing code of the checkout.

The git config of a checkout may define programs that git starts even for read-only commands:
filters (clean, process), fsmonitor, hooks, external diffs, text converters, pagers, and transports
that fetch the objects of a partial clone. Therefore only commands that start none of them are
executed in the checkout. The others are executed in a temporary git directory with an empty config,
which uses the checkout's objects and a copy of its index. Config settings that a later git version
may add are not read either.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# A larger diff is a data file rather than code; it is replaced by a note.
MAX_DIFF_BYTES = 1 << 20
_TIMEOUT_SECONDS = 10.0

# Settings of how files are compared; without them all files may appear changed. None of them can
# define a program, and each value is a single word.
_SAFE_SETTINGS = (
    "core.filemode", "core.symlinks", "core.ignorecase", "core.precomposeunicode",
    "core.autocrlf", "core.eol", "core.trustctime", "core.checkstat",
)  # fmt: skip
# Variables that control where git looks for a checkout.
_DISCOVERY_VARIABLES = ("GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM")
_PLAIN_VALUE = re.compile(r"[A-Za-z]+")
_COMMIT_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class GitState:
    """The commit of a checkout, whether tracked files differ from it, and the diff.

    `dirty` and `diff` are None if git fails. A submodule counts as changed if it is at another
    commit; changes inside it are ignored, because it has a config of its own.
    """

    commit: str
    dirty: bool | None = None
    diff: str | None = None


def git_state(folder: Path) -> GitState | None:
    """The state of the checkout that contains a folder; None if there is none."""
    commit = _git_output_line(folder, "rev-parse", "--verify", "HEAD")
    if commit is None or not _COMMIT_HASH.fullmatch(commit):
        return None
    top = _git_output_line(folder, "rev-parse", "--show-toplevel")
    git_dir = _git_output_line(folder, "rev-parse", "--absolute-git-dir")
    common = _git_output_line(folder, "rev-parse", "--git-common-dir")
    # core.worktree may be any folder: it is only used if it contains a .git.
    if top is None or git_dir is None or common is None or not (Path(top) / ".git").exists():
        return GitState(commit)
    try:
        with tempfile.TemporaryDirectory(prefix="nnlab-git-") as temporary:
            own_git_dir = Path(temporary)
            _write_git_dir(own_git_dir, commit, Path(git_dir), _safe_settings(folder))
            objects = (folder / common).resolve() / "objects"
            return _compare_with_commit(commit, Path(top), own_git_dir, objects)
    except OSError:
        return GitState(commit)


def _compare_with_commit(commit: str, top: Path, own_git_dir: Path, objects: Path) -> GitState:
    variables = {
        "GIT_DIR": str(own_git_dir),
        "GIT_WORK_TREE": str(top),
        "GIT_OBJECT_DIRECTORY": str(objects),
        "GIT_INDEX_FILE": str(own_git_dir / "index"),
    }
    # `status` also refreshes the copy of the index, so that files with a new mtime but the same
    # content do not count as changed.
    changed = _git_output(
        top,
        ["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty"],
        variables,
    )
    if changed is None:
        return GitState(commit)
    if not changed:
        return GitState(commit, dirty=False)
    diff = _git_output(
        top,
        ["diff", "--no-color", "--no-ext-diff", "--no-textconv", "--submodule=short",
         "--ignore-submodules=dirty", "HEAD"],
        variables,
    )  # fmt: skip
    if diff is not None and len(diff) > MAX_DIFF_BYTES:
        text = f"(a diff of more than {MAX_DIFF_BYTES:,} bytes, too large to keep)"
    else:
        text = (diff or b"").decode(errors="replace")
    return GitState(commit, dirty=True, diff=text)


def _write_git_dir(
    own_git_dir: Path, commit: str, git_dir: Path, settings: Mapping[str, str]
) -> None:
    """Creates a git directory at a commit with these settings and the index of `git_dir`."""
    for name in ("objects", "refs"):
        (own_git_dir / name).mkdir()
    (own_git_dir / "HEAD").write_text(f"{commit}\n", encoding="ascii")
    sha256 = len(commit) == 64
    lines = ["[core]", f"\trepositoryformatversion = {int(sha256)}", "\tbare = false"]
    lines += [f"\t{name.removeprefix('core.')} = {value}" for name, value in settings.items()]
    lines += ["\thooksPath = /dev/null", "\tattributesFile = /dev/null", "\tfsmonitor = false"]
    if sha256:
        lines += ["[extensions]", "\tobjectformat = sha256"]
    (own_git_dir / "config").write_text("\n".join(lines) + "\n", encoding="ascii")
    # copy2 keeps the mtime: git compares the content of files that are newer than the index.
    for path in (git_dir / "index", *git_dir.glob("sharedindex.*")):
        if path.is_file() and not path.is_symlink():
            shutil.copy2(path, own_git_dir / path.name)


def _safe_settings(folder: Path) -> Mapping[str, str]:
    """The safe settings of a checkout; git lists its config without applying it."""
    output = _git_output(folder, ["config", "--list", "-z"], {}) or b""
    settings: dict[str, str] = {}
    for entry in output.decode(errors="replace").split("\0"):
        name, _, value = entry.partition("\n")
        if name.lower() in _SAFE_SETTINGS and _PLAIN_VALUE.fullmatch(value):
            settings[name.lower()] = value  # the last value is effective
    return settings


def _git_output_line(folder: Path, *arguments: str) -> str | None:
    output = _git_output(folder, arguments, {})
    return None if output is None else os.fsdecode(output.removesuffix(b"\n")) or None


def _git_output(
    folder: Path, arguments: Sequence[str], variables: Mapping[str, str]
) -> bytes | None:
    """The output of git, at most one byte longer than the largest diff; None if git fails.

    Environment variables may also define repositories, configs and programs, so they are removed.
    Commands in the checkout itself (without `variables`) keep those of the user's own config, which
    defines the folders that the user trusts (safe.directory).
    """
    allowed = _DISCOVERY_VARIABLES if variables else (*_DISCOVERY_VARIABLES, "GIT_CONFIG_")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(allowed)
    }
    environment |= {
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_PAGER": "cat",
        "LC_ALL": "C",
        **variables,
    }
    if variables:
        environment |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", "--no-pager", "-c", "core.fsmonitor=false", *arguments]
    try:
        with subprocess.Popen(  # noqa: S603  fixed arguments
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            return _read_limited(process)
    except OSError:
        return None


def _read_limited(process: "subprocess.Popen[bytes]") -> bytes | None:
    if process.stdout is None:
        return None
    timer = threading.Timer(_TIMEOUT_SECONDS, process.kill)
    # While the interpreter shuts down no thread can be started; git then has no time limit.
    with contextlib.suppress(RuntimeError):
        timer.start()
    try:
        output = process.stdout.read(MAX_DIFF_BYTES + 1)
        if len(output) > MAX_DIFF_BYTES:
            process.kill()
            return output
        return output if process.wait() == 0 else None
    finally:
        timer.cancel()
