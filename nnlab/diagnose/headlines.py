"""Which findings of a run tables and headlines show; overfitting and plateaus over seeds."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from nnlab.diagnose.priority import group_symptoms
from nnlab.diagnose.smoothing import low_median
from nnlab.records import Finding, Severity

OVERFITTING_CODE, PLATEAU_CODE = "NN101", "NN102"
_NOISY_CODE = "NN204"
_RUN_TEXTS = {OVERFITTING_CODE: "overfits from epoch {}", PLATEAU_CODE: "plateau since epoch {}"}
_VERBS = {OVERFITTING_CODE: ("overfits", "overfit"), PLATEAU_CODE: ("plateaus", "plateau")}


def table_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings of a run that tables show: errors, warnings, and a plateau with no other cause.

    A plateau costs nothing yet, so its severity is `info`; it is shown all the same because it is
    the early sign of overfitting.
    """
    plateaus = {finding.code for finding in headline_findings(findings)} & {PLATEAU_CODE}
    return tuple(
        finding
        for finding in findings
        if finding.severity is not Severity.INFO or finding.code in plateaus
    )


def headline_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The overfitting or plateau of a run that banners, summaries and figures may state.

    Empty where a larger fault explains it (`group_symptoms`), and where validation is noisy (NN204).
    """
    if any(finding.code == _NOISY_CODE for finding in findings):
        return ()
    heads = (group.finding for group in group_symptoms(findings))
    return tuple(finding for finding in heads if finding.code in (OVERFITTING_CODE, PLATEAU_CODE))


def onsets_by_code(runs: Iterable[Sequence[Finding]]) -> Mapping[str, tuple[int, ...]]:
    """The onsets of the runs that overfit, then of those at a plateau; only codes that occur.

    Args:
        runs: the findings of each run.
    """
    stated = [finding for findings in runs for finding in headline_findings(findings)]
    onsets = {
        code: tuple(f.onset for f in stated if f.code == code and f.onset is not None)
        for code in (OVERFITTING_CODE, PLATEAU_CODE)
    }
    return {code: epochs for code, epochs in onsets.items() if epochs}


def affected_seeds_text(code: str, onsets: Collection[int], seeds: int, noun: str = "seeds") -> str:
    """How many seeds of a trial have NN101 or NN102, and from which epoch; empty for none.

    Args:
        code: NN101 or NN102.
        onsets: the epoch of each affected seed.
        seeds: how many seeds the trial has.
        noun: `runs` where the runs are of several trials.

    >>> seeds_text("NN101", [12, 14, 20], 10)
    '3 of 10 seeds overfit, median onset 14'
    >>> seeds_text("NN102", [12], 1)
    'plateau since epoch 12'
    """
    if not onsets:
        return ""
    median = low_median(list(onsets))
    if seeds == 1:
        return _RUN_TEXTS[code].format(f"{median:g}")
    verb = _VERBS[code][len(onsets) > 1]
    onset = "onset" if len(onsets) == 1 else "median onset"
    return f"{len(onsets)} of {seeds} {noun} {verb}, {onset} {median:g}"
