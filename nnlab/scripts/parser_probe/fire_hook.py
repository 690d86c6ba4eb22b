"""Stops a script where it calls `fire.Fire`."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from .fire_flags import describe_fire
from .post_import import Hook
from .report import FlagReport


def _hook_fire(module: ModuleType, report: FlagReport) -> None:
    original = module.Fire

    def Fire(component: Any = None, command: Any = None, *rest: Any, **options: Any) -> Any:  # noqa: N802
        if command:
            return original(component, command, *rest, **options)
        caller = sys._getframe(1)
        members = {**caller.f_globals, **caller.f_locals} if component is None else component
        return report.stop("fire", lambda: describe_fire(members, module_only=component is None))

    module.Fire = Fire  # type: ignore[attr-defined]


HOOKS: dict[str, Hook] = {"fire.core": _hook_fire}
