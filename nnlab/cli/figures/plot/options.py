"""Options that kinds of figures share, and the application that they are commands of."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from nnlab.cli.options import MOST_ROWS

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    invoke_without_command=True,
)

# What a kind's own options come to: studies or runs, and options that JSON can hold.
Asked = tuple[Sequence[str], dict[str, Any]]

By = Annotated[
    str | None, typer.Option("--by", metavar="METRIC", help="\\[default: the study's objective]")
]
Metric = Annotated[
    list[str] | None,
    typer.Option(
        "--metric", metavar="METRIC", help="loss, accuracy, val/loss, ...; repeat for more panels"
    ),
]
Top = Annotated[
    int, typer.Option("--top", metavar="N", min=1, max=MOST_ROWS, help="draw the N best trials")
]
X = Annotated[
    str | None,
    typer.Option("--x", metavar="FIELD", help="a setting \\[default: the one that differs most]"),
]
Split = Annotated[str, typer.Option("--split", metavar="NAME", help="train, val or test")]
Steps = Annotated[
    int, typer.Option("--steps", metavar="N", min=1, max=1_000_000, help="steps in an epoch")
]
What = Annotated[
    list[str] | None,
    typer.Option("--what", metavar="NAME", help="as nnlab show names it after probe/; repeat"),
]


class Seeds(StrEnum):
    """How several seeds are drawn."""

    INTERVAL = "interval"
    RANGE = "range"
    SD = "sd"
    ALL = "all"


class Over(StrEnum):
    """What stands for all trials that agree in the settings drawn."""

    BEST = "best"
    MEAN = "mean"


class Cost(StrEnum):
    """What a metric is drawn against."""

    SECONDS = "seconds"
    EPOCHS = "epochs"
    STEPS = "steps"


def said(**options: Any) -> dict[str, Any]:
    """The options that say something."""
    return {name: value for name, value in options.items() if value is not None}
