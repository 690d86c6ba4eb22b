"""`nnlab export` and `load`: the exported model gives the outputs of the run, or is not kept."""

import importlib.util
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line_runner import Nnlab
from predicted_tables import HEADER, SMALL, plain_torch, raw_features, table, write
from torch import nn

from nnlab.api.load import load
from nnlab.engine.inference import export_formats
from nnlab.engine.inference.export_formats import FORMATS
from nnlab.errors import UserCodeError

has_onnx = all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime"))
needs_onnx = pytest.mark.skipif(not has_onnx, reason="onnx is not installed")


@pytest.fixture
def tabular(nnlab: Nnlab, folder: Path) -> Nnlab:
    """A run that was trained on a table, which is gone."""
    write(folder / "t.csv", HEADER, table())
    nnlab("train", "--data", "csv:t.csv#kind", *SMALL)
    (folder / "t.csv").unlink()
    return nnlab


def run_program(path: Path) -> Callable[[torch.Tensor], torch.Tensor]:
    function: Callable[[torch.Tensor], torch.Tensor] = torch.export.load(path).module()
    return function


def run_onnx(path: Path) -> Callable[[torch.Tensor], torch.Tensor]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    return lambda x: torch.from_numpy(session.run(None, {"input": x.numpy()})[0])


@pytest.mark.parametrize(
    ("suffix", "open_"),
    [("pt2", run_program), pytest.param("onnx", run_onnx, marks=needs_onnx)],
)
def test_a_program_gives_probabilities_of_raw_inputs(
    tabular: Nnlab, folder: Path, suffix: str, open_: Callable[[Path], Any]
) -> None:
    answer = tabular("export", "1", "-o", f"m.{suffix}", "--json").json
    assert answer["files"] == [f"m.{suffix}"]
    assert answer["max_difference"] <= answer["tolerance"] <= 1e-4
    assert answer["batch_sizes"] == [1, 2, 7, 32]
    assert answer["inputs"] == "float64 [batch, 5]"
    program = open_(folder / f"m.{suffix}")
    for count in (1, 5):
        raw = raw_features(table(count, seed=9))
        expected = plain_torch(folder, 1, raw)
        torch.testing.assert_close(program(raw), expected, rtol=1e-4, atol=1e-5)
    assert sorted(path.name for path in folder.glob("*m.*")) == [f"m.{suffix}"]
    tabular("export", "1", "-o", f"raw.{suffix}", "--raw")
    logits = open_(folder / f"raw.{suffix}")(raw)
    torch.testing.assert_close(logits.softmax(dim=1), expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(logits, expected)


def test_a_program_contains_the_description_of_the_model(tabular: Nnlab, folder: Path) -> None:
    tabular("export", "1", "-o", "m.pt2")
    extra = {"model.json": ""}
    torch.export.load(folder / "m.pt2", extra_files=extra)
    assert json.loads(extra["model.json"])["classes"] == ["a", "b"]
    with zipfile.ZipFile(folder / "m.pt2") as archive:
        assert not [name for name in archive.namelist() if name.endswith(".pkl")]


def test_weights_are_exported_with_their_description(tabular: Nnlab, folder: Path) -> None:
    out = tabular("export", "1", "-o", "net.safetensors").out
    assert "net.json, net.safetensors: loaded again, its outputs differ" in out
    stored = folder / "runs.artifacts" / "1"
    assert (folder / "net.json").read_bytes() == (stored / "model.json").read_bytes()
    (folder / "net.safetensors").unlink()
    answer = tabular("export", "1", "-o", "net.safetensors", expect=1)
    assert "'net.json' exists: it is not replaced" in answer.err
    tabular("export", "1", "-o", "net.safetensors", "--force")
    # Another run may begin with them.
    write(folder / "t.csv", HEADER, table())
    words = ("train", "--data", "csv:t.csv", *SMALL[:-1], "--from", "net.safetensors")
    assert "4 of 4 tensors loaded" in tabular(*words).out


def test_a_file_that_differs_is_not_kept(
    tabular: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_shifted(model: Any, path: Path) -> Any:
        function = FORMATS[".safetensors"].load(model, path)
        return lambda x: function(x) + 0.01

    original = FORMATS[".safetensors"]
    wrong = replace(original, load=load_shifted)
    monkeypatch.setattr(export_formats, "FORMATS", {".safetensors": wrong})
    (folder / "m.safetensors").write_text("mine")
    answer = tabular("export", "1", "-o", "m.safetensors", "--force", expect=1)
    assert "the exported model is not kept: its outputs differ from those of the run by 0.01" in (
        " ".join(answer.err.split())
    )
    assert (folder / "m.safetensors").read_text() == "mine"
    assert not (folder / "m.json").exists()
    assert not [path for path in folder.iterdir() if path.name.startswith(".nnlab-")]


def test_other_formats_and_missing_packages_are_named(
    tabular: Nnlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = tabular("export", "1", "-o", "m.bin", expect=2)
    assert "models are not exported as '.bin'" in answer.err
    assert ".pt2, .onnx, .safetensors" in answer.err
    monkeypatch.setattr("nnlab.engine.inference.export_formats.find_spec", lambda _: None)
    answer = tabular("export", "1", "-o", "m.onnx", expect=2)
    assert "ONNX needs the packages onnx, onnxscript, onnxruntime" in " ".join(answer.err.split())
    assert "pip install 'nnlab[onnx]'" in answer.err


MODEL = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, in_features, num_classes):
        super().__init__()
        self.layer = nn.Linear(in_features, num_classes)

    def forward(self, x):
        if float(x.sum()) > 1e30:  # torch.export cannot follow this
            x = x * 2
        return self.layer(x)
"""


def test_a_model_that_cannot_be_exported_is_an_error(nnlab: Nnlab, folder: Path) -> None:
    (folder / "model.py").write_text(MODEL)
    write(folder / "t.csv", HEADER, table())
    nnlab("train", "--study", "s", "--data", "csv:t.csv", "--model", "model.py:Net", "--epochs",
          "2", "-q")  # fmt: skip
    answer = nnlab("export", "1", "-o", "m.pt2", expect=1)
    assert "the model cannot be exported as a torch.export program" in answer.err
    assert not (folder / "m.pt2").exists()
    nnlab("export", "1", "-o", "m.safetensors")
    with pytest.raises(UserCodeError, match="is not executed"):
        load("s")
    assert isinstance(load("s", model="model.py:Net"), nn.Module)


def test_load_returns_the_module_or_all_of_the_prediction(tabular: Nnlab, folder: Path) -> None:
    raw = raw_features(table(6, seed=9))
    expected = plain_torch(folder, 1, raw)
    whole = load(1, "runs.db", preprocessing=True)
    assert not whole.training
    with torch.no_grad():
        torch.testing.assert_close(whole(raw), expected, rtol=1e-5, atol=1e-6)
        inputs = json.loads((folder / "runs.artifacts/1/model.json").read_text())["inputs"]
        shift, scale = (torch.tensor(inputs[key], dtype=raw.dtype) for key in ("shift", "scale"))
        prepared = (raw - shift) / scale
        logits = load("1")(prepared.float())
        torch.testing.assert_close(logits.softmax(dim=1), expected, rtol=1e-5, atol=1e-6)
        raw_outputs = load(1, preprocessing=True, raw=True)(raw)
    assert torch.equal(raw_outputs, logits)


def test_regression_is_exported_in_the_unit_of_the_target(nnlab: Nnlab, folder: Path) -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(100, 2))
    # Their mean is so large that float32 cannot hold the spread.
    np.savez(folder / "t.npz", x=x + 1e9, y=1e12 + 300 * x[:, 0])
    nnlab("train", "--data", "npz:t.npz", *SMALL, "--inputs", "zca", "--dtype", "float64")
    answer = nnlab("export", "1", "-o", "m.pt2", "--json").json
    assert answer["tolerance"] < 1e-6
    rows = nnlab("predict", "1", "--data", "t.npz", "--json").json["predictions"]
    values = run_program(folder / "m.pt2")(torch.from_numpy(x + 1e9))[:, 0].detach().numpy()
    predicted = np.array([row["predicted"] for row in rows])
    assert np.abs(values - predicted).max() < 1e-3
    assert 30 < predicted.std() < 600


def test_the_tolerance_is_relative_to_the_spread_of_the_target(nnlab: Nnlab, folder: Path) -> None:
    x = np.random.default_rng(1).normal(size=(100, 2))
    np.savez(folder / "t.npz", x=x, y=1e9 + x[:, 0])
    nnlab("train", "--data", "npz:t.npz", *SMALL)
    assert nnlab("export", "1", "-o", "m.safetensors", "--json").json["tolerance"] < 1e-3
