"""Reader of Aim repositories (folders `.aim`), through the package aim if it is installed."""

import importlib
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nnlab.errors import DataError, MissingPackage
from nnlab.exchange.batching import batches_of
from nnlab.exchange.json_text import clean_config
from nnlab.exchange.log_files import folders_below, path_text, relative_id
from nnlab.exchange.log_reader import (
    Audit,
    LoggedRun,
    LogItem,
    Position,
    ReadPosition,
    Restart,
    RunDetails,
)
from nnlab.exchange.log_times import unix_seconds, utc_time
from nnlab.exchange.metric_table import MetricNames, clean_name, number_of, parse_step
from nnlab.exchange.rewritten_rows import unread_rows
from nnlab.exchange.seed_of_config import seed_of_config
from nnlab.records import Sample, Status

_FOLDER = ".aim"
# Hyperparameters are usually stored under one of these keys.
_SECTIONS = ("hparams", "params", "config")


class AimReader:
    """Reads the runs of an Aim repository; the order of values of different metrics is unknown."""

    kind = "aim"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """The runs of each repository; without the package aim, one entry per repository."""
        for folder in _repositories(path):
            if importlib.util.find_spec("aim") is None:
                name = path_text(Path(folder.absolute().parent.name))
                yield LoggedRun(self.kind, relative_id(folder, path), name, (folder,))
                continue
            for run in _open(folder).iter_runs():
                yield LoggedRun(self.kind, str(run.hash), str(run.name or run.hash), (folder,))

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The parameters and samples of a run.

        Raises:
            MissingPackage: aim is not installed.
        """
        if importlib.util.find_spec("aim") is None:
            raise MissingPackage(
                f"{run.paths[0]}: to read an Aim repository, the package aim is needed",
                hint="pip install aim",
            )
        repository = _open(run.paths[0])
        logged = repository.get_run(run.external_id)
        if logged is None:
            raise DataError(f"{run.paths[0]} no longer has run {run.external_id}")
        yield _details(logged, audit)
        rows = _rows_of(logged, MetricNames(audit))
        is_restart, unread, new_position = unread_rows(rows, position)
        if is_restart:
            yield Restart()
        yield from batches_of(Sample(*row) for row in unread)  # type: ignore[misc]
        yield ReadPosition(new_position)


def _repositories(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        return
    if path.absolute().name == _FOLDER:
        yield path
        return
    for folder, _ in folders_below(path):
        if folder.name == _FOLDER:
            yield folder


def _open(folder: Path) -> Any:
    """The repository, opened for reading only."""
    aim = importlib.import_module("aim")
    try:
        return aim.Repo(str(folder.absolute().parent), read_only=True)
    except Exception as error:
        # The package raises errors of the storage that it uses.
        raise DataError(f"{folder}: not a repository that aim can read: {error}") from error


def _details(run: Any, audit: Audit) -> RunDetails:
    params = run[...]
    params = params if isinstance(params, dict) else {}
    sections = [name for name in _SECTIONS if isinstance(params.get(name), dict)]
    config = clean_config(params[sections[0]] if sections else params, audit)
    ended_at = utc_time(run.end_time)
    return RunDetails(
        name=clean_name(str(run.name or run.hash), audit),
        config=config,
        tags=tuple(clean_name(str(tag), audit) for tag in run.tags),
        project=clean_name(str(run.experiment), audit) if run.experiment else None,
        started_at=utc_time(run.creation_time),
        ended_at=ended_at,
        status=Status.RUNNING if ended_at is None else Status.FINISHED,
        seed=seed_of_config(config),
    )


def _rows_of(run: Any, names: MetricNames) -> list[list[Any]]:
    """The values of all metrics as rows `[metric, value, step, epoch, time]`, in order of time."""
    rows: list[list[Any]] = []
    for metric in run.metrics():
        name = names.get(_name_of(metric.name, metric.context.to_dict()))
        steps, values = metric.values.sparse_list()
        epochs, times = metric.epochs.values_list(), metric.timestamps.values_list()
        for index, (step, value) in enumerate(zip(steps, values, strict=False)):
            number = number_of(value)
            if name is None or number is None:
                names.note_not_a_number(str(metric.name))
                continue
            epoch = number_of(epochs[index]) if index < len(epochs) else None
            time = unix_seconds(times[index]) if index < len(times) else None
            rows.append([name, number, parse_step(step), epoch, time])
    return sorted(rows, key=lambda row: row[4] or 0.0)


def _name_of(name: str, context: dict[str, Any]) -> str:
    """The name of a metric with its context: the split first, everything else in parentheses."""
    others = dict(context)
    subset = others.pop("subset", None)
    full_name = f"{subset}/{name}" if subset else str(name)
    if others:
        full_name += f" ({', '.join(f'{key}={value}' for key, value in sorted(others.items()))})"
    return full_name
