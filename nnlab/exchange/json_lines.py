"""Reader of JSON lines: one object with metrics per line, as many training programs write."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from nnlab.exchange.batching import batches_of
from nnlab.exchange.growing_file import GrowingFile
from nnlab.exchange.json_rows import JsonRowSamples
from nnlab.exchange.json_text import JsonParser, clean_config, numbers_and_texts
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
from nnlab.exchange.metric_table import MetricNames, number_of
from nnlab.exchange.seed_of_config import seed_of_config
from nnlab.records import Sample

_CERTAIN_SUFFIXES = (".jsonl", ".ndjson", ".jsonlines")
_SUFFIXES = (*_CERTAIN_SUFFIXES, ".log", ".txt", ".json")
_LINES_TO_RECOGNISE = 20
_OBJECT_LINE = re.compile(rb"\s*\{.*\}\s*")
# A line before the first metrics may contain the configuration under one of these names.
_CONFIG_NAMES = frozenset({"config", "args", "hparams", "hyperparameters", "params"})


class JsonLinesReader:
    """Reads files with one JSON object per line; a file is one run.

    Nested numbers get dotted names. An object `{"config": {...}}` before the first metrics is the
    configuration.
    """

    kind = "jsonl"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """Files that begin with objects, one of which has a number or a configuration."""
        for file in files_below(path, lambda name: name.lower().endswith(_SUFFIXES)):
            rows = first_objects(file)
            # Any JSON document on one line would be a single object.
            is_named = file.suffix.lower() in _CERTAIN_SUFFIXES
            if (is_named or len(rows) > 1) and any(
                _config_of(row) or _has_numbers(row) for row in rows
            ):
                yield LoggedRun(self.kind, relative_id(file, path), run_name(file), (file,))

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The samples of the file, and the configuration if a line has one."""
        configs = [_config_of(row) for row in first_objects(run.paths[0])]
        config = clean_config(next((config for config in configs if config), {}), audit)
        yield RunDetails(name=run.name, config=config, seed=seed_of_config(config))
        yield from read_json_lines(run.paths[0], position, audit)


def read_json_lines(
    path: Path,
    position: Position | None,
    audit: Audit,
    *,
    prefer_step: str | None = None,
    ignored: frozenset[str] = frozenset(),
) -> Iterator[LogItem]:
    """The samples of a file of JSON lines from a position on, and the new position.

    Args:
        path: the file.
        position: where the last reading ended.
        audit: what could not be read.
        prefer_step: the key of the step, if the tool has its own.
        ignored: keys that are neither an index nor a metric.

    Raises:
        DataError: the file cannot be read.
    """
    with GrowingFile(path, position, audit) as file:
        if file.was_replaced:
            yield Restart()
            position = None
        names = MetricNames(audit)
        rows = JsonRowSamples(names, audit, position, prefer_step=prefer_step, ignored=ignored)
        parser = JsonParser(audit)

        def samples() -> Iterator[Sample]:
            for line in file.lines(accept_unterminated=True):
                row = parse_line(line, parser)
                if row is None and file.ended_unterminated:
                    file.leave_last_line()
                elif row is None:
                    audit.add("damaged", "lines that are not a JSON object were left out")
                elif not _config_of(row):
                    yield from rows.samples(row)

        yield from batches_of(samples())
        yield ReadPosition({**file.position(), **rows.position()})


def first_objects(path: Path) -> list[Mapping[str, JsonValue]]:
    """The objects in the first lines of a file; none unless most of these lines are objects."""
    head = read_head(path).removeprefix(b"\xef\xbb\xbf")
    if head.lstrip()[:1] != b"{":
        return []
    lines = [line for line in head.split(b"\n") if line.strip()]
    if len(lines) > 1 and not head.endswith(b"\n"):
        lines.pop()  # It may be cut.
    lines = lines[:_LINES_TO_RECOGNISE]
    parser = JsonParser(Audit())
    rows = [
        row
        for line in lines
        if _OBJECT_LINE.fullmatch(line)
        and (row := parse_line(line.decode("utf-8", "replace"), parser)) is not None
    ]
    return rows if 2 * len(rows) > len(lines) else []


def parse_line(line: str, parser: JsonParser) -> Mapping[str, JsonValue] | None:
    """The object of a line; None if it is something else. An empty line has no values."""
    if line.isspace():
        return {}
    try:
        row = parser.parse(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _config_of(row: Mapping[str, JsonValue]) -> Mapping[str, JsonValue] | None:
    """The configuration in a line that has nothing else but names of the run."""
    if _CONFIG_NAMES.isdisjoint(row):
        return None
    for name in _CONFIG_NAMES & row.keys():
        config = row[name]
        if isinstance(config, dict) and not _has_numbers(
            {key: value for key, value in row.items() if key != name}
        ):
            return config
    return None


def _has_numbers(row: Mapping[str, JsonValue]) -> bool:
    flat = numbers_and_texts(row, Audit())
    return any(number_of(value) is not None for value in flat.values())
