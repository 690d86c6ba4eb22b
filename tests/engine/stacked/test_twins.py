"""A run in a stack is what it would have been alone: every choice, epoch by epoch."""

import math
from collections.abc import Callable, Iterator, Sequence

import pytest
import torch

from nnlab import catalogue
from nnlab.config import RunConfig
from nnlab.engine.batched.batched_runs import BatchedRuns
from nnlab.engine.batched.grouping import can_batch, group_key
from nnlab.engine.batched.optimizer_steps import STATE_NAMES
from nnlab.engine.loop import train
from nnlab.engine.session import Session, build_session
from nnlab.records import Epoch, Status

Make = Callable[..., RunConfig]
Settings = dict[str, object]
Curves = list[dict[str, float]]

# Rounding in double precision against the solo twin, relative.
CLOSE = 1e-9

SECOND = {"seed": 1, "lr": 0.004}
IMAGES = {"data": "digits", "train_size": 96, "epochs": 2, "batch_size": 32, "width": 4}


def groups_of(norm: str) -> Settings:
    return {"norm_groups": 2} if norm == "group" else {}


def alone(configs: Sequence[RunConfig]) -> list[Curves]:
    return [[dict(epoch.values) for epoch in train(build_session(config))] for config in configs]


def rounds(
    stack: BatchedRuns, should_stop: Callable[[Session], bool] = lambda _: False
) -> Iterator[tuple[Session, Epoch]]:
    stack.remove_finished()
    while stack.sessions:
        yield from stack.epoch()
        for session in stack.sessions:
            if session.status is Status.RUNNING and should_stop(session):
                session.status = Status.INTERRUPTED
        stack.remove_finished()


def together(sessions: Sequence[Session]) -> list[Curves]:
    curves: dict[int, Curves] = {id(session): [] for session in sessions}
    for session, epoch in rounds(BatchedRuns(sessions)):
        assert epoch.number == session.epoch
        curves[id(session)].append(dict(epoch.values))
    return [curves[id(session)] for session in sessions]


def assert_twins(ours: Sequence[Curves], theirs: Sequence[Curves]) -> None:
    for mine, its in zip(ours, theirs, strict=True):
        assert [set(values) for values in mine] == [set(values) for values in its]
        for epoch, (values, expected) in enumerate(zip(mine, its, strict=True), start=1):
            for name, value in values.items():
                both_nan = math.isnan(value) and math.isnan(expected[name])
                assert both_nan or math.isclose(
                    value, expected[name], rel_tol=CLOSE, abs_tol=CLOSE
                ), f"{name} of epoch {epoch}: {value} in the stack, {expected[name]} alone"


def check(make: Make, *settings: Settings) -> None:
    configs = [make(dtype="float64", **one) for one in settings]
    assert all(can_batch(config) for config in configs)
    assert len({group_key(config) for config in configs}) == 1
    stacked = together([build_session(config) for config in configs])
    assert_twins(stacked, alone(configs))


@pytest.mark.parametrize("opt", STATE_NAMES)
def test_every_first_order_optimizer(config: Make, opt: str) -> None:
    both = {"opt": opt, "weight_decay": 0.01}
    first = {"lr": 0.01, "seed": 0}
    check(config, both | first, both | {"lr": 0.003, "seed": 1}, both | {"lr": 0.001, "seed": 2})


def test_optimizers_are_all_but_those_of_second_order() -> None:
    assert set(STATE_NAMES) == set(catalogue.choice_names("opt")) - {"lbfgs", "newton-cg"}


@pytest.mark.parametrize(
    ("opt", "one", "two"),
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
    config: Make, opt: str, one: Settings, two: Settings
) -> None:
    check(config, {"opt": opt, "depth": 2, **one}, {"opt": opt, "depth": 2, **two, **SECOND})


@pytest.mark.parametrize("decay", catalogue.choice_names("decay"))
def test_every_decay_beside_another(config: Make, decay: str) -> None:
    warmup = {} if decay == "onecycle" else {"warmup": 1.0}  # it has a warmup of its own
    check(config, {"decay": decay, **warmup}, {"decay": "none", **SECOND})


@pytest.mark.parametrize("activation", catalogue.choice_names("activation"))
def test_every_activation(config: Make, activation: str) -> None:
    check(config, {"activation": activation}, {"activation": activation, **SECOND})


@pytest.mark.parametrize("init", catalogue.choice_names("init"))
def test_every_initialisation_beside_another(config: Make, init: str) -> None:
    check(config, {"init": init}, {"init": "msra", "bias_init": 0.1, **SECOND})


@pytest.mark.parametrize("norm", [n for n in catalogue.choice_names("norm") if n != "instance"])
@pytest.mark.parametrize("place", ["before", "after"])
def test_every_normalisation_of_features(config: Make, norm: str, place: str) -> None:
    both = {"norm": norm, "norm_place": place, "depth": 2, **groups_of(norm)}
    check(config, both, both | SECOND)


@pytest.mark.parametrize("norm", catalogue.choice_names("norm"))
@pytest.mark.parametrize("model", ["cnn", "resnet", "wide_resnet"])
def test_every_normalisation_of_images(config: Make, model: str, norm: str) -> None:
    both = {"model": model, "norm": norm, **groups_of(norm), **IMAGES}
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
    ("one", "two"),
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
def test_what_else_each_run_may_have_for_itself(config: Make, one: Settings, two: Settings) -> None:
    check(config, one, {"seed": 1, **two}, {"seed": 2})


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
def test_what_the_runs_have_in_common(config: Make, settings: Settings) -> None:
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
    stacked, solo = together([build_session(one) for one in configs]), alone(configs)
    for mine, its in zip(stacked, solo, strict=True):
        for name in ("train/loss", "val/loss"):
            assert [v[name] for v in mine] == pytest.approx([v[name] for v in its], rel=2e-3)


def test_a_run_that_diverges_leaves_and_harms_no_other(config: Make) -> None:
    # Numbers beyond all bounds in one row must not reach the next.
    wild = {"opt": "sgd", "lr": 1000.0, "data": "diabetes", "epochs": 60}
    calm = {"opt": "sgd", "lr": 0.01, "data": "diabetes", "epochs": 60, "seed": 1}
    configs = [config(dtype="float64", **one) for one in (wild, calm)]
    sessions = [build_session(one) for one in configs]
    curves = together(sessions)
    assert sessions[0].status is Status.DIVERGED
    assert sessions[0].reason is not None
    assert "train/loss is" in sessions[0].reason
    assert sessions[1].status is Status.FINISHED
    assert_twins([curves[1]], alone([configs[1]]))


def test_a_run_asked_to_stop_leaves_after_its_epoch(config: Make) -> None:
    sessions = [build_session(config(seed=seed)) for seed in range(3)]
    met = [
        s for s, _ in rounds(BatchedRuns(sessions), lambda s: s.config.seed == 1 and s.epoch == 2)
    ]
    assert [session.status for session in sessions] == [
        Status.FINISHED,
        Status.INTERRUPTED,
        Status.FINISHED,
    ]
    assert [session.epoch for session in sessions] == [5, 2, 5]
    assert len(met) == 12


@pytest.mark.parametrize("opt", STATE_NAMES)
def test_from_solo_to_stack_and_back_in_mid_training(config: Make, opt: str) -> None:
    """Two epochs alone, two in a stack, the rest alone: the curve of one that never moved."""
    # A bias before batch normalisation has a gradient of mere rounding, whose sign these take.
    norm = "layer" if opt in ("lion", "adagrad") else "batch"
    both = {"dtype": "float64", "opt": opt, "norm": norm, "epochs": 6}
    configs = [config(seed=seed, **both) for seed in (0, 1)]
    sessions = [build_session(one) for one in configs]
    for session in sessions:
        solo = train(session, lambda: session.epoch == 2)  # noqa: B023  asked at once
        list(solo)
        session.status = Status.RUNNING
    stack = BatchedRuns(sessions)
    list(rounds(stack, lambda session: session.epoch == 4))
    ends = []
    for session in sessions:
        session.status = Status.RUNNING
        ends.append([dict(epoch.values) for epoch in train(session)])
    assert_twins(ends, [curves[4:] for curves in alone(configs)])


def test_the_selected_weights_are_those_of_the_solo_twin(config: Make) -> None:
    configs = [config(dtype="float64", norm="batch", seed=seed) for seed in (0, 1)]
    stacked, solo = [build_session(one) for one in configs], [build_session(one) for one in configs]
    together(stacked)
    for mine, its in zip(stacked, solo, strict=True):
        list(train(its))
        assert mine.selected_epoch == its.selected_epoch
        assert list(mine.selected_weights) == list(its.selected_weights)
        for name, weights in mine.selected_weights.items():
            assert torch.allclose(weights, its.selected_weights[name], rtol=1e-9, atol=1e-9)
        assert mine.test() == pytest.approx(its.test(), rel=1e-9)


def test_ties_are_broken_in_a_stack_as_alone(config: Make) -> None:
    """Accuracy is 1 from early on; the second run stops early, counted from its first best."""
    blobs = {"data": "blobs", "data_noise": 0.05, "samples": 100, "lr": 0.03, "dtype": "float64"}
    configs = [config(**blobs, epochs=12), config(**blobs, epochs=12, seed=1, early_stop=3)]
    stacked, solo = [build_session(one) for one in configs], [build_session(one) for one in configs]
    together(stacked)
    for mine, its in zip(stacked, solo, strict=True):
        values = [epoch.values for epoch in train(its)]
        first = next(n for n, v in enumerate(values, start=1) if v["val/accuracy"] == 1.0)
        assert mine.selected_epoch == its.selected_epoch > first
        assert mine.improved_epoch == its.improved_epoch == first
        assert (mine.epoch, mine.selected_value) == (its.epoch, its.selected_value)
        for name, weights in mine.selected_weights.items():
            assert torch.allclose(weights, its.selected_weights[name], rtol=1e-9, atol=1e-9)


def test_what_cannot_be_stacked_says_so(config: Make) -> None:
    assert can_batch(config())
    for other in ({"opt": "lbfgs"}, {"average": "ema"}, {"probe": "full"}, {"dtype": "bfloat16"}):
        assert not can_batch(config(**other))


def test_runs_of_one_key_differ_only_in_what_each_may_have(config: Make) -> None:
    assert group_key(config()) == group_key(config(seed=3, lr=0.5, l1=0.1, epochs=9, init="xavier"))
    for other in ({"width": 9}, {"dropout": 0.1}, {"opt": "sgd"}, {"batch_size": 8}):
        assert group_key(config()) != group_key(config(**other))
