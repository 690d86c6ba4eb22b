"""Stops a script where it calls `tyro.cli`."""

from __future__ import annotations

import warnings
from types import ModuleType
from typing import Any

from .post_import import Hook
from .report import FlagReport, Record
from .tyro_flags import describe_tyro


def _hook_tyro(module: ModuleType, report: FlagReport) -> None:
    implementation = module._cli_impl

    def _cli_impl(f: Any, *rest: Any, **options: Any) -> Any:
        if options.get("args") or options.get("return_parser"):
            return implementation(f, *rest, **options)
        return report.stop("tyro", lambda: _describe(module, f, options))

    # `tyro.cli` and the other functions of tyro that parse call this function.
    module._cli_impl = _cli_impl  # type: ignore[attr-defined]


def _describe(module: ModuleType, f: Any, options: dict[str, Any]) -> Record:
    names = ("prog", "description", "default", "use_underscores", "config", "registry")
    chosen = {name: options[name] for name in names if name in options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return describe_tyro(module.get_parser(f, **chosen))


HOOKS: dict[str, Hook] = {"tyro._cli": _hook_tyro}
