"""`--metrics` from the command line to every table, figure and ranking."""

import json
import sqlite3
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

GINI = """
def gini(outputs, targets):
    return (outputs.argmax(1) == targets).float().mean() * 2 - 1


def spread(outputs, targets):
    return outputs.std()
"""
REGRESSION = ("--data", "diabetes", "--width", "8", "--depth", "1", "--epochs", "3")
UNKNOWN = "it is not known whether lower or higher values of val/spread are better"


@pytest.fixture(autouse=True)
def files(folder: Path) -> None:
    (folder / "m.py").write_text(GINI)


def settings() -> list[dict[str, object]]:
    connection = sqlite3.connect("runs.db")
    try:
        rows = connection.execute("SELECT setting FROM trial ORDER BY id").fetchall()
        return [json.loads(setting) for (setting,) in rows]
    finally:
        connection.close()


def test_metrics_of_the_catalogue_are_stored_shown_and_ranked(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--metrics", "auroc,f1", "--lr", "0.001,0.05", "-q")
    assert [setting["metrics"] for setting in settings()] == ["f1,auroc"] * 2
    shown = {
        row["metric"]: row for row in nnlab("show", "1", "--format", "json").json[0]["metrics"]
    }
    assert {"train/f1", "val/f1", "test/f1", "val/auroc"} <= shown.keys()
    ranking = nnlab("compare", "--by", "val/f1", "--format", "json").json
    assert ranking["direction"] == "max"
    means = [row["mean"] for row in ranking["rows"]]
    assert means == sorted(means, reverse=True)
    assert ranking["fields"] == ["lr"]
    nnlab("plot", "curves", "--metric", "val/f1", "-o", "f1.png")
    nnlab("plot", "ranking", "--by", "val/auroc", "-o", "auroc.png")
    nnlab("report", "default", "-o", "report.html")
    assert "f1" in nnlab("show", "1", "--curves", "--format", "csv").out.splitlines()[0]


def test_runs_with_and_without_metrics_rank_together(nnlab: Nnlab) -> None:
    words = (*QUICK, "--study", "one", "-q")
    nnlab("train", *words)
    nnlab("train", *words, "--metrics", "f1")
    before, after = settings()
    assert {name: after[name] for name in after if name != "metrics"} == before
    ranking = nnlab("compare", "one", "--format", "json").json
    assert len(ranking["rows"]) == 2
    assert ranking["fields"] == []
    assert nnlab("ls", "--format", "json").json[0]["trial"] == ""
    assert "1 trial not measured by val/f1" in nnlab("compare", "one", "--by", "val/f1").out


def test_metrics_are_one_setting_and_never_swept(nnlab: Nnlab, folder: Path) -> None:
    (folder / "s.toml").write_text('data = "iris"\nepochs = 1\nmetrics = ["f1", "kappa"]\n')
    assert "1 run" in nnlab("train", "--config", "s.toml", "--dry-run").out
    assert "1 run" in nnlab("train", *QUICK, "--metrics", "f1,kappa", "--dry-run").out
    # A metric that every run has makes no other trial.
    nnlab("train", *QUICK, "-q")
    assert "1 already trained" in nnlab("train", *QUICK, "--metrics", "accuracy").out


def test_a_metric_of_unknown_direction_is_stored_and_drawn_but_not_ranked(
    nnlab: Nnlab, folder: Path
) -> None:
    nnlab("train", *QUICK, "--metrics", "m.py:spread", "--lr", "0.001,0.05", "-q")
    assert settings()[0]["metrics"] == "m.py:spread"
    shown = nnlab("show", "1").out
    assert "no best value of val/spread" in shown
    rows = {row["metric"]: row for row in nnlab("show", "1", "--format", "json").json[0]["metrics"]}
    assert rows["val/spread"]["best"] is None
    assert isinstance(rows["val/spread"]["last"], float)
    nnlab("plot", "curves", "--metric", "val/spread", "-o", "spread.png")
    nnlab("plot", "gap", "--metric", "spread", "-o", "gap.png")
    for words in (["compare", "--by"], ["compare", "--metric"], ["plot", "ranking", "--by"]):
        refused = nnlab(*words, "val/spread", expect=2).err
        assert UNKNOWN in refused
        assert "--by val/spread:max" in refused
    timed = nnlab("plot", "time", "--metric", "val/spread", "--target", "0.5", expect=2).err
    assert "--metric val/spread:max" in timed
    higher = nnlab("compare", "--metric", "val/spread:max", "--format", "json").json
    lower = nnlab("compare", "--metric", "val/spread:min", "--format", "json").json
    assert [row["trials"] for row in higher["rows"]] == [row["trials"] for row in lower["rows"]][
        ::-1
    ]
    nnlab("plot", "ranking", "--by", "val/spread:max", "-o", "ranking.png")
    nnlab("plot", "time", "--metric", "val/spread:max", "--target", "0.1", "-o", "time.png")
    untrained = nnlab(
        "train", *QUICK, "--metrics", "m.py:spread", "--objective", "val/spread", expect=2
    )
    assert "val/spread:min or val/spread:max says so" in untrained.err


def test_a_stored_direction_ranks_without_the_file(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--metrics", "m.py:gini:max", "--lr", "0.001,0.05", "--seeds", "2", "-q")
    nnlab("train", *REGRESSION, "-q")  # a group without the metric
    (folder / "m.py").unlink()
    ranking = nnlab("compare", "--by", "val/gini", "--format", "json").json
    assert ranking["direction"] == "max"
    rows = {row["metric"]: row for row in nnlab("show", "1", "--format", "json").json[0]["metrics"]}
    curve = nnlab("show", "1", "--curves", "--format", "json").json
    assert rows["val/gini"]["best"] == max(row["val/gini"] for row in curve)


def test_commands_that_only_read_need_no_metric_code(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--metrics", "m.py:gini:max", "-q")
    assert "m.py has changed" not in nnlab("verify", "1").out
    nnlab("report", "default", "-o", "report.html")
    (folder / "m.py").write_text("raise ValueError\n" + GINI)
    nnlab("plot", "confusion", "1", "-o", "confusion.png")
    nnlab("probe", "sensitivity", "1")
    nnlab("report", "default", "-o", "report.html")
    assert "m.py:gini has changed" in nnlab("verify", "1", expect=None).out


def test_the_direction_of_a_run_decides_whatever_was_stored_first(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--lr", "0.05", "--metrics", "m.py:gini", "-q")  # stored as unknown
    nnlab(
        "train", *QUICK, "--lr", "0.05", "--metrics", "m.py:gini:max", "--objective", "val/gini",
        "-q",
    )  # fmt: skip
    run = nnlab("ls", "--format", "json").json[0]
    curve = nnlab("show", "2", "--curves", "--format", "json").json
    assert run["metric"] == "val/gini"
    assert run["best"] == max(row["val/gini"] for row in curve)
    assert run["best"] > min(row["val/gini"] for row in curve)


def test_the_objective_gives_a_metric_its_direction(nnlab: Nnlab) -> None:
    nnlab(
        "train", *QUICK, "--lr", "0.05", "--metrics", "m.py:gini", "--objective", "val/gini:max",
        "--study", "gini", "--seeds", "2", "-q",
    )  # fmt: skip
    (setting,) = settings()
    assert (setting["metrics"], setting["objective"]) == ("m.py:gini:max", "val/gini:max")
    assert nnlab("compare", "gini", "--format", "json").json["by"] == "val/gini"
    nnlab("verify", "1")


def test_a_sampler_and_a_pruner_take_any_metric(nnlab: Nnlab, folder: Path) -> None:
    nnlab(
        "init-study", "search", "--data", "iris", "--width", "8", "--depth", "1", "--epochs", "4",
        "--metrics", "f1,m.py:gini", "--objective", "val/gini:max", "--sampler", "random",
        "--trials", "4", "--lr", "1e-4..1e-1", "--pruner", "median",
    )  # fmt: skip
    nnlab("train", "--study", "search", "-q")
    ranking = nnlab("compare", "search", "--format", "json").json
    assert (ranking["by"], ranking["direction"]) == ("val/gini", "max")
    assert {setting["metrics"] for setting in settings()} == {"f1,m.py:gini:max"}


def test_a_changed_file_is_another_trial_and_errors_name_the_line(
    nnlab: Nnlab, folder: Path
) -> None:
    words = ("train", *QUICK, "--metrics", "m.py:gini:max")
    nnlab(*words, "-q")
    assert "1 already trained" in nnlab(*words).out
    (folder / "m.py").write_text("def gini(outputs, targets):\n    return outputs.missing\n")
    failed = nnlab(*words, expect=1)
    assert "m.py, line 2, in gini: AttributeError" in failed.out + failed.err
    (folder / "m.py").write_text("import nothing_like_this\n\ndef gini(outputs, targets): ...\n")
    failed = nnlab("train", *QUICK, "--metrics", "m.py:gini", expect=1)
    assert "m.py, line 1" in failed.err
    for text, message in (
        ("m.py:accuracy", "have the same name accuracy"),
        ("f1,m.py:f1", "have the same name f1"),
        ("rmse", "does not fit iris, a classification task"),
        ("top5", "needs more than 5 classes; iris has 3"),
        ("f2", "unknown metric 'f2'"),
        ("f1:min", "higher values of it are better"),
    ):
        assert message in nnlab("train", *QUICK, "--metrics", text, expect=2).err, text
    assert "--metrics f1 adds it" in nnlab("train", *QUICK, "--objective", "val/f1", expect=2).err


def test_regression_shows_errors_in_the_unit_of_the_target_first(nnlab: Nnlab) -> None:
    out = nnlab("train", *REGRESSION, "--metrics", "mape", "-v").out
    line = next(line for line in out.splitlines() if "epoch 3/3" in line)
    assert line.index("rmse") < line.index("mae") < line.index("loss")
    assert "finished  val/rmse " in out
    header = next(line for line in nnlab("compare").out.splitlines() if "val/loss" in line)
    assert header.index("val/rmse") < header.index("val/mae") < header.index("val/loss")
    listed = nnlab("ls", "--format", "json").json[0]
    ranked = nnlab("compare", "--format", "json").json["rows"][0]
    curve = nnlab("show", "1", "--curves", "--format", "json").json
    assert listed["val_rmse"] == ranked["errors"]["val/rmse"]["mean"] == curve[-1]["val/rmse"]
    metrics = [line.split()[0] for line in nnlab("show", "1").out.splitlines() if "/" in line]
    assert metrics.index("val/mae") < metrics.index("val/loss")
    assert metrics.index("train/rmse") < metrics.index("train/loss")


def test_a_value_that_is_not_defined_is_noted_once(nnlab: Nnlab, folder: Path) -> None:
    (folder / "m.py").write_text("def gini(outputs, targets):\n    return float('nan')\n")
    out = nnlab("train", *QUICK, "--metrics", "m.py:gini:max", "--objective", "val/gini").out
    assert out.count("train/gini, val/gini is NaN") == 1
    assert nnlab("ls", "--format", "json").json[0]["best"] is None
    assert nnlab("compare").code == 0


def test_the_catalogue_is_listed(nnlab: Nnlab) -> None:
    rows = nnlab("choices", "metric", "--format", "json").json
    by_name = {row["name"]: row for row in rows}
    assert by_name["f1"]["direction"] == "max"
    assert by_name["f1"]["limits"] == [0.0, 1.0]
    assert by_name["mape"]["tasks"] == ["regression"]
    assert all(row["source"] for row in rows if row["name"] != "module:")
