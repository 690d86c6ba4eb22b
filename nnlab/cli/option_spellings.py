"""The spelling that the user typed of an option with several, for error messages."""

import re
from collections.abc import Iterable, Mapping, Sequence

from nnlab.errors import ConfigError, NnlabError


def typed_spellings(options: Iterable[Sequence[str]], words: Sequence[str]) -> Mapping[str, str]:
    """The typed spelling of an option by its other spellings.

    >>> dict(typed_spellings([("--model-output", "--output")], ["--output=1"]))
    {'--model-output': '--output'}

    Args:
        options: the spellings of each option.
        words: the words of the command line.
    """
    end = words.index("--") if "--" in words else len(words)
    typed = {word.partition("=")[0] for word in words[:end]}
    spellings: dict[str, str] = {}
    for names in options:
        used = [name for name in names if name in typed]
        if len(used) == 1:
            spellings.update({name: used[0] for name in names if name not in used})
    return spellings


def rename_options(error: NnlabError, spellings: Mapping[str, str]) -> None:
    """Replaces the spellings of options in the message of an error."""
    if not spellings:
        return
    names = "|".join(map(re.escape, spellings))
    # Neither a part of a longer option nor of a word.
    pattern = re.compile(rf"(?<![\w-])(?:{names})(?![\w-])")

    def renamed(text: str) -> str:
        return pattern.sub(lambda match: spellings[match[0]], text)

    error.message = renamed(error.message)
    error.hint = None if error.hint is None else renamed(error.hint)
    error.args = (error.message,)
    if isinstance(error, ConfigError):
        error.problems = tuple(map(renamed, error.problems))
