"""The command class of `nnlab gate`: options of `nnlab train`, or flags of a script."""

from typing import Any

from nnlab.cli.train.script_run.argument_split import SCRIPT_TOKENS
from nnlab.cli.train.script_run.script_command import StudyCommand


class GateCommand(StudyCommand):
    """A command whose settings are those of `nnlab train`, or with `--script` flags of a script."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses the arguments; what follows the first `--` are flags of the script, too."""
        rest = super().parse_args(ctx, args)
        tokens = list(ctx.meta.get(SCRIPT_TOKENS, ()))
        if "--" in tokens:
            tokens.remove("--")
        ctx.meta[SCRIPT_TOKENS] = tuple(tokens)
        return rest
