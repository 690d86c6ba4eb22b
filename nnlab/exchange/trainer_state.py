"""Reader of trainer_state.json of the Hugging Face Trainer: the history in its checkpoints."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from nnlab.errors import DataError
from nnlab.exchange.batching import batches_of
from nnlab.exchange.json_rows import JsonRowSamples
from nnlab.exchange.json_text import clean_config, parse_json
from nnlab.exchange.log_files import files_below, read_document, read_head, relative_id
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
from nnlab.exchange.metric_table import MetricNames, clean_name, clean_text, number_of
from nnlab.exchange.rewritten_rows import rows_of_truncated, unread_rows
from nnlab.exchange.seed_of_config import seed_of_config
from nnlab.records import Sample, Scalar, Status

_FILE_NAME = "trainer_state.json"
_CHECKPOINT = re.compile(r"checkpoint-\d+")
_GLOBAL_STEP = re.compile(rb'"global_step"\s*:\s*(\d{1,18})\b')
_HISTORY = re.compile(r'"log_history"\s*:\s*\[')
# What the state says about the setting of the run.
_SETTINGS = (
    *("max_steps", "num_train_epochs", "train_batch_size", "logging_steps", "eval_steps"),
    *("save_steps", "trial_name", "trial_params"),
)
# The last row of a finished training has this value; it summarises the run.
_SUMMARY_MARK = "train_runtime"


class TrainerStateReader:
    """Reads the newest trainer_state.json of a Trainer's output folder, which is one run.

    The states in `checkpoint-N` are earlier copies of the same history. training_args.bin is a
    pickle and is not read.
    """

    kind = "trainer-state"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """The output folders below a path."""
        files_by_folder: dict[Path, list[Path]] = {}
        for file in files_below(path, lambda name: name == _FILE_NAME):
            folder = file.parent
            is_checkpoint = _CHECKPOINT.fullmatch(folder.absolute().name)
            run_folder = folder.absolute().parent if is_checkpoint else folder
            files_by_folder.setdefault(run_folder.absolute(), []).append(file)
        for folder, files in files_by_folder.items():
            newest = max(files, key=lambda file: (_global_step(file), file.parent == folder))
            yield LoggedRun(self.kind, _folder_id(folder, path), folder.name, (newest,))

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The settings that the state has, the samples, and the summary as results."""
        state, rows = _read_state(run.paths[0], audit)
        summaries = [row for row in rows if _is_summary(row)]
        is_restart, unread, new_position = unread_rows(
            [row for row in rows if not _is_summary(row)], position
        )
        yield _details(run, state, summaries, audit)
        if is_restart:
            yield Restart()
        samples = JsonRowSamples(MetricNames(audit), audit, prefer_step="step")
        yield from batches_of(_samples(unread, samples, audit))
        yield ReadPosition(new_position)


def _global_step(file: Path) -> int:
    match = _GLOBAL_STEP.search(read_head(file))
    return int(match[1]) if match else -1


def _folder_id(folder: Path, searched: Path) -> str:
    root = searched.absolute()
    inside = root.is_dir() and (folder == root or root in folder.parents)
    return relative_id(folder, root) if inside else folder.name


def _read_state(path: Path, audit: Audit) -> tuple[Mapping[str, JsonValue], Sequence[JsonValue]]:
    """The state without its history, and the history; of a truncated file, what is complete."""
    content = read_document(path)
    try:
        state = parse_json(content, audit)
    except ValueError as error:
        text = content.decode("utf-8", "replace")
        match = _HISTORY.search(text)
        if match is None:
            raise DataError(f"{path}: not a state of a Trainer: {error}") from error
        return {}, rows_of_truncated(text, match.end() - 1, audit)
    rows = state.get("log_history") if isinstance(state, dict) else None
    if not isinstance(state, dict) or not isinstance(rows, list):
        raise DataError(f"{path}: not a state of a Trainer: it has no list log_history")
    return state, rows


def _is_summary(row: JsonValue) -> bool:
    return isinstance(row, dict) and _SUMMARY_MARK in row


def _details(
    run: LoggedRun, state: Mapping[str, JsonValue], summaries: Sequence[JsonValue], audit: Audit
) -> RunDetails:
    config = clean_config(
        {name: state[name] for name in _SETTINGS if state.get(name) is not None}, audit
    )
    trial = state.get("trial_params")
    results: dict[str, Scalar] = {}
    if summaries and isinstance(summary := summaries[-1], dict):
        results = {
            clean_name(name, audit): number
            for name, value in summary.items()
            if name not in ("step", "epoch") and (number := number_of(value)) is not None
        }
    for name in ("best_metric", "best_global_step", "best_model_checkpoint"):
        value = state.get(name)
        if isinstance(value, str | int | float):
            results[name] = clean_text(value, audit) if isinstance(value, str) else value
    max_steps = state.get("max_steps")
    is_complete = isinstance(max_steps, int) and 0 < max_steps == state.get("global_step")
    return RunDetails(
        name=run.name,
        config=config,
        status=Status.FINISHED if summaries or is_complete else Status.RUNNING,
        seed=seed_of_config(trial) if isinstance(trial, dict) else None,
        results=results,
    )


def _samples(rows: Iterable[JsonValue], samples: JsonRowSamples, audit: Audit) -> Iterator[Sample]:
    for row in rows:
        if isinstance(row, dict):
            yield from samples.samples(row)
        else:
            audit.add("damaged", "entries of the history that are not objects")
