"""`nnlab plot confusion`, `calibration` and `examples`: what trained models say of a split."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.analysis.ranking import plural
from nnlab.config.space import label
from nnlab.errors import UsageError
from nnlab.figures.figure import Picture, numbers
from nnlab.figures.trials import ranked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnlab.analysis.predictions import Predictions

_WARNED = "test examples were looked at: what is chosen by them looks better than it is"


def confusion(db: store.Database, words: Sequence[str], *, split: str = "val") -> Picture:
    """Which classes a run takes for which: the best trial's first seed, or the run named.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, the run kept no weights, or has no classes.
    """
    ((title, of),) = _predictions(db, words, split, top=1)
    from nnlab.stats.predictions import confusion as counted

    classes = of.classes
    counts = counted(of.targets, of.probabilities.argmax(axis=1), len(classes))
    shares = [[n / max(sum(row), 1) for n in row] for row in counts]

    def draw() -> "Figure":
        from nnlab.figures.draw.heatmap import Matrix, matrix

        return matrix(
            Matrix(
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
    return Picture(draw, table, (of.run,), told, _notes(split))


def calibration(
    db: store.Database, words: Sequence[str], *, split: str = "val", bins: int = 15, top: int = 2
) -> Picture:
    """Reliability of a run of each of the best trials.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, a run kept no weights, or has no classes.
    """
    found = _predictions(db, words, split, top=top)
    from nnlab.stats.predictions import calibration_error, reliability

    models = []
    for title, of in found:
        binned = reliability(of.probabilities, of.targets, bins)
        models.append((title, of.run, binned, calibration_error(binned)))

    def draw() -> "Figure":
        from nnlab.figures.draw.reliability import Reliability
        from nnlab.figures.draw.reliability import calibration as drawn

        return drawn([Reliability(title, binned, error) for title, _, binned, error in models])

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
    return Picture(draw, numbers(columns, rows), runs, told, _notes(split))


def examples(
    db: store.Database, words: Sequence[str], *, split: str = "val", count: int = 24
) -> Picture:
    """The examples of a split with the largest loss, as they look.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, or the run kept no weights.
    """
    ((title, of),) = _predictions(db, words, split, top=1, classes=False)
    from nnlab.stats.predictions import losses

    lost = losses(of.probabilities, of.targets) if of.classes else of.errors
    order = sorted(range(len(lost)), key=lambda i: (-lost[i], i))[:count]

    def draw() -> "Figure":
        from nnlab.figures.draw.misclassified import Mistake, worst

        return worst(
            [Mistake(of.examples[i], of.truth(i), of.taken_for(i), lost[i]) for i in order],
            signal=of.signal,
        )

    rows = [(of.rows[i], of.truth(i), of.taken_for(i), lost[i]) for i in order]
    table = numbers(("row", "truth", "prediction", "loss"), rows)
    told = f"{title}: {plural(len(order), 'example')} of {len(lost)} {split}"
    return Picture(draw, table, (of.run,), told, _notes(split))


def _predictions(
    db: store.Database, words: Sequence[str], split: str, *, top: int, classes: bool = True
) -> "list[tuple[str, Predictions]]":
    """What a run of each of the best trials says of a split, with the trial's title."""
    ranking = ranked(db, words, top=top)
    from nnlab.analysis.predictions import predictions

    found = []
    for row in ranking.rows:
        (run,) = store.runs(db, run_ids=[row.runs[0]])
        one = predictions(db, run, split)
        if classes and not one.classes:
            raise UsageError(
                f"run {run.id} puts out numbers, not classes",
                hint="nnlab plot examples shows where a regression is farthest off",
            )
        chosen = label(row.setting, ranking.fields)
        found.append((f"run {run.id} {chosen}".strip(), one))
    return found


def _notes(split: str) -> tuple[str, ...]:
    return (_WARNED,) if split == "test" else ()
