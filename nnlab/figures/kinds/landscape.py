"""`nnlab plot landscape`: the loss around the weights of trained runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.config.space import distinguishing_fields, setting_label
from nnlab.errors import UsageError
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import rank_for_figure
from nnlab.io.text import format_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnlab.analysis.sensitivity import Sensitivity
    from nnlab.records import Run


def landscape(
    db: store.Database,
    words: Sequence[str],
    *,
    examples: int = 512,
    grid: int = 21,
    directions: int = 5,
    top: int = 2,
) -> PreparedFigure:
    """Lines along random directions and a plane of two, for a run of each of the best trials.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, or a run kept no weights.
    """
    ranking = rank_for_figure(db, words, top=top)
    chosen = [row.runs[0] for row in ranking.rows]
    runs = store.runs(db, run_ids=chosen)
    from nnlab.analysis.sensitivity import measure_sensitivity

    found = [
        measure_sensitivity(db, run, examples=examples, grid=grid, directions=directions)
        for run in runs
    ]
    return landscape_figure(found)


def landscape_figure(found: "Sequence[Sensitivity]") -> PreparedFigure:
    """What was measured of runs, as a figure.

    Raises:
        UsageError: there are none.
    """
    if not found:
        raise UsageError("no run to draw the loss around")
    titles = run_titles([one.run for one in found])

    def draw() -> "Figure":
        from nnlab.figures.draw.landscape import LandscapeSlices, landscape

        return landscape(
            [
                LandscapeSlices(f"run {o.run.id} {titles[o.run.id]}", o.steps, o.lines, o.surface)
                for o in found
            ]
        )

    rows: list[tuple[int | str | float | None, ...]] = [
        (one.run.id, f"line {number}", step, None, loss)
        for one in found
        for number, line in enumerate(one.lines, start=1)
        for step, loss in zip(one.steps, line, strict=True)
    ]
    rows += [
        (one.run.id, "plane", first, second, loss)
        for one in found
        for second, row in zip(one.steps, one.surface, strict=True)
        for first, loss in zip(one.steps, row, strict=True)
    ]
    runs = tuple(one.run.id for one in found)
    table = numbers(("run", "of", "first step", "second step", "train/loss"), rows)
    return PreparedFigure(draw, table, runs, format_count(len(runs), "run"))


def run_titles(runs: "Sequence[Run]") -> dict[int, str]:
    """What tells runs apart, by their number."""
    fields = distinguishing_fields([run.trial.setting for run in runs])
    return {
        run.id: f"{setting_label(run.trial.setting, fields)} seed={run.seed}".strip()
        for run in runs
    }
