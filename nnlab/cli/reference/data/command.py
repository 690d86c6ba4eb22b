"""`nnlab data`: look at data sets before training, and fetch the published ones."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.cli import completion
from nnlab.cli.options import ForceOption, given_settings, with_settings
from nnlab.cli.output.render import print_json, say
from nnlab.cli.reference.data.summary_table import dataset_json, print_dataset_summary
from nnlab.cli.train.train.downloads import fetch_with_progress
from nnlab.config import RunConfig
from nnlab.config.space import expand_space, parse_space
from nnlab.engine.data import dataset_facts
from nnlab.errors import UsageError

if TYPE_CHECKING:
    from nnlab.engine.data.split_dataset import SplitDataset

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    no_args_is_help=True,
    help="Look at data sets before training, and fetch the published ones.",
)

# The fields of a setting that decide what the data is.
DATA_FIELDS = (
    "samples",
    "data_noise",
    "data_seed",
    "classes",
    "train_size",
    "label_noise",
    "val_fraction",
    "test_fraction",
    "split_seed",
)


class DataFormat(StrEnum):
    """How a data set is shown."""

    TABLE = "table"
    JSON = "json"


@app.callback()
def data() -> None:
    """Look at data sets before training, and fetch the published ones."""


@app.command()
@partial(with_settings, only=DATA_FIELDS)
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="a data set, as for --data",
            autocompletion=completion.catalogue_completer("data"),
        ),
    ],
    *,
    picture: Annotated[
        Path | None,
        typer.Option("--picture", metavar="FILE", help="draw examples: .png, .svg or .pdf"),
    ] = None,
    force: ForceOption = False,
    format: Annotated[  # noqa: A002  the option is called --format
        DataFormat, typer.Option("--format", help="how to print")
    ] = DataFormat.TABLE,
    **settings: Any,
) -> None:
    """Show what is in a data set: shapes, splits, classes, means, what was inferred of a file.

    Means and the like are those of the training split, before anything is done to the inputs.

    [bold]Examples[/bold]

        nnlab data show iris

        nnlab data show spirals --data-noise 0.1 --picture spirals.png

        nnlab data show csv:points.csv#kind --format json
    """
    if picture is not None:
        from nnlab.cli.output.figure_files import check_figure_paths

        check_figure_paths([picture], force=force)
    config = resolve_single_config(name, given_settings(settings))
    fetch_with_progress(name)
    from nnlab.engine.data.split_dataset import read_and_split
    from nnlab.engine.data.summary import summarise_dataset

    arranged = read_and_split(config)
    summary = summarise_dataset(arranged)
    if how_is_json := format is DataFormat.JSON:
        print_json(dataset_json(config, arranged, summary))
    else:
        print_dataset_summary(config, arranged, summary)
    if picture is not None:
        _draw_examples(arranged, picture, silent=how_is_json)


@app.command()
def fetch(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="fashion-mnist, mnist, cifar10 or cifar100",
            autocompletion=completion.catalogue_completer("data"),
        ),
    ],
) -> None:
    """Download published data sets, where this machine does not have them yet.

    Training does so by itself; this is for before the network is gone.

    [bold]Example[/bold]

        nnlab data fetch fashion-mnist
    """
    for name in names:
        places = fetch_with_progress(name)
        say(f"{name}: {places[0].parent}" if places else f"{name}: comes with nnlab")


def resolve_single_config(name: str, settings: dict[str, Any]) -> RunConfig:
    """The resolved config of one data set.

    Raises:
        ConfigError: a setting that is out of its limits, or does nothing with this set.
        UsageError: more than one data set is meant.
    """
    known = dataset_facts(name)
    points = expand_space(parse_space({"data": [name], **settings}), lambda _: known)
    if len(points) != 1:
        raise UsageError("one data set is shown at a time: give each option one value")
    return points[0].config


def _draw_examples(arranged: "SplitDataset", picture: Path, *, silent: bool) -> None:
    from nnlab.figures.draw.save import save_figure
    from nnlab.figures.kinds.dataset import draw_dataset

    provenance = {"data": arranged.dataset.name, "fingerprint": arranged.fingerprint}
    save_figure(draw_dataset(arranged.dataset, arranged.rows.train), picture, provenance)
    if not silent:
        say(f"{picture}: examples of the training split")
