"""The framing of event files (TFRecord): a length, its checksum, the content, its checksum.

Source: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from nnlab.exchange.log_reader import Audit
from nnlab.exchange.tensorboard.crc32c import masked_checksums

# Scalars need less than 100 bytes; what is above this limit contains images or graphs.
LARGEST_RECORD = 1 << 24

_LENGTH = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")
_OVERHEAD = _LENGTH.size + _CHECKSUM.size


def read_records(
    file: BinaryIO, position: int, audit: Audit, *, chunk: int = 1 << 18
) -> Iterator[tuple[Sequence[bytes], int]]:
    """The contents of the records from a position on, in batches of at most about 16 MiB.

    Yields each batch with the position after it. A record with a wrong checksum is left out; after
    a wrong checksum of a length, the next record cannot be found and the reading ends.

    Args:
        file: an event file.
        position: the start of a record, in bytes from the start of the file.
        audit: gets a note about each kind of damage.
        chunk: how many bytes are read at once.
    """
    file.seek(position)
    buffer = b""
    while True:
        records, consumed, damaged = _split(buffer, audit)
        position += consumed
        buffer = buffer[consumed:]
        if records or consumed:
            yield records, position
        if damaged:
            audit.add("damaged", "a length has a wrong checksum: the rest of the file is not read")
            return
        size = _size_of_first(buffer)
        if size > LARGEST_RECORD:
            position += size
            # A file that ends within this record ends here; the position stays before the record.
            if file.seek(0, 2) < position:
                audit.add("truncated", "the last record of a file is incomplete")
                return
            audit.add("too-large", f"records above {LARGEST_RECORD >> 20} MiB are left out")
            file.seek(position)
            buffer = b""
            yield [], position
            continue
        more = file.read(max(chunk, size - len(buffer)))
        if not more:
            if buffer:
                audit.add("truncated", "the last record of a file is incomplete")
            return
        buffer += more


def _split(buffer: bytes, audit: Audit) -> tuple[Sequence[bytes], int, bool]:
    """The complete records at the start of a buffer, their size, and if a length is damaged."""
    unpack, end = _LENGTH.unpack_from, len(buffer)
    headers, header_checksums, records, checksums = [], [], [], []
    position = 0
    while position + _LENGTH.size <= end:
        length, header_checksum = unpack(buffer, position)
        headers.append(buffer[position : position + 8])
        header_checksums.append(header_checksum)
        start = position + _LENGTH.size
        if length > end - start - _CHECKSUM.size:
            break
        position = start + length + _CHECKSUM.size
        records.append(buffer[start : start + length])
        checksums.append(buffer[start + length : position])
    actual = masked_checksums(headers) if headers else []
    intact = next(
        (
            i
            for i, pair in enumerate(zip(actual, header_checksums, strict=True))
            if pair[0] != pair[1]
        ),
        len(headers),
    )
    is_damaged = intact < len(headers)
    records = records[:intact]
    consumed = sum(len(record) for record in records) + _OVERHEAD * len(records)
    return _without_damaged(records, checksums, audit), consumed, is_damaged


def _without_damaged(
    records: Sequence[bytes], checksums: Sequence[bytes], audit: Audit
) -> Sequence[bytes]:
    """The records whose content has the stored checksum."""
    if not records:
        return records
    actual = masked_checksums(records)
    stored = struct.unpack(f"<{len(records)}I", b"".join(checksums[: len(records)]))
    intact = [record for record, a, b in zip(records, actual, stored, strict=True) if a == b]
    if len(intact) < len(records):
        audit.add(
            "checksum", "records with a wrong checksum are left out", len(records) - len(intact)
        )
    return intact


def _size_of_first(buffer: bytes) -> int:
    """The size of the first record in bytes, of which the buffer may have only the length; or 0."""
    if len(buffer) < _LENGTH.size:
        return 0
    length: int = _LENGTH.unpack_from(buffer)[0]
    return length + _OVERHEAD


def frame_records(records: Sequence[bytes]) -> bytes:
    """Records as they are in an event file."""
    headers = [struct.pack("<Q", len(record)) for record in records]
    header_checksums = masked_checksums(headers)
    checksums = masked_checksums(records)
    return b"".join(
        b"".join((header, _CHECKSUM.pack(header_checksum), record, _CHECKSUM.pack(checksum)))
        for header, header_checksum, record, checksum in zip(
            headers, header_checksums, records, checksums, strict=True
        )
    )
