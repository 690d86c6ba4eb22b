"""The configuration of a data set without a study, for `nnlab data show`."""

from collections.abc import Mapping

from nnlab.config import RunConfig
from nnlab.config.space import expand_space, parse_space
from nnlab.engine.data import facts_of
from nnlab.engine.versions import file_versions
from nnlab.errors import UsageError


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
