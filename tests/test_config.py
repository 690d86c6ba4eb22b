"""Settings: limits, defaults that depend on choices, identity."""

import json

import pytest

from nnlab.config import (
    DataFacts,
    RunConfig,
    choosables,
    config_of,
    digest_of,
    parse_value,
    resolve,
    setting_of,
)
from nnlab.errors import ConfigError, UnknownName

CLASSES = DataFacts("classification")
NUMBERS = DataFacts("regression")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("lr", "-1", "--lr must be greater than 0, got -1"),
        ("lr", "1e9", "--lr must be at most 1000, got 1e9"),
        ("lr", "fast", "--lr must be a number, got fast"),
        ("lr", "nan", "--lr must be finite, got nan"),
        ("lr", "inf", "--lr must be finite, got inf"),
        ("lr", "", "--lr must be a number, got nothing"),
        ("lr", True, "--lr must be a number, got True"),
        ("dropout", "1", "--dropout must be less than 1, got 1"),
        ("epochs", "0", "--epochs must be at least 1, got 0"),
        ("epochs", "2.5", "--epochs must be a whole number, got 2.5"),
        ("batch_size", 0, "--batch-size must be at least 1, got 0"),
        ("exact_train", "maybe", "--exact-train must be true or false, got maybe"),
        ("objective", "val/loss:up", "--objective must be METRIC:min or METRIC:max"),
        ("objective", "test/loss", "the test split is opened once"),
    ],
)
def test_a_bad_value_names_the_option_the_limit_and_the_value(
    name: str, value: object, told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_value(name, value)
    assert told in caught.value.message


def test_a_metric_to_select_by_must_be_measured() -> None:
    with pytest.raises(UnknownName, match="did you mean 'val/loss'"):
        parse_value("objective", "val/los")


def test_text_becomes_the_type_of_the_field() -> None:
    assert parse_value("lr", "1e-3") == 0.001
    assert parse_value("depth", "3") == 3
    assert parse_value("exact_train", "true") is True


@pytest.mark.parametrize(
    ("opt", "lr", "momentum"), [("adam", 0.001, None), ("sgd", 0.05, 0.9), ("adagrad", 0.01, None)]
)
def test_defaults_follow_the_optimizer(opt: str, lr: float, momentum: float | None) -> None:
    config = resolve(RunConfig(opt=opt), CLASSES)
    assert (config.lr, config.momentum) == (lr, momentum)


def test_good_practice_is_the_default() -> None:
    config = resolve(RunConfig(), CLASSES)
    assert (config.activation, config.init, config.inputs) == ("relu", "msra", "standardise")
    assert (config.opt, config.lr, config.beta1, config.beta2) == ("adam", 1e-3, 0.9, 0.999)


def test_loss_and_objective_follow_the_task() -> None:
    classes, numbers = resolve(RunConfig(), CLASSES), resolve(RunConfig(), NUMBERS)
    assert (classes.loss, classes.objective) == ("cross_entropy", "val/accuracy:max")
    assert (numbers.loss, numbers.objective) == ("mse", "val/loss:min")


def test_what_does_nothing_is_none() -> None:
    config = resolve(RunConfig(decay="none", decay_rate=0.5, model="linear", width=7), CLASSES)
    assert config.decay_rate is None
    assert config.width is None


def test_all_conflicts_are_told_at_once() -> None:
    config = RunConfig(
        loss="mse", norm="batch", batch_size=1, warmup=40.0, opt="nesterov", momentum=0.0
    )
    with pytest.raises(ConfigError) as caught:
        resolve(config, CLASSES)
    told = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 4
    for option in ("--loss mse", "--norm batch", "--warmup 40", "--opt nesterov"):
        assert option in told


def test_a_setting_survives_storage() -> None:
    config = resolve(RunConfig(opt="sgd", seed=4), CLASSES)
    stored = json.loads(json.dumps(setting_of(config)))
    assert config_of(stored, seed=4) == config


def test_the_digest_ignores_order_and_what_does_nothing() -> None:
    setting = dict(setting_of(resolve(RunConfig(), CLASSES)))
    shuffled = dict(reversed([*setting.items(), ("later_option", None)]))
    assert digest_of(setting) == digest_of(shuffled)
    assert digest_of(setting) != digest_of({**setting, "lr": 0.002})


def test_a_setting_from_a_newer_version_is_refused() -> None:
    with pytest.raises(ConfigError, match="'warp'"):
        config_of({"data": "digits", "warp": 9}, seed=0)


def test_every_option_has_a_line_of_help() -> None:
    for choosable in choosables().values():
        assert choosable.option.help
        assert not choosable.option.help.endswith(".")
