"""Registry of the fields that users can set, and their defaults from the catalogues."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache, lru_cache
from typing import Any, get_args, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from nnlab.catalogue import Choice, find_builtin, find_choice, split_names
from nnlab.config.fields import RunConfig
from nnlab.config.option import Option
from nnlab.objective import Scalar


@dataclass(frozen=True, slots=True)
class SettingField:
    """A field of RunConfig as the command line and TOML files use it."""

    name: str
    annotation: Any
    option: Option
    limits: tuple[Ge | Gt | Le | Lt, ...]
    default: Scalar

    @property
    def flag(self) -> str:
        """The option's name on the command line, such as `--batch-size`."""
        return self.option.flag_name or "--" + self.name.replace("_", "-")

    @property
    def base(self) -> type:
        """The type of a value other than None and the option's words: str, int, float or bool."""
        types = [part for part in get_args(self.annotation) if part is not type(None)]
        base: type = types[0] if types else self.annotation
        return base


@cache
def setting_fields() -> Mapping[str, SettingField]:
    """Every field that a user can set, by name, in the order of the help page."""
    hints = get_type_hints(RunConfig, include_extras=True)
    candidates = (_setting_field(field, hints[field.name]) for field in fields(RunConfig))
    return {field.name: field for field in candidates if field is not None}


def _setting_field(field: "Field[Any]", hint: Any) -> SettingField | None:
    annotation, *extras = get_args(hint) if get_args(hint) else (hint,)
    options = [extra for extra in extras if isinstance(extra, Option)]
    if not options:
        return None
    limits = tuple(extra for extra in extras if isinstance(extra, Ge | Gt | Le | Lt))
    default = None if field.default is MISSING else field.default
    return SettingField(field.name, annotation, options[0], limits, default)


def catalogue_rows(kind: str, value: Scalar) -> tuple[Choice, ...]:
    """The catalogue rows that a value names: one, several for `flip+shift`, none for None.

    Raises:
        UnknownName: there is no such row.
        PluginError: the plugin of that name cannot be used.
    """
    if value is None:
        return ()
    rows = _builtin_rows(kind, value)
    if rows is not None:
        return rows
    return tuple(find_choice(kind, part) for part in split_names(kind, str(value)))


@lru_cache(maxsize=4096)
def _builtin_rows(kind: str, value: Scalar) -> tuple[Choice, ...] | None:
    """The built-in rows that a value names; None if one of them is not built in."""
    rows = [find_builtin(kind, part) for part in split_names(kind, str(value))]
    found = tuple(row for row in rows if row is not None)
    return found if len(found) == len(rows) else None


def is_builtin_value(kind: str | None, value: Scalar) -> bool:
    """Whether the defaults that a value of a kind defines never change: it is None or built in."""
    return kind is None or value is None or _builtin_rows(kind, value) is not None


def default_for_setting(name: str, setting: Mapping[str, Scalar]) -> tuple[bool, Scalar]:
    """Whether a field has an effect in a setting, and its default there.

    Args:
        name: a field of RunConfig.
        setting: contains at least the field that `name` belongs to.
    """
    field = setting_fields()[name]
    kind = field.option.default_from
    if kind is None:
        return True, field.default
    for row in catalogue_rows(kind, setting.get(kind)):
        if name in row.defaults:
            return True, row.defaults[name]
    return field.option.fallback_default is not None, field.option.fallback_default
