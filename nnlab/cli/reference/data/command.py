"""`nnlab data`: shows data sets before training, and downloads published ones."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.catalogue import is_plugin_name
from nnlab.cli import completion
from nnlab.cli.options import ForceOption, given_settings, with_settings
from nnlab.cli.output.render import print_json, say
from nnlab.cli.reference.data.summary_table import dataset_json, print_dataset_summary
from nnlab.cli.train.train.downloads import fetch_with_progress
from nnlab.engine.data.table_options import TABLE_FIELDS
from nnlab.study.dataset_config import (
    DatasetProposal,
    propose_dataset_config,
    time_split_command,
    train_command,
)

if TYPE_CHECKING:
    from nnlab.engine.data.split_dataset import SplitDataset
    from nnlab.engine.data.summary import DatasetSummary

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    no_args_is_help=True,
    help="Show data sets before training, and download published ones.",
)

# The fields of a setting that determine the data.
DATA_FIELDS = (
    "samples",
    "data_noise",
    "data_seed",
    "classes",
    "rotate",
    "train_size",
    "label_noise",
    "val_fraction",
    "test_fraction",
    "split_seed",
    "stratify_by",
    "split_by",
    "split_by_time",
    "split_file",
    *TABLE_FIELDS,
)


class DataFormat(StrEnum):
    """Output format of a data set."""

    TABLE = "table"
    JSON = "json"


@app.callback()
def data() -> None:
    """Show data sets before training, and download published ones."""


@app.command()
@partial(with_settings, only=DATA_FIELDS)
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="a data set, as in --data",
            autocompletion=completion.catalogue_completer("data"),
        ),
    ],
    *,
    picture: Annotated[
        Path | None,
        typer.Option(
            "--picture", metavar="FILE", help="draw examples into a .png, .svg or .pdf file"
        ),
    ] = None,
    force: ForceOption = False,
    format: Annotated[  # noqa: A002  the option is called --format
        DataFormat, typer.Option("--format", help="output format")
    ] = DataFormat.TABLE,
    **settings: Any,
) -> None:
    """Show a data set: shapes, splits, classes, means, and what was inferred from a file.

    Statistics are those of the training split, before the preprocessing of the inputs. For a table
    with problems, options that solve them are added; the last lines train on it.

    [bold]Examples[/bold]

        nnlab data show iris

        nnlab data show spirals --data-noise 0.1 --picture spirals.png

        nnlab data show points.csv

        nnlab data show csv:points.csv#kind --format json
    """
    if picture is not None:
        from nnlab.cli.output.figure_files import check_figure_paths

        check_figure_paths([picture], force=force)
    proposal = propose_dataset_config(name, given_settings(settings))
    config = proposal.config
    fetch_with_progress(config.data)
    # torch is imported only when a data set is read.
    from nnlab.engine.data.split_dataset import read_and_split
    from nnlab.engine.data.summary import summarise_dataset

    split_dataset = read_and_split(config)
    summary = summarise_dataset(split_dataset)
    is_json = format is DataFormat.JSON
    commands = _proposed_commands(proposal, split_dataset, summary)
    if is_json:
        proposed = {"problems": list(proposal.problems), "commands": commands}
        print_json(dataset_json(config, split_dataset, summary) | proposed)
    else:
        for problem in proposal.problems:
            say(problem)
        print_dataset_summary(config, split_dataset, summary)
    if picture is not None:
        _draw_examples(split_dataset, picture, silent=is_json)
    if not is_json:
        for heading, command in commands.items():
            say(f"{heading}:")
            say(f"  {command}")


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
    """Download published data sets that this machine does not have yet.

    Training downloads them automatically; this command prepares for work without a network.

    [bold]Example[/bold]

        nnlab data fetch fashion-mnist
    """
    for name in names:
        files = fetch_with_progress(name)
        source = "read by its plugin" if is_plugin_name("data", name) else "included in nnlab"
        say(f"{name}: {files[0].parent if files else source}")


def _proposed_commands(
    proposal: DatasetProposal, split_dataset: "SplitDataset", summary: "DatasetSummary"
) -> dict[str, str]:
    """The commands that train on a table, by what they do; empty for other data."""
    dataset = split_dataset.dataset
    # numpy is imported only when a data set was read.
    from nnlab.engine.data.table_tags import suggested_separator
    from nnlab.engine.data.target_columns import format_target_columns, target_columns_of

    targets = target_columns_of(dataset)
    if not targets:
        return {}
    target = format_target_columns(targets)
    constant = {feature.name for feature in summary.features if feature.constant}
    useless = [
        column.name
        for column in dataset.columns
        if column.name in summary.id_columns or constant.issuperset(column.feature_names)
    ]
    commands = {}
    timed = time_split_command(proposal, dataset, useless)
    if timed is not None:
        commands["the rows are in order of time; test on the latest ones"] = timed
    separator = suggested_separator(dataset)
    if separator is not None:
        settings = {**proposal.settings, "target_separator": separator}
        tags = DatasetProposal(proposal.config, settings)
        heading = f"the texts of column '{target}' look like tags; make each tag a target"
        commands[heading] = train_command(tags, target, useless)
    commands["train on this table"] = train_command(proposal, target, useless)
    return commands


def _draw_examples(split_dataset: "SplitDataset", picture: Path, *, silent: bool) -> None:
    from nnlab.figures.draw.save import save_figure
    from nnlab.figures.kinds.dataset import draw_dataset

    provenance = {"data": split_dataset.dataset.name, "fingerprint": split_dataset.fingerprint}
    save_figure(draw_dataset(split_dataset.dataset, split_dataset.rows.train), picture, provenance)
    if not silent:
        say(f"{picture}: examples of the training split")
