"""What a figure is printed on: its width, its type, its colours, where its legend stands.

Set once around everything that is drawn: `with on(paper): ...`, as matplotlib's own settings are.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal

SANS: Final = "DejaVu Sans"  # both come with matplotlib: a figure is the same on every machine
SERIF: Final = "STIXGeneral"  # of the width and colour of Times

LegendPlacement = Literal["direct", "best", "outside", "none"]
LEGEND_PLACEMENTS: Final[tuple[LegendPlacement, ...]] = ("outside", "direct", "best", "none")

# Colours that are told apart with any of the common colour vision deficiencies, as published.
# Okabe and Ito 2008, "Color universal design", without its yellow (too pale for a line on white)
# and with its black last; Tol 2021, "Colour schemes", the bright one without its grey and the
# muted one without its pale sand.
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
_MIN_LUMINANCE_ON_DARK: Final = 120.0  # of 255, weighted as the eye does
_BASE_FONT_SIZE: Final = 7.0  # points, of the type that the widths in this package are made for


@dataclass(frozen=True, slots=True)
class FigureStyle:
    """The colours around the data, and what frames it."""

    ink: str = "#333333"
    text: str = "#111111"
    grey: str = "#9A9A9A"
    grid: str | None = "#E6E6E6"
    ground: str = "#FFFFFF"
    boxed: bool = False


STYLES: Final[Mapping[str, FigureStyle]] = {
    "open": FigureStyle(),
    "boxed": FigureStyle(grid=None, boxed=True),
    "bare": FigureStyle(grid=None),
    "dark": FigureStyle("#D0D0D0", "#F0F0F0", "#8A8A8A", "#3A3A3A", "#16181D"),
}


@dataclass(frozen=True, slots=True)
class Paper:
    """Width in inches, sizes of type in points, a family of type, colours, place of the legend.

    `size` is that of ticks and legends, `label_size` that of the axes' names.
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
        """Of lines, marks and panels: larger type wants stronger lines."""
        return self.size / _BASE_FONT_SIZE

    @property
    def look(self) -> FigureStyle:
        """The style by its name."""
        return STYLES[self.style]

    @property
    def colors(self) -> tuple[str, ...]:
        """The palette, as it is seen on the ground."""
        colors = PALETTES[self.palette]
        return tuple(_lighten_on_dark(one, self.look.ground) for one in colors)


def _lighten_on_dark(color: str, ground: str) -> str:
    """The colour, on a dark ground mixed with white until it is as light as can be seen there."""
    if ground == FigureStyle().ground:
        return color
    parts = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    while 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] < _MIN_LUMINANCE_ON_DARK:
        parts = [part + max(1, (255 - part) // 12) for part in parts]
    return "#" + "".join(f"{min(part, 255):02X}" for part in parts)


_current: ContextVar[Paper] = ContextVar("current_paper", default=Paper())  # noqa: B039  it is frozen


def current_paper() -> Paper:
    """The paper that is drawn on now."""
    return _current.get()


@contextmanager
def use_paper(chosen: Paper) -> Iterator[None]:
    """Everything drawn inside is drawn on that paper."""
    token = _current.set(chosen)
    try:
        yield
    finally:
        _current.reset(token)


def points(size: float) -> float:
    """A size in points, of type or of a line, as the paper's type scales it."""
    return size * current_paper().scale


def inches(length: float) -> float:
    """A length beside the paper's width, as the paper's type scales it."""
    return length * current_paper().scale


def color(index: int) -> str:
    """The colour of the series at `index`."""
    colors = current_paper().colors
    return colors[index % len(colors)]
