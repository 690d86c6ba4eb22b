"""Selection of the findings that tables and headlines show, and their summary over seeds."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from nnlab.diagnosis.priority import group_symptoms
from nnlab.diagnosis.smoothing import low_median
from nnlab.io.text import position_text
from nnlab.records import Axis, Finding, Severity

OVERFITTING_CODE, PLATEAU_CODE, MEMORISATION_CODE = "NN101", "NN102", "NN107"
# In the order in which they are reported.
HEADLINE_CODES = (OVERFITTING_CODE, MEMORISATION_CODE, PLATEAU_CODE)
_NOISY_CODE = "NN204"
_RUN_TEXTS = {
    OVERFITTING_CODE: "overfits from {}",
    MEMORISATION_CODE: "memorises from {}",
    PLATEAU_CODE: "plateau since {}",
}
_VERBS = {
    OVERFITTING_CODE: ("overfits", "overfit"),
    MEMORISATION_CODE: ("memorises", "memorise"),
    PLATEAU_CODE: ("plateaus", "plateau"),
}


def table_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that tables show: errors, warnings, and a plateau without another cause.

    The severity of a plateau is `info`, because it does no harm yet. It is shown because it is an
    early sign of overfitting.
    """
    plateaus = {finding.code for finding in headline_findings(findings)} & {PLATEAU_CODE}
    return tuple(
        finding
        for finding in findings
        if finding.severity is not Severity.INFO or finding.code in plateaus
    )


def headline_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The overfitting, memorisation or plateau of a run that banners, summaries and figures report.

    Empty if another finding explains it (`group_symptoms`), and if validation is noisy (NN204).
    """
    if any(finding.code == _NOISY_CODE for finding in findings):
        return ()
    heads = (group.finding for group in group_symptoms(findings))
    return tuple(finding for finding in heads if finding.code in HEADLINE_CODES)


def onsets_by_code(runs: Iterable[Sequence[Finding]]) -> Mapping[str, tuple[int, ...]]:
    """The onset epochs of the runs with each headline finding, by code if there are any.

    Args:
        runs: the findings of each run.
    """
    headlines = [finding for findings in runs for finding in headline_findings(findings)]
    onsets = {
        code: tuple(f.onset for f in headlines if f.code == code and f.onset is not None)
        for code in HEADLINE_CODES
    }
    return {code: epochs for code, epochs in onsets.items() if epochs}


def affected_seeds_text(
    code: str,
    onsets: Collection[int],
    seeds: int,
    noun: str = "seeds",
    axis: Axis = "epoch",
) -> str:
    """A phrase on how many seeds of a trial have a headline finding, and since when; or "".

    Args:
        code: NN101, NN102 or NN107.
        onsets: the epoch of each affected seed.
        seeds: how many seeds the trial has.
        noun: `runs` if the runs belong to several trials.
        axis: what the onsets are.

    >>> affected_seeds_text("NN101", [12, 14, 20], 10)
    '3 of 10 seeds overfit (median onset: epoch 14)'
    >>> affected_seeds_text("NN101", [8], 10)
    '1 of 10 seeds overfits (from epoch 8)'
    >>> affected_seeds_text("NN102", [12], 1)
    'plateau since epoch 12'
    """
    if not onsets:
        return ""
    median = position_text(low_median(list(onsets)), axis)
    if seeds == 1:
        return _RUN_TEXTS[code].format(median)
    verb = _VERBS[code][len(onsets) > 1]
    onset = "from" if len(onsets) == 1 else "median onset:"
    return f"{len(onsets)} of {seeds} {noun} {verb} ({onset} {median})"
