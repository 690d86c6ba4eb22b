"""Asking before something is taken away."""

import sys

import typer

from nnlab.errors import UsageError


def ask_confirmation(question: str, *, yes: bool) -> bool:
    """Whether the user agrees; `yes` answers beforehand.

    Raises:
        UsageError: nobody is there to be asked.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(
            "this asks before it goes ahead, and there is no terminal to answer on",
            hint="--yes goes ahead without asking",
        )
    return typer.confirm(question)
