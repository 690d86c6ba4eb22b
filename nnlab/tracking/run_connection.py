"""The connection of a run handle: the database, the writer's thread, and the run's files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnlab import store
from nnlab.errors import NnlabError
from nnlab.records import Objective, Run, Scalar, Setting
from nnlab.tracking.call_delivery import CallDelivery
from nnlab.tracking.console_capture import OUTPUT_NAME, ConsoleCapture
from nnlab.tracking.metric_definitions import MetricDefinition, MetricDefinitions
from nnlab.tracking.notes import note
from nnlab.tracking.recorder import Recorder, RunEnd
from nnlab.tracking.run_checkpoints import RunCheckpoints
from nnlab.tracking.run_tasks import RunTasks
from nnlab.tracking.saved_files import copy_file, saved_paths
from nnlab.tracking.spool_recovery import recover_run, recover_spooled_runs
from nnlab.tracking.stored_run import StoredRun, retry_while_locked


class RunConnection:
    """Everything that belongs to one run that this process records."""

    def __init__(
        self, stored: StoredRun, objective: Objective | None, *, console: bool = False
    ) -> None:
        """Starts the writer's thread.

        Args:
            stored: the claimed run.
            objective: the metric whose last value decides whether the run has diverged.
            console: whether to record what the program prints.
        """
        self._stored = stored
        if stored.resumed:
            retry_while_locked(lambda: recover_run(stored.db, stored.run, stored.folder))
        writer = retry_while_locked(
            lambda: store.SampleWriter(
                stored.db, stored.run.id, claim=stored.claim, renew=not stored.joined
            )
        )
        self._definitions = MetricDefinitions()
        self._tasks = RunTasks(stored, writer, self._definitions, objective)
        self.checkpoints = RunCheckpoints(stored.folder / "checkpoints")
        self.start_step = retry_while_locked(lambda: self._find_start_step())
        self._saved: dict[str, tuple[Path, Path | None]] = {}
        delivery = CallDelivery(writer, stored.open_spool())
        self.recorder = Recorder(delivery, self._tasks, self._definitions)
        self.recorder.add_action("recover", lambda: _ignore(recover_spooled_runs(stored.db)))
        # A parent process records the output of a script.
        self._console = (
            ConsoleCapture(stored.folder / OUTPUT_NAME) if console and not stored.joined else None
        )

    @property
    def run(self) -> Run:
        """The run as it was claimed."""
        return self._stored.run

    @property
    def folder(self) -> Path:
        """The folder of the run's files."""
        return self._stored.folder

    @property
    def resumed(self) -> bool:
        """Whether the run continues an earlier attempt."""
        return self._stored.resumed

    @property
    def stop_reason(self) -> str | None:
        """Why the run should end; None if it should not."""
        return self._tasks.stop_reason

    @property
    def last_values(self) -> dict[str, Any]:
        """The last values that were stored, by metric, and the kept extremes."""
        return {**self.recorder.last_values, **self._definitions.extremes}

    def define(self, definition: MetricDefinition) -> None:
        """Adds a definition of metrics."""
        self._definitions.add(definition)

    def store_config(
        self, setting: Setting, nested: Mapping[str, Any] | None, seed: int | None
    ) -> None:
        """Stores a changed config. The setting of a script's run is that of its study."""
        if self._stored.joined:
            return
        db, claim = self._stored.db, self._stored.claim
        self.recorder.add_action(
            "config", lambda: _ignore(store.change_setting(db, claim, setting, nested, seed))
        )

    def store_results(self, results: Mapping[str, Scalar]) -> None:
        """Stores final values that the user has set."""
        db, claim = self._stored.db, self._stored.claim
        self.recorder.add_action("results", lambda: store.put_results(db, claim, results))

    def store_name(self, name: str | None, tags: tuple[str, ...]) -> None:
        """Stores a changed name and changed tags."""
        db, claim = self._stored.db, self._stored.claim
        self.recorder.add_action(
            "name", lambda: store.put_name_and_tags(db, claim, name=name, tags=tags)
        )

    def save(self, pattern: str, base: str | None, *, at_end: bool) -> list[str]:
        """Copies files to the folder of the run; returns their paths there.

        Args:
            pattern: a file, a folder, or a pattern with `*`.
            base: the folder to which the names in the run are relative.
            at_end: whether to copy them again at the end, as they are then.

        Raises:
            OutputError: a file cannot be copied.
        """
        root = None if base is None else Path(base)
        copied = []
        for source in saved_paths(pattern):
            artifact = copy_file(source, root, self.folder, self.run.id)
            self._tasks.add_artifacts([artifact])
            copied.append(str(self.folder.parent / artifact.path))
            if at_end:
                self._saved[artifact.path] = source, root
        return copied

    def close(self, end: RunEnd) -> None:
        """Stores everything and the end of the run, and closes the database."""
        for source, root in self._saved.values():
            try:
                self._tasks.add_artifacts([copy_file(source, root, self.folder, self.run.id)])
            except (NnlabError, OSError) as error:
                note(f"save: {error}")
        if self._console is not None:
            self._console.close()
        self.recorder.close(end)
        self._stored.db.close()

    def _find_start_step(self) -> int:
        """The step after the last checkpoint, or else after the last stored value."""
        if not self._stored.resumed and not self._stored.joined:
            return 0
        step = self.checkpoints.last_step()
        return _next_step(self._stored) if step is None else step + 1


def _ignore(_: object) -> None:
    """Discards the result of an action."""


def _next_step(stored: StoredRun) -> int:
    """The step after the last stored one; 0 for a new run."""
    if not stored.resumed:
        return 0
    steps = [sample.step for _, sample in store.samples(stored.db, stored.run.id)]
    last = next((step for step in reversed(steps) if step is not None), None)
    return 0 if last is None else last + 1
