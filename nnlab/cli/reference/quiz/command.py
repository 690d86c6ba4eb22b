"""`nnlab quiz`: options, and the choice between a list, a question, a sheet and JSON."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from nnlab.analysis.quiz import find_question, quiz_questions
from nnlab.cli.options import ForceOption
from nnlab.cli.output.render import print_json, say
from nnlab.errors import UsageError

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def quiz(
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="NUMBER", min=1, help="a question \\[default: all]", show_default=False
        ),
    ] = None,
    *,
    answer: Annotated[
        bool, typer.Option("--answer", help="show the answer and its evidence without asking")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", metavar="N", min=0, help="random order of the questions and choices"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE.html", help="write a sheet to print, answers at the end"
        ),
    ] = None,
    force: ForceOption = False,
    json: Annotated[
        bool, typer.Option("--json", help="print JSON; answers only with --answer")
    ] = False,
) -> None:
    """Diagnose recorded training curves: a quiz for a class, with the evidence of each answer.

    In a terminal the questions are asked one after the other. The answers are the findings of the
    diagnosis, computed from the curves.

    [bold]Examples[/bold]

        nnlab quiz

        nnlab quiz 3

        nnlab quiz 3 --answer

        nnlab quiz --seed 1 -o quiz.html
    """
    questions = quiz_questions(seed)
    chosen = questions if number is None else (find_question(questions, number),)
    if output is not None and json:
        raise UsageError("--json prints, and -o writes a sheet: give one of them")
    if output is not None:
        # Only a sheet needs matplotlib and jinja2.
        from nnlab.cli.reference.quiz.sheet import write_sheet

        write_sheet(chosen, output, force=force)
        return
    from nnlab.cli.reference.quiz.present import (
        print_answer,
        print_question,
        print_question_list,
        question_values,
    )

    if json:
        print_json([question_values(question, answer=answer) for question in chosen])
        return
    if sys.stdin.isatty() and sys.stdout.isatty() and not answer:
        from nnlab.cli.reference.quiz.ask import ask_questions

        ask_questions(chosen)
        return
    if number is None and not answer:
        print_question_list(chosen)
        say("next: nnlab quiz 1", style="dim")
        return
    for question in chosen:
        print_question(question)
        if answer:
            print_answer(question)
        else:
            say(f"next: nnlab quiz {question.number} --answer", style="dim")
