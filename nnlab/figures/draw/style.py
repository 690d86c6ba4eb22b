"""The look of all figures as matplotlib's settings, and settings that make bytes repeat."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, Literal

import matplotlib as mpl

from nnlab.figures.draw.paper import SANS, Paper, current_paper

# Colours repeat after five to eight, markers after twelve: the pair is unique far beyond what a
# reader can follow, and markers tell series apart in grey print.
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "*", "h")
# The split of a curve is told by its dash, whatever its colour.
Dash = Literal["-"] | tuple[float, tuple[float, ...]]
DASHES: Final[Mapping[str, Dash]] = {
    "train": (0, (3.2, 1.4)),
    "val": "-",
    "test": (0, (4, 1.2, 1, 1.2)),
}
REFERENCE_DASHES: Final = (0, (3, 2))  # of a line that is a reference, not data
# Of the epoch from which a trial overfits, or validation stands still.
OVERFITTING_LINE: Final = ":"
PLATEAU_LINE: Final = "-."

_FIXED_SETTINGS: Final[dict[str, Any]] = {
    "axes.axisbelow": True,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "figure.constrained_layout.use": False,
    "text.usetex": False,
    "text.parse_math": False,  # `$` in a name is a dollar
    "pdf.fonttype": 42,  # TrueType; journals refuse Type 3
    "ps.fonttype": 42,
    "pdf.use14corefonts": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "nnlab",  # ids inside the file are random without it
}


def style_context() -> AbstractContextManager[None]:
    """A context with the settings of the paper and nothing of the user's own matplotlibrc."""
    settings: Any = {
        **_matplotlib_defaults(),
        **_FIXED_SETTINGS,
        **_paper_settings(current_paper()),
    }
    context: AbstractContextManager[None] = mpl.rc_context(settings)
    return context


def marker(index: int) -> str:
    """The marker of the series at `index`."""
    return MARKERS[index % len(MARKERS)]


def _paper_settings(chosen: Paper) -> dict[str, Any]:
    look, scale = chosen.look, chosen.scale
    return {
        # The second family draws what the first one lacks.
        "font.family": list(dict.fromkeys((chosen.family, SANS))),
        "font.size": chosen.size,
        "axes.titlesize": chosen.label_size,
        "axes.labelsize": chosen.label_size,
        "axes.linewidth": 0.6 * scale,
        "axes.edgecolor": look.ink,
        "axes.labelcolor": look.text,
        "axes.titlecolor": look.text,
        "axes.facecolor": look.ground,
        "figure.facecolor": look.ground,
        "text.color": look.text,
        "axes.spines.top": look.boxed,
        "axes.spines.right": look.boxed,
        "axes.grid": look.grid is not None,
        "grid.color": look.grid or look.ground,
        "grid.linewidth": 0.5 * scale,
        "xtick.labelsize": chosen.size,
        "ytick.labelsize": chosen.size,
        "xtick.color": look.ink,
        "ytick.color": look.ink,
        "xtick.direction": "in" if look.boxed else "out",
        "ytick.direction": "in" if look.boxed else "out",
        "xtick.major.width": 0.6 * scale,
        "ytick.major.width": 0.6 * scale,
        "xtick.major.size": 2.5 * scale,
        "ytick.major.size": 2.5 * scale,
        "legend.fontsize": chosen.size,
        "lines.linewidth": 1.3 * scale,
        "lines.markersize": 3.2 * scale,
    }


def _matplotlib_defaults() -> dict[str, Any]:
    """Matplotlib's own defaults, but for the backend: setting that would start one."""
    return {
        key: value for key, value in mpl.rcParamsDefault.items() if key not in _EXCLUDED_SETTINGS
    }


_EXCLUDED_SETTINGS: Final = frozenset(
    {"backend", "backend_fallback", "interactive", "toolbar", "timezone"}
)
