"""The checkpoints of a run on disk: the last two of them, for one may turn out to be damaged."""

import contextlib
import re
import time
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path

from nnlab.engine import checkpoint
from nnlab.engine.session import Session
from nnlab.errors import CheckpointError
from nnlab.launch.keeping import Every

# Unless told otherwise, one is due once this share of the time since the last pays for it.
SHARE = 0.02
SECONDS = 1.0
# What the first is expected to take, before one was measured, in seconds.
COST = 0.005
KEPT = 2

_NAME = re.compile(r"checkpoint-(\d+)\.pt")


class Checkpoints:
    """Saves a run as often as wanted, and brings it back."""

    def __init__(self, folder: Path, every: Every | None = None, *, share: float = SHARE) -> None:
        """Looks at nothing yet.

        Args:
            folder: the run's own, where its other files are as well.
            every: how often.
            share: of the time, that `auto` may cost.
        """
        self._folder, self._every, self._share = folder, every or Every(), share
        self._cost = COST
        self._saved_at = time.perf_counter()
        self._saved_epoch = 0
        self._kept: list[Path] | None = None

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
        wait = self._every.seconds or max(SECONDS, self._cost / self._share)
        return time.perf_counter() - self._saved_at >= wait

    def save(self, session: Session) -> None:
        """Saves now, then removes what is older than the one before.

        Raises:
            DiskFull: no room; what was there before is untouched.
            OutputError: the folder cannot be written.
        """
        begun = time.perf_counter()
        path = self._folder / f"checkpoint-{session.epoch}.pt"
        kept = [one for one in self._existing() if one != path]
        checkpoint.save(session, path)
        for old in kept[KEPT - 1 :]:
            _remove(old)
        self._kept = [path, *kept[: KEPT - 1]]
        self._saved_at, self._saved_epoch = time.perf_counter(), session.epoch
        self._cost = self._saved_at - begun

    def restore(self, session: Session, tell: Callable[[str], None]) -> bool:
        """Brings a fresh session to the newest checkpoint that can be read; says whether.

        One that cannot be is set aside as `.damaged`, and `tell` is told what that means.
        """
        paths = self._existing()
        for path, before in zip_longest(paths, paths[1:]):
            try:
                checkpoint.restore(session, path)
            except CheckpointError as error:
                then = f"goes on from {before.name}" if before else "starts over"
                tell(f"{error.message}; the run {then}")
                with contextlib.suppress(OSError):
                    path.replace(path.with_suffix(".damaged"))
                self._kept = None
            else:
                self._saved_epoch = session.epoch
                return True
        return False

    def discard(self) -> None:
        """Removes the checkpoints of a run that is over, and its folder if that is empty."""
        for path in self._existing():
            _remove(path)
        with contextlib.suppress(OSError):
            # Half of one, where a process died as it wrote.
            for path in self._folder.glob(".*.part"):
                _remove(path)
            self._folder.rmdir()

    def _existing(self) -> list[Path]:
        """The newest first."""
        if self._kept is None:
            found = {}
            with contextlib.suppress(OSError):
                for path in self._folder.iterdir():
                    if match := _NAME.fullmatch(path.name):
                        found[int(match[1])] = path
            self._kept = [found[epoch] for epoch in sorted(found, reverse=True)]
        return self._kept


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
