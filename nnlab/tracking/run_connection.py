"""The connection of a run handle: the database, the writer's thread, and the run's files."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnlab import store
from nnlab.records import Objective, Run, Scalar, Setting
from nnlab.tracking.call_delivery import CallDelivery
from nnlab.tracking.metric_definitions import MetricDefinition, MetricDefinitions
from nnlab.tracking.recorder import Recorder, RunEnd
from nnlab.tracking.run_tasks import RunTasks
from nnlab.tracking.stored_run import StoredRun, retry_while_locked


class RunConnection:
    """Everything that belongs to one run that this process records."""

    def __init__(self, stored: StoredRun, objective: Objective | None) -> None:
        """Starts the writer's thread."""
        self._stored = stored
        writer = retry_while_locked(
            lambda: store.SampleWriter(
                stored.db, stored.run.id, claim=stored.claim, renew=not stored.joined
            )
        )
        self._definitions = MetricDefinitions()
        self._tasks = RunTasks(stored, writer, self._definitions, objective)
        self._pid = os.getpid()
        self.start_step = retry_while_locked(lambda: _next_step(stored))
        delivery = CallDelivery(writer, stored.open_spool())
        self.recorder = Recorder(delivery, self._tasks, self._definitions)

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

    def store_config(self, setting: Setting, nested: Mapping[str, Any] | None) -> None:
        """Stores a changed config. The setting of a script's run is that of its study."""
        if self._stored.joined:
            return
        db, claim = self._stored.db, self._stored.claim
        self.recorder.add_action(
            "config", lambda: _ignore(store.change_setting(db, claim, setting, nested))
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

    def close(self, end: RunEnd) -> None:
        """Stores everything and the end of the run, and closes the database."""
        self.recorder.close(end)
        self._stored.db.close()


def _ignore(_: object) -> None:
    """Discards the result of an action."""


def _next_step(stored: StoredRun) -> int:
    """The step after the last stored one; 0 for a new run."""
    if not stored.resumed:
        return 0
    steps = [sample.step for _, sample in store.samples(stored.db, stored.run.id)]
    last = next((step for step in reversed(steps) if step is not None), None)
    return 0 if last is None else last + 1
