"""Stops a script where a function with `@hydra.main` would run."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from .hydra_flags import describe_hydra
from .post_import import Hook
from .report import FlagReport


def _hook_hydra(module: ModuleType, report: FlagReport) -> None:
    if not callable(module._run_app):
        return

    def _run_app(*_: Any, hydra: Any, config_name: Any, **__: Any) -> Any:
        return report.stop("hydra", lambda: describe_hydra(hydra, config_name))

    # The function has composed the configuration's search path, but not yet changed the folder.
    module._run_app = _run_app  # type: ignore[attr-defined]


HOOKS: dict[str, Hook] = {"hydra._internal.utils": _hook_hydra}
