"""Predictions, evaluations and exports of models with targets of every kind."""

import contextlib
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from command_line_runner import Nnlab
from torch import nn
from torch.nn import functional

import nnlab as library
from nnlab import store
from nnlab.analysis.predictions import predict_split
from nnlab.engine.inference.inference_model import InferenceModel
from nnlab.engine.inference.model_description import ModelDescription, parse_description
from nnlab.errors import CheckpointError, UsageError

FAST = ("--epochs", "2", "--batch-size", "16")

MODELS = """
import torch
from torch import nn

class Tagger(nn.Module):
    def __init__(self, vocab_size, outputs):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 6)
        self.head = nn.Linear(6, outputs)

    def forward(self, tokens):
        return self.head(self.embedding(tokens))

def segmenter(in_channels, outputs):
    return nn.Conv2d(in_channels, outputs, 3, padding=1)

def autoencoder(in_features):
    return nn.Sequential(nn.Linear(in_features, 2), nn.Linear(2, in_features))
"""


def description_of(folder: Path) -> ModelDescription:
    (path,) = folder.rglob("model.json")
    return parse_description(path.read_bytes(), path.name)


def messy_table(count: int) -> str:
    """Decimal commas, an identifier, missing values, a town, two numbers and two tags."""
    lines = ['id;size;town;"length, cm";weight;warm;big']
    for i in range(count):
        size = "" if i % 13 == 5 else f"{i % 17},5"
        lines.append(
            f"{i};{size};town {i % 9};{i % 17 * 2},25;{1000 + i % 5 * 100},5;"
            f"{'yes' if i % 3 else 'no'};{int(i % 17 > 8)}"
        )
    return "\n".join(lines) + "\n"


def frame(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep=";", decimal=",")


def test_from_a_messy_table_to_predictions_of_several_numbers(nnlab: Nnlab, folder: Path) -> None:
    (folder / "t.csv").write_text(messy_table(120))
    (folder / "new.csv").write_text(messy_table(30))
    nnlab(
        "train", "--data", 'csv:t.csv#"length, cm",weight', "--only-columns", "size,town",
        "--missing", "median", "--categories", "embed", "--epochs", "30", "--lr", "0.02",
    )  # fmt: skip
    nnlab("predict", "1", "--data", "new.csv", "--id", "id", "-o", "p.csv")
    table = pd.read_csv(folder / "p.csv")
    assert list(table.columns) == ["id", "predicted_length, cm", "predicted_weight"]
    assert table["id"].tolist() == list(range(30))
    truth = frame(folder / "new.csv")
    errors = [
        (table[f"predicted_{name}"] - truth[name]).to_numpy() for name in ("length, cm", "weight")
    ]
    result = nnlab("evaluate", "1", "--data", "new.csv", "--json").json["metrics"]
    values = {name.rpartition("/")[2]: value for name, value in result.items()}
    rmse = np.mean([np.sqrt(np.mean(error**2)) for error in errors])
    assert values["rmse"] == pytest.approx(rmse, rel=1e-5)
    assert values["mae"] == pytest.approx(np.mean(np.abs(errors)), rel=1e-5)
    # Each target is near its own unit, not near the standardised numbers.
    assert abs(table["predicted_weight"].mean() - truth["weight"].mean()) < 150
    rows = nnlab("predict", "1", "--data", "new.csv", "--json").json["predictions"]
    assert rows[3]["predicted"]["weight"] == pytest.approx(table["predicted_weight"][3])
    assert "loaded again" in nnlab("export", "1", "-o", "m.pt2").out
    description = description_of(folder)
    assert description.target_names == ("length, cm", "weight")
    assert description.target_columns == ("length, cm", "weight")


def test_a_target_column_that_is_missing_is_named(nnlab: Nnlab, folder: Path) -> None:
    (folder / "t.csv").write_text(messy_table(60))
    nnlab("train", "--data", "csv:t.csv#warm,big", "--only-columns", "weight", *FAST)
    columns = frame(folder / "t.csv")[["weight", "warm"]]
    columns.to_csv(folder / "new.csv", index=False)
    refused = nnlab("evaluate", "1", "--data", "new.csv", expect=1)
    assert "the target 'big' to compare with is missing" in refused.err
    assert len(nnlab("predict", "1", "--data", "new.csv").out.splitlines()) == 61


def test_columns_of_tags(nnlab: Nnlab, folder: Path) -> None:
    (folder / "t.csv").write_text(messy_table(120))
    nnlab("train", "--data", "csv:t.csv#warm,big", "--only-columns", "weight,town", *FAST)
    out = nnlab("predict", "1", "--data", "t.csv").out
    rows = list(csv.DictReader(out.splitlines()))
    assert list(rows[0]) == ["row", "predicted", "probability_warm", "probability_big"]
    probabilities = np.array(
        [[float(row["probability_warm"]), float(row["probability_big"])] for row in rows]
    )
    expected = [
        ";".join(name for name, p in zip(("warm", "big"), row, strict=True) if p > 0.5)
        for row in probabilities
    ]
    assert [row["predicted"] for row in rows] == expected
    table = frame(folder / "t.csv")
    truth = np.stack([table["warm"] == "yes", table["big"] == 1], axis=1)
    result = nnlab("evaluate", "1", "--data", "t.csv", "--json").json["metrics"]
    values = {name.rpartition("/")[2]: value for name, value in result.items()}
    predicted = probabilities > 0.5
    assert values["accuracy"] == pytest.approx((predicted == truth).mean())
    assert values["exact_match"] == pytest.approx((predicted == truth).all(axis=1).mean())
    loss = functional.binary_cross_entropy(
        torch.from_numpy(probabilities), torch.from_numpy(truth).double()
    )
    assert values["loss"] == pytest.approx(loss.item(), rel=1e-4)
    nnlab("predict", "1", "--data", "t.csv", "-o", "p.jsonl")
    line = json.loads((folder / "p.jsonl").read_text().splitlines()[0])
    assert line["predicted"] == [tag for tag in expected[0].split(";") if tag]
    nnlab("predict", "1", "--data", "t.csv", "-o", "p.npz")
    with np.load(folder / "p.npz") as made:
        np.testing.assert_allclose(made["predictions"], probabilities, rtol=1e-6)
        assert made["classes"].tolist() == ["warm", "big"]
    for suffix in ("pt2", "safetensors"):
        assert "loaded again" in nnlab("export", "1", "-o", f"m.{suffix}").out


def test_texts_of_tags(nnlab: Nnlab, folder: Path) -> None:
    lines = [
        f"{i},{'|'.join(t for t, on in (('a', i % 2), ('b', i % 3)) if on)}" for i in range(90)
    ]
    (folder / "t.csv").write_text("\n".join(["x,tags", *lines]) + "\n")
    nnlab("train", "--data", "csv:t.csv#tags", "--target-separator", "|", *FAST)
    rows = list(csv.DictReader(nnlab("predict", "1", "--data", "t.csv").out.splitlines()))
    assert set(rows[0]) == {"row", "predicted", "probability_a", "probability_b"}
    assert {tag for row in rows for tag in row["predicted"].split("|")} <= {"", "a", "b"}
    assert nnlab("evaluate", "1", "--data", "t.csv", "--json").json["rows"] == 90
    (folder / "new.csv").write_text("x,tags\n1,a|zz\n2,NA\n3,\n")
    refused = nnlab("evaluate", "1", "--data", "new.csv", expect=1)
    assert "a tag that the training data does not have ('zz' in row 1)" in refused.err
    assert "a target is missing (row 2)" in refused.err


@pytest.fixture
def sequences(folder: Path) -> Path:
    """Tokens whose classes and followers depend on them."""
    (folder / "models.py").write_text(MODELS)
    generator = np.random.default_rng(0)
    tokens = generator.integers(0, 5, (60, 7))
    classes = np.where(tokens == 0, -100, tokens % 3)
    np.savez(folder / "tags.npz", x=tokens, y=classes)
    np.savez(folder / "text.npz", x=tokens)
    return folder


def test_classes_of_tokens(nnlab: Nnlab, sequences: Path) -> None:
    words = ("--data", "npz:tags.npz", "--task", "token_classification", "--inputs", "none")
    nnlab("train", *words, "--model", "models.py:Tagger", *FAST)
    refused = nnlab("predict", "1", "--data", "tags.npz", "-o", "p.csv", expect=2)
    assert "a class for each token or pixel" in refused.err
    assert "-o predictions.npz" in refused.err
    assert "standard output" in nnlab("predict", "1", "--data", "tags.npz", expect=2).err
    nnlab("predict", "1", "--data", "tags.npz", "-o", "p.npz", "--probabilities")
    data, module = np.load("tags.npz"), library.load(1)
    with torch.no_grad():
        outputs = module(torch.from_numpy(data["x"]))
    with np.load(sequences / "p.npz") as made:
        np.testing.assert_allclose(made["probabilities"], outputs.softmax(2).numpy(), rtol=1e-5)
        assert made["predicted"].tolist() == outputs.argmax(2).tolist()
        assert made["classes"].tolist() == ["0", "1", "2"]
    nnlab("predict", "1", "--data", "tags.npz", "-o", "q.npz")
    with np.load(sequences / "q.npz") as made:
        assert "probabilities" not in made
    result = nnlab("evaluate", "1", "--data", "tags.npz", "--json").json["metrics"]
    values = {name.rpartition("/")[2]: value for name, value in result.items()}
    targets = torch.from_numpy(data["y"])
    loss = functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), ignore_index=-100)
    assert values["loss"] == pytest.approx(loss.item(), rel=1e-5)
    counted = targets != -100
    right = (outputs.argmax(2) == targets)[counted].double().mean().item()
    assert values["accuracy"] == pytest.approx(right)


def test_a_language_model(nnlab: Nnlab, sequences: Path) -> None:
    words = ("--data", "npz:text.npz", "--task", "language_modeling", "--inputs", "none")
    nnlab("train", *words, "--model", "models.py:Tagger", *FAST)
    description = description_of(sequences)
    assert description.vocabulary == ("0", "1", "2", "3", "4")
    assert (description.in_shape, description.output_shape) == ((6,), (6, 5))
    result = nnlab("evaluate", "1", "--data", "text.npz", "--json").json["metrics"]
    values = {name.rpartition("/")[2]: value for name, value in result.items()}
    tokens = torch.from_numpy(np.load("text.npz")["x"])
    with torch.no_grad():
        outputs = library.load(1)(tokens[:, :-1])
    loss = functional.cross_entropy(outputs.flatten(0, 1), tokens[:, 1:].flatten()).item()
    assert values["loss"] == pytest.approx(loss, rel=1e-5)
    assert values["perplexity"] == pytest.approx(np.exp(loss), rel=1e-5)
    np.savez("new.npz", x=tokens[:, :-1].numpy())
    nnlab("predict", "1", "--data", "new.npz", "-o", "p.npz")
    with np.load(sequences / "p.npz") as made:
        assert made["predicted"].tolist() == outputs.argmax(2).tolist()
    assert "int64 [batch, 6]" in nnlab("export", "1", "-o", "m.pt2").out
    bad = tokens[:, :-1].numpy().copy()
    bad[2, 3] = 9
    np.savez("bad.npz", x=bad)
    refused = nnlab("predict", "1", "--data", "bad.npz", "-o", "q.npz", expect=1)
    assert "a token is not in 0 to 4 (row 2)" in refused.err


def test_classes_of_pixels(nnlab: Nnlab, folder: Path) -> None:
    (folder / "models.py").write_text(MODELS)
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (40, 1, 6, 5)).astype(np.uint8)
    masks = (images[:, 0] > 128).astype(np.uint8)
    masks[:, 0, 0] = 255
    np.savez("shapes.npz", x=images, y=masks)
    nnlab("train", "--data", "npz:shapes.npz", "--model", "models.py:segmenter", *FAST)
    nnlab("predict", "1", "--data", "shapes.npz", "-o", "p.npz", "--probabilities")
    module = library.load(1, preprocessing=True)
    with torch.no_grad():
        probabilities = module(torch.from_numpy(images))
    with np.load(folder / "p.npz") as made:
        assert made["probabilities"].shape == (40, 2, 6, 5)
        np.testing.assert_allclose(made["probabilities"], probabilities.numpy(), rtol=1e-5)
        assert made["predicted"].tolist() == probabilities.argmax(1).tolist()
    result = nnlab("evaluate", "1", "--data", "shapes.npz", "--json").json["metrics"]
    values = {name.rpartition("/")[2]: value for name, value in result.items()}
    counted = masks != 255
    predicted = probabilities.argmax(1).numpy()
    assert values["accuracy"] == pytest.approx((predicted == masks)[counted].mean())
    overlaps = [
        ((predicted == c) & (masks == c))[counted].sum()
        / ((predicted == c) | (masks == c))[counted].sum()
        for c in (0, 1)
    ]
    assert values["mean_iou"] == pytest.approx(np.mean(overlaps))
    assert "loaded again" in nnlab("export", "1", "-o", "m.pt2").out


@pytest.mark.parametrize("inputs", ["standardise", "zca", "none"])
def test_reconstructions_are_in_the_unit_of_the_input(
    nnlab: Nnlab, folder: Path, inputs: str
) -> None:
    (folder / "models.py").write_text(MODELS)
    generator = np.random.default_rng(0)
    examples = generator.normal(size=(60, 4)) @ generator.normal(size=(4, 4)) * 20 + 100
    np.savez("x.npz", x=examples)
    words = ("--data", "npz:x.npz", "--task", "reconstruction", "--inputs", inputs)
    nnlab("train", *words, "--model", "models.py:autoencoder", *FAST)
    nnlab("predict", "1", "--data", "x.npz", "-o", "p.npz")
    module = library.load(1, preprocessing=True)
    assert isinstance(module, InferenceModel)
    transformed = module.prepare(torch.from_numpy(examples))
    with torch.no_grad():
        outputs = module.model(transformed)
        # The inverse of the transformation, by solving for it.
        probes = torch.from_numpy(np.vstack([examples.mean(0), examples.mean(0) + np.eye(4)]))
        moved = module.prepare(probes).double()
        expected = (outputs.double() - moved[0]) @ torch.linalg.inv(moved[1:] - moved[0])
    with np.load(folder / "p.npz") as made:
        np.testing.assert_allclose(
            made["predictions"], expected.numpy() + examples.mean(0), rtol=1e-3, atol=1e-2
        )
    result = nnlab("evaluate", "1", "--data", "x.npz", "--json").json["metrics"]
    values = {name.rpartition("/")[2]: value for name, value in result.items()}
    assert values["loss"] == pytest.approx(
        nn.functional.mse_loss(outputs, transformed).item(), rel=1e-4
    )


def test_probabilities_are_an_option_of_tokens_and_pixels(nnlab: Nnlab, folder: Path) -> None:
    (folder / "t.csv").write_text(messy_table(60))
    nnlab("train", "--data", "csv:t.csv#warm,big", "--only-columns", "weight", *FAST)
    refused = nnlab("predict", "1", "--data", "t.csv", "--probabilities", expect=2)
    assert "--probabilities has no effect" in refused.err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "language_modeling"}, "output_shape"),
        ({"task": "custom"}, "'task' is not one of"),
        ({"output_shape": [3, 2]}, "does not fit multilabel"),
        ({"vocabulary": ["a", 1]}, "'vocabulary' is not a list of texts"),
        ({"vocabulary": ["a"], "pad_token": 4}, "pad_token 4 is not in the vocabulary"),
        ({"classes": ["warm"]}, "1 classes for 2 outputs"),
        ({"target": {"name": "", "mean": 0, "scale": 1, "means": [0, 1], "scales": [1, 1]}},
         "2 means and 2 scales for 1 targets"),
    ],
)  # fmt: skip
def test_a_changed_description_is_refused(
    nnlab: Nnlab, folder: Path, changes: dict[str, Any], message: str
) -> None:
    (folder / "t.csv").write_text(messy_table(60))
    nnlab("train", "--data", "csv:t.csv#warm,big", "--only-columns", "weight", *FAST)
    (path,) = folder.rglob("model.json")
    content = json.loads(path.read_bytes()) | changes
    with pytest.raises(CheckpointError, match=message):
        parse_description(json.dumps(content).encode(), "model.json")


def test_figures_of_single_predictions_say_what_they_need(nnlab: Nnlab, folder: Path) -> None:
    (folder / "t.csv").write_text(messy_table(60))
    nnlab("train", "--data", "csv:t.csv#warm,big", "--only-columns", "weight", *FAST)
    nnlab("train", "--data", "csv:t.csv#weight,big", "--only-columns", "town", *FAST)
    for run, kind in (("1", "multilabel"), ("2", "2 targets")):
        with (
            contextlib.closing(store.open_database("runs.db", write=False)) as database,
            pytest.raises(UsageError, match=f"learned {kind}: this needs one class"),
        ):
            predict_split(database, next(r for r in store.runs(database) if r.id == int(run)))
