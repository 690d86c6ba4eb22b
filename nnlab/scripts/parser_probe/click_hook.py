"""Stops a script where it runs a click or typer command."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from .click_flags import describe_click
from .post_import import Hook
from .report import FlagReport


def _hook_click(module: ModuleType, report: FlagReport) -> None:
    # Before click 8.2, a base class defines it.
    owner = next(kind for kind in module.Command.__mro__ if "main" in vars(kind))
    _replace_main(owner, "click", report)


def _hook_typer(module: ModuleType, report: FlagReport) -> None:
    for name in ("TyperCommand", "TyperGroup"):
        _replace_main(getattr(module, name), "typer", report)


def _replace_main(command_class: Any, parser: str, report: FlagReport) -> None:
    """Replaces `main`, which parses `sys.argv` and runs a command."""
    original = command_class.main

    def main(command: Any, args: Any = None, *rest: Any, **options: Any) -> Any:
        if args:
            return original(command, args, *rest, **options)
        return report.stop(parser, lambda: describe_click(command))

    command_class.main = main


HOOKS: dict[str, Hook] = {"click.core": _hook_click, "typer.core": _hook_typer}
