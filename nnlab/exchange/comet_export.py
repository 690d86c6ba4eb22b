"""Reader of metrics that Comet exports: one record per value, as JSON lines, JSON or CSV.

`comet download` writes metrics.jsonl in a folder of the experiment, with parameters.json and
metadata.json beside it; `APIExperiment.get_metrics()` returns the same records.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from nnlab.errors import DataError
from nnlab.exchange.batching import batches_of
from nnlab.exchange.csv_rows import CsvRows, sniff_header
from nnlab.exchange.growing_file import GrowingFile
from nnlab.exchange.json_documents import read_json, read_json_rows
from nnlab.exchange.json_lines import first_objects, parse_line
from nnlab.exchange.json_text import JsonParser, clean_config
from nnlab.exchange.log_files import files_below, read_head, relative_id, run_name
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
from nnlab.exchange.log_times import unix_seconds, utc_time
from nnlab.exchange.metric_table import (
    MetricNames,
    clean_name,
    number_or_text_number,
    parse_step,
    parse_text_value,
)
from nnlab.exchange.rewritten_rows import unread_rows
from nnlab.exchange.seed_of_config import seed_of_config
from nnlab.exchange.time_order import in_time_order
from nnlab.records import Sample, Status

_SUFFIXES = (".jsonl", ".json", ".csv")
_RECORD = ("metricName", "metricValue")
_EXPERIMENT_KEY = re.compile(r"[0-9a-f]{32}|[0-9A-Za-z]{50}")
_MAX_TAGS = 100
_LIST_OF_OBJECTS = re.compile(rb"\s*\[\s*\{")


class CometExportReader:
    """Reads the records of metrics of one experiment per file."""

    kind = "comet"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """Files whose records have `metricName` and `metricValue`."""
        for file in files_below(path, lambda name: name.lower().endswith(_SUFFIXES)):
            if not _has_records(file):
                continue
            beside = (file.parent / name for name in ("metadata.json", "parameters.json"))
            paths = (file, *(other for other in beside if _is_file(other)))
            metadata = _metadata_of(paths, Audit())
            key = metadata.get("experimentKey")
            folder = file.absolute().parent.name
            if not isinstance(key, str) or not key:
                key = folder if _EXPERIMENT_KEY.fullmatch(folder) else relative_id(file, path)
            name = metadata.get("experimentName")
            yield LoggedRun(self.kind, key[:200], str(name or run_name(file))[:200], paths)

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The parameters and metadata, if they are beside the metrics, and the samples."""
        path = run.paths[0]
        yield _details(run, audit)
        if path.suffix.lower() == ".csv" or not _LIST_OF_OBJECTS.match(read_head(path)):
            yield from _read_lines(path, position, audit)
            return
        is_restart, unread, new_position = unread_rows(read_json_rows(path, audit), position)
        if is_restart:
            yield Restart()
        yield from batches_of(in_time_order(_samples(unread, audit)))
        yield ReadPosition(new_position)


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _has_records(file: Path) -> bool:
    if file.suffix.lower() == ".csv":
        return set(_RECORD) <= set(sniff_header(file))
    head = read_head(file)
    if _LIST_OF_OBJECTS.match(head):
        return all(f'"{name}"'.encode() in head for name in _RECORD)
    return any(set(_RECORD) <= row.keys() for row in first_objects(file)[:1])


def _metadata_of(paths: Sequence[Path], audit: Audit) -> Mapping[str, JsonValue]:
    value = _read_beside("metadata.json", paths, audit)
    return value if isinstance(value, dict) else {}


def _read_beside(name: str, paths: Sequence[Path], audit: Audit) -> JsonValue:
    for path in paths:
        if path.name == name:
            try:
                return read_json(path, audit)
            except DataError as error:
                audit.add("unreadable-config", str(error))
    return None


def _details(run: LoggedRun, audit: Audit) -> RunDetails:
    metadata = _metadata_of(run.paths, audit)
    parameters = _read_beside("parameters.json", run.paths, audit)
    config = clean_config(
        {
            str(entry["name"]): _parameter(entry.get("valueCurrent"))
            for entry in (parameters if isinstance(parameters, list) else ())
            if isinstance(entry, dict) and "name" in entry
        },
        audit,
    )
    tags = metadata.get("tags")
    project = metadata.get("projectName")
    ended_at = utc_time(metadata.get("endTimeMillis"))
    is_running = metadata.get("running") is not False or ended_at is None
    return RunDetails(
        name=clean_name(run.name, audit),
        config=config,
        tags=tuple(clean_name(str(tag), audit) for tag in (tags if isinstance(tags, list) else ()))[
            :_MAX_TAGS
        ],
        project=clean_name(project, audit) if isinstance(project, str) else None,
        started_at=utc_time(metadata.get("startTimeMillis")),
        ended_at=ended_at,
        status=Status.RUNNING if is_running else Status.FINISHED,
        seed=seed_of_config(config),
    )


def _parameter(value: JsonValue) -> JsonValue:
    return parse_text_value(value) if isinstance(value, str) else value


def _read_lines(path: Path, position: Position | None, audit: Audit) -> Iterator[LogItem]:
    with GrowingFile(path, position, audit) as file:
        if file.was_replaced:
            yield Restart()
        records = (
            _csv_records(file, path, audit)
            if path.suffix.lower() == ".csv"
            else _json_records(file, audit)
        )
        yield from batches_of(in_time_order(_samples(records, audit)))
        yield ReadPosition(file.position())


def _csv_records(file: GrowingFile, path: Path, audit: Audit) -> Iterator[JsonValue]:
    table = CsvRows(file, path, audit)
    for row in table.rows(accept_unterminated=True):
        yield dict(zip(table.header, row, strict=False))


def _json_records(file: GrowingFile, audit: Audit) -> Iterator[JsonValue]:
    parser = JsonParser(audit)
    for line in file.lines(accept_unterminated=True):
        record = parse_line(line, parser)
        if record is None and file.ended_unterminated:
            file.leave_last_line()
        elif record is None or record:
            yield record


def _samples(records: Iterable[JsonValue], audit: Audit) -> Iterator[Sample]:
    names = MetricNames(audit)
    for record in records:
        name = record.get("metricName") if isinstance(record, Mapping) else None
        if not isinstance(record, Mapping) or not isinstance(name, str):
            audit.add("damaged", "records without the name of a metric")
            continue
        value = number_or_text_number(record.get("metricValue"))
        metric = names.get(name)
        if value is None or metric is None:
            names.note_not_a_number(name)
            continue
        step = number_or_text_number(record.get("step"))
        timestamp = record.get("timestamp")
        yield Sample(
            metric,
            value,
            None if step is None else parse_step(step),
            number_or_text_number(record.get("epoch")),
            unix_seconds(timestamp),
        )
