"""The framing of .wandb files: the log format of LevelDB with a header of W&B.

A file consists of blocks of 32 KiB. A record is one chunk or, across blocks, several.
Source: https://github.com/google/leveldb, doc/log_format.md; wandb, sdk/internal/datastore.py
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from nnlab.exchange.log_reader import Audit

HEADER = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
BLOCK = 32768
LARGEST_RECORD = 1 << 24

_CHUNK_HEADER = struct.Struct("<IHB")  # checksum, length, kind
_PADDING, _FULL, _FIRST, _MIDDLE, _LAST = range(5)
# The checksum is CRC-32 of the kind and the content.
_CHECKSUM_OF_KIND = [zlib.crc32(bytes([kind])) for kind in range(5)]


def read_records(
    file: BinaryIO, position: int, audit: Audit, *, block_count: int = 8
) -> Iterator[tuple[Sequence[bytes], int]]:
    """The contents of the records from a position on, in batches of at most about 16 MiB.

    Yields each batch with the position after its last record. After a damaged chunk the reading
    goes on at the next block, unless that is not written yet.

    Args:
        file: a .wandb file.
        position: the start of a record, in bytes from the start of the file.
        audit: gets a note about each kind of damage.
        block_count: how many blocks are read at once.
    """
    file.seek(position)
    assembly = _Assembly(position, audit)
    buffer, start = b"", position  # start is the position of the buffer in the file
    is_at_end = False
    while not is_at_end:
        more = file.read(block_count * BLOCK)
        is_at_end = len(more) < block_count * BLOCK
        buffer += more
        consumed, is_damaged = _add_chunks(buffer, start, assembly, is_at_end=is_at_end)
        yield assembly.take_records(), assembly.position
        buffer = buffer[consumed:]
        start += consumed
        if is_damaged:
            audit.add("damaged", "the end of the file is damaged and not read")
            return
    if buffer.strip(b"\0") or assembly.is_incomplete:
        audit.add("truncated", "the last record of a file is incomplete")


def _add_chunks(
    buffer: bytes, start: int, assembly: "_Assembly", *, is_at_end: bool
) -> tuple[int, bool]:
    """Adds the complete chunks of a buffer; returns their size and if the last block is damaged."""
    unpack, crc32, header_size = _CHUNK_HEADER.unpack_from, zlib.crc32, _CHUNK_HEADER.size
    offset, end = 0, len(buffer)
    while True:
        room = BLOCK - (start + offset) % BLOCK
        if room < header_size:
            if end - offset < room:
                return offset, False
            offset += room
            continue
        if end - offset < header_size:
            return offset, False
        checksum, length, kind = unpack(buffer, offset)
        chunk_end = offset + header_size + length
        is_padding = kind == _PADDING and checksum == length == 0
        is_intact = is_padding or (_FULL <= kind <= _LAST and length <= room - header_size)
        if is_intact and not is_padding:
            if chunk_end > end:
                return offset, False
            content = buffer[offset + header_size : chunk_end]
            is_intact = crc32(content, _CHECKSUM_OF_KIND[kind]) == checksum
            if is_intact:
                assembly.add(kind, content, start + offset, start + chunk_end)
                offset = chunk_end
                continue
        # Padding, or damage: the next block begins with a chunk.
        if end - offset < room:
            return offset, is_at_end and not is_intact
        offset += room
        if not is_intact:
            assembly.add_damage(start + offset)


class _Assembly:
    """Puts the chunks of records together; `position` is after the last complete record."""

    def __init__(self, position: int, audit: Audit) -> None:
        self.position = position
        self._audit = audit
        self._records: list[bytes] = []
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def is_incomplete(self) -> bool:
        """Whether the last chunks belong to a record without an end."""
        return bool(self._parts)

    def take_records(self) -> Sequence[bytes]:
        """The records that are complete since the last call."""
        records, self._records = self._records, []
        return records

    def add(self, kind: int, content: bytes, start: int, end: int) -> None:
        """Adds a chunk, which is at these positions of the file."""
        if kind == _FULL:
            self._parts = []
            self._records.append(content)
            self.position = end
        elif kind == _FIRST:
            self._parts, self._size = [content], len(content)
            self.position = start
        elif self._parts:  # the start of other records is damaged
            self._size += len(content)
            if self._size > LARGEST_RECORD:
                self._audit.add(
                    "too-large", f"records above {LARGEST_RECORD >> 20} MiB are left out"
                )
                self._parts, self.position = [], end
                return
            self._parts.append(content)
            if kind == _LAST:
                self._records.append(b"".join(self._parts))
                self._parts, self.position = [], end

    def add_damage(self, end: int) -> None:
        """Drops an incomplete record, because the part of the file before `end` is damaged."""
        self._audit.add("checksum", "damaged blocks are left out")
        self._parts, self.position = [], end


def frame_records(records: Iterator[bytes], position: int) -> Iterator[bytes]:
    """Records as they are in a file from a position on, without the header of the file."""
    for record in records:
        remaining, is_first = memoryview(record), True
        while is_first or remaining:
            room = BLOCK - position % BLOCK
            if room < _CHUNK_HEADER.size:
                yield b"\0" * room
                position += room
                continue
            content = bytes(remaining[: room - _CHUNK_HEADER.size])
            remaining = remaining[len(content) :]
            kinds = (_FULL, _FIRST) if is_first else (_LAST, _MIDDLE)
            kind = kinds[1 if remaining else 0]
            is_first = False
            checksum = zlib.crc32(content, _CHECKSUM_OF_KIND[kind])
            yield _CHUNK_HEADER.pack(checksum, len(content), kind) + content
            position += _CHUNK_HEADER.size + len(content)
