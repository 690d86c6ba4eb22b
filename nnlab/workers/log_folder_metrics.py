"""`LogFolderMetrics` follows the log that a script writes with another tool while it grows."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nnlab.errors import DataError
from nnlab.exchange.detection import find_runs, reader_of
from nnlab.exchange.importing.log_calls import LogCalls
from nnlab.exchange.importing.metric_naming import MetricNaming
from nnlab.exchange.log_reader import (
    Audit,
    LoggedRun,
    Position,
    ReadPosition,
    Restart,
    SampleBatch,
)
from nnlab.io.files import write_atomic
from nnlab.records import Sample
from nnlab.workers.earlier_logs import EarlierLogs

LoggedSamples = tuple[Sample, ...]

_POLL_SECONDS = 2.0
# What was read of each log, for the next attempt at the run.
_POSITIONS_NAME = "log-positions.json"


class LogFolderMetrics:
    """Reads the logs that appear in a folder while a script runs."""

    def __init__(self, path: Path, run_folder: Path) -> None:
        """Remembers the logs of other runs that are there already.

        Args:
            path: the log folder or file; it need not exist yet.
            run_folder: the folder of the run's files; logs below it belong to the run.
        """
        self._path = path
        self._positions_file = run_folder / _POSITIONS_NAME
        self._next_poll = 0.0
        self._followed: dict[str, _FollowedLog] = {}
        stored = _read_positions(self._positions_file)
        is_own = path.is_relative_to(run_folder)
        self._stored = stored
        self._earlier = EarlierLogs(
            logged for logged in self._find() if not is_own and _key(logged) not in stored
        )

    def poll(self, output: bytes) -> Sequence[LoggedSamples]:
        """The samples that were logged since the last call."""
        del output
        if time.monotonic() < self._next_poll:
            return ()
        self._next_poll = time.monotonic() + _POLL_SECONDS
        # What the last call has returned is stored by now.
        self._save_positions()
        return list(self._new_samples(is_last=False))

    def finish(self) -> Sequence[LoggedSamples]:
        """The last samples, after the script has ended."""
        samples = list(self._new_samples(is_last=True))
        self._save_positions()
        return samples

    def _new_samples(self, *, is_last: bool) -> Iterator[LoggedSamples]:
        for complete_log in self._find():
            key = _key(complete_log)
            logged = self._earlier.new_part(complete_log)
            if logged is None:
                continue
            log = self._followed.setdefault(key, _FollowedLog(self._stored.get(key)))
            yield from log.read(logged, is_last=is_last)

    def _find(self) -> list[LoggedRun]:
        # A file that is being created may not be readable yet.
        with contextlib.suppress(DataError, OSError):
            if self._path.exists():
                return find_runs(self._path)
        return []

    def _save_positions(self) -> None:
        positions = {key: log.position for key, log in self._followed.items() if log.position}
        if positions and positions != self._stored:
            self._stored = positions
            with contextlib.suppress(OSError):
                write_atomic(self._positions_file, json.dumps(positions).encode())


class _FollowedLog:
    """One log, with the position up to which it was read."""

    def __init__(self, position: Position | None) -> None:
        self.position = position
        self._naming = MetricNaming({}, {}, keep_names=False)
        self._calls = LogCalls(self._naming.names)
        self._count = 0
        self._skip = 0

    def read(self, logged: LoggedRun, *, is_last: bool) -> Iterator[LoggedSamples]:
        """The calls that are complete; the last one too if the log does not grow any more."""
        with contextlib.suppress(DataError, OSError):
            for item in reader_of(logged.kind).read(logged, self.position, Audit()):
                match item:
                    case SampleBatch(samples):
                        yield from self._add(samples)
                    case ReadPosition(position):
                        self.position = position
                    case Restart():
                        # The log was written anew: what it begins with is stored already.
                        self._skip, self._count = self._count, 0
                    case _:
                        pass
        if is_last:
            for call in self._calls.close():
                yield call.samples

    def _add(self, samples: Sequence[Sample]) -> Iterator[LoggedSamples]:
        self._count += len(samples)
        skipped = min(self._skip, len(samples))
        self._skip -= skipped
        samples = samples[skipped:]
        for name in dict.fromkeys(sample.metric for sample in samples):
            self._naming.add(name)
        for call in self._calls.add(samples):
            yield call.samples


def _key(logged: LoggedRun) -> str:
    return f"{logged.kind}:{logged.external_id}"


def _read_positions(file: Path) -> Mapping[str, Position]:
    try:
        positions = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return positions if isinstance(positions, dict) else {}
