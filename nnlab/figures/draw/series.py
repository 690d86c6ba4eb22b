"""`Series`: the histories and findings of one trial, as all figures of curves take them."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.diagnosis.headlines import OVERFITTING_CODE, PLATEAU_CODE, affected_seeds_text
from nnlab.records import Finding, History
from nnlab.stats.curve_band import median_epoch


@dataclass(frozen=True, slots=True)
class Series:
    """A trial: its label and one history per seed.

    `findings` are those of all its runs; NN101 and NN102 are drawn, at most one per run.
    `selected` is the epoch to mark; None marks the best epoch of the mean validation curve.
    """

    label: str
    histories: tuple[History, ...]
    findings: tuple[Finding, ...] = ()
    selected: int | None = None


def as_series(trials: History | Series | Sequence[Series]) -> Sequence[Series]:
    """A sequence of trials, from the history of a run, a trial, or a sequence of trials."""
    if isinstance(trials, History):
        return [Series("", (trials,))]
    return [trials] if isinstance(trials, Series) else trials


def median_onset(trial: Series, code: str = OVERFITTING_CODE) -> int | None:
    """The median onset of overfitting; None unless more than half of the seeds overfit.

    The curve of a trial is the mean over its seeds, so a finding of a few seeds does not apply to
    it.
    """
    onsets = _onset_epochs(trial, code)
    return median_epoch(onsets) if 2 * len(onsets) > len(trial.histories) else None


def median_plateau_onset(trial: Series) -> int | None:
    """The median onset of the validation plateau; None if overfitting is marked instead."""
    return None if median_onset(trial) is not None else median_onset(trial, PLATEAU_CODE)


def onset_text(trial: Series) -> str:
    """How many seeds overfit and from which epoch; if none, the same for the plateau; or ""."""
    texts = (
        affected_seeds_text(code, _onset_epochs(trial, code), len(trial.histories))
        for code in (OVERFITTING_CODE, PLATEAU_CODE)
    )
    return next(filter(None, texts), "")


def _onset_epochs(trial: Series, code: str) -> list[int]:
    return [
        finding.onset
        for finding in trial.findings
        if finding.code == code and finding.onset is not None
    ]
