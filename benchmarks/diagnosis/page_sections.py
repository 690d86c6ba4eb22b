"""The sections of docs/diagnosis-accuracy.md, from diagnosed specimens."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from diagnosis import score
from diagnosis.assembly import GROUPS
from diagnosis.boosted_reference import boosted_counts
from diagnosis.score import ConfusionCounts, DiagnosedSpecimen

from nnlab.stats.class_predictions import CalibrationBin

MARGINS = (0.05, 0.1, 0.2)
Halves = Mapping[str, Sequence[DiagnosedSpecimen]]


def goal_rows(specimens: Sequence[DiagnosedSpecimen]) -> str:
    """The rows that compare the results of the unseen half with their goals."""
    rows = []
    torch = in_group(specimens, "torch")
    for name, part in (("F1 of overfitting", specimens), ("the same, plain torch alone", torch)):
        best, counts = best_baseline(part)
        f1 = score.count_overfitting(part).f1
        rows.append(f"| {name} | 0.97 and above `{best}` ({counts.f1:.3f}) | {f1:.3f} |")
    for group in ("nnlab", "user models"):
        correct, faults, _ = score.count_correct_first(in_group(specimens, group))
        rows.append(
            f"| correct first finding, {GROUPS[group]} | 95 % | {_share(correct, faults)} |"
        )
    alarms, healthy, _ = score.count_false_alarms(specimens)
    rows.append(f"| warnings for healthy runs | at most 1 % | {_share(alarms, healthy)} |")
    bins = [row for row in _bins(specimens) if row.count >= ENOUGH]
    gap = max((abs(row.confidence - row.right) for row in bins), default=0.0)
    rows.append(
        f"| confidence: largest difference of a bin with {ENOUGH} findings or more"
        f" ({len(bins)} of {len(score.BIN_EDGES) - 1}) | 0.05 | {gap:.3f} |"
    )
    return "\n".join(rows)


def corpus_section(halves: Halves) -> list[str]:
    """The number of kinds and runs by group."""
    lines = [
        "| group | fitted: kinds | runs | unseen: kinds | runs |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for group, text in GROUPS.items():
        cells = []
        for specimens in halves.values():
            part = in_group(specimens, group)
            names = {specimen.trained.specimen.name for specimen in part}
            cells += [str(len(names)), str(len(part))]
        lines.append(f"| {text} | {' | '.join(cells)} |")
    return [*lines, ""]


def count_ugly_kinds(halves: Halves) -> int:
    """The number of kinds of healthy but ugly curves."""
    specimens = [s for half in halves.values() for s in in_group(half, "ugly")]
    return len({specimen.trained.specimen.name for specimen in specimens})


def overfitting_section(halves: Halves, curves_only: Halves) -> list[str]:
    """F1, precision and recall by half, group of kinds, and rule."""
    lines = [
        "## Overfitting",
        "",
        "| half | runs | rule | F1 | precision | recall | true + | false - | false + | true - |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for half, specimens in halves.items():
        neither = sum(specimen.truth is None for specimen in specimens)
        hidden = score.count_overfitting(curves_only[half])
        lines += _rule_rows(half, "all", specimens, {"**nnlab**, curves only": hidden})
        for group in ("torch", "nnlab", "simulated", "scripts", "ugly"):
            part = in_group(specimens, group)
            lines += _rule_rows(half, group, part, {}, all_rules=group == "torch")
        lines.append(f"| {half} | *neither* | *not counted* | | | | {neither} runs | | | |")
    return [*lines, ""]


def _rule_rows(
    half: str,
    group: str,
    specimens: Sequence[DiagnosedSpecimen],
    further: Mapping[str, ConfusionCounts],
    *,
    all_rules: bool = True,
) -> list[str]:
    baselines = score.count_baselines(specimens)
    best = best_baseline(specimens)[0]
    rows = {"**nnlab**": score.count_overfitting(specimens), **further}
    rows |= baselines if all_rules else {f"best: {best}": baselines[best]}
    return [
        f"| {half} | {group} | {name} | {_number(counts.f1)} | {_number(counts.precision)} |"
        f" {_number(counts.recall)} | {counts.true_positives} | {counts.false_negatives} |"
        f" {counts.false_positives} | {counts.true_negatives} |"
        for name, counts in rows.items()
    ]


def best_baseline(specimens: Sequence[DiagnosedSpecimen]) -> tuple[str, ConfusionCounts]:
    """The simple rule with the highest F1, or the fewest false alarms if nothing overfits."""
    return max(
        score.count_baselines(specimens).items(),
        key=lambda item: (item[1].true_positives and item[1].f1, -item[1].false_positives),
    )


def margins_section(specimens: Sequence[DiagnosedSpecimen]) -> list[str]:
    """Recall by the excess of the final true risk."""
    lines = [
        "Trained runs of the unseen half that overfit, by the excess of the final true risk over",
        "its minimum:",
        "",
        "| above the minimum | runs | detected |",
        "| --- | ---: | ---: |",
    ]
    trained = [s for s in specimens if s.trained.specimen.group in ("torch", "nnlab")]
    for low, high in zip(MARGINS, [*MARGINS[1:], float("inf")], strict=True):
        runs = [s for s in trained if s.truth == score.OVERFITTING and low <= s.excess < high]
        detected = score.count_overfitting(runs).true_positives
        text = f"{low:.0%} to {high:.0%}" if high < float("inf") else f"{low:.0%} and more"
        lines.append(f"| {text} | {len(runs)} | {detected} |")
    return [*lines, ""]


VAL_SIZES = (40, 80, 160, 320, 601)


def limits_section(halves: Halves) -> list[str]:
    """Plain-torch runs by number of validation examples, beside a classifier fitted on curves."""
    fitted, last = in_group(halves["fitted"], "torch"), in_group(list(halves.values())[-1], "torch")
    lines = [
        "How much the curves contain: plain-torch runs of the unseen half by number of validation",
        "examples. *Boosting* is gradient boosting on 15 measurements of the curves",
        "(`boosted_reference.py`), trained on the plain-torch runs of the fitted half.",
        "",
        "| validation examples | runs | nnlab | best simple rule | boosting |",
        "| --- | ---: | ---: | --- | ---: |",
    ]
    for low, high in [*pairwise(VAL_SIZES), (VAL_SIZES[0], VAL_SIZES[-1])]:
        part = [s for s in last if low <= s.trained.specimen.setting["val_sizes"] < high]
        counts = score.count_overfitting(part)
        name, best = best_baseline(part)
        boosted = boosted_counts(fitted, part)
        lines.append(
            f"| {low} to {high - 1} | {counts.total} | {_number(counts.f1)} |"
            f" {_number(best.f1)} ({name}) | {_number(boosted.f1)} |"
        )
    return [*lines, ""]


def faults_section(halves: Halves) -> list[str]:
    """Correct first findings and false alarms by half and group, and by fault."""
    lines = [
        "## Correct first findings and false alarms",
        "",
        "| half | group | faults | correct first finding | healthy runs | with a warning |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for half, specimens in halves.items():
        for group in (*GROUPS, "all"):
            part = specimens if group == "all" else in_group(specimens, group)
            correct, faults, _ = score.count_correct_first(part)
            alarms, healthy, codes = score.count_false_alarms(part)
            alarm_text = f"{_share(alarms, healthy)} {_counts(codes)}"
            lines.append(
                f"| {half} | {group} | {faults} | {_share(correct, faults)} | {healthy} |"
                f" {alarm_text.strip()} |"
            )
    lines += [
        "",
        "Whether the healthy runs on real data overfit is unknown, so findings of overfitting,",
        "memorisation and a gap are ignored there.",
        "",
        "By fault, unseen half:",
        "",
        "| group | built-in fault | codes | runs | correct first | other first findings |",
        "| --- | --- | --- | ---: | ---: | --- |",
    ]
    return [*lines, *_fault_rows(list(halves.values())[-1]), ""]


def _fault_rows(specimens: Sequence[DiagnosedSpecimen]) -> list[str]:
    rows = []
    groups: dict[tuple[str, str], list[DiagnosedSpecimen]] = {}
    for diagnosed in specimens:
        specimen = diagnosed.trained.specimen
        if specimen.truth:
            groups.setdefault((specimen.group, specimen.name), []).append(diagnosed)
    for (group, name), runs in groups.items():
        accepted = tuple(dict.fromkeys(runs[0].accepted_codes))
        firsts = Counter(diagnosed.first_code or "nothing" for diagnosed in runs)
        correct = sum(count for first, count in firsts.items() if first in accepted)
        others = _counts(Counter({f: n for f, n in firsts.items() if f not in accepted}))
        rows.append(
            f"| {group} | {name} | {', '.join(accepted)} | {len(runs)} | {correct} | {others} |"
        )
    return rows


FIGURE = "images/calibration-of-findings.png"
# A bin with fewer findings says little about a share.
ENOUGH = 20


def calibration_section(halves: Halves) -> list[str]:
    """Stated and observed confidence by bin."""
    lines = [
        "## Calibration of the confidence",
        "",
        "Findings of severity warning or above. A finding is correct if its code is the fault that",
        "was built in (or measured), or a symptom of it.",
        "",
        f"![Share of correct findings against stated confidence]({FIGURE})",
        "",
        "| half | confidence | findings | mean confidence | correct | difference |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {half} | {row.low:.2f} to {row.high:.2f} | {row.count} | {row.confidence:.3f} |"
        f" {row.right:.3f} | {row.right - row.confidence:+.3f} |"
        for half, specimens in halves.items()
        for row in _bins(specimens)
    ]
    return [*lines, ""]


def _bins(specimens: Sequence[DiagnosedSpecimen]) -> list[CalibrationBin]:
    outcomes = score.finding_outcomes(specimens)
    return score.calibration_bins([(f.confidence, correct) for f, correct in outcomes])


def in_group(specimens: Sequence[DiagnosedSpecimen], group: str) -> list[DiagnosedSpecimen]:
    """The specimens of a group of kinds."""
    return [s for s in specimens if s.trained.specimen.group == group]


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"


def _counts(codes: Counter[str]) -> str:
    return ", ".join(f"{code} {count}" for code, count in codes.most_common())


def _share(count: int, total: int) -> str:
    return f"{count} ({count / total:.1%})" if total else "-"
