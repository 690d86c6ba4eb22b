"""The target columns that a data set names: `csv:FILE#a`, `csv:FILE#a,b`, or the last column."""

from collections.abc import Sequence
from pathlib import Path

from nnlab.engine.data.dataset import Dataset
from nnlab.errors import DataError, unknown_name_message
from nnlab.settings.column_names import format_column_names, parse_column_names


def find_target_columns(path: Path, text: str, header: Sequence[str]) -> tuple[str, ...]:
    """The names of the target columns.

    Args:
        path: the file, for messages.
        text: what follows `#`; a name with a comma needs quotes if there are several.
        header: the names of all columns.

    Raises:
        DataError: there is no such column, or one is named twice.
    """
    if not text:
        return (header[-1],)
    names = (text,) if text in header else parse_column_names(text)
    unknown = [name for name in names if name not in header]
    if unknown:
        raise DataError(f"{path}: {unknown_name_message('column', unknown[0], header)}")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path}: the target column '{twice}' is named twice")
    return names


def target_columns_of(dataset: Dataset) -> tuple[str, ...]:
    """The target columns of a table that was read; empty for other data."""
    if dataset.target_name:
        return (dataset.target_name,)
    if not dataset.columns:
        return ()
    return dataset.target_names or (dataset.classes if dataset.task == "multilabel" else ())


def format_target_columns(names: Sequence[str]) -> str:
    """The text after `#` that names some columns."""
    return names[0] if len(names) == 1 else format_column_names(names)
