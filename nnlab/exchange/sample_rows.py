"""Rows of a table or of JSON objects, and the samples in them: step, epoch, time and metrics."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nnlab.exchange.log_reader import Audit, Position
from nnlab.exchange.log_times import unix_seconds
from nnlab.exchange.metric_table import MetricNames, parse_step
from nnlab.metric_names import is_evaluation, normalize_name
from nnlab.records import Sample

# Usual names, normalised, in order of preference: of several the first is used, and the others are
# metrics.
STEP_NAMES = (
    *("step", "global_step", "trainer_global_step", "train_global_step", "iteration", "iter"),
    *("iterations", "iters", "num_steps", "steps", "update", "updates", "num_updates", "n_updates"),
    *("total_timesteps", "timesteps", "time_total_timesteps"),
)
EPOCH_NAMES = ("epoch", "epochs", "train_epoch", "trainer_epoch", "current_epoch")
TIME_NAMES = ("timestamp", "wall_time", "time", "datetime", "created_at", "logged_at", "date")


@dataclass(frozen=True, slots=True)
class ColumnRoles:
    """What each column of a row is: indices of the step, epoch and time, and the metrics."""

    step: int | None
    epoch: int | None
    time: int | None
    metrics: tuple[tuple[int, str], ...]

    @property
    def has_index(self) -> bool:
        """Whether the rows say their step or epoch."""
        return self.step is not None or self.epoch is not None

    @property
    def has_evaluation(self) -> bool:
        """Whether a metric is named as one of a validation or test split."""
        return any(is_evaluation(name) for _, name in self.metrics)


def roles_of(
    columns: Sequence[str],
    names: MetricNames,
    audit: Audit,
    *,
    prefer_step: str | None = None,
    ignored: Callable[[str], bool] = lambda _: False,
) -> ColumnRoles:
    """The roles of columns, recognised by their usual names.

    Args:
        columns: the names of the columns.
        names: the names of the metrics of the run.
        audit: where columns with equal names are noted.
        prefer_step: the column of the step, if the tool has its own.
        ignored: whether a column of this name is neither an index nor a metric.
    """
    normalized = [normalize_name(name) for name in columns]
    step, epoch, time = (
        next((normalized.index(name) for name in known if name in normalized), None)
        for known in (STEP_NAMES, EPOCH_NAMES, TIME_NAMES)
    )
    if prefer_step is not None and prefer_step in columns:
        step = list(columns).index(prefer_step)
    metrics: dict[str, int] = {}
    for index, column in enumerate(columns):
        if index in (step, epoch, time) or ignored(column):
            continue
        name = names.get(column.strip())
        if name is not None and metrics.setdefault(name, index) != index:
            audit.add("duplicate-columns", f"of several columns {name}, the first was read")
    return ColumnRoles(step, epoch, time, tuple((index, name) for name, index in metrics.items()))


class RowSamples:
    """The samples of rows, one after the other.

    Epochs that are whole numbers and begin with 0 are counted from 1, as everywhere in nnlab. Rows
    without a step and an epoch are numbered from 1 if `numbers_rows`.
    """

    def __init__(
        self,
        parse: Callable[[Any], float | None],
        names: MetricNames,
        audit: Audit,
        position: Position | None = None,
        *,
        numbers_rows: bool = False,
        epochs_from_0: bool | None = None,
    ) -> None:
        """Makes the reader of rows.

        Args:
            parse: the number of a cell, None for a missing value; ValueError for a text.
            names: the names of the metrics of the run.
            audit: where values that are not numbers are noted.
            position: where the last reading ended.
            numbers_rows: whether rows without an index are numbered.
            epochs_from_0: whether the tool counts epochs from 0; None means that the first row
                decides.
        """
        self._parse = parse
        self._names = names
        self._audit = audit
        self._numbers_rows = numbers_rows
        position = position or {}
        rows, shift = position.get("rows"), position.get("epoch_shift")
        self._rows = rows if isinstance(rows, int) else 0
        self._shift = 1 if epochs_from_0 else shift if isinstance(shift, int) else None
        if epochs_from_0 is False:
            self._shift = 0

    def position(self) -> dict[str, int | None]:
        """What the next reading needs of this one."""
        return {"rows": self._rows, "epoch_shift": self._shift}

    def samples(self, roles: ColumnRoles, row: Sequence[object]) -> list[Sample]:
        """The samples of a row; a row that is too short lacks the last values."""
        self._rows += 1
        width = len(row)
        step = None if roles.step is None else self._step(roles, row)
        epoch = None if roles.epoch is None else self._epoch(roles, row)
        if self._numbers_rows and not roles.has_index:
            step, epoch = (None, self._rows) if roles.has_evaluation else (self._rows, None)
        time = None
        metrics = roles.metrics
        if roles.time is not None and roles.time < width:
            time = unix_seconds(row[roles.time])
            if time is None:
                # A column `time` may also be a duration, which is a metric.
                metrics = (*metrics, (roles.time, "time"))
        samples = []
        parse = self._parse
        for index, name in metrics:
            if index >= width or (cell := row[index]) == "":
                continue
            try:
                value = parse(cell)
            except ValueError:
                self._names.note_not_a_number(name)
                continue
            if value is not None:
                samples.append(Sample(name, value, step, epoch, time))
        return samples

    def _value(self, name: str, cell: object) -> float | None:
        try:
            return self._parse(cell)
        except ValueError:
            self._names.note_not_a_number(name)
            return None

    def _step(self, roles: ColumnRoles, row: Sequence[object]) -> int | None:
        if roles.step is None or roles.step >= len(row):
            return None
        number = self._value("the step", row[roles.step])
        if number is None:
            return None
        step = parse_step(number)
        if step is None:
            self._audit.add("invalid-step", "steps that are not whole numbers of 63 bits")
        return step

    def _epoch(self, roles: ColumnRoles, row: Sequence[object]) -> float | None:
        if roles.epoch is None or roles.epoch >= len(row):
            return None
        cell = row[roles.epoch]
        epoch = self._value("the epoch", cell)
        if epoch is None or not abs(epoch) < 1e15:
            return None
        if self._shift is None:
            # A program that counts from 0 writes whole numbers; 0.0 begins a fractional count.
            self._shift = int(str(cell).strip() == "0")
            if self._shift:
                self._audit.add("epochs-from-0", "epochs that begin with 0 are counted from 1")
        return epoch + self._shift
