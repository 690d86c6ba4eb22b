"""What a plot draws for one trial."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.diagnose.headlines import OVERFITTING_CODE, PLATEAU_CODE, affected_seeds_text
from nnlab.records import Finding, History
from nnlab.stats.curve_band import median_epoch


@dataclass(frozen=True, slots=True)
class Series:
    """A trial as a reader sees it: a label and the histories of its seeds, one each.

    `findings` are those of all its runs together, of which NN101 and NN102 are drawn, one a run;
    `selected` is the epoch to mark, or None for the best of the mean validation curve.
    """

    label: str
    histories: tuple[History, ...]
    findings: tuple[Finding, ...] = ()
    selected: int | None = None


def as_series(what: History | Series | Sequence[Series]) -> Sequence[Series]:
    """Trials from whatever was given: a run's history, a trial, or trials."""
    if isinstance(what, History):
        return [Series("", (what,))]
    return [what] if isinstance(what, Series) else what


def median_onset(one: Series, code: str = OVERFITTING_CODE) -> int | None:
    """The median onset of overfitting, or None unless most of the seeds overfit.

    The curve of a trial is the mean over its seeds: what one of ten does is not true of the mean.
    """
    onsets = _onset_epochs(one, code)
    return median_epoch(onsets) if 2 * len(onsets) > len(one.histories) else None


def median_plateau_onset(one: Series) -> int | None:
    """The median onset of the validation plateau; None where overfitting is marked instead."""
    return None if median_onset(one) is not None else median_onset(one, PLATEAU_CODE)


def onset_text(one: Series) -> str:
    """How many seeds overfit and from when; where none does, the same of the plateau; or empty."""
    texts = (
        affected_seeds_text(code, _onset_epochs(one, code), len(one.histories))
        for code in (OVERFITTING_CODE, PLATEAU_CODE)
    )
    return next(filter(None, texts), "")


def _onset_epochs(one: Series, code: str) -> list[int]:
    return [f.onset for f in one.findings if f.code == code and f.onset is not None]
