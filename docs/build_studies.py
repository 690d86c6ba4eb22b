"""Trains the built-in studies and writes docs/studies.md with their verdicts.

python docs/build_studies.py [STUDY ...] [--db studies.db]

Runs that the database already contains are not trained again, so the page can be generated from it.
Two studies are trained at a time.
"""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from nnlab import store  # noqa: E402  this checkout, from any working folder
from nnlab.analysis.verdict import StudyVerdict, evaluate_claim  # noqa: E402
from nnlab.figures.kinds.claim import save_claim_figures  # noqa: E402
from nnlab.records import Attempt, Study  # noqa: E402
from nnlab.report.verdict import METHOD_NOTE, verdict_lines  # noqa: E402
from nnlab.study import builtin  # noqa: E402

PAGE = ROOT / "docs/studies.md"
PICTURES = ROOT / "docs/images/studies"
AT_ONCE = 2
PICTURE_WIDTH = 1000  # pixels; limits the size of the page, which has about forty pictures
COLORS = 48
INTRODUCTION = (ROOT / "docs/templates/studies_introduction.md.in").read_text(encoding="utf-8")
DESIGN = (ROOT / "docs/templates/studies_design.md.in").read_text(encoding="utf-8")


def main() -> int:
    """Trains the missing runs, then writes the page and its pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "studies", nargs="*", default=builtin.builtin_study_names(), metavar="STUDY"
    )
    parser.add_argument("--db", type=Path, default=None)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = options.db or Path(folder) / "studies.db"
        store.open_database(str(path), write=True, create=True).close()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for line in pool.map(lambda name: _train(name, path), options.studies):
                print(line, flush=True)
        _write(path)
    return 0


def _train(name: str, path: Path) -> str:
    """Trains a study in a new process; returns a line with the duration."""
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
    return f"{name}: {seconds:.0f} s" + (f"\n{process.stderr}" if process.returncode else "")


def _write(path: Path) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    db = store.open_database(str(path), write=False)
    stored = {study.name: study for study in store.all_studies(db)}
    studies = [stored[name] for name in builtin.builtin_study_names() if name in stored]
    verdicts = {study.name: evaluate_claim(db, study) for study in studies}
    parts = [_head(db, studies, verdicts)]
    parts += [_section(db, study, verdicts[study.name]) for study in studies]
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    db.close()


def _head(
    db: store.Database, studies: list[Study], verdicts: dict[str, StudyVerdict | None]
) -> str:
    lines = [
        INTRODUCTION,
        METHOD_NOTE,
        "",
        _machine(db, studies),
        "",
        "| study | verdict | runs | seconds |",
        "| --- | --- | ---: | ---: |",
    ]
    for study in studies:
        study_verdict = verdicts[study.name]
        assert study_verdict is not None
        runs = store.runs(db, study=study.id, current_only=True)
        start = min(run.started_at for run in runs if run.started_at)
        seconds = (max(run.ended_at for run in runs if run.ended_at) - start).total_seconds()
        lines.append(
            f"| [{study.name}](#{_anchor(study.name)}) | {study_verdict.verdict} | {len(runs)}"
            f" | {seconds:.0f} |"
        )
    return "\n".join([*lines, "", DESIGN])


def _machine(db: store.Database, studies: list[Study]) -> str:
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
    return (
        f"Trained on {'; '.join(machines)}, {AT_ONCE} studies at a time."
        " Seconds are from the start of a study's first run to the end of its last."
    )


def _anchor(name: str) -> str:
    return name.replace("/", "")


def _section(db: store.Database, study: Study, study_verdict: StudyVerdict | None) -> str:
    assert study_verdict is not None
    stem = study.name.rpartition("/")[2]
    with TemporaryDirectory() as folder:
        pictures = [
            _shrink(file, PICTURES / file.name)
            for file in save_claim_figures(db, study, study_verdict, Path(folder) / stem)
        ]
    lines = [f"## {study.name}", "", f"**Question:** {study.question}", ""]
    lines += verdict_lines(study, study_verdict)
    lines += [f"![{picture.stem}](images/studies/{picture.name})" for picture in pictures]
    return "\n".join([*lines, ""])


def _shrink(source: Path, target: Path) -> Path:
    with Image.open(source) as picture:
        height = round(picture.height * PICTURE_WIDTH / picture.width)
        small = picture.convert("RGB").resize((PICTURE_WIDTH, height), Image.Resampling.LANCZOS)
        small.quantize(COLORS).save(target, optimize=True)
    return target


if __name__ == "__main__":
    sys.exit(main())
