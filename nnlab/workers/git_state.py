"""Commit, dirtiness and diff of the working folder, read without executing what its config names.

The config of a checkout may name programs that git starts even for a look: filters (clean,
process), fsmonitor, hooks, external diffs, text converters, pagers, and transports that fetch the
objects of a partial clone. Here git finds the checkout with a command that starts none of them. All
else is asked in a git directory of our own, with an empty config, that borrows the objects and a
copy of the index. What a later git may add to its config is not read either.
"""

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# A diff beyond this is somebody's data file, not code; the note in its place says so.
MAX_DIFF_BYTES = 1 << 20
_TIMEOUT_SECONDS = 10.0

# How the files of a checkout are compared, without which all of them may seem changed. None of
# these names a program, and a value is one word.
_SAFE_SETTINGS = (
    "core.filemode", "core.symlinks", "core.ignorecase", "core.precomposeunicode",
    "core.autocrlf", "core.eol", "core.trustctime", "core.checkstat",
)  # fmt: skip
# Where git looks for a checkout.
_DISCOVERY_VARIABLES = ("GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM")
_PLAIN_VALUE = re.compile(r"[A-Za-z]+")
_COMMIT_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class GitState:
    """The commit of a checkout, whether tracked files differ from it, and how.

    `dirty` and `diff` are None where git does not say. A submodule counts as changed if it is at
    another commit; changes inside of it are not looked at, for it has a config of its own.
    """

    commit: str
    dirty: bool | None = None
    diff: str | None = None


def git_state(folder: Path) -> GitState | None:
    """The state of the checkout that a folder is in; None where it is in none."""
    commit = _git_output_line(folder, "rev-parse", "--verify", "HEAD")
    if commit is None or not _COMMIT_HASH.fullmatch(commit):
        return None
    top = _git_output_line(folder, "rev-parse", "--show-toplevel")
    git_dir = _git_output_line(folder, "rev-parse", "--absolute-git-dir")
    common = _git_output_line(folder, "rev-parse", "--git-common-dir")
    # core.worktree may name any folder: one with a .git in it is that of a checkout.
    if top is None or git_dir is None or common is None or not (Path(top) / ".git").exists():
        return GitState(commit)
    try:
        with tempfile.TemporaryDirectory(prefix="nnlab-git-") as made:
            ours = Path(made)
            _write_git_dir(ours, commit, Path(git_dir), _safe_settings(folder))
            objects = (folder / common).resolve() / "objects"
            return _compare_with_commit(commit, Path(top), ours, objects)
    except OSError:
        return GitState(commit)


def _compare_with_commit(commit: str, top: Path, ours: Path, objects: Path) -> GitState:
    variables = {
        "GIT_DIR": str(ours),
        "GIT_WORK_TREE": str(top),
        "GIT_OBJECT_DIRECTORY": str(objects),
        "GIT_INDEX_FILE": str(ours / "index"),
    }
    # The first refreshes the copy of the index, so that files only touched are no changes.
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


def _write_git_dir(ours: Path, commit: str, theirs: Path, settings: Mapping[str, str]) -> None:
    """A git directory at a commit, with the harmless settings and the index of another."""
    for name in ("objects", "refs"):
        (ours / name).mkdir()
    (ours / "HEAD").write_text(f"{commit}\n", encoding="ascii")
    sha256 = len(commit) == 64
    lines = ["[core]", f"\trepositoryformatversion = {int(sha256)}", "\tbare = false"]
    lines += [f"\t{name.removeprefix('core.')} = {value}" for name, value in settings.items()]
    lines += ["\thooksPath = /dev/null", "\tattributesFile = /dev/null", "\tfsmonitor = false"]
    if sha256:
        lines += ["[extensions]", "\tobjectformat = sha256"]
    (ours / "config").write_text("\n".join(lines) + "\n", encoding="ascii")
    # With their times: git takes files that changed after the index was written for suspects.
    for path in (theirs / "index", *theirs.glob("sharedindex.*")):
        if path.is_file() and not path.is_symlink():
            shutil.copy2(path, ours / path.name)


def _safe_settings(folder: Path) -> Mapping[str, str]:
    """The harmless settings of a checkout, which git lists without acting on any."""
    listed = _git_output(folder, ["config", "--list", "-z"], {}) or b""
    found: dict[str, str] = {}
    for entry in listed.decode(errors="replace").split("\0"):
        name, _, value = entry.partition("\n")
        if name.lower() in _SAFE_SETTINGS and _PLAIN_VALUE.fullmatch(value):
            found[name.lower()] = value  # the last one counts
    return found


def _git_output_line(folder: Path, *words: str) -> str | None:
    answer = _git_output(folder, words, {})
    return None if answer is None else os.fsdecode(answer.removesuffix(b"\n")) or None


def _git_output(folder: Path, words: Sequence[str], variables: Mapping[str, str]) -> bytes | None:
    """What git prints, cut off beyond the longest diff; None where it fails or takes too long.

    Variables of the environment name other repositories, configs and programs as well; of those
    only the user's own config is left, for the first look alone: it says whom the user trusts
    (safe.directory).
    """
    kept = _DISCOVERY_VARIABLES if variables else (*_DISCOVERY_VARIABLES, "GIT_CONFIG_")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(kept)
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
    command = ["git", "--no-pager", "-c", "core.fsmonitor=false", *words]
    try:
        with subprocess.Popen(  # noqa: S603  arguments of ours
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
    assert process.stdout is not None
    timer = threading.Timer(_TIMEOUT_SECONDS, process.kill)
    timer.start()
    try:
        output = process.stdout.read(MAX_DIFF_BYTES + 1)
        if len(output) > MAX_DIFF_BYTES:
            process.kill()
            return output
        return output if process.wait() == 0 else None
    finally:
        timer.cancel()
