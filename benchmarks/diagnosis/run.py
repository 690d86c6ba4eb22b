"""Evaluates the diagnosis on the corpus and writes docs/diagnosis-accuracy.md.

python benchmarks/diagnosis/run.py [--corpus FILE] [--mended FILE]

The corpus and the remedies are trained if the files do not exist: about twenty minutes on two
cores.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from diagnosis import score  # noqa: E402  this checkout, from any working folder
from diagnosis.remedy_results import SEEDS, RemedyBenchmark, remedy_benchmarks  # noqa: E402
from diagnosis.score import ConfusionCounts, DiagnosedSpecimen  # noqa: E402
from diagnosis.train_corpus import TrainedSpecimen, corpus  # noqa: E402

PAGE = ROOT / "docs/diagnosis-accuracy.md"
MARGINS = (0.05, 0.1, 0.2)

HEAD = (Path(__file__).parent / "page_head.md").read_text(encoding="utf-8")


def main() -> int:
    """Trains what is missing, evaluates the diagnosis and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=ROOT / "build/diagnosis.jsonl.gz")
    parser.add_argument("--mended", type=Path, default=ROOT / "build/mended.json")
    options = parser.parse_args()
    remedies = remedy_benchmarks(options.mended)
    page = "\n".join([diagnosis_sections(corpus(options.corpus)), *_remedy_section(remedies)])
    PAGE.write_text(page, encoding="utf-8")
    print(page)
    return 0


def diagnosis_sections(trained: Sequence[TrainedSpecimen]) -> str:
    """The page without the section about remedies."""
    halves = {
        half: [run for run in trained if run.specimen.half == half] for half in ("fitted", "unseen")
    }
    full = {half: score.diagnose_corpus(part) for half, part in halves.items()}
    curves_only = {
        half: score.diagnose_corpus(part, curves_only=True) for half, part in halves.items()
    }
    head = HEAD.format(results=_goal_rows(full["unseen"]))
    lines = [head, *_overfitting(full, curves_only), *_margins(curves_only["unseen"])]
    lines += _faults(full)
    lines += _calibration(full["unseen"])
    return "\n".join(lines)


def _goal_rows(specimens: list[DiagnosedSpecimen]) -> str:
    """The rows that compare the results of the unseen half with their goals."""
    correct, faults, _ = score.count_correct_first(specimens)
    alarms, healthy, _ = score.count_false_alarms(specimens)
    f1 = score.count_overfitting(specimens).f1
    return "\n".join(
        [
            f"| F1 of overfitting (NN101) | 0.97 | {f1:.3f} |",
            f"| correct first finding | 95 % of the faults | {100 * correct / faults:.1f} % |",
            f"| warnings for healthy runs | at most 1 % | {100 * alarms / healthy:.1f} % |",
        ]
    )


def _overfitting(
    full: dict[str, list[DiagnosedSpecimen]], curves_only: dict[str, list[DiagnosedSpecimen]]
) -> list[str]:
    lines = [
        "## Overfitting",
        "",
        "| half | rule | F1 | precision | recall | true + | false - | false + | true - |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for half, specimens in full.items():
        rows: dict[str, ConfusionCounts] = {
            "**NN101**": score.count_overfitting(specimens),
            "**NN101**, curves only": score.count_overfitting(curves_only[half]),
            **score.count_baselines(specimens),
        }
        for name, counts in rows.items():
            lines.append(
                f"| {half} | {name} | {counts.f1:.3f} | {counts.precision:.3f} |"
                f" {counts.recall:.3f} | {counts.true_positives} | {counts.false_negatives} |"
                f" {counts.false_positives} |"
                f" {counts.true_negatives} |"
            )
        neither = sum(specimen.truth is None for specimen in specimens)
        lines.append(f"| {half} | *counted as neither* | | | | | | | {neither} |")
    return [*lines, ""]


def _margins(specimens: Sequence[DiagnosedSpecimen]) -> list[str]:
    """Recall by the excess of the final true risk."""
    lines = [
        "Overfitting runs of the unseen half (curves only), by the excess of the final true risk",
        "over its minimum:",
        "",
        "| above the minimum | runs | detected |",
        "| --- | ---: | ---: |",
    ]
    for low, high in zip(MARGINS, [*MARGINS[1:], float("inf")], strict=True):
        runs = [
            specimen
            for specimen in specimens
            if specimen.truth == score.OVERFITTING and low <= specimen.excess < high
        ]
        detected = sum(
            any(finding.code == score.OVERFITTING for finding in run.findings) for run in runs
        )
        text = f"{low:.0%} to {high:.0%}" if high < float("inf") else f"{low:.0%} and more"
        lines.append(f"| {text} | {len(runs)} | {detected} |")
    return [*lines, ""]


def _faults(full: dict[str, list[DiagnosedSpecimen]]) -> list[str]:
    lines = [
        "## Correct first findings and false alarms",
        "",
        "| half | faults | correct first finding | healthy runs | with a warning |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for half, specimens in full.items():
        correct, faults, _ = score.count_correct_first(specimens)
        alarms, healthy, _ = score.count_false_alarms(specimens)
        lines.append(
            f"| {half} | {faults} | {correct} ({correct / faults:.1%}) | {healthy} |"
            f" {alarms} ({alarms / healthy:.1%}) |"
        )
    lines += [
        "",
        "Whether the healthy runs on real data overfit is unknown, so findings of overfitting and",
        "of a gap are ignored there.",
        "",
        "By fault, unseen half:",
        "",
        "| built-in fault | code | runs | correct first | other first findings |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    groups: dict[tuple[str, str], list[DiagnosedSpecimen]] = {}
    for diagnosed in full["unseen"]:
        specimen = diagnosed.trained.specimen
        if specimen.truth:
            groups.setdefault((specimen.name, specimen.truth), []).append(diagnosed)
    for (name, code), group in groups.items():
        accepted = {code, *group[0].trained.specimen.accepted}
        firsts = Counter(diagnosed.first_code or "nothing" for diagnosed in group)
        correct = sum(count for first, count in firsts.items() if first in accepted)
        others = ", ".join(
            f"{first} {count}" for first, count in firsts.most_common() if first not in accepted
        )
        codes = " or ".join(dict.fromkeys([code, *group[0].trained.specimen.accepted]))
        lines.append(f"| {name} | {codes} | {len(group)} | {correct} | {others} |")
    warnings = _counts(score.count_false_alarms(full["unseen"])[2])
    lines += ["", f"Warnings for healthy runs of the unseen half: {warnings}.", ""]
    return lines


def _counts(alarms: Counter[str]) -> str:
    return ", ".join(f"{code} {count}" for code, count in alarms.most_common()) or "none"


def _calibration(specimens: Sequence[DiagnosedSpecimen]) -> list[str]:
    lines = [
        "## Calibration of the confidence",
        "",
        "Findings of severity warning or above, unseen half. A finding is correct if its code is",
        "the fault that was built in (or measured), or a symptom of it.",
        "",
        "| confidence | findings | correct |",
        "| --- | ---: | ---: |",
    ]
    for low, high, count, share in score.calibration_table(specimens):
        lines.append(f"| {low:.2f} to {high:.2f} | {count} | {share:.1%} |")
    return [*lines, ""]


def _remedy_section(results: Sequence[RemedyBenchmark]) -> list[str]:
    helped = [result for result in results if result.remedy]
    resolved = [result for result in helped if result.still <= SEEDS // 2]
    lines = [
        "## Remedies",
        "",
        f"For {len(helped)} of {len(results)} faults ({len(helped) / len(results):.0%}) of the"
        " unseen half that a setting can correct,",
        f"`nnlab remedy` with {SEEDS} seeds found a remedy that helps significantly. For"
        f" {len(resolved)} of them, most runs",
        "with the remedy no longer have the first finding.",
        "",
        "| built-in fault | data | first finding | remedies tried | best remedy | better by |"
        " runs with the finding |",
        "| --- | --- | --- | ---: | --- | ---: | ---: |",
    ]
    lines += [
        f"| {result.fault} | {result.data} | {result.code} | {result.proposed} |"
        f" {result.remedy or '*none significant*'} | {result.effect:.3g} |"
        f" {result.still} of {SEEDS} |"
        for result in results
    ]
    return [*lines, ""]


if __name__ == "__main__":
    sys.exit(main())
