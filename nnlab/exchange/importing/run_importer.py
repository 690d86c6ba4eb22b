"""Imports one logged run: reads on from the stored position, and stores what is new."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from nnlab import store
from nnlab.diagnosis.external_curves import diagnose_external
from nnlab.errors import Interrupted, LeaseLost
from nnlab.exchange.importing.known_sources import KnownSources, location_of, may_be_another_run
from nnlab.exchange.importing.log_calls import LogCalls
from nnlab.exchange.importing.metric_naming import MetricNaming
from nnlab.exchange.importing.options import ImportOptions, ImportReport, Outcome
from nnlab.exchange.importing.run_setting import LoggedSetting, setting_of_details
from nnlab.exchange.importing.run_state import (
    TimeRange,
    last_test_position,
    merge_details,
    merge_notes,
    status_of,
)
from nnlab.exchange.log_reader import (
    Audit,
    LoggedRun,
    LogItem,
    LogReader,
    Position,
    ReadPosition,
    Restart,
    RunDetails,
    SampleBatch,
)
from nnlab.records import Curve, Finding, History, Origin, Sample, Source, SourceNote

# Values that are stored in one transaction: large ones are faster, and others wait for them.
_VALUES_PER_TRANSACTION = 50_000
# The state of a Trainer has its schedule, but neither its learning rate nor its model.
_KINDS_WITH_PARTIAL_SETTING = frozenset({"trainer-state"})
# Another process may have continued the import between two looks at its position.
_MAX_TRIES = 5


class _PositionChanged(Exception):
    """Another process has imported the run further since its position was read."""


class _IsAnotherRun(Exception):
    """The log is not that of the run whose id it has."""


class RunImporter:
    """The import of one logged run, which may be repeated while its log grows."""

    def __init__(
        self,
        db: store.Database,
        reader: LogReader,
        logged: LoggedRun,
        options: ImportOptions,
        *,
        known: KnownSources,
        folder: str,
        on_values: Callable[[int], None],
        should_stop: Callable[[], bool],
    ) -> None:
        """Prepares an import.

        Args:
            db: the database.
            reader: reads this kind of log.
            logged: the run.
            options: what the user has chosen.
            known: the runs of this kind in the database.
            folder: the name of the study of a run without a project.
            on_values: called with the number of values that were stored.
            should_stop: whether the user wants to end the import.
        """
        self._db, self._reader, self._logged, self._options = db, reader, logged, options
        self._known, self._folder = known, folder
        self._on_values, self._should_stop = on_values, should_stop
        self._external_id = logged.external_id
        self._is_another_run = False
        self._importing: store.RunImport | None = None
        self._is_held = False  # whether the run is this process's to change
        self._details: RunDetails | None = None
        self._naming = MetricNaming({}, {}, keep_names=True)
        self._calls = LogCalls({})
        self._points: store.EvaluationPoints | None = None
        self._points_are_stored = False
        self._derives_again = False
        self._keeps_setting = False
        self._times = TimeRange()
        self._notes: tuple[SourceNote, ...] = ()
        self._waiting: list[store.SampleCall] = []
        self._waiting_values = self._values = 0
        self._outcome: Outcome = "unchanged"

    def update(self) -> ImportReport:
        """Stores what was logged since the last import.

        Raises:
            DataError: nothing of the log can be read.
            StoreError: the database cannot be written.
            Interrupted: the user has ended the import.
        """
        self._values, self._outcome = 0, "unchanged"
        for _ in range(_MAX_TRIES):
            try:
                return self._read()
            except _PositionChanged:
                continue
            except _IsAnotherRun:
                self._is_another_run = True
                self._external_id = f"{self._logged.external_id} in {location_of(self._logged)}"
            except LeaseLost:
                self._importing, self._is_held = None, False
                break
            except BaseException:
                self._release()
                raise
        return self._report("busy")

    def _release(self) -> None:
        """Lets other processes import the run again from the stored position."""
        if self._is_held and self._importing is not None:
            store.release_import(self._db, self._importing)
        self._importing, self._is_held = None, False

    def _read(self) -> ImportReport:
        source = self._source()
        position = self._position(source)
        audit = Audit()
        for item in self._reader.read(self._logged, position, audit):
            if self._should_stop():
                raise Interrupted("the import was stopped; the next one continues it")
            self._take(item, source, position, audit)
        return self._report(self._outcome, audit.notes)

    def _source(self) -> Source | None:
        if self._importing is not None:
            return self._importing.source
        if self._is_another_run:
            return self._known.get(self._external_id)
        return self._known.find(self._logged)

    def _position(self, source: Source | None) -> Position | None:
        if self._importing is not None:
            return self._importing.reader_position
        stored: Any = (source.position if source is not None else None) or {}
        reader_position: Position | None = stored.get("reader")
        return reader_position

    def _take(
        self, item: LogItem, source: Source | None, position: Position | None, audit: Audit
    ) -> None:
        match item:
            case RunDetails():
                self._details = merge_details(self._details, item)
            case SampleBatch(samples) if samples:
                self._begin(source, position)
                self._add_samples(samples)
            case Restart() if source is not None and position is not None:
                if self._importing is None and may_be_another_run(source, self._logged):
                    raise _IsAnotherRun
                self._restart(self._begin(source, position))
            case ReadPosition(new):
                plain = _plain_position(new)
                if self._is_held or plain != position or self._must_complete(source):
                    self._complete(self._begin(source, position), plain, audit)
            case _:
                pass

    def _must_complete(self, source: Source | None) -> bool:
        """Whether the run is to be stored although its log has not changed."""
        if self._importing is not None:
            return False
        was_interrupted = source is not None and "importer" in (source.position or {})
        return was_interrupted or self._options.seed_source is not None

    def _begin(self, source: Source | None, position: Position | None) -> store.RunImport:
        """Takes the run for this process, and restores what earlier imports have stored of it."""
        if self._importing is not None and self._is_held:
            return self._importing
        if self._importing is not None and store.resume_import(self._db, self._importing):
            self._is_held = True
            return self._importing
        details = self._details or RunDetails()
        chosen = self._setting(details)
        external_id = source.external_id if source is not None else self._external_id
        importing = store.begin_import(
            self._db,
            self._logged.kind,
            external_id,
            location_of(self._logged),
            store.ExternalRunSpec(
                study=self._study(details),
                setting=chosen.setting or {},
                nested_setting=chosen.nested,
                origin=Origin.IMPORTED,
                seed=chosen.seed,
                name=details.name or self._logged.name,
                created_at=details.started_at,
            ),
        )
        if importing is None:
            raise LeaseLost(f"another process is importing {self._logged.name}")
        self._known.add(importing.source)
        self._importing, self._is_held = importing, True
        self._keeps_setting = importing.reader_position is not None
        self._outcome = "continued" if self._keeps_setting else "new"
        self._restore(importing)
        if importing.reader_position != position:
            raise _PositionChanged
        return importing

    def _restore(self, importing: store.RunImport) -> None:
        self._naming = MetricNaming(
            importing.source.metric_names,
            self._options.metric_names,
            keep_names=self._options.keep_names,
        )
        self._calls = LogCalls(self._naming.names, importing.next_seq)
        self._notes = importing.source.notes
        self._points_are_stored = False
        if importing.next_seq:
            last_call: list[Sample] = []

            def remember(call: list[Sample]) -> list[Sample]:
                nonlocal last_call
                last_call = call
                self._times.add(call)
                return call

            calls = store.group_calls(store.iterate_samples(self._db, importing.run.id))
            self._points = store.derive_points(map(remember, calls))
            logged_names = self._naming.logged_names
            self._calls.resume([s for s in last_call if s.metric in logged_names])
        else:
            self._points = store.EvaluationPoints()

    def _restart(self, importing: store.RunImport) -> None:
        self._importing = store.restart_import(self._db, importing)
        self._naming = MetricNaming(
            {}, self._options.metric_names, keep_names=self._options.keep_names
        )
        self._calls = LogCalls(self._naming.names)
        self._points = store.EvaluationPoints()
        self._points_are_stored = False
        self._times, self._notes = TimeRange(), ()
        self._waiting, self._waiting_values = [], 0
        self._keeps_setting = False
        self._outcome = "replaced"

    def _add_samples(self, samples: Sequence[Sample]) -> None:
        if self._outcome == "unchanged":
            self._outcome = "continued"
        self._name_metrics(dict.fromkeys([sample.metric for sample in samples]))
        self._times.add(samples)
        self._add_calls(self._calls.add(samples))
        if self._waiting_values >= _VALUES_PER_TRANSACTION:
            self._flush()

    def _name_metrics(self, logged_names: Iterable[str]) -> None:
        for name in logged_names:
            self._naming.add(name)
        if not self._naming.renamed:
            return
        # What was stored under a name that now belongs to another metric gets its own name.
        self._add_calls(self._calls.close())
        self._flush()
        for old, own in self._naming.renamed:
            store.rename_imported_metric(self._db, self._claimed(), old, own)
        self._naming.renamed.clear()
        self._derives_again = True

    def _add_calls(self, calls: Sequence[store.SampleCall]) -> None:
        points = self._points
        if points is None:
            raise RuntimeError("samples before the start of the import")
        for call in calls:
            points.add(call.samples)
            self._waiting_values += len(call.samples)
        self._waiting += calls

    def _flush(self) -> None:
        if self._waiting:
            store.put_imported_samples(self._db, self._claimed(), self._waiting)
            self._values += self._waiting_values
            self._on_values(self._waiting_values)
        self._waiting, self._waiting_values = [], 0

    def _claimed(self) -> store.RunImport:
        if self._importing is None:
            raise RuntimeError("the import was not started")
        return self._importing

    def _complete(self, importing: store.RunImport, position: Position, audit: Audit) -> None:
        """Stores the points, the details and the position."""
        self._add_calls(self._calls.close())
        self._flush()
        points = self._derived_points(importing)
        points.finish()
        self._notes = merge_notes(self._notes, audit.notes)
        details = self._details or RunDetails()
        chosen = self._setting(details)
        if self._keeps_setting and not details.config and self._options.seed_source is None:
            chosen = LoggedSetting(None, None, importing.run.seed)
        status, reason = status_of(self._logged.kind, details)
        curves = points.curves
        self._importing = store.complete_import(
            self._db,
            importing,
            store.ImportedState(
                reader_position=position,
                next_seq=self._calls.next_seq,
                setting=chosen.setting,
                nested_setting=chosen.nested,
                seed=chosen.seed,
                name=details.name,
                tags=tuple(
                    dict.fromkeys((*importing.run.tags, *details.tags, *self._options.tags))
                ),
                status=status,
                reason=reason,
                started_at=details.started_at or self._times.first_moment,
                ended_at=details.ended_at or self._times.last_moment,
                selected_epoch=last_test_position({m: c.positions for m, c in curves.items()}),
                results=details.results,
                changes=points.pending_changes(),
                replaces_points=not self._points_are_stored,
                axis=points.axis,
                last_position=points.last_position,
                findings=_findings(points),
                metric_names=self._naming.logged_names,
                notes=self._notes,
                location=location_of(self._logged),
            ),
        )
        self._is_held = False
        self._known.add(self._importing.source)
        for metric, direction in details.directions.items():
            if (name := self._naming.names.get(metric)) is not None:
                store.define_logged_direction(self._db, name, direction)
        points.mark_stored()
        self._points_are_stored = True
        if self._outcome == "unchanged":
            self._outcome = "continued"

    def _derived_points(self, importing: store.RunImport) -> store.EvaluationPoints:
        points = self._points
        if points is None or points.is_ambiguous or self._derives_again:
            calls = store.group_calls(store.iterate_samples(self._db, importing.run.id))
            points = store.derive_points(calls)
            if points.is_ambiguous:
                calls = store.group_calls(store.iterate_samples(self._db, importing.run.id))
                points = store.derive_points(calls, "step")
            self._points, self._points_are_stored, self._derives_again = points, False, False
        return points

    def _setting(self, details: RunDetails) -> LoggedSetting:
        return setting_of_details(
            details,
            details.name or self._logged.name,
            self._options.seed_source,
            is_partial=self._logged.kind in _KINDS_WITH_PARTIAL_SETTING,
        )

    def _study(self, details: RunDetails) -> str:
        return self._options.study or details.project or self._folder

    def _report(self, outcome: Outcome, notes: Sequence[SourceNote] = ()) -> ImportReport:
        importing = self._importing
        source = importing.source if importing is not None else self._source()
        return ImportReport(
            self._logged,
            outcome,
            run_id=None if source is None else source.run_id,
            values=self._values,
            metric_names=dict(source.metric_names if source is not None else {}),
            notes=self._notes or tuple(notes),
        )


def _findings(points: store.EvaluationPoints) -> tuple[Finding, ...]:
    curves = {
        metric: Curve(metric, tuple(curve.positions), tuple(curve.values))
        for metric, curve in points.curves.items()
        if curve.positions
    }
    return diagnose_external(History(curves), points.axis)


def _plain_position(position: Position) -> dict[str, Any]:
    """A position as the database returns it: JSON without NaN, infinities and tuples."""
    plain: dict[str, Any] = json.loads(json.dumps(_finite(position)))
    return plain


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
