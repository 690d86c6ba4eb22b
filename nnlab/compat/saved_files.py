"""Saves files in the folder of a run under names that the script chooses."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from nnlab.tracking.notes import note_once
from nnlab.tracking.run_handle import RunHandle


def save_file(handle: RunHandle, source: Any, name: str) -> None:
    """Copies a file to `files/NAME` of the run; a file that cannot be read is only noted."""
    with new_file(handle, name) as target:
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            note_once(f"{source} is not recorded: {error.strerror or error}")


@contextmanager
def new_file(handle: RunHandle, name: str) -> Iterator[Path]:
    """The path of `files/NAME` of the run, which the block writes; it is recorded afterwards."""
    if handle.disabled:
        yield Path("/dev/null")
        return
    target = Path(handle.dir) / "files" / safe_relative_name(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    yield target
    if target.exists():
        handle.save(target, policy="now")


def safe_relative_name(name: str) -> str:
    """The path below a folder that a name means, without parts that lead out of it.

    >>> safe_relative_name("../model:v0/weights.pt"), safe_relative_name("/etc/passwd")
    ('model:v0/weights.pt', 'etc/passwd')
    """
    parts = [part for part in PurePosixPath(str(name)).parts if part not in ("/", "..", ".")]
    return "/".join(parts) or "file"
