"""Runs a script as `python SCRIPT` does, with hooks in the parsers that it may use."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from . import argparse_hook, click_hook, fire_hook, hydra_hook, tyro_hook
from .post_import import install_post_import_hooks
from .report import FlagReport


def run_script(script: str, descriptor: int) -> None:
    """Runs a script until it parses its arguments; the report is written to the descriptor.

    Returns if the script ends without doing so; its exceptions are propagated.
    """
    report = FlagReport(descriptor)
    argparse_hook.install(report)
    hooks = (click_hook.HOOKS, fire_hook.HOOKS, hydra_hook.HOOKS, tyro_hook.HOOKS)
    install_post_import_hooks(
        {name: hook for table in hooks for name, hook in table.items()}, report
    )
    sys.argv = [script]
    sys.path[0] = str(Path(script).resolve().parent)
    runpy.run_path(script, run_name="__main__")
