"""The versions of the plugins that a setting needs: `opt=lab-optimizers 1.2, data=lab-data 0.3`."""

from collections.abc import Mapping

from nnlab.catalogue import PLUGIN_TABLES, find_plugin, is_plugin_name
from nnlab.errors import PluginError
from nnlab.io.command_line import quote_command
from nnlab.settings.fields import RunConfig

_REPEAT_HINT = "repeat the same `nnlab train` command: the new version makes a new trial"


def plugin_versions(config: RunConfig) -> str | None:
    """The packages and versions of a config's plugins; None if all its choices are built in.

    Raises:
        PluginError: a plugin cannot be used.
    """
    versions = []
    for kind in PLUGIN_TABLES:
        plugin = find_plugin(kind, getattr(config, kind))
        if plugin is not None:
            versions.append(f"{kind}={plugin.version}")
    return ", ".join(versions) or None


def drop_plugin_version(text: str, kind: str) -> str | None:
    """The text of `plugin_versions` for a setting whose choice of a kind became a built-in one.

    >>> drop_plugin_version("opt=lab 1.2, decay=lab 1.2", "decay")
    'opt=lab 1.2'
    """
    versions = parse_plugin_versions(text)
    return ", ".join(f"{k}={version}" for k, version in versions.items() if k != kind) or None


def parse_plugin_versions(text: str | None) -> Mapping[str, str]:
    """The versions by kind of a text that `plugin_versions` returned.

    >>> parse_plugin_versions("opt=lab 1.2, decay=lab 1.2")
    {'opt': 'lab 1.2', 'decay': 'lab 1.2'}
    """
    parts = (part.partition("=") for part in (text or "").split(", ") if part)
    return {kind: version for kind, _, version in parts}


def check_plugins(config: RunConfig) -> None:
    """Checks that the plugins of a stored config are installed in the versions that it names.

    Raises:
        PluginError: a plugin is missing, broken, or has another version.
    """
    stored = parse_plugin_versions(config.plugin_versions)
    for kind, table in PLUGIN_TABLES.items():
        name = getattr(config, kind)
        if not is_plugin_name(kind, name):
            continue
        check_plugin_installed(config, kind)
        plugin = find_plugin(kind, name)
        expected = stored.get(kind)
        if plugin is not None and expected is not None and plugin.version != expected:
            raise PluginError(
                f"the {table.label} plugin '{name}' has changed since this run was set up:"
                f" it was {expected}, now it is {plugin.version}",
                hint=_REPEAT_HINT,
            )


def check_plugin_installed(config: RunConfig, kind: str) -> None:
    """Checks that the plugin of one kind that a stored config names is installed, if it names one.

    Raises:
        PluginError: it is missing; the hint installs its package. Or it cannot be used.
    """
    name = getattr(config, kind)
    if is_plugin_name(kind, name) and find_plugin(kind, name) is None:
        expected = parse_plugin_versions(config.plugin_versions).get(kind)
        package = f" ({expected})" if expected else ""
        raise PluginError(
            f"needs the {PLUGIN_TABLES[kind].label} plugin '{name}'{package}, which is not"
            " installed",
            hint=_install_hint(expected),
        )


def _install_hint(version: str | None) -> str:
    """How to install the package of a plugin, as far as its version is known."""
    package, _, number = (version or "").partition(" ")
    if not package or not number:
        return "install the package that has the plugin"
    return quote_command("pip", "install", f"{package}=={number.partition(' ')[0]}")
