"""Splits the arguments of `nnlab run` into the flags of the script and their texts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nnlab.scripts.flags import Flag, ScriptFlags
from nnlab.settings.numbers import parse_number


@dataclass(frozen=True, slots=True)
class FlagToken:
    """A flag as typed: `--lr 0.1` has the value `0.1`.

    Attributes:
        name: the name in the setting.
        spelling: as typed.
        flag: the script's flag; None if the script's parser is unknown.
        values: the texts of its values; `true` or `false` for a switch; empty for a flag without a
            value of an unknown parser.
    """

    name: str
    spelling: str
    flag: Flag | None
    values: tuple[str, ...]


@dataclass(slots=True)
class SplitTokens:
    """The arguments of a command line, by meaning; `rest` is passed to the script unchanged."""

    flags: list[FlagToken] = field(default_factory=list)
    grid: list[str] = field(default_factory=list)
    rest: tuple[str, ...] = ()
    subcommand: str | None = None
    problems: list[str] = field(default_factory=list)


def split_tokens(flags: ScriptFlags, raw_tokens: Sequence[str]) -> SplitTokens:
    """The flags, subcommand and remaining arguments of a command line; collects all problems."""
    tokens = list(raw_tokens)
    result = SplitTokens()
    if "--" in tokens:
        result.rest = tuple(tokens[tokens.index("--") + 1 :])
        tokens = tokens[: tokens.index("--")]
    if flags.parser == "unknown":
        _split_untyped(tokens, result)
    else:
        _Splitter(flags, tokens, result).split()
        result.flags = list(_merged(result))
    return result


def _split_untyped(tokens: list[str], result: SplitTokens) -> None:
    """Splits the arguments of an unknown parser: a word after `--name` is its value."""
    positional = []
    while tokens:
        token = tokens.pop(0)
        name, separator, value = token.partition("=")
        if name == "--grid":
            _take_grid(separator, value, tokens, result)
        elif not _is_flag(token):
            positional.append(token)
        elif separator:
            result.flags.append(FlagToken(_setting_name(name), name, None, (value,)))
        elif tokens and not _is_flag(tokens[0]):
            result.flags.append(FlagToken(_setting_name(name), name, None, (tokens.pop(0),)))
        else:
            result.flags.append(FlagToken(_setting_name(name), name, None, ()))
    result.rest = (*positional, *result.rest)


def _setting_name(spelling: str) -> str:
    """`-x` keeps its hyphen, so that it is spelled in the same way again."""
    return spelling[2:] if spelling.startswith("--") else spelling


def _take_grid(separator: str, value: str, tokens: list[str], result: SplitTokens) -> None:
    if separator:
        result.grid.append(value)
    elif tokens:
        result.grid.append(tokens.pop(0))
    else:
        result.problems.append("--grid needs name=value,value")


def _is_flag(token: str) -> bool:
    """Whether a word is a flag and not a value such as `-0.5` or `-`."""
    return len(token) > 1 and token[0] == "-" and parse_number(token.split(",")[0]) is None


class _Splitter:
    """Reads the arguments from left to right, as the script's parser does."""

    def __init__(self, flags: ScriptFlags, tokens: list[str], result: SplitTokens) -> None:
        self.flags = flags
        self.tokens = tokens
        self.result = result
        self.positional_count = 0

    def split(self) -> None:
        while self.tokens:
            token = self.tokens.pop(0)
            name, separator, value = token.partition("=")
            if name == "--grid" and self.flags.find_flag("--grid") is None:
                _take_grid(separator, value, self.tokens, self.result)
            elif _is_flag(token):
                self._take_flag(name, value if separator else None)
            elif self.flags.parser == "hydra" and separator:
                self._take_flag(name, value)
            else:
                self._take_word(token)

    def _take_flag(self, name: str, value: str | None) -> None:
        """Adds a flag with its values."""
        subcommand = self.result.subcommand
        flag = self.flags.find_flag(name, subcommand)
        if flag is None or flag.is_positional:
            self.result.problems.append(self.flags.unknown_flag_message(name, subcommand))
            self._skip_value()
            return
        if flag.boolean in ("switch", "pair") or _is_negative(flag, name):
            if value is None and self._next_is_boolean():
                value = self.tokens.pop(0)
            self._add(flag, name, _switch_values(flag, name, value))
        elif flag.takes == "none":
            self._add(flag, name, ("",))
        elif value is not None:
            self._add(flag, name, (value,))
        else:
            self._add(flag, name, tuple(self._take_values(flag, name)))

    def _take_values(self, flag: Flag, name: str) -> Iterator[str]:
        """Takes the values that follow a flag; one value may be the name of a subcommand."""
        ends = _is_flag if flag.takes == "one" else self._ends_values
        several = flag.takes == "several" and not flag.is_repeated
        limit = flag.value_count or (len(self.tokens) if several else 1)
        count = 0
        while self.tokens and count < limit and not ends(self.tokens[0]):
            yield self.tokens.pop(0)
            count += 1
        if count == 0:
            if flag.boolean == "value" and flag.takes == "optional":
                yield "true"
            else:
                self.result.problems.append(f"{name} needs a value")

    def _next_is_boolean(self) -> bool:
        """Whether `true,false` after a switch can only be its values."""
        flags = self.flags.of_subcommand(self.result.subcommand)
        if not self.tokens or any(flag.is_positional for flag in flags):
            return False
        return all(word in ("true", "false") for word in self.tokens[0].split(","))

    def _ends_values(self, word: str) -> bool:
        """Whether a word is the next flag or a subcommand, and no value."""
        return _is_flag(word) or self._subcommand(word) in self.flags.subcommands

    def _subcommand(self, word: str) -> str:
        return f"{self.result.subcommand or ''} {word}".strip()

    def _skip_value(self) -> None:
        """Skips the value of an unknown flag, so that it is not reported as well."""
        if self.tokens and not _is_flag(self.tokens[0]):
            self.tokens.pop(0)

    def _take_word(self, word: str) -> None:
        """Adds a word that belongs to no flag: a subcommand or a positional argument."""
        if self._subcommand(word) in self.flags.subcommands:
            self.result.subcommand = self._subcommand(word)
            return
        positional = [
            flag for flag in self.flags.of_subcommand(self.result.subcommand) if flag.is_positional
        ]
        if not positional:
            self.result.problems.append(self._unexpected(word))
            return
        index = min(self.positional_count, len(positional) - 1)
        flag = positional[index]
        if self.positional_count > index and flag.takes != "several":
            self.result.problems.append(self._unexpected(word))
            return
        if flag.takes != "several" or self._has_enough(flag):
            self.positional_count += 1
        self._add(flag, flag.name, (word,))

    def _has_enough(self, flag: Flag) -> bool:
        """Whether a positional argument of N values has all of them with the next word."""
        count = sum(len(token.values) for token in self.result.flags if token.flag is flag)
        return flag.value_count is not None and count + 1 == flag.value_count

    def _unexpected(self, word: str) -> str:
        if self.flags.subcommands and self.result.subcommand is None:
            return f"the script has no subcommand '{word}': {', '.join(self.flags.subcommands)}"
        return f"unexpected argument '{word}': the script takes no such positional argument"

    def _add(self, flag: Flag, spelling: str, values: tuple[str, ...]) -> None:
        if values:
            self.result.flags.append(FlagToken(flag.name, spelling, flag, values))


def _switch_values(flag: Flag, name: str, value: str | None) -> tuple[str, ...]:
    """The text that a switch means: `--no-amp` is false, `--amp` and `--amp=true` are true.

    A list (`--amp=true,false`) is kept.
    """
    if value is not None:
        return (value,)
    return ("false" if _is_negative(flag, name) else "true",)


def _is_negative(flag: Flag, name: str) -> bool:
    """Whether a spelling makes a boolean false."""
    if name in flag.spellings:
        return False
    key = name.lstrip("-").replace("-", "_")
    negative = {text.lstrip("-").replace("-", "_") for text in flag.negative_spellings}
    return key in negative and key != flag.name


def _merged(result: SplitTokens) -> Iterator[FlagToken]:
    """The flags with the values of all their occurrences if they may be repeated."""
    by_name: dict[str, list[FlagToken]] = {}
    for token in result.flags:
        by_name.setdefault(token.name, []).append(token)
    for tokens in by_name.values():
        flag = tokens[0].flag
        may_repeat = flag is not None and (
            flag.is_repeated
            or (flag.is_positional and flag.takes == "several")
            or (flag.takes == "none" and flag.boolean is None)
        )
        if may_repeat:
            values = tuple(value for token in tokens for value in token.values)
            yield FlagToken(tokens[0].name, tokens[0].spelling, flag, values)
        else:
            yield from tokens
