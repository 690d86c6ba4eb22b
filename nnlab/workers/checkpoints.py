"""The checkpoints of a run in its folder: the last two, for one may turn out to be damaged."""

import contextlib
import re
import time
from collections.abc import Callable
from itertools import zip_longest

from nnlab.engine import checkpoint
from nnlab.engine.session import Session
from nnlab.errors import CheckpointError, ConnectionLost, OutputError
from nnlab.io.folders import Folder
from nnlab.workers.save_policy import CheckpointInterval

# Unless told otherwise, one is due once this share of the time since the last pays for it.
AUTO_TIME_SHARE = 0.02
MIN_AUTO_SECONDS = 1.0
# What the first is expected to take, before one was measured, in seconds.
INITIAL_COST_SECONDS = 0.005
CHECKPOINTS_KEPT = 2

_FILE_NAME = re.compile(r"checkpoint-(\d+)\.pt")


class Checkpoints:
    """Saves a run as often as wanted, and brings it back."""

    def __init__(
        self,
        folder: Folder,
        every: CheckpointInterval | None = None,
        *,
        share: float = AUTO_TIME_SHARE,
    ) -> None:
        """Looks at nothing yet.

        Args:
            folder: the run's own, where its other files are as well.
            every: how often.
            share: of the time, that `auto` may cost.
        """
        self._folder, self._every, self._share = folder, every or CheckpointInterval(), share
        self._cost = INITIAL_COST_SECONDS
        self._saved_at = time.perf_counter()
        self._saved_epoch = 0
        self._kept: list[str] | None = None

    @property
    def saved_epoch(self) -> int:
        """The epoch that was saved or brought back last; 0 before."""
        return self._saved_epoch

    def is_due(self, session: Session) -> bool:
        """Whether to save after this epoch; a run that is over needs no checkpoint."""
        if session.done:
            return False
        if self._every.epochs is not None:
            return session.epoch - self._saved_epoch >= self._every.epochs
        wait = self._every.seconds or max(MIN_AUTO_SECONDS, self._cost / self._share)
        return time.perf_counter() - self._saved_at >= wait

    def save(self, session: Session) -> None:
        """Saves now, then removes what is older than the one before.

        Raises:
            DiskFull: no room; what was there before is untouched.
            OutputError: the folder cannot be written.
        """
        begun = time.perf_counter()
        name = f"checkpoint-{session.epoch}.pt"
        kept = [one for one in self._existing() if one != name]
        self._folder.write(name, checkpoint.serialize_checkpoint(session))
        for old in kept[CHECKPOINTS_KEPT - 1 :]:
            self._remove(old)
        self._kept = [name, *kept[: CHECKPOINTS_KEPT - 1]]
        self._saved_at, self._saved_epoch = time.perf_counter(), session.epoch
        self._cost = self._saved_at - begun

    def save_if_reachable(self, session: Session) -> None:
        """Saves; where the folder is as far away as a store that is gone for now, at the next time.

        Raises:
            DiskFull, OutputError: as `save` does.
        """
        with contextlib.suppress(ConnectionLost):
            self.save(session)

    def restore(
        self, session: Session, tell: Callable[[str], None], *, stored_epochs: int | None = None
    ) -> bool:
        """Brings a fresh session to the newest checkpoint that can be read; says whether.

        One that cannot be is set aside as `.damaged`, and `tell` is told what that means. So is
        one after more epochs than the database has of the run (`stored_epochs`): it belongs to
        another database that was here, and resuming from it would leave a gap in every curve.
        """
        names = self._existing()
        for name, before in zip_longest(names, names[1:]):
            shown = f"{self._folder.shown}/{name}"
            try:
                _raise_if_beyond_stored(name, shown, stored_epochs)
                checkpoint.restore_checkpoint(session, self._read(name), shown)
            except CheckpointError as error:
                then = f"goes on from {before}" if before else "starts over"
                tell(f"{error.message}; the run {then}")
                with contextlib.suppress(OutputError):
                    self._folder.rename(name, f"{name.removesuffix('.pt')}.damaged")
                self._kept = None
            else:
                self._saved_epoch = session.epoch
                return True
        return False

    def discard(self) -> None:
        """Removes the checkpoints of a run that is over, and its folder if that is empty."""
        for name in self._existing():
            self._remove(name)
        with contextlib.suppress(OutputError, ConnectionLost):
            self._folder.tidy()

    def _existing(self) -> list[str]:
        """The newest first."""
        if self._kept is None:
            names = [name for name in self._folder.names() if _FILE_NAME.fullmatch(name)]
            self._kept = sorted(names, key=_epoch_of, reverse=True)
        return self._kept

    def _read(self, name: str) -> bytes:
        try:
            return self._folder.read(name)
        except (OutputError, FileNotFoundError) as error:
            raise CheckpointError(str(error)) from None

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OutputError, ConnectionLost):
            self._folder.remove(name)


def _epoch_of(name: str) -> int:
    match = _FILE_NAME.fullmatch(name)
    assert match is not None
    return int(match[1])


def _raise_if_beyond_stored(name: str, shown: str, stored_epochs: int | None) -> None:
    if stored_epochs is not None and _epoch_of(name) > stored_epochs:
        raise CheckpointError(
            f"{shown} is of another database: here the run has {stored_epochs} epochs"
        )
