"""Checkpoints: a resumed run equals an uninterrupted one bit for bit; damage is detected."""

import hashlib
import io
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors.torch import load

from nnlab.engine import checkpoint
from nnlab.engine.loop import build_session, train
from nnlab.errors import CheckpointError
from nnlab.settings import RunConfig

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
    expected = build_session(config(**settings))
    uninterrupted = [epoch.values for epoch in train(expected)]

    broken = build_session(config(**settings))
    parts = [epoch.values for epoch in islice(train(broken), stop_after)]
    kept = checkpoint.serialize_checkpoint(broken)
    resumed = build_session(config(**settings))
    checkpoint.restore_checkpoint(resumed, kept, "checkpoint.pt")
    parts += [epoch.values for epoch in train(resumed)]

    assert parts == uninterrupted
    assert resumed.selected_epoch == expected.selected_epoch
    for name, tensor in expected.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    assert resumed.test() == expected.test()


def test_a_checkpoint_of_another_run_is_refused(config: Make) -> None:
    content = checkpoint.serialize_checkpoint(build_session(config()))
    for other_config in (config(lr=0.5), config(seed=1), config(split_seed=1)):
        with pytest.raises(CheckpointError, match="belongs to another run"):
            checkpoint.restore_checkpoint(build_session(other_config), content, "c.pt")


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "text"])
def test_damage_is_detected(config: Make, harm: str) -> None:
    content = bytearray(checkpoint.serialize_checkpoint(build_session(config())))
    content[len(content) // 2] ^= 1
    harmed = {"flip": bytes(content), "cut": bytes(content[:200]), "empty": b"", "text": b"hello"}
    with pytest.raises(CheckpointError, match=r"c\.pt is damaged"):
        checkpoint.restore_checkpoint(build_session(config()), harmed[harm], "c.pt")


def test_loading_a_checkpoint_executes_no_code(config: Make, tmp_path: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "owned",))  # type: ignore[return-value]

    content = pickle.dumps(Evil(), protocol=2)
    with pytest.raises(CheckpointError):
        checkpoint.restore_checkpoint(
            build_session(config()), content + hashlib.sha256(content).digest(), "c.pt"
        )
    assert not (tmp_path / "owned").exists()


def test_the_model_file_is_a_plain_state_dict(config: Make) -> None:
    session = build_session(config())
    list(train(session))
    state = load(checkpoint.serialize_selected_weights(session))
    assert state.keys() == session.model.state_dict().keys()
    for name, tensor in session.selected_weights.items():
        assert torch.equal(state[name], tensor)


def test_weights_that_share_memory_or_are_not_contiguous_are_stored() -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    weights = {"a": whole, "b": whole[1], "c": whole.T, "d": whole}
    state = load(checkpoint.serialize_weights(weights))
    for name, tensor in weights.items():
        assert torch.equal(state[name], tensor)


def test_ties_are_broken_the_same_way_in_a_resumed_run(config: Make) -> None:
    """Accuracy is 1 from early on: the epoch selected in the end is one of the lowest val/loss."""
    setting = {"data": "blobs", "data_noise": 0.05, "samples": 100, "epochs": 10, "lr": 0.03}
    expected, broken, resumed = (build_session(config(**setting)) for _ in range(3))
    epochs = list(train(expected))
    assert [e.values["val/accuracy"] for e in epochs[4:]] == [1.0] * 6
    list(islice(train(broken), 6))
    checkpoint.restore_checkpoint(resumed, checkpoint.serialize_checkpoint(broken), "c.pt")
    assert (resumed.selected_loss, resumed.improved_epoch) == (
        broken.selected_loss,
        broken.improved_epoch,
    )
    list(train(resumed))
    assert resumed.selected_epoch == expected.selected_epoch == 10
    assert resumed.test() == expected.test()


def test_a_checkpoint_without_the_tie_break_still_resumes(config: Make) -> None:
    """As earlier versions wrote it: the val/loss of the selected epoch follows from all losses."""
    session = build_session(config(epochs=6))
    list(islice(train(session), 3))
    state = torch.load(io.BytesIO(checkpoint.serialize_state(session)), weights_only=True)
    del state["selected_loss"], state["improved_epoch"]
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    resumed = build_session(config(epochs=6))
    checkpoint.restore_checkpoint(resumed, content + hashlib.sha256(content).digest(), "c.pt")
    assert resumed.selected_loss == session.val_losses[session.selected_epoch - 1]
    assert resumed.improved_epoch == session.selected_epoch
    del state["val_losses"]
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    oldest = build_session(config(epochs=6))
    checkpoint.restore_checkpoint(oldest, content + hashlib.sha256(content).digest(), "c.pt")
    assert [epoch.number for epoch in train(oldest)] == [4, 5, 6]
