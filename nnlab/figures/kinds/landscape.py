"""`nnlab plot landscape`: the loss around the weights of trained runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.analysis.ranking import plural
from nnlab.config.space import label, telling
from nnlab.errors import UsageError
from nnlab.figures.figure import Picture, numbers
from nnlab.figures.trials import ranked

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
) -> Picture:
    """Lines along random directions and a plane of two, for a run of each of the best trials.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, or a run kept no weights.
    """
    ranking = ranked(db, words, top=top)
    chosen = [row.runs[0] for row in ranking.rows]
    runs = store.runs(db, run_ids=chosen)
    from nnlab.analysis.sensitivity import sensitivity

    found = [
        sensitivity(db, run, examples=examples, grid=grid, directions=directions) for run in runs
    ]
    return picture_of(found)


def picture_of(found: "Sequence[Sensitivity]") -> Picture:
    """What was measured of runs, as a figure.

    Raises:
        UsageError: there are none.
    """
    if not found:
        raise UsageError("no run to draw the loss around")
    titles = titles_of([one.run for one in found])

    def draw() -> "Figure":
        from nnlab.figures.draw.landscape import Slices, landscape

        return landscape(
            [
                Slices(f"run {o.run.id} {titles[o.run.id]}", o.steps, o.lines, o.surface)
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
    return Picture(draw, table, runs, plural(len(runs), "run"))


def titles_of(runs: "Sequence[Run]") -> dict[int, str]:
    """What tells runs apart, by their number."""
    fields = telling([run.trial.setting for run in runs])
    return {run.id: f"{label(run.trial.setting, fields)} seed={run.seed}".strip() for run in runs}
