"""How far the event files of a run have been read, and what is known of the run from before."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nnlab.exchange.file_offsets import FileOffsets
from nnlab.exchange.log_reader import JsonValue, Position
from nnlab.exchange.tensorboard.hyperparameters import HyperparameterLog
from nnlab.records import Sample, Scalar

_MOST_REMEMBERED_STEPS = 1000


@dataclass(slots=True)
class ReadingProgress:
    """What the next reading of a run continues from.

    `last_steps` are the newest steps by metric.
    """

    offsets: FileOffsets = field(default_factory=FileOffsets)
    hyperparameters: HyperparameterLog = field(default_factory=HyperparameterLog)
    results: dict[str, Scalar] = field(default_factory=dict)
    first_time: float | None = None
    last_time: float | None = None
    last_steps: dict[str, int] = field(default_factory=dict)

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
            "files": self.offsets.state(),
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
        progress.offsets = FileOffsets.restore(position.get("files"))
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
