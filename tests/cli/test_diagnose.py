"""`nnlab diagnose` and `explain`: runs, CSV files, and `--fail-on`."""

import csv
import io
import itertools
import json
from pathlib import Path

import pytest
from command_line_runner import Nnlab

RISING = "epoch,train_loss,val_loss\n" + "".join(
    f"{e},{2 * 0.7**e:.5f},{1 + 0.04 * abs(e - 4) ** 1.5:.5f}\n" for e in range(1, 16)
)
HEALTHY = "step;loss;test loss;acc\n" + "".join(
    f"{e};{2 * 0.7**e + 0.1:.5f};{2 * 0.7**e + 0.12:.5f};{90 - 50 * 0.7**e:.1f}%\n"
    for e in range(15)
)


def test_a_run_is_told_in_full_and_a_code_fails_a_script(nnlab: Nnlab) -> None:
    nnlab("train", "--data", "iris", "--opt", "sgd", "--lr", "1e-6", "--epochs", "8", "-q")
    answer = nnlab("diagnose", "1", "--fail-on", "NN2xx", expect=3)
    assert "NN203 learning rate too low (warning" in answer.out
    assert "try: " in answer.out
    nnlab("diagnose", "1", "--fail-on", "NN101,NN403")
    assert "unknown finding 'NN999'" in nnlab("diagnose", "1", "--fail-on", "NN999", expect=2).err


def test_several_runs_are_a_row_each(nnlab: Nnlab) -> None:
    nnlab("train", "--data", "iris", "--lr", "1e-6,0.01", "--seeds", "2", "--epochs", "8", "-q")
    rows = nnlab("diagnose", "--format", "json").json
    assert [row["run"] for row in rows] == [1, 2, 3, 4]
    slow = next(row for row in rows if row["trial"] == "lr=1e-06")
    assert slow["code"] == "NN203"
    assert slow["findings"][0]["evidence"]["update_ratio"] < 1e-4
    assert "4 runs" in nnlab("diagnose").out


def test_curves_from_a_file_with_names_of_their_own(nnlab: Nnlab, folder: Path) -> None:
    (folder / "a.csv").write_text(RISING)
    assert "NN101 overfitting" in nnlab("diagnose", "--csv", "a.csv").out
    (folder / "b.csv").write_text(RISING.replace("val_loss", "loss.2"))
    words = ("--csv", "b.csv", "--map", "val_loss=loss.2", "--format", "json")
    (row,) = nnlab("diagnose", *words).json
    assert (row["file"], row["code"], row["onset"]) == ("b.csv", "NN101", 4)
    assert row["confidence"] > 0.8


def test_a_folder_of_files_is_a_row_each(nnlab: Nnlab, folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more/rising.csv").write_text(RISING)
    (folder / "more/healthy.csv").write_text(HEALTHY)
    answer = nnlab("diagnose", "--csv", "more", "--format", "csv", "--fail-on", "warning", expect=3)
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    assert [(Path(row["file"]).name, row["code"]) for row in rows] == [
        ("healthy.csv", ""),
        ("rising.csv", "NN101"),
    ]
    assert rows[0]["severity"] == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch,a\n1,2\n", "no column of a loss or an accuracy among epoch, a"),
        ("epoch,val_loss\n1,much\n", "line 2: 'much' is not a number"),
        ("epoch,val_loss\n", "bad.csv has no values: a header line and a row for each epoch"),
        ("epoch,val_loss\n1,\n2,NA\n", "bad.csv has no values"),
        ("epoch,val_loss\n1,1_0\n", "line 2: '1_0' is not a number"),
        ("epoch,val_loss\nx,1\n", "line 2: 'x' is not a number"),
        ("epoch,val_loss\n1.5,1\n", "line 2: an epoch must be a whole number"),
        ("", "no column of a loss or an accuracy"),
        ("\x00\x01", "no column of a loss"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(
    nnlab: Nnlab, folder: Path, text: str, message: str
) -> None:
    (folder / "bad.csv").write_text(text)
    answer = nnlab("diagnose", "--csv", "bad.csv", expect=1)
    assert "bad.csv" in answer.err
    assert message in answer.err


def test_what_cannot_be_meant_is_told(nnlab: Nnlab, folder: Path) -> None:
    assert "gone.csv: no such file" in nnlab("diagnose", "--csv", "gone.csv", expect=1).err
    (folder / "a.csv").write_text(RISING)
    assert "not both" in nnlab("diagnose", "1", "--csv", "a.csv", expect=2).err
    assert "--map needs --csv" in nnlab("diagnose", "--map", "epoch=x", expect=2).err
    for text, phrase in (("epoch", "NAME=COLUMN"), ("loss=x", "unknown column 'loss'")):
        assert phrase in nnlab("diagnose", "--csv", "a.csv", "--map", text, expect=2).err
    missing = nnlab("diagnose", "--csv", "a.csv", "--map", "val_loss=val_los", expect=1).err
    assert "did you mean 'val_loss'?" in missing


def test_missing_and_odd_cells_are_read(nnlab: Nnlab, folder: Path) -> None:
    lines = RISING.splitlines()
    lines[3] = "3,,nan"
    lines[6] = "6,inf,"
    (folder / "a.csv").write_text("\ufeff" + "\n\n".join(lines))
    (row,) = nnlab("diagnose", "--csv", "a.csv", "--format", "json").json
    assert row["code"] == "NN101"
    (folder / "nan.csv").write_text("train_loss,val_loss\n1,1\n0.5,0.9\nnan,nan\n")
    (row,) = nnlab("diagnose", "--csv", "nan.csv", "--format", "json").json
    assert (row["code"], row["onset"], row["severity"]) == ("NN201", 3, "error")


def test_losses_of_opponents_are_no_losses_to_diagnose(nnlab: Nnlab, folder: Path) -> None:
    (folder / "gan.csv").write_text("epoch,g_loss,d_loss\n1,0.7,1.3\n2,0.8,1.2\n")
    error = nnlab("diagnose", "--csv", "gan.csv", expect=1).err
    assert "d_loss and g_loss are losses of networks that are trained against each other" in error
    assert "no column of a loss" not in error


def test_other_tables_of_a_folder_are_left_out_and_named(nnlab: Nnlab, folder: Path) -> None:
    (folder / "runs").mkdir()
    (folder / "runs" / "other.csv").write_text("name,size\na,1\n")
    error = nnlab("diagnose", "--csv", "runs", expect=1).err
    assert "other.csv: no column of a loss or an accuracy" in error
    (folder / "runs" / "rising.csv").write_text(RISING)
    answer = nnlab("diagnose", "--csv", "runs")
    assert "NN101 overfitting" in answer.out
    assert "left out: runs/other.csv: no column of a loss" in answer.err
    nnlab("diagnose", "--csv", "runs/rising.csv", "--csv", "runs/other.csv", expect=1)


@pytest.mark.parametrize(
    ("epochs", "text"),
    [
        (1, "1 value per curve: too few for a diagnosis, which needs at least 3"),
        (4, "4 values per curve: too few to find noise, underfitting or a learning rate"),
    ],
)
def test_short_curves_without_findings_are_not_called_healthy(
    nnlab: Nnlab, folder: Path, epochs: int, text: str
) -> None:
    (folder / "a.csv").write_text("\n".join(RISING.splitlines()[: epochs + 1]))
    assert text in nnlab("diagnose", "--csv", "a.csv").out
    (folder / "b.csv").write_text(HEALTHY)
    assert "per curve" not in nnlab("diagnose", "--csv", "b.csv").out


def test_explain_wraps_paragraphs_as_a_whole(nnlab: Nnlab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = nnlab("explain", "NN101").out.splitlines()
    followed = [a for a, b in itertools.pairwise(lines) if a and b][3:-2]
    assert all(len(line) > 60 for line in followed), followed


def test_explain_prints_the_page_of_a_rule(nnlab: Nnlab) -> None:
    page = nnlab("explain", "nn101").out
    for part in ("NN101 overfitting", "Detects:", "Why it matters:", "What to try:"):
        assert part in page
    assert "NN501" in nnlab("explain").out
    assert "unknown finding 'NN1'" in nnlab("explain", "NN1", expect=2).err


def test_a_run_ends_on_a_finding_it_is_to_stop_on(nnlab: Nnlab) -> None:
    words = ["--data", "iris", "--opt", "sgd", "--lr", "1e-6", "--epochs", "40", "-q"]
    nnlab("train", *words, "--stop-on", "NN203")
    (run,) = nnlab("show", "1", "--format", "json").json
    assert run["status"] == "finished"
    assert run["reason"].startswith("stopped on NN203 learning rate too low")
    assert run["epochs"] < 40
    assert "test/accuracy" in {metric["metric"] for metric in run["metrics"]}
    again = nnlab("verify", "1").out
    assert "same" in again
    assert "unknown finding" in nnlab("train", *words, "--stop-on", "NN9", expect=2).err


def test_a_stack_lets_the_runs_go_that_stop(nnlab: Nnlab) -> None:
    nnlab(
        "train", "--data", "iris", "--opt", "sgd", "--lr", "1e-6,0.1", "--epochs", "20", "-q",
        "--seeds", "2", "--engine", "stacked", "--stop-on", "NN203",
    )  # fmt: skip
    runs = json.loads(nnlab("ls", "--format", "json").out)
    epochs = {(run["trial"], run["seed"]): run["epochs"] for run in runs}
    assert all(n == 20 for (trial, _), n in epochs.items() if trial == "lr=0.1")
    assert all(n < 20 for (trial, _), n in epochs.items() if trial == "lr=1e-06")
