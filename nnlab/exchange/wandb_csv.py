"""Reader of CSV files that W&B exports: a chart with several runs, or the history of one run."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from nnlab.exchange.batching import batches_of
from nnlab.exchange.csv_rows import CsvRows, sniff_header
from nnlab.exchange.csv_samples import read_csv_samples
from nnlab.exchange.growing_file import GrowingFile
from nnlab.exchange.log_files import files_below, relative_id, run_name
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
from nnlab.exchange.metric_table import MetricNames, clean_name, parse_value
from nnlab.exchange.sample_rows import ColumnRoles, RowSamples, roles_of
from nnlab.records import Sample

_BETWEEN = " - "
_EXTREMES = ("__MIN", "__MAX")
# All charts of a run are open at once.
_MAX_CHARTS = 200
# The step, and values that every history has but that are no metrics.
STEP = "_step"
INTERNAL = frozenset({"_runtime", "_wandb"})


class WandbCsvReader:
    """Reads charts (columns `RUN - METRIC`) and histories (with a column `_step`).

    All charts in one folder that show a run are parts of that run. The names of the runs are all
    that a chart says about them; it has at most the points that were drawn.
    """

    kind = "wandb-csv"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """The runs in the charts of each folder, and the histories."""
        charts: dict[tuple[Path, str], list[Path]] = {}
        for file in files_below(path, lambda name: name.lower().endswith(".csv")):
            header = sniff_header(file)
            if STEP in header and ("_timestamp" in header or "_runtime" in header):
                yield LoggedRun(self.kind, relative_id(file, path), run_name(file), (file,))
            for name in _runs_of_chart(file, header):
                charts.setdefault((file.parent, name), []).append(file)
        for (folder, name), files in charts.items():
            folder_id = relative_id(folder / "chart", path).removesuffix("/chart")
            clean = clean_name(name, Audit())
            yield LoggedRun(self.kind, f"{folder_id}/{clean}", clean, tuple(files))

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The samples of a run in all its files."""
        yield RunDetails(name=run.name)
        if STEP in sniff_header(run.paths[0]):
            yield from read_csv_samples(
                run.paths[0],
                position,
                audit,
                epochs_from_0=False,
                prefer_step=STEP,
                ignored=INTERNAL.__contains__,
            )
            return
        known = (position or {}).get("files")
        positions = dict(known) if isinstance(known, dict) else {}
        if any(_was_replaced(path, positions) for path in run.paths):
            yield Restart()
            positions = {}
        audit.add("sampled", "a chart has only the points that W&B drew")
        yield from batches_of(_chart_samples(run, positions, audit))
        yield ReadPosition({"files": positions})


def _runs_of_chart(file: Path, header: Sequence[str]) -> list[str]:
    """The names of the runs in a chart; none if a file is no chart."""
    columns = set(header)
    series = [name for name in header if _BETWEEN in name and not name.endswith(_EXTREMES)]
    has_extremes = any(all(name + end in columns for end in _EXTREMES) for name in series)
    if not has_extremes and not file.name.startswith("wandb_export"):
        return []
    return list(dict.fromkeys(name.rpartition(_BETWEEN)[0] for name in series))


def _was_replaced(path: Path, positions: Mapping[str, JsonValue]) -> bool:
    position = positions.get(path.name)
    if not isinstance(position, dict):
        return False
    with GrowingFile(path, position, Audit()) as file:
        return file.was_replaced


def _chart_samples(
    run: LoggedRun, positions: dict[str, JsonValue], audit: Audit
) -> Iterator[Sample]:
    """The samples of all charts of a run in the order of their steps."""
    if len(run.paths) > _MAX_CHARTS:
        audit.add("too-many-files", f"only {_MAX_CHARTS} charts of a run are read")
    names = MetricNames(audit)
    charts = [
        _samples_of_chart(path, run.name, positions, names, audit)
        for path in run.paths[:_MAX_CHARTS]
    ]
    return heapq.merge(*charts, key=_place)


def _place(sample: Sample) -> float:
    """Where a sample is on the axis of its chart."""
    places = (sample.step, sample.epoch, sample.time)
    return next((place for place in places if place is not None), 0.0)


def _samples_of_chart(
    path: Path, run: str, positions: dict[str, JsonValue], names: MetricNames, audit: Audit
) -> Iterator[Sample]:
    position = positions.get(path.name)
    with GrowingFile(path, position if isinstance(position, dict) else None, audit) as file:
        table = CsvRows(file, path, audit)
        roles = _chart_roles(table.header, run, names, audit)
        rows = RowSamples(parse_value, names, audit, epochs_from_0=False)
        for row in table.rows(accept_unterminated=True):
            yield from rows.samples(roles, row)
        positions[path.name] = file.position()


def _chart_roles(header: Sequence[str], run: str, names: MetricNames, audit: Audit) -> ColumnRoles:
    """The x axis of a chart, and the metrics of one run."""
    axis = roles_of(
        [name if _BETWEEN not in name else "" for name in header],
        names,
        audit,
        ignored=lambda _: True,
    )
    step = axis.step
    metrics = []
    for index, column in enumerate(header):
        name, between, metric = column.rpartition(_BETWEEN)
        if not between or metric.endswith(_EXTREMES) or clean_name(name, Audit()) != run:
            continue
        if metric == STEP:
            step = index
        elif (stored := names.get(metric)) is not None:
            metrics.append((index, stored))
    return ColumnRoles(step, axis.epoch, axis.time, tuple(metrics))
