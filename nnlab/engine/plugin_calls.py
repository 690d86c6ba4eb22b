"""Calls of plugins: the plugin of a setting, and its errors with the name of its package."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nnlab.catalogue import PLUGIN_TABLES, Plugin, find_plugin
from nnlab.engine.error_description import describe_error
from nnlab.engine.plugin_types import SettingPlugin
from nnlab.errors import NnlabError, PluginError

ChoiceT = TypeVar("ChoiceT", bound=SettingPlugin)
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class ChosenPlugin(Generic[ChoiceT]):
    """A plugin that a setting chooses, and its catalogue row."""

    plugin: Plugin
    choice: ChoiceT


def find_required(kind: str, name: str, plugin_type: type[ChoiceT]) -> ChosenPlugin[ChoiceT]:
    """The plugin that a config chooses.

    Raises:
        PluginError: it is not installed, or cannot be used.
    """
    plugin = find_plugin(kind, name)
    if plugin is None or not isinstance(plugin.target, plugin_type):
        raise PluginError(
            f"needs the {PLUGIN_TABLES[kind].label} plugin '{name}', which is not installed",
            hint="install the package that has the plugin",
        )
    return ChosenPlugin(plugin, plugin.target)


def call_plugin(
    chosen: ChosenPlugin[Any], result_type: type[ResultT], call: Callable[[], object]
) -> ResultT:
    """The result of a call of plugin code; its errors are reported with its package.

    Args:
        chosen: the plugin.
        result_type: the required type of the result.
        call: calls the plugin.

    Raises:
        PluginError: it raises an error, or returns another type. Errors of nnlab and errors for
            lack of memory are raised unchanged.
    """
    name = f"the plugin '{chosen.plugin.name}' of {chosen.plugin.version}"
    try:
        result = call()
    except NnlabError:
        raise
    except Exception as error:
        # Imported only here: schedules are drawn without torch, which takes a second to import.
        from nnlab.engine import memory

        if memory.is_out_of_memory(error):
            raise
        raise PluginError(f"{name} fails: {describe_error(error)}") from error
    if not isinstance(result, result_type):
        raise PluginError(
            f"{name} returns an object of type {type(result).__name__}, and not a"
            f" {result_type.__name__}"
        )
    return result
