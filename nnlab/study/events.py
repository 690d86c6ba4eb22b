"""Events while the runs of a study are executed; the CLI prints them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SamplerTrialsQueued:
    """An adaptive sampler has queued more trials; `total` is the number that it may try."""

    sampler: str
    new: int
    tried: int
    total: int


@dataclass(frozen=True, slots=True)
class SamplerWaiting:
    """An adaptive sampler waits for results of runs that other processes train."""

    sampler: str


@dataclass(frozen=True, slots=True)
class SamplerExhausted:
    """An adaptive sampler has no new trial to suggest, and tried fewer than it may."""

    sampler: str
    tried: int
    total: int


@dataclass(frozen=True, slots=True)
class WaitingForRuns:
    """Other processes still train some of the runs; `is_first` marks the first such event."""

    runs: int
    epochs: int
    epochs_planned: int
    is_first: bool


@dataclass(frozen=True, slots=True)
class AbandonedRunsFound:
    """A process that trained some of the runs has died; this process trains them now."""


@dataclass(frozen=True, slots=True)
class PairsMeasured:
    """The metrics `pair/...` of some pairs of runs were stored; `problems` are of other pairs."""

    measured: int
    problems: tuple[str, ...]


ExecutionEvent = (
    SamplerTrialsQueued
    | SamplerWaiting
    | SamplerExhausted
    | WaitingForRuns
    | AbandonedRunsFound
    | PairsMeasured
)
