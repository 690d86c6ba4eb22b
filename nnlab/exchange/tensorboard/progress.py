"""How far the event files of a run have been read, and what is known of the run from before."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nnlab.exchange.log_reader import JsonValue, Position
from nnlab.exchange.tensorboard.hyperparameters import HyperparameterLog
from nnlab.io.files import open_regular
from nnlab.records import Sample, Scalar

# The first record has the wall time in microseconds and so identifies a file.
_HEAD_BYTES = 32
_MOST_REMEMBERED_STEPS = 1000


@dataclass(slots=True)
class ReadingProgress:
    """What the next reading of a run continues from.

    `offsets` has for each file the head that identifies it and the position after the last record
    that was read. `last_steps` are the newest steps by metric.
    """

    offsets: dict[str, tuple[str, int]] = field(default_factory=dict)
    hyperparameters: HyperparameterLog = field(default_factory=HyperparameterLog)
    results: dict[str, Scalar] = field(default_factory=dict)
    first_time: float | None = None
    last_time: float | None = None
    last_steps: dict[str, int] = field(default_factory=dict)

    def offset(self, path: Path) -> int:
        """Where the reading of a file begins."""
        return self.offsets.get(_key(path), ("", 0))[1]

    def set_offset(self, path: Path, head: str, offset: int) -> None:
        """Remembers that a file was read up to a position."""
        self.offsets[_key(path)] = head, offset

    def is_continued_by(self, paths: Iterable[Path]) -> bool:
        """Whether each file that was read still begins with what was read of it."""
        for path in paths:
            head, offset = self.offsets.get(_key(path), ("", 0))
            if offset and (path.stat().st_size < offset or not read_head(path).startswith(head)):
                return False
        return True

    def add_times(self, first_time: float | None, last_time: float | None) -> None:
        """Extends the time in which the run logged."""
        times = [t for t in (self.first_time, first_time) if t is not None and math.isfinite(t)]
        self.first_time = min(times, default=None)
        times = [t for t in (self.last_time, last_time) if t is not None and math.isfinite(t)]
        self.last_time = max(times, default=None)

    def count_steps_back(self, samples: Iterable[Sample]) -> int:
        """How often a metric goes on at an earlier step."""
        last_steps, count = self.last_steps, 0
        for metric, _, step, _, _ in samples:
            if step is not None:
                if step < last_steps.get(metric, step):
                    count += 1
                last_steps[metric] = step
        return count

    def position(self) -> Position:
        """Everything as JSON."""
        steps = list(self.last_steps.items())[-_MOST_REMEMBERED_STEPS:]
        return {
            "files": {key: [head, offset] for key, (head, offset) in self.offsets.items()},
            "hyperparameters": self.hyperparameters.state(),
            "results": {
                name: value
                for name, value in self.results.items()
                if isinstance(value, int | float) and math.isfinite(value)
            },
            "first_time": self.first_time,
            "last_time": self.last_time,
            "last_steps": dict(steps),
        }

    @classmethod
    def restore(cls, position: Position | None) -> "ReadingProgress":
        """The progress of an earlier reading; values of other types are ignored."""
        progress = cls()
        if position is None:
            return progress
        for key, value in _mapping(position.get("files")).items():
            match value:
                case [str(head), int(offset)] if offset >= 0:
                    progress.offsets[key] = head, offset
        progress.hyperparameters = HyperparameterLog.restore(position.get("hyperparameters"))
        for key, value in _mapping(position.get("results")).items():
            if isinstance(value, int | float):
                progress.results[key] = value
        progress.last_steps = {
            key: value
            for key, value in _mapping(position.get("last_steps")).items()
            if isinstance(value, int)
        }
        if isinstance(first := position.get("first_time"), int | float):
            progress.first_time = first
        if isinstance(last := position.get("last_time"), int | float):
            progress.last_time = last
        return progress


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, Mapping) else {}


def read_head(path: Path) -> str:
    """The first bytes of a file in hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    with open_regular(path, follow_links=False) as file:
        return file.read(_HEAD_BYTES).hex()


def _key(path: Path) -> str:
    """A name for a file that does not depend on where the folder of the run is."""
    return f"{path.parent.name}/{path.name}"
