"""Splits a command line into the options of nnlab and the arguments of a script.

Before the script, options are nnlab's. After it, the long options that nnlab has are nnlab's, and
everything else belongs to the script. `--flag.NAME` is the flag NAME of the script, for names that
nnlab has as well; what follows `--` belongs to the script unchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FLAG_PREFIX = "--flag."
# Keys of the context of a command that hold the arguments of the script and shadowed flags.
SCRIPT_TOKENS = "nnlab.script_tokens"
OWN_OPTIONS = "nnlab.own_options"


@dataclass(frozen=True, slots=True)
class SplitArguments:
    """The arguments of nnlab (with the script itself), those of the script, and nnlab's options."""

    own: tuple[str, ...]
    script: tuple[str, ...]
    own_options: tuple[str, ...]


def split_arguments(
    args: Sequence[str], parameters: Sequence[Any], *, has_script_argument: bool
) -> SplitArguments:
    """Splits the arguments of a command.

    Args:
        args: the arguments, as typed.
        parameters: click's parameters of the command.
        has_script_argument: whether the first argument that is no option is the script; otherwise
            the script is the value of an option, and all arguments are treated as behind it.
    """
    takes_value = {
        name: not (parameter.is_flag or parameter.count)
        for parameter in parameters
        if parameter.param_type_name == "option"
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    takes_value.setdefault("--help", False)
    own: list[str] = []
    script: list[str] = []
    own_options: list[str] = []
    is_behind = not has_script_argument
    words = list(args)
    while words:
        word = words.pop(0)
        name, has_equals, _ = word.partition("=")
        if word == "--":
            script += ["--", *words]
            break
        if is_behind and name.startswith(FLAG_PREFIX):
            script.append(f"--{word.removeprefix(FLAG_PREFIX)}")
        elif name in takes_value and (name.startswith("--") or not is_behind):
            own.append(word)
            own_options.append(name)
            if takes_value[name] and not has_equals and words:
                own.append(words.pop(0))
        elif is_behind:
            script.append(word)
        else:
            own.append(word)
            # An unknown option before the script is an error of the command line, as usual.
            is_behind = not word.startswith("-")
    return SplitArguments(tuple(own), tuple(script), tuple(own_options))
