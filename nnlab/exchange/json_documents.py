"""JSON documents that are read as a whole, also when their end is missing."""

from pathlib import Path

from nnlab.errors import DataError
from nnlab.exchange.json_text import parse_json
from nnlab.exchange.log_files import read_document
from nnlab.exchange.log_reader import Audit, JsonValue
from nnlab.exchange.rewritten_rows import rows_of_truncated


def read_json(path: Path, audit: Audit) -> JsonValue:
    """The value of a JSON document.

    Raises:
        DataError: the file cannot be read, is too large or is not JSON.
    """
    try:
        return parse_json(read_document(path), audit)
    except ValueError as error:
        raise DataError(f"{path}: not a JSON document: {error}") from error


def read_json_rows(path: Path, audit: Audit) -> list[JsonValue]:
    """The objects of a document that is a list; of a truncated file, those that are complete.

    Raises:
        DataError: the file cannot be read or is not a list.
    """
    content = read_document(path)
    try:
        rows = parse_json(content, audit)
    except ValueError as error:
        text = content.decode("utf-8-sig", "replace")
        if not text.lstrip().startswith("["):
            raise DataError(f"{path}: not a JSON document: {error}") from error
        return rows_of_truncated(text, text.index("["), audit)
    if not isinstance(rows, list):
        raise DataError(f"{path}: not a list of JSON objects")
    return rows
