"""`nnlab data`: the content of a data set as text, JSON and a figure."""

import subprocess
import sys
from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab.engine.data import published

TABLE = "size,colour,same,y\n" + "".join(
    f"{i},{('red', 'green')[i % 2]},5,{('no', 'yes')[i % 3 == 0]}\n" for i in range(60)
)


def test_a_set_shows_its_splits_classes_and_features(nnlab: Nnlab) -> None:
    out = nnlab("data", "show", "iris").out
    assert "classification, 3 classes" in out
    assert "train 106, val 22, test 22" in out
    assert "setosa          36     7      7" in out
    assert "Fisher 1936" in out


def test_looking_at_data_imports_no_torch(folder: Path) -> None:
    code = (
        "import sys\nfrom nnlab.cli.main import main\n"
        "assert main(['data', 'show', 'sequences', '--train-size', '50']) == 0\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=folder, check=False).returncode == 0


def test_the_same_as_json(nnlab: Nnlab) -> None:
    output = nnlab("data", "show", "iris", "--format", "json").json
    assert output["splits"] == {"train": 106, "val": 22, "test": 22}
    assert output["counts"]["setosa"] == {"train": 36, "val": 7, "test": 7}
    assert len(output["features"]) == 4
    assert output["features"][0]["mean"] == pytest.approx(5.83, abs=0.1)
    assert output["version"] is None


def test_what_was_inferred_of_a_file_is_told(nnlab: Nnlab, folder: Path) -> None:
    (folder / "points.csv").write_text(TABLE)
    out = nnlab("data", "show", "csv:points.csv#y").out
    assert "2 numeric; colour: categorical with 2 values" in out
    assert "constant features 1: same" in " ".join(out.split())
    assert "colour=green" in out
    assert "content hash" in out
    output = nnlab("data", "show", "csv:points.csv#y", "--format", "json").json
    assert output["columns"][1] == {"name": "colour", "values": ["green", "red"]}
    assert [feature["constant"] for feature in output["features"]] == [False] * 3 + [True]


def test_options_make_the_problem_harder(nnlab: Nnlab) -> None:
    words = ("--classes", "0-4", "--train-size", "200", "--label-noise", "0.1")
    output = nnlab("data", "show", "digits", *words, "--format", "json").json
    assert output["splits"]["train"] == 200
    assert output["classes"] == ["0", "1", "2", "3", "4"]
    assert "20 of the training split" in nnlab("data", "show", "digits", *words).out


def test_the_noise_floor_is_shown(nnlab: Nnlab) -> None:
    words = ("teacher-student", "--data-noise", "0.5", "--samples", "400")
    assert "rmse 0.5 (mse 0.25;" in nnlab("data", "show", *words).out
    output = nnlab("data", "show", *words, "--format", "json").json
    assert output["noise_floor"] == 0.25
    assert output["splits"] == {"train": 280, "val": 60, "test": 60}
    assert output["targets"][0]["split"] == "train"


def test_long_lists_are_cut_in_the_table_only(nnlab: Nnlab) -> None:
    assert "20 more features; --format json lists all" in nnlab("data", "show", "sequences").out
    output = nnlab("data", "show", "sequences", "--format", "json").json
    assert len(output["features"]) == 40


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_a_picture_is_drawn(nnlab: Nnlab, folder: Path, suffix: str) -> None:
    out = nnlab("data", "show", "two-moons", "--picture", f"moons.{suffix}").out
    assert f"moons.{suffix}" in out
    assert (folder / f"moons.{suffix}").stat().st_size > 2000


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("irsi",), 2, "did you mean 'iris'"),
        (("iris", "--samples", "50"), 2, "--samples has no effect with --data iris"),
        (("iris", "--train-size", "9000"), 1, "iris has 106 examples"),
        (("iris", "--classes", "0-9"), 2, "unknown class '9'"),
        (("iris", "--train-size", "5,10"), 2, "only one data set can be shown"),
        (
            ("iris", "--picture", "iris.jpg"),
            2,
            "a figure is written as .pdf, .svg, .png,",
        ),
        (("csv:none.csv#y",), 1, "no data file at none.csv"),
        (("mnist:none",), 1, "no folder at none"),
    ],
)
def test_what_is_wrong_is_told(
    nnlab: Nnlab, words: tuple[str, ...], code: int, message: str
) -> None:
    answer = nnlab("data", "show", *words, expect=code)
    assert message in answer.err.replace("\n", " ")


def test_fetch_tells_where_a_set_lies(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(name: str, place: str, progress: object) -> tuple[Path, ...]:
        assert callable(progress)
        progress("file.gz", 5, 10)
        return (folder / name / "file.gz",)

    monkeypatch.setattr(published, "fetch", here)
    out = nnlab("data", "fetch", "mnist", "iris").out
    assert f"mnist: {folder / 'mnist'}" in out
    assert "iris: included in nnlab" in out


def test_a_class_of_one_row_and_an_identifier_are_named(nnlab: Nnlab, folder: Path) -> None:
    lines = [f"{i},{i * 37 % 101},{'abr'[2 if i == 7 else i % 2]}" for i in range(60)]
    (folder / "t.csv").write_text("\n".join(["row_id,x,y", *lines]) + "\n")
    out = nnlab("data", "show", "csv:t.csv#y").out
    assert "classes with a single row 1: r" in " ".join(out.split())
    assert "columns that look like identifiers 1: row_id" in " ".join(out.split())
    output = nnlab("data", "show", "csv:t.csv#y", "--format", "json").json
    assert (output["single_row_classes"], output["id_columns"]) == (["r"], ["row_id"])
    trained = nnlab("train", "--data", "csv:t.csv#y", "--epochs", "2").out
    assert "1 class has a single row; 1 column looks like an identifier" in trained
