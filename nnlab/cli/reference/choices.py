"""`nnlab choices`: lists the catalogues."""

import math
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from nnlab import catalogue
from nnlab.catalogue.metrics import MetricChoice
from nnlab.cli import completion
from nnlab.cli.options import FormatOption
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, render
from nnlab.cli.reference.plugin_rows import OTHER_PLUGIN_TABLES, plugin_rows
from nnlab.errors import UnknownName, UsageError
from nnlab.settings.arguments import ARGUMENT_COMPONENTS, Parameter, Signature, takes_arguments
from nnlab.settings.setting_differences import format_value

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("kind", "kind", priority=1),
    TableColumn("name", "name"),
    TableColumn("summary", "description", wrap=True),
    TableColumn(
        "defaults",
        "options and defaults",
        lambda defaults: ", ".join(f"{k} {format_value(value)}" for k, value in defaults.items()),
        wrap=True,
        priority=2,
    ),
    TableColumn("source", "source", wrap=True, priority=3),
    TableColumn("package", "package", wrap=True, priority=1),
    TableColumn("broken", "skipped because", wrap=True),
)
_METRIC_COLUMNS = (
    TableColumn("better", "better, range", priority=2),
    TableColumn("tasks", "tasks", hidden=True),
    TableColumn("direction", "direction", hidden=True),
    TableColumn("limits", "limits", hidden=True),
)
# Columns that a table has only if a plugin is installed, or one cannot be used.
_PLUGIN_COLUMNS = ("package", "broken")


ARGUMENT_COLUMNS = (
    TableColumn("option", "option"),
    TableColumn("type", "values", wrap=True),
    TableColumn("default", "default", wrap=True),
)


@app.command()
def choices(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            show_default=False,
            help=f"one of {', '.join(catalogue.CATALOGUES)} \\[default: all]",
            autocompletion=completion.kinds,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="CODE",
            show_default=False,
            help="your own code, as file.py:NAME: list its arguments and their defaults",
        ),
    ] = None,
    *,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
) -> None:
    """List the available choices with their defaults and sources, and all plugins.

    With your own code, or a model of a package, list the options that set its arguments.

    [bold]Examples[/bold]

        nnlab choices opt

        nnlab choices model model.py:Net

        nnlab choices loss losses.py:focal

        nnlab choices --format json
    """
    kinds = (*catalogue.CATALOGUES, *OTHER_PLUGIN_TABLES)
    if kind is not None and kind not in kinds:
        raise UnknownName("kind of choice", kind, kinds)
    if kind is not None and name is not None:
        render(_argument_rows(kind, name), ARGUMENT_COLUMNS, format)
        return
    rows = [
        row
        for listed_kind in ([kind] if kind else kinds)
        for row in (*_builtin_rows(listed_kind), *plugin_rows(listed_kind))
    ]
    unused = {name for name in _PLUGIN_COLUMNS if not any(row[name] for row in rows)}
    columns = [column for column in COLUMNS if column.key not in unused]
    metric_columns = _METRIC_COLUMNS if kind == "metric" else ()
    render(rows, [*(columns if format is Format.TABLE else COLUMNS), *metric_columns], format)


def _builtin_rows(kind: str) -> Iterator[dict[str, Any]]:
    for row in catalogue.CATALOGUES.get(kind, ()):
        yield {
            "kind": kind,
            "name": row.name,
            "summary": row.summary,
            "defaults": dict(row.defaults),
            "source": row.source,
            "package": "",
            "broken": "",
            **_metric_properties(row),
        }


def _argument_rows(kind: str, name: str) -> list[dict[str, str]]:
    """The arguments of user code: the option that sets each, its values and its default.

    Raises:
        UsageError: code of that kind has no arguments, or Python does not know them.
    """
    if kind not in ARGUMENT_COMPONENTS or not takes_arguments(kind, name):
        catalogue.find_choice(kind, name)
        raise UsageError(
            f"{kind} '{name}' has no arguments of its own",
            hint=f"nnlab choices {kind} lists the options that apply to it",
        )
    # Imported only here: the lists of choices must appear at once.
    from nnlab.engine.signatures import find_signature

    signature = find_signature(kind, name, True)
    if signature is None or (signature.accepts_any and not signature.parameters):
        raise UsageError(f"the arguments of {name} are not known: it accepts any")
    return [_argument_row(kind, each, signature) for each in signature.parameters.values()]


def _argument_row(kind: str, parameter: Parameter, signature: Signature) -> dict[str, str]:
    reserved_reason = signature.reserved.get(parameter.name)
    if parameter.type.is_settable and reserved_reason is None:
        values = parameter.annotation or parameter.type.requirement
    else:
        values = f"{parameter.annotation} (cannot be set)".strip()
    default = "required" if parameter.default is None else parameter.default
    if parameter.name in signature.passed:
        default = "passed by nnlab"
    return {
        "option": f"--{kind}.{parameter.name}",
        "type": values,
        "default": reserved_reason or default,
    }


def _metric_properties(row: catalogue.Choice) -> dict[str, Any]:
    """Task, direction and limits of a metric; nothing for other rows."""
    if not isinstance(row, MetricChoice):
        return {}
    return {
        "tasks": list(row.tasks),
        "direction": row.direction,
        "limits": [None if math.isinf(limit) else limit for limit in row.limits],
        "better": row.range_text,
    }
