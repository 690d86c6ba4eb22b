"""Executes `nnlab export`."""

from pathlib import Path

from nnlab.analysis.model_choice import choose_models
from nnlab.analysis.trained_models import load_trained_model
from nnlab.cli.inference.model_notes import choice_json, note_choice
from nnlab.cli.open_database import open_db
from nnlab.cli.output.render import print_json, say
from nnlab.engine.inference.export import export_model, export_paths
from nnlab.engine.inference.export_formats import find_export_format
from nnlab.io.atomic_stream import check_is_new


def run_export(
    name: str,
    output: Path,
    *,
    raw: bool,
    model: str | None,
    force: bool,
    as_json: bool,
    db: str | None,
) -> None:
    """Exports the model of a run, and prints how exactly its outputs are reproduced.

    Args:
        name: a run or a study.
        output: the file; its suffix is the format.
        raw: export the outputs of the model itself.
        model: where the code of a user-defined model is now.
        force: replace existing files.
        as_json: print JSON.
        db: path or URL of the database; None for the default.

    Raises:
        UsageError: the format is not supported, or the run has no weights.
        OutputError: a file exists, or the model cannot be exported exactly.
    """
    find_export_format(output)
    for path in export_paths(output):
        check_is_new(path, force=force)
    with open_db(db) as database:
        choice = choose_models(database, name)
        trained = load_trained_model(
            database, choice.runs[0], execute_code=choice.names_run, user_model=model, raw=raw
        )
    result = export_model(trained.model, trained.description, output)
    if as_json:
        print_json(
            {
                **choice_json(choice),
                "files": [str(path) for path in result.files],
                "inputs": result.inputs,
                "max_difference": result.max_difference,
                "tolerance": result.tolerance,
                "batch_sizes": list(result.batch_sizes),
                "notes": list(choice.notes),
            }
        )
        return
    note_choice(choice)
    sizes = ", ".join(map(str, result.batch_sizes))
    say(
        f"{', '.join(map(str, result.files))}: loaded again, its outputs differ from those of run"
        f" {choice.runs[0].id} by at most {result.max_difference:.2g} (allowed"
        f" {result.tolerance:.2g}; batches of {sizes}); inputs {result.inputs}"
    )
