"""`nnlab export`: a trained model as a file for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli.inference.options import JsonOption, ModelOption, RunOrStudyArgument
from nnlab.cli.options import DbOption

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
            metavar="FILE",
            help=".pt2 (torch.export), .onnx, or .safetensors (weights, with a .json beside it)",
        ),
    ],
    raw: Annotated[
        bool,
        typer.Option(
            "--raw", help="outputs of the model itself, not probabilities or the target's unit"
        ),
    ] = False,
    model: ModelOption = None,
    force: Annotated[bool, typer.Option("--force", help="replace FILE if it exists")] = False,
    as_json: JsonOption = False,
    db: DbOption = None,
) -> None:
    """Export a trained model, from raw inputs to probabilities or values in the target's unit.

    The preprocessing of the inputs is part of the program; a batch has any size. The file is
    loaded again, and kept only if its outputs are those of the run.

    [bold]Examples[/bold]

        nnlab export 1 -o model.pt2

        nnlab export depth -o model.onnx --raw
    """
    # Imported only here: torch takes a second or two, which `--help` does not wait for.
    from nnlab.cli.inference.export import run

    run.run_export(name, output, raw=raw, model=model, force=force, as_json=as_json, db=db)
