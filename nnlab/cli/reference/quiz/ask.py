"""Asks the questions of `nnlab quiz` in a terminal, and counts the right answers."""

from collections.abc import Sequence

from nnlab.analysis.quiz import LETTERS, QuizQuestion, answer_question
from nnlab.cli.output.render import console, say
from nnlab.cli.reference.quiz.present import print_answer, print_question

_QUIT = "q"


def ask_questions(questions: Sequence[QuizQuestion]) -> None:
    """Asks questions until the last one, `q` or the end of the input, and prints the score."""
    num_right = num_answered = 0
    for question in questions:
        print_question(question)
        letter = _ask_letter(len(question.choices))
        if letter == _QUIT:
            break
        if letter:
            num_answered += 1
            is_right = question.choices[LETTERS.index(letter)] == answer_question(question).code
            num_right += is_right
            say("right" if is_right else "not right", style="green" if is_right else "yellow")
        print_answer(question)
        say("")
    if num_answered:
        say(f"{num_right} of {num_answered} right", style="bold")


def _ask_letter(choices: int) -> str:
    """The letter of a choice; `q` to end, empty to see the answer without choosing."""
    letters = LETTERS[:choices]
    while True:
        prompt = f"{letters[0]}-{letters[-1]}, Enter shows the answer, {_QUIT} ends: "
        try:
            text = console().input(prompt, markup=False).strip().lower()
        except EOFError:
            return _QUIT
        if not text or text == _QUIT or text in tuple(letters):
            return text
        say(f"one of {', '.join(letters)}, or {_QUIT}")
