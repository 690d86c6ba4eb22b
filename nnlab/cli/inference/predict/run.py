"""Executes `nnlab predict`."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from nnlab.analysis.model_choice import ModelChoice, choose_models
from nnlab.analysis.trained_models import load_trained_model, make_ensemble
from nnlab.cli.inference.model_notes import choice_json, note_choice, note_input, rows_text
from nnlab.cli.open_database import open_db
from nnlab.cli.output.render import print_json, say
from nnlab.engine.device import resolve_device
from nnlab.engine.inference.input_batch import InputBatch
from nnlab.engine.inference.input_data import InputData, open_input
from nnlab.engine.inference.input_options import InputOptions
from nnlab.engine.inference.model_description import ModelDescription
from nnlab.engine.inference.predict import EnsembleMember, predict_batches
from nnlab.engine.inference.prediction_files import (
    CsvPredictions,
    PredictionWriter,
    check_id_name,
    check_output_format,
    open_prediction_file,
    prediction_rows,
)
from nnlab.io.atomic_stream import check_is_new

_COPY_CHARACTERS = 1 << 20


def run_predict(
    name: str,
    data: str,
    options: InputOptions,
    *,
    output: Path | None,
    ensemble: bool,
    model: str | None,
    device: str,
    force: bool,
    as_json: bool,
    db: str | None,
) -> None:
    """Writes the predictions of the chosen models, and prints notes about the choice and the input.

    Args:
        name: a run or a study.
        data: the input.
        options: how the input is read.
        output: the file; None is standard output.
        ensemble: average all seeds of the trial.
        model: where the code of a user-defined model is now.
        device: where the models are evaluated.
        force: replace an existing file.
        as_json: print JSON, with the predictions if there is no file.
        db: path or URL of the database; None for the default.

    Raises:
        UsageError: the run has no weights, or a format is not supported.
        DataError: the input cannot be predicted; the message has all of its problems.
        OutputError: the file exists, or cannot be written.
    """
    if output is not None:
        check_output_format(output)
        check_is_new(output, force=force)
    with open_db(db) as database:
        choice = choose_models(database, name, ensemble=ensemble)
        trained = [
            load_trained_model(database, run, execute_code=choice.names_run, user_model=model)
            for run in choice.runs
        ]
    description = trained[0].description
    if options.id_column is not None:
        check_id_name(options.id_column, description.classes)
    ensemble_members = make_ensemble(trained, resolve_device(device))
    with open_input(data, description, options) as inputs:
        members = [
            (predictor, inputs if own is description else inputs.encoded_for(own))
            for predictor, own in ensemble_members
        ]
        if as_json:
            _print_json(choice, members, inputs, description, output)
            return
        open_writer = (
            _open_stdout(inputs.id_name, description.classes)
            if output is None
            else open_prediction_file(output, inputs.id_name, description.classes)
        )
        with open_writer as writer:
            rows = _write_all(members, writer)
    note_choice(choice)
    note_input(inputs.report.warnings, inputs.report.notes)
    if output is not None:
        say(f"{output}: {rows_text(rows)}")


def _write_all(members: list[EnsembleMember], writer: PredictionWriter) -> int:
    """Writes the predictions of an input; returns the number of rows."""
    rows = 0
    (predictor, inputs), *others = members
    for batch, predictions in predict_batches(predictor, inputs, *others):
        writer.write(batch, predictions)
        rows += len(batch)
    return rows


@contextmanager
def _open_stdout(id_name: str, classes: tuple[str, ...]) -> Iterator[PredictionWriter]:
    """A writer whose CSV table is printed when the context ends without an error."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as file:
        yield CsvPredictions(file, id_name, classes)
        file.seek(0)
        _copy_to_stdout(file)


def _copy_to_stdout(file: IO[str]) -> None:
    while text := file.read(_COPY_CHARACTERS):
        sys.stdout.write(text)


class _JsonRows:
    """Collects predictions as objects."""

    def __init__(self, inputs: InputData, description: ModelDescription) -> None:
        self.rows: list[dict[str, Any]] = []
        self._id_name, self._classes = inputs.id_name, description.classes

    def write(self, batch: InputBatch, predictions: NDArray[Any]) -> None:
        """Adds the predictions of a batch."""
        self.rows += prediction_rows(batch, predictions, self._id_name, self._classes)


def _print_json(
    choice: ModelChoice,
    members: list[EnsembleMember],
    inputs: InputData,
    description: ModelDescription,
    output: Path | None,
) -> None:
    result: dict[str, Any] = dict(choice_json(choice))
    if output is None:
        collected = _JsonRows(inputs, description)
        rows = _write_all(members, collected)
        result["predictions"] = collected.rows
    else:
        with open_prediction_file(output, inputs.id_name, description.classes) as writer:
            rows = _write_all(members, writer)
        result["output"] = str(output)
    report = inputs.report
    result |= {"rows": rows, "warnings": report.warnings, "notes": [*choice.notes, *report.notes]}
    print_json(result)
