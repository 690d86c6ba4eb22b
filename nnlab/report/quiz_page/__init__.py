"""The questions of `nnlab quiz` as one HTML file: to print, or to answer on the screen.

The answers follow the questions, on a page of their own in print, and collapsed on the screen. The
page makes no network requests.
"""

from collections.abc import Mapping, Sequence
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
from nnlab.report.page.chart import build_charts
from nnlab.version import nnlab_version
from nnlab.web.assets import asset_text
from nnlab.web.page_frame import build_page_frame

if TYPE_CHECKING:
    import jinja2


def quiz_as_html(questions: Sequence[QuizQuestion]) -> str:
    """The HTML page of some questions with their answers."""
    charts: list[Mapping[str, Any]] = []
    own_style = (files(__package__) / "style.css").read_text(encoding="utf-8")
    style = asset_text("shared/style.css") + own_style
    return _template().render(
        questions=[_question(question, charts) for question in questions],
        version=nnlab_version(),
        frame=build_page_frame("report/quiz.js", style=style, data={"charts": charts}),
    )


@cache
def _template() -> "jinja2.Template":
    import jinja2  # only for HTML; other formats start faster without it

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    text = (files(__package__) / "template.html").read_text(encoding="utf-8")
    return environment.from_string(text)


def _question(question: QuizQuestion, charts: list[Mapping[str, Any]]) -> dict[str, Any]:
    """What the template shows of a question; its charts are added to those of the page."""
    answer = answer_question(question)
    loss = question.setting.get("loss")
    series = [Series("", (question_curves(question),))]
    first = len(charts)
    charts += build_charts(series, str(loss) if loss else None)
    return {
        "number": question.number,
        "command": question.command,
        "charts": list(range(first, len(charts))),
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
