"""`nnlab plot find-decay`: the training loss of a run, and where it no longer falls."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from nnlab import store
from nnlab.analysis.find_decay import METRIC, find_decay
from nnlab.analysis.selection import single_run
from nnlab.errors import UsageError
from nnlab.figures.draw.axis_scales import set_epoch_axis, set_value_axis
from nnlab.figures.draw.display_names import metric_name
from nnlab.figures.draw.labels import wrap_axis_label
from nnlab.figures.draw.layout import freeze_layout, new_figure
from nnlab.figures.draw.paper import color, points
from nnlab.figures.draw.style import style_context
from nnlab.figures.draw.vertical_line import draw_vertical_line
from nnlab.figures.prepared_figure import PreparedFigure, figure_table

_PANEL_HEIGHT = 2.4


def prepare_decay_points(db: store.Database, words: Sequence[str]) -> PreparedFigure:
    """The figure of the training loss of one run without decay.

    Raises:
        UnknownName: no such run.
        UsageError: the words name no single run, or nothing can be suggested for it.
    """
    if len(words) != 1:
        raise UsageError("plot find-decay needs one run", hint="nnlab ls")
    run = single_run(store.find_runs(db, [words[0]]), words[0])
    history = store.history(db, run.id)
    store.check_trained_by_nnlab(run, "suggest a decay of its learning rate")
    suggestion = find_decay(history, run.trial.setting)
    curve = history.get(METRIC)
    losses = tuple(curve.values) if curve else ()
    loss = run.trial.setting.get("loss")
    return PreparedFigure(
        lambda: draw_decay_points(losses, suggestion.epoch, None if loss is None else str(loss)),
        figure_table(("epoch", METRIC), enumerate(losses, start=1)),
        (run.id,),
        f"run {run.id}",
        (suggestion.why,),
    )


def draw_decay_points(
    losses: Sequence[float], stalled: int | None, loss: str | None = None
) -> Figure:
    """A figure of the loss of each epoch; a vertical line is at epoch `stalled`, if given.

    `loss` names the loss in the catalogue.
    """
    with style_context():
        figure = new_figure(_PANEL_HEIGHT)
        ax = figure.subplots()
        epochs = range(1, len(losses) + 1)
        ax.plot(epochs, losses, color=color(0), marker="o", markersize=points(2.0))
        set_epoch_axis(ax, 1, len(losses))
        set_value_axis(ax, losses, losses[:1], log=True)
        if stalled is not None:
            draw_vertical_line(ax, stalled, f"plateau from epoch {stalled}")
        ax.set_xlabel("Epoch")
        ax.set_ylabel(wrap_axis_label(metric_name(METRIC, loss)))
        freeze_layout(figure)
        return figure
