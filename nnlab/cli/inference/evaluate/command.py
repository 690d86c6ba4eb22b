"""`nnlab evaluate`: metrics of a trained model on other data."""

from typing import Annotated

import typer

from nnlab.cli.inference.options import (
    DeviceOption,
    InvalidRows,
    JsonOption,
    ModelOption,
    RunOrStudyArgument,
    UnseenCategories,
    UnseenOption,
)
from nnlab.cli.options import DbOption

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def evaluate(
    name: RunOrStudyArgument,
    *,
    data: Annotated[
        str,
        typer.Option(
            "--data",
            metavar="FILE",
            help="examples with targets: .csv, .jsonl, .parquet, .xlsx or .npz, or a folder of"
            " images with a sub-folder for each class; - is a CSV table on standard input",
        ),
    ],
    data_name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="name of the data in metrics \\[default: of its file]"
        ),
    ] = None,
    no_store: Annotated[
        bool, typer.Option("--no-store", help="print the metrics without storing them")
    ] = False,
    unseen: UnseenOption = UnseenCategories.ZEROS,
    invalid_rows: Annotated[
        InvalidRows,
        typer.Option("--invalid-rows", help="refuse rows with invalid values, or leave them out"),
    ] = InvalidRows.ERROR,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    db: DbOption = None,
) -> None:
    """Evaluate a trained model on other data; the test results of the run are not changed.

    The metrics are stored with the run as eval/NAME@VERSION/..., where VERSION is a hash of the
    data; the same data replaces them. nnlab show prints them; rankings never use them.

    [bold]Examples[/bold]

        nnlab evaluate 1 --data hospital-b.csv

        nnlab evaluate depth --data later.csv --no-store --json
    """
    # Imported only here: torch takes a second or two, which `--help` does not wait for.
    from nnlab.cli.inference.evaluate import run
    from nnlab.engine.inference.input_options import InputOptions

    run.run_evaluate(
        name,
        data,
        InputOptions(None, unseen.value, invalid_rows.value, uses_targets=True),
        data_name=data_name,
        stores=not no_store,
        model=model,
        device=device,
        as_json=as_json,
        db=db,
    )
