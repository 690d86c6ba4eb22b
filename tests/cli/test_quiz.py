"""`nnlab quiz`: list, question, answer, JSON, sheet, and the dialogue in a terminal."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line_runner import Nnlab
from quiz_questions import QUESTIONS

from nnlab.analysis.quiz import LETTERS, QuizQuestion, answer_question, quiz_questions
from nnlab.cli.reference.quiz.ask import ask_questions


def right_letter(question: QuizQuestion) -> str:
    return LETTERS[question.choices.index(answer_question(question).code)]


def test_without_a_terminal_the_questions_are_listed(nnlab: Nnlab) -> None:
    answer = nnlab("quiz")
    assert answer.out.count("nnlab train --data") == len(QUESTIONS)
    assert "next: nnlab quiz 1" in answer.out


def test_a_question_does_not_tell_its_answer(nnlab: Nnlab) -> None:
    out = nnlab("quiz", "1").out
    assert "--train-size 120" in out
    assert "a) overfitting" in out
    assert "Loss (cross entropy, nats)" in out
    assert "Points are the training, lines the validation." in out
    assert "Answer" not in out
    assert "NN101" not in out


def test_the_answer_has_the_evidence_of_the_rule(nnlab: Nnlab) -> None:
    out = " ".join(nnlab("quiz", "1", "--answer").out.split())
    assert "Answer: a) overfitting" in out
    assert re.search(r"validation loss rose by \d+% after epoch \d+", out)
    assert "next: nnlab explain NN101" in out
    assert "no findings" in nnlab("quiz", "4", "--answer").out


def test_json_has_answers_only_on_request(nnlab: Nnlab) -> None:
    questions = nnlab("quiz", "--json").json
    assert len(questions) == len(QUESTIONS)
    assert set(questions[0]) == {"question", "command", "choices", "curves"}
    (first,) = nnlab("quiz", "2", "--json", "--answer").json
    assert first["answer"] == "NN203"
    assert first["findings"][0]["code"] == "NN203"


def test_the_sheet_has_the_answers_after_all_questions(nnlab: Nnlab, folder: Path) -> None:
    assert nnlab("quiz", "-o", "quiz.html").out == f"quiz.html: {len(QUESTIONS)} questions\n"
    page = (folder / "quiz.html").read_text()
    questions, _, answers = page.partition('<section class="answers">')
    assert questions.count("<section class=") == len(QUESTIONS)
    assert answers.count("<details") == len(QUESTIONS)
    assert "Evidence" not in questions
    assert "break-before: page" in questions
    assert not re.search(r"(src|href)=[\"'](?!#)", page)
    first = page
    nnlab("quiz", "-o", "quiz.html")
    assert (folder / "quiz.html").read_text() == first
    (folder / "mine.html").write_text("mine")
    nnlab("quiz", "-o", "mine.html", expect=1)
    nnlab("quiz", "-o", "quiz.pdf", expect=2)
    nnlab("quiz", "-o", "quiz.html", "--json", expect=2)
    nnlab("quiz", "99", expect=2)


def answers_of(texts: Iterator[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object, **__: object) -> str:
        text = next(texts, None)
        if text is None:
            raise EOFError
        return text

    monkeypatch.setattr("rich.console.Console.input", read)


def test_the_dialogue_counts_right_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third, *_ = quiz_questions()
    wrong = next(letter for letter in "abcd" if letter != right_letter(second))
    answers_of(iter([right_letter(first).upper(), "x", wrong, "", "q"]), monkeypatch)
    ask_questions([first, second, third, third])
    out = capsys.readouterr().out
    assert out.count("not right") == 1
    assert "one of a, b, c, d, or q" in out
    assert out.count("Answer:") == 3
    assert out.rstrip().endswith("1 of 2 right")


def test_the_end_of_the_input_ends_the_dialogue(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers_of(iter([]), monkeypatch)
    ask_questions(quiz_questions())
    assert capsys.readouterr().out.count("Question") == 1
