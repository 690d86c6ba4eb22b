"""Checkpoints: resumed equals uninterrupted, bit for bit; damage is noticed."""

import io
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import torch

from nnlab.config import RunConfig
from nnlab.engine import checkpoint
from nnlab.engine.loop import start, train
from nnlab.errors import CheckpointError

Make = Callable[..., RunConfig]


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": 0.3, "norm": "batch"},
        {"opt": "sgd", "decay": "step", "decay_every": 2, "warmup": 1.0},
        {"opt": "rmsprop", "momentum": 0.5},
        {"opt": "adagrad", "data": "diabetes"},
        {"early_stop": 4, "epochs": 30, "lr": 0.05},
        {"data": "digits", "model": "cnn", "width": 4, "dropout": 0.2, "epochs": 3},
        {"average": "ema", "average_decay": 0.9, "norm": "batch"},
        {"average": "swa", "average_from": 0.2, "norm": "batch"},
        {"decay": "plateau", "decay_patience": 1, "lr": 0.1, "epochs": 8},
        {"opt": "lbfgs", "dropout": 0.2},
        {"opt": "newton-cg"},
        {"opt": "muon"},
        {"opt": "lion", "clip_value": 0.1, "l1": 1e-4, "l2": 1e-3},
        {"dropconnect": 0.2, "augment": "noise", "mixup": 0.4},
        {"probe": "full", "label_smoothing": 0.1},
        {
            "data": "digits",
            "model": "cnn",
            "width": 4,
            "channel_dropout": 0.2,
            "augment": "shift+rotate+erase",
            "cutmix": 1.0,
            "epochs": 3,
        },
        {"data": "digits", "model": "resnet", "depth": 8, "width": 4, "stochastic_depth": 0.3},
    ],
    ids=str,
)
@pytest.mark.parametrize("stop_after", [1, 2])
def test_a_resumed_run_equals_an_uninterrupted_one(
    config: Make, settings: dict[str, object], stop_after: int
) -> None:
    calm = start(config(**settings))
    whole = [epoch.values for epoch in train(calm)]

    broken = start(config(**settings))
    parts = [epoch.values for epoch in islice(train(broken), stop_after)]
    kept = checkpoint.sealed(broken)
    resumed = start(config(**settings))
    checkpoint.restore(resumed, kept, "checkpoint.pt")
    parts += [epoch.values for epoch in train(resumed)]

    assert parts == whole
    assert resumed.selected_epoch == calm.selected_epoch
    for name, tensor in calm.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    assert resumed.test() == calm.test()


def test_a_checkpoint_of_another_run_is_refused(config: Make) -> None:
    content = checkpoint.sealed(start(config()))
    for other in (config(lr=0.5), config(seed=1), config(split_seed=1)):
        with pytest.raises(CheckpointError, match="belongs to another run"):
            checkpoint.restore(start(other), content, "c.pt")


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "text"])
def test_damage_is_noticed(config: Make, harm: str) -> None:
    content = bytearray(checkpoint.sealed(start(config())))
    content[len(content) // 2] ^= 1
    harmed = {"flip": bytes(content), "cut": bytes(content[:200]), "empty": b"", "text": b"hello"}
    with pytest.raises(CheckpointError, match=r"c\.pt is damaged"):
        checkpoint.restore(start(config()), harmed[harm], "c.pt")


def test_a_checkpoint_runs_no_code(config: Make, tmp_path: Path) -> None:
    import hashlib
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "owned",))  # type: ignore[return-value]

    content = pickle.dumps(Evil(), protocol=2)
    with pytest.raises(CheckpointError):
        checkpoint.restore(start(config()), content + hashlib.sha256(content).digest(), "c.pt")
    assert not (tmp_path / "owned").exists()


def test_the_model_file_is_a_plain_state_dict(config: Make) -> None:
    session = start(config())
    list(train(session))
    state = torch.load(io.BytesIO(checkpoint.packed_model(session)), weights_only=True)
    assert set(state) == set(session.model.state_dict())
