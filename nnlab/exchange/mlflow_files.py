"""Reader of MLflow's file store: mlruns/EXPERIMENT/RUN with meta.yaml, params, tags and metrics."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from nnlab.errors import DataError
from nnlab.exchange.batching import batches_of
from nnlab.exchange.growing_file import GrowingFile
from nnlab.exchange.log_files import folders_below, read_document, read_head
from nnlab.exchange.log_reader import (
    Audit,
    JsonValue,
    LoggedRun,
    LogItem,
    Position,
    ReadPosition,
    Restart,
    RunDetails,
)
from nnlab.exchange.metric_table import MetricNames, parse_value
from nnlab.exchange.mlflow_run import STATUSES_BY_NUMBER, LoggedMlflowRun
from nnlab.exchange.simple_yaml import parse_yaml
from nnlab.records import Sample, Status

_MAX_META = 1 << 20
_MAX_TEXT_FILE = 64 << 10
_MAX_ENTRIES = 10_000
# A run may have more metrics than files can be open, or than lines of each fit into memory.
_LINES_IN_MEMORY = 200_000
_MIN_LINES = 20


class MlflowFilesReader:
    """Reads the runs of a folder `mlruns`; deleted runs are left out.

    Each metric is a file with one line `time value step` per value. The values of all metrics are
    merged in the order of their times.
    """

    kind = "mlflow"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """Folders with a meta.yaml that names a run."""
        seen = set()
        for folder, names in folders_below(path) if path.is_dir() else ():
            if "meta.yaml" not in names:
                continue
            meta = _read_meta(folder / "meta.yaml", Audit())
            stated_id = meta.get("run_id") or meta.get("run_uuid")
            # An id of digits only may be read as a number; the folder has the same name.
            run_id = stated_id[:200] if isinstance(stated_id, str) else folder.absolute().name
            is_deleted = meta.get("lifecycle_stage") == "deleted"
            if stated_id and not is_deleted and ".trash" not in folder.parts and run_id not in seen:
                seen.add(run_id)
                name = str(meta.get("run_name") or meta.get("name") or run_id)
                yield LoggedRun(self.kind, run_id, name, (folder,))

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The parameters, tags and status of the run, and its samples."""
        folder = run.paths[0]
        yield _details(folder, run, audit)
        files = dict(_files_in(folder / "metrics", audit))
        known = (position or {}).get("files")
        positions = dict(known) if isinstance(known, dict) else {}
        if _has_changed(files, positions):
            yield Restart()
            positions = {}
        yield from batches_of(_samples(files, positions, audit))
        yield ReadPosition({"files": positions})


def _read_meta(path: Path, audit: Audit) -> Mapping[str, JsonValue]:
    try:
        return parse_yaml(read_head(path, _MAX_META).decode("utf-8", "replace"), audit)
    except ValueError:
        audit.add("damaged", "meta.yaml cannot be read")
        return {}


def _details(folder: Path, run: LoggedRun, audit: Audit) -> RunDetails:
    meta = _read_meta(folder / "meta.yaml", audit)
    experiment = _read_meta(folder.absolute().parent / "meta.yaml", Audit())
    status = meta.get("status")
    return LoggedMlflowRun(
        name=run.name,
        experiment=str(experiment["name"]) if experiment.get("name") else None,
        status=STATUSES_BY_NUMBER.get(status, Status.RUNNING)
        if isinstance(status, int)
        else Status.RUNNING,
        start_time=meta.get("start_time"),
        end_time=meta.get("end_time"),
        params=_read_texts(folder / "params", audit),
        tags=_read_texts(folder / "tags", audit),
    ).details(audit)


def _files_in(folder: Path, audit: Audit) -> Iterator[tuple[str, Path]]:
    """The files below a folder with their names relative to it, which may contain slashes."""
    if folder.is_symlink() or not folder.is_dir():
        return
    count = 0
    for sub_folder, names in folders_below(folder):
        for name in names:
            count += 1
            if count > _MAX_ENTRIES:
                audit.add("too-many-metrics", f"only {_MAX_ENTRIES:,} files of {folder.name}")
                return
            yield (sub_folder / name).relative_to(folder).as_posix(), sub_folder / name


def _read_texts(folder: Path, audit: Audit) -> dict[str, str]:
    """The content of each file below a folder, by name."""
    texts = {}
    for name, path in _files_in(folder, audit):
        try:
            texts[name] = read_document(path, _MAX_TEXT_FILE).decode("utf-8", "replace")
        except DataError:
            audit.add("not-imported", f"files in {folder.name} that are too large or unreadable")
    return texts


def _has_changed(files: Mapping[str, Path], positions: Mapping[str, JsonValue]) -> bool:
    """Whether a file that was read is gone or has another beginning."""
    for name, position in positions.items():
        if name not in files:
            return True
        with GrowingFile(files[name], _as_position(position), Audit()) as file:
            if file.was_replaced:
                return True
    return False


def _as_position(value: JsonValue) -> Position | None:
    return value if isinstance(value, Mapping) else None


def _samples(
    files: Mapping[str, Path], positions: dict[str, JsonValue], audit: Audit
) -> Iterator[Sample]:
    """The samples of all metrics in the order of time; sets the new positions at the end."""
    names = MetricNames(audit)
    lines_at_once = max(_MIN_LINES, _LINES_IN_MEMORY // max(1, len(files)))
    histories = [
        _history(metric, path, name, positions, audit, lines_at_once)
        for name, path in files.items()
        if (metric := names.get(name)) is not None
    ]
    return heapq.merge(*histories, key=_time_of)


def _time_of(sample: Sample) -> float:
    return sample.time or 0.0


def _history(
    metric: str,
    path: Path,
    name: str,
    positions: dict[str, JsonValue],
    audit: Audit,
    lines_at_once: int,
) -> Iterator[Sample]:
    """The samples of one metric; its file is open only while lines are read from it."""
    is_complete = False
    while not is_complete:
        with GrowingFile(path, _as_position(positions.get(name)), audit) as file:
            if file.was_replaced:
                audit.add("damaged", "a file of metrics was replaced while it was read")
                return
            lines = list(islice(file.lines(accept_unterminated=False), lines_at_once))
            positions[name] = file.position()
        is_complete = len(lines) < lines_at_once
        for line in lines:
            sample = _parse_line(metric, line)
            if sample is None:
                audit.add("damaged", "lines of metrics that are not `time value step`")
            else:
                yield sample


def _parse_line(metric: str, line: str) -> Sample | None:
    """The sample of a line: time in ms and value, then a step, then the data set."""
    fields = line.split()
    if len(fields) not in (2, 3, 5):
        return None
    try:
        milliseconds = int(fields[0])
        value = parse_value(fields[1])
        step = int(fields[2]) if len(fields) > 2 else 0
    except ValueError:
        return None
    if value is None or abs(step) >= 1 << 63 or abs(milliseconds) >= 1 << 63:
        return None
    return Sample(metric, value, step, time=milliseconds / 1000)
