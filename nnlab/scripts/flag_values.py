"""Values, lists and ranges of a script's flags on the command line of `nnlab run`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nnlab.errors import ConfigError, NnlabError
from nnlab.objective import Scalar
from nnlab.scripts.flag_axes import parse_axis, parse_grid_axis
from nnlab.scripts.flag_tokens import FlagToken, split_tokens
from nnlab.scripts.flags import SUBCOMMAND_NAME, Flag, ScriptFlags
from nnlab.scripts.value_parsing import parse_flag_value
from nnlab.settings.ranges import Range


@dataclass(frozen=True, slots=True)
class FlagValues:
    """What a command line of `nnlab run` sets.

    Attributes:
        fixed: one value by the name of the flag; several values of one flag are a JSON list; the
            selected subcommand is `subcommand`.
        axes: the values, or the range, that the trials of the study try, by the name of the flag.
        rest: arguments that are passed to the script unchanged.
        notes: what the user may not expect, one sentence each.
    """

    fixed: Mapping[str, Scalar] = field(default_factory=dict)
    axes: Mapping[str, tuple[Scalar, ...] | Range] = field(default_factory=dict)
    rest: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def parse_flag_values(
    flags: ScriptFlags, raw_tokens: Sequence[str], grid: Sequence[str] = ()
) -> FlagValues:
    """What the arguments after the script's name on the command line set.

    Lists (`--lr 0.1,0.01`) and ranges (`--lr 1e-4..1e-1`) are expanded for flags that take one
    value; texts with spaces, brackets or quotes are one value. `--grid name=a,b`
    expands any flag, and the flags of an unknown parser; a value that is a list is written in
    brackets or with spaces (`--grid layers=[64,64],[128]` or `layers=64 64,128`).

    Args:
        flags: the script's flags.
        raw_tokens: the arguments, without the script's name and without the options of nnlab.
            `--grid name=values` among them is recognized. Those after `--` are not interpreted.
        grid: further texts `name=values`.

    Raises:
        ConfigError: unknown flags, values of a wrong type or choice, repeated flags; all at once.
    """
    split = split_tokens(flags, raw_tokens)
    result = _Collector(flags, split.subcommand)
    result.problems += split.problems
    for token in split.flags:
        result.add_token(token)
    for text in (*split.grid, *grid):
        result.add_grid(text)
    fixed = result.fixed
    if split.subcommand is not None:
        fixed = {SUBCOMMAND_NAME: split.subcommand, **fixed}
    result.problems += _missing(flags, split.subcommand, {*fixed, *result.axes}, split.rest)
    if result.problems:
        raise ConfigError(result.problems, hint=result.hint)
    return FlagValues(fixed, result.axes, split.rest, tuple(result.notes))


def _missing(
    flags: ScriptFlags, subcommand: str | None, given: set[str], rest: Sequence[str]
) -> list[str]:
    """The problems of required flags without a value; none if `rest` may contain them."""
    if rest:
        return []
    required = [
        flag
        for flag in flags.of_subcommand(subcommand)
        if flag.required and flag.name not in given and flag.default is None
    ]
    problems = [f"the script requires {flag.display_name}" for flag in required]
    if flags.requires_subcommand and subcommand is None:
        problems.append(f"the script requires a subcommand: {', '.join(flags.subcommands)}")
    return problems


class _Collector:
    """Collects values, axes and problems while the arguments are read."""

    def __init__(self, flags: ScriptFlags, subcommand: str | None) -> None:
        self.flags = flags
        self.subcommand = subcommand
        self.fixed: dict[str, Scalar] = {}
        self.axes: dict[str, tuple[Scalar, ...] | Range] = {}
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.hint: str | None = None

    def add_token(self, token: FlagToken) -> None:
        """Adds the value or the axis of one flag as typed."""
        if token.flag is None:
            self._add_untyped(token)
            return
        try:
            if token.flag.takes == "several":
                self._set(token.flag, _joined(token.flag, token.values))
            elif token.flag.takes == "none" and token.flag.boolean is None:
                count = len(token.values) or 1
                self.fixed[token.flag.name] = count
            else:
                self._set(token.flag, parse_axis(token.flag, token.values[0]))
        except NnlabError as error:
            self._add_problem(error)

    def add_grid(self, text: str) -> None:
        """Adds the axis that `name=values` describes."""
        name, separator, values = text.partition("=")
        if not separator or not name or not values:
            self.problems.append(f"--grid {text}: not of the form name=value,value")
            return
        try:
            if self.flags.parser == "unknown":
                flag = Flag(name.lstrip("-"), (name,))
            else:
                flag = self.flags.resolve_flag(name, self.subcommand)
            self._set(flag, parse_grid_axis(flag, values))
        except NnlabError as error:
            self._add_problem(error)

    def _set(self, flag: Flag, value: Scalar | tuple[Scalar, ...] | Range) -> None:
        if flag.name in self.fixed or flag.name in self.axes:
            self.problems.append(f"{flag.display_name} is given twice")
        elif isinstance(value, tuple | Range):
            self.axes[flag.name] = value
        else:
            self.fixed[flag.name] = value

    def _add_untyped(self, token: FlagToken) -> None:
        """Adds a flag of an unknown parser as typed."""
        if token.name in self.fixed:
            self.problems.append(f"{token.spelling} is given twice")
            return
        value: Scalar = token.values[0] if token.values else True
        self.fixed[token.name] = value
        if isinstance(value, str) and ("," in value or ".." in value):
            self.notes.append(
                f"the parser of the script is unknown, so {token.spelling} {value} is passed as "
                f"typed; to try each value, use --grid {token.name}={value}"
            )

    def _add_problem(self, error: NnlabError) -> None:
        problems = error.problems if isinstance(error, ConfigError) else (error.message,)
        self.problems += problems
        self.hint = self.hint or error.hint


def _joined(flag: Flag, texts: Iterable[str]) -> Scalar:
    """Several values of a flag as a JSON list; each is checked."""
    texts = list(texts)
    if len(texts) == 1 and texts[0].startswith("["):
        return texts[0]
    if flag.value_count and len(texts) % flag.value_count:
        raise ConfigError(
            [f"{flag.display_name} takes {flag.value_count} values, got {len(texts)}"]
        )
    return json.dumps([parse_flag_value(flag, text) for text in texts], ensure_ascii=False)
