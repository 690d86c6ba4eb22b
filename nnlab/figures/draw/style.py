"""The matplotlib settings of all figures, including those that make files reproducible."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, Literal

import matplotlib as mpl
from cycler import cycler

from nnlab.figures.draw.fonts import font_families
from nnlab.figures.draw.paper import Paper, current_paper

# Colours repeat after five to eight series, markers after twelve, so the pair is unique for more
# series than a reader can follow. Markers also distinguish series in greyscale print.
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "*", "h")
# The line style of each split.
Dash = Literal["-"] | tuple[float, tuple[float, ...]]
DASHES: Final[Mapping[str, Dash]] = {
    "train": (0, (3.2, 1.4)),
    "val": "-",
    "test": (0, (4, 1.2, 1, 1.2)),
}
REFERENCE_DASHES: Final = (0, (3, 2))  # for reference lines, which are not data
# The vertical lines at the onset of overfitting and of a validation plateau.
OVERFITTING_LINE: Final = ":"
PLATEAU_LINE: Final = "-."

_FIXED_SETTINGS: Final[dict[str, Any]] = {
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,  # a number to add to all ticks is easily overlooked
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "figure.constrained_layout.use": False,
    "text.usetex": False,
    # Hinted letters are narrower at the resolution of the layout than at that of the file.
    "text.hinting": "no_hinting",
    "text.parse_math": False,  # a `$` in a name is no formula
    "pdf.fonttype": 42,  # TrueType; journals refuse Type 3
    "ps.fonttype": 42,
    "pdf.use14corefonts": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "nnlab",  # otherwise ids in the file are random
}


def style_context() -> AbstractContextManager[None]:
    """A context with the settings of the current paper, independent of the user's matplotlibrc."""
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


def _paper_settings(paper: Paper) -> dict[str, Any]:
    look, scale = paper.look, paper.scale
    return {
        # The second family is used for characters that the first lacks.
        "font.family": list(font_families(paper.family)),
        "font.size": paper.size,
        "axes.titlesize": paper.label_size,
        "axes.titlepad": 6.0 * scale,
        "axes.labelpad": 4.0 * scale,
        "axes.prop_cycle": cycler(color=paper.colors),
        "axes.labelsize": paper.label_size,
        "axes.linewidth": 0.6 * scale,
        "axes.edgecolor": look.ink,
        "axes.labelcolor": look.text,
        "axes.titlecolor": look.text,
        "axes.facecolor": look.background,
        "figure.facecolor": look.background,
        "text.color": look.text,
        "axes.spines.top": look.boxed,
        "axes.spines.right": look.boxed,
        "axes.grid": look.grid is not None,
        "grid.color": look.grid or look.background,
        "grid.linewidth": 0.5 * scale,
        "xtick.labelsize": paper.size,
        "ytick.labelsize": paper.size,
        "xtick.color": look.ink,
        "ytick.color": look.ink,
        "xtick.direction": "in" if look.boxed else "out",
        "ytick.direction": "in" if look.boxed else "out",
        "xtick.major.pad": 3.5 * scale,
        "ytick.major.pad": 3.5 * scale,
        "xtick.major.width": 0.6 * scale,
        "ytick.major.width": 0.6 * scale,
        "xtick.major.size": 2.5 * scale,
        "ytick.major.size": 2.5 * scale,
        "legend.fontsize": paper.size,
        "lines.linewidth": 1.3 * scale,
        "lines.markersize": 3.2 * scale,
        "lines.markeredgewidth": 1.0 * scale,
        "patch.linewidth": 0.6 * scale,
        "patch.edgecolor": look.ink,
        "hatch.linewidth": 0.6 * scale,
        **{f"boxplot.{part}props.color": look.ink for part in ("box", "whisker", "cap")},
        "boxplot.flierprops.markeredgecolor": look.ink,
        **{f"boxplot.{part}props.linewidth": 0.6 * scale for part in ("box", "whisker", "cap")},
    }


def _matplotlib_defaults() -> dict[str, Any]:
    """The defaults of matplotlib without the backend, because setting it would load it."""
    return {
        key: value for key, value in mpl.rcParamsDefault.items() if key not in _EXCLUDED_SETTINGS
    }


_EXCLUDED_SETTINGS: Final = frozenset(
    {"backend", "backend_fallback", "interactive", "toolbar", "timezone"}
)
