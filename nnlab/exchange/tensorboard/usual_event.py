"""Decodes the events that nearly all logs consist of, by position: one scalar with its tag.

A loop over the fields of the messages takes ten times as long; `EventDecoder` uses it for the rest.
"""

import struct
from typing import NamedTuple

from nnlab.exchange.protobuf import MalformedMessage, read_varint, to_signed

_DOUBLE = struct.Struct("<d")
_FLOAT = struct.Struct("<f")
# How the usual writers begin a tensor of one number: PyTorch's and TensorFlow's.
_TENSORS = {
    b"\x08\x01\x2a\x04": _FLOAT,
    b"\x08\x01\x12\x00\x2a\x04": _FLOAT,
    b"\x08\x01\x12\x00\x22\x04": _FLOAT,
    b"\x08\x02\x32\x08": _DOUBLE,
    b"\x08\x02\x12\x00\x32\x08": _DOUBLE,
    b"\x08\x02\x12\x00\x22\x08": _DOUBLE,
}
# Keys of fields: their number and wire type.
_WALL_TIME, _STEP, _SUMMARY, _VALUE, _TAG, _SIMPLE_VALUE, _TENSOR = (
    *(0x09, 0x10, 0x2A, 0x0A, 0x0A, 0x15),
    0x42,
)


class ScalarEvent(NamedTuple):
    """One scalar; `is_single` says that the log has 32 bits of it.

    `metadata` is the encoded field that names the plugin of a tensor, None for a simple value.
    """

    tag: bytes
    value: float
    step: int
    wall_time: float
    is_single: bool
    metadata: bytes | None


def decode_usual_event(record: bytes) -> ScalarEvent | None:
    """The scalar of an event; None if it has another content, or its fields another order."""
    try:
        return _decode(record)
    except (IndexError, struct.error, MalformedMessage):
        return None


def _decode(record: bytes) -> ScalarEvent | None:
    if record[0] != _WALL_TIME:
        return None
    (wall_time,) = _DOUBLE.unpack_from(record, 1)
    position, step = 9, 0
    if record[9] == _STEP:
        step = record[10]
        position = 11
        if step >= 0x80:
            step, position = read_varint(record, 10)
            step = to_signed(step)
    size = record[position + 1]
    # One summary with one value, which begins with the tag.
    if (
        record[position] != _SUMMARY
        or size >= 0x80
        or position + 2 + size != len(record)
        or record[position + 2] != _VALUE
        or record[position + 3] != size - 2
        or record[position + 4] != _TAG
    ):
        return None
    end = position + 6 + record[position + 5]
    tag = record[position + 6 : end]
    if record[end] == _SIMPLE_VALUE and end + 5 == len(record):
        value = _FLOAT.unpack_from(record, end + 1)[0]
        return ScalarEvent(tag, value, step, wall_time, True, None)
    if record[end] != _TENSOR:
        return None
    start = end + 2
    end = start + record[end + 1]
    for number in (_FLOAT, _DOUBLE):
        if _TENSORS.get(record[start : end - number.size]) is number:
            value = number.unpack_from(record, end - number.size)[0]
            return ScalarEvent(tag, value, step, wall_time, number is _FLOAT, record[end:])
    return None
