"""The table that `--to csv` and `--to parquet` write: one row per sample, with its run."""

from collections.abc import Iterator, Sequence
from typing import Literal

from nnlab.exchange.log_writer import ExportedRun
from nnlab.records import Scalar

Cell = Scalar
ColumnType = Literal["integer", "number", "text"]

_RUN_COLUMNS: dict[str, ColumnType] = {
    "run": "integer", "study": "text", "trial": "integer", "seed": "integer", "name": "text",
    "status": "text",
}  # fmt: skip
_SAMPLE_COLUMNS: dict[str, ColumnType] = {
    "metric": "text", "call": "integer", "step": "integer", "epoch": "number", "time": "number",
    "value": "number",
}  # fmt: skip
_SETTING_PREFIX = "setting."


def table_columns(runs: Sequence[ExportedRun]) -> dict[str, ColumnType]:
    """The columns with their types; between run and sample, the settings in which runs differ."""
    settings = {f"{_SETTING_PREFIX}{name}": _setting_type(runs, name) for name in _differing(runs)}
    return {**_RUN_COLUMNS, **settings, **_SAMPLE_COLUMNS}


def table_rows(runs: Sequence[ExportedRun]) -> Iterator[tuple[Cell, ...]]:
    """The rows, run by run in the order in which the samples were logged.

    Times are Unix seconds. A cell is None if it is unknown.
    """
    names = _differing(runs)
    is_text = {name: _setting_type(runs, name) == "text" for name in names}
    for exported in runs:
        run = exported.run
        values = [run.trial.setting.get(name) for name in names]
        settings = tuple(
            value if value is None or not is_text[name] else str(value)
            for name, value in zip(names, values, strict=True)
        )
        of_run = (run.id, exported.study, run.trial.id, run.seed, run.name, str(run.status))
        before = (*of_run, *settings)
        for call, (metric, value, step, epoch, time) in exported.samples():
            yield (*before, metric, call, step, epoch, time, value)


def _differing(runs: Sequence[ExportedRun]) -> list[str]:
    """The settings that not all runs have with equal values, in the order of their names."""
    settings = [exported.run.trial.setting for exported in runs]
    names = sorted({name for setting in settings for name in setting})
    missing = object()
    return [
        name
        for name in names
        if len({repr(setting.get(name, missing)) for setting in settings}) > 1
    ]


def _setting_type(runs: Sequence[ExportedRun], name: str) -> ColumnType:
    values = [exported.run.trial.setting.get(name) for exported in runs]
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int} and all(abs(int(value or 0)) < 2**63 for value in values):
        return "integer"
    return "number" if kinds <= {int, float} and kinds else "text"
