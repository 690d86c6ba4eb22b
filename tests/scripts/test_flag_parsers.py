"""Flags of real scripts: what is discovered, and what a script receives for what a user types."""

import pytest
from flag_scripts import flags_of, received, run_with

from nnlab.errors import UsageError
from nnlab.scripts.arguments import build_arguments
from nnlab.scripts.flag_values import parse_flag_values
from nnlab.scripts.flags import Flag, ParserKind, ScriptFlags


def _flag(flags: ScriptFlags, name: str, subcommand: str | None = None) -> Flag:
    return flags.resolve_flag(name, subcommand)


def test_argparse_declarations() -> None:
    flags = flags_of("argparse_script")
    assert (flags.parser, flags.subcommands) == ("argparse", ("fit", "test"))
    assert flags.requires_subcommand
    lr = _flag(flags, "lr")
    assert (lr.kind, lr.default, lr.group) == ("float", 0.1, "optimizer")
    assert lr.help == "rate (default: 0.1)"
    assert _flag(flags, "lr", "fit").default == 0.5
    assert _flag(flags, "batch-size") == _flag(flags, "batch") == _flag(flags, "-b")
    assert _flag(flags, "batch").default == 8  # declared as text, which argparse converts
    assert _flag(flags, "color").choices == ("red", "blue")
    assert _flag(flags, "layers").default == "[1, 2]"
    assert _flag(flags, "betas").value_count == 2
    assert _flag(flags, "widths").help == "100% of the layers"
    assert _flag(flags, "dropout").kind == "any"
    assert _flag(flags, "seed").choices == ()  # too many to list
    assert [flag.name for flag in flags.flags if flag.required] == ["data"]
    assert flags.find_flag("--version") is None
    assert {"upper", "lower"} <= {flag.name for flag in flags.flags}


ARGPARSE_VALUES = [
    ("--lr -0.5", "lr", -0.5),
    ("-l=-1e-3", "lr", -0.001),
    ("--opt adam", "opt", "adam"),
    ("-b 4", "batch", 4),
    ("--batch_size=4", "batch", 4),
    ("--amp", "amp", True),
    ("--no-amp", "amp", False),
    ("--amp=false", "amp", False),
    ("--fast", "fast", True),
    ("--no-cuda", "cuda", False),
    ("--log", "log", True),
    ("--no-log", "log", False),
    ("--strict true", "strict", True),
    ("--strict false", "strict", False),
    ("--checked yes", "checked", True),
    ("--checked no", "checked", False),
    ("--resume", "resume", True),
    ("--resume false", "resume", False),
    ("--layers 3 4 5", "layers", [3, 4, 5]),
    ("--layers -3 -4", "layers", [-3, -4]),
    ("--betas 0.5 0.6", "betas", [0.5, 0.6]),
    ("--tag a --tag b", "tag", ["a", "b"]),
    ("--tag=-a", "tag", ["-a"]),
    ("-v -v -v", "v", 3),
    ("--lower", "case", "lower"),
    ("--out a/b", "out", "a/b"),
    ("--color blue", "color", "Color.BLUE"),
    ("--widths 8,16", "widths", "8,16"),
    ("--dropout 0.5", "dropout", "0.5"),
]


@pytest.mark.parametrize(("typed", "name", "value"), ARGPARSE_VALUES)
def test_argparse_receives(typed: str, name: str, value: object) -> None:
    result = received("argparse_script", ["in.csv", *typed.split(), "test"])
    assert result[name] == value
    assert (result["data"], result["command"]) == ("in.csv", "test")


def test_arguments_of_a_subcommand() -> None:
    result = received("argparse_script", ["-5", "fit", "--epochs", "7", "--lr", "2"])
    assert (result["data"], result["command"]) == ("-5", "fit")
    assert (result["epochs"], result["lr"]) == (7, 2.0)
    result = received("argparse_script", ["in.csv", "--layers", "1", "-v", "--", "test", "a", "b"])
    assert (result["layers"], result["data"], result["files"]) == ([1], "in.csv", ["a", "b"])


@pytest.mark.parametrize("name", ["amp", "log", "strict", "checked", "resume"])
@pytest.mark.parametrize("value", [True, False])
def test_argparse_booleans_of_a_setting(name: str, value: bool) -> None:
    setting = {"data": "x", "subcommand": "fit", name: value}
    result = run_with("argparse_script", flags_of("argparse_script"), setting)
    assert result[name] is value


def test_a_parser_that_reads_a_configuration_first() -> None:
    flags = flags_of("argparse_two_parsers")
    assert [flag.name for flag in flags.flags] == ["lr", "config", "only_first"]
    assert received("argparse_two_parsers", ["--lr", "3"])["lr"] == 3.0


@pytest.mark.slow
def test_the_parser_of_transformers() -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    flags = flags_of("transformers_script")
    assert flags.parser == "argparse"
    kinds = [flags.resolve_flag(name).kind for name in ("--learning-rate", "lr_scheduler_type")]
    assert kinds == ["float", "choice"]
    words = ["--model", "x", "--no-half", "--learning_rate", "3e-4", "--output-dir", "out"]
    words += ["--logging-nan-inf-filter", "false"]
    assert received("transformers_script", words) == ["x", False, 3e-4, "out", False]


def test_click() -> None:
    flags = flags_of("click_script")
    assert (flags.parser, flags.subcommands, flags.requires_subcommand) == (
        "click",
        ("fit", "test"),
        True,
    )
    assert _flag(flags, "rng", "fit").default is None
    typed = "--quiet fit in.csv --lr -1 --opt adam --no-amp --fast --flagval no --layers 3 "
    typed += "--layers 4 --betas 0.1 -0.2 -v -v --upper --rng 3"
    assert received("click_script", typed.split()) == {
        "verbose": False, "data": "in.csv", "lr": -1.0, "opt": "adam", "amp": False, "fast": True,
        "flagval": False, "layers": [3, 4], "betas": [0.1, -0.2], "v": 2, "case": "upper", "rng": 3,
    }  # fmt: skip
    typed = "--verbose fit in.csv --amp --flagval yes --lower"
    result = received("click_script", typed.split())
    assert [result[name] for name in ("verbose", "amp", "flagval", "case")] == [
        True,
        True,
        True,
        "lower",
    ]


def test_typer() -> None:
    flags = flags_of("typer_script")
    assert flags.parser == "typer"
    assert _flag(flags, "--opt").choices == ("sgd", "ADAM")
    assert _flag(flags, "-b").help == "how many"
    words = ["in.csv", "--lr", "-1", "--n", "3", "--no-amp", "--fast", "--opt", "ADAM", "-v"]
    words += ["--layers", "3", "--layers", "5", "--betas", "1", "2", "--name", "a b, c", "-b", "3"]
    assert received("typer_script", words) == {
        "data": "in.csv", "lr": -1.0, "n": 3, "amp": False, "fast": True, "opt": "ADAM",
        "layers": [3, 5], "betas": [1.0, 2.0], "name": "a b, c", "batch_size": 3, "v": 1,
    }  # fmt: skip
    groups = flags_of("typer_groups")
    assert groups.subcommands == ("fit", "other", "db", "db up")
    assert received("typer_groups", ["--no-verbose", "db", "up", "--n", "4"]) == 4


def test_tyro() -> None:
    flags = flags_of("tyro_script")
    assert (flags.parser, flags.subcommands) == ("tyro", ("algo:adam", "algo:sgd"))
    assert (_flag(flags, "opt.lr").kind, _flag(flags, "opt.lr").default) == ("float", 0.001)
    assert _flag(flags, "opt.betas").default == "[0.9, 0.99]"
    assert _flag(flags, "batch-size") == _flag(flags, "batch_size")
    assert _flag(flags, "n").default is None
    typed = "--seed 3 --opt.lr -1 --opt.betas 1 2 --no-amp --strict --kind b --e B --path a/b "
    typed += "--layers 3 4 --n 4 --name x --batch-size 5 --maybe true algo:sgd --algo.momentum 0.3"
    assert received("tyro_script", typed.split()) == {
        "seed": 3, "opt": {"lr": -1.0, "betas": [1.0, 2.0]}, "amp": False, "strict": True,
        "kind": "b", "e": "E.B", "path": "a/b", "layers": [3, 4], "n": 4, "name": "x",
        "batch_size": 5, "maybe": True, "algo": {"momentum": 0.3},
    }  # fmt: skip
    assert received("tyro_script", ["--seed", "1", "--amp", "--no-strict"])["amp"] is True


def test_hydra() -> None:
    flags = flags_of("hydra_script")
    assert flags.parser == "hydra"
    assert _flag(flags, "optimizer").choices == ("adam", "sgd")
    assert _flag(flags, "seed").required
    assert _flag(flags, "path").default == "run/x"
    assert _flag(flags, "depth").name == "model.depth"
    words = ["seed=3", "--lr", "-0.5", "amp=true", "name=it's, x", "layers=[3,4]", "model.depth=4"]
    words += ["optimizer=adam", "optimizer.beta=0.5", "--", "+new=1"]
    assert received("hydra_script", words) == {
        "seed": 3, "lr": -0.5, "amp": True, "name": "it's, x", "layers": [3, 4], "new": 1,
        "model": {"depth": 4, "drop": 0.1}, "optimizer": {"beta": 0.5}, "path": "it's, x/x",
        "none": None,
    }  # fmt: skip


TEXTS = [
    "true",
    "12",
    "1e3",
    "null",
    "a\\",
    "\\'",
    "it's",
    "a=b",
    "${x}",
    "",
    "[1",
    "a b",
    "{}",
    "a,b",
]


@pytest.mark.parametrize("text", TEXTS)
def test_texts_in_hydra_and_fire_stay_texts(text: str) -> None:
    overrides = pytest.importorskip("hydra.core.override_parser.overrides_parser")
    fire = pytest.importorskip("fire.parser")
    (argument,) = build_arguments(_text_flag("hydra", "name"), {"name": text})
    assert overrides.OverridesParser.create().parse_override(argument).value() == text
    (argument,) = build_arguments(_text_flag("fire", "--name"), {"name": text})
    assert fire.DefaultParseValue(argument.partition("=")[2]) == text


def _text_flag(parser: ParserKind, spelling: str) -> ScriptFlags:
    return ScriptFlags(parser, (Flag("name", (spelling,), "str"),))


def test_fire() -> None:
    flags = flags_of("fire_script")
    assert (flags.parser, _flag(flags, "data").required) == ("fire", True)
    words = ["--data", "1e3", "--lr", "-0.5", "--amp", "true", "--name", "a b,c"]
    words += ["--layers", "[3,4]", "--n", "4", "--opt", "adam"]
    assert received("fire_script", words) == {
        "data": 1000.0, "lr": -0.5, "amp": True, "name": "a b,c", "layers": [3, 4], "n": 4,
        "opt": "adam",
    }  # fmt: skip
    assert received("fire_script", ["--data", "x", "--amp", "false"])["amp"] is False
    assert flags_of("fire_class").subcommands == ("fit", "test")
    assert received("fire_class", ["--lr", "3", "fit", "--epochs", "4"]) == {"lr": 3, "epochs": 4}


def test_a_switch_without_a_spelling_for_false() -> None:
    flags = ScriptFlags(
        "argparse",
        (Flag("amp", ("--amp",), "bool", default=True, takes="none", boolean="switch"),),
    )

    assert build_arguments(flags, {"amp": True}) == ["--amp"]
    with pytest.raises(UsageError, match="no spelling that makes --amp false"):
        build_arguments(flags, {"amp": False})
    assert parse_flag_values(flags, ["--amp"]).fixed == {"amp": True}
