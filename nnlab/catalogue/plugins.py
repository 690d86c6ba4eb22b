"""Plugins: choices that other packages add through entry points such as `nnlab.optimizers`.

The metadata of the installed packages is read when a name is unknown or a list is shown; the code
of a plugin is imported when its entry is used. A plugin that cannot be used is recorded as a
`BrokenPlugin` and skipped.
"""

import contextlib
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from nnlab.catalogue.source_hash import hash_package_source
from nnlab.errors import PluginError

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

_CHOICE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin whose code has been imported.

    `target` is the object of the entry point. `package` is the name of its distribution. `version`
    contains the package, its version and, for an editable installation, a hash of its source.
    """

    name: str
    package: str
    package_version: str
    version: str
    target: object


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin that is skipped, and the reason."""

    label: str
    name: str
    package: str
    reason: str

    def __str__(self) -> str:
        """A line for the user, with text of the package that is not escaped yet."""
        return f"the {self.label} plugin '{self.name}' of {self.package} is skipped: {self.reason}"


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry point of an installed package; its code is not imported."""

    entry_point: "EntryPoint"
    distribution: "Distribution"
    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


# Every plugin that this process has imported or rejected, by group, name and search path.
_Key = tuple[str, str, tuple[str, ...]]
_LOADED: dict[_Key, Plugin | BrokenPlugin] = {}
_REPORTED: set[BrokenPlugin] = set()


@dataclass(frozen=True, slots=True)
class PluginTable:
    """The plugins of one entry point group.

    Args:
        group: the entry point group.
        label: what its entries are called in messages.
        type_name: the type in `nnlab.plugins` that an entry must have.
        builtin_names: names that plugins cannot have.
        attributes: if not empty, an entry needs these attributes instead of the type.
        name_attribute: the attribute that equals the name of the entry point.
        name_pattern: the names that are allowed.
        name_rule: the allowed names in words.
    """

    group: str
    label: str
    type_name: str
    builtin_names: Collection[str]
    attributes: tuple[str, ...] = ()
    name_attribute: str = "name"
    name_pattern: re.Pattern[str] = _CHOICE_NAME
    name_rule: str = "lower case letters, digits, - and _, at most 40"

    def names(self) -> Mapping[str, str]:
        """The packages of the plugins, as `name version`, by name; no plugin is imported."""
        entries = _entries_by_name(self.group)
        return {
            name: str(candidates[0])
            for name, candidates in entries.items()
            if self._is_listed(name)
        }

    def find(self, name: str) -> Plugin | None:
        """The plugin of that name, imported now; None if no package has one.

        Raises:
            PluginError: the plugin is broken.
        """
        plugin = self._load(name)
        if isinstance(plugin, BrokenPlugin):
            _REPORTED.add(plugin)
            raise PluginError(
                f"the {self.label} plugin '{name}' of {plugin.package} cannot be used:"
                f" {plugin.reason}",
                hint="nnlab choices lists all plugins",
            )
        return plugin

    def all(self) -> tuple[Plugin, ...]:
        """All plugins that can be used, imported now, sorted by name."""
        plugins = map(self._load, sorted(_entries_by_name(self.group)))
        return tuple(plugin for plugin in plugins if isinstance(plugin, Plugin))

    def broken(self) -> tuple[BrokenPlugin, ...]:
        """All plugins that cannot be used; the others are imported."""
        plugins = map(self._load, sorted(_entries_by_name(self.group)))
        return tuple(plugin for plugin in plugins if isinstance(plugin, BrokenPlugin))

    def report_broken(self, name: str, package: str, reason: str) -> None:
        """Records a plugin that was imported, but failed when it was used."""
        _LOADED[self.group, name, tuple(sys.path)] = BrokenPlugin(self.label, name, package, reason)

    def _is_listed(self, name: str) -> bool:
        return not isinstance(self._load(name, only_metadata=True), BrokenPlugin)

    def _load(self, name: str, *, only_metadata: bool = False) -> Plugin | BrokenPlugin | None:
        key = (self.group, name, tuple(sys.path))
        if key in _LOADED:
            return _LOADED[key]
        candidates = _entries_by_name(self.group).get(name)
        if candidates is None:
            return None
        reason = self._metadata_problem(name, candidates)
        if reason is None and only_metadata:
            return None
        if reason is None:
            try:
                return _LOADED.setdefault(key, self._import_plugin(candidates[0]))
            except _InvalidPlugin as error:
                reason = str(error)
        packages = " and ".join(sorted({str(entry) for entry in candidates}))
        return _LOADED.setdefault(key, BrokenPlugin(self.label, name, packages, reason))

    def _metadata_problem(self, name: str, candidates: tuple[_Entry, ...]) -> str | None:
        if not self.name_pattern.fullmatch(name):
            return f"its name is not valid ({self.name_rule})"
        if name in self.builtin_names:
            return f"nnlab has a built-in {self.label} of that name"
        if len(candidates) > 1:
            return "two entry points have this name"
        if not _REFERENCE.fullmatch(candidates[0].entry_point.value):
            return f"its entry point '{candidates[0].entry_point.value}' is not package.module:NAME"
        return None

    def _import_plugin(self, entry: _Entry) -> Plugin:
        """The plugin of an entry point.

        Raises:
            _InvalidPlugin: it cannot be imported, or the object has another type or name.
        """
        try:
            target = entry.entry_point.load()
        except (Exception, SystemExit) as error:
            raise _InvalidPlugin(_describe_import_error(error)) from error
        if not self._accepts(target):
            raise _InvalidPlugin(
                f"{entry.entry_point.value} is of type {type(target).__name__}, and not"
                f" nnlab.plugins.{self.type_name}"
            )
        name = getattr(target, self.name_attribute)
        if name != entry.entry_point.name:
            raise _InvalidPlugin(
                f"its {self.name_attribute} is {name!r}, and not the name of the entry point"
            )
        source = hash_package_source(
            entry.entry_point.module, Path(str(entry.distribution.locate_file("")))
        )
        version = f"{entry} (source {source})" if source else str(entry)
        return Plugin(entry.entry_point.name, entry.package, entry.version, version, target)

    def _accepts(self, target: object) -> bool:
        if self.attributes:
            return all(hasattr(target, name) for name in self.attributes)
        return self.type_name in {base.__name__ for base in type(target).__mro__}


class _InvalidPlugin(Exception):
    """The reason why a plugin cannot be used."""


def unreported_plugins() -> tuple[BrokenPlugin, ...]:
    """The broken plugins that were found since the last call; each is returned once."""
    unreported = tuple(
        plugin
        for plugin in _LOADED.values()
        if isinstance(plugin, BrokenPlugin) and plugin not in _REPORTED
    )
    _REPORTED.update(unreported)
    return unreported


def installed_groups() -> frozenset[str]:
    """The entry point groups of nnlab that an installed package uses; nothing is imported."""
    return frozenset(_scan(tuple(sys.path)))


def plugin_package_versions() -> Mapping[str, str]:
    """The versions of the installed packages that have plugins, by package; none is imported."""
    return {
        entry.package: entry.version
        for entries in _scan(tuple(sys.path)).values()
        for candidates in entries.values()
        for entry in candidates
    }


def _entries_by_name(group: str) -> Mapping[str, tuple[_Entry, ...]]:
    return _scan(tuple(sys.path)).get(group, {})


@lru_cache(maxsize=4)
def _scan(path: tuple[str, ...]) -> Mapping[str, Mapping[str, tuple[_Entry, ...]]]:
    """The entry points of nnlab in the installed packages, by group and name."""
    groups: dict[str, dict[str, tuple[_Entry, ...]]] = {}
    for entry in _read_entries(path):
        entries = groups.setdefault(entry.entry_point.group, {})
        name = entry.entry_point.name
        entries[name] = (*entries.get(name, ()), entry)
    return groups


def _read_entries(path: tuple[str, ...]) -> Iterator[_Entry]:
    # Imported only for a search: it takes 30 ms, a sixth of the start of a command.
    from importlib import metadata

    seen = set()
    for distribution in metadata.distributions(path=list(path)):
        # Metadata of other packages may be damaged, which is not the concern of this command.
        with contextlib.suppress(Exception):
            # Most packages have no entry point of nnlab; this is faster than parsing them all.
            if "nnlab." not in (distribution.read_text("entry_points.txt") or ""):
                continue
            package = str(distribution.metadata["Name"])
            # Only the first of several installations on the path can be imported.
            normalized = re.sub(r"[-_.]+", "-", package).lower()
            if normalized in seen:
                continue
            seen.add(normalized)
            for entry_point in distribution.entry_points:
                if entry_point.group.startswith("nnlab."):
                    yield _Entry(entry_point, distribution, package, distribution.version)


def _describe_import_error(error: BaseException) -> str:
    """The error, and the line of the plugin that raised it."""
    # Imported only for an error, as every command imports this module.
    import traceback

    message = f"{type(error).__name__}: {error}".removesuffix(": ").splitlines()[0]
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    if not frames:
        return message
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}: {message}"
