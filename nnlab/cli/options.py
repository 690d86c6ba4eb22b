"""Options shared by commands, and the options of a setting, generated from RunConfig."""

import inspect
from collections.abc import Callable, Collection, Iterable
from typing import Annotated, Any

import typer

from nnlab import catalogue
from nnlab.cli import completion
from nnlab.cli.argument_options import (
    ARGUMENTS_PARAMETER,
    arguments_parameter,
    parse_argument_words,
)
from nnlab.cli.output.formats import Format
from nnlab.settings import SettingField, setting_fields

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
    bool, typer.Option("--force", help="replace FILE even if nnlab did not create it")
]
FormatOption = Annotated[Format, typer.Option("--format", help="output format")]
StudyOption = Annotated[
    str | None,
    typer.Option(
        "--study",
        metavar="NAME",
        help="study that the runs belong to",
        autocompletion=completion.studies,
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

# Exceeds the rows of any database, and fits into an integer of SQLite's driver.
MAX_ROWS = 1_000_000_000

# Options of the loss around trained weights: `plot landscape` and `probe sensitivity`.
LandscapeExamples = Annotated[
    int,
    typer.Option("--examples", metavar="N", min=2, help="number of training examples to evaluate"),
]
LandscapeGrid = Annotated[
    int,
    typer.Option(
        "--grid", metavar="N", min=3, max=201, help="odd number of steps along a direction"
    ),
]
LandscapeDirections = Annotated[
    int,
    typer.Option("--directions", metavar="N", min=2, max=100, help="number of random directions"),
]

# Options of learning rate range tests: `find-lr` and `plot find-lr`.
LowestRateOption = Annotated[float, typer.Option("--low", help="smallest learning rate")]
HighestRateOption = Annotated[float, typer.Option("--high", help="largest learning rate")]
RangeTestStepsOption = Annotated[
    int, typer.Option("--steps", metavar="N", min=16, max=100_000, help="steps of the test")
]
RangeTestSeedsOption = Annotated[
    int, typer.Option("--seeds", metavar="N", min=1, max=100, help="median over seeds 0 to N-1")
]

_MAX_NAMES_IN_HELP = 9
_MAX_DEFAULTS_IN_HELP = 4


def with_settings(
    command: Callable[..., Any], *, only: Collection[str] | None = None, aliases: bool = False
) -> Callable[..., Any]:
    """The command with an option for each field of a setting in place of `**settings`.

    Args:
        command: receives the texts of the command line, None for an option that is not present.
        only: names of the fields; all by default.
        aliases: accept the other spellings of options, which some commands use for other options.
    """
    signature = inspect.signature(command)
    parameters = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    # A command's own option, such as the steps of a range test, replaces the setting of that name.
    own = {parameter.name for parameter in parameters}
    fields = [
        field
        for name, field in setting_fields().items()
        if name not in own and (only is None or name in only)
    ]
    parameters += [_option_parameter(field, aliases=aliases) for field in fields]
    if only is None:
        parameters.append(arguments_parameter())
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def given_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that the command line contains, without the seed.

    The arguments of user code (`setting_arguments`) have their own keys, such as `model.width`.
    """
    arguments = settings.get(ARGUMENTS_PARAMETER) or ()
    fields = {
        name: value
        for name, value in settings.items()
        if value is not None and name not in ("seed", ARGUMENTS_PARAMETER)
    }
    return fields | parse_argument_words(arguments)


def _option_parameter(field: SettingField, *, aliases: bool) -> inspect.Parameter:
    option = field.option
    base: Any = bool if option.flag else str
    names = [f"{field.flag}/--no-{field.flag[2:]}"] if option.flag else [field.flag]
    names += option.aliases if aliases else ()
    kind = option.catalogue
    info = typer.Option(
        *names,
        metavar=None if option.flag else _option_metavar(field),
        help=_option_help(field),
        rich_help_panel=option.panel,
        show_default=False,
        autocompletion=completion.catalogue_completer(kind) if kind else None,
    )
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[base | None, info],
    )


def _option_metavar(field: SettingField) -> str:
    noun = {int: "INT", float: "FLOAT"}.get(field.base, "NAME")
    if field.name == "objective":
        return "METRIC"
    if field.option.commas:
        return "LIST[;...]"
    noun = "|".join([noun, *field.option.words])
    return f"{noun}[,...]"


def _option_help(field: SettingField) -> str:
    option = field.option
    text = option.help
    if option.catalogue is not None and option.catalogue != "device":
        names = catalogue.choice_spellings(option.catalogue)
        if len(names) <= _MAX_NAMES_IN_HELP:
            text += ": " + ", ".join(names)
        else:
            text += f" (`nnlab choices {option.catalogue}`)"
    if option.one_of:
        text += ": " + ", ".join(option.one_of)
    if option.unit:
        text += f", in {option.unit}"
    default = _default_text(field)
    # Rich interprets [ as markup unless a backslash precedes it.
    return f"{text} \\[default: {default}]" if default else text


def _default_text(field: SettingField) -> str:
    option = field.option
    if option.flag:
        return "no"
    if field.default is not None:
        return _format_value(field.default)
    if option.default_from is None:
        return ""
    names_by_default: dict[str, list[str]] = {}
    for row in catalogue.CATALOGUES[option.default_from]:
        if (default := row.defaults.get(field.name)) is not None:
            names_by_default.setdefault(_format_value(default), []).append(row.name)
    if option.fallback_default is not None:
        texts = [f"{value} ({_join_names(names)})" for value, names in names_by_default.items()]
        return "; ".join([_format_value(option.fallback_default), *texts])
    if len(names_by_default) <= 1:
        return next(iter(names_by_default), "")
    # The most frequent default first, without the names of its rows if there are many.
    by_frequency = sorted(names_by_default.items(), key=lambda item: -len(item[1]))
    if len(by_frequency) > _MAX_DEFAULTS_IN_HELP:
        label = catalogue.KIND_LABELS.get(option.default_from, option.default_from)
        return f"depends on the {label}"
    texts = [f"{value} ({_join_names(names)})" for value, names in by_frequency]
    if len(by_frequency[0][1]) >= _MAX_DEFAULTS_IN_HELP:
        texts[0] = by_frequency[0][0]
    return "; ".join(texts)


def _format_value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _join_names(names: Iterable[str]) -> str:
    return ", ".join(names)
