"""Reader of `History.history` of Keras that was saved as JSON: one list per metric."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from nnlab.errors import DataError
from nnlab.exchange.batching import batches_of
from nnlab.exchange.json_documents import read_json
from nnlab.exchange.json_rows import parse_json_number
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
from nnlab.exchange.metric_table import MetricNames
from nnlab.exchange.rewritten_rows import unread_rows
from nnlab.metric_names import normalize_name
from nnlab.objective import direction_of
from nnlab.records import Sample

# `{"loss": [0.5, ...` or `{"history": {"loss": [0.5, ...`
_BEGINNING = re.compile(
    rb'\s*\{\s*(?:"history"\s*:\s*\{\s*)?"(?P<name>[^"\\]{1,500})"\s*:\s*'
    rb"\[\s*(?:[-0-9NI]|null)"
)


class KerasHistoryReader:
    """Reads JSON files with one list of numbers per metric, one number per epoch."""

    kind = "keras-history"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """Files that begin with the list of a known metric."""
        for file in files_below(path, lambda name: name.lower().endswith(".json")):
            match = _BEGINNING.match(read_head(file))
            if match and _is_metric(match["name"].decode("utf-8", "replace")):
                yield LoggedRun(self.kind, relative_id(file, path), run_name(file), (file,))

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The samples of the file; it says nothing else about the run."""
        path = run.paths[0]
        document = read_json(path, audit)
        history = document.get("history", document) if isinstance(document, dict) else None
        if not isinstance(history, dict):
            raise DataError(f"{path}: not a JSON object with a list per metric")
        rows = _rows_of(history, audit)
        is_restart, unread, new_position = unread_rows(rows, position)
        yield RunDetails(name=run.name)
        if is_restart:
            yield Restart()
        names = MetricNames(audit)
        yield from batches_of(_samples(unread, len(rows) - len(unread), names))
        yield ReadPosition(new_position)


def _is_metric(name: str) -> bool:
    return direction_of(name) is not None or normalize_name(name) in ("lr", "learning_rate")


def _rows_of(history: Mapping[str, JsonValue], audit: Audit) -> list[dict[str, JsonValue]]:
    """One row per epoch."""
    columns = {name: values for name, values in history.items() if isinstance(values, list)}
    if len(columns) < len(history):
        audit.add("not-imported", "entries that are not lists")
    count = max((len(values) for values in columns.values()), default=0)
    rows: list[dict[str, JsonValue]] = [{} for _ in range(count)]
    for name, values in columns.items():
        # With `validation_freq=k`, Keras evaluates after each k-th epoch only.
        interval = count // len(values) if values else 1
        if count // interval != len(values):
            interval = 1
        for index, value in enumerate(values):
            rows[(index + 1) * interval - 1][name] = value
    return rows


def _samples(rows: Iterable[JsonValue], first: int, names: MetricNames) -> Iterator[Sample]:
    for epoch, row in enumerate(rows, first + 1):
        for name, value in row.items() if isinstance(row, dict) else ():
            try:
                number = parse_json_number(value)
            except ValueError:
                names.note_not_a_number(name)
                continue
            if number is not None and (metric := names.get(name)) is not None:
                yield Sample(metric, number, epoch=float(epoch))
