"""The page of a figure: its paper, and the names and limits that its author chose.

`with use_page(options): ...` sets them for everything that is prepared and drawn inside.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from nnlab.errors import UsageError
from nnlab.figures.draw.paper import use_paper
from nnlab.figures.draw.reader_options import (
    AxisLimits,
    ReaderOptions,
    check_reader_options,
    current_reader_options,
    use_reader_options,
)
from nnlab.figures.prepared_figure import PreparedFigure
from nnlab.figures.provenance import COMPOSED_KIND, paper_from_options
from nnlab.stats.uncertainty import DEFAULT_UNCERTAINTY, Uncertainty

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@contextmanager
def use_page(page: Mapping[str, Any]) -> Iterator[None]:
    """A context in which figures are prepared and drawn with the options of a page.

    Raises:
        UnknownName: no such venue, style, palette or position of the legend.
        UsageError: an invalid value.
    """
    with use_paper(paper_from_options(page)), use_reader_options(reader_options(page)):
        yield


def draw_on_page(kind: str, prepared: PreparedFigure) -> "Figure":
    """Draws a prepared figure, with its layout computed, inside `use_page`.

    Raises:
        UnknownName: nothing in the figure has a name that the author renamed or ordered.
        UsageError: an option of the author has no effect on this kind of figure.
    """
    # matplotlib is imported only when a figure is drawn.
    from nnlab.figures.draw.layout import freeze_layout, refuse_collapsed_layout

    # A composition with a chosen layout is drawn as it was requested.
    with nullcontext() if kind == COMPOSED_KIND else refuse_collapsed_layout():
        figure = prepared.draw()
        if figure.get_layout_engine() is not None:
            freeze_layout(figure)
    add_chosen_insets(kind, figure)
    check_reader_options(kind)
    return figure


def add_chosen_insets(kind: str, figure: "Figure") -> None:
    """Adds the insets that the author chose to a figure whose layout is computed.

    Raises:
        UsageError: no panel has curves there.
    """
    limits = current_reader_options().inset
    if limits is None:
        return
    # matplotlib is imported only when a figure is drawn.
    from nnlab.figures.draw.inset import add_insets

    if not add_insets(figure, *limits):
        low, high = limits
        raise UsageError(f"--inset {low:g}..{high:g}: plot {kind} has no curves there")


def reader_options(page: Mapping[str, Any]) -> ReaderOptions:
    """The choices of the author among the options of a page, which are JSON values.

    Raises:
        UsageError: an invalid value.
    """
    uncertainty = str(page.get("uncertainty", DEFAULT_UNCERTAINTY))
    if uncertainty not in set(Uncertainty):
        raise UsageError(f"--uncertainty {uncertainty}: one of {', '.join(Uncertainty)}")
    xlim = page.get("xlim")
    return ReaderOptions(
        uncertainty=Uncertainty(uncertainty),
        rename=dict(_renaming(text) for text in _texts(page, "rename")),
        order=tuple(part for text in _texts(page, "order") for part in _split_names(text)),
        select=_texts(page, "select"),
        title=page.get("title"),
        xlabel=page.get("xlabel"),
        ylabels=_texts(page, "ylabel"),
        xlim=None if xlim is None else _axis_limits("--xlim", str(xlim)),
        inset=_inset_limits(page.get("inset")),
        brackets=bool(page.get("brackets")),
        ylims=tuple(_axis_limits("--ylim", text) for text in _texts(page, "ylim")),
    )


def _texts(page: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = page.get(name, ())
    values: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
    return tuple(map(str, values))


def _split_names(text: str) -> list[str]:
    """The names in a list; names of trials contain commas with spaces, which separate nothing."""
    names: list[str] = []
    for part in text.split(","):
        if part.startswith(" ") and names:
            names[-1] += f",{part}"
        else:
            names.append(part)
    return names


def _renaming(text: str) -> tuple[str, str]:
    """The old and the new name of `OLD=NEW`; the last `=` separates them."""
    old, has_new, new = text.rpartition("=")
    if not has_new or not old:
        raise UsageError(f"--rename {text}: needs OLD=NEW", hint='--rename "adam=Our method"')
    return old, new


def _axis_limits(option: str, text: str) -> AxisLimits:
    """The ends of `LOW..HIGH`, `LOW..` or `..HIGH`."""
    low, dots, high = text.partition("..")
    try:
        ends = tuple(float(end) if end else None for end in (low, high))
    except ValueError:
        ends = ()
    if not dots or not ends or ends == (None, None) or not all(_is_finite(e) for e in ends):
        raise UsageError(
            f"{option} {text}: needs LOW..HIGH", hint=f"{option} 0..10 or {option} 0.."
        )
    first, last = ends
    if first is not None and last is not None and first >= last:
        raise UsageError(f"{option} {text}: the first end must be smaller")
    return first, last


def _inset_limits(text: str | None) -> tuple[float, float] | None:
    """The ends of an inset, both of which are needed."""
    if text is None:
        return None
    low, high = _axis_limits("--inset", str(text))
    if low is None or high is None:
        raise UsageError(f"--inset {text}: needs both ends", hint="--inset 8..10")
    return low, high


def _is_finite(end: float | None) -> bool:
    return end is None or math.isfinite(end)
