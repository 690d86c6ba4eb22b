"""A figure without transparency, for PostScript, which has none."""

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
    """Inside, what shines through is drawn in the colour that it has on an empty ground."""
    ground = to_rgb(figure.get_facecolor())
    changed: list[tuple[Artist, float | None, list[tuple[Callable[[Any], None], Any]]]] = []
    for artist in figure.findobj():
        alpha = artist.get_alpha()
        if isinstance(alpha, int | float) and alpha < 1:
            colors = _color_setters(artist)
            changed.append((artist, alpha, colors))
            artist.set_alpha(None)
            for put, color in colors:
                put(_blend(color, float(alpha), ground))
    try:
        yield
    finally:
        for artist, alpha, colors in changed:
            for put, color in colors:
                put(color)
            artist.set_alpha(alpha)


def _color_setters(artist: Artist) -> list[tuple[Callable[[Any], None], Any]]:
    """What sets each colour of an artist, and what it is."""
    if isinstance(artist, Line2D):
        return [(artist.set_color, artist.get_color())]
    if isinstance(artist, Collection | Patch):
        return [(artist.set_facecolor, artist.get_facecolor())]
    return []


def _blend(color: Any, alpha: float, ground: tuple[float, float, float]) -> Any:
    """One colour, or the colours of a collection, on the ground."""
    if not isinstance(color, str) and getattr(color, "ndim", 1) == 2:
        return [_blend(tuple(one), alpha, ground) for one in color]
    return tuple(
        alpha * part + (1 - alpha) * behind
        for part, behind in zip(to_rgb(color), ground, strict=True)
    )
