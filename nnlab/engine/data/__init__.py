"""Data sets by name: `read_dataset` gives examples and targets, `dataset_facts` what a setting must know.

Importing this needs neither torch nor numpy; reading a set needs numpy.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nnlab.catalogue import Choice, find_choice
from nnlab.catalogue.data import PUBLISHED
from nnlab.config import DataFacts, RunConfig
from nnlab.engine.data.class_names import CLASS_NAMES

if TYPE_CHECKING:
    from pathlib import Path

    from nnlab.engine.data.dataset import Dataset
    from nnlab.engine.data.published.download import DownloadProgress

__all__ = [
    "BUILTIN",
    "GENERATED",
    "PUBLISHED",
    "USER_DATA_MODULES",
    "dataset_facts",
    "fetch",
    "read_dataset",
]

# Functions of `builtin.py`, by the name of the set.
BUILTIN: Mapping[str, str] = {
    "digits": "digits",
    "iris": "iris",
    "wine": "wine",
    "breast-cancer": "breast_cancer",
    "diabetes": "diabetes",
}
# The sets of `generated`; those of `published` are named in the catalogue.
GENERATED = ("two-moons", "circles", "spirals", "blobs", "xor", "sequences", "teacher-student")
# Modules with a `read_dataset`, by the row of what a user brings.
USER_DATA_MODULES: Mapping[str, str] = {
    "csv:": "csv_table",
    "npz:": "npz",
    "folder:": "images",
    "module:": "user_defined",
}


def dataset_facts(name: str) -> DataFacts:
    """What a setting must know of a data set: task, classes, own splits, hash of the content.

    Only what a user brings is read for it.

    Raises:
        UnknownName: no set is called that.
        DataError: the file cannot be used; the message names line and column.
        UserCodeError: a user's function fails.
    """
    row = find_choice("data", name)
    if row.name in USER_DATA_MODULES:
        dataset = _read_user_data(row, name)
        own_splits = (dataset.own_test > 0, dataset.own_val > 0)
        return DataFacts(dataset.task, dataset.version, *own_splits, dataset.classes)
    own_test = row.name in PUBLISHED
    return DataFacts(row.tasks[0], own_test=own_test, classes=CLASS_NAMES.get(row.name, ()))


def read_dataset(config: RunConfig) -> "Dataset":
    """Reads the data set of a config whole; of a published one, downloads what is not there.

    Raises:
        UnknownName: no set is called that.
        DataError: the files cannot be used.
        UserCodeError: a user's function fails.
    """
    dataset = _read_unfiltered(config)
    if config.classes is None:
        return dataset
    from nnlab.engine.data.corruption import keep_classes

    return keep_classes(dataset, config.classes)


def fetch(name: str, progress: "DownloadProgress | None" = None) -> "tuple[Path, ...]":
    """Downloads a published set where this machine has it nowhere, and gives its files.

    Does nothing for another set, which has none.

    Args:
        name: of a data set.
        progress: told of each piece: name of the file, bytes so far, bytes in all or None.

    Raises:
        DataError: it cannot be downloaded; the message says where to put which files.
    """
    row = find_choice("data", name)
    if row.name in PUBLISHED:
        from nnlab.engine.data import published

        return published.fetch(row.name, _folder_of_name(row, name), progress)
    return ()


def _read_unfiltered(config: RunConfig) -> "Dataset":
    row = find_choice("data", config.data)
    if row.name in USER_DATA_MODULES:
        return _read_user_data(row, config.data)
    if row.name in GENERATED:
        return _generate(row, config)
    if row.name in PUBLISHED:
        from nnlab.engine.data import published

        return published.read_published(row.name, _folder_of_name(row, config.data))
    from nnlab.engine.data import builtin

    dataset: Dataset = getattr(builtin, BUILTIN[row.name])()
    return dataset


def _read_user_data(row: Choice, name: str) -> "Dataset":
    import importlib

    module = importlib.import_module(f"nnlab.engine.data.{USER_DATA_MODULES[row.name]}")
    dataset: Dataset = module.read(name)
    return dataset


def _generate(row: Choice, config: RunConfig) -> "Dataset":
    from nnlab.engine.data.generated import generate_dataset

    given = {name: getattr(config, name) for name in row.defaults}
    open_ones = {name: row.defaults[name] for name, value in given.items() if value is None}
    wanted = given | open_ones
    return generate_dataset(
        row.name, int(wanted["samples"]), float(wanted["data_noise"]), int(wanted["data_seed"])
    )


def _folder_of_name(row: Choice, name: str) -> str:
    """The folder that was named after a published set, `mnist:FOLDER`; empty without."""
    return name.removeprefix(row.name).removeprefix(":")
