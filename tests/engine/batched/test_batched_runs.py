"""Batched runs have the same metrics as the runs trained one by one, for every choice."""

import math
from collections.abc import Callable, Iterator, Sequence

import pytest
import torch

from nnlab import catalogue
from nnlab.engine.batched.batched_runs import BatchedRuns
from nnlab.engine.batched.grouping import can_batch, group_key
from nnlab.engine.batched.optimizer_steps import STATE_NAMES
from nnlab.engine.loop import train
from nnlab.engine.session import Session, build_session
from nnlab.records import Epoch, Status
from nnlab.settings import RunConfig

Make = Callable[..., RunConfig]
Settings = dict[str, object]
Curves = list[dict[str, float]]

# Relative tolerance in double precision, compared with a single run.
CLOSE = 1e-9

SECOND = {"seed": 1, "lr": 0.004}
IMAGES = {"data": "digits", "train_size": 96, "epochs": 2, "batch_size": 32, "width": 4}


def group_settings(norm: str) -> Settings:
    return {"norm_groups": 2} if norm == "group" else {}


def train_single(configs: Sequence[RunConfig]) -> list[Curves]:
    return [[dict(epoch.values) for epoch in train(build_session(config))] for config in configs]


def train_epochs(
    stack: BatchedRuns, should_stop: Callable[[Session], bool] = lambda _: False
) -> Iterator[tuple[Session, Epoch]]:
    stack.remove_finished()
    while stack.sessions:
        yield from stack.train_epoch()
        for session in stack.sessions:
            if session.status is Status.RUNNING and should_stop(session):
                session.status = Status.INTERRUPTED
        stack.remove_finished()


def train_batched(sessions: Sequence[Session]) -> list[Curves]:
    curves: dict[int, Curves] = {id(session): [] for session in sessions}
    for session, epoch in train_epochs(BatchedRuns(sessions)):
        assert epoch.number == session.epoch
        curves[id(session)].append(dict(epoch.values))
    return [curves[id(session)] for session in sessions]


def assert_same_curves(batched_curves: Sequence[Curves], single_curves: Sequence[Curves]) -> None:
    for batched, single in zip(batched_curves, single_curves, strict=True):
        assert [set(values) for values in batched] == [set(values) for values in single]
        for epoch, (values, expected) in enumerate(zip(batched, single, strict=True), start=1):
            for name, value in values.items():
                both_nan = math.isnan(value) and math.isnan(expected[name])
                assert both_nan or math.isclose(
                    value, expected[name], rel_tol=CLOSE, abs_tol=CLOSE
                ), f"{name} of epoch {epoch}: {value} batched, {expected[name]} single"


def check(make: Make, *settings: Settings) -> None:
    configs = [make(dtype="float64", **options) for options in settings]
    assert all(can_batch(config) for config in configs)
    assert len({group_key(config) for config in configs}) == 1
    stacked = train_batched([build_session(config) for config in configs])
    assert_same_curves(stacked, train_single(configs))


@pytest.mark.parametrize("opt", STATE_NAMES)
def test_every_first_order_optimizer(config: Make, opt: str) -> None:
    both = {"opt": opt, "weight_decay": 0.01}
    first = {"lr": 0.01, "seed": 0}
    check(config, both | first, both | {"lr": 0.003, "seed": 1}, both | {"lr": 0.001, "seed": 2})


def test_all_first_order_optimizers_can_be_batched() -> None:
    assert set(STATE_NAMES) == set(catalogue.builtin_names("opt")) - {"lbfgs", "newton-cg"}


@pytest.mark.parametrize(
    ("opt", "first", "second"),
    [
        ("nesterov", {"momentum": 0.9}, {"momentum": 0.5}),
        ("adam", {"beta1": 0.9, "beta2": 0.99}, {"beta1": 0.8, "beta2": 0.999}),
        ("adamw", {"beta1": 0.9, "weight_decay": 0.1}, {"beta1": 0.8, "weight_decay": 0.0}),
        ("nadam", {"beta1": 0.9, "eps": 1e-8}, {"beta1": 0.7, "eps": 1e-6}),
        ("radam", {"beta2": 0.9}, {"beta2": 0.999}),
        ("rmsprop", {"momentum": 0.0, "beta2": 0.9}, {"momentum": 0.9, "beta2": 0.99}),
        ("lion", {"beta1": 0.9, "beta2": 0.99}, {"beta1": 0.8, "beta2": 0.95}),
        ("muon", {"momentum": 0.9, "beta1": 0.9}, {"momentum": 0.95, "beta1": 0.8}),
    ],
)
def test_each_run_has_its_own_hyperparameters(
    config: Make, opt: str, first: Settings, second: Settings
) -> None:
    check(config, {"opt": opt, "depth": 2, **first}, {"opt": opt, "depth": 2, **second, **SECOND})


@pytest.mark.parametrize("decay", catalogue.builtin_names("decay"))
def test_every_decay_with_another(config: Make, decay: str) -> None:
    warmup = {} if decay == "onecycle" else {"warmup": 1.0}  # onecycle includes a warmup
    check(config, {"decay": decay, **warmup}, {"decay": "none", **SECOND})


@pytest.mark.parametrize("activation", catalogue.choice_names("activation"))
def test_every_activation(config: Make, activation: str) -> None:
    check(config, {"activation": activation}, {"activation": activation, **SECOND})


@pytest.mark.parametrize("init", catalogue.choice_names("init"))
def test_every_initialisation_with_another(config: Make, init: str) -> None:
    check(config, {"init": init}, {"init": "msra", "bias_init": 0.1, **SECOND})


@pytest.mark.parametrize("norm", [n for n in catalogue.choice_names("norm") if n != "instance"])
@pytest.mark.parametrize("place", ["before", "after"])
def test_every_normalisation_of_features(config: Make, norm: str, place: str) -> None:
    both = {"norm": norm, "norm_place": place, "depth": 2, **group_settings(norm)}
    check(config, both, both | SECOND)


@pytest.mark.parametrize("norm", catalogue.choice_names("norm"))
@pytest.mark.parametrize("model", ["cnn", "resnet", "wide_resnet"])
def test_every_normalisation_of_images(config: Make, model: str, norm: str) -> None:
    both = {"model": model, "norm": norm, **group_settings(norm), **IMAGES}
    check(config, both, both | SECOND)


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": 0.3},
        {"dropconnect": 0.3},
        {"model": "cnn", "dropout": 0.2, "channel_dropout": 0.2, **IMAGES},
        {"model": "resnet", "depth": 14, "stochastic_depth": 0.4, "dropout": 0.2, **IMAGES},
        {"model": "wide_resnet", "channel_dropout": 0.3, "dropout": 0.2, **IMAGES},
        {"model": "cnn", "activation": "prelu", **IMAGES},
        {"model": "cnn", "activation": "maxout", **IMAGES},
    ],
    ids=str,
)
def test_the_noise_of_each_run_is_its_own(config: Make, settings: Settings) -> None:
    rates = ("dropout", "channel_dropout", "dropconnect", "stochastic_depth")
    halved = {k: v / 2 if k in rates and isinstance(v, float) else v for k, v in settings.items()}
    check(config, settings, halved | SECOND, settings | {"seed": 5})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"l1": 0.01}, {"l2": 0.02}),
        ({"label_smoothing": 0.1}, {"label_smoothing": 0.0}),
        ({"clip": 0.1}, {"clip": 0.0}),
        ({"clip_value": 0.01}, {"clip": 0.2}),
        ({"epochs": 3}, {"epochs": 7}),
        ({"early_stop": 1, "lr": 0.5, "epochs": 12}, {"epochs": 12}),
        ({"objective": "val/loss:min"}, {"objective": "val/accuracy:max"}),
    ],
    ids=str,
)
def test_other_settings_that_may_differ(config: Make, first: Settings, second: Settings) -> None:
    check(config, first, {"seed": 1, **second}, {"seed": 2})


@pytest.mark.parametrize(
    "settings",
    [
        *({"loss": loss} for loss in ("nll", "bce", "hinge")),
        *({"data": "diabetes", "loss": loss} for loss in ("mse", "l1", "huber")),
        {"reduction": "sum", "opt": "sgd", "lr": 0.001},
        {"mixup": 0.4},
        {"augment": "noise"},
        {"model": "cnn", "augment": "shift+rotate+erase", "cutmix": 1.0, **IMAGES},
        {"data": "digits", "train_size": 64, "model": "linear"},
        {"batch_size": "full"},
        {"exact_train": True, "dropout": 0.2},
        {"head_lr_factor": 3.0, "depth_lr_factor": 0.5, "depth": 2},
        {"probe": "none"},
    ],
    ids=str,
)
def test_settings_that_all_runs_share(config: Make, settings: Settings) -> None:
    lr = {"lr": 0.0005} if "lr" in settings else {"lr": 0.004}
    check(config, settings, settings | {"seed": 1} | lr)


@pytest.mark.parametrize(
    "settings",
    [{}, {"norm": "batch", "dropout": 0.2}, {"model": "cnn", **IMAGES}, {"data": "diabetes"}],
    ids=str,
)
def test_in_single_precision_the_losses_agree_to_its_rounding(
    config: Make, settings: Settings
) -> None:
    configs = [config(**settings), config(**(settings | SECOND))]
    batched_curves, single_curves = (
        train_batched([build_session(run_config) for run_config in configs]),
        train_single(configs),
    )
    for batched, single in zip(batched_curves, single_curves, strict=True):
        for name in ("train/loss", "val/loss"):
            assert [values[name] for values in batched] == pytest.approx(
                [values[name] for values in single], rel=2e-3
            )


def test_a_diverged_run_is_removed_and_affects_no_other(config: Make) -> None:
    # Infinite values in one row must not affect the other rows.
    diverging = {"opt": "sgd", "lr": 1000.0, "data": "diabetes", "epochs": 60}
    stable = {"opt": "sgd", "lr": 0.01, "data": "diabetes", "epochs": 60, "seed": 1}
    configs = [config(dtype="float64", **item) for item in (diverging, stable)]
    sessions = [build_session(item) for item in configs]
    curves = train_batched(sessions)
    assert sessions[0].status is Status.DIVERGED
    assert sessions[0].reason is not None
    assert "train/loss is" in sessions[0].reason
    assert sessions[1].status is Status.FINISHED
    assert_same_curves([curves[1]], train_single([configs[1]]))


def test_an_interrupted_run_is_removed_after_its_epoch(config: Make) -> None:
    sessions = [build_session(config(seed=seed)) for seed in range(3)]
    epochs = [
        session
        for session, _ in train_epochs(
            BatchedRuns(sessions), lambda session: session.config.seed == 1 and session.epoch == 2
        )
    ]
    assert [session.status for session in sessions] == [
        Status.FINISHED,
        Status.INTERRUPTED,
        Status.FINISHED,
    ]
    assert [session.epoch for session in sessions] == [5, 2, 5]
    assert len(epochs) == 12


@pytest.mark.parametrize("opt", STATE_NAMES)
def test_from_single_to_batched_and_back_during_training(config: Make, opt: str) -> None:
    """Two epochs single, two batched, the rest single: the curve equals that of a single run."""
    # A bias before batch normalisation has only a rounding error as gradient; these use its sign.
    norm = "layer" if opt in ("lion", "adagrad") else "batch"
    both = {"dtype": "float64", "opt": opt, "norm": norm, "epochs": 6}
    configs = [config(seed=seed, **both) for seed in (0, 1)]
    sessions = [build_session(run_config) for run_config in configs]
    for session in sessions:
        solo = train(session, lambda: session.epoch == 2)  # noqa: B023  evaluated immediately
        list(solo)
        session.status = Status.RUNNING
    batched_runs = BatchedRuns(sessions)
    list(train_epochs(batched_runs, lambda session: session.epoch == 4))
    ends = []
    for session in sessions:
        session.status = Status.RUNNING
        ends.append([dict(epoch.values) for epoch in train(session)])
    assert_same_curves(ends, [curves[4:] for curves in train_single(configs)])


def test_the_selected_weights_equal_those_of_a_single_run(config: Make) -> None:
    configs = [config(dtype="float64", norm="batch", seed=seed) for seed in (0, 1)]
    batched_sessions, single_sessions = (
        [build_session(run_config) for run_config in configs],
        [build_session(run_config) for run_config in configs],
    )
    train_batched(batched_sessions)
    for batched, single in zip(batched_sessions, single_sessions, strict=True):
        list(train(single))
        assert batched.selected_epoch == single.selected_epoch
        assert list(batched.selected_weights) == list(single.selected_weights)
        for name, weights in batched.selected_weights.items():
            assert torch.allclose(weights, single.selected_weights[name], rtol=1e-9, atol=1e-9)
        assert batched.test() == pytest.approx(single.test(), rel=1e-9)


def test_ties_are_broken_as_in_a_single_run(config: Make) -> None:
    """Accuracy is 1 from early on; the second run stops early, counted from its first best."""
    blobs = {"data": "blobs", "data_noise": 0.05, "samples": 100, "lr": 0.03, "dtype": "float64"}
    configs = [config(**blobs, epochs=12), config(**blobs, epochs=12, seed=1, early_stop=3)]
    batched_sessions, single_sessions = (
        [build_session(run_config) for run_config in configs],
        [build_session(run_config) for run_config in configs],
    )
    train_batched(batched_sessions)
    for batched, single in zip(batched_sessions, single_sessions, strict=True):
        values = [epoch.values for epoch in train(single)]
        first = next(n for n, v in enumerate(values, start=1) if v["val/accuracy"] == 1.0)
        assert batched.selected_epoch == single.selected_epoch > first
        assert batched.improved_epoch == single.improved_epoch == first
        assert (batched.epoch, batched.selected_value) == (single.epoch, single.selected_value)
        for name, weights in batched.selected_weights.items():
            assert torch.allclose(weights, single.selected_weights[name], rtol=1e-9, atol=1e-9)


def test_runs_that_cannot_be_batched(config: Make) -> None:
    assert can_batch(config())
    for other in ({"opt": "lbfgs"}, {"average": "ema"}, {"probe": "full"}, {"dtype": "bfloat16"}):
        assert not can_batch(config(**other))


def test_runs_with_equal_keys_differ_only_in_per_run_fields(config: Make) -> None:
    assert group_key(config()) == group_key(config(seed=3, lr=0.5, l1=0.1, epochs=9, init="xavier"))
    for other in ({"width": 9}, {"dropout": 0.1}, {"opt": "sgd"}, {"batch_size": 8}):
        assert group_key(config()) != group_key(config(**other))
