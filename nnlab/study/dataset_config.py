"""The configuration of a data set without a study, for `nnlab data show`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nnlab.catalogue.data import STREAMED_DATA
from nnlab.catalogue.user_files import table_prefix
from nnlab.engine.data import facts_of
from nnlab.engine.versions import file_versions
from nnlab.errors import ConfigError, DataError, TableProblems, UsageError
from nnlab.io.command_line import quote_command
from nnlab.settings import RunConfig, setting_fields
from nnlab.settings.column_names import format_column_names, parse_column_names
from nnlab.settings.space import expand_space, parse_space

if TYPE_CHECKING:
    from nnlab.engine.data.dataset import Dataset

# Options may reveal further problems, such as categories that become fewer without some rows.
_MAX_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class DatasetProposal:
    """A configuration in which a data set can be trained.

    `settings` are the texts by field that lead to it: the given ones and those that solve
    `problems`.
    """

    config: RunConfig
    settings: Mapping[str, object]
    problems: tuple[str, ...] = ()


def resolve_dataset_config(name: str, settings: Mapping[str, object]) -> RunConfig:
    """The resolved configuration of one data set.

    Args:
        name: a data set, as in `--data`.
        settings: texts of the command line by field.

    Raises:
        ConfigError: a setting exceeds its limits, or has no effect with this data set.
        UsageError: the settings describe more than one data set.
    """
    space = parse_space({"data": [name], **settings})
    trials = expand_space(space, facts_of, versions=file_versions)
    if len(trials) != 1:
        raise UsageError("only one data set can be shown: give each option one value")
    return trials[0].config


def propose_dataset_config(name: str, settings: Mapping[str, object]) -> DatasetProposal:
    """A configuration for a data set; options that solve the problems of a table are added.

    Args:
        name: a data set, as in `--data`, or the file of a table without its prefix.
        settings: texts of the command line by field.

    Raises:
        TableProblems: no option solves the problems.
        UsageError: the data is read through a loader only.
        NnlabError: as `resolve_dataset_config`.
    """
    name = _with_prefix(name)
    if name in STREAMED_DATA:
        raise UsageError(
            f"{name} is read through a loader, item by item: it has no table of features to show",
            hint="nnlab choices data describes it",
        )
    proposed, problems = dict(settings), []
    for _ in range(_MAX_ROUNDS):
        try:
            config = resolve_dataset_config(name, proposed)
        except TableProblems as error:
            improved = _merge(proposed, error.fixes)
            if improved == proposed:
                raise
            problems.append(error.message)
            proposed = improved
        else:
            return DatasetProposal(config, proposed, tuple(problems))
    raise TableProblems(problems[-1], hint="correct the file")


def train_command(proposal: DatasetProposal, target: str, drop_columns: Sequence[str] = ()) -> str:
    """The command that trains on a proposed data set.

    Args:
        proposal: the data set.
        target: its target columns, as after `#`.
        drop_columns: more columns to drop, unless the table cannot be trained without them.
    """
    settings = _merge(proposal.settings, {"drop_columns": format_column_names(drop_columns)})
    if settings != dict(proposal.settings):
        try:
            resolve_dataset_config(proposal.config.data, settings)
        except (DataError, ConfigError):
            settings = dict(proposal.settings)
    data = f"{proposal.config.data.partition('#')[0]}#{target}"
    options = (word for field, value in settings.items() for word in _words(field, value))
    return quote_command("nnlab", "train", "--data", data, *options)


def time_split_command(
    proposal: DatasetProposal, dataset: "Dataset", drop_columns: Sequence[str] = ()
) -> str | None:
    """The command that tests on the latest rows; None if the rows are not in order of a date.

    Args:
        proposal: the data set.
        dataset: the same data set, read.
        drop_columns: more columns to drop.
    """
    # numpy is imported only when a data set was read.
    from nnlab.engine.data.split_dataset import read_and_split
    from nnlab.engine.data.suspicious_data import ordered_dates
    from nnlab.engine.data.target_columns import format_target_columns, target_columns_of

    column = next(iter(ordered_dates(dataset)), None)
    if column is None or {"split_by", "split_by_time", "split_file"} & set(proposal.settings):
        return None
    settings = {**proposal.settings, "split_by_time": column}
    try:
        # The splits are drawn too: not every date can be compared.
        read_and_split(resolve_dataset_config(proposal.config.data, settings))
    except (DataError, ConfigError):
        return None
    timed = DatasetProposal(proposal.config, settings)
    target = format_target_columns(target_columns_of(dataset))
    return train_command(timed, target, [n for n in drop_columns if n != column])


def _with_prefix(name: str) -> str:
    """The name of a table's file with its prefix; other names are unchanged."""
    path = name.partition("#")[0]
    prefix = table_prefix(path)
    return f"{prefix}{name}" if prefix is not None and Path(path).expanduser().is_file() else name


def _merge(settings: Mapping[str, object], fixes: Mapping[str, str]) -> dict[str, object]:
    merged = dict(settings)
    for field, value in fixes.items():
        if field == "drop_columns":
            given = str(settings.get(field, ""))
            names = (*parse_column_names(given), *parse_column_names(value))
            value = format_column_names(names) if names else ""
        if value:
            merged[field] = value
    return merged


def _words(field: str, value: object) -> tuple[str, str]:
    return setting_fields()[field].flag, str(value)
