"""Numbers of data that are too large are errors about the data, not divergences."""

import random
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

SMALL = ("--epochs", "1", "--width", "4", "--depth", "1", "-q")


def write_table(path: Path, *, feature: object = None, target: object = None) -> None:
    """60 rows of random numbers; every seventh has the given feature or target."""
    generator = random.Random(0)
    lines = ["a,b,y"]
    for row in range(60):
        a, b, y = (generator.random() for _ in range(3))
        replaces = row % 7 == 3
        cells = (
            a,
            feature if replaces and feature is not None else b,
            target if replaces and target is not None else y,
        )
        lines.append(",".join(map(str, cells)))
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("inputs", ["standardise", "minmax", "zca", "none"])
def test_features_whose_mean_overflows_name_their_column(
    nnlab: Nnlab, folder: Path, inputs: str
) -> None:
    write_table(folder / "t.csv", feature="1e308")
    answer = nnlab("train", "--data", "csv:t.csv#y", "--inputs", inputs, *SMALL, expect=1)
    message = " ".join(answer.err.split())
    assert "column 'b' has values from" in message
    assert "to 1e+308: too large for their mean to be computed" in message
    assert "--drop-columns b" in message
    assert not (folder / "runs.db").exists()
    nnlab("train", "--data", "csv:t.csv#y", "--drop-columns", "b", *SMALL)


def test_features_that_do_not_fit_the_number_format_name_their_column(
    nnlab: Nnlab, folder: Path
) -> None:
    write_table(folder / "t.csv", feature="1e300")
    data = ("train", "--data", "csv:t.csv#y", *SMALL)
    answer = nnlab(*data, "--inputs", "none", expect=1)
    assert "to 1e+300: too large for --inputs none and float32 numbers" in " ".join(
        answer.err.split()
    )
    nnlab(*data)  # standardised they are of usual size


@pytest.mark.parametrize("target", ["1e308", "-1e308"])
def test_targets_whose_mean_overflows_are_named(nnlab: Nnlab, folder: Path, target: str) -> None:
    write_table(folder / "t.csv", target=target)
    answer = nnlab("train", "--data", "csv:t.csv#y", *SMALL, expect=1)
    assert "the targets of column 'y' have values from" in " ".join(answer.err.split())
    assert not (folder / "runs.db").exists()


def test_evaluation_names_the_rows_whose_targets_are_too_large(nnlab: Nnlab, folder: Path) -> None:
    write_table(folder / "t.csv")
    nnlab("train", "--data", "csv:t.csv#y", *SMALL)
    write_table(folder / "new.csv", target="1e300")
    answer = nnlab("evaluate", "1", "--data", "new.csv", expect=1)
    message = " ".join(answer.err.split())
    assert "a target is too large for its error to be computed" in message
    assert "1e+300 in row 4" in message
    blank = nnlab("evaluate", "1", "--data", "new.csv", "--invalid-rows", "blank", "--json").json
    assert blank["rows"] == 60 - 9
    assert all(abs(value) < 1e6 for value in blank["metrics"].values())


def test_data_of_usual_size_is_unchanged(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--inputs", "none", "-q")
    (run,) = nnlab("ls", "--format", "json").json
    assert run["status"] == "finished"
