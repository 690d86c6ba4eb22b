"""`nnlab plot confusion`, `calibration` and `examples`: what trained models say of a split."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.config.space import setting_label
from nnlab.errors import UsageError
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import rank_for_figure
from nnlab.io.text import format_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnlab.analysis.predictions import Predictions

_TEST_SPLIT_WARNING = "test examples were looked at: what is chosen by them looks better than it is"


def confusion(db: store.Database, words: Sequence[str], *, split: str = "val") -> PreparedFigure:
    """Which classes a run takes for which: the best trial's first seed, or the run named.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, the run kept no weights, or has no classes.
    """
    ((title, of),) = _predict_best_trials(db, words, split, top=1)
    from nnlab.stats.class_predictions import count_confusions as counted

    classes = of.classes
    counts = counted(of.targets, of.probabilities.argmax(axis=1), len(classes))
    shares = [[n / max(sum(row), 1) for n in row] for row in counts]

    def draw() -> "Figure":
        from nnlab.figures.draw.heatmap import HeatmapData, matrix

        return matrix(
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
    return PreparedFigure(draw, table, (of.run,), told, _test_split_notes(split))


def calibration(
    db: store.Database, words: Sequence[str], *, split: str = "val", bins: int = 15, top: int = 2
) -> PreparedFigure:
    """Reliability of a run of each of the best trials.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, a run kept no weights, or has no classes.
    """
    found = _predict_best_trials(db, words, split, top=top)
    from nnlab.stats.class_predictions import expected_calibration_error, reliability_bins

    models = []
    for title, of in found:
        binned = reliability_bins(of.probabilities, of.targets, bins)
        models.append((title, of.run, binned, expected_calibration_error(binned)))

    def draw() -> "Figure":
        from nnlab.figures.draw.reliability import ReliabilityDiagram
        from nnlab.figures.draw.reliability import calibration as drawn

        return drawn(
            [ReliabilityDiagram(title, binned, error) for title, _, binned, error in models]
        )

    rows = [
        (run, one.low, one.high, one.confidence, one.right, *one.interval, one.count)
        for _, run, binned, _ in models
        for one in binned
    ]
    columns = ("run", "from", "to", "confidence", "right", "low", "high", "examples")
    runs = tuple(of.run for _, of in found)
    told = "; ".join(
        f"run {run}: expected calibration error {error:.3f}" for _, run, _, error in models
    )
    return PreparedFigure(draw, numbers(columns, rows), runs, told, _test_split_notes(split))


def examples(
    db: store.Database, words: Sequence[str], *, split: str = "val", count: int = 24
) -> PreparedFigure:
    """The examples of a split with the largest loss, as they look.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, or the run kept no weights.
    """
    ((title, of),) = _predict_best_trials(db, words, split, top=1, classes=False)
    from nnlab.stats.class_predictions import cross_entropy_losses

    lost = cross_entropy_losses(of.probabilities, of.targets) if of.classes else of.errors
    order = sorted(range(len(lost)), key=lambda i: (-lost[i], i))[:count]

    def draw() -> "Figure":
        from nnlab.figures.draw.misclassified import Mistake, draw_mistakes

        return draw_mistakes(
            [Mistake(of.examples[i], of.truth(i), of.predicted(i), lost[i]) for i in order],
            signal=of.signal,
        )

    rows = [(of.rows[i], of.truth(i), of.predicted(i), lost[i]) for i in order]
    table = numbers(("row", "truth", "prediction", "loss"), rows)
    told = f"{title}: {format_count(len(order), 'example')} of {len(lost)} {split}"
    return PreparedFigure(draw, table, (of.run,), told, _test_split_notes(split))


def _predict_best_trials(
    db: store.Database, words: Sequence[str], split: str, *, top: int, classes: bool = True
) -> "list[tuple[str, Predictions]]":
    """What a run of each of the best trials says of a split, with the trial's title."""
    ranking = rank_for_figure(db, words, top=top)
    from nnlab.analysis.predictions import predict_split

    found = []
    for row in ranking.rows:
        (run,) = store.runs(db, run_ids=[row.runs[0]])
        one = predict_split(db, run, split)
        if classes and not one.classes:
            raise UsageError(
                f"run {run.id} puts out numbers, not classes",
                hint="nnlab plot examples shows where a regression is farthest off",
            )
        chosen = setting_label(row.setting, ranking.fields)
        found.append((f"run {run.id} {chosen}".strip(), one))
    return found


def _test_split_notes(split: str) -> tuple[str, ...]:
    return (_TEST_SPLIT_WARNING,) if split == "test" else ()
