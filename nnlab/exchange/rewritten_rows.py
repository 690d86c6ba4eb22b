"""Rows of documents that a program writes anew each time, such as JSON: only new rows are read."""

import hashlib
import json
from collections.abc import Iterator, Sequence

from nnlab.errors import DataError
from nnlab.exchange.json_text import parse_json
from nnlab.exchange.log_reader import Audit, JsonValue, Position

_DECODER = json.JSONDecoder()


def unread_rows(
    rows: Sequence[JsonValue], position: Position | None
) -> tuple[bool, Sequence[JsonValue], dict[str, JsonValue]]:
    """Whether the reading restarts, the rows to read, and the new position.

    The reading restarts if the rows that were read earlier are no longer the first ones.
    """
    position = position or {}
    count = position.get("documents_rows")
    new_position = _position_after(rows)
    if not isinstance(count, int) or count <= 0:
        return False, rows, new_position
    if len(rows) < count or _position_after(rows[:count])["digest"] != position.get("digest"):
        return True, rows, new_position
    return False, rows[count:], new_position


def _position_after(rows: Sequence[JsonValue]) -> dict[str, JsonValue]:
    digest = hashlib.sha256()
    try:
        for row in rows:
            digest.update(json.dumps(row, sort_keys=True).encode() + b"\n")
    except RecursionError:
        raise DataError("a record of the log is nested too deeply") from None
    return {"documents_rows": len(rows), "digest": digest.hexdigest()[:32]}


def rows_of_truncated(text: str, start: int, audit: Audit) -> list[JsonValue]:
    """The complete objects of a JSON array that ends too early, from the offset of its `[` on."""
    rows: list[JsonValue] = []
    for row_text in _complete_objects(text, start + 1):
        try:
            rows.append(parse_json(row_text, audit))
        except ValueError:
            break
    audit.add("truncated", "the file ends within a record")
    return rows


def _complete_objects(text: str, offset: int) -> Iterator[str]:
    """The texts of the objects of an array, up to the first that is incomplete."""
    while (begin := text.find("{", offset)) >= 0 and not text[offset:begin].strip(" \t\r\n,"):
        try:
            _, offset = _DECODER.raw_decode(text, begin)
        except (ValueError, RecursionError):
            return
        yield text[begin:offset]
