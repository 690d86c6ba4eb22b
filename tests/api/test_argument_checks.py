"""Wrong arguments of the Python API are clear errors that name all problems."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line_runner import Nnlab

import nnlab
from nnlab.api.train_request import setting_values
from nnlab.errors import ConfigError, UnknownName

CURVES = {"train/loss": [1.0, 0.5, 0.2], "val/loss": [1.1, 0.9, 1.3]}


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("runs", {"limit": "x"}),
        ("runs", {"limit": 0}),
        ("runs", {"limit": True}),
        ("runs", {"tag": 3}),
        ("runs", {"study": 3}),
        ("runs", {"removed": "no"}),
        ("compare", {"top": 0}),
        ("compare", {"top": "all"}),
        ("compare", {"by": 3}),
        ("compare", {"group_by": [3]}),
        ("compare", {"group_by": 3}),
        ("compare", {"mixed": "yes"}),
        ("compare", {"interval": 3}),
    ],
)
def test_a_wrong_argument_is_named(
    trained: Nnlab, folder: Path, call: str, arguments: dict[str, object]
) -> None:
    del trained
    ((name, value),) = arguments.items()
    with nnlab.open() as results, pytest.raises(ConfigError) as caught:
        getattr(results, call)(**arguments)
    assert str(caught.value).startswith(f"{name} must be ")
    assert str(caught.value).endswith(f"got {value!r}")


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (nnlab.open, {"db": 3}, "db must be a path or a URL, got 3"),
        (nnlab.load, {"run": 1, "db": 3}, "db must be a path or a URL, got 3"),
        (nnlab.load, {"run": 1, "device": 3, "raw": "x"}, "2 problems with the settings"),
        (nnlab.train, {"db": 3}, "db must be a path or a URL, got 3"),
        (nnlab.train, {"devices": 3}, "devices must be text or a list of texts, got 3"),
        (nnlab.train, {"config": 3, "artifacts": 4}, "2 problems with the settings"),
    ],
)
def test_wrong_arguments_of_functions_are_named(
    folder: Path, function: Callable[..., object], arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        function(**arguments)
    assert not (folder / "runs.db").exists()


def test_all_problems_of_a_setting_are_listed() -> None:
    with pytest.raises(ConfigError) as caught:
        nnlab.diagnose(CURVES, setting={"lr": "fast", "opt": "adm", "learning": 1})
    assert "--lr must be a number, got fast" in str(caught.value)
    assert "unknown optimizer 'adm': did you mean 'adam'?" in str(caught.value)
    assert "unknown name in the setting 'learning'" in str(caught.value)
    with pytest.raises(UnknownName, match="adm"):
        nnlab.diagnose(CURVES, setting={"opt": "adm"})
    with pytest.raises(ConfigError, match="setting must be a mapping"):
        nnlab.diagnose(CURVES, setting=3)  # type: ignore[arg-type]
    assert nnlab.diagnose(CURVES, setting={"lr": 0.1, "opt": "adam"}) is not None


def test_numbers_of_less_precision_become_the_shortest_float() -> None:
    values = setting_values(
        {
            "lr": np.float32(0.1),
            "weight_decay": [np.float32(1e-4), np.float16(0.3)],
            "dropout": np.array([0.1, 0.2], np.float32),
            "beta1": torch.tensor(0.9),
            "beta2": np.float64(0.999),
            "width": np.int64(8),
            "widths": [np.int32(32), np.int32(16)],
        }
    )
    assert values == {
        "lr": 0.1,
        "weight_decay": [1e-4, 0.3],
        "dropout": [0.1, 0.2],
        "beta1": 0.9,
        "beta2": 0.999,
        "width": 8,
        "widths": "32,16",
    }
