"""`nnlab plot gap`: training against validation of the best trials."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import load_trial_curves
from nnlab.stats.curve_band import mean_curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def gap(
    db: store.Database, words: Sequence[str], *, metric: str = "loss", top: int = 4
) -> PreparedFigure:
    """Training and validation of a quantity, a panel for each of the `top` best trials.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there.
    """
    quantity = metric.rpartition("/")[2]
    trials = load_trial_curves(db, words, top=top)

    def draw() -> "Figure":
        from nnlab.figures.draw.gap import gap as drawn

        return drawn(trials.series, quantity, trials.loss)

    rows = []
    for one in trials.series:
        train, val = (
            mean_curve([c for h in one.histories if (c := h.get(f"{split}/{quantity}"))])
            for split in ("train", "val")
        )
        at = dict(zip(train.epochs, train.mean, strict=True))
        rows += [
            (one.label, epoch, at.get(epoch), value)
            for epoch, value in zip(val.epochs, val.mean, strict=True)
        ]
    table = numbers(("trial", "epoch", f"train/{quantity}", f"val/{quantity}"), rows)
    return PreparedFigure(draw, table, trials.runs, trials.told, trials.notes)
