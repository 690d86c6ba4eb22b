"""Learning rate figures: every line is labelled, nothing overlaps, the scale fits."""

import numpy as np
import pytest
from figure_checks import assert_readable
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from nnlab.figures.kinds.lr import (
    LearningRateCurve,
    _learning_rate_curves,
    _ScheduledTrial,
    draw_learning_rates,
)
from nnlab.figures.untrained_settings import expand_settings


def line(label: str, peak: float = 0.1, epochs: int = 10) -> LearningRateCurve:
    """Falls in a line to nothing."""
    return LearningRateCurve(
        label,
        tuple(float(t) for t in range(epochs + 1)),
        tuple(peak * (1 - t / epochs) for t in range(epochs + 1)),
    )


CASES = {
    "one": [line("decay=linear")],
    "one epoch": [LearningRateCurve("a", (0.0, 1.0), (0.1, 0.1))],
    "three": [line(f"lr={i}", 0.1 * i) for i in (1, 2, 3)],
    "decades": [line(f"lr={10.0**-i:g}", 10.0**-i) for i in range(5)],
    "thirty": [line(f"decay_rate={i}", 1 + i / 10) for i in range(30)],
    "thirteen": [line(f"decay_rate={i}", 1 + i / 10) for i in range(13)],
    "long names": [line(f"opt=sgd decay=multistep decay_at=0.5,0.75 lr={i}", i) for i in (1, 2)],
    "markup in names": [line("_$x^2$ <b>"), line("$lr$", 0.2)],
}


def names_in(figure: Figure) -> list[str]:
    legends = [entry for entry in figure.findobj(Legend) if isinstance(entry, Legend)]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


@pytest.mark.parametrize("name", CASES)
def test_no_text_overlaps_or_is_clipped(name: str) -> None:
    assert_readable(draw_learning_rates(CASES[name]))


def test_the_axes_are_named() -> None:
    figure = draw_learning_rates(CASES["three"])
    (ax,) = figure.axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Epoch", "Learning rate")
    assert figure.get_figwidth() == 5.5


def test_a_line_is_drawn_as_it_is_given() -> None:
    figure = draw_learning_rates(CASES["one"])
    (drawn,) = figure.axes[0].get_lines()
    assert np.asarray(drawn.get_ydata()).tolist() == list(CASES["one"][0].rates)
    assert drawn.get_drawstyle() == "steps-post"


def test_a_single_line_needs_no_legend() -> None:
    assert names_in(draw_learning_rates(CASES["one"])) == []
    assert names_in(draw_learning_rates(CASES["three"])) == ["lr=1", "lr=2", "lr=3"]


def test_beyond_twelve_the_rest_is_one_entry() -> None:
    assert names_in(draw_learning_rates(CASES["thirty"]))[-2:] == [
        "decay_rate=11",
        "18 other schedules",
    ]
    assert names_in(draw_learning_rates(CASES["thirteen"]))[-1] == "1 other schedule"


def test_rates_that_are_decades_apart_get_a_logarithm_that_ends_near_the_lowest() -> None:
    (ax,) = draw_learning_rates(CASES["decades"]).axes
    assert ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    assert 1e-7 < low < 1e-4
    assert 1 < high < 10


def test_other_rates_start_at_zero() -> None:
    (ax,) = draw_learning_rates(CASES["three"]).axes
    assert ax.get_yscale() == "linear"
    assert ax.get_ylim()[0] <= 0


def test_text_from_users_is_drawn_as_it_is() -> None:
    assert names_in(draw_learning_rates(CASES["markup in names"])) == ["_$x^2$ <b>", "$lr$"]


def study_of(**values: list[object]) -> list[_ScheduledTrial]:
    points = expand_settings(values)
    return [
        _ScheduledTrial(point.config, point.config.lr or 0.0, point.setting, f"trial {i}")
        for i, point in enumerate(points)
    ]


def test_trials_with_one_schedule_share_a_line_that_names_them() -> None:
    trials = study_of(opt=["sgd", "adam"], lr=[0.01, 0.1], decay=["none", "step"], epochs=[5])
    lines = _learning_rate_curves(trials, 10, "trial")
    assert {line.label: len(line.trials) for line in lines} == {
        "lr 0.01 (4 trials)": 4,
        "lr 0.1 (4 trials)": 4,
    }
    assert sorted(name for line in lines for name in line.trials) == [
        f"trial {i}" for i in range(8)
    ]


def test_a_label_has_the_values_that_distinguish_the_schedule() -> None:
    trials = study_of(lr=[0.1], decay=["none", "step", "exp"], l2=[0.0, 0.01], epochs=[5])
    lines = _learning_rate_curves(trials, 10, "setting")
    assert [line.label for line in lines] == [
        "no decay or step decay (4 settings)",
        "exponential decay (2 settings)",
    ]


def test_no_learning_rate_lies_outside_the_axis() -> None:
    rates = [line(f"lr={rate}", rate) for rate in (0.001, 0.03, 30.0)]
    (ax,) = draw_learning_rates(rates).axes
    assert ax.get_ylim()[1] > 30
