"""Executes `nnlab evaluate`."""

from nnlab import store
from nnlab.analysis.model_choice import choose_models
from nnlab.analysis.trained_models import allow_user_code, load_trained_model
from nnlab.cli.inference.model_notes import choice_json, note_choice, note_input, rows_text
from nnlab.cli.open_database import open_db
from nnlab.cli.output.render import print_json, print_pairs, say
from nnlab.engine.device import resolve_device
from nnlab.engine.inference.evaluate import evaluate
from nnlab.engine.inference.input_data import data_label, metric_label, open_input
from nnlab.engine.inference.input_options import InputOptions
from nnlab.objective import EVALUATION_PREFIX


def run_evaluate(
    name: str,
    data: str,
    options: InputOptions,
    *,
    data_name: str | None,
    stores: bool,
    model: str | None,
    device: str,
    as_json: bool,
    db: str | None,
) -> None:
    """Prints the metrics of a run on other data, and stores them with the run.

    Args:
        name: a run or a study.
        data: the input.
        options: how the input is read.
        data_name: the name of the data in the metrics; by default that of its file.
        stores: whether the metrics are stored.
        model: where the code of a user-defined model is now.
        device: where the model is evaluated.
        as_json: print JSON.
        db: path or URL of the database; None for the default.

    Raises:
        UsageError: the run has no weights, or the name cannot be part of a metric.
        DataError: the input cannot be evaluated; the message has all of its problems.
        StoreError: the metrics cannot be stored.
    """
    label = data_label(data) if data_name is None else metric_label(data_name)
    with open_db(db, write=stores) as database:
        choice = choose_models(database, name)
        run = choice.runs[0]
        trained = load_trained_model(database, run, execute_code=choice.names_run, user_model=model)
        predictor = trained.predictor(resolve_device(device))
        with (
            open_input(data, trained.description, options) as inputs,
            allow_user_code(choice.names_run),  # the loss may be the user's
        ):
            version = inputs.version()
            result = evaluate(predictor, inputs, trained.description)
        prefix = f"{EVALUATION_PREFIX}{label}@{version[:8]}/"
        values = {f"{prefix}{metric}": value for metric, value in result.metrics.items()}
        if stores:
            store.store_evaluation(database, run, values)
    report = inputs.report
    if as_json:
        print_json(
            {
                **choice_json(choice),
                "data": inputs.shown,
                "version": version,
                "rows": result.rows,
                "metrics": values,
                "stored": stores,
                "warnings": report.warnings,
                "notes": [*choice.notes, *report.notes, *result.notes],
            }
        )
        return
    note_choice(choice)
    note_input(report.warnings, [*report.notes, *result.notes])
    stored = "" if stores else ", not stored"
    say(f"run {run.id} on {inputs.shown}: {rows_text(result.rows)}{stored}", style="bold")
    print_pairs([(metric, f"{value:.5g}") for metric, value in values.items()])
