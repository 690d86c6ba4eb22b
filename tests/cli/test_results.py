"""`compare`, `ls`, `show`, `studies`, `choices` and `devices` in every format."""

import contextlib
import csv
import io
import json
import math
import sqlite3
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab


def test_compare_aggregates_seeds_and_shows_what_differs(trained: Nnlab) -> None:
    output = trained("compare", "--by", "val/loss", "--format", "json").json
    assert output["by"] == "val/loss"
    assert output["direction"] == "min"
    assert output["fields"] == ["opt"]  # lr and the rest only follow from it
    means = [row["mean"] for row in output["rows"]]
    assert means == sorted(means)
    runs = {run: trained("show", str(run), "--format", "json").json[0] for run in (1, 2, 3, 4)}
    for row in output["rows"]:
        best = [
            next(m["best"] for m in runs[run]["metrics"] if m["metric"] == "val/loss")
            for run in row["runs"]
        ]
        assert row["n"] == 2
        assert row["mean"] == pytest.approx(sum(best) / 2)
        assert row["sd"] == pytest.approx(abs(best[0] - best[1]) / 2**0.5)


@pytest.mark.parametrize("at", ["best", "last", "2"])
def test_compare_at(trained: Nnlab, at: str) -> None:
    output = trained("compare", "--by", "train/loss", "--at", at, "--format", "json").json
    curves = {
        run: [
            float(row["train/loss"])
            for row in csv.DictReader(
                io.StringIO(trained("show", str(run), "--curves", "--format", "csv").out)
            )
        ]
        for run in (1, 2, 3, 4)
    }
    pick = {"best": min, "last": lambda c: c[-1], "2": lambda c: c[1]}[at]
    for row in output["rows"]:
        values = [pick(curves[run]) for run in row["runs"]]  # type: ignore[operator]
        assert row["mean"] == pytest.approx(sum(values) / len(values))


def test_compare_top_and_group_by(trained: Nnlab) -> None:
    trained("train", *QUICK, "--opt", "sgd", "--lr", "0.01,0.2", "-q")
    top = trained("compare", "--top", "2")
    assert "2 more trials; --top 0 shows all" in top.out
    grouped = trained("compare", "--group-by", "opt", "--format", "json").json
    assert {row["setting"]["opt"]: row["n"] for row in grouped["rows"]} == {"sgd": 4, "adam": 2}


def test_compare_runs_by_number(trained: Nnlab) -> None:
    output = trained("compare", "1", "2", "3", "--format", "json").json
    assert sorted(run for row in output["rows"] for run in row["runs"]) == [1, 2, 3]


def test_two_runs_explain_their_trials_with_all_seeds(trained: Nnlab) -> None:
    output = trained("compare", "1", "2", "--format", "json").json
    assert sorted(run for row in output["rows"] for run in row["runs"]) == [1, 2, 3, 4]
    assert output["rows"][1]["against_best"]["n"] == 2
    text = trained("compare", "1", "2").out
    assert "what differs: opt" in text
    assert "effect: #1 is better by" in text
    assert "verdict: " in text


def test_a_table_says_what_can_be_told_from_the_best(nnlab: Nnlab) -> None:
    nnlab("train", "--data", "iris", "--epochs", "6", "--lr", "0.05,1e-6", "--seeds", "6", "-q")
    rows = nnlab("compare", "--format", "json").json["rows"]
    assert [row["tier"] for row in rows] == [1, 2]
    against = rows[1]["against_best"]
    assert against["told"]
    assert against["paired"]
    assert against["low"] > 0
    assert rows[0]["interval"][0] < rows[0]["mean"] < rows[0]["interval"][1]
    assert "the best is significantly different from every other trial" in nnlab("compare").out
    few = nnlab("compare", "--test", "sign-flip", "--at", "1").out
    assert "tier" in few
    grouped = nnlab("compare", "--group-by", "lr", "--interval", "bootstrap", "--format", "json")
    assert len(grouped.json["rows"]) == 2


def test_methods_are_compared_across_data_sets(nnlab: Nnlab) -> None:
    nnlab(
        "train", "--data", "iris,wine", "--epochs", "4", "--opt", "sgd,adam", "--lr", "0.01,0.1",
        "--seeds", "2", "-q",
    )  # fmt: skip
    output = nnlab("compare", "--across", "opt", "--format", "json").json
    assert output["tasks"] == ["iris", "wine"]
    assert {method["name"] for method in output["methods"]} == {"adam", "sgd"}
    assert all(method["runs"] == 4 for method in output["methods"])
    assert output["methods"][0]["iqm"] >= output["methods"][1]["iqm"]
    assert "IQM" in nnlab("compare", "--across", "opt").out
    assert "unknown field 'colour'" in nnlab("compare", "--across", "colour", expect=2).err
    assert "two methods" in nnlab("compare", "--across", "model", expect=2).err


def test_effects_say_which_choice_matters(nnlab: Nnlab) -> None:
    nnlab(
        "train", "--data", "iris", "--epochs", "3", "--width", "8,16", "--lr", "1e-6,0.01,0.1",
        "-q",
    )  # fmt: skip
    output = nnlab("effects", "default", "--format", "json").json
    assert output["effects"][0]["fields"] == ["lr"]
    assert output["effects"][0]["share"] > 0.7
    assert "share of variance" in nnlab("effects", "default", "--by", "val/loss").out
    nnlab("train", "--data", "iris", "--epochs", "1", "--study", "one", "-q")
    assert "four trials" in nnlab("effects", "one", expect=2).err


def test_effects_of_a_full_grid_are_exact_and_inside_their_intervals(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--lr", "1e-4,0.01,0.1", "--opt", "sgd,adam", "--seeds", "3", "-q")
    answer = nnlab("effects", "default", "--by", "val/loss", "--format", "json").json
    assert answer["method"] == "analysis of variance"
    assert math.fsum(effect["share"] for effect in answer["effects"]) == pytest.approx(1.0)
    assert all(0 <= e["low"] <= e["share"] <= e["high"] <= 1 for e in answer["effects"])
    assert "analysis of variance of val/accuracy, 6 trials" in nnlab("effects", "default").out


def test_effects_leave_out_a_run_that_diverged_and_name_it(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--lr", "0.001,0.01,0.1", "--opt", "sgd,adam", "--seeds", "2", "-q")
    run = next(row["run"] for row in nnlab("ls", "--format", "json").json if row["seed"] == 1)
    with contextlib.closing(sqlite3.connect("runs.db")) as connection, connection:
        connection.execute("UPDATE run SET status = 'diverged' WHERE id = ?", (run,))
        connection.execute(
            "UPDATE summary SET best = 1e36 WHERE run_id = ? AND metric_id ="
            " (SELECT id FROM metric WHERE name = 'val/loss')",
            (run,),
        )
    answer = nnlab("effects", "default", "--by", "val/loss", "--format", "json").json
    (note,) = answer["notes"]
    assert note.startswith("left out, diverged or without a finite value: opt=")
    assert note.endswith("(1 of 2 runs)")
    assert all(max(effect["means"].values(), default=0) < 100 for effect in answer["effects"])


def test_intervals_of_an_accuracy_stay_between_zero_and_one(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--lr", "0.01,0.1", "--seeds", "3", "-q")
    for metric, least, most in (("val/accuracy", 0, 1), ("val/loss", 0, math.inf)):
        for row in nnlab("compare", "--by", metric, "--format", "json").json["rows"]:
            low, high = row["interval"]
            assert least <= low <= row["mean"] <= high <= most


def test_compare_by_test_says_so_aloud(trained: Nnlab) -> None:
    assert "ranked by the test split" in trained("compare", "--by", "test/accuracy").out


def test_a_single_seed_is_no_evidence(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "-q")
    assert "one seed each" in nnlab("compare").out


@pytest.mark.parametrize(
    "words",
    [["ls"], ["studies"], ["compare"], ["choices"], ["devices"], ["db", "status"], ["show", "1"]],
)
def test_every_list_in_every_format(trained: Nnlab, words: list[str]) -> None:
    assert trained(*words, "--format", "table").out.strip()
    json.loads(trained(*words, "--format", "json").out)
    rows = list(csv.reader(io.StringIO(trained(*words, "--format", "csv").out)))
    assert len(rows) > 1
    assert len({len(row) for row in rows}) == 1
    table = trained(*words, "--format", "markdown").out.splitlines()
    assert table[0].startswith("| ")
    assert set(table[1]) <= set("| -:")


def test_columns_decides_the_width_of_a_table(
    trained: Nnlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, trained("ls").out.splitlines())) <= 60
    monkeypatch.delenv("COLUMNS")
    assert max(map(len, trained("ls").out.splitlines())) > 60


def test_show_tells_the_provenance(trained: Nnlab) -> None:
    output = trained("show", "1", "--format", "json").json[0]
    attempt = output["attempts"][0]
    for key in ("platform", "python", "torch", "nnlab", "device", "threads"):
        assert attempt["environment"][key]
    assert attempt["environment"]["packages"]["numpy"]
    assert attempt["hostname"]
    assert attempt["command"]
    assert attempt["outcome"] == "finished"
    assert output["data_fingerprint"]
    assert output["digest"]
    assert output["wall_seconds"] >= output["device_seconds"] > 0
    assert output["started_at"] <= output["ended_at"]
    text = trained("show", "1").out
    for word in ("finished", "Data hash", "Machine", "Command", "val/accuracy", "test/accuracy"):
        assert word in text


def test_show_keeps_the_uncommitted_change(nnlab: Nnlab, folder: Path) -> None:
    import subprocess

    from nnlab.provenance import environment as provenance

    def git(*words: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    (folder / "model.py").write_text("one\n")
    git("add", "model.py")
    git("commit", "-qm", "one")
    (folder / "model.py").write_text("two\n")
    provenance._working_directory_git_state.cache_clear()
    nnlab("train", *QUICK, "-q")
    provenance._working_directory_git_state.cache_clear()
    environment = nnlab("show", "1", "--format", "json").json[0]["attempts"][0]["environment"]
    assert environment["git_commit"] == git("rev-parse", "HEAD").strip()
    assert environment["git_dirty"] is True
    assert "+two" in environment["git_diff"]


def test_choices_list_every_kind(nnlab: Nnlab) -> None:
    kinds = {row["kind"] for row in nnlab("choices", "--format", "json").json}
    assert {"opt", "decay", "activation", "init", "model", "data", "loss", "norm"} <= kinds
    rows = nnlab("choices", "opt", "--format", "json").json
    assert all(row["summary"] for row in rows)
    assert all(row["source"] for row in rows if row["name"] not in ("module:", "task"))


def test_devices_name_the_processor(nnlab: Nnlab) -> None:
    output = nnlab("devices", "--format", "json").json
    assert output[-1]["device"] == "cpu"
    assert sum(row["auto"] for row in output) == 1


def test_text_from_users_is_shown_as_it_is(nnlab: Nnlab, folder: Path) -> None:
    name = "[red]x[/red] <b>|_*"
    nnlab("init-study", name, *QUICK, "--question", "[bold]why[/bold]?")
    assert name in nnlab("studies").out
    assert "[bold]why[/bold]?" in nnlab("studies").out
    nnlab("train", "--study", name, "-q")
    nnlab("report", name, "-o", "r.md")
    text = (folder / "r.md").read_text()
    assert "<b>" not in text
    assert "&lt;b&gt;" in text


def test_each_data_set_is_ranked_by_its_own_objective(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--opt", "sgd,adam", "-q")
    nnlab("train", "--data", "diabetes", "--epochs", "2", "--name", "sugar", "-q")
    output = nnlab("compare", "--format", "json").json
    assert (output["heading"], output["by"], output["total"]) == ("diabetes", "val/loss", 1)
    (other,) = output["other_groups"]
    assert (other["heading"], other["by"], other["total"]) == ("iris", "val/accuracy", 2)
    mixed = nnlab("compare", "--mixed", "--format", "json").json
    assert (mixed["by"], mixed["total"], mixed["other_groups"]) == ("val/accuracy", 2, [])
    assert "1 trial not measured by val/accuracy, not ranked" in mixed["notes"]
    assert nnlab("compare", "sugar", "--format", "json").json["by"] == "val/loss"


def test_show_tells_how_each_attempt_was_trained(trained: Nnlab, folder: Path) -> None:
    (attempt,) = trained("show", "1", "--format", "json").json[0]["attempts"]
    assert attempt["engine"] == "stacked 2"
    assert "Engine" in trained("show", "1").out
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection, connection:
        connection.execute("UPDATE attempt SET engine = 'stacked 4', peak_bytes = 3145728")
        connection.execute(
            "INSERT INTO attempt (run_id, hostname, pid_space, pid, command, first_epoch,"
            " started_at) VALUES (1, 'h', '', 1, 'nnlab train', 2, '2026-01-01T00:00:00+00:00')"
        )
    text = trained("show", "1").out
    assert "finished from epoch 1 (stacked 4, 3 MiB), running from epoch 2" in text


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("--across", "opt", "--relative", "1"), "--relative"),
        (("--across", "opt", "--columns", "params"), "--columns"),
        (("--across", "opt", "--top", "1"), "--top"),
        (("--across", "opt", "--at", "last"), "--at"),
        (("--across", "opt", "--mixed"), "--mixed"),
        (("--across", "opt", "--uncertainty", "sd"), "--uncertainty"),
        (("--ablation", "opt=sgd", "--transpose"), "--transpose"),
        (("--ablation", "opt=sgd", "--relative", "opt=sgd"), "--relative"),
        (("--ablation", "opt=sgd", "--caption", "Text"), "--caption"),
        (("--label", "tab:x"), "--label"),
    ],
)
def test_options_without_effect_on_a_table_are_refused(
    trained: Nnlab, words: tuple[str, ...], option: str
) -> None:
    assert f"{option} has no effect with --" in trained("compare", *words, expect=2).err
