"""Decodes the rows of W&B's history to samples."""

import contextlib
import math
from collections.abc import Mapping
from fnmatch import fnmatchcase

from nnlab.exchange.log_reader import Audit, JsonValue
from nnlab.exchange.metric_table import MetricNames, number_of, parse_step
from nnlab.exchange.protobuf import read_fields, read_varint, to_bytes, to_int
from nnlab.exchange.sample_rows import EPOCH_NAMES
from nnlab.exchange.wandb_offline.items import (
    Key,
    decode_key,
    decode_value,
    flatten,
    split_item,
    split_usual_items,
)
from nnlab.metric_names import normalize_name
from nnlab.records import Sample

_MOST_ITEMS = 100_000  # of a row
_MOST_CACHED_KEYS = 100_000
_MOST_DEFINITIONS = 100
_STEP, _TIME, _RUNTIME = "_step", "_timestamp", "_runtime"
MEDIA = "images, tables and histograms are not imported"


class HistoryDecoder:
    """Decodes the history of one run.

    `show_over` names metrics, or patterns with *, whose values are over another metric instead
    of over W&B's own step: `val/*` over `epoch`. Epochs are counted from 1. `last_time` is the
    newest time of the log in Unix seconds.
    """

    def __init__(self, audit: Audit, state: JsonValue = None) -> None:
        """Makes a decoder that continues from the `state` of an earlier one."""
        self._audit = audit
        self._metrics = MetricNames(audit)
        self._names: dict[bytes, str] = {}  # by encoded key
        self._are_epochs: dict[str, bool] = {}
        self._axes: dict[str, str | None] = {}
        self._step_metrics: dict[str, str] = {}
        self._epoch_shift: int | None = None
        self._last_step: int | None = None
        self.last_time: float | None = None
        self._last_values: dict[str, float] = {}
        if isinstance(state, Mapping):
            self._restore(state)

    def state(self) -> Mapping[str, JsonValue]:
        """What the next reading needs, as JSON."""
        return {
            "step_metrics": self._step_metrics,
            "epoch_shift": self._epoch_shift,
            "last_step": self._last_step,
            "last_time": self.last_time,
            # As texts, because JSON has no NaN.
            "last_values": {name: repr(value) for name, value in self._last_values.items()},
        }

    def _restore(self, state: Mapping[str, JsonValue]) -> None:
        axes = state.get("step_metrics")
        for metric, axis in axes.items() if isinstance(axes, Mapping) else ():
            if isinstance(axis, str):
                self.show_over(metric, axis)
        if isinstance(shift := state.get("epoch_shift"), int):
            self._epoch_shift = shift
        if isinstance(step := state.get("last_step"), int):
            self._last_step = step
        if isinstance(time := state.get("last_time"), int | float):
            self.last_time = time
        values = state.get("last_values")
        for name, text in values.items() if isinstance(values, Mapping) else ():
            with contextlib.suppress(ValueError):
                self._last_values[name] = float(str(text))

    def show_over(self, metric: str, axis: str) -> None:
        """Takes the steps of a metric, or of a pattern, from another metric of the same row."""
        if len(self._step_metrics) < _MOST_DEFINITIONS:
            self._step_metrics[metric] = axis
            self._axes.clear()

    def decode(self, row: bytes) -> list[Sample]:
        """The samples of a row.

        Raises:
            MalformedMessage: it cannot be decoded.
        """
        usual = split_usual_items(row)
        if usual is not None:
            keys, texts, rest = usual
            names = self._names
            try:
                # All keys of the row are known, and all values are numbers.
                usual_values = dict(
                    zip([names[key] for key in keys], map(float, texts), strict=True)
                )
            except (KeyError, ValueError):
                pass
            else:
                return self._samples(usual_values, _step_of(rest))
        return self._decode_any(row)

    def _decode_any(self, row: bytes) -> list[Sample]:
        values: dict[str, float] = {}
        others: list[tuple[Key, bytes]] = []
        step: int | None = None
        position, end, names = 0, len(row), self._names
        for _ in range(_MOST_ITEMS):
            if position >= end:
                break
            if row[position] != 0x0A:  # not an item
                step = _step_of(row[position:])
                break
            size, position = read_varint(row, position + 1)
            item = row[position : position + size]
            position += size
            parts = split_item(item)
            if parts is None:
                others.append((decode_key(item), item))
                continue
            key, text = parts
            name = names.get(key) or self._remember(key)
            if name is None:
                continue
            try:
                values[name] = float(text)
            except ValueError:
                others.append((decode_key(key), item))
        if others:
            self._add_others(others, values)
        return self._samples(values, step)

    def _remember(self, encoded: bytes) -> str | None:
        key = decode_key(encoded)
        name = self._metrics.get(".".join(key))
        if name is not None and len(self._names) < _MOST_CACHED_KEYS:
            self._names[encoded] = name
        return name

    def _add_others(self, items: list[tuple[Key, bytes]], values: dict[str, float]) -> None:
        """Adds the values that are no numbers at first sight, and drops what belongs to media."""
        media = {key[:-1] for key, _ in items if key[-1] == "_type" and len(key) > 1}
        for key, item in items:
            if any(key[:size] in media for size in range(len(key))):
                continue
            for path, value in flatten(key, decode_value(item, self._audit)):
                number = number_of(value)
                if number is not None:
                    name = self._metrics.get(".".join(path))
                    if name is not None:
                        values[name] = number
                elif isinstance(value, Mapping) and "_type" in value:
                    self._audit.add("not-imported", MEDIA)
                elif value is not None:
                    self._metrics.note_not_a_number(".".join(path))
        if media:
            self._audit.add("not-imported", MEDIA, len(media))
            starts = tuple(".".join(prefix) + "." for prefix in media)
            for name in [name for name in values if name.startswith(starts)]:
                del values[name]

    def _samples(self, values: dict[str, float], step: int | None) -> list[Sample]:
        own_step = values.pop(_STEP, None)
        if step is None and own_step is not None:
            step = parse_step(own_step)
        time = values.pop(_TIME, None)
        values.pop(_RUNTIME, None)
        self.note_time(time)
        if step is not None:
            if self._last_step is not None and step < self._last_step:
                self._audit.add("purged", "a metric went on at an earlier step")
            self._last_step = step
        self._last_values.update(values)
        axis_of = {name: self._axis_of(name) for name in values}
        axes = {axis for axis in axis_of.values() if axis in values}
        epoch_name = next((name for name in values if self._is_epoch(name)), None)
        if epoch_name is not None:
            axes.add(epoch_name)
        if len(axes) == len(values):
            axes = set()  # a row with nothing but an axis
        row_epoch = None if epoch_name is None else self._epoch(values[epoch_name])
        samples = []
        for name, value in values.items():
            if name in axes:
                continue
            sample_step, epoch, axis = step, row_epoch, axis_of[name]
            if axis is not None and axis in values:
                if self._is_epoch(axis):
                    epoch = self._epoch(values[axis])
                else:
                    sample_step = parse_step(values[axis])
            samples.append(Sample(name, value, sample_step, epoch, time))
        return samples

    def _axis_of(self, metric: str) -> str | None:
        """The metric over which a metric is shown; None for W&B's own step."""
        if not self._step_metrics:
            return None
        if metric not in self._axes:
            axis = self._step_metrics.get(metric)
            if axis is None:
                patterns = self._step_metrics.items()
                axis = next((a for p, a in patterns if "*" in p and fnmatchcase(metric, p)), None)
            self._axes[metric] = None if axis in (metric, _STEP) else axis
        return self._axes[metric]

    def _is_epoch(self, metric: str) -> bool:
        is_epoch = self._are_epochs.get(metric)
        if is_epoch is None:
            is_epoch = self._are_epochs[metric] = normalize_name(metric) in EPOCH_NAMES
        return is_epoch

    def _epoch(self, epoch: float) -> float | None:
        if not abs(epoch) < 1e15:
            return None
        if self._epoch_shift is None:
            self._epoch_shift = int(epoch == 0)
            if self._epoch_shift:
                self._audit.add("epochs-from-0", "epochs that begin with 0 are counted from 1")
        return epoch + self._epoch_shift

    def is_last_value(self, metric: str, value: float) -> bool:
        """Whether a final value is only the last value that was logged."""
        last = self._last_values.get(metric)
        return last is not None and (value == last or (math.isnan(value) and math.isnan(last)))

    def note_time(self, time: float | None) -> None:
        """Remembers the newest time of the log in Unix seconds."""
        if time is not None and math.isfinite(time):
            self.last_time = time if self.last_time is None else max(time, self.last_time)


def _step_of(fields: bytes) -> int | None:
    """The step in the fields of a row after its items."""
    step: int | None = None
    for number, _, content in read_fields(fields):
        if number == 2:
            step = 0
            for inner, _, value in read_fields(to_bytes(content)):
                if inner == 1:
                    step = to_int(value)
    return step
