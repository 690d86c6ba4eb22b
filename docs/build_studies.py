"""Runs the built-in studies and writes docs/studies.md with the verdicts that they got.

python docs/build_studies.py [STUDY ...] [--db studies.db]

What is trained already in the database is not trained again, so a page can be made anew from it.
Two studies run at a time. The page tells the verdicts as they came out, whatever they are.
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

from nnlab import store  # noqa: E402  the tree beside this file, wherever it is run from
from nnlab.analysis.verdict import StudyVerdict, evaluate_claim  # noqa: E402
from nnlab.figures.kinds.claim import save_claim_figures  # noqa: E402
from nnlab.records import Attempt, Study  # noqa: E402
from nnlab.report.verdict import METHOD_NOTE, verdict_lines  # noqa: E402
from nnlab.study import builtin  # noqa: E402

PAGE = ROOT / "docs/studies.md"
PICTURES = ROOT / "docs/images/studies"
AT_ONCE = 2
PICTURE_WIDTH = 1000  # pixels; a page of twenty must stay light
COLORS = 48


def main() -> int:
    """Trains what is missing, then writes the page and its pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "studies", nargs="*", default=builtin.builtin_study_names(), metavar="STUDY"
    )
    parser.add_argument("--db", type=Path, default=None)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = given.db or Path(folder) / "studies.db"
        store.open_database(str(path), write=True, create=True).close()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for line in pool.map(lambda name: _train(name, path), given.studies):
                print(line, flush=True)
        _write(path)
    return 0


def _train(name: str, path: Path) -> str:
    """Trains a study in a process of its own; answers a line with the time that took."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "nnlab", "train", "--study", name, "-q", "--no-keep-models"]
    done = subprocess.run(
        [*command, "--db", str(path)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - begun
    return f"{name}: {seconds:.0f} s" + (f"\n{done.stderr}" if done.returncode else "")


def _write(path: Path) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    db = store.open_database(str(path), write=False)
    known = {study.name: study for study in store.all_studies(db)}
    found = [known[name] for name in builtin.builtin_study_names() if name in known]
    answers = {study.name: evaluate_claim(db, study) for study in found}
    parts = [_head(db, found, answers)]
    parts += [_section(db, study, answers[study.name]) for study in found]
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    db.close()


def _head(db: store.Database, studies: list[Study], answers: dict[str, StudyVerdict | None]) -> str:
    lines = [
        "# Built-in studies",
        "",
        "Claims as lecture notes on training networks make them, tested with small models.",
        "`nnlab studies --builtin` lists them. One of them, from question to answer:",
        "",
        "    nnlab train --study lecture/init-scale",
        "    nnlab report lecture/init-scale -o init-scale.md",
        "",
        "This page is made by `make studies`, verdicts and all; none is written by hand. They hold",
        "of these small models and data sets, not of every network.",
        "",
        "The studies were shaped while looking at the seeds from 0 on, and then left alone: the",
        "verdicts below are of the seeds from 100 on, which nobody had looked at. The split of",
        "the data is the same for all seeds. What was changed on the way:",
        "grids whose best value lay at their edge were widened (minibatch, optimizers,",
        "second-order), trainings that had not converged made longer (adam-defaults,",
        "augmentation, dropout-conv, transfer), penalties moved from a cnn that had not",
        "converged to an mlp, decay-adam-sgd made shorter with fewer learning rates, reduction",
        "got a training split without a smaller last batch, and some got more seeds.",
        "Comparisons changed too: relu was judged by training loss and is by test accuracy;",
        "init-scale by its gradient and is by the sd of its activations; inputs by the training",
        "loss alone and is by the sensitivity at the same loss too; precision was not timed, in",
        "a smaller network; that dropout tests",
        "better, no part of its claim, could not be told and was taken out; an epoch of",
        "newton-cg had to take five times as long as one of gradient descent, took about four",
        "times, and now only has to take longer. Tuning passes over a setting that diverged on",
        "a seed (relu had chosen one), and a run that diverged counts as a test accuracy of 0.",
        "",
        "The epoch at which find-decay decays was chosen by eye, from the seeds from 0 on. Two",
        "studies trained at a time on two cores: comparisons of seconds are rough.",
        "",
        METHOD_NOTE,
        "",
        _machine(db, studies),
        "",
        "| study | verdict | runs | seconds |",
        "| --- | --- | ---: | ---: |",
    ]
    for study in studies:
        answered = answers[study.name]
        assert answered is not None
        runs = store.runs(db, study=study.id, current_only=True)
        begun = min(run.started_at for run in runs if run.started_at)
        seconds = (max(run.ended_at for run in runs if run.ended_at) - begun).total_seconds()
        lines.append(
            f"| [{study.name}](#{_anchor(study.name)}) | {answered.verdict} | {len(runs)}"
            f" | {seconds:.0f} |"
        )
    return "\n".join([*lines, ""])


def _machine(db: store.Database, studies: list[Study]) -> str:
    places: dict[str, Attempt] = {}
    for study in studies:
        for attempt in store.attempts_of_runs(db, [store.runs(db, study=study.id, limit=1)[0].id]):
            if attempt.environment is not None:
                places[attempt.environment.device] = attempt
    told = [
        f"{device}, {one.environment.threads} thread, torch {one.environment.torch},"
        f" Python {one.environment.python}"
        for device, one in places.items()
        if one.environment is not None
    ]
    return (
        f"Trained on {'; '.join(told)}, {AT_ONCE} studies at a time."
        " Seconds are from the start of a study's first run to the end of its last."
    )


def _anchor(name: str) -> str:
    return name.replace("/", "")


def _section(db: store.Database, study: Study, answered: StudyVerdict | None) -> str:
    assert answered is not None
    stem = study.name.rpartition("/")[2]
    with TemporaryDirectory() as folder:
        pictures = [
            _smaller(made, PICTURES / made.name)
            for made in save_claim_figures(db, study, answered, Path(folder) / stem)
        ]
    lines = [f"## {study.name}", "", f"**Question:** {study.question}", ""]
    lines += verdict_lines(study, answered)
    lines += [f"![{picture.stem}](images/studies/{picture.name})" for picture in pictures]
    return "\n".join([*lines, ""])


def _smaller(source: Path, target: Path) -> Path:
    with Image.open(source) as picture:
        height = round(picture.height * PICTURE_WIDTH / picture.width)
        small = picture.convert("RGB").resize((PICTURE_WIDTH, height), Image.Resampling.LANCZOS)
        small.quantize(COLORS).save(target, optimize=True)
    return target


if __name__ == "__main__":
    sys.exit(main())
