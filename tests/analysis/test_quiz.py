"""The questions of the quiz: their answers are the intended ones, with evidence."""

import json
import math
from importlib.resources import files

import pytest
from quiz_questions import QUESTIONS, RecordedQuestion

from nnlab.analysis.quiz import (
    HEALTHY,
    QuizQuestion,
    answer_question,
    choice_name,
    find_question,
    question_curves,
    quiz_questions,
)
from nnlab.errors import UsageError

ALL = quiz_questions()


def test_the_file_is_small_and_has_a_dozen_questions_or_more() -> None:
    content = (files("nnlab.analysis") / "quiz_questions.json").read_bytes()
    assert len(content) < 200_000
    assert 12 <= len(ALL) == len(QUESTIONS)
    assert b"answer" not in content


@pytest.mark.parametrize(
    ("question", "recorded"),
    list(zip(ALL, QUESTIONS, strict=True)),
    ids=[f"{question.number}" for question in ALL],
)
def test_the_first_finding_is_the_intended_one(
    question: QuizQuestion, recorded: RecordedQuestion
) -> None:
    answer = answer_question(question)
    assert question.options == recorded.options
    assert answer.code == recorded.answer
    assert set(question.choices) == {recorded.answer, *recorded.others}
    assert len(question.choices) == 4
    if answer.code == HEALTHY:
        assert answer.findings == ()
        return
    assert answer.finding is not None
    assert answer.finding.message
    # No other choice describes the run as well.
    assert not {finding.code for finding in answer.others} & set(recorded.others)


@pytest.mark.parametrize("question", ALL, ids=lambda question: str(question.number))
def test_each_question_has_curves_to_look_at(question: QuizQuestion) -> None:
    curves = question_curves(question)
    assert {"train/loss", "val/loss"} <= set(curves.curves)
    loss = curves.curves["train/loss"]
    assert len(loss) >= 4
    assert all(map(math.isfinite, loss.values))


def test_a_seed_changes_the_order_and_not_the_numbers() -> None:
    shuffled = quiz_questions(seed=1)
    assert [q.number for q in shuffled] != [q.number for q in ALL]
    assert sorted(q.number for q in shuffled) == list(range(1, len(ALL) + 1))
    again = quiz_questions(seed=1)
    assert [(q.number, q.choices) for q in shuffled] == [(q.number, q.choices) for q in again]
    for question in shuffled:
        original = find_question(ALL, question.number)
        assert sorted(question.choices) == sorted(original.choices)
        assert answer_question(question) == answer_question(original)
    assert any(q.choices != find_question(ALL, q.number).choices for q in shuffled)


def test_names_and_unknown_numbers() -> None:
    assert choice_name(HEALTHY) == "healthy: no finding"
    assert choice_name("NN101") == "overfitting"
    with pytest.raises(UsageError, match="no question 99: they are numbered from 1 to"):
        find_question(ALL, 99)


def test_values_that_json_lacks_are_read() -> None:
    text = (files("nnlab.analysis") / "quiz_questions.json").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
