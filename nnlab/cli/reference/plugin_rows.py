"""The rows of `nnlab choices` for plugins, usable and broken."""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from nnlab.catalogue import PLUGIN_TABLES
from nnlab.catalogue.plugins import Plugin, PluginTable, installed_groups

# Kinds without a table of choices: entry point group, module, and name of the table of plugins.
OTHER_PLUGIN_TABLES: Mapping[str, tuple[str, str, str]] = {
    "rule": ("nnlab.rules", "nnlab.diagnosis.plugin_rules", "RULE_PLUGINS"),
    "figure": ("nnlab.figures", "nnlab.figures.plugin_figures", "FIGURE_PLUGINS"),
    "launcher": ("nnlab.launchers", "nnlab.workers.plugin_launchers", "LAUNCHER_PLUGINS"),
}


def plugin_rows(kind: str) -> Iterator[dict[str, Any]]:
    """The rows of the plugins of a kind, which are imported."""
    table = _plugin_table(kind)
    if table is None:
        return
    for plugin in table.all():
        yield _plugin_row(kind, plugin)
    for broken in table.broken():
        yield _row(kind, broken.name, package=broken.package, broken=broken.reason)


def _plugin_table(kind: str) -> PluginTable | None:
    if kind in OTHER_PLUGIN_TABLES:
        group, module, name = OTHER_PLUGIN_TABLES[kind]
        # Imported only if there is a plugin: the module of figures imports the store.
        if group not in installed_groups():
            return None
        table: PluginTable = getattr(importlib.import_module(module), name)
        return table
    return PLUGIN_TABLES.get(kind)


def _plugin_row(kind: str, plugin: Plugin) -> dict[str, Any]:
    target = plugin.target
    description = inspect.getdoc(type(target)) or ""
    return _row(
        kind,
        plugin.name,
        summary=str(getattr(target, "summary", description.partition("\n")[0])),
        defaults=dict(getattr(target, "defaults", {})),
        source=str(getattr(target, "source", "")),
        package=plugin.version,
    )


def _row(kind: str, name: str, **values: object) -> dict[str, Any]:
    empty = {"summary": "", "defaults": {}, "source": "", "package": "", "broken": ""}
    return {"kind": kind, "name": name, **empty, **values}
