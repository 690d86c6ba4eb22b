"""Confirmation by the user, for commands that remove or delete."""

import sys

import typer

from nnlab.errors import UsageError


def ask_confirmation(question: str, *, yes: bool) -> bool:
    """Whether the user agrees; `yes` agrees without a question.

    Raises:
        UsageError: standard input is not a terminal.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(
            "this command needs a confirmation, but standard input is not a terminal",
            hint="--yes confirms without asking",
        )
    return typer.confirm(question)
