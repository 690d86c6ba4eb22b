"""The curves of a logged run in memory, read without a database; used by `nnlab diagnose`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab.exchange.detection import reader_of
from nnlab.exchange.importing.log_calls import LogCalls
from nnlab.exchange.importing.metric_naming import MetricNaming
from nnlab.exchange.importing.run_state import merge_details
from nnlab.exchange.log_reader import Audit, LoggedRun, Restart, RunDetails, SampleBatch
from nnlab.records import Axis, Curve, History, Sample, SourceNote
from nnlab.store import EvaluationPoints


@dataclass(frozen=True, slots=True)
class LoggedHistory:
    """The curves of a logged run over its epochs or steps, under nnlab's names.

    `metric_names` has the name in the log of each metric.
    """

    history: History
    axis: Axis
    details: RunDetails
    metric_names: Mapping[str, str]
    notes: tuple[SourceNote, ...]


def read_history(
    logged: LoggedRun, metric_names: Mapping[str, str], *, keep_names: bool = False
) -> LoggedHistory:
    """The curves of a logged run, one value per evaluation as an import would store them.

    Args:
        logged: the run.
        metric_names: the names that the user gives to metrics, by their names in the log.
        keep_names: whether all other metrics keep their names.

    Raises:
        DataError: nothing of the log can be read.
    """
    reading = _Reading(logged, MetricNaming({}, metric_names, keep_names=keep_names), None)
    if reading.points.is_ambiguous or reading.renamed:
        # The names of all metrics are known now, and that evaluations are counted by steps.
        axis: Axis | None = "step" if reading.points.is_ambiguous else None
        names = MetricNaming(reading.naming.logged_names, {}, keep_names=True)
        reading = _Reading(logged, names, axis)
    points = reading.points
    curves = {
        metric: Curve(metric, tuple(curve.positions), tuple(curve.values))
        for metric, curve in points.curves.items()
        if curve.positions
    }
    return LoggedHistory(
        History(curves),
        points.axis,
        reading.details,
        reading.naming.logged_names,
        reading.audit.notes,
    )


class _Reading:
    """One reading of a log from its start."""

    def __init__(self, logged: LoggedRun, naming: MetricNaming, axis: Axis | None) -> None:
        self.naming, self.audit = naming, Audit()
        self.details = RunDetails(name=logged.name)
        self.renamed = False
        self.points = EvaluationPoints(axis)
        calls = LogCalls(naming.names)
        for item in reader_of(logged.kind).read(logged, None, self.audit):
            match item:
                case RunDetails():
                    self.details = merge_details(self.details, item)
                case SampleBatch(samples):
                    self._add(calls, samples)
                case Restart():
                    self.points = EvaluationPoints(axis)
                    calls = LogCalls(naming.names)
                case _:
                    pass
        for call in calls.close():
            self.points.add(call.samples)
        self.points.finish()

    def _add(self, calls: LogCalls, samples: Sequence[Sample]) -> None:
        for name in dict.fromkeys([sample.metric for sample in samples]):
            self.naming.add(name)
        self.renamed |= bool(self.naming.renamed)
        for call in calls.add(samples):
            self.points.add(call.samples)
