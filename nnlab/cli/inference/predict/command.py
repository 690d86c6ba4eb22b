"""`nnlab predict`: predictions of a trained model for new examples."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli.inference.options import (
    DataOption,
    DeviceOption,
    IdOption,
    InvalidRows,
    InvalidRowsOption,
    JsonOption,
    ModelOption,
    RunOrStudyArgument,
    UnseenCategories,
    UnseenOption,
)
from nnlab.cli.options import DbOption

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def predict(
    name: RunOrStudyArgument,
    *,
    data: DataOption,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help=".csv, .jsonl, .npz or .parquet \\[default: CSV on standard output]",
        ),
    ] = None,
    id_column: IdOption = None,
    probabilities: Annotated[
        bool,
        typer.Option(
            "--probabilities",
            help="for tokens and pixels: write the probabilities of all classes to the .npz file"
            " too",
        ),
    ] = False,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="average the predictions of all seeds of the trial")
    ] = False,
    unseen: UnseenOption = UnseenCategories.ZEROS,
    invalid_rows: InvalidRowsOption = InvalidRows.ERROR,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    force: Annotated[bool, typer.Option("--force", help="replace FILE if it exists")] = False,
    as_json: JsonOption = False,
    db: DbOption = None,
) -> None:
    """Predict new examples with a trained model: a row for each row of the input, in its order.

    A row has the predicted class and the probability of each class (the softmax of the outputs),
    the predicted tags joined by ; and the probability of each, or the predicted values in the units
    of the targets. For tokens, pixels and reconstructions FILE is an .npz archive. Inputs are
    preprocessed as in the training; the training data is not needed.

    [bold]Examples[/bold]

        nnlab predict 1 --data new.csv -o predictions.csv

        nnlab predict depth --data new.csv --id patient --ensemble

        nnlab predict 1 --data photos/ -o predictions.jsonl
    """
    # Imported only here: torch takes a second or two, which `--help` does not wait for.
    from nnlab.cli.inference.predict import run
    from nnlab.engine.inference.input_options import InputOptions

    run.run_predict(
        name,
        data,
        InputOptions(id_column, unseen.value, invalid_rows.value),
        output=output,
        probabilities=probabilities,
        ensemble=ensemble,
        model=model,
        device=device,
        force=force,
        as_json=as_json,
        db=db,
    )
