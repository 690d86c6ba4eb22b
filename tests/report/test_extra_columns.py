"""`nnlab compare --columns` and `--relative`: costs of the runs, and changes from a base."""

import csv

import pytest
from command_line_runner import Nnlab

from nnlab import store
from nnlab.analysis.extra_columns import cost_columns
from nnlab.analysis.ranking import rank
from nnlab.analysis.scope import resolve_scope
from nnlab.cli.open_database import open_db
from nnlab.records import Curve
from nnlab.stats.base_comparison import relative_interval

SETTING = ("--data", "iris", "--depth", "1", "--epochs", "3", "--opt", "sgd")


@pytest.fixture
def widths(nnlab: Nnlab) -> Nnlab:
    """Networks of width 4 and 8 on iris, five seeds each."""
    nnlab("init-study", "s", *SETTING, "--width", "4,8", "--lr", "0.05", "--seeds", "5")
    nnlab("train", "--study", "s", "-q")
    return nnlab


def test_parameters_and_seconds_are_those_of_the_runs(widths: Nnlab) -> None:
    words = ("compare", "s", "--columns", "params,seconds")
    rows = widths(*words, "--format", "json").json["rows"]
    for row in rows:
        width = row["setting"]["width"]
        # A hidden layer of `width` units on 4 features, and a head of 3 outputs.
        assert row["params"] == {"mean": 4 * width + width + 3 * width + 3, "sd": 0.0, "n": 5}
        seconds = []
        for run in row["runs"]:
            history = widths("show", str(run), "--curves", "--format", "json").json
            seconds.append(sum(epoch["time/epoch"] for epoch in history))
        assert row["seconds"]["mean"] == pytest.approx(sum(seconds) / 5)
    table = widths(*words).out
    assert "Parameters" in table
    assert "Time (s)" in table
    first = next(csv.DictReader(widths(*words, "--format", "csv").out.splitlines()))
    assert float(first["params_mean"]) == rows[0]["params"]["mean"]


@pytest.mark.parametrize("table_format", ["latex", "markdown", "html", "typst"])
def test_tables_for_papers_have_the_columns(widths: Nnlab, table_format: str) -> None:
    words = ("compare", "s", "--columns", "params", "--relative", "width=4")
    text = widths(*words, "--format", table_format).out
    assert "Parameters" in text
    assert "35" in text
    assert "67" in text
    assert "base" in text
    assert "relative to width 4" in text
    pivoted = widths(*words[:4], "--pivot", "width", "--format", table_format).out
    assert pivoted.count("Parameters") >= 2


def test_an_unknown_energy_is_empty_and_a_note_says_why(widths: Nnlab) -> None:
    answer = widths("compare", "s", "--columns", "energy", "--format", "json").json
    assert [row["energy"] for row in answer["rows"]] == [None, None]
    assert "Energy (J) unknown for 2 trials: the machine reported no energy" in answer["notes"]


def test_energy_is_the_sum_over_the_epochs(widths: Nnlab) -> None:
    with open_db(None, write=True) as db:
        ranking = rank(db, resolve_scope(db, ["s"]))
        for run in ranking.rows[0].runs:
            store.import_curves(db, run, [Curve("energy/joules", (1, 2, 3), (1.0, 2.0, 3.5))])
        (column,) = cost_columns(db, ranking.rows, ["energy"])
    assert column.values[0] == {"mean": 6.5, "sd": 0.0, "n": 5}
    assert column.texts == ("6.5", "")


def test_a_cost_that_does_not_exist(widths: Nnlab) -> None:
    assert "did you mean 'params'" in widths("compare", "s", "--columns", "parms", expect=2).err


def test_the_change_is_relative_to_the_base_and_paired_by_seed(widths: Nnlab) -> None:
    words = ("compare", "s", "--by", "val/loss", "--relative", "width=4")
    answer = widths(*words, "--format", "json").json
    by_width = {row["setting"]["width"]: row for row in answer["rows"]}
    assert by_width[4]["relative"] is None
    values = {}
    for width, row in by_width.items():
        shown = [widths("show", str(run), "--format", "json").json[0] for run in row["runs"]]
        values[width] = {
            run["seed"]: next(m["best"] for m in run["metrics"] if m["metric"] == "val/loss")
            for run in shown
        }
    pairs = [(values[8][seed], values[4][seed]) for seed in values[4]]
    relative = by_width[8]["relative"]
    assert relative["change"] == pytest.approx(by_width[8]["mean"] / by_width[4]["mean"] - 1)
    assert (relative["low"], relative["high"]) == pytest.approx(relative_interval(pairs, 0.95))
    note = "change of the mean relative to width=4, negative is better"
    assert any(text.startswith(note) for text in answer["notes"])
    # A table without the row of the base still compares with it.
    worse = min(by_width.values(), key=lambda row: row["rank"])["setting"]["width"]
    base = next(width for width in by_width if width != worse)
    top = widths("compare", "s", "--by", "val/loss", "--relative", f"width={base}", "--top", "1",
                 "--format", "json").json  # fmt: skip
    assert top["rows"][0]["relative"]["change"] == pytest.approx(
        by_width[worse]["mean"] / by_width[base]["mean"] - 1
    )


def test_a_base_that_is_no_trial(widths: Nnlab) -> None:
    assert (
        "no trial of s is width=9" in widths("compare", "s", "--relative", "width=9", expect=2).err
    )
    words = ("compare", "s", "--relative", "width=4", "--group-by", "width")
    assert "cannot be combined" in widths(*words, expect=2).err


def test_missing_changes_are_explained(nnlab: Nnlab) -> None:
    small = ("--data", "diabetes", "--width", "8", "--depth", "1", "--epochs", "2")
    nnlab("train", *small, "--opt", "sgd", "--lr", "0.01,1000", "--allow-diverged", "-q")
    notes = nnlab("compare", "--relative", "lr=1000", "--format", "json").json["notes"]
    assert "no changes: every run of the base (lr=1000) diverged" in notes
    nnlab("train", *small, "--opt", "sgd", "--lr", "0.02", "-q")
    notes = nnlab("compare", "--relative", "lr=0.01", "--format", "json").json["notes"]
    reason = "no change of 1 trial: fewer than two seeds shared with the base (lr=0.01)"
    assert any(note.startswith(reason) for note in notes)
    ablation = nnlab("compare", "--ablation", "lr=0.01", "--format", "json").json
    assert (
        "no difference of 1 change: fewer than two seeds shared with the base" in ablation["notes"]
    )
