"""Checks of split files and selected outputs before a run is stored, on the files themselves.

A run repeats them when it starts, because the files may have changed since.
"""

from collections.abc import Callable

from nnlab.catalogue import find_choice
from nnlab.engine.data import BUILTIN, GENERATED, read_dataset
from nnlab.errors import NnlabError, UserCodeRefused
from nnlab.settings import RunConfig
from nnlab.settings.data_facts import DataFacts


def split_file_problems(config: RunConfig, facts: DataFacts) -> list[str]:
    """What is wrong with the split file of a config, for its data set."""
    if config.split_file is None:
        return []
    if facts.own_test or facts.own_val:
        return [f"{config.data} has splits of its own, which --split-file cannot change"]
    # numpy is imported only if there is a split file: `nnlab train` starts faster.
    from nnlab.engine.data import split_file

    count = facts.num_examples
    if count is None and find_choice("data", config.data).name in (*BUILTIN, *GENERATED):
        count = len(read_dataset(config).examples)
    return split_file.split_file_problems(config.split_file, count)


def output_checker() -> Callable[[RunConfig], list[str]]:
    """A function that returns what is wrong with the selected output of a resolved config.

    The user's model is built for this, once for each combination of the settings that it
    depends on.
    """
    checked: dict[tuple[object, ...], list[str]] = {}

    def output_problems(config: RunConfig) -> list[str]:
        if config.model_output is None:
            return []
        key = (config.model, config.model_output, config.arguments, config.data, config.classes)
        if key not in checked:
            checked[key] = _model_problems(config)
        return checked[key]

    return output_problems


def _model_problems(config: RunConfig) -> list[str]:
    # torch is imported only if an output is selected: `nnlab train` starts faster.
    from nnlab.engine import models
    from nnlab.engine.seeds import make_generator

    try:
        dataset = read_dataset(config)
        models.build(
            config, dataset.in_shape, dataset.num_outputs, make_generator(config.seed, "weights")
        )
    except UserCodeRefused:
        return []  # the command may not execute it, and so will not train it either
    except NnlabError as error:
        return [error.message]
    return []
