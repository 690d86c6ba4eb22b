"""What a reader of another tool's logs yields, collected for tests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
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
class Reading:
    """The content of one run; `restarts` counts how often all samples followed again."""

    run: LoggedRun
    details: RunDetails
    samples: list[Sample]
    position: Position
    restarts: int
    notes: dict[str, int]

    def curve(self, metric: str) -> list[tuple[int | None, float | None, float]]:
        """Step, epoch and value of each sample of a metric."""
        return [
            (sample.step, sample.epoch, sample.value)
            for sample in self.samples
            if sample.metric == metric
        ]


def read_run(reader: LogReader, run: LoggedRun, position: Position | None = None) -> Reading:
    """Reads a run, and checks the order of the items."""
    audit = Audit()
    details, restarts, end = None, 0, None
    samples: list[Sample] = []
    for item in reader.read(run, position, audit):
        assert end is None, "nothing follows the position"
        match item:
            case RunDetails():
                details = item
            case SampleBatch():
                assert 0 < len(item.samples) <= 10_000
                samples += item.samples
            case Restart():
                restarts, samples = restarts + 1, []
            case ReadPosition():
                # The position is stored as JSON between two readings.
                end = json.loads(json.dumps(item.position))
    assert details is not None, "there are details"
    assert end is not None, "there is a position"
    notes: dict[str, int] = {}
    for note in audit.notes:
        notes[note.code] = notes.get(note.code, 0) + note.count
    return Reading(run, details, samples, end, restarts, notes)


def read_path(reader: LogReader, path: Path) -> list[Reading]:
    """Reads all runs that the reader finds in a path."""
    return [read_run(reader, run) for run in reader.find(path)]


def read_one(reader: LogReader, path: Path) -> Reading:
    """Reads the only run in a path."""
    [reading] = read_path(reader, path)
    return reading


def kinds_of(readers: tuple[LogReader, ...], path: Path) -> Iterator[str]:
    """The kinds of the readers that find a run in a path."""
    return (reader.kind for reader in readers if any(reader.find(path)))
