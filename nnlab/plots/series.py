"""What a plot draws for one trial."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.records import Finding, History
from nnlab.stats.band import median_epoch

_OVERFITTING = "NN101"


@dataclass(frozen=True, slots=True)
class Series:
    """A trial as a reader sees it: a label and the histories of its seeds, one each.

    `findings` are those of all its runs together; `selected` is the epoch to mark, or None for
    the best of the mean validation curve.
    """

    label: str
    histories: tuple[History, ...]
    findings: tuple[Finding, ...] = ()
    selected: int | None = None


def series_of(what: History | Series | Sequence[Series]) -> Sequence[Series]:
    """Trials from whatever was given: a run's history, a trial, or trials."""
    if isinstance(what, History):
        return [Series("", (what,))]
    return [what] if isinstance(what, Series) else what


def onset_of(one: Series) -> int | None:
    """The median epoch from which the seeds of a trial overfit; None unless most of them do.

    A line in the mean of ten seeds must not stand for one of them.
    """
    onsets = [f.onset for f in one.findings if f.code == _OVERFITTING]
    return median_epoch(onsets) if 2 * len(onsets) > len(one.histories) else None
