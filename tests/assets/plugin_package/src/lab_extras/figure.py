"""`nnlab plot final-loss`: the last value of a metric of each run, as bars."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from nnlab import store
from nnlab.plugins import (
    FigurePlugin,
    PreparedFigure,
    current_runs,
    figure_table,
    freeze_layout,
    new_figure,
    resolve_scope,
    style_context,
)


def prepare(
    db: store.Database, words: Sequence[str], *, metric: str = "val/loss", top: int = 12
) -> PreparedFigure:
    runs = [run.id for run in current_runs(db, resolve_scope(db, words))]
    histories = store.histories(db, runs, [metric])
    last = {run: history.get(metric) for run, history in histories.items()}
    values = sorted((curve.values[-1], run) for run, curve in last.items() if curve)[:top]

    def draw() -> Figure:
        with style_context():
            figure = new_figure(2.2)
            ax = figure.subplots()
            ax.bar([f"run {run}" for _, run in values], [value for value, _ in values])
            ax.set_ylabel(f"Last {metric}")
            freeze_layout(figure)
        return figure

    rows = [(run, value) for value, run in values]
    summary = f"{len(rows)} runs"
    return PreparedFigure(
        draw, figure_table(("run", metric), rows), tuple(run for run, _ in rows), summary
    )


FINAL_LOSS = FigurePlugin(
    name="final-loss",
    summary="Draw the last value of a metric of each run as bars, best first.",
    prepare=prepare,
)
