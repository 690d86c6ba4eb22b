"""Trains the runs of `nnlab quiz` and writes their settings and curves for the package.

    python benchmarks/quiz_questions.py

The answers are not written: `nnlab quiz` computes them from the curves. The faults are those of the
corpus in `benchmarks/diagnosis`, with settings that a short command expresses.
"""

import json
import math
import shlex
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nnlab import store
from nnlab.analysis.quiz import HEALTHY, first_code
from nnlab.cli.main import main as execute_command
from nnlab.diagnosis import diagnose
from nnlab.records import Curve, History

FILE: Final = Path(__file__).resolve().parent.parent / "nnlab/analysis/quiz_questions.json"
_MAX_BYTES: Final = 200_000
_DIGITS: Final = 6  # significant digits of the curves
# Curves that describe the machine, and that no rule reads.
_LEFT_OUT: Final = ("time/", "energy/", "usage/", "cost/", "system/")


@dataclass(frozen=True, slots=True)
class RecordedQuestion:
    """A run to train: the options of `nnlab train`, the intended answer, and the other choices."""

    options: str
    answer: str
    others: tuple[str, ...]


QUESTIONS: Final = (
    RecordedQuestion(
        "--data digits --train-size 120 --widths 256,256 --lr 0.003 --epochs 60 --label-noise 0.1",
        "NN101",
        ("NN102", "NN104", "NN202"),
    ),
    RecordedQuestion(
        "--data digits --opt sgd --lr 0.00003 --epochs 25", "NN203", ("NN102", "NN301", "NN307")
    ),
    RecordedQuestion("--data digits --lr 0.3 --epochs 20", "NN202", ("NN203", "NN101", "NN204")),
    RecordedQuestion(
        "--data digits --model cnn --width 8 --depth 2 --lr 0.003 --decay cosine --epochs 15",
        HEALTHY,
        ("NN101", "NN105", "NN204"),
    ),
    RecordedQuestion(
        "--data diabetes --model linear --opt sgd --lr 0.28 --batch-size full --epochs 40",
        "NN201",
        ("NN203", "NN104", "NN101"),
    ),
    RecordedQuestion("--data digits --lr 0.0005 --epochs 4", "NN105", ("NN104", HEALTHY, "NN101")),
    RecordedQuestion(
        "--data spirals --model linear --lr 0.01 --epochs 40",
        "NN104",
        ("NN203", "NN101", "NN201"),
    ),
    RecordedQuestion(
        "--data digits --opt sgd --lr 0.05 --activation sigmoid --depth 8 --init xavier"
        " --epochs 25",
        "NN301",
        ("NN302", "NN303", "NN307"),
    ),
    RecordedQuestion(
        "--data digits --train-size 200 --lr 0.001 --epochs 80 --l2 0.001",
        "NN102",
        ("NN101", "NN203", "NN104"),
    ),
    RecordedQuestion(
        "--data digits --opt sgd --lr 0.01 --depth 6 --init normal --init-scale 0.01 --epochs 25",
        "NN305",
        ("NN203", "NN101", "NN307"),
    ),
    RecordedQuestion(
        "--data digits --dropout 0.95 --depth 3 --epochs 30", "NN307", ("NN101", "NN201", "NN401")
    ),
    RecordedQuestion(
        "--data digits --opt sgd --lr 0.3 --batch-size 4 --label-noise 0.1 --epochs 30 --width 32"
        " --depth 1 --l2 0.003",
        "NN204",
        ("NN203", "NN301", HEALTHY),
    ),
    RecordedQuestion(
        "--data wine --inputs none --opt momentum --lr 0.001 --epochs 30",
        "NN401",
        ("NN203", "NN101", "NN307"),
    ),
    RecordedQuestion(
        "--data digits --init zeros --epochs 20", "NN306", ("NN302", "NN101", "NN307")
    ),
    RecordedQuestion(
        "--data two-moons --opt sgd --lr 0.5 --batch-size 8 --data-noise 0.3 --epochs 60",
        "NN205",
        ("NN203", "NN105", "NN201"),
    ),
)


def main() -> int:
    """Trains all runs and writes the file; 1 if an answer is not the intended one."""
    with tempfile.TemporaryDirectory() as folder:
        db = str(Path(folder) / "quiz.db")
        for question in QUESTIONS:
            words = ("train", *shlex.split(question.options), "--seed", "1", "--no-keep-models")
            execute_command((*words, "-q", "--db", db))
        with closing(store.open_database(db, write=False)) as database:
            runs = sorted(store.runs(database), key=lambda run: run.id)
            records = [
                _record(question, dict(run.trial.setting), store.history(database, run.id))
                for question, run in zip(QUESTIONS, runs, strict=True)
            ]
    text = json.dumps({"questions": records}, separators=(",", ":"), allow_nan=False) + "\n"
    FILE.write_text(text)
    print(f"{FILE}: {len(records)} questions, {len(text):,} bytes")
    faults = [
        f"question {number}: {code or 'healthy'} instead of {question.answer or 'healthy'}"
        for number, (question, record) in enumerate(zip(QUESTIONS, records, strict=True), 1)
        if (code := _answer(record)) != question.answer
    ]
    if len(text) > _MAX_BYTES:
        faults.append(f"more than {_MAX_BYTES:,} bytes")
    print("\n".join(faults))
    return 1 if faults else 0


def _record(question: RecordedQuestion, setting: dict[str, Any], history: History) -> Any:
    """A question as JSON values; the choices are in alphabetical order."""
    return {
        "options": question.options,
        "setting": setting,
        "choices": sorted((question.answer, *question.others)),
        "curves": {
            name: {"epochs": list(curve.epochs), "values": list(map(_rounded, curve.values))}
            for name, curve in sorted(history.curves.items())
            if not name.startswith(_LEFT_OUT)
        },
    }


def _rounded(value: float) -> float | str:
    """The value with six digits; text if JSON has no number for it."""
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else str(value)


def _answer(record: Any) -> str:
    """The code of the first finding of a written question."""
    curves = {
        name: Curve(name, tuple(curve["epochs"]), tuple(map(float, curve["values"])))
        for name, curve in record["curves"].items()
    }
    return first_code(diagnose(History(curves), record["setting"]))


if __name__ == "__main__":
    sys.exit(main())
