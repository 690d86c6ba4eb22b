"""Calls a hook as soon as the script has imported a module, without importing it itself."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType

from .report import FlagReport

Hook = Callable[[ModuleType, FlagReport], None]


def install_post_import_hooks(hooks: Mapping[str, Hook], report: FlagReport) -> None:
    """Registers hooks by the name of the module that they change."""
    sys.meta_path.insert(0, _HookFinder(hooks, report))


class _HookFinder(importlib.abc.MetaPathFinder):
    """Finds the modules with hooks as usual, and replaces their loader."""

    def __init__(self, hooks: Mapping[str, Hook], report: FlagReport) -> None:
        self._hooks: dict[str, Hook] = dict(hooks)
        self._report = report

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of a module with a hook; None for others, which the next finders find."""
        hook = self._hooks.pop(fullname, None)
        if hook is None:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: importlib.machinery.ModuleSpec | None = find(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    _call_after_loading(spec.loader, hook, self._report)
                return spec
        return None


def _call_after_loading(loader: object, hook: Hook, report: FlagReport) -> None:
    """Makes a loader call the hook after it has executed the module."""
    execute = loader.exec_module  # type: ignore[attr-defined]

    def exec_module(module: ModuleType) -> None:
        execute(module)
        try:
            hook(module, report)
        except AttributeError:
            return  # another version of the package, whose parser remains unknown

    loader.exec_module = exec_module  # type: ignore[attr-defined]
