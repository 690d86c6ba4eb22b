"""Settings of other programs, whose names may equal those of nnlab's fields but mean other things.

The store marks them. Code that reads a field of nnlab, such as `loss`, takes it from
`builtin_fields(setting)`; code that only compares or shows values needs no distinction.
"""

from collections.abc import Iterable
from types import MappingProxyType

from nnlab.objective import Scalar, Setting

# The version of a script's code in its settings: users neither choose nor read it.
SCRIPT_VERSION_NAME = "script_version"
_NO_FIELDS: Setting = MappingProxyType({})


class ExternalNames:
    """The base of all settings whose names another program has chosen."""

    __slots__ = ()


class ExternalName(str):
    """The name of a value in the setting of another program, which is shown as it is."""

    __slots__ = ()


class ExternalSetting(ExternalNames, dict[str, Scalar]):
    """A setting of another program in memory: flat, with dotted names."""


def is_builtin_setting(setting: Setting) -> bool:
    """Whether the names of a setting are nnlab's fields, and not those of another program."""
    return not isinstance(setting, ExternalNames)


def builtin_fields(setting: Setting) -> Setting:
    """The setting itself if its names are nnlab's fields, otherwise an empty setting."""
    return setting if is_builtin_setting(setting) else _NO_FIELDS


def select_values(setting: Setting, names: Iterable[str]) -> Setting:
    """The setting with only these names, None where it lacks one."""
    values = {name: setting.get(name) for name in names}
    return values if is_builtin_setting(setting) else ExternalSetting(values)


def as_stored_name(name: str, settings: Iterable[Setting]) -> str:
    """The name as the first of the settings has it, which may mark it as that of a program."""
    for setting in settings:
        if name in setting:
            return name if is_builtin_setting(setting) else ExternalName(name)
    return name
