"""Figures of layers: the panels of one statistic have one axis, shares reach from 0 to 1."""

import math

from nnlab.figures.draw.paper import Paper, use_paper
from nnlab.figures.kinds.layers import LayerCurves, draw_layers

EPOCHS = (1, 2, 3, 4)


def panel(title: str, quantity: str, *layers: tuple[float, ...]) -> LayerCurves:
    return LayerCurves(
        title, f"probe/{quantity}", {i + 1: (EPOCHS, v) for i, v in enumerate(layers)}
    )


def test_panels_of_one_statistic_share_their_axis() -> None:
    panels = [
        panel("a", "grad_norm", (1.0, 0.9, 0.8, 0.7)),
        panel("a", "dead", (0.01, 0.02, 0.02, 0.03)),
        panel("b", "grad_norm", (0.01, 0.009, 0.008, 0.007)),
        panel("b", "dead", (0.5, 0.6, 0.7, 0.8)),
    ]
    norm_a, dead_a, norm_b, dead_b = draw_layers(panels).axes
    assert norm_a.get_ylim() == norm_b.get_ylim()
    assert (norm_a.get_yscale(), norm_b.get_yscale()) == ("log", "log")
    low, high = dead_a.get_ylim()
    assert (low, high) == dead_b.get_ylim()
    assert -0.1 < low <= 0 < 1 <= high < 1.1
    assert dead_a.get_yscale() == "linear"


def test_a_layer_whose_gradient_is_zero_leaves_the_logarithmic_axis_with_a_word() -> None:
    falling = (1.0, 0.1, 0.01, 0.0)
    (ax,) = draw_layers([panel("a", "grad_norm", falling, (1.0, 0.5, 0.2, 0.1))]).axes
    assert ax.get_yscale() == "log"
    assert ax.get_ylim()[0] > 1e-3
    assert "to 0" in [text.get_text() for text in ax.texts]


def test_an_exploding_layer_does_not_hide_the_others() -> None:
    exploding = (1.0, 1e10, 1e20, 1e30)
    calm = (1.0, 0.9, 0.8, 0.7)
    (ax,) = draw_layers([panel("a", "grad_norm", exploding, calm, calm)]).axes
    assert ax.get_ylim()[1] < 100
    assert "to 10³⁰" in [text.get_text() for text in ax.texts]


def test_values_that_are_not_shares_keep_their_axis() -> None:
    (ax,) = draw_layers([panel("a", "dead", (0.5, 2.0, 3.0, math.nan))]).axes
    assert ax.get_ylim()[1] > 3


def test_layers_contrast_with_a_dark_background() -> None:
    with use_paper(Paper(style="dark")):
        (ax,) = draw_layers([panel("a", "dead", *[(0.1, 0.2, 0.3, 0.4)] * 4)]).axes
    for line in ax.lines:
        red, green, blue, *_ = line.get_color()
        assert 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.3
