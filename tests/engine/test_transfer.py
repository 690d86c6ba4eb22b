"""Transfer: matching tensors are loaded, frozen layers stay, files execute no code."""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from nnlab.engine import checkpoint, models, transfer
from nnlab.engine.data.prepare import SplitTensors
from nnlab.engine.hooks import eval_mode
from nnlab.engine.loop import build_session, train
from nnlab.engine.weight_average import EpochWeightAverage
from nnlab.errors import CheckpointError, ConfigError
from nnlab.settings import RunConfig

Make = Callable[..., RunConfig]


def network(outputs: int = 3, width: int = 6) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(4, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, outputs)
    )


def test_the_head_is_reinitialised_if_its_shape_differs() -> None:
    model = network(outputs=5)
    head = model.get_parameter("3.weight").clone()
    theirs = network(outputs=3).state_dict()
    loaded = transfer.load_matching_weights(model, theirs)
    assert torch.equal(model.get_parameter("0.weight"), theirs["0.weight"])
    assert torch.equal(model.get_parameter("3.weight"), head)
    assert loaded.shape_mismatches == (("3.weight", (3, 6), (5, 6)), ("3.bias", (3,), (5,)))
    assert str(loaded).startswith(
        "7 of 9 tensors loaded; 3.weight is re-initialised: its shape is [3, 6] in the file"
    )


def test_a_head_for_other_classes_is_reinitialised_even_if_it_matches() -> None:
    model = network()
    head = model.get_parameter("3.weight").clone()
    loaded = transfer.load_matching_weights(model, network().state_dict(), new_head=True)
    assert torch.equal(model.get_parameter("3.weight"), head)
    assert loaded.reinitialized == ("3.weight", "3.bias")
    assert "the head is re-initialised for other data or classes" in str(loaded)


def test_missing_and_unexpected_tensors_are_reported() -> None:
    weights = dict(network().state_dict())
    weights["extra"] = weights.pop("0.bias")
    loaded = transfer.load_matching_weights(network(), weights)
    assert (loaded.missing, loaded.unexpected) == (("0.bias",), ("extra",))
    assert "not in the file: 0.bias" in str(loaded)
    assert "not used: extra" in str(loaded)


def test_without_a_match_the_error_names_tensors_of_both_sides() -> None:
    with pytest.raises(
        CheckpointError, match=r"no tensor matches: the file has body; the model has 0\.w"
    ):
        transfer.load_matching_weights(network(), {"body": torch.zeros(2)})


@pytest.mark.parametrize("wrapped", [None, "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "_orig_mod.module."])
def test_files_of_other_programs_are_read(tmp_path: Path, wrapped: str | None, prefix: str) -> None:
    state = {prefix + name: value for name, value in network().state_dict().items()}
    path = tmp_path / "weights.pt"
    torch.save({wrapped: state, "epoch": 3} if wrapped else state, path)
    loaded = transfer.load_matching_weights(network(), transfer.read_weights(path))
    assert loaded.matched == tuple(network().state_dict())
    assert not loaded.unexpected


def test_a_layer_that_is_called_module_keeps_its_name() -> None:
    model = nn.Sequential()
    model.add_module("module", nn.Linear(2, 2))
    loaded = transfer.load_matching_weights(model, dict(model.state_dict()))
    assert loaded.matched == ("module.weight", "module.bias")


def test_a_file_of_safetensors_is_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(network().state_dict(), path)
    assert set(transfer.read_weights(path)) == set(network().state_dict())
    path.write_bytes(b"no tensors here")
    with pytest.raises(CheckpointError, match=r"cannot read .*weights\.safetensors"):
        transfer.read_weights(path)


def test_a_pickled_model_is_refused_with_a_hint(tmp_path: Path) -> None:
    torch.save(network(), tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="contains more than weights") as error:
        transfer.read_weights(tmp_path / "model.pt")
    assert "model.state_dict()" in (error.value.hint or "")


@pytest.mark.parametrize("zipped", [True, False])
def test_any_damaged_byte_gives_a_checkpoint_error(tmp_path: Path, zipped: bool) -> None:
    """Some bytes are those of a number: then the file is read, with the tensors that it had."""
    path = tmp_path / "weights.pt"
    torch.save(network().state_dict(), path, _use_new_zipfile_serialization=zipped)
    content, refused, read = path.read_bytes(), 0, 0
    for index in range(0, len(content), 23):
        path.write_bytes(content[:index] + bytes([content[index] ^ 0x5A]) + content[index + 1 :])
        try:
            tensors = transfer.read_weights(path)
        except CheckpointError:
            refused += 1
        else:
            read += 1
            assert all(isinstance(value, torch.Tensor) for value in tensors.values())
    assert refused > 10
    assert read > 0


def test_a_checkpoint_of_ours_gives_its_selected_weights(config: Make, tmp_path: Path) -> None:
    session = build_session(config())
    list(train(session))
    (tmp_path / "checkpoint.pt").write_bytes(checkpoint.serialize_checkpoint(session))
    tensors = transfer.read_weights(tmp_path / "checkpoint.pt")
    for name, value in session.selected_weights.items():
        assert torch.equal(tensors[name], value)


def test_code_in_a_file_does_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "owned",))  # type: ignore[return-value]

    path = tmp_path / "weights.pt"
    torch.save({"weight": torch.zeros(2), "more": Evil()}, path)
    with pytest.raises(CheckpointError, match="could run code, so nnlab does not"):
        transfer.read_weights(path)
    path.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(CheckpointError):
        transfer.read_weights(path)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + b"\0" * 50])
def test_a_file_that_is_not_a_pickle_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"weights\.pt"):
        transfer.read_weights(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"cannot read .*gone\.pt"):
        transfer.read_weights(tmp_path / "gone.pt")


def test_a_file_without_tensors(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match="none of its entries is a tensor"):
        transfer.read_weights(tmp_path / "w.pt")


def test_all_but_head_freezes_all_but_the_last_layer() -> None:
    model = network()
    transfer.freeze(model, "all-but-head")
    moving = [name for name, p in model.named_parameters() if p.requires_grad]
    assert moving == ["3.weight", "3.bias"]
    transfer.unfreeze(model)
    assert all(p.requires_grad for p in model.parameters())


def test_patterns_freeze_what_they_name() -> None:
    model = network()
    transfer.freeze(model, "0.*+*.bias")
    moving = [name for name, p in model.named_parameters() if p.requires_grad]
    assert moving == ["1.weight", "3.weight"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("7.*", r"--freeze 7\.\* matches no parameter; there are 0\.weight, 0\.bias"),
        ("0.*+7.*", r"--freeze 7\.\* matches no parameter; there are 0\.weight, 0\.bias"),
        ("*", r"--freeze \* leaves no parameter to train"),
    ],
)
def test_a_pattern_without_a_match_is_refused(pattern: str, message: str) -> None:
    model = network()
    with pytest.raises(ConfigError, match=message) as error:
        transfer.freeze(model, pattern)
    names = ", ".join(name for name, _ in model.named_parameters())
    assert error.value.hint == f"the parameters are {names}"
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_frozen_normalisation_keeps_its_running_statistics() -> None:
    model = network()
    transfer.freeze(model, "all-but-head")
    model.train()
    transfer.set_frozen_to_eval(model, "all-but-head")
    before = model.get_buffer("1.running_mean").clone()
    model(torch.randn(8, 4, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(model.get_buffer("1.running_mean"), before)
    assert model[3].training


@pytest.mark.parametrize("model", ["mlp", "cnn", "resnet"])
def test_all_but_the_head_of_each_model_stays_while_it_trains(config: Make, model: str) -> None:
    small = {"mlp": {"width": 8, "depth": 2}, "cnn": {"width": 4, "depth": 1}, "resnet": {}}
    settings = {"model": model, "norm": "batch", "epochs": 1, **small[model]}
    session = build_session(config(data="digits", batch_size=64, train_size=128, **settings))
    head = models.head_layer_name(session.model)
    transfer.freeze(session.model, "all-but-head")
    transfer.set_frozen_to_eval(session.model, "all-but-head")
    before = {name: value.clone() for name, value in session.model.state_dict().items()}
    session.model(session.data.train.examples[:8]).sum().backward()
    session.optimizer.step()
    changed = {
        name
        for name, value in session.model.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed == {f"{head}.weight", f"{head}.bias"}


def test_unfrozen_weights_are_trained_from_then_on(config: Make, tmp_path: Path) -> None:
    first = build_session(config(epochs=1))
    list(train(first))
    path = tmp_path / "model.safetensors"
    path.write_bytes(checkpoint.serialize_selected_weights(first))
    session = build_session(
        config(epochs=4, start_from=str(path), freeze="all-but-head", unfreeze_at=2, seed=1)
    )
    session.load_initial_weights(path)
    bottom = next(iter(dict(session.model.named_parameters())))
    seen = [session.model.get_parameter(bottom).clone() for _ in train(session)]
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])
    assert not torch.equal(seen[2], seen[3])


def state_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def changed(model: nn.Module, before: dict[str, torch.Tensor]) -> set[str]:
    return {n for n, value in model.state_dict().items() if not torch.equal(value, before[n])}


FROZEN = [
    {"average": "swa", "average_from": 0.0},
    {"average": "ema", "average_decay": 0.9},
    {"opt": "sgd", "lr": 0.1, "weight_decay": 0.1},
    {"opt": "adamw", "weight_decay": 0.1},
    {"opt": "momentum", "momentum": 0.9, "weight_decay": 0.1, "l2": 0.01, "l1": 0.01},
    {"opt": "muon", "weight_decay": 0.1},
    {"opt": "lion", "weight_decay": 0.1},
    {"opt": "rmsprop", "momentum": 0.9, "weight_decay": 0.1},
    {"opt": "lbfgs"},
    {"opt": "newton-cg"},
    {"init": "lsuv"},
    {"probe": "full"},
    {"probe": "sensitivity"},
    {"dropout": 0.3, "mixup": 0.2},
]


@pytest.mark.parametrize("settings", FROZEN, ids=str)
@pytest.mark.parametrize("unfreeze_at", [0, 2])
def test_a_frozen_layer_does_not_change_at_all(
    config: Make, tmp_path: Path, settings: dict[str, object], unfreeze_at: int
) -> None:
    """Neither the weights nor the buffers, of the model as it is and as it is evaluated."""
    common = {"norm": "batch", "depth": 2, "width": 8, "epochs": 3}
    first = build_session(config(**common))
    list(train(first))
    path = tmp_path / "model.safetensors"
    path.write_bytes(checkpoint.serialize_selected_weights(first))
    frozen = {"start_from": str(path), "freeze": "all-but-head", "unfreeze_at": unfreeze_at}
    session = build_session(config(**common, **settings, **frozen, seed=1))
    session.load_initial_weights(path)
    head = models.head_layer_name(session.model)
    before = state_of(session.model)
    measured: list[set[str]] = []
    evaluate_split = session.evaluate_split

    def spy(part: SplitTensors) -> Mapping[str, float]:
        if part is session.data.val:
            measured.append(changed(session.model, before))
        return evaluate_split(part)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(session), "evaluate_split", lambda _, part: spy(part))
        after = [changed(session.model, before) for _ in train(session)]
    of_head = {f"{head}.weight", f"{head}.bias"}
    held = slice(None) if unfreeze_at == 0 else slice(0, unfreeze_at)
    assert all(names <= of_head for names in [*after[held], *measured[held]])
    assert f"{head}.weight" in after[0]
    if unfreeze_at:
        assert not measured[-1] <= of_head


def test_other_state_of_frozen_layers_stays_too() -> None:
    """A normalisation without parameters, and the vectors of a spectral norm."""
    model = nn.Sequential(
        spectral_norm(nn.Linear(4, 6)),
        nn.BatchNorm1d(6, affine=False),
        nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.5)),
        spectral_norm(nn.Linear(6, 3)),
    )
    transfer.freeze(model, "all-but-head")
    model.train()
    transfer.set_frozen_to_eval(model, "all-but-head")
    before = state_of(model)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.1)
    for _ in range(3):
        model(
            torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
        ).square().sum().backward()
        optimizer.step()
    assert {name.partition(".")[0] for name in changed(model, before)} == {"3"}
    assert model.get_submodule("2.1").training  # dropout stays on


def test_a_pattern_holds_a_normalisation_without_parameters_that_it_names() -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6, affine=False), nn.Linear(6, 3))
    transfer.freeze(model, "0.*")
    for pattern, training in (("0.*", True), ("0.*+1.*", False), ("*", False)):
        model.train()
        transfer.set_frozen_to_eval(model, pattern)
        assert model[1].training is training


def test_statistics_of_a_layer_in_evaluation_mode_are_not_recomputed() -> None:
    model = network()
    average = EpochWeightAverage(model, 0.0)
    average.after_epoch(model, 1)
    model.train()
    model[1].eval()
    before = state_of(model)
    with average.swapped_in(model, torch.randn(20, 4)):
        assert not changed(model, before)


def test_evaluation_leaves_each_module_in_its_mode() -> None:
    model = network()
    model.train()
    model[1].eval()
    with eval_mode(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model] == [True, False, True, True]
    assert model.training
