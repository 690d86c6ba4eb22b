"""Fields whose name and values another program defines, for the parsers of values and ranges."""

from nnlab.settings.argument_types import ArgumentType
from nnlab.settings.arguments import Parameter
from nnlab.settings.option import Option
from nnlab.settings.registry import SettingField


def untyped_field(name: str) -> SettingField:
    """A field without a declared type: numbers and ranges are recognised by their text."""
    option = Option("", "", flag_name=f"--{name}")
    return SettingField(name, Parameter(name, "", ArgumentType()), option, (), None)
