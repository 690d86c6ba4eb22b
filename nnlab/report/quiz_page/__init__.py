"""The questions of `nnlab quiz` as one HTML file: to print, or to answer on the screen.

The answers follow the questions, on a page of their own in print, and collapsed on the screen. The
page makes no network requests.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from nnlab.analysis.quiz import (
    LETTERS,
    QuizQuestion,
    answer_question,
    choice_name,
    question_curves,
)
from nnlab.figures.draw.series import Series
from nnlab.report.page.chart import HEIGHT, WIDTH, build_panels
from nnlab.version import nnlab_version

if TYPE_CHECKING:
    import jinja2


def quiz_as_html(questions: Sequence[QuizQuestion]) -> str:
    """The HTML page of some questions with their answers."""
    return _template().render(
        questions=[_question(question) for question in questions],
        version=nnlab_version(),
        style=(files(__package__) / "style.css").read_text(encoding="utf-8"),
        script=(files(__package__) / "script.js").read_text(encoding="utf-8"),
        width=WIDTH,
        height=HEIGHT,
    )


@cache
def _template() -> "jinja2.Template":
    import jinja2  # only for HTML; other formats start faster without it

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    text = (files(__package__) / "template.html").read_text(encoding="utf-8")
    return environment.from_string(text)


def _question(question: QuizQuestion) -> dict[str, Any]:
    """What the template shows of a question."""
    answer = answer_question(question)
    loss = question.setting.get("loss")
    series = [Series("", (question_curves(question),))]
    return {
        "number": question.number,
        "command": question.command,
        "panels": build_panels(series, str(loss) if loss else None),
        "choices": [
            (letter, choice_name(code))
            for letter, code in zip(LETTERS, question.choices, strict=False)
        ],
        "letter": LETTERS[question.choices.index(answer.code)],
        "answer": choice_name(answer.code),
        "code": answer.code,
        "finding": answer.finding,
        "others": answer.others,
    }
