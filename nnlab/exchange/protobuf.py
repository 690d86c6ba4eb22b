"""The wire format of Protocol Buffers, for the messages that readers and writers need.

Source: https://protobuf.dev/programming-guides/encoding/
"""

import struct
from collections.abc import Iterator

# Wire types.
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

_DOUBLE = struct.Struct("<d")
_FLOAT = struct.Struct("<f")
_LONGEST_VARINT = 10


class MalformedMessage(ValueError):
    """Bytes that are no message of Protocol Buffers."""


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """The unsigned number at a position, and the position after it.

    Raises:
        MalformedMessage: the number is longer than 10 bytes or incomplete.
    """
    number = shift = 0
    for byte in data[position : position + _LONGEST_VARINT]:
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
    raise MalformedMessage("a number is incomplete")


def read_fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """The fields of a message in order: field number, wire type and content.

    The content of a `VARINT` field is an unsigned number; of the others, it is their bytes.

    Raises:
        MalformedMessage: the bytes are no message; the fields before it have been yielded.
    """
    position, end = 0, len(data)
    while position < end:
        key, position = read_varint(data, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == VARINT:
            value, position = read_varint(data, position)
            yield number, wire_type, value
            continue
        if wire_type == BYTES:
            length, position = read_varint(data, position)
        elif wire_type in (FIXED64, FIXED32):
            length = 8 if wire_type == FIXED64 else 4
        else:
            raise MalformedMessage(f"unknown wire type {wire_type}")
        if length > end - position:
            raise MalformedMessage("a field is longer than its message")
        yield number, wire_type, data[position : position + length]
        position += length


def to_signed(number: int) -> int:
    """The number that an unsigned 64-bit number encodes as int32 or int64."""
    number &= (1 << 64) - 1
    return number - (1 << 64) if number >= 1 << 63 else number


def to_zigzag_signed(number: int) -> int:
    """The number that an unsigned number encodes as sint32 or sint64.

    >>> [to_zigzag_signed(number) for number in range(5)]
    [0, -1, 1, -2, 2]
    """
    return (number >> 1) ^ -(number & 1)


def to_double(content: int | bytes) -> float:
    """The number in the 8 bytes of a double field.

    Raises:
        MalformedMessage: the field has another wire type.
    """
    if not isinstance(content, bytes) or len(content) != _DOUBLE.size:
        raise MalformedMessage("not a double")
    number: float = _DOUBLE.unpack(content)[0]
    return number


def to_float(content: int | bytes) -> float:
    """The number in the 4 bytes of a float field.

    Raises:
        MalformedMessage: the field has another wire type.
    """
    if not isinstance(content, bytes) or len(content) != _FLOAT.size:
        raise MalformedMessage("not a float")
    number: float = _FLOAT.unpack(content)[0]
    return number


def to_text(content: int | bytes) -> str:
    """The text of a string field; bytes that are not UTF-8 are replaced.

    Raises:
        MalformedMessage: the field has another wire type.
    """
    return to_bytes(content).decode("utf-8", "replace")


def to_bytes(content: int | bytes) -> bytes:
    """The content of a bytes or message field.

    Raises:
        MalformedMessage: the field has another wire type.
    """
    if not isinstance(content, bytes):
        raise MalformedMessage("not a field of bytes")
    return content


def to_int(content: int | bytes) -> int:
    """The signed number of a varint field.

    Raises:
        MalformedMessage: the field has another wire type.
    """
    if not isinstance(content, int):
        raise MalformedMessage("not a number")
    return to_signed(content)


def encode_varint(number: int) -> bytes:
    """The encoding of a number; negative numbers are int64.

    >>> encode_varint(300).hex(), encode_varint(-1).hex()
    ('ac02', 'ffffffffffffffffff01')
    """
    number &= (1 << 64) - 1
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def int_field(number: int, value: int) -> bytes:
    """A field of an integer, boolean or enum."""
    return encode_varint(number << 3 | VARINT) + encode_varint(value)


def double_field(number: int, value: float) -> bytes:
    """A field of a double."""
    return encode_varint(number << 3 | FIXED64) + _DOUBLE.pack(value)


def bytes_field(number: int, content: bytes | str) -> bytes:
    """A field of a string, bytes or message."""
    if isinstance(content, str):
        content = content.encode("utf-8", "replace")
    return encode_varint(number << 3 | BYTES) + encode_varint(len(content)) + content
