"""How a field of RunConfig shows itself to the user, and which catalogue rows it stands on."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache, lru_cache
from typing import Any, get_args, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from nnlab.catalogue import Choice, find_choice, split_names
from nnlab.objective import Scalar


@dataclass(frozen=True, slots=True)
class Option:
    """How a field shows itself to the user: help line, unit, panel of the help page.

    `kind` names the catalogue that its values come from; `of` the kind whose chosen row holds
    its default, and `otherwise` the default where that row does not name the field. `one_of`
    lists the values of a field that has no catalogue, `words` those that it takes beside
    numbers. With `commas` a value may hold commas, and semicolons part a list. `flag` makes it
    a switch on the command line, `flag_name` is its name there if it is not the field's. A
    setting is shown without a field that has its `neutral` value: it changes nothing.
    """

    help: str
    panel: str
    kind: str | None = None
    of: str | None = None
    fallback_default: Scalar = None
    one_of: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    commas: bool = False
    unit: str = ""
    no_effect_value: Scalar = None
    flag: bool = False
    flag_name: str | None = None


@dataclass(frozen=True, slots=True)
class SettingField:
    """A field of RunConfig as the command line and the TOML file see it."""

    name: str
    annotation: Any
    option: Option
    limits: tuple[Ge | Gt | Le | Lt, ...]
    default: Scalar

    @property
    def flag(self) -> str:
        """The option's name on the command line: `--batch-size`."""
        return self.option.flag_name or "--" + self.name.replace("_", "-")

    @property
    def base(self) -> type:
        """The type of a value that is no word and not None: str, int, float or bool."""
        inner = [part for part in get_args(self.annotation) if part is not type(None)]
        found: type = inner[0] if inner else self.annotation
        return found


@cache
def setting_fields() -> Mapping[str, SettingField]:
    """Every field that a user can set, by name, in the order of the help page."""
    from nnlab.config.fields import RunConfig  # its fields are annotated with Option

    hints = get_type_hints(RunConfig, include_extras=True)
    found = (_setting_field(field, hints[field.name]) for field in fields(RunConfig))
    return {choosable.name: choosable for choosable in found if choosable is not None}


def _setting_field(field: "Field[Any]", hint: Any) -> SettingField | None:
    kind, *extras = get_args(hint) if get_args(hint) else (hint,)
    options = [extra for extra in extras if isinstance(extra, Option)]
    if not options:
        return None
    limits = tuple(extra for extra in extras if isinstance(extra, Ge | Gt | Le | Lt))
    default = None if field.default is MISSING else field.default
    return SettingField(field.name, kind, options[0], limits, default)


@lru_cache(maxsize=4096)
def catalogue_rows(kind: str, value: Scalar) -> tuple[Choice, ...]:
    """The catalogue rows that a value names: one, several for `flip+shift`, none for None."""
    if value is None:
        return ()
    return tuple(find_choice(kind, part) for part in split_names(kind, str(value)))


def default_for_setting(name: str, setting: Mapping[str, Scalar]) -> tuple[bool, Scalar]:
    """Whether a field does something in a setting, and its default there.

    Args:
        name: a field of RunConfig.
        setting: holds at least the field that `name` belongs to.
    """
    choosable = setting_fields()[name]
    kind = choosable.option.of
    if kind is None:
        return True, choosable.default
    for row in catalogue_rows(kind, setting.get(kind)):
        if name in row.defaults:
            return True, row.defaults[name]
    return choosable.option.fallback_default is not None, choosable.option.fallback_default
