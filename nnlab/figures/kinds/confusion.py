"""`nnlab plot confusion`: the confusion matrix of a trained model on a split."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.figures.predictions import predict_best_trials, test_split_notes
from nnlab.figures.prepared_figure import PreparedFigure, figure_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def prepare_confusion(
    db: store.Database, words: Sequence[str], *, split: str = "val"
) -> PreparedFigure:
    """The confusion matrix of the run named, or of the best trial's first seed.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: no epoch is finished, the run has no stored weights, or predicts no classes.
    """
    ((title, prediction),) = predict_best_trials(db, words, split, top=1)
    from nnlab.stats.class_predictions import count_confusions as counted

    classes = prediction.classes
    counts = counted(prediction.targets, prediction.probabilities.argmax(axis=1), len(classes))
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
        (truth, predicted, count)
        for truth, row in zip(classes, counts, strict=True)
        for predicted, count in zip(classes, row, strict=True)
    ]
    table = figure_table(("true class", "predicted class", "examples"), rows)
    correct = sum(counts[i][i] for i in range(len(classes))) / max(len(prediction.targets), 1)
    summary = f"{title}: {correct:.2%} of {len(prediction.targets)} {split} examples right"
    return PreparedFigure(draw, table, (prediction.run,), summary, test_split_notes(split))
