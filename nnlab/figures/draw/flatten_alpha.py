"""Replaces transparency by opaque colours for EPS files; PostScript has no transparency."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib.artist import Artist
from matplotlib.collections import Collection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch


@contextmanager
def flatten_alpha(figure: Figure) -> Iterator[None]:
    """A context in which transparent artists have the opaque colour they show on the background."""
    background = to_rgb(figure.get_facecolor())
    changed: list[tuple[Artist, float | None, list[tuple[Callable[[Any], None], Any]]]] = []
    for artist in figure.findobj():
        alpha = artist.get_alpha()
        if isinstance(alpha, int | float) and alpha < 1:
            colors = _color_setters(artist)
            changed.append((artist, alpha, colors))
            artist.set_alpha(None)
            for set_color, color in colors:
                set_color(_blend(color, float(alpha), background))
    try:
        yield
    finally:
        for artist, alpha, colors in changed:
            for set_color, color in colors:
                set_color(color)
            artist.set_alpha(alpha)


def _color_setters(artist: Artist) -> list[tuple[Callable[[Any], None], Any]]:
    """The setter of each colour of an artist, with the current colour."""
    if isinstance(artist, Line2D):
        return [(artist.set_color, artist.get_color())]
    if isinstance(artist, Collection | Patch):
        return [(artist.set_facecolor, artist.get_facecolor())]
    return []


def _blend(color: Any, alpha: float, background: tuple[float, float, float]) -> Any:
    """A colour, or the colours of a collection, blended with the background."""
    if not isinstance(color, str) and getattr(color, "ndim", 1) == 2:
        return [_blend(tuple(row), alpha, background) for row in color]
    return tuple(
        alpha * part + (1 - alpha) * background_part
        for part, background_part in zip(to_rgb(color), background, strict=True)
    )
