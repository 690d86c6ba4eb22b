"""Trains the built-in studies and writes docs/studies.md with their verdicts.

python docs/build_studies.py [STUDY ...] [--db studies.db] [--no-train]

Two studies are trained at a time, with one thread each; those that take longest start first. Runs
that the database already contains are not trained again, so the page can be generated from it.
The verdicts are also written to nnlab/studies/reference_results.json, which nnlab contains. A study
that fails is named at the end, and the page is written without it; the exit code is then 1.
"""

import argparse
import math
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from nnlab import store  # noqa: E402  this checkout, from any working folder
from nnlab.analysis.verdict import ComparisonResult, StudyVerdict, evaluate_claim  # noqa: E402
from nnlab.errors import NnlabError  # noqa: E402
from nnlab.figures.kinds.claim import save_claim_figures  # noqa: E402
from nnlab.io.escaping import escape_markdown  # noqa: E402
from nnlab.io.files import write_atomic  # noqa: E402
from nnlab.records import Attempt, PublishedResult, Study  # noqa: E402
from nnlab.report.verdict import verdict_lines  # noqa: E402
from nnlab.report.verdict_text import METHOD_NOTE  # noqa: E402
from nnlab.study import builtin  # noqa: E402
from nnlab.study.reference_results import (  # noqa: E402
    ReferenceComparison,
    ReferenceResult,
    reference_results,
    reference_results_text,
)

PAGE = ROOT / "docs/studies.md"
PICTURES = ROOT / "docs/images/studies"
REFERENCE_RESULTS = ROOT / "nnlab/studies/reference_results.json"
AT_ONCE = 2
PICTURE_WIDTH = 1000  # pixels; limits the size of the page, which has about fifty pictures
COLORS = 48
INTRODUCTION = (ROOT / "docs/templates/studies_introduction.md.in").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class TrainedStudy:
    """How a study was trained: the duration in seconds, and the error if it failed."""

    name: str
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class StudyResult:
    """A study with its verdict and what it cost; `seconds` is the time of its runs."""

    study: Study
    verdict: StudyVerdict
    runs: int
    seconds: float


def main() -> int:
    """Trains the missing runs, then writes the page, its pictures and the reference results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "studies", nargs="*", default=builtin.builtin_study_names(), metavar="STUDY"
    )
    parser.add_argument("--db", type=Path, default=None)
    parser.add_argument("--no-train", action="store_true", help="write the page from --db only")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = options.db or Path(folder) / "studies.db"
        store.open_database(str(path), write=True, create=True).close()
        start = time.perf_counter()
        trained = [] if options.no_train else train_studies(options.studies, path)
        total = time.perf_counter() - start
        missing = write_page(path, total)
    failed = [study for study in trained if study.error]
    for study in failed:
        print(f"{study.name} failed:\n{study.error}", file=sys.stderr)
    for name, reason in missing.items():
        print(f"{name} is not on the page: {reason}", file=sys.stderr)
    print(f"{len(trained) - len(failed)} studies trained in {format_minutes(total)}", flush=True)
    return 1 if failed or missing else 0


def train_studies(names: Sequence[str], path: Path) -> list[TrainedStudy]:
    """Trains studies, those that took longest before first; prints a line for each."""
    known = {name: result.seconds for name, result in reference_results().items()}
    ordered = sorted(names, key=lambda name: -known.get(name, math.inf))
    start = time.perf_counter()
    results = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(_train, name, path) for name in ordered]
        for future in as_completed(futures):
            result = future.result()
            results.append(result)
            status = "failed" if result.error else "trained"
            print(
                f"[{format_minutes(time.perf_counter() - start)}] {len(results)}/{len(ordered)}"
                f" {result.name} {status} in {result.seconds:.0f} s",
                flush=True,
            )
    return results


def _train(name: str, path: Path) -> TrainedStudy:
    """Trains a study in a new process."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "nnlab", "train", "--study", name, "-q", "--no-keep-models"]
    process = subprocess.run(
        [*command, "--db", str(path)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - start
    error = process.stderr.strip() or f"exit code {process.returncode}"
    return TrainedStudy(name, seconds, error if process.returncode else "")


def write_page(path: Path, total: float) -> dict[str, str]:
    """Writes the page and the reference results; returns why a study of the database is missing.

    Args:
        path: the database.
        total: the seconds that the training of all studies took.
    """
    PICTURES.mkdir(parents=True, exist_ok=True)
    db = store.open_database(str(path), write=False)
    stored = {study.name: study for study in store.all_studies(db)}
    studies = [stored[name] for name in builtin.builtin_study_names() if name in stored]
    results, sections, missing = [], [], {}
    for study in studies:
        try:
            result = _study_result(db, study)
            sections.append(_section(db, result))
            results.append(result)
        except (NnlabError, LookupError, OSError, TypeError, ValueError) as error:
            missing[study.name] = f"{type(error).__name__}: {error}"
    trained_on = _machine(db, [result.study for result in results])
    head = _head(results, trained_on, total)
    PAGE.write_text("\n".join([head, *sections]), encoding="utf-8")
    references = {result.study.name: _reference(result, trained_on) for result in results}
    write_atomic(REFERENCE_RESULTS, reference_results_text(trained_on, references).encode())
    db.close()
    return missing


def _study_result(db: store.Database, study: Study) -> StudyResult:
    """The result of a study.

    Raises:
        ValueError: some of its runs have no result.
    """
    runs = store.runs(db, study=study.id, current_only=True)
    ended = [run.ended_at for run in runs if run.ended_at]
    started = [run.started_at for run in runs if run.started_at]
    study_verdict = evaluate_claim(db, study)
    if study_verdict is None or study_verdict.unfinished or not ended or not started:
        raise ValueError("some of its runs have no result")
    seconds = (max(ended) - min(started)).total_seconds()
    return StudyResult(study, study_verdict, len(runs), seconds)


def _head(results: Sequence[StudyResult], trained_on: str, total: float) -> str:
    counts = Counter(str(result.verdict.verdict) for result in results)
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    seconds = math.fsum(result.seconds for result in results)
    lines = [
        INTRODUCTION,
        METHOD_NOTE,
        "",
        f"Trained on {trained_on}, {AT_ONCE} studies at a time. Seconds are from the start of a"
        " study's first run to the end of its last, so comparisons of seconds are imprecise.",
        "",
        f"{len(results)} studies: {verdicts}.",
        "",
        "| study | verdict here | published verdicts | seeds | runs | seconds |",
        "| --- | --- | --- | ---: | ---: | ---: |",
    ]
    for result in results:
        study = result.study
        lines.append(
            f"| [{study.name}](#{study.name.replace('/', '')}) | {result.verdict.verdict}"
            f" | {_published_cell(study.published)} | {len(study.seeds)} | {result.runs}"
            f" | {result.seconds:.0f} |"
        )
    runs = sum(result.runs for result in results)
    trained = f"; all were trained in {format_minutes(total)}" if total >= 1 else ""
    lines += [f"| total | | | | {runs} | {seconds:.0f} |", ""]
    return "\n".join([*lines, f"The sum of the seconds is {format_minutes(seconds)}{trained}.", ""])


def _published_cell(published: Sequence[PublishedResult]) -> str:
    """The verdicts of the published results with their sources, as Markdown."""
    return "; ".join(f"{result.verdict} ({escape_markdown(result.source)})" for result in published)


def _machine(db: store.Database, studies: Sequence[Study]) -> str:
    attempts: dict[str, Attempt] = {}
    for study in studies:
        for attempt in store.attempts_of_runs(db, [store.runs(db, study=study.id, limit=1)[0].id]):
            if attempt.environment is not None:
                attempts[attempt.environment.device] = attempt
    machines = [
        f"{device}, {attempt.environment.threads} thread, torch {attempt.environment.torch},"
        f" Python {attempt.environment.python}"
        for device, attempt in attempts.items()
        if attempt.environment is not None
    ]
    return "; ".join(machines)


def format_minutes(seconds: float) -> str:
    """A duration as minutes and seconds: `12:05`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


def _section(db: store.Database, result: StudyResult) -> str:
    study = result.study
    stem = study.name.rpartition("/")[2]
    with TemporaryDirectory() as folder:
        pictures = [
            _shrink(file, PICTURES / file.name)
            for file in save_claim_figures(db, study, result.verdict, Path(folder) / stem)
        ]
    lines = [f"## {study.name}", "", f"**Question:** {study.question}", ""]
    lines += verdict_lines(study, result.verdict)
    lines += [f"![{picture.stem}](images/studies/{picture.name})" for picture in pictures]
    return "\n".join([*lines, ""])


def _shrink(source: Path, target: Path) -> Path:
    with Image.open(source) as picture:
        height = round(picture.height * PICTURE_WIDTH / picture.width)
        small = picture.convert("RGB").resize((PICTURE_WIDTH, height), Image.Resampling.LANCZOS)
        small.quantize(COLORS).save(target, optimize=True)
    return target


def _reference(result: StudyResult, trained_on: str) -> ReferenceResult:
    return ReferenceResult(
        trained_on=trained_on,
        verdict=str(result.verdict.verdict),
        seeds=len(result.study.seeds),
        runs=result.runs,
        seconds=round(result.seconds, 1),
        comparisons=tuple(map(_reference_comparison, result.verdict.results)),
    )


def _reference_comparison(result: ComparisonResult) -> ReferenceComparison:
    test = result.test
    return ReferenceComparison(
        says=result.comparison.says,
        found=_finite(test.mean),
        low=_finite(test.low),
        high=_finite(test.high),
        n=test.n,
        verdict=str(test.verdict),
        decides=result.comparison.decides,
    )


def _finite(value: float) -> float | None:
    """A number for JSON, with six digits; None if it is infinite or undefined."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


if __name__ == "__main__":
    sys.exit(main())
