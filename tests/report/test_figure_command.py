"""The command that a figure's file holds: it draws the same figure again."""

from nnlab.figures.provenance import Asked, command_of


def test_the_command_of_a_figure_keeps_every_digit() -> None:
    asked = Asked("curves", ("s",), {"target": 0.123456789, "settings": {"lr": 2 / 3}})
    assert "--target 0.123456789" in command_of(asked)
    assert "--lr 0.6666666666666666" in command_of(asked)
    assert "--width 5.5" in command_of(Asked("curves", (), {}, {"width": 5.5}))
