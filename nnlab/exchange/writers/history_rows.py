"""Samples as the rows of a tool that logs one row of several metrics per step."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from nnlab.exchange.log_writer import ExportedRun
from nnlab.records import Sample

# Usage of the machine is no part of the history.
_SYSTEM = "system/"


@dataclass(slots=True)
class HistoryRow:
    """The values of one step by metric, with its epoch and time if they are known."""

    step: int | None
    epoch: float | None
    time: float | None
    values: dict[str, float] = field(default_factory=dict)

    def accepts(self, sample: Sample) -> bool:
        """Whether a sample belongs to this row: same step and epoch, and a metric it lacks."""
        return (
            sample.step == self.step
            and (sample.epoch == self.epoch or sample.epoch is None or self.epoch is None)
            and sample.metric not in self.values
        )


def history_rows(run: ExportedRun) -> Iterator[HistoryRow]:
    """The samples of a run in their order, those of one step together."""
    row: HistoryRow | None = None
    call: int | None = None
    for number, sample in run.samples():
        if sample.metric.startswith(_SYSTEM):
            continue
        # Without a step, only the log call says what belongs together.
        is_same_call = number == call or sample.step is not None
        if row is None or not is_same_call or not row.accepts(sample):
            if row is not None:
                yield row
            row = HistoryRow(sample.step, sample.epoch, sample.time)
        row.values[sample.metric] = sample.value
        row.epoch = sample.epoch if row.epoch is None else row.epoch
        row.time = sample.time if sample.time is not None else row.time
        call = number
    if row is not None:
        yield row


def steps_increase(run: ExportedRun) -> bool:
    """Whether the rows can be identified by their steps: all have one, each above the last.

    Rows without any step count too, because they can be numbered.
    """
    last: int | None = None
    for index, row in enumerate(history_rows(run)):
        if index == 0:
            last = row.step
        elif (row.step is None) != (last is None):
            return False
        elif row.step is not None and last is not None:
            if row.step <= last:
                return False
            last = row.step
    return last is None or last >= 0


def has_own_epochs(run: ExportedRun) -> bool:
    """Whether a sample has an epoch that is not its step; in runs of nnlab's loop both are one."""
    return any(
        sample.epoch is not None and sample.step is not None and sample.epoch != sample.step
        for _, sample in run.samples()
    )
