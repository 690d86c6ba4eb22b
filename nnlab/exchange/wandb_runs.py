"""Reader of tables of runs that W&B exports as CSV: the table of a project, or `api.runs()`.

The script in W&B's documentation writes the columns `summary`, `config` and `name`; the first two
have dictionaries as Python prints them. The table on a project's page has a column per value.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from nnlab.errors import DataError
from nnlab.exchange.batching import batches_of
from nnlab.exchange.csv_rows import CsvRows, sniff_header
from nnlab.exchange.growing_file import GrowingFile
from nnlab.exchange.json_text import clean_config, numbers_and_texts
from nnlab.exchange.log_files import files_below, relative_id
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
from nnlab.exchange.python_literals import parse_python_dict
from nnlab.exchange.rewritten_rows import unread_rows
from nnlab.exchange.seed_of_config import is_seed_name, seed_of_config
from nnlab.metric_names import split_of
from nnlab.objective import direction_of
from nnlab.records import Sample, Scalar, Status

_API_COLUMNS = frozenset({"name", "config", "summary"})
_PAGE_COLUMNS = frozenset({"Name", "State", "Created", "Runtime"})
# Columns of the page that are neither a setting nor a value.
_OTHER_COLUMNS = _PAGE_COLUMNS | {"ID", "Notes", "User", "Tags", "Sweep", "Group", "Job Type"}
_STATUSES = {
    "running": Status.RUNNING, "finished": Status.FINISHED, "failed": Status.FAILED,
    "crashed": Status.INTERRUPTED, "killed": Status.INTERRUPTED,
}  # fmt: skip
_MAX_RUNS = 10_000
_MAX_TAGS = 100
# W&B's own values of a summary.
_STEP, _TIMESTAMP = "_step", "_timestamp"


class WandbRunsReader:
    """Reads a table with one row per run; only the last value of each metric is in it.

    On the page's table, a column with the name of a known metric or split is a value, and every
    other column is a setting.
    """

    kind = "wandb-runs"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """The runs in tables with the columns that W&B writes."""
        for file in files_below(path, lambda name: name.lower().endswith(".csv")):
            header = set(sniff_header(file))
            if not (header >= _API_COLUMNS or header >= _PAGE_COLUMNS):
                continue
            try:
                names = [clean_name(_name_of(row), Audit()) for row in _rows(file, Audit())]
            except DataError:
                continue
            for name in dict.fromkeys(names[:_MAX_RUNS]):
                yield LoggedRun(self.kind, f"{relative_id(file, path)}/{name}", name, (file,))

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The setting, state and last values of one run."""
        rows = [r for r in _rows(run.paths[0], audit) if clean_name(_name_of(r), audit) == run.name]
        if not rows:
            raise DataError(f"{run.paths[0]} no longer has run {run.name}")
        if len(rows) > 1:
            audit.add("duplicate-names", "of several runs of one name, the first was read")
        config, summary = _config_and_summary(rows[0], audit)
        yield _details(run, rows[0], config, summary, audit)
        audit.add("sampled", "a table of runs has only the last value of each metric")
        values: list[JsonValue] = [[name, value] for name, value in summary.items()]
        is_restart, unread, new_position = unread_rows(values, position)
        if is_restart:
            yield Restart()
        yield from batches_of(_samples(unread, summary, audit))
        yield ReadPosition(new_position)


def _rows(path: Path, audit: Audit) -> Iterator[Mapping[str, str]]:
    with GrowingFile(path, None, audit) as file:
        table = CsvRows(file, path, audit)
        for cells in table.rows(accept_unterminated=True):
            yield dict(zip(table.header, cells, strict=False))


def _name_of(row: Mapping[str, str]) -> str:
    return row.get("name") or row.get("Name") or "?"


def _config_and_summary(
    row: Mapping[str, str], audit: Audit
) -> tuple[Mapping[str, JsonValue], Mapping[str, JsonValue]]:
    if "config" in row:
        config, summary = (_dictionary(row.get(name, ""), audit) for name in ("config", "summary"))
        return config, numbers_and_texts(summary, audit)
    values = {name: text for name, text in row.items() if text and name not in _OTHER_COLUMNS}
    metrics = {name for name in values if _is_metric(name)}
    return (
        {name: parse_text_value(text) for name, text in values.items() if name not in metrics},
        {name: parse_text_value(values[name]) for name in values if name in metrics},
    )


def _is_metric(name: str) -> bool:
    is_known = direction_of(name) is not None or split_of(name) is not None
    return name in (_STEP, _TIMESTAMP) or (is_known and not is_seed_name(name))


def _dictionary(text: str, audit: Audit) -> dict[str, JsonValue]:
    """The dictionary in a cell; empty, with a note, if it cannot be read."""
    try:
        return clean_config(parse_python_dict(text), audit)
    except ValueError as error:
        audit.add("unreadable-config", f"dictionaries that cannot be read: {error}")
        return {}


def _details(
    run: LoggedRun,
    row: Mapping[str, str],
    config: Mapping[str, JsonValue],
    summary: Mapping[str, JsonValue],
    audit: Audit,
) -> RunDetails:
    config = clean_config(dict(config), audit)
    tags = [clean_name(tag, audit) for tag in row.get("Tags", "").split(",") if tag.strip()]
    results: dict[str, Scalar] = {
        clean_name(name, audit): value
        for name, value in summary.items()
        if isinstance(value, str | int | float) and not name.startswith("_")
    }
    return RunDetails(
        name=run.name,
        config={name: value for name, value in config.items() if not name.startswith("_wandb")},
        tags=tuple(tags[:_MAX_TAGS]),
        group=clean_name(row["Group"], audit) if row.get("Group") else None,
        started_at=utc_time(row.get("Created")),
        status=_STATUSES.get((row.get("State") or row.get("state") or "").lower(), Status.RUNNING),
        seed=seed_of_config(config),
        results=results,
    )


def _samples(
    values: Sequence[JsonValue], summary: Mapping[str, JsonValue], audit: Audit
) -> Iterator[Sample]:
    names = MetricNames(audit)
    step = number_or_text_number(summary.get(_STEP))
    time = unix_seconds(summary.get(_TIMESTAMP))
    for item in values:
        name, value = item if isinstance(item, list) else (None, None)
        number = number_or_text_number(value)
        if not isinstance(name, str) or name.startswith("_") or number is None:
            continue
        if (metric := names.get(name)) is not None:
            yield Sample(metric, number, None if step is None else parse_step(step), time=time)
