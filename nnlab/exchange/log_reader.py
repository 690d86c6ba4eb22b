"""What a reader of another tool's logs provides: the runs in a path, and the content of each.

A log is data from elsewhere and may be damaged or hostile. A reader bounds every length that it
reads, executes nothing, and opens no path that it found inside a file.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from nnlab.objective import Direction
from nnlab.records import Sample, Scalar, SourceNote, Status

# A value of JSON: the nested setting of a run.
JsonValue = Scalar | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
# Where the next import goes on reading; JSON that only the reader of the format understands.
Position = Mapping[str, JsonValue]

# Readers yield at most this many samples at once, so that memory does not grow with the file.
SAMPLES_PER_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """One run in a log, as `LogReader.find` reports it.

    `external_id` identifies the run among all runs of its kind, wherever its files are copied to:
    an id that the tool gave it, or else the path relative to the folder that was searched.
    `paths` are the files to read, in order.
    """

    kind: str
    external_id: str
    name: str
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class RunDetails:
    """What a log says about a run besides its samples; later details replace earlier ones.

    `status` is RUNNING if the log does not say how the run ended. `results` are final values.
    `directions` has the metrics whose direction the log states. `project` is what the tool collects
    runs of one question under: a project or an experiment.
    """

    name: str | None = None
    config: Mapping[str, JsonValue] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    group: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    status: Status = Status.RUNNING
    seed: int | None = None
    results: Mapping[str, Scalar] = field(default_factory=dict)
    directions: Mapping[str, Direction] = field(default_factory=dict)
    command: str | None = None
    project: str | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """Samples in the order in which they were logged."""

    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class Restart:
    """What was read earlier is no longer in the log: all samples of the run follow again."""


@dataclass(frozen=True, slots=True)
class ReadPosition:
    """Everything up to this position was yielded; the last item of every reading."""

    position: Position


LogItem = RunDetails | SampleBatch | Restart | ReadPosition


class Audit:
    """Collects what a reader could not take over; equal codes and messages are counted."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, code: str, message: str, count: int = 1) -> None:
        """Adds a note, for example `add("truncated", "the last record is incomplete")`."""
        self._counts[code, message] += count

    @property
    def notes(self) -> tuple[SourceNote, ...]:
        """All notes in the order of their first occurrence."""
        return tuple(
            SourceNote(code, message, count) for (code, message), count in self._counts.items()
        )


class LogReader(Protocol):
    """A reader of one kind of log."""

    @property
    def kind(self) -> str:
        """The name of the format, as in `--as KIND`."""

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """The runs of this kind in a file or anywhere below a folder; empty if there are none.

        Fast: it looks at names and at the first bytes of files. Links are not followed out of the
        folder, and a run that can be reached by two paths is reported once.
        """

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The content of a run from a position on; None reads all of it.

        Yields the details at least once, then batches of samples, and last the new position. A log
        that is still written may be read again from that position. A damaged part ends the reading
        or is left out, and is noted in `audit`; what is before it is yielded.

        Raises:
            DataError: nothing of the log can be read.
        """
