"""What a panel of a composed figure shares with the other panels while it is drawn.

`draw/composition.py` sets it; the layout, the legend and the styles of series read it. Outside of a
composed figure it is None, and the functions of this module return their arguments unchanged.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nnlab.figures.draw.legend import LegendEntry


@dataclass(slots=True)
class PanelContext:
    """A panel of a composed figure while it is drawn.

    `min_height` is the smallest height of its axes with their labels, in inches. `shared` are the
    keys of the legend entries that the composed figure has below all panels, None for all entries.
    `series` maps the names of series to their styles, for all panels. `legend` collects the entries
    of the panel.
    """

    series: dict[str, int]
    min_height: float = 0.0
    shared: frozenset[tuple[Any, ...]] | None = frozenset()
    legend: list[list[LegendEntry]] = field(default_factory=list)


_current: ContextVar[PanelContext | None] = ContextVar("current_panel", default=None)


@contextmanager
def use_panel(panel: PanelContext) -> Iterator[None]:
    """A context in which figures are drawn as this panel of a composed figure."""
    token = _current.set(panel)
    try:
        yield
    finally:
        _current.reset(token)


def stretched_height(height: float) -> float:
    """The height in inches, or that of the highest panel in the row of a composed figure."""
    panel = _current.get()
    return height if panel is None else max(height, panel.min_height)


def own_legend_blocks(blocks: Sequence[Sequence[LegendEntry]]) -> list[list[LegendEntry]]:
    """The blocks of a legend without the entries of the legend that all panels share."""
    panel = _current.get()
    if panel is None:
        return [list(block) for block in blocks]
    panel.legend += [list(block) for block in blocks]
    if panel.shared is None:
        return []
    return [[entry for entry in block if entry_key(entry) not in panel.shared] for block in blocks]


def shared_series_index(name: str, index: int) -> int:
    """The index of a series for its colour and marker; that of its name in a composed figure."""
    panel = _current.get()
    if panel is None or not name:
        return index
    return panel.series.setdefault(name, len(panel.series))


def entry_key(entry: LegendEntry) -> tuple[Any, ...]:
    """What makes legend entries the same for a reader: the label, and the look of the sample."""
    handle = entry.handle
    if isinstance(handle, Line2D):
        look: tuple[Any, ...] = (
            to_hex(handle.get_color()),
            handle.get_linestyle(),
            str(handle.get_marker()),
            round(handle.get_linewidth(), 3),
            round(handle.get_markersize(), 3),
            str(handle.get_markerfacecolor()),
        )
    elif isinstance(handle, Patch):
        look = (to_hex(handle.get_facecolor(), keep_alpha=True), handle.get_hatch())
    else:
        look = (id(handle),)
    return (entry.label, handle.get_alpha(), *look)
