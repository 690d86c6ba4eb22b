"""`Series`: the histories and findings of one trial, as all figures of curves take them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nnlab.diagnosis.headlines import (
    HEADLINE_CODES,
    OVERFITTING_CODE,
    PLATEAU_CODE,
    affected_seeds_text,
)
from nnlab.errors import UsageError
from nnlab.figures.draw.display_names import split_of
from nnlab.io.text import axis_word
from nnlab.records import Axis, Direction, Finding, History, direction_of
from nnlab.stats.curve_band import median_epoch


@dataclass(frozen=True, slots=True)
class Series:
    """A trial: its label and one history per seed.

    `findings` are those of all its runs; NN101 and NN102 are drawn, at most one per run.
    `selected` is the epoch to mark; None marks the best epoch of the mean validation curve.
    `directions` are those of metrics of the user, by full names such as `val/gini`. `axis` says
    what the epochs are: steps, in some runs of other programs.
    """

    label: str
    histories: tuple[History, ...]
    findings: tuple[Finding, ...] = ()
    selected: int | None = None
    directions: Mapping[str, Direction] = field(default_factory=dict)
    axis: Axis = "epoch"


def as_series(trials: History | Series | Sequence[Series]) -> Sequence[Series]:
    """A sequence of trials, from the history of a run, a trial, or a sequence of trials.

    Raises:
        UsageError: it is neither of these.
    """
    if isinstance(trials, History):
        return [Series("", (trials,))]
    if isinstance(trials, Series):
        return [trials]
    items = trials if isinstance(trials, Sequence) else [trials]
    for item in items:
        if not isinstance(item, Series):
            raise UsageError(
                f"curves of a history, a Series or several Series are drawn, not of a"
                f" {type(item).__name__}",
                hint='Series("a label", [history, ...]) combines histories',
            )
    return trials


def axis_label(series: Sequence[Series]) -> str:
    """The label of the axis of epochs, or steps, of some trials."""
    return axis_word({trial.axis for trial in series}).capitalize()


def lower_is_better(series: Sequence[Series], metric: str) -> bool | None:
    """Whether lower values of a metric are better; None if this is unknown."""
    declared = (trial.directions[metric] for trial in series if metric in trial.directions)
    direction = next(declared, None) or direction_of(metric)
    if direction is None and split_of(metric) is None:
        return True  # statistics of nnlab, whose large values are the outliers
    return None if direction is None else direction == "min"


def median_onset(trial: Series, code: str = OVERFITTING_CODE) -> int | None:
    """The median onset of overfitting; None unless more than half of the seeds overfit.

    The curve of a trial is the mean over its seeds, so a finding of a few seeds does not apply to
    it.
    """
    onsets = onset_epochs(trial, code)
    return median_epoch(onsets) if 2 * len(onsets) > len(trial.histories) else None


def median_plateau_onset(trial: Series) -> int | None:
    """The median onset of the validation plateau; None if overfitting is marked instead."""
    return None if median_onset(trial) is not None else median_onset(trial, PLATEAU_CODE)


def onset_text(trial: Series) -> str:
    """How many seeds overfit, and from which epoch; else memorise, or are at a plateau; or ""."""
    texts = (
        affected_seeds_text(code, onset_epochs(trial, code), len(trial.histories), axis=trial.axis)
        for code in HEADLINE_CODES
    )
    return next(filter(None, texts), "")


def onset_epochs(trial: Series, code: str = "") -> list[int]:
    """The onsets of a finding over the seeds; without a code those of all findings."""
    return [
        finding.onset
        for finding in trial.findings
        if code in (finding.code, "") and finding.onset is not None
    ]
