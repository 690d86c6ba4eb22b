"""What the diagnosis says of the corpus, against the truth."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from diagnosis.baselines import BASELINES
from diagnosis.grow import Grown

from nnlab.diagnose import diagnose, group_symptoms
from nnlab.diagnose.priority import SYMPTOM_CODES
from nnlab.diagnose.smoothing import oscillation_sd
from nnlab.records import Finding, History, Severity

OVERFITTING = "NN101"
# The true risk ends so much above its best, of it: overfitting. Less than half of that: health.
# In between nobody should quarrel, and such runs count for neither.
WORSE = 0.05
HEALTHY_AT_MOST = 0.02
HARM = 0.02
LOTTERY = 3.0


@dataclass(frozen=True, slots=True)
class Judged:
    """A training, its truth (a code, "" for health, None for neither) and what was found."""

    grown: Grown
    truth: str | None
    excess: float
    findings: tuple[Finding, ...]

    @property
    def first(self) -> str:
        """The code that comes first, "" where nothing of severity warning or above was found."""
        heads = [one.finding for one in group_symptoms(self.findings)]
        return next((f.code for f in heads if f.severity is not Severity.INFO), "")

    @property
    def first_of_any(self) -> str:
        """The code that comes first, of any severity."""
        heads = [one.finding for one in group_symptoms(self.findings)]
        return heads[0].code if heads else ""

    @property
    def unknowable(self) -> bool:
        """Whether nobody knows if what was found is true: a real set has no fresh examples."""
        return not self.grown.risk and self.first in (OVERFITTING, "NN103")

    @property
    def alarmed(self) -> bool:
        """Whether anything of severity warning or above was found."""
        return bool(self.first)


@dataclass(frozen=True, slots=True)
class Counts:
    """Right and wrong calls of overfitting."""

    hit: int
    missed: int
    false: int
    quiet: int

    @property
    def precision(self) -> float:
        """Of those called, the share that were right."""
        return self.hit / (self.hit + self.false) if self.hit + self.false else math.nan

    @property
    def recall(self) -> float:
        """Of those there were, the share called."""
        return self.hit / (self.hit + self.missed) if self.hit + self.missed else math.nan

    @property
    def f1(self) -> float:
        """2 hits / (2 hits + missed + false)."""
        return 2 * self.hit / (2 * self.hit + self.missed + self.false)


def judged(grown: Sequence[Grown], *, curves_only: bool = False) -> list[Judged]:
    """Diagnoses all; `curves_only` hides settings and probes, as for histories from elsewhere."""
    found = []
    for one in grown:
        if curves_only:
            names = ("train/loss", "val/loss", "train/accuracy", "val/accuracy")
            history = History({n: c for n in names if (c := one.history.get(n)) is not None})
            findings = diagnose(history)
        else:
            findings = diagnose(one.history, one.setting)
        truth, excess = truth_of(one)
        found.append(Judged(one, truth, excess, findings))
    return found


def truth_of(grown: Grown) -> tuple[str | None, float]:
    """The truth and by how much, of its best, the true risk ended above it.

    Both ends are medians over a tenth of the run: the lowest of many epochs that swing lies below
    the last one by luck alone. It is overfitting only if training loss fell since, if the rise is
    2 % of what had been gained (a risk of 0.003 that ends at 0.006 harms nobody) and if it is
    three times what the true risk swings by from epoch to epoch: where it swings more, the last
    epoch is a lottery, and the run counts for neither.
    """
    if grown.specimen.truth:
        return grown.specimen.truth, 0.0
    if not grown.risk:
        return "", 0.0
    if not all(map(math.isfinite, grown.risk)):
        return None, math.inf
    smooth = _running_median(grown.risk)
    best = min(range(len(smooth)), key=smooth.__getitem__)
    rise = smooth[-1] - smooth[best]
    excess = rise / smooth[best]
    train = _running_median([value for _, value in grown.curves["train/loss"]])
    if excess >= WORSE:
        least = max(HARM * (max(smooth) - smooth[best]), LOTTERY * oscillation_sd(grown.risk))
        harms = rise >= least and train[-1] < train[best]
        return (OVERFITTING if harms else None), excess
    return ("" if excess <= HEALTHY_AT_MOST else None), excess


def _running_median(values: Sequence[float]) -> list[float]:
    """Over a tenth of the values, at both ends over the first and the last of them."""
    width = max(3, len(values) // 10)
    if len(values) <= width:
        return [sorted(values)[len(values) // 2]]
    starts = [min(max(0, i - width // 2), len(values) - width) for i in range(len(values))]
    return [sorted(values[at : at + width])[width // 2] for at in starts]


def overfitting(found: Sequence[Judged], calls: Callable[[Judged], bool] | None = None) -> Counts:
    """Counts over the runs whose true risk is known; `calls` defaults to NN101 being found."""

    def nn101(one: Judged) -> bool:
        return any(f.code == OVERFITTING for f in one.findings)

    called = calls or nn101
    counts = Counter(
        (one.truth == OVERFITTING, called(one))
        for one in found
        if one.grown.risk and one.truth in ("", OVERFITTING)
    )
    return Counts(
        counts[True, True], counts[True, False], counts[False, True], counts[False, False]
    )


def baselines(found: Sequence[Judged]) -> Mapping[str, Counts]:
    """The same of the published rules."""

    def calls(name: str) -> Callable[[Judged], bool]:
        def one(run: Judged) -> bool:
            history = run.grown.history
            return BASELINES[name](history["train/loss"].values, history["val/loss"].values)

        return one

    return {name: overfitting(found, calls(name)) for name in BASELINES}


def first_right(found: Sequence[Judged]) -> tuple[int, int, Counter[tuple[str, str]]]:
    """Of the built-in faults: how often the right code comes first, how many, and confusions."""
    right, wrong = 0, Counter[tuple[str, str]]()
    faults = [one for one in found if one.grown.specimen.truth]
    for one in faults:
        accepted = (one.truth, *one.grown.specimen.accepted)
        if one.first_of_any in accepted:
            right += 1
        else:
            wrong[str(one.truth), one.first_of_any or "nothing"] += 1
    return right, len(faults), wrong


def false_alarms(found: Sequence[Judged]) -> tuple[int, int, Counter[str]]:
    """Healthy runs with a finding of severity warning or above, how many healthy, and which."""
    healthy = [one for one in found if one.truth == "" and one.grown.specimen.truth == ""]
    alarms = Counter(one.first for one in healthy if one.alarmed and not one.unknowable)
    return sum(alarms.values()), len(healthy), alarms


def calibration(found: Sequence[Judged]) -> list[tuple[float, float, int, float]]:
    """Of findings of so much confidence (from, below), how many there are and how many hold.

    A warning holds where its code is the truth or accepted, or explained by the truth.
    """
    rows = []
    known = [
        (f.confidence, holds(one, f))
        for one in found
        if one.truth is not None
        for f in one.findings
        if f.severity is not Severity.INFO
    ]
    for low, high in ((0.5, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.0)):
        bucket = [held for sure, held in known if low <= sure < high]
        if bucket:
            rows.append((low, high, len(bucket), sum(bucket) / len(bucket)))
    return rows


def holds(one: Judged, finding: Finding) -> bool:
    """Whether a finding is true of a run, as its cause or as a symptom of its cause."""
    truths = (one.truth or "", *one.grown.specimen.accepted)
    return any(finding.code == t or finding.code in SYMPTOM_CODES.get(t, ()) for t in truths)
