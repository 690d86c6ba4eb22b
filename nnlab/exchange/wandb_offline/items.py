"""Keys and values of W&B's history, summary and config, whose values are JSON texts."""

from collections.abc import Iterator, Mapping

from nnlab.exchange.json_text import parse_json
from nnlab.exchange.log_reader import Audit, JsonValue
from nnlab.exchange.protobuf import (
    BYTES,
    MalformedMessage,
    read_fields,
    read_varint,
    to_bytes,
    to_double,
    to_int,
    to_text,
    to_zigzag_signed,
)

# A key has several parts if the value was nested.
Key = tuple[str, ...]

_DEEPEST = 20
_LONGEST_JSON = 1 << 20
# Fields of an item: key, parts of a nested key, typed values of later versions, a value as JSON.
_KEY, _NESTED_KEY, _VALUE_JSON = 1, 2, 16
_BOOLEAN, _INTEGER, _NUMBER, _TEXT, _JSON = 4, 5, 6, 7, 8


def split_usual_items(fields: bytes) -> tuple[list[bytes], list[bytes], bytes] | None:
    """The encoded keys, the JSON texts and the rest of a message that begins with usual items.

    Nearly all rows have this form: short items, each with its key and then its value. This function
    needs a quarter of the time of a loop over fields. None if there is another item.
    """
    # The value of an item begins with these bytes; elsewhere they are hardly ever valid UTF-8.
    parts = fields.split(b"\x82\x01")
    before = parts[0]
    keys, texts = [], []
    try:
        for part in parts[1:]:
            size = part[0]
            if before[0] != 0x0A or size >= 0x80 or before[1] != len(before) + 1 + size:
                return None
            keys.append(before[2:])
            texts.append(part[1 : 1 + size])
            before = part[1 + size :]
    except IndexError:
        return None
    return (keys, texts, before) if keys and before[:1] != b"\n" else None


def split_item(item: bytes) -> tuple[bytes, bytes] | None:
    """The encoded key and the JSON text of a usual item: first its key, last its value.

    None if the item has another form.
    """
    position = 0
    try:
        while item[position] in (0x0A, 0x12):  # key, part of a nested key
            size = item[position + 1]
            if size >= 0x80:
                return None
            position += 2 + size
        if item[position] != 0x82 or item[position + 1] != 0x01:  # value_json
            return None
        size, start = item[position + 2], position + 3
        if size >= 0x80:
            size, start = read_varint(item, position + 2)
    except (IndexError, MalformedMessage):
        return None
    if start + size != len(item) or not position:
        return None
    return item[:position], item[start:]


def decode_key(item: bytes) -> Key:
    """The key of an item, given the item or only its encoded key.

    Raises:
        MalformedMessage: the item cannot be decoded.
    """
    key = ""
    nested: list[str] = []
    for number, _, content in read_fields(item):
        if number == _KEY:
            key = to_text(content)
        elif number == _NESTED_KEY and len(nested) < _DEEPEST:
            nested.append(to_text(content))
    return tuple(nested) if nested else (key,)


def decode_value(item: bytes, audit: Audit) -> JsonValue:
    """The value of an item.

    Raises:
        MalformedMessage: the item or its JSON text cannot be decoded, or is too long.
    """
    value: JsonValue = None
    for number, wire_type, content in read_fields(item):
        if number in (_VALUE_JSON, _JSON) and wire_type == BYTES:
            text = to_bytes(content)
            if len(text) > _LONGEST_JSON:
                raise MalformedMessage("a value is too long")
            try:
                value = parse_json(text, audit)
            except ValueError as error:
                raise MalformedMessage("a value is no JSON") from error
        elif number == _BOOLEAN:
            value = bool(to_int(content))
        elif number == _INTEGER and isinstance(content, int):
            value = to_zigzag_signed(content)
        elif number == _NUMBER:
            value = to_double(content)
        elif number == _TEXT:
            value = to_text(content)
    return value


def flatten(key: Key, value: JsonValue, depth: int = 0) -> Iterator[tuple[Key, JsonValue]]:
    """The values in nested mappings with their keys; the values of media stay together."""
    if isinstance(value, Mapping) and value and depth < _DEEPEST and "_type" not in value:
        for name, inner in value.items():
            yield from flatten((*key, name), inner, depth + 1)
    else:
        yield key, value
