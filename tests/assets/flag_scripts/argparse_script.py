"""Every kind of argparse action; prints what it received."""

import argparse
import enum
import json
import pathlib


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


def to_bool(text: str) -> bool:
    if text.lower() in ("yes", "true"):
        return True
    if text.lower() in ("no", "false"):
        return False
    raise argparse.ArgumentTypeError(text)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    group = parser.add_argument_group("optimizer")
    group.add_argument("--lr", "-l", type=float, default=0.1, help="rate (default: %(default)s)")
    group.add_argument("--opt", choices=["sgd", "adam"], default="sgd")
    parser.add_argument("--batch-size", "-b", dest="batch", type=int, default="8")
    parser.add_argument("--amp", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--no-cuda", action="store_false", dest="cuda")
    parser.add_argument("--log", action="store_true", dest="log", default=True)
    parser.add_argument("--no-log", action="store_false", dest="log")
    parser.add_argument("--strict", type=bool, default=False)
    parser.add_argument("--checked", type=to_bool, default=True)
    parser.add_argument("--resume", type=to_bool, nargs="?", const=True, default=False)
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--betas", type=float, nargs=2, default=(0.9, 0.99))
    parser.add_argument("--tag", action="append")
    parser.add_argument("-v", action="count", default=0)
    parser.add_argument("--upper", action="store_const", const="upper", dest="case")
    parser.add_argument("--lower", action="store_const", const="lower", dest="case")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out"))
    parser.add_argument("--color", type=Color, choices=list(Color), default=Color.RED)
    parser.add_argument("--widths", default="64,64", help="100%% of the layers")
    parser.add_argument("--dropout", default=0)
    parser.add_argument("--seed", type=int, choices=range(1000))
    parser.add_argument("--version", action="version", version="1")
    parser.add_argument("data")
    commands = parser.add_subparsers(dest="command", required=True)
    fit = commands.add_parser("fit", aliases=["f"])
    fit.add_argument("--epochs", type=int, default=3)
    fit.add_argument("--lr", type=float, default=0.5)
    commands.add_parser("test").add_argument("files", nargs="*")
    return parser


print(json.dumps(vars(build_parser().parse_args()), default=str))
