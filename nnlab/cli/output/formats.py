"""The output formats of lists, selected by `--format`; used by every command that prints a list."""

from enum import StrEnum


class Format(StrEnum):
    """Output format of a list."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
