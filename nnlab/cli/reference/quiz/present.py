"""Output of questions and answers of `nnlab quiz`: as text, as a list, and as values for JSON."""

import shutil
from collections.abc import Sequence
from typing import Any

import typer

from nnlab.analysis.plain_values import finding_values
from nnlab.analysis.quiz import (
    LETTERS,
    QuizQuestion,
    answer_question,
    choice_name,
    question_curves,
)
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, console, render, say
from nnlab.cli.results.findings import print_findings

_MIN_WIDTH, _MAX_WIDTH = 40, 100  # letters in a line of the curves

_COLUMNS = (
    TableColumn("question", "question", align_right=True),
    TableColumn("command", "setting", wrap=True),
)


def print_question_list(questions: Sequence[QuizQuestion]) -> None:
    """Prints a row per question, without curves and answers."""
    rows = [{"question": question.number, "command": question.command} for question in questions]
    render(rows, _COLUMNS, Format.TABLE)


def print_question(question: QuizQuestion) -> None:
    """Prints the setting, the curves and the choices of a question."""
    say(f"Question {question.number}: {question.command}", style="bold")
    typer.echo(_curves_as_text(question))
    say("Points are the training, lines the validation.", style="dim")
    say("What is the diagnosis?")
    for letter, code in zip(LETTERS, question.choices, strict=False):
        say(f"  {letter}) {choice_name(code)}")


def print_answer(question: QuizQuestion) -> None:
    """Prints the right choice, and the findings with their evidence."""
    answer = answer_question(question)
    letter = LETTERS[question.choices.index(answer.code)]
    say(f"Answer: {letter}) {choice_name(answer.code)}", style="bold")
    print_findings(answer.findings)
    if answer.code:
        say(f"next: nnlab explain {answer.code}", style="dim")


def question_values(question: QuizQuestion, *, answer: bool) -> dict[str, Any]:
    """A question as JSON values; the answer and its findings only if requested."""
    curves = question_curves(question)
    values: dict[str, Any] = {
        "question": question.number,
        "command": question.command,
        "choices": [{"code": code, "name": choice_name(code)} for code in question.choices],
        "curves": {
            name: {"epochs": list(curve.epochs), "values": list(curve.values)}
            for name, curve in curves.curves.items()
        },
    }
    if answer:
        result = answer_question(question)
        values["answer"] = result.code
        values["findings"] = [finding_values(finding) for finding in result.findings]
    return values


def _curves_as_text(question: QuizQuestion) -> str:
    # matplotlib is imported only when curves are drawn.
    from nnlab.figures.draw.terminal_text import as_text
    from nnlab.figures.kinds.curves import draw_curves

    drawn = draw_curves(question_curves(question), loss=str(question.setting.get("loss") or ""))
    width = min(max(shutil.get_terminal_size().columns, _MIN_WIDTH), _MAX_WIDTH)
    return as_text(drawn, width, colored=console().is_terminal and not console().no_color)
