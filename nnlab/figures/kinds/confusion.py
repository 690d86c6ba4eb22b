"""`nnlab plot confusion`: the confusion matrix of a trained model on a split."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from nnlab import store
from nnlab.figures.kinds.heatmap import HeatmapData, draw_heatmap
from nnlab.figures.predictions import predict_best_trials, test_split_notes
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.stats.class_predictions import count_confusions


def prepare_confusion(
    db: store.Database, words: Sequence[str], *, split: str = "val"
) -> PreparedFigure:
    """The confusion matrix of the run named, or of the best trial's first seed.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: no epoch is finished, the run has no stored weights, or predicts no classes.
    """
    ((title, prediction),) = predict_best_trials(db, words, split, top=1)
    classes = prediction.classes
    counts = count_confusions(
        prediction.targets, prediction.probabilities.argmax(axis=1), len(classes)
    )
    shares = [[n / max(sum(row), 1) for n in row] for row in counts]

    def draw() -> Figure:
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
