"""Predictions for messy tables: every encoding is applied as in the training."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line_runner import Nnlab

from nnlab import store
from nnlab.engine.data.dataset import FeatureColumn
from nnlab.engine.data.split_dataset import read_and_split
from nnlab.engine.data.table_options import FormatOptions
from nnlab.engine.inference.checked_json import CheckedJson
from nnlab.engine.inference.column_json import column_from_json, column_to_json
from nnlab.engine.inference.input_options import InputOptions
from nnlab.engine.inference.input_report import InputReport
from nnlab.engine.inference.model_description import ModelDescription, parse_description
from nnlab.engine.inference.table_encoder import TableEncoder
from nnlab.engine.inference.table_rows import find_reader
from nnlab.errors import CheckpointError
from nnlab.settings import config_of

FAST = ("--epochs", "2", "--width", "4", "--depth", "1")
OPTIONS = (
    "--drop-columns", "id", "--missing", "category", "--dates", "parts", "--booleans", "number",
    "--many-categories", "hash", "--max-categories", "8",
)  # fmt: skip


def messy_rows(count: int) -> list[list[str]]:
    return [
        [
            str(i),
            f"{i % 28 + 1}.{i % 12 + 1}.2024" if i % 11 else "",
            "" if i % 7 == 0 else f"{i},25",
            f"town {i % 20}",
            "yes" if i % 3 else "no",
            "" if i % 5 == 0 else "red" if i % 2 else "blue",
            "ab"[i % 2],
        ]
        for i in range(1, count + 1)
    ]


HEADER = ["id", "when", "size", "town", "ok", "colour", "kind"]


def write(path: Path, rows: list[list[str]], sep: str = ";") -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=sep).writerows([HEADER, *rows])


def description_of(folder: Path) -> ModelDescription:
    (path,) = folder.rglob("model.json")
    return parse_description(path.read_bytes(), path.name)


def encoded(description: ModelDescription, path: Path) -> tuple[Any, Any, InputReport]:
    """The features of all rows of a file, which rows are invalid, and the report."""
    report = InputReport()
    encoder = TableEncoder(description, InputOptions(), report)
    read = find_reader(path)
    assert read is not None
    batches = [
        encoder.encode(batch) for batch in read(path, 16, FormatOptions.of(description.config))
    ]
    encoder.finish()
    examples = np.concatenate([batch.examples for batch in batches])
    return examples, np.concatenate([batch.invalid for batch in batches]), report


@pytest.fixture
def trained(nnlab: Nnlab, folder: Path) -> Nnlab:
    write(folder / "t.csv", messy_rows(90))
    nnlab("train", "--data", "csv:t.csv#kind", *OPTIONS, *FAST)
    return nnlab


def test_features_of_new_rows_equal_those_of_the_training(trained: Nnlab, folder: Path) -> None:
    description = description_of(folder)
    split = read_and_split(config_of(description.setting, 0))
    assert description.columns == split.dataset.columns
    assert {column.encoding for column in description.columns} == {
        "plain", "date_parts", "hash", "boolean",
    }  # fmt: skip
    examples, invalid, report = encoded(description, folder / "t.csv")
    assert examples.tobytes() == split.dataset.examples.tobytes()
    assert not invalid.any()
    assert report.errors == []


@pytest.mark.parametrize("name", ["new.csv", "new.tsv", "new.csv.gz", "new.xlsx"])
def test_new_tables_may_have_another_format(trained: Nnlab, folder: Path, name: str) -> None:
    rows = messy_rows(20)
    write(folder / "new.csv", rows)
    expected = trained("predict", "1", "--data", "new.csv").out
    plain = [[*row[:2], row[2].replace(",", "."), *row[3:]] for row in rows]
    path = folder / name
    if name == "new.tsv":
        write(path, plain, "\t")
    elif name == "new.csv.gz":
        write(folder / "plain.csv", plain, ",")
        path.write_bytes(gzip.compress((folder / "plain.csv").read_bytes()))
    elif name == "new.xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        book.active.append(HEADER)
        for row in plain:
            book.active.append([*row[:2], float(row[2]) if row[2] else None, *row[3:]])
        book.save(path)
    assert trained("predict", "1", "--data", name).out == expected


def test_missing_values_are_filled_and_other_faults_reported(trained: Nnlab, folder: Path) -> None:
    rows = messy_rows(4)
    rows[0][2], rows[1][5], rows[2][1] = "NA", "?", "-"
    write(folder / "new.csv", rows)
    answer = trained("predict", "1", "--data", "new.csv")
    assert len(answer.out.splitlines()) == 5
    rows[0][1], rows[1][4], rows[2][5] = "31.2.2024", "maybe", "green"
    write(folder / "new.csv", rows)
    message = trained("predict", "1", "--data", "new.csv", expect=1).err
    assert "column 'when': the value is not a date ('31.2.2024' in line 2)" in message
    assert "column 'ok': the value is not a yes or no ('maybe' in line 3)" in message
    assert "column 'colour': a category that the training data does not have ('green')" in message


def test_columns_without_missing_values_are_filled_too(nnlab: Nnlab, folder: Path) -> None:
    rows = "".join(f"{i},{i % 2}\n" for i in range(40))
    (folder / "t.csv").write_text("a,y\n" + rows)
    nnlab("train", "--data", "csv:t.csv#y", "--missing", "median", *FAST)
    (column,) = description_of(folder).columns
    assert column.fill
    (folder / "new.csv").write_text(f"a,b\n,1\n{column.fill[0]},1\n")
    first, second = csv.DictReader(nnlab("predict", "1", "--data", "new.csv").out.splitlines())
    assert first["probability_0"] == second["probability_0"]


def test_a_given_format_holds_for_new_tables(nnlab: Nnlab, folder: Path) -> None:
    (folder / "t.csv").write_text("a;y\n" + "".join(f'"{i},000";{i % 2}\n' for i in range(1, 41)))
    nnlab("train", "--data", "csv:t.csv#y", "--csv-thousands", "comma", *FAST)
    (folder / "new.csv").write_text('a;b\n"3,000";1\n3000;1\n')
    first, second = csv.DictReader(nnlab("predict", "1", "--data", "new.csv").out.splitlines())
    assert first["probability_0"] == second["probability_0"]


@pytest.mark.parametrize(
    "column",
    [
        FeatureColumn("a"),
        FeatureColumn("a", ("x", "y")),
        FeatureColumn("a", ("x", "(missing)"), missing_category=True),
        FeatureColumn("a", encoding="hash", buckets=5),
        FeatureColumn("a", ("x", "y"), encoding="embed", embedding_size=3),
        FeatureColumn("a", encoding="date_parts", date_order="dmy", fill=(1.0, 2.0, 3.0, 4.0, 5.0)),
        FeatureColumn("a", encoding="boolean", fill=(0.5,), indicator=True),
    ],
)
def test_columns_survive_json(column: FeatureColumn) -> None:
    content = json.loads(json.dumps(column_to_json(column)))
    assert column_from_json(CheckedJson("model.json", content)) == column
    assert set(column_to_json(FeatureColumn("a", ("x",)))) == {"name", "categories"}


@pytest.mark.parametrize(
    "changes",
    [
        {"encoding": "hash"},
        {"encoding": "pickle"},
        {"encoding": "hash", "buckets": 1 << 40},
        {"encoding": "date"},
        {"encoding": "embed"},
        {"embedding_size": 3},
        {"encoding": "embed", "categories": ["x"], "embedding_size": 1 << 40},
        {"fill": [1.0, 2.0]},
        {"indicator": True},
        {"buckets": 4},
        {"missing_category": True},
    ],
)
def test_inconsistent_columns_are_refused(changes: dict[str, Any]) -> None:
    content = {"name": "a", "categories": []} | changes
    with pytest.raises(CheckpointError):
        column_from_json(CheckedJson("model.json", content))


def test_the_validation_rows_have_the_stored_accuracy(trained: Nnlab, folder: Path) -> None:
    rows = messy_rows(90)
    split = read_and_split(config_of(description_of(folder).setting, 0))
    validation = [rows[row] for row in split.rows.val.tolist()]
    write(folder / "val.csv", validation)
    database = store.open_database("runs.db", write=False)
    stored = store.values_at_selected_epoch(database, [1], "val/accuracy")[1][1]
    database.close()
    out = csv.DictReader(trained("predict", "1", "--data", "val.csv").out.splitlines())
    right = [row["predicted"] == cells[-1] for row, cells in zip(out, validation, strict=True)]
    assert sum(right) / len(right) == pytest.approx(stored)


def test_a_row_whose_prediction_overflows_is_refused_or_left_empty(
    trained: Nnlab, folder: Path
) -> None:
    rows = messy_rows(4)
    rows[1][2] = "1" + 308 * "0"
    write(folder / "new.csv", rows)
    for command in ("predict", "evaluate"):
        refused = trained(command, "1", "--data", "new.csv", expect=1)
        assert "the output of the model is not a finite number" in refused.err
        assert "(row 2)" in refused.err
    blank = ("1", "--data", "new.csv", "--invalid-rows", "blank")
    assert trained("predict", *blank).out.splitlines()[2] == "2,,,"
    assert trained("evaluate", *blank, "--json").json["rows"] == 3


@pytest.mark.parametrize("name", ["predicted", "predictions", "probability_a"])
def test_ids_named_like_a_column_of_the_predictions_are_refused(
    trained: Nnlab, folder: Path, name: str
) -> None:
    with (folder / "new.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";").writerows([[name, *HEADER[1:]], *messy_rows(4)])
    refused = trained("predict", "1", "--data", "new.csv", "--id", name, "-o", "p.npz", expect=2)
    assert f"--id {name}: the predictions have a column of this name" in refused.err
    assert not (folder / "p.npz").exists()


def test_ids_can_have_the_name_of_a_parameter_of_numpy(trained: Nnlab, folder: Path) -> None:
    """Images have ids with the name `file`, which `numpy.savez` cannot write."""
    with (folder / "new.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";").writerows([["file", *HEADER[1:]], *messy_rows(4)])
    trained("predict", "1", "--data", "new.csv", "--id", "file", "-o", "p.npz")
    with np.load(folder / "p.npz") as made:
        assert made["file"].tolist() == ["1", "2", "3", "4"]
        assert made["predictions"].shape == (4, 2)
        assert made["classes"].tolist() == ["a", "b"]
