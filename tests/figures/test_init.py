"""Histograms of layer outputs."""

import numpy as np
from figure_checks import xs, ys
from matplotlib.patches import Rectangle

from nnlab.figures.kinds.init import InitHistograms, draw_init_histograms

SAMPLE = (0.0, 0.0, 0.0, 1.0, 2.0, 2.0, 4.0)


def test_heights_are_those_of_the_sample_and_lines_the_sds() -> None:
    rows = [
        InitHistograms("small", (0.5, 0.05), {1: SAMPLE, 2: SAMPLE}),
        InitHistograms("zeros", (1.0, 1.0), {1: (0.0, 0.0), 2: SAMPLE}),
    ]
    axes = draw_init_histograms(rows).axes
    first, nothing, sds = axes[0], axes[2], axes[-1]
    heights = [bar.get_height() for bar in first.patches if isinstance(bar, Rectangle)]
    assert heights == np.histogram(SAMPLE, bins=40, range=(0, 4))[0].tolist()
    assert [ax.get_title() for ax in axes[:2]] == ["layer 1", "layer 2"]
    assert not nothing.patches  # all alike: a line where they are
    assert xs(nothing.lines[0]) == (0.0, 0.0)
    assert [ys(line) for line in sds.lines] == [(0.5, 0.05), (1.0, 1.0)]
    assert [xs(line) for line in sds.lines] == [(1, 2), (1, 2)]
    assert sds.get_yscale() == "log"


def test_a_layer_without_any_signal_is_drawn_on_a_plain_scale() -> None:
    sds = draw_init_histograms(
        [InitHistograms("zeros", (1.0, 0.0), {1: SAMPLE, 2: (0.0, 0.0)})]
    ).axes[-1]
    assert sds.get_yscale() == "linear"


def test_of_a_deep_model_some_layers_are_drawn_and_named_by_their_number() -> None:
    row = InitHistograms("deep", (1.0,) * 20, {1: SAMPLE, 11: SAMPLE, 20: SAMPLE})
    axes = draw_init_histograms([row]).axes
    assert [ax.get_title() for ax in axes[:-1]] == ["layer 1", "layer 11", "layer 20"]
    assert len(ys(axes[-1].lines[0])) == 20
