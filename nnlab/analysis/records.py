"""The rows of a ranking and the ranking itself, as tables, reports and figures read them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from nnlab.analysis.scope import Scope
from nnlab.io.text import axis_word
from nnlab.records import Axis, Objective, Setting, Status
from nnlab.settings.setting_differences import distinguishing_fields
from nnlab.stats import Aggregate
from nnlab.stats.comparison import BestComparison, PairedTest, key_without_seed
from nnlab.stats.intervals import IntervalMethod
from nnlab.stats.sampling_noise import SamplingNoise
from nnlab.stats.uncertainty import DEFAULT_UNCERTAINTY, Uncertainty

EpochChoice = Literal["best", "last"] | int

# The name of the arm among the fields of a ranking.
ARM_FIELD = "arm"


@dataclass(frozen=True, slots=True)
class RankingRequest:
    """How trials are ranked; every ranking and table takes one, and the defaults rank all trials.

    `by` is a metric, optionally followed by `:min` or `:max`; None ranks by the objective of the
    study. `at` is the epoch of the values: `best` (of each run), `last`, or a number. `top` is the
    largest number of rows; None keeps all. Trials that agree in all fields of `group_by` form one
    row. `interval` says how confidence intervals are computed, and `test` how trials with shared
    seeds are compared. `mixed` ranks all trials together, comparable or not; a note says so.
    `along` names the fields that a table or axis is spread over: groups of comparable trials that
    differ only in them are ranked together (`merge_groups_along`); None entries are ignored.
    `uncertainty` is the number that tables show after ±. `costs` (`nnlab.analysis.run_costs.COSTS`)
    and `relative_to` (a run, an arm or settings) are columns that tables add to the ranking
    (`nnlab.analysis.table_ranking`), and so are those of `sample_noise`
    (`nnlab.analysis.sample_noise`).
    """

    by: str | None = None
    at: EpochChoice = "best"
    top: int | None = None
    group_by: Sequence[str] = ()
    interval: IntervalMethod = IntervalMethod.T
    test: PairedTest = PairedTest.T
    mixed: bool = False
    along: Sequence[str | None] = ()
    uncertainty: Uncertainty = DEFAULT_UNCERTAINTY
    costs: Sequence[str] = ()
    relative_to: str | None = None
    sample_noise: bool = False


@dataclass(frozen=True, slots=True)
class RankingRow:
    """A trial, or a group of trials: its rank, its setting, and statistics over its seeds.

    `runs`, `seeds` and `values` have one entry per run, in the same order; the value of a run
    without a result is NaN, and a seed is None if it is unknown. `epoch` is the median of the
    epochs of the values.
    `flags` counts the runs with each finding that tables show (`nnlab.diagnosis.headlines`).
    `onsets` holds, by finding code, the epochs from which runs overfit or stagnate.
    `pruned` counts the runs that a pruner stopped.
    `interval` is the 95 % confidence interval of the mean. `comparison` compares the best row with
    this one. `tier` is 1 for the best row and all rows that do not differ significantly from it,
    2 for the others, and None where there are too few seeds to decide. `is_leader` says that it is
    the best row or may equal it (`nnlab.stats.leading_group`); tables print leaders in bold.
    `test` is the same quantity on the test split, measured once at each run's selected epoch;
    `test_epoch` is the median of these epochs, and `test_epochs_match` says whether they equal the
    epochs of the values in every run.
    `errors` are the validation errors of a regression at the epochs of the values, in the unit of
    the target, by metric.
    `unsuccessful` counts the diverged and failed runs of its trials; `runs_without_value` are those
    of them that are not part of `runs`.
    `axis` says what its epochs are: steps, if the runs of another program are measured over steps.
    `different_data` says that seeds of one of its trials were trained on different data.
    `collapsed` are the runs that ended at chance level while other runs of the ranking work
    (`nnlab.stats.collapse`): `value`, `epoch`, `test`, `errors`, `interval` and `comparison` are
    those of the other runs, if there are any.
    `arm` is the arm of the study that its trial belongs to, if those of all rows do.
    """

    rank: int
    trials: tuple[int, ...]
    setting: Setting
    value: Aggregate
    epoch: float | None
    test: Aggregate | None
    runs: tuple[int, ...]
    seeds: tuple[int | None, ...]
    values: tuple[float, ...]
    flags: Mapping[str, int]
    statuses: Mapping[Status, int]
    onsets: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    pruned: int = 0
    interval: tuple[float, float] | None = None
    comparison: BestComparison | None = None
    tier: int | None = None
    is_leader: bool = False
    test_epoch: float | None = None
    test_epochs_match: bool = True
    different_data: bool = False
    errors: Mapping[str, Aggregate] = field(default_factory=dict)
    unsuccessful: Mapping[Status, int] = field(default_factory=dict)
    runs_without_value: tuple[int, ...] = ()
    axis: Axis = "epoch"
    collapsed: tuple[int, ...] = ()
    arm: str = ""

    @property
    def labelled_setting(self) -> Setting:
        """The setting with the name of the arm, if the trials of the ranking are in arms."""
        return {ARM_FIELD: self.arm, **self.setting} if self.arm else self.setting

    @property
    def seed_keys(self) -> tuple[int, ...]:
        """A key of each run, by which it is paired with runs of other rows: its seed.

        If a seed is unknown, the runs of the row are not paired: their keys are unique.
        """
        return seed_keys(self.seeds, self.runs)

    @property
    def working_values(self) -> tuple[float, ...]:
        """The values of the runs that work; all values if none does."""
        works = set(self.working_runs)
        return tuple(v for run, v in zip(self.runs, self.values, strict=True) if run in works)

    @property
    def working_runs(self) -> tuple[int, ...]:
        """The runs that work; all runs if none does."""
        if not self.working_seeds[0]:
            return self.runs
        collapsed = set(self.collapsed)
        return tuple(run for run in self.runs if run not in collapsed)

    @property
    def working_seeds(self) -> tuple[int, int]:
        """How many runs work, and how many have a value."""
        total = sum(not math.isnan(value) for value in self.values)
        return total - len(self.collapsed), total

    @property
    def seeds_text(self) -> str:
        """The number of seeds of the mean, such as `5`, or `4 of 5` if one collapsed."""
        count = str(self.value.n)
        return f"{count} of {self.working_seeds[1]}" if self.collapsed else count

    @property
    def success_rate(self) -> float:
        """The fraction of the runs that work."""
        working, total = self.working_seeds
        return working / total if total else 0.0

    @property
    def all_diverged(self) -> bool:
        """Whether every run of the row diverged."""
        return set(self.statuses) == {Status.DIVERGED}


def seed_keys(seeds: Sequence[int | None], runs: Sequence[int]) -> tuple[int, ...]:
    """A key of each run of a trial, by which it is paired with runs of other trials."""
    known = tuple(seed for seed in seeds if seed is not None)
    return known if len(known) == len(seeds) else tuple(map(key_without_seed, runs))


@dataclass(frozen=True, slots=True)
class UnrankedTrial:
    """A trial without a value, because its `runs` diverged or failed; `statuses` counts them."""

    trial: int
    setting: Setting
    runs: tuple[int, ...]
    statuses: Mapping[Status, int]
    arm: str = ""

    @property
    def labelled_setting(self) -> Setting:
        """The setting with the name of the arm, if the trials of the ranking are in arms."""
        return {ARM_FIELD: self.arm, **self.setting} if self.arm else self.setting


@dataclass(frozen=True, slots=True)
class ExtraColumn:
    """A column besides the metric: a value (for scripts) and a text for each row of a ranking.

    The text is empty, and the value None, where it is unknown. `notes` explain the column.
    """

    key: str
    heading: str
    values: tuple[Mapping[str, Any] | None, ...]
    texts: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows, best first, with what is needed to read them.

    `fields` are the choices in which the rows differ; the arm comes first if
    they are in arms. `total` counts all rows, including those
    that `top` cut off. `notes` must be shown with the table.
    `heading` names what all runs of the ranking share and other runs of the scope do not; it is
    empty where there are no other runs. `left_out` holds the note on groups that are not ranked
    here; this note is also part of `notes`.
    `ranks_with_equal_fields` holds the ranks of rows that agree with another row in all fields.
    `unranked` are trials without a value, which tables list below the rows; it is empty if `top`
    cut off rows. `uncertainty` is the number after ±. `resolutions` holds the smallest differences
    of two values by metric, for those that are known. `extra_columns` were requested for a table;
    their notes are also part of `notes`. `noise` is what is known of the noise of a single value.
    """

    scope: Scope
    objective: Objective
    at: EpochChoice
    fields: tuple[str, ...]
    rows: tuple[RankingRow, ...]
    total: int
    notes: tuple[str, ...]
    heading: str = ""
    left_out: tuple[str, ...] = ()
    ranks_with_equal_fields: frozenset[int] = frozenset()
    unranked: tuple[UnrankedTrial, ...] = ()
    uncertainty: Uncertainty = DEFAULT_UNCERTAINTY
    resolutions: Mapping[str, float] = field(default_factory=dict)
    extra_columns: tuple[ExtraColumn, ...] = ()
    noise: SamplingNoise | None = None

    def label_fields(self, trial: RankingRow | UnrankedTrial) -> tuple[str, ...]:
        """The fields in the label of a trial: those of the ranking that distinguish it.

        An arm with a single trial needs no further field.
        """
        if not trial.arm:
            return self.fields
        arms = [(row.arm, row.setting) for row in self.rows]
        arms += [(other.arm, other.setting) for other in self.unranked]
        settings = [setting for arm, setting in arms if arm == trial.arm]
        return tuple(
            name
            for name in self.fields
            if name == ARM_FIELD or len({setting.get(name) for setting in settings}) > 1
        )

    @property
    def setting_fields(self) -> tuple[str, ...]:
        """The fields in which the settings of the rows differ, also if these are in arms."""
        if not any(row.arm for row in self.rows):
            return self.fields
        settings = [row.setting for row in self.rows]
        settings += [trial.setting for trial in self.unranked]
        return distinguishing_fields(settings)

    @property
    def axis_word(self) -> str:
        """What the epochs of the rows are: epoch, step, or both."""
        return axis_word({row.axis for row in self.rows})

    @property
    def values_at(self) -> str:
        """Where the values were measured, such as `each run's best epoch`."""
        word = self.axis_word
        fixed = {"best": f"each run's best {word}", "last": f"the last {word}"}
        return fixed.get(str(self.at), f"{word} {self.at}")

    @property
    def has_test(self) -> bool:
        """Whether any row has a value on the test split."""
        return any(row.test and row.test.n for row in self.rows)

    @property
    def test_epochs_match(self) -> bool:
        """Whether every test value was measured at the epoch of the value in the same row."""
        return all(row.test_epochs_match for row in self.rows)
