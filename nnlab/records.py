"""The frozen records that the store and the engine return, and that all other layers use."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal, NamedTuple, get_args

from nnlab.objective import Direction, Objective, Scalar, Setting, direction_of

__all__ = [
    "Arm",
    "Artifact",
    "Attempt",
    "Axis",
    "Comparison",
    "Curve",
    "Direction",
    "Environment",
    "Epoch",
    "Finding",
    "GateVerdictName",
    "History",
    "LedgerEntry",
    "MetricSummary",
    "Objective",
    "Origin",
    "Pilot",
    "PublishedResult",
    "Run",
    "Sample",
    "Sampler",
    "Scalar",
    "Setting",
    "Severity",
    "Source",
    "SourceNote",
    "Status",
    "Study",
    "Trial",
    "direction_of",
]


class Status(StrEnum):
    """The status of a run. A run whose worker died is read as interrupted, never as running."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    DIVERGED = "diverged"
    FAILED = "failed"

    @property
    def needs_training(self) -> bool:
        """Whether the same command should train this run (again), because it has no result."""
        return self in (Status.QUEUED, Status.INTERRUPTED, Status.FAILED)


class Origin(StrEnum):
    """Who trained a run.

    nnlab's training loop (`builtin`), a user-defined step in that loop (`task`), a program that
    nnlab started (`script`), a program that used the Python API (`recorded`), or a program whose
    log was imported (`imported`).
    """

    BUILTIN = "builtin"
    TASK = "task"
    SCRIPT = "script"
    RECORDED = "recorded"
    IMPORTED = "imported"

    @property
    def is_external(self) -> bool:
        """Whether a program other than nnlab's training loop produced the metrics."""
        return self not in (Origin.BUILTIN, Origin.TASK)

    @property
    def is_startable(self) -> bool:
        """Whether nnlab can execute the run (again)."""
        return self not in (Origin.RECORDED, Origin.IMPORTED)


# What the points of a run are measured over.
Axis = Literal["epoch", "step"]


class Severity(StrEnum):
    """How serious a finding is: info is a hint, error means that the result is invalid."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of a study's comparison: its name and the digests of its trials.

    `note` says how its trials were chosen, or why it has none: an arm without trials was left out.
    """

    name: str
    trials: tuple[str, ...]
    note: str = ""


ComparisonScale = Literal["difference", "ratio", "spread", "correlation"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison that tests a claim: a number per seed, and the region claimed for its mean.

    `says` is the statement in words. The number is the value a of one arm, a compared with b of two
    arms, or a with b compared to c with d of four arms. `metric` at the moment `at` is compared on
    a `scale`: by differences, by ratios, by the relative spread of one arm over its seeds, or by
    the rank correlation with `other_metric` at `other_at` over the trials of one arm.
    `above` and `below` bound the region; None means no bound. A comparison that does not decide the
    claim (`decides` is False) has only a verdict of its own.

    `expected` is the number if the claim is true and the effect as large as `expected_from` reports
    (a factor on the scale of ratios). `pilot_sd` is the standard deviation of the number over the
    seeds of a pilot (of its logarithm on the scale of ratios).
    """

    says: str
    metric: str
    at: str
    scale: ComparisonScale
    arms: tuple[str, ...]
    above: float | None
    below: float | None
    decides: bool = True
    other_metric: str = ""
    other_at: str = ""
    expected: float | None = None
    expected_from: str = ""
    pilot_sd: float | None = None

    @property
    def without_expectation(self) -> "Comparison":
        """The test alone: what is expected changes neither the question nor the verdict."""
        return replace(self, expected=None, expected_from="", pilot_sd=None)


@dataclass(frozen=True, slots=True)
class Pilot:
    """The seeds on which a study was designed, and what was changed during the design."""

    seeds: tuple[int, ...]
    notes: str = ""


PublishedVerdict = Literal["supported", "not supported", "mixed"]
PUBLISHED_VERDICTS: Final[tuple[PublishedVerdict, ...]] = get_args(PublishedVerdict)


@dataclass(frozen=True, slots=True)
class PublishedResult:
    """A published result about the claim of a study: what it is, where, and its verdict."""

    result: str
    source: str
    verdict: PublishedVerdict
    url: str = ""


@dataclass(frozen=True, slots=True)
class Sampler:
    """The sampler that chooses the trials of a study: its name and its options."""

    name: str
    options: Mapping[str, Scalar] = field(default_factory=dict)

    def __str__(self) -> str:
        """The name, followed by the options in parentheses.

        >>> str(Sampler("tpe", {"trials": 40, "seed": 0}))
        'tpe (seed=0, trials=40)'
        """
        options = ", ".join(f"{name}={value}" for name, value in sorted(self.options.items()))
        return f"{self.name} ({options})" if options else self.name


@dataclass(frozen=True, slots=True)
class Study:
    """A study: a question with a search space, an objective and seeds.

    `space` is None for an open study, to which any run may be added, for example `default`, which
    `nnlab train` creates. A study with a claim has the `arms` that it compares, the `comparisons`
    that test the claim, the `pilot` on which it was designed, if that is stated, and the
    `published` results about the claim. `sampler` is None if the whole grid is trained. `script` is
    the record of the user's script that every run of the study executes, as
    `nnlab.scripts.ScriptSpec` writes it; None if nnlab trains the runs.
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
    comparisons: tuple[Comparison, ...] = ()
    sampler: Sampler | None = None
    removed_at: datetime | None = None
    script: Mapping[str, object] | None = None
    pilot: Pilot | None = None
    published: tuple[PublishedResult, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether any run may be added, because neither a space nor arms define the trials."""
        return self.space is None and not self.arms

    @property
    def samples(self) -> bool:
        """Whether a sampler chooses the trials, instead of the whole grid."""
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
    """A trial with one seed. Times are UTC and aware; durations are None until the run has ended.

    `epochs` is the number of finished epochs, and `selected_epoch` the one at which the test split
    was evaluated. `repeat` counts repetitions by `--again`; only the newest one is `current`, which
    means ranked. A removed run is never current. `parent_id` is the run whose weights were the
    initial weights. `pruned_at` is the epoch after which a pruner stopped the run; its status is
    then finished, and `reason` says why. `artifacts` is the folder or URL of its files; None is the
    database's own folder. `points_checksum` is the checksum of its points after it ended; None
    before, and for runs of earlier versions of nnlab. `seed` is None if it is unknown, which is
    possible for runs of other programs. If `axis` is `step`, every number of an epoch (`epochs`,
    the epochs of curves and summaries, the onset of findings) is a step. `results` are final values
    that the user's code has set.
    """

    id: int
    trial: Trial
    seed: int | None
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
    origin: Origin = Origin.BUILTIN
    axis: Axis = "epoch"
    results: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def known_seed(self) -> int:
        """The seed of a run that has one: every run that nnlab can train.

        Raises:
            ValueError: the seed is unknown.
        """
        if self.seed is None:
            raise ValueError(f"the seed of run {self.id} is unknown")
        return self.seed


@dataclass(frozen=True, slots=True)
class SourceNote:
    """What an import could not take over: a stable code, a sentence, and how often it occurred."""

    code: str
    message: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Source:
    """Where an imported run comes from.

    `kind` names the format, `external_id` identifies the run among those of its kind. `position` is
    where the next import goes on reading, in a form that only the reader of the format knows.
    `metric_names` has the name of each metric in the source, by its name in the database.
    """

    run_id: int
    kind: str
    external_id: str
    location: str
    imported_at: datetime
    position: Mapping[str, object] | None
    metric_names: Mapping[str, str]
    notes: tuple[SourceNote, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """The machine, packages and code of an attempt. Attempts with equal values share one record.

    `git_diff` contains the uncommitted changes since `git_commit`; None if there are none.
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
    """The execution of (a part of) a run by one process, from `started_at` to `ended_at`.

    `environment` is None if the process died before it had loaded its data. `engine` is `solo`, or
    `stacked 64` for one of 64 runs that were trained as one program. `peak_bytes` is the peak
    memory of its device. Both are None if unknown. `traceback` is the Python traceback of the error
    that ended the attempt; None if there was no error.
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


# How several processes train one run: each with all weights (ddp), or with a part of them (fsdp).
ParallelMode = Literal["ddp", "fsdp"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One finished epoch, counted from 1: its metrics and its duration.

    `values` maps metric names (`train/loss`, `val/accuracy`, `lr`) to numbers, which may be NaN.
    """

    number: int
    values: Mapping[str, float]
    seconds: float


class Sample(NamedTuple):
    """One value that another program logged; `time` is in Unix seconds, `epoch` may be fractional.

    `step` and `epoch` are None if the program did not say them.
    """

    metric: str
    value: float
    step: int | None = None
    epoch: float | None = None
    time: float | None = None


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
        """The curve of a metric; None if it was never measured."""
        return self.curves.get(metric)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of all metrics, sorted."""
        return tuple(sorted(self.curves))


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric of one run: number of points, last and best value, and the epochs of these.

    `best` is None if every value is NaN.
    """

    metric: str
    n: int
    last: float
    last_epoch: int
    best: float | None
    best_epoch: int | None


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem that a diagnosis rule detected in a run.

    `confidence` is in [0, 1]. `onset` is the first affected epoch, None if there is none.
    `evidence` holds the measurements behind the finding.
    """

    code: str
    name: str
    severity: Severity
    confidence: float
    onset: int | None
    message: str
    remedy: str
    evidence: Mapping[str, float]


# The verdict on an entry of a ledger; the first baseline of a study has an entry without a test.
GateVerdictName = Literal["baseline", "keep", "discard", "not yet"]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One candidate in the ledger of `nnlab gate`, and the state of its test.

    `baseline_trial` is None for the entry of the first baseline, which is compared with nothing.
    `min_effect`, `effect`, `low` and `high` are in the unit of the objective's metric, and the last
    three are differences of candidate and baseline that are positive if the candidate is better.
    `low` and `high` are infinite where they are unknown. `level` is the one-sided level of the
    test, `seeds` are those of the pairs so far. `verdict` is None until the test has ended.
    """

    id: int
    study_id: int
    study: str
    baseline_trial: int | None
    candidate_trial: int
    objective: Objective
    min_effect: float
    max_seeds: int
    level: float | None
    p: float | None
    verdict: GateVerdictName | None
    effect: float | None
    low: float
    high: float
    seeds: tuple[int, ...]
    expected_left: float | None
    reason: str
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a run created; `path` is relative to the database's artifact folder.

    `kind` is `checkpoint`, `model`, `model_description`, or for files of other programs
    `media/METRIC/STEP` or `file/PATH`; a run has one file of each kind.
    """

    run_id: int
    kind: str
    path: str
    sha256: str
    size: int
