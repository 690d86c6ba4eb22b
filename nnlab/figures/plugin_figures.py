"""Kinds of figures that plugins add to `nnlab plot`."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from nnlab import store
from nnlab.catalogue.plugins import PluginTable
from nnlab.engine.error_description import describe_error
from nnlab.errors import NnlabError, PluginError, UsageError, unknown_name_message
from nnlab.figures.kind_table import KINDS
from nnlab.figures.prepared_figure import PreparedFigure
from nnlab.records import Scalar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ResultT = TypeVar("ResultT")

# Options that every command of `nnlab plot` has.
_SHARED_OPTIONS = frozenset(
    (
        *("output", "data", "caption", "force", "show", "db", "help"),
        *("venue", "columns", "width", "style", "palette", "legend"),
    )
)

FIGURE_PLUGINS = PluginTable("nnlab.figures", "figure", "FigurePlugin", KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigurePlugin:
    """A kind of figure for `nnlab plot`.

    `prepare` takes the database, the studies or runs that the command names (a tuple of texts),
    and options as keyword-only arguments with defaults: texts, numbers or booleans. Each becomes
    an option of the command, `top=6` becomes `--top`. It reads the database and returns a
    `PreparedFigure`, whose `draw` makes the matplotlib figure. `needs_model` says whether it
    evaluates trained models, and so may execute the code of a user's model.

    Raises:
        ValueError: an option has no default, or the name of an option of every figure.
    """

    name: str
    summary: str
    prepare: Callable[..., PreparedFigure]
    needs_model: bool = False

    def __post_init__(self) -> None:
        for option, default in self.options.items():
            if option in _SHARED_OPTIONS:
                raise ValueError(f"every figure has an option --{option}, choose another name")
            if default is not None and not isinstance(default, str | int | float | bool):
                raise ValueError(
                    f"the option {option} of prepare needs a text, a number, a boolean or None"
                    f" as its default, got {default!r}"
                )

    @property
    def options(self) -> Mapping[str, Scalar]:
        """The options of `prepare` with their defaults; those with the default None are texts."""
        parameters = inspect.signature(self.prepare).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def find_plugin_figure(kind: str) -> FigurePlugin | None:
    """The plugin that draws a kind of figure; None if there is none.

    Raises:
        PluginError: the plugin cannot be used.
    """
    plugin = FIGURE_PLUGINS.find(kind)
    target = None if plugin is None else plugin.target
    return target if isinstance(target, FigurePlugin) else None


def prepare_plugin_figure(
    figure: FigurePlugin, db: store.Database, words: Sequence[str], **options: Any
) -> PreparedFigure:
    """What a figure of a plugin shows.

    Raises:
        UsageError: the figure has no such option.
        PluginError: the plugin raises an error that is not one of nnlab, or returns another type.
    """
    for option in options:
        if option not in figure.options:
            raise UsageError(
                unknown_name_message(f"option of plot {figure.name}", option, figure.options)
            )
    prepared = _call(figure, lambda: figure.prepare(db, tuple(words), **options))
    if not isinstance(prepared, PreparedFigure):
        raise PluginError(
            f"the figure plugin '{figure.name}' returns an object of type"
            f" {type(prepared).__name__}, and not a PreparedFigure"
        )

    def draw() -> "Figure":
        return _call(figure, prepared.draw)

    return replace(prepared, draw=draw)


def _call(figure: FigurePlugin, call: Callable[[], ResultT]) -> ResultT:
    try:
        return call()
    except NnlabError:
        raise
    except Exception as error:
        raise PluginError(
            f"the figure plugin '{figure.name}' fails: {describe_error(error)}"
        ) from error
