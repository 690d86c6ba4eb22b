"""What a plot draws for one trial."""

from dataclasses import dataclass

from nnlab.records import Finding, History


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
