"""Embedded categories from the command line to predictions, exports and Python."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line_runner import Nnlab

import nnlab as library
from nnlab.engine.inference.model_description import ModelDescription, parse_description

FAST = ("--epochs", "3", "--width", "8", "--depth", "1", "--embedding-size", "2")


def rows(count: int) -> list[list[str]]:
    return [
        [f"town {i % 20}", "" if i % 9 == 0 else "rgb"[i % 3], str(i % 11), "ab"[i % 20 < 10]]
        for i in range(count)
    ]


def write(path: Path, cells: list[list[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["town", "colour", "size", "kind"], *cells])


@pytest.fixture
def trained(nnlab: Nnlab, folder: Path) -> Nnlab:
    write(folder / "t.csv", rows(160))
    options = ("--many-categories", "embed", "--max-categories", "10", "--categories", "embed")
    nnlab("train", "--data", "csv:t.csv", *options, "--missing", "category", *FAST)
    return nnlab


def description_of(folder: Path) -> ModelDescription:
    (path,) = folder.rglob("model.json")
    return parse_description(path.read_bytes(), path.name)


def test_predictions_are_those_of_the_module(trained: Nnlab, folder: Path) -> None:
    town, colour, size = description_of(folder).columns
    assert (town.encoding, colour.encoding, size.encoding) == ("embed", "embed", "plain")
    assert colour.values == ("b", "g", "r", "(missing)")
    write(folder / "new.csv", rows(30))
    lines = csv.DictReader(trained("predict", "1", "--data", "new.csv").out.splitlines())
    indices = [
        [
            1.0 + town.values.index(cells[0]) if cells[0] in town.values else 0.0,
            1.0 + colour.values.index(cells[1] or "(missing)"),
            float(cells[2]),
        ]
        for cells in rows(30)
    ]
    module = library.load(1, preprocessing=True)
    with torch.no_grad():
        expected = module(torch.tensor(indices, dtype=torch.float64))
    probabilities = [[float(line["probability_a"]), float(line["probability_b"])] for line in lines]
    np.testing.assert_allclose(probabilities, expected.numpy(), rtol=1e-6)


def test_unseen_categories_are_reported_and_have_no_influence(trained: Nnlab, folder: Path) -> None:
    cells = [["Atlantis", "r", "3", "a"], ["Mu", "r", "3", "a"]]
    write(folder / "new.csv", cells)
    answer = trained("predict", "1", "--data", "new.csv")
    assert "column 'town': a category that the training data does not have" in answer.err
    first, second = csv.reader(answer.out.splitlines()[1:])
    assert first[1:] == second[1:]
    refused = trained("predict", "1", "--data", "new.csv", "--unseen", "error", expect=1)
    assert "'Atlantis', 'Mu'" in refused.err


@pytest.mark.parametrize("suffix", ["pt2", "safetensors"])
def test_exports_contain_the_embeddings(trained: Nnlab, folder: Path, suffix: str) -> None:
    assert "loaded again" in trained("export", "1", "-o", f"model.{suffix}").out
    assert (folder / f"model.{suffix}").is_file()


def test_evaluation_on_the_same_table(trained: Nnlab, folder: Path) -> None:
    write(folder / "new.csv", rows(50))
    values = trained("evaluate", "1", "--data", "new.csv", "--json").json
    predicted = csv.DictReader(trained("predict", "1", "--data", "new.csv").out.splitlines())
    right = [
        line["predicted"] == cells[-1] for line, cells in zip(predicted, rows(50), strict=True)
    ]
    accuracy = next(value for name, value in values["metrics"].items() if "accuracy" in name)
    assert accuracy == pytest.approx(sum(right) / 50)


def test_the_summary_shows_the_vectors(nnlab: Nnlab, folder: Path) -> None:
    write(folder / "t.csv", rows(160))
    words = ("data", "show", "csv:t.csv", "--categories", "embed", "--missing", "category")
    out = " ".join(nnlab(*words).out.split())
    assert "town: 20 categories embedded as vectors of 9" in out
    columns = json.loads(nnlab(*words, "--format", "json").out)["columns"]
    assert columns[0]["encoding"] == "embed"
    assert columns[0]["embedding_size"] == 9
