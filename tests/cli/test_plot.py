"""`nnlab plot` and `nnlab figures`: every kind of figure is drawn, checked and redrawn from real
runs.
"""

import contextlib
import csv
import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab
from matplotlib.figure import Figure

from nnlab.cli.figures.plot.command import app as plot
from nnlab.figures import KINDS
from nnlab.figures.draw.save import save_figure
from nnlab.io.file_origin import read_figure_provenance

GRID = ("--opt", "sgd,adam", "--lr", "0.001,0.01,0.1", "--seeds", "3", "--probe", "full")
# What a kind needs beside the study; of those not here nothing.
WORDS = {
    "lr": ("plot", "lr", "--decay", "exp,step"),
    "init": ("plot", "init", "--depth", "3", "--width", "8"),
    "surface": ("plot", "surface", "--on", "quadratic", "--steps", "20"),
    "norm": ("plot", "norm", "--batch-size", "8"),
    "profile": ("plot", "profile", "grid", "--across", "opt"),
    "aggregates": ("plot", "aggregates", "grid", "--across", "opt"),
    "compare": ("plot", "compare", "1", "2"),
    "landscape": ("plot", "landscape", "1", "--grid", "5", "--examples", "32"),
    "interpolation": ("plot", "interpolation", "1", "2", "--points", "5"),
    "confusion": ("plot", "confusion", "1"),
    "calibration": ("plot", "calibration", "1"),
    "examples": ("plot", "examples", "1", "--count", "5"),
    "time": ("plot", "time", "grid", "--target", "0.5"),
    "find-lr": ("plot", "find-lr", *QUICK[:2], "--steps", "40", "--seeds", "2"),
    "find-decay": ("plot", "find-decay", "slow"),
    "critical-difference": (
        *("plot", "critical-difference", "grid"),
        *("--across", "lr", "--blocks", "seeds"),
    ),
    "scaling": ("plot", "scaling", "grid", "--x", "lr", "--by", "val/loss"),
    "compose": ("plot", "compose", "ranking grid", "effects grid"),
}


@pytest.fixture
def grid(nnlab: Nnlab) -> Nnlab:
    """Six trials of three seeds, probed in full."""
    nnlab("init-study", "grid", *QUICK, *GRID)
    nnlab("train", "--study", "grid", "-q")
    return nnlab


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def drawn_runs(path: Path) -> str:
    return str((read_figure_provenance(path) or {})["runs"])


def words_of(kind: str) -> tuple[str, ...]:
    return WORDS.get(kind, ("plot", kind, "grid"))


def test_every_kind_is_a_command_and_every_command_a_kind() -> None:
    assert {command.name for command in plot.registered_commands if command.name} | {
        str(command.callback.__name__)  # type: ignore[union-attr]
        for command in plot.registered_commands
        if not command.name
    } == set(KINDS)


def test_every_kind_is_drawn_checked_and_drawn_again(grid: Nnlab, folder: Path) -> None:
    grid("train", *QUICK[:2], "--epochs", "12", "--lr", "0.001", "--name", "slow", "-q")
    # These need a study of remedies, and a ledger.
    kinds = [kind for kind in KINDS if kind not in ("remedy", "gate")]
    for kind in kinds:
        answer = grid(*words_of(kind), "-o", f"{kind}.svg")
        assert answer.out.startswith(f"{kind}.svg: "), answer.out
        provenance = read_figure_provenance(folder / f"{kind}.svg")
        assert provenance is not None
        assert provenance["kind"] == kind
        assert len(provenance["data"]) == 64
    listed = {row["file"]: row["state"] for row in grid("figures", "--format", "json").json}
    assert listed == {f"{kind}.svg": "fresh" for kind in kinds}


def test_a_stale_figure_is_found_and_drawn_anew(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--opt", "sgd", "-q")
    nnlab("plot", "ranking", "-o", "fig.pdf", "-o", "fig.png", "--data", "--venue", "icml")
    assert "fresh" in nnlab("plot", "--check", "fig.pdf").out
    before = (folder / "fig.csv").read_text()
    nnlab("train", *QUICK, "--opt", "adam", "-q")
    answer = nnlab("plot", "--check", "fig.pdf", expect=3)
    assert "stale, the numbers differ" in answer.out
    assert "nnlab plot ranking --venue icml -o fig.pdf" in answer.out
    assert "2 stale" in nnlab("figures").err
    nnlab("figures", "--refresh")
    assert "fresh" in nnlab("plot", "--check", "fig.pdf").out
    assert "fresh" in nnlab("plot", "--check", "fig.png").out
    assert len((folder / "fig.csv").read_text()) > len(before)
    assert {row["state"] for row in nnlab("figures", "--format", "json").json} == {"fresh"}


def test_a_figure_of_what_is_gone_says_so(trained: Nnlab, folder: Path) -> None:
    trained("plot", "curves", "1", "-o", "one.png")
    trained("rm", "1", "--yes")
    assert "gone" in trained("plot", "--check", "one.png", expect=3).out


@pytest.mark.parametrize("field", ["model", "data"])
def test_a_figures_file_never_makes_code_run(trained: Nnlab, folder: Path, field: str) -> None:
    """What a file says of itself was written by whoever sent it."""
    (folder / "evil.py").write_text("open('ran', 'w')\ndef f(**_): ...\n")
    metadata = {"kind": "init", "words": [], "page": {}, "data": "0", "nnlab": "0"}
    for settings in ({field: "evil.py:f"}, {field: ["evil.py:f"]}, "evil.py:f"):
        save_figure(Figure(), folder / "sent.png", {**metadata, "options": {"settings": settings}})
        assert "unknown" in trained("plot", "--check", "sent.png", expect=3).out
        trained("figures", "--refresh")
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    "message",
    [
        {"kind": "curves", "words": ["none"], "options": {}, "page": {}},
        {"kind": "curves", "words": [], "options": {"nonsense": 1}, "page": {}},
        {"kind": "curves", "words": [], "options": {"top": "many"}, "page": {}},
        {"kind": "curves", "words": "x", "options": {}, "page": {}},
        {"kind": "../x", "words": [], "options": {}, "page": {}},
        {},
    ],
)
def test_rubbish_in_a_figures_file_is_told(
    trained: Nnlab, folder: Path, message: dict[str, object]
) -> None:
    save_figure(Figure(), folder / "sent.pdf", message)
    answer = trained("plot", "--check", "sent.pdf", expect=3)
    assert "gone" in answer.out or "unknown" in answer.out
    trained("figures")


def test_files_of_others_are_let_alone(trained: Nnlab, folder: Path) -> None:
    (folder / "mine.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / ".hidden").mkdir()
    trained("plot", "curves", "-o", ".hidden/a.png")
    assert "no figures of nnlab plot found" in trained("figures").out
    assert "was not drawn by nnlab plot" in trained("plot", "--check", "mine.png", expect=2).err
    assert "cannot read none.png" in trained("plot", "--check", "none.png", expect=1).err
    assert "no such file or folder" in trained("figures", "none", expect=2).err


def test_the_numbers_drawn_are_those_of_the_database(trained: Nnlab, folder: Path) -> None:
    trained("plot", "ranking", "-o", "r.pdf", "--data")
    rows = table(folder / "r.csv")
    ranked = trained("compare", "--format", "json").json["rows"]
    assert [float(row["mean"]) for row in rows] == [row["mean"] for row in ranked]
    assert [float(row["low"]) for row in rows] == [row["interval"][0] for row in ranked]


def test_the_numbers_of_curves_are_what_is_drawn_and_no_more(trained: Nnlab, folder: Path) -> None:
    trained("plot", "curves", "-o", "c.pdf", "--data")
    rows = table(folder / "c.csv")
    drawn = {"train/loss", "val/loss", "train/accuracy", "val/accuracy"}
    assert {row["metric"] for row in rows} == drawn
    assert len(rows) == 2 * 4 * 3
    assert {row["seeds"] for row in rows} == {"2"}


def test_runs_that_are_not_drawn_are_named_with_the_reason(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--seeds", "2", "-q")
    nnlab("train", *QUICK, "--seed", "0", "--again", "-q")
    nnlab("train", "--data", "diabetes", "--epochs", "2", "--width", "8", "--depth", "1", "-q")
    answer = nnlab("plot", "curves", "1", "2", "3", "4", "-o", "a.svg")
    assert "run 1 not drawn: a newer run repeats it" in answer.err
    assert "run 4 not drawn: it has no val/accuracy" in answer.err
    answer = nnlab("plot", "ranking", "1", "2", "3", "-o", "b.svg")
    assert "run 1 not drawn: a newer run repeats it" in answer.err
    nnlab("train", *QUICK, "--metrics", "f1", "--lr", "0.5", "-q")
    answer = nnlab("plot", "curves", "2", "5", "--metric", "f1", "-o", "c.svg")
    assert "has no curve: it has no train/f1 or val/f1" in answer.err


def test_curves_of_a_metric_that_no_trial_has_are_refused(trained: Nnlab) -> None:
    answer = trained("plot", "curves", "--metric", "acuracy", "-o", "c.svg", expect=2)
    assert "unknown metric 'acuracy': did you mean 'accuracy'?" in answer.err


def test_a_figure_names_the_data_sets_that_it_leaves_out(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--lr", "0.01,0.1", "-q")
    nnlab("train", "--data", "diabetes", "--epochs", "2", "--width", "8", "--depth", "1", "-q")
    answer = nnlab("plot", "parallel", "default", "--by", "val/accuracy", "-o", "a.svg")
    assert "not comparable with these, not ranked here: diabetes" in answer.err


def test_a_cell_of_a_heatmap_has_the_value_of_the_sweep_and_the_table(
    grid: Nnlab, folder: Path
) -> None:
    """Also where a seed has no result: it is left out everywhere alike."""
    with contextlib.closing(sqlite3.connect("runs.db")) as connection, connection:
        connection.execute(
            "UPDATE summary SET best = NULL WHERE run_id = 1 AND metric_id ="
            " (SELECT id FROM metric WHERE name = 'val/loss')"
        )
    by = ("grid", "--by", "val/loss")
    grid("plot", "heatmap", *by, "--x", "lr", "--y", "opt", "-o", "a.svg", "--data")
    grid("plot", "sweep", *by, "--x", "lr", "--lines", "opt", "-o", "b.svg", "--data")
    cells = {(row["opt"], row["lr"]): row["val/loss"] for row in table(folder / "a.csv")}
    points = {(row["opt"], row["lr"]): row["mean"] for row in table(folder / "b.csv")}
    assert cells == points
    assert all(cells.values())
    rows = grid("compare", *by, "--format", "json").json["rows"]
    means = sorted(row["mean"] for row in rows)
    assert sorted(map(float, cells.values())) == pytest.approx(means)


def test_steps_are_batches_and_without_a_probe_not_known(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--batch-size", "10", "-q")
    nnlab("plot", "time", "--x", "steps", "-o", "t.pdf", "--data")
    steps = [float(row["steps"]) for row in table(folder / "t.csv")]
    assert steps == [11, 22, 33]  # iris keeps 106 examples for training
    nnlab("train", *QUICK, "--probe", "none", "-q")
    assert "--probe none" in nnlab("plot", "time", "--x", "steps", expect=2).err


def test_without_a_file_curves_are_drawn_in_letters(trained: Nnlab) -> None:
    text = trained("plot", "curves").out
    assert "Loss (cross entropy, nats)" in text
    assert "Accuracy" in text
    assert "Adam" in text
    assert "\x1b" not in text
    assert "next: add -o curves.pdf" in text


def test_without_a_file_a_figure_without_curves_is_its_numbers(trained: Nnlab) -> None:
    text = trained("plot", "ranking").out
    assert "Adam" in text
    assert "mean" in text


def test_provenance_names_runs_command_and_numbers_but_no_secret(
    trained: Nnlab, folder: Path
) -> None:
    trained("plot", "curves", "--top", "1", "-o", "a.pdf", "--legend", "direct")
    provenance = read_figure_provenance(folder / "a.pdf")
    assert provenance is not None
    assert provenance["command"] == "nnlab plot curves --top 1 --legend direct"
    assert provenance["database"] == "runs.db"
    assert set(provenance) == {
        "nnlab", "kind", "words", "options", "page", "command", "database", "runs", "commits",
        "data", "database_id",
    }  # fmt: skip
    assert len(provenance["runs"].split(",")) in (1, 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--venue", "nips"), "did you mean 'neurips'"),
        (("--palette", "jet"), "unknown palette 'jet'"),
        (("--style", "xkcd"), "unknown style 'xkcd'"),
        (("--legend", "top"), "unknown legend 'top'"),
        (("--columns", "2"), "--columns needs a venue"),
        (("--columns", "2", "--venue", "neurips"), "a neurips page has one column"),
        (("--width", "0.2"), "--width is in inches, from 1 to 60"),
        (("--data",), "add -o curves.pdf"),
        (("--metric", "nonsense", "-o", "x.jpg"), "a figure is written as"),
    ],
)
def test_what_a_page_cannot_be(trained: Nnlab, words: tuple[str, ...], message: str) -> None:
    assert message in " ".join(trained("plot", "curves", *words, expect=2).err.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("plot", "heatmap"), "this figure needs two settings in which trials differ"),
        (("plot", "sweep", "--x", "widht"), "did you mean 'width'"),
        (("plot", "sweep", "--by", "val/los"), "did you mean 'val/loss'"),
        (("plot", "time", "--metric", "val/los"), "did you mean 'val/loss'"),
        (("plot", "gradients", "1"), "train with --probe full"),
        (("plot", "compare", "1"), "compare draws two trials"),
        (("plot", "effects"), "four trials that differ"),
        (("plot", "remedy", "default"), "not a remedy study"),
        (("plot", "confusion", "1", "--split", "all"), "one of train, val, test"),
        (("plot", "profile", "--across", "opts"), "did you mean 'opt'"),
        (("plot", "lr", "1", "--decay", "exp"), "give runs or settings, not both"),
        (("plot", "init", "--seed", "1,2"), "this figure needs a single seed"),
    ],
)
def test_what_cannot_be_drawn_says_why(
    trained: Nnlab, words: tuple[str, ...], message: str
) -> None:
    answer = trained(*words, "-o", "x.png", expect=None)
    assert answer.code in (1, 2)
    assert message in " ".join(answer.err.split()), answer.err


def test_test_examples_are_looked_at_aloud(trained: Nnlab) -> None:
    answer = trained("plot", "confusion", "1", "--split", "test", "-o", "c.png")
    assert "are no longer unbiased estimates" in answer.err


def test_confusion_counts_every_example_and_agrees_with_accuracy(
    trained: Nnlab, folder: Path
) -> None:
    trained("plot", "confusion", "1", "-o", "c.pdf", "--data")
    rows = table(folder / "c.csv")
    total = sum(int(row["examples"]) for row in rows)
    right = sum(int(r["examples"]) for r in rows if r["true class"] == r["predicted class"])
    (row,) = trained("compare", "1", "--format", "json").json["rows"]
    assert right / total == pytest.approx(row["mean"])


def test_confusion_in_percent_has_the_same_numbers(trained: Nnlab, folder: Path) -> None:
    trained("plot", "confusion", "1", "-o", "c.pdf", "--data")
    trained("plot", "confusion", "1", "-o", "p.pdf", "--data", "--percent")
    assert (folder / "c.csv").read_text() == (folder / "p.csv").read_text()
    by_class: dict[str, float] = {}
    for row in table(folder / "p.csv"):
        share = float(row["share of the true class"])
        by_class[row["true class"]] = by_class.get(row["true class"], 0.0) + share
    assert list(by_class.values()) == pytest.approx([1.0] * len(by_class))


def test_regressions_have_no_classes_but_farthest_examples(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--data", "diabetes", "-q")
    assert "predicts numbers" in nnlab("plot", "confusion", "1", "-o", "x.png", expect=2).err
    nnlab("plot", "examples", "1", "-o", "x.png", "--data", "--count", "4")
    rows = table(folder / "x.csv")
    off = [abs(float(row["truth"]) - float(row["prediction"])) for row in rows]
    assert off == sorted(off, reverse=True)
    assert off[0] == pytest.approx(float(rows[0]["loss"]), rel=1e-2)


def test_names_of_any_kind_are_drawn(nnlab: Nnlab, folder: Path) -> None:
    name = "<script>alert(1)</script> $x_1$ 100% \\input{x}"
    nnlab("init-study", name, *QUICK, "--opt", "sgd,adam", "--seeds", "2")
    nnlab("train", "--study", name, "-q")
    for kind in ("curves", "ranking", "gap", "sweep"):
        nnlab(
            "plot", kind, name, *(w for k in ("svg", "pdf", "pgf") for w in ("-o", f"{kind}.{k}"))
        )
    assert nnlab("figures", "--format", "json").json


PDFFONTS = shutil.which("pdffonts")


@pytest.mark.skipif(PDFFONTS is None, reason="pdffonts (poppler-utils) is not installed")
def test_fonts_are_embedded_and_of_no_type_3(trained: Nnlab, folder: Path) -> None:
    for venue in ("neurips", "nature"):
        trained("plot", "curves", "-o", f"{venue}.pdf", "--venue", venue)
        metadata = subprocess.run(
            [str(PDFFONTS), f"{venue}.pdf"], capture_output=True, text=True, check=True
        ).stdout.splitlines()[2:]
        assert metadata
        for line in metadata:
            assert "Type 3" not in line
            assert line.split()[-5] == "yes", line


@pytest.mark.skipif("DISPLAY" in os.environ, reason="there is a display: a window would open")
def test_without_a_desktop_the_picture_is_kept(
    trained: Nnlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer.launch", lambda _: 3)
    answer = trained("plot", "curves", "--show", expect=2)
    path = Path(answer.err.split("the figure is in ")[1].split()[0])
    assert path.read_bytes().startswith(b"\x89PNG")


def test_json_of_figures_has_stable_keys(trained: Nnlab) -> None:
    trained("plot", "curves", "-o", "a.svg")
    (row,) = json.loads(trained("figures", "--format", "json").out)
    assert set(row) == {"file", "state", "why", "command"}


@pytest.fixture
def data_sets(nnlab: Nnlab) -> Nnlab:
    nnlab("train", "--data", "iris,wine", *QUICK[2:], "--opt", "sgd,adam", "--seeds", "2", "-q")
    return nnlab


@pytest.mark.parametrize(
    ("value", "runs"), [("iris", "1-2, 5-6"), ("Iris", "1-2, 5-6"), ("wine", "3-4, 7-8")]
)
def test_selecting_a_data_set_draws_its_trials(
    data_sets: Nnlab, folder: Path, value: str, runs: str
) -> None:
    answer = data_sets("plot", "ranking", "-o", "one.pdf", "--select", f"data={value}")
    assert drawn_runs(folder / "one.pdf") == runs
    assert "not drawn" not in answer.err
    assert "not comparable" not in answer.err


def test_trials_that_were_not_selected_are_not_reported_as_missing(
    data_sets: Nnlab, folder: Path
) -> None:
    answer = data_sets("plot", "curves", "-o", "one.pdf", "--select", "opt=adam")
    assert drawn_runs(folder / "one.pdf") == "4, 8"
    assert "not drawn" not in answer.err


def test_selected_data_sets_on_an_axis_are_drawn_together(data_sets: Nnlab, folder: Path) -> None:
    selection = ("--select", "data=iris,wine", "--select", "opt=adam")
    answer = data_sets("plot", "heatmap", "--x", "data", "--y", "opt", "-o", "a.pdf", *selection)
    assert drawn_runs(folder / "a.pdf") == "2, 4, 6, 8"
    assert "not drawn" not in answer.err


def test_data_sets_that_are_not_comparable_are_not_selected_together(data_sets: Nnlab) -> None:
    answer = data_sets("plot", "curves", "--select", "data=iris,wine", expect=2)
    assert "trials with data iris, wine are not comparable" in answer.err
    answer = data_sets("plot", "curves", "--select", "data=digits", expect=2)
    assert answer.err.endswith("Known: iris, wine\n")


def test_captions_name_data_sets_and_settings_as_a_paper_does(
    data_sets: Nnlab, folder: Path
) -> None:
    data_sets("plot", "heatmap", "--x", "data", "--y", "opt", "-o", "a.pdf", "--caption")
    text = (folder / "a.caption.tex").read_text()
    assert "Validation accuracy over data set and optimizer." in text
    assert "n = 2 seeds of each of 4 trials on Iris and Wine." in text
    data_sets("plot", "sweep", "--x", "opt", "-o", "b.pdf", "--caption", "--select", "data=iris")
    text = (folder / "b.caption.tex").read_text()
    assert "Validation accuracy against optimizer. n = 2 seeds of each of 2 trials on Iris" in text
    data_sets("plot", "sweep", "--x", "opt", "-o", "c.pdf", "--caption")
    assert "Not comparable" not in (folder / "c.caption.tex").read_text()


def test_titles_of_landscapes_are_names_of_trials(data_sets: Nnlab, folder: Path) -> None:
    data_sets("plot", "landscape", "1", "2", "--grid", "3", "--examples", "16", "-o", "a.svg")
    text = (folder / "a.svg").read_text()
    assert "<!-- Adam (run 2) -->" in text
    assert "opt=adam" not in text.partition("</metadata>")[2]


def test_a_budget_that_no_trial_sets_is_an_error(trained: Nnlab) -> None:
    answer = trained("plot", "scaling", "-o", "a.pdf", expect=2)
    assert "--x train_size: no trial sets train_size" in answer.err


def test_a_study_without_results_is_named_as_such(nnlab: Nnlab) -> None:
    nnlab("init-study", "s", "--data", "iris", "--opt", "sgd,adam")
    assert "s has no results" in nnlab("compare", "s", "--across", "opt", expect=2).err
