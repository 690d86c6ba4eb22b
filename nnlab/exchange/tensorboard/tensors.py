"""Tensors in TensorBoard's events that have one number.

Source: https://github.com/tensorflow/tensorboard, compat/proto/{tensor,types}.proto
"""

import math
import struct

from nnlab.exchange.protobuf import (
    read_fields,
    read_varint,
    to_bytes,
    to_int,
    to_signed,
)

# The format of `tensor_content` by the number of the type.
_FORMATS = {
    1: "<f", 2: "<d", 3: "<i", 4: "<B", 5: "<h", 6: "<b", 9: "<q", 10: "<?", 17: "<H", 19: "<e",
    22: "<I", 23: "<Q",
}  # fmt: skip
_BFLOAT16, _HALF = 14, 19
_FLOATS, _DOUBLES, _HALVES = 5, 6, 13  # fields of repeated values
_INTEGERS = (7, 10, 11, 16, 17)
_SINGLE_PRECISION = (1, _BFLOAT16, _HALF)


def scalar_of_tensor(data: bytes) -> tuple[float, bool] | None:
    """The number in a tensor of one element, and whether it has at most 32 bits of precision.

    None if the tensor has several elements, or no numbers.

    Raises:
        MalformedMessage: the bytes are no tensor.
    """
    dtype, shape_size = 0, 1
    values: list[bytes | int] = []
    content, field = b"", 0
    for number, _, value in read_fields(data):
        if number == 1:
            dtype = to_int(value)
        elif number == 2:
            shape_size = _number_of_elements(to_bytes(value))
        elif number == 4:
            content = to_bytes(value)
        elif number in (_FLOATS, _DOUBLES, _HALVES, *_INTEGERS):
            field = number
            values.append(value)
    if shape_size != 1 or len(values) > 1:
        return None
    number_value = _decode_content(dtype, content) if content else _decode(dtype, field, values)
    return None if number_value is None else (number_value, dtype in _SINGLE_PRECISION)


def _number_of_elements(shape: bytes) -> int:
    sizes = []
    for number, _, content in read_fields(shape):
        if number == 2:
            size = [
                to_int(value) for inner, _, value in read_fields(to_bytes(content)) if inner == 1
            ]
            sizes.append(size[-1] if size else 0)
    return math.prod(sizes) if len(sizes) <= 8 else 0


def _decode_content(dtype: int, content: bytes) -> float | None:
    if dtype == _BFLOAT16 and len(content) == 2:
        return _from_bfloat16(int.from_bytes(content, "little"))
    form = _FORMATS.get(dtype)
    if form is None or struct.calcsize(form) != len(content):
        return None
    return float(struct.unpack(form, content)[0])


def _decode(dtype: int, field: int, values: list[bytes | int]) -> float | None:
    """The only value of a repeated field, packed or not; absent values are 0."""
    if not values:
        return 0.0 if dtype in _FORMATS or dtype == _BFLOAT16 else None
    (value,) = values
    if field in (_FLOATS, _DOUBLES):
        form = "<f" if field == _FLOATS else "<d"
        if not isinstance(value, bytes) or len(value) != struct.calcsize(form):
            return None
        return float(struct.unpack(form, value)[0])
    if isinstance(value, bytes):
        content = value
        value, end = read_varint(content, 0)
        if end != len(content):
            return None
    if field == _HALVES:
        if dtype == _BFLOAT16:
            return _from_bfloat16(value & 0xFFFF)
        return float(struct.unpack("<e", (value & 0xFFFF).to_bytes(2, "little"))[0])
    return float(value if field == 17 else to_signed(value))


def _from_bfloat16(bits: int) -> float:
    return float(struct.unpack("<f", (bits << 16).to_bytes(4, "little"))[0])
