"""The checkpoints of a recorded run: `run.checkpoint` and `run.restore`."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from nnlab.errors import CheckpointError, NnlabError
from nnlab.io.files import write_atomic
from nnlab.tracking.notes import note
from nnlab.tracking.state_encoding import check_state, decode_state, encode_state

# Two are kept, because the newest may be damaged.
CHECKPOINTS_KEPT = 2
_FILE_NAME = re.compile(r"checkpoint-(\d{1,18})\.state")


class RunCheckpoints:
    """The checkpoints in a folder, by the step after which they were saved."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, state: Any, step: int) -> bool:
        """Saves a state and removes all but the last two; returns whether it was written.

        Raises:
            UsageError: the state has values that cannot be restored safely.
        """
        content = encode_state(state)
        path = self._folder / f"checkpoint-{max(0, step)}.state"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomic(path, content)
        except (NnlabError, OSError) as error:
            note(f"checkpoint: {error}")
            return False
        others = [other for other in self._paths() if other != path]
        for old in others[CHECKPOINTS_KEPT - 1 :]:
            with suppress(OSError):
                old.unlink()
        return True

    def restore(self) -> tuple[int, Any] | None:
        """The step and the state of the newest readable checkpoint; None if there is none.

        A checkpoint that cannot be read is renamed to `.damaged`.
        """
        for path in self._paths():
            try:
                return _step_of(path), decode_state(path.read_bytes(), str(path))
            except (CheckpointError, OSError) as error:
                _set_aside(path, error)
        return None

    def last_step(self) -> int | None:
        """The step of the newest complete checkpoint; None if there is none."""
        for path in self._paths():
            try:
                check_state(path.read_bytes(), str(path))
            except (CheckpointError, OSError) as error:
                _set_aside(path, error)
            else:
                return _step_of(path)
        return None

    def _paths(self) -> list[Path]:
        """The files, the last written first: a run that goes back saves smaller steps later."""
        with suppress(OSError):
            paths = [path for path in self._folder.iterdir() if _FILE_NAME.fullmatch(path.name)]
            return sorted(paths, key=lambda p: (p.stat().st_mtime_ns, _step_of(p)), reverse=True)
        return []


def _step_of(path: Path) -> int:
    match = _FILE_NAME.fullmatch(path.name)
    return int(match[1]) if match else 0


def _set_aside(path: Path, error: Exception) -> None:
    note(f"{error}; the one before is used")
    with suppress(OSError):
        path.rename(path.with_suffix(".damaged"))
