"""Executes `nnlab predict`."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
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
from nnlab.engine.inference.predict import EnsembleMember, predict_batches
from nnlab.engine.inference.prediction_fields import PredictionFields, prediction_rows
from nnlab.engine.inference.prediction_files import (
    CsvPredictions,
    PredictionWriter,
    check_fits_format,
    check_id_name,
    check_output_format,
    open_prediction_file,
)
from nnlab.errors import UsageError
from nnlab.io.atomic_stream import check_is_new

_COPY_CHARACTERS = 1 << 20


def run_predict(
    name: str,
    data: str,
    options: InputOptions,
    *,
    output: Path | None,
    probabilities: bool,
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
        probabilities: write the probabilities of tokens and pixels too.
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
    fields = PredictionFields.of(description, options.id_column or "")
    if options.id_column is not None:
        check_id_name(fields)
    check_fits_format(fields, output)
    if probabilities and not fields.is_dense:
        raise UsageError(
            "--probabilities has no effect: it is for the classes of tokens and pixels",
            hint="the predictions have all probabilities already; leave it out",
        )
    ensemble_members = make_ensemble(trained, resolve_device(device))
    with open_input(data, description, options) as inputs:
        fields = replace(fields, id_name=inputs.id_name)
        members = [
            (predictor, inputs if own is description else inputs.encoded_for(own))
            for predictor, own in ensemble_members
        ]
        if as_json:
            _print_json(choice, members, inputs, fields, output, probabilities)
            return
        open_writer = (
            _open_stdout(fields)
            if output is None
            else open_prediction_file(output, fields, with_probabilities=probabilities)
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
def _open_stdout(fields: PredictionFields) -> Iterator[PredictionWriter]:
    """A writer whose CSV table is printed when the context ends without an error."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as file:
        yield CsvPredictions(file, fields)
        file.seek(0)
        _copy_to_stdout(file)


def _copy_to_stdout(file: IO[str]) -> None:
    while text := file.read(_COPY_CHARACTERS):
        sys.stdout.write(text)


class _JsonRows:
    """Collects predictions as objects."""

    def __init__(self, fields: PredictionFields) -> None:
        self.rows: list[dict[str, Any]] = []
        self._fields = fields

    def write(self, batch: InputBatch, predictions: NDArray[Any]) -> None:
        """Adds the predictions of a batch."""
        self.rows += prediction_rows(batch, predictions, self._fields)


def _print_json(
    choice: ModelChoice,
    members: list[EnsembleMember],
    inputs: InputData,
    fields: PredictionFields,
    output: Path | None,
    probabilities: bool,
) -> None:
    result: dict[str, Any] = dict(choice_json(choice))
    if output is None:
        collected = _JsonRows(fields)
        rows = _write_all(members, collected)
        result["predictions"] = collected.rows
    else:
        opened = open_prediction_file(output, fields, with_probabilities=probabilities)
        with opened as writer:
            rows = _write_all(members, writer)
        result["output"] = str(output)
    report = inputs.report
    result |= {"rows": rows, "warnings": report.warnings, "notes": [*choice.notes, *report.notes]}
    print_json(result)
