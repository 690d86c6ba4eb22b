"""Settings: limits, defaults that depend on choices, identity."""

import json
from typing import Any

import pytest

from nnlab.catalogue import Task
from nnlab.errors import ConfigError, UnknownName
from nnlab.settings import (
    DataFacts,
    RunConfig,
    config_of,
    digest_of,
    parse_value,
    resolve,
    setting_fields,
    setting_of,
)
from nnlab.settings.setting_differences import distinguishing_fields
from nnlab.settings.space import parse_values

CLASSES = DataFacts("classification")
NUMBERS = DataFacts("regression")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("lr", "-1", "--lr must be greater than 0, got -1"),
        ("lr", "1e9", "--lr must be at most 1000, got 1e9"),
        ("lr", "fast", "--lr must be a number, got fast"),
        ("lr", "1_0", "--lr must be a number, got 1_0"),
        ("epochs", "1_0", "--epochs must be a whole number, got 1_0"),
        ("decay_at", "1_0,20", "--decay-at must be increasing numbers above 0"),
        ("widths", "1６", "--widths must be whole numbers"),  # noqa: RUF001  a wide digit
        ("lr", "nan", "--lr must be finite, got nan"),
        ("lr", "inf", "--lr must be finite, got inf"),
        ("lr", "", "--lr must be a number, got nothing"),
        ("lr", True, "--lr must be a number, got True"),
        ("dropout", "1", "--dropout must be less than 1, got 1"),
        ("epochs", "0", "--epochs must be at least 1, got 0"),
        ("epochs", "2.5", "--epochs must be a whole number, got 2.5"),
        ("batch_size", 0, "--batch-size must be at least 1, got 0"),
        ("batch_size", "half", "--batch-size must be a whole number or full, got half"),
        ("init_gain", "he", "--init-gain must be a number or auto or activation, got he"),
        ("init_gain", "-1", "--init-gain must be at least 0, got -1"),
        ("widths", "256;x", "--widths must be whole numbers from 1 to 65536, such as 256,128"),
        ("widths", "0", "--widths must be whole numbers from 1 to 65536, such as 256,128; got 0"),
        ("augment", "flip+flip", "--augment combines different names"),
        ("augment", "none+flip", "none cannot be combined; got none+flip"),
        ("decay_at", "20,10", "--decay-at must be increasing numbers above 0"),
        ("decay_at", "0", "--decay-at must be increasing numbers above 0"),
        ("decay_at", "inf", "--decay-at must be increasing numbers above 0"),
        ("exact_train", "maybe", "--exact-train must be true or false, got maybe"),
        (
            "objective",
            "val/loss:up",
            "'up' is neither min nor max: use val/loss:min or val/loss:max",
        ),
        ("objective", "test/loss", "the test split is evaluated only once"),
    ],
)
def test_a_bad_value_names_the_option_the_limit_and_the_value(
    name: str, value: object, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_value(name, value)
    assert message in caught.value.message


def test_a_metric_to_select_by_must_be_measured() -> None:
    with pytest.raises(ConfigError, match="did you mean 'val/loss'"):
        resolve(RunConfig(objective="val/los"), CLASSES)


def test_text_becomes_the_type_of_the_field() -> None:
    assert parse_value("lr", "1e-3") == 0.001
    assert parse_value("depth", "3") == 3
    assert parse_value("exact_train", "true") is True
    assert parse_value("batch_size", "full") == "full"
    assert parse_value("widths", "256, 128") == "256,128"
    assert parse_value("decay_at", "0.5,0.75") == "0.5,0.75"
    assert parse_value("start_from", 12) == "12"
    assert parse_value("augment", "shift+flip") == "flip+shift"


def test_a_value_of_few_names_them_and_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'step'"):
        parse_value("decay_per", "steps")


@pytest.mark.parametrize(
    ("opt", "lr", "momentum"),
    [("adam", 0.001, None), ("sgd", 0.1, 0.0), ("momentum", 0.05, 0.9), ("adagrad", 0.01, None)],
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
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 4
    for option in ("--loss mse", "--norm batch", "--warmup 40", "--opt nesterov"):
        assert option in text


def test_a_setting_survives_storage() -> None:
    config = resolve(RunConfig(opt="sgd", seed=4), CLASSES)
    stored = json.loads(json.dumps(setting_of(config)))
    assert config_of(stored, seed=4) == config


def test_the_digest_ignores_order_and_what_does_nothing() -> None:
    setting = dict(setting_of(resolve(RunConfig(), CLASSES)))
    shuffled = dict(reversed([*setting.items(), ("later_option", None)]))
    assert digest_of(setting) == digest_of(shuffled)
    assert digest_of(setting) != digest_of({**setting, "lr": 0.002})


@pytest.mark.parametrize(
    ("settings", "gain"),
    [
        ({}, "activation"),
        ({"init": "xavier"}, 1.0),
        ({"init": "xavier", "init_gain": "auto"}, 1.0),
        ({"init": "xavier_normal"}, 1.0),
        ({"init": "xavier", "init_gain": "activation"}, "activation"),
        ({"init": "xavier", "init_gain": 2.0}, 2.0),
        ({"init": "orthogonal", "init_gain": "auto"}, "activation"),
        ({"init": "default", "activation": "tanh"}, "activation"),
        ({"init": "zeros"}, None),
        ({"model": "linear", "init": "xavier"}, None),
        ({"model": "lstm"}, None),
        ({"model": "transformer"}, 1.0),
    ],
)
def test_the_gain_of_a_setting_is_that_of_its_initialisation(
    settings: dict[str, Any], gain: str | float | None
) -> None:
    config = resolve(RunConfig(**settings), CLASSES)
    assert config.init_gain == gain
    assert config_of(setting_of(config), seed=0) == config


@pytest.mark.parametrize(
    "settings",
    [{}, {"init": "orthogonal"}, {"init": "default", "activation": "tanh"}, {"model": "lstm"}],
)
def test_the_gain_does_not_change_the_digest_of_other_initialisations(
    settings: dict[str, Any],
) -> None:
    setting = dict(setting_of(resolve(RunConfig(**settings), CLASSES)))
    before = {name: value for name, value in setting.items() if name != "init_gain"}
    assert digest_of(setting) == digest_of(before)


def test_a_setting_without_gain_is_an_earlier_xavier_with_that_of_the_activation() -> None:
    new = dict(setting_of(resolve(RunConfig(init="xavier"), CLASSES)))
    earlier = {name: value for name, value in new.items() if name != "init_gain"}
    assert config_of(earlier, seed=0).init_gain == "activation"
    assert digest_of(earlier) != digest_of(new)
    same = setting_of(resolve(RunConfig(init="xavier", init_gain="activation"), CLASSES))
    assert digest_of(earlier) == digest_of(same)
    assert distinguishing_fields([earlier, new]) == ("init_gain",)


def test_xavier_and_msra_differ_by_their_name_alone() -> None:
    xavier, msra = (
        setting_of(resolve(RunConfig(init=init), CLASSES)) for init in ("xavier", "msra")
    )
    assert distinguishing_fields([xavier, msra]) == ("init",)


def test_a_setting_from_a_newer_version_is_refused() -> None:
    with pytest.raises(ConfigError, match="'warp'"):
        config_of({"data": "digits", "warp": 9}, seed=0)


def test_every_option_has_a_line_of_help() -> None:
    for choosable in setting_fields().values():
        assert choosable.option.help
        assert not choosable.option.help.endswith(".")


@pytest.mark.parametrize(
    ("settings", "task", "digest"),
    [
        ({}, "classification", "54eed172ba919410"),
        (
            {
                "opt": "sgd",
                "lr": 0.05,
                "momentum": 0.9,
                "decay": "step",
                "model": "cnn",
                "norm": "batch",
            },
            "classification",
            "40b892057195a84c",
        ),
        (
            {"opt": "rmsprop", "init": "normal", "decay": "cosine", "activation": "elu"},
            "classification",
            "60eab10b6a2ffc2d",
        ),
        ({"data": "diabetes", "loss": "huber", "opt": "adagrad"}, "regression", "3ad7c1bce77e6c0a"),
    ],
    ids=str,
)
def test_settings_keep_the_identity_that_the_first_release_gave_them(
    settings: dict[str, Any], task: Task, digest: str
) -> None:
    resolved = resolve(RunConfig(**settings), DataFacts(task))
    assert digest_of(setting_of(resolved)) == digest


def test_a_setting_stored_before_a_field_was_there_gets_its_default() -> None:
    config = resolve(RunConfig(), CLASSES)
    stored = {name: value for name, value in setting_of(config).items() if name != "bias_init"}
    assert config_of(stored, seed=0) == config


def test_widths_take_the_place_of_width_and_depth() -> None:
    config = resolve(RunConfig(widths="256,128"), CLASSES)
    assert (config.widths, config.width, config.depth) == ("256,128", None, None)
    with pytest.raises(ConfigError, match="--widths sets every layer"):
        resolve(RunConfig(widths="256,128", depth=2), CLASSES)


def test_a_set_with_a_test_split_of_its_own_takes_no_test_fraction() -> None:
    facts = DataFacts("classification", own_test=True)
    assert resolve(RunConfig(), facts).test_fraction is None
    with pytest.raises(ConfigError, match="--test-fraction has no effect"):
        resolve(RunConfig(test_fraction=0.2), facts)


def test_second_order_takes_the_whole_batch_and_no_decay() -> None:
    config = resolve(RunConfig(opt="lbfgs"), CLASSES)
    assert (config.batch_size, config.lr) == ("full", None)
    with pytest.raises(ConfigError, match="it has no lr"):
        resolve(RunConfig(opt="newton-cg", decay="exp"), CLASSES)


def test_what_is_kept_frozen_must_have_been_trained() -> None:
    with pytest.raises(ConfigError, match="--freeze all-but-head needs --from"):
        resolve(RunConfig(freeze="all-but-head"), CLASSES)
    with pytest.raises(ConfigError, match="nothing is frozen"):
        resolve(RunConfig(start_from="1", unfreeze_at=2), CLASSES)


def test_limits_are_told_in_full() -> None:
    with pytest.raises(ConfigError, match="--batch-size must be at most 1000000, got 2000000"):
        parse_value("batch_size", 2000000)
    with pytest.raises(ConfigError, match="--lr must be greater than 0, got -1"):
        parse_value("lr", "-1")


def test_kaiming_is_another_name_of_msra() -> None:
    assert parse_value("init", "kaiming") == "msra"
    assert parse_values("init", "kaiming,xavier,msra") == ("msra", "xavier")
