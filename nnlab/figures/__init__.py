"""Figures of studies and runs: the table of kinds, and the preparation of a figure of a kind.

`kinds/` has a module per kind. Its function `prepare_...` takes the database, the studies or runs,
and options that can be stored as JSON; a figure file contains them, so that the figure can be
checked and drawn again.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

from nnlab import store
from nnlab.analysis.scope import names_runs
from nnlab.engine import user_code
from nnlab.errors import UnknownName
from nnlab.figures.kind_table import KINDS
from nnlab.figures.plugin_figures import FIGURE_PLUGINS, find_plugin_figure, prepare_plugin_figure
from nnlab.figures.prepared_figure import PreparedFigure

__all__ = ["KINDS", "prepare_figure"]


def prepare_figure(
    db: store.Database, kind: str, words: Sequence[str], options: Mapping[str, Any]
) -> PreparedFigure:
    """Collects what a figure of a kind shows.

    Raises:
        UnknownName: no such kind, study or run.
        UsageError: nothing to draw, or invalid options.
        PluginError: the plugin of the kind cannot be used, or fails.
        UserCodeRefused: a run needs user code and is not itself named in `words`.
    """
    prepare, needs_model = _find_kind(kind)
    allowed = not needs_model or names_runs(db, words)
    with (
        nullcontext()
        if allowed
        else user_code.forbid_execution(
            "user code is executed only for runs that the command names",
            hint=f"name the run: nnlab plot {kind} RUN",
        )
    ):
        figure: PreparedFigure = prepare(db, tuple(words), **options)
    return figure


def _find_kind(kind: str) -> tuple[Callable[..., PreparedFigure], bool]:
    """The function that prepares a kind of figure, and whether it evaluates trained models."""
    figure_kind = KINDS.get(kind)
    if figure_kind is not None:
        module = importlib.import_module(f"nnlab.figures.kinds.{figure_kind.module}")
        prepare: Callable[..., PreparedFigure] = getattr(module, figure_kind.function)
        return prepare, figure_kind.needs_model
    plugin = find_plugin_figure(kind)
    if plugin is None:
        raise UnknownName("kind of figure", kind, (*KINDS, *FIGURE_PLUGINS.names()))
    return partial(prepare_plugin_figure, plugin), plugin.needs_model
