"""Options that commands share, and those of a setting, which are made from RunConfig."""

import inspect
from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from typing import Annotated, Any

import typer

from nnlab import catalogue
from nnlab.cli import completion
from nnlab.config import SettingField, setting_fields


class Format(StrEnum):
    """How a list is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


DbOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL|PATH",
        envvar="NNLAB_DB",
        show_default=False,
        help="results database \\[default: runs.db]",
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="replace FILE even if nnlab did not make it")
]
FormatOption = Annotated[Format, typer.Option("--format", help="how to print")]
StudyOption = Annotated[
    str | None,
    typer.Option(
        "--study", metavar="NAME", help="the study to add to", autocompletion=completion.studies
    ),
]
StudyOrRunsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STUDY|RUN",
        show_default=False,
        help="a study, or runs by number or name \\[default: all runs]",
        autocompletion=completion.studies_and_runs,
    ),
]

# More rows than any database has; SQLite's driver takes no larger number.
MAX_ROWS = 1_000_000_000

_MAX_NAMES_IN_HELP = 9
_MAX_DEFAULTS_IN_HELP = 4


def with_settings(
    command: Callable[..., Any], *, only: Collection[str] | None = None
) -> Callable[..., Any]:
    """Gives a command that takes `**settings` an option for each field of a setting.

    The values arrive as typed, None where an option was not given; `only` names the fields
    where not all are wanted.
    """
    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    wanted = [c for name, c in setting_fields().items() if only is None or name in only]
    made = [_option_parameter(choosable) for choosable in wanted]
    parameters = [*own, *made]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def given_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given, without the seed."""
    return {k: v for k, v in settings.items() if v is not None and k != "seed"}


def _option_parameter(choosable: SettingField) -> inspect.Parameter:
    option = choosable.option
    base: Any = bool if option.flag else str
    names = [f"{choosable.flag}/--no-{choosable.flag[2:]}"] if option.flag else [choosable.flag]
    kind = option.kind
    info = typer.Option(
        *names,
        metavar=None if option.flag else _option_metavar(choosable),
        help=_option_help(choosable),
        rich_help_panel=option.panel,
        show_default=False,
        autocompletion=completion.catalogue_completer(kind) if kind else None,
    )
    return inspect.Parameter(
        choosable.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[base | None, info],
    )


def _option_metavar(choosable: SettingField) -> str:
    noun = {int: "INT", float: "FLOAT"}.get(choosable.base, "NAME")
    if choosable.name == "objective":
        return "METRIC"
    if choosable.option.commas:
        return "LIST[;...]"
    noun = "|".join([noun, *choosable.option.words])
    return f"{noun}[,...]"


def _option_help(choosable: SettingField) -> str:
    option = choosable.option
    text = option.help
    if option.kind is not None and option.kind != "device":
        names = catalogue.choice_names(option.kind)
        if len(names) <= _MAX_NAMES_IN_HELP:
            text += ": " + ", ".join(names)
        else:
            text += f" (`nnlab choices {option.kind}`)"
    if option.one_of:
        text += ": " + ", ".join(option.one_of)
    if option.unit:
        text += f", in {option.unit}"
    default = _default_text(choosable)
    # Rich reads [ as markup; a backslash keeps it.
    return f"{text} \\[default: {default}]" if default else text


def _default_text(choosable: SettingField) -> str:
    option = choosable.option
    if option.flag:
        return "no"
    if choosable.default is not None:
        return _format_value(choosable.default)
    if option.of is None:
        return ""
    rows = catalogue.CATALOGUES[option.of]
    named = [row for row in rows if row.defaults.get(choosable.name) is not None]
    values: dict[str, list[str]] = {}
    for row in named:
        values.setdefault(_format_value(row.defaults[choosable.name]), []).append(row.name)
    if option.fallback_default is not None:
        told = [f"{value} ({_join_names(names)})" for value, names in values.items()]
        return "; ".join([_format_value(option.fallback_default), *told])
    if len(values) <= 1:
        return next(iter(values), "")
    # Most rows agree: what they say, and who says otherwise.
    ranked = sorted(values.items(), key=lambda item: -len(item[1]))
    if len(ranked) > _MAX_DEFAULTS_IN_HELP:
        return f"by the {catalogue.KIND_LABELS.get(option.of, option.of)}"
    told = [f"{value} ({_join_names(names)})" for value, names in ranked]
    if len(ranked[0][1]) >= _MAX_DEFAULTS_IN_HELP:
        told[0] = ranked[0][0]
    return "; ".join(told)


def _format_value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _join_names(names: Iterable[str]) -> str:
    return ", ".join(names)
