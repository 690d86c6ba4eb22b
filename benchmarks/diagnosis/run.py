"""Evaluates the diagnosis on the corpus and writes docs/diagnosis-accuracy.md.

python benchmarks/diagnosis/run.py [--cache FOLDER] [--mended FILE] [--fitted-only]
    [--known-remedies]

Trainings and remedies that are not in the cache are repeated: about half an hour on two cores.
`--fitted-only` prints the tables of the fitted half and writes nothing: for work on the rules,
which must not see the unseen half. `--known-remedies` leaves out the remedies that are not in the
cache.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from diagnosis import page_sections, score  # noqa: E402  this checkout, from any working folder
from diagnosis.assembly import HALVES, all_specimens  # noqa: E402
from diagnosis.calibration_figure import draw_calibration  # noqa: E402
from diagnosis.remedy_results import remedy_benchmarks, remedy_section  # noqa: E402

PAGE = ROOT / "docs/diagnosis-accuracy.md"
FIGURE = ROOT / "docs/images/calibration-of-findings.png"
HEAD = (Path(__file__).parent / "page_head.md").read_text(encoding="utf-8")


def main() -> int:
    """Trains what is missing, evaluates the diagnosis and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=ROOT / "build/diagnosis")
    parser.add_argument("--mended", type=Path, default=ROOT / "build/mended.json")
    parser.add_argument("--fitted-only", action="store_true")
    parser.add_argument("--known-remedies", action="store_true")
    options = parser.parse_args()
    trained = {
        half: list(all_specimens(half, options.cache))
        for half in (HALVES[:1] if options.fitted_only else HALVES)
    }
    halves = {half: score.diagnose_corpus(runs) for half, runs in trained.items()}
    curves_only = {
        half: score.diagnose_corpus(runs, curves_only=True) for half, runs in trained.items()
    }
    last = list(halves)[-1]
    sections = [
        *page_sections.overfitting_section(halves, curves_only),
        *page_sections.margins_section(curves_only[last]),
        *page_sections.limits_section(halves),
        *page_sections.faults_section(halves),
        *page_sections.calibration_section(halves),
    ]
    if options.fitted_only:
        print(page_sections.goal_rows(halves[last]), "\n".join(sections), sep="\n\n")
        return 0
    head = HEAD.format(
        results=page_sections.goal_rows(halves["unseen"]),
        corpus="\n".join(page_sections.corpus_section(halves)),
        ugly=page_sections.count_ugly_kinds(halves),
        evaluations=(Path(__file__).parent / "evaluations.md").read_text(encoding="utf-8").strip(),
    )
    remedies = remedy_section(
        remedy_benchmarks(options.mended, computes=not options.known_remedies)
    )
    PAGE.write_text("\n".join([head, *sections, *remedies]), encoding="utf-8")
    draw_calibration(halves, FIGURE)
    print(PAGE.read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
