"""Reader of runs that MLflow exports: the table of runs as CSV, and answers of its API as JSON."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from nnlab.errors import DataError
from nnlab.exchange.batching import batches_of
from nnlab.exchange.csv_rows import CsvRows, sniff_header
from nnlab.exchange.growing_file import GrowingFile
from nnlab.exchange.json_documents import read_json
from nnlab.exchange.log_files import files_below, read_head, relative_id, run_name
from nnlab.exchange.log_reader import (
    Audit,
    JsonValue,
    LoggedRun,
    LogItem,
    Position,
    ReadPosition,
    Restart,
)
from nnlab.exchange.metric_table import MetricNames, number_or_text_number, parse_step
from nnlab.exchange.mlflow_run import STATUSES, STATUSES_BY_NUMBER, LoggedMlflowRun
from nnlab.exchange.rewritten_rows import unread_rows
from nnlab.exchange.time_order import in_time_order
from nnlab.records import Sample, Status

_PREFIXES = ("metrics.", "params.", "tags.")
# What an answer of the API has in its first bytes.
_MARKS = ((b'"run_id"',), (b'"run_uuid"',), (b'"metrics"', b'"key"', b'"timestamp"'))
_MAX_RUNS = 10_000


class MlflowExportReader:
    """Reads `mlflow experiments csv`, and JSON of `runs describe`, `runs/search` and the like.

    A table has the last value of each metric; lists of metrics have all values that are in them.
    """

    kind = "mlflow-export"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """The runs in tables with the columns of MLflow, and in JSON documents of its API."""
        for file in files_below(path, lambda name: name.lower().endswith((".csv", ".json"))):
            if not _may_be_export(file):
                continue
            try:
                runs = list(_exported_runs(file, Audit()))
            except (DataError, csv.Error):
                continue
            for run_id, exported in runs[:_MAX_RUNS]:
                external_id = run_id or relative_id(file, path)
                name = exported.run.tags.get("mlflow.runName") or exported.run.name
                yield LoggedRun(self.kind, external_id, name or run_name(file), (file,))

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The details and values of one run."""
        exported = next(
            (
                exported
                for run_id, exported in _exported_runs(run.paths[0], audit)
                if run_id in (run.external_id, None)
            ),
            None,
        )
        if exported is None:
            raise DataError(f"{run.paths[0]} no longer has run {run.external_id}")
        yield exported.run.details(audit)
        is_restart, unread, new_position = unread_rows(exported.values, position)
        if is_restart:
            yield Restart()
        if not exported.has_history:
            audit.add("sampled", "an export of runs has only the last value of each metric")
        yield from batches_of(in_time_order(_samples(unread, audit)))
        yield ReadPosition(new_position)


class _ExportedRun:
    """A run and its values, each `[metric, value, time in ms, step]`."""

    def __init__(
        self, run: LoggedMlflowRun, values: list[list[JsonValue]], *, has_history: bool
    ) -> None:
        self.run = run
        self.values = values
        self.has_history = has_history


def _may_be_export(file: Path) -> bool:
    if file.suffix.lower() == ".csv":
        header = sniff_header(file)
        return "run_id" in header and any(name.startswith(_PREFIXES) for name in header)
    head = read_head(file)
    return head.lstrip()[:1] in (b"{", b"[") and any(
        all(mark in head for mark in marks) for marks in _MARKS
    )


def _exported_runs(file: Path, audit: Audit) -> Iterator[tuple[str | None, _ExportedRun]]:
    """The runs in a file by their ids; None is the id of a list of metrics of an unnamed run."""
    if file.suffix.lower() == ".csv":
        yield from _table_runs(file, audit)
    else:
        yield from _document_runs(read_json(file, audit))


def _table_runs(path: Path, audit: Audit) -> Iterator[tuple[str | None, _ExportedRun]]:
    with GrowingFile(path, None, audit) as file:
        table = CsvRows(file, path, audit)
        for cells in table.rows(accept_unterminated=True):
            row = dict(zip(table.header, cells, strict=False))
            values, params, tags = (
                {name.removeprefix(prefix): row[name] for name in row if name.startswith(prefix)}
                for prefix in _PREFIXES
            )
            run = LoggedMlflowRun(
                name=row.get("run_id", ""),
                experiment=row.get("experiment_name") or row.get("experiment_id"),
                status=STATUSES.get(row.get("status", ""), Status.RUNNING),
                start_time=row.get("start_time"),
                end_time=row.get("end_time"),
                # pandas writes nothing where a run lacks a parameter that others have.
                params={name: text for name, text in params.items() if text},
                tags={name: text for name, text in tags.items() if text},
            )
            metrics: list[list[JsonValue]] = [
                [name, text, None, None] for name, text in values.items() if text
            ]
            yield row.get("run_id"), _ExportedRun(run, metrics, has_history=False)


def _document_runs(document: JsonValue) -> Iterator[tuple[str | None, _ExportedRun]]:
    """The runs in a document of any of the forms that MLflow and its export tool write."""
    if isinstance(document, list):
        for item in document[:_MAX_RUNS]:
            yield from _document_runs(item)
    elif isinstance(document, dict):
        for name in ("run", "runs", "mlflow"):
            if isinstance(document.get(name), dict | list):
                yield from _document_runs(document[name])
                return
        data = document.get("data", document)
        if isinstance(data, dict) and ("info" in document or "metrics" in data):
            yield _run_of(_mapping(document.get("info")), data)


def _run_of(
    info: Mapping[str, JsonValue], data: Mapping[str, JsonValue]
) -> tuple[str | None, _ExportedRun]:
    run_id = info.get("run_id") or info.get("run_uuid")
    status = info.get("status")
    values, has_history = _values_of(data.get("metrics"))
    run = LoggedMlflowRun(
        name=str(info.get("run_name") or run_id or ""),
        experiment=str(info["experiment_id"]) if "experiment_id" in info else None,
        status=STATUSES_BY_NUMBER.get(status, Status.RUNNING)
        if isinstance(status, int)
        else STATUSES.get(str(status), Status.RUNNING),
        start_time=info.get("start_time"),
        end_time=info.get("end_time"),
        params=_texts_of(data.get("params")),
        tags=_texts_of(data.get("tags")),
    )
    return str(run_id) if run_id else None, _ExportedRun(run, values, has_history=has_history)


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _texts_of(value: JsonValue) -> dict[str, str]:
    """Parameters or tags: an object, or a list of `{"key": ..., "value": ...}`."""
    if isinstance(value, dict):
        return {str(key): str(text) for key, text in value.items() if text is not None}
    entries = value if isinstance(value, list) else ()
    return {
        str(entry["key"]): str(entry["value"])
        for entry in entries
        if isinstance(entry, dict) and "key" in entry and entry.get("value") is not None
    }


def _values_of(value: JsonValue) -> tuple[list[list[JsonValue]], bool]:
    """All values of metrics, and whether a metric has several."""
    values: list[list[JsonValue]] = []
    if isinstance(value, dict):
        for name, metric in value.items():
            entries = metric if isinstance(metric, list) else [{"value": metric}]
            values += [
                [name, entry.get("value"), entry.get("timestamp"), entry.get("step")]
                for entry in entries
                if isinstance(entry, dict)
            ]
    elif isinstance(value, list):
        values = [
            [entry.get("key"), entry.get("value"), entry.get("timestamp"), entry.get("step")]
            for entry in value
            if isinstance(entry, dict)
        ]
    return values, len({str(name) for name, *_ in values}) < len(values)


def _samples(values: Iterable[JsonValue], audit: Audit) -> Iterator[Sample]:
    names = MetricNames(audit)
    for value in values:
        if not isinstance(value, list) or not isinstance(value[0], str):
            continue
        metric, number = names.get(value[0]), number_or_text_number(value[1])
        if metric is None or number is None:
            names.note_not_a_number(value[0])
            continue
        time, step = number_or_text_number(value[2]), number_or_text_number(value[3])
        yield Sample(
            metric,
            number,
            None if step is None else parse_step(step),
            time=None if time is None else time / 1000,
        )
