"""Registry of the fields that users can set, and their defaults from the catalogues."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache, lru_cache
from typing import Any, cast, get_args, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from nnlab.catalogue import Choice, find_builtin, find_choice, split_names
from nnlab.objective import Scalar
from nnlab.settings.argument_types import ArgumentType
from nnlab.settings.arguments import Parameter, argument_flag, is_argument, split_argument
from nnlab.settings.fields import RunConfig
from nnlab.settings.option import Option


@dataclass(frozen=True, slots=True)
class SettingField:
    """A field of RunConfig as the command line and TOML files use it."""

    name: str
    annotation: Any
    option: Option
    limits: tuple[Ge | Gt | Le | Lt, ...]
    default: Scalar

    @property
    def takes_ranges(self) -> bool:
        """Whether a value may be a range of numbers; arguments of unknown type may be numbers."""
        if isinstance(self.annotation, Parameter):
            return self.annotation.type.may_be_number
        return self.base in (int, float)

    @property
    def flag(self) -> str:
        """The option's name on the command line, such as `--batch-size`."""
        if is_argument(self.name):
            return argument_flag(self.name)
        return self.option.flag_name or "--" + self.name.replace("_", "-")

    @property
    def base(self) -> type:
        """The type of a value other than None and the option's words: str, int, float or bool."""
        if isinstance(self.annotation, Parameter):
            return self.annotation.type.base
        types = [part for part in get_args(self.annotation) if part is not type(None)]
        base: type = types[0] if types else self.annotation
        return base


@cache
def setting_fields() -> Mapping[str, SettingField]:
    """Every field that a user can set, by name, in the order of the help page."""
    hints = get_type_hints(RunConfig, include_extras=True)
    candidates = (_setting_field(field, hints[field.name]) for field in fields(RunConfig))
    return {field.name: field for field in candidates if field is not None}


def setting_field(name: str) -> SettingField:
    """The field of a name, or of an argument of user code, such as `model.width`.

    Raises:
        KeyError: there is no such field.
    """
    return argument_field(name) if is_argument(name) else setting_fields()[name]


def is_setting_name(name: str) -> bool:
    """Whether a setting may have a value of that name that a user chose; not the seed."""
    return name != "seed" and (name in setting_fields() or is_argument(name))


def argument_field(name: str, parameter: Parameter | None = None) -> SettingField:
    """The field of an argument of user code.

    Args:
        name: such as `model.width`.
        parameter: the parameter that it sets; None if the signature is not known, so that the text
            of a value decides about its type.
    """
    component, parameter_name = split_argument(name)
    parameter = parameter or Parameter(parameter_name, "", ArgumentType())
    option = Option(
        f"argument of --{component}",
        setting_fields()[component].option.panel,
        default_from=component,
        commas=parameter.type.sequence is not None,
    )
    return SettingField(name, parameter, option, (), None)


def build_config(values: Mapping[str, Scalar]) -> RunConfig:
    """The config of the values of a setting, and perhaps a seed; arguments have dotted names."""
    arguments = sorted((name, value) for name, value in values.items() if is_argument(name))
    fields_of_config = {name: value for name, value in values.items() if not is_argument(name)}
    return RunConfig(**cast("Any", fields_of_config), arguments=tuple(arguments))


def value_of(config: RunConfig, name: str) -> Scalar:
    """The value of a field or of an argument in a config; None if it has none."""
    if is_argument(name):
        return dict(config.arguments).get(name)
    return cast("Scalar", getattr(config, name))


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
    present = tuple(row for row in rows if row is not None)
    return present if len(present) == len(rows) else None


def is_builtin_value(kind: str | None, value: Scalar) -> bool:
    """Whether the defaults that a value of a kind defines never change: it is None or built in."""
    return kind is None or value is None or _builtin_rows(kind, value) is not None


def default_for_setting(name: str, setting: Mapping[str, Scalar]) -> tuple[bool, Scalar]:
    """Whether a field has an effect in a setting, and its default there.

    Args:
        name: a field of RunConfig.
        setting: contains at least the fields that `name` belongs to and that it needs.
    """
    if is_argument(name):
        return False, None  # the user code has the default
    field = setting_fields()[name]
    if field.option.needs is not None and setting.get(field.option.needs) is None:
        return False, None
    kind = field.option.default_from
    if kind is None:
        return True, field.default
    for row in catalogue_rows(kind, setting.get(kind)):
        if name in row.defaults:
            return True, row.defaults[name]
    return field.option.fallback_default is not None, field.option.fallback_default
