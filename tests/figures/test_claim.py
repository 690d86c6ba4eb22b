"""Figures of claims: one row per comparison, with its interval and region in view."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.text import Text

from nnlab.figures.draw.save import save_figure
from nnlab.figures.kinds.claim import ClaimInterval, draw_claim_intervals

ROW = ClaimInterval("a beats b", "loss of a - b above 0.1", 0.2, 0.15, 0.25, 0.1, None, "supported")


def test_every_comparison_has_a_row_that_shows_interval_and_bound() -> None:
    figure = draw_claim_intervals([ROW, replace(ROW, below=0.4, verdict="cannot tell")])
    assert len(figure.axes) == 2
    for ax in figure.axes:
        low, high = ax.get_xlim()
        assert low < 0.1 < 0.25 < high
        assert [line.get_xdata()[0] for line in ax.lines] == [0.2]  # type: ignore[index]
    assert "supported" in figure.axes[0].get_title(loc="left")


@pytest.mark.parametrize(("low", "high"), [(1.5, 3.0), (0.5, 1e6)])
def test_factors_are_drawn_on_a_logarithmic_axis_in_plain_numbers(low: float, high: float) -> None:
    figure = draw_claim_intervals([replace(ROW, mean=2.0, low=low, high=high, above=1.0, log=True)])
    (ax,) = figure.axes
    figure.canvas.draw()
    assert ax.get_xscale() == "log"
    assert not any("$" in label.get_text() for label in ax.get_xticklabels())


def test_nothing_known_draws_the_region_alone() -> None:
    figure = draw_claim_intervals([replace(ROW, mean=math.nan, low=-math.inf, high=math.inf)])
    assert not figure.axes[0].lines


def test_an_svg_file_has_the_same_bytes_twice(tmp_path: Path) -> None:
    figures = [draw_claim_intervals([ROW]) for _ in range(2)]
    for number, figure in enumerate(figures):
        save_figure(figure, tmp_path / f"{number}.svg", {})
    first, second = ((tmp_path / f"{number}.svg").read_bytes() for number in range(2))
    assert b"clip-path" in first
    assert first == second


def test_no_comparison_is_an_empty_figure() -> None:
    assert draw_claim_intervals([]).axes


def test_the_expected_value_is_in_view_and_named() -> None:
    figure = draw_claim_intervals([replace(ROW, expected=5.0), ROW])
    marked, plain = figure.axes[:2]
    assert marked.get_xlim()[1] > 5.0
    assert 5.0 in [float(line.get_xdata()[0]) for line in marked.lines]  # type: ignore[index,arg-type]
    assert plain.get_xlim()[1] < 5.0
    texts = [text.get_text() for text in figure.findobj(Text)]
    assert "expected if the claim is true" in texts
