"""The colours of results in heatmaps and parallel coordinates: the best has most contrast."""

from matplotlib import colormaps
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap

from nnlab.figures.draw.paper import FigureStyle, current_paper

# Perceptually uniform, with a lightness that only rises: readable in greyscale print and with
# red-green colour blindness (Nuñez, Anderton and Renslow 2018). The end of the background's
# lightness is left out, because lines of that colour are hardly visible.
_COLORMAP, _ON_LIGHT, _ON_DARK = "cividis", (0.0, 0.93), (0.22, 1.0)
_GREYS_ON_LIGHT, _GREYS_ON_DARK = ("#000000", "#CFCFCF"), ("#5A5A5A", "#FFFFFF")
_SHARE_END, _LIGHT_SHARE_END = "#08306B", "#E8EEF7"
_COLORS = 256


def result_colormap(*, lower: bool) -> Colormap:
    """The colours from the smallest to the largest value.

    The best value is darkest on a light background, and lightest on a dark one.

    Args:
        lower: whether lower values are better.
    """
    paper = current_paper()
    is_light = paper.look.background == FigureStyle().background
    if paper.palette == "grey":
        greys = _GREYS_ON_LIGHT if is_light else _GREYS_ON_DARK
        dark_to_light: Colormap = LinearSegmentedColormap.from_list("results", greys)
    else:
        base, (first, last) = colormaps[_COLORMAP], _ON_LIGHT if is_light else _ON_DARK
        shares = [first + (last - first) * index / (_COLORS - 1) for index in range(_COLORS)]
        dark_to_light = ListedColormap([base(share) for share in shares], "results")
    return dark_to_light if lower == is_light else dark_to_light.reversed()


def share_colormap() -> Colormap:
    """The colours of shares from 0 to 1: from the background to the darkest colour."""
    paper = current_paper()
    end = _GREYS_ON_LIGHT[0] if paper.palette == "grey" else _SHARE_END
    is_light = paper.look.background == FigureStyle().background
    ends = (paper.look.background, end if is_light else _LIGHT_SHARE_END)
    return LinearSegmentedColormap.from_list("shares", ends)


def contrasting_ink(color: tuple[float, float, float, float]) -> str:
    """Black or white, whichever has more contrast with the colour."""
    linear = [_linear_light(channel) for channel in color[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    # The contrast ratio of WCAG 2: (lighter + 0.05) / (darker + 0.05).
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#FFFFFF"


def _linear_light(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
