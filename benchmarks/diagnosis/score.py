"""Evaluation of the diagnosis on the corpus: its findings compared with the truth."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from diagnosis.baselines import BASELINES, Rule
from diagnosis.specimen import TrainedSpecimen

from nnlab.diagnosis import diagnose, group_symptoms
from nnlab.diagnosis.external_curves import diagnose_external, external_curves
from nnlab.diagnosis.priority import SYMPTOM_CODES
from nnlab.diagnosis.smoothing import oscillation_sd
from nnlab.records import Finding, History, Severity
from nnlab.stats.class_predictions import CalibrationBin, wilson

OVERFITTING = "NN101"
# Either finding says that the run overfits: by its losses, or by its accuracies.
OVERFITTING_CODES = ("NN101", "NN107")
# Findings that cannot be judged without fresh examples.
_NEED_FRESH_EXAMPLES = ("NN101", "NN103", "NN107")
# Groups whose truth is known by construction.
SIMULATED_GROUPS = ("ugly", "simulated", "scripts")
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
        return not self.is_truth_known and self.first_warning in _NEED_FRESH_EXAMPLES

    @property
    def is_truth_known(self) -> bool:
        """Whether overfitting is known: by fresh examples, or by construction."""
        trained = self.trained
        return bool(trained.risk) or trained.specimen.group in SIMULATED_GROUPS

    @property
    def overfits(self) -> bool:
        """Whether the run overfits in truth."""
        return self.truth in OVERFITTING_CODES

    @property
    def accepted_codes(self) -> tuple[str, ...]:
        """The codes that are right as the first finding."""
        codes = (self.truth or "", *self.trained.specimen.accepted)
        return (*codes, *OVERFITTING_CODES) if self.overfits else codes

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
    def total(self) -> int:
        """All runs that were counted."""
        overfitting = self.true_positives + self.false_negatives
        return overfitting + self.false_positives + self.true_negatives

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
        """The F1 score, the harmonic mean of precision and recall; NaN if nothing overfits."""
        errors = self.false_negatives + self.false_positives
        if not self.true_positives + self.false_negatives:
            return math.nan
        return 2 * self.true_positives / (2 * self.true_positives + errors)


def diagnose_corpus(
    corpus: Iterable[TrainedSpecimen], *, curves_only: bool = False
) -> list[DiagnosedSpecimen]:
    """Diagnoses all specimens; `curves_only` hides settings and probes, as for imported curves."""
    diagnosed = []
    for trained in corpus:
        truth, excess = truth_of(trained)
        findings = _diagnose(trained, curves_only=curves_only)
        diagnosed.append(DiagnosedSpecimen(trained, truth, excess, findings))
    return diagnosed


def _diagnose(trained: TrainedSpecimen, *, curves_only: bool) -> tuple[Finding, ...]:
    if trained.is_external:
        return diagnose_external(trained.history)
    if not curves_only:
        return diagnose(trained.history, trained.setting)
    names = ("train/loss", "val/loss", "train/accuracy", "val/accuracy")
    return diagnose(History({n: c for n in names if (c := trained.history.get(n)) is not None}))


def truth_of(trained: TrainedSpecimen) -> tuple[str | None, float]:
    """The truth of a specimen, and the relative excess of its final true risk over the minimum.

    Both values are medians over a tenth of the run, because the minimum of many noisy epochs is
    biased. A run overfits only if training loss has fallen since the minimum, if the rise is at
    least 2 % of the previous decrease (a risk of 0.003 that ends at 0.006 is harmless), and if it
    is at least three times the oscillation of the true risk between epochs; with a larger
    oscillation, the final risk is random and the run is counted as neither.
    """
    specimen = trained.specimen
    if specimen.truth or specimen.group in SIMULATED_GROUPS:
        return specimen.truth, _excess(trained.risk)[0] if trained.risk else 0.0
    if not trained.risk:
        return "", 0.0
    risk = [value for _, value in trained.risk]
    if not all(map(math.isfinite, risk)):
        return None, math.inf
    excess, smoothed, best = _excess(trained.risk)
    if excess < MIN_OVERFITTING_EXCESS:
        return ("" if excess <= MAX_HEALTHY_EXCESS else None), excess
    rise = smoothed[-1] - smoothed[best]
    min_rise = max(
        MIN_RISE_OF_DECREASE * (max(smoothed) - smoothed[best]),
        MIN_RISE_OF_OSCILLATION * oscillation_sd(risk),
    )
    # Training loss at the epochs of the true risk, which is measured at some epochs of a long run.
    train_at = dict(trained.curves["train/loss"])
    train = _running_median([train_at[epoch] for epoch, _ in trained.risk])
    return (OVERFITTING if rise >= min_rise and train[-1] < train[best] else None), excess


def _excess(points: Sequence[tuple[int, float]]) -> tuple[float, list[float], int]:
    """The relative excess of the final risk over its minimum, the smoothed risk, its minimum."""
    smoothed = _running_median([value for _, value in points])
    best = min(range(len(smoothed)), key=smoothed.__getitem__)
    return (smoothed[-1] - smoothed[best]) / abs(smoothed[best]), smoothed, best


def _running_median(values: Sequence[float]) -> list[float]:
    """Medians over windows of a tenth of the values, which are not shortened at the ends.

    The few epochs of a fine-tuning are not smoothed: each of them is a large part of the run.
    """
    width = max(3, len(values) // 10) if len(values) > 6 else 1
    if len(values) <= width:
        return [sorted(values)[len(values) // 2]]
    starts = [min(max(0, i - width // 2), len(values) - width) for i in range(len(values))]
    return [sorted(values[start : start + width])[width // 2] for start in starts]


def count_overfitting(
    specimens: Iterable[DiagnosedSpecimen],
    detect: Callable[[DiagnosedSpecimen], bool] | None = None,
) -> ConfusionCounts:
    """Counts for runs of which it is known whether they overfit.

    By default a run is positive if NN101 or NN107 is among its findings.
    """

    def has_finding(specimen: DiagnosedSpecimen) -> bool:
        return any(finding.code in OVERFITTING_CODES for finding in specimen.findings)

    is_positive = detect or has_finding
    counts = Counter(
        (specimen.overfits, is_positive(specimen))
        for specimen in specimens
        if specimen.overfits or (specimen.truth == "" and specimen.is_truth_known)
    )
    return ConfusionCounts(
        counts[True, True], counts[True, False], counts[False, True], counts[False, False]
    )


def count_baselines(specimens: Sequence[DiagnosedSpecimen]) -> Mapping[str, ConfusionCounts]:
    """The counts of each simple or published rule."""
    pairs = {id(specimen): _losses(specimen.trained) for specimen in specimens}

    def detector(rule: Rule) -> Callable[[DiagnosedSpecimen], bool]:
        def detect(specimen: DiagnosedSpecimen) -> bool:
            train, val = pairs[id(specimen)]
            return bool(train) and rule(train, val)

        return detect

    return {name: count_overfitting(specimens, detector(rule)) for name, rule in BASELINES.items()}


def _losses(trained: TrainedSpecimen) -> tuple[list[float], list[float]]:
    """Training and validation loss at the epochs that have both; empty without a pair."""
    history = external_curves(trained.history).history if trained.is_external else trained.history
    train, val = history.get("train/loss"), history.get("val/loss")
    if train is None or val is None:
        return [], []
    train_at, val_at = dict(train), dict(val)
    shared = sorted(train_at.keys() & val_at.keys())
    return [train_at[epoch] for epoch in shared], [val_at[epoch] for epoch in shared]


def count_correct_first(
    specimens: Sequence[DiagnosedSpecimen],
) -> tuple[int, int, Counter[tuple[str, str]]]:
    """Built-in faults whose code is the first finding, all built-in faults, and the confusions."""
    correct, confusions = 0, Counter[tuple[str, str]]()
    faults = [specimen for specimen in specimens if specimen.trained.specimen.truth]
    for fault in faults:
        if fault.first_code in fault.accepted_codes:
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


def finding_outcomes(specimens: Iterable[DiagnosedSpecimen]) -> list[tuple[Finding, bool]]:
    """Every finding of severity warning or above, and whether it is correct.

    A finding is correct if its code is the truth, an accepted code, or a symptom of either.
    Findings that need fresh examples are left out where there are none, and all others where only
    these were measured: the learning rates of those runs were drawn, and some do not suit.
    """
    return [
        (finding, is_correct(specimen, finding))
        for specimen in specimens
        if specimen.truth is not None
        for finding in specimen.findings
        if finding.severity is not Severity.INFO and _can_judge(specimen, finding.code)
    ]


def _can_judge(specimen: DiagnosedSpecimen, code: str) -> bool:
    needs_fresh_examples = code in _NEED_FRESH_EXAMPLES
    if specimen.trained.specimen.truth is None:
        return needs_fresh_examples
    return bool(specimen.truth) or specimen.is_truth_known or not needs_fresh_examples


BIN_EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def calibration_bins(outcomes: Sequence[tuple[float, bool]]) -> list[CalibrationBin]:
    """The bins of (confidence, is correct) that have findings."""
    bins = []
    for low, high in pairwise(BIN_EDGES):
        inside = [pair for pair in outcomes if low <= pair[0] < high]
        if inside:
            stated = sum(confidence for confidence, _ in inside) / len(inside)
            correct = sum(correct for _, correct in inside) / len(inside)
            interval = wilson(correct, len(inside))
            bins.append(CalibrationBin(low, high, stated, correct, interval, len(inside)))
    return bins


def is_correct(specimen: DiagnosedSpecimen, finding: Finding) -> bool:
    """Whether a finding is the fault of a specimen, or a symptom of it."""
    return any(
        finding.code == code or finding.code in SYMPTOM_CODES.get(code, ())
        for code in specimen.accepted_codes
    )
