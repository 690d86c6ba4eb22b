"""Evaluation of the diagnosis on the corpus: its findings compared with the truth."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from diagnosis.baselines import BASELINES
from diagnosis.train_corpus import TrainedSpecimen

from nnlab.diagnosis import diagnose, group_symptoms
from nnlab.diagnosis.priority import SYMPTOM_CODES
from nnlab.diagnosis.smoothing import oscillation_sd
from nnlab.records import Finding, History, Severity

OVERFITTING = "NN101"
# Relative excess of the final true risk over its minimum: from the first on it is overfitting, up
# to the second the run is healthy. Runs in between are counted as neither.
MIN_OVERFITTING_EXCESS = 0.05
MAX_HEALTHY_EXCESS = 0.02
# Minimum rise of the true risk of an overfitting run, relative to its total decrease and to its
# oscillation between epochs.
MIN_RISE_OF_DECREASE = 0.02
MIN_RISE_OF_OSCILLATION = 3.0


@dataclass(frozen=True, slots=True)
class DiagnosedSpecimen:
    """A specimen with its truth (a code, "" if healthy, None if undecided) and its findings.

    `excess` is the relative excess of the final true risk over its minimum.
    """

    trained: TrainedSpecimen
    truth: str | None
    excess: float
    findings: tuple[Finding, ...]

    @property
    def first_warning(self) -> str:
        """The first code of severity warning or above; "" if there is none."""
        heads = [group.finding for group in group_symptoms(self.findings)]
        return next((f.code for f in heads if f.severity is not Severity.INFO), "")

    @property
    def first_code(self) -> str:
        """The first code of any severity; "" if there are no findings."""
        heads = [group.finding for group in group_symptoms(self.findings)]
        return heads[0].code if heads else ""

    @property
    def is_undecidable(self) -> bool:
        """Whether the truth of the first warning is unknown: real data have no fresh examples."""
        return not self.trained.risk and self.first_warning in (OVERFITTING, "NN103")

    @property
    def has_warning(self) -> bool:
        """Whether there is a finding of severity warning or above."""
        return bool(self.first_warning)


@dataclass(frozen=True, slots=True)
class ConfusionCounts:
    """Numbers of correct and wrong detections of overfitting."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int

    @property
    def precision(self) -> float:
        """True positives / all positives; NaN without positives."""
        positives = self.true_positives + self.false_positives
        return self.true_positives / positives if positives else math.nan

    @property
    def recall(self) -> float:
        """True positives / all overfitting runs; NaN without overfitting runs."""
        overfitting_runs = self.true_positives + self.false_negatives
        return self.true_positives / overfitting_runs if overfitting_runs else math.nan

    @property
    def f1(self) -> float:
        """The F1 score, the harmonic mean of precision and recall."""
        errors = self.false_negatives + self.false_positives
        return 2 * self.true_positives / (2 * self.true_positives + errors)


def diagnose_corpus(
    corpus: Sequence[TrainedSpecimen], *, curves_only: bool = False
) -> list[DiagnosedSpecimen]:
    """Diagnoses all specimens; `curves_only` hides settings and probes, as for imported curves."""
    diagnosed = []
    for trained in corpus:
        if curves_only:
            names = ("train/loss", "val/loss", "train/accuracy", "val/accuracy")
            history = History({n: c for n in names if (c := trained.history.get(n)) is not None})
            findings = diagnose(history)
        else:
            findings = diagnose(trained.history, trained.setting)
        truth, excess = truth_of(trained)
        diagnosed.append(DiagnosedSpecimen(trained, truth, excess, findings))
    return diagnosed


def truth_of(trained: TrainedSpecimen) -> tuple[str | None, float]:
    """The truth of a specimen, and the relative excess of its final true risk over the minimum.

    Both values are medians over a tenth of the run, because the minimum of many noisy epochs is
    biased. A run overfits only if training loss has fallen since the minimum, if the rise is at
    least 2 % of the previous decrease (a risk of 0.003 that ends at 0.006 is harmless), and if it
    is at least three times the oscillation of the true risk between epochs; with a larger
    oscillation, the final risk is random and the run is counted as neither.
    """
    if trained.specimen.truth:
        return trained.specimen.truth, 0.0
    if not trained.risk:
        return "", 0.0
    if not all(map(math.isfinite, trained.risk)):
        return None, math.inf
    smoothed = _running_median(trained.risk)
    best = min(range(len(smoothed)), key=smoothed.__getitem__)
    rise = smoothed[-1] - smoothed[best]
    excess = rise / smoothed[best]
    train = _running_median([value for _, value in trained.curves["train/loss"]])
    if excess >= MIN_OVERFITTING_EXCESS:
        min_rise = max(
            MIN_RISE_OF_DECREASE * (max(smoothed) - smoothed[best]),
            MIN_RISE_OF_OSCILLATION * oscillation_sd(trained.risk),
        )
        overfits = rise >= min_rise and train[-1] < train[best]
        return (OVERFITTING if overfits else None), excess
    return ("" if excess <= MAX_HEALTHY_EXCESS else None), excess


def _running_median(values: Sequence[float]) -> list[float]:
    """Medians over windows of a tenth of the values, which are not shortened at the ends."""
    width = max(3, len(values) // 10)
    if len(values) <= width:
        return [sorted(values)[len(values) // 2]]
    starts = [min(max(0, i - width // 2), len(values) - width) for i in range(len(values))]
    return [sorted(values[start : start + width])[width // 2] for start in starts]


def count_overfitting(
    specimens: Sequence[DiagnosedSpecimen],
    detect: Callable[[DiagnosedSpecimen], bool] | None = None,
) -> ConfusionCounts:
    """Counts for runs with known true risk; by default a run is positive if it has NN101."""

    def has_nn101(specimen: DiagnosedSpecimen) -> bool:
        return any(finding.code == OVERFITTING for finding in specimen.findings)

    is_positive = detect or has_nn101
    counts = Counter(
        (specimen.truth == OVERFITTING, is_positive(specimen))
        for specimen in specimens
        if specimen.trained.risk and specimen.truth in ("", OVERFITTING)
    )
    return ConfusionCounts(
        counts[True, True], counts[True, False], counts[False, True], counts[False, False]
    )


def count_baselines(specimens: Sequence[DiagnosedSpecimen]) -> Mapping[str, ConfusionCounts]:
    """The counts of each published rule."""

    def detector(name: str) -> Callable[[DiagnosedSpecimen], bool]:
        def detect(specimen: DiagnosedSpecimen) -> bool:
            history = specimen.trained.history
            return BASELINES[name](history["train/loss"].values, history["val/loss"].values)

        return detect

    return {name: count_overfitting(specimens, detector(name)) for name in BASELINES}


def count_correct_first(
    specimens: Sequence[DiagnosedSpecimen],
) -> tuple[int, int, Counter[tuple[str, str]]]:
    """Built-in faults whose code is the first finding, all built-in faults, and the confusions."""
    correct, confusions = 0, Counter[tuple[str, str]]()
    faults = [specimen for specimen in specimens if specimen.trained.specimen.truth]
    for fault in faults:
        accepted = (fault.truth, *fault.trained.specimen.accepted)
        if fault.first_code in accepted:
            correct += 1
        else:
            confusions[str(fault.truth), fault.first_code or "nothing"] += 1
    return correct, len(faults), confusions


def count_false_alarms(
    specimens: Sequence[DiagnosedSpecimen],
) -> tuple[int, int, Counter[str]]:
    """Healthy runs with a warning, all healthy runs, and the codes of the warnings."""
    healthy = [
        specimen
        for specimen in specimens
        if specimen.truth == "" and specimen.trained.specimen.truth == ""
    ]
    alarms = Counter(
        specimen.first_warning
        for specimen in healthy
        if specimen.has_warning and not specimen.is_undecidable
    )
    return sum(alarms.values()), len(healthy), alarms


def calibration_table(
    specimens: Sequence[DiagnosedSpecimen],
) -> list[tuple[float, float, int, float]]:
    """Rows (from, below, count, share) of confidence bins: findings and the share that is correct.

    A finding is correct if its code is the truth, an accepted code, or a symptom of either.
    """
    rows = []
    outcomes = [
        (finding.confidence, is_correct(specimen, finding))
        for specimen in specimens
        if specimen.truth is not None
        for finding in specimen.findings
        if finding.severity is not Severity.INFO
    ]
    for low, high in ((0.5, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.0)):
        bin_outcomes = [correct for confidence, correct in outcomes if low <= confidence < high]
        if bin_outcomes:
            share = sum(bin_outcomes) / len(bin_outcomes)
            rows.append((low, high, len(bin_outcomes), share))
    return rows


def is_correct(specimen: DiagnosedSpecimen, finding: Finding) -> bool:
    """Whether a finding is the fault of a specimen, or a symptom of it."""
    codes = (specimen.truth or "", *specimen.trained.specimen.accepted)
    return any(
        finding.code == code or finding.code in SYMPTOM_CODES.get(code, ()) for code in codes
    )
