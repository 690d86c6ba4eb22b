"""Training scripts train to the numbers of nnlab; settings that they cannot express are named."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import pytest

from nnlab.engine.loop import build_session, train
from nnlab.errors import ConfigError
from nnlab.exchange.training_script import training_script
from nnlab.settings import RunConfig

Make = Callable[..., RunConfig]
EpochValues = list[dict[str, float]]

# A run that diverges has losses that are no numbers.
approx = partial(pytest.approx, rel=2e-5, abs=1e-6, nan_ok=True)

DIGITS = {"data": "digits", "batch_size": 64, "width": 16, "depth": 2, "epochs": 3}
CNN = DIGITS | {"model": "cnn", "width": 4, "train_size": 300}
DIABETES = {"data": "diabetes", "batch_size": 32, "epochs": 4}

SETTINGS: Mapping[str, dict[str, object]] = {
    "default": DIGITS,
    "seed": DIGITS | {"seed": 7, "split_seed": 3},
    "linear": {"model": "linear"},
    "widths": {"widths": "12,6"},
    "bottleneck": {"bottleneck": 3},
    "cnn": CNN,
    "cnn batch norm": CNN | {"norm": "batch", "norm_momentum": 0.3, "dropout": 0.2},
    "cnn layer norm": CNN | {"norm": "layer", "channel_dropout": 0.2, "dropout": 0.1},
    "cnn instance norm": CNN | {"norm": "instance", "norm_place": "after"},
    "cnn group norm": CNN | {"norm": "group", "norm_groups": 2},
    "sgd": DIGITS | {"opt": "sgd"},
    "momentum": DIGITS | {"opt": "momentum", "lr": 0.02, "weight_decay": 1e-3},
    "nesterov": DIGITS | {"opt": "nesterov", "lr": 0.02},
    "adagrad": DIGITS | {"opt": "adagrad"},
    "rmsprop": DIGITS | {"opt": "rmsprop", "momentum": 0.5},
    "adadelta": DIGITS | {"opt": "adadelta"},
    "adam weight decay": DIGITS | {"weight_decay": 0.01, "beta1": 0.8, "eps": 1e-6},
    "adamw": DIGITS | {"opt": "adamw", "weight_decay": 0.1},
    "amsgrad": DIGITS | {"opt": "amsgrad"},
    "nadam": DIGITS | {"opt": "nadam"},
    "radam": DIGITS | {"opt": "radam"},
    "adamax": DIGITS | {"opt": "adamax"},
    "lbfgs": {"opt": "lbfgs", "dtype": "float64"},
    "lbfgs minibatch": {"opt": "lbfgs", "batch_size": 40, "dropout": 0.1, "l2": 0.01}
    | {"dtype": "float64"},
    "full batch": DIGITS | {"opt": "sgd", "batch_size": "full"},
    "single example left": DIGITS | {"batch_size": 157, "norm": "batch"},
    "batches of one": {"batch_size": 1, "train_size": 20, "opt": "sgd", "lr": 0.01},
    "step decay": {"decay": "step", "decay_every": 2, "decay_factor": 0.3},
    "exponential decay": {"opt": "sgd", "decay": "exp", "decay_rate": 0.3, "warmup": 1.5},
    "1/t decay per epoch": {"opt": "sgd", "decay": "inv", "decay_per": "epoch", "warmup": 2.0},
    "cosine": {"decay": "cosine", "decay_floor": 0.1},
    "cosine restarts": {"decay": "cosine", "decay_restarts": 1, "epochs": 6},
    "linear decay": {"decay": "linear", "warmup": 1.0},
    "polynomial decay": {"decay": "poly", "decay_power": 2.0, "decay_floor": 0.2},
    "multistep": {"decay": "multistep", "decay_at": "0.4,0.8", "epochs": 6},
    "plateau": {"decay": "plateau", "decay_patience": 1, "opt": "sgd", "lr": 1.5, "warmup": 1.0},
    "one cycle": {"decay": "onecycle", "opt": "sgd"},
    "wsd": {"decay": "wsd", "decay_share": 0.5, "warmup": 1.0},
    "warmup alone": {"warmup": 2.0},
    "penalties": DIGITS | {"l1": 1e-4, "l2": 1e-2},
    "dropout": DIGITS | {"dropout": 0.3},
    "batch norm": DIGITS | {"norm": "batch", "norm_eps": 1e-3},
    "layer norm": {"norm": "layer", "norm_place": "after"},
    "group norm": {"norm": "group", "norm_groups": 4},
    "rms norm": {"norm": "rms"},
    "xavier": DIGITS | {"init": "xavier"},
    "xavier with a gain": DIGITS | {"init": "xavier", "init_gain": "auto"},
    "msra with a gain": DIGITS | {"init": "msra", "init_gain": 1.7},
    "xavier normal": DIGITS | {"init": "xavier_normal", "init_scale": 0.5},
    "msra fan out": DIGITS | {"init": "msra", "fan": "out", "bias_init": 0.1},
    "orthogonal": DIGITS | {"init": "orthogonal", "activation": "leaky_relu", "slope": 0.2},
    "lsuv": DIGITS | {"init": "lsuv", "activation": "gelu"},
    "normal": DIGITS | {"init": "normal", "init_scale": 0.1},
    "uniform": DIGITS | {"init": "uniform"},
    "zeros": {"init": "zeros"},
    "default init": {"init": "default", "activation": "sigmoid"},
    "prelu": {"activation": "prelu", "weight_decay": 0.1},
    "elu": {"activation": "elu", "slope": 0.5},
    "clip": {"clip": 0.5, "clip_value": 0.1, "opt": "sgd"},
    "label smoothing": {"label_smoothing": 0.1, "class_weights": "balanced", "train_size": 50},
    "class weights": {"class_weights": "1,2,0.5", "reduction": "sum", "opt": "sgd", "lr": 0.01},
    "nll": {"loss": "nll", "class_weights": "1,2,0.5"},
    "bce": {"loss": "bce"},
    "bce sum": {"loss": "bce", "reduction": "sum", "opt": "sgd", "lr": 0.01},
    "label noise": DIGITS | {"label_noise": 0.2, "train_size": 400, "classes": "0-4+7"},
    "rotated": DIGITS | {"rotate": 90, "train_size": 300},
    "rotated cnn": DIGITS | {"rotate": 270, "model": "cnn", "width": 2, "epochs": 2},
    "float64": DIGITS | {"dtype": "float64"},
    "centred": {"data": "wine", "inputs": "centre"},
    "minmax": {"data": "breast-cancer", "inputs": "minmax"},
    "raw inputs": {"inputs": "none", "val_fraction": 0.2, "test_fraction": 0.1},
    "mse": DIABETES,
    "mse sum": DIABETES | {"reduction": "sum", "opt": "sgd", "lr": 1e-3, "train_size": 101},
    "l1": DIABETES | {"loss": "l1", "objective": "val/rmse:min"},
    "huber": DIABETES | {"loss": "huber", "huber_delta": 0.5},
    "early stopping": {"opt": "sgd", "lr": 1.9, "early_stop": 2, "epochs": 12},
    "diverged": {"data": "wine", "opt": "sgd", "lr": 100.0, "activation": "identity", "depth": 3},
    "unlike accuracies": {"objective": "val/loss:min", "probe": "full", "exact_train": True},
}  # fmt: skip


def printed_values(script: str, capsys: pytest.CaptureFixture[str]) -> EpochValues:
    """The metrics that a script prints for each epoch, and for the best one with its number."""
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(script))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    packages = {name.partition(".")[0] for name in imported}
    assert packages <= {"copy", "hashlib", "math", "numpy", "sklearn", "torch"}
    capsys.readouterr()
    exec(compile(script, "train.py", "exec"), {"__name__": "__main__"})
    lines = [line.removeprefix("best ").split() for line in capsys.readouterr().out.splitlines()]
    return [
        {name: float(value) for name, value in zip(words[::2], words[1::2], strict=True)}
        for words in lines
    ]


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_script_trains_to_the_numbers_of_the_run(
    config: Make, settings: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    resolved = config(**settings)
    session = build_session(resolved)
    epochs = list(train(session))
    *printed, best = printed_values(training_script(resolved, "nnlab explain train"), capsys)
    assert [values["epoch"] for values in printed] == [epoch.number for epoch in epochs]
    for values, epoch in zip(printed, epochs, strict=True):
        for name in values.keys() - {"epoch"}:
            expected = epoch.values[name]
            assert values[name] == approx(expected), (name, epoch)
    assert best.pop("epoch") == session.selected_epoch
    tested = session.test()
    assert best == approx({name: tested[name] for name in best})


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"opt": "muon"}, "--opt muon (only sgd, "),
        ({"mixup": 0.2}, "--mixup 0.2"),
        ({"data": "two-moons"}, "--data two-moons (only digits, "),
        ({"data": "digits", "model": "resnet"}, "--model resnet (only mlp, linear, cnn)"),
        ({"average": "ema"}, "--average ema (only none)"),
        ({"data": "digits", "augment": "shift"}, "--augment shift (only none)"),
        ({"sampling": "balanced"}, "--sampling balanced"),
        ({"folds": 3}, "--folds 3"),
        ({"dropconnect": 0.1}, "--dropconnect 0.1"),
        ({"activation": "maxout"}, "--activation maxout (only relu, "),
        ({"loss": "hinge"}, "--loss hinge (only cross_entropy, "),
        ({"inputs": "zca"}, "--inputs zca (only standardise, "),
        ({"dtype": "bfloat16"}, "--dtype bfloat16 (only float32, float64)"),
        ({"max_time": "1h"}, "--max-time 1h"),
        ({"stop_on": "NN101"}, "--stop-on NN101"),
        ({"compile": True}, "--compile"),
        ({"head_lr_factor": 2.0}, "--head-lr-factor 2.0"),
        ({"objective": "val/f1:max", "metrics": "f1"}, "--objective val/f1:max (only "),
        ({"data": "digits", "model": "cnn", "norm": "rms"}, "--norm rms in --model cnn"),
    ],
)  # fmt: skip
def test_a_setting_that_a_script_cannot_express_is_named(
    config: Make, settings: dict[str, object], problem: str
) -> None:
    with pytest.raises(ConfigError) as error:
        training_script(config(**settings), "nnlab explain train")
    assert len(error.value.problems) == 1, error.value.problems
    assert error.value.message.startswith(f"a plain script cannot express {problem}")


def test_all_settings_that_a_script_cannot_express_are_named_at_once(config: Make) -> None:
    settings = {"data": "spirals", "mixup": 0.2, "opt": "lion", "objective": "val/loss:min"}
    with pytest.raises(ConfigError) as error:
        training_script(config(**settings), "nnlab explain train")
    flags = [problem.split("express ")[1].split()[0] for problem in error.value.problems]
    assert flags == ["--data", "--opt", "--mixup"]  # without the options of spirals and lion


def test_a_constant_feature_is_an_error(config: Make) -> None:
    with pytest.raises(ConfigError, match="of a constant feature"):
        training_script(config(train_size=2, batch_size=2, split_seed=20), "nnlab explain train")


@pytest.mark.parametrize("value", ["0.1); print(1", float("nan"), True, None])
def test_only_finite_numbers_become_source(config: Make, value: object) -> None:
    """A setting is read from a database that others may have written."""
    changed = replace(config(opt="sgd"), lr=value)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="where a script needs a number"):
        training_script(changed, "nnlab explain train")
