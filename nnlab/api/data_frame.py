"""Data frames of pandas, which nnlab uses only if the user has installed it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnlab.errors import MissingPackage

if TYPE_CHECKING:
    from pandas import DataFrame


def data_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> "DataFrame":
    """A data frame with these columns, which it also has without any row.

    Raises:
        MissingPackage: pandas is not installed.
    """
    # Imported only here: pandas is no dependency of nnlab.
    try:
        import pandas
    except ImportError as error:
        raise MissingPackage(
            f"to_pandas() needs pandas, which is not installed: {error}", hint="pip install pandas"
        ) from None
    return pandas.DataFrame(
        [[row.get(column) for column in columns] for row in rows], columns=list(columns)
    )
