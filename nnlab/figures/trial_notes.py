"""Notes on figures of curves: seeds that diverged or overfit, and means on a logarithmic axis."""

from collections.abc import Iterator, Mapping, Sequence

from nnlab.figures.draw.axis_exits import has_diverged
from nnlab.figures.draw.display_names import quantity_name
from nnlab.figures.draw.panel_curves import PanelCurves
from nnlab.figures.draw.series import Series, onset_text
from nnlab.io.text import format_count

_MAX_NAMED = 6  # trials that have a note of their own


def scale_notes(
    panels: Mapping[str, PanelCurves], loss: str | None, log: bool | None = None
) -> Iterator[str]:
    """Notes that the mean on a logarithmic axis is geometric, or why the axis is not logarithmic.

    `log` says whether the author asked for a logarithmic axis.
    """
    for quantity, panel in panels.items():
        if log and not panel.is_log:
            name = quantity_name(quantity, loss)
            yield f"{name}: linear axis, because not all values are above 0"
        if panel.is_log and any(max(curve.band.n) > 1 for curve in panel.curves):
            yield (
                f"{quantity_name(quantity, loss)}: on the logarithmic axis, geometric means, and"
                " bands of the logarithms"
            )


def divergence_notes(series: Sequence[Series]) -> Iterator[str]:
    """How many seeds of each trial diverged; nothing for trials without such a seed."""
    counts = [(trial, sum(map(has_diverged, trial.histories))) for trial in series]
    yield from _named_notes(
        [
            (trial.label, f"{count} of {format_count(len(trial.histories), 'seed')} diverged")
            for trial, count in counts
            if count
        ]
    )


def onset_notes(series: Sequence[Series]) -> Iterator[str]:
    """How many seeds of each trial overfit or plateau, and from which epoch."""
    yield from _named_notes(
        [(trial.label, text) for trial in series if (text := onset_text(trial))]
    )


def _named_notes(notes: Sequence[tuple[str, str]]) -> Iterator[str]:
    for label, text in notes[:_MAX_NAMED]:
        yield f"{label}: {text}" if label else text
    if len(notes) > _MAX_NAMED:
        yield f"so in {format_count(len(notes) - _MAX_NAMED, 'more trial')}"
