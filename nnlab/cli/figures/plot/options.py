"""Options shared by the kinds of figures, and the application of their commands."""

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

# Result of a command function: studies or runs, and the options of the kind as JSON values.
FigureOptions = tuple[Sequence[str], dict[str, Any]]

ByOption = Annotated[
    str | None,
    typer.Option(
        "--by", "--metric", metavar="METRIC", help="metric \\[default: the study's objective]"
    ),
]
MetricOption = Annotated[
    list[str] | None,
    typer.Option(
        "--metric", metavar="METRIC", help="loss, accuracy, val/loss, ...; repeat for more panels"
    ),
]
TopOption = Annotated[
    int, typer.Option("--top", metavar="N", min=1, max=MAX_ROWS, help="only the N best trials")
]
XOption = Annotated[
    str | None,
    typer.Option(
        "--x", metavar="FIELD", help="a field of the setting \\[default: the one with most values]"
    ),
]
AcrossOption = Annotated[
    str,
    typer.Option(
        "--across", metavar="FIELD", help="field whose values are compared, for example opt"
    ),
]
SplitOption = Annotated[str, typer.Option("--split", metavar="NAME", help="train, val or test")]
StepsOption = Annotated[
    int, typer.Option("--steps", metavar="N", min=1, max=1_000_000, help="steps per epoch")
]
QuantityOption = Annotated[
    list[str] | None,
    typer.Option(
        "--what", metavar="NAME", help="a metric of nnlab show, without probe/; repeat for more"
    ),
]


class SeedDisplay(StrEnum):
    """Representation of several seeds."""

    INTERVAL = "interval"
    RANGE = "range"
    SD = "sd"
    SE = "se"
    ALL = "all"


class TrialAggregation(StrEnum):
    """Value that represents all trials at one point of a figure."""

    BEST = "best"
    MEAN = "mean"


class RunPooling(StrEnum):
    """Runs that are drawn at a value of a field."""

    BEST = "best"
    ALL = "all"


class RankBlocks(StrEnum):
    """Within what methods are ranked."""

    DATA = "data"
    SEEDS = "seeds"


class CostAxis(StrEnum):
    """Cost that a metric is drawn against."""

    SECONDS = "seconds"
    EPOCHS = "epochs"
    STEPS = "steps"


def drop_unset(**options: Any) -> dict[str, Any]:
    """The options that are not None."""
    return {name: value for name, value in options.items() if value is not None}
