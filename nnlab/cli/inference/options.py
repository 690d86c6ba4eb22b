"""Options and arguments that the commands of this folder share."""

from enum import StrEnum
from typing import Annotated

import typer

from nnlab.cli import completion


class UnseenCategories(StrEnum):
    """What happens with a category that the training data does not have."""

    ZEROS = "zeros"
    ERROR = "error"


class InvalidRows(StrEnum):
    """What happens with a row that has missing or malformed values."""

    ERROR = "error"
    BLANK = "blank"


RunOrStudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN|STUDY",
        help="a run by number or name, or a study, whose best trial is used",
        autocompletion=completion.studies_and_runs,
    ),
]
DataOption = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="FILE",
        help="new examples: .csv, .jsonl, .parquet, .xlsx or .npz, or a folder of images;"
        " - is a CSV table on standard input",
    ),
]
IdOption = Annotated[
    str | None,
    typer.Option(
        "--id", metavar="COLUMN", help="column with an id for each row \\[default: its number]"
    ),
]
UnseenOption = Annotated[
    UnseenCategories,
    typer.Option("--unseen", help="encode unseen categories as no category, or refuse them"),
]
InvalidRowsOption = Annotated[
    InvalidRows,
    typer.Option(
        "--invalid-rows", help="refuse rows with invalid values, or leave their predictions empty"
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="FILE:NAME",
        help="where the code of a user-defined model is \\[default: as in the training]",
    ),
]
DeviceOption = Annotated[
    str, typer.Option("--device", metavar="NAME", help="where the model is evaluated")
]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON")]
