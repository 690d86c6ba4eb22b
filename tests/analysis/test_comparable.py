"""Only runs with the same validation data, and by a loss the same loss, share a ranking."""

import csv
import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

from nnlab import store
from nnlab.analysis.comparable import _data_key, comparable_groups, merge_groups_along
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import RankingRequest
from nnlab.analysis.scope import Scope
from nnlab.figures.trials import trial_title
from nnlab.records import Curve, Objective

Runs = Callable[..., store.Database]
DIGITS = {"data": "digits", "loss": "cross_entropy", "val_fraction": 0.15, "split_seed": 0}
ALL = Scope("all")


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """Makes a database of runs that were never trained: settings, with a value at each epoch."""

    def make(
        *settings: dict[str, object], fingerprints: tuple[str | None, ...] = ()
    ) -> store.Database:
        db = store.open_database(str(tmp_path / "runs.db"), write=True, create=True)
        study = store.create_study(db, name="s", question="", objective=None, space=None, seeds=())
        plans = [
            store.RunSpec({**DIGITS, **changes}, f"d{i}", 0, 2)  # type: ignore[dict-item]
            for i, changes in enumerate(settings)
        ]
        run_ids = store.enqueue(db, study, plans).run_ids
        curves = [Curve(metric, (1, 2), (0.5, 0.4)) for metric in ("val/loss", "val/accuracy")]
        for run_id in run_ids:
            store.import_curves(db, run_id, curves)
        with db.write() as connection:
            for run_id, fingerprint in zip(run_ids, fingerprints, strict=False):
                connection.exec_driver_sql(
                    "UPDATE run SET data_fingerprint = ? WHERE id = ?", (fingerprint, run_id)
                )
        return db

    return make


def headings(db: store.Database, by: str = "val/accuracy") -> list[str]:
    return [group.heading for group in comparable_groups(db, ALL, by=by)]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"data": "iris"}, ["iris", "digits"]),
        ({"split_seed": 1}, ["split_seed 1", "split_seed 0"]),
        ({"val_fraction": 0.3}, ["val_fraction 0.3", "val_fraction 0.15"]),
        ({"classes": "0-4"}, ["classes 0-4", "all classes"]),
        ({"data_version": "ab12"}, ["content 2 of 2", "content 1 of 2"]),
    ],
)
def test_other_validation_data_are_another_group(
    runs: Runs, change: dict[str, object], names: list[str]
) -> None:
    assert headings(runs({}, change)) == names


@pytest.mark.parametrize(
    "change", [{"train_size": 50}, {"label_noise": 0.2}, {"inputs": "none"}, {"lr": 0.5}]
)
def test_what_changes_the_training_alone_is_comparable(
    runs: Runs, change: dict[str, object]
) -> None:
    assert headings(runs({}, change)) == [""]


def test_the_loss_counts_where_the_metric_is_a_loss(runs: Runs) -> None:
    db = runs({}, {"loss": "hinge"}, {"label_smoothing": 0.1}, {"reduction": "sum"})
    assert headings(db, "val/accuracy") == [""]
    assert headings(db, "val/loss") == ["loss cross_entropy", "loss hinge"]


def test_equal_fingerprints_are_equal_data_whatever_their_name(runs: Runs) -> None:
    named = {"data": "csv:a.csv#y", "data_version": "v"}
    moved = {"data": "csv:b/a.csv#y", "data_version": "v"}
    other = {"data": "csv:a.csv#z", "data_version": "v"}
    db = runs(named, moved, other, fingerprints=("f", "f", "g"))
    assert [g.scope.runs for g in comparable_groups(db, ALL)] == [(3,), (1, 2)]


def test_a_ranking_names_what_it_leaves_out(runs: Runs) -> None:
    db = runs({"data": "iris"}, {}, {"lr": 0.5})
    ranking = rank(db, ALL, RankingRequest(by="val/loss"))
    assert [row.runs for row in ranking.rows] == [(2,), (3,)]
    assert ranking.left_out == ("not comparable with these, not ranked here: iris",)
    assert ranking.heading == "digits"
    mixed = rank(db, ALL, RankingRequest(by="val/loss", mixed=True))
    assert len(mixed.rows) == 3
    assert mixed.notes[0] == "not comparable, ranked together by request: digits; iris"


def test_an_axis_over_a_field_has_one_group_for_each_value(runs: Runs) -> None:
    db = runs({"data": "iris"}, {"data": "iris", "split_seed": 1}, {}, {"lr": 0.5})
    groups = comparable_groups(db, ALL, by="val/accuracy")
    group, left_out = merge_groups_along(groups, ["data"])
    assert (group.scope.runs, left_out) == ((3, 4, 1), ("iris, split_seed 1",))
    group, left_out = merge_groups_along(groups, ["lr", None])
    assert (group.scope.runs, len(left_out)) == ((3, 4), 2)


def test_hashes_and_what_follows_from_the_data_are_no_columns(runs: Runs) -> None:
    regression = {"data": "diabetes", "loss": "mse", "objective": "val/loss:min"}
    db = runs(
        {"objective": "val/accuracy:max", "model_version": "aa"},
        {"objective": "val/accuracy:max", "model_version": "bb"},
        {**regression, "data_version": "cc"},
    )
    ranking = rank(db, ALL, RankingRequest(by="val/loss", mixed=True))
    assert ranking.fields == ("data",)
    assert {trial_title(row, ranking) for row in ranking.rows} == {
        "Digits (trial 1)",
        "Digits (trial 2)",
        "Diabetes",
    }


def test_objectives_of_the_groups_are_their_own(runs: Runs) -> None:
    regression = {"data": "diabetes", "loss": "mse", "objective": "val/loss:min"}
    groups = comparable_groups(runs({"objective": "val/accuracy:max"}, regression), ALL)
    assert [group.objective for group in groups] == [
        Objective("val/loss", "min"),
        Objective("val/accuracy", "max"),
    ]


@pytest.fixture
def mixed_folder(nnlab: Nnlab) -> Nnlab:
    """Two optimizers on iris, then one run of a regression."""
    nnlab("train", *QUICK, "--opt", "sgd,adam", "--seeds", "2", "-q")
    nnlab("train", "--data", "diabetes", "--width", "8", "--epochs", "2", "-q")
    return nnlab


def test_compare_prints_a_table_for_each_group(mixed_folder: Nnlab) -> None:
    text = mixed_folder("compare").out
    assert "2 groups of runs that are not comparable" in text
    assert text.index("\ndiabetes\n") < text.index("val/loss") < text.index("\niris\n")
    rows = list(csv.DictReader(io.StringIO(mixed_folder("compare", "--format", "csv").out)))
    assert [(row["group"], row["metric"], row["rank"]) for row in rows] == [
        ("diabetes", "val/loss", "1"),
        ("iris", "val/accuracy", "1"),
        ("iris", "val/accuracy", "2"),
    ]
    tex = mixed_folder("compare", "--format", "latex").out
    assert tex.count(r"\begin{table") == 2
    assert "Diabetes: Validation loss (mean squared error)" in tex
    assert "verdict: not comparable: diabetes and iris" in mixed_folder("compare", "1", "5").out


def test_a_report_ranks_each_group_with_its_own_loss(mixed_folder: Nnlab, folder: Path) -> None:
    printed = mixed_folder("report", "-o", "r.md").out
    text = (folder / "r.md").read_text()
    assert "## Ranking: diabetes" in text
    assert "## Ranking: iris" in text
    assert "iris: SGD" in printed or "iris: Adam" in printed
    mixed_folder("report", "-o", "r.html")
    page = (folder / "r.html").read_text()
    assert "<h2>Ranking: iris</h2>" in page
    curves = page.split('<section id="curves')[1:]
    match = re.search(r'id="charts">(.*?)</script>', page)
    assert match is not None
    charts = json.loads(match[1])
    titles = [
        [charts[int(number)]["title"] for number in re.findall(r'data-chart="(\d+)"', part)]
        for part in (curves[0], curves[1].split("</section>")[0])
    ]
    assert "mean squared error" in titles[0][0]
    assert "cross entropy" in titles[1][0]


def test_figures_name_what_they_leave_out(mixed_folder: Nnlab) -> None:
    by = ("--by", "val/accuracy")
    for words in (("ranking", *by), ("sweep", "--x", "opt", *by), ("curves",)):
        answer = mixed_folder("plot", *words)
        assert "not comparable with these, not ranked here: " in answer.err
    answer = mixed_folder("plot", "compare", "1", "5", expect=2)
    assert "are not comparable: diabetes; iris" in answer.err


def test_nobody_is_told_of_a_best_among_runs_that_cannot_be_compared(
    nnlab: Nnlab, folder: Path
) -> None:
    words = ("--epochs", "1", "--width", "4", "--depth", "1", "-q")
    note = ("--notify", 'echo "$NNLAB_EVENT:$NNLAB_BEST" >> told.txt')
    nnlab("train", "--data", "iris,wine", *words, *note)
    nnlab("train", "--data", "iris", "--seed", "7", *words, *note)
    first, second = (
        line for line in (folder / "told.txt").read_text().split() if "finished" in line
    )
    assert first == "finished:"
    assert not math.isnan(float(second.partition(":")[2]))


def test_two_functions_of_a_users_file_are_different_data() -> None:
    first, second = ({"data": f"data.py:{name}", "data_version": "1f2e"} for name in "ab")
    moved = {"data": "moved/data.py:a", "data_version": "1f2e"}
    assert _data_key(first) == _data_key(moved)
    assert _data_key(first) != _data_key(second)


def test_data_of_two_versions_of_a_plugin_are_different_data() -> None:
    old, new = ({"data": "rings", "data_version": f"lab {n}"} for n in (1, 2))
    assert _data_key(old) != _data_key(new)
