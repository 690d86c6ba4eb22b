"""The flags of a user's script, as its own parser declares them; used by `nnlab run`."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from nnlab.errors import UsageError
from nnlab.io.text import join_names
from nnlab.objective import Scalar

ParserKind = Literal["argparse", "click", "typer", "tyro", "hydra", "fire", "unknown"]
FlagKind = Literal["int", "float", "str", "bool", "path", "choice", "any"]
FlagArity = Literal["none", "one", "optional", "several"]
BooleanStyle = Literal["switch", "pair", "value"]

# The name in a setting under which the selected subcommand of a script is stored.
SUBCOMMAND_NAME = "subcommand"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag, positional argument or configuration key of a script.

    Attributes:
        name: its name in a setting: the attribute in which the script reads it (argparse's `dest`),
            dotted for nested configurations (`optimizer.lr`).
        spellings: as typed on the command line (`--lr`, `-l`; `lr` for Hydra); for a boolean, those
            that make it true. Empty for positional arguments and for switches that only make false.
        kind: the type of its value (of each value if it takes several); `any` if the script
            does not declare one, so that the text of a value decides.
        default: its default; a list is JSON text. None if there is none, or if it is no scalar.
        help: its help text.
        choices: the texts of the accepted values, empty if any value is accepted.
        required: whether the script fails without it.
        takes: how many values follow it: none (a switch or counter), one, optional (none or one),
            several.
        boolean: how a boolean is spelled: by the presence of a `switch`, by one spelling of a
            `pair` (`--amp`, `--no-amp`), or by a `value`. None for other kinds.
        negative_spellings: the spellings that make a boolean false (`--no-amp`).
        boolean_texts: the texts of true and false of a boolean that is spelled by a value.
        is_positional: whether it is recognized by its position.
        is_repeated: whether several values are given by repeating the flag.
        value_count: how many values it takes if that number is fixed and not 1.
        group: the heading of its group in the script's help.
        subcommand: the subcommand that it belongs to, such as `fit` or `db migrate`; empty for
            flags of the script itself.
    """

    name: str
    spellings: tuple[str, ...]
    kind: FlagKind = "any"
    default: Scalar = None
    help: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    takes: FlagArity = "one"
    boolean: BooleanStyle | None = None
    negative_spellings: tuple[str, ...] = ()
    boolean_texts: tuple[str, str] = ("true", "false")
    is_positional: bool = False
    is_repeated: bool = False
    value_count: int | None = None
    group: str = ""
    subcommand: str = ""

    @property
    def display_name(self) -> str:
        """Its longest spelling, for messages; the name of a positional argument."""
        spellings = self.spellings or self.negative_spellings
        return max(spellings, key=len) if spellings else self.name

    @property
    def takes_one_value(self) -> bool:
        """Whether a list or range of values on the command line means several trials."""
        return self.boolean is not None or self.takes in ("one", "optional")


@dataclass(frozen=True, slots=True)
class ScriptFlags:
    """The flags of a script.

    Attributes:
        parser: what parses them; `unknown` if this cannot be found out.
        flags: the flags, in the order of declaration, those of subcommands last.
        subcommands: the names of the subcommands, nested ones separated by a space.
        requires_subcommand: whether the script fails without a subcommand.
        problem: why the flags are not known: the script failed, ended or took too long before it
            parsed its arguments. None if they are known.
    """

    parser: ParserKind
    flags: tuple[Flag, ...] = ()
    subcommands: tuple[str, ...] = ()
    requires_subcommand: bool = False
    problem: str | None = None

    def of_subcommand(self, subcommand: str | None) -> tuple[Flag, ...]:
        """The flags that can be given with a subcommand: its own, its parents' and the script's.

        A flag of a subcommand replaces those of the same name of its parents.
        """
        levels = set(_subcommand_levels(subcommand or ""))
        by_name = {flag.name: flag for flag in self.flags if flag.subcommand in levels}
        return tuple(flag for flag in self.flags if by_name.get(flag.name) is flag)

    def find_flag(self, name: str, subcommand: str | None = None) -> Flag | None:
        """The flag that a user means; None if there is none.

        `lr`, `--lr`, `learning_rate` and `--learning-rate` find a flag of one of these spellings.
        Exact spellings and names have priority; an underscore equals a hyphen; a name may be the
        last part of a dotted one if only one flag has it.
        """
        flags = self.of_subcommand(subcommand)
        for flag in flags:
            if name in (*flag.spellings, *flag.negative_spellings) or name == flag.name:
                return flag
        key = _name_key(name)
        for flag in flags:
            if key in _name_keys(flag):
                return flag
        by_last_part = [flag for flag in flags if _name_key(flag.name.rpartition(".")[2]) == key]
        if len(by_last_part) == 1 and len(key) > 1:
            return by_last_part[0]
        return self._key_of_group(name)

    def _key_of_group(self, name: str) -> Flag | None:
        """A key below a group of Hydra's configurations, which another choice may contain."""
        group, separator, _ = name.lstrip("-").partition(".")
        is_group = any(flag.name == group and flag.kind == "choice" for flag in self.flags)
        if self.parser != "hydra" or not separator or not is_group:
            return None
        return Flag(name.lstrip("-"), (name.lstrip("-"),))

    def resolve_flag(self, name: str, subcommand: str | None = None) -> Flag:
        """The flag that a user means; see `find_flag`.

        Raises:
            UsageError: there is none; the message suggests similar flags.
        """
        flag = self.find_flag(name, subcommand)
        if flag is None:
            raise UsageError(
                self.unknown_flag_message(name, subcommand),
                hint="arguments after -- are passed to the script unchanged",
            )
        return flag

    def unknown_flag_message(self, name: str, subcommand: str | None = None) -> str:
        """The message that the script has no such flag, with similar ones."""
        spellings = {
            _name_key(key): flag.display_name
            for flag in self.of_subcommand(subcommand)
            for key in (flag.name, *flag.spellings, *flag.negative_spellings)
        }
        close = difflib.get_close_matches(_name_key(name), spellings, n=3, cutoff=0.6)
        similar = list(dict.fromkeys(spellings[key] for key in close))
        owners = sorted({f.subcommand for f in self.flags if f.subcommand and f.name == name})
        if similar:
            return f"the script has no flag '{name}': did you mean {' or '.join(similar)}?"
        if owners:
            return f"the flag '{name}' belongs to the subcommand {join_names(owners)}"
        names = [flag.display_name for flag in self.of_subcommand(subcommand)]
        shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        message = f"the script has no flag '{name}'. Its flags: {shown or '(none)'}"
        if len(name) == 2 and name.startswith("-"):
            message += "; options of nnlab with one letter stand before the script"
        return message


def _subcommand_levels(subcommand: str) -> Iterator[str]:
    """A subcommand and its parents: ``, `db`, `db migrate`."""
    words = subcommand.split()
    for count in range(len(words) + 1):
        yield " ".join(words[:count])


def _name_key(name: str) -> str:
    """A flag's name without leading hyphens, with underscores for hyphens."""
    return name.lstrip("-").replace("-", "_")


def _name_keys(flag: Flag) -> set[str]:
    # Short spellings are compared exactly: `-B` is not `b`, and `-b` not `--b`.
    long_spellings = [
        text for text in (*flag.spellings, *flag.negative_spellings) if len(_name_key(text)) > 1
    ]
    return {_name_key(name) for name in (flag.name, *long_spellings)}
