"""Lists of column names as text: separated by commas, in quotes where a name has a comma."""

import csv
import io
from collections.abc import Iterable


def parse_column_names(text: str) -> tuple[str, ...]:
    """The names in a text.

    >>> parse_column_names('id, "weight, kg"')
    ('id', 'weight, kg')
    """
    row = next(csv.reader([text], skipinitialspace=True), [])
    return tuple(name.strip() for name in row)


def format_column_names(names: Iterable[str]) -> str:
    """The text of some names, each once.

    >>> format_column_names(["id", "weight, kg", "id"])
    'id,"weight, kg"'
    """
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(dict.fromkeys(names))
    return buffer.getvalue()
