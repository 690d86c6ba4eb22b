"""The writer of TensorBoard's event files."""

import json
import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TypeGuard

from nnlab.exchange.log_reader import JsonValue
from nnlab.exchange.log_writer import ExportedRun
from nnlab.exchange.protobuf import bytes_field, double_field, int_field
from nnlab.exchange.tensorboard.record_file import frame_records
from nnlab.records import Sample, Scalar, Status

_RECORDS_AT_ONCE = 1000
# Messages that are the same in each event: DT_DOUBLE with an empty shape, and the plugin.
_TYPE_AND_SHAPE = int_field(1, 2) + bytes_field(2, b"")
_SCALAR_METADATA = bytes_field(1, bytes_field(1, "scalars")) + int_field(4, 1)
_STATUS_OF_SESSION = {Status.FINISHED: 1, Status.FAILED: 2, Status.DIVERGED: 2}
_LARGEST_EXACT_INTEGER = 2**53
# Final values are kept apart from the curves, as SummaryWriter.add_hparams does it.
_RESULTS_FOLDER = "results"


class TensorBoardWriter:
    """Writes a folder per run: scalars in full precision, hyperparameters, and how the run ended.

    A sample without a time has that of the start of the run. Its step is its epoch, or the number
    of its log call, if it has no step.
    """

    kind = "tensorboard"
    writes_folder = True

    def write(
        self,
        runs: Sequence[ExportedRun],
        output: Path,
        destination: Path,  # noqa: ARG002  the files do not contain their location
    ) -> None:
        """Writes the event files of all runs."""
        for run in runs:
            _write_run(run, output / run.file_name)


def _write_run(run: ExportedRun, folder: Path) -> None:
    started_at = (run.details.started_at or run.run.created_at).timestamp()
    name = f"events.out.tfevents.{int(started_at)}.nnlab.{run.run.id}"
    results = {k: float(v) for k, v in run.details.results.items() if _is_number(v)}
    samples = _ScalarEvents(run, started_at)
    start = _session_start(run, started_at, list(results) or run.history.metrics)
    if not results:
        _write_file(folder / f"{name}.0", started_at, chain(start, samples, samples.session_end()))
        return
    _write_file(folder / f"{name}.0", started_at, samples)
    values = (_event(started_at, 0, _scalar(tag, value)) for tag, value in results.items())
    session = chain(start, values, samples.session_end())
    _write_file(folder / _RESULTS_FOLDER / f"{name}.1", started_at, session)


def _write_file(path: Path, started_at: float, events: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = bytes_field(10, bytes_field(1, "nnlab"))
    version = double_field(1, started_at) + bytes_field(3, "brain.Event:2") + source
    with path.open("xb") as file:
        file.write(frame_records([version]))
        remaining = iter(events)
        while group := list(islice(remaining, _RECORDS_AT_ONCE)):
            file.write(frame_records(group))


def _event(wall_time: float, step: int, value: bytes) -> bytes:
    return double_field(1, wall_time) + int_field(2, step) + bytes_field(5, bytes_field(1, value))


class _ScalarEvents:
    """The events of the samples of a run, and how the run ended, after the last of them."""

    def __init__(self, run: ExportedRun, started_at: float) -> None:
        self._run, self._started_at = run, started_at
        self._last_time = started_at

    def __iter__(self) -> Iterator[bytes]:
        for call, sample in self._run.samples():
            time = self._started_at if sample.time is None else sample.time
            self._last_time = max(time, self._last_time)
            yield _event(time, _step_of(sample, call), _scalar(sample.metric, sample.value))

    def session_end(self) -> Iterator[bytes]:
        """The end of the session; nothing if the run has not ended."""
        details = self._run.details
        status = _STATUS_OF_SESSION.get(details.status)
        if status is not None:
            ended_at = details.ended_at.timestamp() if details.ended_at else self._last_time
            end = bytes_field(4, int_field(1, status) + double_field(2, ended_at))
            time = max(ended_at, self._last_time)
            yield _event(time, 0, _hyperparameters("session_end_info", end))


def _step_of(sample: Sample, call: int) -> int:
    if sample.step is not None:
        return sample.step
    if sample.epoch is not None and math.isfinite(sample.epoch):
        return math.ceil(sample.epoch)
    return call


def _scalar(tag: str, value: float) -> bytes:
    """A Summary.Value with a tensor of one double, as SummaryWriter writes it on request."""
    tensor = _TYPE_AND_SHAPE + bytes_field(6, struct.pack("<d", value))
    return bytes_field(1, tag) + bytes_field(8, tensor) + bytes_field(9, _SCALAR_METADATA)


def _session_start(run: ExportedRun, started_at: float, metrics: Iterable[str]) -> Iterator[bytes]:
    """The settings of a run, and the names of the metrics to be shown beside them."""
    settings = {
        name: encoded
        for name, value in run.run.trial.setting.items()
        if (encoded := _setting_value(value)) is not None
    }
    names = b"".join(bytes_field(4, bytes_field(1, name)) for name in settings)
    infos = b"".join(bytes_field(5, bytes_field(1, bytes_field(2, name))) for name in metrics)
    yield _event(started_at, 0, _hyperparameters("experiment", bytes_field(2, names + infos)))
    start = b"".join(
        bytes_field(1, bytes_field(1, name) + bytes_field(2, value))
        for name, value in settings.items()
    )
    start += bytes_field(4, run.study) + double_field(5, started_at)
    yield _event(started_at, 0, _hyperparameters("session_start_info", bytes_field(3, start)))


def _hyperparameters(tag: str, data: bytes) -> bytes:
    """A Summary.Value for the plugin hparams; its tensor has no meaning but must exist."""
    metadata = bytes_field(1, bytes_field(1, "hparams") + bytes_field(2, data))
    null = int_field(1, 1) + bytes_field(2, b"") + bytes_field(5, b"\0\0\0\0")
    return bytes_field(1, f"_hparams_/{tag}") + bytes_field(8, null) + bytes_field(9, metadata)


def _setting_value(value: JsonValue) -> bytes | None:
    """A google.protobuf.Value, which has no integers; None for a setting without a value."""
    if value is None:
        return None
    if isinstance(value, bool):
        return int_field(4, value)
    if isinstance(value, float) or (
        isinstance(value, int) and abs(value) <= _LARGEST_EXACT_INTEGER
    ):
        return double_field(2, value)
    return bytes_field(3, value if isinstance(value, str) else json.dumps(value))


def _is_number(value: Scalar) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
