"""A test value is shown with the epoch at which it was measured, or left out."""

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab import store
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import RankingRequest
from nnlab.analysis.scope import Scope
from nnlab.records import Curve

# Accuracy is best at epochs 2 to 4, the loss at 6; the run selected epoch 4.
CURVES = {
    "val/accuracy": (0.5, 0.9, 0.9, 0.9, 0.8, 0.8),
    "val/loss": (0.9, 0.8, 0.7, 0.6, 0.5, 0.4),
}
TESTED = {"test/accuracy": 0.85, "test/loss": 0.65}
SELECTED = 4


def make(folder: Path, curves: Mapping[str, tuple[float, ...]] = CURVES) -> store.Database:
    """Two seeds of a trial that have these curves and one test value at the selected epoch."""
    db = store.open_database(str(folder / "runs.db"), write=True, create=True)
    study = store.create_study(db, name="s", question="", objective=None, space=None, seeds=())
    setting = {"data": "digits", "loss": "cross_entropy", "objective": "val/accuracy:max"}
    plans = [store.RunSpec(setting, "d", seed, 6) for seed in (0, 1)]
    for run_id in store.enqueue(db, study, plans).run_ids:
        curve_list = [Curve(m, tuple(range(1, 7)), values) for m, values in curves.items()]
        curve_list += [Curve(metric, (SELECTED,), (value,)) for metric, value in TESTED.items()]
        store.import_curves(db, run_id, curve_list)
    with db.write() as connection:
        connection.exec_driver_sql(
            "UPDATE run SET selected_epoch = ?, data_fingerprint = 'f', status = 'finished'",
            (SELECTED,),
        )
    return db


@pytest.mark.parametrize(
    ("by", "at", "epoch", "there"),
    [
        ("val/accuracy", "best", SELECTED, True),  # not 2, the first of equal values
        ("val/loss", "best", 6, False),
        ("val/accuracy", "last", 6, False),
        ("val/loss", 4, 4, True),
        ("val/accuracy", 2, 2, False),
    ],
)
def test_the_epoch_of_a_value_and_of_its_test_value(
    tmp_path: Path, by: str, at: object, epoch: int, *, there: bool
) -> None:
    (row,) = rank(make(tmp_path), Scope("all"), RankingRequest(by=by, at=at)).rows  # type: ignore[arg-type]
    assert (row.epoch, row.test_epoch, row.test_epochs_match) == (epoch, SELECTED, there)
    assert row.test is not None
    assert row.test.mean == TESTED[f"test/{by.partition('/')[2]}"]


def test_a_value_that_is_nan_has_no_epoch(tmp_path: Path) -> None:
    nothing = {"val/accuracy": (math.nan,) * 6}
    (row,) = rank(make(tmp_path, nothing), Scope("all"), RankingRequest(by="val/accuracy")).rows
    assert (row.epoch, row.test_epochs_match) == (None, False)


def test_every_format_states_the_epoch_or_leaves_the_test_out(nnlab: Nnlab, folder: Path) -> None:
    make(folder).close()
    (row,) = nnlab("compare", "--by", "val/loss", "--format", "json").json["rows"]
    assert (row["epoch"], row["test_mean"], row["test_epoch"]) == (6, 0.65, 4)
    rows = list(
        csv.DictReader(io.StringIO(nnlab("compare", "--by", "val/loss", "--format", "csv").out))
    )
    assert (rows[0]["epoch"], rows[0]["test_epoch"]) == ("6", "4")
    table = nnlab("compare", "--at", "last").out
    assert "test epoch" in table
    assert "test/accuracy (same epoch)" not in table
    own = nnlab("compare").out
    assert "test/accuracy ± 95 % CI (same epoch)" in own
    assert "test epoch" not in own
    for words in (("--by", "val/loss"), ("--at", "last")):
        tex = nnlab("compare", *words, "--format", "latex").out
        assert "{Test" not in tex
        assert "Test values are omitted because they were measured at other epochs." in tex
    assert "{Test accuracy}" in nnlab("compare", "--format", "latex").out


def test_seeds_with_different_data_are_marked_in_every_table(nnlab: Nnlab, folder: Path) -> None:
    db = make(folder)
    with db.write() as connection:
        connection.exec_driver_sql("UPDATE run SET data_fingerprint = 'g' WHERE seed = 1")
    db.close()
    output = nnlab("compare", "--format", "json").json
    note = "seeds 0, 1 of trial 1 were trained on different data"
    assert output["rows"][0]["different_data"] is True
    assert note in output["notes"]
    table = nnlab("compare").out
    assert "different!" in table
    assert note in table
    assert "†: seeds trained on different data." in nnlab("compare", "--format", "markdown").out
    for name in ("r.md", "r.html"):
        nnlab("report", "s", "-o", name)
        text = (folder / name).read_text()
        assert "data differs!" in text
        assert note in text
