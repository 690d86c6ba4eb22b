"""The training loop: reproducible bit by bit; every setting trains; every way to end."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nnlab import catalogue
from nnlab.engine import checkpoint
from nnlab.engine.batches import batch_bounds, steps_per_epoch
from nnlab.engine.loop import build_session, train
from nnlab.engine.models import head_layer_name
from nnlab.engine.seeds import make_generator
from nnlab.errors import DataError, DeviceError
from nnlab.records import Status
from nnlab.settings import RunConfig

Make = Callable[..., RunConfig]


def values_of(config: RunConfig) -> list[dict[str, float]]:
    return [dict(epoch.values) for epoch in train(build_session(config))]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"opt": "sgd", "dropout": 0.3, "norm": "batch"},
        {"data": "diabetes", "decay": "cosine", "warmup": 1.0},
        {"data": "digits", "model": "cnn", "width": 4, "dropout": 0.2, "epochs": 2},
        {"dtype": "bfloat16"},
    ],
    ids=str,
)
def test_the_same_config_gives_the_same_bits(config: Make, settings: dict[str, object]) -> None:
    first = values_of(config(**settings))
    torch.manual_seed(99)  # whoever touches the global generator changes nothing
    torch.rand(7)
    assert values_of(config(**settings)) == first


def test_another_seed_gives_other_weights_and_the_same_split(config: Make) -> None:
    first, second = build_session(config(seed=0)), build_session(config(seed=1))
    assert first.data.fingerprint == second.data.fingerprint
    pairs = zip(first.model.parameters(), second.model.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("opt", catalogue.builtin_names("opt"))
def test_every_optimizer_learns(config: Make, opt: str) -> None:
    values = values_of(config(opt=opt, epochs=12))
    assert values[-1]["train/loss"] < values[0]["train/loss"]
    assert all(math.isfinite(value) for value in values[-1].values())


@pytest.mark.parametrize("decay", catalogue.builtin_names("decay"))
@pytest.mark.parametrize("opt", ["momentum", "adam"])
def test_every_decay_trains(config: Make, opt: str, decay: str) -> None:
    values = values_of(config(opt=opt, decay=decay, lr=0.02, clip=1.0, epochs=8))
    assert values[-1]["train/loss"] < 0.8 * values[0]["train/loss"]


@pytest.mark.parametrize("activation", catalogue.builtin_names("activation"))
@pytest.mark.parametrize("init", sorted({*catalogue.builtin_names("init")} - {"zeros"}))
def test_every_activation_learns_from_every_initialisation(
    config: Make, activation: str, init: str
) -> None:
    values = values_of(config(activation=activation, init=init, lr=0.05, epochs=6))
    assert values[-1]["train/loss"] < values[0]["train/loss"]


@pytest.mark.parametrize("norm", catalogue.builtin_names("norm"))
@pytest.mark.parametrize("place", ["before", "after"])
def test_every_normalisation_trains_at_either_place(config: Make, norm: str, place: str) -> None:
    settings: dict[str, object] = {"data": "digits", "model": "cnn", "width": 8, "epochs": 1}
    if norm != "none":
        settings["norm_place"] = place
    values = values_of(config(**settings, norm=norm))
    assert math.isfinite(values[-1]["val/loss"])


@pytest.mark.parametrize("inputs", catalogue.builtin_names("inputs"))
def test_every_treatment_of_inputs_trains(config: Make, inputs: str) -> None:
    values = values_of(config(inputs=inputs, lr=0.02, epochs=6))
    assert values[-1]["train/loss"] < values[0]["train/loss"]


@pytest.mark.parametrize(
    "loss",
    [
        name
        for name in catalogue.builtin_names("loss")
        if "classification" in catalogue.find_choice("loss", name).tasks
    ],
)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_every_loss_of_classes_learns(config: Make, loss: str, reduction: str) -> None:
    lr = 0.02 if reduction == "mean" else 0.002
    values = values_of(config(loss=loss, reduction=reduction, lr=lr, epochs=8))
    assert values[-1]["val/accuracy"] > 0.5


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "linear"},
        {"model": "resnet", "depth": 8, "width": 4},
        {"model": "wide_resnet", "depth": 10, "width": 4, "widen": 2},
        {"model": "transformer", "width": 16, "depth": 1, "heads": 2, "patch": 2},
        {"model": "mlp", "widths": "16,8"},
    ],
    ids=str,
)
def test_every_model_learns_digits(config: Make, settings: dict[str, object]) -> None:
    values = values_of(config(data="digits", train_size=400, epochs=3, lr=0.01, **settings))
    assert values[-1]["train/loss"] < values[0]["train/loss"]


def test_second_order_optimizers_report_their_cost(config: Make) -> None:
    lbfgs = values_of(config(opt="lbfgs", epochs=3))
    newton = values_of(config(opt="newton-cg", epochs=3))
    assert all(values["cost/gradients"] >= 1 for values in lbfgs + newton)
    assert all(values["cost/products"] == 0 for values in lbfgs)
    assert all(values["cost/products"] >= 1 for values in newton)
    assert "lr" not in lbfgs[0]


def test_a_full_batch_takes_one_step_an_epoch(config: Make) -> None:
    """Plain gradient descent on all examples, by hand."""
    settings = config(opt="sgd", momentum=0.0, batch_size="full", dtype="float64", epochs=3)
    session, twin = build_session(settings), build_session(settings)
    list(train(session))
    x, y = twin.data.train.examples, twin.data.train.targets
    for _ in range(3):
        loss = torch.nn.functional.cross_entropy(twin.model(x), y)
        for p, g in zip(
            twin.model.parameters(),
            torch.autograd.grad(loss, list(twin.model.parameters())),
            strict=True,
        ):
            p.data -= (settings.lr or 0.0) * g
    for ours, theirs in zip(session.model.parameters(), twin.model.parameters(), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_a_summed_loss_with_a_smaller_lr_is_the_mean(config: Make) -> None:
    """size_average: the sum over a batch of n is n times the mean, so lr / n is the same step."""
    common = {"opt": "sgd", "momentum": 0.0, "batch_size": "full", "dtype": "float64"}
    count = len(build_session(config(**common)).data.train)
    mean = values_of(config(**common, lr=0.5))
    summed = values_of(config(**common, lr=0.5 / count, reduction="sum"))
    for by_mean, by_sum in zip(mean, summed, strict=True):
        assert by_mean["train/loss"] == pytest.approx(by_sum["train/loss"], rel=1e-9)


def test_the_evaluated_weights_are_the_average(config: Make) -> None:
    settings = config(average="ema", average_decay=0.99, epochs=3)
    session = build_session(settings)
    list(train(session))
    kept, current = session.selected_weights, session.model.state_dict()
    assert any(not torch.equal(kept[name], current[name]) for name in kept)
    with session.averaged_weights():
        measured = session.evaluate_split(session.data.val)
    assert measured["loss"] == session.val_losses[-1]


def test_plateau_lowers_the_lr_when_the_validation_loss_stagnates(config: Make) -> None:
    settings = config(decay="plateau", decay_patience=1, decay_factor=0.1, lr=0.5, epochs=12)
    rates = [values["lr"] for values in values_of(settings)]
    assert rates[0] == 0.5
    assert min(rates) < 0.5
    assert sorted(rates, reverse=True) == rates


def test_frozen_layers_are_trained_only_once_unfrozen(config: Make, tmp_path: Path) -> None:
    parent = build_session(config(norm="batch", epochs=2))
    list(train(parent))
    (tmp_path / "model.safetensors").write_bytes(checkpoint.serialize_selected_weights(parent))
    settings = config(
        norm="batch",
        seed=1,
        start_from=str(tmp_path / "model.safetensors"),
        freeze="all-but-head",
        unfreeze_at=2,
        epochs=3,
    )
    session = build_session(settings)
    session.load_initial_weights(tmp_path / "model.safetensors")
    begun = {name: value.clone() for name, value in session.model.state_dict().items()}
    for epoch in train(session):
        state = session.model.state_dict()
        moved = {name for name in state if not torch.equal(state[name], begun[name])}
        if epoch.number <= 2:
            assert moved == {
                name for name in moved if name.startswith(head_layer_name(session.model))
            }
        else:
            assert any(not name.startswith(head_layer_name(session.model)) for name in moved)


def test_probes_add_metrics_and_change_nothing_else(config: Make) -> None:
    settings = {"data": "digits", "norm": "batch", "dropout": 0.2, "epochs": 3}
    bare, light, full = (values_of(config(**settings, probe=p)) for p in ("none", "light", "full"))
    for no_probe, light_probe, full_probe in zip(bare, light, full, strict=True):
        assert no_probe.items() <= light_probe.items()
        assert no_probe.items() <= full_probe.items()
        assert len(full_probe) > len(no_probe)


def test_a_light_probe_skips_epochs_that_are_too_short_to_pay_for_it(config: Make) -> None:
    values = values_of(config(epochs=20))  # seven steps an epoch
    seen = [number for number, v in enumerate(values, 1) if "probe/update_ratio" in v]
    assert seen == [1, 16, 20]
    full = values_of(config(epochs=3, probe="full"))
    assert all("probe/update_ratio" in v for v in full)


def test_the_number_of_threads_is_as_configured(config: Make) -> None:
    assert build_session(config(threads=2)).threads == 2
    assert torch.get_num_threads() == 2
    assert build_session(config()).threads == 1


def test_images_with_their_channels_last_train_to_the_same_result(config: Make) -> None:
    common = {"data": "digits", "model": "cnn", "width": 4, "epochs": 1, "dtype": "float64"}
    first = values_of(config(**common))
    last = values_of(config(**common, channels_last=True))
    assert last[0]["val/loss"] == pytest.approx(first[0]["val/loss"], rel=1e-9)
    with pytest.raises(DataError, match="--channels-last needs images"):
        build_session(config(channels_last=True))


# torch warns of its own use of what it deprecates, in a module that compiling imports.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs g++ on the CPU")
def test_a_compiled_model_trains_to_the_same_result(config: Make) -> None:
    common = {"data": "digits", "train_size": 256, "epochs": 2, "dtype": "float64"}
    plain = values_of(config(**common))
    compiled = values_of(config(**common, compile=True))
    assert compiled[-1]["val/loss"] == pytest.approx(plain[-1]["val/loss"], rel=1e-6)


def test_compiling_without_a_compiler_names_what_to_install(
    config: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(DeviceError, match=r"--compile needs a C\+\+ compiler"):
        build_session(config(compile=True))


def test_tf32_needs_a_gpu(config: Make) -> None:
    with pytest.raises(DeviceError, match="--dtype tf32 needs a CUDA device"):
        build_session(config(dtype="tf32"))


def test_zeros_learn_nothing_but_the_output_bias(config: Make) -> None:
    session = build_session(config(init="zeros", epochs=3))
    list(train(session))
    hidden, output = [m for m in session.model.modules() if isinstance(m, torch.nn.Linear)]
    assert not hidden.weight.any()
    assert not output.weight.any()
    assert output.bias.any()


@pytest.mark.parametrize("loss", ["mse", "l1", "huber"])
def test_regression_learns_with_every_loss(config: Make, loss: str) -> None:
    values = values_of(config(data="diabetes", loss=loss, lr=0.02, epochs=10))
    assert values[-1]["val/loss"] < values[0]["val/loss"]
    assert 40 < values[-1]["val/rmse"] < 90  # in the target's own unit
    assert values[-1]["val/r2"] > 0.2


def test_training_follows_a_loop_written_by_hand(config: Make) -> None:
    """The same weights as twenty lines of plain torch that use the same order."""
    settings = config(opt="sgd", lr=0.1, momentum=0.9, weight_decay=0.01, dtype="float64")
    session = build_session(settings)
    twin = build_session(settings)
    parameters = list(twin.model.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": 0.01},
        {"params": [p for p in parameters if p.ndim == 1]},
    ]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    x, y = twin.data.train.examples, twin.data.train.targets
    for epoch in range(1, 6):
        order = torch.randperm(len(y), generator=make_generator(0, "order", epoch))
        for rows in torch.split(order, 16):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(twin.model(x[rows]), y[rows]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    list(train(session))
    for ours, theirs in zip(session.model.parameters(), twin.model.parameters(), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_the_lr_of_each_epoch_is_the_schedules(config: Make) -> None:
    rates = [v["lr"] for v in values_of(config(decay="step", decay_every=2, lr=0.1))]
    assert rates == [0.1, 0.1, 0.05, 0.05, 0.025]


def test_exact_metrics_of_the_training_split_on_request(config: Make) -> None:
    session = build_session(config(exact_train=True, dropout=0.5))
    last = list(train(session))[-1]
    assert last.values["train/loss_exact"] == session.evaluate_split(session.data.train)["loss"]
    assert last.values["train/loss_exact"] < last.values["train/loss"]  # dropout is off


def test_the_running_loss_is_the_mean_over_examples_as_they_came(config: Make) -> None:
    """With a step so small that nothing moves, running and exact agree."""
    values = values_of(config(opt="sgd", lr=1e-12, exact_train=True, dtype="float64"))
    assert values[0]["train/loss"] == pytest.approx(values[0]["train/loss_exact"], rel=1e-9)


def test_nan_ends_the_run_as_diverged_and_keeps_its_epochs(config: Make) -> None:
    session = build_session(config(data="diabetes", opt="sgd", lr=1000.0, epochs=50))
    epochs = list(train(session))
    assert session.status is Status.DIVERGED
    assert not math.isfinite(epochs[-1].values["train/loss"])
    assert 1 <= len(epochs) < 50
    assert f"epoch {len(epochs)}" in (session.reason or "")


def test_early_stop_waits_for_its_patience(config: Make) -> None:
    session = build_session(config(data="diabetes", early_stop=3, epochs=200, lr=0.02))
    epochs = list(train(session))
    assert session.status is Status.FINISHED
    assert len(epochs) == session.selected_epoch + 3 < 200


def test_a_request_to_stop_finishes_the_epoch(config: Make) -> None:
    session = build_session(config())
    stop_requests = iter([False, True])
    epochs = list(train(session, lambda: next(stop_requests)))
    assert [epoch.number for epoch in epochs] == [1, 2]
    assert session.status is Status.INTERRUPTED


def test_a_request_in_the_last_epoch_is_a_finish(config: Make) -> None:
    session = build_session(config(epochs=1))
    list(train(session, lambda: True))
    assert session.status is Status.FINISHED


def test_the_test_split_is_measured_with_the_selected_weights(config: Make) -> None:
    session = build_session(config(epochs=6))
    kept = {}
    for epoch in train(session):
        kept[epoch.number] = {k: v.clone() for k, v in session.model.state_dict().items()}
    measured = session.test()
    session.model.load_state_dict(kept[session.selected_epoch])
    assert measured == {
        f"test/{k}": v for k, v in session.evaluate_split(session.data.test).items()
    }


def test_the_selected_epoch_is_the_first_best(config: Make) -> None:
    session = build_session(config(epochs=12, objective="val/loss:min"))
    losses = [epoch.values["val/loss"] for epoch in train(session)]
    assert session.selected_epoch == losses.index(min(losses)) + 1


BLOBS = {"data": "blobs", "data_noise": 0.05, "samples": 100, "lr": 0.03}


def test_ties_in_the_objective_are_broken_by_the_validation_loss(config: Make) -> None:
    session = build_session(config(**BLOBS, epochs=12))
    values = [epoch.values for epoch in train(session)]
    first = next(n for n, v in enumerate(values, start=1) if v["val/accuracy"] == 1.0)
    losses = [v["val/loss"] for v in values[first - 1 :]]
    assert first < 10
    assert session.selected_epoch == first + losses.index(min(losses)) > first
    assert session.selected_loss == min(losses)
    for name, tensor in session.model.state_dict().items():
        # The loss kept falling, so the weights that are kept are those of the last epoch.
        assert torch.equal(session.selected_weights[name], tensor)


def test_the_later_of_two_equal_epochs_is_selected(config: Make) -> None:
    session = build_session(config(opt="sgd", lr=1e-30, epochs=3))
    values = [epoch.values for epoch in train(session)]
    assert len({v["val/loss"] for v in values}) == 1
    assert session.selected_epoch == 3


def test_patience_counts_from_the_last_improvement_not_from_a_tie(config: Make) -> None:
    session = build_session(config(**BLOBS, epochs=40, early_stop=4))
    values = [epoch.values for epoch in train(session)]
    first = next(n for n, v in enumerate(values, start=1) if v["val/accuracy"] == 1.0)
    assert len(values) == first + 4
    assert session.selected_epoch > first


def test_clipping_bounds_the_step(config: Make) -> None:
    settings = config(opt="sgd", lr=1.0, clip=1e-6, epochs=1)
    session, before = build_session(settings), build_session(settings)
    norms = [epoch.values["train/grad_norm"] for epoch in train(session)]
    assert norms[0] > 1e-6  # what was measured is what was there before the cut
    moved = [
        (a - b).norm()
        for a, b in zip(session.model.parameters(), before.model.parameters(), strict=True)
    ]
    steps = steps_per_epoch(len(session.data.train), 16)
    assert torch.stack(moved).norm() <= 1e-6 * steps * 1.01


def test_batch_norm_survives_a_last_batch_of_one(config: Make) -> None:
    rows = len(build_session(config()).data.train)
    assert rows % 15 == 1 or rows % 8 == 2
    for size in (rows - 1, rows):
        values = values_of(config(norm="batch", batch_size=size, epochs=2))
        assert math.isfinite(values[-1]["train/loss"])


def test_a_batch_size_of_one_means_batches_of_one(config: Make) -> None:
    session = build_session(config(batch_size=1, epochs=1))
    rows = len(session.data.train)
    sizes = []

    def forward(examples: torch.Tensor) -> torch.Tensor:
        if session.model.training:
            sizes.append(len(examples))
        outputs: torch.Tensor = session.model(examples)
        return outputs

    session.forward = forward
    (epoch,) = train(session)
    assert sizes == [1] * rows
    assert math.isfinite(epoch.values["train/loss"])


@pytest.mark.parametrize("size", [1, 2, 4, 7, 64, 65, 100, "full", None])
@pytest.mark.parametrize("examples", [1, 2, 5, 64, 65, 66, 129])
def test_the_steps_of_an_epoch_are_its_batches(examples: int, size: int | str | None) -> None:
    bounds = batch_bounds(examples, size if isinstance(size, int) else examples)
    assert steps_per_epoch(examples, size) == len(bounds)


def test_steps_of_a_merged_last_batch() -> None:
    assert steps_per_epoch(65, 64) == 1
    assert steps_per_epoch(66, 64) == 2
    assert steps_per_epoch(65, 1) == 65


def test_batches_cover_every_example_once() -> None:
    for examples in range(1, 40):
        for size in range(1, 12):
            bounds = batch_bounds(examples, size)
            assert [i for begin, end in bounds for i in range(begin, end)] == list(range(examples))
            assert len(bounds) == 1 or all(end - begin > 1 for begin, end in bounds) or size == 1


def test_a_device_that_is_not_there_is_named(config: Make) -> None:
    with pytest.raises(DeviceError, match=r"--device cuda:7: this machine has no such device.*cpu"):
        build_session(config(device="cuda:7"))


def test_a_cnn_needs_images(config: Make) -> None:
    with pytest.raises(DataError, match="--model cnn needs images; iris has 4 features"):
        build_session(config(model="cnn"))
    with pytest.raises(DataError, match="8x8 pixels allow --depth 4 at most"):
        build_session(config(data="digits", model="cnn", depth=5))


def test_float16_needs_a_gpu(config: Make) -> None:
    with pytest.raises(DeviceError, match="--dtype float16 needs a CUDA device"):
        build_session(config(device="auto", dtype="float16"))
