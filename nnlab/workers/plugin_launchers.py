"""Launchers that plugins add to `--launcher`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab.catalogue.plugins import PluginTable
from nnlab.errors import NnlabError, PluginError, UnknownName, UsageError
from nnlab.workers.cluster_options import ClusterOptions, Launcher
from nnlab.workers.save_policy import SavePolicy

if TYPE_CHECKING:
    from nnlab import store
    from nnlab.workers.callbacks import ExecuteQueue

LAUNCHER_PLUGINS = PluginTable(
    "nnlab.launchers", "launcher", "LauncherPlugin", frozenset(map(str, Launcher))
)


def _always_available() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """What a launcher is asked to train.

    Attributes:
        db: the database that the workers open by its `address.target`.
        run_ids: the runs to train.
        cluster: `--gpus`, `--cpus`, `--mem` and the other cluster options as typed.
        engine: `auto`, `solo` or `stacked`, for the workers.
        save_policy: what is stored of the runs, for the workers.
        devices: `--devices` as typed, or None.
    """

    db: "store.Database"
    run_ids: tuple[int, ...]
    cluster: ClusterOptions
    engine: str
    save_policy: SavePolicy
    devices: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LauncherPlugin:
    """A launcher for `--launcher`.

    `start` takes a `LaunchRequest`, starts the workers, and returns a function that waits until
    all runs are trained: it takes the callbacks of the command and a function that says whether to
    stop, as `WorkerPool.run` does. `unavailable_reason` returns why the launcher cannot be used
    here, or an empty text.
    """

    name: str
    summary: str
    start: "Callable[[LaunchRequest], ExecuteQueue]"
    unavailable_reason: Callable[[], str] = _always_available


@dataclass(frozen=True, slots=True)
class PluginResources:
    """The launcher of a plugin, and the cluster options as typed."""

    launcher: LauncherPlugin
    options: ClusterOptions


def find_launcher(name: str) -> Launcher | LauncherPlugin:
    """The launcher of a name.

    Raises:
        UnknownName: there is none.
        PluginError: its plugin cannot be used.
        UsageError: the plugin says that it is not available here.
    """
    if name in set(Launcher):
        return Launcher(name)
    plugin = LAUNCHER_PLUGINS.find(name)
    if plugin is None or not isinstance(plugin.target, LauncherPlugin):
        raise UnknownName("launcher", name, (*Launcher, *LAUNCHER_PLUGINS.names()))
    if reason := plugin.target.unavailable_reason():
        raise UsageError(
            f"--launcher {name}: {reason}", hint="nnlab launchers lists what is available here"
        )
    return plugin.target


def start_plugin_launcher(launcher: LauncherPlugin, request: LaunchRequest) -> "ExecuteQueue":
    """Starts the workers of a plugin's launcher.

    Raises:
        PluginError: it raises an error that is not one of nnlab, or returns no function.
    """
    try:
        execute = launcher.start(request)
    except NnlabError:
        raise
    except Exception as error:
        raise PluginError(
            f"the launcher plugin '{launcher.name}' fails: {type(error).__name__}: {error}"
        ) from error
    if not callable(execute):
        raise PluginError(
            f"the launcher plugin '{launcher.name}' returns an object of type"
            f" {type(execute).__name__}, and not a function"
        )
    return execute
