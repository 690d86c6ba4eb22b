"""The command in a figure's provenance draws the same figure again."""

from nnlab.figures.provenance import FigureRequest, plot_command


def test_the_command_of_a_figure_keeps_every_digit() -> None:
    requested = FigureRequest("curves", ("s",), {"target": 0.123456789, "settings": {"lr": 2 / 3}})
    assert "--target 0.123456789" in plot_command(requested)
    assert "--lr 0.6666666666666666" in plot_command(requested)
    assert "--width 5.5" in plot_command(FigureRequest("curves", (), {}, {"width": 5.5}))
