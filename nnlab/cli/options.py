"""Options that commands share, and those of a setting, which are made from RunConfig."""

import inspect
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Annotated, Any

import typer

from nnlab import catalogue
from nnlab.cli import completion
from nnlab.config import Choosable, choosables


class Format(StrEnum):
    """How a list is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL|PATH",
        envvar="NNLAB_DB",
        show_default=False,
        help="results database \\[default: runs.db]",
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="how to print")]
StudyOption = Annotated[
    str | None,
    typer.Option(
        "--study", metavar="NAME", help="the study to add to", autocompletion=completion.studies
    ),
]
StudyOrRuns = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STUDY|RUN",
        show_default=False,
        help="a study, or runs by number or name \\[default: all runs]",
        autocompletion=completion.studies_and_runs,
    ),
]

_LONG_LIST = 9


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command that takes `**settings` an option for each field of a setting.

    The values arrive as typed, None where an option was not given.
    """
    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    made = [_parameter(choosable) for choosable in choosables().values()]
    parameters = [*own, *made]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def given(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given, without the seed."""
    return {k: v for k, v in settings.items() if v is not None and k != "seed"}


def _parameter(choosable: Choosable) -> inspect.Parameter:
    option = choosable.option
    base: Any = bool if option.flag else str
    names = [f"{choosable.flag}/--no-{choosable.flag[2:]}"] if option.flag else [choosable.flag]
    kind = option.kind
    info = typer.Option(
        *names,
        metavar=None if option.flag else _metavar(choosable),
        help=_help(choosable),
        rich_help_panel=option.panel,
        show_default=False,
        autocompletion=completion.catalogue_names(kind) if kind else None,
    )
    return inspect.Parameter(
        choosable.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[base | None, info],
    )


def _metavar(choosable: Choosable) -> str:
    noun = {int: "INT", float: "FLOAT"}.get(choosable.base, "NAME")
    if choosable.name == "objective":
        return "METRIC"
    return f"{noun}[,...]"


def _help(choosable: Choosable) -> str:
    option = choosable.option
    text = option.help
    if option.kind is not None and option.kind != "device":
        names = catalogue.names(option.kind)
        if len(names) <= _LONG_LIST:
            text += ": " + ", ".join(names)
        else:
            text += f" (`nnlab choices {option.kind}`)"
    if option.unit:
        text += f", in {option.unit}"
    default = _default(choosable)
    # Rich reads [ as markup; a backslash keeps it.
    return f"{text} \\[default: {default}]" if default else text


def _default(choosable: Choosable) -> str:
    if choosable.option.flag:
        return "no"
    if choosable.default is not None:
        return _short(choosable.default)
    if choosable.option.of is None:
        return ""
    rows = [row for row in catalogue.KINDS[choosable.option.of] if choosable.name in row.defaults]
    values: dict[str, list[str]] = {}
    for row in rows:
        values.setdefault(_short(row.defaults[choosable.name]), []).append(row.name)
    if len(values) == 1:
        return next(iter(values))
    return "; ".join(f"{value} ({_join(names)})" for value, names in values.items())


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _join(names: Iterable[str]) -> str:
    return ", ".join(names)
