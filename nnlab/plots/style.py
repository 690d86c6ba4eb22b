"""The one look of all figures: colours, markers, type, and settings that make bytes repeat."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, Literal

import matplotlib as mpl

# Okabe and Ito 2008, "Color universal design", without its yellow (too pale for a line on
# white) and with its black last: told apart with any of the common colour vision deficiencies.
PALETTE: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Colours repeat after seven, markers after twelve: the pair is unique far beyond what a reader
# can follow, and markers tell series apart in grey print.
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "*", "h")
GREY: Final = "#9A9A9A"
INK: Final = "#333333"
# The split of a curve is told by its dash, whatever its colour.
Dash = Literal["-"] | tuple[float, tuple[float, ...]]
DASHES: Final[Mapping[str, Dash]] = {
    "train": (0, (3.2, 1.4)),
    "val": "-",
    "test": (0, (4, 1.2, 1, 1.2)),
}

# Text width of a NeurIPS or ICLR page, inches.
WIDTH: Final = 5.5
SMALL: Final = 7.0  # points; labels of the axes are one larger

_PARAMS: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": SMALL,
    "axes.labelsize": SMALL + 1,
    "axes.linewidth": 0.6,
    "axes.edgecolor": "#333333",
    "axes.labelcolor": "#111111",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.5,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.2,
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "figure.constrained_layout.use": False,
    "text.usetex": False,
    "pdf.fonttype": 42,  # TrueType; journals refuse Type 3
    "ps.fonttype": 42,
    "pdf.use14corefonts": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "nnlab",  # ids inside the file are random without it
}


def style() -> AbstractContextManager[None]:
    """A context with nnlab's style and nothing of the user's own matplotlibrc."""
    settings: Any = {**_defaults(), **_PARAMS}
    context: AbstractContextManager[None] = mpl.rc_context(settings)
    return context


def color(index: int) -> str:
    """The colour of the series at `index`."""
    return PALETTE[index % len(PALETTE)]


def marker(index: int) -> str:
    """The marker of the series at `index`."""
    return MARKERS[index % len(MARKERS)]


def _defaults() -> dict[str, Any]:
    """Matplotlib's own defaults, but for the backend: setting that would start one."""
    return {key: value for key, value in mpl.rcParamsDefault.items() if key not in _GLOBAL}


_GLOBAL: Final = frozenset({"backend", "backend_fallback", "interactive", "toolbar", "timezone"})
