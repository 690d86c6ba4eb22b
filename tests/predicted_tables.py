"""Tables and the predictions of plain torch, for tests of predict, evaluate and export."""

import csv
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

SMALL = ("--width", "8", "--depth", "1", "--epochs", "3", "-q")
HEADER = ["height", "colour", "width", "kind"]


def table(rows: int = 90, *, seed: int = 0) -> list[list[str]]:
    """Rows of height, colour, width and kind, with a fixed seed."""
    generator = np.random.default_rng(seed)
    made = []
    for _ in range(rows):
        height, width = generator.normal(size=2)
        colour = ("red", "blue", "green")[generator.integers(3)]
        kind = "ab"[int(height + (colour == "red") > 0.3)]
        made.append([f"{height:.3f}", colour, f"{width:.3f}", kind])
    return made


def write(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def raw_features(rows: list[list[str]]) -> torch.Tensor:
    """The features that the training makes of rows of `table`."""
    features = [
        [float(height), *(float(colour == name) for name in ("blue", "green", "red")), float(width)]
        for height, colour, width, *_ in rows
    ]
    return torch.tensor(features, dtype=torch.float64)


def plain_torch(folder: Path, run: int, raw: torch.Tensor) -> torch.Tensor:
    """The probabilities of the stored weights of an mlp with one hidden layer."""
    place = folder / f"runs.artifacts/{run}"
    inputs = json.loads((place / "model.json").read_text())["inputs"]
    shift, scale = (torch.tensor(inputs[key], dtype=torch.float64) for key in ("shift", "scale"))
    weights = load_file(place / "model.safetensors")
    first, second = (name.removesuffix("weight") for name in weights if name.endswith("weight"))
    x = ((raw - shift) / scale).float()
    x = nn.functional.relu(x @ weights[f"{first}weight"].T + weights[f"{first}bias"])
    return (x @ weights[f"{second}weight"].T + weights[f"{second}bias"]).softmax(dim=1)


def plain_probabilities(folder: Path, run: int, rows: list[list[str]]) -> torch.Tensor:
    """The same for rows of `table`."""
    return plain_torch(folder, run, raw_features(rows))
