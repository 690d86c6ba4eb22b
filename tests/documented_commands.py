"""Reads the commands of a page, the lines after a dollar sign, and runs those of nnlab."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from nnlab.cli.main import main

FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def documented_commands(page: Path) -> Iterator[str]:
    """The lines after a dollar sign, in order; files that a page shows are written on the way."""
    for kind, block in FENCE.findall(page.read_text(encoding="utf-8")):
        if kind in ("toml", "python") and block.startswith("# "):
            Path(block.splitlines()[0].removeprefix("# ")).write_text(block)
        if kind == "console":
            for line in block.splitlines():
                if line.startswith("$ "):
                    yield line.removeprefix("$ ")


def command_words(line: str) -> list[str]:
    """The words of a command line without its comment."""
    # shlex would take the `#` of `csv:points.csv#kind` for the start of a comment.
    return shlex.split(re.sub(r"\s#\s.*", "", line))


def run_nnlab(line: str, read_output: Callable[[], str]) -> None:
    """Runs a command line of nnlab in this process and expects success.

    Args:
        line: begins with `nnlab`.
        read_output: returns what the command has printed, for the message of a failure.
    """
    assert main(command_words(line)[1:]) == 0, f"{line}\n{read_output()}"
