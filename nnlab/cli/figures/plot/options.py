"""Options that kinds of figures share, and the application that they are commands of."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from nnlab.cli.options import MAX_ROWS

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    invoke_without_command=True,
)

# What a kind's own options come to: studies or runs, and options that JSON can hold.
FigureOptions = tuple[Sequence[str], dict[str, Any]]

ByOption = Annotated[
    str | None, typer.Option("--by", metavar="METRIC", help="\\[default: the study's objective]")
]
MetricOption = Annotated[
    list[str] | None,
    typer.Option(
        "--metric", metavar="METRIC", help="loss, accuracy, val/loss, ...; repeat for more panels"
    ),
]
TopOption = Annotated[
    int, typer.Option("--top", metavar="N", min=1, max=MAX_ROWS, help="draw the N best trials")
]
XOption = Annotated[
    str | None,
    typer.Option("--x", metavar="FIELD", help="a setting \\[default: the one that differs most]"),
]
SplitOption = Annotated[str, typer.Option("--split", metavar="NAME", help="train, val or test")]
StepsOption = Annotated[
    int, typer.Option("--steps", metavar="N", min=1, max=1_000_000, help="steps in an epoch")
]
QuantityOption = Annotated[
    list[str] | None,
    typer.Option("--what", metavar="NAME", help="as nnlab show names it after probe/; repeat"),
]


class SeedDisplay(StrEnum):
    """How several seeds are drawn."""

    INTERVAL = "interval"
    RANGE = "range"
    SD = "sd"
    ALL = "all"


class TrialAggregation(StrEnum):
    """What stands for all trials that agree in the settings drawn."""

    BEST = "best"
    MEAN = "mean"


class CostAxis(StrEnum):
    """What a metric is drawn against."""

    SECONDS = "seconds"
    EPOCHS = "epochs"
    STEPS = "steps"


def drop_unset(**options: Any) -> dict[str, Any]:
    """The options that say something."""
    return {name: value for name, value in options.items() if value is not None}
