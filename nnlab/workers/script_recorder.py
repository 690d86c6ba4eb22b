"""`ScriptRecorder` stores what a running script measures, unless the script logs by itself."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from nnlab import store
from nnlab.errors import ConnectionLost, DatabaseLocked, DiskFull
from nnlab.records import Environment, Epoch, Run
from nnlab.tracking.call_spool import call_batches, run_identity, spool_files, spool_header
from nnlab.workers.script_folder import JOINED_NAME
from nnlab.workers.script_metrics import LoggedSamples, MetricSource
from nnlab.workers.spool import retry_when_disconnected

_WRITE_SECONDS = 0.25
_PROGRESS_SECONDS = 2.0
# Logged values that wait for a database that cannot be written; the oldest are dropped beyond it.
_MAX_WAITING_CALLS = 1_000_000


class ScriptRecorder:
    """Stores the samples of one run, in the attempt that executes it."""

    def __init__(
        self, db: store.AnyDatabase, claim: store.Claim, folder: Path, note: Callable[[str], None]
    ) -> None:
        """Continues after what earlier attempts have stored.

        Args:
            db: the database.
            claim: the run and the attempt.
            folder: the folder of the run's files.
            note: shows a line about the run.
        """
        self._db, self._claim, self._note = db, claim, note
        self._marker = folder / JOINED_NAME
        self._begin = time.monotonic()
        self._start_writer()
        self._latest: dict[str, float] = {}
        self._next_write = self._next_progress = 0.0
        self._store_error = ""
        # Whether `nnlab.init` was called in the script, which then logs by itself.
        self.script_logs = False

    def begin(self, environment: Environment, artifacts: str | None) -> None:
        """Stores the environment of the attempt, and the place of the run's files."""
        self._writer.begin(environment, artifacts=artifacts)

    def before_start(self) -> None:
        """Prepares for a process of the script."""
        self._marker.unlink(missing_ok=True)
        self.script_logs = False

    def handle_output(self, source: MetricSource, output: bytes) -> None:
        """Takes new samples and stores them now and then.

        Raises:
            LeaseLost: another worker has claimed the run.
        """
        if not self.script_logs and self._marker.exists():
            self.script_logs = True
            self._waiting.clear()
        if not self.script_logs:
            self._add(source.poll(output))
        now = time.monotonic()
        if self._waiting and now >= self._next_write:
            self._next_write = now + _WRITE_SECONDS
            self._write_if_possible()

    def after_end(self, source: MetricSource, output: bytes) -> None:
        """Stores the last samples of a process that has ended.

        Raises:
            StoreError: they cannot be stored.
        """
        self.handle_output(source, output)
        if self.script_logs:
            self._start_writer()  # reads what the script has stored
            retry_when_disconnected(self._deliver_spooled, self._note)
            return
        self._add(source.finish())
        retry_when_disconnected(self._write, self._note)

    def finish_points(self) -> store.SampleWriter:
        """Stores the points of what was logged after the last evaluation; returns the writer."""
        retry_when_disconnected(self._writer.complete_points, self._note)
        return self._writer

    @property
    def seconds(self) -> float:
        """The time since the attempt began."""
        return time.monotonic() - self._begin

    @property
    def position(self) -> int:
        """The epoch or step of the last point that this process knows."""
        return self._writer.last_position

    def progress(self) -> tuple[Run, Epoch] | None:
        """The run with its axis and its newest values, if it is time to show them."""
        now = time.monotonic()
        if now < self._next_progress:
            return None
        self._next_progress = now + _PROGRESS_SECONDS
        run = self._claim.run
        if self.script_logs:
            (run,) = store.runs(self._db, run_ids=[run.id])
            curves = store.history(self._db, run.id).curves
            self._latest = {name: curve.values[-1] for name, curve in curves.items()}
            position = run.epochs
        else:
            run, position = replace(run, axis=self._writer.axis), self.position
        return (run, Epoch(position, dict(self._latest), self.seconds)) if self._latest else None

    def _start_writer(self) -> None:
        open_writer = partial(store.SampleWriter, self._db, self._claim.run.id, claim=self._claim)
        self._writer = retry_when_disconnected(open_writer, self._note)
        self._waiting: deque[store.SampleCall] = deque(maxlen=_MAX_WAITING_CALLS)
        self._next_seq = self._writer.next_seq

    def _deliver_spooled(self) -> None:
        """Stores what a script that logs by itself could not store before it died."""
        identity = {"samples_of": run_identity(self._claim.run)}
        for file in spool_files(self._marker.parent):
            if spool_header(file) == identity:
                for calls in call_batches(file):
                    self._writer.write(calls)
                file.unlink(missing_ok=True)

    def _add(self, lines: Sequence[LoggedSamples]) -> None:
        for samples in lines:
            self._waiting.append(store.SampleCall(self._next_seq, samples))
            self._next_seq += 1
            self._latest.update((sample.metric, sample.value) for sample in samples)

    def _write_if_possible(self) -> None:
        """Writes the waiting samples; they wait if the database cannot be written now."""
        try:
            self._write()
        except (ConnectionLost, DatabaseLocked, DiskFull) as error:
            if not self._store_error:
                self._note(f"{error.message}; metrics wait until they can be stored")
            self._store_error = error.message
        else:
            self._store_error = ""

    def _write(self) -> None:
        if self._waiting:
            self._writer.write(list(self._waiting))
            self._waiting.clear()
