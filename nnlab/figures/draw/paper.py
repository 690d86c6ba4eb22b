"""The paper of a figure: its width, fonts, colours and the position of its legend.

`with use_paper(paper): ...` sets it for everything that is drawn inside.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal

SANS: Final = "DejaVu Sans"  # both come with matplotlib, so figures are the same on every machine
SERIF: Final = "STIXGeneral"  # similar to Times
HELVETICA: Final = "Helvetica"  # a compatible font of the system; else DejaVu Sans

LegendPlacement = Literal["direct", "best", "outside", "none"]
LEGEND_PLACEMENTS: Final[tuple[LegendPlacement, ...]] = ("outside", "direct", "best", "none")

# Colours that are distinguishable with the common colour vision deficiencies, as published.
# Okabe and Ito 2008, "Color universal design", without its yellow (too pale for a line on white)
# and with its black last; Tol 2021, "Colour schemes": bright without grey, muted without sand.
PALETTES: Final[Mapping[str, tuple[str, ...]]] = {
    "okabe-ito": ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"),
    "bright": ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377"),
    "muted": (
        "#332288",
        "#CC6677",
        "#117733",
        "#88CCEE",
        "#882255",
        "#44AA99",
        "#999933",
        "#AA4499",
    ),
    "grey": ("#000000", "#7A7A7A", "#404040", "#A3A3A3", "#5E5E5E"),
}
_MIN_LUMINANCE_ON_DARK: Final = 120.0  # of 255; relative luminance
_BASE_FONT_SIZE: Final = 7.0  # points; lengths in this package are for this font size


@dataclass(frozen=True, slots=True)
class FigureStyle:
    """The colours of text, axes, grid and background, and whether the axes form a box."""

    ink: str = "#333333"
    text: str = "#111111"
    grey: str = "#9A9A9A"
    grid: str | None = "#E6E6E6"
    background: str = "#FFFFFF"
    boxed: bool = False

    @property
    def is_dark(self) -> bool:
        """Whether the background is darker than the text."""
        return _luminance(self.background) < _luminance(self.text)


STYLES: Final[Mapping[str, FigureStyle]] = {
    "open": FigureStyle(),
    "boxed": FigureStyle(grid=None, boxed=True),
    "bare": FigureStyle(grid=None),
    "dark": FigureStyle("#D0D0D0", "#F0F0F0", "#8A8A8A", "#3A3A3A", "#16181D"),
}


@dataclass(frozen=True, slots=True)
class Paper:
    """Width in inches, font sizes in points, font family, style, palette, position of the legend.

    `size` is the font size of ticks and legends, `label_size` that of axis labels.
    """

    width: float = 5.5  # a NeurIPS or ICLR page
    size: float = _BASE_FONT_SIZE
    label_size: float = _BASE_FONT_SIZE + 1
    family: str = SANS
    style: str = "open"
    palette: str = "okabe-ito"
    legend: LegendPlacement = "outside"

    @property
    def scale(self) -> float:
        """The factor for lines, markers and panels, which grow with the font size."""
        return self.size / _BASE_FONT_SIZE

    @property
    def look(self) -> FigureStyle:
        """The colours of the style."""
        return STYLES[self.style]

    @property
    def colors(self) -> tuple[str, ...]:
        """The palette, lightened on a dark background."""
        colors = PALETTES[self.palette]
        return tuple(map(_lighten, colors)) if self.look.is_dark else colors


def _lighten(color: str) -> str:
    """The colour, mixed with white until it is light enough to be visible on a dark background."""
    while _luminance(color) < _MIN_LUMINANCE_ON_DARK:
        parts = [part + max(1, (255 - part) // 12) for part in _rgb(color)]
        color = "#" + "".join(f"{min(part, 255):02X}" for part in parts)
    return color


def _luminance(color: str) -> float:
    """The relative luminance of a colour #RRGGBB, from 0 to 255."""
    red, green, blue = _rgb(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


_current: ContextVar[Paper] = ContextVar("current_paper", default=Paper())  # noqa: B039  it is frozen


def current_paper() -> Paper:
    """The paper of the figure that is drawn now."""
    return _current.get()


@contextmanager
def use_paper(paper: Paper) -> Iterator[None]:
    """A context in which figures are drawn for that paper."""
    token = _current.set(paper)
    try:
        yield
    finally:
        _current.reset(token)


def points(size: float) -> float:
    """A font size or line width in points, scaled with the font size of the paper."""
    return size * current_paper().scale


def inches(length: float) -> float:
    """A length in inches, scaled with the font size of the paper."""
    return length * current_paper().scale


def color(index: int) -> str:
    """The colour of the series at `index`."""
    colors = current_paper().colors
    return colors[index % len(colors)]
