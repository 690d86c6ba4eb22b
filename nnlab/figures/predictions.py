"""Predictions of the best trials on a split, for the kinds of figures that evaluate models."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.errors import UsageError
from nnlab.figures.trials import rank_for_figure, trial_title

if TYPE_CHECKING:
    from nnlab.analysis.predictions import Predictions


_TEST_SPLIT_WARNING = (
    "shows test data: results that were selected with its help are no longer unbiased estimates"
)


def predict_best_trials(
    db: store.Database, words: Sequence[str], split: str, *, top: int, classes: bool = True
) -> "list[tuple[str, Predictions]]":
    """The title and the predictions of the first run of each of the best trials.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: no epoch is finished, a run has no stored weights, or `classes` is true and a
            run predicts numbers.
    """
    ranking = rank_for_figure(db, words, top=top)
    from nnlab.analysis.predictions import predict_split  # imports torch

    predictions = []
    for row in ranking.rows:
        (run,) = store.runs(db, run_ids=[row.runs[0]])
        prediction = predict_split(db, run, split)
        if classes and not prediction.classes:
            raise UsageError(
                f"run {run.id} predicts numbers, not classes",
                hint="nnlab plot examples shows the largest errors of a regression",
            )
        title = trial_title(row, ranking)
        is_named = title != f"run {run.id}"
        predictions.append((f"{title} (run {run.id})" if is_named else title, prediction))
    return predictions


def test_split_notes(split: str) -> tuple[str, ...]:
    """The note of a figure that shows test data; nothing for other splits."""
    return (_TEST_SPLIT_WARNING,) if split == "test" else ()
