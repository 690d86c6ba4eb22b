"""Data sets by name: `read` gives examples and targets, `facts` what a setting must know.

Importing this needs neither torch nor numpy; reading a set needs numpy.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nnlab.catalogue import lookup
from nnlab.config import DataFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnlab.engine.data.dataset import Dataset

__all__ = ["BUILTIN", "facts", "read"]

# Functions of `builtin.py`, by the name of the set.
BUILTIN: Mapping[str, str] = {
    "digits": "digits",
    "iris": "iris",
    "wine": "wine",
    "breast-cancer": "breast_cancer",
    "diabetes": "diabetes",
}


def facts(name: str) -> DataFacts:
    """The task of a data set and, for a file, the hash of its content.

    Raises:
        UnknownName: no set is called that.
        DataError: the file cannot be used; the message names line and column.
    """
    row = lookup("data", name)
    if row.name != "csv:":
        return DataFacts(row.tasks[0])
    dataset = read(name)
    return DataFacts(dataset.task, dataset.version)


def read(name: str) -> "Dataset":
    """Reads a data set whole.

    Raises:
        UnknownName: no set is called that.
        DataError: the file cannot be used.
    """
    from nnlab.engine.data import builtin, table

    row = lookup("data", name)
    if row.name == "csv:":
        return table.read(name)
    reader: Callable[[], Dataset] = getattr(builtin, BUILTIN[row.name])
    return reader()
