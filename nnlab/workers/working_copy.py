"""Copies of a script's working folder, in which it can be executed again without harm."""

import os
import shutil
from collections import deque
from pathlib import Path

# Files that a script reads as code or configuration; they may have changed since a run.
_SOURCE_SUFFIXES = frozenset(
    (".py", ".pyi", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".conf", ".sh", ".gin")
)
# Folders of tools, which hold results or caches.
_LEFT_OUT = frozenset(
    (
        ".git", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ipynb_checkpoints",
        "wandb", "mlruns", "lightning_logs", "outputs", "multirun",
    )
)  # fmt: skip
# Folders of data, which the run itself may have downloaded.
_DATA_FOLDERS = frozenset(("data", "dataset", "datasets", "downloads", "cache", ".cache"))
_LARGEST_COPY = 1 << 20
_MAX_COPIED_BYTES = 256 << 20
_MAX_ENTRIES = 20_000


def create_working_copy(folder: Path, copy: Path, *, began: float) -> None:
    """Creates a copy of a working folder as it was when a run began.

    Small files are copied and large ones are linked, so that the script finds its data. Files that
    were written since the run began are results, which a script could resume from or overwrite;
    they are left out, unless they are code, configuration or in a folder of data. In a folder with
    very many files, the folders that are reached last are linked as a whole.

    Args:
        folder: the working folder.
        copy: the new folder, which does not exist yet.
        began: when the run began, in Unix seconds.
    """
    copy.mkdir(parents=True)
    pending = deque([(folder, copy)])
    entries = copied_bytes = 0
    while pending:
        source, target = pending.popleft()
        for entry in _entries(source):
            entries += 1
            path = target / entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name in _LEFT_OUT or Path(entry.path) in copy.parents:
                    continue
                if entries > _MAX_ENTRIES or _is_environment(Path(entry.path)):
                    path.symlink_to(entry.path)
                else:
                    path.mkdir()
                    pending.append((Path(entry.path), path))
            else:
                may_copy = copied_bytes < _MAX_COPIED_BYTES
                copied_bytes += _copy_file(entry, path, copy, began, may_copy=may_copy)


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []  # a folder that cannot be read now could not be read by the script either


def _is_environment(folder: Path) -> bool:
    """Whether a folder is a virtual environment, which a script only reads."""
    return (folder / "pyvenv.cfg").is_file()


def _copy_file(
    entry: "os.DirEntry[str]", path: Path, copy: Path, began: float, *, may_copy: bool
) -> int:
    """Copies or links a file that is no result of the run; returns how many bytes were copied."""
    try:
        size, written = entry.stat().st_size, entry.stat(follow_symlinks=False).st_mtime
    except OSError:
        return 0  # a broken link
    is_source = Path(entry.name).suffix in _SOURCE_SUFFIXES
    is_data = not _DATA_FOLDERS.isdisjoint(part.lower() for part in path.relative_to(copy).parts)
    if written >= began and not is_source and not is_data:
        return 0
    if may_copy and entry.is_file(follow_symlinks=False) and size <= _LARGEST_COPY:
        try:
            shutil.copy2(entry.path, path)
        except OSError:
            path.unlink(missing_ok=True)
        else:
            return size
    path.symlink_to(os.path.realpath(entry.path))
    return 0
