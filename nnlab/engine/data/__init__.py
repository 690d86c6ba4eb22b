"""Data sets by name: `read` gives examples and targets, `facts` what a setting must know.

Importing this needs neither torch nor numpy; reading a set needs numpy.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nnlab.catalogue import Choice, lookup
from nnlab.catalogue.data import PUBLISHED
from nnlab.config import DataFacts, RunConfig
from nnlab.engine.data.class_names import CLASSES

if TYPE_CHECKING:
    from pathlib import Path

    from nnlab.engine.data.dataset import Dataset
    from nnlab.engine.data.published.download import Progress

__all__ = ["BUILTIN", "GENERATED", "OWN", "PUBLISHED", "facts", "fetch", "read"]

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
# Modules with a `read`, by the row of what a user brings.
OWN: Mapping[str, str] = {
    "csv:": "csv_table",
    "npz:": "npz",
    "folder:": "images",
    "module:": "user_defined",
}


def facts(name: str) -> DataFacts:
    """What a setting must know of a data set: task, classes, own splits, hash of the content.

    Only what a user brings is read for it.

    Raises:
        UnknownName: no set is called that.
        DataError: the file cannot be used; the message names line and column.
        UserCodeError: a user's function fails.
    """
    row = lookup("data", name)
    if row.name in OWN:
        dataset = _own(row, name)
        own_splits = (dataset.own_test > 0, dataset.own_val > 0)
        return DataFacts(dataset.task, dataset.version, *own_splits, dataset.classes)
    own_test = row.name in PUBLISHED
    return DataFacts(row.tasks[0], own_test=own_test, classes=CLASSES.get(row.name, ()))


def read(config: RunConfig) -> "Dataset":
    """Reads the data set of a config whole; of a published one, downloads what is not there.

    Raises:
        UnknownName: no set is called that.
        DataError: the files cannot be used.
        UserCodeError: a user's function fails.
    """
    dataset = _whole(config)
    if config.classes is None:
        return dataset
    from nnlab.engine.data.corruption import only_classes

    return only_classes(dataset, config.classes)


def fetch(name: str, progress: "Progress | None" = None) -> "tuple[Path, ...]":
    """Downloads a published set where this machine has it nowhere, and gives its files.

    Does nothing for another set, which has none.

    Args:
        name: of a data set.
        progress: told of each piece: name of the file, bytes so far, bytes in all or None.

    Raises:
        DataError: it cannot be downloaded; the message says where to put which files.
    """
    row = lookup("data", name)
    if row.name in PUBLISHED:
        from nnlab.engine.data import published

        return published.fetch(row.name, _folder(row, name), progress)
    return ()


def _whole(config: RunConfig) -> "Dataset":
    row = lookup("data", config.data)
    if row.name in OWN:
        return _own(row, config.data)
    if row.name in GENERATED:
        return _generated(row, config)
    if row.name in PUBLISHED:
        from nnlab.engine.data import published

        return published.read(row.name, _folder(row, config.data))
    from nnlab.engine.data import builtin

    dataset: Dataset = getattr(builtin, BUILTIN[row.name])()
    return dataset


def _own(row: Choice, name: str) -> "Dataset":
    import importlib

    module = importlib.import_module(f"nnlab.engine.data.{OWN[row.name]}")
    dataset: Dataset = module.read(name)
    return dataset


def _generated(row: Choice, config: RunConfig) -> "Dataset":
    from nnlab.engine.data.generated import generate

    given = {name: getattr(config, name) for name in row.defaults}
    open_ones = {name: row.defaults[name] for name, value in given.items() if value is None}
    wanted = given | open_ones
    return generate(
        row.name, int(wanted["samples"]), float(wanted["data_noise"]), int(wanted["data_seed"])
    )


def _folder(row: Choice, name: str) -> str:
    """The folder that was named after a published set, `mnist:FOLDER`; empty without."""
    return name.removeprefix(row.name).removeprefix(":")
