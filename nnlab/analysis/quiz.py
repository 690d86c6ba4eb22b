"""The questions of `nnlab quiz`: recorded runs, whose answers the diagnosis computes.

`quiz_questions.json` has the settings and curves; `benchmarks/quiz_questions.py` trains the runs
and writes it.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Final

from nnlab.diagnosis import ALL_RULES, diagnose, group_symptoms
from nnlab.errors import UsageError
from nnlab.records import Curve, Finding, History, Scalar

# The choice of a run without a finding.
HEALTHY: Final = ""
LETTERS: Final = "abcdefgh"
_NAMES: Final[Mapping[str, str]] = {
    HEALTHY: "healthy: no finding",
    **{rule.code: rule.name for rule in ALL_RULES},
}


@dataclass(frozen=True, slots=True)
class QuizQuestion:
    """A recorded run to diagnose.

    Attributes:
        number: from 1.
        options: those of `nnlab train`, as text.
        setting: the stored setting of the run.
        history: its curves.
        choices: codes of findings, and `HEALTHY`; one of them is right.
    """

    number: int
    options: str
    setting: Mapping[str, Scalar]
    history: History
    choices: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command that trains the run."""
        return f"nnlab train {self.options}"


@dataclass(frozen=True, slots=True)
class QuizAnswer:
    """The findings of a question, causes first, and the code of the right choice."""

    code: str
    findings: tuple[Finding, ...]

    @property
    def finding(self) -> Finding | None:
        """The right finding; None for a healthy run."""
        return next((finding for finding in self.findings if finding.code == self.code), None)

    @property
    def others(self) -> tuple[Finding, ...]:
        """The other findings: symptoms of the right one, and notes."""
        return tuple(finding for finding in self.findings if finding.code != self.code)


def quiz_questions(seed: int | None = None) -> tuple[QuizQuestion, ...]:
    """The questions; with a seed, they and their choices are in a random order.

    The numbers of the questions do not depend on the seed.
    """
    text = (files(__package__) / "quiz_questions.json").read_text(encoding="utf-8")
    records = json.loads(text)["questions"]
    questions = [_question(number, record) for number, record in enumerate(records, start=1)]
    if seed is not None:
        rng = random.Random(seed)  # noqa: S311
        rng.shuffle(questions)
        questions = [
            replace(question, choices=tuple(rng.sample(question.choices, len(question.choices))))
            for question in questions
        ]
    return tuple(questions)


def find_question(questions: Sequence[QuizQuestion], number: int) -> QuizQuestion:
    """The question with a number.

    Raises:
        UsageError: there is none.
    """
    for question in questions:
        if question.number == number:
            return question
    raise UsageError(f"no question {number}: they are numbered from 1 to {len(questions)}")


def answer_question(question: QuizQuestion) -> QuizAnswer:
    """The diagnosis of the run of a question, by the built-in rules."""
    diagnosed = diagnose(question.history, question.setting)
    findings = tuple(finding for finding in diagnosed if finding.code in _NAMES)
    return QuizAnswer(first_code(findings), findings)


def first_code(findings: Sequence[Finding]) -> str:
    """The code of the first cause among findings; `HEALTHY` without any."""
    groups = group_symptoms(findings)
    return groups[0].finding.code if groups else HEALTHY


def choice_name(code: str) -> str:
    """The name of a choice, such as `overfitting`."""
    return _NAMES[code]


def question_curves(question: QuizQuestion) -> History:
    """The curves that are shown: losses and accuracies of training and validation."""
    names = [f"{split}/{name}" for name in ("loss", "accuracy") for split in ("train", "val")]
    return History({name: curve for name in names if (curve := question.history.get(name))})


def _question(number: int, record: Mapping[str, Any]) -> QuizQuestion:
    curves = {
        name: Curve(name, tuple(curve["epochs"]), tuple(map(float, curve["values"])))
        for name, curve in record["curves"].items()
    }
    return QuizQuestion(
        number, record["options"], record["setting"], History(curves), tuple(record["choices"])
    )
