"""Arguments of user code: their types, their keys in settings, and the way from text to a run."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.cli.argument_options import _with_hidden_options, parse_argument_words
from nnlab.errors import ConfigError
from nnlab.settings import DataFacts, RunConfig, config_of, digest_of
from nnlab.settings.argument_types import (
    ArgumentType,
    infer_value,
    type_of_annotation,
    type_of_default,
)
from nnlab.settings.arguments import Parameter, Signature, is_argument, no_signature
from nnlab.settings.ranges import Range, is_range, parse_range
from nnlab.settings.setting_differences import differing_fields
from nnlab.settings.space import TrialSpec, duplicate_value_notes, expand_space, parse_space
from nnlab.study.command_lines import option_arguments

CODE = "wm.py:Net"
PARAMETERS = {
    "width": ("int", None),
    "depth": ("int", "2"),
    "rate": ("float", "0.5"),
    "bias": ("bool", "True"),
    "act": ("Literal['relu', 'tanh']", "'relu'"),
    "label": ("str", "'a'"),
    "sizes": ("tuple[int, ...] | None", "None"),
    "limit": ("int | None", "3"),
    "layer": ("type[nn.Module]", "nn.ReLU"),
    "num_classes": ("int", None),
}


def parameter(name: str) -> Parameter:
    annotation, default = PARAMETERS[name]
    kind = type_of_annotation(annotation) or ArgumentType(is_settable=False)
    return Parameter(name, annotation, kind, default)


SIGNATURE = Signature(
    CODE, {name: parameter(name) for name in PARAMETERS}, passed=frozenset({"num_classes"})
)


def signatures(component: str, value: str, has_arguments: bool) -> Signature | None:
    return SIGNATURE if value == CODE else None


def facts(config: RunConfig) -> DataFacts:
    return DataFacts("classification")


def _versions(config: RunConfig) -> Mapping[str, str | None]:
    return {"model_version": "a" * 16 if config.model == CODE else None}


def space_of(**values: object) -> Mapping[str, tuple[Any, ...]]:
    arguments = {f"model.{name}": value for name, value in values.items()}
    return parse_space({"model": CODE, **arguments}, signatures=signatures)


def trials_of(**values: object) -> tuple[TrialSpec, ...]:
    return expand_space(space_of(**{"width": 8, **values}), facts, signatures=signatures)


@pytest.mark.parametrize(
    ("annotation", "text", "stored", "passed"),
    [
        ("int", "8", 8, 8),
        ("int", "1e3", 1000, 1000),
        ("float", "8", 8.0, 8.0),
        ("bool", "no", False, False),
        ("str", "08", "08", "08"),
        ("int | None", "none", "none", None),
        ("Optional[float]", "0.5", 0.5, 0.5),
        ("typing.Union[int, str]", "8", 8, 8),
        ("int | str", "relu", "relu", "relu"),
        ("Literal['a', 0, False]", "0", 0, 0),
        ("Literal['a', 0, False]", "false", False, False),
        ("list[int]", "8, 16", "8,16", [8, 16]),
        ("'tuple[float, ...]'", "(0.5, 1)", "0.5,1", (0.5, 1.0)),
        ("Sequence[str] | None", "a,b", "a,b", ("a", "b")),
        ("Any", "true", True, True),
    ],
)
def test_a_value_is_parsed_and_passed_as_the_annotation_says(
    annotation: str, text: str, stored: object, passed: object
) -> None:
    kind = type_of_annotation(annotation)
    assert kind is not None
    value = kind.parse(text)
    assert (value, type(value)) == (stored, type(stored))
    assert (kind.convert(value), type(kind.convert(value))) == (passed, type(passed))


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        ("int", "eight"), ("int", "1.5"), ("int", "1_0"), ("float", "nan"), ("bool", "2"),
        ("Literal['a']", "b"), ("list[int]", "8,x"), ("int", "none"), ("int | float", "x"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(annotation: str, text: str) -> None:
    kind = type_of_annotation(annotation)
    assert kind is not None
    with pytest.raises(ValueError, match="got"):
        kind.parse(text)


@pytest.mark.parametrize(
    "annotation", ["nn.Module", "Callable[[int], int]", "list[list[int]]", "dict[str, int]", "("]
)
def test_other_annotations_have_no_type(annotation: str) -> None:
    assert type_of_annotation(annotation) is None


def test_without_annotation_the_default_decides() -> None:
    assert type_of_default(0.1).parse("1") == 1.0
    assert [type_of_default(0).parse(text) for text in ("1", "0.5")] == [1, 0.5]
    assert type_of_default(True).parse("no") is False
    assert type_of_default(None).parse("none") == "none"
    assert type_of_default((8, 16)).convert("4,5") == (4, 5)
    assert not type_of_default(len).is_settable
    assert infer_value("1_0") == "1_0"


def test_a_setting_has_the_arguments_under_dotted_keys() -> None:
    trial = trials_of(sizes="8,4", label="x")[0]
    arguments = {"model.label": "x", "model.sizes": "8,4", "model.width": 8}
    assert {k: v for k, v in trial.setting.items() if is_argument(k)} == arguments
    assert trial.config.arguments == tuple(arguments.items())
    assert config_of(trial.setting, 0) == trial.config
    assert hash(trial.config) == hash(config_of(trial.setting, 0))


def test_settings_without_arguments_keep_their_digest() -> None:
    spaces = [{"data": ("iris",), "model": (model,)} for model in ("mlp", CODE)]
    trials = [expand_space(s, facts, versions=_versions)[0] for s in spaces]
    # The digests of the version that did not have arguments.
    assert [trial.digest for trial in trials] == ["5dabda4636baf6ea", "5f74a205abff97d3"]
    assert not any("." in name or name == "arguments" for t in trials for name in t.setting)


def test_arguments_are_part_of_the_digest() -> None:
    digests = {trial.digest for trial in trials_of(width="8,16", depth=2)}
    assert len(digests) == 2
    assert not digests & {trial.digest for trial in trials_of(width="8,16")}


def test_lists_and_ranges_of_arguments_are_expanded() -> None:
    assert space_of(width="8..64:3:log")["model.width"] == (8, 23, 64)
    assert space_of(rate="0..1:3")["model.rate"] == (0.0, 0.5, 1.0)
    assert space_of(sizes="8,4;16")["model.sizes"] == ("8,4", "16")
    assert space_of(sizes=[[8, 4], [16]])["model.sizes"] == ("8,4", "16")
    assert space_of(label="1..2")["model.label"] == ("1..2",)
    assert len(trials_of(width="4,8", act="relu,tanh")) == 4
    notes = duplicate_value_notes({"model.width": "1..3:9"})
    assert notes == ("--model.width 1..3:9: 3 different values, not 9",)


def test_a_sampled_range_keeps_its_meaning_without_the_signature() -> None:
    values = {"model": CODE, "model.width": "8..64", "model.rate": "0..1"}
    space = parse_space(values, whole_ranges=True, signatures=signatures)
    assert parse_range("model.width", str(space["model.width"][0])) == Range(8, 64, False, True)
    assert parse_range("model.rate", str(space["model.rate"][0])) == Range(0, 1, False, False)
    assert not is_range("model.label", "../weights")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"widht": 8}, "--model.widht: unknown parameter of wm.py:Net 'widht': did you mean"
         " 'width'? Known: act, bias, depth, label, limit, rate, sizes, width"),
        ({"width": "x"}, "--model.width: the parameter `width: int` must be a whole number, got x"),
        ({"bias": "2"}, "--model.bias: the parameter `bias: bool = True` must be true or false,"
         " got 2"),
        ({"act": "elu"}, "--model.act: the parameter `act: Literal['relu', 'tanh'] = 'relu'` must"
         " be relu, tanh, got elu"),
        ({"sizes": "8,x"}, "--model.sizes: the parameter `sizes: tuple[int, ...] | None = None`"
         " must be a list such as 8,16 (a whole number each) or none, got x"),
        ({"layer": "relu"}, "--model.layer: the parameter `layer: type[nn.Module] = nn.ReLU`"
         " cannot be set by an option, only by a default"),
        ({"depth": ""}, "--model.depth needs a value, got nothing"),
    ],
)  # fmt: skip
def test_an_argument_that_does_not_fit_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        space_of(**values)
    assert caught.value.problems == (message,)


def test_a_required_parameter_without_value_names_the_option() -> None:
    with pytest.raises(ConfigError) as caught:
        expand_space({"model": (CODE,)}, facts, signatures=signatures)
    assert caught.value.problems == (
        "--model wm.py:Net needs a value for its parameter `width: int`: --model.width sets it",
    )


def test_arguments_apply_only_to_the_code_that_has_them() -> None:
    mixed = parse_space({"model": ["mlp", CODE], "model.width": "4,8"}, signatures=signatures)
    trials = expand_space(mixed, facts, signatures=signatures)
    assert [t.setting.get("model.width") for t in trials] == [None, 4, 8]
    assert differing_fields([trials[1].setting, trials[2].setting]) == ("model.width",)
    with pytest.raises(ConfigError, match="it sets an argument of your own model; use --width"):
        parse_space({"model.width": "8"}, signatures=signatures)
    with pytest.raises(ConfigError, match=r"--model.width sets the argument of wm.py:Net"):
        expand_space(
            {"model": (CODE,), "model.width": (8,), "width": (8,)}, facts, signatures=signatures
        )


def test_any_name_is_accepted_where_the_signature_is_open_or_unknown() -> None:
    open_signature = Signature(CODE, {}, accepts_any=True)
    values = {"model": CODE, "model.anything": "0.5,x"}
    for find in (lambda *_: open_signature, no_signature):
        space = parse_space(values, signatures=find)
        assert space["model.anything"] == (0.5, "x")


NUMBERS = st.integers(-(10**9), 10**9)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text("abcxyz_09.", min_size=1, max_size=8).filter(lambda text: ".." not in text)
ARGUMENTS = st.fixed_dictionaries(
    {"width": NUMBERS},
    optional={
        "depth": NUMBERS,
        "rate": FLOATS,
        "bias": st.booleans(),
        "act": st.sampled_from(["relu", "tanh"]),
        "label": WORDS,
        "sizes": st.none() | st.lists(NUMBERS, min_size=1, max_size=3),
        "limit": st.none() | NUMBERS,
    },
)


def command_text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "none" if value is None else str(value)


def setting_of_words(words: list[str]) -> tuple[Mapping[str, Any], RunConfig]:
    hidden = list(_with_hidden_options(words))
    values = {"model": CODE, **parse_argument_words(hidden[1::2])}
    (trial,) = expand_space(
        parse_space(values, signatures=signatures), facts, signatures=signatures
    )
    return trial.setting, trial.config


@given(ARGUMENTS, st.booleans())
def test_arguments_survive_the_way_from_the_command_line_and_back(
    arguments: dict[str, object], joined: bool
) -> None:
    words: list[str] = []
    for name, value in arguments.items():
        text = command_text(value)
        words += [f"--model.{name}={text}"] if joined else [f"--model.{name}", text]
    setting, config = setting_of_words(words)
    stored = json.loads(json.dumps(setting))
    assert config_of(stored, 0) == config
    assert digest_of(stored) == digest_of(setting)
    for name, value in arguments.items():
        expected = tuple(value) if isinstance(value, list) else value
        assert parameter(name).type.convert(stored[f"model.{name}"]) == expected
    printed = [
        w for name in stored if is_argument(name) for w in option_arguments(name, stored[name])
    ]
    assert setting_of_words(printed)[0] == setting
