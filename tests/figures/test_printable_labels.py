"""Text of any origin in figures: what the font cannot draw becomes a box."""

import warnings

from matplotlib.figure import Figure

from nnlab.figures.draw.labels import wrap_to_width


def test_wrapped_text_has_boxes_for_characters_that_the_font_lacks() -> None:
    text = wrap_to_width("ReLU \x1b[31mbeats tanh 漢", 4.0, 9.0)
    assert text == "ReLU □[31mbeats tanh □"
    figure = Figure()
    figure.suptitle(text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.draw_without_rendering()


def test_wrapped_text_may_be_empty() -> None:
    assert wrap_to_width("", 4.0, 9.0) == ""
