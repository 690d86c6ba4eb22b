"""`nnlab export`: a trained model, or the metrics of runs, as files for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.cli.inference.options import JsonOption, ModelOption, RunOrStudyArgument
from nnlab.cli.options import DbOption
from nnlab.errors import UsageError

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def export(
    name: RunOrStudyArgument,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help=".pt2 (torch.export), .onnx, or .safetensors (weights, with a .json beside it);"
            " with --to a file or a folder",
        ),
    ],
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="KIND",
            help="export metrics and settings instead: tensorboard, mlflow, wandb, trackio, csv,"
            " parquet, model-card; or the training as a plain PyTorch script: script",
            autocompletion=completion.log_formats,
        ),
    ] = None,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw", help="outputs of the model itself, not probabilities or the target's unit"
        ),
    ] = False,
    model: ModelOption = None,
    force: Annotated[bool, typer.Option("--force", help="replace existing files")] = False,
    as_json: JsonOption = False,
    db: DbOption = None,
) -> None:
    """Export a trained model, from raw inputs to probabilities or values in the target's unit.

    The preprocessing of the inputs is part of the program; a batch has any size. The file is
    loaded again, and kept only if its outputs are those of the run.

    With --to, export the metrics and settings of a run, or of all runs of a study, in the format
    of another tool. --to script writes the training of a run as a script that needs no nnlab.

    [bold]Examples[/bold]

        nnlab export 1 -o model.pt2

        nnlab export depth -o model.onnx --raw

        nnlab export depth --to tensorboard -o logs

        nnlab export depth --to model-card -o README.md

        nnlab export 1 --to script -o train.py
    """
    if to is not None:
        from nnlab.cli.inference.export import logs

        if raw or model is not None:
            raise UsageError("--raw and --model are about models: omit them, or omit --to")
        logs.run_log_export(name, to, output, force=force, as_json=as_json, db=db)
        return
    # Imported only here: torch takes a second or two, which `--help` does not wait for.
    from nnlab.cli.inference.export import run

    run.run_export(name, output, raw=raw, model=model, force=force, as_json=as_json, db=db)
