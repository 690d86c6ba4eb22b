"""x"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.figures.predictions import predict_best_trials, test_split_notes
from nnlab.figures.prepared_figure import PreparedFigure, numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def prepare_confusion(
    db: store.Database, words: Sequence[str], *, split: str = "val"
) -> PreparedFigure:
    """Which classes a run takes for which: the best trial's first seed, or the run named.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, the run kept no weights, or has no classes.
    """
    ((title, of),) = predict_best_trials(db, words, split, top=1)
    from nnlab.stats.class_predictions import count_confusions as counted

    classes = of.classes
    counts = counted(of.targets, of.probabilities.argmax(axis=1), len(classes))
    shares = [[n / max(sum(row), 1) for n in row] for row in counts]

    def draw() -> "Figure":
        from nnlab.figures.kinds.heatmap import HeatmapData, draw_heatmap

        return draw_heatmap(
            HeatmapData(
                classes,
                classes,
                tuple(map(tuple, shares)),
                tuple(tuple(str(n) if n else "" for n in row) for row in counts),
            ),
            y="True class",
            x="Predicted class",
            value="Share of the true class",
            limits=True,
        )

    rows = [
        (truth, taken, count)
        for truth, row in zip(classes, counts, strict=True)
        for taken, count in zip(classes, row, strict=True)
    ]
    table = numbers(("true class", "predicted class", "examples"), rows)
    right = sum(counts[i][i] for i in range(len(classes))) / max(len(of.targets), 1)
    told = f"{title}: {right:.2%} of {len(of.targets)} {split} examples right"
    return PreparedFigure(draw, table, (of.run,), told, test_split_notes(split))
