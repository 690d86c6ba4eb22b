"""The words of the domain as frozen records: what leaves the store and the engine.

Every other layer speaks in these; none of them can write to a database.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from nnlab.objective import Direction, Objective, Scalar, Setting, direction_of

__all__ = [
    "Arm",
    "Artifact",
    "Attempt",
    "Comparison",
    "Curve",
    "Direction",
    "Environment",
    "Epoch",
    "Finding",
    "History",
    "MetricSummary",
    "Objective",
    "Run",
    "Sampler",
    "Scalar",
    "Setting",
    "Severity",
    "Status",
    "Study",
    "Trial",
    "direction_of",
]


class Status(StrEnum):
    """Where a run stands. A run whose worker died is read as interrupted, never as running."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    DIVERGED = "diverged"
    FAILED = "failed"

    @property
    def needs_training(self) -> bool:
        """True when the same command should train this run (again): it has no result yet."""
        return self in (Status.QUEUED, Status.INTERRUPTED, Status.FAILED)


class Severity(StrEnum):
    """How much a finding matters: info is worth knowing, error means the result is void."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of a study: its name and the digests of its trials."""

    name: str
    trials: tuple[str, ...]


ComparisonScale = Literal["difference", "ratio", "spread"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What decides a claim: a number of every seed, and the region that it is claimed to lie in.

    `arms` are one (its value), two (the first against the second) or four (how much more the
    first gains over the second than the third over the fourth). `scale` says what is made of
    them: differences, ratios, or the relative spread of one arm over its seeds. `above` and
    `below` bound the region; None leaves a side open.
    """

    says: str
    metric: str
    at: str
    scale: ComparisonScale
    arms: tuple[str, ...]
    above: float | None
    below: float | None


@dataclass(frozen=True, slots=True)
class Sampler:
    """How a study chooses what it tries next: the sampler's name and its options."""

    name: str
    options: Mapping[str, Scalar] = field(default_factory=dict)

    def __str__(self) -> str:
        """As a reader wants it.

        >>> str(Sampler("tpe", {"trials": 40, "seed": 0}))
        'tpe (seed=0, trials=40)'
        """
        options = ", ".join(f"{name}={value}" for name, value in sorted(self.options.items()))
        return f"{self.name} ({options})" if options else self.name


@dataclass(frozen=True, slots=True)
class Study:
    """A question: a space of settings, an objective, seeds.

    `space` is None for an open study, to which any run may be added (one that `nnlab train`
    created, such as `default`). A study with a claim has the arms that it compares, and what
    decides. `sampler` is None where the whole grid is tried.
    """

    id: int
    name: str
    question: str
    objective: Objective | None
    space: Mapping[str, tuple[Scalar, ...]] | None
    seeds: tuple[int, ...]
    created_at: datetime
    claim: str = ""
    arms: tuple[Arm, ...] = ()
    decides: tuple[Comparison, ...] = ()
    sampler: Sampler | None = None
    removed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """True where any run may be added: no search space and no arms limit its trials."""
        return self.space is None and not self.arms

    @property
    def samples(self) -> bool:
        """True where a sampler chooses the trials, instead of the whole grid."""
        return self.sampler is not None and self.sampler.name != "grid"


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting of a study's space; `digest` identifies the setting within the study."""

    id: int
    study: str
    setting: Setting
    digest: str


@dataclass(frozen=True, slots=True)
class Run:
    """A trial with one seed. Times are aware (UTC); seconds are None until the run has ended.

    `epochs` counts the finished ones, `selected_epoch` is the one that the test split was
    evaluated at. `repeat` counts `--again`; only the newest repeat is `current` (ranked).
    `parent_id` is the run whose weights it began with. `pruned_at` is the epoch after which a
    pruner ended it: it is finished then, and `reason` says why. A removed run is never current.
    `artifacts` is the folder or URL of its files; None is the database's own folder.
    `points_checksum` is the checksum of its points since it ended; None before, and for a run that
    an earlier nnlab trained.
    """

    id: int
    trial: Trial
    seed: int
    repeat: int
    current: bool
    status: Status
    name: str | None
    tags: tuple[str, ...]
    epochs: int
    epochs_planned: int
    selected_epoch: int | None
    data_fingerprint: str | None
    parent_id: int | None
    reason: str | None
    wall_seconds: float | None
    device_seconds: float | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    pruned_at: int | None = None
    stop_requested_at: datetime | None = None
    removed_at: datetime | None = None
    artifacts: str | None = None
    points_checksum: str | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """Where and with what code a run was trained. Two attempts that agree share one record.

    `git_diff` is the uncommitted change of the working folder against `git_commit`, or None.
    """

    hostname: str
    platform: str
    python: str
    torch: str
    nnlab: str
    packages: Mapping[str, str]
    device: str
    threads: int
    git_commit: str | None = None
    git_dirty: bool | None = None
    git_diff: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One process that worked on a run, from `started_at` until it ended, died or lost it.

    `environment` is None where it died before it had loaded its data. `engine` is `solo`, or
    `stacked 64` for one of 64 runs that were trained as one program; `peak_bytes` is the most
    memory its device held. Both are None where they are not known. `traceback` is the Python
    traceback of the error that ended it; None where none did.
    """

    id: int
    run_id: int
    environment: Environment | None
    hostname: str
    pid: int
    command: str
    first_epoch: int
    outcome: str | None
    started_at: datetime
    ended_at: datetime | None
    engine: str | None = None
    peak_bytes: int | None = None
    traceback: str | None = None


# How processes train one run together: with all weights each, or with a part of them.
ParallelMode = Literal["ddp", "fsdp"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One finished epoch, counted from 1: every metric measured in it and its duration.

    `values` maps metric names (`train/loss`, `val/accuracy`, `lr`) to numbers, NaN allowed.
    """

    number: int
    values: Mapping[str, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric over epochs: `epochs` strictly increasing, `values` of the same length."""

    metric: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.epochs) != len(self.values):
            raise ValueError(f"{len(self.epochs)} epochs but {len(self.values)} values")

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[tuple[int, float]]:
        return zip(self.epochs, self.values, strict=True)


@dataclass(frozen=True, slots=True)
class History:
    """All curves of a run, by metric name."""

    curves: Mapping[str, Curve] = field(default_factory=dict)

    def __getitem__(self, metric: str) -> Curve:
        return self.curves[metric]

    def get(self, metric: str) -> Curve | None:
        """The curve of that metric, or None where it was never measured."""
        return self.curves.get(metric)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of all metrics, sorted."""
        return tuple(sorted(self.curves))


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric of one run in a line: number of points, last value, best value and epoch.

    `best` is None while every value was NaN.
    """

    metric: str
    n: int
    last: float
    last_epoch: int
    best: float | None
    best_epoch: int | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a diagnosis rule says of a run.

    `confidence` is in [0, 1]; `onset` is the first epoch of which it holds, or None;
    `evidence` holds the numbers it rests on.
    """

    code: str
    name: str
    severity: Severity
    confidence: float
    onset: int | None
    message: str
    remedy: str
    evidence: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a run made; `path` is relative to the database's artifact folder."""

    run_id: int
    kind: Literal["checkpoint", "model"]
    path: str
    sha256: str
    size: int
