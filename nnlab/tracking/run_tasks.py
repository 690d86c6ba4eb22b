"""What the writer's thread of a recorded run does besides storing samples."""

import math
import time
from collections.abc import Mapping, Sequence

from nnlab import store
from nnlab.diagnosis.external_curves import diagnose_external
from nnlab.errors import NnlabError
from nnlab.records import Artifact, Finding, Objective, Status
from nnlab.store import SampleCall, SampleWriter
from nnlab.tracking import system_usage
from nnlab.tracking.call_delivery import error_text
from nnlab.tracking.environment_reader import EnvironmentReader
from nnlab.tracking.live_checks import LiveChecks
from nnlab.tracking.logged_values import ConvertedValues, LoggedCall
from nnlab.tracking.media_files import write_media
from nnlab.tracking.metric_definitions import MetricDefinitions
from nnlab.tracking.notes import note_once
from nnlab.tracking.recorder import RunEnd
from nnlab.tracking.stored_run import StoredRun


class RunTasks:
    """Stores the texts, media, directions and the end of one run."""

    def __init__(
        self,
        stored: StoredRun,
        writer: SampleWriter,
        definitions: MetricDefinitions,
        objective: Objective | None,
    ) -> None:
        self._stored, self._writer, self._objective = stored, writer, objective
        self._definitions = definitions
        self._begin = time.monotonic()
        self._texts: dict[str, str] = {}
        self._artifacts: list[Artifact] = []
        self._directions: dict[str, store.UserDirection] = {}
        self._last_objective: float | None = None
        self._environment_reader = EnvironmentReader()
        self._live_checks = LiveChecks(writer.history)
        self._is_environment_stored = stored.joined
        self._usage: system_usage.SystemUsage | None = None
        self._next_usage = time.monotonic() + 1.0
        self.stop_reason: str | None = None

    def new_metric(self, metric: str) -> None:
        """See `RecorderTasks`."""
        direction = self._definitions.new_direction(metric)
        if direction is not None:
            self._directions[metric] = direction

    def take(self, converted: ConvertedValues, call: LoggedCall) -> None:
        """See `RecorderTasks`; files are written at once."""
        self._texts |= converted.texts
        for key, media in converted.media.items():
            try:
                self._artifacts.append(
                    write_media(self._stored.folder, self._stored.run.id, key, call.step, media)
                )
            except (NnlabError, OSError, ImportError) as error:
                note_once(f"log: {key!r} is not recorded: {error_text(error)}")

    def add_artifacts(self, artifacts: Sequence[Artifact]) -> None:
        """Adds files that were written elsewhere."""
        self._artifacts += artifacts

    def machine_usage(self) -> Mapping[str, float]:
        """See `RecorderTasks`."""
        now = time.monotonic()
        if now < self._next_usage:
            return {}
        self._next_usage = now + system_usage.USAGE_SECONDS
        if self._usage is None:  # imports psutil and NVML: in this thread, after the start
            self._usage = system_usage.SystemUsage()
            return {}
        return self._usage.read()

    def store_pending(self) -> None:
        """See `RecorderTasks`."""
        db, claim = self._stored.db, self._stored.claim
        if not self._is_environment_stored and (found := self._environment_reader.result):
            store.put_environment(db, claim, found)
            self._is_environment_stored = True
        if self._texts:
            store.put_results(db, claim, self._texts)
            self._texts = {}
        if self._artifacts:
            store.put_artifacts(db, claim, self._artifacts)
            self._artifacts = []
        if self._directions:
            known: Mapping[str, str] = store.user_directions(db)
            for metric, direction in self._directions.items():
                if known.get(metric) != direction:
                    store.define_metric(db, metric, direction)
            self._directions = {}

    def after_flush(self, calls: Sequence[SampleCall], *, stop_requested: bool) -> None:
        """See `RecorderTasks`."""
        if stop_requested and self.stop_reason is None:
            self.stop_reason = store.STOPPED_REASON
        if self._objective is not None:
            for call in calls:
                for sample in call.samples:
                    if sample.metric == self._objective.metric:
                        self._last_objective = sample.value
        # The findings of a script's run are those of the process that ends it.
        if not self._stored.joined and self.stop_reason is None:
            self.stop_reason = self._live_checks.check()

    def end_run(self, end: RunEnd) -> None:
        """See `RecorderTasks`; a run that a parent process executes is ended by that process."""
        self._environment_reader.wait()
        self.store_pending()
        if self._definitions.extremes:
            store.put_results(self._stored.db, self._stored.claim, self._definitions.extremes)
        self._writer.complete_points()
        if self._stored.joined:
            return
        self._writer.finish(
            self._final_status(end.status),
            wall_seconds=time.monotonic() - self._begin,
            reason=end.reason or self.stop_reason,
            traceback=end.traceback,
            findings=self._findings(),
        )

    def _findings(self) -> tuple[Finding, ...]:
        db, run_id = self._stored.db, self._stored.run.id
        (run,) = store.runs(db, run_ids=[run_id])
        return diagnose_external(store.history(db, run_id), run.axis)

    def _final_status(self, status: Status) -> Status:
        last = self._last_objective
        is_diverged = status is Status.FINISHED and last is not None and not math.isfinite(last)
        return Status.DIVERGED if is_diverged else status
