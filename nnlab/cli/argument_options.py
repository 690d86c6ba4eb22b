"""Options for the arguments of user code, as `--model.NAME VALUE`, in commands with settings."""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from nnlab.cli.option_spellings import rename_options, typed_spellings
from nnlab.errors import NnlabError, UsageError
from nnlab.settings.arguments import ARGUMENT_COMPONENTS

# The hidden option that carries the arguments from the parser to the command.
ARGUMENTS_PARAMETER = "setting_arguments"
_HIDDEN_FLAG = "--setting-argument"

# Key of the context that holds the result of `typed_spellings`.
_SPELLINGS = "nnlab.spellings"

_OPTION = re.compile(rf"--({'|'.join(ARGUMENT_COMPONENTS)})\.([^\W\d][\w-]*)")


class SettingsCommand(TyperCommand):
    """A command that also accepts `--model.NAME VALUE`, `--loss.NAME=VALUE` and the like."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses the command line like any other command.

        Raises:
            UsageError: an argument has no value.
        """
        options = [param.opts for param in self.params if len(param.opts) > 1]
        ctx.meta[_SPELLINGS] = typed_spellings(options, args)
        return super().parse_args(ctx, list(_with_hidden_options(args)))

    def invoke(self, ctx: Any) -> Any:
        """Executes the command; its errors name options as they were typed."""
        try:
            return super().invoke(ctx)
        except NnlabError as error:
            rename_options(error, ctx.meta.get(_SPELLINGS, {}))
            raise


def arguments_parameter() -> inspect.Parameter:
    """The parameter of a command that receives the arguments, as `model.width=8`."""
    return inspect.Parameter(
        ARGUMENTS_PARAMETER,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[list[str] | None, typer.Option(_HIDDEN_FLAG, hidden=True)],
    )


def parse_argument_words(words: Iterable[str]) -> dict[str, str]:
    """The arguments by key: `model.width=8` is `{"model.width": "8"}`."""
    return {word.partition("=")[0]: word.partition("=")[2] for word in words}


def _with_hidden_options(args: list[str]) -> Iterator[str]:
    """The command line with `--model.width 8` replaced by the hidden option."""
    remaining = iter(args)
    for word in remaining:
        option, has_value, value = word.partition("=")
        match = _OPTION.fullmatch(option)
        if word == "--":
            yield word
            yield from remaining
        elif match is None:
            yield word
        else:
            if not has_value:
                value = next(remaining, "--")
                if value.startswith("--"):
                    raise UsageError(f"{option} needs a value", hint=f"{option} VALUE")
            yield from (_HIDDEN_FLAG, f"{match[1]}.{match[2].replace('-', '_')}={value}")
