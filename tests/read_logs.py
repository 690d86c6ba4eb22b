"""Reads the logs of other tools in tests, all parts of a reading at once."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nnlab.exchange.log_reader import (
    Audit,
    LoggedRun,
    LogReader,
    Position,
    ReadPosition,
    Restart,
    RunDetails,
    SampleBatch,
)
from nnlab.records import Sample


@dataclass
class ReadRun:
    """What a reader said about a run: the last details, all samples and notes."""

    details: RunDetails = field(default_factory=RunDetails)
    first_details: RunDetails | None = None
    samples: list[Sample] = field(default_factory=list)
    position: Position = field(default_factory=dict)
    restarted: bool = False
    notes: dict[str, int] = field(default_factory=dict)

    def values(self, metric: str) -> list[tuple[int | None, float]]:
        """Step and value of the samples of a metric, in order."""
        return [(s.step, s.value) for s in self.samples if s.metric == metric]

    @property
    def metrics(self) -> list[str]:
        """The metrics in the order of their first sample."""
        return list(dict.fromkeys(sample.metric for sample in self.samples))


def read_run(reader: LogReader, run: LoggedRun, position: Position | None = None) -> ReadRun:
    """A whole reading; checks that it has the order that the protocol demands."""
    audit = Audit()
    items = list(reader.read(run, position, audit))
    assert isinstance(items[-1], ReadPosition)
    result = ReadRun()
    for item in items:
        match item:
            case RunDetails():
                result.first_details = result.first_details or item
                result.details = item
            case SampleBatch(samples):
                assert result.first_details is not None, "details come before samples"
                result.samples += samples
            case Restart():
                assert not result.samples
                result.restarted = True
            case ReadPosition(new_position):
                result.position = new_position
    for note in audit.notes:
        result.notes[note.code] = result.notes.get(note.code, 0) + note.count
    return result


def read_only_run(reader: LogReader, path: Path) -> ReadRun:
    """Reads the only run below a path."""
    (run,) = reader.find(path)
    return read_run(reader, run)


def records_of_wandb_file(content: bytes) -> Iterator[bytes]:
    """The records of a .wandb file, by a reader of the blocks that is not nnlab's."""
    assert content[:7] == b":W&B\xe1\xbe\0"
    position, parts = 7, b""
    while position < len(content):
        if 32768 - position % 32768 < 7:
            position += 32768 - position % 32768
            continue
        checksum = int.from_bytes(content[position : position + 4], "little")
        size = int.from_bytes(content[position + 4 : position + 6], "little")
        kind = content[position + 6]
        chunk = content[position + 7 : position + 7 + size]
        assert zlib.crc32(chunk, zlib.crc32(bytes([kind]))) == checksum
        position += 7 + size
        parts = chunk if kind in (1, 2) else parts + chunk
        if kind in (1, 4):
            yield parts
