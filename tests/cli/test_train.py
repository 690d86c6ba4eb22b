"""`nnlab train`: what it stores and prints, and which runs it does not repeat."""

import sqlite3
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / "runs.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_one_command_trains_and_every_epoch_lands_in_runs_db(nnlab: Nnlab, folder: Path) -> None:
    answer = nnlab("train", "--opt", "adam", "--decay", "exp", "--epochs", "4")
    assert (folder / "runs.db").exists()
    stored = rows(
        folder,
        "SELECT m.name, count(*), max(epoch) FROM point JOIN metric m ON m.id = metric_id"
        " GROUP BY m.name",
    )
    counts = {name: count for name, count, _ in stored}
    for metric in ("train/loss", "train/accuracy", "val/loss", "val/accuracy", "lr", "time/epoch"):
        assert counts[metric] == 4
    assert counts["test/loss"] == counts["test/accuracy"] == 1
    assert "val/accuracy" in answer.out
    assert "next: nnlab compare" in answer.out


def test_defaults_are_shown_resolved_and_stored_resolved(nnlab: Nnlab, folder: Path) -> None:
    answer = nnlab("train", "--opt", "momentum", "--decay", "exp", "--epochs", "1")
    for text in ("opt momentum", "lr 0.05", "momentum 0.9", "decay_rate 0.05", "activation relu"):
        assert text in answer.out
    stored = rows(
        folder,
        "SELECT setting ->> '$.lr', setting ->> '$.momentum', setting ->> '$.beta1' FROM trial",
    )
    assert stored == [(0.05, 0.9, None)]


def test_a_grid_trains_every_trial_with_every_seed(trained: Nnlab) -> None:
    output = trained("ls", "--format", "json").json
    assert {(run["trial"], run["seed"]) for run in output} == {
        (trial, seed) for trial in ("opt=sgd", "opt=adam") for seed in (0, 1)
    }
    assert {run["status"] for run in output} == {"finished"}


def test_the_same_command_trains_nothing_twice(trained: Nnlab, folder: Path) -> None:
    before = rows(folder, "SELECT count(*) FROM attempt")
    answer = trained("train", *QUICK, "--opt", "sgd,adam", "--seeds", "2")
    assert "4 already trained" in answer.out
    assert "--again" in answer.out
    assert rows(folder, "SELECT count(*) FROM attempt") == before


def test_more_seeds_train_only_the_new_ones(trained: Nnlab, folder: Path) -> None:
    answer = trained("train", *QUICK, "--opt", "sgd,adam", "--seeds", "3")
    assert "2 new, 4 already trained" in answer.out
    assert rows(folder, "SELECT count(*) FROM attempt") == [(6,)]


def test_again_trains_once_more_and_only_the_newest_counts(trained: Nnlab, folder: Path) -> None:
    trained("train", *QUICK, "--opt", "sgd,adam", "--seeds", "2", "--again", "-q")
    assert rows(folder, "SELECT current, count(*) FROM run GROUP BY current") == [(0, 4), (1, 4)]
    compared = trained("compare", "--format", "json").json
    assert [row["n"] for row in compared["rows"]] == [2, 2]


def test_the_same_command_gives_the_same_numbers_to_the_last_bit(
    trained: Nnlab, folder: Path
) -> None:
    trained("train", *QUICK, "--opt", "sgd,adam", "--seeds", "2", "--again", "-q")
    values = (
        "SELECT trial_id, seed, m.name, epoch, value FROM point JOIN run ON run.id = run_id"
        " JOIN metric m ON m.id = metric_id WHERE m.name != 'time/epoch' AND repeat = {}"
        " ORDER BY 1, 2, 3, 4"
    )
    first, second = rows(folder, values.format(0)), rows(folder, values.format(1))
    assert len(first) > 50
    assert first == second


def test_a_dry_run_writes_nothing(nnlab: Nnlab, folder: Path) -> None:
    answer = nnlab("train", "--opt", "sgd,adam", "--seeds", "2", "--dry-run")
    assert "2 trials with 2 seeds (0, 1): 4 runs, 0 already trained, 4 to train" in answer.out
    assert list(folder.iterdir()) == []


def test_a_dry_run_counts_what_is_there(trained: Nnlab) -> None:
    answer = trained("train", *QUICK, "--opt", "sgd", "--seeds", "3", "--dry-run")
    assert "3 runs, 2 already trained, 1 to train" in answer.out


def test_settings_from_a_file_and_what_is_typed_goes_first(nnlab: Nnlab, folder: Path) -> None:
    (folder / "c.toml").write_text(
        'data = "iris"\nopt = ["sgd", "adam"]\nlr = 0.1\nepochs = 2\nseeds = 2\ntags = ["x"]\n'
    )
    nnlab("train", "--config", "c.toml", "--lr", "0.01", "-q")
    output = nnlab("ls", "--format", "json").json
    assert len(output) == 4
    assert {tuple(run["tags"]) for run in output} == {("x",)}
    assert rows(folder, "SELECT DISTINCT setting ->> '$.lr' FROM trial") == [(0.01,)]


def test_names_and_tags_find_runs(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--name", "first", "--tag", "a", "--tag", "b", "-q")
    nnlab("train", *QUICK, "--seed", "5", "-q")
    assert [run["run"] for run in nnlab("ls", "--tag", "b", "--format", "json").json] == [1]
    assert nnlab("show", "first", "--format", "json").json[0]["run"] == 1


def test_a_name_is_not_moved_to_a_run_that_is_there(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--name", "solo", "-q")
    for words in (["--devices", "cpu:2", "--parallel", "ddp"], ["-q"]):
        answer = nnlab("train", *QUICK, "--name", "ddp", *words)
        assert "--name 'ddp' was not given to 1 run with the same setting and seed" in answer.err
        assert "run 1 'solo'; --again trains new runs under that name" in answer.err
    assert [run["name"] for run in nnlab("ls", "--format", "json").json] == ["solo"]
    answer = nnlab("train", *QUICK, "--name", "ddp", "--again", "-q")
    assert answer.err == ""
    assert {run["name"] for run in nnlab("ls", "--format", "json").json} == {"solo", "ddp"}


def test_a_run_trained_without_a_name_keeps_none(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--seeds", "7", "-q")
    answer = nnlab("train", *QUICK, "--seeds", "8", "--name", "late", "-q")
    assert "was not given to 7 runs" in answer.err
    assert "run 1 without a name, run 2 without a name" in answer.err
    assert "and 2 more" in answer.err
    assert [run["run"] for run in nnlab("show", "late", "--format", "json").json] == [8]


def test_a_number_that_is_also_a_name_is_ambiguous(trained: Nnlab, folder: Path) -> None:
    for words in (["--name", "2"], ["--study", "3"]):
        trained("train", *QUICK, "--seed", "9", *words, "-q", expect=2)
    trained("train", *QUICK, "--seed", "9", "--name", "two", "-q")
    trained("train", *QUICK, "--study", "three", "-q")
    connection = sqlite3.connect(folder / "runs.db")  # names that an earlier version took
    connection.execute("UPDATE run SET name = '2' WHERE name = 'two'")
    connection.execute("UPDATE study SET name = '3' WHERE name = 'three'")
    connection.commit()
    connection.close()
    for words in (["rm", "2", "-y"], ["show", "2"], ["compare", "2"], ["stop", "2"]):
        assert "'2' is ambiguous" in trained(*words, expect=2).err
    for words in (["rm", "3", "-y"], ["compare", "3"], ["report", "3", "-o", "x.md"]):
        assert "'3' is ambiguous" in trained(*words, expect=2).err
    assert len(trained("ls", "--format", "json").json) == 6
    assert trained("train", "--study", "3").code == 0  # only a study can be meant
    assert [row["runs"] for row in trained("compare", "study:3", "--format", "json").json["rows"]]
    assert "removed 1 run\n" in trained("rm", "#3", "-y").out
    assert "removed 1 run and 1 study" in trained("rm", "study:3", "-y").out
    assert "removed 1 run\n" in trained("rm", "#2", "-y").out
    assert trained("show", "2", "--format", "json").json[0]["name"] == "2"


def test_quiet_prints_the_result_and_nothing_else(nnlab: Nnlab) -> None:
    answer = nnlab("train", *QUICK, "-q")
    assert "val/accuracy" in answer.out
    assert "next:" not in answer.out
    assert "Data" not in answer.out
    assert answer.err == ""


def test_verbose_prints_every_epoch(nnlab: Nnlab) -> None:
    answer = nnlab("train", *QUICK, "-v")
    assert [f"epoch {n}/3" in answer.out for n in (1, 2, 3)] == [True] * 3


def test_a_pipe_gets_no_colours_and_no_bar(nnlab: Nnlab) -> None:
    answer = nnlab("train", *QUICK)
    assert "\x1b" not in answer.out + answer.err
    assert "━" not in answer.out


def test_models_are_kept_unless_told_otherwise(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "-q")
    nnlab("train", *QUICK, "--seed", "1", "--no-keep-models", "-q")
    names = sorted(path.name for path in (folder / "runs.artifacts").rglob("model.*"))
    assert names == ["model.json", "model.safetensors"]
    shown = nnlab("show", "1", "--format", "json").json[0]
    for artifact in shown["artifacts"]:
        assert Path(artifact["path"]).stat().st_size == artifact["bytes"]
    assert nnlab("show", "2", "--format", "json").json[0]["artifacts"] == []


def test_divergence_ends_the_run_and_keeps_its_epochs(nnlab: Nnlab, folder: Path) -> None:
    answer = nnlab(
        *("train", "--data", "diabetes", "--opt", "sgd", "--lr", "1000", "--epochs", "40"), expect=1
    )
    assert "diverged: train/loss is" in answer.out
    assert "the run diverged; run 1: train/loss is" in answer.err
    ((status, epochs),) = rows(folder, "SELECT status, epochs FROM run")
    assert status == "diverged"
    assert rows(
        folder,
        "SELECT count(*) FROM point JOIN metric m ON m.id = metric_id WHERE m.name = 'train/loss'",
    ) == [(epochs,)]
    assert rows(folder, "SELECT count(*) FROM metric WHERE name LIKE 'test/%'") == [(0,)]
    assert "1 run diverged" in nnlab("compare").out


def test_overfitting_is_flagged_everywhere(nnlab: Nnlab) -> None:
    answer = nnlab("train", "--data", "diabetes", "--lr", "0.01", "--epochs", "60")
    assert "NN101" in answer.out
    finding = nnlab("show", "1", "--format", "json").json[0]["findings"][0]
    assert finding["code"] == "NN101"
    assert 1 <= finding["onset"] <= 60
    assert finding["evidence"]
    assert "NN101 1/1" in nnlab("compare").out
    assert "NN101" in nnlab("show", "1").out
    assert nnlab("ls", "--format", "json").json[0]["flags"][0] == "NN101"


PLATEAU = (
    "train", "--data", "digits", "--train-size", "300", "--width", "64", "--lr", "0.003",
)  # fmt: skip


def test_a_plateau_is_a_flag_wherever_overfitting_is_one(nnlab: Nnlab, folder: Path) -> None:
    answer = nnlab(*PLATEAU, "--epochs", "40", "--seeds", "2")
    assert "NN102 plateau since epoch 13: validation " in answer.out
    assert "2 of 2 seeds plateau (median onset: epoch 13)" in answer.out
    compared = nnlab("compare")
    assert "NN102 2/2" in compared.out
    assert "2 of 2 seeds plateau (median onset: epoch 13)" in compared.out
    (row,) = nnlab("compare", "--format", "json").json["rows"]
    assert row["flags"] == {"NN102": 2}
    assert min(row["onsets"]["NN102"]) == 13
    assert [run["flags"] for run in nnlab("ls", "--format", "json").json] == [["NN102"], ["NN102"]]
    assert "NN102 validation plateau" in nnlab("show", "1").out
    for suffix in ("html", "md", "tex"):
        nnlab("report", "-o", f"r.{suffix}")
        assert "alidation plateau" in (folder / f"r.{suffix}").read_text()
    assert "Validation plateau in 2 of 2 runs" in (folder / "r.html").read_text()
    nnlab("diagnose", "--fail-on", "warning")
    nnlab("diagnose", "--fail-on", "NN102", expect=3)


def test_a_run_can_be_stopped_on_a_plateau(nnlab: Nnlab) -> None:
    answer = nnlab(*PLATEAU, "--epochs", "40", "--stop-on", "NN102")
    assert "stopped on NN102 validation plateau" in answer.out


def test_diverged_runs_come_last_and_fail_the_command_if_there_is_nothing_else(
    nnlab: Nnlab, folder: Path
) -> None:
    words = ("train", "--data", "iris", "--opt", "sgd", "--epochs", "2", "-q")
    # The diverged run is the better one by what it reached in its first epoch.
    nnlab(*words, "--lr", "1e-05,0.1", "--seeds", "2")
    with sqlite3.connect(folder / "runs.db") as connection:
        connection.execute(
            "UPDATE run SET status = 'diverged' WHERE trial_id ="
            " (SELECT id FROM trial WHERE json_extract(setting, '$.lr') = 0.1)"
        )
    rows = nnlab("compare", "--format", "json").json["rows"]
    assert [row["statuses"] for row in rows] == [{"finished": 2}, {"diverged": 2}]
    assert rows[1]["mean"] > rows[0]["mean"]
    assert (rows[1]["tier"], rows[1]["against_best"]) == (None, None)
    assert "2 runs diverged, trials with such a run are ranked last" in nnlab("compare").out
    first = nnlab("compare", "--top", "1", "--format", "json").json["rows"][0]
    assert first["statuses"] == {"finished": 2}
    grouped = nnlab("compare", "--group-by", "lr", "--format", "json").json["rows"]
    assert grouped[1]["statuses"] == {"diverged": 2}
    nnlab(*words, "--lr", "1e-05,0.1", "--seeds", "2")
    answer = nnlab(*words, "--lr", "0.1", "--seeds", "2", expect=1)
    assert "all 2 runs diverged" in answer.err
    nnlab(*words, "--lr", "0.1", "--seeds", "2", "--allow-diverged")


def test_a_run_that_cannot_start_is_failed_with_its_reason_and_the_rest_go_on(
    nnlab: Nnlab,
) -> None:
    words = ("train", "--data", "iris,digits", "--model", "cnn", "--width", "2", "--epochs", "1")
    answer = nnlab(*words, expect=1)
    assert "1 of 2 runs failed; run 1: --model cnn needs images; iris has 4 features" in answer.err
    states = {run["run"]: run["status"] for run in nnlab("ls", "--format", "json").json}
    assert states == {1: "failed", 2: "finished"}
    again = nnlab(*words, expect=1)
    assert "1 failed before, tried again" in again.out


@pytest.mark.parametrize("where", ["option", "variable"])
def test_the_database_may_be_elsewhere(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (folder / "lab").mkdir()
    words = ["--db", "lab/x.db"] if where == "option" else []
    if where == "variable":
        monkeypatch.setenv("NNLAB_DB", "sqlite:///lab/x.db")
    nnlab("train", *QUICK, "-q", *words)
    assert (folder / "lab" / "x.db").exists()
    assert (folder / "lab" / "x.artifacts" / "1" / "model.safetensors").exists()
    assert not (folder / "runs.db").exists()
    assert len(nnlab("ls", "--format", "json", *words).json) == 1
