"""The shared style at large type and on a dark background."""

from typing import Any

import matplotlib as mpl
import pytest
from figure_checks import assert_readable
from matplotlib.colors import to_rgb

from nnlab.figures.draw.paper import PALETTES, Paper, use_paper
from nnlab.figures.draw.style import style_context
from nnlab.figures.draw.venues import paper_for_venue
from nnlab.figures.kinds.layers import LayerCurves, draw_layers


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours of the Web Content Accessibility Guidelines."""
    luminances = []
    for color in (first, second):
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)
        ]
        luminances.append(sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True)))
    low, high = sorted(luminances)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", PALETTES)
def test_every_colour_is_visible_on_a_dark_background(palette: str) -> None:
    paper = Paper(style="dark", palette=palette)
    assert paper.look.is_dark
    assert not Paper().look.is_dark
    for color in (*paper.colors, paper.look.ink, paper.look.text, paper.look.grey):
        assert contrast(color, paper.look.background) >= 4.0, color


def test_lengths_grow_with_the_type() -> None:
    names = ("lines.markeredgewidth", "axes.labelpad", "xtick.major.pad", "hatch.linewidth")
    with style_context():
        settings: Any = mpl.rcParams
        normal = [settings[name] for name in names]
    poster = paper_for_venue("poster")
    with use_paper(poster), style_context():
        settings = mpl.rcParams
        large = [settings[name] for name in names]
    assert large == pytest.approx([poster.scale * length for length in normal])


@pytest.mark.parametrize("venue", ["beamer", "poster", "icml"])
def test_a_label_that_is_longer_than_its_panel_is_wrapped(venue: str) -> None:
    curves = {1: (range(1, 9), [0.001 * e for e in range(1, 9)])}
    panels = [LayerCurves("a", f"probe/{name}", curves) for name in ("grad_norm", "update_ratio")]
    with use_paper(paper_for_venue(venue)):
        assert_readable(draw_layers(panels))
