"""The types and functions for packages that add choices to nnlab through entry points.

docs/extending.md has an example of each kind, `nnlab.testing` the tests that a plugin should pass.
Each name is imported on first use, so that a plugin imports only what it needs.
"""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from nnlab.analysis.scope import current_runs, resolve_scope
    from nnlab.diagnosis import Rule, RuleContext
    from nnlab.diagnosis.rule import make_finding
    from nnlab.engine.optimizers.param_groups import build_param_groups
    from nnlab.engine.plugin_types import (
        DataPlugin,
        ModelPlugin,
        OptimizerPlugin,
        SchedulePlugin,
    )
    from nnlab.figures.draw.layout import freeze_layout, new_figure
    from nnlab.figures.draw.style import style_context
    from nnlab.figures.plugin_figures import FigurePlugin
    from nnlab.figures.prepared_figure import PreparedFigure, figure_table
    from nnlab.records import Curve, Finding, History, Run, Severity
    from nnlab.settings import RunConfig
    from nnlab.workers.local_pool import LocalPool
    from nnlab.workers.placement import Placement
    from nnlab.workers.plugin_launchers import LauncherPlugin, LaunchRequest
    from nnlab.workers.worker_pool import WorkerPool

__all__ = [
    "Curve",
    "DataPlugin",
    "FigurePlugin",
    "Finding",
    "History",
    "LaunchRequest",
    "LauncherPlugin",
    "LocalPool",
    "ModelPlugin",
    "OptimizerPlugin",
    "Placement",
    "PreparedFigure",
    "Rule",
    "RuleContext",
    "Run",
    "RunConfig",
    "SchedulePlugin",
    "Severity",
    "WorkerPool",
    "build_param_groups",
    "current_runs",
    "figure_table",
    "freeze_layout",
    "make_finding",
    "new_figure",
    "resolve_scope",
    "style_context",
]

_MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "nnlab.analysis.scope": ("current_runs", "resolve_scope"),
    "nnlab.settings": ("RunConfig",),
    "nnlab.diagnosis": ("Rule", "RuleContext"),
    "nnlab.diagnosis.rule": ("make_finding",),
    "nnlab.engine.optimizers.param_groups": ("build_param_groups",),
    "nnlab.engine.plugin_types": (
        "DataPlugin",
        "ModelPlugin",
        "OptimizerPlugin",
        "SchedulePlugin",
    ),
    "nnlab.figures.draw.layout": ("freeze_layout", "new_figure"),
    "nnlab.figures.draw.style": ("style_context",),
    "nnlab.figures.plugin_figures": ("FigurePlugin",),
    "nnlab.figures.prepared_figure": ("PreparedFigure", "figure_table"),
    "nnlab.records": ("Curve", "Finding", "History", "Run", "Severity"),
    "nnlab.workers.local_pool": ("LocalPool",),
    "nnlab.workers.placement": ("Placement",),
    "nnlab.workers.plugin_launchers": ("LaunchRequest", "LauncherPlugin"),
    "nnlab.workers.worker_pool": ("WorkerPool",),
}
_MODULE_OF: Final[Mapping[str, str]] = {
    name: module for module, names in _MODULES.items() for name in names
}


def __getattr__(name: str) -> Any:
    """The class or function of that name; its module is imported now.

    Raises:
        AttributeError: there is none.
    """
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)
