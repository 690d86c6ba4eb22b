"""What docs/frameworks.md says is true: its examples record runs."""

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from recorded_runs import OFFLINE, recorded_runs, recorded_values

from nnlab.records import Status

PAGE = Path(__file__).resolve().parents[2] / "docs/frameworks.md"
_SECTION = re.compile(r"^##+ ([^\n]*)\n((?:(?!^##).)*)", re.MULTILINE | re.DOTALL)
_EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECTIONS = {
    title: code
    for title, text in _SECTION.findall(PAGE.read_text())
    for code in _EXAMPLE.findall(text)
}
pytestmark = pytest.mark.filterwarnings("ignore")  # of the frameworks


def tensors() -> tuple[Any, Any]:
    import torch

    x = torch.arange(16.0).reshape(8, 2) / 16
    return x, x.sum(dim=1, keepdim=True)


def lightning_names() -> dict[str, Any]:
    import torch
    from lightning.pytorch import LightningModule, Trainer

    class LinearModule(LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(2, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1]))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    data = torch.utils.data.TensorDataset(*tensors())
    loader = torch.utils.data.DataLoader(data, batch_size=4)
    return {"Trainer": Trainer, "model": LinearModule(), "loader": loader}


def transformers_names() -> dict[str, Any]:
    from transformers import BertConfig, BertForSequenceClassification

    sizes = {"vocab_size": 8, "hidden_size": 4, "intermediate_size": 4}
    layers = {"num_hidden_layers": 1, "num_attention_heads": 1}
    data = [{"input_ids": [1, 2, 3], "labels": i % 2} for i in range(8)]
    return {"model": BertForSequenceClassification(BertConfig(**sizes, **layers)), "data": data}


def accelerate_names() -> dict[str, Any]:
    from accelerate import Accelerator

    return {"Accelerator": Accelerator}


def keras_names() -> dict[str, Any]:
    import keras

    x, y = tensors()
    model = keras.Sequential([keras.Input(shape=(2,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    return {"model": model, "x": x.numpy(), "y": y.numpy()}


def skorch_names() -> dict[str, Any]:
    import torch
    from skorch import NeuralNetRegressor

    class Module(torch.nn.Linear):
        def __init__(self) -> None:
            super().__init__(2, 1)

    x, y = tensors()
    return {"NeuralNetRegressor": NeuralNetRegressor, "Module": Module, "x": x, "y": y}


NAMES: dict[str, tuple[str, Callable[[], dict[str, Any]], str]] = {
    "Lightning": ("lightning", lightning_names, "lm"),
    "Transformers": ("transformers", transformers_names, ""),
    "Accelerate": ("accelerate", accelerate_names, "lm"),
    "Keras": ("keras", keras_names, "digits"),
    "Skorch": ("skorch", skorch_names, "digits"),
    "W&B": ("nnlab", dict, "lm"),
    "Trackio": ("nnlab", dict, "lm"),
    "MLflow": ("nnlab", dict, "lm"),
    "TensorBoard": ("nnlab", dict, "runs"),
}


@pytest.mark.parametrize("title", NAMES)
def test_the_example_of_the_page_records_a_run(
    title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, names, study = NAMES[title]
    if find_spec(package) is None:
        pytest.skip(f"{package} is in the extra `test`")
    monkeypatch.chdir(tmp_path)
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)
    namespace: dict[str, Any] = names()
    exec(compile(SECTIONS[title], str(PAGE), "exec"), namespace)
    (run,) = recorded_runs(tmp_path / "runs.db")
    assert run.status is Status.FINISHED
    assert run.trial.study == study or not study
    assert any("loss" in metric for metric in recorded_values(tmp_path / "runs.db"))


def test_every_example_of_the_page_is_executed() -> None:
    assert SECTIONS.keys() == NAMES.keys()
