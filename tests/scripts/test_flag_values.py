"""Values, lists and ranges of flags on the command line."""

import pytest

from nnlab.errors import ConfigError
from nnlab.scripts.arguments import build_arguments
from nnlab.scripts.flag_values import FlagValues, parse_flag_values
from nnlab.scripts.flags import Flag, ScriptFlags
from nnlab.settings.ranges import Range

FLAGS = ScriptFlags(
    "argparse",
    (
        Flag("lr", ("--lr",), "float", 0.1),
        Flag("batch_size", ("--batch-size", "-b"), "int", 8),
        Flag("opt", ("--opt",), "choice", "sgd", choices=("sgd", "adam", "a,b")),
        Flag("name", ("--name",), "str", "run"),
        Flag("widths", ("--widths",), "str", "64,64"),
        Flag("amp", ("--amp",), "bool", False, takes="none", boolean="switch"),
        Flag("layers", ("--layers",), "int", takes="several"),
        Flag("anything", ("--anything",), "any"),
    ),
)


def _parse(text: str, flags: ScriptFlags = FLAGS) -> FlagValues:
    return parse_flag_values(flags, text.split(" ") if text else [])


def test_the_command_of_the_documentation() -> None:
    values = _parse("--lr 0.1,0.01 --batch-size 32 --amp --grid layers=1,2 -- --rest a,b")
    assert values == FlagValues(
        {"batch_size": 32, "amp": True},
        {"lr": (0.1, 0.01), "layers": ("[1]", "[2]")},
        ("--rest", "a,b"),
    )


@pytest.mark.parametrize(
    ("text", "axes"),
    [
        ("--lr 1e-4..1e-1", {"lr": Range(1e-4, 1e-1, log=True, whole=False)}),
        ("--lr=1..4", {"lr": Range(1.0, 4.0, log=False, whole=False)}),
        ("-b 1..4:2", {"batch_size": Range(1, 4, log=False, whole=True, count=2)}),
        ("-b 1..3,8", {"batch_size": (1, 2, 3, 8)}),
        ("--opt sgd,adam", {"opt": ("sgd", "adam")}),
        ("--name a,b", {"name": ("a", "b")}),
        ("--amp=true,false", {"amp": (True, False)}),
        ("--amp true,false", {"amp": (True, False)}),
        ("--grid amp=false,true", {"amp": (False, True)}),
        ("--anything 1,x,true", {"anything": (1, "x", True)}),
        ("--anything 1..3", {"anything": Range(1, 3, log=False, whole=True)}),
        ("--grid=layers=[64,64],[128]", {"layers": ("[64, 64]", "[128]")}),
        ("--grid widths=8,16", {"widths": ("8", "16")}),
        ("--grid lr=0.1", {"lr": (0.1,)}),
    ],
)
def test_axes(text: str, axes: dict[str, object]) -> None:
    assert _parse(text) == FlagValues({}, axes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "fixed"),
    [
        (["--opt", "a,b"], {"opt": "a,b"}),
        (["--opt", "ADAM"], {"opt": "adam"}),
        (["--name", "a b,c"], {"name": "a b,c"}),
        (["--name", "[1,2]"], {"name": "[1,2]"}),
        (["--name", "../weights"], {"name": "../weights"}),
        (["--widths", "8,16"], {"widths": "8,16"}),
        (["--layers", "1", "2", "--lr", "inf"], {"layers": "[1, 2]", "lr": "inf"}),
        (["--grid", "layers=64 64,128"], {}),
    ],
)
def test_texts_that_are_one_value(words: list[str], fixed: dict[str, object]) -> None:
    assert parse_flag_values(FLAGS, words).fixed == fixed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("--lrr 1", "the script has no flag '--lrr': did you mean --lr?"),
        ("--batchsize 1", "the script has no flag '--batchsize': did you mean --batch-size?"),
        ("--lr x", "--lr x: must be a number"),
        ("--lr 0.1,x", "--lr x: must be a number"),
        ("--lr", "--lr needs a value"),
        ("-b 1.5", "--batch-size 1.5: must be a whole number"),
        ("-b 4..1", "--batch-size 4..1: 4 is not less than 1"),
        ("--opt rms", "--opt rms: must be one of sgd, adam, a,b"),
        ("--amp=maybe", "--amp maybe: must be true or false"),
        ("--lr 1 --lr 2", "--lr is given twice"),
        ("--lr 1,1", "--lr: the value 1.0 is given twice"),
        ("--lr 1 --grid lr=2,3", "--lr is given twice"),
        ("--grid lr", "--grid lr: not of the form name=value,value"),
        ("--grid", "--grid needs name=value,value"),
        ("--grid x=1", "the script has no flag 'x'"),
        (
            "-q",
            "the script has no flag '-q'. Its flags: --lr, --batch-size, --opt, --name, --widths,"
            " --amp, --layers, --anything; options of nnlab with one letter stand before the"
            " script",
        ),
        ("in.csv", "unexpected argument 'in.csv'"),
    ],
)
def test_problems(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        _parse(text)
    assert len(error.value.problems) == 1
    assert error.value.problems[0].startswith(problem)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        _parse("--lrr 1 --lr x --amp --opt rms")
    assert len(error.value.problems) == 3


def test_required_flags() -> None:
    flags = ScriptFlags("argparse", (Flag("data", (), "path", required=True, is_positional=True),))
    with pytest.raises(ConfigError, match="the script requires data"):
        _parse("", flags)
    assert _parse("x", flags).fixed == {"data": "x"}
    assert _parse("-- x", flags).rest == ("x",)


def test_an_unknown_parser_gets_flags_as_typed() -> None:
    values = _parse("in.csv --lr 0.1 --n=-3 --fast -x 1 --grid depth=1,2", ScriptFlags("unknown"))
    assert values.fixed == {"lr": "0.1", "n": "-3", "fast": True, "-x": "1"}
    assert values.axes == {"depth": (1, 2)}
    assert values.rest == ("in.csv",)
    assert build_arguments(ScriptFlags("unknown"), {**values.fixed, "depth": 2}) == [
        "--lr", "0.1", "--n=-3", "--fast", "-x", "1", "--depth", "2",
    ]  # fmt: skip
    (note,) = _parse("--lr 0.1,0.2", ScriptFlags("unknown")).notes
    assert note.endswith("to try each value, use --grid lr=0.1,0.2")
