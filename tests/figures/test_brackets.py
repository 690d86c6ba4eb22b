"""Significance brackets: p values against the best trial, beside rows and above columns."""

import pytest
from figure_checks import assert_plain_text, assert_readable, drawn_texts
from matplotlib.figure import Figure
from scipy import stats

from nnlab.figures.compared_trial import ComparedTrial
from nnlab.figures.draw.brackets import draw_brackets
from nnlab.figures.draw.layout import freeze_layout, new_figure
from nnlab.figures.draw.paper import use_paper
from nnlab.figures.draw.style import style_context
from nnlab.figures.draw.venues import paper_for_venue
from nnlab.figures.kinds.ranking import RankedRow, draw_ranking
from nnlab.figures.significance_brackets import p_text
from nnlab.stats.comparison import compare_with_best

NAMES = ("adam", "sgd", "momentum", "rmsprop")
COMPARED = [ComparedTrial(1, "n.s."), ComparedTrial(2, "p = 0.012"), ComparedTrial(3, "p < 0.001")]


def ranking(lower: bool) -> Figure:
    rows = [
        RankedRow(name, (0.9, 0.92, 0.94), 0.92 - 0.1 * i, 0.02, (0.87, 0.97), 1)
        for i, name in enumerate(NAMES)
    ]
    return draw_ranking(rows, "Accuracy", lower=lower)


@pytest.mark.parametrize("venue", ["neurips", "icml", "poster"])
@pytest.mark.parametrize("lower", [False, True])
def test_brackets_are_beside_the_rows_at_the_better_end(venue: str, lower: bool) -> None:
    with use_paper(paper_for_venue(venue)):
        figure = ranking(lower)
        ax = figure.axes[0]
        low, high = ax.get_xlim()
        assert draw_brackets(figure, len(NAMES), COMPARED, higher=not lower)
    assert ax.get_xlim()[0 if not lower else 1] == pytest.approx(low if not lower else high)
    assert all(low <= tick <= high for tick in ax.get_xticks())
    boxes = {text: box for text, _, box in drawn_texts(figure)}
    limit = ax.transData.transform((high if not lower else low, 0))[0]
    for trial in COMPARED:
        box = boxes[trial.text]
        assert (box.x0 >= limit) if not lower else (box.x1 <= limit)
        row = ax.transData.transform((0, trial.index))[1]
        assert box.y0 < row < box.y1
    assert_readable(figure)
    assert_plain_text(figure)


def test_brackets_are_above_columns() -> None:
    with style_context():
        figure = new_figure(2.2)
        ax = figure.subplots()
        ax.plot(range(4), [0.9, 0.8, 0.7, 0.6], "o")
        ax.set_xticks(range(4), NAMES)
        freeze_layout(figure)
    high = ax.get_ylim()[1]
    assert draw_brackets(figure, 4, COMPARED, higher=True)
    boxes = {text: box for text, _, box in drawn_texts(figure)}
    for trial in COMPARED:
        assert boxes[trial.text].y0 > ax.transData.transform((0, high))[1]
    assert_readable(figure)


def test_axes_without_a_row_per_trial_have_no_brackets() -> None:
    figure = ranking(lower=False)
    assert not draw_brackets(figure, 7, COMPARED, higher=True)


def test_p_values_are_those_of_the_ranking_corrected_for_all_pairs() -> None:
    best = {0: 0.95, 1: 0.94, 2: 0.96, 3: 0.93, 4: 0.95, 5: 0.94}
    others = [
        {0: 0.94, 1: 0.93, 2: 0.955, 3: 0.93, 4: 0.935, 5: 0.93},
        {0: 0.80, 1: 0.85, 2: 0.82, 3: 0.81, 4: 0.84, 5: 0.79},
    ]
    compared = compare_with_best(best, others, higher=True)
    pairs = [(best, others[0]), (best, others[1]), (others[0], others[1])]
    raw = [float(stats.ttest_rel(list(a.values()), list(b.values())).pvalue) for a, b in pairs]
    for comparison, unadjusted in zip(compared, raw, strict=False):
        assert comparison is not None
        assert comparison.adjusted == pytest.approx(min(1.0, 3 * unadjusted), rel=1e-6)
    assert p_text(3 * raw[1], significant=True) == "p < 0.001"
