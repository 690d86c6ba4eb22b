"""Curves of runs of other programs, whose metrics have the names that those programs chose."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from external_runs import add_run

from nnlab import store
from nnlab.figures.kinds.curves import prepare_curves
from nnlab.figures.kinds.gap import prepare_gap
from nnlab.figures.trials import load_trial_curves
from nnlab.records import Sample
from nnlab.report.page.chart import build_charts


@pytest.fixture
def db(tmp_path: Path) -> Iterator[store.Database]:
    with closing(store.open_database(str(tmp_path / "r.db"), write=True, create=True)) as database:
        yield database


def drawn_metrics(db: store.Database, study: str) -> dict[str, int]:
    """The number of points of each metric in the figure of the curves of a study."""
    table = prepare_curves(db, [study]).table
    metrics = [row[table.columns.index("metric")] for row in table.rows]
    return {str(metric): metrics.count(metric) for metric in metrics}


def test_names_such_as_val_acc_are_drawn_as_those_of_nnlab(db: store.Database) -> None:
    names = {"train_loss": 1.0, "validation_loss": 2.0, "Accuracy/valid": 0.5, "lr-Adam": 0.1}
    calls = [[Sample(n, value / e, epoch=e) for n, value in names.items()] for e in range(1, 6)]
    add_run(db, "names", {"lr": 0.1}, calls, seed=0)
    assert drawn_metrics(db, "names") == {"train/loss": 5, "val/loss": 5, "val/accuracy": 5}
    assert prepare_gap(db, ["names"]).table.rows
    (figure_trial,) = load_trial_curves(db, ["names"], top=6).series
    assert [chart["title"] for chart in build_charts([figure_trial], None)] == [
        "Loss", "Validation accuracy",
    ]  # fmt: skip
    # The names of the program can be asked for.
    assert prepare_curves(db, ["names"], metric=["validation_loss"]).table.rows


def test_without_a_usual_quantity_the_objective_is_drawn(db: store.Database) -> None:
    calls = [[Sample("episode_reward", 1.0 * s, step=s)] for s in (100, 200, 300)]
    add_run(db, "rl", {"lr": 0.1}, calls, seed=0)
    assert drawn_metrics(db, "rl") == {"episode_reward": 3}
