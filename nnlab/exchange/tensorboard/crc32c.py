"""Masked CRC-32C checksums of many byte strings at once, as TFRecord files contain them.

Python has no CRC-32C, and a loop over bytes would be slower than the rest of the reader together.
The checksum is linear: all strings are processed column by column with numpy, and long ones are cut
into pieces whose checksums are combined.

Source: https://github.com/tensorflow/tensorflow, core/lib/hash/crc32c.h; crc32_combine of zlib
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Words = npt.NDArray[np.uint32]

_POLYNOMIAL = 0x82F63B78  # Castagnoli, bits reversed
_PIECE = 64  # bytes
_MASK_DELTA = 0xA282EAD8


def masked_checksums(strings: Sequence[bytes]) -> list[int]:
    """The masked CRC-32C of each byte string.

    >>> masked_checksums([b"123456789"]) == [((0xE3069283 >> 15 | 0xE3069283 << 17)
    ...     + 0xA282EAD8) & 0xFFFFFFFF]
    True
    """
    import numpy as np

    checksums = np.zeros(len(strings), dtype=np.uint32)
    by_pieces: dict[int, list[int]] = {}
    for index, string in enumerate(strings):
        # Powers of two, so that pieces are combined in pairs.
        pieces = 1 << max(0, -(-len(string) // _PIECE) - 1).bit_length()
        by_pieces.setdefault(pieces, []).append(index)
    for pieces, indices in by_pieces.items():
        checksums[indices] = _checksums([strings[index] for index in indices], pieces)
    rotated = (checksums >> np.uint32(15)) | (checksums << np.uint32(17))
    masked: list[int] = (rotated + np.uint32(_MASK_DELTA)).tolist()
    return masked


def _checksums(strings: Sequence[bytes], pieces: int) -> Words:
    """The CRC-32C of strings of at most `pieces * _PIECE` bytes."""
    import numpy as np

    piece = _PIECE if pieces > 1 else max(1, *map(len, strings))
    # Zeros before a string do not change its remainder, if the division begins with 0.
    padded = b"".join([string.rjust(piece * pieces, b"\0") for string in strings])
    table = _byte_table()
    columns = np.frombuffer(padded, np.uint8).reshape(-1, piece).T.astype(np.uint32)
    flat: Words = np.zeros(columns.shape[1], np.uint32)
    for column in columns:
        flat = table[(flat ^ column) & 0xFF] ^ (flat >> 8)
    remainders: Words = flat.reshape(len(strings), pieces)
    level = 0
    while remainders.shape[1] > 1:
        left, right = remainders[:, ::2], remainders[:, 1::2]
        remainders = _apply(_shift_tables(level), left) ^ right
        level += 1
    return remainders[:, 0] ^ _initial_remainders([len(string) for string in strings])


def _initial_remainders(lengths: Sequence[int]) -> Words:
    """What the usual initial and final value 0xFFFFFFFF contribute to strings of these lengths."""
    import numpy as np

    return np.array([_initial_remainder(length) for length in lengths], np.uint32)


@functools.lru_cache(maxsize=4096)
def _initial_remainder(length: int) -> int:
    import numpy as np

    remainder: Words = np.full(1, 0xFFFFFFFF, np.uint32)
    pieces, rest = divmod(length, _PIECE)
    table = _byte_table()
    for _ in range(rest):
        remainder = table[remainder & 0xFF] ^ (remainder >> 8)
    for level in range(pieces.bit_length()):
        if pieces >> level & 1:
            remainder = _apply(_shift_tables(level), remainder)
    return int(remainder[0]) ^ 0xFFFFFFFF


@functools.cache
def _byte_table() -> Words:
    """The remainder of each byte followed by 32 zero bits; shape [256]."""
    import numpy as np

    table: Words = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ ((table & np.uint32(1)) * np.uint32(_POLYNOMIAL))
    return table


@functools.cache
def _shift_tables(level: int) -> Words:
    """The remainders after `_PIECE << level` zero bytes, by byte of the remainder; [4, 256]."""
    import numpy as np

    if level > 0:
        half = _shift_tables(level - 1)
        return _apply(half, half)
    shifts = np.arange(4, dtype=np.uint32) * np.uint32(8)
    remainders: Words = np.arange(256, dtype=np.uint32) << shifts[:, None]
    table = _byte_table()
    for _ in range(_PIECE):
        remainders = table[remainders & 0xFF] ^ (remainders >> 8)
    return remainders


def _apply(tables: Words, remainders: Words) -> Words:
    """Remainders after the number of zero bytes of the tables."""
    result: Words = (
        tables[0][remainders & 0xFF]
        ^ tables[1][(remainders >> 8) & 0xFF]
        ^ tables[2][(remainders >> 16) & 0xFF]
        ^ tables[3][remainders >> 24]
    )
    return result
