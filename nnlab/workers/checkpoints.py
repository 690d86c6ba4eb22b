"""Saves and restores the checkpoints of a run; two are kept, because one may be damaged."""

import contextlib
import re
import time
from collections.abc import Callable
from itertools import zip_longest

from nnlab.engine import checkpoint
from nnlab.engine.run_session import AnySession
from nnlab.errors import CheckpointError, ConnectionLost, OutputError
from nnlab.io.folders import Folder
from nnlab.workers.save_policy import CheckpointInterval

# By default a checkpoint is due when saving it takes less than this share of the time since the
# last one.
AUTO_TIME_SHARE = 0.02
MIN_AUTO_SECONDS = 1.0
# The assumed seconds to save the first checkpoint, before any was measured.
INITIAL_COST_SECONDS = 0.005
CHECKPOINTS_KEPT = 2

# The number of finished epochs, and inside an epoch the number of its finished steps.
_FILE_NAME = re.compile(r"checkpoint-(\d+)(?:-(\d+))?\.pt")


class Checkpoints:
    """The checkpoints of one run, in the run's folder."""

    def __init__(
        self,
        folder: Folder,
        every: CheckpointInterval | None = None,
        *,
        share: float = AUTO_TIME_SHARE,
    ) -> None:
        """Reads nothing yet.

        Args:
            folder: the run's folder, which also holds its other files.
            every: how often to save.
            share: the share of the time that `auto` may take.
        """
        self._folder, self._every, self._share = folder, every or CheckpointInterval(), share
        self._cost = INITIAL_COST_SECONDS
        self._save_time = time.perf_counter()
        self._saved_position = (0, 0)
        self._names: list[str] | None = None  # the newest first; None before the folder is read

    @property
    def saved_position(self) -> tuple[int, int]:
        """The epochs, and steps of an unfinished epoch, last saved or restored; zeros if none."""
        return self._saved_position

    def is_due(self, session: AnySession) -> bool:
        """Whether to save at this position; a run that has ended needs no checkpoint."""
        if session.is_done:
            return False
        if self._every.epochs is not None:
            is_inside = session.step > 0
            return not is_inside and session.epoch - self._saved_position[0] >= self._every.epochs
        wait = self._every.seconds or max(MIN_AUTO_SECONDS, self._cost / self._share)
        return time.perf_counter() - self._save_time >= wait and session.can_save

    def save(self, session: AnySession) -> None:
        """Saves now, then removes all older checkpoints but one.

        Raises:
            DiskFull: the disk is full; existing checkpoints are unchanged.
            OutputError: the folder cannot be written.
        """
        begin = time.perf_counter()
        name = _file_name(session.position)
        others = [other for other in self._file_names() if other != name]
        self._folder.write(name, checkpoint.serialize_checkpoint(session))
        for old in others[CHECKPOINTS_KEPT - 1 :]:
            self._remove(old)
        self._names = [name, *others[: CHECKPOINTS_KEPT - 1]]
        self._save_time, self._saved_position = time.perf_counter(), session.position
        self._cost = self._save_time - begin

    def save_if_reachable(self, session: AnySession) -> None:
        """Saves, unless the folder's server cannot be reached; then saving is due again.

        Raises:
            DiskFull, OutputError: as `save` does.
        """
        with contextlib.suppress(ConnectionLost):
            self.save(session)

    def restore(
        self, session: AnySession, note: Callable[[str], None], *, stored_epochs: int | None = None
    ) -> bool:
        """Restores the newest readable checkpoint into a new session; returns whether there is one.

        A checkpoint that cannot be read is renamed to `.damaged`, and `note` is called with a
        message. The same happens to a checkpoint of more epochs than the database has of the run
        (`stored_epochs`): it belongs to another database that was in this place, and resuming from
        it would leave a gap in every curve.
        """
        names = self._file_names()
        for name, previous in zip_longest(names, names[1:]):
            path = f"{self._folder.display_name}/{name}"
            try:
                _raise_if_beyond_stored(name, path, stored_epochs)
                checkpoint.restore_checkpoint(session, self._read(name), path)
            except CheckpointError as error:
                consequence = f"resumes from {previous}" if previous else "starts over"
                note(f"{error.message}; the run {consequence}")
                with contextlib.suppress(OutputError):
                    self._folder.rename(name, f"{name.removesuffix('.pt')}.damaged")
                self._names = None
            else:
                self._saved_position = session.position
                return True
        return False

    def discard(self) -> None:
        """Removes all checkpoints of a run that has ended, and its folder if that is empty."""
        for name in self._file_names():
            self._remove(name)
        with contextlib.suppress(OutputError, ConnectionLost):
            self._folder.remove_incomplete_files()

    def _file_names(self) -> list[str]:
        """The names of the checkpoints, the newest first."""
        if self._names is None:
            names = [name for name in self._folder.file_names() if _FILE_NAME.fullmatch(name)]
            self._names = sorted(names, key=_position_of, reverse=True)
        return self._names

    def _read(self, name: str) -> bytes:
        try:
            return self._folder.read(name)
        except (OutputError, FileNotFoundError) as error:
            raise CheckpointError(str(error)) from None

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OutputError, ConnectionLost):
            self._folder.remove(name)


def _file_name(position: tuple[int, int]) -> str:
    epoch, step = position
    return f"checkpoint-{epoch}-{step}.pt" if step else f"checkpoint-{epoch}.pt"


def _position_of(name: str) -> tuple[int, int]:
    """The finished epochs and steps of a checkpoint, from its file name."""
    match = _FILE_NAME.fullmatch(name)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


def _raise_if_beyond_stored(name: str, path: str, stored_epochs: int | None) -> None:
    if stored_epochs is not None and _position_of(name)[0] > stored_epochs:
        raise CheckpointError(
            f"{path} belongs to another database: in this one the run has {stored_epochs} epochs"
        )
