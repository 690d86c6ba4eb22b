"""Labels of the axes of the charts in HTML pages."""

import pytest

from nnlab.analysis.quiz import question_curves, quiz_questions
from nnlab.figures.draw.series import Series
from nnlab.report.page.chart import build_panels


@pytest.mark.parametrize("number", range(1, 16))
def test_the_values_of_an_axis_have_different_labels(number: int) -> None:
    (question,) = [q for q in quiz_questions() if q.number == number]
    for panel in build_panels([Series("", (question_curves(question),))], "cross_entropy"):
        labels = [tick.text for tick in panel.y_ticks]
        assert len(set(labels)) == len(labels) >= 2
        assert [float(label) for label in labels] == sorted(map(float, labels))


def test_close_values_have_the_digits_that_distinguish_them() -> None:
    (question,) = [q for q in quiz_questions() if "--init zeros" in q.command]
    loss, _ = build_panels([Series("", (question_curves(question),))], "cross_entropy")
    assert [tick.text for tick in loss.y_ticks] == ["2.30255", "2.3026", "2.30265", "2.3027"]
