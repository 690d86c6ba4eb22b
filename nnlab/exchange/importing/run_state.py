"""What the log of one run has said so far, besides its samples."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from nnlab.exchange.log_reader import RunDetails
from nnlab.records import Sample, SourceNote, Status

# These logs say how a run ended: without an end, it was killed or is still running.
_KINDS_WITH_END = frozenset(
    {"wandb", "mlflow", "mlflow-sqlite", "mlflow-export", "trainer-state", "comet", "aim"}
)
# Notes about the end of a log: the next reading finds out whether they are still true.
_NOTES_ABOUT_THE_END = frozenset({"truncated"})
# Unix seconds from 1970 to 9999.
_LATEST_TIME = 253_402_300_799.0


@dataclass(slots=True)
class TimeRange:
    """The first and last time at which something was logged, in Unix seconds."""

    first: float | None = None
    last: float | None = None

    def add(self, samples: Sequence[Sample]) -> None:
        """Adds the first and last samples of a batch, which are in the order of time."""
        for sample in (samples[0], samples[-1]):
            time = sample.time
            if time is not None and 0 < time <= _LATEST_TIME:
                self.first = time if self.first is None else min(self.first, time)
                self.last = time if self.last is None else max(self.last, time)

    @property
    def first_moment(self) -> datetime | None:
        """The first time in UTC."""
        return None if self.first is None else datetime.fromtimestamp(self.first, UTC)

    @property
    def last_moment(self) -> datetime | None:
        """The last time in UTC."""
        return None if self.last is None else datetime.fromtimestamp(self.last, UTC)


def merge_details(earlier: RunDetails | None, later: RunDetails) -> RunDetails:
    """Later details, with the configuration and start of earlier ones where they have none."""
    if earlier is None:
        return later
    return replace(
        later,
        name=later.name or earlier.name,
        config=later.config or earlier.config,
        tags=later.tags or earlier.tags,
        started_at=later.started_at or earlier.started_at,
        seed=earlier.seed if later.seed is None else later.seed,
        directions={**earlier.directions, **later.directions},
    )


def status_of(kind: str, details: RunDetails) -> tuple[Status, str | None]:
    """The status of an imported run, and the reason for it."""
    if details.status is not Status.RUNNING:
        return details.status, None
    if kind in _KINDS_WITH_END:
        return Status.INTERRUPTED, "the log has no end: the run was killed or is still running"
    return Status.FINISHED, None


def merge_notes(
    earlier: Iterable[SourceNote], later: Iterable[SourceNote]
) -> tuple[SourceNote, ...]:
    """The notes of two readings of a log, the second of which continued the first."""
    counts: dict[tuple[str, str], int] = {
        (note.code, note.message): note.count
        for note in earlier
        if note.code not in _NOTES_ABOUT_THE_END
    }
    for note in later:
        key = note.code, note.message
        counts[key] = counts.get(key, 0) + note.count
    return tuple(SourceNote(code, message, count) for (code, message), count in counts.items())


def last_test_position(curves: Mapping[str, Sequence[int]]) -> int | None:
    """The last position at which the test split was evaluated, given positions by metric."""
    positions = [steps[-1] for metric, steps in curves.items() if metric.startswith("test/")]
    return max(positions, default=None)
