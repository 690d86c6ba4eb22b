"""What trained models predict for a split; for the kinds of figures that evaluate models."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.config.space import setting_label
from nnlab.errors import UsageError
from nnlab.figures.trials import rank_for_figure

if TYPE_CHECKING:
    from nnlab.analysis.predictions import Predictions


_TEST_SPLIT_WARNING = "test examples were looked at: what is chosen by them looks better than it is"


def predict_best_trials(
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


def test_split_notes(split: str) -> tuple[str, ...]:
    return (_TEST_SPLIT_WARNING,) if split == "test" else ()
