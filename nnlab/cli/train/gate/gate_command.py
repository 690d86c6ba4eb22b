"""The command class of `nnlab gate`: options of `nnlab train`, or flags of a script."""

from typing import Any

from nnlab.cli.train.script_run.argument_split import SCRIPT_TOKENS
from nnlab.cli.train.script_run.script_command import StudyCommand

# The options with one letter, which are nnlab's if they stand before the script.
_LONG_OPTIONS = {"-q": "--quiet", "-v": "--verbose"}
_SCRIPT_OPTIONS = ("--script", "--cmd")


class GateCommand(StudyCommand):
    """A command whose settings are those of `nnlab train`, or with `--script` flags of a script."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses the arguments; what follows the first `--` are flags of the script, too."""
        words = list(args)
        for index, word in enumerate(words):
            if word == "--" or word.partition("=")[0] in _SCRIPT_OPTIONS:
                break
            words[index] = _LONG_OPTIONS.get(word, word)
        rest = super().parse_args(ctx, words)
        tokens = list(ctx.meta.get(SCRIPT_TOKENS, ()))
        if "--" in tokens:
            tokens.remove("--")
        ctx.meta[SCRIPT_TOKENS] = tuple(tokens)
        return rest
